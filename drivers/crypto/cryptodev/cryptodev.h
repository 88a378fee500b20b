/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CRYPTODEV_H
#define CRYPTODEV_H

/*
 * Two crypto engines on rte_cryptodev: synchronous (the CPU path of software devices) and
 * asynchronous (enqueue and dequeue, any device). With no device named, any idle one that can do
 * it is taken, and when there is none a virtual one of ipsec-mb is made. Control lcore.
 */

#include "crypto.h"

/* "cryptodev". NULL with err set. */
struct crypto_engine *cryptodev_sync_create(
	const struct crypto_engine_params *params, struct error *err);

/* "cryptodev-async". NULL with err set. */
struct crypto_engine *cryptodev_async_create(
	const struct crypto_engine_params *params, struct error *err);

#endif
