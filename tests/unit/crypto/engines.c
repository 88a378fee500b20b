/* SPDX-License-Identifier: BSD-3-Clause */
#include "engines.h"

#include <stdlib.h>
#include <string.h>

#include "cryptodev.h"
#include "ipsecmb.h"
#include "testengine.h"
#include "unit.h"

struct crypto_engine *
engine_make(enum test_engine_id id)
{
	const char *seed = getenv("ESPGW_TEST_SEED");
	const struct crypto_engine_params params = {.workers = 1,
		.sessions_max = 64,
		.socket = SOCKET_ID_ANY,
		.seed = seed != NULL ? (uint32_t)strtoul(seed, NULL, 0) : 1};
	struct error err = {""};
	struct crypto_engine *engine;

	if (id == ENGINE_ASYNC)
		engine = cryptodev_async_create(&params, &err);
	else if (id == ENGINE_IPSEC_MB)
		engine = ipsecmb_create(&params, &err);
	else
		engine = cryptodev_sync_create(&params, &err);
	if (engine != NULL && id == ENGINE_TEST)
		engine = crypto_test_engine_create(engine, &params, &err);
	if (engine == NULL)
		fail_msg("%s", err.text);
	return engine;
}

static void
status_set(struct crypto_burst *burst, const struct rte_mbuf *m, int32_t status)
{
	for (uint16_t i = 0; i < burst->n; i++) {
		if (burst->pkts[i] == m) {
			assert_int_equal(burst->status[i], -1);
			burst->status[i] = status;
			return;
		}
	}
	fail_msg("a packet came back that was never given");
}

/* The same jobs, in a burst that the test may spoil. */
static void
burst_copy(struct crypto_burst *copy, const struct crypto_burst *burst)
{
	*copy = *burst;
	for (uint16_t i = 0; i < burst->n; i++) {
		if (burst->icv[i] == burst->icv_copy[i])
			copy->icv[i] = copy->icv_copy[i];
	}
}

/* submit has copied what it needs. */
static void
burst_spoil(struct crypto_burst *burst, uint16_t first, uint16_t end)
{
	for (uint16_t i = first; i < end; i++) {
		memset(&burst->nonce[i], 0xa5, sizeof(burst->nonce[i]));
		memset(burst->aad[i], 0xa5, sizeof(burst->aad[i]));
		memset(burst->icv_copy[i], 0xa5, sizeof(burst->icv_copy[i]));
	}
}

void
engine_run(struct crypto_engine *engine, struct crypto_session *session, struct crypto_burst *burst)
{
	static struct crypto_burst copy;
	uint16_t given = 0, back = 0, idle = 0, good = 0;

	for (uint16_t i = 0; i < burst->n && session != NULL; i++)
		burst->sessions[i] = session;
	if (crypto_engine_is_synchronous(engine)) {
		uint16_t counted = engine->ops->process(engine, 0, burst);

		for (uint16_t i = 0; i < burst->n; i++)
			good += burst->status[i] == CRYPTO_OK;
		assert_int_equal(counted, good);
		return;
	}
	for (uint16_t i = 0; i < burst->n; i++)
		burst->status[i] = -1;
	burst_copy(&copy, burst);
	while (back < burst->n) {
		struct rte_mbuf *pkts[8];
		int32_t status[8];
		uint16_t n;

		if (given < burst->n) {
			n = engine->ops->submit(engine, 0, &copy, given);
			assert_true(given + n <= burst->n);
			burst_spoil(&copy, given, given + n);
			given += n;
		}
		n = engine->ops->poll(engine, 0, pkts, status, 8);
		for (uint16_t i = 0; i < n; i++)
			status_set(burst, pkts[i], status[i]);
		back += n;
		idle = n == 0 ? idle + 1 : 0;
		assert_true(idle < 1000);
	}
}
