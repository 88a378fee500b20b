/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traces beside what truly happened: the points that a packet passed, and of the frames that came
 * out, opened by the peer, their port, MAC and IP addresses, lengths, SPIs and sequence numbers.
 * Two workers: lan is received by worker 0, wan by worker 1; tunnels belong to workers by turns.
 */
#include <rte_arp.h>

#include "fixture.h"
#include "gateway_look.h"
#include "site.h"
#include "unit.h"

/* clang-format off */
#define CONFIG \
	SITE_PORTS SITE_NEIGHBOURS \
	"tunnels = (" SITE_TUNNEL4(0, "") "," SITE_TUNNEL4(1, "") "," SITE_TUNNEL4(2, SITE_UDP) "," \
	SITE_TUNNEL4(3, "") "," SITE_TUNNEL6(4, "mtu = 1300; df = \"set\";") "," SITE_TUNNEL4(5, "") "," \
	SITE_TUNNEL4(6, "mtu = 576;") ");" \
	"sas = (" SITE_SAS(0, "") "," SITE_SAS(1, "") "," SITE_SAS(2, "") "," SITE_SAS(3, "") "," \
	SITE_SAS(4, "") "," SITE_SAS(5, "") "," SITE_SAS(6, "") ");" \
	"routes = (" SITE_ROUTES(0) "," SITE_ROUTES(1) "," SITE_ROUTES(2) "," SITE_ROUTES(3) "," \
	SITE_ROUTES(4) "," SITE_ROUTES(5) "," SITE_ROUTES(6) "," SITE_GATEWAYS "," \
	/* tunnel 5 goes through tunnel 3 */ \
	"{ prefix = \"198.51.100.15/32\"; via = \"ipsec3\"; });" \
	"policies = ({ priority = 1; action = \"discard\"; remote = \"192.168.20.66\"; }," \
	"{ priority = 2; action = \"bypass\"; local = \"192.168.1.66\"; remote = \"192.168.7.0/24\"; });"
/* clang-format on */

enum { KEPT = 16, FRAMES = 16 };

/* One packet and what becomes of it. */
struct row {
	const char *what;
	uint16_t port;
	struct packet_row ip;
	const char *points; /* of the packet's trace; * behind those of one kind of engine only */
	const char *late;   /* or, with an asynchronous engine, these */
	const char *other;  /* of another trace: a fragment's, an answer's; NULL: there is none */
	int spi;            /* of the envelope that comes out; 0: none comes out */
	int sealed;         /* by the peer, for that tunnel, plus 1; 0: not */
	uint16_t fragment;  /* of the envelope that comes in: bytes of the first one */
};

#define LAN_TO(address) .port = SITE_LAN, .ip = {.src = "192.168.1.10", .dst = address}
#define LAN_SENDS(address, ...)                                                                    \
	.port = SITE_LAN, .ip = {.src = "192.168.1.10", .dst = address, __VA_ARGS__}
