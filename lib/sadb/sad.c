/* SPDX-License-Identifier: BSD-3-Clause */
#include "sad.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>
#include <rte_random.h>

enum { SPI_FIRST = 256 };

/* No padding: it is hashed and compared as bytes. */
struct key {
	uint8_t addr[16];
	rte_be32_t spi_be;
	uint8_t family;
	uint8_t zero[3];
};

_Static_assert(sizeof(struct key) == 24, "struct key has padding");

/* Control lcore only. */
struct sad {
	struct sad_reader *readers[RTE_MAX_NUMA_NODES]; /* the same SAs in the same places */
	uint16_t n_readers;
	uint32_t mask;
	uint32_t *reserved; /* by slot: the SPI, or 0 */
	uint32_t n_reserved;
	uint32_t count;
	uint32_t capacity;
};

static struct rte_hash *
create_hash(const struct sad_reader *r, uint32_t capacity, struct rte_rcu_qsbr *qsbr, int socket)
{
	/* the place of a deleted key is reused only after a grace period; nobody waits for it */
	struct rte_hash_rcu_config rcu = {.v = qsbr, .mode = RTE_HASH_QSBR_MODE_DQ};
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters params = {
		.name = name,
		.entries = RTE_MAX(capacity, 64u),
		.key_len = sizeof(struct key),
		.hash_func = rte_jhash,
		.socket_id = socket,
		.extra_flag =
			RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};

	snprintf(name, sizeof(name), "sad%" PRIxPTR, (uintptr_t)r);
	struct rte_hash *hash = rte_hash_create(&params);
	if (hash && rte_hash_rcu_qsbr_add(hash, &rcu) != 0) {
		rte_hash_free(hash);
		return NULL;
	}
	return hash;
}

static void
reader_destroy(struct sad_reader *r)
{
	if (!r)
		return;
	rte_hash_free(r->others);
	rte_free(r->slots);
	rte_free(r);
}

static struct sad_reader *
reader_create(uint32_t slots, uint32_t capacity, struct rte_rcu_qsbr *qsbr, int socket)
{
	struct sad_reader *r = rte_zmalloc_socket("sad", sizeof(*r), RTE_CACHE_LINE_SIZE, socket);

	if (!r)
		return NULL;
	r->mask = slots - 1;
	r->slots =
		rte_zmalloc_socket("sad", slots * sizeof(*r->slots), RTE_CACHE_LINE_SIZE, socket);
	r->others = r->slots ? create_hash(r, capacity, qsbr, socket) : NULL;
	if (!r->others) {
		reader_destroy(r);
		return NULL;
	}
	return r;
}

struct sad *
sad_create(uint32_t capacity, struct rte_rcu_qsbr *qsbr, const struct numa_nodes *nodes,
	struct error *err)
{
	struct sad *sad = calloc(1, sizeof(*sad));
	/* at least a fifth of the slots stays free, so that foreign SPIs find theirs, too */
	uint32_t slots = rte_align32pow2(RTE_MAX(capacity + capacity / 4, 64u));

	if (!sad)
		goto no_memory;
	sad->capacity = capacity;
	sad->mask = slots - 1;
	sad->reserved = calloc(slots, sizeof(*sad->reserved));
	if (!sad->reserved)
		goto no_memory;
	for (uint16_t i = 0; i < nodes->n; i++) {
		sad->readers[i] = reader_create(slots, capacity, qsbr, nodes->sockets[i]);
		if (!sad->readers[i])
			goto no_memory;
		sad->n_readers++;
	}
	return sad;
no_memory:
	error_set(err, -ENOMEM, "no memory for an SA database of %u SAs", capacity);
	sad_destroy(sad);
	return NULL;
}

void
sad_destroy(struct sad *sad)
{
	if (!sad)
		return;
	for (uint16_t i = 0; i < sad->n_readers; i++)
		reader_destroy(sad->readers[i]);
	free(sad->reserved);
	free(sad);
}

const struct sad_reader *
sad_reader(const struct sad *sad, uint16_t node)
{
	return sad->readers[node];
}

static struct key
make_key(rte_be32_t spi_be, uint8_t family, const uint8_t *dst)
{
	struct key key = {.spi_be = spi_be, .family = family};

	memcpy(key.addr, dst, family == 4 ? 4 : 16);
	return key;
}

struct sa *
sad_lookup_other(const struct sad_reader *r, rte_be32_t spi_be, uint8_t family, const uint8_t *dst)
{
	void *data;

	if (__atomic_load_n(&r->hashed, __ATOMIC_RELAXED) == 0)
		return NULL;
	struct key key = make_key(spi_be, family, dst);
	return rte_hash_lookup_data(r->others, &key, &data) >= 0 ? data : NULL;
}

