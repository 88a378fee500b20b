/* SPDX-License-Identifier: BSD-3-Clause */

/* The routes that follow from a tunnel's own inner addresses. */

#include "change.h"
#include "internal.h"

static const struct ip_prefix multicast4 = {{4, {224}}, 4}, multicast6 = {{6, {0xff}}, 8};

const struct tunnel_config *
tunnel_config_after(const struct gateway *g, uint32_t index)
{
	const struct tunnel *t = g->tables.tunnels->tunnels[index];
	const struct gateway_tunnel *own = &g->by_tunnel[index];

	if (!t || own->leaving)
		return NULL;
	return own->successor ? &own->successor->config : &t->config;
}

bool
tunnels_have_address(
	const struct gateway *g, uint32_t but, uint16_t table, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < g->tables.tunnels->capacity; i++) {
		const struct tunnel_config *c = i != but ? tunnel_config_after(g, i) : NULL;

		if (c && c->table == table &&
			(ip_addr_equal(&c->address, addr) || ip_addr_equal(&c->address6, addr)))
			return true;
	}
	return false;
}

/* Whether another tunnel or a port has this address in this table. */
static bool
address_is_shared(const struct gateway *g, const struct tunnel *but, uint16_t table,
	const struct ip_addr *addr)
{
	if (tunnels_have_address(g, but->index, table, addr))
		return true;
	for (uint16_t i = 0; i < g->tables.ports->count; i++) {
		const struct port *p = g->tables.ports->ports[i];

		for (uint32_t k = 0; p->table == table && k < p->n_addresses; k++)
			if (ip_addr_equal(&p->addresses[k].addr, addr))
				return true;
	}
	return false;
}

static int
own_address_add(struct gateway *g, uint16_t table, const struct ip_addr *addr, struct error *err)
{
	struct route host = {
		.table = table, .prefix = {*addr, ip_addr_bits(addr)}, .via = ROUTE_VIA_LOCAL};
	struct route group = {.table = table,
		.prefix = addr->family == 4 ? multicast4 : multicast6,
		.via = ROUTE_VIA_LOCAL};
	int rc = change_route_share(g, &host, err);

	return rc == 0 ? change_route_share(g, &group, err) : rc;
}

static struct route
peer_route(const struct tunnel_config *c, uint32_t index, const struct ip_addr *peer)
{
	return (struct route){.table = c->table,
		.prefix = {*peer, ip_addr_bits(peer)},
		.via = ROUTE_VIA_TUNNEL,
		.tunnel = index};
}

int
tunnel_routes_add(
	struct gateway *g, const struct tunnel_config *c, uint32_t index, struct error *err)
{
	const struct ip_addr *own[] = {&c->address, &c->address6};
	const struct ip_addr *peer[] = {&c->peer_address, &c->peer_address6};
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < RTE_DIM(own); i++) {
		if (own[i]->family)
			rc = own_address_add(g, c->table, own[i], err);
		if (rc == 0 && peer[i]->family) {
			struct route r = peer_route(c, index, peer[i]);

			rc = change_route_add(g, &r, err);
		}
	}
	return rc;
}

int
tunnel_routes_delete(struct gateway *g, const struct tunnel *t, struct error *err)
{
	const struct tunnel_config *c = &t->config;
	const struct ip_addr *own[] = {&c->address, &c->address6};
	const struct ip_addr *peer[] = {&c->peer_address, &c->peer_address6};
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < RTE_DIM(own); i++) {
		if (peer[i]->family) {
			struct route r = peer_route(c, t->index, peer[i]);

			rc = change_route_delete(g, &r, err);
		}
		if (rc == 0 && own[i]->family && !address_is_shared(g, t, c->table, own[i])) {
			struct route r = {.table = c->table,
				.prefix = {*own[i], ip_addr_bits(own[i])},
				.via = ROUTE_VIA_LOCAL};

			rc = change_route_delete(g, &r, err);
		}
	}
	return rc;
}
