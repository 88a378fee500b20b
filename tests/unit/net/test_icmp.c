/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <stdio.h>

#include <rte_ip.h>

#include "eal.h"
#include "golden.h"
#include "guard.h"
#include "icmp.h"
#include "ip.h"
#include "parse.h"
#include "pool.h"

static struct rte_mempool *pool;
static struct ip_addr our_v4, our_v6;

enum { TABLE = 5 };

static struct rte_mbuf *
parsed(const struct golden *g, uint16_t first, enum guard_end end)
{
	struct rte_mbuf *m = guard_chain(pool, g->bytes, g->length, first, g->length, end);

	memset(pkt(m), 0, PKT_PRIV_SIZE);
	pkt(m)->table = TABLE;
	assert_int_equal(parse_ip(m), DROP_NONE);
	return m;
}

static const struct ip_addr *
ours(const struct rte_mbuf *m)
{
	return pkt_const(m)->family == 4 ? &our_v4 : &our_v6;
}

/* The whole message as scapy builds it. */
static const struct error_row {
	struct golden packet;
	enum icmp_error error;
	uint32_t mtu;
	struct golden message;
} error_rows[] = {
	{GOLDEN(v4_udp), ICMP_ERR_TIME_EXCEEDED, 0, GOLDEN(v4_time_exceeded)},
	{GOLDEN(v4_udp), ICMP_ERR_NET_UNREACHABLE, 0, GOLDEN(v4_net_unreachable)},
	{GOLDEN(v4_udp), ICMP_ERR_HOST_UNREACHABLE, 0, GOLDEN(v4_host_unreachable)},
	{GOLDEN(v4_udp), ICMP_ERR_ADMIN_PROHIBITED, 0, GOLDEN(v4_admin_prohibited)},
	{GOLDEN(v4_long), ICMP_ERR_TOO_BIG, 1400, GOLDEN(v4_too_big)},
	{GOLDEN(v4_long), ICMP_ERR_TOO_BIG, 67, GOLDEN(v4_too_big_floor)},
	{GOLDEN(v6_udp), ICMP_ERR_TIME_EXCEEDED, 0, GOLDEN(v6_time_exceeded)},
	{GOLDEN(v6_udp), ICMP_ERR_NET_UNREACHABLE, 0, GOLDEN(v6_net_unreachable)},
	{GOLDEN(v6_udp), ICMP_ERR_HOST_UNREACHABLE, 0, GOLDEN(v6_host_unreachable)},
	{GOLDEN(v6_udp), ICMP_ERR_ADMIN_PROHIBITED, 0, GOLDEN(v6_admin_prohibited)},
	{GOLDEN(v6_long), ICMP_ERR_TOO_BIG, 1400, GOLDEN(v6_too_big)},
	{GOLDEN(v6_long), ICMP_ERR_TOO_BIG, 1279, GOLDEN(v6_too_big_floor)},
};

static void
test_error_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(error_rows); i++) {
		const struct error_row *row = &error_rows[i];

		for (uint16_t first = 1; first < 90; first += 11) {
			struct rte_mbuf *m = parsed(&row->packet, first, GUARD_AFTER), *error;

			icmp_error_request(m, row->error, row->mtu);
			assert_int_equal(pkt(m)->task, TASK_ICMP_ERROR);
			error = icmp_error_create(m, ours(m), pool);
			assert_non_null(error);
			if (!is_packet(error, row->message.bytes, row->message.length))
				fail_msg("%s", row->message.name);
			assert_int_equal(pkt(error)->zone, ZONE_SELF);
			assert_int_equal(pkt(error)->table, TABLE);
			assert_int_equal(pkt(error)->ttl, 64);
			assert_int_equal(pkt(error)->task, TASK_NONE);
			assert_int_equal(ip_l4_checksum(error), 0);
			assert_true(is_packet(m, row->packet.bytes, row->packet.length));
			rte_pktmbuf_free(error);
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

static void
test_error_impossible(void **state)
{
	struct golden g = GOLDEN(v4_udp);
	struct rte_mbuf *m = parsed(&g, 0, GUARD_AFTER), *all[POOL_SIZE];

	(void)state;
	icmp_error_request(m, ICMP_ERR_TIME_EXCEEDED, 0);
	assert_null(icmp_error_create(m, &our_v6, pool));
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, POOL_SIZE - 1), 0);
	assert_null(icmp_error_create(m, &our_v4, pool));
	rte_pktmbuf_free_bulk(all, POOL_SIZE - 1);
	rte_pktmbuf_free(m);
	assert_pool_full(pool);
}

