/* SPDX-License-Identifier: BSD-3-Clause */
/* The table, the MTU, and whom a tunnel admits. */

#include <errno.h>
#include <netinet/in.h>

#include "crypto.h"
#include "esp.h"
#include "fixture.h"
#include "parse.h"

static void
test_table(void **state)
{
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(2);
	struct tunnel *a, *b, *again;
	struct error err;

	(void)state;
	a = tunnel_make(t, &c);
	assert_int_equal(tunnel_create(t, &c, 1, SOCKET_ID_ANY, &b, &err), -EEXIST);
	assert_non_null(strstr(err.text, "ipsec0"));
	strcpy(c.name, "ipsec1");
	b = tunnel_make(t, &c);
	strcpy(c.name, "ipsec2");
	assert_int_equal(tunnel_create(t, &c, 1, SOCKET_ID_ANY, &again, &err), -ENOSPC);
	assert_ptr_equal(tunnel_table_find(t, "ipsec0"), a);
	assert_ptr_equal(tunnel_table_find(t, "ipsec1"), b);
	assert_null(tunnel_table_find(t, "ipsec2"));
	assert_false(a->up);

	/* Whoever remembers the old tunnel's index does not find the new one at its place. */
	tunnel_retire(t, a);
	assert_null(tunnel_get(t, a->index, a->generation));
	again = tunnel_make(t, &c);
	assert_int_equal(again->index, a->index);
	assert_null(tunnel_get(t, a->index, a->generation));
	assert_ptr_equal(tunnel_get(t, again->index, again->generation), again);
	assert_ptr_equal(tunnel_get(t, b->index, b->generation), b);
	/* the other node's workers see the same */
	assert_ptr_equal(tunnel_get(t->next, again->index, again->generation), again);
	assert_ptr_equal(tunnel_get(t->next, b->index, b->generation), b);
	assert_int_equal(t->next->generations[again->index], again->generation);
	tunnel_free(a);
	tunnel_table_destroy(t);
	tunnel_table_destroy(NULL);
}

/* Nobody sees a successor before it takes over; then everybody does, by index, generation and name,
 * and back again. */
static void
test_successor(void **state)
{
	struct selector s = {.protocol = 17};
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(2);
	struct tunnel *old = tunnel_make(t, &c), *new;
	struct error err;

	(void)state;
	c.ttl = 9;
	c.selectors = &s;
	c.n_selectors = 1;
	assert_int_equal(tunnel_successor_create(old, &c, SOCKET_ID_ANY, &new, &err), 0);
	s.protocol = 6;
	assert_ptr_equal(tunnel_get(t, old->index, old->generation), old);
	assert_ptr_equal(tunnel_table_find(t, c.name), old);
	assert_int_equal(new->index, old->index);
	assert_int_equal(new->generation, old->generation);
	assert_int_equal(new->n_workers, old->n_workers);
	assert_false(new->up);
	assert_null(new->workers[0].sa_out);
	assert_int_equal(new->ip4.time_to_live, 9);
	assert_int_equal(new->selectors[0].protocol, 17);
	for (int round = 0; round < 3; round++) {
		struct tunnel *from = round % 2 ? new : old, *to = round % 2 ? old : new;

		tunnel_succeed(t, from, to);
		for (struct tunnel_table *each = t; each; each = each->next)
			assert_ptr_equal(tunnel_get(each, to->index, to->generation), to);
		assert_ptr_equal(tunnel_table_find(t, c.name), to);
	}
	tunnel_free(old);
	/* its place and its name are the tunnel's own */
	strcpy(c.name, "ipsec1");
	assert_int_not_equal(tunnel_make(t, &c)->index, new->index);
	tunnel_retire(t, new);
	assert_null(tunnel_table_find(t, "ipsec0"));
	assert_null(tunnel_get(t->next, new->index, new->generation));
	tunnel_free(new);
	tunnel_table_destroy(t);
}

/* The configuration may go away after the tunnel was made. */
static void
test_selectors_are_copied(void **state)
{
	struct selector s = {.protocol = 17};
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(1);
	struct tunnel *tunnel;

	(void)state;
	c.selectors = &s;
	c.n_selectors = 1;
	tunnel = tunnel_make(t, &c);
	s.protocol = 6;
	assert_int_equal(tunnel->n_selectors, 1);
	assert_int_equal(tunnel->selectors[0].protocol, 17);
	tunnel_table_destroy(t);
}

struct mtu_row {
	uint8_t family;
	enum tunnel_carrier carrier;
	uint16_t config_mtu, path_mtu, mtu, outer_mtu;
	const char *what;
};

/* ESP with GCM: 8 header, 8 IV, 2 trailer, 16 ICV, and the payload with its trailer a multiple of
 * 4. */
