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
 * The one's complement sum is the sum modulo 65,535: it is right when nothing is left, since a
 * header is never all zero. Of a header without options.
 */
static inline bool
parse_ipv4_checksum_right(const struct rte_ipv4_hdr *ip)
{
	uint64_t first, second, sum;
	uint32_t last;

	memcpy(&first, ip, sizeof(first));
	memcpy(&second, (const uint8_t *)ip + sizeof(first), sizeof(second));
	memcpy(&last, (const uint8_t *)ip + sizeof(first) + sizeof(second), sizeof(last));
	sum = (uint32_t)first + (first >> 32) + (uint32_t)second + (second >> 32) + last;
	return sum % 0xffff == 0;
}

/* Parses the packet if it is as most are: IPv4 without options, whole, in one piece as far as its
 * headers go, and right. false: parse_ip_any will find out. */
static inline bool
parse_ipv4_common(struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	struct pkt *p = pkt(m);
	const struct parse_l4 *l4;
	uint32_t ports;

	if (unlikely(m->data_len < sizeof(*ip) + 8 || ip->version_ihl != RTE_IPV4_VHL_DEF))
		return false;
	l4 = &parse_l4[ip->next_proto_id];
	if (unlikely(rte_be_to_cpu_16(ip->total_length) != m->pkt_len ||
		     (ip->fragment_offset & RTE_BE16((uint16_t)~RTE_IPV4_HDR_DF_FLAG)) ||
		     m->pkt_len < sizeof(*ip) + l4->bytes))
		return false;
	if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
		unlikely(!parse_ipv4_checksum_right(ip)))
		return false;
	m->ol_flags &= ~RTE_MBUF_F_RX_IP_CKSUM_MASK;
	p->family = 4;
	p->proto = ip->next_proto_id;
	p->flags = (p->flags & ~(PKT_FRAGMENT | PKT_LATER_FRAGMENT | PKT_DF)) |
		   (ip->fragment_offset ? PKT_DF : 0);
	p->tos = ip->type_of_service;
	p->ttl = ip->time_to_live;
	p->l4_offset = sizeof(*ip);
	memcpy(&ports, ip + 1, sizeof(ports));
	p->ports_be = ports & l4->ports;
	p->plain = parse_plain4[(uint8_t)ip->src_addr] & parse_plain4[(uint8_t)ip->dst_addr];
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
	return likely(parse_ipv4_common(m)) ? DROP_NONE : parse_ip_any(m);
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
