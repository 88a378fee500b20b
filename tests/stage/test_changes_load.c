/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two workers run and carry packets through two tunnels while the control lcore adds, changes and
 * deletes other SAs, tunnels, routes and policies by the thousand, updates these two and gives them
 * new SAs, and fails in between: no packet is lost, none comes twice, none goes out in the clear,
 * and afterwards the memory is what it was.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "changing.h"
#include "gateway_change.h"
#include "gateway_objects.h"
#include "quarantine.h"
#include "unit.h"

enum {
	STEPS = 1200,
	PACKETS_MAX = 1 << 22,
	UNDER_WAY = 128, /* packets */
	SPIS_A_STEP = 4,
	SAS_LIVE = 8, /* steps for which SAs live, tunnels, too */
	REKEYS = 40,  /* the peer has so many sessions */
	REKEY_FIRST = 0x10,
	MOVES = 8,
	MOVE_FIRST = 0x50,
	PATIENCE_MS = 20000,
};

struct bench {
	struct stage_fixture f;
	struct peer *peer;
	uint32_t steps;
	uint8_t *seen; /* by a packet's number */
	uint32_t sent, received;
	uint64_t in_seq;
	uint32_t rekeys, moves, policies; /* so far */
	uint32_t next_spi, next_key;
	uint32_t changes, operations;
};

/* --- traffic */

/* Packet number n: by its ports. Every third comes in. */
static void
send_one(struct bench *b)
{
	static struct packet p, esp, envelope;
	uint32_t n = b->sent++;
	bool in = n % 3 == 2;
	struct packet_row row = {.src = in ? "192.168.21.9" : "192.168.1.10",
		.dst = in      ? "192.168.1.10"
		       : n % 2 ? "192.168.20.9"
			       : "192.168.21.9",
		.src_port = (uint16_t)(1 + (n & 0x7fff)),
		.dst_port = (uint16_t)(1 + (n >> 15))};
	const struct packet_row outer = {
		.src = "2001:db8:e::11", .dst = "2001:db8:f::1", .proto = IPPROTO_ESP};
	const struct esp_row seal = {.key = 0xd1, .spi = 0x2001, .seq = b->in_seq + 1};

	packet_ip(&p, &row);
	if (!in) {
		stage_fixture_put(&b->f, SITE_RING_LAN,
			stage_fixture_frame(&b->f, SITE_LAN, p.bytes, p.n, NULL));
		return;
	}
	b->in_seq++;
	peer_seal(b->peer, &seal, &p, &esp);
	packet_wrap(&envelope, &outer, &esp);
	stage_fixture_put(&b->f, SITE_RING_WAN,
		stage_fixture_frame(&b->f, SITE_WAN, envelope.bytes, envelope.n, NULL));
}

static void
receive_one(struct bench *b, const struct packet *inner, const char *what)
{
	const uint8_t *ports = inner->bytes + 20;
	uint32_t n = (uint32_t)(ports[0] << 8 | ports[1]) - 1 +
		     (((uint32_t)(ports[2] << 8 | ports[3]) - 1) << 15);

	stage_check(&b->f, n < b->sent && !b->seen[n % PACKETS_MAX], "%s: packet %u again, or none",
		what, n);
	b->seen[n % PACKETS_MAX] = 1;
	b->received++;
}

/* What goes out unprotected must be an envelope of an SA that was there. */
static void
receive(struct bench *b)
{
	static struct packet got, inner;

	while (stage_fixture_take_packet(&b->f, SITE_RING_LAN, &got))
		receive_one(b, &got, "in");
	while (stage_fixture_take_packet(&b->f, SITE_RING_WAN, &got)) {
		bool v4 = got.bytes[0] >> 4 == 4;
		const uint8_t *at = got.bytes + (v4 ? 20 : 40);
		uint32_t spi = (uint32_t)(at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]);
		struct esp_row esp = {
			.key = spi < 0x7000 ? (uint8_t)(0xc0 + spi % 16) : (uint8_t)(spi - 0x7000)};

		stage_check(&b->f, got.bytes[v4 ? 9 : 6] == IPPROTO_ESP,
			"in the clear: protocol %u", got.bytes[v4 ? 9 : 6]);
		if (peer_open(b->peer, &esp, &got, &inner))
			receive_one(b, &inner, "out");
		else
			stage_check(&b->f, false, "SPI %x does not open", spi);
	}
}

