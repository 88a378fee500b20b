/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_random.h>

#include "eal.h"
#include "frag.h"
#include "golden.h"
#include "guard.h"
#include "ip.h"
#include "packet.h"
#include "parse.h"

static struct rte_mempool *pool;

enum { MAX_PACKETS = 4, TIMEOUT_MS = 100, NEXTHOP = 77 };

static struct rte_mbuf *dead[FRAG_MAX];
static uint16_t dead_count;
static enum drop_reason why;

static uint64_t
tsc_of_ms(uint64_t ms)
{
	return ms * rte_get_tsc_hz() / 1000;
}

static struct reassembly *
create(uint32_t packets)
{
	struct reassembly *r = reassembly_create(packets, TIMEOUT_MS * 1000000ull, SOCKET_ID_ANY);

	assert_non_null(r);
	return r;
}

static struct rte_mbuf *
add(struct reassembly *r, struct rte_mbuf *m, uint64_t ms)
{
	struct rte_mbuf *whole;

	dead_count = 99;
	whole = reassembly_add(r, m, tsc_of_ms(ms), dead, &dead_count, &why);
	assert_true(dead_count <= FRAG_MAX);
	return whole;
}

/* Frees what died, all for the reason. */
static void
bury(uint16_t count, enum drop_reason reason)
{
	assert_int_equal(dead_count, count);
	if (count)
		assert_int_equal(why, reason);
	rte_pktmbuf_free_bulk(dead, count);
}

/* The fragments of a packet, in random order. */
static uint16_t
cut(const struct packet *p, uint16_t mtu, uint16_t segment, struct rte_mbuf *out[FRAG_MAX])
{
	struct rte_mbuf *m = guard_chain(pool, p->bytes, p->length, 0, segment, GUARD_AFTER);
	uint16_t n;

	memset(pkt(m), 0, PKT_PRIV_SIZE);
	assert_int_equal(parse_ip(m), DROP_NONE);
	n = frag_split(m, mtu, 42, pool, out);
	assert_true(n > 1);
	for (uint16_t i = n - 1; i > 0; i--) {
		uint16_t k = rte_rand() % (i + 1);
		struct rte_mbuf *swap = out[i];

		out[i] = out[k];
		out[k] = swap;
	}
	return n;
}

static const struct {
	const char *name;
	enum packet_kind kind;
	uint32_t length;
	uint16_t mtu;
} rows[] = {
	{"v4", PACKET_V4, 3000, 1500},
	{"v4 two", PACKET_V4, 1501, 1500},
	{"v4 DF", PACKET_V4_DF, 3000, 1500},
	{"v4 options", PACKET_V4_OPTIONS, 3000, 576},
	{"v4 jumbo", PACKET_V4, 9000, 1280},
	{"v4 longest", PACKET_V4, 65535, 1280},
	{"v4 jumbo fragments", PACKET_V4, 65535, 9000},
	{"v6", PACKET_V6, 3000, 1280},
	{"v6 longest", PACKET_V6, 65575, 1280},
	{"v6 extensions", PACKET_V6_EXTENSIONS, 3000, 1280},
};

/* Out of order and with a fragment twice: the packet comes out as it was. */
static void
round_trip(struct reassembly *r, const struct packet *p, uint16_t mtu, const char *name)
{
	struct rte_mbuf *out[FRAG_MAX], *whole = NULL, *copy;
	uint16_t n = cut(p, mtu, 2000, out), again = rte_rand() % (n - 1);

	for (uint16_t i = 0; i < n; i++) {
		if (whole)
			fail_msg("%s: whole before the last fragment", name);
		copy = i == again ? rte_pktmbuf_copy(out[i], pool, 0, UINT32_MAX) : NULL;
		pkt(out[i])->nexthop = i;
		whole = add(r, out[i], 0);
		assert_int_equal(dead_count, 0);
		if (!copy)
			continue;
		assert_int_equal(parse_ip(copy), DROP_NONE);
		assert_null(add(r, copy, 0));
		bury(1, DROP_reassembly_bad);
	}
	if (!whole || !is_packet(whole, p->bytes, p->length))
		fail_msg("%s: another packet", name);
	assert_int_equal(pkt(whole)->nexthop, n - 1);
	assert_true(pkt(whole)->flags & PKT_REASSEMBLED);
	assert_false(pkt(whole)->flags & PKT_FRAGMENT);
	rte_pktmbuf_free(whole);
}

