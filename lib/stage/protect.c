/* SPDX-License-Identifier: BSD-3-Clause */

/* Outbound, until the SA: the tunnel's state, selectors and size. RFC 3884 2.2, RFC 4301 8. */

#include "stage.h"

enum { IPV6_MIN_MTU = 1280 };

enum fit {
	FIT_WHOLE,
	FIT_FRAGMENT_ENVELOPE, /* after ESP: the outer header lets us */
	FIT_FRAGMENT_INNER,    /* before ESP: the inner header lets us, the outer one does not */
	FIT_TOO_BIG
};

static enum drop_reason
tunnel_check(const struct tunnel *t, const struct rte_mbuf *m)
{
	if (!__atomic_load_n(&t->up, __ATOMIC_RELAXED))
		return DROP_tunnel_down;
	if (__atomic_load_n(&t->loop, __ATOMIC_RELAXED))
		return DROP_tunnel_loop;
	if (pkt_const(m)->depth >= TUNNEL_DEPTH_MAX)
		return DROP_nested_too_deep;
	if (!(pkt_const(m)->flags & PKT_PROTECTED) && !tunnel_admits(t, m, true))
		return DROP_selector_out;
	return DROP_NONE;
}

static enum fit
tunnel_fit(const struct tunnel *t, const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	bool inner_df = p->family == 6 || (p->flags & PKT_DF);
	bool outer_df = t->df == TUNNEL_DF_SET || (t->df == TUNNEL_DF_COPY && inner_df);

	if (m->pkt_len <= __atomic_load_n(&t->mtu, __ATOMIC_RELAXED))
		return FIT_WHOLE;
	if (m->pkt_len > t->payload_max)
		return inner_df ? FIT_TOO_BIG : FIT_FRAGMENT_INNER;
	/* RFC 2473 7.1: what every IPv6 link must carry is never refused */
	if (!outer_df || (p->family == 6 && m->pkt_len <= IPV6_MIN_MTU))
		return FIT_FRAGMENT_ENVELOPE;
	return inner_df ? FIT_TOO_BIG : FIT_FRAGMENT_INNER;
}

/* Cuts m and seals the pieces. */
static void
seal_fragments(struct worker *w, struct tunnel *t, struct rte_mbuf *m)
{
	struct rte_mbuf *pieces[FRAG_MAX];
	uint16_t n = frag_split(m, t->mtu, 0, w->pool, pieces);

	if (n == 0)
		drop(w, m, DROP_fragmentation);
	else
		stage_seal(w, pieces, n);
}

void
stage_protect(struct worker *w)
{
	struct rte_mbuf *ready[BURST_MAX];
	uint16_t n = 0;

	for (uint16_t i = 0; i < w->protect.n; i++) {
		struct rte_mbuf *m = w->protect.pkts[i];
		struct pkt *p = pkt(m);
		struct tunnel *t = tunnel_get(w->tables->tunnels, p->tunnel, p->tunnel_generation);
		enum drop_reason why = t ? tunnel_check(t, m) : DROP_tunnel_gone;

		if (why != DROP_NONE) {
			drop_with_error(w, m, why,
				why == DROP_selector_out ? ICMP_ERR_ADMIN_PROHIBITED
							 : ICMP_ERR_HOST_UNREACHABLE,
				0);
			continue;
		}
		p->frag_mtu = 0;
		switch (tunnel_fit(t, m)) {
		case FIT_FRAGMENT_ENVELOPE:
			p->frag_mtu = t->outer_mtu;
			/* fall through */
		case FIT_WHOLE:
			ready[n++] = m;
			break;
		case FIT_FRAGMENT_INNER:
			/* first what came before it, so that the order stays */
			stage_seal(w, ready, n);
			n = 0;
			seal_fragments(w, t, m);
			break;
		case FIT_TOO_BIG:
			drop_with_error(w, m, DROP_too_big, ICMP_ERR_TOO_BIG,
				p->family == 6 ? RTE_MAX(t->mtu, IPV6_MIN_MTU) : t->mtu);
		}
	}
	w->protect.n = 0;
	stage_seal(w, ready, n);
}
