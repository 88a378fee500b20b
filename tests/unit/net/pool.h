/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_TEST_POOL_H
#define NET_TEST_POOL_H

/* The pool of these tests, and that all came back to it. */

#include <string.h>

#include <rte_mbuf.h>

#include "pkt.h"
#include "unit.h"

enum { POOL_SIZE = 1023 };

static inline struct rte_mempool *
test_pool_create(const char *name)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		name, POOL_SIZE, 0, PKT_PRIV_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);

	if (!pool) {
		fprintf(stderr, "no pool\n");
		exit(1);
	}
	return pool;
}

static inline void
assert_pool_full(struct rte_mempool *pool)
{
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
}

/* Whether m carries exactly these bytes, over segments, and is a sound chain. */
static inline bool
is_packet(const struct rte_mbuf *m, const void *bytes, uint32_t length)
{
	const uint8_t *at = bytes;
	uint32_t total = 0;
	uint16_t segments = 0;

	if (m->pkt_len != length)
		return false;
	for (const struct rte_mbuf *seg = m; seg; seg = seg->next) {
		if (total + seg->data_len > length ||
			memcmp(rte_pktmbuf_mtod(seg, const void *), at + total, seg->data_len))
			return false;
		total += seg->data_len;
		segments++;
	}
	return total == length && segments == m->nb_segs;
}

#endif
