/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOOP_H
#define LOOP_H

/* A worker's life: made on the control lcore, run on its own lcore until *stop. */

#include "worker.h"

struct worker_params {
	uint16_t index, lcore, workers;
	uint16_t burst;
	uint32_t idle_polls,
		idle_sleep_us; /* empty polls before the first sleep (0: never), longest sleep */
	uint32_t reassembly_max;
	uint32_t echoes, errors; /* a second, that may go to the control lcore */
	struct tables *tables;
	struct rte_rcu_qsbr *qsbr;
	struct rte_mempool *pool;
	struct rte_ring *to_control;
	struct rte_ring **inboxes; /* of all workers; [index] is made by worker_create */
	uint16_t n_ports;
	const bool *stop;
};

/* Memory on the lcore's socket. NULL with err. */
struct worker *worker_create(const struct worker_params *params, struct error *err);

/* Drops every packet that it still holds, as DROP_shutdown. The lcore has returned. NULL is fine.
 */
void worker_release(struct worker *w);

/* NULL is fine. */
void worker_destroy(struct worker *w);

/* An asynchronous engine that the worker shall poll. Before it runs. -ENOSPC. */
int worker_add_engine(struct worker *w, struct crypto_engine *engine);
int worker_add_rxq(struct worker *w, uint16_t ethdev, uint16_t queue);

/* lcore_function_t; arg is the worker. */
int worker_run(void *arg);

/* One turn: inbox, ports, crypto, output. Returns how many packets it found. For worker_run and for
 * tests. */
uint32_t worker_poll(struct worker *w);

/* Parsed IP packets with zone and table, through all the stages up to output. For worker_poll and
 * for tests. */
void worker_walk(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

#endif
