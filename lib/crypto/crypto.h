/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CRYPTO_H
#define CRYPTO_H

/*
 * Crypto as a job-burst interface with engines behind it. The ESP code fills a struct crypto_burst
 * with jobs of one engine, each with its session, and hands it over. A synchronous engine (process)
 * has the statuses filled in when the call returns. An asynchronous one (submit) takes a prefix of
 * the burst and gives the packets back later, from poll, on the same worker, in any order.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "errmsg.h"
#include "sizes.h"

enum {
	CRYPTO_KEY_MAX = 32,
	CRYPTO_NONCE_MAX = 16,
	CRYPTO_ICV_MAX = 32,
	CRYPTO_AAD_MAX = 16,
	CRYPTO_BURST = 64, /* jobs of one crypto_burst */
};

enum crypto_algorithm_id {
	CRYPTO_AES_128_GCM,
	CRYPTO_AES_192_GCM,
	CRYPTO_AES_256_GCM,
	CRYPTO_ALGORITHM_COUNT
};

/* What an algorithm looks like in ESP (RFC 4106 for the GCM ones). One row each in crypto.c. */
struct crypto_algorithm {
	enum crypto_algorithm_id id;
	const char *name;   /* as in the configuration: "aes-256-gcm" */
	uint8_t key_bytes;  /* without the salt */
	uint8_t salt_bytes; /* follows the key in the key material */
	uint8_t iv_bytes;   /* on the wire */
	uint8_t icv_bytes;
	uint8_t align; /* of payload, padding and trailer: 4 */
	bool aead;
};

const struct crypto_algorithm *crypto_algorithm_find(
	const char *name); /* NULL: none of that name */
const struct crypto_algorithm *crypto_algorithm_get(enum crypto_algorithm_id id);
/* "aes-256-gcm, aes-192-gcm, …", for messages. */
const char *crypto_algorithm_names(void);

enum crypto_direction { CRYPTO_ENCRYPT, CRYPTO_DECRYPT };

struct crypto_nonce {
	uint8_t bytes[CRYPTO_NONCE_MAX]; /* GCM: 4 of salt, 8 of IV */
} __attribute__((aligned(16)));

struct crypto_session;
struct crypto_engine;

/* n jobs, in place. */
struct crypto_burst {
	uint16_t n;
	/* So many jobs, from the first on, are of one session (0: it is not known). */
	uint16_t alike;
	struct rte_mbuf *pkts[CRYPTO_BURST];
	struct crypto_session *sessions[CRYPTO_BURST];
	/* The range to encrypt or decrypt: begins in the packet's first segment (at its very end,
	 * perhaps) and goes on over the others. What is put before the packet in that segment
	 * meanwhile does not move it. */
	uint8_t *text[CRYPTO_BURST];
	uint32_t text_bytes[CRYPTO_BURST];
	/* Contiguous. Encrypting: written. Decrypting: compared with. Lies in the packet (its last
	 * segment), or, when decrypting a packet whose ICV straddles segments, in icv_copy. */
	uint8_t *icv[CRYPTO_BURST];
	struct crypto_nonce nonce[CRYPTO_BURST];
	uint8_t aad[CRYPTO_BURST][CRYPTO_AAD_MAX];
	uint8_t icv_copy[CRYPTO_BURST][CRYPTO_ICV_MAX];
	int32_t status[CRYPTO_BURST]; /* out: enum crypto_status */
};

enum crypto_status { CRYPTO_OK = 0, CRYPTO_BAD_ICV, CRYPTO_ERROR };

/* Where the text of a job begins, as an offset into its packet. */
static inline uint32_t
crypto_text_offset(const struct crypto_burst *burst, uint16_t i)
{
	return (uint32_t)(burst->text[i] - rte_pktmbuf_mtod(burst->pkts[i], uint8_t *));
}

/* struct crypto_session is an engine's key schedule for one SA: opaque. Usable on all workers (one
 * at a time). */
struct crypto_engine_ops {
	const char *name; /* as with --crypto: "cryptodev", "cryptodev-async", … */
	void (*destroy)(struct crypto_engine *engine);
	/* key: key_bytes of the algorithm, not kept beyond the call but in the device's schedule.
	 * aad_bytes: of every job to come, 8 or 12 with ESN. NULL with err set. Control lcore. */
	struct crypto_session *(*session_create)(struct crypto_engine *engine,
		const struct crypto_algorithm *algorithm, enum crypto_direction direction,
		const uint8_t *key, uint8_t aad_bytes, struct error *err);
	/* Wipes the key schedule. No job of the session may be under way. Control lcore. */
	void (*session_destroy)(struct crypto_engine *engine, struct crypto_session *session);
	/* Synchronous engines; NULL for asynchronous ones. worker: index of the calling worker.
	 * Returns how many jobs went well. */
	uint16_t (*process)(
		struct crypto_engine *engine, uint16_t worker, struct crypto_burst *burst);
	/* Asynchronous engines. submit copies what it needs of jobs first, first + 1, … of the
	 * burst and returns how many of them it took, in order; the rest may be offered again. */
	uint16_t (*submit)(struct crypto_engine *engine, uint16_t worker,
		const struct crypto_burst *burst, uint16_t first);
	/* Completed packets, at most n, with their enum crypto_status. */
	uint16_t (*poll)(struct crypto_engine *engine, uint16_t worker, struct rte_mbuf **pkts,
		int32_t *status, uint16_t n);
	/* Which worker numbers the engine has a queue for: made at creation for `workers` of them.
	 */
};

/* Engines embed this at their beginning. */
struct crypto_engine {
	const struct crypto_engine_ops *ops;
};

static inline bool
crypto_engine_is_synchronous(const struct crypto_engine *engine)
{
	return engine->ops->process != NULL;
}

/* What an engine is made for. */
struct crypto_engine_params {
	const char *device; /* name of the device to use; NULL: any that can */
	uint16_t workers;   /* worker indexes 0 to workers - 1 will call */
	uint32_t sessions_max;
	int socket;
	uint32_t seed; /* test engine */
};

/* Leaves a pool of sessions, which are or have keys, out of core dumps. */
void crypto_pool_hide(struct rte_mempool *pool);

/* Overwrites memory so that the compiler cannot leave it out. */
void crypto_wipe(void *memory, size_t bytes);

#endif
