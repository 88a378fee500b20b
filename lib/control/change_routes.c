/* SPDX-License-Identifier: BSD-3-Clause */

/* Routes and static neighbours added and deleted while traffic runs. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "gateway_change.h"
#include "internal.h"

/* --- routes of any origin */

static void
added_undo(struct gateway *g, struct change_op *op)
{
	struct error err;

	if (route_delete(g->routes, &op->route, &err) != 0)
		log_error(fib, "%s", err.text);
}

/* A gateway's or a neighbour's next hop knows its link from the beginning, where that is known. */
static int
added_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	const struct route *r = &op->route;
	const struct neigh *n;

	(void)err;
	if (r->via != ROUTE_VIA_ADDRESS && r->via != ROUTE_VIA_NEIGHBOUR)
		return 0;
	n = neigh_find(g->neighbours, r->port, &r->addr);
	if (n && neigh_is_usable(n))
		nexthop_set_link(g->nexthops, route_neighbour_nexthop(g->routes, r->port, &r->addr),
			n->mac, true);
	return 0;
}

static void
added_finish(struct gateway *g, struct change_op *op)
{
	if (op->route.via == ROUTE_VIA_ADDRESS)
		neigh_pin(g->neighbours, op->route.port, &op->route.addr, now_ms());
}

static const struct change_kind route_added = {
	.undo = added_undo, .publish = added_publish, .finish = added_finish};

static void
deleted_undo(struct gateway *g, struct change_op *op)
{
	struct error err;

	if (route_add(g->routes, &op->route, &err) != 0)
		log_error(fib, "%s", err.text);
}

static void
deleted_finish(struct gateway *g, struct change_op *op)
{
	if (op->route.via == ROUTE_VIA_ADDRESS)
		neigh_unpin(g->neighbours, op->route.port, &op->route.addr);
}

static const struct change_kind route_deleted = {.undo = deleted_undo, .finish = deleted_finish};

static int
note(struct gateway *g, const struct change_kind *kind, const struct route *route,
	struct error *err)
{
	struct change_op *op = change_add(g, kind, err);
	int rc;

	if (!op)
		return -ENOMEM;
	op->route = *route;
	op->route.prefix = ip_prefix_network(&route->prefix);
	rc = kind == &route_added ? route_add(g->routes, &op->route, err)
				  : route_delete(g->routes, &op->route, err);
	if (rc != 0)
		change_drop(g);
	else
		g->change.routes = true;
	return rc;
}

int
change_route_add(struct gateway *g, const struct route *route, struct error *err)
{
	return note(g, &route_added, route, err);
}

int
change_route_delete(struct gateway *g, const struct route *route, struct error *err)
{
	return note(g, &route_deleted, route, err);
}

int
change_route_share(struct gateway *g, const struct route *route, struct error *err)
{
	int rc = change_route_add(g, route, err);

	return rc == -EEXIST ? 0 : rc;
}

/* --- host routes of neighbours that lie in prefixes whose routes change */

/* A filter: it says true to all rather than look through many operations for each neighbour. */
static bool
is_touched(const struct change *c, uint16_t table, const struct ip_addr *addr)
{
	enum { MANY = 1024 };

	if (c->n > MANY)
		return true;
	for (uint32_t i = 0; i < c->n; i++) {
		const struct change_op *op = &c->ops[i];

		if ((op->kind == &route_added || op->kind == &route_deleted) &&
			op->route.via != ROUTE_VIA_NEIGHBOUR && op->route.table == table &&
			ip_prefix_contains(&op->route.prefix, addr))
			return true;
	}
	return false;
}

struct follow {
	struct gateway *g;
	struct error *err;
};

static int
neighbour_follow(const struct neigh *n, void *arg)
{
	struct follow *f = arg;
	struct gateway *g = f->g;
	struct route r = neighbour_route(g, n);
	int rc;

	if (!neigh_is_usable(n) || !is_touched(&g->change, r.table, &n->addr))
		return 0;
	if (neighbour_is_on_link(g, n))
		rc = change_route_add(g, &r, f->err);
	else
		rc = change_route_delete(g, &r, f->err);
	return rc == -EEXIST || rc == -ENOENT ? 0 : rc;
}

int
change_neighbour_routes(struct gateway *g, struct error *err)
{
	struct follow follow = {g, err};

	return neigh_walk(g->neighbours, neighbour_follow, &follow);
}

/* --- of the configuration */

static struct route
route_of(const struct config_route *c)
{
	static const enum route_via via[] = {
		[CONFIG_VIA_ADDRESS] = ROUTE_VIA_ADDRESS,
		[CONFIG_VIA_TUNNEL] = ROUTE_VIA_TUNNEL,
		[CONFIG_VIA_PORT] = ROUTE_VIA_PORT,
		[CONFIG_VIA_DISCARD] = ROUTE_VIA_DISCARD,
	};
	struct route r = {.table = c->table,
		.prefix = c->prefix,
		.via = via[c->via],
		.addr = c->addr,
		.metric = c->metric,
		.by = ROUTE_BY_CONFIG};

	/* a port's, or a tunnel's, but never what another kind left there: routes are compared
	 * whole */
	if (c->via == CONFIG_VIA_TUNNEL)
		r.tunnel = c->tunnel;
	else if (c->via != CONFIG_VIA_DISCARD)
		r.port = (uint16_t)c->port;
	return r;
}

int
gateway_route_add(struct gateway *g, const struct config_route *c, struct error *err)
{
	struct route r = route_of(c);

	if (r.via == ROUTE_VIA_TUNNEL && g->by_tunnel[r.tunnel].leaving)
		return error_set(err, -ENOENT, "via: the same batch deletes the tunnel");
	return change_route_add(g, &r, err);
}

