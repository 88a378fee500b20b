/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

/*
 * Two objects of a kind that must not be alike. Objects are sorted by `compare`, so that a hundred
 * thousand of them are no trouble; those that it finds equal are in each other's way.
 */
struct unique_rule {
	const char *text; /* "…" the other object */
	uint32_t (*count)(const struct config *config);
	const struct config_origin *(*origin)(const struct config *config, uint32_t i);
	bool (*applies)(const struct config *config, uint32_t i); /* NULL: to all */
	int (*compare)(const struct config *config, uint32_t a, uint32_t b);
};

static int
order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* The first order that is not "equal". */
#define FIRST_OF(a, b) ((a) != 0 ? (a) : (b))

#define KIND(noun)                                                                                 \
	static uint32_t noun##_count(const struct config *config)                                  \
	{                                                                                          \
		return config->n_##noun;                                                           \
	}                                                                                          \
	static const struct config_origin *noun##_origin(const struct config *config, uint32_t i)  \
	{                                                                                          \
		return &config->noun[i].origin;                                                    \
	}

KIND(ports)
KIND(neighbours)
KIND(tunnels)
KIND(sas)
KIND(routes)

static int
compare_port_names(const struct config *c, uint32_t a, uint32_t b)
{
	return strcmp(c->ports[a].name, c->ports[b].name);
}

static int
compare_port_devices(const struct config *c, uint32_t a, uint32_t b)
{
	const struct config_port *x = &c->ports[a], *y = &c->ports[b];

	return FIRST_OF(strcmp(x->device, y->device),
		FIRST_OF(order((uint64_t)(x->id + 1), (uint64_t)(y->id + 1)),
			order(x->vlan, y->vlan)));
}

static int
compare_neighbours(const struct config *c, uint32_t a, uint32_t b)
{
	const struct config_neighbour *x = &c->neighbours[a], *y = &c->neighbours[b];

	return FIRST_OF(order(x->port, y->port), ip_addr_compare(&x->addr, &y->addr));
}

static int
compare_tunnel_names(const struct config *c, uint32_t a, uint32_t b)
{
	return strcmp(c->tunnels[a].tunnel.name, c->tunnels[b].tunnel.name);
}

/* Keys of different algorithms are never equal: salt and nonce are part of them all. */
static int
compare_sa_keys(const struct config *c, uint32_t a, uint32_t b)
{
	return FIRST_OF(order(c->sas[a].sa.algorithm, c->sas[b].sa.algorithm),
		memcmp(c->sas[a].sa.key, c->sas[b].sa.key, sizeof(c->sas[a].sa.key)));
}

static bool
sa_is_in(const struct config *c, uint32_t i)
{
	return c->sas[i].sa.direction == SA_IN && !c->tunnels[c->sas[i].tunnel].origin.broken;
}

static bool
sa_is_out(const struct config *c, uint32_t i)
{
	return c->sas[i].sa.direction == SA_OUT && !c->tunnels[c->sas[i].tunnel].origin.broken;
}

/* The receiver's address and SPI name an SA. */
static int
compare_sas_in(const struct config *c, uint32_t a, uint32_t b)
{
	return FIRST_OF(order(c->sas[a].sa.spi, c->sas[b].sa.spi),
		ip_addr_compare(&c->tunnels[c->sas[a].tunnel].tunnel.local,
			&c->tunnels[c->sas[b].tunnel].tunnel.local));
}

static int
compare_sas_out(const struct config *c, uint32_t a, uint32_t b)
{
	return FIRST_OF(order(c->sas[a].sa.spi, c->sas[b].sa.spi),
		ip_addr_compare(&c->tunnels[c->sas[a].tunnel].tunnel.remote,
			&c->tunnels[c->sas[b].tunnel].tunnel.remote));
}

static int
compare_sa_workers(const struct config *c, uint32_t a, uint32_t b)
{
	return FIRST_OF(order(c->sas[a].tunnel, c->sas[b].tunnel),
		order(c->sas[a].sa.worker, c->sas[b].sa.worker));
}

static int
compare_routes(const struct config *c, uint32_t a, uint32_t b)
{
	const struct config_route *x = &c->routes[a], *y = &c->routes[b];
	int prefix = FIRST_OF(order(x->table, y->table),
		FIRST_OF(order(x->prefix.length, y->prefix.length),
			ip_addr_compare(&x->prefix.addr, &y->prefix.addr)));
	int way = FIRST_OF(order(x->via, y->via),
		FIRST_OF(order(x->port, y->port), FIRST_OF(order(x->tunnel, y->tunnel),
							  ip_addr_compare(&x->addr, &y->addr))));

	return FIRST_OF(prefix, way);
}

static const struct unique_rule unique_rules[] = {
	{"has the same name as", ports_count, ports_origin, NULL, compare_port_names},
	{"is the same device and VLAN as", ports_count, ports_origin, NULL, compare_port_devices},
	{"is the same address on the same port as", neighbours_count, neighbours_origin, NULL,
		compare_neighbours},
	{"has the same name as", tunnels_count, tunnels_origin, NULL, compare_tunnel_names},
	{"has the same SPI and local address as", sas_count, sas_origin, sa_is_in, compare_sas_in},
	{"has the same SPI and remote address as", sas_count, sas_origin, sa_is_out,
		compare_sas_out},
	{"is a second outbound SA of its tunnel for the same worker; give each a worker of its "
	 "own. The first is",
		sas_count, sas_origin, sa_is_out, compare_sa_workers},
	{"is outbound and has the key of another outbound SA, which repeats nonces and gives the "
	 "key away:",
		sas_count, sas_origin, sa_is_out, compare_sa_keys},
	{"is the same route as", routes_count, routes_origin, NULL, compare_routes},
};

