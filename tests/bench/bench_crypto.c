/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet costs in each synchronous engine: the call of a burst, nothing else. Packets of 64,
 * 512 and 1420 bytes of frame, over one session and over many in random order; the engines take
 * turns and the medians are compared. With a second CPU also how two workers bear each other.
 *
 * usage: bench_crypto [ROUNDS]
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "bench.h"
#include "cryptodev.h"
#include "ipsecmb.h"

enum {
	MEMORY_MB = 192,
	BURST = 32,
	PACKETS = 8 * BURST, /* in turn; they stay in the cache, as packets just received do */
	SESSIONS = 10000,
	ORDER = 1 << 16, /* jobs until the random order of the sessions repeats */
	BLOCK = 1 << 17, /* packets of 64 bytes that an engine does before the other one's turn */
	ROUNDS = 15,
	ETHERNET = 14,
	HEADERS = 50, /* outer ones and ESP's, before the text */
	ICV = 16,
	AAD = 8,
	WORKERS = 2,
};

struct subject {
	const char *name;
	struct crypto_engine *(*create)(
		const struct crypto_engine_params *params, struct error *err);
	struct crypto_engine *engine;
	/* All of one key, so that what is sealed with one is opened with any other. */
	struct crypto_session *out[SESSIONS], *in[SESSIONS];
};

struct row {
	uint32_t frame_bytes;
	uint32_t sessions;
	enum crypto_direction direction;
};

/* A worker's. */
struct bench {
	uint16_t worker;
	struct rte_mbuf *pkts[PACKETS];
	struct crypto_burst burst;
	uint32_t order[ORDER], at;
};

static uint32_t
text_bytes(uint32_t frame_bytes)
{
	return RTE_ALIGN_CEIL(frame_bytes - ETHERNET + 2, 4);
}

static void
burst_fill(struct bench *b, const struct row *row, unsigned int turn)
{
	struct crypto_burst *burst = &b->burst;
	uint32_t bytes = text_bytes(row->frame_bytes);

	burst->n = BURST;
	for (unsigned int i = 0; i < BURST; i++) {
		struct rte_mbuf *m = b->pkts[(turn * BURST + i) % PACKETS];

		m->data_len = (uint16_t)(HEADERS + bytes + ICV);
		m->pkt_len = m->data_len;
		burst->pkts[i] = m;
		burst->text[i] = rte_pktmbuf_mtod_offset(m, uint8_t *, HEADERS);
		burst->text_bytes[i] = bytes;
		burst->icv[i] = burst->text[i] + bytes;
		memset(burst->nonce[i].bytes, (int)(turn + i), sizeof(burst->nonce[i].bytes));
		memset(burst->aad[i], (int)i, AAD);
	}
}

static void
sessions_take(struct bench *b, struct crypto_session *const *sessions, uint32_t n)
{
	for (unsigned int i = 0; i < BURST; i++)
		b->burst.sessions[i] = sessions[b->order[(b->at + i) % ORDER] % n];
	b->at += BURST;
}

/* One call. Returns its cycles; ends the program when a packet fails. */
static uint64_t
call(struct bench *b, const struct subject *s)
{
	uint64_t start = rte_rdtsc_precise(), cycles;
	uint16_t good = s->engine->ops->process(s->engine, b->worker, &b->burst);

	cycles = rte_rdtsc_precise() - start;
	if (good != BURST) {
		fprintf(stderr, "%s: %u of %d packets went well\n", s->name, good, BURST);
		exit(1);
	}
	return cycles;
}

/* Cycles a packet. */
static double
block(struct bench *b, const struct subject *s, const struct row *row)
{
	unsigned int calls = BLOCK / BURST / (1 + row->frame_bytes / 256);
	uint64_t cycles = 0;

	for (unsigned int turn = 0; turn < calls; turn++) {
		burst_fill(b, row, turn);
		if (row->direction == CRYPTO_DECRYPT) {
			sessions_take(b, s->out, 1);
			call(b, s);
			sessions_take(b, s->in, row->sessions);
		} else {
			sessions_take(b, s->out, row->sessions);
		}
		cycles += call(b, s);
	}
	return (double)cycles / calls / BURST;
}

static void
row_run(struct bench *b, const struct subject *subjects, const struct row *row, unsigned int rounds)
{
	double ns[2][ROUNDS], ratios[ROUNDS];

	for (unsigned int r = 0; r < rounds; r++) {
		for (unsigned int s = 0; s < 2; s++)
			ns[s][r] = bench_ns(1000000) / 1e6 * block(b, &subjects[s], row);
		ratios[r] = ns[0][r] / ns[1][r];
	}
	printf("%-4s %6u %9u %14.1f %14.1f %10.2f\n",
		row->direction == CRYPTO_ENCRYPT ? "out" : "in", row->frame_bytes, row->sessions,
		bench_median(ns[0], rounds), bench_median(ns[1], rounds),
		bench_median(ratios, rounds));
}

