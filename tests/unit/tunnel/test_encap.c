/* SPDX-License-Identifier: BSD-3-Clause */
/* Outer headers against those that scapy makes, and every combination of DF, DSCP and ECN. */

#include <netinet/in.h>

#include "fixture.h"
#include "outer.h"
#include "parse.h"

struct golden_row {
	uint8_t outer_family;
	enum tunnel_carrier carrier;
	enum tunnel_df df;
	int8_t dscp;
	bool ecn;
	uint8_t inner_tos;
	bool inner_df;
	uint16_t esp_bytes;
	uint8_t outer_bytes;
	uint8_t outer[48];
};

#include "golden.h"

enum { GOLDEN_ID = 0x1234, ESP_MAX = 9100 };

/* The ESP packet of golden.py. */
static void
esp_fill(uint8_t *esp, uint32_t n)
{
	static const uint8_t header[8] = {0, 0, 0x10, 0x01, 0, 0, 0, 7};

	memcpy(esp, header, sizeof(header));
	for (uint32_t i = 0; i + sizeof(header) < n; i++)
		esp[sizeof(header) + i] = (uint8_t)(i * 7 + 3);
}

static struct rte_mbuf *
envelope_make(const struct golden_row *row, uint16_t segment_bytes)
{
	uint8_t esp[ESP_MAX];
	struct rte_mbuf *m;

	esp_fill(esp, row->esp_bytes);
	m = packet_make(esp, row->esp_bytes, segment_bytes);
	pkt(m)->family = row->inner_df ? 6 : 4;
	pkt(m)->tos = row->inner_tos;
	pkt(m)->flags = PKT_FRAGMENT | (row->inner_df ? PKT_DF : 0);
	pkt(m)->frag_mtu = 9100;
	return m;
}

static struct tunnel *
golden_tunnel(struct tunnel_table *t, const struct golden_row *row)
{
	struct tunnel_config c = config_make(row->outer_family);
	struct tunnel *tunnel;

	c.encapsulation = row->df == TUNNEL_DF_CLEAR ? TUNNEL_TUNNEL : TUNNEL_IPIP;
	c.carrier = row->carrier;
	c.df = row->df;
	c.dscp = row->dscp;
	c.ecn = row->ecn;
	tunnel = tunnel_make(t, &c);
	tunnel->workers[1].outer_id = GOLDEN_ID;
	tunnel->outer_nexthop = 77;
	return tunnel;
}

static void
check_bytes(size_t i, const struct golden_row *row, const struct rte_mbuf *m)
{
	uint8_t esp[ESP_MAX], got[ESP_MAX + 48];
	const uint8_t *all = rte_pktmbuf_read(m, 0, m->pkt_len, got);

	if (m->pkt_len != (uint32_t)row->esp_bytes + row->outer_bytes)
		fail_msg("row %zu: length %u", i, m->pkt_len);
	for (int b = 0; b < row->outer_bytes; b++)
		if (all[b] != row->outer[b])
			fail_msg("row %zu: byte %d is %02x, scapy says %02x", i, b, all[b],
				row->outer[b]);
	esp_fill(esp, row->esp_bytes);
	assert_memory_equal(all + row->outer_bytes, esp, row->esp_bytes);
}

static void
check_view(size_t i, const struct golden_row *row, struct rte_mbuf *m)
{
	const struct pkt *view = pkt(m);
	bool v4 = row->outer_family == 4, over_udp = row->carrier == TUNNEL_UDP;
	uint8_t tos = v4 ? row->outer[1] : (uint8_t)(row->outer[0] << 4 | row->outer[1] >> 4);
	bool df = v4 ? row->outer[6] & 0x40 : true;

	if (view->tos != tos || view->flags != (PKT_PROTECTED | (df ? PKT_DF : 0)))
		fail_msg("row %zu: view has tos %02x flags %02x", i, view->tos, view->flags);
	assert_int_equal(view->family, row->outer_family);
	assert_int_equal(view->proto, over_udp ? IPPROTO_UDP : IPPROTO_ESP);
	assert_int_equal(view->ttl, 63);
	assert_int_equal(view->l4_offset, v4 ? 20 : 40);
	assert_int_equal(view->src_port_be, over_udp ? rte_cpu_to_be_16(4501) : 0);
	assert_int_equal(view->dst_port_be, over_udp ? rte_cpu_to_be_16(4502) : 0);
	assert_int_equal(view->zone, ZONE_SELF);
	assert_int_equal(view->table, 4);
	assert_int_equal(view->nexthop, 77);
	assert_int_equal(view->frag_mtu, 9100);
}

