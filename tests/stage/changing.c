/* SPDX-License-Identifier: BSD-3-Clause */
#include "changing.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway_change.h"
#include "gateway_objects.h"

enum { WORDS_MAX = 1024, NAME_MAX_WORD = 64 };

struct call {
	struct gateway *g;
	char name[NAME_MAX_WORD], second[NAME_MAX_WORD]; /* what it is about */
	config_t tree;
	struct error *err;
};

union object {
	struct config_sa sa;
	struct config_tunnel tunnel;
	struct config_route route;
	struct config_neighbour neighbour;
	struct config_policy policy;
	struct config_port port;
};

static void
wrong(const char *words, const struct report *report)
{
	fprintf(stderr, "the test's words are wrong: %s\n", words);
	if (report)
		report_print(report, stderr);
	abort();
}

static void
keys_read(struct call *c, const char *keys)
{
	char text[WORDS_MAX];

	snprintf(text, sizeof(text), "%s", keys);
	for (char *at = text; (at = strchr(at, '\''));)
		*at = '"';
	if (!config_read_string(&c->tree, text))
		wrong(config_error_text(&c->tree), NULL);
}

static void
object_read(struct call *c, enum config_kind kind, union object *o)
{
	struct report report = {0};

	if (config_object_read(
		    kind, config_root_setting(&c->tree), gateway_scope(c->g), o, &report) != 0)
		wrong(config_kind_noun(kind), &report);
}

static void
object_update(struct call *c, enum config_kind kind, const void *now, union object *o)
{
	struct report report = {0};

	if (config_object_update(
		    kind, now, config_root_setting(&c->tree), gateway_scope(c->g), o, &report) != 0)
		wrong(config_kind_noun(kind), &report);
}

static int
nothing(const struct call *c)
{
	return error_set(c->err, -ENOENT, "there is no %s %s", c->name, c->second);
}

/* --- SAs */

static struct gateway_sa *
sa_of(const struct call *c)
{
	bool ambiguous;

	return gateway_sa_find(c->g, strcmp(c->name, "in") == 0 ? SA_IN : SA_OUT,
		(uint32_t)strtoul(c->second, NULL, 0), TUNNEL_NONE, &ambiguous);
}

static int
sa_add(struct call *c)
{
	union object o;
	int rc;

	object_read(c, CONFIG_KIND_SA, &o);
	rc = gateway_sa_add(c->g, &o.sa, c->err);
	config_object_free(CONFIG_KIND_SA, &o);
	return rc;
}

static int
sa_static(struct call *c)
{
	union object o;

	object_read(c, CONFIG_KIND_SA, &o);
	o.sa.sa.static_key = true;
	return gateway_sa_add(c->g, &o.sa, c->err);
}

static int
sa_update(struct call *c)
{
	struct gateway_sa *s = sa_of(c);
	struct config_sa now;
	union object o;

	if (!s)
		return nothing(c);
	now = gateway_sa_config(s, false);
	object_update(c, CONFIG_KIND_SA, &now, &o);
	return gateway_sa_update(c->g, s, &o.sa.sa.soft, &o.sa.sa.hard, c->err);
}

static int
sa_delete(struct call *c)
{
	struct gateway_sa *s = sa_of(c);

	return s ? gateway_sa_delete(c->g, s, c->err) : nothing(c);
}

/* --- tunnels */

static int
tunnel_add(struct call *c)
{
	union object o;
	int rc;

	object_read(c, CONFIG_KIND_TUNNEL, &o);
	rc = gateway_tunnel_add(c->g, &o.tunnel.tunnel, c->err);
	config_object_free(CONFIG_KIND_TUNNEL, &o);
	return rc;
}

static int
tunnel_change(struct call *c)
{
	struct tunnel *t = gateway_tunnel_find(c->g, c->name);
	struct config_tunnel now;
	union object o;
	int rc;

	if (!t)
		return nothing(c);
	now = gateway_tunnel_config(t);
	object_update(c, CONFIG_KIND_TUNNEL, &now, &o);
	rc = gateway_tunnel_update(c->g, t, &o.tunnel.tunnel, c->err);
	config_object_free(CONFIG_KIND_TUNNEL, &o);
	return rc;
}

static int
tunnel_delete(struct call *c)
{
	struct tunnel *t = gateway_tunnel_find(c->g, c->name);

	return t ? gateway_tunnel_delete(c->g, t, c->err) : nothing(c);
}

/* --- routes, neighbours, policies */

static int
route_plus(struct call *c)
{
	union object o;

	object_read(c, CONFIG_KIND_ROUTE, &o);
	return gateway_route_add(c->g, &o.route, c->err);
}