static void
test_round_trip(void **state)
{
	struct reassembly *r = create(MAX_PACKETS);
	struct packet p;

	(void)state;
	const struct reassembly_usage *usage = reassembly_usage(r);

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		packet_build(&p, rows[i].kind, rows[i].length);
		for (int round = 0; round < 10; round++)
			round_trip(r, &p, rows[i].mtu, rows[i].name);
	}
	assert_int_equal(usage->completed, 10 * RTE_DIM(rows));
	assert_true(usage->fragments > 2 * usage->completed);
	assert_int_equal(usage->packets, 0);
	assert_int_equal(usage->packets_max, MAX_PACKETS);
	assert_int_equal(usage->mbufs, 0);
	assert_pool_full(pool);
	reassembly_destroy(r);
}

/* A part of a packet: n units of 8 bytes at offset; those of an odd packet are of v6. */
static struct rte_mbuf *
part_of(unsigned int packet, uint16_t offset, uint16_t units, bool more, uint8_t tos)
{
	uint8_t bytes[56 + 8 * 100] = {0};
	bool v4 = packet % 2 == 0;
	uint16_t header = v4 ? 20 : 48, field = v4 ? offset : offset << 3;
	struct rte_mbuf *m;

	memset(bytes + header, offset, units * 8);
	memcpy(bytes, v4 ? v4_first : v6_first, header);
	if (v4) {
		bytes[1] = tos;
		bytes[5] = packet;
		field |= more ? 0x2000 : 0;
		bytes[2] = (header + units * 8) >> 8;
		bytes[3] = header + units * 8;
	} else {
		bytes[1] = tos << 4;
		bytes[47] = packet;
		field |= more;
		bytes[4] = (8 + units * 8) >> 8;
		bytes[5] = 8 + units * 8;
	}
	bytes[v4 ? 6 : 42] = field >> 8;
	bytes[v4 ? 7 : 43] = field;
	m = guard_mbuf(pool, bytes, header + units * 8, GUARD_AFTER);
	memset(pkt(m), 0, PKT_PRIV_SIZE);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	assert_int_equal(parse_ip(m), DROP_NONE);
	return m;
}

/* Parts in units of 8 bytes; the last one of each row brings the end, and what remains to come is
 * refused as well. */
static const struct {
	const char *name;
	struct {
		uint8_t offset, units;
		bool more;
	} parts[4];
	uint8_t n;    /* parts */
	uint8_t dies; /* with the last of them; 0: it makes the packet whole */
} overlaps[] = {
	{"in order", {{0, 2, 1}, {2, 2, 1}, {4, 1, 0}}, 3, 0},
	{"from behind", {{4, 1, 0}, {2, 2, 1}, {0, 2, 1}}, 3, 0},
	{"begins inside the one before", {{0, 2, 1}, {1, 2, 1}}, 2, 2},
	{"ends inside the one after", {{2, 2, 1}, {1, 2, 1}}, 2, 2},
	{"inside another", {{0, 4, 1}, {1, 2, 1}}, 2, 2},
	{"around another", {{1, 1, 1}, {0, 4, 1}}, 2, 2},
	{"same begin, shorter", {{0, 2, 1}, {0, 1, 1}}, 2, 2},
	{"same begin, longer", {{0, 1, 1}, {0, 2, 1}}, 2, 2},
	{"same end", {{0, 2, 1}, {1, 1, 1}}, 2, 2},
	{"another end, farther", {{4, 1, 0}, {5, 1, 0}}, 2, 2},
	{"another end, nearer", {{4, 1, 0}, {3, 1, 0}}, 2, 2},
	{"beyond the end", {{4, 1, 0}, {5, 1, 1}}, 2, 2},
	{"ends where the end is, but has MF", {{3, 2, 0}, {3, 2, 1}}, 2, 2},
	{"had MF, is the end now", {{3, 2, 1}, {3, 2, 0}}, 2, 2},
	{"the end before others", {{0, 1, 1}, {4, 1, 1}, {2, 1, 0}}, 3, 3},
};

