/* SPDX-License-Identifier: BSD-3-Clause */

/* Inbound: from the envelope to the inner packet. RFC 4303 3.4, RFC 3884, RFC 4301 5.2. */

#include <netinet/in.h>

#include <rte_esp.h>

#include "parse.h"
#include "stage.h"

static struct sa *
find_sa(const struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	rte_be32_t spi = rte_pktmbuf_mtod_offset(m, const struct rte_esp_hdr *, p->l4_offset)->spi;
	const uint8_t *dst = rte_pktmbuf_mtod_offset(m, const uint8_t *,
		p->family == 4 ? offsetof(struct rte_ipv4_hdr, dst_addr)
			       : offsetof(struct rte_ipv6_hdr, dst_addr));

	return sad_lookup(w->tables->sad, spi, p->family, dst);
}

/* Whether a packet that came here without a route is one for the tunnel's end. */
static inline bool
is_received(const struct tunnel *t, const struct pkt *p)
{
	return p->table == t->outer_table && __atomic_load_n(&t->receives, __ATOMIC_RELAXED);
}

/* Whether the envelope came the way its SA's tunnel says. The tunnel's state does not matter
 * inbound, its existence does. */
static inline enum drop_reason
check_binding(const struct tunnel *t, const struct rte_mbuf *m)
{
	if (unlikely(!t))
		return DROP_tunnel_gone;
	if (unlikely((t->carrier == TUNNEL_UDP) != (pkt_const(m)->proto == IPPROTO_UDP)))
		return DROP_esp_carrier;
	if (unlikely(!tunnel_owns_outer(t, m)))
		return DROP_esp_address;
	return DROP_NONE;
}

/*
 * ESP of no SA of ours, or not come the way it should. Without a route it may be somebody else's,
 * that we forward: then its route says.
 */
static __rte_noinline void
refuse(struct worker *w, struct rte_mbuf *m, enum drop_reason why)
{
	if (pkt(m)->nexthop == NEXTHOP_ID_NONE)
		stage_again(w, m);
	else
		drop(w, m, why);
}

/* Sets each envelope's SA, or sends it to the SA's owner. Returns how many stay, stripped to the
 * ESP header. */
static uint16_t
assign(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const struct tunnel *t = NULL;
	const struct sa *last = NULL;
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct pkt *p = pkt(m);
		struct sa *sa = find_sa(w, m);
		enum drop_reason why;

		if (unlikely(!sa)) {
			refuse(w, m, DROP_esp_unknown_spi);
			continue;
		}
		if (sa != last)
			t = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);
		last = sa;
		why = check_binding(t, m);
		if (unlikely(why != DROP_NONE ||
			     (p->nexthop == NEXTHOP_ID_NONE && !is_received(t, p)))) {
			refuse(w, m, why);
			continue;
		}
		if (unlikely(sa->owner != w->index)) {
			p->nexthop = NEXTHOP_ID_LOCAL;
			worker_hand_over(w, sa->owner, m, TASK_ESP_IN);
			continue;
		}
		p->sa = sa;
		pkt_trim_front(&m, p->l4_offset);
		pkts[kept++] = m;
	}
	return kept;
}

/* Packets of one SA, as crypto jobs. */
static void
open_run(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *dead[CRYPTO_BURST];
	enum drop_reason why[CRYPTO_BURST];

	while (n > 0) {
		uint16_t room, n_dead;
		struct crypto_burst *burst = stage_crypto_room(w, sa, &room);

		room = RTE_MIN(room, n);
		n_dead = esp_open_prepare(sa, pkts, room, burst, dead, why);
		for (uint16_t i = 0; i < n_dead; i++)
			drop(w, dead[i], why[i]);
		pkts += room;
		n -= room;
	}
}

void
stage_open(struct worker *w)
{
	struct rte_mbuf **pkts = w->esp_in.pkts;
	uint16_t n = w->esp_in.n;

	if (n == 0)
		return;
	w->esp_in.n = 0;
	n = assign(w, pkts, n);
	for (uint16_t first = 0, end; first < n; first = end) {
		struct sa *sa = pkt(pkts[first])->sa;

		for (end = first + 1; end < n && pkt(pkts[end])->sa == sa; end++)
			;
		open_run(w, sa, pkts + first, end - first);
	}
	stage_crypto(w);
}

void
stage_opened(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	struct tunnel *t = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);
	struct esp_opening opening = esp_open_begin(sa, n);
	uint64_t packets = 0, bytes = 0;

	if (unlikely(!t)) {
		drop_bulk(w, pkts, n, DROP_tunnel_gone);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint8_t next_header;
		enum drop_reason why = esp_open_finish(&opening, &m, &next_header);

		if (likely(why == DROP_NONE))
			why = tunnel_decapsulate(t, m, next_header);
		if (likely(why == DROP_NONE))
			why = parse_martian(m);
		if (unlikely(why != DROP_NONE)) {
			drop(w, m, why);
			continue;
		}
		packets++;
		bytes += m->pkt_len;
		stage_again(w, m);
	}
	esp_open_end(&opening);
	counter_add(&t->workers[w->index].in, packets, bytes);
	counter_add(&w->stats.esp_in, packets, bytes);
}
