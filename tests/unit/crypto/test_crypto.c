/* SPDX-License-Identifier: BSD-3-Clause */
/* The engines as such; what they compute is judged in tests/vectors. */

#include <string.h>

#include <rte_cryptodev.h>

#include "cryptodev.h"
#include "eal.h"
#include "engines.h"
#include "ipsecmb.h"
#include "unit.h"

enum { POOL_SIZE = 2047, ICV = 16, AAD = 8 };

static struct rte_mempool *pool;
static struct crypto_engine *engines[ENGINE_COUNT];

static const uint8_t key[CRYPTO_KEY_MAX] = "0123456789abcdef0123456789abcde";

static struct crypto_session *
session_make(struct crypto_engine *engine, enum crypto_direction direction)
{
	struct error err = {""};
	struct crypto_session *session = engine->ops->session_create(
		engine, crypto_algorithm_get(CRYPTO_AES_256_GCM), direction, key, AAD, &err);

	if (session == NULL)
		fail_msg("%s: %s", engine->ops->name, err.text);
	return session;
}

/* A packet of `segments` segments with 4 bytes of text each, and room for the ICV after it. */
static void
job_add(struct crypto_burst *burst, unsigned segments, uint8_t fill)
{
	struct rte_mbuf *m = NULL;
	uint16_t i = burst->n++;

	for (unsigned s = 0; s < segments; s++) {
		struct rte_mbuf *segment = rte_pktmbuf_alloc(pool);

		memset(rte_pktmbuf_append(segment, 4), fill, 4);
		if (m == NULL)
			m = segment;
		else
			assert_int_equal(rte_pktmbuf_chain(m, segment), 0);
	}
	burst->icv[i] = (uint8_t *)rte_pktmbuf_append(m, ICV);
	burst->pkts[i] = m;
	burst->text[i] = rte_pktmbuf_mtod(m, uint8_t *);
	burst->text_bytes[i] = 4 * segments;
	memset(burst->nonce[i].bytes, i, sizeof(burst->nonce[i].bytes));
	memset(burst->aad[i], fill, sizeof(burst->aad[i]));
}

static void
burst_free(struct crypto_burst *burst)
{
	rte_pktmbuf_free_bulk(burst->pkts, burst->n);
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
}

static bool
text_is(const struct rte_mbuf *m, unsigned segments, uint8_t fill)
{
	for (unsigned s = 0; s < segments; s++, m = m->next) {
		const uint8_t *text = rte_pktmbuf_mtod(m, const uint8_t *);

		for (int i = 0; i < 4; i++) {
			if (text[i] != fill)
				return false;
		}
	}
	return true;
}

static void
algorithms_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CRYPTO_ALGORITHM_COUNT; i++) {
		const struct crypto_algorithm *a = crypto_algorithm_get(i);

		assert_int_equal(a->id, i);
		assert_ptr_equal(crypto_algorithm_find(a->name), a);
		assert_non_null(strstr(crypto_algorithm_names(), a->name));
	}
	assert_null(crypto_algorithm_find("aes-256-ctr"));
	assert_null(crypto_algorithm_find(""));
}

static void
every_algorithm_has_sessions(void **state)
{
	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		for (unsigned a = 0; a < CRYPTO_ALGORITHM_COUNT; a++) {
			struct error err = {""};
			struct crypto_session *s = engines[e]->ops->session_create(
				engines[e], crypto_algorithm_get(a), CRYPTO_DECRYPT, key, 12, &err);

			if (s == NULL)
				fail_msg("%s: %s", engines[e]->ops->name, err.text);
			engines[e]->ops->session_destroy(engines[e], s);
		}
	}
}

