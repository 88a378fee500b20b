/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

void
drop(struct worker *w, struct rte_mbuf *m, enum drop_reason why)
{
	w->stats.drops[why]++;
	rte_pktmbuf_free(m);
}

void
drop_bulk(struct worker *w, struct rte_mbuf **pkts, uint16_t n, enum drop_reason why)
{
	w->stats.drops[why] += n;
	rte_pktmbuf_free_bulk(pkts, n);
}

void
drop_with_error(struct worker *w, struct rte_mbuf *m, enum drop_reason why, enum icmp_error error,
	uint32_t mtu)
{
	bool told =
		pkt(m)->zone != ZONE_UNPROTECTED || why == DROP_ttl_expired || why == DROP_too_big;

	w->stats.drops[why]++;
	icmp_error_request(m, error, mtu);
	/* what the outside may not reach, it is told nothing about */
	if (told && icmp_error_allowed(m) && rte_ring_enqueue(w->to_control, m) == 0)
		w->stats.to_control++;
	else
		rte_pktmbuf_free(m);
}

void
worker_to_control(struct worker *w, struct rte_mbuf *m, enum pkt_task task)
{
	pkt(m)->task = task;
	if (rte_ring_enqueue(w->to_control, m) != 0)
		drop(w, m, DROP_control_full);
	else
		w->stats.to_control++;
}

void
worker_hand_over(struct worker *w, uint16_t to, struct rte_mbuf *m, enum pkt_task task)
{
	pkt(m)->task = task;
	if (rte_ring_enqueue(w->inboxes[to], m) != 0)
		drop(w, m, DROP_handover_full);
	else
		w->stats.handed_over++;
}
