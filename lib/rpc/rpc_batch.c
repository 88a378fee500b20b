/* SPDX-License-Identifier: BSD-3-Clause */

/* `batch`: a list of calls in one change. */

#include <string.h>

#include "rpc_internal.h"

/* A call of the batch, checked. */
struct batch_call {
	const struct rpc_method *method;
	json_t *params;
};

/* Puts the number of the call into what is wrong with it. */
static bool
call_failed(struct rpc_error *error, size_t i)
{
	if (!error->data)
		error->data = json_object();
	json_object_set_new(error->data, "call", json_integer((json_int_t)i));
	return false;
}

static bool
call_check(
	struct rpc_client *c, const json_t *json, struct batch_call *call, struct rpc_error *error)
{
	static const char *const members[] = {"method", "params", NULL};
	const char *name = json_string_value(json_object_get(json, "method"));
	json_t *params = json_object_get(json, "params");

	if (!json_is_object(json) || !name || (params && !json_is_object(params))) {
		rpc_error_format(error, RPC_INVALID_PARAMS,
			"a call of a batch is {\"method\": \"…\", \"params\": {…}}");
		return false;
	}
	if (!rpc_members_known(json, members, "a call of a batch", error)) {
		error->code = RPC_INVALID_PARAMS;
		return false;
	}
	*call = (struct batch_call){rpc_method_find(c->server, name), params};
	if (!call->method)
		return rpc_method_unknown(c->server, name, error);
	if (call->method->alone) {
		rpc_error_format(error, RPC_INVALID_PARAMS, "%s cannot be part of a batch",
			call->method->name);
		return false;
	}
	return rpc_method_allowed(c, call->method, error);
}

/* All calls are looked at before the first is made. *writes: one of them does. */
static bool
calls_check(struct rpc_client *c, const json_t *calls, bool *writes, struct rpc_error *error)
{
	struct batch_call call;
	const json_t *json;
	size_t i;

	*writes = false;
	json_array_foreach (calls, i, json) {
		if (!call_check(c, json, &call, error))
			return call_failed(error, i);
		*writes |= call.method->writes;
	}
	return true;
}

static bool
calls_make(
	struct rpc_client *c, const json_t *calls, struct rpc_text *result, struct rpc_error *error)
{
	size_t before = result->length, i;
	struct batch_call call;
	const json_t *json;

	json_array_foreach (calls, i, json) {
		rpc_text_string(result, i ? "," : "{\"results\":[");
		if (!call_check(c, json, &call, error) ||
			!rpc_method_call(c, call.method, call.params, false, result, error))
			return call_failed(error, i);
		if (result->length - before > RPC_BATCH_BYTES_MAX) {
			rpc_error_format(error, RPC_NO_ROOM,
				"the results of the batch are larger than %d MiB: ask for less in "
				"one",
				RPC_BATCH_BYTES_MAX >> 20);
			return call_failed(error, i);
		}
	}
	rpc_text_string(result, "]}");
	return true;
}

static bool
calls_take(const json_t *params, const json_t **calls, struct rpc_error *error)
{
	static const char *const members[] = {"calls", NULL};

	*calls = json_object_get(params, "calls");
	if (params && !rpc_members_known(params, members, "params", error)) {
		error->code = RPC_INVALID_PARAMS;
		return false;
	}
	if (json_array_size(*calls) > 0 && json_array_size(*calls) <= RPC_CALLS_MAX)
		return true;
	rpc_error_format(error, RPC_INVALID_PARAMS,
		"calls must be a list of 1 to %d calls {\"method\": \"…\", \"params\": {…}}",
		RPC_CALLS_MAX);
	error->data = json_pack("{s:s}", "field", "calls");
	return false;
}

bool
rpc_batch(struct rpc_client *c, const json_t *params, struct rpc_text *result,
	struct rpc_error *error)
{
	const struct rpc_options *o = &c->server->options;
	size_t before = result->length;
	struct error err = {""};
	const json_t *calls;
	bool writes;
	int rc = 0;

	if (!calls_take(params, &calls, error) || !calls_check(c, calls, &writes, error))
		return false;
	if (writes && o->begin)
		rc = o->begin(o->context, &err);
	if (rc == 0 && !calls_make(c, calls, result, error)) {
		if (writes && o->abandon)
			o->abandon(o->context);
		rpc_text_cut(result, before);
		return false;
	}
	if (rc == 0 && writes && o->commit)
		rc = o->commit(o->context, &err);
	if (rc == 0)
		return true;
	rpc_text_cut(result, before);
	rpc_error_errno(error, rc, err.text);
	return false;
}
