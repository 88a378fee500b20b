/* SPDX-License-Identifier: BSD-3-Clause */
/* Which messages are believed, and what is answered: RFC 826, 5227; RFC 4861 7.1 and 7.2.4. */
#include <rte_ip.h>

#include "fixture.h"

static const struct neigh_params params = {.capacity = 16,
	.queue = 3,
	.queue_total = 8,
	.reachable_ms = 30000,
	.stale_ms = 600000,
	.retransmit_ms = 1000,
	.attempts = 3};

enum { L4 = 40 };

struct row {
	const char *packet;
	const char *expect;
	const char *what; /* of the change */
	uint16_t cut;     /* to so many bytes; 0: not */
	uint16_t at;      /* a byte that becomes `value`; 0 and value 0: none */
	uint8_t value;
	bool keep_checksum;
};

#define ROW(name, outcome, ...)                                                                    \
	{                                                                                          \
		.packet = name, .expect = outcome, ##__VA_ARGS__                                   \
	}

/* The IPv6 payload length and the ICMPv6 checksum follow a change, so that it alone is judged. */
static void
repair(uint8_t *data, uint16_t bytes, bool keep_checksum)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)data;
	uint16_t sum;

	if (data[0] == 0)
		return;
	ip->payload_len = rte_cpu_to_be_16(bytes - L4);
	if (keep_checksum || bytes < L4 + 8)
		return;
	memset(data + L4 + 2, 0, 2);
	sum = rte_ipv6_udptcp_cksum(ip, data + L4);
	memcpy(data + L4 + 2, &sum, 2);
}

static void
test_messages(void **state)
{
	static const struct row rows[] = {
		/* ARP */
		ROW("arp request", "+99/99; arp reply; x local_handled"),
		ROW("arp request off link", "arp reply off; x local_handled"),
		ROW("arp request for other", "x local_handled"),
		ROW("arp probe for us", "arp reply nobody; x local_handled"),
		ROW("arp reply", "x local_handled", .what = "nobody asked"),
		ROW("arp gratuitous", "x local_handled"),
		ROW("arp our own", "x local_handled"),
		ROW("arp conflict", "arp announce; x local_handled"),
		ROW("arp request", "x arp_invalid", .what = "hardware type", .at = 1, .value = 6),
		ROW("arp request", "x arp_invalid", .what = "protocol type", .at = 2,
			.value = 0x86),
		ROW("arp request", "x arp_invalid", .what = "hardware length", .at = 4, .value = 8),
		ROW("arp request", "x arp_invalid", .what = "protocol length", .at = 5,
			.value = 16),
		ROW("arp request", "x arp_invalid", .what = "operation 0", .at = 7, .value = 0),
		ROW("arp request", "x arp_invalid", .what = "operation 3", .at = 7, .value = 3),
		ROW("arp request", "x arp_invalid", .what = "sender is a group", .at = 8,
			.value = 3),
		ROW("arp request", "x arp_invalid", .what = "sender is multicast", .at = 14,
			.value = 224),
		ROW("arp request", "x arp_invalid", .what = "sender is broadcast", .at = 14,
			.value = 255),
		ROW("arp request", "x arp_invalid", .what = "sender is loopback", .at = 14,
			.value = 127),
		ROW("arp probe for us", "x arp_invalid", .what = "a reply of nobody", .at = 7,
			.value = 2),
		ROW("arp request", "x arp_invalid", .what = "cut", .cut = 27),
		ROW("arp request", "x arp_invalid", .what = "cut", .cut = 20),
		/* neighbour solicitations */
		ROW("ns", "+99/99; na reply; x local_handled"),
		ROW("ns link-local", "+99/99; na reply link-local; x local_handled"),
		ROW("ns unicast", "ns who 99; x local_handled",
			.what = "no MAC address to answer to"),
		ROW("ns for other", "x local_handled"),
		ROW("ns dad", "na announce; x local_handled"),
		ROW("ns dad other", "x local_handled"),
		ROW("ns conflict", "na announce; x local_handled"),
		ROW("ns our own", "x local_handled"),
		ROW("ns dad with mac", "x nd_invalid"),
		ROW("ns dad to unicast", "x nd_invalid"),
		ROW("ns hop limit 254", "x nd_invalid"),
		ROW("ns for group", "x nd_invalid"),
		ROW("ns group mac", "x nd_invalid"),
		ROW("ns", "x nd_invalid", .what = "checksum", .at = 71, .value = 0x55,
			.keep_checksum = true),
		ROW("ns", "x nd_invalid", .what = "code", .at = L4 + 1, .value = 1),
		ROW("ns", "x nd_invalid", .what = "type", .at = L4, .value = 137),
		ROW("ns", "x nd_invalid", .what = "option of length 0", .at = 65, .value = 0),
		ROW("ns", "x nd_invalid", .what = "option beyond the end", .at = 65, .value = 2),
		ROW("ns", "x nd_invalid", .what = "cut in the header", .cut = 63),
		ROW("ns", "x nd_invalid", .what = "cut in the option", .cut = 71),
		ROW("ns", "x nd_invalid", .what = "cut in the option's header", .cut = 65),
		ROW("ns", "ns who 99; x local_handled", .what = "an option of another kind",
			.at = 64, .value = 14),
		ROW("ns", "+99/99; na reply; x local_handled", .what = "reserved bits",
			.at = L4 + 4, .value = 0xff),
		/* neighbour advertisements */
		ROW("na solicited", "x local_handled", .what = "nobody asked"),
		ROW("na unsolicited", "x local_handled"),
		ROW("na conflict", "na announce; x local_handled"),
		ROW("na hop limit 254", "x nd_invalid"),
		ROW("na solicited to group", "x nd_invalid"),
		ROW("na solicited", "x nd_invalid", .what = "checksum", .at = 71, .value = 0x55,
			.keep_checksum = true),
		ROW("na solicited", "x nd_invalid", .what = "code", .at = L4 + 1, .value = 1),
		ROW("na solicited", "x nd_invalid", .what = "option of length 0", .at = 65,
			.value = 0),
		ROW("na solicited", "x nd_invalid", .what = "target is a group", .at = 48,
			.value = 0xff),
		ROW("na solicited", "x nd_invalid", .what = "source is a group", .at = 8,
			.value = 0xff),
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		const struct row *r = &rows[i];
		struct golden g = *received_find(r->packet);

		if (r->at)
			g.data[r->at] = r->value;
		if (r->cut)
			g.bytes = r->cut;
		repair(g.data, g.bytes, r->keep_checksum);
		open_table(f, &params);
		input(f, OUR_PORT, g.data, g.bytes, 1);
		if (strcmp(f->log, r->expect) != 0)
			fail_msg("row %zu, \"%s\" (%s):\n  %s\nis not\n  %s", i, r->packet,
				r->what ? r->what : "as it is", f->log, r->expect);
		close_table(f);
	}
}

