/* SPDX-License-Identifier: BSD-3-Clause */
/* That no sequence number is used twice, whatever happens to the process. */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seq_fixture.h"
#include "unit.h"

static void
the_first_number_is_1_and_the_exact_one_is_kept(void **state)
{
	struct seq_state *s = open_ok();
	struct claim a, b;

	(void)state;
	claim_ok(s, key_a, &a);
	claim_ok(s, key_b, &b);
	assert_true(a.next == 1 && b.next == 1);
	a.sa.hot.seq_next = 1234;
	seq_state_release(s, &a.sa);
	assert_null(a.sa.state);
	b.sa.hot.seq_next = 777;
	seq_state_close(s);
	assert_null(b.sa.state);

	s = open_ok();
	claim_ok(s, key_a, &a);
	claim_ok(s, key_b, &b);
	assert_true(a.next == 1234);
	assert_true(b.next == 777);
	seq_state_release(s, &a.sa);
	claim_ok(s, key_a, &a);
	assert_true(a.next == 1234);
	seq_state_close(s);
}

static void
a_claim_that_was_given_back_costs_nothing(void **state)
{
	struct seq_state *s = open_ok();
	struct seq_state_entry *entry;
	uint64_t next, limit;
	struct error err;
	struct claim a;

	(void)state;
	assert_int_equal(
		seq_state_claim(s, key_a, 36, 0, false, true, &entry, &next, &limit, &err), 0);
	seq_state_abandon(s, entry);
	claim_ok(s, key_a, &a);
	assert_true(a.next == 1);
	seq_state_close(s);
}

/* An SA of a change that came to nothing: a wish, or a stretch, is not remembered, unless a number
 * was used. */
static void
what_was_never_in_force_is_taken_back(void **state)
{
	static const struct {
		uint64_t wish, used, next;
	} rows[] = {
		{0, 0, 1},
		{5000, 0, 1},
		{5000, 5001, 5001},
		{0, 0, 5001},
		{9000, 0, 5001},
	};
	struct seq_state *s = open_ok();
	struct error err = {""};
	struct claim a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(claim_any(s, key_a, rows[i].wish, false, true, &a, &err), 0);
		if (rows[i].used)
			a.sa.hot.seq_next = rows[i].used;
		seq_state_take_back(s, &a.sa);
		assert_null(a.sa.state);
		claim_ok(s, key_a, &b);
		assert_true(b.next == rows[i].next);
		seq_state_release(s, &b.sa);
	}
	seq_state_close(s);
}

static void
nothing_is_used_before_it_is_on_the_disk(void **state)
{
	struct seq_state *s = open_ok();
	struct error err = {""};
	struct claim claims[2] = {0};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct claim *c = &claims[i];

		assert_int_equal(seq_state_claim(s, i ? key_b : key_a, 36, 0, false, true,
					 &c->sa.state, &c->next, &c->limit, &err),
			0);
		seq_state_start(c->sa.state, &c->sa.hot);
		seq_state_register(s, &c->sa);
		assert_true(c->sa.hot.seq_limit == c->sa.hot.seq_next);
		/* whoever asks for more does not get around it */
		seq_state_want(c->sa.state);
		usleep(10000);
		assert_true(c->sa.hot.seq_limit == c->sa.hot.seq_next);
	}
	assert_int_equal(seq_state_sync(s, &err), 0);
	for (int i = 0; i < 2; i++)
		assert_true(claims[i].sa.hot.seq_limit == claims[i].limit);
	seq_state_close(s);
}

static void
a_live_key_is_refused(void **state)
{
	struct seq_state *s = open_ok();
	struct error err = {""};
	struct claim a, b;

	(void)state;
	claim_ok(s, key_a, &a);
	assert_int_equal(claim_any(s, key_a, 0, false, true, &b, &err), -EBUSY);
	assert_non_null(strstr(err.text, "same key"));
	assert_int_equal(claim_any(s, key_a, 1 << 30, true, false, &b, &err), -EBUSY);
	seq_state_release(s, &a.sa);
	claim_ok(s, key_a, &b);
	seq_state_close(s);
}

