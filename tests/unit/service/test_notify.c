/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"
#include "unit.h"

/* A service manager's end: bound to an abstract name of this process. */
static int
manager_open(char *name, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(name, size, "@espgw-test-%d", (int)getpid());
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	assert_true(fd >= 0);
	assert_int_equal(
		bind(fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
		0);
	return fd;
}

static void
environment(const char *socket, const char *usec, const char *pid)
{
	const char *const values[] = {socket, usec, pid};
	const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

	for (int i = 0; i < 3; i++) {
		if (values[i])
			setenv(names[i], values[i], 1);
		else
			unsetenv(names[i]);
	}
}

static void
test_nobody(void **state)
{
	struct notify n;
	struct error err;

	(void)state;
	environment(NULL, "1000000", NULL);
	assert_int_equal(notify_open(&n, &err), 0);
	assert_int_equal(n.fd, -1);
	assert_int_equal(n.watchdog_ms, 0);
	notify_send(&n, "READY=1\n");
	notify_close(&n);
}

static void
test_told(void **state)
{
	char name[64], got[2048];
	int manager = manager_open(name, sizeof(name));
	struct notify n;
	struct error err;

	(void)state;
	environment(name, NULL, NULL);
	assert_int_equal(notify_open(&n, &err), 0);
	notify_send(&n, "READY=%d\n", 1);
	assert_int_equal(recv(manager, got, sizeof(got), 0), 8);
	assert_memory_equal(got, "READY=1\n", 8);
	/* half a message could say something else */
	notify_send(&n, "STATUS=%02000d\n", 1);
	assert_int_equal(recv(manager, got, sizeof(got), 0), -1);
	assert_int_equal(errno, EAGAIN);
	for (int i = 0; i < 10000; i++) /* a manager that does not read stops nobody */
		notify_send(&n, "WATCHDOG=1\n");
	notify_close(&n);
	close(manager);
}

static void
test_watchdog(void **state)
{
	char name[64], own[16], other[16];
	int manager = manager_open(name, sizeof(name));
	const struct {
		const char *usec, *pid;
		uint64_t ms;
	} rows[] = {
		{NULL, NULL, 0},
		{"30000000", NULL, 30000},
		{"30000000", own, 30000},
		{"30000000", other, 0},
		{"nonsense", own, 0},
	};

	(void)state;
	snprintf(own, sizeof(own), "%d", (int)getpid());
	snprintf(other, sizeof(other), "%d", (int)getppid());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct notify n;
		struct error err;

		environment(name, rows[i].usec, rows[i].pid);
		assert_int_equal(notify_open(&n, &err), 0);
		if (n.watchdog_ms != rows[i].ms)
			fail_msg("row %zu: %lu ms", i, (unsigned long)n.watchdog_ms);
		notify_close(&n);
	}
	close(manager);
}

static void
test_wrong_socket(void **state)
{
	static const char *const rows[] = {"relative", "", "/nonexistent/socket", "@espgw-nobody"};
	char deep[200];

	(void)state;
	memset(deep, 'x', sizeof(deep));
	deep[0] = '/';
	deep[sizeof(deep) - 1] = '\0';
	for (size_t i = 0; i <= sizeof(rows) / sizeof(rows[0]); i++) {
		const char *path = i < sizeof(rows) / sizeof(rows[0]) ? rows[i] : deep;
		struct error err = {""};
		struct notify n;

		environment(path, NULL, NULL);
		if (notify_open(&n, &err) >= 0 || n.fd != -1)
			fail_msg("\"%s\" was taken", path);
		assert_non_null(strstr(err.text, "NOTIFY_SOCKET"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_wrong_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
