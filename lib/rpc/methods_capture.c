/* SPDX-License-Identifier: BSD-3-Clause */

/* capture.*: doc/looking-inside.md */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "methods_look.h"

struct capture_start {
	struct look_params look;
	enum capture_side side;
	char path[PATH_MAX];
	uint32_t snap;
	uint64_t packets, bytes;
};

static const char *const side_words[] = {"raw", "wild", "drops", NULL};

static const struct key start_keys[] = {
	{"side", &key_word, true, KEY_FIELD(capture_start, side), .words = side_words,
		.help = "frames of the protected ports, of the unprotected ones, or what dies"},
	{"path", &key_text, true, KEY_FIELD(capture_start, path),
		.help = "a new file of the machine that the gateway runs on"},
	LOOK_KEYS(capture_start, look.),
	{"snap", &key_number, KEY_FIELD(capture_start, snap), .min = 1, .max = CAPTURE_SNAP_MAX,
		.help = "how many bytes of a packet"},
	{"packets", &key_number, KEY_FIELD(capture_start, packets), .min = 1, .max = INT64_MAX,
		.help = "when it ends"},
	{"bytes", &key_number, KEY_FIELD(capture_start, bytes), .min = 1, .max = INT64_MAX,
		.help = "of the file, when it ends"},
};
static const struct key_table start_table = {"params", NULL, start_keys, KEY_COUNT(start_keys)};

static void
start_defaults(void *params)
{
	struct capture_start *p = params;

	look_defaults(&p->look);
	p->snap = CAPTURE_SNAP_MAX;
}

static int
start_call(struct rpc_call *call, const void *params)
{
	const struct capture_start *p = params;
	const struct gateway_capture_params capture = {.side = p->side,
		.filter = look_filter_of(call, &p->look),
		.snap = p->snap,
		.packets = p->packets,
		.bytes = p->bytes,
		.seconds = p->look.seconds,
		.path = p->path};
	struct error err;
	uint32_t id;
	int rc;

	if (p->path[0] != '/')
		return rpc_error_set(call, -EINVAL, "path",
			"path: \"%.200s\" does not begin with a \"/\": the gateway's working "
			"directory is not yours",
			p->path);
	rc = gateway_capture_start(call->context, &capture, &id, &err);
	if (rc != 0)
		return look_fail(call, &start_table, rc, &err);
	call->result = json_pack("{s:I}", "id", (json_int_t)id);
	return 0;
}

static json_t *
capture_json(const struct gateway_capture_state *s)
{
	json_t *json = json_pack("{s:I, s:s, s:s, s:b, s:I, s:I, s:I}", "id", (json_int_t)s->id,
		"side", capture_side_names[s->params->side], "path", s->params->path, "running",
		s->running, "packets", (json_int_t)s->stats.packets, "bytes",
		(json_int_t)s->stats.bytes, "lost", (json_int_t)s->stats.lost);

	if (s->stats.error)
		json_object_set_new(json, "error", json_string(strerror(s->stats.error)));
	return json;
}

/* Where in the list it is. */
static bool
capture_find(const struct gateway *g, uint32_t id, struct gateway_capture_state *state)
{
	for (uint32_t i = 0; gateway_capture_get(g, i, state); i++)
		if (state->id == id)
			return true;
	return false;
}

struct capture_name {
	uint32_t id;
};

static const struct key stop_keys[] = {
	{"id", &key_number, true, KEY_FIELD(capture_name, id), .min = 1, .max = UINT32_MAX,
		.help = "of the capture, as capture.start said it"},
};
static const struct key_table stop_table = {"params", NULL, stop_keys, KEY_COUNT(stop_keys)};

static int
stop_call(struct rpc_call *call, const void *params)
{
	const uint32_t id = ((const struct capture_name *)params)->id;
	struct gateway_capture_state state;
	struct error err;
	int rc = gateway_capture_stop(call->context, id, &err);

	if (rc != 0)
		return rpc_error_set(call, rc, "id", "%s", err.text);
	if (capture_find(call->context, id, &state))
		call->result = capture_json(&state);
	return 0;
}

static int
list_call(struct rpc_call *call, const void *params)
{
	const struct page *page = params;
	struct gateway_capture_state state;
	json_t *items = json_array();
	uint64_t at = page->after;

	for (; json_array_size(items) < page->limit &&
		gateway_capture_get(call->context, (uint32_t)at, &state);
		at++)
		json_array_append_new(items, capture_json(&state));
	return page_answer(call, "captures", items,
		gateway_capture_get(call->context, (uint32_t)at, &state) ? at : 0);
}

const struct rpc_method methods_capture[] = {
	{"capture.start", "writes packets to a pcapng file", .writes = true, .alone = true,
		.params = &start_table, .params_bytes = sizeof(struct capture_start),
		.defaults = start_defaults, .call = start_call},
	{"capture.stop", "ends a capture; its file is complete then", .writes = true, .alone = true,
		.params = &stop_table, .params_bytes = sizeof(struct capture_name),
		.call = stop_call},
	{"capture.list", "the captures that run, and the last ones that ended",
		.params = &page_table, .params_bytes = sizeof(struct page),
		.defaults = page_defaults, .call = list_call},
	{0},
};
