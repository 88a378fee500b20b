/* SPDX-License-Identifier: BSD-3-Clause */
/* The asynchronous engine: enqueue and dequeue, a queue pair for each worker. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cryptodev.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "cryptodev.h"
#include "device.h"

enum {
	DESCRIPTORS = 2048, /* of a queue pair */
	OP_CACHE = 128,
};

/* What lies behind an op: the device reads and writes it long after submit has returned. */
struct op_private {
	struct crypto_nonce nonce;
	uint8_t aad[CRYPTO_AAD_MAX];
	uint8_t icv[CRYPTO_ICV_MAX]; /* of packets where it straddles segments */
};

enum {
	OP_BYTES = sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op),
	PRIVATE_OFFSET = RTE_ALIGN_CEIL(OP_BYTES, _Alignof(struct op_private)),
	PRIVATE_BYTES = PRIVATE_OFFSET - OP_BYTES + sizeof(struct op_private),
};

struct async_engine {
	struct crypto_engine engine;
	struct device device;
	struct rte_mempool *ops;
};

/* The bus address of a byte inside the packet. */
static inline rte_iova_t
packet_iova(const struct rte_mbuf *m, const uint8_t *byte)
{
	for (; m != NULL; m = m->next) {
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

		if (byte >= data && byte < data + m->data_len)
			return rte_pktmbuf_iova_offset(m, byte - data);
	}
	return RTE_BAD_IOVA;
}

static inline void
op_fill(struct rte_crypto_op *op, const struct crypto_burst *burst, uint16_t i)
{
	struct op_private *private = rte_crypto_op_ctod_offset(op, void *, PRIVATE_OFFSET);
	struct rte_crypto_sym_op *sym = op->sym;

	rte_crypto_op_attach_sym_session(op, burst->sessions[i]);
	sym->m_src = burst->pkts[i];
	sym->m_dst = NULL;
	sym->aead.data.offset = crypto_text_offset(burst, i);
	sym->aead.data.length = burst->text_bytes[i];
	private->nonce = burst->nonce[i];
	memcpy(private->aad, burst->aad[i], sizeof(private->aad));
	sym->aead.aad.data = private->aad;
	sym->aead.aad.phys_addr =
		rte_crypto_op_ctophys_offset(op, PRIVATE_OFFSET + offsetof(struct op_private, aad));
	if (likely(burst->icv[i] != burst->icv_copy[i])) {
		sym->aead.digest.data = burst->icv[i];
		sym->aead.digest.phys_addr = packet_iova(burst->pkts[i], burst->icv[i]);
		return;
	}
	memcpy(private->icv, burst->icv_copy[i], sizeof(private->icv));
	sym->aead.digest.data = private->icv;
	sym->aead.digest.phys_addr =
		rte_crypto_op_ctophys_offset(op, PRIVATE_OFFSET + offsetof(struct op_private, icv));
}

static uint16_t
async_submit(struct crypto_engine *engine, uint16_t worker, const struct crypto_burst *burst,
	uint16_t first)
{
	const struct async_engine *e = (const struct async_engine *)engine;
	struct rte_crypto_op *ops[CRYPTO_BURST];
	uint16_t n = burst->n - first, taken;

	/* All or none. */
	if (rte_crypto_op_bulk_alloc(e->ops, RTE_CRYPTO_OP_TYPE_SYMMETRIC, ops, n) != n)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		op_fill(ops[i], burst, first + i);
	taken = rte_cryptodev_enqueue_burst(e->device.id, worker, ops, n);
	if (unlikely(taken < n))
		rte_mempool_put_bulk(e->ops, (void **)&ops[taken], n - taken);
	return taken;
}

static inline int32_t
op_status(const struct rte_crypto_op *op)
{
	switch (op->status) {
	case RTE_CRYPTO_OP_STATUS_SUCCESS:
		return CRYPTO_OK;
	case RTE_CRYPTO_OP_STATUS_AUTH_FAILED:
		return CRYPTO_BAD_ICV;
	default:
		return CRYPTO_ERROR;
	}
}

static uint16_t
async_poll(struct crypto_engine *engine, uint16_t worker, struct rte_mbuf **pkts, int32_t *status,
	uint16_t n)
{
	const struct async_engine *e = (const struct async_engine *)engine;
	struct rte_crypto_op *ops[CRYPTO_BURST];

	n = rte_cryptodev_dequeue_burst(e->device.id, worker, ops, RTE_MIN(n, CRYPTO_BURST));
	for (uint16_t i = 0; i < n; i++) {
		pkts[i] = ops[i]->sym->m_src;
		status[i] = op_status(ops[i]);
	}
	if (n > 0)
		rte_mempool_put_bulk(e->ops, (void **)ops, n);
	return n;
}

static struct crypto_session *
async_session_create(struct crypto_engine *engine, const struct crypto_algorithm *algorithm,
	enum crypto_direction direction, const uint8_t *key, uint8_t aad_bytes, struct error *err)
{
	return device_session_create(&((struct async_engine *)engine)->device, algorithm, direction,
		key, aad_bytes, err);
}

static void
async_session_destroy(struct crypto_engine *engine, struct crypto_session *session)
{
	device_session_destroy(&((struct async_engine *)engine)->device, session);
}

static void
async_destroy(struct crypto_engine *engine)
{
	struct async_engine *e = (struct async_engine *)engine;

	device_close(&e->device);
	rte_mempool_free(e->ops);
	rte_free(e);
}

static const struct crypto_engine_ops async_ops = {
	.name = "cryptodev-async",
	.destroy = async_destroy,
	.session_create = async_session_create,
	.session_destroy = async_session_destroy,
	.submit = async_submit,
	.poll = async_poll,
};

static int
ops_create(struct async_engine *e, const struct crypto_engine_params *params)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	/* A full queue pair for each worker, and what lies in the caches and in a burst. */
	snprintf(name, sizeof(name), "espgw_ops_%u", e->device.id);
	e->ops = rte_crypto_op_pool_create(name, RTE_CRYPTO_OP_TYPE_SYMMETRIC,
		params->workers * (DESCRIPTORS + 2 * OP_CACHE + CRYPTO_BURST), OP_CACHE,
		PRIVATE_BYTES, params->socket);
	return e->ops == NULL ? -rte_errno : 0;
}

struct crypto_engine *
cryptodev_async_create(const struct crypto_engine_params *params, struct error *err)
{
	const struct device_needs needs = {.params = params,
		.engine = async_ops.name,
		.queue_pairs = params->workers,
		.descriptors = DESCRIPTORS,
		.iv_offset = PRIVATE_OFFSET + offsetof(struct op_private, nonce)};
	struct async_engine *e = rte_zmalloc_socket("crypto", sizeof(*e), 0, params->socket);

	if (e == NULL) {
		error_set(err, -ENOMEM, "crypto engine \"%s\": no memory", async_ops.name);
		return NULL;
	}
	e->engine.ops = &async_ops;
	if (device_open(&e->device, &needs, err) != 0)
		goto fail;
	if (ops_create(e, params) != 0) {
		error_set(err, -ENOMEM,
			"crypto engine \"%s\": no memory for the jobs of %u workers",
			async_ops.name, params->workers);
		device_close(&e->device);
		goto fail;
	}
	return &e->engine;

fail:
	rte_free(e);
	return NULL;
}