static void
pump(struct bench *b)
{
	slow_poll(b->f.g);
	reaper_poll(b->f.g);
	receive(b);
	while (b->sent - b->received < UNDER_WAY && b->sent < PACKETS_MAX)
		send_one(b);
}

/* All that was sent has come. */
static void
drain(struct bench *b)
{
	uint64_t until = now_ms() + PATIENCE_MS;

	while (b->received < b->sent && now_ms() < until) {
		slow_poll(b->f.g);
		receive(b);
		usleep(100);
	}
	stage_check(&b->f, b->received == b->sent, "%u of %u packets are lost",
		b->sent - b->received, b->sent);
}

/* --- changes */

__attribute__((format(printf, 2, 3))) static void
call(struct bench *b, const char *format, ...)
{
	struct error err = {""};
	char words[512];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	stage_check(&b->f, changing_call(b->f.g, words, &err) == 0, "%s: %s", words, err.text);
	b->operations++;
}

static void
begin(struct bench *b)
{
	if (gateway_change_begin(b->f.g) != 0)
		abort();
}

static void
commit(struct bench *b)
{
	struct error err = {""};

	stage_check(&b->f, gateway_change_commit(b->f.g, &err) == 0, "commit: %s", err.text);
	b->changes++;
	pump(b);
}

/* An SA with a key that no other one has ever had. */
static void
add_sa(struct bench *b, uint32_t spi, const char *direction, const char *tunnel)
{
	call(b,
		"sa.add spi = 0x%xL; direction = '%s'; tunnel = '%s'; algorithm = 'aes-256-gcm'; "
		"key = '%08x%s';",
		spi, direction, tunnel, b->next_key++, &KEY()[6]);
}

static uint32_t
spi_of(uint32_t step, uint32_t i)
{
	return 0x10000 + step * SPIS_A_STEP + i;
}

static void
sas_add(struct bench *b, uint32_t step)
{
	for (uint32_t i = 0; i < SPIS_A_STEP; i++) {
		char tunnel[16];

		snprintf(tunnel, sizeof(tunnel), "ipsec%u", 2 + i % 4);
		add_sa(b, spi_of(step, i), "out", tunnel);
		add_sa(b, spi_of(step, i), "in", tunnel);
	}
}

static void
sas_delete(struct bench *b, uint32_t step)
{
	for (uint32_t i = 0; i < SPIS_A_STEP; i++) {
		call(b, "sa.delete out 0x%x", spi_of(step, i));
		call(b, "sa.delete in 0x%x", spi_of(step, i));
	}
}

static void
tunnel_plus(struct bench *b, uint32_t step)
{
	char name[16];

	snprintf(name, sizeof(name), "t%u", step);
	call(b,
		"tunnel.add name = '%s'; local = '203.0.113.1'; remote = '198.51.100.%u'; address "
		"= "
		"'10.8.%u.1'; peer_address = '10.8.%u.2'; carrier = '%s';",
		name, 30 + step % 200, step % 250, step % 250, step % 2 ? "udp" : "esp");
	add_sa(b, 0x800000 + step, "out", name);
	add_sa(b, 0x800000 + step, "in", name);
	call(b, "route.add prefix = '10.9.%u.0/24'; via = '%s';", step % 250, name);
	/* into an on-link prefix, over a neighbour that is resolved */
	call(b, "route.add prefix = '192.168.7.%u/32'; via = '%s';", 10 + step % 4, name);
	if (step % 4 == 0)
		call(b,
			"policy.add priority = 9; action = 'protect'; tunnel = '%s'; remote = "
			"'10.9.%u.0/24';",
			name, step % 250);
}

static void
tunnel_minus(struct bench *b, uint32_t step)
{
	if (step % 4 == 0)
		call(b, "policy.delete %u", ++b->policies);
	call(b, "route.delete prefix = '192.168.7.%u/32'; via = 't%u';", 10 + step % 4, step);
	call(b, "route.delete prefix = '10.9.%u.0/24'; via = 't%u';", step % 250, step);
	call(b, "sa.delete out 0x%x", 0x800000 + step);
	call(b, "sa.delete in 0x%x", 0x800000 + step);
	call(b, "tunnel.delete t%u", step);
}