static void
a_wish_is_heard_when_it_is_free(void **state)
{
	struct seq_state *s = open_ok();
	struct error err = {""};
	struct claim a;

	(void)state;
	assert_int_equal(claim_any(s, key_a, 5000, false, true, &a, &err), 0);
	assert_true(a.next == 5000);
	a.sa.hot.seq_next = 6000;
	seq_state_release(s, &a.sa);
	assert_int_equal(claim_any(s, key_a, 5999, false, true, &a, &err), -EEXIST);
	assert_non_null(strstr(err.text, "seq: 5999"));
	assert_non_null(strstr(err.text, "6000 or higher"));
	assert_int_equal(claim_any(s, key_a, 6000, false, true, &a, &err), 0);
	assert_true(a.next == 6000);
	seq_state_release(s, &a.sa);
	assert_int_equal(claim_any(s, key_a, 7000, false, true, &a, &err), 0);
	assert_true(a.next == 7000);
	seq_state_close(s);
}

static const struct {
	bool esn;
	uint64_t wanted, limit;
	int rc;
} space_ends[] = {
	{false, UINT64_C(0xffffffff), UINT64_C(0x100000000), 0},
	{false, UINT64_C(0x100000000), 0, -EOVERFLOW},
	{false, UINT64_C(0xfffff000), UINT64_C(0x100000000), 0},
	{true, UINT64_C(0xffffffff), UINT64_C(0x10007ffff), 0},
	{true, UINT64_MAX - 1, UINT64_MAX, 0},
	{true, UINT64_MAX, 0, -EOVERFLOW},
};

static void
the_sequence_space_ends(void **state)
{
	struct seq_state *s = open_ok();
	struct error err = {""};
	struct claim a;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(space_ends); i++) {
		uint8_t key[36] = {(uint8_t)i};

		assert_int_equal(
			claim_any(s, key, space_ends[i].wanted, space_ends[i].esn, true, &a, &err),
			space_ends[i].rc);
		if (space_ends[i].rc != 0) {
			assert_non_null(strstr(err.text, "new key"));
			continue;
		}
		assert_true(a.limit == space_ends[i].limit);
		a.sa.hot.seq_next = a.limit;
		seq_state_release(s, &a.sa);
		if (a.limit == sa_sequence_end(space_ends[i].esn))
			assert_int_equal(claim_any(s, key, 0, space_ends[i].esn, true, &a, &err),
				-EOVERFLOW);
	}
	seq_state_close(s);
}

/* Takes one number as esp.c does. false: none is reserved. */
static bool
take(struct claim *c, uint64_t *seq)
{
	struct sa_hot *hot = &c->sa.hot;

	if (hot->seq_next >= __atomic_load_n(&hot->seq_limit, __ATOMIC_ACQUIRE))
		return false;
	*seq = hot->seq_next;
	__atomic_store_n(&hot->seq_next, *seq + 1, __ATOMIC_RELAXED);
	if (*seq + 1 >= __atomic_load_n(&hot->seq_more, __ATOMIC_RELAXED))
		seq_state_want(c->sa.state);
	return true;
}

static void
the_limit_stays_ahead(void **state)
{
	struct seq_state *s = open_ok();
	uint64_t seq = 0, longest = 0;
	unsigned waits = 0;
	struct claim c;

	(void)state;
	claim_ok(s, key_a, &c);
	while (seq < 20 * 1000 * 1000) {
		if (!take(&c, &seq)) {
			assert_true(++waits < 5000);
			usleep(1000);
			continue;
		}
		if (seq % 65536 == 0) {
			uint64_t limit = __atomic_load_n(&c.sa.hot.seq_limit, __ATOMIC_ACQUIRE);

			longest = RTE_MAX(longest, limit - seq);
			assert_true(reserved_in_file(0) >= limit);
		}
	}
	/* it grows with use and rate */
	assert_true(longest > 1 << 22 && longest <= 1 << 26);
	seq_state_close(s);
	assert_true(reserved_in_file(0) == seq + 1);
}

/* Uses so many numbers at once and asks for more. Returns how many there are then. */
static uint64_t
use_and_ask(struct claim *c, uint64_t numbers)
{
	struct sa_hot *hot = &c->sa.hot;
	uint64_t limit = hot->seq_limit, raised = limit;

	__atomic_store_n(&hot->seq_next, hot->seq_next + numbers, __ATOMIC_RELAXED);
	seq_state_want(c->sa.state);
	for (unsigned waits = 0; raised == limit; waits++) {
		assert_true(waits < 5000);
		usleep(1000);
		raised = __atomic_load_n(&hot->seq_limit, __ATOMIC_ACQUIRE);
	}
	return raised - hot->seq_next;
}

