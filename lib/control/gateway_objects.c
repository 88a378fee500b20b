/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's objects in the words of the configuration. */

#include "gateway_objects.h"

#include <string.h>

#include "internal.h"

uint64_t
gateway_now_ms(void)
{
	return now_ms();
}

/* --- tunnels */

struct tunnel *
gateway_tunnel_at(const struct gateway *g, uint32_t index)
{
	struct tunnel *t =
		index < g->tables.tunnels->capacity ? g->tables.tunnels->tunnels[index] : NULL;

	if (!t)
		return NULL;
	if (change_is_others(&g->change))
		return g->by_tunnel[index].coming ? NULL : t;
	return g->by_tunnel[index].leaving ? NULL : t;
}

struct tunnel *
gateway_tunnel_find(const struct gateway *g, const char *name)
{
	struct tunnel *t = tunnel_table_find(g->tables.tunnels, name);

	return t ? gateway_tunnel_at(g, t->index) : NULL;
}

uint32_t
gateway_tunnel_capacity(const struct gateway *g)
{
	return g->tables.tunnels->capacity;
}

struct config_tunnel
gateway_tunnel_config(const struct tunnel *t)
{
	return (struct config_tunnel){.tunnel = t->config};
}

void
gateway_tunnel_counters(
	const struct gateway *g, const struct tunnel *t, struct counter *out, struct counter *in)
{
	tunnel_total(g, t, out, in);
}

static uint32_t
list_length(const struct gateway_sa_list *list)
{
	const struct gateway_sa *s;
	uint32_t n = 0;

	LIST_FOREACH (s, list, link)
		n++;
	return n;
}

uint32_t
gateway_tunnel_sas(const struct gateway *g, const struct tunnel *t)
{
	return list_length(&g->by_tunnel[t->index].out) + list_length(&g->by_tunnel[t->index].in);
}

/* --- SAs */

uint32_t
gateway_sa_places(const struct gateway *g)
{
	return g->sas.used;
}

struct gateway_sa *
gateway_sa_at(const struct gateway *g, uint32_t place)
{
	struct gateway_sa *s = &g->sas.places[place];

	if (place >= g->sas.used || !s->live)
		return NULL;
	return (change_is_others(&g->change) ? s->gone : s->leaving) ? NULL : s;
}

static struct gateway_sa *
find_in_tunnel(
	const struct gateway *g, enum sa_direction direction, uint32_t spi, const struct tunnel *t)
{
	struct gateway_sa *s = sa_store_find(
		&g->sas, direction, spi, direction == SA_IN ? &t->config.local : &t->config.remote);

	return s && s->tunnel == t->index ? s : NULL;
}

struct gateway_sa *
gateway_sa_find(const struct gateway *g, enum sa_direction direction, uint32_t spi, uint32_t tunnel,
	bool *ambiguous)
{
	const struct tunnel *t = tunnel != TUNNEL_NONE ? gateway_tunnel_at(g, tunnel) : NULL;
	struct gateway_sa *found;

	*ambiguous = false;
	if (tunnel != TUNNEL_NONE)
		return t ? find_in_tunnel(g, direction, spi, t) : NULL;
	found = sa_store_find_spi(&g->sas, direction, spi);
	*ambiguous = found && found->same_spi;
	return found;
}

struct config_sa
gateway_sa_config(const struct gateway_sa *s, bool key)
{
	const struct sa *sa = s->sa;
	struct config_sa c = {.tunnel = s->tunnel,
		.has_owner = s->has_owner,
		.sa = {.spi = s->spi,
			.direction = s->direction,
			.algorithm = (enum crypto_algorithm_id)s->algorithm,
			.esn = sa->esn,
			.static_key = s->key != NULL,
			.replay_window = s->replay_window,
			.soft = sa->soft,
			.hard = s->hard,
			.worker = s->has_owner ? sa->owner : SA_WORKER_ANY}};

	if (key && s->key)
		memcpy(c.sa.key, s->key, sizeof(c.sa.key));
	return c;
}

uint32_t
gateway_spi_allocate(struct gateway *g)
{
	return sad_spi_allocate(g->sad);
}

void
gateway_spi_release(struct gateway *g, uint32_t spi)
{
	sad_spi_release(g->sad, spi);
}

/* --- routes */

bool
gateway_route_config(const struct route *r, struct config_route *c)
{
	*c = (struct config_route){.table = r->table, .prefix = r->prefix, .metric = r->metric};
	switch (r->via) {
	case ROUTE_VIA_ADDRESS:
		c->via = CONFIG_VIA_ADDRESS;
		c->addr = r->addr;
		c->port = r->port;
		return true;
	case ROUTE_VIA_TUNNEL:
		c->via = CONFIG_VIA_TUNNEL;
		c->tunnel = r->tunnel;
		return true;
	case ROUTE_VIA_PORT:
		c->via = CONFIG_VIA_PORT;
		c->port = r->port;
		return true;
	case ROUTE_VIA_DISCARD:
		c->via = CONFIG_VIA_DISCARD;
		return true;
	default:
		return false;
	}
}

