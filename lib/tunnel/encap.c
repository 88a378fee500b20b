/* SPDX-License-Identifier: BSD-3-Clause */
/* What a tunnel does to packets: outer headers on and off, and who may pass. Data path. */

#include <netinet/in.h>
#include <string.h>

#include "icmp.h"
#include "ip.h"
#include "parse.h"
#include "tunnel.h"

enum { ECN_MASK = 3 };

/* A one's complement sum of 16-bit words, folded. */
static inline uint16_t
sum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/*
 * The rules of the tunnel, but for an envelope that will be fragmented here: an IPv6 packet of up
 * to 1,280 bytes passes however small the tunnel's MTU is (RFC 4213 3.2.1), and its envelope needs
 * an ID and no DF. 0 or PKT_DF.
 */
static inline uint8_t
outer_df(const struct tunnel_rules *rules, const struct pkt *inner, uint32_t outer_bytes)
{
	if (unlikely(inner->frag_mtu && outer_bytes > inner->frag_mtu))
		return 0;
	return (inner->flags & rules->df_copied) | rules->df_set;
}

/* What of an outer IPv4 header is the same for all packets of a tunnel. Addresses and their sum as
 * they lie in it, the rest in host byte order. */
struct outer4 {
	uint32_t version_ihl, ttl_proto; /* each in the high bits of its word */
	uint32_t src, dst;
	uint32_t sum;
};

static inline struct outer4
outer4_of(const struct tunnel *tunnel)
{
	const struct rte_ipv4_hdr *ip = &tunnel->ip4;

	return (struct outer4){.version_ihl = (uint32_t)ip->version_ihl << 24,
		.ttl_proto = (uint32_t)ip->time_to_live << 24 | (uint32_t)ip->next_proto_id << 16,
		.src = ip->src_addr,
		.dst = ip->dst_addr,
		.sum = (uint16_t)~ip->hdr_checksum};
}

/*
 * Word by word, each made in a register: what is put together in memory and read again as a whole
 * stalls (store forwarding), which cost as much here as all the rest. id: 0 with DF, since a packet
 * that is never fragmented needs none (RFC 6864 4.1).
 */
static inline void
outer4_write(const struct outer4 *outer, uint8_t *ip, uint32_t total_bytes, uint8_t tos, bool df,
	uint16_t id)
{
	const uint32_t first = rte_cpu_to_be_32((uint32_t)tos << 16 | (uint16_t)total_bytes);
	const uint32_t second =
		rte_cpu_to_be_32((uint32_t)id << 16 | (df ? RTE_IPV4_HDR_DF_FLAG : 0));
	const uint16_t checksum = ~sum_fold(outer->sum + (uint16_t)first + (first >> 16) +
					    (uint16_t)second + (second >> 16));
	uint32_t *words = (uint32_t *)ip;

	words[0] = rte_cpu_to_be_32(outer->version_ihl) | first;
	words[1] = second;
	words[2] = rte_cpu_to_be_32(outer->ttl_proto | rte_be_to_cpu_16(checksum));
	words[3] = outer->src;
	words[4] = outer->dst;
}

static inline void
outer6_write(const struct tunnel *tunnel, uint8_t *to, uint32_t total_bytes, uint8_t tos)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)to;

	memcpy(ip, &tunnel->ip6, sizeof(*ip));
	ip->vtc_flow |= rte_cpu_to_be_32((uint32_t)tos << RTE_IPV6_HDR_TC_SHIFT);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(total_bytes - sizeof(*ip)));
}

/* The checksum is 0, "none", over IPv4; IPv6 does not allow that (RFC 3948 2.1, RFC 8200 8.1). */
static inline void
outer_udp_write(const struct rte_udp_hdr *like, uint8_t *to, uint32_t bytes)
{
	struct rte_udp_hdr udp = *like;

	udp.dgram_len = rte_cpu_to_be_16((uint16_t)bytes);
	memcpy(to, &udp, sizeof(udp));
}

/* The envelope's view, as the parser would have made it, and where it goes. */
static inline void
outer_view(const struct pkt *like, uint32_t nexthop, struct pkt *view, uint8_t tos, uint8_t df)
{
	const size_t first = offsetof(struct pkt, zone), end = offsetof(struct pkt, nexthop);

	memcpy((uint8_t *)view + first, (const uint8_t *)like + first, end - first);
	view->flags = like->flags | df;
	view->tos = tos;
	view->plain = 0;
	view->depth++;
	view->nexthop = nexthop;
}

