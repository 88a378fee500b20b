/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The zone table, cell by cell, with and without policies: where a packet from here to there comes
 * out, or why not. On ports of their own, on VLANs, and on one-armed ports where the address
 * decides. Each packet alone, and in one burst with others that may pass.
 */
#include "fixture.h"
#include "site.h"
#include "unit.h"

/* clang-format off */
/* Port 3, "arm", is one-armed on ring 2: 192.168.4.0/24 is its protected side. */
#define CONFIG \
	"unsafe_static_keys = true; icmp = { errors = 0; };" \
	"limits = { routes4 = 256; routes6 = 256; sas = 64; tunnels = 32; };" \
	"ports = (" \
	"{ device = \"net_ring_p0\"; name = \"lan\"; role = \"protected\";" \
	"  addresses = [ \"192.168.1.1/24\" ]; }," \
	"{ device = \"net_ring_p0\"; vlan = 7; name = \"lan7\"; role = \"protected\";" \
	"  addresses = [ \"192.168.7.1/24\" ]; }," \
	"{ device = \"net_ring_p1\"; name = \"wan\"; role = \"unprotected\";" \
	"  addresses = [ \"203.0.113.1/24\" ]; }," \
	"{ device = \"net_ring_p2\"; name = \"arm\"; role = \"both\";" \
	"  protected = [ \"192.168.4.0/24\" ];" \
	"  addresses = [ \"192.168.4.1/24\", \"203.0.112.1/24\" ]; });" \
	"neighbours = (" SITE_NEIGHBOUR("192.168.1.10", "lan") "," \
	SITE_NEIGHBOUR("192.168.7.10", "lan7") "," SITE_NEIGHBOUR("203.0.113.2", "wan") "," \
	SITE_NEIGHBOUR("192.168.4.10", "arm") "," SITE_NEIGHBOUR("203.0.112.2", "arm") ");" \
	"tunnels = (" \
	SITE_TUNNEL4(0, "address = \"10.0.0.1\"; peer_address = \"10.0.0.2\";" \
		" selectors = ( { local = \"192.168.0.0/16\"; }, { local = \"10.9.0.0/16\"; } );") "," \
	SITE_TUNNEL4(1, "selectors = ( { remote = \"192.168.21.0/24\"; } );") ");" \
	"sas = (" SITE_SAS(0, "") "," SITE_SAS(1, "") ");" \
	"routes = (" SITE_ROUTES(0) "," SITE_ROUTES(1) "," \
	"{ prefix = \"192.168.99.0/24\"; via = \"ipsec1\"; }," \
	"{ prefix = \"10.9.0.0/16\"; via = \"192.168.1.10\"; }," \
	"{ prefix = \"0.0.0.0/0\"; via = \"203.0.113.2\"; });"
/* clang-format on */

/* Each has an address or a prefix of its own that nothing else uses. */
#define POLICIES                                                                                   \
	"policies = ("                                                                             \
	"{ priority = 10; action = \"discard\"; local = \"192.168.1.0/24\"; "                      \
	"  remote = \"192.168.20.66\"; },"                                                         \
	"{ priority = 11; action = \"bypass\"; remote = \"8.8.8.8\"; },"                           \
	"{ priority = 12; action = \"protect\"; tunnel = \"ipsec0\"; remote = \"8.8.4.0/24\"; },"  \
	"{ priority = 13; action = \"protect\"; tunnel = \"ipsec1\"; remote = \"192.168.20.77\"; " \
	"},"                                                                                       \
	"{ priority = 14; action = \"bypass\"; protocol = \"tcp\"; remote_port = 443;"             \
	"  remote = \"9.9.9.9\"; },"                                                               \
	"{ priority = 15; action = \"discard\"; remote = \"9.9.9.9\"; },"                          \
	"{ priority = 16; action = \"discard\"; local = \"192.168.7.66\"; });"

/* Where a packet comes from; a tunnel: out of an envelope on wan. */
enum from { LAN, LAN7, WAN, ARM, IPSEC0, IPSEC1 };

/* Where it comes out. */
enum to { NOWHERE, TO_LAN, TO_WAN, TO_ARM, TO_IPSEC0, TO_IPSEC1 };

struct zone_row {
	const char *what;
	enum from from;
	const char *src, *dst;
	enum to to;
	enum drop_reason why; /* NOWHERE */
	uint8_t proto;
	uint16_t src_port, dst_port;
	uint8_t ttl;
	bool broadcast; /* the frame */
};

#define ECHO .proto = IPPROTO_ICMP
#define HOST "192.168.1.10"
#define STRANGER "203.0.113.2"

