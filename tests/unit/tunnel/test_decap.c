/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes out of an envelope: next header, parsing, TFC padding, ECN, selectors. */

#include <netinet/in.h>

#include "fixture.h"
#include "inner.h"

enum { INNER_MAX = 4096, INNER_BYTES4 = 60, INNER_BYTES6 = 80 };

/* A UDP packet of the family with 32 bytes of data and then `tfc` bytes more. Returns its length
 * with those. */
static uint32_t
inner_fill(uint8_t *bytes, uint8_t family, uint8_t tos, uint32_t tfc)
{
	struct ip_addr src = addr(family == 4 ? "192.168.2.1" : "2001:db8:2::1");
	struct ip_addr dst = addr(family == 4 ? "192.168.1.1" : "2001:db8:1::1");
	uint32_t n = family == 4 ? INNER_BYTES4 : INNER_BYTES6;
	struct rte_ipv4_hdr *ip4 = (struct rte_ipv4_hdr *)bytes;
	struct rte_ipv6_hdr *ip6 = (struct rte_ipv6_hdr *)bytes;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(bytes + n - 40);

	memset(bytes, 0, n);
	memset(bytes + n, 0xa5, tfc);
	if (family == 4) {
		ip4->version_ihl = RTE_IPV4_VHL_DEF;
		ip4->type_of_service = tos;
		ip4->total_length = rte_cpu_to_be_16((uint16_t)n);
		ip4->time_to_live = 64;
		ip4->next_proto_id = IPPROTO_UDP;
		memcpy(&ip4->src_addr, src.bytes, 4);
		memcpy(&ip4->dst_addr, dst.bytes, 4);
		ip4->hdr_checksum = rte_ipv4_cksum(ip4);
	} else {
		ip6->vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)tos << 20);
		ip6->payload_len = rte_cpu_to_be_16((uint16_t)(n - 40));
		ip6->proto = IPPROTO_UDP;
		ip6->hop_limits = 64;
		memcpy(ip6->src_addr, src.bytes, 16);
		memcpy(ip6->dst_addr, dst.bytes, 16);
	}
	udp->src_port = rte_cpu_to_be_16(1000);
	udp->dst_port = rte_cpu_to_be_16(2000);
	udp->dgram_len = rte_cpu_to_be_16(40);
	return n + tfc;
}

static struct rte_mbuf *
inner_make(uint8_t family, uint8_t tos, uint32_t tfc, uint16_t segment_bytes)
{
	uint8_t bytes[INNER_MAX];

	return packet_make(bytes, inner_fill(bytes, family, tos, tfc), segment_bytes);
}

static uint8_t
header_of(uint8_t family)
{
	return family == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
}

enum { GONE = -1 };

/* RFC 6040 figure 4: [inner][outer], in the order of the field's values: Not-ECT, ECT(1), ECT(0),
 * CE. */
static const int ecn_table[4][4] = {
	{0, 0, 0, GONE},
	{1, 1, 1, 3},
	{2, 1, 2, 3},
	{3, 3, 3, 3},
};

static void
check_ecn(const struct tunnel *tunnel, uint8_t family, uint8_t inner, uint8_t outer)
{
	struct rte_mbuf *m = inner_make(family, 0xb8 | inner, 0, 2048);
	int wanted = ecn_table[inner][outer];
	enum drop_reason why;
	uint8_t bytes[INNER_MAX];

	pkt(m)->tos = 0x48 | outer;
	why = tunnel_decapsulate(tunnel, m, header_of(family));
	if (why != (wanted == GONE ? DROP_ecn_ce : DROP_NONE))
		fail_msg("IPv%u, inner %u, outer %u: %s", family, inner, outer,
			why == DROP_NONE ? "passed" : drop_name(why));
	if (wanted != GONE) {
		inner_fill(bytes, family, (uint8_t)(0xb8 | wanted), 0);
		if (memcmp(rte_pktmbuf_mtod(m, void *), bytes, m->pkt_len) != 0)
			fail_msg("IPv%u, inner %u, outer %u: wrong bytes", family, inner, outer);
		assert_int_equal(pkt(m)->tos, 0xb8 | wanted);
	}
	rte_pktmbuf_free(m);
}

