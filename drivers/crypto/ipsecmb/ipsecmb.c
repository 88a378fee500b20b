/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipsecmb.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_prefetch.h>

#include "library.h"

enum {
	ICV = 16,
	BLOCK = 16,
	AHEAD = 4, /* jobs; so far ahead of its use is a key schedule asked for */
	ROUND_KEYS = sizeof(((struct gcm_key_data *)NULL)->expanded_keys),
	HASH_KEYS = sizeof(((struct gcm_key_data *)NULL)->ghash_keys) / BLOCK,
};

/* What the library reads of a key comes first: its layout counts on the alignment. */
struct crypto_session {
	struct gcm_key_data key;
	uint8_t algorithm; /* enum crypto_algorithm_id */
	uint8_t direction; /* enum crypto_direction */
	uint8_t aad_bytes;
} __rte_cache_aligned;

/* One worker's. */
struct lane {
	struct gcm_context_data context; /* the library's scratch */
	uint8_t tags[CRYPTO_BURST][ICV] __rte_aligned(ICV);
	struct gcm_calls calls;
	struct library copy;
} __rte_cache_aligned;

struct ipsecmb_engine {
	struct crypto_engine engine;
	struct rte_mempool *sessions;
	uint16_t n_lanes;
	struct lane lanes[]; /* by worker */
};

/*
 * The lines that a job's call reads: the round keys, and the powers of the hash key, one for each
 * block up to 48 of them; the first power is the last. So it is with VAES: on older CPUs the powers
 * lie elsewhere and come late, as without.
 */
