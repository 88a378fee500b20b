/* SPDX-License-Identifier: BSD-3-Clause */

/* `batch`: a list of calls in one change. */

#include <errno.h>
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

/* A batch: its calls, and what they say. */
struct batch {
	struct rpc_client *client;
	const json_t *calls;
	bool writes; /* one of the calls does */
	bool joins;  /* all that write do */
	struct rpc_text *result;
	size_t before; /* the length of the result without it */
	struct rpc_error *error;
};

/* All calls are looked at before the first is made. */
static bool
calls_check(struct batch *b)
{
	struct batch_call call;
	const json_t *json;
	size_t i;

	b->joins = true;
	json_array_foreach (b->calls, i, json) {
		if (!call_check(b->client, json, &call, b->error))
			return call_failed(b->error, i);
		b->writes |= call.method->writes;
		b->joins &= call.method->joins || !call.method->writes;
	}
	return true;
}

static int
calls_make(void *arg)
{
	struct batch *b = arg;
	struct batch_call call;
	const json_t *json;
	size_t i;

	json_array_foreach (b->calls, i, json) {
		fibre_rest();
		rpc_text_string(b->result, i ? "," : "{\"results\":[");
		if (!call_check(b->client, json, &call, b->error) ||
			!rpc_method_call(
				b->client, call.method, call.params, false, b->result, b->error)) {
			call_failed(b->error, i);
			return -EINVAL;
		}
		if (b->result->length - b->before > RPC_BATCH_BYTES_MAX) {
			rpc_error_format(b->error, RPC_NO_ROOM,
				"the results of the batch are larger than %d MiB: ask for less in "
				"one",
				RPC_BATCH_BYTES_MAX >> 20);
			call_failed(b->error, i);
			return -ENOSPC;
		}
	}
	rpc_text_string(b->result, "]}");
	return 0;
}

static void
calls_unmake(void *arg)
{
	const struct batch *b = arg;

	rpc_text_cut(b->result, b->before);
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
	struct batch b = {.client = c, .result = result, .before = result->length, .error = error};
	struct rpc_change change = {.make = calls_make, .unmake = calls_unmake, .arg = &b};
	struct error err = {""};
	int rc;

	if (!calls_take(params, &b.calls, error) || !calls_check(&b))
		return false;
	change.reads = !b.writes;
	change.joins = b.joins && b.writes;
	rc = rpc_change(c->server, &change, &err);
	if (rc == 0)
		return true;
	rpc_text_cut(result, b.before);
	if (error->code == 0)
		rpc_error_errno(error, rc, err.text);
	return false;
}
