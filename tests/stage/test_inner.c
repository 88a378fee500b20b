/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inner packets that say anything, in envelopes that are right: what RFC 4303 3.4, RFC 791, RFC
 * 1812 5.3 and RFC 4301 5.2 make of them, row by row; alone, and between two as most are. What
 * passes is compared with what a router makes of the packet.
 */
#include "inbound.h"
#include "unit.h"

/* Of an IPv4 header. */
enum {
	TOS = 1,
	LENGTH = 2,
	ID = 4,
	FRAGMENT = 6,
	TTL = 8,
	PROTOCOL = 9,
	CHECKSUM = 10,
	SRC = 12,
	DST = 16
};

enum { CHECKSUM_ZERO = 0x10000, CHECKSUM_MINUS_ZERO = 0x1ffff };

struct inner_row {
	const char *what;
	enum drop_reason why; /* DROP_NONE: it passes */
	uint8_t at, n;        /* these bytes are */
	uint8_t value[4];     /* so */
	int16_t longer;       /* the total length says so much more than there is */
	bool checksum_wrong;
	uint32_t checksum_is; /* the ID makes it this one; 0: as it comes */
};

static const struct inner_row rows[] = {
	{"as it was", .why = DROP_NONE},
	{"checksum wrong", .why = DROP_inner_malformed, .checksum_wrong = true},
	{"checksum 0", .why = DROP_NONE, .checksum_is = CHECKSUM_ZERO},
	{"checksum 0 written as 0xffff", .why = DROP_NONE, .checksum_is = CHECKSUM_MINUS_ZERO},
	{"checksum 0xfffe", .why = DROP_NONE, .checksum_is = 0xfffe},
	{"checksum 0xfeff: a carry", .why = DROP_NONE, .checksum_is = 0xfeff},
	{"checksum 0xff00", .why = DROP_NONE, .checksum_is = 0xff00},
	{"TTL 0", .why = DROP_ttl_expired, .at = TTL, .n = 1, .value = {0}},
	{"TTL 1", .why = DROP_ttl_expired, .at = TTL, .n = 1, .value = {1}},
	{"TTL 2", .why = DROP_NONE, .at = TTL, .n = 1, .value = {2}},
	{"TTL 255", .why = DROP_NONE, .at = TTL, .n = 1, .value = {255}},
	{"version 6", .why = DROP_esp_next_header, .at = 0, .n = 1, .value = {0x65}},
	{"version 5", .why = DROP_esp_next_header, .at = 0, .n = 1, .value = {0x55}},
	{"a header of 16 bytes", .why = DROP_inner_malformed, .at = 0, .n = 1, .value = {0x44}},
	{"TOS", .why = DROP_NONE, .at = TOS, .n = 1, .value = {0xb8}},
	{"CE", .why = DROP_NONE, .at = TOS, .n = 1, .value = {3}},
	{"longer than it is", .why = DROP_inner_malformed, .longer = 1},
	{"longer by the padding", .why = DROP_inner_malformed, .longer = 4},
	{"shorter: TFC padding", .why = DROP_NONE, .longer = -4},
	{"shorter by one", .why = DROP_NONE, .longer = -1},
	{"shorter than its header", .why = DROP_inner_malformed, .at = LENGTH, .n = 2,
		.value = {0, 19}},
	{"DF", .why = DROP_NONE, .at = FRAGMENT, .n = 2, .value = {0x40, 0}},
	{"a later fragment", .why = DROP_NONE, .at = FRAGMENT, .n = 2, .value = {0x00, 9}},
	{"another protocol", .why = DROP_NONE, .at = PROTOCOL, .n = 1, .value = {200}},
	{"from 0/8", .why = DROP_martian_source, .at = SRC, .n = 4, .value = {0, 1, 2, 3}},
	{"from loopback", .why = DROP_martian_source, .at = SRC, .n = 4, .value = {127, 0, 0, 1}},
	{"from a multicast group", .why = DROP_martian_source, .at = SRC, .n = 4,
		.value = {224, 0, 0, 5}},
	{"from 240/4", .why = DROP_martian_source, .at = SRC, .n = 4, .value = {240, 0, 0, 1}},
	{"to loopback", .why = DROP_martian_destination, .at = DST, .n = 4,
		.value = {127, 0, 0, 1}},
	{"to 0/8", .why = DROP_martian_destination, .at = DST, .n = 4, .value = {0, 0, 0, 1}},
	{"to 240/4", .why = DROP_martian_destination, .at = DST, .n = 4, .value = {240, 0, 0, 1}},
	{"link-local", .why = DROP_martian_destination, .at = SRC, .n = 4,
		.value = {169, 254, 1, 1}},
};

