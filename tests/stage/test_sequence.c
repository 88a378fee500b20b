/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sequence numbers, windows and lifetimes as the wire shows them: bursts in any order against the
 * replay window, the end of an SA's numbers and of its life.
 */
#include "fixture.h"
#include "site.h"
#include "unit.h"

/* Tunnel 0 as it is; 1 without replay protection; 2 ends by its numbers, 3 by packets, 4 by bytes;
 * 5 has ESN, at the edge of 2^32; 6 a window of 128. */
/* clang-format off */
#define CONFIG \
	SITE_PORTS SITE_NEIGHBOURS \
	"icmp = { errors = 0; };" \
	"tunnels = (" SITE_TUNNEL4(0, "") "," SITE_TUNNEL4(1, "") "," SITE_TUNNEL4(2, "") "," \
	SITE_TUNNEL4(3, "") "," SITE_TUNNEL4(4, "") "," SITE_TUNNEL4(5, "") "," SITE_TUNNEL4(6, "") ");" \
	"sas = (" SITE_SAS(0, "") "," SITE_SA_OUT(1, "") "," SITE_SA_IN(1, "replay_window = 0;") "," \
	SITE_SA_OUT(2, "seq = 4294967294;") "," SITE_SAS(3, "hard_packets = 3;") "," \
	SITE_SAS(4, "hard_bytes = 250;") "," SITE_SA_OUT(5, "esn = true; seq = 4294967294;") "," \
	SITE_SA_IN(5, "esn = true;") "," SITE_SA_IN(6, "replay_window = 128;") ");" \
	"routes = (" SITE_ROUTES(0) "," SITE_ROUTES(2) "," SITE_ROUTES(3) "," SITE_ROUTES(4) "," \
	SITE_ROUTES(5) "," SITE_GATEWAYS ");"
/* clang-format on */

enum { BURST_LEN = 12 };

struct bench {
	struct stage_fixture f;
	struct peer *peer;
};

/* Envelopes that arrive in one burst; 0 ends it. */
struct in_row {
	const char *what;
	uint8_t tunnel;
	uint64_t seq[BURST_LEN];
	uint8_t pass;                        /* how many come out */
	uint8_t seen_or_late, old, lifetime; /* and how many die */
	uint8_t forged;                      /* bit i: the i-th has a wrong ICV */
};

static const struct in_row in_rows[] = {
	/* the first numbers, and copies of them */
	{"twice in one burst", 0, {1, 1}, .pass = 1, .seen_or_late = 1},
	{"again in the next one", 0, {1}, .seen_or_late = 1},
	{"three times among others", 0, {2, 3, 2, 4, 2, 5}, .pass = 4, .seen_or_late = 2},
	{"backwards", 0, {12, 11, 10, 9, 8, 7}, .pass = 6},
	/* a forged one takes no place */
	{"forged", 0, {13}, .forged = 1},
	{"the real one after it", 0, {13}, .pass = 1},
	{"forged and real in one burst", 0, {14, 14}, .pass = 1, .forged = 1},
	{"a forged one far ahead moves nothing", 0, {1000000}, .forged = 1},
	{"the next number", 0, {15}, .pass = 1},
	/* the window of 64 */
	{"ahead", 0, {1000}, .pass = 1},
	{"left of the window, and at its edge", 0, {936, 937, 900}, .pass = 1, .old = 2},
	{"the window moves inside a burst", 0, {1001, 939, 1002}, .pass = 3},
	{"number 0 is on no wire", 6, {0xffff0000ffff, 1}, .pass = 1, .old = 1},
	{"ahead, window 128", 6, {1000}, .pass = 1},
	{"at the edge of 128", 6, {872, 873, 937}, .pass = 2, .old = 1},
	/* none */
	{"without protection", 1, {7, 7, 7, 1}, .pass = 4},
	/* ESN */
	{"ESN from 1 on", 5, {1, 2}, .pass = 2},
	{"ESN again", 5, {2}, .seen_or_late = 1},
	/* lifetimes; copies and forgeries do not count */
	{"packets", 3, {1, 1, 2}, .pass = 2, .seen_or_late = 1},
	{"packets: the last one", 3, {3, 4, 5}, .pass = 1, .lifetime = 2},
	{"packets: over", 3, {6}, .lifetime = 1},
	{"bytes", 4, {1, 2, 3}, .pass = 2, .lifetime = 1},
	{"bytes: over", 4, {4}, .lifetime = 1},
};

