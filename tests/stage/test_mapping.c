/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Envelopes over UDP from elsewhere than the tunnel's remote address and port: which pass, which
 * are told of and as what, and which are not; and that a tunnel follows when it is changed.
 */
#include "changing.h"
#include "fixture.h"
#include "gateway_objects.h"
#include "site.h"
#include "unit.h"

/* clang-format off */
#define CONFIG \
	SITE_PORTS SITE_NEIGHBOURS \
	"tunnels = (" SITE_TUNNEL4(4, SITE_UDP) "," SITE_TUNNEL6(5, SITE_UDP SITE_TUNNEL_MODE) "," \
	SITE_TUNNEL4(6, SITE_UDP SITE_TUNNEL_MODE) ");" \
	"sas = (" SITE_SAS(4, "") "," SITE_SAS(5, "") "," SITE_SA_OUT(6, "") "," \
	SITE_SA_IN(6, "replay_window = 0;") ");" \
	"routes = (" SITE_ROUTES(4) "," SITE_ROUTES(5) "," SITE_ROUTES(6) "," SITE_GATEWAYS ");"
/* clang-format on */

enum { IPIP4 = 4, MODE6 = 5, NO_WINDOW = 6, TEXT = 256 };

/* One thing that happens to a tunnel, after what happened before. */
struct row {
	const char *what;
	const char *update; /* first: the keys of a tunnel.update */
	unsigned int tunnel;
	const char *src; /* NULL: the remote address */
	uint16_t port;   /* 0: 4500 */
	uint64_t seq;    /* 0: no envelope comes */
	uint8_t key;     /* 0: the right one */
	const char *events;
	enum drop_reason why; /* why it is dropped; DROP_NONE: it passes */
	bool soon;            /* within a second of what was told before */
	bool another;         /* it is as if another worker saw it */
};

#define PASSES .why = DROP_NONE
#define OTHER4 "198.51.100.99"
#define OTHER6 "2001:db8:e::99"

static const struct row rows[] = {
	/* encapsulation ipip: the port may be another one, the address may not */
	{"ipip", NULL, IPIP4, NULL, 0, 10, PASSES},
	{"another port", NULL, IPIP4, NULL, 61000, 11, PASSES,
		.events = "mapping ipsec4 2004 198.51.100.14:4500>198.51.100.14:61000"},
	{"again", NULL, IPIP4, NULL, 61000, 12, PASSES},
	{"again, seen by another worker", NULL, IPIP4, NULL, 61000, 13, PASSES, .another = true},
	{"the right port", NULL, IPIP4, NULL, 0, 14, PASSES},
	{"the other port again", NULL, IPIP4, NULL, 61000, 15, PASSES},
	{"a third port, at once", NULL, IPIP4, NULL, 61001, 16, PASSES, .soon = true},
	{"a third port, later", NULL, IPIP4, NULL, 61001, 17, PASSES,
		.events = "mapping ipsec4 2004 198.51.100.14:4500>198.51.100.14:61001"},
	{"another address", NULL, IPIP4, OTHER4, 0, 18, .why = DROP_esp_address,
		.events = "mapping ipsec4 2004 198.51.100.14:4500>198.51.100.99:4500"},
	{"a copy of it", NULL, IPIP4, OTHER4, 0, 18, .why = DROP_replay_seen},
	{"its number from the right address", NULL, IPIP4, NULL, 0, 18, .why = DROP_replay_seen},
	{"one that was late", NULL, IPIP4, "198.51.100.98", 0, 9, .why = DROP_esp_address},
	{"forged", NULL, IPIP4, "198.51.100.97", 0, 19, .key = 0xdd, .why = DROP_icv},
	{"forged no more", NULL, IPIP4, NULL, 0, 19, PASSES},
	{"the tunnel follows", "remote = '" OTHER4 "';", IPIP4, OTHER4, 0, 20, PASSES,
		.events = "tunnel ipsec4 changed, peer ipsec4 "
			  "198.51.100.14:4500>198.51.100.99:4500"},
	{"from where it was", NULL, IPIP4, "198.51.100.14", 0, 21, .why = DROP_esp_address,
		.events = "mapping ipsec4 2004 198.51.100.99:4500>198.51.100.14:4500"},
	{"the tunnel follows, another port", "remote = '198.51.100.14'; remote_port = 7000;", IPIP4,
		NULL, 7000, 22, PASSES,
		.events = "tunnel ipsec4 changed, peer ipsec4 "
			  "198.51.100.99:4500>198.51.100.14:7000"},
	{"changed, but not its ends", "mtu = 1300;", IPIP4, NULL, 7000, 23, PASSES,
		.events = "tunnel ipsec4 changed"},
	{"told anew, the tunnel being another one", NULL, IPIP4, OTHER4, 7000, 24,
		.why = DROP_esp_address,
		.events = "mapping ipsec4 2004 198.51.100.14:7000>198.51.100.99:7000"},
	/* tunnel mode, over IPv6: the source is none of the SA's business */
	{"tunnel mode", NULL, MODE6, NULL, 0, 10, PASSES},
	{"another address", NULL, MODE6, OTHER6, 0, 11, PASSES,
		.events = "mapping ipsec5 2005 2001:db8:e::15:4500>2001:db8:e::99:4500"},
	{"one that was late", NULL, MODE6, "2001:db8:e::98", 0, 9, PASSES},
	{"another port as well", NULL, MODE6, OTHER6, 9, 12, PASSES,
		.events = "mapping ipsec5 2005 2001:db8:e::15:4500>2001:db8:e::99:9"},
	{"the tunnel follows", "remote = '" OTHER6 "'; remote_port = 9;", MODE6, OTHER6, 9, 13,
		PASSES,
		.events = "tunnel ipsec5 changed, peer ipsec5 "
			  "2001:db8:e::15:4500>2001:db8:e::99:9"},
	/* without replay protection nobody knows which is the newest one */
	{"no window", NULL, NO_WINDOW, OTHER4, 0, 10, PASSES},
	{"a peer without UDP", "carrier = 'esp';", NO_WINDOW, .seq = 0, PASSES,
		.events = "tunnel ipsec6 changed, peer ipsec6 198.51.100.16:4500>198.51.100.16:0"},
};

