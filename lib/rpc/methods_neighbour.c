/* SPDX-License-Identifier: BSD-3-Clause */

/* neighbour.* */

#include <errno.h>

#include "config_read.h"
#include "methods_objects.h"

struct neighbour_name {
	struct ip_addr address;
	uint32_t port;
};

static const struct key name_keys[] = {
	{"address", &key_address, true, KEY_FIELD(neighbour_name, address),
		.help = "of the neighbour"},
	{"port", &key_port, true, KEY_FIELD(neighbour_name, port), .help = "where it is"},
};
static const struct key_table name_table = {"params", NULL, name_keys, KEY_COUNT(name_keys)};

static int
add_call(struct rpc_call *call, const void *params)
{
	struct config_neighbour c;
	struct error err;
	int rc = object_of_call(call, CONFIG_KIND_NEIGHBOUR, &c);

	(void)params;
	if (rc != 0)
		return rc;
	rc = gateway_neighbour_add(call->context, &c, &err);
	if (rc != 0)
		object_fail(call, CONFIG_KIND_NEIGHBOUR, rc, &err);
	config_object_free(CONFIG_KIND_NEIGHBOUR, &c);
	return rc;
}

static int
delete_call(struct rpc_call *call, const void *params)
{
	const struct neighbour_name *name = params;
	struct error err;
	int rc =
		gateway_neighbour_delete(call->context, (uint16_t)name->port, &name->address, &err);

	return rc == 0 ? 0 : object_fail(call, CONFIG_KIND_NEIGHBOUR, rc, &err);
}

static json_t *
neighbour_json(const struct rpc_call *call, const struct neigh *n)
{
	static const char *const words[] = {
		[NEIGH_INCOMPLETE] = "incomplete",
		[NEIGH_REACHABLE] = "reachable",
		[NEIGH_STALE] = "stale",
		[NEIGH_PROBE] = "probe",
		[NEIGH_FAILED] = "failed",
		[NEIGH_STATIC] = "static",
	};
	struct config_neighbour c = gateway_neighbour_config(n);
	json_t *json = object_json(call, CONFIG_KIND_NEIGHBOUR, &c);

	if (!neigh_is_usable(n))
		json_object_del(json, "mac");
	json_object_set_new(json, "status", json_pack("{s:s}", "state", words[n->state]));
	return json;
}

static int
get_call(struct rpc_call *call, const void *params)
{
	const struct neighbour_name *name = params;
	const struct neigh *n =
		gateway_neighbour_find(call->context, (uint16_t)name->port, &name->address);
	char text[IP_ADDR_STRLEN];

	if (!n)
		return rpc_error_set(call, -ENOENT, "address",
			"nothing is known of %s on that port",
			ip_addr_format(&name->address, text));
	call->result = neighbour_json(call, n);
	return 0;
}

/* There are few enough of them that the walk begins anew for each page. */
struct listing {
	struct rpc_call *call;
	const struct page *page;
	uint64_t at;
	json_t *items;
};

static int
list_one(const struct neigh *n, void *arg)
{
	struct listing *l = arg;

	if (json_array_size(l->items) == l->page->limit)
		return 1;
	if (l->at++ >= l->page->after)
		json_array_append_new(l->items, neighbour_json(l->call, n));
	return 0;
}

static int
list_call(struct rpc_call *call, const void *params)
{
	struct listing l = {.call = call, .page = params, .items = json_array()};
	int more = gateway_neighbour_walk(call->context, list_one, &l);

	return page_answer(call, "neighbours", l.items, more ? l.at : 0);
}

const struct rpc_method methods_neighbour[] = {
	{"neighbour.add", "add a static neighbour", .writes = true, .params = &neighbours_table,
		.call = add_call},
	{"neighbour.delete", "delete a static neighbour", .writes = true, .params = &name_table,
		.params_bytes = sizeof(struct neighbour_name), .call = delete_call},
	{"neighbour.get", "what is known of a neighbour", .params = &name_table,
		.params_bytes = sizeof(struct neighbour_name), .call = get_call},
	{"neighbour.list", "the neighbours, static and learnt, page by page", .params = &page_table,
		.params_bytes = sizeof(struct page), .defaults = page_defaults, .call = list_call},
	{0},
};