static void
rows_run(struct bench *b, const struct subject *subjects, unsigned int rounds)
{
	static const uint32_t frames[] = {64, 512, 1420}, sessions[] = {1, 256, SESSIONS};

	printf("ns a packet, medians of %u rounds\n\n%-4s %6s %9s %14s %14s %10s\n", rounds, "",
		"bytes", "sessions", subjects[0].name, subjects[1].name, "ratio");
	for (unsigned int i = 0; i < 2 * RTE_DIM(frames) * RTE_DIM(sessions); i++) {
		const struct row row = {.direction = i / (RTE_DIM(frames) * RTE_DIM(sessions)),
			.frame_bytes = frames[i / RTE_DIM(sessions) % RTE_DIM(frames)],
			.sessions = sessions[i % RTE_DIM(sessions)]};

		row_run(b, subjects, &row, rounds);
	}
}

/* The second worker's part: calls until told to stop. */
struct neighbour {
	struct bench *bench;
	const struct subject *subject;
	uint32_t stop;
};

static int
neighbour_run(void *arg)
{
	const struct row row = {64, 1, CRYPTO_ENCRYPT};
	struct neighbour *n = arg;

	burst_fill(n->bench, &row, 0);
	sessions_take(n->bench, n->subject->out + 1, 1);
	while (!__atomic_load_n(&n->stop, __ATOMIC_ACQUIRE))
		call(n->bench, n->subject);
	return 0;
}

/* What a packet costs while another worker has packets of its own in the same engine. */
static void
two_workers_run(struct bench *benches, const struct subject *subjects, unsigned int rounds)
{
	const unsigned int lcore = rte_get_next_lcore(rte_get_main_lcore(), 1, 0);
	const struct row row = {64, 1, CRYPTO_ENCRYPT};
	const rte_cpuset_t here = rte_lcore_cpuset(rte_get_main_lcore());
	const rte_cpuset_t there = rte_lcore_cpuset(lcore);

	if (CPU_EQUAL(&here, &there)) {
		printf("\none CPU only: nothing about two workers\n");
		return;
	}
	printf("\n%-20s %14s %14s\n", "out, 64, 1 session", "alone", "beside another");
	for (unsigned int s = 0; s < 2; s++) {
		double ns[2][ROUNDS];

		for (unsigned int r = 0; r < rounds; r++) {
			struct neighbour n = {&benches[1], &subjects[s], 0};

			ns[0][r] = bench_ns(1000000) / 1e6 * block(benches, &subjects[s], &row);
			rte_eal_remote_launch(neighbour_run, &n, lcore);
			ns[1][r] = bench_ns(1000000) / 1e6 * block(benches, &subjects[s], &row);
			__atomic_store_n(&n.stop, 1, __ATOMIC_RELEASE);
			rte_eal_wait_lcore(lcore);
		}
		printf("%-20s %14.1f %14.1f\n", subjects[s].name, bench_median(ns[0], rounds),
			bench_median(ns[1], rounds));
	}
}

static struct crypto_session *
session_make(struct subject *s, enum crypto_direction direction)
{
	static const uint8_t key[CRYPTO_KEY_MAX] = "0123456789abcdef0123456789abcde";
	struct error err = {""};
	struct crypto_session *session = s->engine->ops->session_create(
		s->engine, crypto_algorithm_get(CRYPTO_AES_256_GCM), direction, key, AAD, &err);

	if (session == NULL) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return session;
}

static void
subject_open(struct subject *s)
{
	const struct crypto_engine_params params = {
		.workers = WORKERS, .sessions_max = 2 * SESSIONS, .socket = SOCKET_ID_ANY};
	struct error err = {""};

	s->engine = s->create(&params, &err);
	if (s->engine == NULL) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	for (unsigned int i = 0; i < SESSIONS; i++)
		s->out[i] = session_make(s, CRYPTO_ENCRYPT);
	for (unsigned int i = 0; i < SESSIONS; i++)
		s->in[i] = session_make(s, CRYPTO_DECRYPT);
}

static void
subject_close(struct subject *s)
{
	for (unsigned int i = 0; i < SESSIONS; i++) {
		s->engine->ops->session_destroy(s->engine, s->out[i]);
		s->engine->ops->session_destroy(s->engine, s->in[i]);
	}
	s->engine->ops->destroy(s->engine);
}

static void
bench_open(struct bench *b, uint16_t worker, struct rte_mempool *pool)
{
	b->worker = worker;
	if (rte_pktmbuf_alloc_bulk(pool, b->pkts, PACKETS) != 0)
		exit(1);
	srand(1);
	for (unsigned int i = 0; i < ORDER; i++)
		b->order[i] = (uint32_t)rand();
}

int
main(int argc, char **argv)
{
	static struct subject subjects[2] = {
		{.name = "ipsec-mb", .create = ipsecmb_create},
		{.name = "cryptodev", .create = cryptodev_sync_create},
	};
	static struct bench benches[WORKERS];
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : ROUNDS;
	struct rte_mempool *pool;

	rounds = RTE_MAX(1u, RTE_MIN(rounds, (unsigned int)ROUNDS));
	bench_eal("bench-crypto", MEMORY_MB, WORKERS);
	pool = rte_pktmbuf_pool_create(
		"packets", WORKERS * PACKETS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		return 1;
	for (uint16_t i = 0; i < WORKERS; i++)
		bench_open(&benches[i], i, pool);
	for (unsigned int s = 0; s < 2; s++)
		subject_open(&subjects[s]);
	rows_run(benches, subjects, rounds);
	two_workers_run(benches, subjects, rounds);
	for (unsigned int s = 0; s < 2; s++)
		subject_close(&subjects[s]);
	return rte_eal_cleanup();
}
