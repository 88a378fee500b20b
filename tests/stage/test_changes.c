/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each kind of change, carried through: packets go the new way, on the wire, and what was not
 * touched, or only updated, counts on. Closed where nothing is left to go by.
 */
#include <errno.h>
#include <stdlib.h>

#include "changing.h"
#include "gateway_change.h"
#include "gateway_objects.h"
#include "unit.h"

/* clang-format off */
#define SA(spi, direction, tunnel, key, more) \
	"sa.add spi = " spi "; direction = '" direction "'; tunnel = '" tunnel \
	"'; algorithm = 'aes-256-gcm'; key = '" KEY(key) "'; " more
/* clang-format on */

struct bench {
	struct stage_fixture f;
	struct peer *peer;
	struct changing_flow flows[SITE_KINDS];
};

/* One packet each way through all tunnels, with the next numbers. */
static void
traffic(struct bench *b, const char *what)
{
	for (unsigned int i = 0; i < SITE_KINDS; i++)
		changing_both(&b->f, b->peer, &b->flows[i], what);
}

static void
open_bench(struct bench *b, const char *engine)
{
	static const char address[] = "\"203.0.113.1/24\",", more[] = " \"203.0.113.7/24\",";
	static char config[sizeof(SITE) + sizeof(more)];
	const char *at = strstr(SITE, address) + strlen(address);

	*b = (struct bench){.peer = b->peer};
	for (unsigned int i = 0; i < SITE_KINDS; i++)
		b->flows[i].n = i;
	/* one more address, to which tunnels may move */
	snprintf(config, sizeof(config), "%.*s%s%s", (int)(at - SITE), SITE, more, at);
	stage_fixture_open(&b->f,
		&(struct stage_setup){.config = config, .engine = engine, .rings = SITE_RINGS});
	traffic(b, "before");
}

/* Commits, and nothing of it is left over. */
static void
commit(struct bench *b, const char *const *calls)
{
	struct error err = {""};

	stage_check(&b->f, changing_batch(b->f.g, calls, &err) == 0, "%s: %s", calls[0], err.text);
	changing_settle(&b->f);
	stage_fixture_discard(&b->f);
}

#define COMMIT(b, ...) commit(b, (const char *const[]){__VA_ARGS__, NULL})

static void
expect_error(struct bench *b, const char *call, int rc, const char *text)
{
	const char *const calls[] = {call, NULL};
	struct error err = {""};
	int got = changing_batch(b->f.g, calls, &err);

	stage_check(&b->f, got == rc && strstr(err.text, text), "%s: %d, %s", call, got, err.text);
}

static struct tunnel *
tunnel(struct bench *b, const char *name)
{
	return gateway_tunnel_find(b->f.g, name);
}

static struct gateway_sa *
sa(struct bench *b, enum sa_direction direction, uint32_t spi)
{
	bool ambiguous;

	return gateway_sa_find(b->f.g, direction, spi, TUNNEL_NONE, &ambiguous);
}

/* A packet from the protected side; whether and where it comes out, and why not. */
static void
expect_drop(struct bench *b, const char *what, const char *dst, enum drop_reason why)
{
	static struct packet p;
	const struct packet_row row = {.src = "192.168.1.10", .dst = dst};
	uint64_t before = stage_fixture_drops(&b->f, why);
	struct rte_mbuf *m;

	packet_ip(&p, &row);
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN, &p);
	stage_check(&b->f, stage_fixture_drops(&b->f, why) == before + 1, "%s: not dropped as %s",
		what, drop_name(why));
	m = stage_fixture_take(&b->f, SITE_RING_WAN);
	stage_check(&b->f, !m, "%s: something is sent", what);
	rte_pktmbuf_free(m);
	stage_fixture_discard(&b->f); /* the ICMP error */
}

/* --- SAs */

