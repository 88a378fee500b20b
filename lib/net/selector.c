/* SPDX-License-Identifier: BSD-3-Clause */
#include "selector.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

static bool
is_any_port(const struct port_range *range)
{
	return range->first == 0 && range->last == UINT16_MAX;
}

bool
selector_has_ports(const struct selector *s)
{
	return !is_any_port(&s->local_port) || !is_any_port(&s->remote_port);
}

static bool
range_admits_v4(const struct ip_range *range, const uint8_t addr[4])
{
	rte_be32_t first, last, value;

	memcpy(&first, range->first.bytes, 4);
	memcpy(&last, range->last.bytes, 4);
	memcpy(&value, addr, 4);
	return rte_be_to_cpu_32(first) <= rte_be_to_cpu_32(value) &&
	       rte_be_to_cpu_32(value) <= rte_be_to_cpu_32(last);
}

static bool
range_admits(const struct ip_range *range, uint8_t family, const uint8_t *addr)
{
	if (range->first.family == 0)
		return true;
	if (range->first.family != family)
		return false;
	if (family == 4)
		return range_admits_v4(range, addr);
	return memcmp(range->first.bytes, addr, 16) <= 0 &&
	       memcmp(addr, range->last.bytes, 16) <= 0;
}

static bool
port_admits(const struct port_range *range, uint16_t port)
{
	return range->first <= port && port <= range->last;
}

static bool
ports_admit(const struct selector *s, const struct pkt *p, bool outbound)
{
	uint16_t src = rte_be_to_cpu_16(p->src_port_be), dst = rte_be_to_cpu_16(p->dst_port_be);

	/* RFC 4301 4.4.1.1: a packet whose ports are not there does not match a selector of ports.
	 */
	if (p->flags & PKT_LATER_FRAGMENT)
		return false;
	switch (p->proto) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return port_admits(&s->local_port, src >> 8) &&
		       port_admits(&s->remote_port, src & 0xff);
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
		return port_admits(&s->local_port, outbound ? src : dst) &&
		       port_admits(&s->remote_port, outbound ? dst : src);
	default:
		return false;
	}
}

bool
selector_match(const struct selector *s, const struct rte_mbuf *m, bool outbound)
{
	const struct pkt *p = pkt_const(m);
	const uint8_t *src, *dst;

	if (s->protocol >= 0 && s->protocol != p->proto)
		return false;
	if (p->family == 4) {
		src = rte_pktmbuf_mtod_offset(
			m, const uint8_t *, offsetof(struct rte_ipv4_hdr, src_addr));
		dst = src + 4;
	} else {
		src = rte_pktmbuf_mtod_offset(
			m, const uint8_t *, offsetof(struct rte_ipv6_hdr, src_addr));
		dst = src + 16;
	}
	if (!range_admits(&s->local, p->family, outbound ? src : dst) ||
		!range_admits(&s->remote, p->family, outbound ? dst : src))
		return false;
	return !selector_has_ports(s) || ports_admit(s, p, outbound);
}
