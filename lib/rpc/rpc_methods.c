/* SPDX-License-Identifier: BSD-3-Clause */

/* The methods that every server has. */

#include "config_keys.h"
#include "rpc_internal.h"

static const char *
type_of(const struct key *key)
{
	if (key->read == key_bool)
		return "boolean";
	if (key->read == key_number)
		return "number";
	return key->read == key_later ? "list" : "string";
}

static json_t *
keys_of(const struct key_table *table)
{
	json_t *keys = json_array();

	for (size_t i = 0; table && i < table->count; i++)
		json_array_append_new(keys,
			json_pack("{s:s, s:s, s:b}", "name", table->keys[i].name, "type",
				type_of(&table->keys[i]), "required", table->keys[i].required));
	return keys;
}

static int
methods_call(struct rpc_call *call, const void *params)
{
	json_t *methods = json_array();

	(void)params;
	for (size_t i = 0; i < call->server->n_methods; i++) {
		const struct rpc_method *m = call->server->methods[i];

		json_array_append_new(methods,
			json_pack("{s:s, s:s, s:b, s:o}", "name", m->name, "summary", m->summary,
				"writes", m->writes, "params", keys_of(m->params)));
	}
	call->result = json_pack("{s:o}", "methods", methods);
	return 0;
}

static const struct key batch_keys[] = {
	{"calls", key_later, true, KEY_OBJECT},
};
static const struct key_table batch_table = {"batch", NULL, batch_keys, KEY_COUNT(batch_keys)};

static const struct key kinds_keys[] = {
	{"kinds", key_later, KEY_OBJECT},
};
static const struct key_table kinds_table = {"kinds", NULL, kinds_keys, KEY_COUNT(kinds_keys)};

const struct rpc_method rpc_own_methods[] = {
	{"rpc.methods", "the methods and what they take", .call = methods_call},
	{"batch", "several calls, all of which are done or none", .alone = true,
		.params = &batch_table},
	{"events.subscribe", "tell this client of events of these kinds, too", .alone = true,
		.params = &kinds_table, .call = rpc_events_subscribe},
	{"events.unsubscribe", "tell this client no more of events of these kinds", .alone = true,
		.params = &kinds_table, .call = rpc_events_unsubscribe},
	{"events.resync", "tell this client how things stand, as events, then \"resynced\"",
		.alone = true, .call = rpc_events_resync},
	{0},
};