static int
route_minus(struct call *c)
{
	union object o;

	object_read(c, CONFIG_KIND_ROUTE, &o);
	return gateway_route_delete(c->g, &o.route, c->err);
}

static int
neighbour_add(struct call *c)
{
	union object o;

	object_read(c, CONFIG_KIND_NEIGHBOUR, &o);
	return gateway_neighbour_add(c->g, &o.neighbour, c->err);
}

static int
neighbour_delete(struct call *c)
{
	const struct config_scope *scope = gateway_scope(c->g);
	struct ip_addr addr;
	uint32_t port;

	if (!scope->port_find(scope->arg, c->name, &port) || ip_addr_parse(c->second, &addr) != 0)
		wrong(c->name, NULL);
	return gateway_neighbour_delete(c->g, (uint16_t)port, &addr, c->err);
}

static int
policy_add(struct call *c)
{
	union object o;
	uint32_t id;

	object_read(c, CONFIG_KIND_POLICY, &o);
	return gateway_policy_add(c->g, &o.policy, &id, c->err);
}

static int
policy_update(struct call *c)
{
	union object o;

	object_read(c, CONFIG_KIND_POLICY, &o);
	return gateway_policy_update(c->g, (uint32_t)strtoul(c->name, NULL, 0), &o.policy, c->err);
}

static int
policy_delete(struct call *c)
{
	return gateway_policy_delete(c->g, (uint32_t)strtoul(c->name, NULL, 0), c->err);
}

static int
port_change(struct call *c)
{
	const struct config_scope *scope = gateway_scope(c->g);
	union object o;
	uint32_t port;
	int rc;

	if (!scope->port_find(scope->arg, c->name, &port))
		wrong(c->name, NULL);
	object_update(c, CONFIG_KIND_PORT, scope->port(scope->arg, port), &o);
	rc = gateway_port_update(c->g, port, &o.port, c->err);
	config_object_free(CONFIG_KIND_PORT, &o);
	return rc;
}

/* names: how many words come before the keys */
static const struct {
	const char *verb;
	int names;
	int (*call)(struct call *c);
} verbs[] = {
	{"sa.add", 0, sa_add},
	{"sa.static", 0, sa_static},
	{"sa.update", 2, sa_update},
	{"sa.delete", 2, sa_delete},
	{"tunnel.add", 0, tunnel_add},
	{"tunnel.update", 1, tunnel_change},
	{"tunnel.delete", 1, tunnel_delete},
	{"route.add", 0, route_plus},
	{"route.delete", 0, route_minus},
	{"neighbour.add", 0, neighbour_add},
	{"neighbour.delete", 2, neighbour_delete},
	{"policy.add", 0, policy_add},
	{"policy.update", 1, policy_update},
	{"policy.delete", 1, policy_delete},
	{"port.update", 1, port_change},
};

/* Takes a word off the text. */
static const char *
word(const char *at, char *out)
{
	int n = 0;

	if (sscanf(at, "%63s%n", out, &n) != 1)
		wrong(at, NULL);
	return at + n;
}

int
changing_call(struct gateway *g, const char *words, struct error *err)
{
	struct call c = {.g = g, .err = err};
	char verb[NAME_MAX_WORD];
	const char *at = word(words, verb);
	int rc = 0;

	for (size_t i = 0; i < RTE_DIM(verbs); i++) {
		if (strcmp(verbs[i].verb, verb) != 0)
			continue;
		if (verbs[i].names > 0)
			at = word(at, c.name);
		if (verbs[i].names > 1)
			at = word(at, c.second);
		config_init(&c.tree);
		keys_read(&c, at);
		rc = verbs[i].call(&c);
		config_destroy(&c.tree);
		return rc;
	}
	wrong(words, NULL);
	return rc;
}

int
changing_batch(struct gateway *g, const char *const *calls, struct error *err)
{
	int rc = gateway_change_begin(g);

	if (rc != 0)
		abort();
	for (; rc == 0 && *calls; calls++)
		rc = changing_call(g, *calls, err);
	if (rc == 0)
		return gateway_change_commit(g, err);
	gateway_change_abandon(g);
	return rc;
}

void
changing_do(struct stage_fixture *f, const char *words)
{
	const char *const calls[] = {words, NULL};
	struct error err = {""};

	stage_check(f, changing_batch(f->g, calls, &err) == 0, "%s: %s", words, err.text);
}

void
changing_settle(struct stage_fixture *f)
{
	stage_fixture_turn(f);
	while (reaper_wait(f->g))
		;
	nexthop_reclaim(f->g->nexthops, true);
}
