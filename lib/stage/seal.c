/* SPDX-License-Identifier: BSD-3-Clause */

/* Outbound from the SA on: owner, ESP, outer header. RFC 3884, 4303 3.3. */

#include "stage.h"

/* ESP and outer headers around packets of one SA, as the crypto jobs that are still to be done. */
static void
seal_group(struct worker *w, struct tunnel *t, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct crypto_burst *burst)
{
	struct rte_mbuf *dead[CRYPTO_BURST];
	enum drop_reason why[CRYPTO_BURST];
	uint64_t inner_bytes = sa->hot.traffic.bytes;
	uint16_t first = burst->n, sealed, n_dead;

	n_dead = esp_seal_prepare(sa, pkts, n, t->outer_bytes, burst, dead, why);
	for (uint16_t i = 0; i < n_dead; i++)
		drop(w, dead[i], why[i]);
	sealed = burst->n - first;
	for (uint16_t i = first; i < burst->n; i++)
		pkt(burst->pkts[i])->sa = sa;
	tunnel_encapsulate(t, w->index, burst->pkts + first, sealed);
	inner_bytes = sa->hot.traffic.bytes - inner_bytes;
	counter_add(&t->workers[w->index].out, sealed, inner_bytes);
	counter_add(&w->stats.esp_out, sealed, inner_bytes);
}

void
stage_seal(struct worker *w, struct tunnel *t, struct rte_mbuf **pkts, uint16_t n)
{
	struct sa *sa;

	if (unlikely(!t)) {
		drop_bulk(w, pkts, n, DROP_tunnel_gone);
		return;
	}
	sa = __atomic_load_n(&t->workers[w->index].sa_out, __ATOMIC_ACQUIRE);
	if (unlikely(!sa)) {
		drop_bulk(w, pkts, n, DROP_no_sa);
		return;
	}
	if (unlikely(sa->owner != w->index)) {
		for (uint16_t i = 0; i < n; i++)
			worker_hand_over(w, sa->owner, pkts[i], TASK_ESP_OUT);
		return;
	}
	while (n > 0) {
		uint16_t room;
		struct crypto_burst *burst = stage_crypto_room(w, sa, &room);

		room = RTE_MIN(room, n);
		seal_group(w, t, sa, pkts, room, burst);
		pkts += room;
		n -= room;
	}
}

void
stage_sealed(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	struct tunnel *t = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);

	if (unlikely(!t)) {
		drop_bulk(w, pkts, n, DROP_tunnel_gone);
		return;
	}
	if (unlikely(tunnel_needs_checksum(t)))
		tunnel_checksum(pkts, n);
	stage_output(w, pkts, n);
}