struct bench {
	struct stage_fixture f;
	struct peer *peer;
	char events[TEXT]; /* told since the row began */
};

static void __attribute__((format(printf, 2, 3))) add_event(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	if (used)
		used += (size_t)snprintf(text + used, TEXT - used, ", ");
	va_start(args, format);
	vsnprintf(text + used, TEXT - used, format, args);
	va_end(args);
}

static void
hear(void *arg, const struct gateway_event *e)
{
	char from[IP_ADDR_STRLEN], to[IP_ADDR_STRLEN];
	struct bench *b = arg;

	ip_addr_format(&e->from.addr, from);
	ip_addr_format(&e->to.addr, to);
	if (e->kind == EVENT_tunnel)
		add_event(b->events, "tunnel %s %s", e->tunnel->config.name, e->what);
	else if (e->kind == EVENT_mapping)
		add_event(b->events, "mapping %s %x %s:%u>%s:%u", e->tunnel->config.name,
			rte_be_to_cpu_32(e->sa->spi_be), from, e->from.port, to, e->to.port);
	else if (e->kind == EVENT_peer)
		add_event(b->events, "peer %s %s:%u>%s:%u", e->tunnel->config.name, from,
			e->from.port, to, e->to.port);
}

/* The envelope of a row. raw: what is in it. */
static void
seal(struct bench *b, const struct row *row, struct packet *raw, struct packet *envelope)
{
	static struct packet esp;
	const unsigned int n = row->tunnel;
	const struct esp_row seal = {.key = row->key ? row->key : (uint8_t)(0xd0 + n),
		.spi = 0x2000 + n,
		.seq = row->seq};
	const struct packet_row outer = {.src = row->src ? row->src : site_kinds[n].remote,
		.dst = site_kinds[n].local,
		.proto = IPPROTO_UDP,
		.src_port = row->port ? row->port : 4500,
		.dst_port = 4500};
	char far[INET_ADDRSTRLEN];
	const struct packet_row inner = {
		.src = far, .dst = "192.168.1.10", .src_port = (uint16_t)row->seq};

	snprintf(far, sizeof(far), "192.168.2%u.9", n);
	packet_ip(raw, &inner);
	peer_seal(b->peer, &seal, raw, &esp);
	packet_wrap(envelope, &outer, &esp);
}

