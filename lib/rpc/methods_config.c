/* SPDX-License-Identifier: BSD-3-Clause */

/* config.* */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "config.h"
#include "gateway_config.h"
#include "methods_objects.h"

struct config_path {
	char path[PATH_MAX];
};

static const struct key path_keys[] = {
	{"path", &key_text, true, KEY_FIELD(config_path, path),
		.help = "a file of the machine that the gateway runs on"},
};
static const struct key_table path_table = {"params", NULL, path_keys, KEY_COUNT(path_keys)};

/* What is wrong in a file is said with its place there. */
static int
fail(struct rpc_call *call, int rc, struct report *report)
{
	struct report located = {0};

	for (size_t i = 0; i < report->count; i++) {
		const struct report_entry *e = &report->entries[i];

		if (e->file && e->line)
			report_add(&located, NULL, 0, e->object, "%s (%s:%d)", e->text, e->file,
				e->line);
		else
			report_add(&located, NULL, 0, e->object, "%s%s%s", e->file ? e->file : "",
				e->file ? ": " : "", e->text);
	}
	rpc_error_report(call, rc, &located);
	report_clear(&located);
	report_clear(report);
	return rc;
}

/* NULL with the call's error set. */
static struct config *
config_of_call(struct rpc_call *call, const void *params)
{
	const struct config_path *p = params;
	struct report report = {0};
	struct config *config;

	if (p->path[0] != '/') {
		rpc_error_set(call, -EINVAL, "path",
			"path: \"%.200s\" does not begin with a \"/\": the gateway's working "
			"directory is not yours",
			p->path);
		return NULL;
	}
	config = config_load(p->path, &report);
	if (!config)
		fail(call, -EINVAL, &report);
	return config;
}

static int
check_call(struct rpc_call *call, const void *params)
{
	struct config *config = config_of_call(call, params);

	if (!config)
		return -EINVAL;
	call->result = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "ports", config->n_ports,
		"tunnels", config->n_tunnels, "sas", config->n_sas, "routes", config->n_routes,
		"neighbours", config->n_neighbours, "policies", config->n_policies);
	config_free(config);
	return 0;
}

/* --- what differs */

struct differences {
	struct rpc_call *call;
	struct config_scope *scope; /* of the configuration */
	json_t *list;
	uint32_t counts[3]; /* by enum config_action */
};

static json_t *
object_in_scope(enum config_kind kind, const void *object, const struct config_scope *scope)
{
	json_t *json = NULL;
	config_t tree;

	if (!object)
		return json_object();
	config_init(&tree);
	if (config_object_write(kind, object, scope, 0, config_root_setting(&tree)) == 0)
		json = rpc_json_of_setting(config_root_setting(&tree));
	config_destroy(&tree);
	return json ? json : json_object();
}

/* The keys whose values differ, each with both of them. A key at its default is not there. */
static json_t *
keys_that_differ(const json_t *old, const json_t *new)
{
	json_t *keys = json_object(), *all = json_copy((json_t *)(uintptr_t)old);
	const char *key;
	json_t *value;

	json_object_update_missing(all, (json_t *)(uintptr_t) new);
	json_object_foreach (all, key, value) {
		json_t *a = json_object_get(old, key), *b = json_object_get(new, key);

		if (!a || !b || !json_equal(a, b))
			json_object_set_new(
				keys, key, json_pack("{s:O?, s:O?}", "from", a, "to", b));
	}
	json_decref(all);
	return keys;
}

static int
difference_json(void *arg, const struct config_difference *d)
{
	static const char *const words[] = {
		[CONFIG_ADD] = "add", [CONFIG_CHANGE] = "change", [CONFIG_DELETE] = "delete"};
	struct differences *all = arg;
	json_t *old = object_in_scope(d->kind, d->old, gateway_scope(all->call->context));
	json_t *new = object_in_scope(d->kind, d->new, all->scope);
	json_t *item = json_pack("{s:s, s:s, s:O}", "action", words[d->action], "kind",
		config_kind_noun(d->kind), "object", d->new ? new : old);

	if (d->action == CONFIG_CHANGE)
		json_object_set_new(item, "keys", keys_that_differ(old, new));
	all->counts[d->action]++;
	json_array_append_new(all->list, item);
	json_decref(old);
	json_decref(new);
	return 0;
}

/* What only a restart can change, as a list of texts. */
static json_t *
restarts_json(const struct report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->count; i++)
		json_array_append_new(list,
			json_sprintf("%s%s%s",
				report->entries[i].object ? report->entries[i].object : "",
				report->entries[i].object ? ": " : "", report->entries[i].text));
	return list;
}

static int
diff_call(struct rpc_call *call, const void *params)
{
	struct differences d = {.call = call};
	struct config *config = config_of_call(call, params);
	struct report report = {0};

	if (!config)
		return -EINVAL;
	d.scope = config_scope_create(config);
	d.list = json_array();
	gateway_config_diff(call->context, config, difference_json, &d, &report);
	call->result =
		json_pack("{s:o, s:o}", "differences", d.list, "restart", restarts_json(&report));
	report_clear(&report);
	config_scope_free(d.scope);
	config_free(config);
	return 0;
}

static int
count_difference(void *arg, const struct config_difference *d)
{
	((uint32_t *)arg)[d->action]++;
	return 0;
}

static int
load_call(struct rpc_call *call, const void *params)
{
	struct config *config = config_of_call(call, params);
	struct report report = {0}, ignored = {0};
	uint32_t counts[3] = {0};
	int rc;

	if (!config)
		return -EINVAL;
	gateway_config_diff(call->context, config, count_difference, counts, &ignored);
	report_clear(&ignored);
	rc = gateway_config_load(call->context, config, &report);
	config_free(config);
	if (rc != 0)
		return fail(call, rc, &report);
	call->result = json_pack("{s:i, s:i, s:i}", "added", counts[CONFIG_ADD], "changed",
		counts[CONFIG_CHANGE], "deleted", counts[CONFIG_DELETE]);
	return 0;
}

static int
save_call(struct rpc_call *call, const void *params)
{
	const struct config_path *p = params;
	struct config *config;
	struct error err;
	int rc;

	if (p->path[0] != '/')
		return rpc_error_set(call, -EINVAL, "path",
			"path: \"%.200s\" does not begin with a \"/\"", p->path);
	config = gateway_config_live(call->context);
	rc = config_save(config, p->path, &err);
	config_free(config);
	return rc == 0 ? 0 : rpc_error_set(call, rc, "path", "%s", err.text);
}

const struct rpc_method methods_config[] = {
	{"config.check", "read a configuration file and say what is wrong with it", .writes = true,
		.params = &path_table, .params_bytes = sizeof(struct config_path),
		.call = check_call},
	{"config.diff", "what differs between the gateway and a configuration file", .writes = true,
		.params = &path_table, .params_bytes = sizeof(struct config_path),
		.call = diff_call},
	{"config.load", "become what a configuration file says; what did not change is left alone",
		.writes = true, .params = &path_table, .params_bytes = sizeof(struct config_path),
		.call = load_call},
	{"config.save", "write the gateway's configuration to a file, static keys included",
		.writes = true, .alone = true, .params = &path_table,
		.params_bytes = sizeof(struct config_path), .call = save_call},
	{0},
};
