/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_prefetch.h>

#include "parse.h"
#include "stage.h"

/* How many packets from the first on are of one table and family; their destinations. */
static inline uint16_t
destinations4(struct rte_mbuf **pkts, uint16_t n, uint32_t *dst)
{
	const uint16_t table = pkt(pkts[0])->table;
	uint16_t i = 0;

	do {
		dst[i] = rte_be_to_cpu_32(
			rte_pktmbuf_mtod(pkts[i], const struct rte_ipv4_hdr *)->dst_addr);
		i++;
	} while (i < n && pkt(pkts[i])->family == 4 && pkt(pkts[i])->table == table);
	return i;
}

static uint16_t
destinations6(struct rte_mbuf **pkts, uint16_t n, uint8_t (*dst)[16])
{
	const uint16_t table = pkt(pkts[0])->table;
	uint16_t i = 0;

	do {
		memcpy(dst[i], rte_pktmbuf_mtod(pkts[i], const struct rte_ipv6_hdr *)->dst_addr,
			16);
		i++;
	} while (i < n && pkt(pkts[i])->family == 6 && pkt(pkts[i])->table == table);
	return i;
}

/* Looks up packets from the first on, of one table and family. Returns how many. */
static uint16_t
lookup_run(const struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint64_t *nexthops)
{
	const uint16_t table = pkt(pkts[0])->table;

	if (likely(pkt(pkts[0])->family == 4)) {
		uint32_t dst[BURST_MAX];

		n = destinations4(pkts, n, dst);
		fib_lookup4_bulk(w->tables->fib, table, dst, nexthops, n);
	} else {
		uint8_t dst[BURST_MAX][16];

		n = destinations6(pkts, n, dst);
		fib_lookup6_bulk(w->tables->fib, table, dst, nexthops, n);
	}
	return n;
}

/* Of packets that go many ways, what their ways say: fetched all at once. */
static void
prefetch(const struct worker *w, const uint64_t *nexthops, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(&w->tables->nexthops[nexthops[i]]);
}

/* The next hop that the packet takes of what its route names: itself, or a group's member. */
static inline uint32_t
member(const struct worker *w, struct rte_mbuf *m, uint32_t nexthop)
{
	const struct nexthop *entries = w->tables->nexthops;

	if (likely(entries[nexthop].type != NEXTHOP_GROUP))
		return nexthop;
	return nexthop_select(
		entries, nexthop, parse_flow_hash(pkt(m), rte_pktmbuf_mtod(m, const void *)));
}

uint16_t
stage_route(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t nexthops[BURST_MAX];

	for (uint16_t first = 0, same; first < n; first += same) {
		same = lookup_run(w, pkts + first, n - first, nexthops);
		if (unlikely(nexthops[0] != nexthops[same - 1]))
			prefetch(w, nexthops, same);
		for (uint16_t i = 0; i < same; i++)
			pkt(pkts[first + i])->nexthop =
				member(w, pkts[first + i], (uint32_t)nexthops[i]);
	}
	return n;
}

void
stage_again(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct burst *again = &w->again;
	const uint16_t room = RTE_MIN(n, BURST_MAX - again->n);

	memcpy(again->pkts + again->n, pkts, room * sizeof(pkts[0]));
	again->n += room;
	if (unlikely(room < n))
		worker_hand_over(w, w->index, pkts + room, n - room, TASK_SEND_IP);
}