/* The newest outbound SA is used at once, the one before it stays until it is deleted. */
static void
check_rekey(struct bench *b)
{
	struct changing_flow *flow = &b->flows[0], old = *flow;

	COMMIT(b, SA("0x3000", "out", "ipsec0", e0, ""), SA("0x4000", "in", "ipsec0", f0, ""));
	changing_in(&b->f, b->peer, flow, "the old inbound SA");
	*flow = (struct changing_flow){
		.spi_out = 0x3000, .key_out = 0xe0, .spi_in = 0x4000, .key_in = 0xf0};
	changing_both(&b->f, b->peer, flow, "the new SAs");
	/* the new one goes: the old one is used again, and counts on */
	COMMIT(b, "sa.delete out 0x3000");
	changing_out(&b->f, b->peer, &old, "the old SA again");
	COMMIT(b, SA("0x3001", "out", "ipsec0", e1, "seq = 77;"));
	flow->spi_out = 0x3001;
	flow->key_out = 0xe1;
	flow->out = 76;
	COMMIT(b, "sa.delete out 0x1000", "sa.delete in 0x2000");
	changing_both(&b->f, b->peer, flow, "without the old SAs");
	stage_check(&b->f, !sa(b, SA_OUT, 0x1000) && !sa(b, SA_IN, 0x2000), "the old SAs are gone");
	/* the same name with another key in one batch */
	COMMIT(b, "sa.delete in 0x4000", SA("0x4000", "in", "ipsec0", f2, ""));
	flow->key_in = 0xf2;
	flow->in = 0;
	changing_both(&b->f, b->peer, flow, "the same SPI anew");
}

/* A key that an SA had a moment ago: its numbers go on, none is used twice. */
static void
check_key_again(struct bench *b)
{
	struct changing_flow *flow = &b->flows[2];

	COMMIT(b, "sa.delete out 0x1002");
	expect_drop(b, "no outbound SA", "192.168.22.9", DROP_tunnel_down);
	expect_error(b, SA("0x1002", "out", "ipsec2", c2, "seq = 1;"), -EEXIST, "seq: 1");
	/* before the old one has gone from memory */
	changing_do(&b->f, SA("0x5002", "out", "ipsec2", e2, ""));
	changing_do(&b->f, "sa.delete out 0x5002");
	changing_do(&b->f, SA("0x1002", "out", "ipsec2", c2, ""));
	changing_both(&b->f, b->peer, flow, "the same key again");
}

/* Lifetimes alone: numbers, windows and counters are what they were. */
static void
check_lifetimes(struct bench *b)
{
	struct changing_flow *flow = &b->flows[1];
	struct gateway_sa *out = sa(b, SA_OUT, 0x1001);

	COMMIT(b, "sa.update out 0x1001 hard_packets = 3; soft_packets = 2;",
		"sa.update in 0x2001 hard_seconds = 1000;");
	stage_check(&b->f, counter_read(&out->sa->hot.traffic.packets) == flow->out,
		"the counter is another one");
	changing_both(&b->f, b->peer, flow, "updated");
	changing_both(&b->f, b->peer, flow, "updated, the last one");
	expect_drop(b, "over", "192.168.21.9", DROP_lifetime);
	/* its worker has ended it, and nobody been told yet */
	expect_error(b, "sa.update out 0x1001 hard_packets = 9;", -EBUSY, "has ended");
	tunnels_tick(b->f.g, now_ms());
	expect_error(b, "sa.update out 0x1001 hard_packets = 9;", -EBUSY, "has ended");
	expect_drop(b, "ended", "192.168.21.9", DROP_tunnel_down);
	COMMIT(b, SA("0x3001", "out", "ipsec1", e7, ""));
	*flow = (struct changing_flow){.n = 1, .spi_out = 0x3001, .key_out = 0xe7, .in = flow->in};
	changing_both(&b->f, b->peer, flow, "a new one");
	COMMIT(b, "sa.update in 0x2001 hard_packets = 1;");
	stage_check(&b->f, sa(b, SA_IN, 0x2001)->sa->hot.hard_packets == 1, "lowered");
}

/* --- tunnels */

