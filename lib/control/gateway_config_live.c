/* SPDX-License-Identifier: BSD-3-Clause */

/* A running gateway as a configuration. */

#include <stdlib.h>
#include <string.h>

#include "config_strings.h"
#include "gateway_config.h"
#include "internal.h"

static void
take_ports(struct config *c, const struct gateway *g)
{
	c->n_ports = g->config->n_ports;
	c->ports = array_or_die(c->n_ports, sizeof(*c->ports));
	for (uint32_t i = 0; i < c->n_ports; i++)
		c->ports[i] = port_config_copy(&g->ports[i]);
}

/* The gateway's index of a tunnel to its index in the configuration, which has no holes. */
static uint32_t *
take_tunnels(struct config *c, const struct gateway *g)
{
	uint32_t capacity = gateway_tunnel_capacity(g);
	uint32_t *places = array_or_die(capacity, sizeof(*places));

	c->tunnels = array_or_die(g->n_tunnels, sizeof(*c->tunnels));
	for (uint32_t i = 0; i < capacity; i++) {
		const struct tunnel *t = gateway_tunnel_at(g, i);
		struct config_tunnel *out = &c->tunnels[c->n_tunnels];

		if (!t)
			continue;
		*out = gateway_tunnel_config(t);
		out->tunnel.selectors = copy_or_die(
			t->config.selectors, t->config.n_selectors, sizeof(*out->tunnel.selectors));
		places[i] = c->n_tunnels++;
	}
	return places;
}

static void
take_sas(struct config *c, const struct gateway *g, const uint32_t *tunnels)
{
	c->sas = array_or_die(g->sas.count, sizeof(*c->sas));
	for (uint32_t i = 0; i < gateway_sa_places(g); i++) {
		const struct gateway_sa *s = gateway_sa_at(g, i);

		fibre_rest();
		if (!s || !s->key)
			continue;
		c->sas[c->n_sas] = gateway_sa_config(s, true);
		c->sas[c->n_sas++].tunnel = tunnels[s->tunnel];
	}
}

struct route_taking {
	struct config *config;
	const uint32_t *tunnels;
	uint32_t capacity;
};

static int
take_route(const struct route *r, void *arg)
{
	struct route_taking *t = arg;
	struct config *c = t->config;

	if (r->by != ROUTE_BY_CONFIG)
		return 0;
	if (c->n_routes == t->capacity) {
		t->capacity = t->capacity ? t->capacity * 2 : 64;
		c->routes = memory_or_die(realloc(c->routes, t->capacity * sizeof(*c->routes)));
	}
	if (!gateway_route_config(r, &c->routes[c->n_routes]))
		return 0;
	if (r->via == ROUTE_VIA_TUNNEL)
		c->routes[c->n_routes].tunnel = t->tunnels[r->tunnel];
	c->n_routes++;
	return 0;
}

static int
count_static(const struct neigh *n, void *arg)
{
	*(uint32_t *)arg += n->state == NEIGH_STATIC;
	return 0;
}

static int
take_neighbour(const struct neigh *n, void *arg)
{
	struct config *c = arg;

	if (n->state == NEIGH_STATIC)
		c->neighbours[c->n_neighbours++] = gateway_neighbour_config(n);
	return 0;
}

static void
take_policies(struct config *c, const struct gateway *g, const uint32_t *tunnels)
{
	c->policies = array_or_die(g->policies.n, sizeof(*c->policies));
	for (uint32_t i = 0; i < g->policies.n; i++) {
		struct config_policy *out = &c->policies[c->n_policies++];

		*out = gateway_policy_config(&g->policies.policies[i]);
		if (out->action == SPD_PROTECT)
			out->tunnel = tunnels[out->tunnel];
	}
}

struct config *
gateway_config_live(const struct gateway *g)
{
	struct config *c = array_or_die(1, sizeof(*c));
	struct route_taking routes = {.config = c};
	uint32_t *tunnels, n_static = 0;

	*c = (struct config){.file = memory_or_die(strdup(g->config->file)),
		.unsafe_static_keys = g->config->unsafe_static_keys,
		.ctl_readonly = g->config->ctl_readonly,
		.limits = g->config->limits,
		.worker = g->config->worker,
		.icmp = g->config->icmp};
	memcpy(c->crypto_device, g->config->crypto_device, sizeof(c->crypto_device));
	take_ports(c, g);
	tunnels = take_tunnels(c, g);
	take_sas(c, g, tunnels);
	c->unsafe_static_keys |= c->n_sas > 0;
	routes.tunnels = tunnels;
	gateway_route_walk(g, take_route, &routes);
	gateway_neighbour_walk(g, count_static, &n_static);
	c->neighbours = array_or_die(n_static, sizeof(*c->neighbours));
	gateway_neighbour_walk(g, take_neighbour, c);
	take_policies(c, g, tunnels);
	free(tunnels);
	return c;
}
