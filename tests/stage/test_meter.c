/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker says its stages cost adds up: each part has handled the packets that went through
 * it, over every engine and both ways, in no more time than has passed; and turns between those
 * that are measured leave nothing.
 */
#include <rte_cycles.h>

#include "inbound.h"
#include "unit.h"

enum { PACKETS = 27, ALL = METER_PART_COUNT };

/* Which parts handle all the packets, and how many times over. */
struct way {
	const char *name;
	bool out;
	uint8_t times[ALL];
};

static const struct way ways[] = {
	{"out", true,
		{[METER_receive] = 1,
			[METER_input] = 1,
			[METER_route] = 1,
			[METER_decide] = 1,
			[METER_protect] = 1, /* and its envelopes are frames at once */
			[METER_transmit] = 1}},
	{"in", false,
		{[METER_receive] = 1,
			[METER_input] = 1,
			[METER_open] = 1,
			[METER_route] = 1,
			[METER_decide] = 1, /* which makes frames of most packets */
			[METER_transmit] = 1}},
};

static void
put(struct inbound *in, const struct way *way)
{
	static struct packet frame;

	if (way->out) {
		const struct packet_row row = {
			.src = "192.168.1.10", .dst = "192.168.20.9", .bytes = 100};

		packet_ip(&frame, &row);
		stage_fixture_put(&in->f, SITE_RING_LAN,
			stage_fixture_frame(&in->f, SITE_LAN, frame.bytes, frame.n, NULL));
	} else {
		inbound_envelope(in, 0, &frame);
		inbound_put(in, &frame, NULL);
	}
}

/* Packets in, and turns until all came out, each one measured or none. */
static void
turns(struct inbound *in, const struct way *way, bool measured)
{
	struct worker *w = in->f.w;
	uint32_t sent = 0;

	for (unsigned int i = 0; i < PACKETS; i++)
		put(in, way);
	for (unsigned int i = 0; i < 1000 && sent < PACKETS; i++) {
		w->meter.turns = measured ? 0 : 1;
		worker_poll(w);
		sent += stage_fixture_discard(&in->f);
	}
	stage_check(&in->f, sent == PACKETS, "%s: %u packets came out", way->name, sent);
}

static void
check_parts(struct inbound *in, const struct way *way, uint64_t passed)
{
	const struct meter *m = &in->f.w->meter;
	bool synchronous = crypto_engine_is_synchronous(in->f.g->engine);
	uint64_t cycles = 0;

	for (int p = 0; p < ALL; p++) {
		const struct meter_sums *s = &m->parts[p];
		uint64_t wanted = (uint64_t)way->times[p] * PACKETS;

		if (p == (synchronous ? METER_crypto : METER_complete))
			wanted = PACKETS;
		stage_check(&in->f, s->packets == wanted, "%s, %s: %lu packets of %lu", way->name,
			meter_part_name((enum meter_part)p), s->packets, wanted);
		stage_check(&in->f,
			s->calls <= s->packets && !s->calls == !s->packets &&
				!s->cycles == !s->packets,
			"%s, %s: %lu calls, %lu cycles", way->name,
			meter_part_name((enum meter_part)p), s->calls, s->cycles);
		cycles += s->cycles;
	}
	stage_check(&in->f, cycles <= passed, "%s: %lu of %lu cycles", way->name, cycles, passed);
	stage_check(&in->f, m->fills[5] == 1 && m->parts[METER_receive].calls == 1,
		"%s: not one burst of 17 to 32", way->name);
	stage_check(&in->f, !m->on, "%s: still on", way->name);
}

static void
check_way(struct inbound *in, const struct way *way)
{
	static const struct meter zero;
	struct meter *m = &in->f.w->meter;
	uint64_t start = rte_rdtsc();

	*m = zero;
	turns(in, way, true);
	check_parts(in, way, rte_rdtsc() - start);
	*m = zero;
	turns(in, way, false);
	stage_check(&in->f,
		memcmp(m->parts, zero.parts, sizeof(m->parts)) == 0 &&
			memcmp(m->fills, zero.fills, sizeof(m->fills)) == 0,
		"%s: a turn between was measured", way->name);
}

static void
test_parts(void **state)
{
	static struct inbound in;

	(void)state;
	for (const char *const *engine = stage_engines; *engine; engine++) {
		inbound_open(&in, *engine);
		for (unsigned int i = 0; i < RTE_DIM(ways); i++)
			check_way(&in, &ways[i]);
		assert_int_equal(inbound_close(&in), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
	};

	stage_fixture_eal("stage_meter", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
