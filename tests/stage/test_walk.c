/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two walks of a packet: out of every kind of tunnel comes an envelope that the peer opens, and
 * into it goes one that comes out as the packet it was. Over every engine, both families inside,
 * sizes up to jumbo frames, in one buffer and in many.
 */
#include "fixture.h"
#include "site.h"
#include "unit.h"

static const uint16_t sizes[] = {48, 100, 101, 1400, 8800};

static const struct stage_shape shapes[] = {
	{0},
	{.first = 14, .segment = 200},  /* Ethernet alone */
	{.first = 24, .segment = 1500}, /* inside the IP header */
	{.first = 35, .segment = 61},   /* behind it, odd */
	{.first = 1000, .segment = 1000},
	{.kind = SHAPE_GUARD_AFTER},
	{.first = 63, .segment = 1999, .kind = SHAPE_GUARD_AFTER},
	{.first = 90, .segment = 333, .kind = SHAPE_GUARD_BEFORE},
};

struct walk {
	struct stage_fixture f;
	struct peer *peer;
	uint64_t seq_in, seq_out[SITE_KINDS];
	struct packet raw, envelope, got, inner;
};

/* One way of the tables: a tunnel, a family inside, a size, a shape. */
struct way {
	unsigned int kind, family, size, shape;
	char name[128];
};