int
gateway_route_delete(struct gateway *g, const struct config_route *c, struct error *err)
{
	struct route r = route_of(c);

	return change_route_delete(g, &r, err);
}

/* --- neighbours */

static void
neighbour_added_finish(struct gateway *g, struct change_op *op)
{
	struct error err;

	if (neigh_static_add(g->neighbours, op->neighbour.port, &op->neighbour.addr,
		    op->neighbour.mac, &err) != 0)
		log_error(neigh, "%s", err.text);
}

static void
neighbour_deleted_finish(struct gateway *g, struct change_op *op)
{
	struct error err;

	if (neigh_static_delete(g->neighbours, op->neighbour.port, &op->neighbour.addr, &err) != 0)
		log_error(neigh, "%s", err.text);
}

static const struct change_kind neighbour_added = {.finish = neighbour_added_finish};
static const struct change_kind neighbour_deleted = {.finish = neighbour_deleted_finish};

static struct change_op *
neighbour_note(struct gateway *g, const struct change_kind *kind, uint16_t port,
	const struct ip_addr *addr, struct error *err)
{
	struct change_op *op = change_add(g, kind, err);

	if (!op)
		return NULL;
	op->neighbour.port = port;
	op->neighbour.addr = *addr;
	return op;
}

/* What the change under way makes of an address; NULL: nothing. */
static const struct change_op *
neighbour_noted(const struct gateway *g, uint16_t port, const struct ip_addr *addr)
{
	for (uint32_t i = g->change.n; i-- > 0;) {
		const struct change_op *op = &g->change.ops[i];

		if ((op->kind == &neighbour_added || op->kind == &neighbour_deleted) &&
			op->neighbour.port == port && ip_addr_equal(&op->neighbour.addr, addr))
			return op;
	}
	return NULL;
}

bool
neighbour_is_static(const struct gateway *g, uint16_t port, const struct ip_addr *addr)
{
	const struct change_op *noted = neighbour_noted(g, port, addr);
	const struct neigh *n = neigh_find(g->neighbours, port, addr);

	if (noted)
		return noted->kind == &neighbour_added;
	return n && n->state == NEIGH_STATIC;
}

/* Of what the change adds, a neighbour that has to stay: a static one, or a gateway. */
struct keep {
	uint16_t port;
	struct ip_addr addr;
};

static bool
keeps(const struct gateway *g, const struct change_op *op, struct keep *keep)
{
	if (op->kind == &neighbour_added)
		*keep = (struct keep){op->neighbour.port, op->neighbour.addr};
	else if (op->kind == &route_added && op->route.via == ROUTE_VIA_ADDRESS)
		*keep = (struct keep){op->route.port, op->route.addr};
	else
		return false;
	return !neigh_is_kept(g->neighbours, keep->port, &keep->addr);
}

static int
compare_keeps(const void *one, const void *other)
{
	const struct keep *a = one, *b = other;

	return a->port != b->port ? (int)a->port - b->port : ip_addr_compare(&a->addr, &b->addr);
}

/* Many routes may have one gateway. */
static uint32_t
count_keeps(const struct gateway *g, struct keep *all)
{
	uint32_t n = 0, different = 0;

	for (uint32_t i = 0; i < g->change.n; i++)
		n += keeps(g, &g->change.ops[i], &all[n]);
	qsort(all, n, sizeof(*all), compare_keeps);
	for (uint32_t i = 0; i < n; i++)
		different += i == 0 || compare_keeps(&all[i - 1], &all[i]) != 0;
	return different;
}

int
change_neighbour_room(const struct gateway *g, struct error *err)
{
	struct keep *all;
	uint32_t n;

	if (g->change.n <= neigh_room(g->neighbours))
		return 0;
	all = calloc(g->change.n, sizeof(*all));
	if (!all)
		return error_set(err, -ENOMEM, "no memory for so many changes at once");
	n = count_keeps(g, all);
	free(all);
	if (n <= neigh_room(g->neighbours))
		return 0;
	return error_set(err, -ENOSPC,
		"%u more neighbours would have to stay, gateways of routes among them, and there "
		"is room for %u: raise limits.neighbours",
		n, neigh_room(g->neighbours));
}

int
gateway_neighbour_add(struct gateway *g, const struct config_neighbour *c, struct error *err)
{
	char text[IP_ADDR_STRLEN];
	struct change_op *op;

	if (neighbour_is_static(g, (uint16_t)c->port, &c->addr))
		return error_set(err, -EEXIST, "%s is a static neighbour of that port already",
			ip_addr_format(&c->addr, text));
	if (neigh_room(g->neighbours) == 0)
		return error_set(err, -ENOSPC,
			"all places for neighbours are taken: raise limits.neighbours");
	op = neighbour_note(g, &neighbour_added, (uint16_t)c->port, &c->addr, err);
	if (!op)
		return -ENOMEM;
	memcpy(op->neighbour.mac, c->mac, sizeof(op->neighbour.mac));
	return 0;
}

int
gateway_neighbour_delete(
	struct gateway *g, uint16_t port, const struct ip_addr *addr, struct error *err)
{
	char text[IP_ADDR_STRLEN];

	if (!neighbour_is_static(g, port, addr))
		return error_set(err, -ENOENT, "%s is no static neighbour of that port",
			ip_addr_format(addr, text));
	return neighbour_note(g, &neighbour_deleted, port, addr, err) ? 0 : -ENOMEM;
}