static const struct mtu_row mtu_rows[] = {
	{4, TUNNEL_ESP, 0, 1500, 1446, 1500, "20 + 32 + 1448, of which 2 are the trailer"},
	{4, TUNNEL_ESP, 0, 1501, 1446, 1501, "padding takes the odd byte"},
	{4, TUNNEL_ESP, 0, 1503, 1446, 1503, "and the third"},
	{4, TUNNEL_ESP, 0, 1504, 1450, 1504, "the next step of 4"},
	{4, TUNNEL_UDP, 0, 1500, 1438, 1500, "UDP header"},
	{6, TUNNEL_ESP, 0, 1500, 1426, 1500, "IPv6 header"},
	{6, TUNNEL_UDP, 0, 1500, 1418, 1500, "both"},
	{4, TUNNEL_ESP, 0, 9000, 8946, 9000, "jumbo"},
	{4, TUNNEL_ESP, 1400, 1500, 1400, 1456, "smaller than the path: 1400 + 2 pads to 1404"},
	{6, TUNNEL_UDP, 1402, 1500, 1402, 1484, "1402 + 2 needs no padding"},
	{4, TUNNEL_ESP, 1446, 1500, 1446, 1500, "just what the path leaves"},
	{4, TUNNEL_ESP, 9000, 1500, 1446, 1500, "larger than the path"},
	{4, TUNNEL_ESP, 1400, 1300, 1246, 1300, "the path shrank"},
	{4, TUNNEL_ESP, 0, 20, 0, 20, "no room at all"},
	{4, TUNNEL_ESP, 0, 0, 0, 0, "no path"},
};

static void
test_mtu(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(mtu_rows); i++) {
		const struct mtu_row *row = &mtu_rows[i];
		struct tunnel_config c = config_make(row->family);
		struct tunnel_table *t = table_make(1);
		struct tunnel *tunnel;

		c.carrier = row->carrier;
		c.mtu = row->config_mtu;
		tunnel = tunnel_make(t, &c);
		tunnel_mtu_update(tunnel, row->path_mtu);
		if (tunnel->mtu != row->mtu || tunnel->outer_mtu != row->outer_mtu)
			fail_msg("%s: %u, outer %u", row->what, tunnel->mtu, tunnel->outer_mtu);
		tunnel_table_destroy(t);
	}
}

/* The envelope of the largest payload is still an IP packet. */
static void
test_payload_max(void **state)
{
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(1);

	(void)state;
	c.carrier = TUNNEL_UDP;
	/* 65535 - 28 - 32 = 65475, of which 65472 is a multiple of 4. */
	assert_int_equal(tunnel_make(t, &c)->payload_max, 65470);
	tunnel_table_destroy(t);
}

struct admit_row {
	const char *src, *dst;
	uint8_t proto;
	bool out, in;
	const char *what;
};

/* Selectors: 192.168.1.0/24 to 192.168.2.0/24, any; 2001:db8:1::/64 to 2001:db8:2::/64, UDP. */
static const struct admit_row admit_rows[] = {
	{"192.168.1.5", "192.168.2.9", 6, true, false, "inside"},
	{"192.168.2.9", "192.168.1.5", 6, false, true, "inside, from there"},
	{"192.168.1.255", "192.168.2.0", 6, true, false, "the edges"},
	{"192.168.0.255", "192.168.2.9", 6, false, false, "source outside"},
	{"192.168.1.5", "192.168.3.0", 6, false, false, "destination outside"},
	{"2001:db8:1::5", "2001:db8:2::9", 17, true, false, "second selector"},
	{"2001:db8:1::5", "2001:db8:2::9", 6, false, false, "second selector, other protocol"},
	{"10.0.0.1", "10.0.0.2", 89, true, false, "the link itself"},
	{"10.0.0.2", "10.0.0.1", 89, false, true, "the link itself, from there"},
	{"10.0.0.1", "10.0.0.3", 89, false, false, "not the link's peer"},
	{"10.0.0.3", "10.0.0.2", 89, false, false, "not the link's address"},
	{"fd00::1", "fd00::2", 89, true, false, "the link itself, IPv6"},
	{"fd00::2", "fd00::1", 89, false, true, "the link itself, IPv6, from there"},
	{"10.0.0.1", "224.0.0.5", 89, true, true, "OSPF"},
	{"fe80::1", "ff02::5", 89, true, true, "OSPF, IPv6"},
	{"fe80::1", "fe80::2", 58, true, true, "link-local"},
	{"10.0.0.1", "239.1.1.1", 17, false, false, "multicast that is not the link's"},
};

