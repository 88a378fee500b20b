/* SPDX-License-Identifier: BSD-3-Clause */

/* Ports changed while traffic runs: their MTU, and their addresses with the routes that follow from
 * these. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "config_strings.h"
#include "gateway_change.h"
#include "gateway_objects.h"
#include "internal.h"

/* --- configured ports */

struct config_port
port_config_copy(const struct config_port *c)
{
	struct config_port copy = *c;

	copy.origin = (struct config_origin){0};
	copy.addresses = copy_or_die(c->addresses, c->n_addresses, sizeof(*c->addresses));
	copy.protected_prefixes = copy_or_die(
		c->protected_prefixes, c->n_protected_prefixes, sizeof(*c->protected_prefixes));
	return copy;
}

struct port_address *
port_addresses(const struct port *p, const struct config_port *c, uint32_t *n)
{
	struct port_address *addresses = array_or_die(c->n_addresses + 1, sizeof(*addresses));
	bool v6 = false, link_local = false;

	for (uint32_t i = 0; i < c->n_addresses; i++) {
		addresses[i] = c->addresses[i];
		v6 |= addresses[i].addr.family == 6;
		link_local |=
			addresses[i].addr.family == 6 && ip_addr_is_link_local(&addresses[i].addr);
	}
	*n = c->n_addresses;
	/* RFC 4291 2.8: a port that speaks IPv6 has one */
	if (v6 && !link_local)
		addresses[(*n)++] = (struct port_address){.addr = port_link_local(p), .length = 64};
	return addresses;
}

/* --- what routing knows of addresses */

static const struct ip_prefix multicast4 = {{4, {224}}, 4}, multicast6 = {{6, {0xff}}, 8},
			      broadcast4 = {{4, {255, 255, 255, 255}}, 32};

enum { ADDRESS_ROUTES = 3 };

static struct route
local_route(uint16_t table, const struct ip_prefix *prefix)
{
	return (struct route){.table = table, .prefix = *prefix, .via = ROUTE_VIA_LOCAL};
}

/* What goes with an address: it is ours, its prefix is on-link, and so is the broadcast address of
 * one that is IPv4 and larger than a link of two (RFC 3021). Returns how many routes that are. */
static unsigned int
address_routes(const struct port *p, const struct port_address *a, struct route routes[])
{
	const struct ip_prefix host = {a->addr, ip_addr_bits(&a->addr)};
	const struct ip_prefix prefix = {a->addr, a->length};
	unsigned int n = 0;

	routes[n++] = local_route(p->table, &host);
	/* link-local addresses are on every link: no table can say on which */
	if (a->length < host.length && !ip_addr_is_link_local(&a->addr))
		routes[n++] = (struct route){.table = p->table,
			.prefix = ip_prefix_network(&prefix),
			.via = ROUTE_VIA_PORT,
			.port = p->index};
	if (a->addr.family == 4 && a->length < 31) {
		const struct ip_prefix last = {ip_prefix_range(&prefix).last, 32};

		routes[n++] = local_route(p->table, &last);
	}
	return n;
}

/* The groups that are heard. They stay, as those of tunnels do. */
static int
groups_share(struct gateway *g, const struct port *p, uint8_t family, struct error *err)
{
	const struct route group = local_route(p->table, family == 4 ? &multicast4 : &multicast6);
	const struct route all = local_route(p->table, &broadcast4);
	int rc = change_route_share(g, &group, err);

	return rc == 0 && family == 4 ? change_route_share(g, &all, err) : rc;
}

int
port_routes_add(struct gateway *g, const struct port *p, struct error *err)
{
	struct route routes[ADDRESS_ROUTES];
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < p->n_addresses; i++) {
		unsigned int n = address_routes(p, &p->addresses[i], routes);

		for (unsigned int k = 0; rc == 0 && k < n; k++)
			rc = change_route_share(g, &routes[k], err);
		if (rc == 0)
			rc = groups_share(g, p, p->addresses[i].addr.family, err);
	}
	return rc;
}

static bool
route_equal(const struct route *a, const struct route *b)
{
	return a->table == b->table && a->via == b->via && a->port == b->port &&
	       ip_prefix_equal(&a->prefix, &b->prefix);
}

/* Whether an address that a port has now needs the route. */
static bool
is_needed_by_port(const struct port *p, const struct route *r)
{
	struct route routes[ADDRESS_ROUTES];

	for (uint32_t i = 0; i < p->n_addresses; i++) {
		unsigned int n = address_routes(p, &p->addresses[i], routes);

		for (unsigned int k = 0; k < n; k++)
			if (route_equal(&routes[k], r))
				return true;
	}
	return false;
}

