/* SPDX-License-Identifier: BSD-3-Clause */
/* What the sequence state file may be, and who may touch it. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seq_fixture.h"
#include "seqfile.h"
#include "unit.h"

static void
directory_and_file_are_private(void **state)
{
	struct seq_state *s = open_ok();
	struct stat st;

	(void)state;
	assert_int_equal(stat(seq_dir(), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(seq_path(), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* sparse */
	assert_true(st.st_size > (1 << 26) && st.st_blocks * 512 < (1 << 20));
	seq_state_close(s);
}

static void
a_second_process_is_locked_out(void **state)
{
	struct seq_state *s = open_ok();
	int status;
	pid_t pid;

	(void)state;
	open_refused("another espgw");
	pid = fork();
	if (pid == 0) {
		struct error err = {""};

		_exit(seq_state_open(seq_dir(), &err) == NULL &&
					strstr(err.text, "another espgw") != NULL
				? 0
				: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	seq_state_close(s);
	seq_state_close(open_ok());
}

static void
file_write(off_t at, const void *bytes, size_t n)
{
	int fd = open(seq_path(), O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

static void
a_damaged_or_foreign_file_is_refused(void **state)
{
	const uint32_t version = 2, used = SEQ_FILE_RECORDS + 1;
	struct stat st;

	(void)state;
	seq_state_close(open_ok());
	file_write(offsetof(struct seq_header, used), &used, 4);
	open_refused("damaged");
	file_write(offsetof(struct seq_header, version), &version, 4);
	open_refused("version 2");
	file_write(0, "x", 1);
	open_refused("not espgw's");
	assert_int_equal(stat(seq_path(), &st), 0);
	assert_int_equal(truncate(seq_path(), st.st_size - 1), 0);
	open_refused("bytes instead of");
	assert_int_equal(truncate(seq_path(), 0), 0);
	open_refused("0 bytes instead of");
	assert_int_equal(unlink(seq_path()), 0);
	assert_int_equal(symlink("/dev/zero", seq_path()), 0);
	open_refused(seq_path());
	assert_int_equal(unlink(seq_path()), 0);
	assert_int_equal(mkdir(seq_path(), 0700), 0);
	open_refused(seq_path());
	assert_int_equal(rmdir(seq_path()), 0);
	seq_state_close(open_ok());
}

static void
what_others_can_touch_is_refused(void **state)
{
	(void)state;
	seq_state_close(open_ok());
	assert_int_equal(chmod(seq_path(), 0640), 0);
	open_refused("mode 0600");
	assert_int_equal(chmod(seq_path(), 0602), 0);
	open_refused("mode 0600");
	assert_int_equal(chmod(seq_path(), 0600), 0);
	assert_int_equal(chmod(seq_dir(), 0770), 0);
	open_refused("others can write");
	assert_int_equal(chmod(seq_dir(), 0700), 0);
	seq_state_close(open_ok());
	if (geteuid() == 0) {
		assert_int_equal(chown(seq_path(), 1, 1), 0);
		open_refused("mode 0600");
		assert_int_equal(chown(seq_dir(), 2, 2), 0);
		open_refused("mode 0600");
		assert_int_equal(chown(seq_dir(), 1, 1), 0);
		seq_state_close(open_ok()); /* --user */
	}
}

/* A file that was being made when the process died, and a record without its end. */
static void
what_was_half_made_does_no_harm(void **state)
{
	char half[128];
	struct seq_state *s;
	struct claim a;
	uint32_t free_state = SEQ_RECORD_FREE;
	int fd;

	(void)state;
	assert_int_equal(mkdir(seq_dir(), 0700), 0);
	snprintf(half, sizeof(half), "%s.new", seq_path());
	fd = open(half, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	s = open_ok();
	claim_ok(s, key_a, &a);
	a.sa.hot.seq_next = 99;
	seq_state_close(s);
	file_write(SEQ_FILE_HEADER_BYTES + offsetof(struct seq_record, state), &free_state, 4);
	s = open_ok();
	claim_ok(s, key_b, &a);
	assert_true(a.next == 1);
	seq_state_close(s);
	assert_true(reserved_in_file(1) == 1);
}

static void
neither_key_nor_spi_is_in_the_file(void **state)
{
	struct seq_state *s = open_ok();
	static char bytes[1 << 16];
	struct claim a;
	int fd;

	(void)state;
	claim_ok(s, key_a, &a);
	seq_state_close(s);
	fd = open(seq_path(), O_RDONLY);
	assert_int_equal(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	assert_null(memmem(bytes, sizeof(bytes), key_a, 8));
	assert_null(memmem(bytes, sizeof(bytes), key_a + 28, 8));
}

/* Keys of IKE make room for others when the file is full, static ones and live ones never. */
static void
a_full_file_forgets_only_what_never_comes_back(void **state)
{
	struct seq_state *s = open_ok();
	const uint32_t used = SEQ_FILE_RECORDS;
	struct error err = {""};
	struct claim fixed, live, old, fresh;

	(void)state;
	claim_ok(s, key_a, &fixed);
	fixed.sa.hot.seq_next = 100;
	seq_state_release(s, &fixed.sa);
	assert_int_equal(claim_any(s, key_b, 0, false, false, &live, &err), 0);
	assert_int_equal(claim_any(s, (const uint8_t[36]){1}, 50, false, false, &old, &err), 0);
	seq_state_release(s, &old.sa);
	file_write(offsetof(struct seq_header, used), &used, 4);

	assert_int_equal(claim_any(s, (const uint8_t[36]){2}, 0, false, true, &fresh, &err), 0);
	assert_true(reserved_in_file(2) == fresh.limit);
	assert_int_equal(claim_any(s, key_b, 0, false, false, &old, &err), -EBUSY);
	claim_ok(s, key_a, &fixed);
	assert_true(fixed.next == 100);
	seq_state_close(s);
	s = open_ok();
	assert_int_equal(claim_any(s, (const uint8_t[36]){1}, 0, false, false, &old, &err), 0);
	assert_true(old.next == 1);
	seq_state_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, seq_setup, seq_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(directory_and_file_are_private),
		TEST(a_second_process_is_locked_out),
		TEST(a_damaged_or_foreign_file_is_refused),
		TEST(what_others_can_touch_is_refused),
		TEST(what_was_half_made_does_no_harm),
		TEST(neither_key_nor_spi_is_in_the_file),
		TEST(a_full_file_forgets_only_what_never_comes_back),
	};

	return cmocka_run_group_tests_name("seqfile", tests, NULL, NULL);
}
