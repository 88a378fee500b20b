/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts of everything at once, over every engine: each packet is accounted for once, and what goes
 * out on the wild side opens with a key. */
#include <inttypes.h>

#include "fixture.h"
#include "site.h"
#include "unit.h"

enum { BURSTS = 400, PACKETS_MAX = 300, TUNNELS = 4 };

/* clang-format off */
#define CONFIG \
	SITE_PORTS SITE_NEIGHBOURS \
	"icmp = { errors = 0; };" \
	"tunnels = (" SITE_TUNNEL4(0, "") "," SITE_TUNNEL4(1, "") "," SITE_TUNNEL4(2, SITE_UDP) "," \
	SITE_TUNNEL6(3, SITE_UDP) ");" \
	"sas = (" SITE_SA_OUT(0, "") "," SITE_SA_IN(0, "replay_window = 4096;") "," SITE_SAS(1, "") "," \
	SITE_SAS(2, "") "," SITE_SAS(3, "") ");" \
	"routes = (" SITE_ROUTES(0) "," SITE_ROUTES(1) "," SITE_ROUTES(2) "," SITE_ROUTES(3) "," \
	SITE_GATEWAYS "," \
	"{ prefix = \"198.51.100.11/32\"; via = \"ipsec0\"; });"
/* clang-format on */

struct mix {
	struct stage_fixture f;
	struct peer *peer;
	uint64_t random;
	uint64_t seq; /* of what the peer seals */
	uint64_t sent, taken;
};

/* xorshift64: 0 to below - 1. */
static uint32_t
rnd(struct mix *x, uint32_t below)
{
	x->random ^= x->random << 13;
	x->random ^= x->random >> 7;
	x->random ^= x->random << 17;
	return (uint32_t)(x->random >> 20) % below;
}

static bool
now_and_then(struct mix *x, uint32_t every)
{
	return rnd(x, every) == 0;
}

static uint16_t
any_size(struct mix *x)
{
	return (uint16_t)(60 + rnd(x, now_and_then(x, 4) ? 7000 : 1300));
}

/* In one buffer mostly, else in a chain or at a guard page. */
static void
put(struct mix *x, uint16_t ring, uint16_t port, const struct packet *p)
{
	static const struct stage_shape shapes[] = {{0, 0, SHAPE_ROOM}, {60, 40, SHAPE_ROOM},
		{0, 0, SHAPE_GUARD_AFTER}, {0, 0, SHAPE_GUARD_BEFORE}, {34, 100, SHAPE_ROOM}};
	const struct stage_shape *shape = &shapes[now_and_then(x, 3) ? rnd(x, RTE_DIM(shapes)) : 0];

	stage_fixture_put(&x->f, ring, stage_fixture_frame(&x->f, port, p->bytes, p->n, shape));
	x->sent++;
}

static void
put_raw(struct mix *x, const char *dst, uint8_t proto)
{
	static struct packet p;
	const struct packet_row row = {
		.src = "192.168.1.10", .dst = dst, .proto = proto, .bytes = any_size(x)};

	packet_ip(&p, &row);
	put(x, SITE_RING_LAN, SITE_LAN, &p);
}

static void
put_envelope(struct mix *x, const struct packet_row *inside, const struct packet_row *outside,
	struct esp_row *seal)
{
	static struct packet p, esp, envelope;

	seal->seq = ++x->seq;
	packet_ip(&p, inside);
	peer_seal(x->peer, seal, &p, &esp);
	packet_wrap(&envelope, outside, &esp);
	put(x, SITE_RING_WAN, SITE_WAN, &envelope);
}

/* An SPI that nobody has, or from an address that is not the peer's. */
static void
put_foreign(struct mix *x)
{
	bool unknown = now_and_then(x, 2);
	const struct packet_row inside = {
		.src = "192.168.20.9", .dst = "192.168.1.10", .bytes = any_size(x)};
	const struct packet_row outside = {.src = unknown ? "198.51.100.10" : "198.51.100.77",
		.dst = "203.0.113.1",
		.proto = IPPROTO_ESP};
	struct esp_row seal = {.key = 0xd0, .spi = unknown ? 0x3000 + rnd(x, 100) : 0x2000};

	put_envelope(x, &inside, &outside, &seal);
}

