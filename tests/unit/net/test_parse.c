/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <stdio.h>

#include <rte_ip.h>

#include "addr.h"
#include "eal.h"
#include "golden.h"
#include "guard.h"
#include "parse.h"
#include "pool.h"

static struct rte_mempool *pool;

enum {
	F = PKT_FRAGMENT,
	L = PKT_FRAGMENT | PKT_LATER_FRAGMENT,
	D = PKT_DF,
	OTHERS = PKT_ETH_MULTICAST | PKT_DECRYPTED,
};

/* Packets that scapy built, and what the view says. */
static const struct good {
	struct golden packet;
	uint8_t family, proto, flags, tos, ttl;
	uint16_t l4_offset, src_port, dst_port;
} goods[] = {
	{GOLDEN(v4_udp), 4, IPPROTO_UDP, 0, 0x2a, 17, 20, 1000, 2000},
	{GOLDEN(v4_udp_df), 4, IPPROTO_UDP, D, 0, 64, 20, 1000, 2000},
	{GOLDEN(v4_tcp), 4, IPPROTO_TCP, 0, 0x2a, 17, 20, 1000, 2000},
	{GOLDEN(v4_sctp), 4, IPPROTO_SCTP, 0, 0x2a, 17, 20, 1000, 2000},
	{GOLDEN(v4_esp), 4, IPPROTO_ESP, 0, 0x2a, 17, 20, 0, 0},
	{GOLDEN(v4_icmp), 4, IPPROTO_ICMP, 0, 0x2a, 17, 20, 8 << 8, 0},
	{GOLDEN(v4_options), 4, IPPROTO_UDP, 0, 0, 64, 32, 1000, 2000},
	{GOLDEN(v4_first), 4, IPPROTO_UDP, F, 0, 64, 20, 1000, 2000},
	{GOLDEN(v4_later), 4, IPPROTO_UDP, L, 0, 64, 20, 0, 0},
	{GOLDEN(v4_too_big), 4, IPPROTO_ICMP, D, 0xc0, 64, 20, 3 << 8 | 4, 0},
	{GOLDEN(v6_udp), 6, IPPROTO_UDP, D, 0x2a, 17, 40, 1000, 2000},
	{GOLDEN(v6_tcp), 6, IPPROTO_TCP, D, 0x2a, 17, 40, 1000, 2000},
	{GOLDEN(v6_icmp), 6, IPPROTO_ICMPV6, D, 0x2a, 17, 40, 128 << 8, 0},
	{GOLDEN(v6_none), 6, IPPROTO_NONE, D, 0, 64, 40, 0, 0},
	{GOLDEN(v6_extensions), 6, IPPROTO_UDP, D, 0x2a, 17, 80, 1000, 2000},
	{GOLDEN(v6_eight), 6, IPPROTO_UDP, D, 0x2a, 17, 104, 1000, 2000},
	{GOLDEN(v6_first), 6, IPPROTO_UDP, D | F, 0x2a, 17, 48, 1000, 2000},
	{GOLDEN(v6_later), 6, IPPROTO_DSTOPTS, D | L, 0x2a, 17, 56, 0, 0},
	{GOLDEN(v6_atomic), 6, IPPROTO_UDP, D | F, 0x2a, 17, 48, 1000, 2000},
	{GOLDEN(v6_long), 6, IPPROTO_UDP, D, 0x2a, 17, 40, 1, 2},
};

static void
clear_view(struct rte_mbuf *m)
{
	memset(pkt(m), 0xff, PKT_PRIV_SIZE);
	pkt(m)->flags = OTHERS | PKT_FRAGMENT | PKT_LATER_FRAGMENT | PKT_DF;
}

/* The view of a good packet, or the test fails. */
static uint32_t
flow_hash(struct rte_mbuf *m)
{
	return parse_flow_hash(pkt(m), rte_pktmbuf_mtod(m, const void *));
}

