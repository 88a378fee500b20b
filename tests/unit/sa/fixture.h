/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SA_FIXTURE_H
#define SA_FIXTURE_H

/* SAs, packets of any shape, and their way through esp.c and an engine. */

#include "engines.h"
#include "esp.h"

enum {
	FIXTURE_POOL = 511,
	FIXTURE_SPI = 0x10203040,
	FIXTURE_PACKET_MAX = 9600,
};

struct fixture {
	struct rte_mempool *pool;
	struct crypto_engine *engines[ENGINE_COUNT];
};

void fixture_open(struct fixture *fx, const char *name);
/* Asserts that every mbuf came back. */
void fixture_close(struct fixture *fx);

/* The configuration of an SA with golden.py's keys and a window of 64. */
struct sa_config sa_config_make(enum sa_direction direction, enum crypto_algorithm_id algorithm);
struct sa *sa_make(struct crypto_engine *engine, const struct sa_config *config);
/* With esn, and starting at seq (out). */
struct sa *sa_make_simple(
	struct crypto_engine *engine, enum sa_direction direction, bool esn, uint64_t seq);

/* A packet in segments that end at the cuts (ascending; equal ones make an empty segment). */
struct rte_mbuf *packet_make(struct rte_mempool *pool, uint8_t family, const void *bytes,
	uint32_t n, const uint32_t *cuts, unsigned n_cuts);

/* Byte i of a packet that is as good as any other. */
void pattern_fill(uint8_t *bytes, uint32_t n);

/* The packet's bytes; returns how many. */
uint32_t packet_bytes(const struct rte_mbuf *m, uint8_t *bytes);

/* Whether the chain's lengths and counts agree with each other. */
void packet_check(const struct rte_mbuf *m);

/* Seals one packet. DROP_NONE and the envelope in *m, or why not (m is freed). */
enum drop_reason seal_one(struct sa *sa, struct rte_mbuf **m, uint16_t headroom_extra);

/* Opens one envelope; DROP_icv when the engine said so. *m is freed when it is a drop. */
/* As stage_seal does it, without an outer header: `lead` bytes stay room before ESP. Returns how
 * many are dead. */
uint16_t seal_prepare(struct sa *sa, struct rte_mbuf **pkts, uint16_t n, uint16_t lead,
	struct crypto_burst *burst, struct rte_mbuf **dead, enum drop_reason *why);
/* As stage_open does it. */
uint16_t open_prepare(struct sa *sa, struct rte_mbuf **pkts, uint16_t n, struct crypto_burst *burst,
	struct rte_mbuf **dead, enum drop_reason *why);
enum drop_reason open_finish(struct sa *sa, struct rte_mbuf **m, uint8_t *next_header);
enum drop_reason open_one(struct sa *sa, struct rte_mbuf **m, uint8_t *next_header);

#endif
