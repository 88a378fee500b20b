/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "meter.h"

static void
test_fills(void **state)
{
	static const struct {
		uint32_t packets;
		unsigned int fill;
	} rows[] = {{1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {8, 3}, {9, 4}, {32, 5}, {33, 6},
		{255, 8}, {256, 8}};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		struct meter m = {0};

		meter_add(&m, METER_receive, rows[i].packets, 7);
		if (m.fills[rows[i].fill] != 1)
			fail_msg("%u packets are not in place %u", rows[i].packets, rows[i].fill);
		memset(m.fills, 0, sizeof(m.fills));
		meter_add(&m, METER_route, rows[i].packets, 7);
		for (unsigned int k = 0; k < METER_FILLS; k++)
			assert_int_equal(m.fills[k], 0);
	}
}

/* By the mean cost of a packet: the lowest place whose limit it is within. */
static void
test_costs(void **state)
{
	static const struct {
		uint32_t packets;
		uint64_t cycles;
		unsigned int place;
	} rows[] = {{1, 0, 0}, {1, 4, 0}, {1, 5, 1}, {1, 8, 1}, {1, 9, 2}, {32, 128, 0},
		{32, 129, 1}, {32, 256, 1}, {32, 257, 2}, {7, 28, 0}, {7, 29, 1}, {7, 56, 1},
		{7, 57, 2}, {7, 112, 2}, {3, 12 << 10, 10}, {3, (12 << 10) + 1, 11}, {1, 65536, 14},
		{1, 65537, 15}, {256, UINT64_MAX, 15}, {UINT32_MAX, 1, 0}};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		struct meter m = {0};

		meter_add(&m, METER_crypto, rows[i].packets, rows[i].cycles);
		if (m.parts[METER_crypto].costs[rows[i].place] != rows[i].packets)
			fail_msg("%u packets of %lu cycles together are not in place %u",
				rows[i].packets, rows[i].cycles, rows[i].place);
	}
}

/* The first turn with packets is measured, then each METER_EVERYth. */
static void
test_turns(void **state)
{
	struct meter m = {0};
	unsigned int measured = 0;

	(void)state;
	assert_int_equal(meter_turns_measured(&m), 0);
	for (unsigned int i = 0; i < 10 * METER_EVERY + 1; i++) {
		assert_true(meter_is_due(&m) == (i % METER_EVERY == 0));
		measured += meter_is_due(&m);
		meter_turn(&m);
		assert_int_equal(meter_turns_measured(&m), measured);
	}
	assert_int_equal(measured, 11);
}

static void
spin(uint64_t cycles)
{
	uint64_t start = rte_rdtsc();

	while (rte_rdtsc() - start < cycles)
		;
}

/* A part within another one is not counted twice, and what handled no packet not at all. */
static void
test_laps(void **state)
{
	enum { SHORT = 100000, LONG = 1000000 };
	struct meter m = {0};
	uint64_t began = rte_rdtsc(), start, whole;

	(void)state;
	meter_begin(&m);
	assert_true(m.on);
	spin(LONG);
	meter_lap(&m, METER_open, 0);
	spin(SHORT);
	start = rte_rdtsc();
	spin(LONG);
	meter_within(&m, METER_crypto, 3, start);
	meter_lap(&m, METER_protect, 4);
	meter_lap(&m, METER_output, 5);
	meter_end(&m);
	whole = rte_rdtsc() - began;
	assert_false(m.on);
	assert_int_equal(m.parts[METER_open].calls, 0);
	assert_int_equal(m.parts[METER_open].cycles, 0);
	assert_int_equal(m.parts[METER_crypto].packets, 3);
	assert_int_equal(m.parts[METER_protect].packets, 4);
	assert_int_equal(m.parts[METER_output].calls, 1);
	assert_true(m.parts[METER_crypto].cycles >= LONG);
	assert_true(m.parts[METER_protect].cycles >= SHORT);
	assert_true(m.parts[METER_protect].cycles + m.parts[METER_crypto].cycles +
			    m.parts[METER_output].cycles <=
		    whole - LONG);
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(meter_part_name(METER_inbox), "inbox");
	assert_string_equal(meter_part_name(METER_transmit), "transmit");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fills),
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_laps),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