void
tunnel_encapsulate(struct tunnel *tunnel, uint16_t worker, struct rte_mbuf **pkts, uint16_t n)
{
	const struct tunnel_rules rules = tunnel->rules;
	const struct outer4 outer4 = outer4_of(tunnel);
	const struct pkt like = tunnel->view;
	const uint32_t nexthop = __atomic_load_n(&tunnel->outer_nexthop, __ATOMIC_RELAXED);
	const uint16_t outer_bytes = tunnel->outer_bytes;
	const bool v4 = tunnel->outer_family == 4, udp = tunnel->carrier == TUNNEL_UDP;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct pkt *view = pkt(m);
		uint8_t tos = (view->tos & rules.tos_copied) | rules.tos_set;
		uint32_t bytes = m->pkt_len + outer_bytes;
		uint8_t df = outer_df(&rules, view, bytes);
		uint8_t *outer;

		m->data_off -= outer_bytes;
		m->data_len += outer_bytes;
		m->pkt_len = bytes;
		outer = rte_pktmbuf_mtod(m, uint8_t *);
		if (v4)
			outer4_write(&outer4, outer, bytes, tos, df,
				likely(df) ? 0 : (uint16_t)tunnel_outer_id(tunnel, worker));
		else
			outer6_write(tunnel, outer, bytes, tos);
		if (udp)
			outer_udp_write(v4 ? &tunnel->udp4 : &tunnel->udp6, outer + like.l4_offset,
				bytes - like.l4_offset);
		outer_view(&like, nexthop, view, tos, df);
	}
}

void
tunnel_checksum(struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(
			pkts[i], struct rte_udp_hdr *, pkt(pkts[i])->l4_offset);

		udp->dgram_cksum = ip_l4_checksum(pkts[i]);
		if (udp->dgram_cksum == 0)
			udp->dgram_cksum = 0xffff;
	}
}

/* The one of two addresses that is of the family. */
static const struct ip_addr *
of_family(const struct ip_addr *a, const struct ip_addr *b, uint8_t family)
{
	return a->family == family ? a : b;
}

/* DESIGN.md: between the link's addresses, ICMP errors of either end, link-local and link
 * multicast. */
static bool
is_links_own(const struct tunnel *tunnel, const struct rte_mbuf *m, bool outbound)
{
	const struct tunnel_config *c = &tunnel->config;
	struct ip_addr src = ip_src(m), dst = ip_dst(m);
	const struct ip_addr *ours = of_family(&c->address, &c->address6, src.family);
	const struct ip_addr *theirs = of_family(&c->peer_address, &c->peer_address6, src.family);

	if (ip_addr_equal(&src, outbound ? ours : theirs) &&
		(ip_addr_equal(&dst, outbound ? theirs : ours) || icmp_is_error(m)))
		return true;
	return parse_is_link_scope(m);
}

bool
tunnel_selects(const struct tunnel *tunnel, const struct rte_mbuf *m, bool outbound)
{
	for (uint32_t i = 0; i < tunnel->n_selectors; i++)
		if (selector_match(&tunnel->selectors[i], m, outbound))
			return true;
	return is_links_own(tunnel, m, outbound);
}

bool
tunnel_owns_outer6(const struct tunnel *tunnel, const struct rte_mbuf *m)
{
	const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *);

	/* what comes in is the template of what goes out, turned round */
	if (!ip_bytes_equal(ip->dst_addr, tunnel->ip6.src_addr, 6))
		return false;
	return tunnel->encapsulation == TUNNEL_TUNNEL ||
	       ip_bytes_equal(ip->src_addr, tunnel->ip6.dst_addr, 6);
}

/* Whether the ESP next header says what the packet's first byte says. */
static bool
next_header_agrees(const struct rte_mbuf *m, uint8_t next_header)
{
	uint8_t version = *rte_pktmbuf_mtod(m, const uint8_t *) >> 4;

	return version == (next_header == IPPROTO_IPIP ? 4 : 6);
}

enum drop_reason
tunnel_decapsulate(const struct tunnel *tunnel, struct rte_mbuf *m, uint8_t next_header)
{
	struct pkt *view = pkt(m);
	uint8_t outer_ecn = view->tos & ECN_MASK;
	int ecn;

	if (next_header != IPPROTO_IPIP && next_header != IPPROTO_IPV6)
		return DROP_esp_next_header;
	if (!pkt_pull(m, 1))
		return DROP_inner_malformed;
	if (!next_header_agrees(m, next_header))
		return DROP_esp_next_header;
	/* What the NIC and the parser found out was about the outer packet. */
	m->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	view->flags = 0;
	if (parse_ip(m) != DROP_NONE)
		return DROP_inner_malformed;
	ecn = ip_ecn_decapsulate(view->tos & ECN_MASK, outer_ecn);
	if (ecn < 0)
		return DROP_ecn_ce;
	if (ecn != (view->tos & ECN_MASK))
		ip_ecn_set(m, (uint8_t)ecn);
	if (!tunnel_admits(tunnel, m, false))
		return DROP_selector_in;
	view->flags |= PKT_DECRYPTED;
	view->zone = ZONE_TUNNEL;
	view->table = tunnel->table;
	view->tunnel = tunnel->index;
	view->tunnel_generation = tunnel->generation;
	return DROP_NONE;
}