/* A new outbound SA for what carries traffic; the one before it goes later. */
static void
rekey(struct bench *b)
{
	uint32_t r = b->rekeys++;

	begin(b);
	call(b,
		"sa.add spi = 0x%x; direction = 'out'; tunnel = 'ipsec%u'; algorithm = "
		"'aes-256-gcm'; key = '%02x%s';",
		0x7000 + REKEY_FIRST + r, r % 2, REKEY_FIRST + r, KEY());
	commit(b);
	pump(b);
	begin(b);
	call(b, "sa.delete out 0x%x", r < 2 ? 0x1000 + r : 0x7000 + REKEY_FIRST + r - 2);
	commit(b);
}

/* Packets go into a tunnel that is made by the change that leads them there; and back. */
static void
move(struct bench *b)
{
	uint32_t id = MOVE_FIRST + b->moves++;

	begin(b);
	call(b, "tunnel.add name = 'other'; local = '203.0.113.1'; remote = '198.51.100.250';");
	call(b,
		"sa.add spi = 0x%x; direction = 'out'; tunnel = 'other'; algorithm = "
		"'aes-256-gcm'; key = '%02x%s';",
		0x7000 + id, id, KEY());
	call(b, "route.delete prefix = '192.168.20.0/24'; via = 'ipsec0';");
	call(b, "route.add prefix = '192.168.20.0/24'; via = 'other';");
	commit(b);
	drain(b);
	pump(b);
	begin(b);
	call(b, "route.add prefix = '192.168.20.0/24'; via = 'ipsec0';");
	call(b, "route.delete prefix = '192.168.20.0/24'; via = 'other';");
	commit(b);
	drain(b); /* what is in the tunnel would go with it */
	begin(b);
	call(b, "sa.delete out 0x%x", 0x7000 + id);
	call(b, "tunnel.delete other");
	commit(b);
}

/* A change that comes to nothing after all of it has been seen by workers. */
static void
come_to_nothing(struct bench *b, uint32_t step)
{
	const struct config_policy bad = {.action = SPD_NO_MATCH};
	struct error err = {""};
	uint32_t id;

	begin(b);
	call(b, "tunnel.update ipsec%u mtu = 1280;", step % 2);
	call(b, "sa.delete in 0x2000");
	add_sa(b, 0x900000, "in", "ipsec0");
	add_sa(b, 0x900000, "out", "ipsec0");
	call(b, "policy.add priority = 1; action = 'discard'; remote = '10.99.0.0/16';");
	call(b, "route.delete prefix = '192.168.20.0/24'; via = 'ipsec0';");
	stage_check(&b->f, gateway_policy_add(b->f.g, &bad, &id, &err) == 0, "prepared");
	stage_check(&b->f, gateway_change_commit(b->f.g, &err) == -EINVAL, "it passes");
	pump(b);
}

static void
step(struct bench *b, uint32_t i)
{
	begin(b);
	sas_add(b, i);
	if (i >= SAS_LIVE)
		sas_delete(b, i - SAS_LIVE);
	commit(b);
	if (i % 4 == 1) {
		begin(b);
		call(b, "tunnel.update ipsec%u mtu = %u;", i / 4 % 2, 1300 + i % 50);
		commit(b);
	}
	if (b->rekeys < REKEYS && i % (b->steps / REKEYS) == 0)
		rekey(b);
	if (b->moves < MOVES && i % (b->steps / MOVES) == 1)
		move(b);
	tunnels_tick(b->f.g, now_ms());
}

/* Tunnels come and go apart from the others: the ids of their policies are counted. */
static void
tunnels_step(struct bench *b, uint32_t i)
{
	begin(b);
	if (i >= SAS_LIVE)
		tunnel_minus(b, i - SAS_LIVE);
	tunnel_plus(b, i);
	commit(b);
}

static void
churn(struct bench *b)
{
	uint32_t tunnels = b->steps / 8;

	for (uint32_t i = 0; i < b->steps; i++) {
		step(b, i);
		if (i % 8 == 0)
			tunnels_step(b, i / 8);
	}
	/* all that came goes */
	for (uint32_t i = b->steps - SAS_LIVE; i < b->steps; i++) {
		begin(b);
		sas_delete(b, i);
		commit(b);
	}
	for (uint32_t i = tunnels - SAS_LIVE; i < tunnels; i++) {
		begin(b);
		tunnel_minus(b, i);
		commit(b);
	}
	for (uint32_t i = 0; i < b->steps / 10; i++)
		come_to_nothing(b, i);
	begin(b);
	call(b, "tunnel.update ipsec0 mtu = 0;");
	call(b, "tunnel.update ipsec1 mtu = 0;");
	commit(b);
}

