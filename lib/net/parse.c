/* SPDX-License-Identifier: BSD-3-Clause */
#include "parse.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_hash_crc.h>

enum {
	EXTENSIONS_MAX = 8,
	L4_PULL = 8, /* bytes after the headers that pkt.h promises to be contiguous */
};

#define PORTS RTE_BE32(0xffffffff)
#define TYPE_AND_CODE RTE_BE32(0xffff0000)

/* Those that we look into. Later fragments have no header. */
const struct parse_l4 parse_l4[256] = {
	[IPPROTO_ICMP] = {TYPE_AND_CODE, 8},
	[IPPROTO_TCP] = {PORTS, 20},
	[IPPROTO_UDP] = {PORTS, 8},
	[IPPROTO_ESP] = {0, 8},
	[IPPROTO_ICMPV6] = {TYPE_AND_CODE, 8},
	[IPPROTO_SCTP] = {PORTS, 12},
	[IPPROTO_UDPLITE] = {PORTS, 8},
};

/* No martian and no link scope: not 0/8, 127/8, 169/8 (for link-local ones), 224/4 and above. */
const uint8_t parse_plain4[256] = {
	[1 ... 126] = 1,
	[128 ... 168] = 1,
	[170 ... 223] = 1,
};

static bool
pull(struct rte_mbuf *m, uint16_t n)
{
	return likely(m->data_len >= n) || pkt_pull(m, n);
}

/* CRC is linear: without the last two steps, flows that differ in few bits would share few buckets.
 */
static uint32_t
hash_finish(uint32_t hash)
{
	hash *= 0x9e3779b1u;
	return hash ^ hash >> 15;
}

static uint32_t
hash_addresses(const uint8_t *addresses, unsigned int words, uint32_t hash)
{
	uint64_t word;

	for (unsigned int i = 0; i < words; i++) {
		memcpy(&word, addresses + 8 * i, sizeof(word));
		hash = rte_hash_crc_8byte(word, hash);
	}
	return hash;
}

uint32_t
parse_flow_hash(const struct pkt *p, const void *ip)
{
	uint32_t hash;

	if (p->family == 4)
		hash = hash_addresses(
			(const uint8_t *)ip + offsetof(struct rte_ipv4_hdr, src_addr), 1, p->proto);
	else
		hash = hash_addresses(
			(const uint8_t *)ip + offsetof(struct rte_ipv6_hdr, src_addr), 4, p->proto);
	if (!(p->flags & PKT_FRAGMENT) && p->proto != IPPROTO_ICMP && p->proto != IPPROTO_ICMPV6)
		hash = rte_hash_crc_4byte(p->src_port_be | (uint32_t)p->dst_port_be << 16, hash);
	return hash_finish(hash);
}

/* What follows the headers of both families: l4_offset, proto and flags are in the view. */
static inline enum drop_reason
read_l4(struct rte_mbuf *m)
{
	struct pkt *p = pkt(m);
	const struct parse_l4 *l4 = &parse_l4[p->proto];
	uint32_t ports = 0;

	if (!(p->flags & PKT_LATER_FRAGMENT)) {
		if (unlikely(m->pkt_len - p->l4_offset < l4->bytes))
			return DROP_l4_truncated;
		if (l4->bytes) {
			memcpy(&ports, rte_pktmbuf_mtod_offset(m, uint8_t *, p->l4_offset), 4);
			ports &= l4->ports;
		}
	}
	p->ports_be = ports;
	return DROP_NONE;
}

/* As parse_ipv4_checksum_right, of a header of any length, which is a multiple of 4. */
static bool
header_checksum_right(const uint8_t *header, unsigned int length)
{
	uint64_t sum = 0;
	uint32_t word;

	for (unsigned int i = 0; i < length; i += sizeof(word)) {
		memcpy(&word, header + i, sizeof(word));
		sum += word;
	}
	return sum % 0xffff == 0;
}

/* offset and length in bytes, of the part that this fragment carries; before is what stands before
 * it in the whole packet and counts for its length. */
static __rte_noinline enum drop_reason
parse_fragment(struct pkt *p, uint32_t offset, bool more, uint32_t length, uint32_t before)
{
	if (length == 0 || (more && length % 8) || before + offset + length > UINT16_MAX)
		return DROP_ip_fragment;
	p->flags |= PKT_FRAGMENT;
	if (offset > 0)
		p->flags |= PKT_LATER_FRAGMENT;
	return DROP_NONE;
}

static enum drop_reason parse_ipv4(struct rte_mbuf *m);

/* The rare ways, each of which begins anew when the packet is as it has to be: so the common one
 * calls nothing. */
static __rte_noinline enum drop_reason
parse_ipv4_short(struct rte_mbuf *m)
{
	return pkt_pull(m, sizeof(struct rte_ipv4_hdr)) ? parse_ipv4(m) : DROP_ip_truncated;
}

