/* SPDX-License-Identifier: BSD-3-Clause */

/* What differs between a running gateway and a configuration, and making it so. */

#include "gateway_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_order.h"
#include "config_strings.h"
#include "gateway_change.h"
#include "internal.h"

/* One object of a side: the gateway's, or the configuration's. */
struct item {
	void *object;         /* with the gateway's indexes; NULL: it refers to what is new */
	const void *original; /* as it is given to the caller */
	struct item *partner; /* the one that goes by the same name on the other side */
	uint32_t place;
};

struct side {
	struct item *items;
	uint32_t n;
};

struct comparison {
	struct gateway *g;
	const struct config *config;
	struct config_scope *scope; /* of config */
	struct side live[CONFIG_KIND_COUNT], wanted[CONFIG_KIND_COUNT];
};

/* --- both sides */

static struct item *
side_add(struct side *side, enum config_kind kind, const void *object)
{
	size_t bytes = config_kind_bytes(kind);
	struct item *item = &side->items[side->n++];

	item->object = memory_or_die(malloc(bytes));
	memcpy(item->object, object, bytes);
	item->original = item->object;
	return item;
}

static void
side_alloc(struct side *side, uint32_t n)
{
	side->items = array_or_die(n, sizeof(*side->items));
}

static void
live_tunnels(struct gateway *g, struct side *side)
{
	side_alloc(side, g->n_tunnels);
	for (uint32_t i = 0; i < g->tables.tunnels->capacity; i++) {
		const struct tunnel *t = gateway_tunnel_at(g, i);

		fibre_rest();
		if (t) {
			struct config_tunnel c = gateway_tunnel_config(t);

			side_add(side, CONFIG_KIND_TUNNEL, &c);
		}
	}
}

static void
live_sas(struct gateway *g, struct side *side)
{
	side_alloc(side, g->sas.count);
	for (uint32_t i = 0; i < g->sas.used; i++) {
		const struct gateway_sa *s = gateway_sa_at(g, i);

		fibre_rest();
		if (s && s->key) {
			struct config_sa c = gateway_sa_config(s, true);

			side_add(side, CONFIG_KIND_SA, &c)->place = i;
			crypto_wipe(&c, sizeof(c));
		}
	}
}

static int
count_route(const struct route *r, void *arg)
{
	*(uint32_t *)arg += r->by == ROUTE_BY_CONFIG;
	return 0;
}

static int
take_route(const struct route *r, void *arg)
{
	struct config_route c;

	if (r->by == ROUTE_BY_CONFIG && gateway_route_config(r, &c))
		side_add(arg, CONFIG_KIND_ROUTE, &c);
	return 0;
}

static void
live_routes(struct gateway *g, struct side *side)
{
	uint32_t n = 0;

	gateway_route_walk(g, count_route, &n);
	side_alloc(side, n);
	gateway_route_walk(g, take_route, side);
}

static int
count_neighbour(const struct neigh *n, void *arg)
{
	*(uint32_t *)arg += n->state == NEIGH_STATIC;
	return 0;
}

static int
take_neighbour(const struct neigh *n, void *arg)
{
	struct config_neighbour c = gateway_neighbour_config(n);

	if (n->state == NEIGH_STATIC)
		side_add(arg, CONFIG_KIND_NEIGHBOUR, &c);
	return 0;
}

static void
live_neighbours(struct gateway *g, struct side *side)
{
	uint32_t n = 0;

	gateway_neighbour_walk(g, count_neighbour, &n);
	side_alloc(side, n);
	gateway_neighbour_walk(g, take_neighbour, side);
}

static void
live_policies(struct gateway *g, struct side *side)
{
	side_alloc(side, g->policies.n);
	for (uint32_t i = 0; i < g->policies.n; i++) {
		struct config_policy c = gateway_policy_config(&g->policies.policies[i]);

		side_add(side, CONFIG_KIND_POLICY, &c)->place = g->policies.policies[i].id;
	}
}

static void (*const live_objects[CONFIG_KIND_COUNT])(struct gateway *g, struct side *side) = {
	[CONFIG_KIND_NEIGHBOUR] = live_neighbours,
	[CONFIG_KIND_TUNNEL] = live_tunnels,
	[CONFIG_KIND_SA] = live_sas,
	[CONFIG_KIND_ROUTE] = live_routes,
	[CONFIG_KIND_POLICY] = live_policies,
};

/* The configuration's array of a kind. */
static const void *
config_objects(const struct config *c, enum config_kind kind, uint32_t *n)
{
	const struct {
		const void *objects;
		uint32_t n;
	} arrays[CONFIG_KIND_COUNT] = {
		[CONFIG_KIND_NEIGHBOUR] = {c->neighbours, c->n_neighbours},
		[CONFIG_KIND_TUNNEL] = {c->tunnels, c->n_tunnels},
		[CONFIG_KIND_SA] = {c->sas, c->n_sas},
		[CONFIG_KIND_ROUTE] = {c->routes, c->n_routes},
		[CONFIG_KIND_POLICY] = {c->policies, c->n_policies},
	};

	*n = arrays[kind].n;
	return arrays[kind].objects;
}

