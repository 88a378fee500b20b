/* SPDX-License-Identifier: BSD-3-Clause */
#include "testengine.h"

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

enum {
	SLOTS = 128,   /* jobs of one worker that can be under way */
	DELAY_MAX = 8, /* polls that a job takes at most */
};

struct slot {
	struct crypto_session *session; /* NULL: free */
	struct rte_mbuf *m;
	uint8_t *text;
	uint32_t text_bytes;
	uint8_t *icv; /* NULL: icv_copy */
	struct crypto_nonce nonce;
	uint8_t aad[CRYPTO_AAD_MAX];
	uint8_t icv_copy[CRYPTO_ICV_MAX];
	uint32_t polls_left;
};

struct lane {
	uint64_t random;
	struct slot slots[SLOTS];
	struct crypto_burst burst;
} __rte_cache_aligned;

struct test_engine {
	struct crypto_engine engine;
	struct crypto_engine *inner;
	struct lane lanes[]; /* by worker */
};

/* xorshift64*: 0 to below - 1. */
static uint32_t
lane_random(struct lane *lane, uint32_t below)
{
	lane->random ^= lane->random >> 12;
	lane->random ^= lane->random << 25;
	lane->random ^= lane->random >> 27;
	return (uint32_t)((lane->random * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static void
slot_fill(struct slot *slot, const struct crypto_burst *burst, uint16_t i)
{
	slot->session = burst->sessions[i];
	slot->m = burst->pkts[i];
	slot->text = burst->text[i];
	slot->text_bytes = burst->text_bytes[i];
	slot->icv = burst->icv[i] == burst->icv_copy[i] ? NULL : burst->icv[i];
	slot->nonce = burst->nonce[i];
	memcpy(slot->aad, burst->aad[i], sizeof(slot->aad));
	memcpy(slot->icv_copy, burst->icv_copy[i], sizeof(slot->icv_copy));
}

static uint16_t
test_submit(struct crypto_engine *engine, uint16_t worker, const struct crypto_burst *burst,
	uint16_t first)
{
	struct lane *lane = &((struct test_engine *)engine)->lanes[worker];
	uint16_t wish = 0, taken = 0;

	/* now and then nothing at all */
	if (lane_random(lane, 8) != 0)
		wish = (uint16_t)(1 + lane_random(lane, burst->n - first));
	for (uint32_t i = 0; i < SLOTS && taken < wish; i++) {
		struct slot *slot = &lane->slots[i];

		if (slot->session != NULL)
			continue;
		slot_fill(slot, burst, first + taken++);
		slot->polls_left = lane_random(lane, DELAY_MAX + 1);
	}
	return taken;
}

static int32_t
slot_complete(struct test_engine *e, uint16_t worker, struct slot *slot)
{
	struct crypto_burst *burst = &e->lanes[worker].burst;

	burst->n = 1;
	burst->pkts[0] = slot->m;
	burst->sessions[0] = slot->session;
	burst->text[0] = slot->text;
	burst->text_bytes[0] = slot->text_bytes;
	burst->icv[0] = slot->icv != NULL ? slot->icv : slot->icv_copy;
	burst->nonce[0] = slot->nonce;
	memcpy(burst->aad[0], slot->aad, sizeof(slot->aad));
	e->inner->ops->process(e->inner, worker, burst);
	slot->session = NULL;
	return burst->status[0];
}

static uint16_t
test_poll(struct crypto_engine *engine, uint16_t worker, struct rte_mbuf **pkts, int32_t *status,
	uint16_t n)
{
	struct test_engine *e = (struct test_engine *)engine;
	struct lane *lane = &e->lanes[worker];
	uint32_t start = lane_random(lane, SLOTS);
	uint16_t done = 0;

	for (uint32_t i = 0; i < SLOTS && done < n; i++) {
		struct slot *slot = &lane->slots[(start + i) % SLOTS];

		if (slot->session == NULL)
			continue;
		if (slot->polls_left > 0) {
			slot->polls_left--;
			continue;
		}
		pkts[done] = slot->m;
		status[done++] = slot_complete(e, worker, slot);
	}
	return done;
}

static struct crypto_session *
test_session_create(struct crypto_engine *engine, const struct crypto_algorithm *algorithm,
	enum crypto_direction direction, const uint8_t *key, uint8_t aad_bytes, struct error *err)
{
	struct crypto_engine *inner = ((struct test_engine *)engine)->inner;

	return inner->ops->session_create(inner, algorithm, direction, key, aad_bytes, err);
}

static void
test_session_destroy(struct crypto_engine *engine, struct crypto_session *session)
{
	struct crypto_engine *inner = ((struct test_engine *)engine)->inner;

	inner->ops->session_destroy(inner, session);
}

static void
test_destroy(struct crypto_engine *engine)
{
	struct test_engine *e = (struct test_engine *)engine;

	e->inner->ops->destroy(e->inner);
	rte_free(e);
}

static const struct crypto_engine_ops test_ops = {
	.name = "test",
	.destroy = test_destroy,
	.session_create = test_session_create,
	.session_destroy = test_session_destroy,
	.submit = test_submit,
	.poll = test_poll,
};

struct crypto_engine *
crypto_test_engine_create(
	struct crypto_engine *inner, const struct crypto_engine_params *params, struct error *err)
{
	struct test_engine *e =
		rte_zmalloc_socket("crypto", sizeof(*e) + params->workers * sizeof(struct lane),
			RTE_CACHE_LINE_SIZE, params->socket);

	if (e == NULL) {
		error_set(err, -ENOMEM, "crypto engine \"%s\": no memory", test_ops.name);
		inner->ops->destroy(inner);
		return NULL;
	}
	e->engine.ops = &test_ops;
	e->inner = inner;
	for (uint16_t i = 0; i < params->workers; i++)
		e->lanes[i].random = UINT64_C(0x9e3779b97f4a7c15) * (params->seed + 1u) + i;
	return &e->engine;
}
