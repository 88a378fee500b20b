/* SPDX-License-Identifier: BSD-3-Clause */

/* worker.* */

#include <errno.h>

#include "gateway_stats.h"
#include "methods_objects.h"

struct worker_name {
	uint32_t worker;
};

static const struct key name_keys[] = {
	{"worker", &key_number, true, KEY_FIELD(worker_name, worker), .max = UINT16_MAX,
		.help = "its number, from 0"},
};
static const struct key_table name_table = {"params", NULL, name_keys, KEY_COUNT(name_keys)};

json_t *
json_worker_counters(const struct worker_stats *s)
{
	uint64_t drops = 0;

	for (int r = 0; r < DROP_REASON_COUNT; r++)
		drops += s->drops[r];
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "polls",
		(json_int_t)s->polls, "idle_polls", (json_int_t)s->idle_polls, "sleeps",
		(json_int_t)s->sleeps, "handed_over", (json_int_t)s->handed_over, "handed_in",
		(json_int_t)s->handed_in, "to_control", (json_int_t)s->to_control,
		"esp_out_packets", (json_int_t)s->esp_out.packets, "esp_out_bytes",
		(json_int_t)s->esp_out.bytes, "esp_in_packets", (json_int_t)s->esp_in.packets,
		"esp_in_bytes", (json_int_t)s->esp_in.bytes, "drops", (json_int_t)drops);
}

static json_t *
worker_json(const struct rpc_call *call, uint16_t index)
{
	struct gateway_worker w;
	json_t *status;

	gateway_worker(call->context, index, false, &w);
	status = json_worker_counters(&w.stats);
	json_object_set_new(status, "inbox", json_integer(w.inbox));
	json_object_set_new(status, "silent_ms", json_integer((json_int_t)w.silent_ms));
	return json_pack("{s:i, s:i, s:i, s:i, s:o}", "worker", index, "lcore", w.lcore, "node",
		w.node, "rx_queues", w.rx_queues, "status", status);
}

static int
get_call(struct rpc_call *call, const void *params)
{
	uint32_t worker = ((const struct worker_name *)params)->worker;
	uint16_t n = gateway_worker_count(call->context);

	if (worker >= n)
		return rpc_error_set(call, -ENOENT, "worker",
			"there is no worker %u; the last one is %u", worker, n - 1u);
	call->result = worker_json(call, (uint16_t)worker);
	return 0;
}

static int
list_call(struct rpc_call *call, const void *params)
{
	uint16_t n = gateway_worker_count(call->context);
	const struct page *page = params;
	json_t *items = json_array();
	uint64_t at = page->after;

	for (; at < n && json_array_size(items) < page->limit; at++)
		json_array_append_new(items, worker_json(call, (uint16_t)at));
	return page_answer(call, "workers", items, at < n ? at : 0);
}

const struct rpc_method methods_worker[] = {
	{"worker.get", "one worker, and what it has done since the start", .params = &name_table,
		.params_bytes = sizeof(struct worker_name), .call = get_call},
	{"worker.list", "the workers, page by page", .params = &page_table,
		.params_bytes = sizeof(struct page), .defaults = page_defaults, .call = list_call},
	{0},
};
