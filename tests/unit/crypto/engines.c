/* SPDX-License-Identifier: BSD-3-Clause */
#include "engines.h"

#include <stdlib.h>

#include "cryptodev.h"
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

void
engine_run(struct crypto_engine *engine, struct crypto_session *session, struct crypto_burst *burst)
{
	uint16_t given = 0, back = 0, idle = 0;

	if (crypto_engine_is_synchronous(engine)) {
		engine->ops->process(engine, 0, session, burst);
		return;
	}
	for (uint16_t i = 0; i < burst->n; i++)
		burst->status[i] = -1;
	while (back < burst->n) {
		struct rte_mbuf *pkts[8];
		int32_t status[8];
		uint16_t n;

		if (given < burst->n)
			given += engine->ops->submit(engine, 0, session, burst, given);
		assert_true(given <= burst->n);
		n = engine->ops->poll(engine, 0, pkts, status, 8);
		for (uint16_t i = 0; i < n; i++)
			status_set(burst, pkts[i], status[i]);
		back += n;
		idle = n == 0 ? idle + 1 : 0;
		assert_true(idle < 1000);
	}
}
