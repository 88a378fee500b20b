/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "eal.h"
#include "guard.h"
#include "pkt.h"
#include "pool.h"

static struct rte_mempool *pool;
static uint8_t bytes[3000];

/* Chains of every kind: the first segment's length, that of the others, where the guard is. */
static const struct shape {
	uint32_t length;
	uint16_t first, segment;
	enum guard_end end;
} shapes[] = {
	{100, 100, 100, GUARD_AFTER},
	{100, 100, 100, GUARD_BEFORE},
	{100, 1, 99, GUARD_AFTER},
	{100, 1, 99, GUARD_BEFORE},
	{100, 99, 1, GUARD_AFTER},
	{100, 1, 1, GUARD_AFTER},
	{100, 1, 1, GUARD_BEFORE},
	{3000, 40, 1000, GUARD_AFTER},
	{1, 1, 1, GUARD_AFTER},
};

static struct rte_mbuf *
build(const struct shape *s)
{
	struct rte_mbuf *m = guard_chain(pool, bytes, s->length, s->first, s->segment, s->end);

	assert_non_null(m);
	memset(pkt(m), 0, PKT_PRIV_SIZE);
	pkt(m)->nexthop = 77;
	m->port = 3;
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	return m;
}

/* That the packet is the bytes from `from` on, and still itself. */
static void
check(const struct rte_mbuf *m, uint32_t from, uint32_t length, size_t row)
{
	if (!is_packet(m, bytes + from, length))
		fail_msg("shape %zu: other bytes", row);
	if (pkt_const(m)->nexthop != 77 || m->port != 3 || !(m->ol_flags & RTE_MBUF_F_RX_RSS_HASH))
		fail_msg("shape %zu: lost its view", row);
}

static void
test_pull(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(shapes); i++) {
		for (uint32_t n = 0; n <= shapes[i].length + 1; n += 1 + n / 200) {
			struct rte_mbuf *m = build(&shapes[i]);
			bool can = n <= shapes[i].length;

			assert_int_equal(pkt_pull(m, n), can);
			assert_true(!can || m->data_len >= n);
			check(m, 0, shapes[i].length, i);
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

/* A buffer that others see, too, is not written. */
static void
test_pull_shared(void **state)
{
	struct rte_mbuf *m = guard_chain(pool, bytes, 100, 50, 50, GUARD_BEFORE);
	struct rte_mbuf *clone = rte_pktmbuf_clone(m, pool);

	(void)state;
	assert_false(pkt_pull(m, 60));
	assert_false(pkt_pull(clone, 60));
	assert_true(is_packet(m, bytes, 100));
	rte_pktmbuf_free(clone);
	assert_true(pkt_pull(m, 60));
	rte_pktmbuf_free(m);
	assert_pool_full(pool);
}

static void
test_pull_beyond_buffer(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	(void)state;
	assert_non_null(rte_pktmbuf_append(m, 1));
	assert_int_equal(rte_pktmbuf_chain(m, guard_mbuf(pool, bytes, 3000, GUARD_AFTER)), 0);
	assert_false(pkt_pull(m, m->buf_len + 1));
	assert_true(pkt_pull(m, m->buf_len));
	assert_int_equal(m->data_len, m->buf_len);
	rte_pktmbuf_free(m);
	assert_pool_full(pool);
}

/* Writes n bytes in front that make the packet begin n bytes earlier in `bytes`. */
static void
check_prepend(const struct shape *s, uint16_t n, size_t row)
{
	struct rte_mbuf *m = guard_chain(pool, bytes + n, s->length, s->first, s->segment, s->end);

	memset(pkt(m), 0, PKT_PRIV_SIZE);
	pkt(m)->nexthop = 77;
	m->port = 3;
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	m = pkt_prepend(m, n);
	assert_non_null(m);
	assert_true(m->data_len >= n);
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), bytes, n);
	check(m, 0, s->length + n, row);
	rte_pktmbuf_free(m);
}

static void
test_prepend(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(shapes); i++) {
		for (uint16_t n = 0; n <= 64 && shapes[i].length + n <= sizeof(bytes); n += 8)
			check_prepend(&shapes[i], n, i);
	}
	assert_pool_full(pool);
}

static void
test_append(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(shapes); i++) {
		for (uint16_t n = 0; n <= 256 && shapes[i].length + n <= sizeof(bytes); n += 32) {
			struct rte_mbuf *m = build(&shapes[i]);
			uint8_t *at = pkt_append(m, n);

			assert_non_null(at);
			memcpy(at, bytes + shapes[i].length, n);
			check(m, 0, shapes[i].length + n, i);
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

/* A clone shares the room, too: neither may use it. */
static void
test_room_of_shared(void **state)
{
	struct rte_mbuf *m = guard_mbuf_room(pool, bytes, 100, GUARD_AFTER, 50);
	struct rte_mbuf *clone = rte_pktmbuf_clone(m, pool), *head;
	uint8_t *at;

	(void)state;
	at = pkt_append(m, 8);
	assert_non_null(at);
	assert_int_equal(m->nb_segs, 2);
	memcpy(at, bytes + 100, 8);
	memset(pkt(clone), 0, PKT_PRIV_SIZE);
	head = pkt_prepend(clone, 8);
	assert_ptr_not_equal(head, clone);
	memset(rte_pktmbuf_mtod(head, void *), 0, 8);
	assert_true(is_packet(m, bytes, 108));
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(head);
	assert_pool_full(pool);
}

static void
test_no_mbuf(void **state)
{
	struct rte_mbuf *all[POOL_SIZE], *m = guard_mbuf(pool, bytes, 5000 / 2, GUARD_AFTER);

	(void)state;
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, POOL_SIZE - 1), 0);
	assert_null(pkt_append(m, 8));
	assert_true(is_packet(m, bytes, 2500));
	rte_pktmbuf_free(m);
	m = rte_pktmbuf_alloc(pool);
	assert_null(pkt_prepend(m, 1000));
	assert_int_equal(m->pkt_len, 0);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free_bulk(all, POOL_SIZE - 1);
	assert_pool_full(pool);
}

static void
test_trim(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(shapes); i++) {
		for (uint32_t n = 0; n <= shapes[i].length; n += 1 + n / 200) {
			struct rte_mbuf *m = build(&shapes[i]);

			pkt_trim_end(m, n);
			check(m, 0, shapes[i].length - n, i);
			rte_pktmbuf_free(m);
			m = build(&shapes[i]);
			pkt_trim_front(&m, n);
			check(m, n, shapes[i].length - n, i);
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

static void
test_write(void **state)
{
	uint8_t expected[100], patch[100];

	(void)state;
	memset(patch, 0xee, sizeof(patch));
	for (uint32_t offset = 0; offset <= 100; offset++) {
		for (uint32_t n = 0; n <= 100 - offset; n += 7) {
			struct rte_mbuf *m = guard_chain(pool, bytes, 100, 1, 9, GUARD_AFTER);

			memcpy(expected, bytes, sizeof(expected));
			memcpy(expected + offset, patch, n);
			pkt_write(m, offset, patch, n);
			assert_true(is_packet(m, expected, sizeof(expected)));
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pull),
		cmocka_unit_test(test_pull_shared),
		cmocka_unit_test(test_pull_beyond_buffer),
		cmocka_unit_test(test_prepend),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_room_of_shared),
		cmocka_unit_test(test_no_mbuf),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_write),
	};

	test_eal_init("pkt", 64);
	pool = test_pool_create("pkt");
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7 + i / 256;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
