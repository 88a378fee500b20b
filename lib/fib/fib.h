/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FIB_H
#define FIB_H

/*
 * Forwarding tables by id, both families: rte_fib and rte_fib6, each twice. rte_fib of 22.11 has no
 * RCU: a freed tbl8 is reused at once, so a reader could get another prefix's next hop. So changes
 * go to the copy that nobody reads, the copies are exchanged, and after a grace period the same
 * changes go to the other one. A reader sees all of a commit or nothing. All this exists once for
 * each NUMA node that has a reader.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

#include "addr.h"
#include "errmsg.h"
#include "numa.h"

struct fib;

/* What one node's workers look up in. */
struct fib_reader;

struct fib_limits {
	uint32_t routes4, routes6; /* each table's; tbl8 groups are derived from them */
};

struct fib *fib_create(const struct fib_limits *limits, struct rte_rcu_qsbr *qsbr,
	const struct numa_nodes *nodes, struct error *err);
void fib_destroy(struct fib *fib);

/* node: the place in the list given to fib_create. Valid for the fib's life. */
const struct fib_reader *fib_reader(const struct fib *fib, uint16_t node);

/* Bytes that one table takes for each family on each node, so that EAL's memory can be chosen
 * before it exists. */
uint64_t fib_memory_bytes(const struct fib_limits *limits, bool v4, bool v6);

/* Notes a change of `table` (made for that family when it does not exist). Nothing is seen by
 * readers before fib_commit. nexthop: an index of the next-hop table, below 2^31. Control lcore.
 * -ENOSPC, -ENOMEM with err. */
int fib_set(struct fib *fib, uint16_t table, const struct ip_prefix *prefix, uint32_t nexthop,
	struct error *err);
int fib_unset(struct fib *fib, uint16_t table, const struct ip_prefix *prefix, struct error *err);

/* Publishes what was noted; returns when no reader sees the old state any more. Waits for a grace
 * period. All or nothing: on an error (-ENOSPC: a limit; -ENOENT: unset of what is not there)
 * nothing is published. What was noted is forgotten either way. */
int fib_commit(struct fib *fib, struct error *err);

/* Forgets what was noted since the last commit. */
void fib_rollback(struct fib *fib);

/* Whether the table exists for that family, and how many prefixes it has room for. */
bool fib_has(const struct fib *fib, uint16_t table, uint8_t family);
uint32_t fib_limit(const struct fib *fib, uint8_t family);

/* Longest match on the control lcore, as readers would see it now. */
uint32_t fib_lookup(const struct fib *fib, uint16_t table, const struct ip_addr *addr);

/* Data path, inside a read section. dst4: host byte order. A table or family without routes gives
 * NEXTHOP_ID_NONE. n <= BURST_MAX. */
void fib_lookup4_bulk(const struct fib_reader *reader, uint16_t table, uint32_t *dst4,
	uint64_t *nexthops, uint16_t n);
void fib_lookup6_bulk(const struct fib_reader *reader, uint16_t table, uint8_t (*dst6)[16],
	uint64_t *nexthops, uint16_t n);

#endif