struct sorting {
	const struct config *config;
	const struct unique_rule *rule;
};

/* Equal ones in the order of the file. */
static int
compare_indexes(const void *a, const void *b, void *context)
{
	const struct sorting *s = context;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	fibre_rest();

	return FIRST_OF(s->rule->compare(s->config, x, y), order(x, y));
}

static void
say_alike(struct report *report, const struct config_origin *o, const char *text,
	const struct config_origin *other)
{
	report_add(report, o->file, o->line, o->label, "%s %s (line %d)", text, other->label,
		other->line);
}

static void
check_unique(const struct config *config, const struct unique_rule *rule, struct report *report)
{
	struct sorting sorting = {config, rule};
	uint32_t total = rule->count(config), n = 0, first = 0;
	uint32_t *items = array_or_die(total, sizeof(items[0]));

	for (uint32_t i = 0; i < total; i++)
		if (!rule->origin(config, i)->broken &&
			(!rule->applies || rule->applies(config, i)))
			items[n++] = i;
	if (n)
		qsort_r(items, n, sizeof(items[0]), compare_indexes, &sorting);
	for (uint32_t i = 1; i < n; i++) {
		if (rule->compare(config, items[first], items[i]) == 0)
			say_alike(report, rule->origin(config, items[i]), rule->text,
				rule->origin(config, items[first]));
		else
			first = i;
	}
	free(items);
}

/* An SA each way with one key, of one tunnel or of two: this gateway and a peer would count up the
 * same nonces under it (RFC 4106 3.1). */
static void
check_keys_of_directions(const struct config *config, struct report *report)
{
	static const struct unique_rule rule = {.compare = compare_sa_keys};
	struct sorting sorting = {config, &rule};
	uint32_t *items = array_or_die(config->n_sas, sizeof(items[0]));
	uint32_t n = 0;

	for (uint32_t i = 0; i < config->n_sas; i++)
		if (!config->sas[i].origin.broken)
			items[n++] = i;
	if (n)
		qsort_r(items, n, sizeof(items[0]), compare_indexes, &sorting);
	for (uint32_t i = 1; i < n; i++) {
		const struct config_sa *a = &config->sas[items[i - 1]], *b = &config->sas[items[i]];

		if (rule.compare(config, items[i - 1], items[i]) == 0 &&
			a->sa.direction != b->sa.direction)
			say_alike(report, &b->origin,
				"has the key of an SA of the other direction, and both ends would "
				"use the same nonces:",
				&a->origin);
	}
	free(items);
}

struct own_address {
	struct ip_addr addr;
	uint16_t table;
	const struct config_port *port;
};

static int
compare_own(const void *a, const void *b)
{
	const struct own_address *x = a, *y = b;

	return FIRST_OF(
		order(x->table, y->table), FIRST_OF(ip_addr_compare(&x->addr, &y->addr),
						   order((uintptr_t)x->port, (uintptr_t)y->port)));
}

/* No address is twice in one table; link-local ones may be on every port. */
static void
check_addresses(const struct config *config, struct report *report)
{
	struct own_address *all;
	uint32_t n = 0, count = 0;
	char text[IP_ADDR_STRLEN];

	for (uint32_t i = 0; i < config->n_ports; i++)
		count += config->ports[i].n_addresses;
	all = array_or_die(count, sizeof(all[0]));
	for (uint32_t i = 0; i < config->n_ports; i++) {
		const struct config_port *p = &config->ports[i];

		for (uint32_t j = 0; j < p->n_addresses; j++)
			if (!ip_addr_is_link_local(&p->addresses[j].addr))
				all[n++] = (struct own_address){p->addresses[j].addr, p->table, p};
	}
	if (n)
		qsort(all, n, sizeof(all[0]), compare_own);
	for (uint32_t i = 1; i < n; i++)
		if (all[i].table == all[i - 1].table &&
			ip_addr_equal(&all[i].addr, &all[i - 1].addr))
			report_add(report, all[i].port->origin.file, all[i].port->origin.line,
				all[i].port->origin.label,
				"address %s is already that of %s (line %d)",
				ip_addr_format(&all[i].addr, text), all[i - 1].port->origin.label,
				all[i - 1].port->origin.line);
	free(all);
}

static void
check_neighbours(
	const struct config *config, const struct config_scope *scope, struct report *report)
{
	for (uint32_t i = 0; i < config->n_neighbours; i++)
		if (!config->neighbours[i].origin.broken)
			kind_check(&neighbour_kind, &config->neighbours[i], scope, report);
}

static void
check_tunnels(const struct config *config, const struct config_scope *scope, struct report *report)
{
	for (uint32_t i = 0; i < config->n_tunnels; i++) {
		fibre_rest();
		if (!config->tunnels[i].origin.broken)
			kind_check(&tunnel_kind, &config->tunnels[i], scope, report);
	}
}

void
config_validate(
	const struct config *config, const struct config_scope *scope, struct report *report)
{
	for (size_t i = 0; i < KEY_COUNT(unique_rules); i++)
		check_unique(config, &unique_rules[i], report);
	check_keys_of_directions(config, report);
	check_addresses(config, report);
	check_neighbours(config, scope, report);
	check_tunnels(config, scope, report);
}