/* For the tunnel, a second has gone by; or another worker's notes are looked at. */
static void
let_pass(struct bench *b, const struct row *row)
{
	char name[16];
	struct tunnel *t;

	snprintf(name, sizeof(name), "ipsec%u", row->tunnel);
	t = gateway_tunnel_find(b->f.g, name);
	t->workers[0].moved_tsc = row->soon ? b->f.w->now_tsc : 0;
	if (row->another)
		t->workers[0].moved_to = 0;
}

static void
send_row(struct bench *b, const struct row *row, const struct stage_shape *shape)
{
	static struct packet raw, envelope, got;
	uint64_t drops = stage_fixture_drops_all(&b->f), whys = 0;
	uint64_t told = b->f.w->stats.to_control;
	bool tells = row->another || (row->events && strstr(row->events, "mapping")), passed;

	seal(b, row, &raw, &envelope);
	if (row->why != DROP_NONE)
		whys = stage_fixture_drops(&b->f, row->why);
	stage_fixture_put(&b->f, SITE_RING_WAN,
		stage_fixture_frame(&b->f, SITE_WAN, envelope.bytes, envelope.n, shape));
	stage_fixture_turn(&b->f);
	packet_forward(&raw);
	passed = stage_fixture_take_packet(&b->f, SITE_RING_LAN, &got);
	stage_check(&b->f, passed == (row->why == DROP_NONE), "%s: it %s", row->what,
		passed ? "passes" : "does not pass");
	stage_check(&b->f, !passed || (got.n == raw.n && !memcmp(got.bytes, raw.bytes, raw.n)),
		"%s: another packet", row->what);
	stage_check(
		&b->f, stage_fixture_drops_all(&b->f) - drops == !passed, "%s: drops", row->what);
	stage_check(&b->f, b->f.w->stats.to_control - told == tells, "%s: the worker %s", row->what,
		tells ? "says nothing" : "says something");
	if (row->why != DROP_NONE)
		stage_check(&b->f, stage_fixture_drops(&b->f, row->why) == whys + 1,
			"%s: not dropped as %s", row->what, drop_name(row->why));
}

static void
run_row(struct bench *b, const struct row *row, const struct stage_shape *shape)
{
	const char *wanted = row->events ? row->events : "";
	char call[128];

	b->events[0] = '\0';
	if (row->update) {
		snprintf(call, sizeof(call), "tunnel.update ipsec%u %s", row->tunnel, row->update);
		changing_do(&b->f, call);
	}
	let_pass(b, row);
	if (row->seq)
		send_row(b, row, shape);
	stage_check(&b->f, strcmp(b->events, wanted) == 0, "%s (tunnel %u): \"%s\", not \"%s\"",
		row->what, row->tunnel, b->events, wanted);
}

static void
bench_open(struct bench *b, const char *engine)
{
	const struct stage_setup setup = {CONFIG, engine, .rings = SITE_RINGS};

	memset(b, 0, sizeof(*b));
	stage_fixture_open(&b->f, &setup);
	b->peer = peer_create();
	gateway_listen(b->f.g, hear, b);
}

static void
bench_close(struct bench *b)
{
	peer_destroy(b->peer);
	assert_int_equal(stage_fixture_close(&b->f), 0);
}

/* In one buffer, and with the ESP header in others than the outer headers. */
static void
test_rows(void **state)
{
	static const struct stage_shape shapes[] = {{0}, {.first = 42, .segment = 3},
		{.first = 62, .segment = 60, .kind = SHAPE_GUARD_AFTER}};
	static struct bench b;

	(void)state;
	for (unsigned int i = 0; stage_engines[i]; i++)
		for (size_t s = 0; s < RTE_DIM(shapes); s++) {
			bench_open(&b, stage_engines[i]);
			for (size_t r = 0; r < RTE_DIM(rows); r++)
				run_row(&b, &rows[r], &shapes[s]);
			bench_close(&b);
		}
}

/* --- several at once */

/* What comes in one burst. */
struct together {
	const char *what;
	struct row rows[6]; /* the first without a number ends them */
	const char *events;
	unsigned int passed;
};

#define FROM(n, from, number)                                                                      \
	{                                                                                          \
		.tunnel = n, .src = from, .seq = number                                            \
	}