/* What can change without touching SAs; each tunnel of its own. */
static void
check_tunnel_update(struct bench *b)
{
	static const char *const calls[] = {"tunnel.update ipsec0 mtu = 1300;",
		"tunnel.update ipsec1 ttl = 9; dscp = 10;",
		"tunnel.update ipsec2 df = 'clear'; ecn = false;",
		"tunnel.update ipsec3 selectors = ( { local = '192.168.1.0/24'; } );",
		"tunnel.update ipsec4 keepalive = 5;",
		"tunnel.update ipsec5 address = '10.77.5.1'; peer_address = '10.77.5.2';",
		"tunnel.update ipsec6 metric = 7;"};
	struct counter before_out, before_in, out, in;

	for (unsigned int i = 0; i < SITE_KINDS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "ipsec%u", i);
		tunnel_total(b->f.g, tunnel(b, name), &before_out, &before_in);
		commit(b, (const char *const[]){calls[i], NULL});
		tunnel_total(b->f.g, tunnel(b, name), &out, &in);
		stage_check(&b->f, before_out.packets == out.packets && before_in.bytes == in.bytes,
			"%s: counters", calls[i]);
		changing_both(&b->f, b->peer, &b->flows[i], calls[i]);
		tunnel_total(b->f.g, tunnel(b, name), &out, &in);
		stage_check(&b->f,
			out.packets == before_out.packets + 1 &&
				in.packets == before_in.packets + 1,
			"%s: counters afterwards", calls[i]);
	}
	stage_check(&b->f, tunnel(b, "ipsec0")->mtu == 1300, "mtu");
	expect_error(b, "tunnel.update ipsec0 encapsulation = 'tunnel';", -EBUSY, "encapsulation");
	traffic(b, "all updated");
}

/* An envelope by what the flow says, which must not pass. */
static void
expect_lost(struct bench *b, const struct changing_flow *flow, enum drop_reason why)
{
	uint64_t before = stage_fixture_drops(&b->f, why);

	stage_check(&b->f, !changing_in_passes(&b->f, b->peer, flow), "it passes");
	stage_check(&b->f, stage_fixture_drops(&b->f, why) > before, "not dropped as %s",
		drop_name(why));
}

/* Other ends, each alone and both: SAs, numbers and windows go along; what comes to the old ends is
 * nobody's. */
static void
check_move(struct bench *b)
{
	struct changing_flow *flows = b->flows, was;

	COMMIT(b, "tunnel.update ipsec0 remote = '198.51.100.77';");
	flows[0].remote = "198.51.100.77";
	changing_both(&b->f, b->peer, &flows[0], "another remote");
	COMMIT(b, "tunnel.update ipsec6 local = '203.0.113.7';",
		"tunnel.update ipsec3 remote = '2001:db8:e::73'; mtu = 1400;");
	flows[3].remote = "2001:db8:e::73";
	changing_both(&b->f, b->peer, &flows[3], "another remote, and the size");
	was = flows[6];
	flows[6].local = "203.0.113.7";
	changing_both(&b->f, b->peer, &flows[6], "another local");
	/* what comes to the old ends is nobody's, and what comes from them somebody else's */
	expect_lost(b, &was, DROP_esp_unknown_spi);
	was = flows[3];
	was.remote = NULL;
	was.n = 0;
	was.spi_in = 0x2000;
	expect_lost(b, &was, DROP_esp_address);
	/* over the other family and another carrier */
	COMMIT(b, "tunnel.update ipsec2 local = '2001:db8:f::1'; remote = '2001:db8:e::72';");
	flows[2].local = "2001:db8:f::1";
	flows[2].remote = "2001:db8:e::72";
	changing_both(&b->f, b->peer, &flows[2], "over IPv6 instead of IPv4");
	traffic(b, "all moved");
}

/* Down and up again, as the administrator says: its routes discard meanwhile. */
static void
check_state(struct bench *b)
{
	COMMIT(b, "tunnel.update ipsec0 state = 'down';");
	expect_drop(b, "state = down", "192.168.20.9", DROP_tunnel_down);
	COMMIT(b, "tunnel.update ipsec0 mtu = 1400;");
	expect_drop(b, "state = down still", "192.168.20.9", DROP_tunnel_down);
	COMMIT(b, "tunnel.update ipsec0 state = 'up';");
	changing_both(&b->f, b->peer, &b->flows[0], "state = up");
}