static bool
equal(const struct packet *a, const struct packet *b)
{
	return a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

static void
raw_make(struct packet *p, const struct way *way, bool outbound, const char *host)
{
	char far[INET6_ADDRSTRLEN];
	struct packet_row row = {.bytes = sizes[way->size], .tos = 0x48};

	snprintf(far, sizeof(far), way->family == 4 ? "192.168.2%u.9" : "2001:db8:2%u::9",
		way->kind);
	row.src = outbound ? host : far;
	row.dst = outbound ? far : host;
	packet_ip(p, &row);
}

/* Whether the outer header says what the tunnel's configuration says. */
static void
check_outer(struct walk *w, const struct way *way)
{
	const struct site_kind *kind = &site_kinds[way->kind];
	const uint8_t *b = w->got.bytes;
	struct ip_addr local, remote;
	bool v4 = *b >> 4 == 4;
	uint8_t proto = kind->udp ? IPPROTO_UDP : IPPROTO_ESP;

	ip_addr_parse(kind->local, &local);
	ip_addr_parse(kind->remote, &remote);
	stage_check(&w->f, *b >> 4 == local.family, "%s: outer family", way->name);
	stage_check(&w->f,
		memcmp(b + (v4 ? 12 : 8), local.bytes, v4 ? 4 : 16) == 0 &&
			memcmp(b + (v4 ? 16 : 24), remote.bytes, v4 ? 4 : 16) == 0,
		"%s: outer addresses", way->name);
	stage_check(&w->f, b[v4 ? 9 : 6] == proto && b[v4 ? 8 : 7] == 64, "%s: outer protocol, TTL",
		way->name);
	stage_check(&w->f, (v4 ? b[1] : (uint8_t)(b[0] << 4 | b[1] >> 4)) == 0x48, "%s: outer TOS",
		way->name);
	stage_check(&w->f, !v4 || rte_ipv4_cksum((const struct rte_ipv4_hdr *)b) == 0,
		"%s: outer header checksum", way->name);
}

static void
check_out(struct walk *w, const struct way *way)
{
	struct esp_row esp = {.key = (uint8_t)(0xc0 + way->kind), .esn = site_kinds[way->kind].esn};

	raw_make(&w->raw, way, true, way->family == 4 ? "192.168.1.10" : "2001:db8:1::10");
	stage_fixture_put(&w->f, SITE_RING_LAN,
		stage_fixture_frame(&w->f, SITE_LAN, w->raw.bytes, w->raw.n, &shapes[way->shape]));
	stage_fixture_turn(&w->f);
	if (!stage_fixture_take_packet(&w->f, SITE_RING_WAN, &w->got)) {
		stage_check(&w->f, false, "out, %s: no envelope", way->name);
		return;
	}
	check_outer(w, way);
	if (!peer_open(w->peer, &esp, &w->got, &w->inner)) {
		stage_check(&w->f, false, "out, %s: does not open", way->name);
		return;
	}
	packet_forward(&w->raw);
	stage_check(&w->f, equal(&w->inner, &w->raw), "out, %s: not the packet", way->name);
	stage_check(&w->f,
		esp.spi == 0x1000 + way->kind && esp.seq == ++w->seq_out[way->kind] &&
			esp.next_header == (way->family == 4 ? IPPROTO_IPIP : IPPROTO_IPV6),
		"out, %s: SPI, sequence number or next header", way->name);
	stage_check(&w->f, stage_fixture_discard(&w->f) == 0, "out, %s: too much", way->name);
}

static void
check_in(struct walk *w, const struct way *way)
{
	const struct site_kind *kind = &site_kinds[way->kind];
	const struct esp_row esp = {.key = (uint8_t)(0xd0 + way->kind),
		.spi = 0x2000 + way->kind,
		.seq = ++w->seq_in,
		.esn = kind->esn};
	const struct packet_row outer = {.src = kind->remote,
		.dst = kind->local,
		.proto = kind->udp ? IPPROTO_UDP : IPPROTO_ESP,
		.src_port = 4500,
		.dst_port = 4500};

	/* every other one to the VLAN */
	if (w->seq_in % 2)
		raw_make(&w->raw, way, false, way->family == 4 ? "192.168.1.10" : "2001:db8:1::10");
	else
		raw_make(&w->raw, way, false, way->family == 4 ? "192.168.7.10" : "2001:db8:7::10");
	peer_seal(w->peer, &esp, &w->raw, &w->inner);
	packet_wrap(&w->envelope, &outer, &w->inner);
	stage_fixture_put(&w->f, SITE_RING_WAN,
		stage_fixture_frame(
			&w->f, SITE_WAN, w->envelope.bytes, w->envelope.n, &shapes[way->shape]));
	stage_fixture_turn(&w->f);
	if (!stage_fixture_take_packet(&w->f, SITE_RING_LAN, &w->got)) {
		stage_check(&w->f, false, "in, %s: no packet", way->name);
		return;
	}
	packet_forward(&w->raw);
	stage_check(&w->f, equal(&w->got, &w->raw), "in, %s: not the packet", way->name);
	stage_check(&w->f, stage_fixture_discard(&w->f) == 0, "in, %s: too much", way->name);
}

/* The same by a port that sends no chains; jumbo frames do not fit into one buffer. */
static void
check_in_linear(struct walk *w, const struct way *way)
{
	struct port **ports = w->f.g->tables.ports->ports;

	if (sizes[way->size] > 1400)
		return;
	ports[SITE_LAN]->linear_only = ports[SITE_LAN7]->linear_only = true;
	check_in(w, way);
	ports[SITE_LAN]->linear_only = ports[SITE_LAN7]->linear_only = false;
}

static void
for_each_way(struct walk *w, void (*fn)(struct walk *w, const struct way *way))
{
	struct way way;

	for (unsigned int i = 0; i < SITE_KINDS * 2 * RTE_DIM(sizes) * RTE_DIM(shapes); i++) {
		way.shape = i % RTE_DIM(shapes);
		way.size = i / RTE_DIM(shapes) % RTE_DIM(sizes);
		way.family = i / RTE_DIM(shapes) / RTE_DIM(sizes) % 2 ? 6 : 4;
		way.kind = i / RTE_DIM(shapes) / RTE_DIM(sizes) / 2;
		snprintf(way.name, sizeof(way.name), "%s, IPv%u inside, %u bytes, shape %u",
			site_kinds[way.kind].name, way.family, sizes[way.size], way.shape);
		fn(w, &way);
	}
}

static void
test_walks(void **state)
{
	static struct walk w;

	(void)state;
	w.peer = peer_create();
	for (int e = 0; stage_engines[e]; e++) {
		const struct stage_setup setup = {
			.config = SITE, .engine = stage_engines[e], .rings = SITE_RINGS};

		stage_fixture_open(&w.f, &setup);
		w.seq_in = 0;
		memset(w.seq_out, 0, sizeof(w.seq_out));
		for_each_way(&w, check_out);
		for_each_way(&w, check_in);
		for_each_way(&w, check_in_linear);
		stage_check(&w.f, stage_fixture_drops_all(&w.f) == 0, "something was dropped");
		assert_int_equal(stage_fixture_close(&w.f), 0);
	}
	peer_destroy(w.peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_walks)};

	stage_fixture_eal("stage_walk", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