static inline void
session_prefetch(const struct crypto_burst *burst, uint16_t i)
{
	const uint8_t *key = (const uint8_t *)burst->sessions[i];
	uint32_t powers = RTE_MIN(burst->text_bytes[i] / BLOCK + 3, (uint32_t)HASH_KEYS);
	const uint8_t *line = key + sizeof(struct crypto_session) - RTE_CACHE_LINE_SIZE;

	for (uint32_t at = 0; at < ROUND_KEYS; at += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(key + at);
	for (uint32_t at = 0; at < (powers + 1) * BLOCK; at += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(line - at);
}

/* Whether the text lies within the packet: a chain is not walked beyond its end. */
static bool
chain_holds(const struct crypto_burst *burst, uint16_t i)
{
	return (uint64_t)crypto_text_offset(burst, i) + burst->text_bytes[i] <=
	       burst->pkts[i]->pkt_len;
}

/* A packet of several segments, one after the other. */
static __rte_noinline int32_t
chain_crypt(struct lane *lane, const struct crypto_burst *burst, uint16_t i, uint8_t *tag)
{
	const struct crypto_session *s = burst->sessions[i];
	const struct gcm_calls *calls = &lane->calls;
	aes_gcm_enc_dec_update_t update = calls->update[s->algorithm][s->direction];
	uint32_t offset = crypto_text_offset(burst, i), left = burst->text_bytes[i];

	if (!chain_holds(burst, i))
		return CRYPTO_ERROR;
	calls->init[s->algorithm](
		&s->key, &lane->context, burst->nonce[i].bytes, burst->aad[i], s->aad_bytes);
	for (const struct rte_mbuf *m = burst->pkts[i]; left > 0; m = m->next) {
		uint32_t part = RTE_MIN(left, m->data_len - offset);
		uint8_t *text = rte_pktmbuf_mtod_offset(m, uint8_t *, offset);

		if (part > 0)
			update(&s->key, &lane->context, text, text, part);
		offset = 0; /* the text begins in the first one */
		left -= part;
	}
	calls->finalize[s->algorithm][s->direction](&s->key, &lane->context, tag, ICV);
	return CRYPTO_OK;
}

/* The jobs from `first` to before `end`, of one session. Returns those whose tags are to be
 * compared, a bit each; *bad: how many more could not be done. */
static __rte_always_inline uint64_t
run_crypt(
	struct lane *lane, struct crypto_burst *burst, uint16_t first, uint16_t end, uint16_t *bad)
{
	const struct crypto_session *s = burst->sessions[first];
	const bool opens = s->direction == CRYPTO_DECRYPT;
	const uint64_t aad_bytes = s->aad_bytes;
	aes_gcm_enc_dec_t whole = lane->calls.whole[s->algorithm][s->direction];
	uint64_t done = 0;

	for (uint16_t i = first; i < end; i++) {
		uint8_t *tag = opens ? lane->tags[i] : burst->icv[i], *text = burst->text[i];

		burst->status[i] = CRYPTO_OK;
		if (likely(burst->pkts[i]->nb_segs == 1)) {
			/* 32 bits of length are always within what GCM allows. */
			whole(&s->key, &lane->context, text, text, burst->text_bytes[i],
				burst->nonce[i].bytes, burst->aad[i], aad_bytes, tag, ICV);
		} else if (chain_crypt(lane, burst, i, tag) != CRYPTO_OK) {
			burst->status[i] = CRYPTO_ERROR;
			(*bad)++;
			continue;
		}
		done |= (uint64_t)opens << i;
	}
	return done;
}

/* In time that does not depend on where they differ. */
static inline bool
tags_equal(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/*
 * The tags that were computed against those that came, for the jobs whose bits are set. After the
 * whole burst: one that has just been written is not there to be read yet. Returns how many are
 * wrong, or could not be computed.
 */
static inline uint16_t
tags_check(const struct lane *lane, struct crypto_burst *burst, uint64_t opened)
{
	uint16_t bad = 0;

	for (; opened != 0; opened &= opened - 1) {
		uint16_t i = (uint16_t)__builtin_ctzll(opened);

		if (likely(tags_equal(lane->tags[i], burst->icv[i])))
			continue;
		burst->status[i] = CRYPTO_BAD_ICV;
		bad++;
	}
	return bad;
}

static uint16_t
ipsecmb_process(struct crypto_engine *engine, uint16_t worker, struct crypto_burst *burst)
{
	struct lane *lane = &((struct ipsecmb_engine *)engine)->lanes[worker];
	const uint16_t n = burst->n;
	uint64_t opened = 0; /* jobs whose tag is to be compared */
	uint16_t bad = 0;

	RTE_BUILD_BUG_ON(CRYPTO_BURST > 64);
	if (likely(burst->alike == n)) {
		opened = run_crypt(lane, burst, 0, n, &bad);
	} else {
		for (uint16_t i = 1; i < RTE_MIN(n, AHEAD); i++)
			if (burst->sessions[i] != burst->sessions[i - 1])
				session_prefetch(burst, i);
		for (uint16_t i = 0; i < n; i++) {
			if (i + AHEAD < n &&
				burst->sessions[i + AHEAD] != burst->sessions[i + AHEAD - 1])
				session_prefetch(burst, i + AHEAD);
			opened |= run_crypt(lane, burst, i, i + 1, &bad);
		}
	}
	return (uint16_t)(n - bad - tags_check(lane, burst, opened));
}

static struct crypto_session *
ipsecmb_session_create(struct crypto_engine *engine, const struct crypto_algorithm *algorithm,
	enum crypto_direction direction, const uint8_t *key, uint8_t aad_bytes, struct error *err)
{
	struct ipsecmb_engine *e = (struct ipsecmb_engine *)engine;
	void *object;
	struct crypto_session *s;

	if (rte_mempool_get(e->sessions, &object) != 0) {
		error_set(err, -ENOSPC, "crypto engine \"ipsec-mb\" has no session left for %s",
			algorithm->name);
		return NULL;
	}
	s = object;
	s->algorithm = (uint8_t)algorithm->id;
	s->direction = (uint8_t)direction;
	s->aad_bytes = aad_bytes;
	e->lanes[0].calls.expand[algorithm->id](key, &s->key);
	return s;
}

static void
ipsecmb_session_destroy(struct crypto_engine *engine, struct crypto_session *session)
{
	crypto_wipe(session, sizeof(*session));
	rte_mempool_put(((struct ipsecmb_engine *)engine)->sessions, session);
}

static void
ipsecmb_destroy(struct crypto_engine *engine)
{
	struct ipsecmb_engine *e = (struct ipsecmb_engine *)engine;

	for (uint16_t i = 0; i < e->n_lanes; i++)
		library_close(&e->lanes[i].copy);
	rte_mempool_free(e->sessions);
	rte_free(e);
}

static const struct crypto_engine_ops ipsecmb_ops = {
	.name = "ipsec-mb",
	.destroy = ipsecmb_destroy,
	.session_create = ipsecmb_session_create,
	.session_destroy = ipsecmb_session_destroy,
	.process = ipsecmb_process,
};

static int
sessions_create(struct ipsecmb_engine *e, const struct crypto_engine_params *params)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "ipsecmb_%" PRIxPTR, (uintptr_t)e);
	/* The control lcore alone takes and returns. */
	e->sessions = rte_mempool_create(name, params->sessions_max, sizeof(struct crypto_session),
		0, 0, NULL, NULL, NULL, NULL, params->socket,
		RTE_MEMPOOL_F_SP_PUT | RTE_MEMPOOL_F_SC_GET | RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (e->sessions == NULL)
		return -rte_errno;
	crypto_pool_hide(e->sessions);
	return 0;
}

static int
lanes_open(struct ipsecmb_engine *e, uint16_t n, struct error *err)
{
	for (; e->n_lanes < n; e->n_lanes++) {
		struct lane *lane = &e->lanes[e->n_lanes];
		int rc = library_open(&lane->copy, e->n_lanes > 0, err);

		if (rc != 0)
			return rc;
		library_calls(&lane->copy, &lane->calls);
	}
	return 0;
}

struct crypto_engine *
ipsecmb_create(const struct crypto_engine_params *params, struct error *err)
{
	struct ipsecmb_engine *e;
	int rc;

	if (params->device != NULL) {
		error_set(err, -EINVAL,
			"crypto engine \"ipsec-mb\" uses no device: leave \"%s\" out, or take the "
			"engine \"cryptodev\"",
			params->device);
		return NULL;
	}
	e = rte_zmalloc_socket("crypto", sizeof(*e) + params->workers * sizeof(struct lane),
		RTE_CACHE_LINE_SIZE, params->socket);
	if (e == NULL) {
		error_set(err, -ENOMEM, "crypto engine \"ipsec-mb\": no memory");
		return NULL;
	}
	e->engine.ops = &ipsecmb_ops;
	rc = lanes_open(e, params->workers, err);
	if (rc == 0) {
		rc = sessions_create(e, params);
		if (rc != 0)
			error_set(err, rc,
				"crypto engine \"ipsec-mb\": no memory for %" PRIu32 " sessions",
				params->sessions_max);
	}
	if (rc == 0)
		return &e->engine;
	ipsecmb_destroy(&e->engine);
	return NULL;
}
