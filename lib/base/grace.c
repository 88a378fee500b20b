/* SPDX-License-Identifier: BSD-3-Clause */
#include "grace.h"

#include <unistd.h>

#include <rte_pause.h>
#include <rte_rcu_qsbr.h>

enum {
	SPINS = 1000, /* some tens of microseconds: a worker's turn, mostly */
	SLEEP_US = 20,
};

void
grace_wait_for(struct rte_rcu_qsbr *qsbr, uint64_t token)
{
	for (int i = 0; rte_rcu_qsbr_check(qsbr, token, false) != 1; i++)
		if (i < SPINS)
			rte_pause();
		else
			usleep(SLEEP_US);
}

void
grace_wait(struct rte_rcu_qsbr *qsbr)
{
	grace_wait_for(qsbr, rte_rcu_qsbr_start(qsbr));
}
