/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef GRACE_H
#define GRACE_H

/*
 * Waiting for a grace period: until every worker has been quiescent once, and nobody has any more
 * what was taken out of use before. rte_rcu_qsbr_synchronize keeps its CPU busy meanwhile, which
 * may be the CPU that a worker needs to come so far; who waits here soon sleeps.
 */

#include <stdint.h>

struct rte_rcu_qsbr;

/* One that begins now. Control lcore; some microseconds where workers have CPUs of their own. */
void grace_wait(struct rte_rcu_qsbr *qsbr);

/* The one that began with the token of rte_rcu_qsbr_start. */
void grace_wait_for(struct rte_rcu_qsbr *qsbr, uint64_t token);

#endif