/* True with and without the policies. */
static const struct zone_row table[] = {
	/* from protected */
	{"protected to protected", LAN, HOST, "192.168.7.10", .to = TO_LAN},
	{"protected to protected, from a VLAN", LAN7, "192.168.7.10", HOST, .to = TO_LAN},
	{"protected to protected, one-armed", LAN, HOST, "192.168.4.10", .to = TO_ARM},
	{"protected to unprotected", LAN, HOST, "1.1.1.1", .why = DROP_zone},
	{"protected to unprotected, on the link", LAN, HOST, STRANGER, .why = DROP_zone},
	{"protected to unprotected, one-armed", LAN, HOST, "203.0.112.2", .why = DROP_zone},
	{"protected to tunnel", LAN, HOST, "192.168.20.9", .to = TO_IPSEC0},
	{"protected to tunnel, from a VLAN", LAN7, "192.168.7.10", "192.168.20.9", .to = TO_IPSEC0},
	{"protected to tunnel, not admitted", LAN, "172.16.0.1", "192.168.20.9",
		.why = DROP_selector_out},
	{"protected to protected, a broadcast frame", LAN, HOST, "192.168.7.10",
		.why = DROP_martian_destination, .broadcast = true},
	{"protected to tunnel, a broadcast frame", LAN, HOST, "192.168.20.9",
		.why = DROP_martian_destination, .broadcast = true},
	{"protected to protected, too old", LAN, HOST, "192.168.7.10", .why = DROP_ttl_expired,
		.ttl = 1},
	{"protected to tunnel, too old", LAN, HOST, "192.168.20.9", .why = DROP_ttl_expired,
		.ttl = 1},
	{"protected to protected, link-local", LAN, "169.254.1.1", "192.168.7.10",
		.why = DROP_martian_destination},
	{"protected to tunnel, link-local", LAN, "169.254.1.1", "192.168.20.9",
		.why = DROP_martian_destination},
	{"protected to self: echo", LAN, HOST, "192.168.1.1", .to = TO_LAN, ECHO},
	{"protected to self: echo to the far port", LAN, HOST, "203.0.113.1", .to = TO_LAN, ECHO},
	{"protected to self: UDP", LAN, HOST, "192.168.1.1", .why = DROP_local_unhandled},
	/* from unprotected */
	{"unprotected to protected", WAN, STRANGER, HOST, .why = DROP_zone},
	{"unprotected to protected, a VLAN", WAN, STRANGER, "192.168.7.10", .why = DROP_zone},
	{"unprotected to protected, one-armed", WAN, STRANGER, "192.168.4.10", .why = DROP_zone},
	{"unprotected to unprotected", WAN, STRANGER, "1.1.1.1", .why = DROP_zone},
	{"unprotected to unprotected, one-armed", WAN, STRANGER, "203.0.112.2", .why = DROP_zone},
	{"unprotected to tunnel", WAN, STRANGER, "192.168.20.9", .why = DROP_zone},
	{"unprotected to tunnel, as if from within", WAN, HOST, "192.168.20.9", .why = DROP_zone},
	{"unprotected to self: echo", WAN, STRANGER, "203.0.113.1", .to = TO_WAN, ECHO},
	{"unprotected to self: TCP", WAN, STRANGER, "203.0.113.1", .why = DROP_local_unhandled,
		.proto = IPPROTO_TCP},
	{"unprotected to self: IKE", WAN, STRANGER, "203.0.113.1", .why = DROP_local_unhandled,
		.dst_port = 500},
	/* one-armed: the source decides */
	{"one-armed protected to protected", ARM, "192.168.4.10", HOST, .to = TO_LAN},
	{"one-armed protected to tunnel", ARM, "192.168.4.10", "192.168.20.9", .to = TO_IPSEC0},
	{"one-armed protected to unprotected", ARM, "192.168.4.10", "203.0.112.2",
		.why = DROP_zone},
	{"one-armed unprotected to protected", ARM, "203.0.112.2", "192.168.4.10",
		.why = DROP_zone},
	{"one-armed unprotected to tunnel", ARM, "203.0.112.2", "192.168.20.9", .why = DROP_zone},
	/* from a tunnel */
	{"tunnel to protected", IPSEC0, "192.168.20.9", HOST, .to = TO_LAN},
	{"tunnel to protected, a VLAN", IPSEC0, "192.168.20.9", "192.168.7.10", .to = TO_LAN},
	{"tunnel to protected, one-armed", IPSEC0, "192.168.20.9", "192.168.4.10", .to = TO_ARM},
	{"tunnel to protected, behind a router", IPSEC0, "192.168.20.9", "10.9.1.1", .to = TO_LAN},
	{"tunnel to protected, too old", IPSEC0, "192.168.20.9", HOST, .why = DROP_ttl_expired,
		.ttl = 1},
	{"tunnel to protected, not admitted", IPSEC1, "192.168.20.9", HOST,
		.why = DROP_selector_in},
	{"tunnel to unprotected", IPSEC1, "192.168.21.9", "1.1.1.1", .why = DROP_zone},
	{"tunnel to unprotected, one-armed", IPSEC1, "192.168.21.9", "203.0.112.2",
		.why = DROP_zone},
	{"tunnel to tunnel", IPSEC0, "192.168.20.9", "192.168.21.9", .to = TO_IPSEC1},
	{"tunnel to tunnel, the other way", IPSEC1, "192.168.21.9", "192.168.20.9",
		.to = TO_IPSEC0},
	{"tunnel to tunnel, the second does not admit it", IPSEC0, "192.168.20.9", "192.168.99.9",
		.why = DROP_selector_out},
	{"tunnel to self: echo to the link's address", IPSEC0, "10.0.0.2", "10.0.0.1",
		.to = TO_IPSEC0, ECHO},
	{"tunnel to self: echo to another address", IPSEC0, "192.168.20.9", "192.168.1.1",
		.to = TO_IPSEC0, ECHO},
	{"tunnel to self: UDP", IPSEC0, "10.0.0.2", "10.0.0.1", .why = DROP_local_unhandled},
};

