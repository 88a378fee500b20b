/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PARSE_H
#define PARSE_H

#include "drop.h"
#include "pkt.h"

/*
 * Reads the IP packet at the mbuf's data into its view: family, proto, flags (the fragment and DF
 * ones; the others are kept), tos, ttl, l4_offset, ports, flow_hash; trims Ethernet padding; makes
 * the headers contiguous. The IPv4 header checksum is verified unless the NIC did
 * (RTE_MBUF_F_RX_IP_CKSUM_GOOD, which is used up: it does not speak of an inner header). IPv6
 * extension headers are followed up to 8 deep: hop-by-hop, routing, destination options, fragment;
 * anything else ends the chain as the L4 protocol. Ports are those of TCP, UDP, UDP-Lite, SCTP. All
 * fragments of a packet hash alike: without ports. Addresses are not judged here. Returns DROP_NONE
 * or why the packet cannot go on. RFC 791, 8200. Any thread.
 */
enum drop_reason parse_ip(struct rte_mbuf *m);

/*
 * Martians (RFC 1812 5.3.7, RFC 4291): sources that must not arrive from outside (multicast,
 * broadcast, loopback, unspecified, link-local towards another link), destinations that must not be
 * forwarded (loopback, unspecified, 0/8, 240/4 but broadcast, multicast of interface-local scope).
 * The unspecified source of ND (DAD) and of DHCP passes when the destination is multicast or
 * broadcast. Link-local ones pass here: the caller knows whether it forwards (parse_is_link_scope).
 * Needs a parsed packet.
 */
enum drop_reason parse_martian(const struct rte_mbuf *m);

/* Whether source or destination is link-local, or the destination a link-scope multicast or the
 * limited broadcast: never forwarded. */
bool parse_is_link_scope(const struct rte_mbuf *m);

#endif
