/* SPDX-License-Identifier: BSD-3-Clause */

/* A peer behind a NAT, or on the move, whose envelopes come from another address or UDP port. */

#include <netinet/in.h>

#include <rte_cycles.h>
#include <rte_jhash.h>

#include "esp_open.h"
#include "stage.h"

/* Not 0. */
static uint64_t
source_hash(const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	const bool v4 = p->family == 4;
	uint32_t address[4] = {0}, high = p->src_port_be, low = 0;

	/* in the packet it lies anywhere */
	memcpy(address,
		RTE_PTR_ADD(stage_outer_header(m), v4 ? offsetof(struct rte_ipv4_hdr, src_addr)
						      : offsetof(struct rte_ipv6_hdr, src_addr)),
		v4 ? 4 : 16);
	rte_jhash_2hashes(address, sizeof(address), &high, &low);
	return ((uint64_t)high << 32 | low) + 1;
}

/* NULL: no mbuf. */
static struct rte_mbuf *
notice_create(const struct worker *w, const struct sa *sa, const struct tunnel *t,
	const struct rte_mbuf *m)
{
	const uint16_t bytes = pkt_const(m)->l4_offset;
	struct rte_mbuf *notice = rte_pktmbuf_alloc(w->pool);
	char *headers = notice ? rte_pktmbuf_append(notice, bytes) : NULL;

	if (!headers) {
		rte_pktmbuf_free(notice);
		return NULL;
	}
	memcpy(headers, stage_outer_header(m), bytes);
	*pkt(notice) = *pkt_const(m);
	pkt(notice)->task = TASK_MAPPING;
	pkt(notice)->tunnel = t->index;
	pkt(notice)->tunnel_generation = t->generation;
	pkt(notice)->sa_spi_be = sa->spi_be;
	return notice;
}

/* Once for each source, and at most once a second for each tunnel. What cannot be told now is told
 * of a later packet. */
static void
tell(struct worker *w, const struct sa *sa, struct tunnel *t, const struct rte_mbuf *m)
{
	struct tunnel_worker *own = &t->workers[w->index];
	const uint64_t source = source_hash(m);
	struct rte_mbuf *notice;

	if (own->moved_to == source ||
		(own->moved_tsc && w->now_tsc - own->moved_tsc < rte_get_tsc_hz()) ||
		!worker_may(w, &w->budget.mappings))
		return;
	notice = notice_create(w, sa, t, m);
	if (!notice)
		return;
	if (rte_ring_enqueue(w->to_control, notice) != 0) {
		rte_pktmbuf_free(notice);
		return;
	}
	w->stats.to_control++;
	own->moved_to = source;
	own->moved_tsc = w->now_tsc;
}

/* As one that is received and refused: from its outer header on. */
static enum drop_reason
refuse(struct sa *sa, struct rte_mbuf *m)
{
	const uint16_t back = pkt(m)->l4_offset;
	const enum drop_reason why = esp_open_commit(sa, m);

	if (why != DROP_NONE)
		return why;
	pkt_move(m, (int16_t)back, back);
	return DROP_esp_address;
}

enum drop_reason
stage_moved(struct worker *w, struct sa *sa, struct tunnel *t, struct rte_mbuf *m)
{
	const struct replay_window *window = &sa->hot.window;
	const struct pkt *p = pkt(m);

	/* the tunnel has changed since it came */
	if (unlikely(p->proto != IPPROTO_UDP || p->family != t->outer_family))
		return DROP_NONE;
	if (window->size != 0 && p->seq > window->top)
		tell(w, sa, t, m);
	if (t->encapsulation == TUNNEL_TUNNEL || tunnel_is_remote(t, stage_outer_header(m)))
		return DROP_NONE;
	return refuse(sa, m);
}
