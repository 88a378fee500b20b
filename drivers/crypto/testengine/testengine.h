/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTENGINE_H
#define TESTENGINE_H

#include "crypto.h"

/*
 * An asynchronous engine for tests, around a synchronous one: takes only a part of what it is
 * offered, works at completion, and completes late and out of order, by params->seed. Real devices
 * do all of that, ipsec-mb's never. Takes `inner` over, also when it fails. NULL with err set.
 */
struct crypto_engine *crypto_test_engine_create(
	struct crypto_engine *inner, const struct crypto_engine_params *params, struct error *err);

#endif
