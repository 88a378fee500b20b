/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PARSE_H
#define PARSE_H

#include <rte_ip.h>

#include "drop.h"
#include "pkt.h"

/*
 * Reads the IP packet at the mbuf's data into its view: family, proto, flags (the fragment and DF
 * ones; the others are kept), tos, ttl, l4_offset, ports; trims Ethernet padding; makes
 * the headers contiguous. The IPv4 header checksum is verified unless the NIC did
 * (RTE_MBUF_F_RX_IP_CKSUM_GOOD, which is used up: it does not speak of an inner header). IPv6
 * extension headers are followed up to 8 deep: hop-by-hop, routing, destination options, fragment;
 * anything else ends the chain as the L4 protocol. Ports are those of TCP, UDP, UDP-Lite, SCTP.
 * Addresses are not judged here. Returns DROP_NONE or why the packet cannot go on. RFC 791, 8200.
 * Any thread.
 */
enum drop_reason parse_ip(struct rte_mbuf *m);

/*
 * For ECMP: over addresses, protocol and ports of the packet with this view and IP header. All
 * fragments of a packet hash alike: without ports. Any thread.
 */
uint32_t parse_flow_hash(const struct pkt *p, const void *ip);

/* Whether an address with this first byte is a plain unicast one: no martian, no link scope. false:
 * it has to be looked at. */
static inline bool
parse_is_plain_address(uint8_t family, uint8_t first)
{
	if (family == 4)
		return first != 0 && first != 127 && first != 169 && first < 224;
	return first != 0 && first < 0xfe;
}

static inline bool
parse_has_plain_addresses(const struct rte_mbuf *m)
{
	uint8_t family = pkt_const(m)->family;
	bool v4 = family == 4;
	size_t src = v4 ? offsetof(struct rte_ipv4_hdr, src_addr)
			: offsetof(struct rte_ipv6_hdr, src_addr);
	size_t dst = v4 ? offsetof(struct rte_ipv4_hdr, dst_addr)
			: offsetof(struct rte_ipv6_hdr, dst_addr);

	return parse_is_plain_address(family, *rte_pktmbuf_mtod_offset(m, const uint8_t *, src)) &&
	       parse_is_plain_address(family, *rte_pktmbuf_mtod_offset(m, const uint8_t *, dst));
}

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
	return likely(parse_has_plain_addresses(m)) ? DROP_NONE : parse_martian_odd(m);
}

/* Whether source or destination is link-local, or the destination a link-scope multicast or the
 * limited broadcast: never forwarded. */
static inline bool
parse_is_link_scope(const struct rte_mbuf *m)
{
	return unlikely(!parse_has_plain_addresses(m)) && parse_is_link_scope_odd(m);
}

#endif