/* What only the policies make of it; without them the zones. */
static const struct zone_row with_policies[] = {
	{"discard beats a route to a tunnel", LAN, HOST, "192.168.20.66",
		.why = DROP_policy_discard},
	{"another source is not meant", LAN7, "192.168.7.10", "192.168.20.66", .to = TO_IPSEC0},
	{"discard, inbound", IPSEC0, "192.168.20.66", HOST, .why = DROP_policy_discard},
	{"discard by the local side, inbound", IPSEC0, "192.168.20.9", "192.168.7.66",
		.why = DROP_policy_discard},
	{"bypass out", LAN, HOST, "8.8.8.8", .to = TO_WAN},
	{"bypass in", WAN, "8.8.8.8", HOST, .to = TO_LAN},
	{"bypass from a tunnel: internet breakout", IPSEC1, "192.168.21.9", "8.8.8.8",
		.to = TO_WAN},
	{"bypass by protocol and port", LAN, HOST, "9.9.9.9", .to = TO_WAN, .proto = IPPROTO_TCP,
		.dst_port = 443},
	{"another port: the next policy", LAN, HOST, "9.9.9.9", .why = DROP_policy_discard,
		.proto = IPPROTO_TCP, .dst_port = 80},
	{"the answers to it", WAN, "9.9.9.9", HOST, .to = TO_LAN, .proto = IPPROTO_TCP,
		.src_port = 443},
	{"protect without a route", LAN, HOST, "8.8.4.4", .to = TO_IPSEC0},
	{"protect against the route", LAN, HOST, "192.168.20.77", .why = DROP_selector_out},
	{"protect, in through the tunnel", IPSEC0, "8.8.4.4", HOST, .to = TO_LAN},
	{"protect, in the clear", WAN, "8.8.4.4", HOST, .why = DROP_policy_protect},
	{"protect, in the clear, to self", WAN, "8.8.4.4", "203.0.113.1",
		.why = DROP_policy_protect, ECHO},
	{"protect, in through another tunnel", IPSEC0, "192.168.20.77", HOST,
		.why = DROP_policy_protect},
};

struct bench {
	struct stage_fixture f;
	struct peer *peer;
	uint64_t seq;
};

static void
row_put(struct bench *b, const struct zone_row *row)
{
	static struct packet p, esp, envelope;
	const struct packet_row inside = {.src = row->src,
		.dst = row->dst,
		.proto = row->proto,
		.ttl = row->ttl,
		.src_port = row->src_port,
		.dst_port = row->dst_port};
	const struct packet_row outside = {
		.src = row->from == IPSEC0 ? "198.51.100.10" : "198.51.100.11",
		.dst = "203.0.113.1",
		.proto = IPPROTO_ESP};
	const unsigned int tunnel = row->from == IPSEC1;
	const struct esp_row seal = {
		.key = (uint8_t)(0xd0 + tunnel), .spi = 0x2000 + tunnel, .seq = ++b->seq};
	static const uint16_t rings[] = {[LAN] = 0, [LAN7] = 0, [WAN] = 1, [ARM] = 2};
	struct rte_mbuf *m;

	packet_ip(&p, &inside);
	if (row->from < IPSEC0) {
		/* ports are named in the order of enum from */
		m = stage_fixture_frame(&b->f, (uint16_t)row->from, p.bytes, p.n, NULL);
		if (row->broadcast)
			memset(rte_pktmbuf_mtod(m, void *), 0xff, RTE_ETHER_ADDR_LEN);
		stage_fixture_put(&b->f, rings[row->from], m);
		return;
	}
	peer_seal(b->peer, &seal, &p, &esp);
	packet_wrap(&envelope, &outside, &esp);
	stage_fixture_put(
		&b->f, 1, stage_fixture_frame(&b->f, WAN, envelope.bytes, envelope.n, NULL));
}

