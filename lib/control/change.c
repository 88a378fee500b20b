/* SPDX-License-Identifier: BSD-3-Clause */

/* A change of many operations, carried through or taken back whole. */

#include "change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_change.h"
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

int
gateway_change_begin(struct gateway *g)
{
	if (g->change.open)
		return -EBUSY;
	g->change.open = true;
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
	c->n = 0;
	c->policies = 0;
	c->open = c->routes = c->static_keys = false;
}

/* The opposites of all routes have been noted: what is published stays what it is. */
static void
routes_settle(struct gateway *g)
{
	struct error err;

	if (g->change.routes && route_commit(g->routes, &err) != 0)
		log_error(fib, "%s", err.text);
}

void
gateway_change_abandon(struct gateway *g)
{
	struct change *c = &g->change;

	for (uint32_t i = c->n; i-- > 0;)
		if (c->ops[i].kind->undo)
			c->ops[i].kind->undo(g, &c->ops[i]);
	routes_settle(g);
	change_end(g);
}

static void
unpublish(struct gateway *g, uint32_t n)
{
	struct change *c = &g->change;

	while (n-- > 0)
		if (c->ops[n].kind->unpublish)
			c->ops[n].kind->unpublish(g, &c->ops[n]);
}

/* Number of published operations in *n. */
static int
publish(struct gateway *g, uint32_t *n, struct error *err)
{
	struct change *c = &g->change;
	int rc = 0;

	for (*n = 0; rc == 0 && *n < c->n; ++*n) {
		struct change_op *op = &c->ops[*n];

		if (!op->kind->publish)
			continue;
		rc = op->kind->publish(g, op, err);
		if (rc != 0)
			break;
		op->published = true;
	}
	if (rc == 0 && c->static_keys)
		rc = seq_state_sync(g->state, err);
	if (rc == 0 && c->routes)
		rc = route_commit(g->routes, err);
	return rc;
}

static void
finish(struct gateway *g)
{
	struct change *c = &g->change;

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
	struct change *c = &g->change;
	uint32_t published;
	int rc = c->routes ? change_neighbour_routes(g, err) : 0;

	if (rc == 0) {
		rc = publish(g, &published, err);
		if (rc != 0)
			unpublish(g, published);
	}
	if (rc != 0) {
		gateway_change_abandon(g);
		return rc;
	}
	finish(g);
	change_end(g);
	return 0;
}
