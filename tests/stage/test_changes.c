/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each kind of change, carried through: packets go the new way, on the wire, and what was not
 * touched, or only updated, counts on. Closed where nothing is left to go by. Here: SAs and
 * tunnels.
 */
#include <errno.h>

#include "changing_bench.h"
#include "unit.h"

/* --- SAs */

/* The newest outbound SA is used at once, the one before it stays until it is deleted. */
static void
check_rekey(struct changing_bench *b)
{
	struct changing_flow *flow = &b->flows[0], old = *flow;

	CHANGE(b, SA_ADD("0x3000", "out", "ipsec0", e0, ""),
		SA_ADD("0x4000", "in", "ipsec0", f0, ""));
	changing_in(&b->f, b->peer, flow, "the old inbound SA");
	*flow = (struct changing_flow){
		.spi_out = 0x3000, .key_out = 0xe0, .spi_in = 0x4000, .key_in = 0xf0};
	changing_both(&b->f, b->peer, flow, "the new SAs");
	/* the new one goes: the old one is used again, and counts on */
	CHANGE(b, "sa.delete out 0x3000");
	changing_out(&b->f, b->peer, &old, "the old SA again");
	CHANGE(b, SA_ADD("0x3001", "out", "ipsec0", e1, "seq = 77;"));
	flow->spi_out = 0x3001;
	flow->key_out = 0xe1;
	flow->out = 76;
	CHANGE(b, "sa.delete out 0x1000", "sa.delete in 0x2000");
	changing_both(&b->f, b->peer, flow, "without the old SAs");
	stage_check(&b->f, !changing_sa(b, SA_OUT, 0x1000) && !changing_sa(b, SA_IN, 0x2000),
		"the old SAs are gone");
	/* the same name with another key in one batch */
	CHANGE(b, "sa.delete in 0x4000", SA_ADD("0x4000", "in", "ipsec0", f2, ""));
	flow->key_in = 0xf2;
	flow->in = 0;
	changing_both(&b->f, b->peer, flow, "the same SPI anew");
}

/* An SA whose jobs an engine has is freed when they are done, and holds up nobody else. */
static void
check_inflight(struct changing_bench *b)
{
	static struct packet p;
	const struct packet_row row = {.src = "192.168.1.10", .dst = "192.168.20.9"};
	struct gateway *g = b->f.g;
	struct sa *slow = changing_sa(b, SA_OUT, 0x1000)->sa;

	packet_ip(&p, &row);
	for (int i = 0; i < 50 && slow->hot.inflight == 0; i++) {
		stage_fixture_put(&b->f, SITE_RING_LAN,
			stage_fixture_frame(&b->f, SITE_LAN, p.bytes, p.n, NULL));
		worker_poll(b->f.w);
	}
	/* the others are done at once */
	if (strcmp(b->f.setup.engine, "test") != 0) {
		stage_fixture_turn(&b->f);
		return;
	}
	stage_check(&b->f, slow->hot.inflight > 0, "the engine is done at once");
	changing_do(&b->f, "sa.delete out 0x1000");
	for (int i = 0; i < 10; i++)
		reaper_poll(g);
	stage_check(&b->f, g->reaper.dying.n == 1, "it is freed too early");
	changing_do(&b->f, "sa.delete in 0x2001");
	stage_check(&b->f, reaper_wait(g) && g->reaper.dying.n == 1 && g->reaper.waiting.n == 0,
		"others wait for it");
	stage_fixture_turn(&b->f);
	stage_check(&b->f, slow->hot.inflight == 0, "it has jobs still");
	stage_check(&b->f, reaper_wait(g) && g->reaper.dying.n == 0, "it is not freed");
	stage_fixture_discard(&b->f);
}

/* A key that an SA had a moment ago: its numbers go on, none is used twice. */
static void
check_key_again(struct changing_bench *b)
{
	struct changing_flow *flow = &b->flows[2];

	CHANGE(b, "sa.delete out 0x1002");
	changing_dropped(b, "no outbound SA", "192.168.22.9", DROP_tunnel_down);
	changing_refused(b, SA_ADD("0x1002", "out", "ipsec2", c2, "seq = 1;"), -EEXIST, "seq: 1");
	/* before the old one has gone from memory */
	changing_do(&b->f, SA_ADD("0x5002", "out", "ipsec2", e2, ""));
	changing_do(&b->f, "sa.delete out 0x5002");
	changing_do(&b->f, SA_ADD("0x1002", "out", "ipsec2", c2, ""));
	changing_both(&b->f, b->peer, flow, "the same key again");
}

