/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef GATEWAY_STATS_H
#define GATEWAY_STATS_H

/*
 * What was counted since gateway_stats_reset, or since the start. The workers' counters never go
 * back: a reset remembers what they were. Control lcore.
 */

#include "gateway_objects.h"
#include "worker.h"

/* Milliseconds since the last reset, or the start. */
uint64_t gateway_stats_age_ms(const struct gateway *g);

void gateway_stats_reset(struct gateway *g);

void gateway_stats_port(const struct gateway *g, uint32_t index, struct counter *rx,
	struct counter *tx, struct port_losses *losses);
void gateway_stats_tunnel(
	const struct gateway *g, const struct tunnel *t, struct counter *out, struct counter *in);
struct gateway_sa_stats gateway_stats_sa(const struct gateway_sa *s);

/* Of the control lcore and all workers. */
uint64_t gateway_stats_drops(const struct gateway *g, enum drop_reason reason);

/* A worker by its number, below gateway_worker_count. since_reset: else since the start. */
struct gateway_worker {
	uint16_t lcore, node, rx_queues;
	uint32_t inbox;     /* packets that wait in it */
	uint64_t silent_ms; /* since a turn of it was last seen, to 100 ms */
	struct worker_stats stats;
};
uint16_t gateway_worker_count(const struct gateway *g);
void gateway_worker(
	const struct gateway *g, uint16_t index, bool since_reset, struct gateway_worker *worker);

#endif
