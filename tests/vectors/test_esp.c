/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * McGrew's ESP test cases. Their IVs are no sequence numbers, so they go into the lower half of the
 * ESP code (esp_job.h), which leaves IV, sequence number and next header to its caller.
 */

#include <stdlib.h>
#include <string.h>

#include "esp_job.h"
#include "fixture.h"
#include "unit.h"
#include "vectors.h"

struct esp_case {
	int number;
	bool esn;
	uint64_t seq;
	uint8_t iv[8];
	uint32_t inner_bytes; /* of the plaintext, without padding and trailer */
	uint32_t text_bytes, esp_bytes;
	uint8_t text[128], esp[256];
	struct sa_config config;
};

static struct fixture fx;
static json_t *vectors;

static void
case_load(struct esp_case *c, json_t *vector)
{
	const struct crypto_algorithm *a = crypto_algorithm_get(CRYPTO_AES_256_GCM);
	const char *seq = vector_text(vector, "seq");
	uint8_t nonce[12];
	rte_be32_t header[2];

	*c = (struct esp_case){.config = sa_config_make(SA_OUT, a->id)};
	c->number = (int)json_integer_value(json_object_get(vector, "n"));
	c->esn = strlen(seq) == 16;
	c->seq = strtoull(seq, NULL, 16);
	c->config.esn = c->esn;
	c->config.spi = (uint32_t)strtoul(vector_text(vector, "spi"), NULL, 16);
	assert_int_equal(vector_bytes(vector, "nonce", nonce, 12), 12);
	assert_int_equal(vector_bytes(vector, "key", c->config.key, 32), 32);
	memcpy(c->config.key + a->key_bytes, nonce, 4);
	memcpy(c->iv, nonce + 4, 8);
	c->text_bytes = vector_bytes(vector, "pt", c->text, sizeof(c->text));
	c->inner_bytes = c->text_bytes - 2 - c->text[c->text_bytes - 2];
	header[0] = rte_cpu_to_be_32(c->config.spi);
	header[1] = rte_cpu_to_be_32((uint32_t)c->seq);
	memcpy(c->esp, header, sizeof(header));
	memcpy(c->esp + 8, c->iv, 8);
	c->esp_bytes = 16 + vector_bytes(vector, "ct", c->esp + 16, sizeof(c->esp) - 16);
}

static void
case_seal(const struct esp_case *c, struct crypto_engine *engine, uint32_t cut)
{
	static struct crypto_burst burst;
	struct sa *sa = sa_make(engine, &c->config);
	struct rte_mbuf *m = packet_make(fx.pool, 4, c->text, c->inner_bytes, &cut, cut != 0);
	uint8_t bytes[FIXTURE_PACKET_MAX];

	const struct esp_sa esp = esp_sa_of(sa);
	rte_be64_t iv;

	burst.n = 0;
	memcpy(&iv, c->iv, sizeof(iv));
	assert_non_null(esp_seal_job(
		&esp, esp.shape, m, 0, c->text[c->text_bytes - 1], c->seq, iv, &burst, 0));
	esp_jobs_end(&burst, esp.session, 1);
	engine_run(engine, sa->session, &burst);
	assert_int_equal(burst.status[0], CRYPTO_OK);
	if (packet_bytes(burst.pkts[0], bytes) != c->esp_bytes ||
		memcmp(bytes, c->esp, c->esp_bytes) != 0)
		fail_msg("case %d, %s, cut at %u", c->number, engine->ops->name, cut);
	rte_pktmbuf_free(burst.pkts[0]);
	sa_destroy(sa);
}

static void
case_open(const struct esp_case *c, struct crypto_engine *engine, uint32_t cut)
{
	struct sa_config config = c->config;
	struct rte_mbuf *m = packet_make(fx.pool, 4, c->esp, c->esp_bytes, &cut, cut != 0);
	uint8_t bytes[FIXTURE_PACKET_MAX], next_header;
	struct sa *sa;

	config.direction = SA_IN;
	config.replay_window = 64;
	sa = sa_make(engine, &config);
	sa->hot.window.top = c->seq - 1;
	if (open_one(sa, &m, &next_header) != DROP_NONE)
		fail_msg("case %d, %s, cut at %u", c->number, engine->ops->name, cut);
	assert_int_equal(next_header, c->text[c->text_bytes - 1]);
	assert_int_equal(packet_bytes(m, bytes), c->inner_bytes);
	assert_memory_equal(bytes, c->text, c->inner_bytes);
	rte_pktmbuf_free(m);
	sa_destroy(sa);
}

static void
mcgrew(void **state)
{
	struct esp_case c;
	json_t *vector;
	size_t i;

	(void)state;
	json_array_foreach (vectors, i, vector) {
		case_load(&c, vector);
		for (unsigned e = 0; e < ENGINE_COUNT; e++) {
			for (uint32_t cut = 0; cut < c.esp_bytes; cut++) {
				case_seal(&c, fx.engines[e], cut % c.inner_bytes);
				case_open(&c, fx.engines[e], cut);
			}
		}
	}
	assert_int_equal(i, 4);
	printf("McGrew: %zu cases, out and in, on %d engines\n", i, ENGINE_COUNT);
}

static int
setup(void **state)
{
	(void)state;
	fixture_open(&fx, "vectors-esp");
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(mcgrew)};
	int rc;

	if (argc != 2)
		return 2;
	vectors = vectors_load(argv[1]);
	rc = cmocka_run_group_tests_name("vectors esp", tests, setup, teardown);
	json_decref(vectors);
	return rc;
}
