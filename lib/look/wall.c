/* SPDX-License-Identifier: BSD-3-Clause */
#include "wall.h"

#include <time.h>

#include <rte_cycles.h>

static int64_t
realtime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The best of a few pairs of readings: the one that took the shortest. */
static void
read_both(uint64_t *tsc, int64_t *ns)
{
	enum { TRIES = 4 };
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = rte_rdtsc(), after;
		int64_t now = realtime_ns();

		after = rte_rdtsc();
		if (after - before >= shortest)
			continue;
		shortest = after - before;
		*tsc = before + shortest / 2;
		*ns = now;
	}
}

void
wall_start(struct wall *wall)
{
	read_both(&wall->first_tsc, &wall->first_ns);
	wall->tsc = wall->first_tsc;
	wall->ns = wall->first_ns;
	wall->ns_per_tick = 1e9 / (double)rte_get_tsc_hz();
}

void
wall_read(struct wall *wall)
{
	const int64_t long_enough_ns = 100 * 1000 * 1000;
	double measured;

	read_both(&wall->tsc, &wall->ns);
	if (wall->ns - wall->first_ns < long_enough_ns || wall->tsc <= wall->first_tsc)
		return;
	measured = (double)(wall->ns - wall->first_ns) / (double)(wall->tsc - wall->first_tsc);
	/* somebody set the clock: measure anew from here */
	if (measured > wall->ns_per_tick * 1.01 || measured < wall->ns_per_tick * 0.99) {
		wall->first_tsc = wall->tsc;
		wall->first_ns = wall->ns;
	} else {
		wall->ns_per_tick = measured;
	}
}

int64_t
wall_ns(const struct wall *wall, uint64_t tsc)
{
	int64_t ticks = (int64_t)(tsc - wall->tsc);

	return wall->ns + (int64_t)((double)ticks * wall->ns_per_tick);
}
