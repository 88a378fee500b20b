/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <rte_random.h>

#include "eal.h"
#include "golden.h"
#include "guard.h"
#include "ip.h"
#include "parse.h"
#include "pool.h"

static struct rte_mempool *pool;

static struct rte_mbuf *
parsed(const struct golden *g)
{
	struct rte_mbuf *m = guard_mbuf(pool, g->bytes, g->length, GUARD_AFTER);

	memset(pkt(m), 0, PKT_PRIV_SIZE);
	assert_int_equal(parse_ip(m), DROP_NONE);
	return m;
}

static const struct golden golden_v4 = GOLDEN(v4_udp), golden_v6 = GOLDEN(v6_udp);

/* Parses the changed packet again: what is in it must be what the view says, checksum included. */
static void
check_view(struct rte_mbuf *m)
{
	struct pkt before = *pkt(m);

	assert_int_equal(parse_ip(m), DROP_NONE);
	assert_memory_equal(&before, pkt(m), sizeof(before));
}

static uint16_t
full_checksum(const uint16_t words[10])
{
	return ~rte_raw_cksum(words, 20);
}

static void
test_checksum_update(void **state)
{
	uint16_t words[10];

	(void)state;
	for (int round = 0; round < 100000; round++) {
		uint16_t at = rte_rand() % 10, old_word, checksum;

		for (int i = 0; i < 10; i++)
			words[i] = rte_rand() % 4 ? rte_rand() : rte_rand() % 2 ? 0xffff : 0;
		words[(at + 1) % 10] = 0x4500; /* no header is all zero */
		old_word = words[at];
		checksum = full_checksum(words);
		words[at] = rte_rand() % 4 ? rte_rand() : rte_rand() % 2 ? 0xffff : 0;
		assert_int_equal(
			ip_checksum_update(checksum, old_word, words[at]), full_checksum(words));
	}
}

static void
test_ttl(void **state)
{
	const struct golden *both[] = {&golden_v4, &golden_v6};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct rte_mbuf *m = parsed(both[i]);

		while (pkt(m)->ttl > 1) {
			uint8_t before = pkt(m)->ttl;

			ip_ttl_decrement(m);
			assert_int_equal(pkt(m)->ttl, before - 1);
			check_view(m);
		}
		rte_pktmbuf_free(m);
	}
	assert_pool_full(pool);
}

static void
test_ecn_set(void **state)
{
	const struct golden *both[] = {&golden_v4, &golden_v6};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct rte_mbuf *m = parsed(both[i]);

		for (uint8_t step = 0; step < 16; step++) {
			uint8_t ecn = (step * 7 + step / 4) & 3;

			ip_ecn_set(m, ecn);
			assert_int_equal(pkt(m)->tos, 0x28 | ecn);
			check_view(m);
			assert_int_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, i ? 2 : 4)[0],
				both[i]->bytes[i ? 2 : 4]);
		}
		if (i)
			assert_int_equal(
				rte_pktmbuf_mtod(m, uint8_t *)[1] & 0xf, both[i]->bytes[1] & 0xf);
		rte_pktmbuf_free(m);
	}
	assert_pool_full(pool);
}

enum { NOT_ECT, ECT_1, ECT_0, CE, DROPPED = -1 };

/* RFC 6040 figure 4. */
static const struct {
	const char *name;
	uint8_t inner, outer;
	int result;
} ecn_cells[] = {
	{"Not-ECT under Not-ECT", NOT_ECT, NOT_ECT, NOT_ECT},
	{"Not-ECT under ECT(0)", NOT_ECT, ECT_0, NOT_ECT},
	{"Not-ECT under ECT(1)", NOT_ECT, ECT_1, NOT_ECT},
	{"Not-ECT under CE", NOT_ECT, CE, DROPPED},
	{"ECT(0) under Not-ECT", ECT_0, NOT_ECT, ECT_0},
	{"ECT(0) under ECT(0)", ECT_0, ECT_0, ECT_0},
	{"ECT(0) under ECT(1)", ECT_0, ECT_1, ECT_1},
	{"ECT(0) under CE", ECT_0, CE, CE},
	{"ECT(1) under Not-ECT", ECT_1, NOT_ECT, ECT_1},
	{"ECT(1) under ECT(0)", ECT_1, ECT_0, ECT_1},
	{"ECT(1) under ECT(1)", ECT_1, ECT_1, ECT_1},
	{"ECT(1) under CE", ECT_1, CE, CE},
	{"CE under Not-ECT", CE, NOT_ECT, CE},
	{"CE under ECT(0)", CE, ECT_0, CE},
	{"CE under ECT(1)", CE, ECT_1, CE},
	{"CE under CE", CE, CE, CE},
};

static void
test_ecn_decapsulate(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(ecn_cells); i++) {
		if (ip_ecn_decapsulate(ecn_cells[i].inner, ecn_cells[i].outer) !=
			ecn_cells[i].result)
			fail_msg("%s", ecn_cells[i].name);
	}
}

static void
test_addresses(void **state)
{
	static const struct {
		const struct golden *golden;
		const char *src, *dst;
	} rows[] = {
		{&golden_v4, "192.0.2.1", "198.51.100.2"},
		{&golden_v6, "2001:db8:1::1", "2001:db8:2::2"},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct rte_mbuf *m = parsed(rows[i].golden);
		struct ip_addr src, dst, m_src = ip_src(m), m_dst = ip_dst(m);

		assert_int_equal(ip_addr_parse(rows[i].src, &src), 0);
		assert_int_equal(ip_addr_parse(rows[i].dst, &dst), 0);
		assert_true(ip_addr_equal(&src, &m_src));
		assert_true(ip_addr_equal(&dst, &m_dst));
		rte_pktmbuf_free(m);
	}
	assert_pool_full(pool);
}

static const struct golden checksummed[] = {GOLDEN(v4_udp), GOLDEN(v4_tcp), GOLDEN(v4_icmp),
	GOLDEN(v4_options), GOLDEN(v4_long), GOLDEN(v6_udp), GOLDEN(v6_tcp), GOLDEN(v6_icmp),
	GOLDEN(v6_long)};

/* scapy's checksums are right however the packet is cut; one changed bit is seen. */
static void
test_l4_checksum(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(checksummed); i++) {
		const struct golden *g = &checksummed[i];

		for (uint16_t first = 1; first < RTE_MIN(g->length, 120); first++) {
			struct rte_mbuf *m = guard_chain(
				pool, g->bytes, g->length, first, 3 + first % 20, GUARD_AFTER);
			uint8_t last = g->bytes[g->length - 1] ^ 0x10;

			memset(pkt(m), 0, PKT_PRIV_SIZE);
			assert_int_equal(parse_ip(m), DROP_NONE);
			if (ip_l4_checksum(m) != 0)
				fail_msg("%s cut at %u", g->name, first);
			pkt_write(m, g->length - 1, &last, 1);
			assert_int_not_equal(ip_l4_checksum(m), 0);
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum_update),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_ecn_set),
		cmocka_unit_test(test_ecn_decapsulate),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_l4_checksum),
	};

	test_eal_init("ip", 64);
	pool = test_pool_create("ip");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
