/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each kind of change, carried through: packets go the new way, on the wire, and what was not
 * touched, or only updated, counts on. Closed where nothing is left to go by. Here: routes,
 * neighbours and policies.
 */
#include <errno.h>

#include "changing_bench.h"
#include "gateway_change.h"
#include "unit.h"

/* --- routes */

/* In a batch of its own, or the last one of many. */
static void
commit_among(struct changing_bench *b, bool many, const char *call)
{
	enum { MANY = 1100 };
	static const char *calls[MANY + 2];
	int n = 0;

	while (many && n < MANY)
		calls[n++] = "sa.update out 0x1001 soft_packets = 1000;";
	calls[n++] = call;
	calls[n] = NULL;
	changing_commit(b, calls);
}

/* A route through a tunnel inside an on-link prefix: the neighbour's host route gives way, and
 * comes back with its link when the other one goes. */
static void
check_on_link(struct changing_bench *b)
{
	static struct packet p, got, inner;
	const struct packet_row row = {.src = "192.168.7.10", .dst = "192.168.1.10"};
	struct esp_row esp = {.key = 0xc0};
	uint64_t asked = 0;

	packet_ip(&p, &row);
	for (int round = 0; round < 2; round++) {
		stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN7, &p);
		stage_check(&b->f, stage_fixture_take_packet(&b->f, SITE_RING_LAN, &got),
			"the neighbour gets nothing");
		commit_among(b, round == 1, "route.add prefix = '192.168.1.0/28'; via = 'ipsec0';");
		stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN7, &p);
		stage_check(&b->f,
			stage_fixture_take_packet(&b->f, SITE_RING_WAN, &got) &&
				peer_open(b->peer, &esp, &got, &inner) &&
				esp.seq == ++b->flows[0].out,
			"it is not in the tunnel");
		stage_check(&b->f, stage_fixture_discard(&b->f) == 0, "in the clear as well");
		commit_among(
			b, round == 1, "route.delete prefix = '192.168.1.0/28'; via = 'ipsec0';");
		asked = b->f.w->stats.to_control;
	}
	/* from the first packet on, without asking anybody */
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN7, &p);
	stage_check(&b->f, stage_fixture_take_packet(&b->f, SITE_RING_LAN, &got), "back again");
	stage_check(&b->f, b->f.w->stats.to_control == asked, "the control lcore is asked");
}

static void
check_routes(struct changing_bench *b)
{
	/* to another tunnel, in one batch; and a discard that beats it */
	CHANGE(b, "route.delete prefix = '192.168.20.0/24'; via = 'ipsec0';",
		"route.add prefix = '192.168.20.0/24'; via = 'ipsec2';");
	changing_goes_into(b, "another route", "192.168.20.9", 2);
	CHANGE(b, "route.add prefix = '192.168.20.0/25'; via = 'discard';");
	changing_dropped(b, "discard", "192.168.20.9", DROP_route_discard);
	CHANGE(b, "route.delete prefix = '192.168.20.0/25'; via = 'discard';",
		"route.delete prefix = '192.168.20.0/24'; via = 'ipsec2';");
	changing_dropped(b, "no route", "192.168.20.9", DROP_no_route);
	CHANGE(b, "route.add prefix = '192.168.20.0/24'; via = 'ipsec0';");
	changing_both(&b->f, b->peer, &b->flows[0], "its own route again");
}

/* --- neighbours, policies */

static void
check_neighbours(struct changing_bench *b)
{
	static struct packet p;
	const struct packet_row row = {.src = "192.168.7.10", .dst = "192.168.1.33"};
	struct rte_mbuf *m;

	packet_ip(&p, &row);
	CHANGE(b,
		"neighbour.add address = '192.168.1.33'; mac = '02:00:00:00:00:33'; port = 'lan';");
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN7, &p);
	m = stage_fixture_take(&b->f, SITE_RING_LAN);
	stage_check(&b->f, m && rte_pktmbuf_mtod(m, uint8_t *)[5] == 0x33, "not at its address");
	rte_pktmbuf_free(m);
	CHANGE(b, "neighbour.delete lan 192.168.1.33");
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN7, &p);
	m = stage_fixture_take(&b->f, SITE_RING_LAN);
	stage_check(&b->f, m && rte_pktmbuf_mtod(m, uint8_t *)[5] == 0xff, "nobody is asked");
	rte_pktmbuf_free(m);
	stage_fixture_discard(&b->f);
}

