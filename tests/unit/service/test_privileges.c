/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privileges.h"
#include "unit.h"

/* A user that every Debian has. */
#define SOMEBODY "nobody"

static void
test_find(void **state)
{
	static const struct {
		const char *name, *says;
	} rows[] = {
		{"root", "is root"},
		{"no-such-user", "there is no user"},
		{"", "there is no user"},
	};
	struct privileges_user user;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (privileges_find(rows[i].name, &user, &err) >= 0)
			fail_msg("\"%s\" was found", rows[i].name);
		assert_non_null(strstr(err.text, rows[i].says));
	}
	assert_int_equal(privileges_find(SOMEBODY, &user, &err), 0);
	assert_true(user.uid != 0 && user.gid != 0 && user.n_groups >= 1);
}

static uid_t
owner(const char *folder, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(lstat(path, &st), 0);
	return st.st_uid;
}

static void
make(const char *folder, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void
test_give(void **state)
{
	char top[] = "/tmp/espgw-test-XXXXXX", folder[64], from[96], to[96];
	struct privileges_user user;
	struct error err;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(privileges_find(SOMEBODY, &user, &err), 0);
	assert_non_null(mkdtemp(top));
	snprintf(folder, sizeof(folder), "%s/state", top);
	assert_int_equal(privileges_give(&user, folder, &err), 0); /* makes it */
	make(folder, "own");
	make(top, "linked");
	make(top, "pointed");
	snprintf(from, sizeof(from), "%s/linked", top);
	snprintf(to, sizeof(to), "%s/hard", folder);
	assert_int_equal(link(from, to), 0);
	snprintf(from, sizeof(from), "%s/pointed", top);
	snprintf(to, sizeof(to), "%s/soft", folder);
	assert_int_equal(symlink(from, to), 0);

	assert_int_equal(privileges_give(&user, folder, &err), 0);
	assert_int_equal(owner(top, "state"), user.uid);
	assert_int_equal(owner(folder, "own"), user.uid);
	assert_int_equal(owner(top, "linked"), 0); /* nothing outside has changed hands */
	assert_int_equal(owner(top, "pointed"), 0);
	assert_int_equal(owner(folder, "soft"), 0);

	snprintf(to, sizeof(to), "%s/link", top);
	assert_int_equal(symlink(folder, to), 0);
	assert_true(privileges_give(&user, to, &err) < 0);
	assert_non_null(strstr(err.text, "cannot be given to " SOMEBODY));
	snprintf(from, sizeof(from), "rm -r %s", top);
	assert_int_equal(system(from), 0);
}

static void *
waits(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

/* In a child, with a second thread: 0, or which look found what was wrong. */
static int
drop_and_look(void)
{
	struct privileges_user user;
	struct rlimit locked;
	struct error err;
	pthread_t thread;

	if (privileges_find(SOMEBODY, &user, &err) != 0 ||
		pthread_create(&thread, NULL, waits, NULL) != 0)
		return 1;
	if (privileges_drop(&user, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	if (getuid() != user.uid || geteuid() != user.uid || getegid() != user.gid)
		return 3;
	if (open("/etc/shadow", O_RDONLY) >= 0 || setuid(0) == 0 || setgid(0) == 0)
		return 4;
	if (getrlimit(RLIMIT_MEMLOCK, &locked) != 0 || locked.rlim_cur != locked.rlim_max)
		return 5;
	/* who is somebody already cannot become another */
	return privileges_drop(&user, &err) < 0 ? 0 : 6;
}

static void
test_drop(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(drop_and_look());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_give),
		cmocka_unit_test(test_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
