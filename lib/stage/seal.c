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
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct pkt *p = pkt(pkts[i]);
		struct tunnel *t = tunnel_get(w->tables->tunnels, p->tunnel, p->tunnel_generation);
		struct sa *sa = t ? tunnel_sa(t, w->index) : NULL;

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
	uint16_t n_dead;

	n_dead = esp_seal_prepare(sa, pkts, n, t->outer_bytes, w->crypto, dead, why);
	for (uint16_t i = 0; i < n_dead; i++)
		drop(w, dead[i], why[i]);
	stage_crypto(w, sa, w->crypto);
}

void
stage_seal(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	stage_by_sa(w, pkts, assign(w, pkts, n), seal_group);
}

/* The finished envelope on its way, in pieces where it must be. */
static void
send_envelope(struct worker *w, struct tunnel *t, struct rte_mbuf *m)
{
	struct rte_mbuf *pieces[FRAG_MAX];
	const struct nexthop *nh = &w->tables->nexthops[pkt(m)->nexthop];
	uint16_t n, mtu = pkt(m)->frag_mtu;

	if (nh->type == NEXTHOP_TUNNEL) {
		/* the other tunnel has rules of its own for what is too big */
		stage_again(w, m);
		return;
	}
	if (mtu == 0 || m->pkt_len <= mtu) {
		stage_output_one(w, m);
		return;
	}
	n = frag_split(m, mtu, tunnel_outer_id(t, w->index), w->pool, pieces);
	if (n == 0)
		drop(w, m, DROP_fragmentation);
	for (uint16_t i = 0; i < n; i++)
		stage_output_one(w, pieces[i]);
}

void
stage_sealed(struct worker *w, struct sa *sa, struct rte_mbuf *m)
{
	struct tunnel *t = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);

	if (!t) {
		drop(w, m, DROP_tunnel_gone);
		return;
	}
	counter_add(&t->workers[w->index].out, 1, m->pkt_len);
	counter_add(&w->stats.esp_out, 1, m->pkt_len);
	tunnel_encapsulate(t, w->index, m);
	pkt(m)->depth++;
	send_envelope(w, t, m);
}
