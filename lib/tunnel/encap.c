/* SPDX-License-Identifier: BSD-3-Clause */
/* What a tunnel does to packets: outer headers on and off, and who may pass. Data path. */

#include <netinet/in.h>
#include <string.h>

#include "icmp.h"
#include "inner.h"
#include "ip.h"
#include "parse.h"
#include "tunnel.h"

void
tunnel_checksum(struct rte_mbuf *m)
{
	struct rte_udp_hdr *udp =
		rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, pkt(m)->l4_offset);

	udp->dgram_cksum = ip_l4_checksum(m);
	if (udp->dgram_cksum == 0)
		udp->dgram_cksum = 0xffff;
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
	return tunnel->encapsulation == TUNNEL_TUNNEL || tunnel->carrier == TUNNEL_UDP ||
	       tunnel_is_remote(tunnel, ip);
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
	const struct tunnel_inner inner = tunnel_inner_of(tunnel);
	struct pkt *view = pkt(m);
	const uint8_t outer_tos = view->tos;
	int ecn;

	m->ol_flags &= ~TUNNEL_OUTER_CHECKSUMS;
	tunnel_inner_view(&inner, view);
	if (next_header != IPPROTO_IPIP && next_header != IPPROTO_IPV6)
		return DROP_esp_next_header;
	if (unlikely(m->data_len == 0 && !pkt_pull(m, 1)))
		return DROP_inner_malformed;
	if (!next_header_agrees(m, next_header))
		return DROP_esp_next_header;
	if (parse_ip(m) != DROP_NONE)
		return DROP_inner_malformed;
	ecn = ip_ecn_decapsulate(view->tos & TUNNEL_ECN, outer_tos & TUNNEL_ECN);
	if (ecn < 0)
		return DROP_ecn_ce;
	if (ecn != (view->tos & TUNNEL_ECN))
		ip_ecn_set(m, (uint8_t)ecn);
	return tunnel_admits(tunnel, m, false) ? DROP_NONE : DROP_selector_in;
}
