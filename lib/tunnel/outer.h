/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OUTER_H
#define OUTER_H

/* The outer headers of envelopes, written for many packets of one tunnel. Data path. */

#include <string.h>

#include "tunnel.h"

/* For a burst: with the tunnel's next hop of now. */
static inline struct outer
outer_of(const struct tunnel *tunnel)
{
	struct outer outer = tunnel->headers;

	outer.nexthop = __atomic_load_n(&tunnel->outer_nexthop, __ATOMIC_RELAXED);
	return outer;
}

/*
 * The rules of the tunnel, but for an envelope that will be fragmented here: an IPv6 packet of up
 * to 1,280 bytes passes however small the tunnel's MTU is (RFC 4213 3.2.1), and its envelope needs
 * an ID and no DF. 0 or PKT_DF.
 */
static inline uint8_t
outer_df(const struct outer *outer, const struct pkt *inner, uint32_t bytes)
{
	if (unlikely(inner->frag_mtu && bytes > inner->frag_mtu))
		return 0;
	return (inner->flags & outer->rules.df_copied) | outer->rules.df_set;
}

/* A one's complement sum of 16-bit words, folded. */
static inline uint16_t
outer_sum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/*
 * Word by word, each made in a register: what is put together in memory and read again as a whole
 * stalls (store forwarding), which cost as much here as all the rest. id: 0 with DF, since a packet
 * that is never fragmented needs none (RFC 6864 4.1).
 */
static inline void
outer4_write(const struct outer *outer, uint8_t *ip, uint32_t bytes, uint8_t tos, uint8_t df,
	uint16_t id)
{
	const uint32_t fragment = df ? RTE_IPV4_HDR_DF_FLAG : 0;
	const uint16_t checksum = ~outer_sum_fold(outer->sum + tos + bytes + fragment + id);
	const uint32_t word2 = rte_cpu_to_be_32(outer->ttl_proto | checksum);
	const uint64_t first = rte_cpu_to_be_64(
		(uint64_t)((uint32_t)RTE_IPV4_VHL_DEF << 24 | (uint32_t)tos << 16 | bytes) << 32 |
		(uint32_t)id << 16 | fragment);
	const uint64_t second = word2 | (uint64_t)outer->src << 32;

	memcpy(ip, &first, sizeof(first));
	memcpy(ip + 8, &second, sizeof(second));
	memcpy(ip + 16, &outer->dst, sizeof(outer->dst));
}

static inline void
outer6_write(const struct rte_ipv6_hdr *like, uint8_t *to, uint32_t bytes, uint8_t tos)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)to;

	memcpy(ip, like, sizeof(*ip));
	ip->vtc_flow = like->vtc_flow | rte_cpu_to_be_32((uint32_t)tos << RTE_IPV6_HDR_TC_SHIFT);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(bytes - sizeof(*ip)));
}

/* The checksum is 0, "none", over IPv4; IPv6 does not allow that (RFC 3948 2.1, RFC 8200 8.1). */
static inline void
outer_udp_write(const struct rte_udp_hdr *like, uint8_t *to, uint32_t bytes)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)to;

	memcpy(udp, like, sizeof(*udp));
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)bytes);
}

/* The envelope's view, as the parser would have made it, and where it goes. */
static inline void
outer_view(const struct outer *outer, struct pkt *view, uint8_t tos, uint8_t df)
{
	const uint64_t depth_and_answers = view->word2 & UINT64_C(0xffff) << PKT_DEPTH_SHIFT;

	view->word0 = outer->word0 | view->port | (uint64_t)df << PKT_FLAGS_SHIFT |
		      (uint64_t)tos << PKT_TOS_SHIFT;
	view->word1 = outer->word1;
	view->word2 = (outer->nexthop | depth_and_answers) + (UINT64_C(1) << PKT_DEPTH_SHIFT);
}

/*
 * Writes the outer headers of an envelope of `bytes` bytes, these included, to `at`; shape is the
 * tunnel's. The view is still that of the inner packet (tos, flags); after it, it is that of a
 * parsed envelope: zone self, PKT_PROTECTED, the tunnel's outer table and next hop, one tunnel
 * deeper, frag_mtu kept. What is encrypted may still be plaintext. IPv4 header checksum and length
 * are complete, and so is the UDP checksum over IPv4, 0; the one over IPv6 needs tunnel_checksum.
 * RFC 2003, 2473, 6040 4.1, 6864, 3948.
 */
static __rte_always_inline void
outer_write(const struct outer *outer, struct outer_shape shape, struct tunnel *tunnel,
	uint16_t worker, struct pkt *view, uint8_t *at, uint32_t bytes)
{
	const uint8_t tos = (view->tos & outer->rules.tos_copied) | outer->rules.tos_set;
	const uint8_t df = outer_df(outer, view, bytes);

	if (likely(shape.v4))
		outer4_write(outer, at, bytes, tos, df,
			likely(df) ? 0 : (uint16_t)tunnel_outer_id(tunnel, worker));
	else
		outer6_write(&tunnel->ip6, at, bytes, tos);
	if (shape.udp)
		outer_udp_write(shape.v4 ? &tunnel->udp4 : &tunnel->udp6, at + shape.l4_offset,
			bytes - shape.l4_offset);
	outer_view(outer, view, tos, df);
}

/*
 * The same of an envelope over IPv4 without UDP that goes out as it is, unfragmented, in a frame:
 * nobody looks at its view any more, which stays that of the inner packet.
 */
static __rte_always_inline void
outer4_frame_write(const struct outer *outer, struct tunnel *tunnel, uint16_t worker,
	const struct pkt *view, uint8_t *at, uint32_t bytes)
{
	const uint8_t tos = (view->tos & outer->rules.tos_copied) | outer->rules.tos_set;
	const uint8_t df = (view->flags & outer->rules.df_copied) | outer->rules.df_set;

	outer4_write(outer, at, bytes, tos, df,
		likely(df) ? 0 : (uint16_t)tunnel_outer_id(tunnel, worker));
}

#endif