static void
encapsulate(struct tunnel *tunnel, uint16_t worker, struct rte_mbuf *m)
{
	struct outer outer = outer_of(tunnel);
	uint8_t *at = (uint8_t *)rte_pktmbuf_prepend(m, outer.shape.bytes);

	outer_write(&outer, outer.shape, tunnel, worker, pkt(m), at, m->pkt_len);
	if (tunnel_needs_checksum(tunnel))
		tunnel_checksum(m);
}

static void
test_same_bytes_as_scapy(void **state)
{
	static const uint16_t cuts[] = {2048, 1999, 333};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(golden_rows) * RTE_DIM(cuts); i++) {
		const struct golden_row *row = &golden_rows[i % RTE_DIM(golden_rows)];
		struct tunnel_table *t = table_make(1);
		struct tunnel *tunnel = golden_tunnel(t, row);
		struct rte_mbuf *m = envelope_make(row, cuts[i / RTE_DIM(golden_rows)]);

		encapsulate(tunnel, 1, m);
		check_bytes(i, row, m);
		check_view(i, row, m);
		rte_pktmbuf_free(m);
		tunnel_table_destroy(t);
	}
}

/* One cell of the cross product below, its expectation written as the RFCs say it. */
static void
check_fields(enum tunnel_df df, int8_t dscp, bool ecn, uint8_t inner_tos, bool inner_df)
{
	struct golden_row row = {4, TUNNEL_ESP, df, dscp, ecn, inner_tos, inner_df, 44, 20, {0}};
	struct tunnel_table *t = table_make(1);
	struct tunnel *tunnel = golden_tunnel(t, &row);
	struct rte_mbuf *m = envelope_make(&row, 2048);
	const struct rte_ipv4_hdr *ip;
	uint8_t dscp_wanted = dscp == TUNNEL_DSCP_COPY ? inner_tos >> 2 : (uint8_t)dscp;
	bool df_wanted = df == TUNNEL_DF_SET || (df == TUNNEL_DF_COPY && inner_df);

	encapsulate(tunnel, 1, m);
	ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	if (ip->type_of_service >> 2 != dscp_wanted ||
		(ip->type_of_service & 3) != (ecn ? inner_tos & 3 : 0) ||
		ip->fragment_offset != rte_cpu_to_be_16(df_wanted ? 0x4000 : 0) ||
		ip->packet_id != rte_cpu_to_be_16(df_wanted ? 0 : GOLDEN_ID) ||
		rte_ipv4_cksum(ip) != 0)
		fail_msg("df %d dscp %d ecn %d inner tos %02x df %d: wrong outer fields", df, dscp,
			ecn, inner_tos, inner_df);
	rte_pktmbuf_free(m);
	tunnel_table_destroy(t);
}

static void
test_df_dscp_ecn(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3 * 3 * 2 * 256 * 2; i++) {
		static const int8_t dscps[] = {TUNNEL_DSCP_COPY, 0, 63};
		unsigned int rest = i >> 10;

		check_fields((enum tunnel_df)(rest % 3), dscps[rest / 3], i & 1, (uint8_t)(i >> 1),
			i >> 9 & 1);
	}
}

/* An envelope that will be fragmented has no DF and an ID, whatever the tunnel says. */
static void
test_fragmented_envelope_has_no_df(void **state)
{
	struct golden_row row = {4, TUNNEL_ESP, TUNNEL_DF_SET, 0, true, 0, true, 1300, 20, {0}};
	struct tunnel_table *t = table_make(1);
	struct tunnel *tunnel = golden_tunnel(t, &row);

	(void)state;
	for (int fits = 0; fits < 2; fits++) {
		struct rte_mbuf *m = envelope_make(&row, 2048);
		const struct rte_ipv4_hdr *ip;

		pkt(m)->frag_mtu = fits ? 1320 : 1319;
		encapsulate(tunnel, 1, m);
		ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
		assert_int_equal(ip->fragment_offset, fits ? RTE_BE16(0x4000) : 0);
		assert_int_equal(ip->packet_id, fits ? 0 : rte_cpu_to_be_16(GOLDEN_ID));
		assert_int_equal(pkt(m)->flags & PKT_DF, fits ? PKT_DF : 0);
		assert_int_equal(rte_ipv4_cksum(ip), 0);
		rte_pktmbuf_free(m);
	}
	tunnel_table_destroy(t);
}