/* Their hits are counted whatever happens to others. */
static void
check_policies(struct changing_bench *b)
{
	struct counter hits;

	/* ids are not used again */
	CHANGE(b, "policy.add priority = 1; action = 'discard'; remote = '10.1.0.0/16';");
	CHANGE(b, "policy.delete 1");
	CHANGE(b, "policy.add priority = 50; action = 'discard'; remote = '192.168.20.0/24';");
	changing_dropped(b, "policy", "192.168.20.9", DROP_policy_discard);
	CHANGE(b, "policy.add priority = 60; action = 'discard'; remote = '192.168.21.0/24';");
	changing_dropped(b, "policy", "192.168.20.9", DROP_policy_discard);
	changing_dropped(b, "the other policy", "192.168.21.9", DROP_policy_discard);
	CHANGE(b, "policy.update 2 priority = 50; action = 'discard'; remote = '192.168.20.0/25';");
	hits = policy_hits(b->f.g, 0);
	stage_check(&b->f, hits.packets == 2, "%lu hits", hits.packets);
	CHANGE(b, "policy.delete 2",
		"policy.add priority = 1; action = 'protect'; tunnel = 'ipsec4'; remote = "
		"'192.168.20.0/24';");
	changing_goes_into(b, "a policy's tunnel", "192.168.20.9", 4);
	hits = policy_hits(b->f.g, 0);
	stage_check(&b->f, hits.packets == 1, "%lu hits of the other", hits.packets);
	changing_refused(b, "tunnel.delete ipsec4", -EBUSY, "1 policies");
	CHANGE(b, "policy.delete 3", "policy.delete 4");
	stage_check(&b->f, !b->f.g->views[0]->spd, "there are policies still");
	changing_traffic(b, "without policies");
}

/* --- ports */

/* What comes of a packet on lan7: a frame out of lan to the host's MAC address (its last byte; 0:
 * none). */
static void
goes_to(struct changing_bench *b, const char *what, const char *dst, uint8_t proto, uint8_t mac)
{
	const struct packet_row row = {.src = "192.168.7.10",
		.dst = dst,
		.proto = proto,
		.src_port = proto == IPPROTO_ICMP ? 8 << 8 : 0};
	static struct packet p;
	struct rte_mbuf *m;

	packet_ip(&p, &row);
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN7, &p);
	m = stage_fixture_take(&b->f, SITE_RING_LAN);
	stage_check(&b->f, m ? rte_pktmbuf_mtod(m, uint8_t *)[5] == mac : !mac, "%s: %s", what,
		m ? "a frame to another" : "no frame");
	rte_pktmbuf_free(m);
	stage_fixture_discard(&b->f);
}

#define LAN "port.update lan addresses = [ '192.168.1.1/24', '2001:db8:1::1/64'"

/* An address comes: its link is known, and it answers; it goes: neither. */
static void
check_addresses(struct changing_bench *b)
{
	static const char host[] = "192.168.55.10", own[] = "192.168.55.1";

	changing_dropped(b, "no such link", host, DROP_no_route);
	CHANGE(b, LAN ", '192.168.55.1/24' ];");
	goes_to(b, "a host on the new link is asked for", host, 0, 0xff);
	goes_to(b, "the new address answers", own, IPPROTO_ICMP, 0x02);
	CHANGE(b, LAN ", '192.168.55.1/24', '192.168.55.2/24' ];");
	CHANGE(b, LAN ", '192.168.55.2/24' ];");
	goes_to(b, "the link stays with the other address", "192.168.55.11", 0, 0xff);
	goes_to(b, "the other address answers", "192.168.55.2", IPPROTO_ICMP, 0x02);
	goes_to(b, "the first one is a host's", own, IPPROTO_ICMP, 0xff);
	CHANGE(b, "tunnel.update ipsec0 address = '192.168.55.2'; peer_address = '192.168.55.3';",
		LAN " ];");
	goes_to(b, "it is a tunnel's as well", "192.168.55.2", IPPROTO_ICMP, 0x02);
	CHANGE(b, "tunnel.update ipsec0 address = '10.77.0.1'; peer_address = '10.77.0.2';");
	changing_dropped(b, "the link is gone", host, DROP_no_route);
	changing_dropped(b, "the address is gone", "192.168.55.2", DROP_no_route);
	changing_traffic(b, "addresses came and went");
}

