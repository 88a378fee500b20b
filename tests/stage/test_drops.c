/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every way to die that the stages and the control lcore know: a row for each, which counts once,
 * under that name and no other, and sends nothing; and whose trace and capture say the same.
 */
#include <rte_arp.h>

#include "drops_look.h"
#include "drops_tricks.h"
#include "site.h"
#include "unit.h"

/* clang-format off */
#define CONFIG \
	SITE_PORTS SITE_NEIGHBOURS \
	"icmp = { errors = 0; echo = 0; };" \
	"tunnels = (" SITE_TUNNEL4(0, "") "," \
	SITE_TUNNEL4(1, "selectors = ( { local = \"192.168.1.0/24\"; remote = \"192.168.21.0/24\"; } );") "," \
	SITE_TUNNEL4(2, "state = \"down\";") "," \
	SITE_TUNNEL4(3, "") "," SITE_TUNNEL4(4, SITE_UDP) "," SITE_TUNNEL6(5, SITE_UDP) "," \
	SITE_TUNNEL4(6, "") "," SITE_TUNNEL4(7, "") "," SITE_TUNNEL4(8, "mtu = 576;") ");" \
	"sas = (" SITE_SAS(0, "") "," SITE_SAS(1, "") "," SITE_SAS(2, "") "," SITE_SAS(3, "") "," \
	SITE_SAS(4, "") "," SITE_SAS(5, "") "," SITE_SAS(6, "hard_packets = 1;") "," \
	SITE_SA_OUT(7, "seq = 4294967295;") "," SITE_SAS(8, "") ");" \
	"routes = (" SITE_ROUTES(0) "," SITE_ROUTES(1) "," SITE_ROUTES(2) "," SITE_ROUTES(3) "," \
	SITE_ROUTES(4) "," SITE_ROUTES(5) "," SITE_ROUTES(6) "," SITE_ROUTES(7) "," \
	SITE_ROUTES(8) "," SITE_GATEWAYS "," \
	"{ prefix = \"192.168.31.0/24\"; via = \"ipsec1\"; }," \
	"{ prefix = \"10.66.0.0/16\"; via = \"discard\"; });" \
	"policies = ({ priority = 1; action = \"discard\"; remote = \"198.51.100.77\"; }," \
	"{ priority = 2; action = \"protect\"; tunnel = \"ipsec0\"; local = \"192.168.1.0/24\";" \
	"  remote = \"192.168.29.0/24\"; });"
/* clang-format on */

/* A 16-bit word that is written over; value 0: none. */
struct edit {
	uint16_t at, value;
};

struct drop_row {
	enum drop_reason why;
	const char *what;
	uint16_t port; /* SITE_LAN, SITE_LAN7, SITE_WAN */
	struct packet_row ip;
	/* sealed: in.spi; the outer header defaults to that of tunnel 0 */
	struct esp_row esp;
	struct packet_row outer;
	struct edit eth;   /* in the Ethernet header */
	struct edit inner; /* before it is sealed */
	struct edit edit;  /* in the packet */
	bool checksum;     /* make the header checksum right again */
	uint16_t cut;      /* bytes off the end, by the IP header's length, too */
	struct stage_shape shape;
	uint8_t copies;           /* 0: one */
	bool together;            /* the copies come in one burst */
	uint8_t frames;           /* that come out all the same */
	uint8_t drops;            /* 0: one */
	trick_fn *before, *after; /* before: when the frames are made */
};

#define LAN_TO(address) .ip = {.src = "192.168.1.10", .dst = address}
#define WAN_TO_US(...) .port = SITE_WAN, .ip = {"203.0.113.2", "203.0.113.1", __VA_ARGS__}
#define FROM_FAR(n) .port = SITE_WAN, .ip = {.src = "192.168.2" #n ".9", .dst = "192.168.1.10"}
#define ESP(n) .key = 0xd##n, .spi = 0x200##n
#define IN .esp = {ESP(0)}