static void
test_overlaps(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(overlaps) * 2; i++) {
		struct reassembly *r = create(MAX_PACKETS);
		size_t row = i / 2;
		struct rte_mbuf *whole = NULL;

		for (int k = 0; k < overlaps[row].n; k++) {
			whole = add(r,
				part_of(i % 2, overlaps[row].parts[k].offset,
					overlaps[row].parts[k].units, overlaps[row].parts[k].more,
					0),
				0);
			if (k < overlaps[row].n - 1 && (whole || dead_count))
				fail_msg("%s: part %d", overlaps[row].name, k);
		}
		if (!whole != (overlaps[row].dies > 0) || dead_count != overlaps[row].dies)
			fail_msg("%s: %u died", overlaps[row].name, dead_count);
		bury(overlaps[row].dies, DROP_reassembly_bad);
		rte_pktmbuf_free(whole);
		if (!whole) {
			/* RFC 5722: the others of that packet, too, until its time is over */
			assert_null(add(r, part_of(i % 2, 20, 1, true, 0), TIMEOUT_MS - 1));
			bury(1, DROP_reassembly_bad);
			assert_null(add(r, part_of(i % 2, 20, 1, true, 0), TIMEOUT_MS));
			bury(0, DROP_NONE);
		}
		reassembly_destroy(r);
	}
	assert_pool_full(pool);
}

static void
test_timeout(void **state)
{
	struct reassembly *r = create(MAX_PACKETS);

	(void)state;
	assert_null(add(r, part_of(0, 0, 1, true, 0), 0));
	assert_null(add(r, part_of(0, 2, 1, false, 0), 10));
	assert_null(add(r, part_of(1, 0, 1, true, 0), 50));
	reassembly_age(r, tsc_of_ms(TIMEOUT_MS - 1), dead, &dead_count);
	bury(0, DROP_NONE);
	reassembly_age(r, tsc_of_ms(TIMEOUT_MS), dead, &dead_count);
	bury(2, why);
	/* The other one ends when its last part comes too late. */
	assert_null(add(r, part_of(1, 1, 1, false, 0), 50 + TIMEOUT_MS));
	bury(1, DROP_reassembly_timeout);
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE - 1);
	reassembly_flush(r);
	assert_pool_full(pool);
	reassembly_destroy(r);
}

/* reassembly_age fills dead[] with whole packets only, and goes on the next time. */
static void
test_age_many(void **state)
{
	struct reassembly *r = create(MAX_PACKETS);
	unsigned int died = 0, calls = 0;

	(void)state;
	for (unsigned int packet = 0; packet < 2; packet++) {
		for (uint16_t i = 0; i < 16; i++)
			assert_null(add(r, part_of(packet * 2, i * 2, 1, true, 0), 0));
	}
	do {
		reassembly_age(r, tsc_of_ms(TIMEOUT_MS), dead, &dead_count);
		died += dead_count;
		calls++;
		rte_pktmbuf_free_bulk(dead, dead_count);
	} while (dead_count);
	assert_int_equal(died, 32);
	assert_int_equal(calls, 2);
	assert_pool_full(pool);
	reassembly_destroy(r);
}

