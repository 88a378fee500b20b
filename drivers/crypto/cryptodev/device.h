/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CRYPTODEV_DEVICE_H
#define CRYPTODEV_DEVICE_H

/* What both engines need of a cryptodev: choosing and starting it, and its sessions. */

#include <rte_crypto_sym.h>
#include <rte_mempool.h>

#include "crypto.h"

/* What an engine asks of a device, and makes of it. */
struct device_needs {
	const struct crypto_engine_params *params;
	const char *engine; /* for messages */
	uint64_t features;  /* RTE_CRYPTODEV_FF_* */
	uint16_t queue_pairs, descriptors;
	uint16_t iv_offset; /* of the IV in a crypto op; 0 for the synchronous path */
};

struct device {
	uint8_t id;
	bool ours; /* we made it, and take it away */
	uint16_t iv_offset;
	struct rte_mempool *sessions;
};

/* Chooses, configures and starts a device. 0 or -errno. */
int device_open(struct device *device, const struct device_needs *needs, struct error *err);
void device_close(struct device *device);

struct crypto_session *device_session_create(struct device *device,
	const struct crypto_algorithm *algorithm, enum crypto_direction direction,
	const uint8_t *key, uint8_t aad_bytes, struct error *err);
void device_session_destroy(struct device *device, struct crypto_session *session);

#endif
