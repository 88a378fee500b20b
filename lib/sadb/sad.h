/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SAD_H
#define SAD_H

/*
 * Inbound SAs by destination address and SPI. The low bits of an SPI are tried as an index first:
 * SPIs that we allocate carry their slot there, and a foreign one whose slot is free lives there as
 * well; only the others need the hash. Both are verified against address and SPI. The control lcore
 * writes, workers read under RCU, each from its own NUMA node's replica of slots and hash.
 */

#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_rcu_qsbr.h>

#include "addr.h"
#include "errmsg.h"
#include "numa.h"
#include "sa.h"

struct rte_hash;
struct sad;

/* spi_be says nothing while sa is NULL. */
struct sad_slot {
	struct sa *sa; /* atomic */
	rte_be32_t spi_be;
};

/* What one node's workers look up in. */
struct sad_reader {
	struct sad_slot *slots;
	uint32_t mask;
	uint32_t hashed; /* how many are in `others`; atomic */
	struct rte_hash *others;
};

/* capacity: SAs and reserved SPIs; the slot table is its next power of two, or twice that. qsbr:
 * the readers', which must outlive it. Not destroyed: the SAs. */
struct sad *sad_create(uint32_t capacity, struct rte_rcu_qsbr *qsbr, const struct numa_nodes *nodes,
	struct error *err);
void sad_destroy(struct sad *sad);

/* node: the place in the list given to sad_create. Valid for the SAD's life. */
const struct sad_reader *sad_reader(const struct sad *sad, uint16_t node);

/* Publishes. -EEXIST: an SA with this destination and SPI is there; -ENOSPC. Control lcore, as all
 * that follows but sad_lookup. */
int sad_publish(struct sad *sad, struct sa *sa, struct error *err);
/* Unpublishes; the caller waits for a grace period before it destroys the SA. */
void sad_retire(struct sad *sad, struct sa *sa);
uint32_t sad_count(const struct sad *sad);

struct sad_usage {
	uint32_t count, capacity; /* of inbound SAs; reserved SPIs take room, too */
	uint32_t reserved;        /* SPIs */
	uint32_t hashed;          /* SAs that are not in the slot of their SPI */
};
struct sad_usage sad_usage(const struct sad *sad);

/* An SPI (host order, >= 256) whose slot is free, with random high bits, reserved until published
 * or released; room for its SA is kept. 0: none left. */
uint32_t sad_spi_allocate(struct sad *sad);
void sad_spi_release(struct sad *sad, uint32_t spi);
bool sad_spi_is_reserved(const struct sad *sad, uint32_t spi);
/* Reserves again an SPI whose SA was published and is retired: as it was before. */
void sad_spi_reserve(struct sad *sad, uint32_t spi);

/* The half of the next one for an SA that is not in its slot. */
struct sa *sad_lookup_other(
	const struct sad_reader *reader, rte_be32_t spi_be, uint8_t family, const uint8_t *dst);

static inline const struct sad_slot *
sad_slot(const struct sad_reader *reader, rte_be32_t spi_be)
{
	return &reader->slots[rte_be_to_cpu_32(spi_be) & reader->mask];
}

/* Data path. dst: 4 or 16 bytes by family. NULL: not ours. */
static inline struct sa *
sad_lookup(const struct sad_reader *reader, rte_be32_t spi_be, uint8_t family, const uint8_t *dst)
{
	const struct sad_slot *slot = sad_slot(reader, spi_be);
	struct sa *sa = __atomic_load_n(&slot->sa, __ATOMIC_ACQUIRE);

	/* The slot's SPI is read first: a packet of somebody else's SA costs no line of ours. The
	 * slot may change hands in between, so that spi_be is a later SA's: then this one is gone.
	 */
	if (likely(sa && __atomic_load_n(&slot->spi_be, __ATOMIC_RELAXED) == spi_be &&
		    sa->local.family == family && ip_bytes_equal(sa->local.bytes, dst, family)))
		return sa;
	return sad_lookup_other(reader, spi_be, family, dst);
}

#endif