/* A tunnel with all that belongs to one, in one batch, over each kind of carrier; and away again,
 * in one batch, with what needs it. */
static void
check_new_tunnel(struct bench *b)
{
	uint32_t before = b->f.g->n_tunnels;
	/* it takes the place of ipsec6, whose ESN it has */
	struct changing_flow flow = {
		.n = 6, .spi_out = 0x3009, .key_out = 0xe9, .spi_in = 0x4009, .key_in = 0xf9};

	for (int round = 0; round < 3; round++) {
		char policy[32];

		flow.in = 0; /* each time a new window; the key's numbers go on */
		/* what moves from ipsec6 to the new one does so at once */
		COMMIT(b,
			"tunnel.add name = 'new'; local = '203.0.113.1'; remote = '198.51.100.16';",
			SA("0x3009", "out", "new", e9, "esn = true;"),
			SA("0x4009", "in", "new", f9, "esn = true;"),
			"route.delete prefix = '192.168.26.0/24'; via = 'ipsec6';",
			"route.add prefix = '192.168.26.0/24'; via = 'new';",
			"policy.add priority = 1; action = 'protect'; tunnel = 'new'; remote = "
			"'10.99.0.0/16';");
		changing_both(&b->f, b->peer, &flow, "the new tunnel");
		expect_error(b, "tunnel.delete new", -EBUSY,
			"2 SAs, 1 routes and 1 policies need tunnel new");
		COMMIT(b, "tunnel.update new mtu = 1200;");
		changing_both(&b->f, b->peer, &flow, "the new tunnel, smaller");
		snprintf(policy, sizeof(policy), "policy.delete %d", round + 1);
		COMMIT(b, "route.delete prefix = '192.168.26.0/24'; via = 'new';",
			"route.add prefix = '192.168.26.0/24'; via = 'ipsec6';",
			"sa.delete out 0x3009", "sa.delete in 0x4009", policy, "tunnel.delete new");
		stage_check(&b->f, !tunnel(b, "new") && b->f.g->n_tunnels == before, "gone");
		changing_both(&b->f, b->peer, &b->flows[6], "back in its old tunnel");
	}
}

/* --- routes */

/* A route through a tunnel inside an on-link prefix: the neighbour's host route gives way, and
 * comes back with its link when the other one goes. */
static void
check_on_link(struct bench *b)
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
		COMMIT(b, "route.add prefix = '192.168.1.0/28'; via = 'ipsec0';");
		stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN7, &p);
		stage_check(&b->f,
			stage_fixture_take_packet(&b->f, SITE_RING_WAN, &got) &&
				peer_open(b->peer, &esp, &got, &inner) &&
				esp.seq == ++b->flows[0].out,
			"it is not in the tunnel");
		stage_check(&b->f, stage_fixture_discard(&b->f) == 0, "in the clear as well");
		COMMIT(b, "route.delete prefix = '192.168.1.0/28'; via = 'ipsec0';");
		asked = b->f.w->stats.to_control;
	}
	/* from the first packet on, without asking anybody */
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN7, &p);
	stage_check(&b->f, stage_fixture_take_packet(&b->f, SITE_RING_LAN, &got), "back again");
	stage_check(&b->f, b->f.w->stats.to_control == asked, "the control lcore is asked");
}

static void
check_routes(struct bench *b)
{
	static struct packet p, got, inner;
	const struct packet_row row = {.src = "192.168.1.10", .dst = "192.168.20.9"};
	struct esp_row esp = {.key = 0xc2};

	/* to another tunnel, in one batch; and a discard that beats it */
	COMMIT(b, "route.delete prefix = '192.168.20.0/24'; via = 'ipsec0';",
		"route.add prefix = '192.168.20.0/24'; via = 'ipsec2';");
	packet_ip(&p, &row);
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN, &p);
	stage_check(&b->f,
		stage_fixture_take_packet(&b->f, SITE_RING_WAN, &got) &&
			peer_open(b->peer, &esp, &got, &inner) && esp.seq == 2,
		"it is not in the other tunnel");
	COMMIT(b, "route.add prefix = '192.168.20.0/25'; via = 'discard';");
	expect_drop(b, "discard", "192.168.20.9", DROP_route_discard);
	COMMIT(b, "route.delete prefix = '192.168.20.0/25'; via = 'discard';",
		"route.delete prefix = '192.168.20.0/24'; via = 'ipsec2';");
	expect_drop(b, "no route", "192.168.20.9", DROP_no_route);
	COMMIT(b, "route.add prefix = '192.168.20.0/24'; via = 'ipsec0';");
	changing_both(&b->f, b->peer, &b->flows[0], "its own route again");
}