static const struct drop_row rows[] = {
	/* frames and headers */
	{DROP_ethertype, "LLDP", LAN_TO("192.168.7.10"), .eth = {12, 0x88cc}},
	{DROP_eth_destination, "another MAC", LAN_TO("192.168.7.10"), .eth = {0, 0x0202}},
	{DROP_vlan_unknown, "VLAN 99", .port = SITE_LAN7, LAN_TO("192.168.1.10"), .eth = {14, 99}},
	{DROP_ip_truncated, "total length beyond the frame", LAN_TO("192.168.7.10"),
		.edit = {2, 101}, .checksum = true},
	{DROP_ip_version, "version 5", LAN_TO("192.168.7.10"), .edit = {0, 0x5500}},
	{DROP_ip_version, "version 6 as IPv4", LAN_TO("192.168.7.10"), .eth = {12, 0x86dd}},
	{DROP_ip_header_length, "16 bytes", LAN_TO("192.168.7.10"), .edit = {0, 0x4400}},
	{DROP_ip_checksum, "another TTL", LAN_TO("192.168.7.10"), .edit = {8, 0x1011}},
	{DROP_ip_extensions, "a routing header beyond the packet",
		.ip = {.src = "2001:db8:1::10", .dst = "2001:db8:7::10", .proto = IPPROTO_ROUTING}},
	{DROP_ip_fragment, "81 bytes, and more to come",
		.ip = {"192.168.1.10", "192.168.7.10", .bytes = 101, .fragment = 0x2000}},
	{DROP_l4_truncated, "4 bytes of ESP",
		.ip = {"192.168.1.10", "192.168.7.10", .bytes = 24, .proto = IPPROTO_ESP}},
	{DROP_martian_source, "loopback", .ip = {.src = "127.0.0.1", .dst = "192.168.7.10"}},
	{DROP_martian_destination, "240/4", LAN_TO("240.0.0.1")},
	{DROP_martian_destination, "link-local, forwarded",
		.ip = {.src = "169.254.1.1", .dst = "192.168.7.10"}},
	/* ways */
	{DROP_ttl_expired, "TTL 1", .ip = {"192.168.1.10", "192.168.7.10", .ttl = 1}},
	{DROP_no_route, "nowhere", LAN_TO("10.77.0.1")},
	{DROP_route_discard, "discard route", LAN_TO("10.66.0.1")},
	{DROP_tunnel_down, "tunnel down", LAN_TO("192.168.22.9")},
	{DROP_tunnel_loop, "remote behind itself", LAN_TO("192.168.20.9"), .before = trick_loop,
		.after = untrick_loop},
	{DROP_tunnel_gone, "deleted under way, out", LAN_TO("192.168.20.9"),
		.before = trick_tunnel_replaced, .after = untrick_tunnel_replaced},
	{DROP_tunnel_gone, "deleted under way, in", FROM_FAR(0), IN,
		.before = trick_tunnel_replaced, .after = untrick_tunnel_replaced},
	{DROP_zone, "unprotected to protected", .port = SITE_WAN,
		.ip = {.src = "203.0.113.2", .dst = "192.168.1.10"}},
	{DROP_zone, "protected to unprotected", LAN_TO("203.0.113.2")},
	{DROP_policy_discard, "a policy", LAN_TO("198.51.100.77")},
	{DROP_policy_protect, "in the clear", FROM_FAR(9)},
	{DROP_policy_protect, "through another tunnel", FROM_FAR(9), .esp = {ESP(3)},
		.outer = {.src = "198.51.100.13"}},
	{DROP_plaintext_ipip, "IPIP in the clear", WAN_TO_US(.proto = IPPROTO_IPIP)},
	{DROP_plaintext_ipip, "IPIP in a tunnel", .port = SITE_WAN, IN,
		.ip = {"192.168.20.9", "203.0.113.1", .proto = IPPROTO_IPIP}},
	{DROP_selector_out, "outside the selectors", LAN_TO("192.168.31.9")},
	{DROP_selector_in, "outside the selectors", FROM_FAR(0), .esp = {ESP(1)},
		.outer = {.src = "198.51.100.11"}},
	{DROP_too_big, "DF", .ip = {"192.168.1.10", "192.168.28.9", .bytes = 600, .df = true}},
	{DROP_fragmentation, "in more than 64 pieces",
		.ip = {"192.168.1.10", "192.168.28.9", .bytes = 60000}},
	{DROP_nested_too_deep, "round in a circle that nobody has seen", LAN_TO("192.168.20.9"),
		.before = trick_loop_unseen, .after = untrick_loop_unseen},
	/* outbound SAs */
	{DROP_no_sa, "retired under way", LAN_TO("192.168.20.9"), .before = trick_no_sa,
		.after = untrick_no_sa},
	{DROP_lifetime, "the second of one", LAN_TO("192.168.26.9"), .copies = 2, .frames = 1},
	{DROP_lifetime, "the second of one, in", FROM_FAR(6), .esp = {ESP(6)},
		.outer = {.src = "198.51.100.16"}, .copies = 2, .frames = 1, .before = NULL},
	{DROP_sequence_exhausted, "after 2^32 - 1", LAN_TO("192.168.27.9"), .copies = 2,
		.together = true, .frames = 1},
	{DROP_sequence_unreserved, "reservation used up", LAN_TO("192.168.20.9"),
		.before = trick_unreserved, .after = untrick_unreserved},
	/* envelopes */
	{DROP_esp_unknown_spi, "no such SPI", FROM_FAR(0), .esp = {.key = 0xd0, .spi = 0x3000}},
	{DROP_esp_truncated, "a byte short", FROM_FAR(0), IN, .cut = 1},
	{DROP_esp_truncated, "no payload", FROM_FAR(0), IN, .cut = 104},
	{DROP_esp_address, "from elsewhere", FROM_FAR(0), IN, .outer = {.src = "198.51.100.99"}},
	{DROP_esp_address, "from elsewhere over UDP, authentic", FROM_FAR(4), .esp = {ESP(4)},
		.outer = {.src = "198.51.100.99", .proto = IPPROTO_UDP, .dst_port = 4500}},
	{DROP_esp_address, "the SPI of another tunnel", FROM_FAR(0), .esp = {ESP(1)}},
	{DROP_esp_carrier, "UDP's SA without UDP", FROM_FAR(4), .esp = {ESP(4)},
		.outer = {.src = "198.51.100.14"}},
	{DROP_esp_carrier, "in UDP, though ESP's SA", FROM_FAR(0), IN,
		.outer = {.proto = IPPROTO_UDP, .dst_port = 4500}},
	{DROP_replay_old, "left of the window", FROM_FAR(0), .esp = {ESP(0), .seq = 1}},
	{DROP_replay_seen, "again", FROM_FAR(0), IN, .copies = 2, .frames = 1},
	{DROP_replay_late, "twice in a burst", FROM_FAR(0), IN, .copies = 2, .together = true,
		.frames = 1},
	{DROP_icv, "a bit of the ICV", FROM_FAR(0), .esp = {ESP(0), .icv_wrong = true}},
	{DROP_icv, "another key", FROM_FAR(0), .esp = {.key = 0xd9, .spi = 0x2000}},
	{DROP_pad_length, "beyond the payload", FROM_FAR(0), .esp = {ESP(0), .pad_length = 200}},
	{DROP_pad_bytes, "2, 3 instead of 1, 2", FROM_FAR(0), .esp = {ESP(0), .pad_wrong = true}},
	{DROP_esp_next_header, "TCP", FROM_FAR(0), .esp = {ESP(0), .next_header = IPPROTO_TCP}},
	{DROP_esp_next_header, "IPv4 called IPv6", FROM_FAR(0),
		.esp = {ESP(0), .next_header = IPPROTO_IPV6}},
	{DROP_esp_dummy, "59", FROM_FAR(0), .esp = {ESP(0), .next_header = IPPROTO_NONE}},
	{DROP_inner_malformed, "inner header of 16 bytes", FROM_FAR(0), IN, .inner = {0, 0x4400}},
	{DROP_martian_source, "inner source is loopback", .port = SITE_WAN, IN,
		.ip = {.src = "127.0.0.1", .dst = "192.168.1.10"}},
	{DROP_zone, "tunnel to unprotected", .port = SITE_WAN, IN,
		.ip = {.src = "192.168.20.9", .dst = "203.0.113.2"}},
	{DROP_ttl_expired, "inner TTL 1", .port = SITE_WAN, IN,
		.ip = {"192.168.20.9", "192.168.1.10", .ttl = 1}},
	{DROP_ecn_ce, "Not-ECT under CE", FROM_FAR(0), IN, .outer = {.tos = 3}},
	{DROP_crypto_failed, "the device says error", FROM_FAR(0), IN,
		.before = trick_crypto_failed, .after = untrick_engine},
	{DROP_crypto_full, "the device takes nothing", FROM_FAR(0), IN, .before = trick_crypto_full,
		.after = untrick_engine},
	{DROP_reassembly_timeout, "the rest never comes",
		WAN_TO_US(.proto = IPPROTO_ESP, .fragment = 0x2000), .copies = 2,
		.before = trick_impatient, .after = untrick_impatient},
	{DROP_reassembly_bad, "an overlap", WAN_TO_US(.proto = IPPROTO_ESP, .fragment = 0x2000),
		.before = trick_overlap, .drops = 2},
	{DROP_udp_length, "longer than the packet", WAN_TO_US(.dst_port = 4500), .edit = {24, 99}},
	{DROP_udp_checksum, "none over IPv6", .port = SITE_WAN,
		.ip = {"2001:db8:f::2", "2001:db8:f::1", .dst_port = 4500}, .edit = {46, 0xabcd}},
	{DROP_udp_keepalive, "0xff", WAN_TO_US(.bytes = 29, .dst_port = 4500),
		.edit = {28, 0xff00}},
	{DROP_udp_ike, "the marker of IKE", WAN_TO_US(.dst_port = 4500), .before = trick_ike},
	{DROP_esp_truncated, "4 bytes in UDP", WAN_TO_US(.bytes = 32, .dst_port = 4500)},
	/* for us */
	{DROP_local_unhandled, "UDP", LAN_TO("192.168.1.1")},
	{DROP_local_unhandled, "UDP from outside", WAN_TO_US(.bytes = 100)},
	{DROP_local_handled, "a gratuitous ARP", LAN_TO("192.168.1.1"), .before = trick_arp},
	{DROP_arp_invalid, "not ARP", LAN_TO("192.168.1.1"), .eth = {12, RTE_ETHER_TYPE_ARP}},
	{DROP_rate_limited, "echo, which is off",
		.ip = {"192.168.1.10", "192.168.1.1", .proto = IPPROTO_ICMP}},
	{DROP_nd_invalid, "a solicitation of nonsense",
		.ip = {"2001:db8:1::10", "2001:db8:1::1", .proto = IPPROTO_ICMPV6,
			.src_port = 135 << 8, .ttl = 255}},
	{DROP_neighbour_failed, "no answer to ARP", .port = SITE_LAN7,
		.ip = {.src = "192.168.7.10", .dst = "192.168.1.77"}, .before = trick_wait,
		.frames = 3},
	{DROP_neighbour_full, "the ninth that waits", .port = SITE_LAN7,
		.ip = {.src = "192.168.7.10", .dst = "192.168.1.78"}, .copies = 9, .together = true,
		.frames = 1, .after = trick_wait},
	/* rings, buffers, ports */
	{DROP_handover_full, "no room in the worker's inbox",
		.ip = {"192.168.1.10", "192.168.1.1", .proto = IPPROTO_ICMP},
		.before = trick_inbox_full, .after = untrick_inbox_full},
	{DROP_control_full, "no room towards the control lcore", LAN_TO("192.168.7.88"),
		.before = trick_control_full, .after = untrick_control_full},
	{DROP_no_mbuf, "no room for the trailer", LAN_TO("192.168.20.9"),
		.shape = {.kind = SHAPE_GUARD_AFTER}, .before = trick_pool_empty,
		.after = untrick_pool_empty},
	{DROP_tx_linear, "a chain for a port that sends none", .port = SITE_WAN, IN,
		.ip = {"192.168.20.9", "192.168.1.10", .bytes = 5000}, .before = trick_linear,
		.after = untrick_linear},
	{DROP_tx_port_down, "no link", LAN_TO("192.168.7.10"), .before = trick_link_down,
		.after = untrick_link_down},
	{DROP_tx_full, "no room in the queue", LAN_TO("192.168.7.10"), .before = trick_tx_full,
		.after = untrick_tx_full},
	{DROP_shutdown, "not yet forwarding", LAN_TO("192.168.7.10"),
		.before = trick_not_forwarding, .after = untrick_not_forwarding},
};

