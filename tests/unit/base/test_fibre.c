/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "fibre.h"
#include "unit.h"

enum { DEPTH_BYTES = 100 << 10, FIBRES = 40 };

/* What a fibre does, a letter each: w waits, r rests where its turn is over, d uses much stack, e
 * changes errno, a letter in capitals is said. */
struct script {
	const char *steps;
	char said[16];
	size_t n;
	bool errno_is_kept;
};

static void __attribute__((noinline)) use_stack(void)
{
	char much[DEPTH_BYTES];

	memset(much, 0x5a, sizeof(much));
	__asm__ volatile("" : : "r"(much) : "memory");
}

static void
perform(void *arg)
{
	struct script *s = arg;

	for (const char *step = s->steps; *step; step++) {
		errno = ERANGE;
		if (*step == 'w')
			fibre_wait();
		else if (*step == 'r')
			fibre_rest();
		else if (*step == 'd')
			use_stack();
		else
			s->said[s->n++] = *step;
		s->errno_is_kept = errno == ERANGE;
	}
}

static const struct {
	const char *name, *steps;
	uint64_t turn_us;
	/* how each run of it ends, and what was said until then */
	struct {
		enum fibre_state state;
		const char *said;
	} runs[4];
} rows[] = {
	{"does not stop", "A", 0, {{FIBRE_ENDED, "A"}}},
	{"nothing to do", "", 0, {{FIBRE_ENDED, ""}}},
	{"waits", "AwB", 0, {{FIBRE_WAITS, "A"}, {FIBRE_ENDED, "AB"}}},
	{"waits at once and at the end", "wAw", 0,
		{{FIBRE_WAITS, ""}, {FIBRE_WAITS, "A"}, {FIBRE_ENDED, "A"}}},
	{"rests when its turn is over", "ArBrC", 0,
		{{FIBRE_RESTS, "A"}, {FIBRE_RESTS, "AB"}, {FIBRE_ENDED, "ABC"}}},
	{"does not rest before", "ArBrC", 60000000, {{FIBRE_ENDED, "ABC"}}},
	{"waits all the same", "ArBwC", 60000000, {{FIBRE_WAITS, "AB"}, {FIBRE_ENDED, "ABC"}}},
	{"deep", "dAwdB", 0, {{FIBRE_WAITS, "A"}, {FIBRE_ENDED, "AB"}}},
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script script = {.steps = rows[i].steps, .errno_is_kept = true};
		struct fibre *f = fibre_create(perform, &script);
		enum fibre_state ended = FIBRE_RESTS;

		assert_non_null(f);
		for (size_t k = 0; ended != FIBRE_ENDED; k++) {
			errno = 0; /* others do */
			ended = fibre_run(f, rows[i].turn_us);
			if (ended != rows[i].runs[k].state ||
				strcmp(script.said, rows[i].runs[k].said) != 0 ||
				!script.errno_is_kept)
				fail_msg("%s: run %zu ends as %d, having said %s%s", rows[i].name,
					k, ended, script.said,
					script.errno_is_kept ? "" : ", errno is another");
			assert_null(fibre_current());
		}
		fibre_destroy(f);
	}
	fibre_trim();
}

/* Many at once, in turns; each has a stack of its own. */
static void
test_many(void **state)
{
	struct script scripts[FIBRES] = {0};
	struct fibre *fibres[FIBRES];

	(void)state;
	for (int i = 0; i < FIBRES; i++) {
		scripts[i].steps = i % 2 ? "AwdBwC" : "wAdwBC";
		fibres[i] = fibre_create(perform, &scripts[i]);
		assert_non_null(fibres[i]);
	}
	for (int run = 0; run < 3; run++)
		for (int i = 0; i < FIBRES; i++)
			assert_int_equal(
				fibre_run(fibres[i], 0), run < 2 ? FIBRE_WAITS : FIBRE_ENDED);
	for (int i = 0; i < FIBRES; i++) {
		assert_string_equal(scripts[i].said, "ABC");
		fibre_destroy(fibres[i]);
	}
	fibre_trim();
}

static void
test_outside(void **state)
{
	(void)state;
	assert_null(fibre_current());
	assert_false(fibre_wait());
	fibre_rest();
	fibre_destroy(NULL);
}

/* Where the last one left something on its stack. */
static uintptr_t left_at;

/* AddressSanitizer would put the secret elsewhere than on the stack. */
__attribute__((no_sanitize_address)) static void
leave(void *arg)
{
	char secret[64];

	memset(secret, 0x77, sizeof(secret));
	left_at = (uintptr_t)secret;
	__asm__ volatile("" : : "r"(secret) : "memory");
	if (arg)
		fibre_wait();
}

/* Its stack is kept for the next one, and nothing is on it. */
static void
test_wiped(void **state)
{
	(void)state;
	for (int waits = 0; waits < 2; waits++) {
		struct fibre *f = fibre_create(leave, waits ? &left_at : NULL);

		while (fibre_run(f, 0) != FIBRE_ENDED)
			assert_int_equal(((const char *)left_at)[5], 0x77);
		fibre_destroy(f);
		for (int i = 0; i < 64; i++)
			assert_int_equal(((const char *)left_at)[i], 0);
	}
	fibre_trim();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