/* Chains of 5 in a full burst are more buffers than one call to the device takes. */
static void
bursts_of_chains_go_and_come(void **state)
{
	static const unsigned segments[] = {1, 2, 5, 64, 255};
	static struct crypto_burst burst;

	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct crypto_session *out = session_make(engines[e], CRYPTO_ENCRYPT);
		struct crypto_session *in = session_make(engines[e], CRYPTO_DECRYPT);

		for (unsigned s = 0; s < RTE_DIM(segments); s++) {
			burst.n = 0;
			while (burst.n < CRYPTO_BURST && (burst.n + 1) * segments[s] < POOL_SIZE)
				job_add(&burst, segments[s], (uint8_t)(burst.n + 1));
			engine_run(engines[e], out, &burst);
			for (uint16_t i = 0; i < burst.n; i++) {
				assert_int_equal(burst.status[i], CRYPTO_OK);
				assert_false(text_is(burst.pkts[i], 1, (uint8_t)(i + 1)));
			}
			engine_run(engines[e], in, &burst);
			for (uint16_t i = 0; i < burst.n; i++) {
				assert_int_equal(burst.status[i], CRYPTO_OK);
				assert_true(text_is(burst.pkts[i], segments[s], (uint8_t)(i + 1)));
			}
			burst_free(&burst);
		}
		engines[e]->ops->session_destroy(engines[e], out);
		engines[e]->ops->session_destroy(engines[e], in);
	}
}

static void
one_forgery_harms_no_other(void **state)
{
	static struct crypto_burst burst;

	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct crypto_session *out = session_make(engines[e], CRYPTO_ENCRYPT);
		struct crypto_session *in = session_make(engines[e], CRYPTO_DECRYPT);

		burst.n = 0;
		for (uint16_t i = 0; i < CRYPTO_BURST; i++)
			job_add(&burst, 1 + i % 3, (uint8_t)i);
		engine_run(engines[e], out, &burst);
		for (uint16_t i = 0; i < CRYPTO_BURST; i += 5)
			burst.icv[i][i % ICV] ^= 1;
		engine_run(engines[e], in, &burst);
		for (uint16_t i = 0; i < CRYPTO_BURST; i++)
			assert_int_equal(burst.status[i], i % 5 == 0 ? CRYPTO_BAD_ICV : CRYPTO_OK);
		burst_free(&burst);
		engines[e]->ops->session_destroy(engines[e], out);
		engines[e]->ops->session_destroy(engines[e], in);
	}
}

/* One of each algorithm, direction by direction. */
static void
sessions_of_all_kinds(
	struct crypto_engine *engine, struct crypto_session **out, struct crypto_session **in)
{
	struct error err = {""};

	for (unsigned a = 0; a < CRYPTO_ALGORITHM_COUNT; a++) {
		out[a] = engine->ops->session_create(
			engine, crypto_algorithm_get(a), CRYPTO_ENCRYPT, key, AAD, &err);
		in[a] = engine->ops->session_create(
			engine, crypto_algorithm_get(a), CRYPTO_DECRYPT, key, AAD, &err);
		if (out[a] == NULL || in[a] == NULL)
			fail_msg("%s: %s", engine->ops->name, err.text);
	}
}

/* Runs of every length; while half of the jobs are encrypted, the others are decrypted. */
static void
jobs_of_a_burst_have_sessions_of_their_own(void **state)
{
	enum { KINDS = CRYPTO_ALGORITHM_COUNT };
	struct crypto_session *out[KINDS], *in[KINDS];
	static struct crypto_burst burst;

	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		sessions_of_all_kinds(engines[e], out, in);
		burst.n = 0;
		for (uint16_t i = 0; i < CRYPTO_BURST; i++)
			job_add(&burst, 1 + (i % 7 == 0), (uint8_t)i);
		for (unsigned round = 0; round < 3; round++) {
			for (uint16_t i = 0; i < CRYPTO_BURST; i++) {
				unsigned kind = (i / (1 + i % 3)) % KINDS;
				bool sealed = i % 2 ? round == 1 : round > 0;

				burst.sessions[i] = sealed ? in[kind] : out[kind];
			}
			engine_run(engines[e], NULL, &burst);
			for (uint16_t i = 0; i < CRYPTO_BURST; i++) {
				bool again = i % 2 == 0 && round == 2;

				assert_int_equal(
					burst.status[i], again ? CRYPTO_BAD_ICV : CRYPTO_OK);
				if (!again)
					assert_int_equal(
						text_is(burst.pkts[i], 1, (uint8_t)i), round == 1);
			}
		}
		burst_free(&burst);
		for (unsigned k = 0; k < KINDS; k++) {
			engines[e]->ops->session_destroy(engines[e], out[k]);
			engines[e]->ops->session_destroy(engines[e], in[k]);
		}
	}
}

