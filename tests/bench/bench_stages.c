/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each stage of the packet walk costs: cycles of the time stamp counter a packet of 64 bytes,
 * outbound and inbound, in bursts of the default size through a whole gateway between rings in
 * memory. What the crypto engine takes is told apart from the stage that calls it. The stages
 * follow each other as in lib/worker/loop.c; the same walk without clocks in between is what their
 * sum is compared with.
 *
 * usage: bench_stages [ENGINE...], synchronous ones
 *        bench_stages --count BURSTS: only walks so many in each direction, for callgrind to count
 *        instructions (tools/check-instructions)
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "bench.h"
#include "inbound.h"
#include "loop.h"
#include "stage.h"

enum {
	MEMORY_MB = 448,
	BURST = BURST_DEFAULT,
	IP_BYTES = 50, /* 64 with Ethernet */
	ROUNDS = 101,
	BURSTS = 64, /* of a round */
};

/* What is told apart. */
#define PARTS(X)                                                                                   \
	X(INPUT, "input")                                                                          \
	X(ROUTE, "route")                                                                          \
	X(DECIDE, "decide")                                                                        \
	X(PROTECT, "protect, seal")                                                                \
	X(OPEN, "open")                                                                            \
	X(CRYPTO, "crypto engine")                                                                 \
	X(OUTPUT, "output")                                                                        \
	X(TRANSMIT, "transmit")                                                                    \
	X(WALK, "the walk at once")

enum part {
#define X(id, name) PART_##id,
	PARTS(X)
#undef X
		PART_COUNT
};

static const char *const part_names[] = {
#define X(id, name) name,
	PARTS(X)
#undef X
};

/* The engine's process with a clock around it. */
static struct {
	struct crypto_engine_ops ops;
	const struct crypto_engine_ops *real;
	uint64_t cycles;
} timed;

struct run {
	struct stage_fixture *f;
	uint16_t in_ring, out_ring, in_port;
	uint32_t n_frame;                  /* bytes */
	const uint8_t (*frames)[2048];     /* BURST of them */
	uint64_t cycles[PART_COUNT];       /* of this round */
	double packet[PART_COUNT][ROUNDS]; /* cycles a packet, by round */
};

static uint16_t __rte_noinline
timed_process(struct crypto_engine *engine, uint16_t worker, struct crypto_burst *burst)
{
	uint64_t start = rte_rdtsc_precise();
	uint16_t good = timed.real->process(engine, worker, burst);

	timed.cycles += rte_rdtsc_precise() - start;
	return good;
}

/* Adds what has passed since the last mark to a part, but for the engine's share. */
static inline void
mark(struct run *r, enum part part, uint64_t *last)
{
	uint64_t now = rte_rdtsc_precise();

	r->cycles[part] += now - *last - timed.cycles;
	r->cycles[PART_CRYPTO] += timed.cycles;
	timed.cycles = 0;
	*last = rte_rdtsc_precise();
}

static void
walk_in_parts(struct run *r, struct rte_mbuf **pkts, uint16_t n, uint64_t *last)
{
	struct worker *w = r->f->w;

	n = stage_route(w, pkts, n);
	mark(r, PART_ROUTE, last);
	stage_decide(w, pkts, n);
	mark(r, PART_DECIDE, last);
	stage_protect(w);
	mark(r, PART_PROTECT, last);
	stage_open(w);
	mark(r, PART_OPEN, last);
	stage_output(w, w->output.pkts, w->output.n);
	w->output.n = 0;
	mark(r, PART_OUTPUT, last);
}

static void
burst_in_parts(struct run *r, struct rte_mbuf **pkts)
{
	struct worker *w = r->f->w;
	uint16_t ethdev = r->f->g->tables.ports->ports[r->in_port]->ethdev, n;
	uint64_t last = rte_rdtsc_precise();

	n = stage_input(w, ethdev, pkts, BURST);
	mark(r, PART_INPUT, &last);
	walk_in_parts(r, pkts, n, &last);
	while (w->again.n > 0) {
		n = w->again.n;
		memcpy(pkts, w->again.pkts, n * sizeof(pkts[0]));
		w->again.n = 0;
		walk_in_parts(r, pkts, n, &last);
	}
	stage_transmit(w);
	mark(r, PART_TRANSMIT, &last);
}

