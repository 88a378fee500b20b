/* SPDX-License-Identifier: BSD-3-Clause */

/* Inbound: from the envelope to the inner packet. RFC 4303 3.4, RFC 3884, RFC 4301 5.2. */

#include <netinet/in.h>

#include <rte_esp.h>
#include <rte_prefetch.h>

#include "esp_job.h"
#include "parse.h"
#include "stage.h"

static inline rte_be32_t
esp_spi(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const struct rte_esp_hdr *, pkt_const(m)->l4_offset)->spi;
}

static inline struct sa *
find_sa(const struct worker *w, struct rte_mbuf *m)
{
	const uint8_t family = pkt_const(m)->family;
	const uint8_t *dst = rte_pktmbuf_mtod_offset(m, const uint8_t *,
		family == 4 ? offsetof(struct rte_ipv4_hdr, dst_addr)
			    : offsetof(struct rte_ipv6_hdr, dst_addr));

	return sad_lookup(w->tables->sad, esp_spi(m), family, dst);
}

/* What names an inbound SA, as one word: destination and SPI over IPv4. 0 over IPv6: is looked up
 * each time. */
static inline uint64_t
sa_name4(const struct rte_mbuf *m)
{
	if (unlikely(pkt_const(m)->family != 4))
		return 0;
	return (uint64_t)rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *)->dst_addr << 32 |
	       esp_spi(m);
}

/* A route said so, or, for a packet that came here without one, the tunnel does. */
static inline bool
is_for_us(const struct tunnel *t, const struct pkt *p)
{
	return p->nexthop != NEXTHOP_ID_NONE || __atomic_load_n(&t->receives, __ATOMIC_RELAXED);
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
	if (unlikely(pkt_const(m)->table != t->outer_table || !tunnel_owns_outer(t, m)))
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

/* Envelopes whose SA another worker owns, on their way there. */
struct away {
	uint16_t to, n;
	struct rte_mbuf *pkts[BURST_MAX];
};

static void
away_send(struct worker *w, struct away *away)
{
	worker_hand_over(w, away->to, away->pkts, away->n, TASK_ESP_IN);
	away->n = 0;
}

/* An envelope of another worker's SA, of which nothing that its owner writes is touched. */
static __rte_noinline void
away_add(struct worker *w, struct away *away, const struct sa *sa, struct rte_mbuf *m)
{
	const struct tunnel *t = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);
	enum drop_reason why = check_binding(t, m);

	if (why != DROP_NONE || !is_for_us(t, pkt(m))) {
		refuse(w, m, why);
		return;
	}
	if (away->n && away->to != sa->owner)
		away_send(w, away);
	pkt(m)->nexthop = NEXTHOP_ID_LOCAL;
	away->to = sa->owner;
	away->pkts[away->n++] = m;
}

/* Envelopes of one SA that follow each other, as they are made crypto jobs. */
struct opening {
	struct sa *sa;
	struct tunnel *tunnel;
	uint64_t name4; /* sa_name4 of its envelopes */
	bool over;      /* its lifetime */
	struct esp_sa esp;
	struct crypto_burst *burst;
	uint16_t job, end; /* the next one, and where the burst's room ends */
};

static inline void
opening_end(const struct opening *o)
{
	if (o->burst)
		esp_jobs_end(o->burst, o->esp.session, o->job);
}

static inline void
opening_begin(struct worker *w, struct opening *o, struct sa *sa)
{
	uint16_t room;

	opening_end(o);
	o->sa = sa;
	o->tunnel = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);
	o->over = !esp_open_may(sa);
	o->esp = esp_sa_of(sa);
	o->burst = stage_crypto_room(w, sa, &room);
	o->job = o->burst->n;
	o->end = o->job + room;
}

/* The envelope is its SA's, by its way and its owner: its job, or why not. *m may change (an
 * emptied first segment). */
static inline enum drop_reason
open_one(struct opening *o, struct rte_mbuf **m)
{
	uint64_t seq;
	enum drop_reason why;

	pkt(*m)->sa = o->sa;
	if (unlikely(o->over))
		return DROP_lifetime;
	pkt_trim_front(m, pkt(*m)->l4_offset);
	why = esp_open_check(&o->esp, o->sa, *m, &seq);
	if (likely(why == DROP_NONE))
		esp_open_job(&o->esp, *m, seq, o->burst, o->job++);
	return why;
}

/* Of envelopes of many SAs, what will be read of these: fetched all at once, one step after the
 * other. */
static __rte_noinline void
prefetch(const struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const struct sad_slot *slots[BURST_MAX];
	const struct sa *sa;

	for (uint16_t i = 0; i < n; i++) {
		slots[i] = sad_slot(w->tables->sad, esp_spi(pkts[i]));
		rte_prefetch0(slots[i]);
	}
	for (uint16_t i = 0; i < n; i++) {
		sa = __atomic_load_n(&slots[i]->sa, __ATOMIC_ACQUIRE);
		if (sa)
			sa_prefetch(sa);
	}
	for (uint16_t i = 0; i < n; i++) {
		sa = __atomic_load_n(&slots[i]->sa, __ATOMIC_ACQUIRE);
		if (sa)
			tunnel_prefetch(w->tables->tunnels, sa->tunnel, w->index);
	}
}

void
stage_open(struct worker *w)
{
	struct rte_mbuf **pkts = w->esp_in.pkts;
	struct opening o = {0};
	struct away away;
	uint16_t n = w->esp_in.n;

	if (n == 0)
		return;
	w->esp_in.n = 0;
	away.n = 0;
	if (unlikely(esp_spi(pkts[0]) != esp_spi(pkts[n - 1])))
		prefetch(w, pkts, n);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint64_t name = sa_name4(m);
		struct sa *sa = o.sa;
		enum drop_reason why;

		if (unlikely(name != o.name4 || name == 0))
			sa = find_sa(w, m);
		if (unlikely(!sa)) {
			refuse(w, m, DROP_esp_unknown_spi);
			continue;
		}
		if (unlikely(sa->owner != w->index)) {
			away_add(w, &away, sa, m);
			continue;
		}
		if (unlikely(sa != o.sa || o.job == o.end)) {
			opening_begin(w, &o, sa);
			o.name4 = name;
		}
		why = check_binding(o.tunnel, m);
		if (unlikely(why != DROP_NONE || !is_for_us(o.tunnel, pkt(m)))) {
			refuse(w, m, why);
			continue;
		}
		why = open_one(&o, &m);
		if (unlikely(why != DROP_NONE))
			drop(w, m, why);
	}
	opening_end(&o);
	if (unlikely(away.n))
		away_send(w, &away);
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
