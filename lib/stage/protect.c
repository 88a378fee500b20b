/* SPDX-License-Identifier: BSD-3-Clause */

/* Outbound, until the SA: the tunnel's state, selectors and size. RFC 3884 2.2, RFC 4301 8. */

#include "stage.h"

enum { IPV6_MIN_MTU = 1280 };

enum fit {
	FIT_FRAGMENT_ENVELOPE, /* after ESP: the outer header lets us */
	FIT_FRAGMENT_INNER,    /* before ESP: the inner header lets us, the outer one does not */
	FIT_TOO_BIG
};

/* NULL: it is gone. */
static inline struct tunnel *
tunnel_at(const struct worker *w, const struct rte_mbuf *m)
{
	return __atomic_load_n(
		&w->tables->tunnels->tunnels[pkt_const(m)->tunnel], __ATOMIC_ACQUIRE);
}

/* Why nothing goes into this tunnel now. */
static enum drop_reason
tunnel_check(const struct tunnel *t)
{
	if (!t)
		return DROP_tunnel_gone;
	if (!__atomic_load_n(&t->up, __ATOMIC_RELAXED))
		return DROP_tunnel_down;
	if (__atomic_load_n(&t->loop, __ATOMIC_RELAXED))
		return DROP_tunnel_loop;
	return DROP_NONE;
}

static inline enum drop_reason
packet_check(const struct tunnel *t, const struct rte_mbuf *m)
{
	if (pkt_const(m)->depth >= TUNNEL_DEPTH_MAX)
		return DROP_nested_too_deep;
	if (!(pkt_const(m)->flags & PKT_PROTECTED) && !tunnel_admits(t, m, true))
		return DROP_selector_out;
	return DROP_NONE;
}

/* How a packet larger than the tunnel's MTU gets through. */
static enum fit
tunnel_fit(const struct tunnel *t, const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	bool inner_df = p->family == 6 || (p->flags & PKT_DF);
	bool outer_df = t->df == TUNNEL_DF_SET || (t->df == TUNNEL_DF_COPY && inner_df);

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

	if (n == 0) {
		drop(w, m, DROP_fragmentation);
		return;
	}
	if (w->watcher.watch)
		watch_split(&w->watcher, pieces, n);
	stage_seal(w, t, pieces, n);
}

/* A packet that is too big as it is. */
static __rte_noinline void
protect_large(struct worker *w, struct tunnel *t, struct rte_mbuf *m)
{
	switch (tunnel_fit(t, m)) {
	case FIT_FRAGMENT_ENVELOPE:
		pkt(m)->frag_mtu = t->outer_mtu;
		pkt(m)->tunnel_generation = t->generation;
		stage_seal(w, t, &m, 1);
		break;
	case FIT_FRAGMENT_INNER:
		seal_fragments(w, t, m);
		break;
	case FIT_TOO_BIG:
		drop_with_error(w, m, DROP_too_big, ICMP_ERR_TOO_BIG,
			pkt(m)->family == 6 ? RTE_MAX(t->mtu, IPV6_MIN_MTU) : t->mtu);
	}
}

static void
refuse(struct worker *w, struct rte_mbuf *m, enum drop_reason why)
{
	drop_with_error(w, m, why,
		why == DROP_selector_out ? ICMP_ERR_ADMIN_PROHIBITED : ICMP_ERR_HOST_UNREACHABLE,
		0);
}

/* Packets of one tunnel. */
static void
protect_run(struct worker *w, struct tunnel *t, struct rte_mbuf **pkts, uint16_t n)
{
	enum drop_reason closed = tunnel_check(t);
	uint16_t mtu = t ? __atomic_load_n(&t->mtu, __ATOMIC_RELAXED) : 0;
	uint16_t ready = 0;

	/* mostly all of them, as they are */
	if (likely(closed == DROP_NONE && t->n_selectors == 0)) {
		while (ready < n && pkts[ready]->pkt_len <= mtu && pkt(pkts[ready])->depth == 0)
			ready++;
	}
	for (uint16_t i = ready; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		enum drop_reason why = closed != DROP_NONE ? closed : packet_check(t, m);

		if (unlikely(why != DROP_NONE)) {
			refuse(w, m, why);
			continue;
		}
		pkt(m)->frag_mtu = 0;
		if (likely(m->pkt_len <= mtu)) {
			pkts[ready++] = m;
			continue;
		}
		/* first what came before it, so that the order stays */
		stage_seal(w, t, pkts, ready);
		ready = 0;
		protect_large(w, t, m);
	}
	if (likely(ready))
		stage_seal(w, t, pkts, ready);
}

/* Of packets to many tunnels, these, and all that will be read of them and of their SAs: fetched
 * one step after the other, in loops that do nothing else, so that cache and TLB misses overlap. */
static inline void
find_and_fetch(const struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct tunnel **tunnels)
{
	for (uint16_t i = 0; i < n; i++) {
		tunnels[i] = tunnel_at(w, pkts[i]);
		if (likely(tunnels[i]))
			tunnel_prefetch_out(tunnels[i], w->index);
	}
	for (uint16_t i = 0; i < n; i++) {
		const struct sa *sa = NULL;

		if (likely(tunnels[i]))
			sa = __atomic_load_n(
				&tunnels[i]->workers[w->index].sa_out, __ATOMIC_ACQUIRE);
		if (likely(sa))
			sa_prefetch(sa);
	}
}

static __rte_noinline void
protect_many(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct tunnel *tunnels[BURST_MAX];

	find_and_fetch(w, pkts, n, tunnels);
	for (uint16_t first = 0, end; first < n; first = end) {
		for (end = first + 1; end < n && tunnels[end] == tunnels[first]; end++)
			;
		protect_run(w, tunnels[first], pkts + first, end - first);
	}
}

void
stage_protect(struct worker *w)
{
	struct rte_mbuf **pkts = w->protect.pkts;
	uint16_t n = w->protect.n, same = 1;

	if (n == 0)
		return;
	w->protect.n = 0;
	while (same < n && pkt(pkts[same])->tunnel == pkt(pkts[0])->tunnel)
		same++;
	if (likely(same == n))
		protect_run(w, tunnel_at(w, pkts[0]), pkts, n);
	else
		protect_many(w, pkts, n);
	stage_crypto(w);
}
