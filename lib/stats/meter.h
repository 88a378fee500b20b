/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef METER_H
#define METER_H

/*
 * What each part of a worker's turn costs, from samples: of the turns that find packets one in
 * METER_EVERY is measured, with a reading of the time stamp counter after each part. Written by the
 * worker, read by anybody.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "counter.h"

/* In the order of the packet walk. */
#define METER_PARTS(X)                                                                             \
	X(inbox)   /* packets from other workers and the control lcore */                          \
	X(receive) /* the device's receive call */                                                 \
	X(input)                                                                                   \
	X(route)                                                                                   \
	X(decide)                                                                                  \
	X(protect)  /* without crypto */                                                           \
	X(open)     /* without crypto */                                                           \
	X(crypto)   /* the synchronous engine */                                                   \
	X(complete) /* what asynchronous engines have finished */                                  \
	X(output)                                                                                  \
	X(transmit) /* the device's transmit call included */

enum meter_part {
#define X(name) METER_##name,
	METER_PARTS(X)
#undef X
		METER_PART_COUNT
};

enum {
	METER_EVERY = 64,
	METER_FILLS = 9, /* bursts of 1, 2, up to 4, up to 8, … up to 256 packets */
	METER_COST_FIRST = 4,
	METER_COSTS = 16, /* up to 4, 8, … 65,536 cycles a packet, and more */
};

struct meter_sums {
	uint64_t calls; /* with at least one packet */
	uint64_t packets;
	uint64_t cycles;             /* of the time stamp counter */
	uint64_t costs[METER_COSTS]; /* packets, by the mean of their call */
};

struct meter {
	uint64_t turns; /* that found packets, measured or not */
	bool on;        /* this turn is measured */
	uint64_t last_tsc;
	struct meter_sums parts[METER_PART_COUNT];
	uint64_t fills[METER_FILLS]; /* of METER_receive */
};

const char *meter_part_name(enum meter_part part);

/* How many turns were measured. */
static inline uint64_t
meter_turns_measured(const struct meter *m)
{
	return (counter_read(&m->turns) + METER_EVERY - 1) / METER_EVERY;
}

/* Whether the next turn that finds packets is one to measure. */
static inline bool
meter_is_due(const struct meter *m)
{
	return m->turns % METER_EVERY == 0;
}

static inline void
meter_increase(uint64_t *value, uint64_t by)
{
	__atomic_store_n(value, *value + by, __ATOMIC_RELAXED);
}

/* Counts a turn that found packets. */
static inline void
meter_turn(struct meter *m)
{
	meter_increase(&m->turns, 1);
}

/* The place in costs[] of packets that took so many cycles together. Without a division, which the
 * next part would pay for. */
static inline uint32_t
meter_cost(uint32_t packets, uint64_t cycles)
{
	uint64_t limit = (uint64_t)packets * METER_COST_FIRST;
	uint32_t place;

	if (cycles <= limit)
		return 0;
	place = (uint32_t)(__builtin_clzll(limit) - __builtin_clzll(cycles));
	place += cycles > limit << place;
	return RTE_MIN(place, METER_COSTS - 1u);
}

static inline void
meter_add(struct meter *m, enum meter_part part, uint32_t packets, uint64_t cycles)
{
	struct meter_sums *s = &m->parts[part];

	meter_increase(&s->calls, 1);
	meter_increase(&s->packets, packets);
	meter_increase(&s->cycles, cycles);
	meter_increase(&s->costs[meter_cost(packets, cycles)], packets);
	if (part == METER_receive)
		meter_increase(&m->fills[rte_log2_u32(packets)], 1);
}

/* Before the first part of a turn that is measured. */
static inline void
meter_begin(struct meter *m)
{
	m->on = true;
	m->last_tsc = rte_rdtsc();
}

/* What passed since the last lap was a part, with so many packets; with none it is nobody's. */
static inline void
meter_lap(struct meter *m, enum meter_part part, uint32_t packets)
{
	uint64_t now = rte_rdtsc();

	if (packets)
		meter_add(m, part, packets, now - m->last_tsc);
	m->last_tsc = now;
}

/* Within a part: what passed since start was another one. */
static inline void
meter_within(struct meter *m, enum meter_part part, uint32_t packets, uint64_t start)
{
	uint64_t cycles = rte_rdtsc() - start;

	meter_add(m, part, packets, cycles);
	m->last_tsc += cycles;
}

static inline void
meter_end(struct meter *m)
{
	m->on = false;
}

#endif
