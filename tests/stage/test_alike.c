/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Envelopes that come one behind the other are recognised by the first of them (stage_input). One
 * that differs in any bit of its headers must have the same fate between two others as alone.
 */
#include "frag.h"
#include "inbound.h"
#include "unit.h"

enum { HEADERS = INBOUND_HEADER + 20 + 16 }; /* Ethernet, IPv4, ESP with its IV */

/* What became of some frames. */
struct fate {
	uint64_t delivered, forged, kept;
	uint64_t drops[DROP_REASON_COUNT];
};

static struct fate
so_far(const struct inbound *in)
{
	struct fate fate = {.delivered = in->delivered, .forged = in->forged};

	for (int i = 0; i < DROP_REASON_COUNT; i++)
		fate.drops[i] = stage_fixture_drops(&in->f, (enum drop_reason)i);
	return fate;
}

/* Of n frames that come in one burst. */
static struct fate
deliver(struct inbound *in, const struct packet *const *frames, unsigned int n)
{
	static const struct stage_shape shape = {.kind = SHAPE_ROOM};
	const struct fate before = so_far(in);
	struct fate fate;

	for (unsigned int i = 0; i < n; i++)
		inbound_put(in, frames[i], &shape);
	inbound_turn(in, false);
	fate = so_far(in);
	fate.delivered -= before.delivered;
	fate.forged -= before.forged;
	fate.kept = reassembly_flush(in->f.w->reassembly);
	for (int i = 0; i < DROP_REASON_COUNT; i++)
		fate.drops[i] -= before.drops[i];
	return fate;
}

/* The changed one alone, and between two that are as they were sealed. */
static bool
same_fate(struct inbound *in, const struct packet *good, const struct packet *changed)
{
	const struct packet *const alone[] = {changed}, *const between[] = {good, changed, good};
	struct fate wanted = deliver(in, alone, RTE_DIM(alone));
	const struct fate fate = deliver(in, between, RTE_DIM(between));

	wanted.delivered += 2;
	return memcmp(&fate, &wanted, sizeof(fate)) == 0;
}

/* Makes the IPv4 header checksum of a frame right. */
static void
repair(struct packet *frame)
{
	static struct packet ip;

	ip.n = frame->n - INBOUND_HEADER;
	memcpy(ip.bytes, frame->bytes + INBOUND_HEADER, ip.n);
	packet_checksum(&ip);
	memcpy(frame->bytes + INBOUND_HEADER, ip.bytes, ip.n);
}

static void
each_bit(struct inbound *in, unsigned int which, bool repaired)
{
	static struct packet good, changed;

	inbound_envelope(in, which, &good);
	for (unsigned int bit = 0; bit < HEADERS * 8; bit++) {
		changed = good;
		changed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* a header of another length has its checksum elsewhere */
		if (repaired && changed.bytes[INBOUND_HEADER] == 0x45)
			repair(&changed);
		stage_check(&in->f, same_fate(in, &good, &changed), "case %u, byte %u, bit %u%s",
			which, bit / 8, bit % 8, repaired ? ", checksum right" : "");
	}
}

/* Shorter and longer than its header says, by up to what there is. */
static void
each_length(struct inbound *in, unsigned int which)
{
	static struct packet good, changed;

	inbound_envelope(in, which, &good);
	for (uint32_t n = 1; n < good.n + 64; n++) {
		changed = good;
		memset(changed.bytes + good.n, 0, 64);
		changed.n = n;
		stage_check(&in->f, same_fate(in, &good, &changed), "case %u, %u of %u bytes",
			which, n, good.n);
	}
}

static void
test_alike(void **state)
{
	static struct inbound in;

	(void)state;
	inbound_open(&in, "cryptodev");
	/* an inner packet of each family; the window would take each envelope once only */
	for (unsigned int which = 0; which < INBOUND_WINDOW; which++) {
		each_bit(&in, which, false);
		each_bit(&in, which, true);
		each_length(&in, which);
		inbound_settle(&in);
	}
	assert_true(in.delivered > INBOUND_WINDOW * HEADERS * 8);
	assert_int_equal(inbound_close(&in), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike),
	};

	stage_fixture_eal("stage_alike", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