/* RFC 1812 4.3.2.7, RFC 4443 2.4(e). src and dst NULL: as they are; type -1: as it is. */
static const struct {
	const char *name;
	struct golden packet;
	const char *src, *dst;
	int type;
	uint8_t flags;
	enum icmp_error error;
	bool allowed;
} allowed_rows[] = {
#define TE ICMP_ERR_TIME_EXCEEDED
#define PTB ICMP_ERR_TOO_BIG
	{"UDP", GOLDEN(v4_udp), NULL, NULL, -1, 0, TE, true},
	{"UDP over v6", GOLDEN(v6_udp), NULL, NULL, -1, 0, TE, true},
	{"echo request", GOLDEN(v4_icmp), NULL, NULL, 8, 0, TE, true},
	{"echo reply", GOLDEN(v4_icmp), NULL, NULL, 0, 0, TE, true},
	{"timestamp", GOLDEN(v4_icmp), NULL, NULL, 13, 0, TE, true},
	{"unreachable", GOLDEN(v4_icmp), NULL, NULL, 3, 0, TE, false},
	{"source quench", GOLDEN(v4_icmp), NULL, NULL, 4, 0, TE, false},
	{"redirect", GOLDEN(v4_icmp), NULL, NULL, 5, 0, TE, false},
	{"time exceeded", GOLDEN(v4_icmp), NULL, NULL, 11, 0, TE, false},
	{"parameter problem", GOLDEN(v4_icmp), NULL, NULL, 12, 0, TE, false},
	{"v6 echo request", GOLDEN(v6_icmp), NULL, NULL, 128, 0, TE, true},
	{"v6 unreachable", GOLDEN(v6_icmp), NULL, NULL, 1, 0, TE, false},
	{"v6 too big", GOLDEN(v6_icmp), NULL, NULL, 2, 0, PTB, false},
	{"v6 unknown error", GOLDEN(v6_icmp), NULL, NULL, 127, 0, TE, false},
	{"v6 redirect", GOLDEN(v6_icmp), NULL, NULL, 137, 0, TE, false},
	{"first fragment", GOLDEN(v4_first), NULL, NULL, -1, 0, TE, true},
	{"later fragment", GOLDEN(v4_later), NULL, NULL, -1, 0, TE, false},
	{"later v6 fragment", GOLDEN(v6_later), NULL, NULL, -1, 0, PTB, false},
	{"link multicast", GOLDEN(v4_udp), NULL, NULL, -1, PKT_ETH_MULTICAST, TE, false},
	{"v6 link multicast", GOLDEN(v6_udp), NULL, NULL, -1, PKT_ETH_MULTICAST, TE, false},
	{"v6 link multicast, too big", GOLDEN(v6_udp), NULL, NULL, -1, PKT_ETH_MULTICAST, PTB,
		true},
	{"link multicast, too big", GOLDEN(v4_udp), NULL, NULL, -1, PKT_ETH_MULTICAST, PTB, false},
	{"to multicast", GOLDEN(v4_udp), NULL, "224.0.0.5", -1, 0, TE, false},
	{"to broadcast", GOLDEN(v4_udp), NULL, "255.255.255.255", -1, 0, TE, false},
	{"to multicast, too big", GOLDEN(v4_udp), NULL, "239.1.1.1", -1, 0, PTB, false},
	{"to v6 multicast", GOLDEN(v6_udp), NULL, "ff0e::1", -1, 0, TE, false},
	{"to v6 multicast, too big", GOLDEN(v6_udp), NULL, "ff0e::1", -1, 0, PTB, true},
	{"from nowhere", GOLDEN(v4_udp), "0.0.0.0", NULL, -1, 0, TE, false},
	{"from 0/8", GOLDEN(v4_udp), "0.0.0.1", NULL, -1, 0, TE, false},
	{"from loopback", GOLDEN(v4_udp), "127.0.0.1", NULL, -1, 0, TE, false},
	{"from multicast", GOLDEN(v4_udp), "224.0.0.1", NULL, -1, 0, TE, false},
	{"from 240/4", GOLDEN(v4_udp), "240.0.0.1", NULL, -1, 0, TE, false},
	{"from broadcast", GOLDEN(v4_udp), "255.255.255.255", NULL, -1, 0, TE, false},
	{"from ::", GOLDEN(v6_udp), "::", NULL, -1, 0, PTB, false},
	{"from v6 loopback", GOLDEN(v6_udp), "::1", NULL, -1, 0, TE, false},
	{"from v6 multicast", GOLDEN(v6_udp), "ff02::1", NULL, -1, 0, PTB, false},
	{"from link-local", GOLDEN(v6_udp), "fe80::1", NULL, -1, 0, TE, true},
};

