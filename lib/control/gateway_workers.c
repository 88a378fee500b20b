/* SPDX-License-Identifier: BSD-3-Clause */

/* The worker lcores: made, given their queues, launched, stopped. */

#include <errno.h>
#include <inttypes.h>

#include <rte_launch.h>
#include <rte_malloc.h>

#include "internal.h"
#include "stage.h"

enum {
	TO_CONTROL_SIZE = 4096,
	DRAIN_MS = 2000, /* how long a crypto device may take to finish when we stop */
};

uint16_t
workers_count(void)
{
	return (uint16_t)(rte_lcore_count() - 1);
}

/* The n-th worker lcore. */
static uint16_t
worker_lcore(uint16_t n)
{
	unsigned int lcore = rte_get_next_lcore(-1, 1, 0);

	while (n-- > 0)
		lcore = rte_get_next_lcore(lcore, 1, 0);
	return (uint16_t)lcore;
}

int
workers_socket(const struct gateway *g, uint16_t worker)
{
	return g->nodes.sockets[workers_node(g, worker)];
}

/* The place of an lcore's node; nodes->n when it is not there. */
static uint16_t
node_of(const struct numa_nodes *nodes, uint16_t lcore)
{
	uint16_t i = 0;

	while (i < nodes->n && nodes->sockets[i] != (int)rte_lcore_to_socket_id(lcore))
		i++;
	return i;
}

void
workers_nodes(struct numa_nodes *nodes)
{
	/* without huge pages EAL's memory is in one piece, wherever the kernel put it */
	uint16_t n = rte_eal_has_hugepages() ? workers_count() : 1;

	nodes->n = 0;
	for (uint16_t i = 0; i < n; i++) {
		uint16_t lcore = worker_lcore(i);

		if (node_of(nodes, lcore) == nodes->n)
			nodes->sockets[nodes->n++] = (int)rte_lcore_to_socket_id(lcore);
	}
}

uint16_t
workers_node(const struct gateway *g, uint16_t worker)
{
	uint16_t node =
		g->options.nodes ? worker % g->nodes.n : node_of(&g->nodes, worker_lcore(worker));

	return node < g->nodes.n ? node : 0;
}

static struct worker *
worker_on(const struct gateway *g, uint16_t lcore)
{
	for (uint16_t i = 0; i < g->n_workers; i++)
		if (g->workers[i]->lcore == lcore)
			return g->workers[i];
	return NULL;
}

/* Every rx queue gets the worker that --config says, or, without one, its turn. */
static int
assign_queues(struct gateway *g, struct report *report)
{
	const struct gateway_options *o = &g->options;

	for (uint16_t i = 0; i < o->n_queues; i++) {
		const struct gateway_queue *q = &o->queues[i];
		struct worker *w = worker_on(g, q->lcore);

		if (!w || worker_add_rxq(w, q->ethdev, q->queue) != 0) {
			report_add(report, NULL, 0, "--config",
				"(%u,%u,%u): lcore %u is no worker lcore; they are those of -l or "
				"--lcores but the main one, %u",
				q->ethdev, q->queue, q->lcore, q->lcore, rte_get_main_lcore());
			return -EINVAL;
		}
	}
	for (uint16_t d = 0; o->n_queues == 0 && g->n_workers > 0 && d < g->n_devices; d++) {
		const struct port_device *device = &g->devices[d];

		for (uint16_t q = 0; q < device->rx_queues; q++)
			if (worker_add_rxq(g->workers[(d + q) % g->n_workers], device->ethdev, q))
				return -ENOSPC;
	}
	return 0;
}

int
workers_create(struct gateway *g, struct report *report)
{
	struct worker_params params = {
		.workers = g->n_workers,
		.burst = g->options.burst,
		.idle_polls = g->config->worker.idle_polls,
		.idle_sleep_us = g->config->worker.idle_sleep_us,
		.reassembly_max = g->config->limits.reassembly,
		.echoes = g->config->icmp.echo,
		.errors = g->config->icmp.errors,
		.qsbr = g->qsbr,
		.inboxes = g->inboxes,
		.n_ports = g->tables.ports->count,
		.stop = &g->stop_workers,
	};
	struct error err;

	g->to_control =
		rte_ring_create("to_control", TO_CONTROL_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	params.to_control = g->to_control;
	for (uint16_t i = 0; g->to_control && i < g->n_workers; i++) {
		params.index = i;
		params.lcore = worker_lcore(i);
		params.tables = g->views[workers_node(g, i)];
		params.pool = g->pools[rte_lcore_to_socket_id(params.lcore)];
		g->workers[i] = worker_create(&params, &err);
		if (!g->workers[i]) {
			report_add(report, NULL, 0, "workers", "%s", err.text);
			return -ENOMEM;
		}
		if (!crypto_engine_is_synchronous(g->engine))
			worker_add_engine(g->workers[i], g->engine);
	}
	return g->to_control ? assign_queues(g, report) : -ENOMEM;
}

int
workers_launch(struct gateway *g)
{
	g->running = true; /* those that run are to be stopped, even when another does not start */
	for (uint16_t i = 0; i < g->n_workers; i++)
		if (rte_eal_remote_launch(worker_run, g->workers[i], g->workers[i]->lcore) != 0)
			return -EBUSY;
	return 0;
}

static uint64_t
jobs_inflight(const struct gateway *g)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < g->sas.used; i++)
		if (g->sas.places[i].sa)
			sum += g->sas.places[i].sa->hot.inflight;
	return sum;
}

/* Jobs that an asynchronous engine still has: what comes out is not sent any more. */
static void
drain_crypto(struct gateway *g)
{
	struct rte_mbuf *pkts[BURST_DEFAULT];
	int32_t status[BURST_DEFAULT];
	uint64_t deadline = now_ms() + DRAIN_MS;

	while (jobs_inflight(g) > 0 && now_ms() < deadline)
		for (uint16_t i = 0; i < g->n_workers; i++) {
			uint16_t n =
				g->engine->ops->poll(g->engine, i, pkts, status, RTE_DIM(pkts));

			for (uint16_t k = 0; k < n; k++)
				pkt(pkts[k])->sa->hot.inflight--;
			drop_bulk(g->workers[i], pkts, n, DROP_shutdown);
		}
	if (jobs_inflight(g) > 0)
		log_error(crypto, "the device has not finished %" PRIu64 " jobs", jobs_inflight(g));
}

void
workers_stop(struct gateway *g)
{
	if (!g->running)
		return;
	__atomic_store_n(&g->stop_workers, true, __ATOMIC_RELAXED);
	for (uint16_t i = 0; i < g->n_workers; i++)
		rte_eal_wait_lcore(g->workers[i]->lcore);
	g->running = false;
	drain_crypto(g);
}

void
workers_release(struct gateway *g)
{
	struct rte_mbuf *m;

	while (g->to_control && rte_ring_dequeue(g->to_control, (void **)&m) == 0)
		slow_drop(g, m, DROP_shutdown);
	for (uint16_t i = 0; i < g->n_workers; i++)
		worker_release(g->workers[i]);
}

void
workers_destroy(struct gateway *g)
{
	rte_ring_free(g->to_control);
	for (uint16_t i = 0; i < g->n_workers; i++)
		worker_destroy(g->workers[i]);
}
