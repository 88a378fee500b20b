/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_memory.h>
#include <rte_mempool.h>

/* RFC 4106: the salt is the key material's last four bytes; the ICV of 16 is the one RFC 8221 asks
 * for. */
#define AES_GCM(bits)                                                                              \
	[CRYPTO_AES_##bits##_GCM] = {                                                              \
		CRYPTO_AES_##bits##_GCM, "aes-" #bits "-gcm", (bits) / 8, 4, 8, 16, 4, true}

static const struct crypto_algorithm algorithms[CRYPTO_ALGORITHM_COUNT] = {
	AES_GCM(128),
	AES_GCM(192),
	AES_GCM(256),
};

const struct crypto_algorithm *
crypto_algorithm_find(const char *name)
{
	for (unsigned i = 0; i < CRYPTO_ALGORITHM_COUNT; i++) {
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	}
	return NULL;
}

const struct crypto_algorithm *
crypto_algorithm_get(enum crypto_algorithm_id id)
{
	return &algorithms[id];
}

const char *
crypto_algorithm_names(void)
{
	return "aes-256-gcm, aes-192-gcm, aes-128-gcm";
}

void
crypto_wipe(void *memory, size_t bytes)
{
	explicit_bzero(memory, bytes);
}

/* In pages of the size that the memory has: no huge page can be hidden in part. */
static void
chunk_hide(struct rte_mempool *pool, void *opaque, struct rte_mempool_memhdr *chunk, unsigned int i)
{
	const struct rte_memseg *segment = rte_mem_virt2memseg(chunk->addr, NULL);
	size_t page = segment ? segment->hugepage_sz : (size_t)sysconf(_SC_PAGESIZE);
	char *begin = RTE_PTR_ALIGN_FLOOR(chunk->addr, page);
	char *end = RTE_PTR_ALIGN_CEIL(RTE_PTR_ADD(chunk->addr, chunk->len), page);

	(void)pool;
	(void)opaque;
	(void)i;
	madvise(begin, (size_t)(end - begin), MADV_DONTDUMP);
}

void
crypto_pool_hide(struct rte_mempool *pool)
{
	rte_mempool_mem_iter(pool, chunk_hide, NULL);
}
