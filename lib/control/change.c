/* SPDX-License-Identifier: BSD-3-Clause */

/* A change of many operations, carried through or taken back whole. */

#include "change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_change.h"
#include "grace.h"
#include "internal.h"

struct change_op *
change_add(struct gateway *g, const struct change_kind *kind, struct error *err)
{
	struct change *c = &g->change;
	uint32_t capacity = RTE_MAX(c->capacity * 2, 16u);
	struct change_op *more;

	if (reaper_reserve(g, c->n + 1) != 0)
		goto no_memory;
	if (c->n == c->capacity) {
		more = realloc(c->ops, capacity * sizeof(*more));
		if (!more)
			goto no_memory;
		c->ops = more;
		c->capacity = capacity;
	}
	c->ops[c->n] = (struct change_op){.kind = kind};
	c->counts |= kind->counts;
	return &c->ops[c->n++];
no_memory:
	error_set(err, -ENOMEM, "no memory for so many changes at once");
	return NULL;
}

void
change_drop(struct gateway *g)
{
	g->change.n--;
}

void
change_undo_after(struct gateway *g, uint32_t n)
{
	struct change *c = &g->change;

	while (c->n > n) {
		struct change_op *op = &c->ops[--c->n];

		if (op->kind->undo)
			op->kind->undo(g, op);
	}
}

int
gateway_change_begin(struct gateway *g)
{
	if (g->change.open)
		return -EBUSY;
	g->change.open = true;
	g->change.owner = fibre_current();
	return 0;
}

/* A log of a hundred thousand operations is not kept. */
static void
change_end(struct gateway *g)
{
	enum { KEPT = 1024 };
	struct change *c = &g->change;

	if (c->capacity > KEPT) {
		free(c->ops);
		c->ops = NULL;
		c->capacity = 0;
	}
	free(c->mark.list.policies);
	c->mark.list = (struct policy_list){0};
	c->owner = NULL;
	c->n = c->said = 0;
	c->policies = 0;
	c->open = c->routes = c->ports = c->static_keys = c->counts = false;
}

/* The opposites of all routes have been noted: what is published stays what it is. */
static void
routes_settle(struct gateway *g)
{
	struct error err;

	if (g->change.routes && route_commit(g->routes, &err) != 0)
		log_error(fib, "%s", err.text);
}

/* What was taken out of use has counters, and nobody may look before they are added up. */
static void
rest(const struct change *c)
{
	if (!c->counts)
		fibre_rest();
}

void
gateway_change_abandon(struct gateway *g)
{
	struct change *c = &g->change;

	for (uint32_t i = c->n; i-- > 0;) {
		rest(c);
		if (c->ops[i].kind->undo)
			c->ops[i].kind->undo(g, &c->ops[i]);
	}
	routes_settle(g);
	change_end(g);
}

static void
unpublish(struct gateway *g)
{
	struct change *c = &g->change;

	for (uint32_t i = c->n; i-- > 0;)
		if (c->ops[i].published && c->ops[i].kind->unpublish)
			c->ops[i].kind->unpublish(g, &c->ops[i]);
}

/* What was taken out of use counts no more. */
static void
wait_for_counters(const struct gateway *g)
{
	if (g->change.counts)
		grace_wait(g->qsbr);
}

static int
publish_phase(struct gateway *g, enum change_phase phase, struct error *err)
{
	struct change *c = &g->change;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < c->n; i++) {
		struct change_op *op = &c->ops[i];

		rest(c);
		if (!op->kind->publish || op->kind->phase != phase)
			continue;
		rc = op->kind->publish(g, op, err);
		op->published = rc == 0;
	}
	return rc;
}

static int
publish(struct gateway *g, struct error *err)
{
	struct change *c = &g->change;
	int rc = c->static_keys ? seq_state_sync(g->state, err) : 0;

	for (int phase = 0; rc == 0 && phase < PUBLISH_PHASES; phase++)
		rc = publish_phase(g, (enum change_phase)phase, err);
	rest(c);
	if (rc == 0 && c->routes)
		rc = route_commit(g->routes, err);
	return rc;
}

void
tunnel_reassign_later(struct gateway *g, uint32_t tunnel)
{
	if (g->by_tunnel[tunnel].reassign)
		return;
	g->by_tunnel[tunnel].reassign = true;
	g->reassign[g->n_reassign++] = tunnel;
}

static void
finish(struct gateway *g)
{
	struct change *c = &g->change;

	wait_for_counters(g);
	for (uint32_t i = 0; i < c->n; i++)
		if (c->ops[i].kind->finish)
			c->ops[i].kind->finish(g, &c->ops[i]);
	for (uint32_t i = 0; i < g->n_reassign; i++)
		if (g->tables.tunnels->tunnels[g->reassign[i]])
			tunnel_sas_assign(g, g->reassign[i]);
	tunnels_resolve_some(g, g->reassign, g->n_reassign);
	for (uint32_t i = 0; i < g->n_reassign; i++)
		g->by_tunnel[g->reassign[i]].reassign = false;
	g->n_reassign = 0;
	if (c->routes)
		g->ways_changed = true;
}

int
gateway_change_commit(struct gateway *g, struct error *err)
{
	int rc = change_ports_check(g, err);

	/* before all that others could see when they have their turn meanwhile */
	if (rc == 0 && g->change.policies)
		rc = change_policies_build(g, err);
	if (rc == 0 && g->change.routes)
		rc = change_neighbour_routes(g, err);
	if (rc == 0)
		rc = change_neighbour_room(g, err);
	if (rc == 0)
		rc = publish(g, err);
	if (rc != 0) {
		unpublish(g);
		wait_for_counters(g);
		gateway_change_abandon(g);
		return rc;
	}
	rest(&g->change);
	finish(g);
	rest(&g->change);
	change_end(g);
	return 0;
}
