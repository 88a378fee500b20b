/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_ENGINES_H
#define TEST_ENGINES_H

/* Every engine there is, so that a test runs over each of them in the same way. */

#include "crypto.h"

enum test_engine_id {
	ENGINE_SYNC,
	ENGINE_ASYNC,
	ENGINE_TEST,
	ENGINE_IPSEC_MB, /* where it is built */
	ENGINE_COUNT = ENGINE_IPSEC_MB + HAVE_IPSEC_MB
};

/* The engine, for worker 0; the test ends when it cannot be made. */
struct crypto_engine *engine_make(enum test_engine_id id);

/* Does all jobs of the burst, waiting for them where the engine is asynchronous. session NULL: the
 * jobs have theirs. */
void engine_run(
	struct crypto_engine *engine, struct crypto_session *session, struct crypto_burst *burst);

#endif
