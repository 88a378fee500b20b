/* SPDX-License-Identifier: BSD-3-Clause */

/* route.* */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"
#include "methods_objects.h"

static int
change_call(struct rpc_call *call,
	int (*change)(struct gateway *g, const struct config_route *c, struct error *err))
{
	struct config_route c;
	struct error err;
	int rc = object_of_call(call, CONFIG_KIND_ROUTE, &c);

	if (rc != 0)
		return rc;
	rc = change(call->context, &c, &err);
	if (rc != 0)
		object_fail(call, CONFIG_KIND_ROUTE, rc, &err);
	config_object_free(CONFIG_KIND_ROUTE, &c);
	return rc;
}

static int
add_call(struct rpc_call *call, const void *params)
{
	(void)params;
	return change_call(call, gateway_route_add);
}

static int
delete_call(struct rpc_call *call, const void *params)
{
	(void)params;
	return change_call(call, gateway_route_delete);
}

/* --- which way a packet takes */

struct route_query {
	struct ip_addr address;
	uint16_t table;
};

static const struct key query_keys[] = {
	{"address", &key_address, true, KEY_FIELD(route_query, address), .help = "destination"},
	{"table", &key_number, KEY_FIELD(route_query, table), .max = TABLES_MAX - 1,
		.help = "forwarding table"},
};
static const struct key_table query_table = {"params", NULL, query_keys, KEY_COUNT(query_keys)};

static json_t *
way_json(const struct rpc_call *call, const struct nexthop *nh)
{
	static const char *const words[] = {
		[NEXTHOP_NONE] = "none",
		[NEXTHOP_DISCARD] = "discard",
		[NEXTHOP_DOWN] = "down",
		[NEXTHOP_LOCAL] = "local",
		[NEXTHOP_CONNECTED] = "connected",
		[NEXTHOP_NEIGHBOUR] = "neighbour",
		[NEXTHOP_TUNNEL] = "tunnel",
		[NEXTHOP_GROUP] = "group",
	};
	const struct config_scope *scope = gateway_scope(call->context);
	json_t *json = json_pack("{s:s}", "type", words[nh->type]);

	if (nh->type == NEXTHOP_TUNNEL) {
		const struct tunnel *t = gateway_tunnel_at(call->context, nh->tunnel);

		json_object_set_new(json, "tunnel", json_string(t ? t->config.name : ""));
	}
	if (nh->type == NEXTHOP_CONNECTED || nh->type == NEXTHOP_NEIGHBOUR)
		json_object_set_new(
			json, "port", json_string(scope->port(scope->arg, nh->port)->name));
	if (nh->type == NEXTHOP_NEIGHBOUR) {
		json_object_set_new(json, "via", json_ip(&nh->addr));
		json_object_set_new(
			json, "reachable", json_boolean(nh->link & NEXTHOP_LINK_REACHABLE));
	}
	return json;
}

static int
get_call(struct rpc_call *call, const void *params)
{
	const struct route_query *q = params;
	const struct nexthop *nh = gateway_route_lookup(call->context, q->table, &q->address);
	json_t *ways = json_array();

	if (nh->type != NEXTHOP_GROUP)
		json_array_append_new(ways, way_json(call, nh));
	for (uint8_t i = 0; nh->type == NEXTHOP_GROUP && i < nh->n_members; i++)
		json_array_append_new(
			ways, way_json(call, gateway_nexthop(call->context, nh->members[i])));
	call->result = json_pack("{s:o, s:i, s:o}", "address", json_ip(&q->address), "table",
		q->table, "ways", ways);
	return 0;
}

/* --- the list: in the order of table, length and prefix. What has been given is named by the last
 * prefix and how many of its routes were. */

struct route_list {
	uint32_t limit;
	char after[80]; /* "TABLE PREFIX COUNT" */
	bool all;
};

static const struct key list_keys[] = {
	{"limit", &key_number, KEY_FIELD(route_list, limit), .min = 1, .max = RPC_PAGE_MAX,
		.help = "how many at most"},
	{"after", &key_text, KEY_FIELD(route_list, after), .help = "`next` of the page before"},
	{"all", &key_bool, KEY_FIELD(route_list, all),
		.help = "with those that follow from addresses and neighbours"},
};
static const struct key_table list_table = {"params", NULL, list_keys, KEY_COUNT(list_keys)};

static void
list_defaults(void *params)
{
	((struct route_list *)params)->limit = RPC_PAGE_DEFAULT;
}

