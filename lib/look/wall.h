/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOOK_WALL_H
#define LOOK_WALL_H

/*
 * Wall-clock time of readings of the time stamp counter. EAL's frequency is rounded: the counter's
 * own is measured between the first reading and the last one.
 */

#include <stdint.h>

struct wall {
	uint64_t first_tsc, tsc;
	int64_t first_ns, ns; /* CLOCK_REALTIME */
	double ns_per_tick;
};

/* Reads both clocks, and again: what wall_ns says is best for what is near the last reading. */
void wall_start(struct wall *wall);
void wall_read(struct wall *wall);

/* Nanoseconds since 1970. */
int64_t wall_ns(const struct wall *wall, uint64_t tsc);

#endif