static void __rte_noinline
burst_at_once(struct run *r, struct rte_mbuf **pkts)
{
	struct worker *w = r->f->w;
	uint16_t ethdev = r->f->g->tables.ports->ports[r->in_port]->ethdev, n;
	uint64_t start = rte_rdtsc_precise();

	n = stage_input(w, ethdev, pkts, BURST);
	worker_walk(w, pkts, n);
	stage_transmit(w);
	r->cycles[PART_WALK] += rte_rdtsc_precise() - start;
	timed.cycles = 0;
}

/* As a device would have received them. */
static void
burst_make(const struct run *r, struct rte_mbuf **pkts)
{
	struct worker *w = r->f->w;

	w->now_tsc = rte_rdtsc();
	if (rte_pktmbuf_alloc_bulk(w->pool, pkts, BURST) != 0)
		abort();
	for (unsigned int i = 0; i < BURST; i++) {
		pkts[i]->port = r->f->g->tables.ports->ports[r->in_port]->ethdev;
		memcpy(rte_pktmbuf_append(pkts[i], (uint16_t)r->n_frame), r->frames[i], r->n_frame);
	}
}

static void
check_sent(uint32_t sent, uint32_t wanted)
{
	if (sent == wanted)
		return;
	fprintf(stderr, "%u of %u packets came out\n", sent, wanted);
	exit(1);
}

static void
round_run(struct run *r, unsigned int round)
{
	struct rte_mbuf *pkts[BURST_MAX];
	uint32_t sent = 0;

	memset(r->cycles, 0, sizeof(r->cycles));
	for (unsigned int i = 0; i < BURSTS; i++) {
		burst_make(r, pkts);
		burst_in_parts(r, pkts);
		sent += stage_fixture_discard(r->f);
		burst_make(r, pkts);
		burst_at_once(r, pkts);
		sent += stage_fixture_discard(r->f);
	}
	check_sent(sent, 2 * BURSTS * BURST);
	for (unsigned int p = 0; p < PART_COUNT; p++)
		r->packet[p][round] = (double)r->cycles[p] / (BURSTS * BURST);
}

/* What it costs to read the clock, cycles a packet. */
static double
clock_cost(void)
{
	uint64_t start = rte_rdtsc_precise(), end = start;

	for (unsigned int i = 0; i < 1000; i++)
		end = rte_rdtsc_precise();
	return (double)(end - start) / 1000 / BURST;
}

static void
run_print(struct run *r, const char *what)
{
	double clock = clock_cost(), sum = 0;

	printf("\n%s\n", what);
	for (unsigned int p = 0; p < PART_COUNT; p++) {
		double cycles = bench_median(r->packet[p], ROUNDS);

		if (p == PART_WALK)
			printf("  %-18s %8.1f %8.1f\n", "sum", sum, sum * bench_ns(1000) / 1000);
		if (cycles <= 3 * clock)
			continue; /* nothing to do there */
		sum += cycles - clock;
		printf("  %-18s %8.1f %8.1f\n", part_names[p], cycles - clock,
			(cycles - clock) * bench_ns(1000) / 1000);
	}
}

static void
inner_packet(struct packet *p, const char *src, const char *dst)
{
	const struct packet_row row = {.src = src, .dst = dst, .bytes = IP_BYTES};

	packet_ip(p, &row);
}

static void
frame_out(struct inbound *in, uint8_t *bytes, uint32_t *n)
{
	static struct packet p;
	const struct port *lan = in->f.g->tables.ports->ports[SITE_LAN];

	inner_packet(&p, "192.168.1.10", "192.168.20.9");
	port_header_write(lan, bytes, lan->mac.addr_bytes, 4);
	memcpy(bytes + lan->header_bytes, p.bytes, p.n);
	*n = lan->header_bytes + p.n;
}

