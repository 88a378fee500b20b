/* SPDX-License-Identifier: BSD-3-Clause */

/* The ordered policies in force: a set is built aside, for each NUMA node, and swapped in whole. */

#include <errno.h>

#include "internal.h"

static void
destroy(const struct gateway *g, struct spd **sets)
{
	for (uint16_t i = 0; i < g->nodes.n; i++)
		spd_destroy(sets[i]);
}

static int
build(const struct gateway *g, const struct spd_policy *policies, uint32_t n, struct spd **sets,
	struct error *err)
{
	for (uint16_t i = 0; i < g->nodes.n; i++) {
		sets[i] = spd_build(policies, n, g->n_workers, g->nodes.sockets[i], err);
		if (sets[i])
			continue;
		destroy(g, sets);
		return -EINVAL;
	}
	return 0;
}

int
policies_replace(
	struct gateway *g, const struct spd_policy *policies, uint32_t n, struct error *err)
{
	struct spd *sets[RTE_MAX_NUMA_NODES] = {0}, *old[RTE_MAX_NUMA_NODES];
	int rc = n ? build(g, policies, n, sets, err) : 0;

	if (rc != 0)
		return rc;
	for (uint16_t i = 0; i < g->nodes.n; i++)
		old[i] = __atomic_exchange_n(&g->views[i]->spd, sets[i], __ATOMIC_ACQ_REL);
	/* a burst that was classified by the old set is done with it when its worker is quiescent
	 */
	rte_rcu_qsbr_synchronize(g->qsbr, RTE_QSBR_THRID_INVALID);
	destroy(g, old);
	return 0;
}
