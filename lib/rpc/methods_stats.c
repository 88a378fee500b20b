/* SPDX-License-Identifier: BSD-3-Clause */

/* stats.*: what was counted since the last reset. */

#include <errno.h>

#include <rte_byteorder.h>

#include "drop.h"
#include "gateway_stats.h"
#include "methods_objects.h"

enum what { WHAT_ALL, WHAT_PORTS, WHAT_WORKERS, WHAT_TUNNELS, WHAT_SAS, WHAT_DROPS };

static const char *const what_words[] = {
	"all", "ports", "workers", "tunnels", "sas", "drops", NULL};

struct stats_params {
	struct page page;
	uint32_t what;
};

static const struct key stats_keys[] = {
	PAGE_KEYS(stats_params, page.),
	{"what", &key_word, KEY_FIELD(stats_params, what), .words = what_words,
		.help = "whose counters; all: with sums of those of tunnels and SAs"},
};
static const struct key_table stats_table = {"params", NULL, stats_keys, KEY_COUNT(stats_keys)};

static void
add_number(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *
port_json(const struct gateway *g, uint32_t index)
{
	struct port_losses losses;
	struct counter rx, tx;

	gateway_stats_port(g, index, &rx, &tx, &losses);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name",
		gateway_port_at(g, index)->name, "rx_packets", (json_int_t)rx.packets, "rx_bytes",
		(json_int_t)rx.bytes, "tx_packets", (json_int_t)tx.packets, "tx_bytes",
		(json_int_t)tx.bytes, "missed", (json_int_t)losses.missed, "no_buffer",
		(json_int_t)losses.no_buffer, "errors", (json_int_t)losses.errors);
}

static json_t *
worker_json(const struct gateway *g, uint16_t index)
{
	struct gateway_worker w;
	json_t *json;

	gateway_worker(g, index, true, &w);
	json = json_worker_counters(&w.stats);
	add_number(json, "worker", index);
	return json;
}

static json_t *
pair_json(const struct counter *out, const struct counter *in)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "out_packets", (json_int_t)out->packets,
		"out_bytes", (json_int_t)out->bytes, "in_packets", (json_int_t)in->packets,
		"in_bytes", (json_int_t)in->bytes);
}

static json_t *
tunnel_json(const struct gateway *g, const struct tunnel *t)
{
	struct counter out, in;
	json_t *json;

	gateway_stats_tunnel(g, t, &out, &in);
	json = pair_json(&out, &in);
	json_object_set_new(json, "name", json_string(t->config.name));
	return json;
}

static json_t *
sa_json(const struct gateway *g, const struct gateway_sa *s)
{
	struct gateway_sa_stats stats = gateway_stats_sa(s);
	const struct tunnel *t = gateway_tunnel_at(g, s->tunnel);

	return json_pack("{s:I, s:s, s:s*, s:I, s:I, s:I, s:I}", "spi", (json_int_t)s->spi,
		"direction", s->direction == SA_OUT ? "out" : "in", "tunnel",
		t ? t->config.name : NULL, "packets", (json_int_t)stats.traffic.packets, "bytes",
		(json_int_t)stats.traffic.bytes, "errors_icv", (json_int_t)stats.errors_icv,
		"errors_replay", (json_int_t)stats.errors_replay);
}

/* --- pages */

static int
ports_answer(struct rpc_call *call, const struct page *page)
{
	const struct config_scope *scope = gateway_scope(call->context);
	uint32_t n = scope->port_count(scope->arg);
	json_t *items = json_array();
	uint64_t at = page->after;

	for (; at < n && json_array_size(items) < page->limit; at++)
		json_array_append_new(items, port_json(call->context, (uint32_t)at));
	return page_answer(call, "ports", items, at < n ? at : 0);
}

static int
workers_answer(struct rpc_call *call, const struct page *page)
{
	uint16_t n = gateway_worker_count(call->context);
	json_t *items = json_array();
	uint64_t at = page->after;

	for (; at < n && json_array_size(items) < page->limit; at++)
		json_array_append_new(items, worker_json(call->context, (uint16_t)at));
	return page_answer(call, "workers", items, at < n ? at : 0);
}

static int
tunnels_answer(struct rpc_call *call, const struct page *page)
{
	uint32_t capacity = gateway_tunnel_capacity(call->context);
	json_t *items = json_array();
	uint64_t at = page->after;

	for (; at < capacity; at++) {
		const struct tunnel *t = gateway_tunnel_at(call->context, (uint32_t)at);

		if (t && json_array_size(items) == page->limit)
			break;
		if (t)
			json_array_append_new(items, tunnel_json(call->context, t));
	}
	return page_answer(call, "tunnels", items, at < capacity ? at : 0);
}