/* No room: neither for more packets, nor for more parts of one, nor of all. */
static void
test_bounds(void **state)
{
	struct reassembly *r = create(MAX_PACKETS);
	uint16_t i;

	(void)state;
	for (unsigned int packet = 0; packet < MAX_PACKETS; packet++)
		assert_null(add(r, part_of(packet, 0, 1, true, 0), packet));
	assert_null(add(r, part_of(MAX_PACKETS, 0, 1, true, 0), 10));
	bury(1, DROP_reassembly_bad);
	/* The oldest makes room when its time is over. */
	assert_null(add(r, part_of(MAX_PACKETS, 0, 1, true, 0), TIMEOUT_MS));
	bury(1, DROP_reassembly_timeout);
	reassembly_destroy(r);
	/* 8 packets: 64 parts, of which one packet cannot have all */
	r = create(8);
	for (i = 0; i < 64; i++) {
		assert_null(add(r, part_of(i < 40 ? 0 : 2, i * 2, 1, true, 0), 0));
		bury(0, DROP_NONE);
	}
	assert_null(add(r, part_of(2, 200, 1, true, 0), 0));
	bury(64 - 40 + 1, DROP_reassembly_bad);
	reassembly_destroy(r);
	r = create(100);
	for (i = 0; i < FRAG_MAX - 1; i++)
		assert_null(add(r, part_of(0, i * 2, 1, true, 0), 0));
	bury(0, DROP_NONE);
	assert_null(add(r, part_of(0, i * 2, 1, true, 0), 0));
	bury(FRAG_MAX, DROP_reassembly_bad);
	assert_pool_full(pool);
	reassembly_destroy(r);
}

/* A fragment that is added and whatever dies of it. */
static void
add_and_bury(struct reassembly *r, struct rte_mbuf *m, uint64_t ms)
{
	assert_null(add(r, m, ms));
	rte_pktmbuf_free_bulk(dead, dead_count);
}

/*
 * Everything is full and its time is over, and the oldest ones, refused for overlaps, have no parts
 * to give: more may die of one fragment than dead[] has room for. add() holds the bound.
 */
static void
test_dead_bound(void **state)
{
	struct reassembly *r = create(64); /* 512 parts in all */
	uint32_t parts = 0;

	(void)state;
	for (unsigned int packet = 0; packet < 2; packet++) {
		add_and_bury(r, part_of(packet, 0, 2, true, 0), 0);
		add_and_bury(r, part_of(packet, 1, 2, true, 0), 0);
	}
	for (; parts < FRAG_MAX - 1; parts++)
		add_and_bury(r, part_of(10, parts, 1, true, 0), 0);
	for (; parts < FRAG_MAX + 1; parts++)
		add_and_bury(r, part_of(11, parts, 1, true, 0), 0);
	for (unsigned int packet = 12; parts < 512; packet++)
		for (uint16_t i = 0; i < FRAG_MAX - 1 && parts < 512; i++, parts++)
			add_and_bury(r, part_of(packet, i, 1, true, 0), 0);
	add_and_bury(r, part_of(100, 1, 1, true, 0), TIMEOUT_MS + 1);
	add_and_bury(r, part_of(101, 1, 1, true, 0), TIMEOUT_MS + 1);
	add_and_bury(r, part_of(11, 5, 1, true, 0), TIMEOUT_MS + 1);
	reassembly_destroy(r);
	assert_pool_full(pool);
}

/* What died takes no room. */
static void
test_room_again(void **state)
{
	struct reassembly *r = create(MAX_PACKETS);
	struct rte_mbuf *whole;
	uint64_t ms = 0;

	(void)state;
	for (int i = 0; i < 100; i++, ms += TIMEOUT_MS) {
		assert_null(add(r, part_of(0, 0, 2, true, 0), ms));
		bury(0, DROP_NONE);
		assert_null(add(r, part_of(0, 1, 2, true, 0), ms));
		bury(2, DROP_reassembly_bad);
	}
	assert_null(add(r, part_of(2, 0, 1, true, 0), ms));
	whole = add(r, part_of(2, 1, 1, false, 0), ms);
	assert_non_null(whole);
	rte_pktmbuf_free(whole);
	assert_pool_full(pool);
	reassembly_destroy(r);
}

/* RFC 3168 5.3: the ECN fields of two fragments, and of the packet; -1: it is dropped. */
static const struct {
	uint8_t first, second;
	int result;
} ecn_rows[] = {{0, 0, 0}, {2, 2, 2}, {2, 3, 3}, {3, 2, 3}, {1, 3, 3}, {3, 3, 3}, {0, 3, -1},
	{3, 0, -1}, {2, 1, 2}};