/* To a host, to another tunnel, or with ESP for us inside; dressed up, or forged, now and then. */
static void
put_tunnelled(struct mix *x)
{
	static const struct {
		const char *dst;
		uint8_t proto;
	} to[] = {{"192.168.1.10", 0}, {"192.168.21.9", 0}, {"203.0.113.1", IPPROTO_ESP}};
	const uint32_t which = rnd(x, RTE_DIM(to));
	const struct packet_row inside = {.src = "192.168.20.9",
		.dst = to[which].dst,
		.proto = to[which].proto,
		.bytes = (uint16_t)(60 + rnd(x, 1200))};
	const struct packet_row outside = {
		.src = "198.51.100.10", .dst = "203.0.113.1", .proto = IPPROTO_ESP};
	struct esp_row seal = {.key = 0xd0,
		.spi = 0x2000,
		.tfc = now_and_then(x, 5) ? 37 : 0,
		.pad_extra = now_and_then(x, 5) ? (uint8_t)(4 * rnd(x, 50)) : 0,
		.icv_wrong = now_and_then(x, 10)};

	put_envelope(x, &inside, &outside, &seal);
}

static void
put_any(struct mix *x)
{
	static const char *const behind[TUNNELS] = {
		"192.168.20.9", "192.168.21.9", "192.168.22.9", "192.168.23.9"};

	switch (rnd(x, 8)) {
	case 0:
	case 1:
	case 2: /* into a tunnel; itself ESP now and then */
		put_raw(x, behind[rnd(x, TUNNELS)], now_and_then(x, 4) ? IPPROTO_ESP : 0);
		break;
	case 3: /* ESP in transit: to lan7, or where it may not go */
		put_raw(x, now_and_then(x, 2) ? "192.168.7.10" : "203.0.113.2", IPPROTO_ESP);
		break;
	case 4:
		put_foreign(x);
		break;
	case 5:
	case 6:
		put_tunnelled(x);
		break;
	default: /* lan to lan7 */
		put_raw(x, "192.168.7.10", 0);
	}
}

static bool
opens(struct mix *x, const struct packet *envelope)
{
	static struct packet inner;

	for (uint8_t tunnel = 0; tunnel < TUNNELS; tunnel++) {
		struct esp_row row = {.key = 0xc0 + tunnel};

		if (peer_open(x->peer, &row, envelope, &inner))
			return true;
	}
	return false;
}

static void
take_all(struct mix *x)
{
	static struct packet got;

	for (uint16_t ring = 0; ring < SITE_RINGS; ring++) {
		while (stage_fixture_take_packet(&x->f, ring, &got)) {
			x->taken++;
			stage_check(&x->f, ring != SITE_RING_WAN || opens(x, &got),
				"on wan: %u bytes of protocol %u that no key opens", got.n,
				got.bytes[9]);
		}
	}
}

static void
run(struct mix *x, const char *engine)
{
	const struct stage_setup setup = {.config = CONFIG,
		.engine = engine,
		.rings = SITE_RINGS,
		.tx_queues = 1 + (uint16_t)rnd(x, 2)};

	x->seq = x->sent = x->taken = 0;
	stage_fixture_open(&x->f, &setup);
	for (int burst = 0; burst < BURSTS; burst++) {
		for (uint32_t n = 1 + rnd(x, PACKETS_MAX); n > 0; n--)
			put_any(x);
		stage_fixture_turn(&x->f);
		take_all(x);
	}
	stage_check(&x->f, x->sent == x->taken + stage_fixture_drops_all(&x->f),
		"%" PRIu64 " sent, %" PRIu64 " taken, %" PRIu64 " dropped", x->sent, x->taken,
		stage_fixture_drops_all(&x->f));
	/* most of it is traffic that passes */
	stage_check(&x->f, x->taken > x->sent / 4, "only %" PRIu64 " of %" PRIu64 " came out",
		x->taken, x->sent);
	assert_int_equal(stage_fixture_close(&x->f), 0);
}

static void
test_mix(void **state)
{
	struct mix x = {.peer = peer_create(), .random = 88172645463325252ull};

	(void)state;
	for (int e = 0; stage_engines[e]; e++)
		run(&x, stage_engines[e]);
	peer_destroy(x.peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_mix)};

	stage_fixture_eal("stage_mix", 2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
