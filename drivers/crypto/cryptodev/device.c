/* SPDX-License-Identifier: BSD-3-Clause */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cryptodev.h>
#include <rte_dev.h>
#include <rte_errno.h>

#include "log.h"

/* How many device names are tried before giving up: one for each engine of a process. */
enum { VDEV_NAMES = 16 };

/* The PMDs of intel-ipsec-mb, the better one first. */
static const char *const vdev_drivers[] = {"crypto_aesni_gcm", "crypto_aesni_mb"};

static bool
device_can(uint8_t id, const struct crypto_algorithm *algorithm, uint8_t aad_bytes)
{
	struct rte_cryptodev_sym_capability_idx index = {
		.type = RTE_CRYPTO_SYM_XFORM_AEAD, .algo.aead = RTE_CRYPTO_AEAD_AES_GCM};
	const struct rte_cryptodev_symmetric_capability *capability =
		rte_cryptodev_sym_capability_get(id, &index);

	return capability != NULL && rte_cryptodev_sym_capability_check_aead(capability,
					     algorithm->key_bytes, algorithm->icv_bytes, aad_bytes,
					     algorithm->salt_bytes + algorithm->iv_bytes) == 0;
}

/* Whether the device can do what every gateway needs: AES-256-GCM on chains, with and without ESN.
 */
static bool
device_suits(uint8_t id, uint64_t features)
{
	const struct crypto_algorithm *algorithm = crypto_algorithm_get(CRYPTO_AES_256_GCM);
	struct rte_cryptodev_info info;

	rte_cryptodev_info_get(id, &info);
	features |= RTE_CRYPTODEV_FF_SYMMETRIC_CRYPTO | RTE_CRYPTODEV_FF_IN_PLACE_SGL;
	return (info.feature_flags & features) == features && device_can(id, algorithm, 8) &&
	       device_can(id, algorithm, 12);
}

static int
sessions_create(struct device *device, const struct crypto_engine_params *params)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "espgw_sessions_%u", device->id);
	/* No cache: the control lcore alone takes and returns, and wiping (below) counts on it. */
	device->sessions = rte_cryptodev_sym_session_pool_create(name, params->sessions_max,
		rte_cryptodev_sym_get_private_session_size(device->id), 0, 0, params->socket);
	return device->sessions == NULL ? -rte_errno : 0;
}

static int
queues_setup(const struct device *device, const struct device_needs *needs)
{
	struct rte_cryptodev_qp_conf conf = {
		.nb_descriptors = needs->descriptors, .mp_session = device->sessions};
	int rc = 0;

	for (uint16_t i = 0; i < needs->queue_pairs && rc == 0; i++)
		rc = rte_cryptodev_queue_pair_setup(device->id, i, &conf, needs->params->socket);
	return rc;
}

static int
device_start(struct device *device, const struct device_needs *needs)
{
	struct rte_cryptodev_config config = {.socket_id = needs->params->socket,
		.nb_queue_pairs = needs->queue_pairs,
		.ff_disable = RTE_CRYPTODEV_FF_SECURITY | RTE_CRYPTODEV_FF_ASYMMETRIC_CRYPTO};
	struct rte_cryptodev_info info;
	int rc;

	rte_cryptodev_info_get(device->id, &info);
	if (needs->queue_pairs > info.max_nb_queue_pairs)
		return -ENOSPC;
	config.ff_disable &= info.feature_flags;
	rc = rte_cryptodev_configure(device->id, &config);
	if (rc != 0)
		return rc;
	rc = sessions_create(device, needs->params);
	if (rc != 0)
		return rc;
	crypto_pool_hide(device->sessions);
	rc = queues_setup(device, needs);
	if (rc == 0)
		rc = rte_cryptodev_start(device->id);
	if (rc != 0) {
		rte_mempool_free(device->sessions);
		device->sessions = NULL;
	}
	return rc;
}

static int
open_named(struct device *device, const struct device_needs *needs, struct error *err)
{
	const char *name = needs->params->device;
	int id = rte_cryptodev_get_dev_id(name);
	int rc;

	if (id < 0)
		return error_set(
			err, -ENODEV, "crypto device \"%s\": there is none of that name", name);
	if (!device_suits((uint8_t)id, needs->features))
		return error_set(err, -ENOTSUP,
			"crypto device \"%s\": cannot do AES-256-GCM on chains of buffers the way "
			"the engine \"%s\" needs it",
			name, needs->engine);
	device->id = (uint8_t)id;
	rc = device_start(device, needs);
	if (rc != 0)
		return error_set(err, rc,
			"crypto device \"%s\": cannot be started with %u queue pairs: %s", name,
			needs->queue_pairs, rte_strerror(-rc));
	return 0;
}