/* What passes to the protected side at any time, from wherever a row's packet comes, in the same
 * burst; WAN has none. */
enum { COMPANY_PORT = 7777 };
static const struct zone_row company[] = {
	[LAN] = {"company", LAN, HOST, "192.168.7.10", .dst_port = COMPANY_PORT},
	[LAN7] = {"company", LAN7, "192.168.7.10", HOST, .dst_port = COMPANY_PORT},
	[ARM] = {"company", ARM, "192.168.4.10", HOST, .dst_port = COMPANY_PORT},
	[IPSEC0] = {"company", IPSEC0, "192.168.20.9", HOST, .dst_port = COMPANY_PORT},
	[IPSEC1] = {"company", IPSEC0, "192.168.20.9", HOST, .dst_port = COMPANY_PORT},
};

static bool
is_company(uint16_t ring, const struct packet *p)
{
	return ring == 0 && p->bytes[9] == IPPROTO_UDP && p->bytes[22] == COMPANY_PORT >> 8 &&
	       p->bytes[23] == (COMPANY_PORT & 0xff);
}

/* Where the packet that has been sent came out. *n_company: how many others. */
static enum to
row_taken(struct bench *b, unsigned int *n_company)
{
	static const enum to rings[] = {TO_LAN, TO_WAN, TO_ARM};
	static struct packet p;
	enum to to = NOWHERE;

	*n_company = 0;
	for (uint16_t ring = 0; ring < RTE_DIM(rings); ring++) {
		while (stage_fixture_take_packet(&b->f, ring, &p)) {
			if (is_company(ring, &p)) {
				++*n_company;
				continue;
			}
			stage_check(&b->f, to == NOWHERE, "it came out twice");
			to = rings[ring];
			if (p.bytes[9] == IPPROTO_ESP)
				to = p.bytes[19] == 10 ? TO_IPSEC0 : TO_IPSEC1;
		}
	}
	return to;
}

/* Alone, or between two that pass. */
static void
check_row(struct bench *b, const struct zone_row *row, bool accompanied)
{
	uint64_t all = stage_fixture_drops_all(&b->f);
	uint64_t why = row->to == NOWHERE ? stage_fixture_drops(&b->f, row->why) : 0;
	const char *how = accompanied ? "in company" : "alone";
	unsigned int n_company;
	enum to to;

	if (accompanied)
		row_put(b, &company[row->from]);
	row_put(b, row);
	if (accompanied)
		row_put(b, &company[row->from]);
	stage_fixture_turn(&b->f);
	to = row_taken(b, &n_company);
	stage_check(&b->f, to == row->to, "%s, %s: came out at %d", row->what, how, (int)to);
	stage_check(&b->f, n_company == (accompanied ? 2 : 0), "%s: company of %u", row->what,
		n_company);
	if (row->to == NOWHERE)
		stage_check(&b->f, stage_fixture_drops(&b->f, row->why) == why + 1,
			"%s, %s: not counted as %s", row->what, how, drop_name(row->why));
	stage_check(&b->f, stage_fixture_drops_all(&b->f) == all + (row->to == NOWHERE),
		"%s, %s: drops", row->what, how);
}

static void
check_rows(struct bench *b, const struct zone_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		check_row(b, &rows[i], false);
		if (company[rows[i].from].what)
			check_row(b, &rows[i], true);
	}
}

static void
run(const char *config, const struct zone_row *more, size_t n_more)
{
	struct bench b = {.peer = peer_create()};

	for (int e = 0; stage_engines[e]; e++) {
		const struct stage_setup setup = {
			.config = config, .engine = stage_engines[e], .rings = 3};

		stage_fixture_open(&b.f, &setup);
		b.seq = 0;
		check_rows(&b, table, RTE_DIM(table));
		check_rows(&b, more, n_more);
		assert_int_equal(stage_fixture_close(&b.f), 0);
	}
	peer_destroy(b.peer);
}

static void
test_zones(void **state)
{
	(void)state;
	run(CONFIG, NULL, 0);
}

static void
test_policies(void **state)
{
	(void)state;
	run(CONFIG POLICIES, with_policies, RTE_DIM(with_policies));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_policies),
	};

	stage_fixture_eal("stage_zones", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
