/* SPDX-License-Identifier: BSD-3-Clause */
#include "seqfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "sequence"
#define FILE_NAME_NEW "sequence.new"
#define FILE_BYTES                                                                                 \
	(SEQ_FILE_HEADER_BYTES + (off_t)SEQ_FILE_RECORDS * (off_t)sizeof(struct seq_record))

/* Records that get their place on the disk at once. */
enum { ROOM_RECORDS = 1024 };

static const char file_magic[8] = "ESPGWSEQ";

/* Opens the directory, making it when missing. Whoever can write to it could put an old file in
 * place of the present one, so nobody else may. */
static int
dir_open(struct seq_file *f, const char *dir, struct error *err)
{
	struct stat st;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return error_set(err, -errno, "state directory %s: cannot be made: %s", dir,
			strerror(errno));
	f->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir_fd < 0 || fstat(f->dir_fd, &st) != 0)
		return error_set(err, -errno, "state directory %s: %s", dir, strerror(errno));
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0)
		return error_set(err, -EPERM,
			"state directory %s: others can write to it; chmod go-w it, or choose "
			"another with --state",
			dir);
	if (flock(f->dir_fd, LOCK_EX | LOCK_NB) != 0)
		return error_set(err, -errno,
			"state directory %s: another espgw is using it; give each its own with "
			"--state",
			dir);
	return 0;
}

static int
header_write(int fd)
{
	struct seq_header header = {.version = SEQ_FILE_VERSION, .records = SEQ_FILE_RECORDS};

	memcpy(header.magic, file_magic, sizeof(header.magic));
	if (getrandom(header.salt, sizeof(header.salt), 0) != sizeof(header.salt))
		return -EIO;
	if (pwrite(fd, &header, sizeof(header), 0) != sizeof(header))
		return -EIO;
	if (ftruncate(fd, FILE_BYTES) != 0 || fsync(fd) != 0)
		return -errno;
	return 0;
}

/* The file appears under its name only when it is complete, whenever the process dies. */
static int
file_make(const struct seq_file *f)
{
	int fd, rc;

	fd = openat(f->dir_fd, FILE_NAME_NEW, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		0600);
	if (fd < 0)
		return -errno;
	rc = fchmod(fd, 0600) != 0 ? -errno : header_write(fd);
	if (rc == 0 && (renameat(f->dir_fd, FILE_NAME_NEW, f->dir_fd, FILE_NAME) != 0 ||
			       fsync(f->dir_fd) != 0))
		rc = -errno;
	close(fd);
	return rc;
}

static int
file_open(struct seq_file *f, const char *dir, struct error *err)
{
	int rc;

	f->fd = openat(f->dir_fd, FILE_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd >= 0 || errno != ENOENT) {
		return f->fd >= 0 ? 0
				  : error_set(err, -errno, "state file %s/%s: %s", dir, FILE_NAME,
					    strerror(errno));
	}
	rc = file_make(f);
	if (rc != 0)
		return error_set(err, rc, "state file %s/%s: cannot be made: %s", dir, FILE_NAME,
			strerror(-rc));
	f->fd = openat(f->dir_fd, FILE_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return f->fd >= 0 ? 0
			  : error_set(err, -errno, "state file %s/%s: %s", dir, FILE_NAME,
				    strerror(errno));
}

/* The owner of the directory may own the file as well: root opens both for the user that it will
 * become, and who owns the directory could put another file in any case. */
static int
file_check(const struct seq_file *f, const char *dir, struct error *err)
{
	struct stat st, of_dir;

	if (fstat(f->fd, &st) != 0 || fstat(f->dir_fd, &of_dir) != 0)
		return error_set(
			err, -errno, "state file %s/%s: %s", dir, FILE_NAME, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != of_dir.st_uid) ||
		(st.st_mode & 077) != 0)
		return error_set(err, -EPERM,
			"state file %s/%s: must be a plain file of uid %u with mode 0600; whoever "
			"else could write to it could make nonces repeat",
			dir, FILE_NAME, (unsigned)geteuid());
	if (st.st_size != FILE_BYTES)
		return error_set(err, -EINVAL,
			"state file %s/%s: %lld bytes instead of %lld: damaged, or not espgw's; "
			"replace every static key, then remove the file",
			dir, FILE_NAME, (long long)st.st_size, (long long)FILE_BYTES);
	return 0;
}

static int
header_check(const struct seq_header *header, const char *dir, struct error *err)
{
	if (memcmp(header->magic, file_magic, sizeof(header->magic)) != 0)
		return error_set(err, -EINVAL,
			"state file %s/%s: damaged, or not espgw's; replace every static key, then "
			"remove the file",
			dir, FILE_NAME);
	if (header->version != SEQ_FILE_VERSION)
		return error_set(err, -EINVAL,
			"state file %s/%s: version %u, this espgw knows %u; use the espgw that "
			"wrote it, or replace every static key and remove the file",
			dir, FILE_NAME, header->version, SEQ_FILE_VERSION);
	if (header->records != SEQ_FILE_RECORDS || header->used > header->records)
		return error_set(err, -EINVAL,
			"state file %s/%s: %u of %u records cannot be: damaged; replace every "
			"static key, then remove the file",
			dir, FILE_NAME, header->used, header->records);
	return 0;
}

int
seq_file_open(struct seq_file *f, const char *dir, struct error *err)
{
	void *map;
	int rc;

	*f = (struct seq_file){.dir_fd = -1, .fd = -1};
	rc = dir_open(f, dir, err);
	if (rc == 0)
		rc = file_open(f, dir, err);
	if (rc == 0)
		rc = file_check(f, dir, err);
	if (rc != 0)
		goto fail;
	map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (map == MAP_FAILED) {
		rc = error_set(err, -errno, "state file %s/%s: cannot be mapped: %s", dir,
			FILE_NAME, strerror(errno));
		goto fail;
	}
	f->header = map;
	f->records = (struct seq_record *)((char *)map + SEQ_FILE_HEADER_BYTES);
	rc = header_check(f->header, dir, err);
	if (rc == 0)
		return 0;
fail:
	seq_file_close(f);
	return rc;
}

void
seq_file_close(struct seq_file *f)
{
	if (f->header != NULL)
		munmap(f->header, FILE_BYTES);
	if (f->fd >= 0)
		close(f->fd);
	if (f->dir_fd >= 0)
		close(f->dir_fd);
}

int
seq_file_sync(const void *at, size_t bytes)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = (uintptr_t)at & ~(page - 1), end = (uintptr_t)at + bytes;

	return msync((void *)first, end - first, MS_SYNC) != 0 ? -errno : 0;
}

int
seq_file_room(const struct seq_file *f, uint32_t index)
{
	if (index % ROOM_RECORDS != 0)
		return 0;
	return -posix_fallocate(f->fd,
		SEQ_FILE_HEADER_BYTES + (off_t)index * (off_t)sizeof(struct seq_record),
		(off_t)ROOM_RECORDS * (off_t)sizeof(struct seq_record));
}