static void
put16(struct packet *p, unsigned int at, uint16_t value)
{
	p->bytes[at] = (uint8_t)(value >> 8);
	p->bytes[at + 1] = (uint8_t)value;
}

static uint16_t
get16(const struct packet *p, unsigned int at)
{
	return (uint16_t)(p->bytes[at] << 8 | p->bytes[at + 1]);
}

/* Looks for the ID with which the header has this checksum. */
static void
checksum_make(struct packet *inner, uint32_t wanted)
{
	const uint16_t computed = wanted == CHECKSUM_MINUS_ZERO ? 0 : (uint16_t)wanted;
	uint32_t id = 0;

	do {
		put16(inner, ID, (uint16_t)id);
		packet_checksum(inner);
	} while (get16(inner, CHECKSUM) != computed && ++id <= UINT16_MAX);
	assert_true(id <= UINT16_MAX);
	put16(inner, CHECKSUM, (uint16_t)wanted);
}

static void
change(struct packet *inner, const struct inner_row *row)
{
	put16(inner, LENGTH, (uint16_t)(inner->n + row->longer));
	memcpy(inner->bytes + row->at, row->value, row->n);
	packet_checksum(inner);
	if (row->checksum_is)
		checksum_make(inner, row->checksum_is);
	if (row->checksum_wrong)
		inner->bytes[CHECKSUM] ^= 1;
}

static bool
is_packet(const struct packet *p, const struct packet *wanted)
{
	return p->n == wanted->n && memcmp(p->bytes, wanted->bytes, p->n) == 0;
}

/* One burst: the changed packet, alone or between two that are as they were. */
static void
check(struct inbound *in, unsigned int which, const struct inner_row *row, bool accompanied)
{
	static const struct stage_shape plain = {.kind = SHAPE_ROOM};
	static struct packet inner, wanted, text, frame, p;
	struct stage_fixture *f = &in->f;
	const uint64_t all = stage_fixture_drops_all(f);
	const uint64_t why = row->why == DROP_NONE ? 0 : stage_fixture_drops(f, row->why);
	const bool passes = row->why == DROP_NONE;
	unsigned int n_wanted = 0, n_good = 0;

	inner = in->inner[which];
	change(&inner, row);
	text = inner;
	inbound_trailer(&text, IPPROTO_IPIP);
	wanted = inner;
	wanted.n = get16(&inner, LENGTH);
	packet_forward(&wanted);
	for (unsigned int i = 0; i < (accompanied ? 3 : 1); i++) {
		if (accompanied && i != 1)
			inbound_envelope(in, which, &frame);
		else
			inbound_seal(in, which, &text, &frame);
		inbound_put(in, &frame, &plain);
	}
	stage_fixture_turn(f);
	/* an engine that reorders is allowed to */
	while (stage_fixture_take_packet(f, SITE_RING_LAN, &p)) {
		if (passes && n_wanted == 0 && is_packet(&p, &wanted))
			n_wanted++;
		else
			n_good += is_packet(&p, &in->out[which]);
	}
	stage_check(f, n_wanted == passes, "case %u, %s: %s", which, row->what,
		passes ? "it did not pass as it should" : "it passed");
	stage_check(f, n_good == (accompanied ? 2 : 0), "case %u, %s: %u others passed", which,
		row->what, n_good);
	stage_check(f, passes || stage_fixture_drops(f, row->why) == why + 1,
		"case %u, %s: not counted as %s", which, row->what, drop_name(row->why));
	stage_check(f, stage_fixture_drops_all(f) == all + !passes, "case %u, %s: drops", which,
		row->what);
	stage_fixture_discard(f);
}

static void
test_inner(void **state)
{
	static struct inbound in;

	(void)state;
	for (int e = 0; stage_engines[e]; e++) {
		inbound_open(&in, stage_engines[e]);
		/* IPv4 in each kind of tunnel over IPv4, and over IPv6 */
		for (unsigned int which = 0; which < INBOUND_WINDOW; which += 2) {
			for (size_t i = 0; i < RTE_DIM(rows); i++) {
				check(&in, which, &rows[i], false);
				check(&in, which, &rows[i], true);
			}
		}
		assert_int_equal(inbound_close(&in), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inner),
	};

	stage_fixture_eal("stage_inner", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