/* RFC 6980; and a message that came through the wrong door. */
static void
test_view(void **state)
{
	const struct golden *g = received_find("ns");
	struct fixture *f = *state;
	struct rte_mbuf *m;

	open_table(f, &params);
	for (int i = 0; i < 4; i++) {
		m = packet(f, g->data, g->bytes);
		assert_int_equal(parse_ip(m), DROP_NONE);
		pkt(m)->flags |= i == 0 ? PKT_REASSEMBLED : i == 1 ? PKT_FRAGMENT : 0;
		pkt(m)->proto = i == 2 ? 59 : pkt(m)->proto;
		pkt(m)->port = i == 3 ? 2 : OUR_PORT;
		neigh_nd_input(f->table, m, 1);
	}
	g = received_find("arp request");
	m = packet(f, g->data, g->bytes);
	pkt(m)->port = PORT_NONE;
	neigh_arp_input(f->table, m, 1);
	assert_string_equal(
		f->log, "x nd_invalid; x nd_invalid; x nd_invalid; x nd_invalid; x arp_invalid");
	close_table(f);
}

/* A message in a chain of one-byte segments is the same message. */
static void
test_chain(void **state)
{
	const struct golden *g = received_find("arp request");
	struct fixture *f = *state;
	struct rte_mbuf *head = NULL;

	open_table(f, &params);
	for (uint16_t i = 0; i < g->bytes; i++) {
		struct rte_mbuf *m = packet(f, g->data + i, 1);

		if (head)
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
		else
			head = m;
	}
	pkt(head)->port = OUR_PORT;
	neigh_arp_input(f->table, head, 1);
	assert_string_equal(f->log, "+99/99; arp reply; x local_handled");
	close_table(f);
}

static void
test_announce(void **state)
{
	struct fixture *f = *state;

	open_table(f, &params);
	neigh_announce(f->table, OUR_PORT);
	neigh_announce(f->table, VLAN_PORT);
	assert_string_equal(
		f->log, "arp announce; na announce; na announce link-local; arp vlan announce");
	close_table(f);
}

/* The second within ten seconds is not answered. */
static void
test_conflict_rate(void **state)
{
	const struct golden *g = received_find("arp conflict");
	struct fixture *f = *state;

	open_table(f, &params);
	input(f, OUR_PORT, g->data, g->bytes, 1000);
	input(f, OUR_PORT, g->data, g->bytes, 10999);
	input(f, OUR_PORT, g->data, g->bytes, 11000);
	assert_string_equal(f->log,
		"arp announce; x local_handled; x local_handled; arp announce; x local_handled");
	close_table(f);
}

/* Without mbufs nothing is sent, and nothing else goes wrong. */
static void
test_no_mbuf(void **state)
{
	const struct golden *g = received_find("arp request");
	struct rte_mbuf *taken[POOL];
	struct fixture *f = *state;
	struct rte_mbuf *m;

	open_table(f, &params);
	m = packet(f, g->data, g->bytes);
	pkt(m)->port = OUR_PORT;
	assert_int_equal(rte_pktmbuf_alloc_bulk(f->pool, taken, POOL - 1), 0);
	neigh_announce(f->table, OUR_PORT);
	neigh_pin(f->table, OUR_PORT, &(struct ip_addr){6, {0xfe, 0x80, [15] = 0x99}}, 1);
	neigh_arp_input(f->table, m, 2);
	assert_string_equal(f->log, "+99/99; x local_handled");
	rte_pktmbuf_free_bulk(taken, POOL - 1);
	neigh_tick(f->table, 1001);
	assert_string_equal(f->log, "+99/99; x local_handled; ns who link-local");
	close_table(f);
}

int
main(void)
{
	struct fixture f = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_messages, &f),
		cmocka_unit_test_prestate(test_view, &f),
		cmocka_unit_test_prestate(test_chain, &f),
		cmocka_unit_test_prestate(test_announce, &f),
		cmocka_unit_test_prestate(test_conflict_rate, &f),
		cmocka_unit_test_prestate(test_no_mbuf, &f),
	};
	int failed;

	fixture_init(&f, "test_neigh_messages");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_finish(&f);
	return failed;
}