/* Lifetimes alone: numbers, windows and counters are what they were. */
static void
check_lifetimes(struct changing_bench *b)
{
	struct changing_flow *flow = &b->flows[1];
	struct gateway_sa *out = changing_sa(b, SA_OUT, 0x1001);

	CHANGE(b, "sa.update out 0x1001 hard_packets = 3; soft_packets = 2;",
		"sa.update in 0x2001 hard_seconds = 1000;");
	stage_check(&b->f, counter_read(&out->sa->hot.traffic.packets) == flow->out,
		"the counter is another one");
	changing_both(&b->f, b->peer, flow, "updated");
	changing_both(&b->f, b->peer, flow, "updated, the last one");
	changing_dropped(b, "over", "192.168.21.9", DROP_lifetime);
	/* its worker has ended it, and nobody been told yet */
	changing_refused(b, "sa.update out 0x1001 hard_packets = 9;", -EBUSY, "has ended");
	tunnels_tick(b->f.g, now_ms());
	changing_refused(b, "sa.update out 0x1001 hard_packets = 9;", -EBUSY, "has ended");
	changing_dropped(b, "ended", "192.168.21.9", DROP_tunnel_down);
	CHANGE(b, SA_ADD("0x3001", "out", "ipsec1", e7, ""));
	*flow = (struct changing_flow){.n = 1, .spi_out = 0x3001, .key_out = 0xe7, .in = flow->in};
	changing_both(&b->f, b->peer, flow, "a new one");
	CHANGE(b, "sa.update in 0x2001 hard_packets = 1;");
	stage_check(&b->f, changing_sa(b, SA_IN, 0x2001)->sa->hot.hard_packets == 1, "lowered");
}

/* --- tunnels */

/* What can change without touching SAs; each tunnel of its own. */
static void
check_tunnel_update(struct changing_bench *b)
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
		tunnel_total(b->f.g, changing_tunnel(b, name), &before_out, &before_in);
		changing_commit(b, (const char *const[]){calls[i], NULL});
		tunnel_total(b->f.g, changing_tunnel(b, name), &out, &in);
		stage_check(&b->f, before_out.packets == out.packets && before_in.bytes == in.bytes,
			"%s: counters", calls[i]);
		changing_both(&b->f, b->peer, &b->flows[i], calls[i]);
		tunnel_total(b->f.g, changing_tunnel(b, name), &out, &in);
		stage_check(&b->f,
			out.packets == before_out.packets + 1 &&
				in.packets == before_in.packets + 1,
			"%s: counters afterwards", calls[i]);
	}
	stage_check(&b->f, changing_tunnel(b, "ipsec0")->mtu == 1300, "mtu");
	changing_refused(
		b, "tunnel.update ipsec0 encapsulation = 'tunnel';", -EBUSY, "encapsulation");
	changing_traffic(b, "all updated");
}

/* An envelope by what the flow says, which must not pass. */
static void
expect_lost(struct changing_bench *b, const struct changing_flow *flow, enum drop_reason why)
{
	uint64_t before = stage_fixture_drops(&b->f, why);

	stage_check(&b->f, !changing_in_passes(&b->f, b->peer, flow), "it passes");
	stage_check(&b->f, stage_fixture_drops(&b->f, why) > before, "not dropped as %s",
		drop_name(why));
}

/* Other ends, each alone and both: SAs, numbers and windows go along; what comes to the old ends is
 * nobody's. */
