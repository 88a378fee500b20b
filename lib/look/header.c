/* SPDX-License-Identifier: BSD-3-Clause */
#include "header.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_esp.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_net.h>
#include <rte_udp.h>

struct look_frame
look_frame_read(const struct rte_mbuf *m)
{
	struct look_frame frame = {0};
	struct rte_ether_hdr eth_copy;
	struct rte_vlan_hdr tag_copy;
	const struct rte_ether_hdr *eth = rte_pktmbuf_read(m, 0, sizeof(eth_copy), &eth_copy);
	const struct rte_vlan_hdr *tag;

	if (!eth)
		return frame;
	frame.ethertype = rte_be_to_cpu_16(eth->ether_type);
	frame.bytes = sizeof(*eth);
	if (frame.ethertype != RTE_ETHER_TYPE_VLAN)
		return frame;
	tag = rte_pktmbuf_read(m, sizeof(*eth), sizeof(tag_copy), &tag_copy);
	if (!tag)
		return (struct look_frame){0};
	frame.vlan = rte_be_to_cpu_16(tag->vlan_tci) & 0xfff;
	frame.ethertype = rte_be_to_cpu_16(tag->eth_proto);
	frame.bytes += sizeof(*tag);
	return frame;
}

static void
read_esp(const struct rte_mbuf *m, uint32_t offset, struct look_header *h)
{
	struct rte_esp_hdr copy;
	const struct rte_esp_hdr *esp = rte_pktmbuf_read(m, offset, sizeof(copy), &copy);

	/* over UDP: SPI 0 is the marker of IKE (RFC 3948 2.2) */
	if (!esp || (esp->spi == 0 && h->proto == IPPROTO_UDP))
		return;
	h->esp = true;
	h->spi = rte_be_to_cpu_32(esp->spi);
	h->sequence = rte_be_to_cpu_32(esp->seq);
}

static bool
carries_esp(const uint64_t *udp_ports, uint16_t port)
{
	return udp_ports && (udp_ports[port / 64] >> (port % 64) & 1);
}

static void
read_l4(const struct rte_mbuf *m, uint32_t offset, const uint64_t *udp_ports, struct look_header *h)
{
	rte_be16_t copy[2];
	const rte_be16_t *ports = rte_pktmbuf_read(m, offset, sizeof(copy), copy);

	if (!ports || h->later_fragment)
		return;
	switch (h->proto) {
	case IPPROTO_ESP:
		read_esp(m, offset, h);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		h->icmp_type = (uint8_t)(rte_be_to_cpu_16(ports[0]) >> 8);
		h->icmp_code = (uint8_t)rte_be_to_cpu_16(ports[0]);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_TCP:
	case IPPROTO_SCTP:
		h->src_port = rte_be_to_cpu_16(ports[0]);
		h->dst_port = rte_be_to_cpu_16(ports[1]);
		if (h->proto == IPPROTO_UDP && (carries_esp(udp_ports, h->dst_port) ||
						       carries_esp(udp_ports, h->src_port)))
			read_esp(m, offset + sizeof(struct rte_udp_hdr), h);
		break;
	default:
		break;
	}
}

static struct look_header
read_v4(const struct rte_mbuf *m, uint32_t offset, const uint64_t *udp_ports)
{
	struct look_header h = {.bytes = m->pkt_len - offset};
	struct rte_ipv4_hdr copy;
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_read(m, offset, sizeof(copy), &copy);
	uint16_t fragment;

	if (!ip)
		return h;
	fragment = rte_be_to_cpu_16(ip->fragment_offset);
	h.family = 4;
	h.proto = ip->next_proto_id;
	h.ttl = ip->time_to_live;
	h.tos = ip->type_of_service;
	h.later_fragment = (fragment & RTE_IPV4_HDR_OFFSET_MASK) != 0;
	h.fragment = h.later_fragment || (fragment & RTE_IPV4_HDR_MF_FLAG);
	memcpy(h.src, &ip->src_addr, 4);
	memcpy(h.dst, &ip->dst_addr, 4);
	read_l4(m, offset + rte_ipv4_hdr_len(ip), udp_ports, &h);
	return h;
}