/* --- */

static void
open_bench(struct bench *b, const char *engine)
{
	static const char few[] = "sas = 64;", many[] = "sas = 2048;";
	static const char window[] = "direction = \"in\"; tunnel = \"ipsec1\";";
	static char config[sizeof(SITE) + 64];
	const char *at = strstr(SITE, few), *sa = strstr(SITE, window);

	/* wider than the test engine's disorder */
	snprintf(config, sizeof(config), "%.*s%s%.*s replay_window = 1024;%s", (int)(at - SITE),
		SITE, many, (int)(sa + strlen(window) - at - strlen(few)), at + strlen(few),
		sa + strlen(window));
	*b = (struct bench){.peer = peer_create(),
		.steps = getenv("ESPGW_LONG") ? 50 * STEPS : STEPS,
		.seen = calloc(PACKETS_MAX, 1)};
	if (!b->seen)
		abort();
	stage_fixture_open(&b->f, &(struct stage_setup){.config = config,
					  .engine = engine,
					  .rings = SITE_RINGS,
					  .nodes = &stage_two_nodes});
}

/* The peer makes a session when it first needs it: all of them now. */
static void
warm(struct bench *b)
{
	static struct packet any = {.n = 100, .bytes = {0x45}}, inner;

	for (uint8_t r = 0; r < REKEYS; r++)
		peer_open(b->peer, &(struct esp_row){.key = REKEY_FIRST + r}, &any, &inner);
	for (uint8_t m = 0; m < MOVES; m++)
		peer_open(b->peer, &(struct esp_row){.key = MOVE_FIRST + m}, &any, &inner);
	peer_open(b->peer, &(struct esp_row){.key = 0xc0}, &any, &inner);
	peer_open(b->peer, &(struct esp_row){.key = 0xc1}, &any, &inner);
	peer_seal(b->peer, &(struct esp_row){.key = 0xd1}, &any, &inner);
}

static void
run(const char *engine)
{
	static struct bench b;
	char *before, *after;
	uint32_t freed;

	open_bench(&b, engine);
	warm(&b);
	before = changing_memory(&b.f);
	quarantine_begin();
	if (workers_launch(b.f.g) != 0)
		abort();
	churn(&b);
	drain(&b);
	workers_stop(b.f.g);
	for (int r = 0; r < DROP_REASON_COUNT; r++)
		stage_check(&b.f, stage_fixture_drops(&b.f, (enum drop_reason)r) == 0,
			"%lu dropped: %s", stage_fixture_drops(&b.f, (enum drop_reason)r),
			drop_name((enum drop_reason)r));
	changing_settle(&b.f);
	stage_check(&b.f, quarantine_end(&freed) == 0, "what was freed has been written to");
	after = changing_memory(&b.f);
	changing_same(&b.f, "memory", before, after);
	print_message("%s: %u packets, %u changes, %u operations, %u SAs and tunnels freed\n",
		engine, b.received, b.changes, b.operations, freed);
	stage_check(&b.f, b.received > b.steps, "few packets");
	free(before);
	free(after);
	free(b.seen);
	assert_int_equal(stage_fixture_close(&b.f), 0);
	peer_destroy(b.peer);
}

static void
test_synchronous(void **state)
{
	(void)state;
	run("cryptodev");
}

static void
test_asynchronous(void **state)
{
	(void)state;
	run("test");
}

/* The workers share a CPU, and are interrupted anywhere; the control lcore is beside them where
 * there is a second one. */
static void
leave_cpu(void)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);
	cpu_set_t all;

	CPU_ZERO(&all);
	for (long i = 0; i < n && i < CPU_SETSIZE; i++)
		CPU_SET((size_t)i, &all);
	if (sched_setaffinity(0, sizeof(all), &all) != 0)
		abort();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_synchronous),
		cmocka_unit_test(test_asynchronous),
	};

	stage_fixture_eal("changes_load", 2);
	leave_cpu();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
