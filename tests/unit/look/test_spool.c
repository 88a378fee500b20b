/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries come out whole, once and in order, whatever their lengths and wherever the ring ends;
 * what has no room is counted. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "spool.h"
#include "unit.h"

enum { SIZE = 4096, ENTRIES = 50000, LONGEST = 1000 };

/* The n-th entry's length, and each of its bytes. */
static uint32_t
length_of(uint32_t n)
{
	return 8 + n * 7919 % (LONGEST - 8);
}

static void
fill(uint8_t *at, uint32_t n)
{
	memcpy(at, &n, sizeof(n));
	memset(at + sizeof(n), (uint8_t)n, length_of(n) - sizeof(n));
}

static void
check(const uint8_t *at, uint32_t bytes, uint32_t n)
{
	uint32_t number;

	memcpy(&number, at, sizeof(number));
	assert_int_equal(number, n);
	assert_true(bytes >= length_of(n) && bytes < length_of(n) + SPOOL_ALIGN);
	for (uint32_t i = sizeof(n); i < length_of(n); i++)
		assert_int_equal(at[i], (uint8_t)n);
}

static void
test_in_turns(void **state)
{
	uint32_t bytes, in = 0, out = 0;
	struct spool s;
	uint8_t *at;

	(void)state;
	assert_int_equal(spool_init(&s, SIZE), 0);
	while (out < 10000) {
		while ((at = spool_reserve(&s, length_of(in))))
			fill(at, in++);
		spool_commit(&s);
		/* not all of them: the ring's end is elsewhere each time */
		for (uint32_t n = 1 + in % 3; n > 0 && (at = spool_peek(&s, &bytes)); n--) {
			check(at, bytes, out++);
			spool_release(&s);
		}
	}
	assert_true(s.lost > 0);
	spool_free(&s);
}

static void
test_not_before_commit(void **state)
{
	const uint8_t *at;
	struct spool s;
	uint32_t bytes;

	(void)state;
	assert_int_equal(spool_init(&s, SIZE), 0);
	fill(spool_reserve(&s, length_of(1)), 1);
	assert_null(spool_peek(&s, &bytes));
	spool_commit(&s);
	at = spool_peek(&s, &bytes);
	check(at, bytes, 1);
	spool_release(&s);
	assert_null(spool_peek(&s, &bytes));
	spool_free(&s);
}

static void *
write_all(void *arg)
{
	struct spool *s = arg;

	for (uint32_t n = 0; n < ENTRIES;) {
		uint8_t *at = spool_reserve(s, length_of(n));

		if (!at) {
			sched_yield(); /* to the reader, where both have one CPU */
			continue;
		}
		fill(at, n++);
		spool_commit(s);
	}
	return NULL;
}

static void
test_two_threads(void **state)
{
	uint32_t bytes, out = 0;
	struct spool s;
	pthread_t writer;
	const uint8_t *at;

	(void)state;
	assert_int_equal(spool_init(&s, 64 * SIZE), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_all, &s), 0);
	while (out < ENTRIES) {
		at = spool_peek(&s, &bytes);
		if (!at) {
			sched_yield();
			continue;
		}
		check(at, bytes, out++);
		spool_release(&s);
	}
	pthread_join(writer, NULL);
	assert_null(spool_peek(&s, &bytes));
	spool_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_turns),
		cmocka_unit_test(test_not_before_commit),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