static __rte_noinline enum drop_reason
parse_ipv4_trim(struct rte_mbuf *m, uint16_t total, uint16_t contiguous)
{
	pkt_trim_end(m, m->pkt_len - total);
	return pull(m, contiguous) ? parse_ipv4(m) : DROP_no_mbuf;
}

static enum drop_reason
parse_ipv4(struct rte_mbuf *m)
{
	struct pkt *p = pkt(m);
	const struct rte_ipv4_hdr *ip;
	uint16_t header, total, fragment, contiguous;
	bool verified = (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;

	if (unlikely(m->data_len < sizeof(*ip)))
		return parse_ipv4_short(m);
	ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	header = (ip->version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
	total = rte_be_to_cpu_16(ip->total_length);
	if (header < sizeof(*ip) || total < header)
		return DROP_ip_header_length;
	if (total > m->pkt_len)
		return DROP_ip_truncated;
	contiguous = RTE_MIN(total, header + L4_PULL);
	if (unlikely(total < m->pkt_len || m->data_len < contiguous))
		return parse_ipv4_trim(m, total, contiguous);
	if (!verified && !header_checksum_right((const uint8_t *)ip, header))
		return DROP_ip_checksum;
	m->ol_flags &= ~RTE_MBUF_F_RX_IP_CKSUM_MASK;

	p->family = 4;
	p->proto = ip->next_proto_id;
	p->tos = ip->type_of_service;
	p->ttl = ip->time_to_live;
	p->l4_offset = header;
	p->plain = parse_plain4[(uint8_t)ip->src_addr] & parse_plain4[(uint8_t)ip->dst_addr];
	fragment = rte_be_to_cpu_16(ip->fragment_offset);
	if (fragment & RTE_IPV4_HDR_DF_FLAG)
		p->flags |= PKT_DF;
	if (unlikely(fragment & (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG))) {
		enum drop_reason why = parse_fragment(p, (fragment & RTE_IPV4_HDR_OFFSET_MASK) * 8,
			fragment & RTE_IPV4_HDR_MF_FLAG, total - header, header);

		if (why != DROP_NONE)
			return why;
	}
	return read_l4(m);
}

/* The walk along IPv6 extension headers. */
struct extensions {
	uint8_t next; /* the header at offset */
	uint16_t offset;
	bool fragment_seen;
};

static enum drop_reason
parse_ipv6_fragment(struct rte_mbuf *m, struct extensions *walk)
{
	const uint8_t *header = rte_pktmbuf_mtod_offset(m, const uint8_t *, walk->offset);
	uint16_t field = header[2] << 8 | header[3];
	uint32_t behind = walk->offset + 8;

	if (walk->fragment_seen)
		return DROP_ip_extensions;
	walk->fragment_seen = true;
	walk->next = header[0];
	walk->offset = behind;
	return parse_fragment(pkt(m), field & ~7, field & 1, m->pkt_len - behind,
		behind - 8 - sizeof(struct rte_ipv6_hdr));
}

/* Steps over the header at walk->offset. Returns DROP_NONE when there was one. */
static enum drop_reason
parse_ipv6_extension(struct rte_mbuf *m, struct extensions *walk)
{
	const uint8_t *header;
	uint32_t length;

	if (walk->offset + 8u > m->pkt_len)
		return DROP_ip_extensions;
	/* Options that do not fit into one buffer are too many, too. */
	if (!pull(m, walk->offset + 8))
		return DROP_ip_extensions;
	if (walk->next == IPPROTO_FRAGMENT)
		return parse_ipv6_fragment(m, walk);
	header = rte_pktmbuf_mtod_offset(m, const uint8_t *, walk->offset);
	length = (header[1] + 1) * 8;
	if (walk->offset + length > m->pkt_len)
		return DROP_ip_extensions;
	walk->next = header[0];
	walk->offset += length;
	/* RFC 8200 4.1: hop-by-hop options come first or not at all. */
	return walk->next == IPPROTO_HOPOPTS ? DROP_ip_extensions : DROP_NONE;
}

static bool
is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_DSTOPTS;
}

static enum drop_reason
parse_ipv6_extensions(struct rte_mbuf *m, struct extensions *walk)
{
	for (unsigned int i = 0; is_extension(walk->next); i++) {
		enum drop_reason why;

		/* What follows the fragment header in later fragments is data. */
		if (pkt(m)->flags & PKT_LATER_FRAGMENT)
			break;
		if (i == EXTENSIONS_MAX)
			return DROP_ip_extensions;
		why = parse_ipv6_extension(m, walk);
		if (why != DROP_NONE)
			return why;
	}
	if (!pull(m, RTE_MIN(m->pkt_len, walk->offset + (uint32_t)L4_PULL)))
		return DROP_ip_extensions;
	return DROP_NONE;
}

static bool
is_plain6(const uint8_t addr[16])
{
	return addr[0] != 0 && addr[0] < 0xfe;
}

static __rte_noinline enum drop_reason
parse_ipv6(struct rte_mbuf *m)
{
	struct pkt *p = pkt(m);
	const struct rte_ipv6_hdr *ip;
	struct extensions walk = {.offset = sizeof(*ip)};
	enum drop_reason why;
	uint32_t total, flow;

	if (!pull(m, sizeof(*ip)))
		return DROP_ip_truncated;
	ip = rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *);
	total = sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
	/* Length 0 before a hop-by-hop header is a jumbogram (RFC 2675). */
	if (total > m->pkt_len || (total == sizeof(*ip) && ip->proto == IPPROTO_HOPOPTS))
		return DROP_ip_truncated;
	if (unlikely(total < m->pkt_len))
		pkt_trim_end(m, m->pkt_len - total);
	m->ol_flags &= ~RTE_MBUF_F_RX_IP_CKSUM_MASK;
	flow = rte_be_to_cpu_32(ip->vtc_flow);
	p->family = 6;
	p->tos = flow >> RTE_IPV6_HDR_TC_SHIFT;
	p->ttl = ip->hop_limits;
	p->flags |= PKT_DF;
	walk.next = ip->proto;
	why = parse_ipv6_extensions(m, &walk);
	if (unlikely(why != DROP_NONE))
		return why;
	p->proto = walk.next;
	p->l4_offset = walk.offset;
	ip = rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *);
	p->plain = is_plain6(ip->src_addr) && is_plain6(ip->dst_addr);
	return read_l4(m);
}

