/* SPDX-License-Identifier: BSD-3-Clause */
/* What a tunnel does to packets: outer headers on and off, and who may pass. Data path. */

#include <netinet/in.h>
#include <string.h>

#include "icmp.h"
#include "ip.h"
#include "parse.h"
#include "tunnel.h"

enum { ECN_MASK = 3, DSCP_SHIFT = 2 };

/* A one's complement sum of 16-bit words, folded. */
static uint16_t
sum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

static uint8_t
outer_tos(const struct tunnel *tunnel, uint8_t inner_tos)
{
	uint8_t tos = tunnel->dscp == TUNNEL_DSCP_COPY ? inner_tos & ~ECN_MASK
						       : tunnel->dscp << DSCP_SHIFT;

	return tunnel->ecn ? tos | (inner_tos & ECN_MASK) : tos;
}

/*
 * The rules of the tunnel, but for an envelope that will be fragmented here: an IPv6 packet of up
 * to 1,280 bytes passes however small the tunnel's MTU is (RFC 4213 3.2.1), and its envelope needs
 * an ID and no DF.
 */
static bool
outer_df(const struct tunnel *tunnel, const struct pkt *inner, uint32_t outer_bytes)
{
	if (inner->frag_mtu && outer_bytes > inner->frag_mtu)
		return false;
	if (tunnel->df == TUNNEL_DF_COPY)
		return inner->flags & PKT_DF;
	return tunnel->df == TUNNEL_DF_SET;
}

/* id: 0 with DF, since a packet that is never fragmented needs none (RFC 6864 4.1). */
static void
outer4_finish(struct rte_ipv4_hdr *ip, uint32_t total_bytes, uint8_t tos, bool df, uint16_t id)
{
	uint32_t sum = (uint16_t)~ip->hdr_checksum;

	ip->type_of_service = tos;
	ip->total_length = rte_cpu_to_be_16((uint16_t)total_bytes);
	ip->packet_id = rte_cpu_to_be_16(id);
	ip->fragment_offset = df ? rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG) : 0;
	sum += rte_cpu_to_be_16(tos);
	sum += ip->total_length;
	sum += ip->packet_id;
	sum += ip->fragment_offset;
	ip->hdr_checksum = (uint16_t)~sum_fold(sum);
}

static void
outer6_finish(struct rte_ipv6_hdr *ip, uint32_t total_bytes, uint8_t tos)
{
	ip->vtc_flow |= rte_cpu_to_be_32((uint32_t)tos << RTE_IPV6_HDR_TC_SHIFT);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(total_bytes - sizeof(*ip)));
}

/*
 * Over IPv4 the checksum is 0, "none"; IPv6 does not allow that (RFC 3948 2.1, RFC 8200 8.1). The
 * view is already the envelope's.
 */
static void
outer_udp_finish(struct rte_mbuf *m)
{
	uint16_t ip_bytes = pkt(m)->l4_offset;
	struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, ip_bytes);

	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(m->pkt_len - ip_bytes));
	if (pkt(m)->family == 4)
		return;
	udp->dgram_cksum = ip_l4_checksum(m);
	if (udp->dgram_cksum == 0)
		udp->dgram_cksum = 0xffff;
}

/* The envelope's view, as the parser would have made it, and where it goes. */
static inline void
outer_view(const struct tunnel *tunnel, struct pkt *view, uint8_t tos, bool df)
{
	const size_t first = offsetof(struct pkt, zone), end = offsetof(struct pkt, nexthop);

	memcpy((uint8_t *)view + first, (const uint8_t *)&tunnel->view + first, end - first);
	if (df)
		view->flags |= PKT_DF;
	view->tos = tos;
	view->plain = 0;
	view->nexthop = __atomic_load_n(&tunnel->outer_nexthop, __ATOMIC_RELAXED);
}

/* By constant lengths: of a variable one the compiler makes a "rep movs", which takes longer than
 * all the rest here. */
static inline void
template_copy(const struct tunnel *tunnel, uint8_t *outer)
{
	bool over_udp = tunnel->carrier == TUNNEL_UDP;

	if (tunnel->outer_family == 4) {
		memcpy(outer, &tunnel->ip4, sizeof(tunnel->ip4));
		if (over_udp)
			memcpy(outer + sizeof(tunnel->ip4), &tunnel->udp4, sizeof(tunnel->udp4));
	} else {
		memcpy(outer, &tunnel->ip6, sizeof(tunnel->ip6));
		if (over_udp)
			memcpy(outer + sizeof(tunnel->ip6), &tunnel->udp6, sizeof(tunnel->udp6));
	}
}

void
tunnel_encapsulate(struct tunnel *tunnel, uint16_t worker, struct rte_mbuf *m)
{
	struct pkt *view = pkt(m);
	uint8_t tos = outer_tos(tunnel, view->tos);
	bool df = outer_df(tunnel, view, m->pkt_len + tunnel->outer_bytes);
	uint8_t *outer;

	outer = (uint8_t *)rte_pktmbuf_prepend(m, tunnel->outer_bytes);
	template_copy(tunnel, outer);
	if (tunnel->outer_family == 4)
		outer4_finish((struct rte_ipv4_hdr *)outer, m->pkt_len, tos, df,
			df ? 0 : (uint16_t)tunnel_outer_id(tunnel, worker));
	else
		outer6_finish((struct rte_ipv6_hdr *)outer, m->pkt_len, tos);
	outer_view(tunnel, view, tos, df);
	if (tunnel->carrier == TUNNEL_UDP)
		outer_udp_finish(m);
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
tunnel_owns_outer(const struct tunnel *tunnel, const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t family = tunnel->outer_family;
	size_t src = family == 4 ? offsetof(struct rte_ipv4_hdr, src_addr)
				 : offsetof(struct rte_ipv6_hdr, src_addr);
	size_t dst = family == 4 ? offsetof(struct rte_ipv4_hdr, dst_addr)
				 : offsetof(struct rte_ipv6_hdr, dst_addr);

	/* what comes in is the template of what goes out, turned round */
	if (pkt_const(m)->family != family ||
		!ip_bytes_equal(ip + dst, tunnel->outer + src, family))
		return false;
	return tunnel->encapsulation == TUNNEL_TUNNEL ||
	       ip_bytes_equal(ip + src, tunnel->outer + dst, family);
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
