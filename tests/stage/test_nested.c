/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tunnels inside tunnels: each one's envelope is what the next one carries, out and in; a route
 * that leads a tunnel into itself is found; MTUs follow the path.
 */
#include "fixture.h"
#include "site.h"
#include "unit.h"

enum { DEPTH_MAX = 4 };

/* Tunnel n + 1 goes through tunnel n; as many as are allowed inside each other, and two more. */
/* clang-format off */
#define THROUGH(n, inside) "{ prefix = \"198.51.100.1" #n "/32\"; via = \"ipsec" #inside "\"; }"
#define CONFIG \
	SITE_PORTS SITE_NEIGHBOURS \
	"icmp = { errors = 0; };" \
	"tunnels = (" SITE_TUNNEL4(0, "") "," SITE_TUNNEL4(1, "") "," SITE_TUNNEL4(2, "") "," \
	SITE_TUNNEL4(3, "") "," SITE_TUNNEL4(4, "") "," SITE_TUNNEL4(5, "") "," SITE_TUNNEL4(6, "") ");" \
	"sas = (" SITE_SAS(0, "") "," SITE_SAS(1, "") "," SITE_SAS(2, "") "," SITE_SAS(3, "") "," \
	SITE_SAS(4, "") "," SITE_SAS(5, "") "," SITE_SAS(6, "") ");" \
	"routes = (" SITE_ROUTES(0) "," SITE_ROUTES(1) "," SITE_ROUTES(2) "," SITE_ROUTES(3) "," \
	SITE_ROUTES(4) "," SITE_ROUTES(5) "," SITE_ROUTES(6) "," SITE_GATEWAYS "," \
	THROUGH(1, 0) "," THROUGH(2, 1) "," THROUGH(3, 2) "," THROUGH(4, 3) "," THROUGH(5, 4) ");"
/* clang-format on */

struct bench {
	struct stage_fixture f;
	struct peer *peer;
	uint64_t seq;
};

/* The addresses of tunnel n. */
static void
far_address(char text[INET_ADDRSTRLEN], unsigned int tunnel)
{
	snprintf(text, INET_ADDRSTRLEN, "192.168.2%u.9", tunnel);
}

static void
remote_address(char text[INET_ADDRSTRLEN], unsigned int tunnel)
{
	snprintf(text, INET_ADDRSTRLEN, "198.51.100.1%u", tunnel);
}

/* Into a tunnel: on the wire it is inside all those with lower numbers. */
static void
check_out(struct bench *b, unsigned int tunnel, uint16_t bytes)
{
	static struct packet p, envelope, inner;
	char far[INET_ADDRSTRLEN];
	const struct packet_row row = {.src = "192.168.1.10", .dst = far, .bytes = bytes};

	far_address(far, tunnel);
	packet_ip(&p, &row);
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN, &p);
	if (!stage_fixture_take_packet(&b->f, SITE_RING_WAN, &envelope)) {
		stage_check(&b->f, false, "tunnel %u: nothing came out", tunnel);
		return;
	}
	for (unsigned int t = 0; t <= tunnel; t++) {
		struct esp_row esp = {.key = (uint8_t)(0xc0 + t)};

		stage_check(&b->f, peer_open(b->peer, &esp, &envelope, &inner),
			"tunnel %u: layer %u does not open", tunnel, t);
		envelope = inner;
	}
	packet_forward(&p);
	stage_check(&b->f, inner.n == p.n && memcmp(inner.bytes, p.bytes, p.n) == 0,
		"tunnel %u: not the packet", tunnel);
	stage_check(&b->f, stage_fixture_discard(&b->f) == 0, "tunnel %u: too much", tunnel);
}