/* Where IPv6's extension headers end. false: they do not. */
static bool
skip_extensions(const struct rte_mbuf *m, uint32_t *offset, struct look_header *h)
{
	enum { EXTENSIONS = 8 };
	struct rte_ipv6_fragment_ext copy;
	const struct rte_ipv6_fragment_ext *x;

	for (int i = 0; i < EXTENSIONS; i++) {
		if (h->proto != IPPROTO_HOPOPTS && h->proto != IPPROTO_ROUTING &&
			h->proto != IPPROTO_DSTOPTS && h->proto != IPPROTO_FRAGMENT)
			return true;
		x = rte_pktmbuf_read(m, *offset, sizeof(copy), &copy);
		if (!x)
			return false;
		if (h->proto == IPPROTO_FRAGMENT) {
			h->fragment = true;
			h->later_fragment =
				(rte_be_to_cpu_16(x->frag_data) & RTE_IPV6_EHDR_FO_MASK) != 0;
			*offset += sizeof(*x);
		} else {
			/* the reserved byte of a fragment header is the length of the others */
			*offset += (x->reserved + 1u) * 8;
		}
		h->proto = x->next_header;
	}
	return false;
}

static struct look_header
read_v6(const struct rte_mbuf *m, uint32_t offset, const uint64_t *udp_ports)
{
	struct look_header h = {.bytes = m->pkt_len - offset};
	struct rte_ipv6_hdr copy;
	const struct rte_ipv6_hdr *ip = rte_pktmbuf_read(m, offset, sizeof(copy), &copy);

	if (!ip)
		return h;
	h.family = 6;
	h.proto = ip->proto;
	h.ttl = ip->hop_limits;
	h.tos = (uint8_t)(rte_be_to_cpu_32(ip->vtc_flow) >> RTE_IPV6_HDR_TC_SHIFT);
	memcpy(h.src, ip->src_addr, 16);
	memcpy(h.dst, ip->dst_addr, 16);
	offset += sizeof(*ip);
	if (skip_extensions(m, &offset, &h))
		read_l4(m, offset, udp_ports, &h);
	return h;
}

struct look_header
look_header_read(const struct rte_mbuf *m, uint32_t offset, const uint64_t *udp_ports)
{
	uint8_t copy;
	const uint8_t *first = rte_pktmbuf_read(m, offset, sizeof(copy), &copy);

	if (first && *first >> 4 == 4)
		return read_v4(m, offset, udp_ports);
	if (first && *first >> 4 == 6)
		return read_v6(m, offset, udp_ports);
	return (struct look_header){.bytes = m->pkt_len > offset ? m->pkt_len - offset : 0};
}

bool
look_is_packet(const struct rte_mbuf *m, uint32_t offset)
{
	struct rte_ipv4_hdr copy4;
	struct rte_ipv6_hdr copy6;
	const struct rte_ipv4_hdr *ip4 = rte_pktmbuf_read(m, offset, sizeof(copy4), &copy4);
	const struct rte_ipv6_hdr *ip6;

	if (!ip4)
		return false;
	if (ip4->version_ihl >> 4 == 4)
		return rte_be_to_cpu_16(ip4->total_length) == m->pkt_len - offset &&
		       rte_ipv4_hdr_len(ip4) >= sizeof(*ip4);
	ip6 = rte_pktmbuf_read(m, offset, sizeof(copy6), &copy6);
	return ip6 && rte_be_to_cpu_32(ip6->vtc_flow) >> 28 == 6 &&
	       rte_be_to_cpu_16(ip6->payload_len) == m->pkt_len - offset - sizeof(*ip6);
}
