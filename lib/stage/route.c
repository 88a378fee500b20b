/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_prefetch.h>

#include "parse.h"
#include "stage.h"

/* Looks up a run of packets of one table and family. */
static void
lookup_run(const struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint64_t *nexthops)
{
	uint16_t table = pkt(pkts[0])->table;

	if (pkt(pkts[0])->family == 4) {
		uint32_t dst[BURST_MAX];

		for (uint16_t i = 0; i < n; i++)
			dst[i] = rte_be_to_cpu_32(
				rte_pktmbuf_mtod(pkts[i], struct rte_ipv4_hdr *)->dst_addr);
		fib_lookup4_bulk(w->tables->fib, table, dst, nexthops, n);
	} else {
		uint8_t dst[BURST_MAX][16];

		for (uint16_t i = 0; i < n; i++)
			memcpy(dst[i], rte_pktmbuf_mtod(pkts[i], struct rte_ipv6_hdr *)->dst_addr,
				16);
		fib_lookup6_bulk(w->tables->fib, table, dst, nexthops, n);
	}
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

	for (uint16_t first = 0, end; first < n; first = end) {
		const struct pkt *head = pkt(pkts[first]);

		for (end = first + 1; end < n; end++) {
			const struct pkt *p = pkt(pkts[end]);

			if (p->table != head->table || p->family != head->family)
				break;
		}
		lookup_run(w, pkts + first, end - first, nexthops);
		if (unlikely(nexthops[0] != nexthops[end - first - 1]))
			prefetch(w, nexthops, end - first);
		for (uint16_t i = first; i < end; i++)
			pkt(pkts[i])->nexthop = member(w, pkts[i], (uint32_t)nexthops[i - first]);
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
