/* SPDX-License-Identifier: BSD-3-Clause */

/* A running gateway becomes what a configuration says, by what differs. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_strings.h"
#include "gateway_change.h"
#include "gateway_config.h"
#include "internal.h"

struct loading {
	struct gateway *g;
	const struct config *config;
	struct config_scope *scope; /* of config */
	struct report *report;
};

/* Any object of a configuration begins with its origin. */
static const struct config_origin *
origin_of(const struct config_difference *d)
{
	return d->new;
}

/* The configuration's object with the gateway's indexes. What it refers to is there by now. */
static int
translate(
	const struct loading *l, const struct config_difference *d, void *object, struct error *err)
{
	memcpy(object, d->new, config_kind_bytes(d->kind));
	if (config_object_translate(d->kind, object, l->scope, gateway_scope(l->g)) == 0)
		return 0;
	return error_set(err, -ENOENT, "what it refers to is not there");
}

static int
apply_port(const struct loading *l, const struct config_difference *d, struct error *err)
{
	const struct config_port *new = d->new;

	return gateway_port_update(
		l->g, port_table_find(l->g->tables.ports, new->name)->index, new, err);
}

static int
apply_tunnel(const struct loading *l, const struct config_difference *d, struct error *err)
{
	const struct config_tunnel *new = d->new, *old = d->old;

	switch (d->action) {
	case CONFIG_ADD:
		return gateway_tunnel_add(l->g, &new->tunnel, err);
	case CONFIG_CHANGE:
		return gateway_tunnel_update(
			l->g, gateway_tunnel_find(l->g, new->tunnel.name), &new->tunnel, err);
	default:
		return gateway_tunnel_delete(
			l->g, gateway_tunnel_find(l->g, old->tunnel.name), err);
	}
}

/* Of an SA that keeps its key only the lifetimes can change: all else went into what is counted
 * under it. */
static int
change_sa(const struct loading *l, const struct config_difference *d, const struct config_sa *new,
	struct error *err)
{
	struct gateway_sa *s = gateway_sa_at(l->g, d->place);
	struct config_sa same = *(const struct config_sa *)d->old;
	bool key_stays = memcmp(same.sa.key, new->sa.key, sizeof(same.sa.key)) == 0;
	int rc;

	same.sa.soft = new->sa.soft;
	same.sa.hard = new->sa.hard;
	same.sa.seq = new->sa.seq;
	if (config_object_equal(CONFIG_KIND_SA, &same, new)) {
		rc = gateway_sa_update(l->g, s, &new->sa.soft, &new->sa.hard, err);
	} else if (key_stays) {
		rc = error_set(err, -EINVAL,
			"only lifetimes can change while the key stays: give the SA a new key");
	} else {
		rc = gateway_sa_delete(l->g, s, err);
		if (rc == 0)
			rc = gateway_sa_add(l->g, new, err);
	}
	crypto_wipe(&same, sizeof(same));
	return rc;
}

static int
apply_sa(const struct loading *l, const struct config_difference *d, struct error *err)
{
	struct config_sa c;
	int rc;

	if (d->action == CONFIG_DELETE)
		return gateway_sa_delete(l->g, gateway_sa_at(l->g, d->place), err);
	rc = translate(l, d, &c, err);
	if (rc == 0)
		rc = d->action == CONFIG_ADD ? gateway_sa_add(l->g, &c, err)
					     : change_sa(l, d, &c, err);
	crypto_wipe(&c, sizeof(c));
	return rc;
}

static int
apply_route(const struct loading *l, const struct config_difference *d, struct error *err)
{
	struct config_route c;
	int rc;

	if (d->action == CONFIG_DELETE)
		return gateway_route_delete(l->g, d->old, err);
	rc = translate(l, d, &c, err);
	return rc == 0 ? gateway_route_add(l->g, &c, err) : rc;
}

static int
apply_neighbour(const struct loading *l, const struct config_difference *d, struct error *err)
{
	const struct config_neighbour *old = d->old;
	struct config_neighbour c;
	int rc = 0;

	if (d->action != CONFIG_ADD)
		rc = gateway_neighbour_delete(l->g, (uint16_t)old->port, &old->addr, err);
	if (rc != 0 || d->action == CONFIG_DELETE)
		return rc;
	rc = translate(l, d, &c, err);
	return rc == 0 ? gateway_neighbour_add(l->g, &c, err) : rc;
}

static int
apply_policy(const struct loading *l, const struct config_difference *d, struct error *err)
{
	struct config_policy c;
	uint32_t id;
	int rc;

	if (d->action == CONFIG_DELETE)
		return gateway_policy_delete(l->g, d->place, err);
	rc = translate(l, d, &c, err);
	return rc == 0 ? gateway_policy_add(l->g, &c, &id, err) : rc;
}

static int
apply(void *arg, const struct config_difference *d)
{
	static int (*const kinds[CONFIG_KIND_COUNT])(
		const struct loading *, const struct config_difference *, struct error *) = {
		[CONFIG_KIND_PORT] = apply_port,
		[CONFIG_KIND_NEIGHBOUR] = apply_neighbour,
		[CONFIG_KIND_TUNNEL] = apply_tunnel,
		[CONFIG_KIND_SA] = apply_sa,
		[CONFIG_KIND_ROUTE] = apply_route,
		[CONFIG_KIND_POLICY] = apply_policy,
	};
	const struct loading *l = arg;
	struct error err;

	if (kinds[d->kind](l, d, &err) == 0)
		return 0;
	if (d->new)
		report_add(l->report, origin_of(d)->file, origin_of(d)->line, origin_of(d)->label,
			"%s", err.text);
	else
		report_add(l->report, l->config->file, 0, config_kind_noun(d->kind),
			"what is not there any more cannot be deleted: %s", err.text);
	return 0; /* all that is wrong is said */
}

static void
order_policies(const struct loading *l)
{
	const struct config *config = l->config;
	struct config_policy *order = array_or_die(config->n_policies, sizeof(*order));
	struct error err;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < config->n_policies; i++) {
		order[i] = config->policies[i];
		rc = config_object_translate(
			CONFIG_KIND_POLICY, &order[i], l->scope, gateway_scope(l->g));
	}
	if (rc == 0)
		rc = gateway_policies_order(l->g, order, config->n_policies, &err);
	else
		error_set(&err, rc, "a tunnel is missing");
	if (rc != 0)
		report_add(l->report, config->file, 0, "policies", "%s", err.text);
	free(order);
}

int
gateway_config_load(struct gateway *g, const struct config *config, struct report *report)
{
	struct loading l = {
		.g = g, .config = config, .scope = config_scope_create(config), .report = report};
	size_t before = report->count;

	gateway_config_diff(g, config, apply, &l, report);
	if (report->count == before)
		order_policies(&l);
	config_scope_free(l.scope);
	return report->count == before ? 0 : -EINVAL;
}