/* The address of tunnels is exchanged for another one, with the tunnels; in whatever order. */
static void
check_renumbering(struct changing_bench *b)
{
	static const char *const calls[] = {"tunnel.update ipsec0 local = '203.0.113.7';",
		"port.update wan addresses = [ '203.0.113.7/24', '2001:db8:f::1/64' ];",
		"tunnel.update ipsec2 local = '203.0.113.7';",
		"tunnel.update ipsec4 local = '203.0.113.7';",
		"tunnel.update ipsec6 local = '203.0.113.7';", NULL};

	changing_refused(b, calls[1], -EBUSY, "tunnel ipsec0 needs another address: local");
	changing_traffic(b, "refused");
	changing_commit(b, calls);
	for (unsigned int i = 0; i < SITE_KINDS; i++)
		if (i != 1 && i != 3 && i != 5)
			b->flows[i].local = "203.0.113.7";
	changing_traffic(b, "from the other address");
}

/* What the port carries, tunnels that go out of it follow, and whoever sends more is told. */
static void
check_mtu(struct changing_bench *b)
{
	const uint16_t before = changing_tunnel(b, "ipsec0")->mtu;
	static struct packet p;
	const struct packet_row row = {"192.168.1.10", "192.168.20.9", .bytes = 1400, .df = true};
	uint64_t drops;

	packet_ip(&p, &row);
	CHANGE(b, "port.update wan mtu = 1300;");
	stage_check(&b->f, changing_tunnel(b, "ipsec0")->mtu == before - 7700, "%u after %u",
		changing_tunnel(b, "ipsec0")->mtu, before);
	drops = stage_fixture_drops(&b->f, DROP_too_big);
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN, &p);
	stage_check(&b->f, stage_fixture_drops(&b->f, DROP_too_big) == drops + 1, "it is not told");
	stage_check(&b->f, !stage_fixture_take(&b->f, SITE_RING_WAN), "it is sent");
	stage_fixture_discard(&b->f);
	changing_traffic(b, "small ones pass");
	/* more than the device was started for, which this one can do */
	CHANGE(b, "port.update wan mtu = 9200;");
	stage_check(&b->f, changing_tunnel(b, "ipsec0")->mtu == before + 200, "larger");
	changing_refused(b, "port.update wan table = 3;", -EINVAL, "table: only a restart");
}

enum { TURN_US = 60000000 }; /* long enough on a busy machine: it stops where it waits alone */

/* Who prepares a change, and stops in its middle. */
static void
stop_in_the_middle(void *arg)
{
	static const char call[] = "port.update wan mtu = 1300;";
	struct changing_bench *b = arg;
	struct error err = {""};

	if (gateway_change_begin(b->f.g) != 0 || changing_call(b->f.g, call, &err) != 0)
		abort();
	stage_check(&b->f, port_config_seen(b->f.g, SITE_WAN)->mtu == 1300, "it sees the old one");
	fibre_wait();
	gateway_change_abandon(b->f.g);
}

/* Others see the port as it was. */
static void
check_seen(struct changing_bench *b)
{
	struct fibre *fibre = fibre_create(stop_in_the_middle, b);

	stage_check(&b->f, fibre_run(fibre, TURN_US) == FIBRE_WAITS, "it does not stop");
	stage_check(&b->f, port_config_seen(b->f.g, SITE_WAN)->mtu == 9000, "others see it");
	stage_check(&b->f, port_config_seen(b->f.g, SITE_LAN)->mtu == 9000, "another port");
	stage_check(&b->f, fibre_run(fibre, TURN_US) == FIBRE_ENDED, "it does not end");
	fibre_destroy(fibre);
	changing_traffic(b, "abandoned");
}

/* --- */

static void
test_kinds(void **state)
{
	static void (*const checks[])(struct changing_bench * b) = {check_on_link, check_routes,
		check_neighbours, check_policies, check_addresses, check_renumbering, check_mtu,
		check_seen};

	(void)state;
	changing_run(checks, RTE_DIM(checks));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds)};

	stage_fixture_eal("changes_ways", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
