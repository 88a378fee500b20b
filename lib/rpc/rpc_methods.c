/* SPDX-License-Identifier: BSD-3-Clause */

/* The methods that every server has. */

#include "config_keys.h"
#include "rpc_internal.h"

static json_t *
words_of(const struct key *key)
{
	json_t *words = json_array();
	const char *word;

	for (size_t i = 0; (word = key_word_at(key, i)) != NULL; i++)
		json_array_append_new(words, json_string(word));
	return words;
}

static json_t *
key_of(const struct key *key, bool required)
{
	json_t *k = json_pack("{s:s, s:s, s:b}", "name", key->name, "type", key->type->word,
		"required", required);

	if (key->help)
		json_object_set_new(k, "help", json_string(key->help));
	if (key->type->bounded) {
		json_object_set_new(k, "min", json_integer((json_int_t)key->min));
		json_object_set_new(k, "max", json_integer((json_int_t)key->max));
	}
	if (key_word_at(key, 0))
		json_object_set_new(k, "words", words_of(key));
	return k;
}

/* Adds the keys of the table; of changes, beside the names of what changes, none is required. */
static json_t *
keys_add(json_t *keys, const struct key_table *table, const struct key_table *names)
{
	for (size_t i = 0; table && i < table->count; i++) {
		const struct key *key = &table->keys[i];
		json_t *k;

		if (names && key_find(names, key->name))
			continue;
		k = key_of(key, key->required && !names);
		if (key->table)
			json_object_set_new(k, "keys", keys_add(json_array(), key->table, NULL));
		json_array_append_new(keys, k);
	}
	return keys;
}

static json_t *
params_of(const struct rpc_method *m)
{
	return keys_add(keys_add(json_array(), m->names, NULL), m->params, m->names);
}

/* Its method reads it. */
static const struct key_type list_of_calls = {.word = "list of calls"};
static const struct key_type list_of_words = {.word = "list of words"};

static const struct key batch_keys[] = {
	{"calls", &list_of_calls, true, KEY_OBJECT, .help = "objects with a method and its params"},
};
static const struct key_table batch_table = {"batch", NULL, batch_keys, KEY_COUNT(batch_keys)};

static const struct key kinds_keys[] = {
	{"kinds", &list_of_words, KEY_OBJECT, .help = "kinds of events; without it all"},
};
static const struct key_table kinds_table = {"kinds", NULL, kinds_keys, KEY_COUNT(kinds_keys)};

/* The kinds of events that there are here. */
static void
kinds_describe(const struct rpc_server *server, json_t *param)
{
	const struct rpc_event_kind *kinds = server->options.kinds;
	json_t *words = json_array();

	for (size_t i = 0; kinds && kinds[i].name; i++)
		json_array_append_new(words, json_string(kinds[i].name));
	json_object_set_new(param, "words", words);
}

static int
methods_call(struct rpc_call *call, const void *none)
{
	json_t *methods = json_array();

	(void)none;
	for (size_t i = 0; i < call->server->n_methods; i++) {
		const struct rpc_method *m = call->server->methods[i];
		json_t *params = params_of(m);

		if (m->params == &kinds_table)
			kinds_describe(call->server, json_array_get(params, 0));
		json_array_append_new(
			methods, json_pack("{s:s, s:s, s:b, s:o}", "name", m->name, "summary",
					 m->summary, "writes", m->writes, "params", params));
	}
	call->result = json_pack("{s:o}", "methods", methods);
	return 0;
}

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
