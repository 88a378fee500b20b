/* SPDX-License-Identifier: BSD-3-Clause */

/* The objects of a valid configuration into the tables. What was made is undone by apply_undo. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_change.h"
#include "internal.h"

static int
apply_ports(struct gateway *g, struct report *report)
{
	struct error err;

	for (uint16_t i = 0; i < g->tables.ports->count; i++) {
		const struct port *p = g->tables.ports->ports[i];

		if (port_routes_add(g, p, &err) != 0) {
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
	static int (*const steps[])(struct gateway *, struct report *) = {apply_ports,
		apply_tunnels, apply_sas, apply_routes, apply_neighbours, apply_policies};
	struct error err;
	int rc = gateway_change_begin(g);

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

	g->ports = calloc(g->config->n_ports, sizeof(*g->ports));
	if (!g->ports)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->config->n_ports; i++)
		g->ports[i] = port_config_copy(&g->config->ports[i]);
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
	for (uint32_t i = 0; g->ports && i < g->config->n_ports; i++)
		config_object_free(CONFIG_KIND_PORT, &g->ports[i]);
	free(g->ports);
	free(g->by_tunnel);
	free(g->reassign);
	free(g->udp_port_users);
}