/* The first number of an SA is for when it is made. */
static void
forget_seq(enum config_kind kind, void *object)
{
	if (kind == CONFIG_KIND_SA)
		((struct config_sa *)object)->sa.seq = 0;
}

static void
wanted_objects(struct comparison *c, enum config_kind kind, struct side *side)
{
	const char *objects;
	uint32_t n;

	objects = config_objects(c->config, kind, &n);
	side_alloc(side, n);
	for (uint32_t i = 0; i < n; i++) {
		const void *original = objects + i * config_kind_bytes(kind);
		struct item *item = side_add(side, kind, original);

		fibre_rest();
		item->original = original;
		forget_seq(kind, item->object);
		if (config_object_translate(kind, item->object, c->scope, gateway_scope(c->g)) == 0)
			continue;
		crypto_wipe(item->object, config_kind_bytes(kind));
		free(item->object);
		item->object = NULL;
	}
}

/* --- who belongs to whom */

/* Those that refer to what is new come last; equal ones stay in their order. */
static int
compare_items(const void *a, const void *b, void *compare)
{
	const struct item *const x = *(struct item *const *)a, *const y = *(struct item *const *)b;
	config_order_fn *names = *(config_order_fn **)compare;

	int rc = !x->object - !y->object;

	fibre_rest();
	if (rc != 0 || !x->object)
		return rc != 0 ? rc : (x > y) - (x < y);
	rc = names(x->object, y->object);
	return rc != 0 ? rc : (x > y) - (x < y);
}

static struct item **
sorted(const struct side *side, enum config_kind kind)
{
	struct item **items = array_or_die(side->n, sizeof(struct item *));
	config_order_fn *names = config_order(kind);

	for (uint32_t i = 0; i < side->n; i++)
		items[i] = &side->items[i];
	if (side->n)
		qsort_r(items, side->n, sizeof(struct item *), compare_items, &names);
	return items;
}

static void
match(struct comparison *c, enum config_kind kind)
{
	struct item **live = sorted(&c->live[kind], kind),
		    **wanted = sorted(&c->wanted[kind], kind);
	config_order_fn *names = config_order(kind);
	uint32_t i = 0, k = 0;

	while (i < c->live[kind].n && k < c->wanted[kind].n && wanted[k]->object) {
		int rc = names(live[i]->object, wanted[k]->object);

		fibre_rest();
		if (rc == 0) {
			live[i]->partner = wanted[k];
			wanted[k]->partner = live[i];
		}
		i += rc <= 0;
		k += rc >= 0;
	}
	free(live);
	free(wanted);
}

/* --- what only a restart can change */

static void
say_restart(
	struct report *report, const struct config_origin *o, const char *file, const char *what)
{
	report_add(report, o ? o->file : file, o ? o->line : 0, o ? o->label : NULL,
		"%s: only a restart can change that", what);
}

static void
check_limits(const struct gateway *g, const struct config *c, struct report *report)
{
	const struct config_limits *now = &g->config->limits, *new = &c->limits;
	/* a table that is larger than needed is no trouble */
	const struct {
		const char *key;
		uint32_t now, new;
		bool may_shrink;
	} rows[] = {
		{"limits.sas", now->sas, new->sas, true},
		{"limits.tunnels", now->tunnels, new->tunnels, true},
		{"limits.routes4", now->routes4, new->routes4, true},
		{"limits.routes6", now->routes6, new->routes6, true},
		{"limits.neighbours", now->neighbours, new->neighbours, true},
		{"limits.reassembly", now->reassembly, new->reassembly, true},
		{"worker.idle_polls", g->config->worker.idle_polls, c->worker.idle_polls, false},
		{"worker.idle_sleep_us", g->config->worker.idle_sleep_us, c->worker.idle_sleep_us,
			false},
		{"icmp.errors", g->config->icmp.errors, c->icmp.errors, false},
		{"icmp.echo", g->config->icmp.echo, c->icmp.echo, false},
	};

	for (size_t i = 0; i < RTE_DIM(rows); i++)
		if (rows[i].may_shrink ? rows[i].new > rows[i].now : rows[i].new != rows[i].now)
			say_restart(report, NULL, c->file, rows[i].key);
	if (g->config->ctl_readonly != c->ctl_readonly)
		say_restart(report, NULL, c->file, "ctl_readonly");
	if (strcmp(g->config->crypto_device, c->crypto_device) != 0)
		say_restart(report, NULL, c->file, "crypto_device");
}

static const struct config_port *
port_of_name(const struct config_port *ports, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(ports[i].name, name) == 0)
			return &ports[i];
	return NULL;
}