/* Any that suits and that nobody has configured yet. -ENODEV: none. */
static int
open_any(struct device *device, const struct device_needs *needs)
{
	for (unsigned id = 0; id < RTE_CRYPTO_MAX_DEVS; id++) {
		if (!rte_cryptodev_is_valid_dev((uint8_t)id) ||
			rte_cryptodev_queue_pair_count((uint8_t)id) != 0 ||
			!device_suits((uint8_t)id, needs->features))
			continue;
		device->id = (uint8_t)id;
		if (device_start(device, needs) == 0)
			return 0;
	}
	return -ENODEV;
}

/* Makes a virtual device of `driver` under a name that is free. */
static int
open_vdev(struct device *device, const struct device_needs *needs, const char *driver)
{
	char name[RTE_CRYPTODEV_NAME_MAX_LEN], args[64];
	int rc = -EEXIST;

	snprintf(args, sizeof(args), "max_nb_queue_pairs=%u,socket_id=%d", needs->queue_pairs,
		needs->params->socket < 0 ? 0 : needs->params->socket);
	for (unsigned i = 0; i < VDEV_NAMES && rc == -EEXIST; i++) {
		snprintf(name, sizeof(name), "%s_espgw%u", driver, i);
		rc = rte_cryptodev_get_dev_id(name) >= 0 ? -EEXIST
							 : rte_eal_hotplug_add("vdev", name, args);
	}
	if (rc != 0)
		return rc;
	device->id = (uint8_t)rte_cryptodev_get_dev_id(name);
	device->ours = true;
	rc = device_suits(device->id, needs->features) ? device_start(device, needs) : -ENOTSUP;
	if (rc != 0) {
		rte_eal_hotplug_remove("vdev", name);
		device->ours = false;
	}
	return rc;
}

int
device_open(struct device *device, const struct device_needs *needs, struct error *err)
{
	int rc;

	device->iv_offset = needs->iv_offset;
	if (needs->params->device != NULL)
		return open_named(device, needs, err);
	rc = open_any(device, needs);
	for (unsigned i = 0; i < RTE_DIM(vdev_drivers) && rc != 0; i++)
		rc = open_vdev(device, needs, vdev_drivers[i]);
	if (rc != 0)
		return error_set(err, rc,
			"crypto engine \"%s\": no crypto device can do AES-256-GCM, and none of "
			"ipsec-mb could be made (%s); is DPDK's crypto_ipsec_mb driver installed?",
			needs->engine, rte_strerror(-rc));
	log_info(crypto, "engine \"%s\" on %s", needs->engine, rte_cryptodev_name_get(device->id));
	return 0;
}

void
device_close(struct device *device)
{
	char name[RTE_CRYPTODEV_NAME_MAX_LEN];

	snprintf(name, sizeof(name), "%s", rte_cryptodev_name_get(device->id));
	rte_cryptodev_stop(device->id);
	if (device->ours)
		rte_eal_hotplug_remove("vdev", name);
	rte_mempool_free(device->sessions);
}

struct crypto_session *
device_session_create(struct device *device, const struct crypto_algorithm *algorithm,
	enum crypto_direction direction, const uint8_t *key, uint8_t aad_bytes, struct error *err)
{
	struct rte_crypto_sym_xform xform = {.type = RTE_CRYPTO_SYM_XFORM_AEAD};
	void *session;

	if (!device_can(device->id, algorithm, aad_bytes)) {
		error_set(err, -ENOTSUP, "crypto device \"%s\" cannot do %s",
			rte_cryptodev_name_get(device->id), algorithm->name);
		return NULL;
	}
	xform.aead.op = direction == CRYPTO_ENCRYPT ? RTE_CRYPTO_AEAD_OP_ENCRYPT
						    : RTE_CRYPTO_AEAD_OP_DECRYPT;
	xform.aead.algo = RTE_CRYPTO_AEAD_AES_GCM;
	xform.aead.key.data = key;
	xform.aead.key.length = algorithm->key_bytes;
	xform.aead.iv.offset = device->iv_offset;
	xform.aead.iv.length = algorithm->salt_bytes + algorithm->iv_bytes;
	xform.aead.digest_length = algorithm->icv_bytes;
	xform.aead.aad_length = aad_bytes;
	session = rte_cryptodev_sym_session_create(device->id, &xform, device->sessions);
	if (session == NULL)
		error_set(err, -rte_errno, "crypto device \"%s\" has no session left for %s: %s",
			rte_cryptodev_name_get(device->id), algorithm->name,
			rte_strerror(rte_errno));
	return session;
}

void
device_session_destroy(struct device *device, struct crypto_session *session)
{
	rte_cryptodev_sym_session_free(device->id, session);
	/* The PMDs of ipsec-mb leave the key schedule in the freed object; others need it until
	 * they have let go of it. Nobody takes it from the pool in between: there is no cache, and
	 * this lcore is the only one that does. */
	crypto_wipe(session, device->sessions->elt_size);
}
