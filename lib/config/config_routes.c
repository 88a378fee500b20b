/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

static const struct key route_keys[] = {
	{"prefix", key_prefix, true, KEY_FIELD(config_route, prefix)},
	{"via", key_later, true, KEY_OBJECT},
	{"metric", key_number, KEY_FIELD(config_route, metric), .max = UINT32_MAX},
	{"table", key_number, KEY_FIELD(config_route, table), .max = TABLES_MAX - 1},
};
const struct key_table routes_table = {"routes", "prefix", route_keys, KEY_COUNT(route_keys)};

/* "192.168.1.0/24 (lan), …": the links of a table and family, as many as there is room for. */
static const char *
links_format(const struct config *config, uint16_t table, uint8_t family, char *buf, size_t bytes)
{
	char text[IP_PREFIX_STRLEN];
	size_t used = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < config->n_ports; i++) {
		const struct config_port *p = &config->ports[i];

		for (uint32_t j = 0; p->table == table && j < p->n_addresses; j++) {
			struct ip_prefix link = {p->addresses[j].addr, p->addresses[j].length};

			link = ip_prefix_network(&link);
			if (link.addr.family == family && used < bytes)
				used += (size_t)snprintf(buf + used, bytes - used, "%s%s (%s)",
					used ? ", " : "", ip_prefix_format(&link, text), p->name);
		}
	}
	return used ? buf : "none";
}

static bool
any_port_broken(const struct config *config)
{
	for (uint32_t i = 0; i < config->n_ports; i++)
		if (config->ports[i].origin.broken)
			return true;
	return false;
}

/* The port whose link the gateway is on: the longest on-link prefix of the route's table says so.
 */
static void
gateway_port(struct object *o, struct config_route *r)
{
	const struct config *config = o->reading->config;
	char addr[IP_ADDR_STRLEN], buf[256];
	const char *links;
	uint8_t longest = 0;
	uint32_t found = 0;

	for (uint32_t i = 0; i < config->n_ports; i++) {
		uint8_t length;

		if (config->ports[i].table != r->table ||
			!port_on_link(&config->ports[i], &r->addr, &length) || length < longest)
			continue;
		found = length > longest ? 1 : found + 1;
		longest = length;
		if (found == 1)
			r->port = i;
	}
	if (found == 1 || any_port_broken(config))
		return;
	ip_addr_format(&r->addr, addr);
	links = links_format(config, r->table, r->addr.family, buf, sizeof(buf));
	if (found == 0)
		object_error(o, "via", "%s is on no port's link; the links of table %u are %s",
			addr, r->table, links);
	else
		object_error(o, "via",
			"%s is on the links of more than one port (%s); \"%s%%%s\" would name one",
			addr, links, addr, config->ports[r->port].name);
}

/* "fe80::1%wan": the port is named. */
static void
via_scoped(struct object *o, struct config_route *r, const char *text)
{
	const char *percent = strchr(text, '%');
	char addr[IP_ADDR_STRLEN], near[HINT_BYTES];

	snprintf(addr, sizeof(addr), "%.*s", (int)(percent - text), text);
	if (ip_addr_parse(addr, &r->addr) != 0)
		object_error(
			o, "via", "\"%s\" is no address; \"fe80::1%%wan\" begins with one", addr);
	else if (!name_index_find(&o->reading->ports, percent + 1, &r->port))
		object_error(o, "via", "no port is called \"%.64s\"%s", percent + 1,
			name_index_hint(&o->reading->ports, percent + 1, near));
}

static void
via_address(struct object *o, struct config_route *r, const char *text)
{
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
	if (r->addr.family != r->prefix.addr.family)
		object_error(o, "via", "\"%s\" is IPv%u, and the prefix is IPv%u", text,
			r->addr.family, r->prefix.addr.family);
	else if (ip_addr_is_unspecified(&r->addr) || ip_addr_is_multicast(&r->addr))
		object_error(o, "via", "\"%s\" is no unicast address", text);
	else if (port_of_address(o->reading->config, r->table, &r->addr))
		object_error(o, "via", "\"%s\" is our own address, on port %s", text,
			port_of_address(o->reading->config, r->table, &r->addr)->name);
}

static void
via_unknown(struct object *o, const char *text)
{
	char near[HINT_BYTES];

	if (name_index_hint(&o->reading->tunnels, text, near)[0] == '\0' &&
		name_index_hint(&o->reading->ports, text, near)[0] == '\0') {
		static const char *const word[] = {"discard"};

		hint(near, text, word, 1);
	}
	object_error(o, "via", "\"%.64s\" is no tunnel, no port, no address and not \"discard\"%s",
		text, near);
}

static void
via_read(struct object *o, struct config_route *r)
{
	static const struct key via = {.name = "via"};
	const char *text = value_string(o, &via, object_get(o, "via"));
	const struct config *config = o->reading->config;

	if (!text)
		return;
	bool tunnel = name_index_find(&o->reading->tunnels, text, &r->tunnel);
	bool port = name_index_find(&o->reading->ports, text, &r->port);
	if (strcmp(text, "discard") == 0) {
		r->via = CONFIG_VIA_DISCARD;
	} else if (tunnel && port) {
		object_error(o, "via", "\"%s\" is both a tunnel and a port: rename one", text);
	} else if (tunnel) {
		r->via = CONFIG_VIA_TUNNEL;
		if (!object_get(o, "metric"))
			r->metric = config->tunnels[r->tunnel].tunnel.metric;
	} else if (port) {
		r->via = CONFIG_VIA_PORT;
	} else if (strchr(text, '%') || ip_addr_parse(text, &r->addr) == 0) {
		via_address(o, r, text);
	} else {
		via_unknown(o, text);
	}
}

void
routes_read(struct object *top)
{
	struct config *config = top->reading->config;
	uint32_t n = list_length(top, "routes");

	config->routes = array_or_die(n, sizeof(config->routes[0]));
	config->n_routes = n;
	for (uint32_t i = 0; i < n; i++) {
		struct object o = list_object(top, "routes", i, &routes_table);

		object_read(&o, &config->routes[i]);
		if (!o.broken)
			via_read(&o, &config->routes[i]);
		config->routes[i].origin = object_origin(&o);
	}
}
