/* SPDX-License-Identifier: BSD-3-Clause */

/* tunnel.* */

#include <errno.h>

#include "config_read.h"
#include "methods_objects.h"

struct tunnel_name {
	char name[NAME_MAX_LEN];
};

static const struct key name_keys[] = {
	{"name", &key_text, true, KEY_FIELD(tunnel_name, name), .help = "of the tunnel"},
};
static const struct key_table name_table = {"params", NULL, name_keys, KEY_COUNT(name_keys)};

static int
tunnel_find(struct rpc_call *call, const char *name, struct tunnel **t)
{
	char near[HINT_BYTES];

	*t = gateway_tunnel_find(call->context, name);
	if (*t)
		return 0;
	return rpc_error_set(call, -ENOENT, "name", "there is no tunnel \"%s\"%s", name,
		hint_tunnels(near, name, gateway_scope(call->context)));
}

static json_t *
tunnel_json(const struct rpc_call *call, const struct tunnel *t)
{
	struct config_tunnel c = gateway_tunnel_config(t);
	json_t *json = object_json(call, CONFIG_KIND_TUNNEL, &c);
	struct counter out, in;

	gateway_tunnel_counters(call->context, t, &out, &in);
	json_object_set_new(json, "status",
		json_pack("{s:s, s:i, s:i, s:b, s:I, s:I, s:I, s:I, s:I}", "state",
			t->up ? "up" : "down", "mtu", t->mtu, "outer_mtu", t->outer_mtu, "loop",
			t->loop, "sas", (json_int_t)gateway_tunnel_sas(call->context, t),
			"out_packets", (json_int_t)out.packets, "out_bytes", (json_int_t)out.bytes,
			"in_packets", (json_int_t)in.packets, "in_bytes", (json_int_t)in.bytes));
	return json;
}

static int
add_call(struct rpc_call *call, const void *params)
{
	struct config_tunnel c;
	struct error err;
	int rc = object_of_call(call, CONFIG_KIND_TUNNEL, &c);

	(void)params;
	if (rc != 0)
		return rc;
	rc = gateway_tunnel_add(call->context, &c.tunnel, &err);
	if (rc != 0)
		object_fail(call, CONFIG_KIND_TUNNEL, rc, &err);
	config_object_free(CONFIG_KIND_TUNNEL, &c);
	return rc;
}

static int
update_call(struct rpc_call *call, const void *params)
{
	struct config_tunnel now, c;
	struct tunnel_name name = {0};
	struct tunnel *t;
	struct error err;
	int rc = name_of_call(call, &name_table, &name);

	(void)params;
	if (rc == 0)
		rc = tunnel_find(call, name.name, &t);
	if (rc != 0)
		return rc;
	now = gateway_tunnel_config(t);
	rc = object_changed_by_call(call, CONFIG_KIND_TUNNEL, &now, &c);
	if (rc != 0)
		return rc;
	rc = gateway_tunnel_update(call->context, t, &c.tunnel, &err);
	if (rc != 0)
		object_fail(call, CONFIG_KIND_TUNNEL, rc, &err);
	config_object_free(CONFIG_KIND_TUNNEL, &c);
	return rc;
}

static int
delete_call(struct rpc_call *call, const void *params)
{
	const struct tunnel_name *name = params;
	struct tunnel *t;
	struct error err;
	int rc = tunnel_find(call, name->name, &t);

	if (rc != 0)
		return rc;
	rc = gateway_tunnel_delete(call->context, t, &err);
	return rc == 0 ? 0 : object_fail(call, CONFIG_KIND_TUNNEL, rc, &err);
}

static int
get_call(struct rpc_call *call, const void *params)
{
	const struct tunnel_name *name = params;
	struct tunnel *t;
	int rc = tunnel_find(call, name->name, &t);

	if (rc == 0)
		call->result = tunnel_json(call, t);
	return rc;
}

static int
list_call(struct rpc_call *call, const void *params)
{
	const struct page *page = params;
	uint32_t capacity = gateway_tunnel_capacity(call->context);
	json_t *items = json_array();
	uint64_t at = page->after;

	for (; at < capacity && json_array_size(items) < page->limit; at++) {
		const struct tunnel *t = gateway_tunnel_at(call->context, (uint32_t)at);

		if (t)
			json_array_append_new(items, tunnel_json(call, t));
	}
	/* the free places behind the last one are no further page */
	while (at < capacity && !gateway_tunnel_at(call->context, (uint32_t)at))
		at++;
	return page_answer(call, "tunnels", items, at < capacity ? at : 0);
}

const struct rpc_method methods_tunnel[] = {
	{"tunnel.add", "make a tunnel", .writes = true, .params = &tunnels_table, .call = add_call},
	{"tunnel.update", "change a tunnel; its SAs, counters and windows stay", .writes = true,
		.names = &name_table, .params = &tunnels_table, .call = update_call},
	{"tunnel.delete", "delete a tunnel that nothing needs any more", .writes = true,
		.params = &name_table, .params_bytes = sizeof(struct tunnel_name),
		.call = delete_call},
	{"tunnel.get", "one tunnel, and its state", .params = &name_table,
		.params_bytes = sizeof(struct tunnel_name), .call = get_call},
	{"tunnel.list", "the tunnels, page by page", .params = &page_table,
		.params_bytes = sizeof(struct page), .defaults = page_defaults, .call = list_call},
	{0},
};