static void
edit16(uint8_t *bytes, const struct edit *edit)
{
	if (!edit->value)
		return;
	bytes[edit->at] = (uint8_t)(edit->value >> 8);
	bytes[edit->at + 1] = (uint8_t)edit->value;
}

/* The packet of the row, as it comes in. */
static void
row_packet(struct trick *t, const struct drop_row *row, struct packet *p)
{
	static struct packet inner, esp;
	struct esp_row seal = row->esp;
	struct packet_row outer = row->outer;

	packet_ip(p, &row->ip);
	if (seal.spi) {
		inner = *p;
		edit16(inner.bytes, &row->inner);
		if (!seal.seq)
			seal.seq = t->seq++;
		outer.src = outer.src ? outer.src : "198.51.100.10";
		outer.dst = "203.0.113.1";
		outer.proto = outer.proto ? outer.proto : IPPROTO_ESP;
		peer_seal(t->peer, &seal, &inner, &esp);
		packet_wrap(p, &outer, &esp);
	}
	edit16(p->bytes, &row->edit);
	if (row->cut) {
		p->n -= row->cut;
		p->bytes[2] = (uint8_t)(p->n >> 8);
		p->bytes[3] = (uint8_t)p->n;
	}
	if (row->checksum || row->cut)
		packet_checksum(p);
}

