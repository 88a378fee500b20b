/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <stdio.h>

#include "eal.h"
#include "golden.h"
#include "guard.h"
#include "parse.h"
#include "pool.h"
#include "selector.h"

static struct rte_mempool *pool;

#define ANY_PORT                                                                                   \
	{                                                                                          \
		0, 65535                                                                           \
	}
#define ONE(port)                                                                                  \
	{                                                                                          \
		port, port                                                                         \
	}

enum { OUT = true, IN = false, ANY_PROTOCOL = -1 };

/* golden.py: 192.0.2.1 to 198.51.100.2, 2001:db8:1::1 to 2001:db8:2::2, port 1000 to 2000. NULL is
 * any address. */
static const struct row {
	const char *name;
	struct golden packet;
	bool outbound, matches;
	const char *local[2], *remote[2];
	int16_t protocol;
	struct port_range local_port, remote_port;
} rows[] = {
#define A4                                                                                         \
	{                                                                                          \
		"192.0.2.1", "192.0.2.1"                                                           \
	}
#define B4                                                                                         \
	{                                                                                          \
		"198.51.100.2", "198.51.100.2"                                                     \
	}
#define A6                                                                                         \
	{                                                                                          \
		"2001:db8:1::1", "2001:db8:1::1"                                                   \
	}
#define B6                                                                                         \
	{                                                                                          \
		"2001:db8:2::2", "2001:db8:2::2"                                                   \
	}
#define ANY                                                                                        \
	{                                                                                          \
		NULL, NULL                                                                         \
	}
	{"any", GOLDEN(v4_udp), OUT, true, ANY, ANY, ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"any, v6", GOLDEN(v6_udp), IN, true, ANY, ANY, ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"hosts", GOLDEN(v4_udp), OUT, true, A4, B4, ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"hosts, wrong way", GOLDEN(v4_udp), IN, false, A4, B4, ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"hosts, inbound", GOLDEN(v4_udp), IN, true, B4, A4, ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"hosts, v6", GOLDEN(v6_udp), OUT, true, A6, B6, ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"hosts, v6 inbound", GOLDEN(v6_udp), IN, true, B6, A6, ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"hosts, v6 wrong way", GOLDEN(v6_udp), IN, false, A6, B6, ANY_PROTOCOL, ANY_PORT,
		ANY_PORT},
	{"v4 selector, v6 packet", GOLDEN(v6_udp), OUT, false, {"0.0.0.0", "255.255.255.255"}, ANY,
		ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"v6 selector, v4 packet", GOLDEN(v4_udp), OUT, false, {"::", "ffff::"}, ANY, ANY_PROTOCOL,
		ANY_PORT, ANY_PORT},
	{"one side any", GOLDEN(v4_udp), OUT, true, ANY, B4, ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"first of a range", GOLDEN(v4_udp), OUT, true, {"192.0.2.1", "192.0.2.9"}, ANY,
		ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"last of a range", GOLDEN(v4_udp), OUT, true, {"191.0.0.0", "192.0.2.1"}, ANY,
		ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"below a range", GOLDEN(v4_udp), OUT, false, {"192.0.2.2", "192.0.2.9"}, ANY, ANY_PROTOCOL,
		ANY_PORT, ANY_PORT},
	{"above a range", GOLDEN(v4_udp), OUT, false, {"10.0.0.0", "192.0.2.0"}, ANY, ANY_PROTOCOL,
		ANY_PORT, ANY_PORT},
	{"bytes are not compared one by one", GOLDEN(v4_udp), OUT, true,
		{"10.255.255.255", "193.0.0.0"}, ANY, ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"last of a v6 range", GOLDEN(v6_udp), OUT, true, {"2001:db8::", "2001:db8:1::1"}, ANY,
		ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"above a v6 range", GOLDEN(v6_udp), OUT, false, {"2001:db8::", "2001:db8:1::"}, ANY,
		ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"below a v6 range", GOLDEN(v6_udp), OUT, false, {"2001:db8:1::2", "2001:db8:2::"}, ANY,
		ANY_PROTOCOL, ANY_PORT, ANY_PORT},
	{"protocol", GOLDEN(v4_udp), OUT, true, ANY, ANY, IPPROTO_UDP, ANY_PORT, ANY_PORT},
	{"another protocol", GOLDEN(v4_udp), OUT, false, ANY, ANY, IPPROTO_TCP, ANY_PORT, ANY_PORT},
	{"protocol behind extensions", GOLDEN(v6_extensions), OUT, true, ANY, ANY, IPPROTO_UDP,
		ANY_PORT, ANY_PORT},
	{"protocol 0 is one", GOLDEN(v4_udp), OUT, false, ANY, ANY, 0, ANY_PORT, ANY_PORT},
	{"ports", GOLDEN(v4_udp), OUT, true, ANY, ANY, IPPROTO_UDP, ONE(1000), ONE(2000)},
	{"ports, wrong way", GOLDEN(v4_udp), IN, false, ANY, ANY, IPPROTO_UDP, ONE(1000),
		ONE(2000)},
	{"ports, inbound", GOLDEN(v4_udp), IN, true, ANY, ANY, IPPROTO_UDP, ONE(2000), ONE(1000)},
	{"ports of SCTP", GOLDEN(v4_sctp), OUT, true, ANY, ANY, IPPROTO_SCTP, ONE(1000), ONE(2000)},
	{"ports of v6 TCP", GOLDEN(v6_tcp), OUT, true, ANY, ANY, ANY_PROTOCOL, ONE(1000),
		ONE(2000)},
	{"first of a port range", GOLDEN(v4_tcp), OUT, true, ANY, ANY, ANY_PROTOCOL, {1000, 1001},
		ANY_PORT},
	{"last of a port range", GOLDEN(v4_tcp), OUT, true, ANY, ANY, ANY_PROTOCOL, {999, 1000},
		ANY_PORT},
	{"below a port range", GOLDEN(v4_tcp), OUT, false, ANY, ANY, ANY_PROTOCOL, {1001, 9999},
		ANY_PORT},
	{"above a port range", GOLDEN(v4_tcp), OUT, false, ANY, ANY, ANY_PROTOCOL, {0, 999},
		ANY_PORT},
	{"remote port", GOLDEN(v4_tcp), OUT, false, ANY, ANY, ANY_PROTOCOL, ANY_PORT, {0, 1999}},
	{"ports of a first fragment", GOLDEN(v4_first), OUT, true, ANY, ANY, IPPROTO_UDP, ONE(1000),
		ANY_PORT},
	{"ports of a later fragment", GOLDEN(v4_later), OUT, false, ANY, ANY, IPPROTO_UDP,
		{0, 1000}, ANY_PORT},
	{"later fragment without ports", GOLDEN(v4_later), OUT, true, A4, B4, IPPROTO_UDP, ANY_PORT,
		ANY_PORT},
	{"ports of ESP", GOLDEN(v4_esp), OUT, false, ANY, ANY, ANY_PROTOCOL, {0, 1000}, ANY_PORT},
	{"ESP", GOLDEN(v4_esp), OUT, true, ANY, ANY, IPPROTO_ESP, ANY_PORT, ANY_PORT},
	{"ICMP type", GOLDEN(v4_icmp), OUT, true, ANY, ANY, IPPROTO_ICMP, ONE(8), ONE(0)},
	{"ICMP type, inbound", GOLDEN(v4_icmp), IN, true, ANY, ANY, IPPROTO_ICMP, ONE(8), ONE(0)},
	{"another ICMP type", GOLDEN(v4_icmp), OUT, false, ANY, ANY, IPPROTO_ICMP, ONE(0),
		ANY_PORT},
	{"ICMP code", GOLDEN(v4_too_big), IN, true, ANY, ANY, IPPROTO_ICMP, ONE(3), ONE(4)},
	{"another ICMP code", GOLDEN(v4_too_big), IN, false, ANY, ANY, IPPROTO_ICMP, ONE(3),
		ONE(3)},
	{"ICMPv6 type", GOLDEN(v6_icmp), IN, true, ANY, ANY, IPPROTO_ICMPV6, {128, 129}, ONE(0)},
	{"another ICMPv6 type", GOLDEN(v6_icmp), IN, false, ANY, ANY, IPPROTO_ICMPV6, ONE(129),
		ONE(0)},
};

