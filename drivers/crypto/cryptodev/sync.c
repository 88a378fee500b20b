/* SPDX-License-Identifier: BSD-3-Clause */
/* The synchronous engine: rte_cryptodev_sym_cpu_crypto_process on the calling worker. */

#include <errno.h>

#include <rte_cryptodev.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "cryptodev.h"
#include "device.h"

struct sync_engine {
	struct crypto_engine engine;
	struct device device;
};

enum {
	/* Buffers that one call to the device describes; a packet of more segments fails. */
	VECTORS = 256,
	/* Jobs; so far ahead of its use is a session asked for. */
	AHEAD = 4,
	/* Of a session, where ipsec-mb's drivers have the round keys, and what of its end a packet
	 * of no bytes needs: lengths, powers of the hash key. */
	SESSION_HEAD = 320,
	SESSION_TAIL = 128,
};

struct sync_batch {
	struct rte_crypto_vec vectors[VECTORS];
	struct rte_crypto_sgl text[CRYPTO_BURST];
	struct rte_crypto_va_iova_ptr iv[CRYPTO_BURST], aad[CRYPTO_BURST], icv[CRYPTO_BURST];
};

/* Describes a job's text in a chain. Returns how many vectors; 0: more than `room`. */
static __rte_noinline uint32_t
describe_chain(
	const struct crypto_burst *burst, uint16_t i, struct rte_crypto_vec *vectors, uint32_t room)
{
	const struct rte_mbuf *m = burst->pkts[i];
	uint32_t offset = crypto_text_offset(burst, i), bytes = burst->text_bytes[i], n = 0;

	for (; m != NULL && n < room; m = m->next) {
		uint32_t part;

		if (offset >= m->data_len && m->next != NULL) {
			offset -= m->data_len;
			continue;
		}
		part = RTE_MIN(bytes, m->data_len - offset);
		vectors[n].base = rte_pktmbuf_mtod_offset(m, void *, offset);
		vectors[n].len = part;
		n++;
		bytes -= part;
		offset = 0;
		if (bytes == 0)
			return n;
	}
	return 0;
}

static inline uint32_t
describe_text(
	const struct crypto_burst *burst, uint16_t i, struct rte_crypto_vec *vectors, uint32_t room)
{
	if (unlikely(burst->pkts[i]->nb_segs != 1 || room == 0))
		return describe_chain(burst, i, vectors, room);
	vectors[0].base = burst->text[i];
	vectors[0].len = burst->text_bytes[i];
	return 1;
}

/* Describes jobs of one session: first, first + 1, … Returns how many there are and have room. */
static inline uint16_t
describe(struct crypto_burst *burst, uint16_t first, struct sync_batch *batch)
{
	uint32_t used = 0;
	uint16_t n = 0;

	for (uint16_t i = first; i < burst->n && burst->sessions[i] == burst->sessions[first];
		i++, n++) {
		uint32_t vectors = describe_text(burst, i, &batch->vectors[used], VECTORS - used);

		if (vectors == 0)
			break;
		batch->text[n].vec = &batch->vectors[used];
		batch->text[n].num = vectors;
		batch->iv[n].va = burst->nonce[i].bytes;
		batch->aad[n].va = burst->aad[i];
		batch->icv[n].va = burst->icv[i];
		used += vectors;
	}
	return n;
}

/* Returns how many jobs went well. */
static inline uint16_t
run(const struct sync_engine *e, struct crypto_session *session, struct sync_batch *batch,
	int32_t *status, uint16_t n)
{
	struct rte_crypto_sym_vec jobs = {.num = n,
		.src_sgl = batch->text,
		.iv = batch->iv,
		.digest = batch->icv,
		.aad = batch->aad,
		.status = status};
	union rte_crypto_sym_ofs whole = {.raw = 0};
	uint32_t good = rte_cryptodev_sym_cpu_crypto_process(e->device.id, session, whole, &jobs);

	if (likely(good == n))
		return n; /* every status is 0, CRYPTO_OK */
	for (uint16_t i = 0; i < n; i++) {
		if (status[i] != 0)
			status[i] = status[i] == EBADMSG ? CRYPTO_BAD_ICV : CRYPTO_ERROR;
	}
	return (uint16_t)good;
}