static void
row_send(struct trick *t, const struct drop_row *row)
{
	static struct packet p;
	uint16_t ring = row->port == SITE_WAN ? SITE_RING_WAN : SITE_RING_LAN;
	unsigned int copies = RTE_MAX(row->copies, 1);
	struct rte_mbuf *frames[16];

	row_packet(t, row, &p);
	for (unsigned int i = 0; i < copies; i++) {
		frames[i] = stage_fixture_frame(t->f, row->port, p.bytes, p.n, &row->shape);
		edit16(rte_pktmbuf_mtod(frames[i], uint8_t *), &row->eth);
	}
	t->frame = frames[0];
	if (row->before)
		row->before(t);
	for (unsigned int i = 0; i < copies; i++) {
		stage_fixture_put(t->f, ring, frames[i]);
		if (!row->together)
			stage_fixture_turn(t->f);
	}
	stage_fixture_turn(t->f);
	if (t->later)
		t->later(t);
}

static void
check_row(struct trick *t, const struct drop_row *row, struct drops_look *look)
{
	struct stage_fixture *f = t->f;
	uint64_t before[DROP_REASON_COUNT];

	for (int r = 0; r < DROP_REASON_COUNT; r++)
		before[r] = stage_fixture_drops(f, r);
	t->later = NULL;
	drops_look_begin(look);
	row_send(t, row);
	for (int r = 0; r < DROP_REASON_COUNT; r++) {
		uint64_t n = stage_fixture_drops(f, r) - before[r];
		uint64_t wanted = r == (int)row->why ? RTE_MAX(row->drops, 1) : 0;

		stage_check(f, n == wanted, "%s (%s): %s counts %lu", drop_name(row->why),
			row->what, drop_name(r), (unsigned long)n);
	}
	drops_look_end(look, row->why, row->what, RTE_MAX(row->drops, 1));
	if (row->after)
		row->after(t);
	stage_check(f, stage_fixture_discard(f) == row->frames, "%s (%s): frames came out",
		drop_name(row->why), row->what);
}

