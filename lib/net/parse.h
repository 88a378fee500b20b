/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PARSE_H
#define PARSE_H

#include <string.h>

#include <rte_ip.h>

#include "drop.h"
#include "pkt.h"

/* What the packet path reads of an L4 header. */
struct parse_l4 {
	uint32_t ports; /* mask of its first four bytes, as they lie there: ports, or type and code
			 */
	uint8_t bytes;  /* the shortest there is */
};

extern const struct parse_l4 parse_l4[256]; /* by protocol */
extern const uint8_t parse_plain4[256];     /* by an IPv4 address's first byte */

/* The rest of parse_ip: what is not as most packets are. */
enum drop_reason parse_ip_any(struct rte_mbuf *m);

/*
 * The one's complement sum is the sum modulo 65,535, also of 64-bit words whose carries come round:
 * it is right when nothing is left, since a header is never all zero. Of a header without options,
 * in its words: the first 8 bytes, the next, and the destination.
 */
static inline bool
parse_ipv4_checksum_right(uint64_t first, uint64_t second, uint32_t dst)
{
	uint64_t sum;

	sum = __builtin_add_overflow(first, second, &sum) ? sum + 1 : sum;
	sum = __builtin_add_overflow(sum, dst, &sum) ? sum + 1 : sum;
	return sum % 0xffff == 0;
}

/* Of the first 8 bytes of an IPv4 header: version, length and the fragment field but for DF. */
#define PARSE_IPV4_FIXED (UINT8_MAX | (uint64_t)RTE_BE16((uint16_t)~RTE_IPV4_HDR_DF_FLAG) << 48)

/* PKT_DF or 0, by the first 8 bytes of an IPv4 header. */
static inline uint8_t
parse_ipv4_df(uint64_t first)
{
	enum { DF_BIT = 54 };

	RTE_BUILD_BUG_ON(UINT64_C(1) << DF_BIT != (uint64_t)RTE_BE16(RTE_IPV4_HDR_DF_FLAG) << 48);
	return first >> DF_BIT & 1 ? PKT_DF : 0;
}

/* Whether an IPv4 header without options has the right checksum, by the NIC's word or its own. The
 * NIC's is used up: it does not speak of an inner header. first, second: its first 16 bytes. */
static inline bool
parse_ipv4_checked(struct rte_mbuf *m, uint64_t first, uint64_t second, uint32_t dst)
{
	const uint64_t checked = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	if (checked != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
		unlikely(!parse_ipv4_checksum_right(first, second, dst)))
		return false;
	if (checked)
		m->ol_flags &= ~RTE_MBUF_F_RX_IP_CKSUM_MASK;
	return true;
}

enum { PARSE_IPV4_BYTES = sizeof(struct rte_ipv4_hdr) + 8 }; /* that are read of a packet */

/* The total length of an IPv4 packet that is as most are but perhaps for its checksum: without
 * options, no fragment, long enough for what it carries. 0: another one. first: its first 8 bytes.
 */
static inline uint32_t
parse_ipv4_length(const struct rte_ipv4_hdr *ip, uint64_t first)
{
	const uint32_t bytes = rte_be_to_cpu_16(ip->total_length);

	if (unlikely((first & PARSE_IPV4_FIXED) != RTE_IPV4_VHL_DEF ||
		     bytes < sizeof(*ip) + parse_l4[ip->next_proto_id].bytes))
		return 0;
	return bytes;
}

/* Whether both addresses are plain: 0 or 1. */
static inline uint8_t
parse_ipv4_plain(const struct rte_ipv4_hdr *ip)
{
	return parse_plain4[(uint8_t)ip->src_addr] & parse_plain4[(uint8_t)ip->dst_addr];
}