/* The lines of a session that such a job reads: one power of the hash key for each of its blocks,
 * the first one last. Other drivers lay out their sessions otherwise, and are none the worse for
 * it. */
static inline void
session_prefetch(const struct sync_engine *e, const struct crypto_burst *burst, uint16_t i)
{
	const uint8_t *session = (const uint8_t *)burst->sessions[i];
	uint32_t bytes = e->device.sessions->elt_size;
	uint32_t tail = RTE_MIN(burst->text_bytes[i] + SESSION_TAIL, bytes - SESSION_HEAD);

	for (uint32_t at = 0; at < SESSION_HEAD; at += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(session + at);
	for (uint32_t at = 0; at < tail; at += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(session + bytes - RTE_CACHE_LINE_SIZE - at);
}

/* Asks for the sessions of the jobs from `first` on, but those before `asked`. Returns the first
 * that was not asked for. */
static inline uint16_t
sessions_prefetch(const struct sync_engine *e, const struct crypto_burst *burst, uint16_t first,
	uint16_t asked)
{
	uint16_t end = RTE_MIN(first + AHEAD, burst->n);

	for (asked = RTE_MAX(asked, first); asked < end; asked++) {
		if (burst->sessions[asked] != burst->sessions[asked - 1])
			session_prefetch(e, burst, asked);
	}
	return asked;
}

static uint16_t
sync_process(struct crypto_engine *engine, uint16_t worker, struct crypto_burst *burst)
{
	const struct sync_engine *e = (const struct sync_engine *)engine;
	struct sync_batch batch;
	uint16_t done = 0, good = 0, asked = 0;

	RTE_SET_USED(worker);
	while (done < burst->n) {
		uint16_t n = describe(burst, done, &batch);

		if (unlikely(n == 0)) {
			burst->status[done++] = CRYPTO_ERROR;
			continue;
		}
		asked = sessions_prefetch(e, burst, done + n, asked);
		good += run(e, burst->sessions[done], &batch, &burst->status[done], n);
		done += n;
	}
	return good;
}

static struct crypto_session *
sync_session_create(struct crypto_engine *engine, const struct crypto_algorithm *algorithm,
	enum crypto_direction direction, const uint8_t *key, uint8_t aad_bytes, struct error *err)
{
	return device_session_create(
		&((struct sync_engine *)engine)->device, algorithm, direction, key, aad_bytes, err);
}

static void
sync_session_destroy(struct crypto_engine *engine, struct crypto_session *session)
{
	device_session_destroy(&((struct sync_engine *)engine)->device, session);
}

static void
sync_destroy(struct crypto_engine *engine)
{
	struct sync_engine *e = (struct sync_engine *)engine;

	device_close(&e->device);
	rte_free(e);
}

static const struct crypto_engine_ops sync_ops = {
	.name = "cryptodev",
	.destroy = sync_destroy,
	.session_create = sync_session_create,
	.session_destroy = sync_session_destroy,
	.process = sync_process,
};

struct crypto_engine *
cryptodev_sync_create(const struct crypto_engine_params *params, struct error *err)
{
	/* The CPU path uses no queue pair; a device has at least one all the same. */
	const struct device_needs needs = {.params = params,
		.engine = sync_ops.name,
		.features = RTE_CRYPTODEV_FF_SYM_CPU_CRYPTO,
		.queue_pairs = 1,
		.descriptors = 64};
	struct sync_engine *e = rte_zmalloc_socket("crypto", sizeof(*e), 0, params->socket);

	if (e == NULL) {
		error_set(err, -ENOMEM, "crypto engine \"%s\": no memory", sync_ops.name);
		return NULL;
	}
	e->engine.ops = &sync_ops;
	if (device_open(&e->device, &needs, err) != 0) {
		rte_free(e);
		return NULL;
	}
	return &e->engine;
}
