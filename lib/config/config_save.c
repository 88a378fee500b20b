/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config_read.h"

enum { PIECE_BYTES = 1 << 20 };

static void
heading_print(struct secret_buffer *out)
{
	time_t now = time(NULL);
	struct tm utc;
	char text[160];

	gmtime_r(&now, &utc);
	strftime(text, sizeof(text),
		"# Written by espgw at %Y-%m-%dT%H:%M:%SZ. Comments are not kept when it is "
		"written "
		"again.\n",
		&utc);
	secret_buffer_append(out, text, strlen(text));
}

static int
write_all(int fd, const struct secret_buffer *b)
{
	size_t done = 0;

	while (done < b->length) {
		size_t left = b->length - done;
		ssize_t n = write(fd, b->data + done, left < PIECE_BYTES ? left : PIECE_BYTES);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
		fibre_rest();
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* So that the new name outlives a crash. */
static int
directory_sync(const char *path)
{
	char *copy = memory_or_die(strdup(path));
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	free(copy);
	if (fd < 0 || fsync(fd) != 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* aside: a template for mkostemp, in the folder of path. */
static int
replace(const char *path, char *aside, const struct secret_buffer *text, struct error *err)
{
	int fd = mkostemp(aside, O_CLOEXEC);
	int rc;

	if (fd < 0)
		return error_set(
			err, -errno, "%s cannot be written beside: %s", path, strerror(errno));
	rc = write_all(fd, text);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(aside, path) != 0)
		rc = -errno;
	if (rc != 0)
		unlink(aside);
	else
		rc = directory_sync(path);
	return rc ? error_set(err, rc, "%s cannot be written: %s", path, strerror(-rc)) : 0;
}

int
config_save(const struct config *config, const char *path, struct error *err)
{
	struct secret_buffer text = {0};
	char *aside;
	int rc;

	heading_print(&text);
	rc = config_print(config, &text);
	if (rc != 0) {
		error_set(err, rc, "an object refers to a port or tunnel that is not there");
	} else if (asprintf(&aside, "%s.XXXXXX", path) < 0) {
		abort();
	} else {
		rc = replace(path, aside, &text, err);
		free(aside);
	}
	secret_buffer_free(&text);
	return rc;
}
