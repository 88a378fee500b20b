/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt.h"

#include <string.h>

/* Whether nobody else sees the bytes of this segment's buffer. */
static bool
is_writable(const struct rte_mbuf *seg)
{
	if (rte_mbuf_refcnt_read(seg) != 1)
		return false;
	return RTE_MBUF_DIRECT(seg) ||
	       (RTE_MBUF_HAS_EXTBUF(seg) && rte_mbuf_ext_refcnt_read(seg->shinfo) == 1);
}

/* Moves n bytes from the segments after m to m's end, where there is room for them. */
static void
pull_from_next(struct rte_mbuf *m, uint16_t n)
{
	while (n > 0) {
		struct rte_mbuf *next = m->next;
		uint16_t part = RTE_MIN(n, next->data_len);

		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len),
			rte_pktmbuf_mtod(next, const uint8_t *), part);
		m->data_len += part;
		n -= part;
		next->data_off += part;
		next->data_len -= part;
		if (next->data_len == 0) {
			m->next = next->next;
			m->nb_segs--;
			rte_pktmbuf_free_seg(next);
		}
	}
}

bool
pkt_pull(struct rte_mbuf *m, uint16_t n)
{
	uint16_t need, tailroom;

	if (likely(m->data_len >= n))
		return true;
	need = n - m->data_len;
	if (m->pkt_len < n || !is_writable(m) || m->buf_len < n)
		return false;
	tailroom = rte_pktmbuf_tailroom(m);
	if (tailroom < need) {
		/* Only what is missing: the headroom is kept for the headers to come. */
		uint16_t down = need - tailroom;
		uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

		memmove(data - down, data, m->data_len);
		m->data_off -= down;
	}
	pull_from_next(m, need);
	return true;
}

/* Makes head the mbuf that is m's packet, m being none any more; m's segments are not touched. */
static void
take_identity(struct rte_mbuf *head, struct rte_mbuf *m)
{
	const uint64_t buffer_flags = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;

	head->ol_flags = (head->ol_flags & buffer_flags) | (m->ol_flags & ~buffer_flags);
	head->port = m->port;
	head->packet_type = m->packet_type;
	head->vlan_tci = m->vlan_tci;
	head->vlan_tci_outer = m->vlan_tci_outer;
	head->tx_offload = m->tx_offload;
	head->hash = m->hash;
	*pkt(head) = *pkt(m);
	*pkt_mark(head) = *pkt_mark(m);
	m->ol_flags &= ~PKT_WATCHED;
}

struct rte_mbuf *
pkt_prepend_segment(struct rte_mbuf *m, uint16_t n)
{
	struct rte_mbuf *head;

	if (is_writable(m) && rte_pktmbuf_headroom(m) >= n) {
		m->data_off -= n;
		m->data_len += n;
		m->pkt_len += n;
		return m;
	}
	head = rte_pktmbuf_alloc(m->pool);
	if (!head)
		return NULL;
	if (head->buf_len < n) {
		rte_pktmbuf_free(head);
		return NULL;
	}
	take_identity(head, m);
	/* At the end of the buffer: more headers may have to go before these. */
	head->data_off = head->buf_len - n;
	head->data_len = n;
	head->pkt_len = m->pkt_len + n;
	head->nb_segs = m->nb_segs + 1;
	head->next = m;
	m->nb_segs = 1;
	m->pkt_len = m->data_len;
	return head;
}

uint8_t *
pkt_append(struct rte_mbuf *m, uint16_t n)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(m), *seg;

	if (unlikely(!is_writable(last) || rte_pktmbuf_tailroom(last) < n)) {
		seg = rte_pktmbuf_alloc(m->pool);
		if (!seg)
			return NULL;
		if (rte_pktmbuf_tailroom(seg) < n) {
			rte_pktmbuf_free(seg);
			return NULL;
		}
		last->next = seg;
		m->nb_segs++;
		last = seg;
	}
	last->data_len += n;
	m->pkt_len += n;
	return rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len - n);
}

void
pkt_trim_front_segments(struct rte_mbuf **m, uint32_t n)
{
	struct rte_mbuf *head = *m, *next;

	while (n > 0 && n >= head->data_len && head->next) {
		next = head->next;
		take_identity(next, head);
		next->nb_segs = head->nb_segs - 1;
		next->pkt_len = head->pkt_len - head->data_len;
		n -= head->data_len;
		rte_pktmbuf_free_seg(head);
		head = next;
	}
	head->data_off += n;
	head->data_len -= n;
	head->pkt_len -= n;
	*m = head;
}

void
pkt_trim_end(struct rte_mbuf *m, uint32_t n)
{
	uint32_t left = m->pkt_len - n;
	struct rte_mbuf *last = m, *seg;
	uint16_t segs = 1;

	m->pkt_len = left;
	while (left > last->data_len) {
		left -= last->data_len;
		last = last->next;
		segs++;
	}
	last->data_len = left;
	seg = last->next;
	last->next = NULL;
	m->nb_segs = segs;
	while (seg) {
		struct rte_mbuf *next = seg->next;

		rte_pktmbuf_free_seg(seg);
		seg = next;
	}
}

void
pkt_write(struct rte_mbuf *m, uint32_t offset, const void *from, uint32_t n)
{
	const uint8_t *bytes = from;

	for (; n > 0; m = m->next) {
		uint32_t part;

		if (offset >= m->data_len) {
			offset -= m->data_len;
			continue;
		}
		part = RTE_MIN(n, m->data_len - offset);
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, offset), bytes, part);
		bytes += part;
		n -= part;
		offset = 0;
	}
}