static void
check_good(struct rte_mbuf *m, const struct good *row, const char *how, unsigned int at)
{
	const struct pkt *p = pkt(m);

	clear_view(m);
	if (parse_ip(m) != DROP_NONE)
		fail_msg("%s %s %u: refused", row->packet.name, how, at);
	if (p->family != row->family || p->proto != row->proto ||
		p->flags != (row->flags | OTHERS) || p->tos != row->tos || p->ttl != row->ttl ||
		p->l4_offset != row->l4_offset ||
		p->src_port_be != rte_cpu_to_be_16(row->src_port) ||
		p->dst_port_be != rte_cpu_to_be_16(row->dst_port))
		fail_msg("%s %s %u: another view", row->packet.name, how, at);
	if (!is_packet(m, row->packet.bytes, row->packet.length))
		fail_msg("%s %s %u: other bytes", row->packet.name, how, at);
	if (m->data_len < RTE_MIN(row->packet.length, row->l4_offset + 8))
		fail_msg("%s %s %u: headers not contiguous", row->packet.name, how, at);
}

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(goods); i++) {
		const struct golden *g = &goods[i].packet;
		struct rte_mbuf *m = guard_mbuf(pool, g->bytes, g->length, GUARD_AFTER);

		check_good(m, &goods[i], "linear", 0);
		rte_pktmbuf_free(m);
	}
	assert_pool_full(pool);
}

/* Cut at every byte, and into segments of every small size: the same view, the same hash. */
static void
test_chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(goods); i++) {
		const struct golden *g = &goods[i].packet;
		uint32_t hash = 0;

		for (uint16_t cut = 1; cut < RTE_MIN(g->length, 160); cut++) {
			struct rte_mbuf *two = guard_chain(pool, g->bytes, g->length, cut,
				g->length - cut, cut % 2 ? GUARD_AFTER : GUARD_BEFORE);
			struct rte_mbuf *many = guard_chain(
				pool, g->bytes, g->length, cut % 16, 1 + cut, GUARD_AFTER);

			check_good(two, &goods[i], "cut at", cut);
			check_good(many, &goods[i], "in segments of", cut);
			hash = hash ? hash : flow_hash(two);
			assert_int_equal(flow_hash(two), hash);
			assert_int_equal(flow_hash(many), hash);
			rte_pktmbuf_free(two);
			rte_pktmbuf_free(many);
		}
	}
	assert_pool_full(pool);
}