enum drop_reason
parse_ip_any(struct rte_mbuf *m)
{
	if (unlikely(m->data_len < 1))
		return pkt_pull(m, 1) ? parse_ip_any(m) : DROP_ip_truncated;
	pkt(m)->flags &= ~(PKT_FRAGMENT | PKT_LATER_FRAGMENT | PKT_DF);
	switch (*rte_pktmbuf_mtod(m, const uint8_t *) >> 4) {
	case 4:
		return parse_ipv4(m);
	case 6:
		return parse_ipv6(m);
	default:
		return DROP_ip_version;
	}
}

static bool
is_v4_broadcast(uint32_t addr)
{
	return addr == UINT32_MAX;
}

static enum drop_reason
martian_v4(const struct rte_ipv4_hdr *ip)
{
	uint32_t src = rte_be_to_cpu_32(ip->src_addr), dst = rte_be_to_cpu_32(ip->dst_addr);
	bool to_many = dst >> 28 == 0xe || is_v4_broadcast(dst);

	/* 224/4 and 240/4 are multicast, reserved and broadcast */
	if (src >> 24 == 127 || src >> 28 >= 0xe || (src >> 24 == 0 && !(src == 0 && to_many)))
		return DROP_martian_source;
	if (dst >> 24 == 127 || dst >> 24 == 0 || (dst >> 28 == 0xf && !is_v4_broadcast(dst)))
		return DROP_martian_destination;
	return DROP_NONE;
}

static bool
is_v6_unspecified(const uint8_t addr[16])
{
	static const uint8_t zero[16];

	return memcmp(addr, zero, 16) == 0;
}

static bool
is_v6_loopback(const uint8_t addr[16])
{
	static const uint8_t loopback[16] = {[15] = 1};

	return memcmp(addr, loopback, 16) == 0;
}

static enum drop_reason
martian_v6(const struct rte_ipv6_hdr *ip)
{
	bool to_many = ip->dst_addr[0] == 0xff;

	if (ip->src_addr[0] == 0xff || is_v6_loopback(ip->src_addr) ||
		(is_v6_unspecified(ip->src_addr) && !to_many))
		return DROP_martian_source;
	/* RFC 4291 2.7: scope 0 is dropped, scope 1 never leaves its node. */
	if (is_v6_loopback(ip->dst_addr) || is_v6_unspecified(ip->dst_addr) ||
		(to_many && (ip->dst_addr[1] & 0xf) <= 1))
		return DROP_martian_destination;
	return DROP_NONE;
}

enum drop_reason
parse_martian_odd(const struct rte_mbuf *m)
{
	if (pkt_const(m)->family == 4)
		return martian_v4(rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *));
	return martian_v6(rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *));
}

static bool
is_v4_link_local(uint32_t addr)
{
	return addr >> 16 == 0xa9fe; /* 169.254/16 */
}

static bool
is_v6_link_local(const uint8_t addr[16])
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

bool
parse_is_link_scope_odd(const struct rte_mbuf *m)
{
	const struct rte_ipv6_hdr *ip6;

	if (pkt_const(m)->family == 4) {
		const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
		uint32_t dst = rte_be_to_cpu_32(ip->dst_addr);

		return is_v4_link_local(rte_be_to_cpu_32(ip->src_addr)) || is_v4_link_local(dst) ||
		       dst >> 8 == 0xe00000 || is_v4_broadcast(dst);
	}
	ip6 = rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *);
	return is_v6_link_local(ip6->src_addr) || is_v6_link_local(ip6->dst_addr) ||
	       (ip6->dst_addr[0] == 0xff && (ip6->dst_addr[1] & 0xf) == 2);
}
