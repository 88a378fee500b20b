/* SPDX-License-Identifier: BSD-3-Clause */
/* The synchronous engine: rte_cryptodev_sym_cpu_crypto_process on the calling worker. */

#include <errno.h>

#include <rte_cryptodev.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "cryptodev.h"
#include "device.h"

enum {
	/* Buffers that one call to the device describes; a packet of more segments fails. */
	VECTORS = 256,
	/* Jobs; so far ahead of its use is a session asked for. */
	AHEAD = 4,
	/* Of a session, where crypto_aesni_gcm has lengths and round keys: between cryptodev's own
	 * line and the powers of the hash key. The key's kind lies behind these. */
	SESSION_HEAD = 64,
	SESSION_POWERS = 320,
	SESSION_TAIL = 64,
	BLOCK = 16,
};

/*
 * A worker's burst as the device wants to see it. For a packet of one segment only the buffer and
 * the ICV's place are written anew: the rest says where in the worker's burst nonces and AADs are,
 * and where here the buffers.
 */
struct sync_batch {
	const struct crypto_burst *burst; /* whose nonces and AADs are described; NULL: none yet */
	bool chained;                     /* some texts do not lie in their own vector */
	struct rte_crypto_sgl text[CRYPTO_BURST];
	struct rte_crypto_va_iova_ptr iv[CRYPTO_BURST], aad[CRYPTO_BURST], icv[CRYPTO_BURST];
	struct rte_crypto_vec vectors[CRYPTO_BURST]; /* of jobs in one segment, by job */
	struct rte_crypto_vec chains[VECTORS];
} __rte_cache_aligned;

struct sync_engine {
	struct crypto_engine engine;
	struct device device;
	struct sync_batch batches[]; /* by worker */
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

static void
batch_bind(struct sync_batch *batch, struct crypto_burst *burst)
{
	for (uint16_t i = 0; i < CRYPTO_BURST; i++) {
		batch->text[i] = (struct rte_crypto_sgl){.vec = &batch->vectors[i], .num = 1};
		batch->iv[i].va = burst->nonce[i].bytes;
		batch->aad[i].va = burst->aad[i];
	}
	batch->burst = burst;
	batch->chained = false;
}

/* Describes jobs of one session: first, first + 1, … Returns how many there are and have room. */
static inline uint16_t
describe(struct crypto_burst *burst, uint16_t first, struct sync_batch *batch)
{
	const struct crypto_session *session = burst->sessions[first];
	const uint16_t alike = burst->alike;
	uint32_t used = 0;
	uint16_t i;

	for (i = first; i < burst->n && (i < alike || burst->sessions[i] == session); i++) {
		batch->icv[i].va = burst->icv[i];
		if (likely(burst->pkts[i]->nb_segs == 1)) {
			batch->vectors[i].base = burst->text[i];
			batch->vectors[i].len = burst->text_bytes[i];
			continue;
		}
		batch->chained = true;
		batch->text[i].vec = &batch->chains[used];
		batch->text[i].num = describe_chain(burst, i, &batch->chains[used], VECTORS - used);
		if (batch->text[i].num == 0)
			break;
		used += batch->text[i].num;
	}
	return i - first;
}

/* Returns how many jobs went well. */
static inline uint16_t
run(const struct sync_engine *e, struct sync_batch *batch, struct crypto_burst *burst,
	uint16_t first, uint16_t n)
{
	int32_t *status = &burst->status[first];
	struct rte_crypto_sym_vec jobs = {.num = n,
		.src_sgl = &batch->text[first],
		.iv = &batch->iv[first],
		.digest = &batch->icv[first],
		.aad = &batch->aad[first],
		.status = status};
	union rte_crypto_sym_ofs whole = {.raw = 0};
	uint32_t good = rte_cryptodev_sym_cpu_crypto_process(
		e->device.id, burst->sessions[first], whole, &jobs);

	if (likely(good == n))
		return n; /* every status is 0, CRYPTO_OK */
	for (uint16_t i = 0; i < n; i++) {
		if (status[i] != 0)
			status[i] = status[i] == EBADMSG ? CRYPTO_BAD_ICV : CRYPTO_ERROR;
	}
	return (uint16_t)good;
}

/* The lines of a session that such a job reads, and no others, which would take the place of what
 * is needed: with many SAs that is most of a cache. One power of the hash key for each block, the
 * first one last. Other drivers lay out their sessions otherwise, and are none the worse for it. */
static inline void
session_prefetch(const struct sync_engine *e, const struct crypto_burst *burst, uint16_t i)
{
	const uint8_t *session = (const uint8_t *)burst->sessions[i];
	uint32_t bytes = e->device.sessions->elt_size;
	uint32_t tail = RTE_MIN(
		SESSION_TAIL + RTE_ALIGN_CEIL(burst->text_bytes[i], BLOCK), bytes - SESSION_POWERS);

	for (uint32_t at = SESSION_HEAD; at < SESSION_POWERS; at += RTE_CACHE_LINE_SIZE)
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
	struct sync_engine *e = (struct sync_engine *)engine;
	struct sync_batch *batch = &e->batches[worker];
	uint16_t done = 0, good = 0, asked = 0;

	if (unlikely(batch->burst != burst || batch->chained))
		batch_bind(batch, burst);
	while (done < burst->n) {
		uint16_t n = describe(burst, done, batch);

		if (unlikely(n == 0)) {
			burst->status[done++] = CRYPTO_ERROR;
			continue;
		}
		asked = sessions_prefetch(e, burst, done + n, asked);
		good += run(e, batch, burst, done, n);
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
	struct sync_engine *e =
		rte_zmalloc_socket("crypto", sizeof(*e) + params->workers * sizeof(e->batches[0]),
			RTE_CACHE_LINE_SIZE, params->socket);

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
