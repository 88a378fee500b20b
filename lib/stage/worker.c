/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <rte_cycles.h>

bool
worker_may(struct worker *w, uint32_t *budget)
{
	if (w->budget_tsc == 0 || w->now_tsc - w->budget_tsc > rte_get_tsc_hz()) {
		w->budget_tsc = w->now_tsc;
		w->budget = w->budget_full;
	}
	if (*budget == 0)
		return false;
	(*budget)--;
	return true;
}

/* What the record says of the SA is taken along: it may be gone when the record is written. Those
 * for which no SA was found say what their packet says. */
static void
audit_note_sa(struct pkt *p, enum drop_reason why)
{
	const struct sa *sa = p->sa;

	if (why == DROP_esp_unknown_spi || why == DROP_esp_address || why == DROP_esp_carrier)
		return;
	p->tunnel = sa->tunnel;
	p->tunnel_generation = sa->tunnel_generation;
	p->sa_spi_be = sa->spi_be;
}

/* true: the control lcore writes an audit record about the packet and frees it. Rate-limited: an
 * attacker's packets are counted, not logged. */
static bool
audit(struct worker *w, struct rte_mbuf *m, enum drop_reason why)
{
	if (!worker_may(w, &w->budget.audits))
		return false;
	audit_note_sa(pkt(m), why);
	pkt(m)->task = TASK_AUDIT;
	pkt(m)->argument = why;
	return rte_ring_enqueue(w->to_control, m) == 0;
}

/* true: the control lcore tells who negotiates SAs that a tunnel is needed, and frees the packet.
 * due: an ICMP error as well. */
static bool
acquire(struct worker *w, struct rte_mbuf *m, enum drop_reason why, bool due)
{
	if ((why != DROP_tunnel_down && why != DROP_no_sa) || !worker_may(w, &w->budget.acquires))
		return false;
	pkt(m)->task = TASK_ACQUIRE;
	pkt(m)->argument = due;
	return rte_ring_enqueue(w->to_control, m) == 0;
}

/* Noted before the packet is given away: it is not ours any more then. */
static inline void
look_drop(const struct worker *w, struct rte_mbuf *m, enum drop_reason why)
{
	if (unlikely(w->watcher.watch))
		watch_drop(&w->watcher, m, why);
}

static inline void
give_back(const struct worker *w, struct rte_mbuf *m)
{
	if (unlikely(w->watcher.watch))
		watch_end(&w->watcher, m);
	rte_pktmbuf_free(m);
}

void
drop(struct worker *w, struct rte_mbuf *m, enum drop_reason why)
{
	w->stats.drops[why]++;
	look_drop(w, m, why);
	if (drop_is_auditable(why) ? !audit(w, m, why) : !acquire(w, m, why, false))
		give_back(w, m);
}

void
drop_bulk(struct worker *w, struct rte_mbuf **pkts, uint16_t n, enum drop_reason why)
{
	w->stats.drops[why] += n;
	for (uint16_t i = 0; unlikely(w->watcher.watch) && i < n; i++) {
		watch_drop(&w->watcher, pkts[i], why);
		watch_end(&w->watcher, pkts[i]);
	}
	rte_pktmbuf_free_bulk(pkts, n);
}

void
drop_with_error(struct worker *w, struct rte_mbuf *m, enum drop_reason why, enum icmp_error error,
	uint32_t mtu)
{
	uint8_t zone = pkt(m)->zone;
	/* what the outside may not reach, it is told nothing about; and we know of our own */
	bool told = zone != ZONE_SELF &&
		    (zone != ZONE_UNPROTECTED || why == DROP_ttl_expired || why == DROP_too_big);

	w->stats.drops[why]++;
	look_drop(w, m, why);
	icmp_error_request(m, error, mtu);
	told = told && icmp_error_allowed(m) && worker_may(w, &w->budget.errors);
	if (acquire(w, m, why, told) || (told && rte_ring_enqueue(w->to_control, m) == 0))
		w->stats.to_control++;
	else
		give_back(w, m);
}

void
worker_to_control(struct worker *w, struct rte_mbuf *m, enum pkt_task task)
{
	pkt(m)->task = task;
	if (unlikely(w->watcher.watch))
		watch_to_control(&w->watcher, m, task);
	if (rte_ring_enqueue(w->to_control, m) != 0)
		drop(w, m, DROP_control_full);
	else
		w->stats.to_control++;
}

void
worker_hand_over(
	struct worker *w, uint16_t to, struct rte_mbuf **pkts, uint16_t n, enum pkt_task task)
{
	uint16_t taken;

	for (uint16_t i = 0; i < n; i++)
		pkt(pkts[i])->task = task;
	if (unlikely(w->watcher.watch))
		watch_hand_over(&w->watcher, to, pkts, n, task);
	taken = rte_ring_enqueue_burst(w->inboxes[to], (void **)pkts, n, NULL);
	w->stats.handed_over += taken;
	if (unlikely(taken < n))
		drop_bulk(w, pkts + taken, n - taken, DROP_handover_full);
}
