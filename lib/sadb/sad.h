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

#include <rte_byteorder.h>
#include <rte_rcu_qsbr.h>

#include "addr.h"
#include "errmsg.h"
#include "numa.h"
#include "sa.h"

struct sad;

/* What one node's workers look up in. */
struct sad_reader;

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

/* An SPI (host order, >= 256) whose slot is free, with random high bits, reserved until published
 * or released; room for its SA is kept. 0: none left. */
uint32_t sad_spi_allocate(struct sad *sad);
void sad_spi_release(struct sad *sad, uint32_t spi);

/* Data path. dst: 4 or 16 bytes by family. NULL: not ours. */
struct sa *sad_lookup(
	const struct sad_reader *reader, rte_be32_t spi_be, uint8_t family, const uint8_t *dst);

#endif
