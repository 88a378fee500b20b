/* SPDX-License-Identifier: BSD-3-Clause */

/* Outbound from the SA on: owner, ESP, outer headers, frame. RFC 3884, 4303 3.3. */

#include <netinet/in.h>

#include "esp_job.h"
#include "outer.h"
#include "stage.h"
#include "way.h"

/* What the envelopes of one SA's packets have in common. */
struct sealing {
	struct worker *w;
	struct tunnel *tunnel;
	struct sa *sa;
	struct crypto_burst *burst;
	struct esp_sa esp;
	struct outer outer;
	struct way way; /* with a port: the frame is finished before the crypto is done */
};

/* What most are: with AES-GCM, over IPv4, their way known, in Ethernet without a tag. */
static inline bool
is_common(const struct sealing *s)
{
	return esp_shape_is_common(s->esp.shape) && s->outer.shape.v4 && !s->outer.shape.udp &&
	       s->way.port && s->way.header_bytes == RTE_ETHER_HDR_LEN;
}

/* A frame is all but encrypted. */
static inline void
framed_note(const struct sealing *s, struct pkt *p)
{
	p->task = TASK_TX;
	p->port = s->way.port->index;
}

/*
 * All headers of one envelope, and its crypto job: the frame's where its way is known and wide
 * enough, then the outer ones, then ESP. The ciphertext is all that is missing then. false: no
 * mbuf.
 */
static __rte_noinline bool
seal_any(const struct sealing *s, struct rte_mbuf *m, uint64_t seq, uint16_t job)
{
	const struct outer_shape outer = s->outer.shape;
	const struct way *way = &s->way;
	struct pkt *p = pkt(m);
	const uint8_t next_header = p->family == 6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	const uint32_t bytes = outer.bytes + esp_bytes(s->esp.shape, m->pkt_len);
	const bool framed = way->port && bytes <= way->mtu && !p->frag_mtu;
	const uint32_t frame_bytes = framed ? way->header_bytes : 0;
	uint8_t *at = esp_seal_job(&s->esp, s->esp.shape, m, (uint16_t)(outer.bytes + frame_bytes),
		next_header, seq, rte_cpu_to_be_64(seq), s->burst, job);

	if (unlikely(!at))
		return false;
	/* the head is another mbuf when there was no room */
	p = pkt(s->burst->pkts[job]);
	at -= outer.bytes;
	outer_write(&s->outer, outer, s->tunnel, s->w->index, p, at, bytes);
	p->sa = s->sa;
	if (framed) {
		way_header_write(
			way, way->link, way->header_bytes, at - frame_bytes, outer.v4 ? 4 : 6);
		framed_note(s, p);
	}
	return true;
}

/* The same of one that is_common, and whose packet has room for it and fits. false: the packet is
 * as it was. */
static __rte_always_inline bool
seal_common(const struct sealing *s, struct rte_mbuf *m, uint64_t seq, uint16_t job)
{
	enum { OUTER = sizeof(struct rte_ipv4_hdr), FRAME = RTE_ETHER_HDR_LEN };
	const struct esp_shape shape = esp_shape_common(s->esp.shape.esn);
	struct pkt *p = pkt(m);
	const uint8_t next_header = p->family == 6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	const uint32_t bytes = OUTER + esp_bytes(shape, m->pkt_len);
	uint8_t *at;

	if (unlikely(bytes > s->way.mtu || p->frag_mtu ||
		     !esp_has_room(
			     m, esp_behind(shape, m->pkt_len), FRAME + OUTER + shape.overhead)))
		return false;
	at = esp_seal_in_place(&s->esp, shape, m, FRAME + OUTER, next_header, seq,
		rte_cpu_to_be_64(seq), s->burst, job);
	outer4_frame_write(&s->outer, s->tunnel, s->w->index, p, at - OUTER, bytes);
	way_header_write(&s->way, s->way.link, FRAME, at - OUTER - FRAME, 4);
	p->sa = s->sa;
	framed_note(s, p);
	return true;
}

/* common: is_common, where the compiler can see it. */
static __rte_always_inline void
seal_packets(const struct sealing *s, bool common, struct rte_mbuf **pkts, uint16_t n, uint64_t seq)
{
	uint16_t job = s->burst->n;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++) {
		const uint32_t inner_bytes = pkts[i]->pkt_len;

		if ((!common || unlikely(!seal_common(s, pkts[i], seq, job))) &&
			unlikely(!seal_any(s, pkts[i], seq, job))) {
			drop(s->w, pkts[i], DROP_no_mbuf);
			continue;
		}
		bytes += inner_bytes;
		seq++;
		job++;
	}
	n = job - s->burst->n;
	esp_jobs_end(s->burst, s->esp.session, job);
	esp_seal_end(s->sa, seq, bytes);
	counter_add(&s->tunnel->workers[s->w->index].out, n, bytes);
	counter_add(&s->w->stats.esp_out, n, bytes);
}

static void
seal_group(struct worker *w, struct tunnel *t, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct crypto_burst *burst)
{
	struct sealing s = {.w = w,
		.tunnel = t,
		.sa = sa,
		.esp = esp_sa_of(sa),
		.outer = outer_of(t),
		.burst = burst};
	struct rte_mbuf *dead[CRYPTO_BURST];
	enum drop_reason why[CRYPTO_BURST];
	uint16_t n_dead;
	uint64_t seq;

	if (!tunnel_needs_checksum(t))
		way_find(w, s.outer.nexthop, &s.way);
	n = esp_seal_begin(sa, pkts, n, &seq, dead, why, &n_dead);
	for (uint16_t i = 0; i < n_dead; i++)
		drop(w, dead[i], why[i]);
	if (likely(is_common(&s)))
		seal_packets(&s, true, pkts, n, seq);
	else
		seal_packets(&s, false, pkts, n, seq);
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
		for (uint16_t i = 0; i < n; i++)
			drop(w, pkts[i], DROP_no_sa);
		return;
	}
	if (unlikely(sa->tunnel_generation != t->generation)) {
		drop_bulk(w, pkts, n, DROP_tunnel_gone);
		return;
	}
	if (unlikely(sa->owner != w->index)) {
		for (uint16_t i = 0; i < n; i++)
			pkt(pkts[i])->tunnel_generation = t->generation;
		worker_hand_over(w, sa->owner, pkts, n, TASK_ESP_OUT);
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

/* Its way may be another one by now, and the tunnel's carrier, too: what it has says the envelope.
 */
static void
send_unframed(struct worker *w, const struct tunnel *t, struct rte_mbuf *m)
{
	if (pkt(m)->family == 6 && pkt(m)->proto == IPPROTO_UDP)
		tunnel_checksum(m);
	pkt(m)->nexthop = __atomic_load_n(&t->outer_nexthop, __ATOMIC_RELAXED);
	stage_output(w, &m, 1);
}

uint16_t
stage_framed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const uint16_t port = pkt(pkts[0])->port;
	uint16_t frames = 0;

	while (frames < n && pkt(pkts[frames])->task == TASK_TX && pkt(pkts[frames])->port == port)
		frames++;
	if (likely(frames))
		stage_frames(w, port, pkts, frames);
	return frames;
}

void
stage_sealed(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	const struct tunnel *t = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);

	if (unlikely(!t)) {
		drop_bulk(w, pkts, n, DROP_tunnel_gone);
		return;
	}
	for (uint16_t i = stage_framed(w, pkts, n); i < n; i++) {
		if (pkt(pkts[i])->task == TASK_TX)
			stage_frames(w, pkt(pkts[i])->port, &pkts[i], 1);
		else
			send_unframed(w, t, pkts[i]);
	}
}