static void
check_in(struct bench *b, unsigned int tunnel, uint16_t bytes)
{
	static struct packet p, got, esp;
	char address[INET_ADDRSTRLEN];
	struct packet_row row = {.src = address, .dst = "192.168.1.10", .bytes = bytes};

	far_address(address, tunnel);
	packet_ip(&p, &row);
	row = (struct packet_row){.src = address, .dst = "203.0.113.1", .proto = IPPROTO_ESP};
	got = p;
	for (int t = (int)tunnel; t >= 0; t--) {
		const struct esp_row seal = {
			.key = (uint8_t)(0xd0 + t), .spi = 0x2000u + (uint32_t)t, .seq = ++b->seq};

		remote_address(address, (unsigned int)t);
		peer_seal(b->peer, &seal, &got, &esp);
		packet_wrap(&got, &row, &esp);
	}
	stage_fixture_send(&b->f, SITE_RING_WAN, SITE_WAN, &got);
	packet_forward(&p);
	stage_check(&b->f, stage_fixture_take_packet(&b->f, SITE_RING_LAN, &got),
		"in, tunnel %u: nothing came out", tunnel);
	stage_check(&b->f, got.n == p.n && memcmp(got.bytes, p.bytes, p.n) == 0,
		"in, tunnel %u: not the packet", tunnel);
	stage_check(&b->f, stage_fixture_discard(&b->f) == 0, "in, tunnel %u: too much", tunnel);
}

/* Each tunnel's MTU is what the one that carries it leaves. */
static void
check_mtus(struct bench *b)
{
	struct tunnel **tunnels = b->f.g->tables.tunnels->tunnels;

	for (unsigned int t = 1; t < DEPTH_MAX; t++)
		stage_check(&b->f,
			tunnels[t]->outer_mtu == tunnels[t - 1]->mtu &&
				tunnels[t]->mtu < tunnels[t - 1]->mtu,
			"MTU of tunnel %u: %u in %u", t, tunnels[t]->mtu, tunnels[t - 1]->mtu);
}

static void
check_dropped(struct bench *b, unsigned int tunnel, enum drop_reason why)
{
	static struct packet p;
	char far[INET_ADDRSTRLEN];
	const struct packet_row row = {.src = "192.168.1.10", .dst = far};
	uint64_t before = stage_fixture_drops(&b->f, why);

	far_address(far, tunnel);
	packet_ip(&p, &row);
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN, &p);
	stage_check(&b->f, stage_fixture_drops(&b->f, why) == before + 1, "tunnel %u: not %s",
		tunnel, drop_name(why));
	stage_check(
		&b->f, stage_fixture_discard(&b->f) == 0, "tunnel %u: something came out", tunnel);
}

/* A route that appears while the tunnel is up, and leads its envelopes into itself. */
static void
check_loop(struct bench *b, unsigned int tunnel, unsigned int into)
{
	struct gateway *g = b->f.g;
	struct route loop = {.prefix = {.length = 32}, .via = ROUTE_VIA_TUNNEL, .tunnel = into};
	struct error err = {""};

	loop.prefix.addr = g->tables.tunnels->tunnels[tunnel]->config.remote;
	stage_check(&b->f,
		route_add(g->routes, &loop, &err) == 0 && route_commit(g->routes, &err) == 0,
		"route: %s", err.text);
	tunnels_resolve(g);
	check_dropped(b, tunnel, DROP_tunnel_loop);
	stage_check(&b->f,
		route_delete(g->routes, &loop, &err) == 0 && route_commit(g->routes, &err) == 0,
		"route: %s", err.text);
	tunnels_resolve(g);
	check_out(b, tunnel, 100);
}

static void
test_nested(void **state)
{
	struct bench b = {.peer = peer_create()};

	(void)state;
	for (int e = 0; stage_engines[e]; e++) {
		const struct stage_setup setup = {
			.config = CONFIG, .engine = stage_engines[e], .rings = SITE_RINGS};

		stage_fixture_open(&b.f, &setup);
		b.seq = 0;
		for (unsigned int t = 0; t < DEPTH_MAX; t++) {
			check_out(&b, t, 100);
			check_out(&b, t, 4000);
			check_in(&b, t, 100);
			check_in(&b, t, 4000);
		}
		check_mtus(&b);
		check_loop(&b, 0, 0);
		check_loop(&b, 0, 1); /* and 1 goes through 0 */
		check_out(&b, 3, 100);
		/* five deep; six are not even tried */
		check_dropped(&b, 4, DROP_nested_too_deep);
		check_dropped(&b, 5, DROP_tunnel_down);
		assert_int_equal(stage_fixture_close(&b.f), 0);
	}
	peer_destroy(b.peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nested)};

	stage_fixture_eal("stage_nested", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
