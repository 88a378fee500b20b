/* SPDX-License-Identifier: BSD-3-Clause */

/* policy.* */

#include <errno.h>

#include "config_read.h"
#include "methods_objects.h"

struct policy_name {
	uint32_t id;
};

#define ID_KEY                                                                                     \
	{                                                                                          \
		"id", &key_number, true, KEY_FIELD(policy_name, id),                               \
			.min = 1, .max = UINT32_MAX,                                               \
			.help = "as policy.add and policy.list give it"                            \
	}

static const struct key name_keys[] = {ID_KEY};
static const struct key_table name_table = {"params", NULL, name_keys, KEY_COUNT(name_keys)};

static int
add_call(struct rpc_call *call, const void *params)
{
	struct config_policy c;
	struct error err;
	uint32_t id;
	int rc = object_of_call(call, CONFIG_KIND_POLICY, &c);

	(void)params;
	if (rc != 0)
		return rc;
	rc = gateway_policy_add(call->context, &c, &id, &err);
	config_object_free(CONFIG_KIND_POLICY, &c);
	if (rc != 0)
		return object_fail(call, CONFIG_KIND_POLICY, rc, &err);
	call->result = json_pack("{s:I}", "id", (json_int_t)id);
	return 0;
}

static const struct gateway_policy *
policy_find(struct rpc_call *call, uint32_t id, uint32_t *index)
{
	const struct policy_list *list = gateway_policies(call->context);

	for (*index = 0; *index < list->n; ++*index)
		if (list->policies[*index].id == id)
			return &list->policies[*index];
	rpc_error_set(call, -ENOENT, "id", "there is no policy %u", id);
	return NULL;
}

/* Its id is no key of the object. */
static int
update_call(struct rpc_call *call, const void *params)
{
	const struct gateway_policy *p;
	struct policy_name name;
	struct config_policy now, c;
	struct error err;
	uint32_t index;
	int rc = name_of_call(call, &name_table, &name);

	(void)params;
	if (rc != 0)
		return rc;
	p = policy_find(call, name.id, &index);
	if (!p)
		return -ENOENT;
	json_object_del(call->params, "id");
	now = gateway_policy_config(p);
	rc = object_changed_by_call(call, CONFIG_KIND_POLICY, &now, &c);
	if (rc != 0)
		return rc;
	rc = gateway_policy_update(call->context, name.id, &c, &err);
	config_object_free(CONFIG_KIND_POLICY, &c);
	return rc == 0 ? 0 : object_fail(call, CONFIG_KIND_POLICY, rc, &err);
}

static int
delete_call(struct rpc_call *call, const void *params)
{
	struct error err;
	int rc = gateway_policy_delete(
		call->context, ((const struct policy_name *)params)->id, &err);

	if (rc == -ENOENT)
		return rpc_error_set(call, rc, "id", "%s", err.text);
	return rc == 0 ? 0 : object_fail(call, CONFIG_KIND_POLICY, rc, &err);
}

static json_t *
policy_json(const struct rpc_call *call, const struct gateway_policy *p, uint32_t index)
{
	struct config_policy c = gateway_policy_config(p);
	json_t *json = object_json(call, CONFIG_KIND_POLICY, &c);
	struct counter hits = gateway_policy_hits(call->context, index);

	json_object_set_new(json, "id", json_integer(p->id));
	json_object_set_new(json, "status",
		json_pack("{s:I, s:I}", "packets", (json_int_t)hits.packets, "bytes",
			(json_int_t)hits.bytes));
	return json;
}

static int
get_call(struct rpc_call *call, const void *params)
{
	uint32_t index;
	const struct gateway_policy *p =
		policy_find(call, ((const struct policy_name *)params)->id, &index);

	if (!p)
		return -ENOENT;
	call->result = policy_json(call, p, index);
	return 0;
}

static int
list_call(struct rpc_call *call, const void *params)
{
	const struct policy_list *list = gateway_policies(call->context);
	const struct page *page = params;
	json_t *items = json_array();
	uint64_t at = page->after;

	for (; at < list->n && json_array_size(items) < page->limit; at++)
		json_array_append_new(items, policy_json(call, &list->policies[at], (uint32_t)at));
	return page_answer(call, "policies", items, at < list->n ? at : 0);
}

const struct rpc_method methods_policy[] = {
	{"policy.add", "add a policy; its answer is the policy's id", .writes = true, .joins = true,
		.params = &policies_table, .call = add_call},
	{"policy.update", "change what is given of the policy with this `id`", .writes = true,
		.joins = true, .names = &name_table, .params = &policies_table,
		.call = update_call},
	{"policy.delete", "delete a policy", .writes = true, .joins = true, .params = &name_table,
		.params_bytes = sizeof(struct policy_name), .call = delete_call},
	{"policy.get", "one policy, and how often it decided", .params = &name_table,
		.params_bytes = sizeof(struct policy_name), .call = get_call},
	{"policy.list", "the policies in the order in which they are given, page by page",
		.params = &page_table, .params_bytes = sizeof(struct page),
		.defaults = page_defaults, .call = list_call},
	{0},
};