static struct rte_mbuf *
inner_make(const struct admit_row *row)
{
	struct ip_addr src = addr(row->src), dst = addr(row->dst);
	uint8_t bytes[60] = {0};
	uint32_t n;
	struct rte_mbuf *m;

	if (src.family == 4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)bytes;

		ip->version_ihl = RTE_IPV4_VHL_DEF;
		ip->total_length = rte_cpu_to_be_16(40);
		ip->time_to_live = 9;
		ip->next_proto_id = row->proto;
		memcpy(&ip->src_addr, src.bytes, 4);
		memcpy(&ip->dst_addr, dst.bytes, 4);
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		n = 40;
	} else {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)bytes;

		ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
		ip->payload_len = rte_cpu_to_be_16(20);
		ip->proto = row->proto;
		ip->hop_limits = 9;
		memcpy(ip->src_addr, src.bytes, 16);
		memcpy(ip->dst_addr, dst.bytes, 16);
		n = 60;
	}
	if (row->proto == IPPROTO_TCP)
		bytes[n - 8] = 0x50; /* its header length */
	if (row->proto == IPPROTO_UDP)
		bytes[n - 15] = 20;
	m = packet_make(bytes, n, 2048);
	if (parse_ip(m) != DROP_NONE)
		fail_msg("%s: the packet does not parse", row->what);
	return m;
}

static struct ip_range
range(const char *prefix)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(prefix, &p), 0);
	return ip_prefix_range(&p);
}

static void
test_admits(void **state)
{
	const struct port_range any = {0, 65535};
	struct selector s[2] = {
		{range("192.168.1.0/24"), range("192.168.2.0/24"), -1, any, any},
		{range("2001:db8:1::/64"), range("2001:db8:2::/64"), 17, any, any},
	};
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(2);
	struct tunnel *open = tunnel_make(t, &c), *tunnel;

	(void)state;
	strcpy(c.name, "ipsec1");
	c.selectors = s;
	c.n_selectors = 2;
	tunnel = tunnel_make(t, &c);
	for (size_t i = 0; i < RTE_DIM(admit_rows); i++) {
		const struct admit_row *row = &admit_rows[i];
		struct rte_mbuf *m = inner_make(row);

		if (tunnel_admits(tunnel, m, true) != row->out)
			fail_msg("%s: outbound should be %d", row->what, row->out);
		if (tunnel_admits(tunnel, m, false) != row->in)
			fail_msg("%s: inbound should be %d", row->what, row->in);
		assert_true(tunnel_admits(open, m, true) && tunnel_admits(open, m, false));
		rte_pktmbuf_free(m);
	}
	tunnel_table_destroy(t);
}

struct owns_row {
	const char *src, *dst;
	bool ipip, tunnel;
};

static const struct owns_row owns_rows[] = {
	{"203.0.113.2", "203.0.113.1", true, true},
	{"203.0.113.3", "203.0.113.1", false, true},
	{"203.0.113.2", "203.0.113.9", false, false},
	{"203.0.113.1", "203.0.113.2", false, false},
	{"2001:db8:f::2", "2001:db8:f::1", false, false},
};

/* RFC 3884 4.1: with transport mode the tunnel answers for both outer addresses; a tunnel-mode SA
 * does not look at the source. */
static void
test_owns_outer(void **state)
{
	struct tunnel_config c = config_make(4);
	struct tunnel_table *t = table_make(2);
	struct tunnel *ipip = tunnel_make(t, &c), *tunnel;

	(void)state;
	strcpy(c.name, "ipsec1");
	c.encapsulation = TUNNEL_TUNNEL;
	tunnel = tunnel_make(t, &c);
	for (size_t i = 0; i < RTE_DIM(owns_rows); i++) {
		const struct owns_row *row = &owns_rows[i];
		struct admit_row packet = {row->src, row->dst, IPPROTO_ESP, 0, 0, row->src};
		struct rte_mbuf *m = inner_make(&packet);

		if (tunnel_owns_outer(ipip, m) != row->ipip ||
			tunnel_owns_outer(tunnel, m) != row->tunnel)
			fail_msg("%s to %s", row->src, row->dst);
		rte_pktmbuf_free(m);
	}
	tunnel_table_destroy(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_table, fixture_pool_full),
		cmocka_unit_test_teardown(test_successor, fixture_pool_full),
		cmocka_unit_test_teardown(test_selectors_are_copied, fixture_pool_full),
		cmocka_unit_test_teardown(test_mtu, fixture_pool_full),
		cmocka_unit_test_teardown(test_payload_max, fixture_pool_full),
		cmocka_unit_test_teardown(test_admits, fixture_pool_full),
		cmocka_unit_test_teardown(test_owns_outer, fixture_pool_full),
	};

	return cmocka_run_group_tests_name("tunnel", tests, fixture_setup, NULL);
}
