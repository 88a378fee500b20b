/* SPDX-License-Identifier: BSD-3-Clause */

/* Who may read and who may write, by user and groups. As root only: it becomes others. */

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "toys.h"
#include "unit.h"

enum { SKIPPED = 77, USER = 54321, OTHER_GROUP = 54322 };

#define READ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"number\":1}}\n"
#define WRITE "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"toy.set\",\"params\":{\"number\":1}}\n"

enum seen { CANNOT_CONNECT, TURNED_AWAY, READS, READS_AND_WRITES };

static const char *const group_name = "daemon";
static gid_t group;

static const struct {
	const char *name;
	bool with_group, readonly; /* --ctl-group, ctl_readonly */
	uid_t uid;
	bool primary, supplementary; /* its group is, or is among its groups */
	mode_t mode;                 /* of the socket */
	enum seen seen;
} rows[] = {
	{"root", false, false, 0, false, false, 0600, READS_AND_WRITES},
	{"somebody", false, false, USER, false, false, 0600, CANNOT_CONNECT},
	{"somebody, group", true, false, USER, false, false, 0660, CANNOT_CONNECT},
	{"a member", true, false, USER, true, false, 0660, READS_AND_WRITES},
	{"a member by supplementary group", true, false, USER, false, true, 0660, READS_AND_WRITES},
	{"a member of it, but it is not asked for", false, false, USER, true, false, 0600,
		CANNOT_CONNECT},
	{"a reader", false, true, USER, false, false, 0666, READS},
	{"a reader beside a group", true, true, USER, false, false, 0666, READS},
	{"a member beside readers", true, true, USER, false, true, 0666, READS_AND_WRITES},
};

/* The other user, in a process of its own: its exit status is what it saw. */
static enum seen
look(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char text[4096];
	size_t used = 0;
	ssize_t n;

	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return CANNOT_CONNECT;
	if (send(fd, READ WRITE, strlen(READ WRITE), MSG_NOSIGNAL) > 0)
		shutdown(fd, SHUT_WR);
	while (used < sizeof(text) - 1 &&
		(n = recv(fd, text + used, sizeof(text) - 1 - used, 0)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	if (strstr(text, "\"code\":5,\"message\":\"you may not use this socket"))
		return TURNED_AWAY;
	return strstr(text, "\"result\":{\"was\"") ? READS_AND_WRITES : READS;
}

static pid_t
become(size_t i, const char *path)
{
	gid_t other[] = {OTHER_GROUP, group};
	pid_t child = fork();

	if (child != 0)
		return child;
	if (rows[i].uid && (setgroups(rows[i].supplementary ? 2 : 1, other) != 0 ||
				   setgid(rows[i].primary ? group : OTHER_GROUP) != 0 ||
				   setuid(rows[i].uid) != 0))
		_exit(99);
	_exit((int)look(path));
}

/* mode: what the socket's mode is made then. */
static enum seen
seen_by(size_t i, mode_t mode)
{
	struct toy toy;
	struct stat st;
	char path[64];
	pid_t child;
	int status;

	snprintf(path, sizeof(path), "/tmp/espgw-rights-%d", (int)getpid());
	unlink(path);
	toy_open_for(&toy, path, rows[i].with_group ? group_name : NULL, rows[i].readonly);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, rows[i].mode);
	assert_int_equal(st.st_gid, rows[i].with_group ? group : getegid());
	if (mode)
		assert_int_equal(chmod(path, mode), 0);
	child = become(i, path);
	assert_true(child > 0);
	while (waitpid(child, &status, WNOHANG) == 0)
		toy_serve_ms(&toy, 1);
	toy_close(&toy);
	assert_true(WIFEXITED(status));
	return (enum seen)WEXITSTATUS(status);
}

static void
test_rows(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum seen seen = seen_by(i, 0);

		if (seen != rows[i].seen) {
			print_error("%s: %d\n", rows[i].name, seen);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* Should the socket's mode ever let somebody in: the credentials are looked at all the same. */
static void
test_open_socket(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].seen == CANNOT_CONNECT)
			assert_int_equal(seen_by(i, 0666), TURNED_AWAY);
}

/* --ctl-group of a user that is no member, in a process of its own: its exit status is whether it
 * was told. */
static bool
is_told(const char *path)
{
	const struct rpc_options options = {.path = path, .group = group_name};
	struct error err = {""};

	if (setgroups(0, NULL) != 0 || setgid(OTHER_GROUP) != 0 || setuid(USER) != 0)
		return false;
	return !rpc_server_create(&options, &err) && errno == EPERM && access(path, F_OK) != 0 &&
	       strstr(err.text, "cannot be given to the group daemon: Operation not permitted; "
				"the user of espgw must be a member of it");
}

static void
test_no_member(void **state)
{
	char folder[] = "/tmp/espgw-rights-XXXXXX", path[64];
	pid_t child;
	int status;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chown(folder, USER, (gid_t)-1), 0);
	snprintf(path, sizeof(path), "%s/ctl", folder);
	child = fork();
	if (child == 0)
		_exit(is_told(path) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_open_socket),
		cmocka_unit_test(test_no_member),
	};
	const struct group *found = getgrnam(group_name);

	if (geteuid() != 0 || !found) {
		printf("root and a group \"%s\" are needed\n", group_name);
		return SKIPPED;
	}
	group = found->gr_gid;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