#define FAR_TO_LAN(n)                                                                              \
	.port = SITE_WAN, .sealed = n + 1, .ip = {.src = "192.168.2" #n ".9", .dst = "192.168.1.10"}
#define OUT "received parsed route protect "
#define SEAL "seal engine* encrypted "
#define OPEN "open engine* verified decapsulated route "

static const struct row rows[] = {
	{"forwarded", LAN_TO("192.168.7.10"), "received parsed route sent"},
	{"out", LAN_TO("192.168.20.9"), OUT SEAL "sent", .spi = 0x1000},
	{"out, the other worker's SA", LAN_TO("192.168.21.9"), OUT "handover inbox " SEAL "sent",
		.spi = 0x1001},
	{"out over UDP", LAN_TO("192.168.22.9"), OUT SEAL "sent", .spi = 0x1002},
	{"out through two tunnels", LAN_TO("192.168.25.9"),
		OUT "handover inbox " SEAL "again route protect " SEAL "sent", .spi = 0x1003},
	{"out, the envelope cut", LAN_SENDS("192.168.26.9", .bytes = 1000),
		.points = OUT SEAL "split sent sent"},
	{"out, the packet cut", LAN_SENDS("192.168.24.9", .bytes = 1400),
		.points = OUT "split seal seal engine* engine* encrypted encrypted sent sent",
		.late = OUT "split seal seal engine engine encrypted sent encrypted sent"},
	{"in, the other worker's SA", FAR_TO_LAN(0),
		"received envelope handover inbox envelope " OPEN "sent"},
	{"in", FAR_TO_LAN(1), "received envelope " OPEN "sent"},
	{"in through two tunnels", FAR_TO_LAN(5),
		"received envelope " OPEN "envelope " OPEN "sent"},
	{"in, in fragments", FAR_TO_LAN(1),
		"received parsed route fragment reassembled envelope " OPEN "sent",
		.other = "received parsed route fragment joined", .fragment = 64},
	{"policy", LAN_TO("192.168.20.66"), "received parsed route policy drop answer",
		.other = "own again route sent"},
	{"bypass", .port = SITE_LAN, .ip = {.src = "192.168.1.66", .dst = "192.168.7.10"},
		.points = "received parsed route policy sent"},
	{"time exceeded", LAN_SENDS("192.168.7.10", .ttl = 1),
		.points = "received parsed route drop answer", .other = "own again route sent"},
	{"echo", LAN_SENDS("192.168.1.1", .proto = IPPROTO_ICMP, .src_port = 8 << 8),
		.points = "received parsed route control reply inbox again route sent"},
	{"no such SPI", .port = SITE_WAN, .sealed = 10,
		.ip = {.src = "192.168.29.9", .dst = "192.168.1.10"},
		.points = "received envelope again route envelope drop"},
};

struct bench {
	struct stage_fixture f;
	struct peer *peer;
	bool asynchronous;
	uint64_t seq;
	struct packet out[FRAMES]; /* frames that came out, lan's first */
	unsigned int n_lan, n_out;
	uint64_t drops;
};

/* --- what happens */

/* The envelope that carries p through a tunnel (and the one around it). */
static void
seal(struct bench *b, unsigned int tunnel, struct packet *p)
{
	static struct packet esp;
	const struct esp_row row = {
		.key = (uint8_t)(0xd0 + tunnel), .spi = 0x2000 + tunnel, .seq = ++b->seq};
	char remote[INET_ADDRSTRLEN];
	const struct packet_row outer = {.src = remote, .dst = "203.0.113.1", .proto = IPPROTO_ESP};

	snprintf(remote, sizeof(remote), "198.51.100.1%u", tunnel % 10);
	peer_seal(b->peer, &row, p, &esp);
	packet_wrap(p, &outer, &esp);
	if (tunnel == 5)
		seal(b, 3, p);
}

/* Two fragments of an IPv4 packet, the first with so many bytes of payload. */
static void
cut(const struct packet *p, uint16_t bytes, struct packet pieces[2])
{
	uint32_t rest = p->n - 20 - bytes;

	pieces[0] = pieces[1] = *p;
	pieces[0].n = 20u + bytes;
	pieces[0].bytes[6] = 0x20;
	memmove(pieces[1].bytes + 20, p->bytes + 20 + bytes, rest);
	pieces[1].n = 20 + rest;
	pieces[1].bytes[7] = (uint8_t)(bytes / 8);
	for (int i = 0; i < 2; i++) {
		pieces[i].bytes[2] = (uint8_t)(pieces[i].n >> 8);
		pieces[i].bytes[3] = (uint8_t)pieces[i].n;
		packet_checksum(&pieces[i]);
	}
}

static void
put(struct bench *b, uint16_t port, const struct packet *p)
{
	stage_fixture_put(&b->f, port == SITE_WAN ? SITE_RING_WAN : SITE_RING_LAN,
		stage_fixture_frame(&b->f, port, p->bytes, p->n, NULL));
}

/* All frames that came out, as they are. */
static void
collect(struct bench *b)
{
	struct rte_mbuf *m;

	b->n_out = 0;
	for (uint16_t ring = 0; ring < SITE_RINGS; ring++) {
		while ((m = stage_fixture_take(&b->f, ring))) {
			struct packet *p = &b->out[b->n_out++ % FRAMES];
			const void *bytes = rte_pktmbuf_read(m, 0, m->pkt_len, p->bytes);

			p->n = m->pkt_len;
			if (bytes != p->bytes)
				memcpy(p->bytes, bytes, p->n);
			rte_pktmbuf_free(m);
		}
		if (ring == SITE_RING_LAN)
			b->n_lan = b->n_out;
	}
}

static void
happen(struct bench *b, const struct row *row)
{
	static struct packet p, pieces[2];
	const uint64_t before = stage_fixture_drops_all(&b->f);

	packet_ip(&p, &row->ip);
	if (row->sealed)
		seal(b, (unsigned int)row->sealed - 1, &p);
	if (row->fragment) {
		cut(&p, row->fragment, pieces);
		put(b, row->port, &pieces[0]);
		put(b, row->port, &pieces[1]);
	} else {
		put(b, row->port, &p);
	}
	stage_fixture_turn(&b->f);
	collect(b);
	b->drops = stage_fixture_drops_all(&b->f) - before;
}

/* --- what the trace says */

static void
print(const struct bench *b)
{
	const struct trace_packet *p;
	char line[LOOK_LINE];

	for (uint32_t i = 0; (p = gateway_trace_packet(b->f.g, i)); i++) {
		for (uint32_t k = 0; k < p->n; k++)
			fprintf(stderr, "    %s\n",
				gateway_trace_line(b->f.g, &p->records[k],
					k ? &p->records[k - 1] : NULL, line));
		fputc('\n', stderr);
	}
}

/* Its points are these, in this order; those with a star are left out where the engine is
 * synchronous. */
static bool
has_points(const struct bench *b, const struct trace_packet *p, const char *points)
{
	char copy[512], *at = copy, *save = NULL;
	uint32_t i = 0;

	snprintf(copy, sizeof(copy), "%s", points);
	for (char *name; (name = strtok_r(at, " ", &save)); at = NULL) {
		char *star = strchr(name, '*');

		if (star && !b->asynchronous)
			continue;
		if (star)
			*star = '\0';
		if (i == p->n || strcmp(trace_point_name(p->records[i].point), name) != 0)
			return false;
		i++;
	}
	return i == p->n && p->missed == 0;
}

static const struct trace_packet *
find(const struct bench *b, const char *points)
{
	const struct trace_packet *p;

	for (uint32_t i = 0; (p = gateway_trace_packet(b->f.g, i)); i++)
		if (has_points(b, p, points))
			return p;
	return NULL;
}

/* The frame that a record says was sent: none other. */
static bool
is_frame(const struct bench *b, const struct trace_record *r, const struct packet *frame, bool lan)
{
	const uint8_t *bytes = frame->bytes;
	const char *port = bytes[12] == 0x81 ? "lan7" : lan ? "lan" : "wan";
	const uint8_t *ip = bytes + (bytes[12] == 0x81 ? 18 : 14);
	const uint32_t n = frame->n - (uint32_t)(ip - bytes);
	const bool v4 = *ip >> 4 == 4;

	return strcmp(gateway_trace_port(b->f.g, r), port) == 0 && memcmp(r->mac, bytes, 6) == 0 &&
	       r->header.bytes == n && r->header.family == (v4 ? 4 : 6) &&
	       memcmp(r->header.src, ip + (v4 ? 12 : 8), v4 ? 4 : 16) == 0 &&
	       memcmp(r->header.dst, ip + (v4 ? 16 : 24), v4 ? 4 : 16) == 0 &&
	       r->header.ttl == ip[v4 ? 8 : 7];
}

/* Each frame that came out is some trace's, and no trace has others. */
static void
check_frames(struct bench *b, const struct row *row)
{
	const struct trace_packet *p;
	unsigned int sent = 0, drops = 0, matched = 0;

	for (uint32_t i = 0; (p = gateway_trace_packet(b->f.g, i)); i++)
		for (uint32_t k = 0; k < p->n; k++) {
			drops += p->records[k].point == TRACE_drop;
			if (p->records[k].point != TRACE_sent)
				continue;
			for (unsigned int o = 0; o < b->n_out; o++)
				matched += is_frame(b, &p->records[k], &b->out[o], o < b->n_lan);
			sent++;
		}
	stage_check(&b->f, sent == b->n_out && matched == sent,
		"%s: %u sent in the trace, %u of them right, %u came out", row->what, sent, matched,
		b->n_out);
	stage_check(&b->f, drops == b->drops, "%s: %u drops in the trace, %u counted", row->what,
		drops, (unsigned int)b->drops);
}

static const struct trace_record *
record(const struct trace_packet *p, enum trace_point point)
{
	for (uint32_t i = p->n; i > 0; i--)
		if (p->records[i - 1].point == point)
			return &p->records[i - 1];
	return NULL;
}

/* The envelope that came out is of the SA and has the number that the trace says. */
static void
check_sealed(struct bench *b, const struct row *row, const struct trace_packet *p)
{
	static struct packet envelope, inner;
	struct esp_row esp = {.key = (uint8_t)(0xc0 + row->spi % 16)};
	const struct trace_record *r = record(p, TRACE_seal);

	envelope.n = b->out[0].n - 14;
	memcpy(envelope.bytes, b->out[0].bytes + 14, envelope.n);
	stage_check(&b->f, b->n_out == 1 && peer_open(b->peer, &esp, &envelope, &inner),
		"%s: does not open", row->what);
	stage_check(&b->f, r->spi == esp.spi && r->sequence == esp.seq && (int)r->spi == row->spi,
		"%s: the trace says SPI %x sequence %u, the envelope %x %u", row->what, r->spi,
		(unsigned int)r->sequence, esp.spi, (unsigned int)esp.seq);
}

/* The last envelope that was sealed is the first that is opened. */
static void
check_opened(struct bench *b, const struct row *row, const struct trace_packet *p)
{
	const struct trace_record *open = NULL, *inner = record(p, TRACE_decapsulated);
	const unsigned int outer = row->sealed == 6 ? 3 : (unsigned int)row->sealed - 1;
	struct ip_addr src;
	char name[NAME_MAX_LEN];

	for (uint32_t i = 0; i < p->n && !open; i++)
		if (p->records[i].point == TRACE_open)
			open = &p->records[i];
	snprintf(name, sizeof(name), "ipsec%u", outer);
	ip_addr_parse(row->ip.src, &src);
	stage_check(&b->f,
		open->spi == 0x2000 + outer && open->sequence == b->seq &&
			strcmp(gateway_trace_tunnel(b->f.g, open), name) == 0,
		"%s: SPI, sequence number or tunnel", row->what);
	stage_check(
		&b->f, memcmp(inner->header.src, src.bytes, 4) == 0, "%s: inner source", row->what);
}

static void
trace_start(struct bench *b, const struct look_filter *filter, uint32_t packets)
{
	const struct gateway_trace_params params = {.filter = *filter, .packets = packets};
	struct error err;

	assert_int_equal(gateway_trace_start(b->f.g, &params, &err), 0);
}

static void
check_row(struct bench *b, const struct row *row)
{
	const struct look_filter all = look_filter_all();
	const uint32_t failed = b->f.failures, wanted = row->other ? 2 : 1;
	const struct trace_packet *p;

	trace_start(b, &all, KEPT);
	happen(b, row);
	gateway_trace_stop(b->f.g);
	p = find(b, row->points);
	/* an engine may be done with one piece long before the other */
	if (!p && b->asynchronous && row->late)
		p = find(b, row->late);
	stage_check(&b->f,
		p && (!row->other || find(b, row->other)) &&
			gateway_trace_state(b->f.g).kept == wanted,
		"%s: not \"%s\" and \"%s\" but:", row->what, row->points,
		row->other ? row->other : "");
	check_frames(b, row);
	if (p && row->spi)
		check_sealed(b, row, p);
	if (p && record(p, TRACE_decapsulated))
		check_opened(b, row, p);
	if (b->f.failures != failed)
		print(b);
}

/* --- which packets are kept */

struct filter_row {
	const char *what;
	struct look_filter filter;
	const char *source, *destination, *address, *tunnel;
	uint32_t kept; /* of all rows above */
};

#define ANY .protocol = LOOK_ANY, .drop = LOOK_ANY

static const struct filter_row filter_rows[] = {
	{"all", {ANY}, .kept = RTE_DIM(rows) + 3},
	{"source", {ANY}, .source = "192.168.1.66/32", .kept = 1},
	{"destination, inside an envelope", {ANY}, .destination = "192.168.1.10", .kept = 7},
	{"either", {ANY}, .address = "192.168.21.0/24", .kept = 3},
	{"both", {ANY}, .source = "192.168.1.10", .destination = "192.168.20.0/24", .kept = 2},
	{"no such", {ANY}, .source = "10.0.0.0/8", .kept = 0},
	{"ICMP", {.protocol = IPPROTO_ICMP, .drop = LOOK_ANY}, .kept = 3},
	{"port", {ANY, .port = 2000}, .kept = RTE_DIM(rows) - 2},
	{"port and address", {ANY, .destination_port = 2000}, .address = "192.168.26.9", .kept = 1},
	{"SPI out", {ANY, .spi = 0x1001}, .kept = 1},
	{"SPI in", {ANY, .spi = 0x2001}, .kept = 2},
	{"SPI of nobody", {ANY, .spi = 0x2009}, .kept = 1},
	{"tunnel", {ANY}, .tunnel = "ipsec3", .kept = 2},
	{"tunnel and address", {ANY}, .tunnel = "ipsec0", .source = "192.168.20.9", .kept = 1},
	{"reason", {.protocol = LOOK_ANY, .drop = DROP_ttl_expired}, .kept = 1},
	{"any reason", {.protocol = LOOK_ANY, .drop = LOOK_DROP_ANY_REASON}, .kept = 3},
	{"another reason", {.protocol = LOOK_ANY, .drop = DROP_icv}, .kept = 0},
};

static void
prefix(const char *text, struct ip_prefix *out)
{
	if (text)
		assert_int_equal(ip_prefix_parse(text, out), 0);
}

static void
check_filter(struct bench *b, const struct filter_row *row)
{
	struct look_filter filter = row->filter;
	const struct tunnel *t;
	uint32_t kept;

	prefix(row->source, &filter.source);
	prefix(row->destination, &filter.destination);
	prefix(row->address, &filter.address);
	if (row->tunnel) {
		t = tunnel_table_find(b->f.g->tables.tunnels, row->tunnel);
		filter.by_tunnel = true;
		filter.tunnel = t->index;
		filter.tunnel_generation = t->generation;
	}
	trace_start(b, &filter, 100);
	for (size_t i = 0; i < RTE_DIM(rows); i++)
		happen(b, &rows[i]);
	gateway_trace_stop(b->f.g);
	kept = gateway_trace_state(b->f.g).kept;
	stage_check(&b->f, kept == row->kept, "filter by %s: %u kept, not %u", row->what, kept,
		row->kept);
	if (kept != row->kept)
		print(b);
}

/* So many and no more; then it ends by itself. */
static void
check_count(struct bench *b)
{
	const struct look_filter all = look_filter_all();

	trace_start(b, &all, 3);
	for (size_t i = 0; i < RTE_DIM(rows); i++)
		happen(b, &rows[i]);
	stage_check(&b->f, gateway_trace_state(b->f.g).kept == 3, "three of many");
	look_tick(b->f.g, now_ms());
	stage_check(&b->f, !gateway_trace_state(b->f.g).running, "it goes on after the third");
	stage_check(&b->f, b->f.w->watch == NULL, "workers still look");
	stage_check(&b->f, gateway_trace_state(b->f.g).missed == 0, "some were missed");
}

/* A host that is asked for and answers: the packet waits meanwhile. */
static void
check_neighbour(struct bench *b)
{
	const struct look_filter all = look_filter_all();
	const struct row row = {"waits", LAN_TO("192.168.7.99"), NULL};
	struct rte_mbuf *m;
	struct packet *ask = &b->out[0];
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(ask->bytes + 18);

	trace_start(b, &all, KEPT);
	happen(b, &row);
	stage_check(&b->f, b->n_out == 1 && ask->bytes[16] == 8 && ask->bytes[17] == 6, "no ARP");
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	memcpy(ask->bytes, &arp->arp_data.arp_sha, 6);
	memcpy(ask->bytes + 6, "\x02\0\0\0\0\x63", 6);
	memcpy(&arp->arp_data.arp_sha, ask->bytes + 6, 6);
	RTE_SWAP(arp->arp_data.arp_sip, arp->arp_data.arp_tip);
	m = stage_fixture_buffer(&b->f, ask->bytes, ask->n, NULL);
	stage_fixture_put(&b->f, SITE_RING_LAN, m);
	stage_fixture_turn(&b->f);
	collect(b);
	gateway_trace_stop(b->f.g);
	stage_check(&b->f,
		b->n_out == 1 && find(b, "received parsed route control wait inbox sent") &&
			find(b, "own sent") && find(b, "received control drop") &&
			gateway_trace_state(b->f.g).kept == 3,
		"the packet that waits, the request and the reply are not:");
	if (b->f.failures)
		print(b);
}

/* Most packets take a shorter way then. */
static void
check_without_policies(struct bench *b)
{
	struct error err;

	assert_int_equal(policies_replace(b->f.g, NULL, 0, &err), 0);
	for (size_t i = 0; i < RTE_DIM(rows); i++)
		if (!strstr(rows[i].points, "policy"))
			check_row(b, &rows[i]);
}

static void
test_traces(void **state)
{
	static struct bench b;

	(void)state;
	b.peer = peer_create();
	for (int e = 0; stage_engines[e]; e++) {
		const struct stage_setup setup = {
			.config = CONFIG, .engine = stage_engines[e], .rings = SITE_RINGS};

		stage_fixture_open(&b.f, &setup);
		b.seq = 0;
		b.asynchronous = !crypto_engine_is_synchronous(b.f.g->engine);
		for (size_t i = 0; i < RTE_DIM(rows); i++)
			check_row(&b, &rows[i]);
		for (size_t i = 0; i < RTE_DIM(filter_rows); i++)
			check_filter(&b, &filter_rows[i]);
		check_count(&b);
		check_neighbour(&b);
		check_without_policies(&b);
		assert_int_equal(stage_fixture_close(&b.f), 0);
	}
	peer_destroy(b.peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_traces)};

	stage_fixture_eal("stage_trace", 2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