static uint64_t
drops_of_copies(const struct stage_fixture *f)
{
	/* which one it is depends on when the engine is done with the first */
	return stage_fixture_drops(f, DROP_replay_seen) + stage_fixture_drops(f, DROP_replay_late);
}

static void
envelope_put(struct bench *b, const struct in_row *row, unsigned int i)
{
	static struct packet inner, esp, envelope;
	char far[INET_ADDRSTRLEN], remote[INET_ADDRSTRLEN];
	const struct packet_row inside = {.src = far, .dst = "192.168.1.10"};
	const struct packet_row outside = {
		.src = remote, .dst = "203.0.113.1", .proto = IPPROTO_ESP};
	const struct esp_row seal = {.key = (uint8_t)(0xd0 + row->tunnel),
		.spi = 0x2000u + row->tunnel,
		.seq = row->seq[i] == 0xffff0000ffff ? 0 : row->seq[i],
		.esn = row->tunnel == 5,
		.icv_wrong = row->forged >> i & 1};

	snprintf(far, sizeof(far), "192.168.2%u.9", row->tunnel);
	snprintf(remote, sizeof(remote), "198.51.100.1%u", row->tunnel);
	packet_ip(&inner, &inside);
	peer_seal(b->peer, &seal, &inner, &esp);
	packet_wrap(&envelope, &outside, &esp);
	stage_fixture_put(&b->f, SITE_RING_WAN,
		stage_fixture_frame(&b->f, SITE_WAN, envelope.bytes, envelope.n, NULL));
}

static void
check_in(struct bench *b, const struct in_row *row)
{
	struct stage_fixture *f = &b->f;
	uint64_t copies = drops_of_copies(f), old = stage_fixture_drops(f, DROP_replay_old);
	uint64_t over = stage_fixture_drops(f, DROP_lifetime),
		 icv = stage_fixture_drops(f, DROP_icv);

	for (unsigned int i = 0; i < BURST_LEN && row->seq[i]; i++)
		envelope_put(b, row, i);
	stage_fixture_turn(f);
	stage_check(f, stage_fixture_discard(f) == row->pass, "%s: what passes", row->what);
	stage_check(f, drops_of_copies(f) - copies == row->seen_or_late, "%s: copies", row->what);
	stage_check(
		f, stage_fixture_drops(f, DROP_replay_old) - old == row->old, "%s: old", row->what);
	stage_check(f, stage_fixture_drops(f, DROP_lifetime) - over == row->lifetime,
		"%s: lifetime", row->what);
	stage_check(f,
		stage_fixture_drops(f, DROP_icv) - icv == (uint64_t)__builtin_popcount(row->forged),
		"%s: ICV", row->what);
}

/* Packets into a tunnel, in one burst, and the numbers that their envelopes have. */
struct out_row {
	const char *what;
	uint8_t tunnel, packets;
	uint64_t seq[BURST_LEN];
	uint8_t exhausted, lifetime, down;
};

static const struct out_row out_rows[] = {
	{"from 1 on", 0, 3, .seq = {1, 2, 3}},
	{"and on", 0, 2, .seq = {4, 5}},
	{"the last numbers", 2, 4, .seq = {4294967294, 4294967295}, .exhausted = 2},
	{"none after them", 2, 1, .seq = {0}, .exhausted = 1},
	{"with ESN they go on", 5, 4, .seq = {4294967294, 4294967295, 4294967296, 4294967297}},
	{"packets", 3, 2, .seq = {1, 2}},
	{"packets: the last one", 3, 2, .seq = {3}, .lifetime = 1},
	{"bytes", 4, 3, .seq = {1, 2}, .lifetime = 1},
};

