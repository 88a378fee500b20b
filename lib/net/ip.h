/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IP_H
#define IP_H

/* Small helpers on IP headers: checksums, TTL, ECN. Data path, any thread. */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "addr.h"
#include "drop.h"
#include "pkt.h"

/* RFC 1624 (eqn. 3): the checksum after a 16-bit word changed from old to new, all as they lie in
 * the packet. */
static inline uint16_t
ip_checksum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word)
{
	uint32_t sum = (uint16_t)~checksum + (uint16_t)~old_word + new_word;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/*
 * Takes one off the TTL. It, protocol and checksum are one word here, little-endian as pkt.h says:
 * RFC 1624 for a word that is one less, whose sum does not ask for the order of its bytes. The
 * carry out of the checksum comes round, which also makes 0 of 0xffff.
 */
static inline void
ip4_ttl_decrement(struct rte_ipv4_hdr *ip)
{
	const uint32_t less_and_more = (UINT32_C(1) << 16) - 1, round = UINT32_C(0xfffe) << 16;
	uint32_t word;

	memcpy(&word, &ip->time_to_live, sizeof(word));
	if (unlikely(word >= round))
		word += UINT32_C(1) << 16;
	word += less_and_more;
	memcpy(&ip->time_to_live, &word, sizeof(word));
}

/* Takes one off the TTL or hop limit of a parsed packet that is forwarded (its ttl is > 1), view
 * included. */
static inline void
ip_ttl_decrement(struct rte_mbuf *m)
{
	if (likely(pkt(m)->family == 4))
		ip4_ttl_decrement(rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *));
	else
		rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *)->hop_limits--;
	pkt(m)->ttl--;
}

/* Sets the ECN field of the parsed packet at m, IPv4 checksum and view included. */
void ip_ecn_set(struct rte_mbuf *m, uint8_t ecn);

/*
 * RFC 6040 figure 4: the inner ECN field after decapsulation, from both fields (0 Not-ECT, 1
 * ECT(1), 2 ECT(0), 3 CE). Returns 0 to 3, or -1 for "drop".
 */
int ip_ecn_decapsulate(uint8_t inner, uint8_t outer);

/* The addresses of a parsed packet. */
struct ip_addr ip_src(const struct rte_mbuf *m);
struct ip_addr ip_dst(const struct rte_mbuf *m);

/*
 * UDP, TCP, ICMP or ICMPv6 checksum over a chain, to the end of the IP packet, with the
 * pseudo-header of the parsed packet: what the checksum field should be when it is 0 now; 0 when it
 * is there and right.
 */
uint16_t ip_l4_checksum(const struct rte_mbuf *m);

#endif
