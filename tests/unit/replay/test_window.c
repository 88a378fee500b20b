/* SPDX-License-Identifier: BSD-3-Clause */
/* The anti-replay window: rows that read as its specification, then a model of another shape. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"
#include "unit.h"

enum { WORDS_MAX = 128 };

/* What a packet with this number meets: check and commit agree but for the reason. */
enum verdict { PASS = DROP_NONE, OLD = DROP_replay_old, SEEN = DROP_replay_seen };

struct row {
	uint32_t size; /* a new window; 0: the one of the row before goes on */
	uint64_t seq;
	enum verdict verdict;
	const char *why;
};

#define E32 (UINT64_C(1) << 32)

static const struct row rows[] = {
	{32, 0, OLD, "0 is never sent"},
	{0, 1, PASS, "the first number"},
	{0, 1, SEEN, "the first number again"},
	{0, 2, PASS, "in order"},
	{0, 4, PASS, "one is left out"},
	{0, 3, PASS, "and comes late"},
	{0, 3, SEEN, "late, twice"},
	{0, 0, OLD, "0 inside the window"},
	{0, 33, PASS, "the right edge moves to 33, the left one to 2"},
	{0, 1, OLD, "1 is left of a window of 32 now"},
	{0, 2, SEEN, "2 is its left edge, and was seen"},
	{0, 5, PASS, "5 was not"},
	{0, 36, PASS, "the left edge is 5"},
	{0, 5, SEEN, "still remembered at the edge"},
	{0, 4, OLD, "one left of it"},
	{0, 6, PASS, "one right of it"},

	{64, 64, PASS, "64: a jump from nothing"},
	{0, 1, PASS, "64: the left edge"},
	{0, 65, PASS, "64: on by one"},
	{0, 1, OLD, "64: seen and out"},
	{0, 2, PASS, "64: the new left edge"},
	{0, 128, PASS, "64: to the end of a word"},
	{0, 65, SEEN, "64: the left edge after it"},
	{0, 64, OLD, "64: one beyond it"},
	{0, 127, PASS, "64: one before the top"},
	{0, 192, PASS, "64: by exactly the window"},
	{0, 128, OLD, "64: the old top is out"},
	{0, 129, PASS, "64: a word's first bit, forgotten in time"},

	{65, 65, PASS, "65: a window that is no multiple of a word"},
	{0, 1, PASS, "65: its left edge"},
	{0, 66, PASS, "65: on by one"},
	{0, 1, OLD, "65: left of it"},
	{0, 2, PASS, "65: its left edge again"},

	{66, 129, PASS, "66: a window over three words"},
	{0, 64, PASS, "66: its left edge"},
	{0, 63, OLD, "66: one left of it"},
	{0, 256, PASS, "66: on by two words"},
	{0, 191, PASS, "66: its left edge"},
	{0, 190, OLD, "66: one left of it"},

	{1024, 1024, PASS, "1024: a jump from nothing"},
	{0, 1, PASS, "1024: its left edge"},
	{0, 1025, PASS, "1024: on by one"},
	{0, 1, OLD, "1024: out"},
	{0, 1024, SEEN, "1024: the old top"},
	{0, 2047, PASS, "1024: by 1022"},
	{0, 1024, SEEN, "1024: still the left edge"},
	{0, 1023, OLD, "1024: out"},

	{4096, 5000, PASS, "4096: the largest"},
	{0, 905, PASS, "4096: its left edge"},
	{0, 904, OLD, "4096: one left of it"},
	{0, 9095, PASS, "4096: by 4095"},
	{0, 5000, SEEN, "4096: the old top at the left edge"},
	{0, 4999, OLD, "4096: out"},
	{0, 9096, PASS, "4096: on by one"},
	{0, 5000, OLD, "4096: the old top is out"},

	{64, 10, PASS, "jump: at first"},
	{0, 10 + 128, PASS, "jump: by the ring's whole length"},
	{0, 100, PASS, "jump: nothing of before is left over"},
	{0, 10, OLD, "jump: out"},
	{0, UINT32_MAX, PASS, "jump: to the last 32-bit number"},
	{0, UINT32_MAX - 63, PASS, "jump: the left edge there"},
	{0, UINT32_MAX - 64, OLD, "jump: one left of it"},
	{0, UINT32_MAX, SEEN, "jump: the last 32-bit number again"},

	{64, E32 - 1, PASS, "ESN: just below 2^32"},
	{0, E32 + 1, PASS, "ESN: over it"},
	{0, E32, PASS, "ESN: low half 0 is a number like any other"},
	{0, E32, SEEN, "ESN: and is remembered"},
	{0, E32 - 1, SEEN, "ESN: the other side as well"},
	{0, E32 - 2, PASS, "ESN: a late one of the other side"},
	{0, E32 + 100, PASS, "ESN: on"},
	{0, E32 - 2, OLD, "ESN: the other side is out"},
	{0, UINT64_MAX, PASS, "ESN: the very last"},
	{0, UINT64_MAX - 63, PASS, "ESN: its left edge"},
	{0, 1, OLD, "ESN: nothing comes after the very last"},
};