static bool
is_needed(const struct gateway *g, const struct route *r)
{
	for (uint16_t i = 0; i < g->tables.ports->count; i++)
		if (is_needed_by_port(g->tables.ports->ports[i], r))
			return true;
	return r->via == ROUTE_VIA_LOCAL &&
	       tunnels_have_address(g, TUNNEL_NONE, r->table, &r->prefix.addr);
}

static int
route_give_up(struct gateway *g, const struct route *r, struct error *err)
{
	int rc = is_needed(g, r) ? 0 : change_route_delete(g, r, err);

	return rc == -ENOENT ? 0 : rc; /* two addresses of one prefix */
}

/* Those of addresses that the port had, but for what other addresses need. */
static int
port_routes_delete(struct gateway *g, const struct port *p, const struct port_address *had,
	uint32_t n_had, struct error *err)
{
	struct route routes[ADDRESS_ROUTES];
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < n_had; i++) {
		unsigned int n = address_routes(p, &had[i], routes);

		for (unsigned int k = 0; rc == 0 && k < n; k++)
			rc = route_give_up(g, &routes[k], err);
	}
	return rc;
}

/* --- the operation: the control lcore goes by the new port from the beginning, workers from its
 * publication on */

static void
exchange(struct gateway *g, struct change_op *op)
{
	struct port *p = g->tables.ports->ports[op->port.index];
	struct config_port config = g->ports[op->port.index];
	struct port_address *addresses = p->addresses;
	uint32_t n = p->n_addresses;

	g->ports[op->port.index] = op->port.config;
	op->port.config = config;
	p->addresses = op->port.addresses;
	p->n_addresses = op->port.n_addresses;
	op->port.addresses = addresses;
	op->port.n_addresses = n;
}

static void
other_free(struct change_op *op)
{
	config_object_free(CONFIG_KIND_PORT, &op->port.config);
	free(op->port.addresses);
}

static void
update_undo(struct gateway *g, struct change_op *op)
{
	exchange(g, op);
	other_free(op);
}

static void
mtu_store(const struct gateway *g, const struct change_op *op, uint16_t mtu)
{
	__atomic_store_n(&g->tables.ports->ports[op->port.index]->mtu, mtu, __ATOMIC_RELAXED);
}

static int
update_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	uint16_t mtu = g->ports[op->port.index].mtu;
	int rc = device_mtu_raise(g, g->tables.ports->ports[op->port.index], mtu, err);

	if (rc == 0)
		mtu_store(g, op, mtu);
	return rc;
}

/* The device may keep its MTU: it carries no more than the port lets through. */
static void
update_unpublish(struct gateway *g, struct change_op *op)
{
	mtu_store(g, op, op->port.config.mtu);
}

static void
update_finish(struct gateway *g, struct change_op *op)
{
	static const char *const quiet[] = {"mtu", NULL};
	const struct config_port *new = &g->ports[op->port.index];

	if (config_object_differs(CONFIG_KIND_PORT, new, &op->port.config, quiet))
		neigh_announce(g->neighbours, op->port.index);
	other_free(op);
	g->ways_changed = true;
}

static const struct change_kind port_updated = {.undo = update_undo,
	.publish = update_publish,
	.unpublish = update_unpublish,
	.finish = update_finish};

const struct config_port *
port_config_seen(const struct gateway *g, uint32_t index)
{
	const struct change *c = &g->change;

	for (uint32_t i = 0; c->ports && change_is_others(c) && i < c->n; i++)
		if (c->ops[i].kind == &port_updated && c->ops[i].port.index == index)
			return &c->ops[i].port.config;
	return &g->ports[index];
}

const char *
port_restart_key(const struct config_port *now, const struct config_port *new)
{
	static const char *const changeable[] = {"mtu", "addresses", NULL};

	return config_object_differs(CONFIG_KIND_PORT, now, new, changeable);
}

static bool
has_address(const struct config_port *c, uint32_t n, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < n; i++)
		if (ip_addr_equal(&c->addresses[i].addr, addr))
			return true;
	return false;
}