/* All 16 cells for both families, whatever the tunnel does with ECN on encapsulation. */
static void
test_ecn(void **state)
{
	(void)state;
	for (int ecn = 0; ecn < 2; ecn++) {
		struct tunnel_config c = config_make(4);
		struct tunnel_table *t = table_make(1);
		const struct tunnel *tunnel;

		c.ecn = ecn;
		tunnel = tunnel_make(t, &c);
		for (uint8_t cell = 0; cell < 32; cell++)
			check_ecn(tunnel, cell < 16 ? 4 : 6, cell >> 2 & 3, cell & 3);
		tunnel_table_destroy(t);
	}
}

static void
test_view(void **state)
{
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(2);
	const struct tunnel *tunnel;

	(void)state;
	tunnel_make(t, &c);
	strcpy(c.name, "ipsec1");
	tunnel_retire(t, t->tunnels[0]);
	tunnel_make(t, &c);
	tunnel = t->tunnels[0];
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct rte_mbuf *m = inner_make(family, 0, 0, 2048);

		/* What was true of the envelope. */
		pkt(m)->family = family == 4 ? 6 : 4;
		pkt(m)->proto = IPPROTO_ESP;
		pkt(m)->zone = ZONE_UNPROTECTED;
		pkt(m)->flags = PKT_REASSEMBLED | PKT_ETH_MULTICAST | PKT_CHECKSUM_GOOD;
		pkt(m)->port = 5;
		assert_int_equal(tunnel_decapsulate(tunnel, m, header_of(family)), DROP_NONE);
		assert_int_equal(pkt(m)->family, family);
		assert_int_equal(pkt(m)->proto, IPPROTO_UDP);
		assert_int_equal(pkt(m)->ttl, 64);
		assert_int_equal(pkt(m)->l4_offset, family == 4 ? 20 : 40);
		assert_int_equal(pkt(m)->src_port_be, rte_cpu_to_be_16(1000));
		assert_int_equal(pkt(m)->flags, PKT_DECRYPTED | (family == 6 ? PKT_DF : 0));
		assert_int_equal(pkt(m)->zone, ZONE_TUNNEL);
		assert_int_equal(pkt(m)->table, 3);
		assert_int_equal(pkt(m)->tunnel, 0);
		assert_int_equal(pkt(m)->tunnel_generation, 1);
		assert_int_equal(pkt(m)->port, 5);
		rte_pktmbuf_free(m);
	}
	tunnel_table_destroy(t);
}

struct header_row {
	uint8_t family, next_header;
	enum drop_reason why;
};

static const struct header_row header_rows[] = {
	{4, 4, DROP_NONE},
	{6, 41, DROP_NONE},
	{4, 41, DROP_esp_next_header},
	{6, 4, DROP_esp_next_header},
	{4, 0, DROP_esp_next_header},
	{4, 17, DROP_esp_next_header},
	{4, 47, DROP_esp_next_header},
	{6, 58, DROP_esp_next_header},
};

static void
test_next_header(void **state)
{
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(1);
	const struct tunnel *tunnel = tunnel_make(t, &c);

	(void)state;
	for (size_t i = 0; i < RTE_DIM(header_rows); i++) {
		const struct header_row *row = &header_rows[i];
		struct rte_mbuf *m = inner_make(row->family, 0, 0, 2048);

		if (tunnel_decapsulate(tunnel, m, row->next_header) != row->why)
			fail_msg("IPv%u as %u", row->family, row->next_header);
		rte_pktmbuf_free(m);
	}
	tunnel_table_destroy(t);
}