static void
window_rows(void **state)
{
	uint64_t bits[WORDS_MAX];
	struct replay_window w;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		enum drop_reason check, commit;

		if (row->size != 0) {
			memset(bits, 0xff, sizeof(bits));
			replay_window_init(&w, row->size, bits);
		}
		check = replay_check(&w, row->seq);
		commit = replay_commit(&w, row->seq);
		if ((enum verdict)check != row->verdict ||
			commit != (row->verdict == PASS ? DROP_NONE : DROP_replay_late))
			fail_msg("row %zu, %s: check %s, commit %s", i, row->why, drop_name(check),
				drop_name(commit));
	}
}

static const struct {
	uint32_t size;
	bool esn;
	uint64_t top;
	uint32_t low;
	uint64_t meant;
	const char *why;
} inferences[] = {
	{64, false, 5000, 1, 1, "without ESN the number is what it says"},
	{64, false, UINT32_MAX, 0, 0, "without ESN nothing wraps"},
	{64, true, 0, 1, 1, "the first packet"},
	{64, true, 0, UINT32_MAX, UINT32_MAX, "a sender far ahead at the start"},
	{64, true, 63, UINT32_MAX, UINT32_MAX, "the window does not reach below 0"},
	{64, true, 100, 37, 37, "case A: the left edge"},
	{64, true, 100, 36, E32 + 36, "case A: left of it is the next 2^32"},
	{64, true, 100, UINT32_MAX, UINT32_MAX, "case A: far ahead"},
	{64, true, E32 - 1, 0, E32, "over 2^32"},
	{64, true, E32 - 1, UINT32_MAX - 63, E32 - 64, "the left edge before 2^32"},
	{64, true, E32 - 1, UINT32_MAX - 64, 2 * E32 - 65, "left of it"},
	{64, true, E32, UINT32_MAX, E32 - 1, "case B: late, of the other side"},
	{64, true, E32, UINT32_MAX - 62, E32 - 63, "case B: the left edge"},
	{64, true, E32, UINT32_MAX - 63, 2 * E32 - 64, "case B: left of it"},
	{64, true, E32 + 62, UINT32_MAX, E32 - 1, "case B: the last top that has an other side"},
	{64, true, E32 + 63, UINT32_MAX, 2 * E32 - 1, "case A again"},
	{64, true, 7 * E32 + 5, 6, 7 * E32 + 6, "a high half further on"},
	{64, true, UINT64_MAX, 0, 0, "after the very last: a small number, which is old"},
	{4096, true, E32 + 4094, UINT32_MAX, E32 - 1, "4096: case B"},
	{4096, true, E32 + 4095, UINT32_MAX, 2 * E32 - 1, "4096: case A"},
	{0, true, E32 + 5, 4, E32 + 4, "off: a late one"},
	{0, true, E32 + 5, UINT32_MAX, E32 - 1, "off: late, of the other side"},
	{0, true, E32 - 1, 5, E32 + 5, "off: over 2^32"},
};

static void
inference_rows(void **state)
{
	uint64_t bits[WORDS_MAX];
	struct replay_window w;

	(void)state;
	for (size_t i = 0; i < sizeof(inferences) / sizeof(inferences[0]); i++) {
		uint64_t meant;

		replay_window_init(&w, inferences[i].size, bits);
		w.top = inferences[i].top;
		meant = replay_infer(&w, inferences[i].low, inferences[i].esn);
		if (meant != inferences[i].meant)
			fail_msg("row %zu, %s: %" PRIx64, i, inferences[i].why, meant);
	}
}

static void
off_passes_everything(void **state)
{
	static const uint64_t seqs[] = {5, 5, 1, 0, E32 + 3, 2, UINT64_MAX};
	struct replay_window w;

	(void)state;
	assert_int_equal(replay_window_words(0), 0);
	replay_window_init(&w, 0, NULL);
	for (size_t i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++) {
		assert_int_equal(replay_check(&w, seqs[i]), DROP_NONE);
		assert_int_equal(replay_commit(&w, seqs[i]), DROP_NONE);
	}
	assert_true(w.top == UINT64_MAX);
}