static double
seconds_since(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

/* So that a disk that is slow for a while stops no fast SA, and a slow SA reserves little. */
static void
a_stretch_lasts_two_seconds(void **state)
{
	struct seq_state *s = open_ok();
	struct claim fast, slow;
	struct timespec begin;
	double got;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	claim_ok(s, key_a, &fast);
	got = (double)use_and_ask(&fast, 1 << 18);
	assert_true(got >= RTE_MIN(2 / seconds_since(&begin) * (1 << 18), 1 << 26));
	claim_ok(s, key_b, &slow);
	usleep(50000);
	assert_true(use_and_ask(&slow, 1000) == 1 << 19);
	seq_state_close(s);
}

static void
the_limit_never_passes_the_end(void **state)
{
	const uint64_t end = UINT64_C(1) << 32;
	struct seq_state *s = open_ok();
	struct error err = {""};
	unsigned waits = 0;
	uint64_t seq = 0;
	struct claim c;

	(void)state;
	assert_int_equal(claim_any(s, key_a, end - 700000, false, true, &c, &err), 0);
	while (seq < end - 1) {
		if (!take(&c, &seq)) {
			assert_true(++waits < 5000);
			usleep(1000);
		}
	}
	assert_true(c.sa.hot.seq_limit == end);
	usleep(10000);
	assert_false(take(&c, &seq));
	seq_state_close(s);
	assert_true(reserved_in_file(0) == end);
}

/* What a killed process leaves for its parent to see. */
struct shared {
	uint64_t first;
	uint64_t last; /* the highest number used */
};

static void __attribute__((noreturn)) child_main(struct shared *shared, uint64_t numbers)
{
	struct error err = {""};
	struct seq_state *s = seq_state_open(seq_dir(), &err);
	struct claim c;
	uint64_t seq;

	if (s == NULL || claim_any(s, key_a, 0, false, false, &c, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		_exit(1);
	}
	__atomic_store_n(&shared->first, c.next, __ATOMIC_RELEASE);
	for (;;) {
		if (numbers > 0 && take(&c, &seq)) {
			__atomic_store_n(&shared->last, seq, __ATOMIC_RELEASE);
			numbers--;
		}
	}
}

/* kill -9 at any time: the next run begins above everything that was used. */
static void
a_killed_process_repeats_nothing(void **state)
{
	struct shared *shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const unsigned rounds = getenv("ESPGW_LONG") != NULL ? 1000 : 50;
	uint64_t used = 0; /* the first number that nobody used */

	(void)state;
	for (unsigned round = 0; round < rounds; round++) {
		/* from a few numbers to several raises of the limit */
		const uint64_t numbers = round % 10 == 0 ? UINT64_MAX : (uint64_t)round * 997;
		unsigned waits = 0;
		pid_t pid;
		int status;

		shared->first = 0;
		shared->last = 0;
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			child_main(shared, numbers);
		while (__atomic_load_n(&shared->first, __ATOMIC_ACQUIRE) == 0) {
			assert_true(++waits < 10000);
			assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
			usleep(500);
		}
		usleep(round % 10 == 0 ? 12000 : round * 37);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		if (shared->first < used)
			fail_msg("round %u began with %" PRIu64 " when %" PRIu64
				 " was the first free",
				round, shared->first, used);
		used = shared->last != 0 ? shared->last + 1 : shared->first;
		/* so a thousand kills cost an eighth of the 32-bit numbers */
		if (numbers < 1 << 18)
			assert_int_equal(reserved_in_file(0) - shared->first, 1 << 19);
	}
	munmap(shared, sizeof(*shared));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, seq_setup, seq_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_number_is_1_and_the_exact_one_is_kept),
		TEST(a_claim_that_was_given_back_costs_nothing),
		TEST(what_was_never_in_force_is_taken_back),
		TEST(nothing_is_used_before_it_is_on_the_disk),
		TEST(a_live_key_is_refused),
		TEST(a_wish_is_heard_when_it_is_free),
		TEST(the_sequence_space_ends),
		TEST(the_limit_stays_ahead),
		TEST(a_stretch_lasts_two_seconds),
		TEST(the_limit_never_passes_the_end),
		TEST(a_killed_process_repeats_nothing),
	};

	return cmocka_run_group_tests_name("seqstate", tests, NULL, NULL);
}