/* What the view of such a packet says, but for its addresses. first: its first 8 bytes. */
static __rte_always_inline void
parse_ipv4_view(struct pkt *p, const struct rte_ipv4_hdr *ip, uint64_t first, uint8_t flags)
{
	uint32_t ports;

	p->family = 4;
	p->proto = ip->next_proto_id;
	p->flags = flags | parse_ipv4_df(first);
	p->tos = ip->type_of_service;
	p->ttl = ip->time_to_live;
	p->l4_offset = sizeof(*ip);
	memcpy(&ports, ip + 1, sizeof(ports));
	p->ports_be = ports & parse_l4[ip->next_proto_id].ports;
}

/* Parses the packet that begins `before` bytes behind the mbuf's data, if it is as most are: IPv4
 * without options, whole, in one piece as far as its headers go, and right. flags: the view's, but
 * for what is found out here. false: nothing is changed, and parse_ip_any will find out. */
static __rte_always_inline bool
parse_ipv4_common(struct rte_mbuf *m, uint16_t before, uint8_t flags)
{
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, before);
	uint64_t first, second;

	if (unlikely(m->data_len < before + PARSE_IPV4_BYTES))
		return false;
	memcpy(&first, ip, sizeof(first));
	memcpy(&second, (const uint8_t *)ip + sizeof(first), sizeof(second));
	if (unlikely(parse_ipv4_length(ip, first) != m->pkt_len - before ||
		     !parse_ipv4_checked(m, first, second, ip->dst_addr)))
		return false;
	parse_ipv4_view(pkt(m), ip, first, flags);
	pkt(m)->plain = parse_ipv4_plain(ip);
	return true;
}

/*
 * Reads the IP packet at the mbuf's data into its view: family, proto, flags (the fragment and DF
 * ones; the others are kept), tos, ttl, l4_offset, ports; trims Ethernet padding; makes
 * the headers contiguous; notes whether its addresses are plain. The IPv4 header checksum is
 * verified unless the NIC did (RTE_MBUF_F_RX_IP_CKSUM_GOOD, which is used up: it does not speak of
 * an inner header). IPv6 extension headers are followed up to 8 deep: hop-by-hop, routing,
 * destination options, fragment; anything else ends the chain as the L4 protocol. Ports are those
 * of TCP, UDP, UDP-Lite, SCTP. Addresses are not judged here. Returns DROP_NONE or why the packet
 * cannot go on. RFC 791, 8200. Any thread.
 */
static inline enum drop_reason
parse_ip(struct rte_mbuf *m)
{
	const uint8_t found = PKT_FRAGMENT | PKT_LATER_FRAGMENT | PKT_DF;

	return likely(parse_ipv4_common(m, 0, pkt(m)->flags & ~found)) ? DROP_NONE
								       : parse_ip_any(m);
}

/*
 * For ECMP: over addresses, protocol and ports of the packet with this view and IP header. All
 * fragments of a packet hash alike: without ports. Any thread.
 */
uint32_t parse_flow_hash(const struct pkt *p, const void *ip);

/* The rare halves of the two below: where an address is not a plain one. */
enum drop_reason parse_martian_odd(const struct rte_mbuf *m);
bool parse_is_link_scope_odd(const struct rte_mbuf *m);

/*
 * Martians (RFC 1812 5.3.7, RFC 4291): sources that must not arrive from outside (multicast,
 * broadcast, loopback, unspecified, link-local towards another link), destinations that must not be
 * forwarded (loopback, unspecified, 0/8, 240/4 but broadcast, multicast of interface-local scope).
 * The unspecified source of ND (DAD) and of DHCP passes when the destination is multicast or
 * broadcast. Link-local ones pass here: the caller knows whether it forwards (parse_is_link_scope).
 * Needs a parsed packet.
 */
static inline enum drop_reason
parse_martian(const struct rte_mbuf *m)
{
	return likely(pkt_const(m)->plain) ? DROP_NONE : parse_martian_odd(m);
}

/* Whether source or destination is link-local, or the destination a link-scope multicast or the
 * limited broadcast: never forwarded. */
static inline bool
parse_is_link_scope(const struct rte_mbuf *m)
{
	return unlikely(!pkt_const(m)->plain) && parse_is_link_scope_odd(m);
}

#endif
