/* SPDX-License-Identifier: BSD-3-Clause */

/* port.* */

#include <errno.h>

#include <rte_ether.h>

#include "config_read.h"
#include "methods_objects.h"

struct port_name {
	uint32_t name;
};

static const struct key name_keys[] = {
	{"name", &key_port, true, KEY_FIELD(port_name, name), .help = "of the port"},
};
static const struct key_table name_table = {"params", NULL, name_keys, KEY_COUNT(name_keys)};

static json_t *
port_json(const struct rpc_call *call, uint32_t index)
{
	const struct config_scope *scope = gateway_scope(call->context);
	json_t *json = object_json(call, CONFIG_KIND_PORT, scope->port(scope->arg, index));
	const struct port *p = gateway_port_at(call->context, index);
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	struct port_losses losses;
	struct counter rx, tx;

	gateway_port_counters(call->context, p, &rx, &tx, &losses);
	rte_ether_format_addr(mac, sizeof(mac), &p->mac);
	json_object_set_new(json, "status",
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "link",
			p->link_up ? "up" : "down", "mac", mac, "rx_packets",
			(json_int_t)rx.packets, "rx_bytes", (json_int_t)rx.bytes, "tx_packets",
			(json_int_t)tx.packets, "tx_bytes", (json_int_t)tx.bytes, "missed",
			(json_int_t)losses.missed, "no_buffer", (json_int_t)losses.no_buffer,
			"errors", (json_int_t)losses.errors));
	return json;
}

static int
get_call(struct rpc_call *call, const void *params)
{
	call->result = port_json(call, ((const struct port_name *)params)->name);
	return 0;
}

static int
update_call(struct rpc_call *call, const void *params)
{
	const struct config_scope *scope = gateway_scope(call->context);
	struct port_name name;
	struct config_port c;
	struct error err;
	int rc = name_of_call(call, &name_table, &name);

	(void)params;
	if (rc == 0)
		rc = object_changed_by_call(
			call, CONFIG_KIND_PORT, scope->port(scope->arg, name.name), &c);
	if (rc != 0)
		return rc;
	rc = gateway_port_update(call->context, name.name, &c, &err);
	if (rc != 0)
		object_fail(call, CONFIG_KIND_PORT, rc, &err);
	config_object_free(CONFIG_KIND_PORT, &c);
	return rc;
}

static int
list_call(struct rpc_call *call, const void *params)
{
	const struct config_scope *scope = gateway_scope(call->context);
	uint32_t n = scope->port_count(scope->arg);
	const struct page *page = params;
	json_t *items = json_array();
	uint64_t at = page->after;

	for (; at < n && json_array_size(items) < page->limit; at++)
		json_array_append_new(items, port_json(call, (uint32_t)at));
	return page_answer(call, "ports", items, at < n ? at : 0);
}

const struct rpc_method methods_port[] = {
	{"port.update", "change a port's addresses and MTU", .writes = true, .names = &name_table,
		.params = &ports_table, .call = update_call},
	{"port.get", "one port, and its state", .params = &name_table,
		.params_bytes = sizeof(struct port_name), .call = get_call},
	{"port.list", "the ports, page by page", .params = &page_table,
		.params_bytes = sizeof(struct page), .defaults = page_defaults, .call = list_call},
	{0},
};
