/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MONOTONIC_H
#define MONOTONIC_H

/* The clock that never goes back, for how long something took. Not for workers: they have
 * w->now_tsc.
 */

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some moment. Any thread. */
static inline uint64_t
monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
