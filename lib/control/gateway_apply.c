/* SPDX-License-Identifier: BSD-3-Clause */

/* The objects of a valid configuration into the tables. What was made is undone by apply_undo. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_change.h"
#include "internal.h"

static const struct ip_prefix multicast4 = {{4, {224}}, 4}, multicast6 = {{6, {0xff}}, 8},
			      broadcast4 = {{4, {255, 255, 255, 255}}, 32};

static int
add_local(struct gateway *g, uint16_t table, const struct ip_prefix *prefix, struct error *err)
{
	struct route r = {.table = table, .prefix = *prefix, .via = ROUTE_VIA_LOCAL};
	int rc = route_add(g->routes, &r, err);

	return rc == -EEXIST ? 0 : rc; /* two ports may share it: a multicast prefix */
}

/* An on-link prefix has a broadcast address when it is IPv4 and larger than a link of two (RFC
 * 3021). */
static bool
has_broadcast(const struct port_address *a)
{
	return a->addr.family == 4 && a->length < 31;
}

/* What one of our addresses means for routing: it is ours, its prefix is on-link, and groups are
 * heard. */
static int
apply_address(
	struct gateway *g, const struct port *p, const struct port_address *a, struct error *err)
{
	struct ip_prefix host = {a->addr, ip_addr_bits(&a->addr)};
	struct ip_prefix prefix = {a->addr, a->length}, last = {.length = 32};
	struct route on_link = {.table = p->table, .via = ROUTE_VIA_PORT, .port = p->index};
	int rc = add_local(g, p->table, &host, err);

	on_link.prefix = ip_prefix_network(&prefix);
	/* link-local addresses are on every link: no table can say on which */
	if (rc == 0 && a->length < host.length && !ip_addr_is_link_local(&a->addr)) {
		rc = route_add(g->routes, &on_link, err);
		if (rc == -EEXIST)
			rc = 0; /* two addresses of one prefix */
	}
	if (rc == 0)
		rc = add_local(g, p->table, a->addr.family == 4 ? &multicast4 : &multicast6, err);
	if (rc == 0 && a->addr.family == 4)
		rc = add_local(g, p->table, &broadcast4, err);
	if (rc == 0 && has_broadcast(a)) {
		last.addr = ip_prefix_range(&prefix).last;
		rc = add_local(g, p->table, &last, err);
	}
	return rc;
}

static int
apply_ports(struct gateway *g, struct report *report)
{
	struct error err;

	for (uint16_t i = 0; i < g->tables.ports->count; i++) {
		const struct port *p = g->tables.ports->ports[i];

		for (uint32_t k = 0; k < p->n_addresses; k++)
			if (apply_address(g, p, &p->addresses[k], &err) != 0) {
				report_add(report, NULL, 0, p->name, "%s", err.text);
				return -EINVAL;
			}
	}
	return 0;
}

static int
apply_tunnels(struct gateway *g, struct report *report)
{
	struct error err;

	for (uint32_t i = 0; i < g->config->n_tunnels; i++) {
		const struct config_tunnel *c = &g->config->tunnels[i];

		/* an empty table gives out its indexes in order: they are those of the
		 * configuration */
		if (gateway_tunnel_add(g, &c->tunnel, &err) != 0) {
			report_add(report, c->origin.file, c->origin.line, c->origin.label, "%s",
				err.text);
			return -EINVAL;
		}
	}
	return 0;
}

/* All that is wrong is said. */
static int
apply_sas(struct gateway *g, struct report *report)
{
	struct error err;
	int rc = 0;

	for (uint32_t i = 0; i < g->config->n_sas; i++) {
		const struct config_sa *c = &g->config->sas[i];

		if (gateway_sa_add(g, c, &err) == 0)
			continue;
		report_add(report, c->origin.file, c->origin.line, c->origin.label, "%s", err.text);
		rc = -EINVAL;
	}
	return rc;
}

static int
apply_routes(struct gateway *g, struct report *report)
{
	struct error err;

	for (uint32_t i = 0; i < g->config->n_routes; i++) {
		const struct config_route *c = &g->config->routes[i];

		if (gateway_route_add(g, c, &err) != 0) {
			report_add(report, c->origin.file, c->origin.line, c->origin.label, "%s",
				err.text);
			return -EINVAL;
		}
	}
	return 0;
}

static int
apply_neighbours(struct gateway *g, struct report *report)
{
	struct error err;

	for (uint32_t i = 0; i < g->config->n_neighbours; i++) {
		const struct config_neighbour *c = &g->config->neighbours[i];

		if (gateway_neighbour_add(g, c, &err) != 0) {
			report_add(report, c->origin.file, c->origin.line, c->origin.label, "%s",
				err.text);
			return -EINVAL;
		}
	}
	return 0;
}

static int
apply_policies(struct gateway *g, struct report *report)
{
	struct error err;
	uint32_t id;

	for (uint32_t i = 0; i < g->config->n_policies; i++) {
		const struct config_policy *c = &g->config->policies[i];

		if (gateway_policy_add(g, c, &id, &err) != 0) {
			report_add(report, c->origin.file, c->origin.line, c->origin.label, "%s",
				err.text);
			return -EINVAL;
		}
	}
	return 0;
}

int
apply_config(struct gateway *g, struct report *report)
{
	static int (*const steps[])(struct gateway *, struct report *) = {
		apply_tunnels, apply_sas, apply_routes, apply_neighbours, apply_policies};
	struct error err;
	int rc = apply_ports(g, report);

	if (rc == 0)
		rc = gateway_change_begin(g);
	if (rc != 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < RTE_DIM(steps); i++)
		rc = steps[i](g, report);
	if (rc != 0) {
		gateway_change_abandon(g);
		return rc;
	}
	rc = gateway_change_commit(g, &err);
	if (rc != 0)
		report_add(report, g->config->file, 0, NULL, "%s", err.text);
	else
		tunnels_resolve(g);
	return rc;
}

/* What the objects are kept in beside the workers' tables. */
int
objects_start(struct gateway *g, struct report *report)
{
	uint32_t tunnels = g->tables.tunnels->capacity;
	struct error err;

	scope_fill(g);
	if (sa_store_create(&g->sas, RTE_MAX(g->config->limits.sas, g->config->n_sas), &err) != 0) {
		report_add(report, NULL, 0, "SAs", "%s", err.text);
		return -ENOMEM;
	}
	g->by_tunnel = calloc(tunnels, sizeof(*g->by_tunnel));
	g->reassign = calloc(tunnels, sizeof(*g->reassign));
	g->udp_port_users = calloc(UINT16_MAX + 1, sizeof(*g->udp_port_users));
	return g->by_tunnel && g->reassign && g->udp_port_users ? 0 : -ENOMEM;
}

void
apply_undo(struct gateway *g)
{
	reaper_finish(g);
	for (uint32_t i = 0; i < g->sas.used; i++) {
		struct gateway_sa *s = &g->sas.places[i];

		if (!s->live)
			continue;
		if (s->direction == SA_IN)
			sad_retire(g->sad, s->sa);
		sa_end(g, s);
	}
	policies_replace(g, NULL, 0, NULL);
	free(g->policies.policies);
	free(g->change.ops);
	sa_store_destroy(&g->sas);
	free(g->by_tunnel);
	free(g->reassign);
	free(g->udp_port_users);
}
