/* SPDX-License-Identifier: BSD-3-Clause */
#include "notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINES_BYTES = 1024 };

/* $WATCHDOG_USEC in ms, unless it is meant for another process. */
static uint64_t
watchdog_interval(void)
{
	const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!interval || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(interval, NULL, 10) / 1000;
}

int
notify_open(struct notify *n, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	socklen_t length;
	int rc;

	*n = (struct notify){.fd = -1};
	if (!path)
		return 0;
	if ((path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -EINVAL,
			"NOTIFY_SOCKET: \"%.128s\" is neither an absolute path nor an abstract "
			"name",
			path);
	memcpy(address.sun_path, path, strlen(path));
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* an abstract name ends where the length says */
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd < 0 || connect(n->fd, (struct sockaddr *)&address, length) != 0) {
		rc = -errno;
		notify_close(n);
		return error_set(err, rc, "NOTIFY_SOCKET: %s: %s", path, strerror(-rc));
	}
	n->watchdog_ms = watchdog_interval();
	return 0;
}

void
notify_send(const struct notify *n, const char *format, ...)
{
	char lines[LINES_BYTES];
	va_list ap;
	int length;

	if (n->fd < 0)
		return;
	va_start(ap, format);
	length = vsnprintf(lines, sizeof(lines), format, ap);
	va_end(ap);
	if (length > 0 && length < (int)sizeof(lines))
		(void)send(n->fd, lines, (size_t)length, MSG_NOSIGNAL);
}

void
notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}
