/* SPDX-License-Identifier: BSD-3-Clause */
#include "frag.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#include "parse.h"

enum {
	V6_FRAGMENT_HEADER = 8,
	V4_OPTION_COPIED = 0x80,
	V4_OPTION_END = 0,
	V4_OPTION_NOP = 1,
};

/* How one packet is cut. */
struct cut {
	struct rte_mbuf *packet;
	uint16_t kept;        /* bytes of it that every fragment begins with */
	uint16_t next_at;     /* IPv6: where in them the next header field is that becomes 44 */
	uint16_t header;      /* kept, and the IPv6 fragment header */
	uint16_t payload_max; /* a multiple of 8 */
	uint32_t payload;     /* of the whole packet */
	uint32_t id;
};

/* RFC 8200 4.5: the headers up to the routing header, or else the hop-by-hop one, are in every
 * fragment. The parser has walked here before. */
static void
find_kept_v6(struct cut *cut)
{
	const uint8_t *data = rte_pktmbuf_mtod(cut->packet, const uint8_t *);
	uint16_t next_at = offsetof(struct rte_ipv6_hdr, proto),
		 offset = sizeof(struct rte_ipv6_hdr);

	cut->kept = offset;
	cut->next_at = next_at;
	while (offset < pkt(cut->packet)->l4_offset) {
		uint8_t type = data[next_at];

		next_at = offset;
		offset += (data[offset + 1] + 1) * 8;
		if (type == IPPROTO_DSTOPTS)
			continue;
		cut->kept = offset;
		cut->next_at = next_at;
	}
}

/* false when the packet cannot be cut. */
static bool
plan(struct cut *cut, uint16_t mtu)
{
	struct pkt *p = pkt(cut->packet);

	if (p->family == 4) {
		cut->kept = p->l4_offset;
		cut->header = cut->kept;
	} else {
		if (p->flags & PKT_FRAGMENT)
			return false;
		find_kept_v6(cut);
		cut->header = cut->kept + V6_FRAGMENT_HEADER;
	}
	if (mtu < cut->header + 8)
		return false;
	cut->payload_max = RTE_ALIGN_FLOOR(mtu - cut->header, 8);
	cut->payload = cut->packet->pkt_len - cut->kept;
	return cut->payload <= (uint32_t)cut->payload_max * FRAG_MAX;
}

/* RFC 791 3.1: options without the "copied" flag are in the first fragment only. */
static void
blank_options(uint8_t *at, uint16_t length)
{
	for (uint16_t i = 0; i < length && at[i] != V4_OPTION_END;) {
		uint16_t size = 1;

		if (at[i] != V4_OPTION_NOP) {
			if (i + 1 >= length || at[i + 1] < 2 || i + at[i + 1] > length)
				return;
			size = at[i + 1];
			if (!(at[i] & V4_OPTION_COPIED))
				memset(at + i, V4_OPTION_NOP, size);
		}
		i += size;
	}
}

static void
write_header_v4(const struct cut *cut, uint8_t *header, uint32_t offset, uint16_t length)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)header;
	/* The packet may be a fragment itself: its own offset and MF count. */
	uint16_t field = rte_be_to_cpu_16(ip->fragment_offset) + offset / 8;

	if (offset + length < cut->payload)
		field |= RTE_IPV4_HDR_MF_FLAG;
	ip->fragment_offset = rte_cpu_to_be_16(field);
	ip->total_length = rte_cpu_to_be_16(cut->header + length);
	if (offset > 0)
		blank_options(header + sizeof(*ip), cut->kept - sizeof(*ip));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void
write_header_v6(const struct cut *cut, uint8_t *header, uint32_t offset, uint16_t length)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)header;
	struct rte_ipv6_fragment_ext extension = {
		.next_header = header[cut->next_at],
		.frag_data = rte_cpu_to_be_16(offset | (offset + length < cut->payload)),
		.id = rte_cpu_to_be_32(cut->id),
	};

	header[cut->next_at] = IPPROTO_FRAGMENT;
	ip->payload_len = rte_cpu_to_be_16(cut->header + length - sizeof(*ip));
	memcpy(header + cut->kept, &extension, sizeof(extension));
}

/* Copies length bytes at offset of from to the end of to, in new segments when there is no room. */
static bool
append_copy(struct rte_mbuf *to, const struct rte_mbuf *from, uint32_t offset, uint32_t length)
{
	while (length > 0) {
		uint16_t room = rte_pktmbuf_tailroom(rte_pktmbuf_lastseg(to)), part;
		uint8_t *at;
		const void *bytes;

		if (room == 0)
			room = rte_pktmbuf_data_room_size(to->pool) - RTE_PKTMBUF_HEADROOM;
		part = RTE_MIN(length, room);
		at = pkt_append(to, part);
		if (!at)
			return false;
		bytes = rte_pktmbuf_read(from, offset, part, at);
		if (bytes != at)
			memcpy(at, bytes, part);
		offset += part;
		length -= part;
	}
	return true;
}

/* The fragment that begins at offset of the payload. NULL: no mbuf. */
static struct rte_mbuf *
cut_one(const struct cut *cut, uint32_t offset, struct rte_mempool *pool)
{
	uint16_t length = RTE_MIN(cut->payload - offset, (uint32_t)cut->payload_max);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *header;

	if (!m)
		return NULL;
	*pkt(m) = *pkt(cut->packet);
	pkt_mark_copy(m, cut->packet);
	m->port = cut->packet->port;
	header = (uint8_t *)rte_pktmbuf_append(m, cut->header);
	if (!header)
		goto fail;
	memcpy(header, rte_pktmbuf_mtod(cut->packet, const uint8_t *), cut->kept);
	if (pkt(m)->family == 4)
		write_header_v4(cut, header, offset, length);
	else
		write_header_v6(cut, header, offset, length);
	if (!append_copy(m, cut->packet, cut->kept + offset, length) || parse_ip(m) != DROP_NONE)
		goto fail;
	return m;
fail:
	rte_pktmbuf_free(m);
	return NULL;
}

uint16_t
frag_split(struct rte_mbuf *m, uint16_t mtu, uint32_t id, struct rte_mempool *pool,
	struct rte_mbuf *out[FRAG_MAX])
{
	struct cut cut = {.packet = m, .id = id};
	uint16_t n = 0;

	if (m->pkt_len <= mtu) {
		out[0] = m;
		return 1;
	}
	if (!plan(&cut, mtu))
		return 0;
	for (uint32_t offset = 0; offset < cut.payload; offset += cut.payload_max) {
		out[n] = cut_one(&cut, offset, pool);
		if (!out[n]) {
			rte_pktmbuf_free_bulk(out, n);
			return 0;
		}
		n++;
	}
	rte_pktmbuf_free(m);
	return n;
}
