/* SPDX-License-Identifier: BSD-3-Clause */
/* frag_split alone: reassembly is in test_reassembly.c, judged by these fragments and by hand-made
 * ones. */
#include <netinet/in.h>
#include <stdio.h>

#include <rte_ip.h>

#include "eal.h"
#include "frag.h"
#include "guard.h"
#include "packet.h"
#include "parse.h"
#include "pool.h"

static struct rte_mempool *pool;

enum { ID = 0x01020304, NEXTHOP = 77 };

static struct rte_mbuf *
build(const struct packet *p, uint16_t segment)
{
	struct rte_mbuf *m = guard_chain(pool, p->bytes, p->length, 0, segment, GUARD_AFTER);

	assert_non_null(m);
	memset(pkt(m), 0, PKT_PRIV_SIZE);
	pkt(m)->nexthop = NEXTHOP;
	pkt(m)->flags = PKT_PROTECTED;
	assert_int_equal(parse_ip(m), DROP_NONE);
	return m;
}

static const struct {
	const char *name;
	enum packet_kind kind;
	uint32_t length;
	uint16_t mtu;
	uint16_t segment;
	uint16_t fragments; /* 0: refused */
} rows[] = {
	{"fits", PACKET_V4, 1500, 1500, 2000, 1},
	{"one byte too long", PACKET_V4, 1501, 1500, 2000, 2},
	{"v4 jumbo", PACKET_V4, 9000, 1500, 9000, 7},
	{"v4 jumbo chain", PACKET_V4, 9000, 1500, 700, 7},
	{"v4 chain of small ones", PACKET_V4, 1400, 576, 20, 3},
	{"v4 smallest MTU", PACKET_V4, 1000, 68, 1000, 21},
	{"v4 longest", PACKET_V4, 65535, 1280, 2048, 53},
	{"v4 longest into jumbos", PACKET_V4, 65535, 9000, 2048, 8},
	{"v4 too many", PACKET_V4, 65535, 576, 2048, 0},
	{"v4 MTU without room", PACKET_V4, 100, 27, 2000, 0},
	{"v4 options", PACKET_V4_OPTIONS, 3000, 1500, 1000, 3},
	{"v4 DF", PACKET_V4_DF, 3000, 1500, 3000, 3},
	{"a fragment, cut again", PACKET_V4_FRAGMENT, 1420, 576, 1000, 3},
	{"v6 fits", PACKET_V6, 1280, 1280, 2000, 1},
	{"v6 one byte too long", PACKET_V6, 1281, 1280, 2000, 2},
	{"v6 jumbo chain", PACKET_V6, 9000, 1500, 700, 7},
	{"v6 longest", PACKET_V6, 65575, 1280, 2048, 54},
	{"v6 extensions", PACKET_V6_EXTENSIONS, 3000, 1280, 1000, 3},
	{"v6 fragment", PACKET_V6_FRAGMENT, 1408, 1280, 1408, 0},
};

/* What is wrong with the fragment that should carry the payload from `at` on; NULL: nothing. */
static const char *
judge_fragment(struct rte_mbuf *f, const struct packet *p, uint16_t mtu, uint32_t at, bool last)
{
	struct fragment_fields fields = fragment_read(f);

	if (f->pkt_len > mtu)
		return "too long";
	if (pkt(f)->nexthop != NEXTHOP || !(pkt(f)->flags & PKT_PROTECTED) ||
		!(pkt(f)->flags & PKT_FRAGMENT))
		return "another view";
	if (fields.offset != p->offset + at || fields.more != (!last || p->more))
		return "offset or MF";
	if (p->bytes[0] >> 4 == 6 && fields.id != ID)
		return "ID";
	if (!carries(f, fields.header, p->bytes + p->header + at))
		return "other bytes";
	if (!RTE_MBUF_DIRECT(f) || (f->nb_segs != 1 && mtu <= 2048))
		return "not one direct segment";
	return parse_ip(f) == DROP_NONE ? NULL : "not to be parsed";
}

static void
check_row(size_t i)
{
	struct rte_mbuf *out[FRAG_MAX], *m;
	struct packet p;
	uint32_t at = 0;
	uint16_t n;

	packet_build(&p, rows[i].kind, rows[i].length);
	m = build(&p, rows[i].segment);
	n = frag_split(m, rows[i].mtu, ID, pool, out);
	if (n != rows[i].fragments)
		fail_msg("%s: %u fragments", rows[i].name, n);
	if (n <= 1) {
		assert_true(is_packet(m, p.bytes, p.length));
		rte_pktmbuf_free(m);
		return;
	}
	for (uint16_t k = 0; k < n; k++) {
		const char *wrong = judge_fragment(out[k], &p, rows[i].mtu, at, k == n - 1);

		if (wrong)
			fail_msg("%s: fragment %u: %s", rows[i].name, k, wrong);
		at += out[k]->pkt_len - fragment_read(out[k]).header;
	}
	assert_int_equal(at, p.length - p.header);
	rte_pktmbuf_free_bulk(out, n);
}

static void
test_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++)
		check_row(i);
	assert_pool_full(pool);
}

/* RFC 791 3.1: only options with the "copied" flag are in all fragments. */
static void
test_options(void **state)
{
	struct rte_mbuf *out[FRAG_MAX];
	struct packet p;

	(void)state;
	packet_build(&p, PACKET_V4_OPTIONS, 3000);
	assert_int_equal(frag_split(build(&p, 3000), 1500, 0, pool, out), 3);
	assert_memory_equal(rte_pktmbuf_mtod_offset(out[0], uint8_t *, 20), p.bytes + 20, 12);
	for (int i = 1; i < 3; i++) {
		static const uint8_t later[] = {0x94, 4, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0};

		assert_memory_equal(rte_pktmbuf_mtod_offset(out[i], uint8_t *, 20), later, 12);
	}
	rte_pktmbuf_free_bulk(out, 3);
	assert_pool_full(pool);
}

/* Whenever the mbufs end, what was made goes and the packet stays. */
static void
test_no_mbuf(void **state)
{
	struct rte_mbuf *all[POOL_SIZE], *out[FRAG_MAX], *m;
	struct packet p;

	(void)state;
	packet_build(&p, PACKET_V6, 9000);
	m = build(&p, 9000);
	for (unsigned int free_mbufs = 0; free_mbufs < 7; free_mbufs++) {
		unsigned int taken = POOL_SIZE - 1 - free_mbufs;

		assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, taken), 0);
		assert_int_equal(frag_split(m, 1500, ID, pool, out), 0);
		assert_int_equal(rte_mempool_avail_count(pool), free_mbufs);
		rte_pktmbuf_free_bulk(all, taken);
		assert_true(is_packet(m, p.bytes, p.length));
	}
	rte_pktmbuf_free(m);
	assert_pool_full(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_no_mbuf),
	};

	test_eal_init("frag", 64);
	pool = test_pool_create("frag");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
