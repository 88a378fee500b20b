/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_TEST_PACKET_H
#define NET_TEST_PACKET_H

/* Packets of any length to be cut and put together, and what the headers of a fragment say. */

#include <netinet/in.h>

#include <rte_ip.h>

#include "pool.h"

enum packet_kind {
	PACKET_V4,
	PACKET_V4_DF,
	PACKET_V4_OPTIONS,  /* one with the "copied" flag, one without */
	PACKET_V4_FRAGMENT, /* a middle one, at offset 800 */
	PACKET_V6,
	PACKET_V6_EXTENSIONS, /* hop-by-hop, destination options, routing; destination options */
	PACKET_V6_FRAGMENT,
};

struct packet {
	uint8_t bytes[40 + 65535];
	uint32_t length;
	uint16_t header; /* bytes that all fragments have */
	uint16_t offset; /* when it is a fragment itself */
	bool more;
};

static inline void
packet_build_v4(struct packet *p, enum packet_kind kind)
{
	static const uint8_t addresses[] = {192, 0, 2, 1, 198, 51, 100, 2};
	static const uint8_t options[] = {0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0};
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p->bytes;

	p->header = kind == PACKET_V4_OPTIONS ? 32 : 20;
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = 0x40 | p->header / 4,
		.total_length = rte_cpu_to_be_16(p->length),
		.packet_id = rte_cpu_to_be_16(0x1234),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
	};
	memcpy(&ip->src_addr, addresses, sizeof(addresses));
	if (kind == PACKET_V4_DF)
		ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	if (kind == PACKET_V4_FRAGMENT) {
		p->offset = 800;
		p->more = true;
		ip->fragment_offset = rte_cpu_to_be_16(100 | RTE_IPV4_HDR_MF_FLAG);
	}
	if (kind == PACKET_V4_OPTIONS)
		memcpy(p->bytes + 20, options, sizeof(options));
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static inline void
packet_build_v6(struct packet *p, enum packet_kind kind)
{
	static const uint8_t addresses[] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		1, 0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
	static const uint8_t extensions[] = {
		/* hop-by-hop, destination options, routing of 24 bytes, destination options */
		60, 0, 1, 4, 0, 0, 0, 0, /* */
		43, 0, 1, 4, 0, 0, 0, 0, /* */
		60, 2, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
		16, /* */
		17, 0, 1, 4, 0, 0, 0, 0};
	static const uint8_t fragment[] = {17, 0, 0, 1, 0, 0, 0, 9};
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)p->bytes;

	p->header = sizeof(*ip);
	ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16(p->length - sizeof(*ip));
	ip->proto = IPPROTO_UDP;
	ip->hop_limits = 64;
	memcpy(ip->src_addr, addresses, sizeof(addresses));
	if (kind == PACKET_V6_EXTENSIONS) {
		p->header += 40;
		ip->proto = IPPROTO_HOPOPTS;
		memcpy(p->bytes + sizeof(*ip), extensions, sizeof(extensions));
	}
	if (kind == PACKET_V6_FRAGMENT) {
		ip->proto = IPPROTO_FRAGMENT;
		memcpy(p->bytes + sizeof(*ip), fragment, sizeof(fragment));
	}
}

static inline void
packet_build(struct packet *p, enum packet_kind kind, uint32_t length)
{
	for (uint32_t i = 0; i < sizeof(p->bytes); i++)
		p->bytes[i] = i * 31 + i / 251;
	p->length = length;
	p->offset = 0;
	p->more = false;
	if (kind <= PACKET_V4_FRAGMENT)
		packet_build_v4(p, kind);
	else
		packet_build_v6(p, kind);
}

struct fragment_fields {
	uint16_t header; /* bytes before what the fragment carries */
	uint16_t offset;
	uint32_t id;
	bool more;
};

/* Of a fragment with no header, or those of PACKET_V6_EXTENSIONS, before its fragment header. */
static inline struct fragment_fields
fragment_read(const struct rte_mbuf *m)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	struct fragment_fields f = {0};
	uint16_t field, at = 40;
	rte_be32_t id;

	if (data[0] >> 4 == 4) {
		field = data[6] << 8 | data[7];
		f.header = (data[0] & 0xf) * 4;
		f.offset = (field & 0x1fff) * 8;
		f.more = field & 0x2000;
		return f;
	}
	if (data[6] == IPPROTO_HOPOPTS) {
		at = 80;
		assert_int_equal(data[56], IPPROTO_FRAGMENT);
	} else {
		assert_int_equal(data[6], IPPROTO_FRAGMENT);
	}
	field = data[at + 2] << 8 | data[at + 3];
	memcpy(&id, data + at + 4, sizeof(id));
	f.header = at + 8;
	f.offset = field & ~7;
	f.more = field & 1;
	f.id = rte_be_to_cpu_32(id);
	return f;
}

/* Whether all that m has from offset on is what stands at bytes. */
static inline bool
carries(const struct rte_mbuf *m, uint32_t offset, const uint8_t *bytes)
{
	static uint8_t copy[65535 + 40];
	uint32_t length = m->pkt_len - offset;
	const void *at = rte_pktmbuf_read(m, offset, length, copy);

	return at && memcmp(at, bytes, length) == 0;
}

#endif