static int
sas_answer(struct rpc_call *call, const struct page *page)
{
	uint32_t places = gateway_sa_places(call->context);
	json_t *items = json_array();
	uint64_t at = page->after;

	for (; at < places; at++) {
		const struct gateway_sa *s = gateway_sa_at(call->context, (uint32_t)at);

		if (s && json_array_size(items) == page->limit)
			break;
		if (s)
			json_array_append_new(items, sa_json(call->context, s));
	}
	return page_answer(call, "sas", items, at < places ? at : 0);
}

/* --- all */

static json_t *
drops_json(const struct gateway *g)
{
	json_t *drops = json_array();

	for (int r = 0; r < DROP_REASON_COUNT; r++) {
		uint64_t n = gateway_stats_drops(g, (enum drop_reason)r);

		if (n)
			json_array_append_new(drops,
				json_pack("{s:s, s:I, s:s}", "reason",
					drop_name((enum drop_reason)r), "packets", (json_int_t)n,
					"text", drop_text((enum drop_reason)r)));
	}
	return drops;
}

static void
counter_sum(struct counter *sum, const struct counter *c)
{
	sum->packets += c->packets;
	sum->bytes += c->bytes;
}

static json_t *
tunnels_sum(const struct gateway *g)
{
	struct counter out_sum = {0}, in_sum = {0}, out, in;
	uint64_t count = 0, up = 0;
	json_t *json;

	for (uint32_t i = 0; i < gateway_tunnel_capacity(g); i++) {
		const struct tunnel *t = gateway_tunnel_at(g, i);

		if (!t)
			continue;
		gateway_stats_tunnel(g, t, &out, &in);
		counter_sum(&out_sum, &out);
		counter_sum(&in_sum, &in);
		count++;
		up += t->up;
	}
	json = pair_json(&out_sum, &in_sum);
	add_number(json, "count", count);
	add_number(json, "up", up);
	return json;
}

static json_t *
sas_sum(const struct gateway *g)
{
	uint64_t count = 0, errors_icv = 0, errors_replay = 0;
	struct counter sums[2] = {{0}, {0}}; /* by direction */
	json_t *json;

	for (uint32_t i = 0; i < gateway_sa_places(g); i++) {
		const struct gateway_sa *s = gateway_sa_at(g, i);
		struct gateway_sa_stats stats;

		if (!s)
			continue;
		stats = gateway_stats_sa(s);
		counter_sum(&sums[s->direction == SA_IN], &stats.traffic);
		errors_icv += stats.errors_icv;
		errors_replay += stats.errors_replay;
		count++;
	}
	json = pair_json(&sums[0], &sums[1]);
	add_number(json, "errors_icv", errors_icv);
	add_number(json, "errors_replay", errors_replay);
	add_number(json, "count", count);
	return json;
}

static int
all_answer(struct rpc_call *call)
{
	const struct config_scope *scope = gateway_scope(call->context);
	const struct gateway *g = call->context;
	json_t *ports = json_array(), *workers = json_array();

	for (uint32_t i = 0; i < scope->port_count(scope->arg); i++)
		json_array_append_new(ports, port_json(g, i));
	for (uint16_t i = 0; i < gateway_worker_count(g); i++)
		json_array_append_new(workers, worker_json(g, i));
	call->result = json_pack("{s:o, s:o, s:o, s:o, s:o}", "ports", ports, "workers", workers,
		"tunnels", tunnels_sum(g), "sas", sas_sum(g), "drops", drops_json(g));
	return call->result ? 0 : rpc_error_set(call, -ENOMEM, NULL, "no memory for the answer");
}

static int
get_call(struct rpc_call *call, const void *params)
{
	const struct stats_params *p = params;
	int rc = 0;

	switch ((enum what)p->what) {
	case WHAT_PORTS:
		rc = ports_answer(call, &p->page);
		break;
	case WHAT_WORKERS:
		rc = workers_answer(call, &p->page);
		break;
	case WHAT_TUNNELS:
		rc = tunnels_answer(call, &p->page);
		break;
	case WHAT_SAS:
		rc = sas_answer(call, &p->page);
		break;
	case WHAT_DROPS:
		call->result = json_pack("{s:o}", "drops", drops_json(call->context));
		break;
	default:
		rc = all_answer(call);
	}
	if (rc == 0)
		json_object_set_new(call->result, "seconds",
			json_real((double)gateway_stats_age_ms(call->context) / 1000));
	return rc;
}

static int
reset_call(struct rpc_call *call, const void *params)
{
	(void)params;
	gateway_stats_reset(call->context);
	return 0;
}

const struct rpc_method methods_stats[] = {
	{"stats.get", "what was counted since the start, or since stats.reset",
		.params = &stats_table, .params_bytes = sizeof(struct stats_params),
		.defaults = page_defaults, .call = get_call},
	{"stats.reset", "count from 0 again; what other methods tell goes on", .writes = true,
		.alone = true, .call = reset_call},
	{0},
};