static void
check_move(struct changing_bench *b)
{
	struct changing_flow *flows = b->flows, was;

	CHANGE(b, "tunnel.update ipsec0 remote = '198.51.100.77';");
	flows[0].remote = "198.51.100.77";
	changing_both(&b->f, b->peer, &flows[0], "another remote");
	CHANGE(b, "tunnel.update ipsec6 local = '203.0.113.7';",
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
	CHANGE(b, "tunnel.update ipsec2 local = '2001:db8:f::1'; remote = '2001:db8:e::72';");
	flows[2].local = "2001:db8:f::1";
	flows[2].remote = "2001:db8:e::72";
	changing_both(&b->f, b->peer, &flows[2], "over IPv6 instead of IPv4");
	changing_traffic(b, "all moved");
}

/* Down and up again, as the administrator says: its routes discard meanwhile, or a worse one has
 * its turn. */
static void
check_state(struct changing_bench *b)
{
	CHANGE(b, "tunnel.update ipsec0 state = 'down';");
	changing_dropped(b, "state = down", "192.168.20.9", DROP_tunnel_down);
	CHANGE(b, "route.add prefix = '192.168.20.0/24'; via = 'ipsec2'; metric = 9;");
	changing_goes_into(b, "a worse route", "192.168.20.9", 2);
	CHANGE(b, "tunnel.update ipsec0 mtu = 1400;");
	changing_goes_into(b, "state = down still", "192.168.20.9", 2);
	CHANGE(b, "tunnel.update ipsec0 state = 'up';");
	changing_goes_into(b, "state = up", "192.168.20.9", 0);
	CHANGE(b, "tunnel.update ipsec0 state = 'down';");
	changing_goes_into(b, "state = down again", "192.168.20.9", 2);
	CHANGE(b, "tunnel.update ipsec0 state = 'up';");
	changing_traffic(b, "state = up again");
	/* one that never was up */
	CHANGE(b, "tunnel.update ipsec1 state = 'down';", "sa.delete out 0x1001");
	CHANGE(b, SA_ADD("0x1001", "out", "ipsec1", c1, ""));
	changing_dropped(b, "down with a new SA", "192.168.21.9", DROP_tunnel_down);
	CHANGE(b, "tunnel.update ipsec1 state = 'up';");
	changing_traffic(b, "all up");
}

/* A tunnel with all that belongs to one, in one batch, over each kind of carrier; and away again,
 * in one batch, with what needs it. */
static void
check_new_tunnel(struct changing_bench *b)
{
	uint32_t before = b->f.g->n_tunnels;
	/* it takes the place of ipsec6, whose ESN it has */
	struct changing_flow flow = {
		.n = 6, .spi_out = 0x3009, .key_out = 0xe9, .spi_in = 0x4009, .key_in = 0xf9};

	for (int round = 0; round < 3; round++) {
		char policy[32];

		flow.in = 0; /* each time a new window; the key's numbers go on */
		/* what moves from ipsec6 to the new one does so at once */
		CHANGE(b,
			"tunnel.add name = 'new'; local = '203.0.113.1'; remote = '198.51.100.16';",
			SA_ADD("0x3009", "out", "new", e9, "esn = true;"),
			SA_ADD("0x4009", "in", "new", f9, "esn = true;"),
			"route.delete prefix = '192.168.26.0/24'; via = 'ipsec6';",
			"route.add prefix = '192.168.26.0/24'; via = 'new';",
			"policy.add priority = 1; action = 'protect'; tunnel = 'new'; remote = "
			"'10.99.0.0/16';");
		changing_both(&b->f, b->peer, &flow, "the new tunnel");
		changing_refused(b, "tunnel.delete new", -EBUSY,
			"2 SAs, 1 routes and 1 policies need tunnel new");
		CHANGE(b, "tunnel.update new mtu = 1200;");
		changing_both(&b->f, b->peer, &flow, "the new tunnel, smaller");
		snprintf(policy, sizeof(policy), "policy.delete %d", round + 1);
		CHANGE(b, "route.delete prefix = '192.168.26.0/24'; via = 'new';",
			"route.add prefix = '192.168.26.0/24'; via = 'ipsec6';",
			"sa.delete out 0x3009", "sa.delete in 0x4009", policy, "tunnel.delete new");
		stage_check(
			&b->f, !changing_tunnel(b, "new") && b->f.g->n_tunnels == before, "gone");
		changing_both(&b->f, b->peer, &b->flows[6], "back in its old tunnel");
	}
}

/* --- */

static void
test_kinds(void **state)
{
	static void (*const checks[])(struct changing_bench * b) = {check_rekey, check_inflight,
		check_key_again, check_lifetimes, check_tunnel_update, check_move, check_state,
		check_new_tunnel};

	(void)state;
	changing_run(checks, RTE_DIM(checks));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds)};

	stage_fixture_eal("changes", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