static uint16_t
udp6_checksum(struct tunnel *tunnel, uint16_t last_word)
{
	struct golden_row row = {6, TUNNEL_UDP, TUNNEL_DF_COPY, 0, true, 0, true, 44, 48, {0}};
	struct rte_mbuf *m = envelope_make(&row, 2048);
	uint16_t checksum;

	memcpy(rte_pktmbuf_mtod_offset(m, void *, 42), &last_word, 2);
	encapsulate(tunnel, 1, m);
	checksum = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, 40)->dgram_cksum;
	assert_int_equal(rte_ipv6_udptcp_cksum_verify(rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *),
				 rte_pktmbuf_mtod_offset(m, void *, 40)),
		0);
	rte_pktmbuf_free(m);
	return checksum;
}

/* Over IPv6 a checksum that comes out as 0 is sent as 0xffff: 0 would say that there is none. */
static void
test_udp6_checksum_zero(void **state)
{
	struct tunnel_config c = config_make(6);
	struct tunnel_table *t = table_make(1);
	struct tunnel *tunnel;

	(void)state;
	c.carrier = TUNNEL_UDP;
	tunnel = tunnel_make(t, &c);
	assert_int_equal(udp6_checksum(tunnel, udp6_checksum(tunnel, 0)), 0xffff);
	tunnel_table_destroy(t);
}

/* The IDs of packets without DF: a counter, and no two workers meet (RFC 6864). */
static void
test_ids_differ_between_workers(void **state)
{
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(1);
	struct tunnel *tunnel = tunnel_make(t, &c);
	uint32_t first = tunnel_outer_id(tunnel, 0);

	(void)state;
	for (uint32_t i = 1; i < 1000; i++) {
		assert_int_equal(tunnel_outer_id(tunnel, 1), (uint32_t)(first + 2 * i - 1));
		assert_int_equal(tunnel_outer_id(tunnel, 0), (uint32_t)(first + 2 * i));
	}
	tunnel_table_destroy(t);
}

static uint32_t
hash_of_envelope(struct tunnel *tunnel, const struct golden_row *row, uint8_t spi, uint8_t seq)
{
	struct rte_mbuf *m = envelope_make(row, 2048);
	uint32_t hash;

	rte_pktmbuf_mtod(m, uint8_t *)[3] = spi;
	rte_pktmbuf_mtod(m, uint8_t *)[7] = seq;
	encapsulate(tunnel, 0, m);
	hash = parse_flow_hash(pkt(m), rte_pktmbuf_mtod(m, const void *));
	assert_int_equal(hash, tunnel->outer_hash);
	rte_pktmbuf_free(m);
	return hash;
}

/* All envelopes of a tunnel take one way, also after its SA was renewed; those of two tunnels may
 * part. */
static void
test_flow_hash(void **state)
{
	struct golden_row row = {4, TUNNEL_ESP, TUNNEL_DF_SET, 0, true, 0, true, 44, 20, {0}};
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(2);
	struct tunnel *one, *other;

	(void)state;
	one = tunnel_make(t, &c);
	strcpy(c.name, "ipsec1");
	c.remote = addr("203.0.113.3");
	other = tunnel_make(t, &c);
	assert_int_equal(hash_of_envelope(one, &row, 1, 1), hash_of_envelope(one, &row, 1, 2));
	assert_int_equal(hash_of_envelope(one, &row, 1, 1), hash_of_envelope(one, &row, 2, 1));
	assert_int_not_equal(
		hash_of_envelope(one, &row, 1, 1), hash_of_envelope(other, &row, 1, 1));
	tunnel_table_destroy(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_same_bytes_as_scapy, fixture_pool_full),
		cmocka_unit_test_teardown(test_df_dscp_ecn, fixture_pool_full),
		cmocka_unit_test_teardown(test_fragmented_envelope_has_no_df, fixture_pool_full),
		cmocka_unit_test_teardown(test_udp6_checksum_zero, fixture_pool_full),
		cmocka_unit_test_teardown(test_ids_differ_between_workers, fixture_pool_full),
		cmocka_unit_test_teardown(test_flow_hash, fixture_pool_full),
	};

	return cmocka_run_group_tests_name("tunnel encap", tests, fixture_setup, NULL);
}