/* --- neighbours, policies */

static void
check_neighbours(struct bench *b)
{
	static struct packet p;
	const struct packet_row row = {.src = "192.168.7.10", .dst = "192.168.1.33"};
	struct rte_mbuf *m;

	packet_ip(&p, &row);
	COMMIT(b,
		"neighbour.add address = '192.168.1.33'; mac = '02:00:00:00:00:33'; port = 'lan';");
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN7, &p);
	m = stage_fixture_take(&b->f, SITE_RING_LAN);
	stage_check(&b->f, m && rte_pktmbuf_mtod(m, uint8_t *)[5] == 0x33, "not at its address");
	rte_pktmbuf_free(m);
	COMMIT(b, "neighbour.delete lan 192.168.1.33");
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN7, &p);
	m = stage_fixture_take(&b->f, SITE_RING_LAN);
	stage_check(&b->f, m && rte_pktmbuf_mtod(m, uint8_t *)[5] == 0xff, "nobody is asked");
	rte_pktmbuf_free(m);
	stage_fixture_discard(&b->f);
}

static void
check_policies(struct bench *b)
{
	struct counter hits;

	COMMIT(b, "policy.add priority = 50; action = 'discard'; remote = '192.168.20.0/24';");
	expect_drop(b, "policy", "192.168.20.9", DROP_policy_discard);
	/* another one comes and goes: what this one counted stays */
	COMMIT(b, "policy.add priority = 60; action = 'discard'; remote = '192.168.21.0/24';");
	expect_drop(b, "policy", "192.168.20.9", DROP_policy_discard);
	hits = policy_hits(b->f.g, 0);
	stage_check(&b->f, hits.packets == 2, "%lu hits", hits.packets);
	COMMIT(b, "policy.delete 5",
		"policy.update 4 priority = 50; action = 'discard'; remote = "
		"'192.168.20.0/25';");
	hits = policy_hits(b->f.g, 0);
	stage_check(&b->f, hits.packets == 2, "%lu hits after the update", hits.packets);
	COMMIT(b, "policy.delete 4");
	stage_check(&b->f, !b->f.g->views[0]->spd, "there are policies still");
	traffic(b, "without policies");
}

static void
test_kinds(void **state)
{
	static void (*const checks[])(struct bench * b) = {check_rekey, check_key_again,
		check_lifetimes, check_tunnel_update, check_move, check_state, check_new_tunnel,
		check_on_link, check_routes, check_neighbours};
	static struct bench b;

	(void)state;
	b.peer = peer_create();
	for (int e = 0; stage_engines[e]; e++)
		for (size_t i = 0; i < RTE_DIM(checks); i++) {
			open_bench(&b, stage_engines[e]);
			checks[i](&b);
			/* and all others are as they were */
			assert_int_equal(stage_fixture_close(&b.f), 0);
		}
	peer_destroy(b.peer);
}

static void
test_policies(void **state)
{
	static struct bench b;

	(void)state;
	b.peer = peer_create();
	open_bench(&b, NULL);
	for (int i = 0; i < 3; i++) /* ids are not used again */
		changing_do(&b.f, "policy.add priority = 1; action = 'discard'; remote = "
				  "'10.1.0.0/16';");
	COMMIT(&b, "policy.delete 1", "policy.delete 2", "policy.delete 3");
	check_policies(&b);
	assert_int_equal(stage_fixture_close(&b.f), 0);
	peer_destroy(b.peer);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_policies),
	};

	stage_fixture_eal("changes", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
