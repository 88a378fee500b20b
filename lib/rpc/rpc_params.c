/* SPDX-License-Identifier: BSD-3-Clause */

/* Parameters: a JSON object becomes a libconfig group, which lib/config reads by the method's table
 * as it reads the file. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "config_keys.h"
#include "rpc_internal.h"
#include "secret.h"

/* More than any object has; config_setting_add is linear in it. */
enum { MEMBERS_MAX = 256 };

/* What stops the conversion. */
struct conversion {
	struct rpc_call *call;
	const struct key_table *table; /* of the outermost object, for suggestions */
};

static int setting_fill(
	struct conversion *v, config_setting_t *setting, const char *name, const json_t *value);

/* libconfig's type for a value. A string is lent, not copied: see lent_back. */
static int
type_of(const json_t *value)
{
	/* cppcheck-suppress nullPointerRedundantCheck ; json_typeof takes no NULL */
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return CONFIG_TYPE_GROUP;
	case JSON_ARRAY:
		return CONFIG_TYPE_LIST;
	case JSON_STRING:
		return CONFIG_TYPE_STRING;
	case JSON_INTEGER:
		return json_integer_value(value) >= INT_MIN && json_integer_value(value) <= INT_MAX
			       ? CONFIG_TYPE_INT
			       : CONFIG_TYPE_INT64;
	case JSON_REAL:
		return CONFIG_TYPE_FLOAT;
	case JSON_TRUE:
	case JSON_FALSE:
		return CONFIG_TYPE_BOOL;
	default:
		return CONFIG_TYPE_NONE;
	}
}

/* A name that libconfig takes: no object has a key with another one. */
static bool
name_is_possible(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char more[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	return name[0] && strchr(letters, name[0]) && name[strspn(name, more)] == '\0';
}

static int
unknown(struct conversion *v, const char *name)
{
	const char *known[MEMBERS_MAX];
	size_t n = v->table ? v->table->count : 0;
	char near[HINT_BYTES];

	n = n < MEMBERS_MAX ? n : MEMBERS_MAX;
	for (size_t i = 0; i < n; i++)
		known[i] = v->table->keys[i].name;
	return rpc_error_set(v->call, -EINVAL, NULL, "unknown key \"%.64s\"%s", name,
		hint(near, name, known, n));
}

static int
group_fill(struct conversion *v, config_setting_t *group, const json_t *object)
{
	void *at = json_object_iter((json_t *)(uintptr_t)object);

	if (json_object_size(object) > MEMBERS_MAX)
		return rpc_error_set(v->call, -EINVAL, NULL,
			"an object with %zu members: no object has as many",
			json_object_size(object));
	for (; at; at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
		const char *name = json_object_iter_key(at);
		const json_t *value = json_object_iter_value(at);
		config_setting_t *member;
		int rc;

		if (!name_is_possible(name))
			return unknown(v, name);
		member = config_setting_add(group, name, type_of(value));
		rc = member ? setting_fill(v, member, name, value) : -ENOMEM;
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
list_fill(struct conversion *v, config_setting_t *list, const char *name, const json_t *array)
{
	const json_t *value;
	size_t i;

	json_array_foreach (array, i, value) {
		config_setting_t *element;
		int rc;

		if (json_is_null(value))
			return rpc_error_set(
				v->call, -EINVAL, name, "%s: null is no element of a list", name);
		element = config_setting_add(list, NULL, type_of(value));
		rc = element ? setting_fill(v, element, name, value) : -ENOMEM;
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
setting_fill(struct conversion *v, config_setting_t *setting, const char *name, const json_t *value)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return group_fill(v, setting, value);
	case CONFIG_TYPE_LIST:
		return list_fill(v, setting, name, value);
	case CONFIG_TYPE_STRING:
		setting->value.sval = (char *)(uintptr_t)json_string_value(value);
		break;
	case CONFIG_TYPE_INT:
		config_setting_set_int(setting, (int)json_integer_value(value));
		break;
	case CONFIG_TYPE_INT64:
		config_setting_set_int64(setting, json_integer_value(value));
		break;
	case CONFIG_TYPE_FLOAT:
		config_setting_set_float(setting, json_real_value(value));
		break;
	case CONFIG_TYPE_BOOL:
		config_setting_set_bool(setting, json_is_true(value));
		break;
	default:
		break;
	}
	return 0;
}

/* Strings belong to the JSON value, which wipes them when it goes: libconfig must not free them.
 * Its copies of names are wiped here, since one may be a key by mistake. */
static void
lent_back(config_setting_t *setting)
{
	if (setting->name)
		explicit_bzero(setting->name, strlen(setting->name));
	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		setting->value.sval = NULL;
	if (!config_setting_is_aggregate(setting))
		return;
	for (int i = 0; i < config_setting_length(setting); i++)
		lent_back(config_setting_get_elem(setting, (unsigned int)i));
}

int
rpc_group_make(struct rpc_call *call, const json_t *object, const struct key_table *table,
	struct config_t *tree)
{
	struct conversion v = {call, table};
	int rc;

	config_init(tree);
	rc = object ? group_fill(&v, config_root_setting(tree), object) : 0;
	if (rc == 0)
		return 0;
	rpc_group_free(tree);
	return call->error.code ? rc : rpc_error_set(call, rc, NULL, "no memory for the message");
}

void
rpc_group_free(struct config_t *tree)
{
	lent_back(config_root_setting(tree));
	config_destroy(tree);
}

/* Messages quote what they are about: a key in the wrong place, perhaps. */
static void
report_wipe(struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		struct report_entry *entry = &report->entries[i];

		explicit_bzero(entry->text, strlen(entry->text));
		if (entry->field)
			explicit_bzero(entry->field, strlen(entry->field));
	}
	report_clear(report);
}

static int
params_fill(const struct rpc_method *m, struct rpc_call *call, void *params)
{
	static const struct key_table none = {"params", NULL, NULL, 0};
	const struct key_table *table = m->params ? m->params : &none;
	struct report report = {0};
	struct config_t tree;
	int rc = rpc_group_make(call, call->params, table, &tree);

	if (rc != 0)
		return rc;
	rc = config_params_read(
		table, config_root_setting(&tree), call->server->options.scope, params, &report);
	if (rc != 0)
		rpc_error_report(call, rc, &report);
	report_wipe(&report);
	rpc_group_free(&tree);
	return rc;
}

int
rpc_params_read(const struct rpc_method *m, struct rpc_call *call, void **params)
{
	int rc;

	*params = NULL;
	if (m->params && m->params_bytes == 0)
		return 0;
	*params = secret_zalloc(m->params_bytes);
	if (!*params)
		return rpc_error_set(call, -ENOMEM, NULL, "no memory for the parameters");
	if (m->defaults)
		m->defaults(*params);
	rc = params_fill(m, call, *params);
	if (rc == 0)
		return 0;
	rpc_params_free(m, *params);
	*params = NULL;
	return rc;
}

void
rpc_params_free(const struct rpc_method *m, void *params)
{
	if (params && m->params_free)
		m->params_free(params);
	secret_free(params);
}
