/* SPDX-License-Identifier: BSD-3-Clause */
#include "gateway_stats.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_ring.h>

#include "internal.h"

struct port_stats {
	struct counter rx, tx;
	struct port_losses losses;
};

/* What everything but tunnels and SAs, which have theirs beside them, was at the last reset. */
struct stats_reset {
	uint64_t at_ms;
	uint64_t drops[DROP_REASON_COUNT]; /* of all */
	struct worker_stats workers[WORKERS_MAX];
	struct port_stats *ports; /* by index */
};

int
stats_start(struct gateway *g, struct report *report)
{
	(void)report;
	g->stats = calloc(1, sizeof(*g->stats));
	if (!g->stats)
		return -ENOMEM;
	g->stats->at_ms = now_ms();
	g->stats->ports = calloc(g->config->n_ports, sizeof(g->stats->ports[0]));
	return g->stats->ports ? 0 : -ENOMEM;
}

void
stats_stop(struct gateway *g)
{
	if (g->stats)
		free(g->stats->ports);
	free(g->stats);
}

uint64_t
gateway_stats_age_ms(const struct gateway *g)
{
	return now_ms() - g->stats->at_ms;
}

static void
subtract(struct counter *c, const struct counter *before)
{
	c->packets -= before->packets;
	c->bytes -= before->bytes;
}

void
gateway_stats_port(const struct gateway *g, uint32_t index, struct counter *rx, struct counter *tx,
	struct port_losses *losses)
{
	const struct port_stats *before = &g->stats->ports[index];

	gateway_port_counters(g, gateway_port_at(g, index), rx, tx, losses);
	subtract(rx, &before->rx);
	subtract(tx, &before->tx);
	losses->missed -= before->losses.missed;
	losses->no_buffer -= before->losses.no_buffer;
	losses->errors -= before->losses.errors;
}

void
gateway_stats_tunnel(
	const struct gateway *g, const struct tunnel *t, struct counter *out, struct counter *in)
{
	gateway_tunnel_counters(g, t, out, in);
	subtract(out, &g->by_tunnel[t->index].reset_out);
	subtract(in, &g->by_tunnel[t->index].reset_in);
}

static struct gateway_sa_stats
sa_stats(const struct gateway_sa *s)
{
	const struct sa_hot *hot = &s->sa->hot;

	return (struct gateway_sa_stats){
		.traffic = {counter_read(&hot->traffic.packets), counter_read(&hot->traffic.bytes)},
		.errors_icv = counter_read(&hot->errors_icv),
		.errors_replay = counter_read(&hot->errors_replay)};
}

struct gateway_sa_stats
gateway_stats_sa(const struct gateway_sa *s)
{
	struct gateway_sa_stats stats = sa_stats(s);

	subtract(&stats.traffic, &s->reset.traffic);
	stats.errors_icv -= s->reset.errors_icv;
	stats.errors_replay -= s->reset.errors_replay;
	return stats;
}

uint64_t
gateway_stats_drops(const struct gateway *g, enum drop_reason reason)
{
	return gateway_drops(g, reason) - g->stats->drops[reason];
}

/* --- workers */

static struct worker_stats
worker_stats(const struct worker *w)
{
	const struct worker_stats *s = &w->stats;
	struct worker_stats now = {
		.polls = counter_read(&s->polls),
		.idle_polls = counter_read(&s->idle_polls),
		.sleeps = counter_read(&s->sleeps),
		.handed_over = counter_read(&s->handed_over),
		.handed_in = counter_read(&s->handed_in),
		.to_control = counter_read(&s->to_control),
		.esp_out = {counter_read(&s->esp_out.packets), counter_read(&s->esp_out.bytes)},
		.esp_in = {counter_read(&s->esp_in.packets), counter_read(&s->esp_in.bytes)},
	};

	for (int r = 0; r < DROP_REASON_COUNT; r++)
		now.drops[r] = counter_read(&s->drops[r]);
	return now;
}

static void
worker_subtract(struct worker_stats *s, const struct worker_stats *before)
{
	s->polls -= before->polls;
	s->idle_polls -= before->idle_polls;
	s->sleeps -= before->sleeps;
	s->handed_over -= before->handed_over;
	s->handed_in -= before->handed_in;
	s->to_control -= before->to_control;
	subtract(&s->esp_out, &before->esp_out);
	subtract(&s->esp_in, &before->esp_in);
	for (int r = 0; r < DROP_REASON_COUNT; r++)
		s->drops[r] -= before->drops[r];
}

uint16_t
gateway_worker_count(const struct gateway *g)
{
	return g->n_workers;
}

void
gateway_worker(
	const struct gateway *g, uint16_t index, bool since_reset, struct gateway_worker *worker)
{
	const struct worker *w = g->workers[index];

	*worker = (struct gateway_worker){.lcore = w->lcore,
		.node = (uint16_t)rte_lcore_to_socket_id(w->lcore),
		.rx_queues = w->n_rxqs,
		.inbox = rte_ring_count(w->inbox),
		.silent_ms = now_ms() - g->turns[index].seen_ms,
		.stats = worker_stats(w)};
	if (since_reset)
		worker_subtract(&worker->stats, &g->stats->workers[index]);
}

void
gateway_stats_reset(struct gateway *g)
{
	struct stats_reset *to = g->stats;

	to->at_ms = now_ms();
	for (int r = 0; r < DROP_REASON_COUNT; r++)
		to->drops[r] = gateway_drops(g, (enum drop_reason)r);
	for (uint16_t i = 0; i < g->n_workers; i++)
		to->workers[i] = worker_stats(g->workers[i]);
	for (uint32_t i = 0; i < g->config->n_ports; i++) {
		struct port_stats *p = &to->ports[i];

		gateway_port_counters(g, gateway_port_at(g, i), &p->rx, &p->tx, &p->losses);
	}
	for (uint32_t i = 0; i < g->tables.tunnels->capacity; i++) {
		const struct tunnel *t = gateway_tunnel_at(g, i);
		struct gateway_tunnel *own = &g->by_tunnel[i];

		if (t)
			gateway_tunnel_counters(g, t, &own->reset_out, &own->reset_in);
	}
	for (uint32_t i = 0; i < g->sas.used; i++) {
		struct gateway_sa *s = gateway_sa_at(g, i);

		if (s)
			s->reset = sa_stats(s);
	}
}
