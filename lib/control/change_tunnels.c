/* SPDX-License-Identifier: BSD-3-Clause */

/* Tunnels added and deleted while traffic runs. */

#include <errno.h>
#include <string.h>

#include "change.h"
#include "gateway_change.h"
#include "internal.h"

void
tunnel_tell(const struct gateway *g, const struct tunnel *t, const char *what)
{
	gateway_tell(g, &(struct gateway_event){.kind = EVENT_tunnel, .what = what, .tunnel = t});
}

void
tunnel_udp_port_count(struct gateway *g, const struct tunnel_config *c, int by)
{
	const uint64_t bit = 1ull << (c->local_port % 64);
	uint32_t *users = &g->udp_port_users[c->local_port];

	if (c->carrier != TUNNEL_UDP)
		return;
	*users += (uint32_t)by;
	for (uint16_t i = 0; i < g->nodes.n; i++) {
		uint64_t *word = &g->views[i]->udp_ports[c->local_port / 64];

		__atomic_store_n(word, *users ? *word | bit : *word & ~bit, __ATOMIC_RELAXED);
	}
}

/* --- add */

static void
add_undo(struct gateway *g, struct change_op *op)
{
	struct tunnel *t = op->tunnel.tunnel;

	if (!t)
		return;
	tunnel_retire(g->tables.tunnels, t);
	reaper_tunnel(g, t);
}

static void
add_unpublish(struct gateway *g, struct change_op *op)
{
	struct tunnel *t = g->tables.tunnels->tunnels[op->tunnel.tunnel->index];
	struct error err;

	__atomic_store_n(&t->up, false, __ATOMIC_RELAXED);
	if (route_tunnel_state(g->routes, t->index, false, &err) != 0)
		log_error(tunnel, "%s: %s", t->config.name, err.text);
	tunnel_udp_port_count(g, &op->tunnel.tunnel->config, -1);
}

/*
 * Nothing leads into it yet. It is up before its routes and policies are there, where it can be, so
 * that what they move from elsewhere is not dropped meanwhile. The same change may have replaced
 * what it was made as.
 */
static int
add_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	struct tunnel *t = g->tables.tunnels->tunnels[op->tunnel.tunnel->index];
	int rc;

	tunnel_udp_port_count(g, &op->tunnel.tunnel->config, 1);
	tunnel_sas_assign(g, t->index);
	tunnel_update(g, t);
	rc = route_tunnel_state(g->routes, t->index, t->up, err);
	if (rc != 0)
		add_unpublish(g, op);
	return rc;
}

static void
add_finish(struct gateway *g, struct change_op *op)
{
	const struct tunnel *t = g->tables.tunnels->tunnels[op->tunnel.tunnel->index];

	g->by_tunnel[t->index].coming = false;
	g->n_tunnels++;
	g->ways_changed = true;
	tunnel_tell(g, t, "created");
	if (t->up)
		tunnel_say_state(g, t);
}

static const struct change_kind tunnel_added = {.undo = add_undo,
	.publish = add_publish,
	.unpublish = add_unpublish,
	.finish = add_finish,
	.phase = PUBLISH_NEW_TUNNELS};

int
gateway_tunnel_add(struct gateway *g, const struct tunnel_config *c, struct error *err)
{
	uint32_t before = g->change.n;
	const struct tunnel *same = tunnel_table_find(g->tables.tunnels, c->name);
	struct change_op *op;
	struct tunnel *t;
	int rc;

	if (same && g->by_tunnel[same->index].leaving)
		return error_set(err, -EBUSY,
			"name: the same batch deletes tunnel %s: add the new one in another batch, "
			"or update this one",
			c->name);
	if (port_table_find(g->tables.ports, c->name))
		return error_set(err, -EEXIST, "name: a port is called %s", c->name);
	op = change_add(g, &tunnel_added, err);
	if (!op)
		return -ENOMEM;
	/* which index it gets decides its SAs' owner and with it the node: the lowest free one */
	rc = tunnel_create(g->tables.tunnels, c, g->n_workers,
		workers_socket(g, default_owner(g, tunnel_table_next(g->tables.tunnels))), &t, err);
	if (rc == 0) {
		op->tunnel.tunnel = t;
		g->by_tunnel[t->index] = (struct gateway_tunnel){.coming = true};
		rc = tunnel_routes_add(g, c, t->index, err);
	}
	if (rc != 0)
		change_undo_after(g, before);
	return rc;
}

/* --- delete */

static void
delete_undo(struct gateway *g, struct change_op *op)
{
	g->by_tunnel[op->tunnel.tunnel->index].leaving = false;
}

static void
delete_finish(struct gateway *g, struct change_op *op)
{
	struct tunnel *t = op->tunnel.tunnel;
	struct error err;

	tunnel_tell(g, t, "deleted");
	/* the next one with its index is down until it is told otherwise */
	if (route_tunnel_state(g->routes, t->index, false, &err) != 0)
		log_error(tunnel, "%s: %s", t->config.name, err.text);
	tunnel_retire(g->tables.tunnels, t);
	tunnel_udp_port_count(g, &t->config, -1);
	g->by_tunnel[t->index] = (struct gateway_tunnel){0};
	g->n_tunnels--;
	g->ways_changed = true;
	reaper_tunnel(g, t);
}

static const struct change_kind tunnel_deleted = {.undo = delete_undo, .finish = delete_finish};

uint32_t
tunnel_sas_after(const struct gateway *g, uint32_t tunnel)
{
	const struct gateway_tunnel *own = &g->by_tunnel[tunnel];
	const struct gateway_sa *s;
	uint32_t n = own->n_coming;

	LIST_FOREACH (s, &own->out, link)
		n += !s->leaving;
	LIST_FOREACH (s, &own->in, link)
		n += !s->leaving;
	return n;
}

static uint32_t
policies_of_tunnel(const struct gateway *g, uint32_t tunnel)
{
	const struct policy_list *edited = change_policies(&g->change);
	const struct policy_list *list = edited ? edited : &g->policies;
	uint32_t n = 0;

	for (uint32_t i = 0; i < list->n; i++)
		n += list->policies[i].policy.action == SPD_PROTECT &&
		     list->policies[i].policy.tunnel == tunnel;
	return n;
}

int
gateway_tunnel_delete(struct gateway *g, struct tunnel *tunnel, struct error *err)
{
	struct gateway_tunnel *own = &g->by_tunnel[tunnel->index];
	uint32_t sas = tunnel_sas_after(g, tunnel->index);
	uint32_t policies = policies_of_tunnel(g, tunnel->index);
	uint32_t routes = route_tunnel_count(g->routes, tunnel->index, ROUTE_BY_CONFIG);
	uint32_t before = g->change.n;
	struct change_op *op;
	int rc;

	if (own->leaving)
		return error_set(err, -ENOENT, "the tunnel is being deleted already");
	if (own->successor)
		return error_set(err, -EBUSY,
			"the same batch changes tunnel %s: delete it in another one",
			tunnel->config.name);
	if (sas || routes || policies)
		return error_set(err, -EBUSY,
			"%u SAs, %u routes and %u policies need tunnel %s: delete these first, or "
			"all in one batch",
			sas, routes, policies, tunnel->config.name);
	op = change_add(g, &tunnel_deleted, err);
	if (!op)
		return -ENOMEM;
	op->tunnel.tunnel = tunnel;
	own->leaving = true;
	rc = tunnel_routes_delete(g, tunnel, err);
	if (rc != 0)
		change_undo_after(g, before);
	return rc;
}
