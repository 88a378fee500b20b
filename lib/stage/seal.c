/* SPDX-License-Identifier: BSD-3-Clause */

/* Outbound from the SA on: owner, ESP, outer header. RFC 3884, 4303 3.3. */

#include "stage.h"

/* The SA for this worker's packets of a tunnel; NULL when there is none. */
static struct sa *
tunnel_sa(const struct tunnel *t, uint16_t worker)
{
	return __atomic_load_n(&t->sa_out[worker], __ATOMIC_ACQUIRE);
}

/*
 * Sets each packet's SA; packets without one die, packets of another worker's SA go there. Returns
 * how many stay.
 */
static uint16_t
assign(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const struct tunnel *t = NULL;
	struct sa *sa = NULL;
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct pkt *p = pkt(pkts[i]);

		if (!t || t->index != p->tunnel || t->generation != p->tunnel_generation) {
			t = tunnel_get(w->tables->tunnels, p->tunnel, p->tunnel_generation);
			sa = t ? tunnel_sa(t, w->index) : NULL;
		}
		if (!sa) {
			drop(w, pkts[i], t ? DROP_no_sa : DROP_tunnel_gone);
			continue;
		}
		if (sa->owner != w->index) {
			worker_hand_over(w, sa->owner, pkts[i], TASK_ESP_OUT);
			continue;
		}
		p->sa = sa;
		pkts[kept++] = pkts[i];
	}
	return kept;
}

static void
seal_group(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	struct tunnel *t = w->tables->tunnels->tunnels[sa->tunnel];
	struct rte_mbuf *dead[CRYPTO_BURST];
	enum drop_reason why[CRYPTO_BURST];
	uint64_t inner_bytes = sa->hot.traffic.bytes;
	uint16_t n_dead;

	n_dead = esp_seal_prepare(sa, pkts, n, t->outer_bytes, w->crypto, dead, why);
	for (uint16_t i = 0; i < n_dead; i++)
		drop(w, dead[i], why[i]);
	inner_bytes = sa->hot.traffic.bytes - inner_bytes;
	counter_add(&t->workers[w->index].out, w->crypto->n, inner_bytes);
	counter_add(&w->stats.esp_out, w->crypto->n, inner_bytes);
	stage_crypto(w, sa, w->crypto);
}

void
stage_seal(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	stage_by_sa(w, pkts, assign(w, pkts, n), seal_group);
}

/* An envelope larger than its way carries, in pieces. */
static void
send_pieces(struct worker *w, struct tunnel *t, struct rte_mbuf *m)
{
	struct rte_mbuf *pieces[FRAG_MAX];
	uint32_t nexthop = pkt(m)->nexthop;
	uint16_t n = frag_split(m, pkt(m)->frag_mtu, tunnel_outer_id(t, w->index), w->pool, pieces);

	if (n == 0)
		drop(w, m, DROP_fragmentation);
	else
		stage_output_run(w, nexthop, pieces, n);
}

/* Finished envelopes of one tunnel on their way. */
static void
send_envelopes(struct worker *w, struct tunnel *t, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t nexthop = __atomic_load_n(&t->outer_nexthop, __ATOMIC_RELAXED);
	uint16_t whole = 0;

	if (unlikely(w->tables->nexthops[nexthop].type == NEXTHOP_TUNNEL)) {
		/* the other tunnel has rules of its own for what is too big */
		for (uint16_t i = 0; i < n; i++)
			stage_again(w, pkts[i]);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (likely(!pkt(m)->frag_mtu || m->pkt_len <= pkt(m)->frag_mtu)) {
			pkts[whole++] = m;
			continue;
		}
		/* first what came before it, so that the order stays */
		stage_output_run(w, nexthop, pkts, whole);
		whole = 0;
		send_pieces(w, t, m);
	}
	stage_output_run(w, nexthop, pkts, whole);
}

void
stage_sealed(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	struct tunnel *t = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);

	if (unlikely(!t)) {
		drop_bulk(w, pkts, n, DROP_tunnel_gone);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		tunnel_encapsulate(t, w->index, pkts[i]);
		pkt(pkts[i])->depth++;
	}
	send_envelopes(w, t, pkts, n);
}