static const struct together bursts[] = {
	{"a copy from elsewhere overtakes nothing",
		{FROM(IPIP4, NULL, 10), FROM(IPIP4, OTHER4, 10)}, NULL, 1},
	{"the copy first", {FROM(IPIP4, OTHER4, 11), FROM(IPIP4, NULL, 11)},
		"mapping ipsec4 2004 198.51.100.14:4500>198.51.100.99:4500", 0},
	{"one that is refused between others takes none with it",
		{FROM(IPIP4, NULL, 12), FROM(IPIP4, OTHER4, 90), FROM(IPIP4, NULL, 30),
			FROM(IPIP4, NULL, 91)},
		NULL, 3},
	{"the newest is from where it should, those before are not",
		{FROM(MODE6, NULL, 20), FROM(MODE6, OTHER6, 19), FROM(MODE6, OTHER6, 18),
			FROM(MODE6, NULL, 21)},
		NULL, 4},
	{"all are elsewhere",
		{FROM(MODE6, OTHER6, 22), FROM(MODE6, OTHER6, 23), FROM(MODE6, OTHER6, 24)},
		"mapping ipsec5 2005 2001:db8:e::15:4500>2001:db8:e::99:4500", 3},
};

static void
run_burst(struct bench *b, const struct together *t)
{
	static struct packet raw, envelope, got;
	const char *wanted = t->events ? t->events : "";
	unsigned int passed = 0;

	b->events[0] = '\0';
	for (const struct row *row = t->rows; row->seq; row++) {
		seal(b, row, &raw, &envelope);
		stage_fixture_put(&b->f, SITE_RING_WAN,
			stage_fixture_frame(&b->f, SITE_WAN, envelope.bytes, envelope.n, NULL));
	}
	stage_fixture_turn(&b->f);
	while (stage_fixture_take_packet(&b->f, SITE_RING_LAN, &got))
		passed++;
	stage_check(&b->f, passed == t->passed, "%s: %u pass", t->what, passed);
	stage_check(&b->f, strcmp(b->events, wanted) == 0, "%s: \"%s\"", t->what, b->events);
}

static void
test_bursts(void **state)
{
	static struct bench b;

	(void)state;
	bench_open(&b, NULL);
	for (size_t i = 0; i < RTE_DIM(bursts); i++)
		run_burst(&b, &bursts[i]);
	bench_close(&b);
}

/* Where there is no room to tell it, a later packet does. */
static void
test_no_room(void **state)
{
	static const struct row row[] = {{"no budget", NULL, MODE6, OTHER6, 0, 1, PASSES},
		{"with it", NULL, MODE6, OTHER6, 0, 2, PASSES,
			.events = "mapping ipsec5 2005 2001:db8:e::15:4500>2001:db8:e::99:4500"}};
	static struct bench b;

	(void)state;
	bench_open(&b, NULL);
	b.f.w->budget = b.f.w->budget_full;
	b.f.w->budget.mappings = 0;
	b.f.w->budget_tsc = rte_rdtsc();
	run_row(&b, &row[0], NULL);
	b.f.w->budget_tsc = 0;
	run_row(&b, &row[1], NULL);
	bench_close(&b);
}

/* Whoever comes later is told how things stand. */
static void
test_stands(void **state)
{
	static const struct row row = {"moved", NULL, MODE6, OTHER6, 9, 1, PASSES,
		.events = "mapping ipsec5 2005 2001:db8:e::15:4500>2001:db8:e::99:9"};
	struct gateway_event event;
	static struct bench b;
	struct tunnel *t;

	(void)state;
	bench_open(&b, NULL);
	t = gateway_tunnel_find(b.f.g, "ipsec5");
	assert_false(gateway_tunnel_mapping(b.f.g, t, &event));
	run_row(&b, &row, NULL);
	assert_true(gateway_tunnel_mapping(b.f.g, t, &event));
	b.events[0] = '\0';
	hear(&b, &event);
	assert_string_equal(b.events, row.events);
	changing_do(&b.f, "sa.delete in 0x2005");
	assert_true(gateway_tunnel_mapping(b.f.g, t, &event));
	assert_null(event.sa);
	changing_do(&b.f, "tunnel.update ipsec5 remote_port = 9;");
	assert_false(gateway_tunnel_mapping(b.f.g, gateway_tunnel_find(b.f.g, "ipsec5"), &event));
	bench_close(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_stands),
	};

	stage_fixture_eal("mapping", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
