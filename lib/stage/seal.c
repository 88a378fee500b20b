/* SPDX-License-Identifier: BSD-3-Clause */

/* Outbound from the SA on: owner, ESP, outer headers, frame. RFC 3884, 4303 3.3. */

#include <netinet/in.h>

#include "esp_job.h"
#include "outer.h"
#include "stage.h"
#include "way.h"

/* What the envelopes of one SA's packets have in common. */
struct sealing {
	struct esp_sa esp;
	struct outer outer;
	struct way way; /* with a port: the frame is finished before the crypto is done */
};

/*
 * All headers of one envelope, and its crypto job: the frame's where its way is known and wide
 * enough, then the outer ones, then ESP. The ciphertext is all that is missing then. false: no
 * mbuf.
 */
static inline bool
seal_one(struct worker *w, struct tunnel *t, const struct sealing *s, struct rte_mbuf *m,
	uint64_t seq, struct crypto_burst *burst, uint16_t job)
{
	struct pkt *p = pkt(m);
	const uint32_t bytes = s->outer.bytes + esp_bytes(&s->esp, m->pkt_len);
	const bool framed = s->way.port && likely(bytes <= s->way.mtu && !p->frag_mtu);
	const uint16_t frame_bytes = framed ? s->way.header_bytes : 0;
	const uint8_t next_header = p->family == 6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	uint8_t *esp = esp_seal_job(&s->esp, m, s->outer.bytes + frame_bytes, next_header, seq,
		rte_cpu_to_be_64(seq), burst, job);

	if (unlikely(!esp))
		return false;
	p = pkt(burst->pkts[job]);
	outer_write(&s->outer, t, w->index, p, esp - s->outer.bytes, bytes);
	p->task = TASK_NONE;
	if (likely(framed)) {
		way_header_write(&s->way, esp - s->outer.bytes - frame_bytes, s->outer.family);
		p->task = TASK_TX;
		p->port = s->way.port->index;
	}
	return true;
}

static void
seal_group(struct worker *w, struct tunnel *t, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
	struct crypto_burst *burst)
{
	struct sealing s = {.esp = esp_sa_of(sa), .outer = outer_of(t)};
	struct rte_mbuf *dead[CRYPTO_BURST];
	enum drop_reason why[CRYPTO_BURST];
	uint16_t job = burst->n, n_dead;
	uint64_t seq, bytes = 0;

	if (!tunnel_needs_checksum(t))
		way_find(w, s.outer.nexthop, &s.way);
	n = esp_seal_begin(sa, pkts, n, &seq, dead, why, &n_dead);
	for (uint16_t i = 0; i < n_dead; i++)
		drop(w, dead[i], why[i]);
	for (uint16_t i = 0; i < n; i++) {
		const uint32_t inner_bytes = pkts[i]->pkt_len;

		if (unlikely(!seal_one(w, t, &s, pkts[i], seq, burst, job))) {
			drop(w, pkts[i], DROP_no_mbuf);
			continue;
		}
		pkt(burst->pkts[job++])->sa = sa;
		bytes += inner_bytes;
		seq++;
	}
	n = job - burst->n;
	esp_jobs_end(burst, s.esp.session, job);
	esp_seal_end(sa, seq, bytes);
	counter_add(&t->workers[w->index].out, n, bytes);
	counter_add(&w->stats.esp_out, n, bytes);
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
		for (uint16_t i = 0; i < n; i++) {
			pkt(pkts[i])->tunnel_generation = t->generation;
			worker_hand_over(w, sa->owner, pkts[i], TASK_ESP_OUT);
		}
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

/* How many of the packets from the first on are frames for its port, or are none as it is none. */
static inline uint16_t
leading(struct rte_mbuf **pkts, uint16_t n)
{
	const struct pkt *head = pkt_const(pkts[0]);
	uint16_t same = 1;

	while (same < n && pkt_const(pkts[same])->task == head->task &&
		pkt_const(pkts[same])->port == head->port)
		same++;
	return same;
}

void
stage_sealed(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	const struct tunnel *t = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);

	if (unlikely(!t)) {
		drop_bulk(w, pkts, n, DROP_tunnel_gone);
		return;
	}
	if (unlikely(tunnel_needs_checksum(t)))
		tunnel_checksum(pkts, n);
	for (uint16_t first = 0, same; first < n; first += same) {
		same = leading(pkts + first, n - first);
		if (likely(pkt(pkts[first])->task == TASK_TX))
			stage_frames(w, pkt(pkts[first])->port, pkts + first, same);
		else
			stage_output(w, pkts + first, same);
	}
}
