/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each stage of the packet walk costs: cycles of the time stamp counter a packet of 64 bytes,
 * outbound and inbound, in bursts of 32 through a whole gateway between rings in memory. What the
 * crypto engine takes is told apart from the stage that calls it. The stages follow each other as
 * in lib/worker/loop.c; the same walk without clocks in between is what their sum is compared with.
 *
 * usage: bench_stages [ENGINE...], synchronous ones
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
	BURST = 32,
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

static uint16_t
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

static void
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
	if (sent != 2 * BURSTS * BURST) {
		fprintf(stderr, "%u of %u packets came out\n", sent, 2 * BURSTS * BURST);
		exit(1);
	}
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

static void
direction_run(struct inbound *in, enum crypto_direction direction, const char *engine)
{
	static uint8_t frames[BURST][2048];
	static struct run r;
	char what[64];
	bool out = direction == CRYPTO_ENCRYPT;

	r = (struct run){.f = &in->f,
		.frames = (const uint8_t(*)[2048])frames,
		.in_port = out ? SITE_LAN : SITE_WAN};
	for (unsigned int i = 0; i < BURST; i++)
		(out ? frame_out : frame_in)(in, frames[i], &r.n_frame);
	round_run(&r, 0);
	for (unsigned int i = 0; i < ROUNDS; i++)
		round_run(&r, i);
	snprintf(what, sizeof(what), "%s, %s%20s", out ? "out" : "in", engine, "cycles       ns");
	run_print(&r, what);
}

static void
engine_run(const char *engine)
{
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
	direction_run(&in, CRYPTO_ENCRYPT, engine);
	direction_run(&in, CRYPTO_DECRYPT, engine);
	in.f.g->engine->ops = timed.real;
	if (inbound_close(&in) != 0)
		exit(1);
}

int
main(int argc, char **argv)
{
	static const char *const engines[] = {"cryptodev", HAVE_IPSEC_MB ? "ipsec-mb" : NULL};

	bench_eal("bench-stages", MEMORY_MB, 2);
	printf("a packet of 64 bytes, bursts of %d, medians of %d rounds\n", BURST, ROUNDS);
	for (int i = 1; i < argc; i++)
		engine_run(argv[i]);
	for (unsigned int i = 0; i < RTE_DIM(engines) && argc == 1 && engines[i] != NULL; i++)
		engine_run(engines[i]);
	return rte_eal_cleanup();
}
