/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet.h"

#include <stdlib.h>
#include <string.h>

#include <rte_esp.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define OR(value, otherwise) ((value) ? (value) : (otherwise))

static struct ip_addr
address(const char *text)
{
	struct ip_addr addr;

	if (ip_addr_parse(text, &addr) != 0)
		abort();
	return addr;
}

/* Writes the IP header for a packet of n bytes; returns its length. */
static uint32_t
header_write(uint8_t *at, const struct packet_row *row, uint32_t n)
{
	struct ip_addr src = address(row->src), dst = address(row->dst);
	struct rte_ipv4_hdr *ip4 = (struct rte_ipv4_hdr *)at;
	struct rte_ipv6_hdr *ip6 = (struct rte_ipv6_hdr *)at;
	uint16_t fragment = row->fragment | (row->df ? RTE_IPV4_HDR_DF_FLAG : 0);

	if (src.family == 6) {
		*ip6 = (struct rte_ipv6_hdr){
			.vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)row->tos << 20),
			.payload_len = rte_cpu_to_be_16((uint16_t)(n - sizeof(*ip6))),
			.proto = OR(row->proto, IPPROTO_UDP),
			.hop_limits = OR(row->ttl, 64)};
		memcpy(ip6->src_addr, src.bytes, 16);
		memcpy(ip6->dst_addr, dst.bytes, 16);
		return sizeof(*ip6);
	}
	*ip4 = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = row->tos,
		.total_length = rte_cpu_to_be_16((uint16_t)n),
		.packet_id = rte_cpu_to_be_16(row->id),
		.fragment_offset = rte_cpu_to_be_16(fragment),
		.time_to_live = OR(row->ttl, 64),
		.next_proto_id = OR(row->proto, IPPROTO_UDP)};
	memcpy(&ip4->src_addr, src.bytes, 4);
	memcpy(&ip4->dst_addr, dst.bytes, 4);
	ip4->hdr_checksum = rte_ipv4_cksum(ip4);
	return sizeof(*ip4);
}

static uint16_t
l4_checksum(const uint8_t *packet, const void *l4)
{
	return *packet >> 4 == 4 ? rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)packet, l4)
				 : rte_ipv6_udptcp_cksum((const struct rte_ipv6_hdr *)packet, l4);
}

static void
udp_write(uint8_t *packet, uint8_t *at, const struct packet_row *row, uint32_t n)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)at;

	*udp = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(OR(row->src_port, 1000)),
		.dst_port = rte_cpu_to_be_16(OR(row->dst_port, 2000)),
		.dgram_len = rte_cpu_to_be_16((uint16_t)n)};
	udp->dgram_cksum = l4_checksum(packet, udp);
}

static void
tcp_write(uint8_t *packet, uint8_t *at, const struct packet_row *row)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)at;

	*tcp = (struct rte_tcp_hdr){.src_port = rte_cpu_to_be_16(OR(row->src_port, 1000)),
		.dst_port = rte_cpu_to_be_16(OR(row->dst_port, 2000)),
		.data_off = 5 << 4,
		.tcp_flags = RTE_TCP_ACK_FLAG};
	tcp->cksum = l4_checksum(packet, tcp);
}

static void
icmp_write(uint8_t *packet, uint8_t *at, const struct packet_row *row, uint32_t n)
{
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)at;
	bool v4 = *packet >> 4 == 4;
	uint16_t type_code = OR(row->src_port, v4 ? 8 << 8 : 128 << 8);

	*icmp = (struct rte_icmp_hdr){
		.icmp_type = type_code >> 8, .icmp_code = type_code & 0xff, .icmp_ident = 7};
	icmp->icmp_cksum = v4 ? (uint16_t)~rte_raw_cksum(icmp, n) : l4_checksum(packet, icmp);
}

void
packet_ip(struct packet *p, const struct packet_row *row)
{
	uint32_t header;

	p->n = OR(row->bytes, 100);
	for (uint32_t i = 0; i < p->n; i++)
		p->bytes[i] = (uint8_t)(i * 7 + i / 256);
	header = header_write(p->bytes, row, p->n);
	switch (OR(row->proto, IPPROTO_UDP)) {
	case IPPROTO_UDP:
		udp_write(p->bytes, p->bytes + header, row, p->n - header);
		break;
	case IPPROTO_TCP:
		tcp_write(p->bytes, p->bytes + header, row);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		icmp_write(p->bytes, p->bytes + header, row, p->n - header);
		break;
	}
}

void
packet_wrap(struct packet *p, const struct packet_row *row, const struct packet *payload)
{
	bool over_udp = row->proto == IPPROTO_UDP, v6 = address(row->src).family == 6;
	uint32_t udp_bytes = over_udp ? sizeof(struct rte_udp_hdr) : 0, header;

	p->n = (v6 ? 40 : 20) + udp_bytes + payload->n;
	header = header_write(p->bytes, row, p->n);
	memcpy(p->bytes + header + udp_bytes, payload->bytes, payload->n);
	if (!over_udp)
		return;
	udp_write(p->bytes, p->bytes + header, row, p->n - header);
	if (!v6)
		((struct rte_udp_hdr *)(p->bytes + header))->dgram_cksum = 0;
}

void
packet_checksum(struct packet *p)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p->bytes;

	if (p->n < sizeof(*ip) || *p->bytes >> 4 != 4 || rte_ipv4_hdr_len(ip) > p->n)
		return;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

void
packet_forward(struct packet *p)
{
	p->bytes[*p->bytes >> 4 == 4 ? 8 : 7]--;
	packet_checksum(p);
}
