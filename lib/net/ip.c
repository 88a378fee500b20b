/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip.h"

#include <netinet/in.h>
#include <string.h>

#include "pkt.h"

/* A 16-bit word of the packet, as it lies there. */
static uint16_t
word_at(const uint8_t *bytes)
{
	uint16_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

void
ip_ecn_set(struct rte_mbuf *m, uint8_t ecn)
{
	struct pkt *p = pkt(m);

	p->tos = (p->tos & ~3) | ecn;
	if (p->family == 4) {
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
		uint16_t old_word = word_at(&ip->version_ihl);

		ip->type_of_service = p->tos;
		ip->hdr_checksum =
			ip_checksum_update(ip->hdr_checksum, old_word, word_at(&ip->version_ihl));
	} else {
		/* The traffic class is bits 4 to 11 of the header. */
		uint8_t *byte = rte_pktmbuf_mtod_offset(m, uint8_t *, 1);

		*byte = (*byte & ~0x30) | ecn << 4;
	}
}

int
ip_ecn_decapsulate(uint8_t inner, uint8_t outer)
{
	enum { NOT_ECT, ECT_1, ECT_0, CE };
	static const int8_t result[4][4] = {
		/* outer:    Not-ECT  ECT(1)   ECT(0)   CE */
		[NOT_ECT] = {NOT_ECT, NOT_ECT, NOT_ECT, -1},
		[ECT_1] = {ECT_1, ECT_1, ECT_1, CE},
		[ECT_0] = {ECT_0, ECT_1, ECT_0, CE},
		[CE] = {CE, CE, CE, CE},
	};

	return result[inner & 3][outer & 3];
}

static struct ip_addr
address_at(const struct rte_mbuf *m, size_t v4_offset, size_t v6_offset)
{
	struct ip_addr addr = {.family = pkt_const(m)->family};

	if (addr.family == 4)
		memcpy(addr.bytes, rte_pktmbuf_mtod_offset(m, const uint8_t *, v4_offset), 4);
	else
		memcpy(addr.bytes, rte_pktmbuf_mtod_offset(m, const uint8_t *, v6_offset), 16);
	return addr;
}

struct ip_addr
ip_src(const struct rte_mbuf *m)
{
	return address_at(m, offsetof(struct rte_ipv4_hdr, src_addr),
		offsetof(struct rte_ipv6_hdr, src_addr));
}

struct ip_addr
ip_dst(const struct rte_mbuf *m)
{
	return address_at(m, offsetof(struct rte_ipv4_hdr, dst_addr),
		offsetof(struct rte_ipv6_hdr, dst_addr));
}

/*
 * The 16-bit sum from offset to the end of the chain. rte_raw_cksum_mbuf of 22.11 does not do: it
 * loses the carries of a segment that begins at an odd offset.
 */
static uint32_t
sum_from(const struct rte_mbuf *m, uint32_t offset)
{
	uint32_t sum = 0;
	bool odd = false;

	for (; m; m = m->next) {
		uint16_t part;

		if (offset >= m->data_len) {
			offset -= m->data_len;
			continue;
		}
		part = rte_raw_cksum(
			rte_pktmbuf_mtod_offset(m, const uint8_t *, offset), m->data_len - offset);
		sum += odd ? rte_bswap16(part) : part;
		odd ^= (m->data_len - offset) & 1;
		offset = 0;
	}
	return (sum & 0xffff) + (sum >> 16);
}

static uint32_t
sum_pseudo_header(const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	uint32_t length = m->pkt_len - p->l4_offset, sum;

	/* RFC 792: ICMP has none. */
	if (p->family == 4 && p->proto == IPPROTO_ICMP)
		return 0;
	if (p->family == 4)
		sum = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const uint8_t *,
					    offsetof(struct rte_ipv4_hdr, src_addr)),
			8);
	else
		sum = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const uint8_t *,
					    offsetof(struct rte_ipv6_hdr, src_addr)),
			32);
	return sum + rte_cpu_to_be_16(length) + rte_cpu_to_be_16(p->proto);
}

uint16_t
ip_l4_checksum(const struct rte_mbuf *m)
{
	uint32_t sum = sum_from(m, pkt_const(m)->l4_offset) + sum_pseudo_header(m);

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}