int
gateway_route_walk(const struct gateway *g, int (*fn)(const struct route *r, void *arg), void *arg)
{
	return route_walk(g->routes, fn, arg);
}

const struct nexthop *
gateway_nexthop(const struct gateway *g, uint32_t id)
{
	return &g->tables.nexthops[id];
}

const struct nexthop *
gateway_route_lookup(const struct gateway *g, uint16_t table, const struct ip_addr *addr)
{
	return gateway_nexthop(g, fib_lookup(g->fib, table, addr));
}

/* --- neighbours */

struct config_neighbour
gateway_neighbour_config(const struct neigh *n)
{
	struct config_neighbour c = {.addr = n->addr, .port = n->port};

	memcpy(c.mac, n->mac, sizeof(c.mac));
	return c;
}

int
gateway_neighbour_walk(
	const struct gateway *g, int (*fn)(const struct neigh *n, void *arg), void *arg)
{
	return neigh_walk(g->neighbours, fn, arg);
}

uint32_t
gateway_neighbour_places(const struct gateway *g)
{
	return neigh_places(g->neighbours);
}

bool
gateway_neighbour_at(const struct gateway *g, uint32_t place, struct neigh *n)
{
	struct neigh_detail detail;

	if (!neigh_at(g->neighbours, place, &detail))
		return false;
	*n = detail.n;
	return true;
}

const struct neigh *
gateway_neighbour_find(const struct gateway *g, uint16_t port, const struct ip_addr *addr)
{
	return neigh_find(g->neighbours, port, addr);
}

/* --- policies */

const struct policy_list *
gateway_policies(const struct gateway *g)
{
	return &g->policies;
}

struct config_policy
gateway_policy_config(const struct gateway_policy *p)
{
	return (struct config_policy){.priority = p->policy.priority,
		.action = p->policy.action,
		.tunnel = p->policy.tunnel,
		.selector = p->policy.selector};
}

struct counter
gateway_policy_hits(const struct gateway *g, uint32_t index)
{
	return policy_hits(g, index);
}

/* --- ports */

const struct port *
gateway_port_at(const struct gateway *g, uint32_t index)
{
	return g->tables.ports->ports[index];
}

void
gateway_port_counters(const struct gateway *g, const struct port *p, struct counter *rx,
	struct counter *tx, struct port_losses *losses)
{
	*losses = (struct port_losses){0};
	port_sum(g, p, rx, tx);
	for (uint16_t i = 0; i < g->n_devices; i++)
		if (g->devices[i].ethdev == p->ethdev)
			*losses = device_losses(g, &g->devices[i]);
}

/* --- the scope of names */

static uint32_t
scope_tunnel_count(void *arg)
{
	return gateway_tunnel_capacity(arg);
}

static const char *
scope_tunnel_name(void *arg, uint32_t i)
{
	const struct tunnel *t = gateway_tunnel_at(arg, i);

	return t ? t->config.name : NULL;
}

static const struct tunnel_config *
scope_tunnel(void *arg, uint32_t i)
{
	const struct tunnel *t = gateway_tunnel_at(arg, i);

	return t ? &t->config : NULL;
}

static bool
scope_tunnel_find(void *arg, const char *name, uint32_t *i)
{
	const struct tunnel *t = gateway_tunnel_find(arg, name);

	if (t)
		*i = t->index;
	return t != NULL;
}

static uint32_t
scope_port_count(void *arg)
{
	const struct gateway *g = arg;

	return g->config->n_ports;
}

/* Ports are those of the configuration, in its order. */
static const struct config_port *
scope_port(void *arg, uint32_t i)
{
	const struct gateway *g = arg;

	return port_config_seen(g, i);
}

static bool
scope_port_find(void *arg, const char *name, uint32_t *i)
{
	const struct gateway *g = arg;
	const struct port *p = port_table_find(g->tables.ports, name);

	if (p)
		*i = p->index;
	return p != NULL;
}

void
scope_fill(struct gateway *g)
{
	g->scope = (struct config_scope){.arg = g,
		.tunnel_count = scope_tunnel_count,
		.tunnel_name = scope_tunnel_name,
		.tunnel = scope_tunnel,
		.tunnel_find = scope_tunnel_find,
		.port_count = scope_port_count,
		.port = scope_port,
		.port_find = scope_port_find};
}

const struct config_scope *
gateway_scope(const struct gateway *g)
{
	return &g->scope;
}