static void
text_beyond_the_packet_is_refused(void **state)
{
	static struct crypto_burst burst;

	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct crypto_session *out;

		if (!crypto_engine_is_synchronous(engines[e]))
			continue;
		out = session_make(engines[e], CRYPTO_ENCRYPT);
		burst.n = 0;
		job_add(&burst, 2, 1);
		job_add(&burst, 2, 2);
		burst.text_bytes[0] = 8 + ICV + 1;
		engine_run(engines[e], out, &burst);
		assert_int_equal(burst.status[0], CRYPTO_ERROR);
		assert_true(text_is(burst.pkts[0], 2, 1));
		assert_int_equal(burst.status[1], CRYPTO_OK);
		burst_free(&burst);
		engines[e]->ops->session_destroy(engines[e], out);
	}
}

static void
endless_chain_fails_alone(void **state)
{
	static struct crypto_burst burst;
	struct crypto_session *out = session_make(engines[ENGINE_SYNC], CRYPTO_ENCRYPT);

	(void)state;
	burst.n = 0;
	job_add(&burst, 3, 1);
	job_add(&burst, 257, 2);
	job_add(&burst, 256, 3);
	engine_run(engines[ENGINE_SYNC], out, &burst);
	assert_int_equal(burst.status[0], CRYPTO_OK);
	assert_int_equal(burst.status[1], CRYPTO_ERROR);
	assert_true(text_is(burst.pkts[1], 257, 2));
	assert_int_equal(burst.status[2], CRYPTO_OK);
	burst_free(&burst);
	engines[ENGINE_SYNC]->ops->session_destroy(engines[ENGINE_SYNC], out);
}

/* The session is the device's object, so what is left of the key schedule can be looked at. */
static void
destroying_wipes_the_key(void **state)
{
	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct crypto_session *session = session_make(engines[e], CRYPTO_ENCRYPT);
		const uint8_t *memory = (const uint8_t *)session;
		size_t bytes = rte_mempool_from_obj(session)->elt_size, left = 0, before = 0;

		for (size_t i = 0; i < bytes; i++)
			before += memory[i] != 0;
		engines[e]->ops->session_destroy(engines[e], session);
		for (size_t i = 0; i < bytes; i++)
			left += memory[i] != 0;
		assert_true(before > 128);
		assert_int_equal(left, 0);
	}
}

static void
a_device_that_is_not_there_is_named(void **state)
{
	const struct crypto_engine_params params = {
		.device = "crypto_nowhere", .workers = 1, .sessions_max = 8, .socket = 0};
	struct error err = {""};

	(void)state;
	assert_null(cryptodev_sync_create(&params, &err));
	assert_non_null(strstr(err.text, "crypto_nowhere"));
	assert_null(cryptodev_async_create(&params, &err));
	assert_non_null(strstr(err.text, "crypto_nowhere"));
}

/* A second engine must not take the first one's device from it; a named one is left as it was. */
static void
a_device_serves_one_engine(void **state)
{
	struct crypto_engine_params params = {.workers = 1, .sessions_max = 8, .socket = 0};
	struct error err = {""};
	unsigned before = rte_cryptodev_count();
	struct crypto_engine *engine;

	(void)state;
	params.device = rte_cryptodev_name_get(0);
	assert_null(cryptodev_sync_create(&params, &err));
	assert_non_null(strstr(err.text, params.device));
	params.device = NULL;
	engine = cryptodev_sync_create(&params, &err);
	assert_non_null(engine);
	assert_int_equal(rte_cryptodev_count(), before + 1);
	engine->ops->destroy(engine);
	assert_int_equal(rte_cryptodev_count(), before);
}

