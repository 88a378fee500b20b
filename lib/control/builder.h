/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_BUILDER_H
#define CONTROL_BUILDER_H

/*
 * The thread that builds sets of policies: rte_acl builds whole, which takes half a second for ten
 * thousand policies. One set of sets at a time; what it makes is the control lcore's, which alone
 * shows it to workers.
 */

#include <stdint.h>

#include "errmsg.h"
#include "numa.h"
#include "spd.h"

struct builder;

/* A set for each node, with hits of so many workers. NULL: no memory, or no thread. */
struct builder *builder_create(const struct numa_nodes *nodes, uint16_t workers);
/* Waits for what is being built. NULL is fine. */
void builder_destroy(struct builder *b);

/* For the control lcore. Has the sets built, and waits: in a fibre, others have their turn
 * meanwhile. The policies stay as they are until it returns. sets: a place for each node; NULL
 * where there are no policies. 0, or -EINVAL or -ENOMEM with err, and no sets. */
int builder_build(struct builder *b, const struct spd_policy *policies, uint32_t n,
	struct spd **sets, struct error *err);

#endif