static struct ip_range
range_of(const char *const texts[2])
{
	struct ip_range range = {0};

	if (texts[0]) {
		assert_int_equal(ip_addr_parse(texts[0], &range.first), 0);
		assert_int_equal(ip_addr_parse(texts[1], &range.last), 0);
	}
	return range;
}

static void
test_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		const struct row *row = &rows[i];
		struct selector s = {range_of(row->local), range_of(row->remote), row->protocol,
			row->local_port, row->remote_port};
		struct rte_mbuf *m =
			guard_mbuf(pool, row->packet.bytes, row->packet.length, GUARD_AFTER);

		assert_int_equal(parse_ip(m), DROP_NONE);
		if (selector_match(&s, m, row->outbound) != row->matches)
			fail_msg("%s", row->name);
		rte_pktmbuf_free(m);
	}
	assert_pool_full(pool);
}

static void
test_has_ports(void **state)
{
	struct selector s = {.local_port = ANY_PORT, .remote_port = ANY_PORT};

	(void)state;
	assert_false(selector_has_ports(&s));
	s.local_port.first = 1;
	assert_true(selector_has_ports(&s));
	s.local_port.first = 0;
	s.remote_port.last = 65534;
	assert_true(selector_has_ports(&s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_has_ports),
	};

	test_eal_init("selector", 64);
	pool = test_pool_create("selector");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
