/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Wycheproof's AES-GCM cases with ESP's nonces of 12 bytes and tags of 16, through the crypto
 * interface. Cases whose AAD is longer than the interface has room for are left out, and counted.
 */

#include <string.h>

#include "fixture.h"
#include "unit.h"
#include "vectors.h"

enum { ICV = 16, NONCE = 12 };

struct gcm_case {
	int number;
	bool valid;
	enum crypto_algorithm_id algorithm;
	uint8_t key[CRYPTO_KEY_MAX], nonce[NONCE], aad[1024], tag[ICV];
	uint8_t message[1024], cipher[1024];
	uint32_t aad_bytes, bytes;
};

static struct fixture fx;
static json_t *vectors;

static void
case_load(struct gcm_case *c, json_t *vector)
{
	uint32_t key_bytes = vector_bytes(vector, "key", c->key, sizeof(c->key));

	c->number = (int)json_integer_value(json_object_get(vector, "tcId"));
	c->valid = strcmp(vector_text(vector, "result"), "valid") == 0;
	c->algorithm = key_bytes == 16   ? CRYPTO_AES_128_GCM
		       : key_bytes == 24 ? CRYPTO_AES_192_GCM
					 : CRYPTO_AES_256_GCM;
	assert_int_equal(vector_bytes(vector, "iv", c->nonce, NONCE), NONCE);
	assert_int_equal(vector_bytes(vector, "tag", c->tag, ICV), ICV);
	c->aad_bytes = vector_bytes(vector, "aad", c->aad, sizeof(c->aad));
	c->bytes = vector_bytes(vector, "msg", c->message, sizeof(c->message));
	assert_int_equal(vector_bytes(vector, "ct", c->cipher, sizeof(c->cipher)), c->bytes);
}

/* Runs the case one way over `text`, with the tag after it; the packet's bytes come back. */
static int32_t
case_run(const struct gcm_case *c, struct crypto_engine *engine, enum crypto_direction direction,
	const uint8_t *text, uint8_t *result, uint32_t cut)
{
	static struct crypto_burst burst;
	struct error err = {""};
	struct crypto_session *session = engine->ops->session_create(engine,
		crypto_algorithm_get(c->algorithm), direction, c->key, (uint8_t)c->aad_bytes, &err);
	uint8_t bytes[1024 + ICV];
	struct rte_mbuf *m;

	if (session == NULL)
		fail_msg("%s", err.text);
	memcpy(bytes, text, c->bytes);
	memcpy(bytes + c->bytes, c->tag, ICV);
	m = packet_make(fx.pool, 4, bytes, c->bytes + ICV, &cut, 1);
	burst.n = 1;
	burst.pkts[0] = m;
	burst.text[0] = rte_pktmbuf_mtod(m, uint8_t *);
	burst.text_bytes[0] = c->bytes;
	burst.icv[0] = rte_pktmbuf_mtod_offset(m->next, uint8_t *, m->next->data_len - ICV);
	memcpy(burst.nonce[0].bytes, c->nonce, NONCE);
	memcpy(burst.aad[0], c->aad, c->aad_bytes);
	engine_run(engine, session, &burst);
	packet_bytes(m, result);
	rte_pktmbuf_free(m);
	engine->ops->session_destroy(engine, session);
	return burst.status[0];
}

static void
case_check(const struct gcm_case *c, struct crypto_engine *engine)
{
	const uint32_t cuts[] = {0, c->bytes / 2, c->bytes};
	uint8_t result[1024 + ICV];

	for (unsigned i = 0; i < RTE_DIM(cuts); i++) {
		int32_t status = case_run(c, engine, CRYPTO_DECRYPT, c->cipher, result, cuts[i]);

		if (status != (c->valid ? CRYPTO_OK : CRYPTO_BAD_ICV))
			fail_msg("case %d, %s: status %d", c->number, engine->ops->name, status);
		if (!c->valid)
			continue;
		assert_memory_equal(result, c->message, c->bytes);
		status = case_run(c, engine, CRYPTO_ENCRYPT, c->message, result, cuts[i]);
		if (status != CRYPTO_OK || memcmp(result, c->cipher, c->bytes) != 0 ||
			memcmp(result + c->bytes, c->tag, ICV) != 0)
			fail_msg("case %d, %s: encrypted otherwise", c->number, engine->ops->name);
	}
}

static void
wycheproof(void **state)
{
	unsigned valid = 0, invalid = 0, long_aad = 0;
	json_t *group, *vector;
	struct gcm_case c;
	size_t g, i;

	(void)state;
	json_array_foreach (json_object_get(vectors, "testGroups"), g, group) {
		if (json_integer_value(json_object_get(group, "ivSize")) != 8 * NONCE ||
			json_integer_value(json_object_get(group, "tagSize")) != 8 * ICV)
			continue;
		json_array_foreach (json_object_get(group, "tests"), i, vector) {
			case_load(&c, vector);
			if (c.aad_bytes > CRYPTO_AAD_MAX) {
				long_aad++;
				continue;
			}
			for (unsigned e = 0; e < ENGINE_COUNT; e++)
				case_check(&c, fx.engines[e]);
			valid += c.valid;
			invalid += !c.valid;
		}
	}
	printf("Wycheproof: %u valid and %u invalid cases on %d engines; %u left out: AAD longer "
	       "than "
	       "%d bytes\n",
		valid, invalid, ENGINE_COUNT, long_aad, CRYPTO_AAD_MAX);
	/* a file that lost its cases is no test */
	assert_true(valid >= 75 && invalid == 81);
}

static int
setup(void **state)
{
	(void)state;
	fixture_open(&fx, "vectors-gcm");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fixture_close(&fx);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(wycheproof)};
	int rc;

	if (argc != 2)
		return 2;
	vectors = vectors_load(argv[1]);
	rc = cmocka_run_group_tests_name("vectors gcm", tests, setup, teardown);
	json_decref(vectors);
	return rc;
}
