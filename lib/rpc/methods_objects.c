/* SPDX-License-Identifier: BSD-3-Clause */
#include "methods_objects.h"

#include <errno.h>
#include <string.h>

/* Reports quote what they are about: a key in the wrong place, perhaps. */
static int
fail_report(struct rpc_call *call, int rc, struct report *report)
{
	if (rc != 0)
		rpc_error_report(call, rc, report);
	for (size_t i = 0; i < report->count; i++) {
		struct report_entry *e = &report->entries[i];

		explicit_bzero(e->text, strlen(e->text));
		if (e->field)
			explicit_bzero(e->field, strlen(e->field));
	}
	report_clear(report);
	return rc;
}

int
object_of_call(struct rpc_call *call, enum config_kind kind, void *object)
{
	struct report report = {0};
	config_t tree;
	int rc = rpc_group_make(call, call->params, config_kind_table(kind), &tree);

	if (rc != 0)
		return rc;
	rc = config_object_read(
		kind, config_root_setting(&tree), gateway_scope(call->context), object, &report);
	rc = fail_report(call, rc, &report);
	rpc_group_free(&tree);
	return rc;
}

int
object_changed_by_call(
	struct rpc_call *call, enum config_kind kind, const void *object, void *result)
{
	struct report report = {0};
	config_t tree;
	int rc = rpc_group_make(call, call->params, config_kind_update_table(kind), &tree);

	if (rc != 0)
		return rc;
	rc = config_object_update(kind, object, config_root_setting(&tree),
		gateway_scope(call->context), result, &report);
	rc = fail_report(call, rc, &report);
	rpc_group_free(&tree);
	return rc;
}

int
name_of_call(struct rpc_call *call, const struct key_table *table, void *name)
{
	struct report report = {0};
	json_t *subset = json_object();
	config_t tree;
	int rc;

	for (size_t i = 0; i < table->count; i++)
		json_object_set(subset, table->keys[i].name,
			json_object_get(call->params, table->keys[i].name));
	rc = rpc_group_make(call, subset, table, &tree);
	if (rc == 0) {
		rc = config_params_read(table, config_root_setting(&tree),
			gateway_scope(call->context), name, &report);
		rc = fail_report(call, rc, &report);
		rpc_group_free(&tree);
	}
	json_decref(subset);
	return rc;
}

json_t *
object_json(const struct rpc_call *call, enum config_kind kind, const void *object)
{
	json_t *json = NULL;
	config_t tree;

	config_init(&tree);
	if (config_object_write(
		    kind, object, gateway_scope(call->context), 0, config_root_setting(&tree)) == 0)
		json = rpc_json_of_setting(config_root_setting(&tree));
	config_destroy(&tree);
	return json;
}

int
object_fail(struct rpc_call *call, enum config_kind kind, int rc, const struct error *err)
{
	const char *colon = strstr(err->text, ": ");
	char field[32];

	if (colon && (size_t)(colon - err->text) < sizeof(field)) {
		memcpy(field, err->text, (size_t)(colon - err->text));
		field[colon - err->text] = '\0';
		if (key_find(config_kind_table(kind), field))
			return rpc_error_set(call, rc, field, "%s", err->text);
	}
	return rpc_error_set(call, rc, NULL, "%s", err->text);
}

static const struct key page_keys[] = {PAGE_KEYS(page, )};
const struct key_table page_table = {"params", NULL, page_keys, KEY_COUNT(page_keys)};

void
page_defaults(void *page)
{
	((struct page *)page)->limit = RPC_PAGE_DEFAULT;
}

int
page_answer(struct rpc_call *call, const char *noun, json_t *items, uint64_t next)
{
	call->result = json_pack("{s:o*, s:o}", noun, items, "next",
		next ? json_integer((json_int_t)next) : json_null());
	return call->result ? 0 : rpc_error_set(call, -ENOMEM, NULL, "no memory for the answer");
}

json_t *
json_ip(const struct ip_addr *addr)
{
	char text[IP_ADDR_STRLEN];

	return json_string(ip_addr_format(addr, text));
}