/* More workers than there can be copies of the library. */
static void
every_worker_of_ipsec_mb_computes_the_same(void **state)
{
	const struct crypto_engine_params params = {
		.workers = 24, .sessions_max = 8, .socket = SOCKET_ID_ANY};
	static struct crypto_burst burst;
	struct crypto_session *out, *in;
	struct crypto_engine *engine;
	struct error err = {""};

	(void)state;
	if (!HAVE_IPSEC_MB)
		skip();
	engine = ipsecmb_create(&params, &err);
	if (engine == NULL)
		fail_msg("%s", err.text);
	out = session_make(engine, CRYPTO_ENCRYPT);
	in = session_make(engine, CRYPTO_DECRYPT);
	burst.n = 0;
	job_add(&burst, 1, 1);
	job_add(&burst, 3, 2);
	for (uint16_t worker = 0; worker < params.workers; worker++) {
		for (uint16_t i = 0; i < burst.n; i++)
			burst.sessions[i] = out;
		assert_int_equal(engine->ops->process(engine, worker, &burst), 2);
		assert_false(text_is(burst.pkts[1], 1, 2));
		for (uint16_t i = 0; i < burst.n; i++)
			burst.sessions[i] = in;
		assert_int_equal(engine->ops->process(
					 engine, (uint16_t)(params.workers - 1 - worker), &burst),
			2);
		assert_true(text_is(burst.pkts[1], 3, 2));
	}
	burst_free(&burst);
	engine->ops->session_destroy(engine, out);
	engine->ops->session_destroy(engine, in);
	engine->ops->destroy(engine);
}

static void
ipsec_mb_takes_no_device_and_is_missed_where_it_was_not_built(void **state)
{
	struct crypto_engine_params params = {
		.device = "crypto_nowhere", .workers = 1, .sessions_max = 8, .socket = 0};
	struct error err = {""};

	(void)state;
	assert_null(ipsecmb_create(&params, &err));
	assert_non_null(strstr(err.text, "ipsec-mb"));
	assert_non_null(strstr(err.text, HAVE_IPSEC_MB ? "crypto_nowhere" : "libipsec-mb-dev"));
}

static int
setup(void **state)
{
	(void)state;
	test_eal_init("crypto", 64);
	pool = rte_pktmbuf_pool_create("packets", POOL_SIZE, 0, 0, 256, SOCKET_ID_ANY);
	assert_non_null(pool);
	for (unsigned e = 0; e < ENGINE_COUNT; e++)
		engines[e] = engine_make(e);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++)
		engines[e]->ops->destroy(engines[e]);
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
	assert_int_equal(rte_cryptodev_count(), 0);
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(algorithms_have_names),
		cmocka_unit_test(every_algorithm_has_sessions),
		cmocka_unit_test(bursts_of_chains_go_and_come),
		cmocka_unit_test(one_forgery_harms_no_other),
		cmocka_unit_test(jobs_of_a_burst_have_sessions_of_their_own),
		cmocka_unit_test(text_beyond_the_packet_is_refused),
		cmocka_unit_test(endless_chain_fails_alone),
		cmocka_unit_test(destroying_wipes_the_key),
		cmocka_unit_test(a_device_that_is_not_there_is_named),
		cmocka_unit_test(a_device_serves_one_engine),
		cmocka_unit_test(every_worker_of_ipsec_mb_computes_the_same),
		cmocka_unit_test(ipsec_mb_takes_no_device_and_is_missed_where_it_was_not_built),
	};

	return cmocka_run_group_tests_name("crypto", tests, setup, teardown);
}
