/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

/* Read after the others: what it means depends on them. */
static void
via_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	(void)field;
	value_string(o, key, value);
}

/* Whether `via` would mean a port or tunnel. */
static bool
is_name(const struct config_scope *scope, const char *text)
{
	uint32_t i;

	return scope->tunnel_find(scope->arg, text, &i) || scope->port_find(scope->arg, text, &i);
}

/* The port is named where the address alone does not lead to it. */
static void
via_address_write(struct writing *w, const struct key *key, const struct config_route *r)
{
	const struct config_port *port = w->scope->port(w->scope->arg, r->port);
	char text[IP_ADDR_STRLEN + 1 + sizeof(port->name)];
	uint32_t on_link = 0;
	bool alone;

	ip_addr_format(&r->addr, text);
	alone = !(ip_addr_is_link_local(&r->addr) && r->addr.family == 6) &&
		!is_name(w->scope, text) &&
		gateway_ports(w->scope, r->table, &r->addr, &on_link) == 1 && on_link == r->port;
	if (!alone && port)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%%%s", port->name);
	put_text(w, key, alone || port ? text : NULL);
}

static void
via_write(struct writing *w, const struct key *key, const void *field)
{
	const struct config_route *r = field;

	switch (r->via) {
	case CONFIG_VIA_ADDRESS:
		via_address_write(w, key, r);
		break;
	case CONFIG_VIA_TUNNEL:
		key_tunnel.write(w, key, &r->tunnel);
		break;
	case CONFIG_VIA_PORT:
		key_port.write(w, key, &r->port);
		break;
	case CONFIG_VIA_DISCARD:
		put_text(w, key, "discard");
		break;
	}
}

static bool
via_equal(const struct key *key, const void *a, const void *b)
{
	const struct config_route *x = a, *y = b;

	(void)key;
	if (x->via != y->via)
		return false;
	switch (x->via) {
	case CONFIG_VIA_ADDRESS:
		return x->port == y->port && ip_addr_equal(&x->addr, &y->addr);
	case CONFIG_VIA_TUNNEL:
		return x->tunnel == y->tunnel;
	case CONFIG_VIA_PORT:
		return x->port == y->port;
	default:
		return true;
	}
}

static const struct key_type key_via = {.word = "address, tunnel, port or \"discard\"",
	.read = via_read,
	.write = via_write,
	.equal = via_equal};

static const struct key route_keys[] = {
	{"prefix", &key_prefix, true, KEY_FIELD(config_route, prefix), .identity = true,
		.help = "where it leads"},
	{"via", &key_via, true, KEY_OBJECT, .identity = true,
		.help = "a gateway's address, a tunnel, a port (its hosts are on the link), or "
			"discard"},
	{"metric", &key_number, KEY_FIELD(config_route, metric), .max = UINT32_MAX,
		.help = "of several routes to a prefix the lowest carries, equal ones share by "
			"flow"},
	{"table", &key_number, KEY_FIELD(config_route, table), .max = TABLES_MAX - 1,
		.identity = true, .help = "the table that the route belongs to"},
};
const struct key_table routes_table = {"routes", "prefix", route_keys, KEY_COUNT(route_keys)};

/* "192.168.1.0/24 (lan), …": the links of a table and family, as many as there is room for. */
static const char *
links_format(
	const struct config_scope *scope, uint16_t table, uint8_t family, char *buf, size_t bytes)
{
	uint32_t count = scope->port_count(scope->arg);
	char text[IP_PREFIX_STRLEN];

	buf[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		const struct config_port *p = scope->port(scope->arg, i);

		for (uint32_t j = 0; p && p->table == table && j < p->n_addresses; j++) {
			struct ip_prefix link = {p->addresses[j].addr, p->addresses[j].length};

			link = ip_prefix_network(&link);
			if (link.addr.family == family)
				list_append(buf, bytes, ip_prefix_format(&link, text), p->name);
		}
	}
	return buf[0] ? buf : "none";
}

/* The port whose link the gateway is on. */
static void
gateway_port(struct object *o, struct config_route *r)
{
	const struct config_scope *scope = object_scope(o);
	uint32_t found = gateway_ports(scope, r->table, &r->addr, &r->port);
	char addr[IP_ADDR_STRLEN], buf[256];
	const char *links;

	if (found == 1 || any_port_broken(scope))
		return;
	ip_addr_format(&r->addr, addr);
	links = links_format(scope, r->table, r->addr.family, buf, sizeof(buf));
	if (found == 0)
		object_error(o, "via", "%s is on no port's link; the links of table %u are %s",
			addr, r->table, links);
	else
		object_error(o, "via",
			"%s is on the links of more than one port (%s); \"%s%%%s\" would name one",
			addr, links, addr, scope->port(scope->arg, r->port)->name);
}

