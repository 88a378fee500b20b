/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef COUNTER_H
#define COUNTER_H

/* A pair of counters with one writing thread; others read it without tearing on 64-bit machines. */

#include <stdint.h>

struct counter {
	uint64_t packets, bytes;
};

static inline void
counter_add(struct counter *c, uint64_t packets, uint64_t bytes)
{
	__atomic_store_n(&c->packets, c->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&c->bytes, c->bytes + bytes, __ATOMIC_RELAXED);
}

static inline uint64_t
counter_read(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

#endif