static void
frame_in(struct inbound *in, uint8_t *bytes, uint32_t *n)
{
	static struct packet text, frame;

	inner_packet(&text, "192.168.20.9", "192.168.1.10");
	inbound_trailer(&text, IPPROTO_IPIP);
	inbound_seal(in, 0, &text, &frame);
	memcpy(bytes, frame.bytes, frame.n);
	*n = frame.n;
}

/* Fills r with a burst of frames for one direction. */
static void
run_open(struct run *r, struct inbound *in, bool out)
{
	static uint8_t frames[BURST][2048];

	*r = (struct run){.f = &in->f,
		.frames = (const uint8_t(*)[2048])frames,
		.in_port = out ? SITE_LAN : SITE_WAN};
	for (unsigned int i = 0; i < BURST; i++)
		(out ? frame_out : frame_in)(in, frames[i], &r->n_frame);
}

static void
direction_run(struct inbound *in, bool out, const char *engine)
{
	static struct run r;
	char what[64];

	run_open(&r, in, out);
	round_run(&r, 0);
	for (unsigned int i = 0; i < ROUNDS; i++)
		round_run(&r, i);
	snprintf(what, sizeof(what), "%s, %s%20s", out ? "out" : "in", engine, "cycles       ns");
	run_print(&r, what);
}

/* callgrind writes what it counted whenever this returns. */
static void __rte_noinline
direction_count(struct inbound *in, bool out, uint32_t bursts)
{
	static struct run r;
	struct rte_mbuf *pkts[BURST_MAX];
	uint32_t sent = 0;

	run_open(&r, in, out);
	for (uint32_t i = 0; i < bursts; i++) {
		burst_make(&r, pkts);
		burst_at_once(&r, pkts);
		sent += stage_fixture_discard(r.f);
	}
	check_sent(sent, bursts * BURST);
}

/* bursts: how many to walk for callgrind; 0: measure time. */
static void
engine_run(const char *engine, uint32_t bursts)
{
	static const bool directions[] = {true, false};
	static struct inbound in;

	inbound_open(&in, engine);
	if (!crypto_engine_is_synchronous(in.f.g->engine)) {
		fprintf(stderr, "%s: only of a synchronous engine can the share be told\n", engine);
		exit(1);
	}
	timed.real = in.f.g->engine->ops;
	timed.ops = *timed.real;
	timed.ops.process = timed_process;
	in.f.g->engine->ops = &timed.ops;
	for (unsigned int i = 0; i < RTE_DIM(directions); i++) {
		if (bursts)
			direction_count(&in, directions[i], bursts);
		else
			direction_run(&in, directions[i], engine);
	}
	in.f.g->engine->ops = timed.real;
	if (inbound_close(&in) != 0)
		exit(1);
}

/* What does not depend on the machine: plain memory, the engine that is always there. */
static int
count(uint32_t bursts)
{
	stage_fixture_eal("count-stages", 1);
	printf("%u packets in each direction, compiler %s\n", bursts * BURST, __VERSION__);
	engine_run("cryptodev", bursts);
	return rte_eal_cleanup();
}

int
main(int argc, char **argv)
{
	static const char *const engines[] = {"cryptodev", HAVE_IPSEC_MB ? "ipsec-mb" : NULL};

	if (argc == 3 && strcmp(argv[1], "--count") == 0)
		return count((uint32_t)strtoul(argv[2], NULL, 10));
	bench_eal("bench-stages", MEMORY_MB, 2);
	printf("a packet of 64 bytes, bursts of %d, medians of %d rounds\n", BURST, ROUNDS);
	for (int i = 1; i < argc; i++)
		engine_run(argv[i], 0);
	for (unsigned int i = 0; i < RTE_DIM(engines) && argc == 1 && engines[i] != NULL; i++)
		engine_run(engines[i], 0);
	return rte_eal_cleanup();
}