/* Two copies in one burst: both are checked before either is committed. */
static void
commit_checks_again(void **state)
{
	uint64_t bits[WORDS_MAX];
	struct replay_window w;

	(void)state;
	replay_window_init(&w, 64, bits);
	assert_int_equal(replay_check(&w, 9), DROP_NONE);
	assert_int_equal(replay_check(&w, 9), DROP_NONE);
	assert_int_equal(replay_check(&w, 500), DROP_NONE);
	assert_int_equal(replay_check(&w, 8), DROP_NONE);
	assert_int_equal(replay_commit(&w, 9), DROP_NONE);
	assert_int_equal(replay_commit(&w, 9), DROP_replay_late);
	assert_int_equal(replay_commit(&w, 500), DROP_NONE);
	assert_int_equal(replay_commit(&w, 8), DROP_replay_late);
}

static void
ring_is_a_power_of_two_and_no_longer_than_needed(void **state)
{
	static const struct {
		uint32_t size;
		size_t words;
	} sizes[] = {{32, 2}, {64, 2}, {65, 2}, {66, 4}, {128, 4}, {193, 4}, {194, 8}, {1024, 32},
		{4096, 128}};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(replay_window_words(sizes[i].size), sizes[i].words);
}

/* The model: the numbers that were accepted, in a list, and the rule of RFC 4303 in words. */
struct model {
	uint64_t seen[20000];
	size_t n;
	uint64_t top;
};

static bool
model_accepts(struct model *model, uint32_t size, uint64_t seq)
{
	if (seq == 0 || (seq <= model->top && model->top - seq >= size))
		return false;
	/* what is seen lately stands at the end */
	for (size_t i = model->n; i > 0; i--) {
		if (model->seen[i - 1] == seq)
			return false;
	}
	model->seen[model->n++] = seq;
	model->top = seq > model->top ? seq : model->top;
	return true;
}

static uint64_t
random64(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Mostly around the window, sometimes by a jump. */
static uint64_t
next_seq(uint64_t *random, uint64_t top, uint32_t size)
{
	uint64_t r = random64(random), span = 2 * (uint64_t)size;

	switch (r % 64) {
	case 0:
		return top + r / 64 % (8 * span);
	case 1:
		return top > span ? top - span + r / 64 % 4 : 1;
	default:
		return top + 8 > r / 64 % (size + 16) ? top + 8 - r / 64 % (size + 16) : r / 64 % 8;
	}
}

static void
random_walk(uint32_t size, uint64_t start, uint64_t seed)
{
	static struct model model;
	uint64_t bits[WORDS_MAX], random = seed;
	struct replay_window w;

	replay_window_init(&w, size, bits);
	model.n = 0;
	model.top = 0;
	assert_true(model_accepts(&model, size, start));
	assert_int_equal(replay_commit(&w, start), DROP_NONE);
	for (int i = 0; i < 6000; i++) {
		uint64_t seq = next_seq(&random, model.top, size);
		uint64_t inferred = replay_infer(&w, (uint32_t)seq, true);
		bool checked = replay_check(&w, seq) == DROP_NONE;
		bool wanted = model_accepts(&model, size, seq);

		if (wanted && inferred != seq)
			fail_msg("seed %" PRIu64 ", size %u: %" PRIu64 " inferred as %" PRIu64,
				seed, size, seq, inferred);
		if (checked != wanted || (replay_commit(&w, seq) == DROP_NONE) != wanted)
			fail_msg("seed %" PRIu64 ", size %u, step %d: %" PRIu64
				 " with top %" PRIu64,
				seed, size, i, seq, model.top);
	}
}

static void
agrees_with_the_model(void **state)
{
	static const uint32_t sizes[] = {32, 33, 63, 64, 65, 66, 127, 1000, 1024, 4095, 4096};
	const char *seed = getenv("ESPGW_TEST_SEED");
	uint64_t base = seed != NULL ? strtoull(seed, NULL, 0) : 1;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		random_walk(sizes[i], 1, base + i);
		random_walk(sizes[i], E32 - 3000, base + 100 + i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_rows),
		cmocka_unit_test(inference_rows),
		cmocka_unit_test(off_passes_everything),
		cmocka_unit_test(commit_checks_again),
		cmocka_unit_test(ring_is_a_power_of_two_and_no_longer_than_needed),
		cmocka_unit_test(agrees_with_the_model),
	};

	return cmocka_run_group_tests_name("replay window", tests, NULL, NULL);
}