struct place {
	uint16_t table;
	struct ip_prefix prefix;
	uint32_t count;
};

struct listing {
	struct rpc_call *call;
	const struct route_list *list;
	json_t *items;
	bool resumes, more;
	struct place before; /* where the page before ended */
	struct place at;     /* where the walk is */
	struct place given;  /* the last one of this page */
};

static int
compare(const struct route *r, const struct place *p)
{
	if (r->table != p->table)
		return r->table < p->table ? -1 : 1;
	if (r->prefix.length != p->prefix.length)
		return r->prefix.length < p->prefix.length ? -1 : 1;
	return ip_addr_compare(&r->prefix.addr, &p->prefix.addr);
}

static json_t *
route_json(const struct rpc_call *call, const struct route *r)
{
	static const char *const words[] = {
		[ROUTE_VIA_LOCAL] = "local", [ROUTE_VIA_NEIGHBOUR] = "neighbour"};
	char text[IP_PREFIX_STRLEN];
	struct config_route c;
	json_t *json;

	if (gateway_route_config(r, &c))
		json = object_json(call, CONFIG_KIND_ROUTE, &c);
	else
		json = json_pack("{s:s, s:s}", "prefix", ip_prefix_format(&r->prefix, text), "via",
			words[r->via]);
	json_object_set_new(json, "status",
		json_pack("{s:s}", "by", r->by == ROUTE_BY_CONFIG ? "config" : "gateway"));
	return json;
}

static int
list_one(const struct route *r, void *arg)
{
	struct listing *l = arg;
	int order = l->resumes ? compare(r, &l->before) : 1;
	uint32_t count = compare(r, &l->at) == 0 ? l->at.count + 1 : 1;

	if (!l->list->all && r->by != ROUTE_BY_CONFIG)
		return 0;
	l->at = (struct place){r->table, r->prefix, count};
	if (order < 0 || (order == 0 && count <= l->before.count))
		return 0;
	l->more = json_array_size(l->items) == l->list->limit;
	if (l->more)
		return 1;
	json_array_append_new(l->items, route_json(l->call, r));
	l->given = l->at;
	return 0;
}

/* "TABLE PREFIX COUNT" */
static bool
place_parse(const char *text, struct place *place)
{
	char *prefix, *end, copy[IP_PREFIX_STRLEN];
	const unsigned long table = strtoul(text, &prefix, 10);
	size_t bytes;

	bytes = strcspn(prefix += *prefix == ' ', " ");
	if (table > UINT16_MAX || bytes >= sizeof(copy))
		return false;
	memcpy(copy, prefix, bytes);
	copy[bytes] = '\0';
	place->table = (uint16_t)table;
	place->count = (uint32_t)strtoul(prefix + bytes, &end, 10);
	return end != prefix + bytes && *end == '\0' && ip_prefix_parse(copy, &place->prefix) == 0;
}

static int
cursor_parse(struct rpc_call *call, struct listing *l)
{
	l->resumes = l->list->after[0] != '\0';
	if (!l->resumes)
		return 0;
	if (!place_parse(l->list->after, &l->before))
		return rpc_error_set(call, -EINVAL, "after",
			"after: \"%s\" is no `next` of a page before", l->list->after);
	return 0;
}

static int
list_call(struct rpc_call *call, const void *params)
{
	struct listing l = {.call = call, .list = params};
	char prefix[IP_PREFIX_STRLEN], next[96];
	int rc = cursor_parse(call, &l);

	if (rc != 0)
		return rc;
	l.items = json_array();
	gateway_route_walk(call->context, list_one, &l);
	snprintf(next, sizeof(next), "%u %s %u", l.given.table,
		ip_prefix_format(&l.given.prefix, prefix), l.given.count);
	call->result = json_pack(
		"{s:o, s:o}", "routes", l.items, "next", l.more ? json_string(next) : json_null());
	return 0;
}

const struct rpc_method methods_route[] = {
	{"route.add", "add a route", .writes = true, .params = &routes_table, .call = add_call},
	{"route.delete", "delete a route: all that names it is to be given", .writes = true,
		.params = &routes_table, .call = delete_call},
	{"route.get", "which way a packet to an address takes", .params = &query_table,
		.params_bytes = sizeof(struct route_query), .call = get_call},
	{"route.list", "the routes, page by page", .params = &list_table,
		.params_bytes = sizeof(struct route_list), .defaults = list_defaults,
		.call = list_call},
	{0},
};