static int
hash_add(struct sad_reader *r, const struct key *key, struct sa *sa)
{
	int ret = rte_hash_add_key_data(r->others, key, sa);

	if (ret == 0)
		__atomic_store_n(&r->hashed, r->hashed + 1, __ATOMIC_RELEASE);
	return ret;
}

static int
hash_delete(struct sad_reader *r, const struct key *key)
{
	int32_t place = rte_hash_del_key(r->others, key);

	if (place >= 0)
		__atomic_store_n(&r->hashed, r->hashed - 1, __ATOMIC_RELEASE);
	return place;
}

static int
publish_in_hash(struct sad *sad, struct sa *sa)
{
	struct key key = make_key(sa->spi_be, sa->local.family, sa->local.bytes);
	int ret;

	for (uint16_t i = 0; i < sad->n_readers; i++) {
		ret = hash_add(sad->readers[i], &key, sa);
		if (ret == 0)
			continue;
		while (i-- > 0)
			hash_delete(sad->readers[i], &key);
		return ret;
	}
	return 0;
}

static void
publish_in_slot(struct sad *sad, uint32_t index, struct sa *sa)
{
	for (uint16_t i = 0; i < sad->n_readers; i++) {
		struct sad_slot *slot = &sad->readers[i]->slots[index];

		__atomic_store_n(&slot->spi_be, sa->spi_be, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->sa, sa, __ATOMIC_RELEASE);
	}
}

/* NULL: free. */
static const struct sa *
slot_holder(const struct sad *sad, uint32_t index)
{
	return sad->readers[0]->slots[index].sa;
}

int
sad_publish(struct sad *sad, struct sa *sa, struct error *err)
{
	uint32_t spi = rte_be_to_cpu_32(sa->spi_be), index = spi & sad->mask;
	bool ours = sad_spi_is_reserved(sad, spi);
	char text[IP_ADDR_STRLEN];

	if (sad_lookup(sad->readers[0], sa->spi_be, sa->local.family, sa->local.bytes))
		return error_set(err, -EEXIST,
			"an inbound SA with SPI 0x%08x to %s is there already", spi,
			ip_addr_format(&sa->local, text));
	if (sad->count + sad->n_reserved - ours >= sad->capacity)
		return error_set(err, -ENOSPC, "all %u inbound SAs are in use: raise limits.sas",
			sad->capacity);
	if (ours || (!slot_holder(sad, index) && sad->reserved[index] == 0))
		publish_in_slot(sad, index, sa);
	else if (publish_in_hash(sad, sa) != 0)
		return error_set(err, -ENOSPC, "no room for the inbound SA with SPI 0x%08x", spi);
	if (ours)
		sad_spi_release(sad, spi);
	sad->count++;
	return 0;
}

void
sad_retire(struct sad *sad, struct sa *sa)
{
	uint32_t index = rte_be_to_cpu_32(sa->spi_be) & sad->mask;
	struct key key = make_key(sa->spi_be, sa->local.family, sa->local.bytes);
	bool in_slot = slot_holder(sad, index) == sa;

	for (uint16_t i = 0; i < sad->n_readers; i++) {
		if (in_slot)
			__atomic_store_n(&sad->readers[i]->slots[index].sa, NULL, __ATOMIC_RELEASE);
		else if (hash_delete(sad->readers[i], &key) < 0)
			return;
	}
	sad->count--;
}

uint32_t
sad_count(const struct sad *sad)
{
	return sad->count;
}

struct sad_usage
sad_usage(const struct sad *sad)
{
	return (struct sad_usage){.count = sad->count,
		.capacity = sad->capacity,
		.reserved = sad->n_reserved,
		.hashed = sad->readers[0]->hashed};
}

uint32_t
sad_spi_allocate(struct sad *sad)
{
	uint32_t start = (uint32_t)rte_rand(), high = (uint32_t)rte_rand() & ~sad->mask;

	if (sad->count + sad->n_reserved >= sad->capacity)
		return 0;
	for (uint32_t i = 0; i <= sad->mask; i++) {
		uint32_t index = (start + i) & sad->mask, spi = high | index;

		if (slot_holder(sad, index) || sad->reserved[index] != 0 || spi < SPI_FIRST)
			continue;
		sad->reserved[index] = spi;
		sad->n_reserved++;
		return spi;
	}
	return 0;
}

bool
sad_spi_is_reserved(const struct sad *sad, uint32_t spi)
{
	return spi != 0 && sad->reserved[spi & sad->mask] == spi;
}

void
sad_spi_reserve(struct sad *sad, uint32_t spi)
{
	sad->reserved[spi & sad->mask] = spi;
	sad->n_reserved++;
}

void
sad_spi_release(struct sad *sad, uint32_t spi)
{
	if (!sad_spi_is_reserved(sad, spi))
		return;
	sad->reserved[spi & sad->mask] = 0;
	sad->n_reserved--;
}