static void
test_ecn(void **state)
{
	struct reassembly *r = create(MAX_PACKETS);

	(void)state;
	for (size_t i = 0; i < RTE_DIM(ecn_rows) * 2; i++) {
		struct rte_mbuf *whole;
		size_t row = i / 2;

		assert_null(add(r, part_of(i % 2, 0, 2, true, ecn_rows[row].first), 0));
		whole = add(r, part_of(i % 2, 2, 2, false, ecn_rows[row].second), 0);
		if (ecn_rows[row].result < 0) {
			assert_null(whole);
			bury(1, DROP_reassembly_bad);
			continue;
		}
		if (!whole || (pkt(whole)->tos & 3) != ecn_rows[row].result)
			fail_msg("row %zu", row);
		assert_int_equal(parse_ip(whole), DROP_NONE);
		rte_pktmbuf_free(whole);
	}
	assert_pool_full(pool);
	reassembly_destroy(r);
}

/* RFC 6946: an atomic fragment is whole, and does not meet others of its ID. */
static void
test_atomic(void **state)
{
	struct reassembly *r = create(MAX_PACKETS);
	struct rte_mbuf *whole;

	(void)state;
	assert_null(add(r, part_of(1, 0, 2, true, 0), 0));
	whole = add(r, part_of(1, 0, 2, false, 0), 0);
	bury(0, DROP_NONE);
	assert_non_null(whole);
	assert_int_equal(whole->pkt_len, 40 + 16);
	assert_int_equal(pkt(whole)->l4_offset, 40);
	rte_pktmbuf_free(whole);
	whole = add(r, part_of(1, 2, 2, false, 0), 0);
	assert_non_null(whole);
	rte_pktmbuf_free(whole);
	assert_pool_full(pool);
	reassembly_destroy(r);
}

/* What is put together is parsed: a packet of more than 65,535 bytes is none. */
static void
test_too_long(void **state)
{
	struct reassembly *r = create(MAX_PACKETS);
	struct packet p;
	struct rte_mbuf *m, *out[FRAG_MAX];

	(void)state;
	packet_build(&p, PACKET_V4, 65535);
	assert_int_equal(cut(&p, 9000, 2000, out), 8);
	/* The first fragment gets a longer header; the sum is beyond what the length field holds.
	 */
	for (int i = 0; i < 8; i++) {
		if (fragment_read(out[i]).offset == 0) {
			uint8_t *at;

			out[i] = pkt_prepend(out[i], 4);
			at = rte_pktmbuf_mtod(out[i], uint8_t *);
			memmove(at, at + 4, 20);
			memset(at + 20, 1, 4);
			at[0] = 0x46;
			at[2] = out[i]->pkt_len >> 8;
			at[3] = out[i]->pkt_len;
			out[i]->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
			assert_int_equal(parse_ip(out[i]), DROP_NONE);
		}
		m = add(r, out[i], 0);
		assert_null(m);
	}
	bury(1, DROP_reassembly_bad);
	assert_pool_full(pool);
	reassembly_destroy(r);
}

/* Nothing leaks and nothing dies of parts at random. */
static void
test_random(void **state)
{
	struct reassembly *r = create(MAX_PACKETS);
	unsigned int whole_count = 0;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct rte_mbuf *whole = add(r,
			part_of(rte_rand() % 6, rte_rand() % 5, 1 + rte_rand() % 2, rte_rand() % 3,
				0),
			i / 10);

		whole_count += whole != NULL;
		rte_pktmbuf_free(whole);
		bury(dead_count, why);
		if (i % 1000 == 0) {
			reassembly_age(r, tsc_of_ms(i / 10), dead, &dead_count);
			bury(dead_count, why);
		}
	}
	assert_true(whole_count > 100);
	reassembly_destroy(r);
	assert_pool_full(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_age_many),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_dead_bound),
		cmocka_unit_test(test_room_again),
		cmocka_unit_test(test_ecn),
		cmocka_unit_test(test_atomic),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_random),
	};

	test_eal_init("reassembly", 64);
	pool = test_pool_create("reassembly");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
