/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An ICMP error about a packet that came out of a tunnel comes from that tunnel's own address,
 * whichever tunnel has index 0 (RFC 1812 4.3.2.4): "too big" for a port behind the gateway.
 */
#include "fixture.h"
#include "site.h"
#include "unit.h"

/* clang-format off */
#define CONFIG \
	"unsafe_static_keys = true; limits = { routes4 = 256; routes6 = 256; sas = 64; tunnels = 32; };" \
	"ports = (" \
	"{ device = \"net_ring_p0\"; name = \"lan\"; role = \"protected\"; mtu = 1280;" \
	"  addresses = [ \"192.168.1.1/24\" ]; }," \
	"{ device = \"net_ring_p1\"; name = \"wan\"; role = \"unprotected\"; mtu = 9000;" \
	"  addresses = [ \"203.0.113.1/24\" ]; });" \
	"neighbours = (" SITE_NEIGHBOUR("192.168.1.10", "lan") "," \
	SITE_NEIGHBOUR("203.0.113.2", "wan") ");" \
	"tunnels = (" \
	SITE_TUNNEL4(0, "address = \"10.0.0.1\"; peer_address = \"10.0.0.2\";") "," \
	SITE_TUNNEL4(1, "address = \"10.0.1.1\"; peer_address = \"10.0.1.2\";" \
		" selectors = ( { remote = \"192.168.21.0/24\"; local = \"192.168.1.0/24\"; } );") ");" \
	"sas = (" SITE_SAS(0, "") "," SITE_SAS(1, "") ");" \
	"routes = ({ prefix = \"192.168.20.0/24\"; via = \"ipsec0\"; },{ prefix = \"192.168.21.0/24\"; via = \"ipsec1\"; },{ prefix = \"10.0.1.2/32\"; via = \"ipsec1\"; }," \
	"{ prefix = \"0.0.0.0/0\"; via = \"203.0.113.2\"; });"
/* clang-format on */

/* through tunnel 1 comes what is too big for lan; src: from its peer, or from a host behind it */
static void
check_source(struct stage_fixture *f, struct peer *peer, const char *src, uint64_t seq)
{
	static struct packet p, esp, envelope, got, inner;
	const struct packet_row inside = {
		.src = src, .dst = "192.168.1.10", .bytes = 1400, .df = true};
	const struct packet_row outside = {
		.src = "198.51.100.11", .dst = "203.0.113.1", .proto = IPPROTO_ESP};
	const struct esp_row seal = {.key = 0xd1, .spi = 0x2001, .seq = seq};
	struct esp_row open = {.key = 0xc1};
	const uint8_t ours[] = {10, 0, 1, 1};

	packet_ip(&p, &inside);
	peer_seal(peer, &seal, &p, &esp);
	packet_wrap(&envelope, &outside, &esp);
	stage_fixture_send(f, SITE_RING_WAN, 1, &envelope);
	stage_check(f, stage_fixture_drops(f, DROP_too_big) == seq, "not too big");
	stage_check(f, stage_fixture_drops(f, DROP_selector_out) == 0, "the error was dropped");
	if (!stage_fixture_take_packet(f, SITE_RING_WAN, &got) ||
		!peer_open(peer, &open, &got, &inner)) {
		stage_check(f, false, "no error came out");
		return;
	}
	stage_check(f, memcmp(inner.bytes + 12, ours, 4) == 0, "error from %u.%u.%u.%u",
		inner.bytes[12], inner.bytes[13], inner.bytes[14], inner.bytes[15]);
}

static void
test_answers(void **state)
{
	struct peer *peer = peer_create();
	struct stage_fixture f;

	(void)state;
	for (int e = 0; stage_engines[e]; e++) {
		const struct stage_setup setup = {
			.config = CONFIG, .engine = stage_engines[e], .rings = 2};

		stage_fixture_open(&f, &setup);
		check_source(&f, peer, "192.168.21.9", 1);
		assert_int_equal(stage_fixture_close(&f), 0);
	}
	peer_destroy(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};

	stage_fixture_eal("stage_answers", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