static void
put_address(struct rte_mbuf *m, const char *text, size_t v4_at, size_t v6_at)
{
	struct ip_addr addr;

	if (!text)
		return;
	assert_int_equal(ip_addr_parse(text, &addr), 0);
	if (addr.family == 4)
		pkt_write(m, v4_at, addr.bytes, 4);
	else
		pkt_write(m, v6_at, addr.bytes, 16);
}

static void
test_allowed(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(allowed_rows); i++) {
		const struct golden *g = &allowed_rows[i].packet;
		struct rte_mbuf *m = parsed(g, 0, GUARD_AFTER);
		uint8_t type = allowed_rows[i].type;

		put_address(m, allowed_rows[i].src, 12, 8);
		put_address(m, allowed_rows[i].dst, 16, 24);
		if (allowed_rows[i].type >= 0)
			pkt_write(m, pkt(m)->l4_offset, &type, 1);
		m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		assert_int_equal(parse_ip(m), DROP_NONE);
		pkt(m)->flags |= allowed_rows[i].flags;
		icmp_error_request(m, allowed_rows[i].error, 1400);
		if (icmp_error_allowed(m) != allowed_rows[i].allowed)
			fail_msg("%s", allowed_rows[i].name);
		rte_pktmbuf_free(m);
	}
	assert_pool_full(pool);
}

static const struct {
	struct golden request, reply;
} echo_rows[] = {
	{GOLDEN(v4_icmp), GOLDEN(v4_echo_reply)},
	{GOLDEN(v6_icmp), GOLDEN(v6_echo_reply)},
	{GOLDEN(v4_broadcast_echo), GOLDEN(v4_broadcast_echo_reply)},
	{GOLDEN(v6_multicast_echo), GOLDEN(v6_multicast_echo_reply)},
};

static void
test_echo_reply(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(echo_rows); i++) {
		for (uint16_t first = 1; first < 90; first++) {
			struct rte_mbuf *m = parsed(&echo_rows[i].request, first,
				first % 2 ? GUARD_AFTER : GUARD_BEFORE);
			uint8_t replied = pkt(m)->family == 4 ? 0 : 129;

			assert_true(icmp_echo_reply(m, ours(m)));
			if (!is_packet(m, echo_rows[i].reply.bytes, echo_rows[i].reply.length))
				fail_msg("%s", echo_rows[i].reply.name);
			assert_int_equal(pkt(m)->ttl, 64);
			assert_int_equal(pkt(m)->src_port_be, rte_cpu_to_be_16(replied << 8));
			rte_pktmbuf_free(m);
		}
	}
	assert_pool_full(pool);
}

/* What is not a valid echo request stays as it is. */
static const struct {
	const char *name;
	struct golden packet;
	uint16_t at;
	uint8_t byte;
} no_echo_rows[] = {
	{"UDP", GOLDEN(v4_udp), 20, 8},
	{"a reply", GOLDEN(v4_echo_reply), 20, 0},
	{"a v6 reply", GOLDEN(v6_echo_reply), 40, 129},
	{"a wrong checksum", GOLDEN(v4_icmp), 90, 0xee},
	{"a wrong v6 checksum", GOLDEN(v6_icmp), 90, 0xee},
	{"a code", GOLDEN(v4_icmp), 21, 1},
	{"a fragment", GOLDEN(v4_icmp), 6, 0x20},
};

static void
test_no_echo(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(no_echo_rows); i++) {
		uint8_t bytes[sizeof(v6_long)];
		struct golden g = {"changed", no_echo_rows[i].packet.length, bytes};
		struct rte_mbuf *m;

		memcpy(bytes, no_echo_rows[i].packet.bytes, g.length);
		bytes[no_echo_rows[i].at] = no_echo_rows[i].byte;
		if (bytes[0] >> 4 == 4) {
			((struct rte_ipv4_hdr *)bytes)->hdr_checksum = 0;
			((struct rte_ipv4_hdr *)bytes)->hdr_checksum =
				rte_ipv4_cksum((struct rte_ipv4_hdr *)bytes);
		}
		m = parsed(&g, 0, GUARD_AFTER);
		if (icmp_echo_reply(m, ours(m)) || !is_packet(m, bytes, g.length))
			fail_msg("%s", no_echo_rows[i].name);
		rte_pktmbuf_free(m);
	}
	assert_pool_full(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_bytes),
		cmocka_unit_test(test_error_impossible),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_echo_reply),
		cmocka_unit_test(test_no_echo),
	};

	test_eal_init("icmp", 64);
	pool = test_pool_create("icmp");
	ip_addr_parse("203.0.113.1", &our_v4);
	ip_addr_parse("2001:db8:3::3", &our_v6);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