/* No address is twice in one table; link-local ones may be on every port. */
static int
check_addresses(
	const struct gateway *g, uint32_t index, const struct config_port *c, struct error *err)
{
	char text[IP_ADDR_STRLEN];

	for (uint32_t i = 0; i < c->n_addresses; i++) {
		const struct ip_addr *addr = &c->addresses[i].addr;

		ip_addr_format(addr, text);
		if (has_address(c, i, addr))
			return error_set(err, -EINVAL, "addresses: %s is there twice", text);
		for (uint32_t k = 0; k < g->config->n_ports && !ip_addr_is_link_local(addr); k++) {
			const struct config_port *other = &g->ports[k];

			if (k != index && other->table == c->table &&
				has_address(other, other->n_addresses, addr))
				return error_set(err, -EEXIST,
					"addresses: %s is port %s's in the same table", text,
					other->name);
		}
	}
	return 0;
}

int
gateway_port_update(
	struct gateway *g, uint32_t index, const struct config_port *c, struct error *err)
{
	const struct port *p = g->tables.ports->ports[index];
	const char *key = port_restart_key(&g->ports[index], c);
	uint32_t before = g->change.n;
	struct change_op *op;
	int rc;

	if (key)
		return error_set(err, -EINVAL, "%s: only a restart can change that", key);
	rc = check_addresses(g, index, c, err);
	if (rc != 0)
		return rc;
	op = change_add(g, &port_updated, err);
	if (!op)
		return -ENOMEM;
	op->port.index = (uint16_t)index;
	op->port.config = port_config_copy(c);
	op->port.addresses = port_addresses(p, c, &op->port.n_addresses);
	exchange(g, op);
	g->change.ports = true;
	rc = port_routes_delete(g, p, op->port.addresses, op->port.n_addresses, err);
	if (rc == 0)
		rc = port_routes_add(g, p, err);
	if (rc != 0)
		change_undo_after(g, before);
	return rc;
}

/* --- what others need of a port's addresses, at the end of a change */

struct needs {
	struct gateway *g;
	struct error *err;
};

/* By the rules of its kind. */
static int
object_check(const struct needs *needs, enum config_kind kind, const void *object, const char *name)
{
	struct report report = {0};

	if (config_object_check(kind, object, gateway_scope(needs->g), &report) != 0)
		error_set(needs->err, 0, "%s %s needs another address: %s", config_kind_noun(kind),
			name, report.entries[0].text);
	else
		return 0;
	report_clear(&report);
	return -EBUSY;
}

static int
check_tunnel(const struct needs *needs, const struct tunnel_config *c)
{
	const struct config_tunnel object = {.tunnel = *c};

	return object_check(needs, CONFIG_KIND_TUNNEL, &object, c->name);
}

static int
check_neighbour(const struct neigh *n, void *arg)
{
	const struct needs *needs = arg;
	const struct config_neighbour c = gateway_neighbour_config(n);
	char text[IP_ADDR_STRLEN];

	if (!neighbour_is_static(needs->g, n->port, &n->addr))
		return 0;
	return object_check(needs, CONFIG_KIND_NEIGHBOUR, &c, ip_addr_format(&n->addr, text));
}

static int
check_route(const struct route *r, void *arg)
{
	const struct needs *needs = arg;
	const struct port *p = needs->g->tables.ports->ports[r->port];
	char prefix[IP_PREFIX_STRLEN], gateway[IP_ADDR_STRLEN];

	if (r->by != ROUTE_BY_CONFIG || r->via != ROUTE_VIA_ADDRESS)
		return 0;
	for (uint32_t i = 0; i < p->n_addresses; i++) {
		const struct ip_prefix link = {p->addresses[i].addr, p->addresses[i].length};

		if (ip_prefix_contains(&link, &r->addr))
			return 0;
	}
	return error_set(needs->err, -EBUSY,
		"route %s needs another address: its gateway %s is not on the link of port %s",
		ip_prefix_format(&r->prefix, prefix), ip_addr_format(&r->addr, gateway), p->name);
}

int
change_ports_check(struct gateway *g, struct error *err)
{
	struct needs needs = {g, err};
	int rc = 0;

	if (!g->change.ports)
		return 0;
	for (uint32_t i = 0; rc == 0 && i < g->tables.tunnels->capacity; i++) {
		const struct tunnel_config *c = tunnel_config_after(g, i);

		rc = c ? check_tunnel(&needs, c) : 0;
	}
	if (rc == 0)
		rc = gateway_neighbour_walk(g, check_neighbour, &needs);
	return rc == 0 ? gateway_route_walk(g, check_route, &needs) : rc;
}