/* When the control lcore has seen the ends, their tunnels are down. */
static const struct out_row ended_rows[] = {
	{"no numbers any more", 2, 1, .seq = {0}, .down = 1},
	{"no packets any more", 3, 1, .seq = {0}, .down = 1},
	{"one that lives", 0, 1, .seq = {6}},
};

static void
check_numbers(struct bench *b, const struct out_row *row)
{
	static struct packet envelope, inner;
	bool seen[BURST_LEN] = {0};
	struct esp_row esp = {.key = (uint8_t)(0xc0 + row->tunnel), .esn = row->tunnel == 5};
	unsigned int expected = 0, n = 0;

	while (expected < BURST_LEN && row->seq[expected])
		expected++;
	/* an engine that reorders is allowed to */
	for (; stage_fixture_take_packet(&b->f, SITE_RING_WAN, &envelope); n++)
		for (unsigned int i = 0; i < expected; i++) {
			esp.seq = row->seq[i];
			if (peer_open(b->peer, &esp, &envelope, &inner) && esp.seq == row->seq[i])
				seen[i] = true;
		}
	stage_check(&b->f, n == expected, "%s: %u envelopes", row->what, n);
	for (unsigned int i = 0; i < expected; i++)
		stage_check(&b->f, seen[i], "%s: number %u is missing", row->what, i);
}

static void
check_out(struct bench *b, const struct out_row *row)
{
	static struct packet p;
	struct stage_fixture *f = &b->f;
	uint64_t exhausted = stage_fixture_drops(f, DROP_sequence_exhausted);
	uint64_t over = stage_fixture_drops(f, DROP_lifetime);
	uint64_t down = stage_fixture_drops(f, DROP_tunnel_down);
	char far[INET_ADDRSTRLEN];
	const struct packet_row inside = {.src = "192.168.1.10", .dst = far};

	snprintf(far, sizeof(far), "192.168.2%u.9", row->tunnel);
	packet_ip(&p, &inside);
	for (unsigned int i = 0; i < row->packets; i++)
		stage_fixture_put(
			f, SITE_RING_LAN, stage_fixture_frame(f, SITE_LAN, p.bytes, p.n, NULL));
	stage_fixture_turn(f);
	check_numbers(b, row);
	stage_check(f,
		stage_fixture_drops(f, DROP_sequence_exhausted) - exhausted == row->exhausted,
		"%s: exhausted", row->what);
	stage_check(f, stage_fixture_drops(f, DROP_lifetime) - over == row->lifetime,
		"%s: lifetime", row->what);
	stage_check(f, stage_fixture_drops(f, DROP_tunnel_down) - down == row->down, "%s: down",
		row->what);
}

static void
test_numbers(void **state)
{
	struct bench b = {.peer = peer_create()};

	(void)state;
	for (int e = 0; stage_engines[e]; e++) {
		const struct stage_setup setup = {
			.config = CONFIG, .engine = stage_engines[e], .rings = SITE_RINGS};

		stage_fixture_open(&b.f, &setup);
		for (size_t i = 0; i < RTE_DIM(in_rows); i++)
			check_in(&b, &in_rows[i]);
		for (size_t i = 0; i < RTE_DIM(out_rows); i++)
			check_out(&b, &out_rows[i]);
		tunnels_tick(b.f.g, now_ms());
		for (size_t i = 0; i < RTE_DIM(ended_rows); i++)
			check_out(&b, &ended_rows[i]);
		assert_int_equal(stage_fixture_close(&b.f), 0);
	}
	peer_destroy(b.peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers)};

	stage_fixture_eal("stage_sequence", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
