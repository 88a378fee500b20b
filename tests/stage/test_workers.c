/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two workers: tunnel 0 belongs to worker 0 and tunnel 1 to worker 1; what comes in on lan is
 * received by worker 0, on wan by worker 1. Packets cross over in order and none is lost, whoever
 * sends them; an SA of a worker's own (RFC 9611) is the one that it uses.
 */
#include "fixture.h"
#include "site.h"
#include "unit.h"

/* clang-format off */
#define COMMON \
	SITE_PORTS SITE_NEIGHBOURS \
	"tunnels = (" SITE_TUNNEL4(0, "") "," SITE_TUNNEL4(1, "") ");" \
	"routes = (" SITE_ROUTES(0) "," SITE_ROUTES(1) "," SITE_GATEWAYS ");"
/* the windows are wider than the test engine's disorder */
#define PAIRS \
	SITE_SA_OUT(0, "") "," SITE_SA_IN(0, "replay_window = 1024;") "," \
	SITE_SA_OUT(1, "") "," SITE_SA_IN(1, "replay_window = 1024;")
#define SHARED COMMON "sas = (" PAIRS ");"
/* tunnel 0: the fallback is on worker 0, and each worker has an SA, too */
#define OWN \
	COMMON "sas = (" PAIRS "," \
	"{ spi = 0x1008; direction = \"out\"; tunnel = \"ipsec0\"; worker = 0;" \
	"  algorithm = \"aes-256-gcm\"; key = \"" KEY(c8) "\"; }," \
	"{ spi = 0x1009; direction = \"out\"; tunnel = \"ipsec0\"; worker = 1;" \
	"  algorithm = \"aes-256-gcm\"; key = \"" KEY(c9) "\"; });"
/* clang-format on */

enum { PACKETS = 200 };

struct bench {
	struct stage_fixture f;
	struct peer *peer;
	bool ordered; /* the engine keeps the order */
};

/* Packet n of a flow, which says so in its source port. */
static void
numbered(struct packet *p, const char *src, const char *dst, unsigned int n)
{
	const struct packet_row row = {.src = src, .dst = dst, .src_port = (uint16_t)(1 + n)};

	packet_ip(p, &row);
}

static unsigned int
number_of(const struct packet *p)
{
	return (unsigned int)(p->bytes[20] << 8 | p->bytes[21]) - 1;
}

/* The packets that came out of a ring, opened where they are envelopes with key: all of them, each
 * once, in order. */
static void
check_all(struct bench *b, const char *what, uint16_t ring, uint8_t key, unsigned int wanted)
{
	static struct packet got, inner;
	bool seen[PACKETS] = {0};
	unsigned int count = 0, disorder = 0, last = 0;

	for (; stage_fixture_take_packet(&b->f, ring, &got); count++) {
		struct esp_row esp = {.key = key};
		unsigned int n;

		if (key && !peer_open(b->peer, &esp, &got, &inner)) {
			stage_check(&b->f, false, "%s: does not open", what);
			continue;
		}
		n = number_of(key ? &inner : &got);
		stage_check(&b->f, n < PACKETS && !seen[n], "%s: %u comes twice", what, n);
		seen[n % PACKETS] = true;
		disorder += n < last;
		last = n;
	}
	stage_check(&b->f, count == wanted, "%s: %u of %u", what, count, wanted);
	stage_check(&b->f, !b->ordered || disorder == 0, "%s: %u out of order", what, disorder);
}

static void
send_out(struct bench *b, unsigned int n, uint16_t ring, uint16_t port, const char *src,
	const char *dst)
{
	static struct packet p;

	numbered(&p, src, dst, n);
	stage_fixture_put(&b->f, ring, stage_fixture_frame(&b->f, port, p.bytes, p.n, NULL));
}

static void
send_in(struct bench *b, unsigned int n, unsigned int tunnel)
{
	static struct packet p, esp, envelope;
	const struct packet_row outside = {.src = tunnel ? "198.51.100.11" : "198.51.100.10",
		.dst = "203.0.113.1",
		.proto = IPPROTO_ESP};
	const struct esp_row seal = {
		.key = (uint8_t)(0xd0 + tunnel), .spi = 0x2000 + tunnel, .seq = n + 1};

	numbered(&p, tunnel ? "192.168.21.9" : "192.168.20.9", "192.168.1.10", n);
	peer_seal(b->peer, &seal, &p, &esp);
	packet_wrap(&envelope, &outside, &esp);
	stage_fixture_put(&b->f, SITE_RING_WAN,
		stage_fixture_frame(&b->f, SITE_WAN, envelope.bytes, envelope.n, NULL));
}

