/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each kind of change, carried through: packets go the new way, on the wire, and what was not
 * touched, or only updated, counts on. Closed where nothing is left to go by. Here: routes,
 * neighbours and policies.
 */
#include <errno.h>

#include "changing_bench.h"
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

/* --- */

static void
test_kinds(void **state)
{
	static void (*const checks[])(struct changing_bench * b) = {
		check_on_link, check_routes, check_neighbours, check_policies};

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