static void
check_ports(const struct gateway *g, const struct config *c, struct report *report)
{
	for (uint32_t i = 0; i < c->n_ports; i++) {
		const struct config_port *new = &c->ports[i];
		const struct config_port *now =
			port_of_name(g->ports, g->config->n_ports, new->name);
		const char *key = now ? port_restart_key(now, new) : "a new port";

		if (key)
			say_restart(report, &new->origin, NULL, key);
	}
	for (uint32_t i = 0; i < g->config->n_ports; i++)
		if (!port_of_name(c->ports, c->n_ports, g->ports[i].name))
			report_add(report, c->file, 0, g->ports[i].name,
				"the port is not there: only a restart can take it away");
}

/* --- the walk */

static int
tell(enum config_kind kind, enum config_action action, const struct item *live,
	const struct item *wanted, config_difference_fn *fn, void *arg)
{
	struct config_difference d = {.kind = kind,
		.action = action,
		.old = live ? live->original : NULL,
		.new = wanted ? wanted->original : NULL,
		.place = live ? live->place : 0};

	return fn(arg, &d);
}

static int
tell_all(const struct comparison *c, enum config_kind kind, enum config_action action,
	config_difference_fn *fn, void *arg)
{
	const struct side *side = action == CONFIG_DELETE ? &c->live[kind] : &c->wanted[kind];
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < side->n; i++) {
		const struct item *item = &side->items[i], *other = item->partner;

		fibre_rest();
		if (action == CONFIG_CHANGE && other &&
			!config_object_equal(kind, item->object, other->object))
			rc = tell(kind, action, other, item, fn, arg);
		else if (action == CONFIG_ADD && !other)
			rc = tell(kind, action, NULL, item, fn, arg);
		else if (action == CONFIG_DELETE && !other)
			rc = tell(kind, action, item, NULL, fn, arg);
	}
	return rc;
}

/* Ports neither come nor go, and not every change is possible (check_ports). */
static int
tell_ports(const struct comparison *c, config_difference_fn *fn, void *arg)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < c->config->n_ports; i++) {
		const struct config_port *new = &c->config->ports[i];
		const struct config_port *now =
			port_of_name(c->g->ports, c->g->config->n_ports, new->name);
		struct config_difference d = {
			.kind = CONFIG_KIND_PORT, .action = CONFIG_CHANGE, .old = now, .new = new};

		if (now && !port_restart_key(now, new) &&
			!config_object_equal(CONFIG_KIND_PORT, now, new))
			rc = fn(arg, &d);
	}
	return rc;
}

/* What is needed is there before what needs it, and goes after it. */
static const struct {
	enum config_kind kind;
	enum config_action action;
} steps[] = {
	{CONFIG_KIND_TUNNEL, CONFIG_CHANGE},
	{CONFIG_KIND_POLICY, CONFIG_DELETE},
	{CONFIG_KIND_ROUTE, CONFIG_DELETE},
	{CONFIG_KIND_SA, CONFIG_DELETE},
	{CONFIG_KIND_NEIGHBOUR, CONFIG_DELETE},
	{CONFIG_KIND_TUNNEL, CONFIG_DELETE},
	{CONFIG_KIND_TUNNEL, CONFIG_ADD},
	{CONFIG_KIND_SA, CONFIG_CHANGE},
	{CONFIG_KIND_SA, CONFIG_ADD},
	{CONFIG_KIND_ROUTE, CONFIG_ADD},
	{CONFIG_KIND_NEIGHBOUR, CONFIG_CHANGE},
	{CONFIG_KIND_NEIGHBOUR, CONFIG_ADD},
	{CONFIG_KIND_POLICY, CONFIG_ADD},
};

static void
side_free(struct side *side, enum config_kind kind)
{
	for (uint32_t i = 0; i < side->n; i++) {
		fibre_rest();
		if (side->items[i].object && kind == CONFIG_KIND_SA)
			crypto_wipe(side->items[i].object, config_kind_bytes(kind));
		free(side->items[i].object);
	}
	free(side->items);
}

int
gateway_config_diff(struct gateway *g, const struct config *config, config_difference_fn *fn,
	void *arg, struct report *report)
{
	struct comparison c = {.g = g, .config = config, .scope = config_scope_create(config)};
	int rc;

	check_limits(g, config, report);
	check_ports(g, config, report);
	for (int kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
		if (!live_objects[kind])
			continue;
		live_objects[kind](g, &c.live[kind]);
		wanted_objects(&c, (enum config_kind)kind, &c.wanted[kind]);
		match(&c, (enum config_kind)kind);
	}
	rc = tell_ports(&c, fn, arg);
	for (size_t i = 0; rc == 0 && i < RTE_DIM(steps); i++)
		rc = tell_all(&c, steps[i].kind, steps[i].action, fn, arg);
	for (int kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
		side_free(&c.live[kind], (enum config_kind)kind);
		side_free(&c.wanted[kind], (enum config_kind)kind);
	}
	config_scope_free(c.scope);
	return rc;
}