static void
check_crossing(struct bench *b)
{
	struct stage_fixture *f = &b->f;
	uint64_t over = f->g->workers[0]->stats.handed_over;

	/* out: lan is worker 0's, the SA of tunnel 1 worker 1's. In turns, so that bursts end
	 * anywhere */
	for (unsigned int n = 0; n < PACKETS; n++) {
		send_out(b, n, SITE_RING_LAN, SITE_LAN, "192.168.1.10", "192.168.21.9");
		if (n % 33 == 0)
			stage_fixture_turn(f);
	}
	stage_fixture_turn(f);
	check_all(b, "out, handed over", SITE_RING_WAN, 0xc1, PACKETS);
	stage_check(f, f->g->workers[0]->stats.handed_over - over >= PACKETS,
		"worker 0 handed nothing over");
	/* in: wan is worker 1's, the SA of tunnel 0 worker 0's */
	over = f->g->workers[1]->stats.handed_over;
	for (unsigned int n = 0; n < PACKETS; n++) {
		send_in(b, n, 0);
		if (n % 29 == 0)
			stage_fixture_turn(f);
	}
	stage_fixture_turn(f);
	check_all(b, "in, handed over", SITE_RING_LAN, 0, PACKETS);
	stage_check(f, f->g->workers[1]->stats.handed_over - over >= PACKETS,
		"worker 1 handed nothing over");
	/* each on its own */
	for (unsigned int n = 0; n < PACKETS; n++)
		send_out(b, n, SITE_RING_LAN, SITE_LAN, "192.168.1.10", "192.168.20.9");
	stage_fixture_turn(f);
	check_all(b, "out, by the owner", SITE_RING_WAN, 0xc0, PACKETS);
	for (unsigned int n = 0; n < PACKETS; n++)
		send_in(b, n, 1);
	stage_fixture_turn(f);
	check_all(b, "in, by the owner", SITE_RING_LAN, 0, PACKETS);
}

/* Two flows in one burst: the SAs mixed, each in order. */
static void
check_mixed(struct bench *b)
{
	static struct packet got, inner;
	unsigned int next[2] = {0, 0}, wrong = 0;

	for (unsigned int n = 0; n < PACKETS; n++)
		send_out(b, n / 2, SITE_RING_LAN, SITE_LAN, "192.168.1.10",
			n % 2 ? "192.168.21.9" : "192.168.20.9");
	stage_fixture_turn(&b->f);
	while (stage_fixture_take_packet(&b->f, SITE_RING_WAN, &got)) {
		unsigned int tunnel = got.bytes[19] == 11;
		struct esp_row esp = {.key = (uint8_t)(0xc0 + tunnel)};

		stage_check(&b->f, peer_open(b->peer, &esp, &got, &inner), "mixed: does not open");
		wrong += number_of(&inner) != next[tunnel]++;
	}
	stage_check(&b->f, next[0] == PACKETS / 2 && next[1] == PACKETS / 2, "mixed: %u and %u",
		next[0], next[1]);
	stage_check(&b->f, !b->ordered || wrong == 0, "mixed: %u out of order", wrong);
}

static void
run_on(const struct numa_nodes *nodes, const char *config, uint16_t tx_queues,
	void (*check)(struct bench *b))
{
	struct bench b = {.peer = peer_create()};

	for (int e = 0; stage_engines[e]; e++) {
		const struct stage_setup setup = {.config = config,
			.engine = stage_engines[e],
			.rings = SITE_RINGS,
			.tx_queues = tx_queues,
			.nodes = nodes};

		stage_fixture_open(&b.f, &setup);
		b.ordered = strcmp(stage_engines[e], "test") != 0;
		check(&b);
		stage_check(&b.f, stage_fixture_drops_all(&b.f) == 0, "something was dropped");
		assert_int_equal(stage_fixture_close(&b.f), 0);
	}
	peer_destroy(b.peer);
}

static void
run(const char *config, uint16_t tx_queues, void (*check)(struct bench *b))
{
	run_on(NULL, config, tx_queues, check);
}

static void
test_crossing(void **state)
{
	(void)state;
	run(SHARED, 2, check_crossing);
	run(SHARED, 2, check_mixed);
}

/* One tx queue: the worker that has it sends for both. */
static void
test_one_queue(void **state)
{
	(void)state;
	run(SHARED, 1, check_crossing);
	run(SHARED, 1, check_mixed);
}

static void
check_own(struct bench *b)
{
	/* lan is worker 0's */
	for (unsigned int n = 0; n < PACKETS; n++)
		send_out(b, n, SITE_RING_LAN, SITE_LAN, "192.168.1.10", "192.168.20.9");
	stage_fixture_turn(&b->f);
	check_all(b, "worker 0's own SA", SITE_RING_WAN, 0xc8, PACKETS);
	/* wan is worker 1's: from tunnel 1 into tunnel 0 */
	for (unsigned int n = 0; n < PACKETS; n++) {
		static struct packet p, esp, envelope;
		const struct packet_row outside = {
			.src = "198.51.100.11", .dst = "203.0.113.1", .proto = IPPROTO_ESP};
		const struct esp_row seal = {.key = 0xd1, .spi = 0x2001, .seq = n + 1};

		numbered(&p, "192.168.21.9", "192.168.20.9", n);
		peer_seal(b->peer, &seal, &p, &esp);
		packet_wrap(&envelope, &outside, &esp);
		stage_fixture_put(&b->f, SITE_RING_WAN,
			stage_fixture_frame(&b->f, SITE_WAN, envelope.bytes, envelope.n, NULL));
	}
	stage_fixture_turn(&b->f);
	check_all(b, "worker 1's own SA", SITE_RING_WAN, 0xc9, PACKETS);
	stage_check(&b->f,
		b->f.g->workers[0]->stats.handed_over + b->f.g->workers[1]->stats.handed_over == 0,
		"something was handed over");
}

static void
test_own_sas(void **state)
{
	(void)state;
	run(OWN, 2, check_own);
}

/* Each worker reads tables of its own. */
static void
test_two_nodes(void **state)
{
	(void)state;
	run_on(&stage_two_nodes, SHARED, 2, check_crossing);
	run_on(&stage_two_nodes, OWN, 2, check_own);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crossing),
		cmocka_unit_test(test_one_queue),
		cmocka_unit_test(test_own_sas),
		cmocka_unit_test(test_two_nodes),
	};

	stage_fixture_eal("stage_workers", 2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