/* "fe80::1%wan": the port is named. */
static void
via_scoped(struct object *o, struct config_route *r, const char *text)
{
	const struct config_scope *scope = object_scope(o);
	const char *percent = strchr(text, '%');
	char addr[IP_ADDR_STRLEN], near[HINT_BYTES];

	snprintf(addr, sizeof(addr), "%.*s", (int)(percent - text), text);
	if (ip_addr_parse(addr, &r->addr) != 0)
		object_error(
			o, "via", "\"%s\" is no address; \"fe80::1%%wan\" begins with one", addr);
	else if (!scope->port_find(scope->arg, percent + 1, &r->port))
		object_error(o, "via", "no port is called \"%.64s\"%s", percent + 1,
			hint_port(near, percent + 1, scope));
}

static void
via_address(struct object *o, struct config_route *r, const char *text)
{
	const struct config_port *own;

	r->via = CONFIG_VIA_ADDRESS;
	if (strchr(text, '%')) {
		via_scoped(o, r, text);
	} else if (ip_addr_is_link_local(&r->addr) && r->addr.family == 6) {
		object_error(o, "via",
			"a link-local address needs its port: \"%s%%PORT\" would be right", text);
	} else if (r->addr.family == r->prefix.addr.family) {
		gateway_port(o, r);
	}
	if (o->broken)
		return;
	own = port_of_address(object_scope(o), r->table, &r->addr);
	if (r->addr.family != r->prefix.addr.family)
		object_error(o, "via", "\"%s\" is IPv%u, and the prefix is IPv%u", text,
			r->addr.family, r->prefix.addr.family);
	else if (ip_addr_is_unspecified(&r->addr) || ip_addr_is_multicast(&r->addr))
		object_error(o, "via", "\"%s\" is no unicast address", text);
	else if (own)
		object_error(o, "via", "\"%s\" is our own address, on port %s", text, own->name);
}

static void
via_unknown(struct object *o, const char *text)
{
	const struct config_scope *scope = object_scope(o);
	char near[HINT_BYTES];

	if (hint_tunnel(near, text, scope)[0] == '\0' && hint_port(near, text, scope)[0] == '\0') {
		static const char *const word[] = {"discard"};

		hint(near, text, word, 1);
	}
	object_error(o, "via", "\"%.64s\" is no tunnel, no port, no address and not \"discard\"%s",
		text, near);
}

static uint32_t
default_metric(const struct config_scope *scope, const struct config_route *r)
{
	const struct tunnel_config *t =
		r->via == CONFIG_VIA_TUNNEL ? scope->tunnel(scope->arg, r->tunnel) : NULL;

	return t ? t->metric : 0;
}

static void
via_resolve(struct object *o, struct config_route *r)
{
	const struct config_scope *scope = object_scope(o);
	static const struct key via = {.name = "via"};
	const char *text = value_string(o, &via, object_get(o, "via"));
	bool tunnel = scope->tunnel_find(scope->arg, text, &r->tunnel);
	bool port = scope->port_find(scope->arg, text, &r->port);

	if (strcmp(text, "discard") == 0)
		r->via = CONFIG_VIA_DISCARD;
	else if (tunnel && port)
		object_error(o, "via", "\"%s\" is both a tunnel and a port: rename one", text);
	else if (tunnel)
		r->via = CONFIG_VIA_TUNNEL;
	else if (port)
		r->via = CONFIG_VIA_PORT;
	else if (strchr(text, '%') || ip_addr_parse(text, &r->addr) == 0)
		via_address(o, r, text);
	else
		via_unknown(o, text);
}

static void
route_read(struct object *o, void *object)
{
	struct config_route *r = object;

	object_read(o, r);
	if (o->broken)
		return;
	via_resolve(o, r);
	if (!object_get(o, "metric"))
		r->metric = default_metric(object_scope(o), r);
}

static void
route_defaults(void *object, const void *like, const struct config_scope *scope)
{
	struct config_route *r = object;

	*r = (struct config_route){0};
	if (like)
		r->metric = default_metric(scope, like);
}

const struct kind route_kind = {.noun = "route",
	.table = &routes_table,
	.bytes = sizeof(struct config_route),
	.origin_offset = offsetof(struct config_route, origin),
	.array_offset = offsetof(struct config, routes),
	.count_offset = offsetof(struct config, n_routes),
	.defaults = route_defaults,
	.read = route_read};