/* Ethernet padding goes, over segments. */
static void
test_padding(void **state)
{
	uint8_t padded[sizeof(v6_long) + 40];

	(void)state;
	memset(padded, 0xcc, sizeof(padded));
	for (size_t i = 0; i < RTE_DIM(goods); i++) {
		const struct golden *g = &goods[i].packet;

		memcpy(padded, g->bytes, g->length);
		memset(padded + g->length, 0xcc, 40);
		for (uint16_t padding = 1; padding <= 40; padding++) {
			struct rte_mbuf *m = guard_chain(pool, padded, g->length + padding,
				1 + padding * 3, 30, GUARD_AFTER);

			check_good(m, &goods[i], "padded by", padding);
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

/* Too short for what the IP header says: always refused as that, whatever the segments. */
static void
test_truncated_packet(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(goods); i++) {
		const struct golden *g = &goods[i].packet;

		for (uint16_t length = 0; length < g->length; length++) {
			struct rte_mbuf *m = guard_chain(pool, g->bytes, length, length % 5,
				1 + length % 50 + length / 4, GUARD_AFTER);

			clear_view(m);
			if (parse_ip(m) != DROP_ip_truncated)
				fail_msg("%s truncated to %u", g->name, length);
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

/* Makes the IP header say that the packet is so long. */
static void
set_length(uint8_t *bytes, uint16_t length)
{
	if (bytes[0] >> 4 == 4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)bytes;

		ip->total_length = rte_cpu_to_be_16(length);
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		((struct rte_ipv6_hdr *)bytes)->payload_len = rte_cpu_to_be_16(length - 40);
	}
}

static uint16_t
l4_minimum(const struct good *row)
{
	if ((row->flags & L) == L)
		return 1; /* a fragment carries something */
	switch (row->proto) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_SCTP:
		return 12;
	case IPPROTO_NONE:
		return 0;
	default:
		return 8;
	}
}

/* Short, and the IP header says so: the L4 header or the extension headers are cut. */
static void
test_truncated_l4(void **state)
{
	uint8_t bytes[sizeof(v6_long)];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(goods); i++) {
		const struct good *row = &goods[i];
		uint16_t shortest = row->l4_offset + l4_minimum(row), base;

		base = row->family == 4 ? row->l4_offset : 40;
		for (uint16_t length = base; length <= shortest; length++) {
			struct rte_mbuf *m;
			enum drop_reason why;

			/* What a first fragment carries is a multiple of 8. */
			if (row->flags & F && length > row->l4_offset && length < shortest)
				continue;
			memcpy(bytes, row->packet.bytes, row->packet.length);
			set_length(bytes, length);
			m = guard_mbuf(pool, bytes, length, GUARD_AFTER);
			clear_view(m);
			why = parse_ip(m);
			if ((why == DROP_NONE) != (length == shortest))
				fail_msg("%s of %u: %s", row->packet.name, length, drop_name(why));
			if (why != DROP_NONE && why != DROP_l4_truncated &&
				why != DROP_ip_fragment && why != DROP_ip_truncated &&
				(why != DROP_ip_extensions || length >= row->l4_offset))
				fail_msg("%s of %u: %s", row->packet.name, length, drop_name(why));
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

/* A good packet with bytes changed. checksum: make that of the IPv4 header right again. */
static const struct bad {
	const char *name;
	struct golden packet;
	enum drop_reason why;
	bool checksum;
	struct {
		uint16_t at;
		uint8_t byte;
	} patches[3];
} bads[] = {
	{"version 0", GOLDEN(v4_udp), DROP_ip_version, true, {{0, 0x05}}},
	{"version 5", GOLDEN(v4_udp), DROP_ip_version, true, {{0, 0x55}}},
	{"version 15", GOLDEN(v6_udp), DROP_ip_version, false, {{0, 0xf0}}},
	{"header of 16", GOLDEN(v4_udp), DROP_ip_header_length, false, {{0, 0x44}}},
	{"header of 0", GOLDEN(v4_udp), DROP_ip_header_length, false, {{0, 0x40}}},
	{"total below the header", GOLDEN(v4_udp), DROP_ip_header_length, true, {{2, 0}, {3, 19}}},
	{"total below the options", GOLDEN(v4_options), DROP_ip_header_length, true,
		{{2, 0}, {3, 31}}},
	{"total beyond the packet", GOLDEN(v4_udp), DROP_ip_truncated, true, {{2, 0}, {3, 93}}},
	{"total of 65,535", GOLDEN(v4_udp), DROP_ip_truncated, true, {{2, 255}, {3, 255}}},
	{"checksum", GOLDEN(v4_udp), DROP_ip_checksum, false, {{8, 99}}},
	{"checksum of 0", GOLDEN(v4_udp), DROP_ip_checksum, false, {{10, 0}, {11, 0}}},
	{"checksum over options", GOLDEN(v4_options), DROP_ip_checksum, false, {{30, 99}}},
	{"MF, not a multiple of 8", GOLDEN(v4_first), DROP_ip_fragment, true, {{3, 89}}},
	{"beyond 65,535", GOLDEN(v4_later), DROP_ip_fragment, true, {{6, 0x1f}, {7, 0xff}}},
	{"empty fragment", GOLDEN(v4_later), DROP_ip_fragment, true, {{3, 20}}},
	{"v6 beyond the packet", GOLDEN(v6_udp), DROP_ip_truncated, false, {{5, 73}}},
	{"jumbogram", GOLDEN(v6_jumbo), DROP_ip_truncated, false, {{0, 0x60}}},
	{"nine extension headers", GOLDEN(v6_nine), DROP_ip_extensions, false, {{0, 0x60}}},
	{"hop-by-hop not first", GOLDEN(v6_hop_late), DROP_ip_extensions, false, {{0, 0x60}}},
	{"two fragment headers", GOLDEN(v6_two_fragments), DROP_ip_extensions, false, {{0, 0x60}}},
	{"extension beyond the packet", GOLDEN(v6_extensions), DROP_ip_extensions, false,
		{{41, 200}}},
	{"last extension beyond the packet", GOLDEN(v6_extensions), DROP_ip_extensions, false,
		{{57, 255}}},
	{"v6 MF, not a multiple of 8", GOLDEN(v6_first), DROP_ip_fragment, false, {{5, 77}}},
	{"v6 beyond 65,535", GOLDEN(v6_later), DROP_ip_fragment, false, {{50, 255}, {51, 0xf8}}},
	{"v6 empty fragment", GOLDEN(v6_later), DROP_ip_fragment, false, {{5, 16}}},
};

static void
test_bad(void **state)
{
	uint8_t bytes[sizeof(v6_long)];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(bads); i++) {
		const struct bad *row = &bads[i];

		memcpy(bytes, row->packet.bytes, row->packet.length);
		for (size_t k = 0; k < RTE_DIM(row->patches); k++) {
			if (row->patches[k].at || row->patches[k].byte)
				bytes[row->patches[k].at] = row->patches[k].byte;
		}
		if (row->checksum) {
			struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)bytes;

			ip->hdr_checksum = 0;
			ip->hdr_checksum = rte_ipv4_cksum(ip);
		}
		for (uint16_t cut = 1; cut < 60; cut++) {
			struct rte_mbuf *m =
				guard_chain(pool, bytes, row->packet.length, cut, 64, GUARD_AFTER);
			enum drop_reason why;

			clear_view(m);
			why = parse_ip(m);
			if (why != row->why)
				fail_msg("%s, cut at %u: %s", row->name, cut, drop_name(why));
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

/* The NIC's word is taken, once: the flag does not speak of what is inside. */
static void
test_nic_checksum(void **state)
{
	uint8_t bytes[sizeof(v4_udp)];
	struct rte_mbuf *m;

	(void)state;
	memcpy(bytes, v4_udp, sizeof(bytes));
	bytes[10] ^= 1;
	m = guard_mbuf(pool, bytes, sizeof(bytes), GUARD_AFTER);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	assert_int_equal(parse_ip(m), DROP_NONE);
	assert_int_equal(parse_ip(m), DROP_ip_checksum);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_BAD;
	assert_int_equal(parse_ip(m), DROP_ip_checksum);
	rte_pktmbuf_free(m);
	assert_pool_full(pool);
}

static uint32_t
hash_of(const uint8_t *bytes, uint16_t length)
{
	struct rte_mbuf *m = guard_mbuf(pool, bytes, length, GUARD_AFTER);
	uint32_t hash;

	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	assert_int_equal(parse_ip(m), DROP_NONE);
	hash = flow_hash(m);
	rte_pktmbuf_free(m);
	return hash;
}

/* All fragments of a packet hash alike; flows spread over few buckets. */
static void
test_flow_hash(void **state)
{
	enum { FLOWS = 4096, BUCKETS = 8 };
	uint8_t v4[sizeof(v4_udp)], v6[sizeof(v6_udp)];
	unsigned int hits[2][BUCKETS] = {0};

	(void)state;
	assert_int_equal(hash_of(v4_first, sizeof(v4_first)), hash_of(v4_later, sizeof(v4_later)));
	memcpy(v4, v4_udp, sizeof(v4));
	memcpy(v6, v6_udp, sizeof(v6));
	for (unsigned int i = 0; i < FLOWS; i++) {
		/* one port and the last byte of the source change, as behind one customer */
		v4[15] = v6[23] = i & 0xf;
		v4[20] = v6[40] = i >> 8;
		v4[21] = v6[41] = i >> 4 & 0xff;
		hits[0][hash_of(v4, sizeof(v4)) % BUCKETS]++;
		hits[1][hash_of(v6, sizeof(v6)) % BUCKETS]++;
	}
	for (unsigned int i = 0; i < BUCKETS; i++) {
		assert_in_range(hits[0][i], FLOWS / BUCKETS * 3 / 4, FLOWS / BUCKETS * 5 / 4);
		assert_in_range(hits[1][i], FLOWS / BUCKETS * 3 / 4, FLOWS / BUCKETS * 5 / 4);
	}
	assert_pool_full(pool);
}

/* Addresses put into a good packet, and what is said of them. */
static const struct {
	const char *src, *dst;
	enum drop_reason why;
	bool link_scope;
} martians[] = {
	{"192.0.2.1", "198.51.100.1", DROP_NONE, false},
	{"10.0.0.1", "192.168.0.1", DROP_NONE, false},
	{"127.0.0.1", "192.0.2.1", DROP_martian_source, false},
	{"127.255.255.255", "192.0.2.1", DROP_martian_source, false},
	{"126.255.255.255", "192.0.2.1", DROP_NONE, false},
	{"128.0.0.0", "192.0.2.1", DROP_NONE, false},
	{"0.0.0.0", "192.0.2.1", DROP_martian_source, false},
	{"0.0.0.0", "255.255.255.255", DROP_NONE, true},
	{"0.0.0.0", "224.0.0.1", DROP_NONE, true},
	{"0.0.0.1", "255.255.255.255", DROP_martian_source, true},
	{"0.255.255.255", "192.0.2.1", DROP_martian_source, false},
	{"223.255.255.255", "192.0.2.1", DROP_NONE, false},
	{"224.0.0.1", "192.0.2.1", DROP_martian_source, false},
	{"239.255.255.255", "192.0.2.1", DROP_martian_source, false},
	{"240.0.0.1", "192.0.2.1", DROP_martian_source, false},
	{"255.255.255.255", "192.0.2.1", DROP_martian_source, false},
	{"192.0.2.1", "127.0.0.1", DROP_martian_destination, false},
	{"192.0.2.1", "0.0.0.0", DROP_martian_destination, false},
	{"192.0.2.1", "0.1.2.3", DROP_martian_destination, false},
	{"192.0.2.1", "240.0.0.1", DROP_martian_destination, false},
	{"192.0.2.1", "255.255.255.254", DROP_martian_destination, false},
	{"192.0.2.1", "255.255.255.255", DROP_NONE, true},
	{"192.0.2.1", "224.0.0.5", DROP_NONE, true},
	{"192.0.2.1", "224.0.1.1", DROP_NONE, false},
	{"192.0.2.1", "239.1.1.1", DROP_NONE, false},
	{"169.254.1.1", "192.0.2.1", DROP_NONE, true},
	{"192.0.2.1", "169.254.1.1", DROP_NONE, true},
	{"169.253.1.1", "169.255.0.1", DROP_NONE, false},
	{"2001:db8::1", "2001:db8::2", DROP_NONE, false},
	{"::1", "2001:db8::2", DROP_martian_source, false},
	{"::", "2001:db8::2", DROP_martian_source, false},
	{"::", "ff02::1:ff00:1", DROP_NONE, true},
	{"ff02::1", "2001:db8::2", DROP_martian_source, false},
	{"ff0e::1", "2001:db8::2", DROP_martian_source, false},
	{"2001:db8::1", "::1", DROP_martian_destination, false},
	{"2001:db8::1", "::", DROP_martian_destination, false},
	{"2001:db8::1", "::2", DROP_NONE, false},
	{"2001:db8::1", "ff00::1", DROP_martian_destination, false},
	{"2001:db8::1", "ff01::1", DROP_martian_destination, false},
	{"2001:db8::1", "ff11::1", DROP_martian_destination, false},
	{"2001:db8::1", "ff02::1", DROP_NONE, true},
	{"2001:db8::1", "ff12::1", DROP_NONE, true},
	{"2001:db8::1", "ff05::1", DROP_NONE, false},
	{"fe80::1", "2001:db8::2", DROP_NONE, true},
	{"febf::1", "2001:db8::2", DROP_NONE, true},
	{"fec0::1", "2001:db8::2", DROP_NONE, false},
	{"2001:db8::1", "fe80::2", DROP_NONE, true},
};

static void
test_martians(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(martians); i++) {
		struct ip_addr src, dst;
		struct rte_mbuf *m;
		bool v4;

		assert_int_equal(ip_addr_parse(martians[i].src, &src), 0);
		assert_int_equal(ip_addr_parse(martians[i].dst, &dst), 0);
		v4 = src.family == 4;
		m = v4 ? guard_mbuf(pool, v4_udp, sizeof(v4_udp), GUARD_AFTER)
		       : guard_mbuf(pool, v6_udp, sizeof(v6_udp), GUARD_AFTER);
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, v4 ? 12 : 8), src.bytes, v4 ? 4 : 16);
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, v4 ? 16 : 24), dst.bytes, v4 ? 4 : 16);
		m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		assert_int_equal(parse_ip(m), DROP_NONE);
		if (parse_martian(m) != martians[i].why)
			fail_msg("%s to %s", martians[i].src, martians[i].dst);
		if (parse_is_link_scope(m) != martians[i].link_scope)
			fail_msg("%s to %s: link scope", martians[i].src, martians[i].dst);
		rte_pktmbuf_free(m);
	}
	assert_pool_full(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_truncated_packet),
		cmocka_unit_test(test_truncated_l4),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nic_checksum),
		cmocka_unit_test(test_flow_hash),
		cmocka_unit_test(test_martians),
	};

	test_eal_init("parse", 64);
	pool = test_pool_create("parse");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
