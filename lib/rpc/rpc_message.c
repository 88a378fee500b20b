/* SPDX-License-Identifier: BSD-3-Clause */

/* Lines to messages and messages to calls: JSON-RPC 2.0. */

#include <string.h>

#include "rpc_internal.h"

/*
 * How deep a message is and how many values it has, roughly (what stands within strings is not
 * counted), before anything is built of it: jansson itself goes 2,048 deep, and a MiB of "[],"
 * would be 350,000 arrays.
 */
struct shape {
	size_t depth, deepest, values;
};

static struct shape
shape_of(const char *line, size_t n)
{
	struct shape s = {0};
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		switch (line[i]) {
		case '\\':
			i += quoted;
			break;
		case '"':
			quoted = !quoted;
			break;
		case '[':
		case '{':
			s.depth += !quoted;
			s.values += !quoted;
			s.deepest = s.depth > s.deepest ? s.depth : s.deepest;
			break;
		case ']':
		case '}':
			s.depth -= !quoted && s.depth > 0;
			break;
		case ',':
			s.values += !quoted;
			break;
		default:
			break;
		}
	}
	return s;
}

/* jansson's own text quotes the message, in which there may be a key. */
static const char *
parse_text(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_invalid_utf8:
		return "no UTF-8";
	case json_error_premature_end_of_input:
		return "the message ends too early: a bracket or quote is missing";
	case json_error_end_of_input_expected:
		return "something follows the message: one message a line";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a NUL character, which no string here may hold";
	case json_error_duplicate_key:
		return "a member that its object has already";
	case json_error_numeric_overflow:
		return "a number beyond 64 bits";
	case json_error_out_of_memory:
		return "no memory for the message";
	default:
		return "no JSON";
	}
}

json_t *
rpc_message_parse(const char *line, size_t n, struct rpc_error *error)
{
	struct shape shape = shape_of(line, n);
	json_error_t where;
	json_t *message;

	if (shape.deepest > RPC_DEPTH_MAX) {
		rpc_error_format(error, RPC_INVALID_REQUEST,
			"the message is nested deeper than %d levels", RPC_DEPTH_MAX);
		return NULL;
	}
	if (shape.values > RPC_VALUES_MAX) {
		rpc_error_format(error, RPC_INVALID_REQUEST, "the message has more than %d values",
			RPC_VALUES_MAX);
		return NULL;
	}
	message = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
	if (!message)
		rpc_error_format(error, RPC_PARSE_ERROR, "%s, at character %d", parse_text(&where),
			where.column);
	explicit_bzero(&where, sizeof(where));
	return message;
}

void
rpc_message_error(struct rpc_text *out, const json_t *id, struct rpc_error *error)
{
	json_t *e = json_pack("{s:i, s:s}", "code", error->code, "message", error->message);

	if (error->data)
		json_object_set(e, "data", error->data);
	rpc_text_string(out, "{\"jsonrpc\":\"2.0\",\"error\":");
	rpc_text_json(out, e);
	rpc_text_string(out, ",\"id\":");
	if (id)
		rpc_text_json(out, id);
	else
		rpc_text_string(out, "null");
	rpc_text_string(out, "}");
	json_decref(e);
	rpc_error_clear(error);
}

/* What a request must be before its method is looked for. */
static bool
request_check(const json_t *request, struct rpc_error *error)
{
	static const char *const members[] = {"jsonrpc", "id", "method", "params", NULL};
	const json_t *id = json_object_get(request, "id");
	const json_t *params = json_object_get(request, "params");
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));
	const char *wrong = NULL;

	if (!json_is_object(request))
		wrong = "a call is an object {\"jsonrpc\": \"2.0\", \"id\": …, \"method\": …, "
			"\"params\": {…}}";
	else if (!rpc_members_known(request, members, "a call", error))
		return false;
	else if (!version || strcmp(version, "2.0") != 0)
		wrong = "the member \"jsonrpc\" must be \"2.0\"";
	else if (id && !json_is_string(id) && !json_is_integer(id) && !json_is_null(id))
		wrong = "the member \"id\" must be a string, a whole number or null";
	else if (!json_is_string(json_object_get(request, "method")))
		wrong = "the member \"method\" must be there, and a string; rpc.methods lists them";
	else if (json_is_array(params))
		rpc_error_format(error, RPC_INVALID_PARAMS,
			"params is an array: name the parameters, {\"name\": value, …}");
	else if (params && !json_is_object(params))
		wrong = "the member \"params\" must be an object {\"name\": value, …}";
	if (wrong)
		rpc_error_format(error, RPC_INVALID_REQUEST, "%s", wrong);
	return error->code == 0;
}

/* An id that can be sent back, else NULL. */
static const json_t *
id_of(const json_t *request)
{
	const json_t *id = json_object_get(request, "id");

	return json_is_string(id) || json_is_integer(id) ? id : NULL;
}

void
rpc_message_answer(struct rpc_client *c, json_t *request, struct rpc_text *out)
{
	size_t before = out->length;
	struct rpc_error error = {0};
	bool good = request_check(request, &error);
	bool silent = good && !json_object_get(request, "id");

	if (good) {
		rpc_text_string(out, "{\"jsonrpc\":\"2.0\",\"result\":");
		good = rpc_dispatch(c, json_string_value(json_object_get(request, "method")),
			json_object_get(request, "params"), out, &error);
		if (good) {
			rpc_text_string(out, ",\"id\":");
			if (id_of(request))
				rpc_text_json(out, id_of(request));
			else
				rpc_text_string(out, "null");
			rpc_text_string(out, "}");
		}
	}
	if (!good || silent)
		rpc_text_cut(out, before);
	if (!good && !silent)
		rpc_message_error(out, id_of(request), &error);
	rpc_error_clear(&error);
}
