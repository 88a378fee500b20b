/* SPDX-License-Identifier: BSD-3-Clause */

/* Whether the workers make progress, and how it goes on the whole, for who supervises the process.
 */

#include "internal.h"

void
health_tick(struct gateway *g, uint64_t now)
{
	for (uint16_t i = 0; i < g->n_workers; i++) {
		uint64_t polls = __atomic_load_n(&g->workers[i]->stats.polls, __ATOMIC_RELAXED);

		if (polls == g->turns[i].polls && g->turns[i].seen_ms)
			continue;
		g->turns[i].polls = polls;
		g->turns[i].seen_ms = now;
	}
	if (g->options.on_tick)
		g->options.on_tick(g->options.on_tick_arg, g, now);
}

void
gateway_health(const struct gateway *g, uint64_t now, struct gateway_health *health)
{
	*health = (struct gateway_health){0};
	for (uint16_t i = 0; i < g->n_workers; i++) {
		uint64_t silent = now - g->turns[i].seen_ms;

		if (silent < health->silent_ms)
			continue;
		health->silent_ms = silent;
		health->worker = i;
		health->lcore = g->workers[i]->lcore;
	}
	for (uint32_t i = 0; i < g->tables.tunnels->capacity; i++) {
		const struct tunnel *t = g->tables.tunnels->tunnels[i];

		health->tunnels += t != NULL;
		health->tunnels_up += t && t->up;
	}
}