/* Tunnel 0 works, and its replay window stands at t->seq. */
static void
check_good(struct trick *t)
{
	static const struct drop_row good = {DROP_NONE, "a good one", FROM_FAR(0), IN};

	row_send(t, &good);
	stage_check(t->f, stage_fixture_discard(t->f) == 1, "a good packet does not come through");
}

static void
test_drops(void **state)
{
	struct trick t = {.peer = peer_create()};
	static struct drops_look look;
	struct stage_fixture f;

	(void)state;
	for (int e = 0; stage_engines[e]; e++) {
		const struct stage_setup setup = {
			.config = CONFIG, .engine = stage_engines[e], .rings = SITE_RINGS};

		stage_fixture_open(&f, &setup);
		t.f = &f;
		t.seq = 1000;
		check_good(&t);
		drops_look_open(&look, &f);
		for (size_t i = 0; i < RTE_DIM(rows); i++)
			check_row(&t, &rows[i], &look);
		drops_look_close(&look);
		check_good(&t);
		assert_int_equal(stage_fixture_close(&f), 0);
	}
	peer_destroy(t.peer);
}

static void
test_every_reason(void **state)
{
	bool seen[DROP_REASON_COUNT] = {0};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++)
		seen[rows[i].why] = true;
	for (int r = 0; r < DROP_REASON_COUNT; r++)
		if (!seen[r])
			fail_msg("no row for %s", drop_name(r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_every_reason),
	};

	stage_fixture_eal("stage_drops", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
