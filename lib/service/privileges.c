/* SPDX-License-Identifier: BSD-3-Clause */
#include "privileges.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int
privileges_find(const char *name, struct privileges_user *user, struct error *err)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(name);
	if (!entry)
		return error_set(
			err, errno ? -errno : -ENOENT, "--user: there is no user \"%.64s\"", name);
	if (entry->pw_uid == 0 || entry->pw_gid == 0)
		return error_set(err, -EINVAL,
			"--user: %.64s is root, or in its group; name a user of espgw's own", name);
	if (strlen(name) >= sizeof(user->name))
		return error_set(err, -ENAMETOOLONG, "--user: %.64s… is too long", name);
	*user = (struct privileges_user){
		.uid = entry->pw_uid, .gid = entry->pw_gid, .n_groups = PRIVILEGES_GROUPS_MAX};
	strcpy(user->name, name);
	if (getgrouplist(name, user->gid, user->groups, &user->n_groups) < 0)
		return error_set(err, -E2BIG, "--user: %s is in more than %d groups", name,
			PRIVILEGES_GROUPS_MAX);
	return 0;
}

/* A file of the folder. */
static int
give_file(const struct privileges_user *user, int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? 0 : -errno;
	if (fstat(fd, &st) != 0 ||
		(S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid != user->uid &&
			fchown(fd, user->uid, user->gid) != 0))
		rc = -errno;
	close(fd);
	return rc;
}

static int
give_all(const struct privileges_user *user, DIR *dir)
{
	const struct dirent *entry;
	int rc = 0;

	while (rc == 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN)
			rc = give_file(user, dirfd(dir), entry->d_name);
	if (rc == 0 && fchown(dirfd(dir), user->uid, user->gid) != 0)
		rc = -errno;
	return rc;
}

int
privileges_give(const struct privileges_user *user, const char *folder, struct error *err)
{
	DIR *dir = NULL;
	int fd, rc;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return error_set(err, -errno, "%s: %s", folder, strerror(errno));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		dir = fdopendir(fd);
	rc = dir ? give_all(user, dir) : -errno;
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	if (rc != 0)
		error_set(
			err, rc, "%s cannot be given to %s: %s", folder, user->name, strerror(-rc));
	return rc;
}

int
privileges_give_socket(const struct privileges_user *user, const char *path, struct error *err)
{
	if (lchown(path, user->uid, (gid_t)-1) == 0 || errno == ENOENT)
		return 0;
	return error_set(
		err, -errno, "%s cannot be given to %s: %s", path, user->name, strerror(errno));
}

/* Whether the four numbers of a line, the real, effective, saved and file system's, are all this
 * one. */
static bool
ids_are(const char *numbers, unsigned int id)
{
	char *end;

	for (int i = 0; i < 4; i++) {
		if (strtoul(numbers, &end, 10) != id || end == numbers)
			return false;
		numbers = end;
	}
	return true;
}

/* Whether a line "Uid:\t990\t990\t990\t990" of a thread's status, or "CapEff:\t000…", says so. */
static bool
line_is_fine(const char *line, const struct privileges_user *user)
{
	if (strncmp(line, "Uid:", 4) == 0)
		return ids_are(line + 4, user->uid);
	if (strncmp(line, "Gid:", 4) == 0)
		return ids_are(line + 4, user->gid);
	if (strncmp(line, "CapInh:", 7) == 0 || strncmp(line, "CapPrm:", 7) == 0 ||
		strncmp(line, "CapEff:", 7) == 0 || strncmp(line, "CapAmb:", 7) == 0)
		return strtoull(line + 7, NULL, 16) == 0;
	return true;
}

static bool
thread_is_fine(const char *thread, const struct privileges_user *user)
{
	char path[64], line[256];
	bool fine = true;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/status", thread);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT; /* it has just ended */
	while (fine && fgets(line, sizeof(line), file))
		fine = line_is_fine(line, user);
	fclose(file);
	return fine;
}

/* Identity is a matter of each thread for the kernel: all of them are asked. */
static bool
threads_are_fine(const struct privileges_user *user)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *entry;
	bool fine = tasks != NULL;

	while (fine && (entry = readdir(tasks)) != NULL)
		if (entry->d_name[0] != '.')
			fine = thread_is_fine(entry->d_name, user);
	if (tasks)
		closedir(tasks);
	return fine;
}

/* What a device's driver maps later counts as locked memory, of which root may have any amount. As
 * much as there may be: a container's root cannot raise the limit, and may not need it. */
static void
lock_limit_raise(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

int
privileges_drop(const struct privileges_user *user, struct error *err)
{
	lock_limit_raise();
	/* the C library does the last three in all threads */
	if (prctl(PR_SET_KEEPCAPS, 0) != 0 ||
		setgroups((size_t)user->n_groups, user->groups) != 0 ||
		setresgid(user->gid, user->gid, user->gid) != 0 ||
		setresuid(user->uid, user->uid, user->uid) != 0)
		return error_set(
			err, -errno, "--user: becoming %s: %s", user->name, strerror(errno));
	if (!threads_are_fine(user) || setresuid(0, 0, 0) == 0)
		return error_set(err, -EPERM, "--user: %s still has what is root's", user->name);
	return 0;
}
