/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Envelopes that were changed on the way, and envelopes that were sealed around nonsense, each
 * against a forbidden page (tests/unit/net/test_guard.c shows that a read beyond it dies): nothing
 * forged comes through, every packet is delivered or counted by one reason, and none stays behind.
 * 20,000 packets; ten million with ESPGW_LONG=1. ESPGW_TEST_SEED chooses others.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "inbound.h"
#include "unit.h"

enum {
	PACKETS = 20000,
	PACKETS_LONG = 10000000,
	BATCH = 16,
};

/* xorshift64*: 0 to below - 1. */
static uint32_t
pick(uint64_t *state, uint32_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

/* One change at or after `from`. */
static void
mutate_once(struct packet *p, uint32_t from, uint64_t *random)
{
	static const uint8_t edges[] = {0, 1, 4, 5, 0x0f, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff};
	/* half of the changes are in the headers, which are a small part */
	uint32_t room = p->n - from, at;

	if (room == 0)
		return;
	at = from + pick(random, pick(random, 2) ? room : RTE_MIN(room, 70u));
	switch (pick(random, 8)) {
	case 0:
	case 1:
	case 2:
		p->bytes[at] ^= (uint8_t)(1 << pick(random, 8));
		break;
	case 3:
		p->bytes[at] = (uint8_t)pick(random, 256);
		break;
	case 4:
		p->bytes[at] = edges[pick(random, RTE_DIM(edges))];
		break;
	case 5: /* shorter */
		p->n = at;
		break;
	case 6: /* longer */
		for (uint32_t n = 1 + pick(random, 64); n > 0; n--)
			p->bytes[p->n++] = (uint8_t)pick(random, 256);
		break;
	case 7: /* something else from the same packet */
		room = p->n - at;
		memmove(p->bytes + at, p->bytes + from + pick(random, at - from + 1),
			pick(random, RTE_MIN(room, 16u)) + 1);
		break;
	}
}

/* Makes the checksum of the IP header at `at` right, and, with length, its length field. */
static void
repair(struct packet *p, uint32_t at, bool length)
{
	static struct packet ip;

	if (p->n < at + 40)
		return;
	ip.n = p->n - at;
	memcpy(ip.bytes, p->bytes + at, ip.n);
	if (length && *ip.bytes >> 4 == 4) {
		ip.bytes[2] = (uint8_t)(ip.n >> 8);
		ip.bytes[3] = (uint8_t)ip.n;
	} else if (length) {
		ip.bytes[4] = (uint8_t)((ip.n - 40) >> 8);
		ip.bytes[5] = (uint8_t)(ip.n - 40);
	}
	packet_checksum(&ip);
	memcpy(p->bytes + at, ip.bytes, ip.n);
}

static void
mutate(struct packet *p, uint32_t header, uint64_t *random)
{
	/* the Ethernet header now and then only */
	uint32_t from = pick(random, 8) ? header : 0;

	for (uint32_t n = 1 + pick(random, 3); n > 0; n--)
		mutate_once(p, from, random);
	if (pick(random, 2))
		repair(p, header, pick(random, 2));
}

static struct stage_shape
shape_pick(uint64_t *random)
{
	struct stage_shape shape = {
		.kind = pick(random, 2) ? SHAPE_GUARD_AFTER : SHAPE_GUARD_BEFORE};

	if (pick(random, 3) == 0) {
		shape.first = (uint16_t)(14 + pick(random, 100));
		shape.segment = (uint16_t)(8 + pick(random, 100));
	}
	return shape;
}

static void
show(const struct packet *frame)
{
	for (uint32_t i = 0; i < frame->n; i++)
		fprintf(stderr, "%02x", frame->bytes[i]);
	fputc('\n', stderr);
}

/* Changed on the wire. */
static void
send_changed(struct inbound *in, uint64_t *random, struct packet *frame)
{
	unsigned int which = pick(random, INBOUND_CASES);

	inbound_envelope(in, which, frame);
	if (pick(random, 16))
		mutate(frame, INBOUND_HEADER, random);
}

/* Nonsense, well sealed: in the payload, or in the trailer, too. */
static void
send_nonsense(struct inbound *in, uint64_t *random, struct packet *frame)
{
	static struct packet text;
	unsigned int which = pick(random, INBOUND_CASES);

	if (pick(random, 4)) {
		text = in->inner[which];
		mutate(&text, 0, random);
		inbound_trailer(
			&text, *in->inner[which].bytes >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6);
	} else {
		inbound_text(in, which, &text);
		mutate(&text, 0, random);
	}
	while (text.n % 4 || text.n == 0)
		text.bytes[text.n++] = (uint8_t)pick(random, 8);
	inbound_seal(in, which, &text, frame);
}

static void
batch(struct inbound *in, uint64_t *random, bool authentic)
{
	static struct packet frames[BATCH];
	uint64_t before = *random;

	for (int i = 0; i < BATCH; i++) {
		struct stage_shape shape = shape_pick(random);

		if (authentic)
			send_nonsense(in, random, &frames[i]);
		else
			send_changed(in, random, &frames[i]);
		inbound_put(in, &frames[i], &shape);
	}
	if (inbound_turn(in, authentic) == 0)
		return;
	stage_check(&in->f, false, "forged, random state %" PRIx64 ", one of:", before);
	for (int i = 0; i < BATCH; i++)
		show(&frames[i]);
}

static void
run(const char *engine, uint64_t packets, bool authentic)
{
	static struct inbound in;
	const char *seed = getenv("ESPGW_TEST_SEED");
	uint64_t random = (seed ? strtoull(seed, NULL, 0) : 1) * UINT64_C(0x9e3779b97f4a7c15) + 1;

	inbound_open(&in, engine);
	for (uint64_t n = 0; n < packets; n += BATCH) {
		batch(&in, &random, authentic);
		/* before all neighbours and all rooms for fragments are taken */
		if (n % (BATCH * 64) == 0)
			inbound_settle(&in);
	}
	stage_check(&in.f, inbound_settle(&in),
		"%" PRIu64 " sent, but %" PRIu64 " delivered and %" PRIu64 " dropped", in.sent,
		in.delivered, stage_fixture_drops_all(&in.f));
	stage_check(
		&in.f, in.delivered > packets / 64, "too few came through: %" PRIu64, in.delivered);
	assert_int_equal(inbound_close(&in), 0);
}

static uint64_t
packets_wanted(void)
{
	return (getenv("ESPGW_LONG") ? PACKETS_LONG : PACKETS) / 4;
}

static void
test_changed(void **state)
{
	(void)state;
	run("cryptodev", packets_wanted(), false);
	run("test", packets_wanted(), false);
}

static void
test_nonsense(void **state)
{
	(void)state;
	run("cryptodev", packets_wanted(), true);
	run("cryptodev-async", packets_wanted(), true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_nonsense),
	};

	stage_fixture_eal("stage_mutations", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