/* Cut at every length no packet gets through, whatever the cut of its segments. */
static void
test_truncated(void **state)
{
	struct tunnel_config c = config_make(6);
	struct tunnel_table *t = table_make(1);
	const struct tunnel *tunnel = tunnel_make(t, &c);
	uint8_t bytes[INNER_MAX];

	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		uint32_t whole = inner_fill(bytes, family, 0, 0);

		for (uint32_t n = 0; n < whole; n++) {
			struct rte_mbuf *m = packet_make(bytes, n, n % 2 ? 2048 : 7);

			if (tunnel_decapsulate(tunnel, m, header_of(family)) !=
				DROP_inner_malformed)
				fail_msg("IPv%u of %u bytes cut to %u", family, whole, n);
			rte_pktmbuf_free(m);
		}
	}
	tunnel_table_destroy(t);
}

/* The NIC judged the outer checksum: the inner one is for us, a wrong one is found. */
static void
test_inner_checksum(void **state)
{
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(1);
	const struct tunnel *tunnel = tunnel_make(t, &c);
	struct rte_mbuf *m = inner_make(4, 0, 0, 2048);

	(void)state;
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *)->time_to_live = 1;
	assert_int_equal(tunnel_decapsulate(tunnel, m, IPPROTO_IPIP), DROP_inner_malformed);
	rte_pktmbuf_free(m);
	tunnel_table_destroy(t);
}

/* TFC padding (RFC 4303 2.7) is trimmed, over segments as well. */
static void
test_tfc_padding(void **state)
{
	static const uint16_t cuts[] = {2048, 61, 33, 20};
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(1);
	const struct tunnel *tunnel = tunnel_make(t, &c);

	(void)state;
	for (size_t i = 0; i < 2 * RTE_DIM(cuts); i++) {
		uint8_t family = i % 2 ? 6 : 4;
		struct rte_mbuf *m = inner_make(family, 0, 700, cuts[i / 2]);
		uint8_t bytes[INNER_MAX], got[INNER_MAX];
		uint32_t whole = inner_fill(bytes, family, 0, 0);

		assert_int_equal(tunnel_decapsulate(tunnel, m, header_of(family)), DROP_NONE);
		if (m->pkt_len != whole ||
			memcmp(rte_pktmbuf_read(m, 0, whole, got), bytes, whole) != 0)
			fail_msg("IPv%u in segments of %u: %u bytes", family, cuts[i / 2],
				m->pkt_len);
		assert_int_equal(rte_mbuf_check(m, 1, NULL), 0);
		rte_pktmbuf_free(m);
	}
	tunnel_table_destroy(t);
}

static void
test_selectors(void **state)
{
	struct ip_prefix theirs;
	struct selector s = {.protocol = -1, .local_port = {0, 65535}, .remote_port = {0, 65535}};
	struct tunnel_config c = config_make(4);

	(void)state;
	c.selectors = &s;
	c.n_selectors = 1;
	for (int inside = 0; inside < 2; inside++) {
		struct tunnel_table *t = table_make(1);
		struct rte_mbuf *m = inner_make(4, 0, 0, 2048);

		ip_prefix_parse(inside ? "192.168.2.0/24" : "192.168.3.0/24", &theirs);
		s.remote = ip_prefix_range(&theirs);
		ip_prefix_parse("192.168.1.0/24", &theirs);
		s.local = ip_prefix_range(&theirs);
		assert_int_equal(tunnel_decapsulate(tunnel_make(t, &c), m, IPPROTO_IPIP),
			inside ? DROP_NONE : DROP_selector_in);
		rte_pktmbuf_free(m);
		tunnel_table_destroy(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_ecn, fixture_pool_full),
		cmocka_unit_test_teardown(test_view, fixture_pool_full),
		cmocka_unit_test_teardown(test_next_header, fixture_pool_full),
		cmocka_unit_test_teardown(test_truncated, fixture_pool_full),
		cmocka_unit_test_teardown(test_inner_checksum, fixture_pool_full),
		cmocka_unit_test_teardown(test_tfc_padding, fixture_pool_full),
		cmocka_unit_test_teardown(test_selectors, fixture_pool_full),
	};

	return cmocka_run_group_tests_name("tunnel decap", tests, fixture_setup, NULL);
}
