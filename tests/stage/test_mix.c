/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts of everything at once: each packet is accounted for once. */
#include "fixture.h"
#include "site.h"
#include "unit.h"

/* clang-format off */
#define CONFIG \
	SITE_PORTS SITE_NEIGHBOURS \
	"icmp = { errors = 0; };" \
	"tunnels = (" SITE_TUNNEL4(0, "") "," SITE_TUNNEL4(1, "") "," SITE_TUNNEL4(2, SITE_UDP) "," SITE_TUNNEL6(3, SITE_UDP) ");" \
	"sas = (" SITE_SA_OUT(0, "") "," SITE_SA_IN(0, "replay_window = 4096;") "," SITE_SAS(1, "") "," SITE_SAS(2, "") "," SITE_SAS(3, "") ");"  \
	"routes = (" SITE_ROUTES(0) "," SITE_ROUTES(1) "," SITE_ROUTES(2) "," SITE_ROUTES(3) "," SITE_GATEWAYS "," \
	"{ prefix = \"198.51.100.11/32\"; via = \"ipsec0\"; });"
/* clang-format on */
#define CONFIG_FIXED_SAS CONFIG

static uint64_t rnd_state = 88172645463325252ull;
static uint32_t
rnd(uint32_t below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (uint32_t)(rnd_state >> 20) % below;
}

static void
one(struct stage_fixture *f, struct peer *peer, uint64_t *seq)
{
	static struct packet p, esp, envelope;
	static const struct stage_shape shapes[] = {{0, 0, SHAPE_ROOM}, {60, 40, SHAPE_ROOM},
		{0, 0, SHAPE_GUARD_AFTER}, {0, 0, SHAPE_GUARD_BEFORE}, {34, 100, SHAPE_ROOM}};
	const struct stage_shape *shape = &shapes[rnd(3) ? 0 : rnd(5)];
	char dst[32];
	struct packet_row in = {.src = "192.168.1.10",
		.dst = dst,
		.bytes = (uint16_t)(60 + rnd(rnd(4) ? 1300 : 7000))};
	struct packet_row outside = {
		.src = "198.51.100.10", .dst = "203.0.113.1", .proto = IPPROTO_ESP};
	struct esp_row seal = {.key = 0xd0, .spi = 0x2000};

	switch (rnd(8)) {
	case 0:
	case 1:
	case 2: /* into a tunnel; itself ESP now and then */
		snprintf(dst, sizeof(dst), "192.168.2%u.9", rnd(4));
		if (rnd(4) == 0)
			in.proto = IPPROTO_ESP;
		packet_ip(&p, &in);
		stage_fixture_put(
			f, SITE_RING_LAN, stage_fixture_frame(f, SITE_LAN, p.bytes, p.n, shape));
		return;
	case 3: /* ESP in transit, zone drop or forwarded to lan7 */
		snprintf(dst, sizeof(dst), "%s", rnd(2) ? "192.168.7.10" : "203.0.113.2");
		in.proto = IPPROTO_ESP;
		packet_ip(&p, &in);
		stage_fixture_put(
			f, SITE_RING_LAN, stage_fixture_frame(f, SITE_LAN, p.bytes, p.n, shape));
		return;
	case 4: /* unknown SPI, or from a wrong address */
		snprintf(dst, sizeof(dst), "192.168.1.10");
		in.src = "192.168.20.9";
		packet_ip(&p, &in);
		if (rnd(2))
			seal.spi = 0x3000 + rnd(100);
		else
			outside.src = "198.51.100.77";
		seal.seq = ++*seq;
		peer_seal(peer, &seal, &p, &esp);
		packet_wrap(&envelope, &outside, &esp);
		stage_fixture_put(f, rnd(4) ? SITE_RING_WAN : SITE_RING_WAN,
			stage_fixture_frame(f, SITE_WAN, envelope.bytes, envelope.n, shape));
		return;
	case 5:
	case 6: /* valid; to lan, to another tunnel (nested even), or ESP for us inside */
		in.src = "192.168.20.9";
		in.bytes = (uint16_t)(60 + rnd(1200));
		switch (rnd(3)) {
		case 0:
			snprintf(dst, sizeof(dst), "192.168.1.10");
			break;
		case 1:
			snprintf(dst, sizeof(dst), "192.168.21.9");
			break;
		default:
			snprintf(dst, sizeof(dst), "203.0.113.1");
			in.proto = IPPROTO_ESP;
			break;
		}
		packet_ip(&p, &in);
		seal.seq = ++*seq;
		seal.tfc = rnd(5) ? 0 : 37;
		seal.pad_extra = rnd(5) ? 0 : (uint8_t)(4 * rnd(50));
		seal.icv_wrong = rnd(10) == 0;
		peer_seal(peer, &seal, &p, &esp);
		packet_wrap(&envelope, &outside, &esp);
		stage_fixture_put(f, SITE_RING_WAN,
			stage_fixture_frame(f, SITE_WAN, envelope.bytes, envelope.n, shape));
		return;
	default: /* lan to lan7 */
		snprintf(dst, sizeof(dst), "192.168.7.10");
		packet_ip(&p, &in);
		stage_fixture_put(
			f, SITE_RING_LAN, stage_fixture_frame(f, SITE_LAN, p.bytes, p.n, shape));
	}
}

static void
test_mix(void **state)
{
	struct peer *peer = peer_create();
	static struct packet got, inner;

	(void)state;
	for (int e = 0; stage_engines[e]; e++) {
		struct stage_fixture f;
		const struct stage_setup setup = {.config = CONFIG_FIXED_SAS,
			.engine = stage_engines[e],
			.rings = SITE_RINGS,
			.tx_queues = 1 + (uint16_t)rnd(2)};
		uint64_t seq = 0, sent = 0, taken = 0;

		stage_fixture_open(&f, &setup);
		for (int round = 0; round < 400; round++) {
			unsigned n = 1 + rnd(300);
			for (unsigned i = 0; i < n; i++, sent++)
				one(&f, peer, &seq);
			stage_fixture_turn(&f);
			for (uint16_t ring = 0; ring < SITE_RINGS; ring++)
				while (stage_fixture_take_packet(&f, ring, &got)) {
					taken++;
					if (ring == SITE_RING_WAN) {
						struct esp_row r = {0};
						bool ok = false;
						for (int k = 0; k < 4 && !ok; k++) {
							r = (struct esp_row){
								.key = (uint8_t)(0xc0 + k)};
							ok = peer_open(peer, &r, &got, &inner);
						}
						stage_check(&f, ok,
							"on wan: opens with no key, %u bytes proto "
							"%u",
							got.n, got.bytes[9]);
					}
				}
		}
		stage_check(&f, sent == taken + stage_fixture_drops_all(&f),
			"sent %lu taken %lu drops %lu", sent, taken, stage_fixture_drops_all(&f));
		fprintf(stderr, "%s: sent %lu taken %lu drops %lu\n", stage_engines[e], sent, taken,
			stage_fixture_drops_all(&f));
		for (int r = 0; r < DROP_REASON_COUNT; r++)
			if (stage_fixture_drops(&f, (enum drop_reason)r))
				fprintf(stderr, "  %s %lu\n", drop_name((enum drop_reason)r),
					stage_fixture_drops(&f, (enum drop_reason)r));
		assert_int_equal(stage_fixture_close(&f), 0);
	}
	peer_destroy(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_mix)};

	stage_fixture_eal("stage_mix", 2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
