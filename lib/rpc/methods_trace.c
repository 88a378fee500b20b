/* SPDX-License-Identifier: BSD-3-Clause */

/* trace.*: doc/looking-inside.md */

#include <errno.h>
#include <time.h>

#include "methods_look.h"

enum { TRACE_PACKETS_DEFAULT = 10, TRACE_PAGE_DEFAULT = 20 };

struct trace_params {
	struct look_params look;
	uint32_t packets;
};

static const struct key start_keys[] = {
	LOOK_KEYS(trace_params, look.),
	{"packets", &key_number, KEY_FIELD(trace_params, packets), .min = 1,
		.max = TRACE_PACKETS_MAX, .help = "how many to keep; then it ends"},
};
static const struct key_table start_table = {"params", NULL, start_keys, KEY_COUNT(start_keys)};

static void
start_defaults(void *params)
{
	struct trace_params *p = params;

	look_defaults(&p->look);
	p->packets = TRACE_PACKETS_DEFAULT;
}

static int
start_call(struct rpc_call *call, const void *params)
{
	const struct trace_params *p = params;
	const struct gateway_trace_params trace = {.filter = look_filter_of(call, &p->look),
		.packets = p->packets,
		.seconds = p->look.seconds};
	struct error err;
	int rc = gateway_trace_start(call->context, &trace, &err);

	return rc == 0 ? 0 : look_fail(call, &start_table, rc, &err);
}

static int
stop_call(struct rpc_call *call, const void *params)
{
	(void)params;
	gateway_trace_stop(call->context);
	call->result = json_pack("{s:i}", "kept", (int)gateway_trace_state(call->context).kept);
	return 0;
}

/* --- what was kept, as JSON */

static void
set_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, json_string(text));
}

static void
set_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

static void
set_address(json_t *object, const char *key, uint8_t family, const uint8_t *bytes)
{
	struct ip_addr a = {.family = family};

	memcpy(a.bytes, bytes, family == 4 ? 4 : 16);
	json_object_set_new(object, key, json_ip(&a));
}

/* The packet as it was then. */
static json_t *
packet_json(const struct look_header *h)
{
	json_t *packet = json_pack("{s:I}", "bytes", (json_int_t)h->bytes);

	if (h->family == 0)
		return packet;
	set_address(packet, "source", h->family, h->src);
	set_address(packet, "destination", h->family, h->dst);
	set_number(packet, "protocol", h->proto);
	set_number(packet, "ttl", h->ttl);
	if (h->src_port || h->dst_port) {
		set_number(packet, "source_port", h->src_port);
		set_number(packet, "destination_port", h->dst_port);
	}
	return packet;
}

/* What the point itself says. */
static void
add_number(json_t *json, const struct trace_record *r)
{
	switch (r->point) {
	case TRACE_policy:
		set_number(json, "policy", r->number);
		break;
	case TRACE_handover:
		set_number(json, "to_worker", r->number);
		break;
	case TRACE_split:
		set_number(json, "pieces", r->number);
		break;
	case TRACE_answer:
		set_number(json, "icmp_type", r->number >> 8);
		set_number(json, "icmp_code", r->number & 0xff);
		break;
	case TRACE_drop:
		set_text(json, "drop", drop_name(r->reason));
		break;
	default:
		break;
	}
}

static json_t *
record_json(const struct gateway *g, const struct trace_packet *p, uint32_t index, int64_t since)
{
	const struct trace_record *r = &p->records[index];
	char line[LOOK_LINE];
	json_t *json = json_pack("{s:s, s:I, s:s}", "point", trace_point_name(r->point), "ns",
		(json_int_t)since, "text", gateway_trace_line(g, r, index ? r - 1 : NULL, line));

	json_object_set_new(
		json, "worker", r->worker == TRACE_CONTROL ? json_null() : json_integer(r->worker));
	set_text(json, "port", gateway_trace_port(g, r));
	set_text(json, "tunnel", gateway_trace_tunnel(g, r));
	if (r->has_sa) {
		set_number(json, "spi", r->spi);
		set_number(json, "sequence", r->sequence);
	}
	add_number(json, r);
	json_object_set_new(json, "packet", packet_json(&r->header));
	return json;
}

static json_t *
trace_json(const struct gateway *g, const struct trace_packet *p)
{
	const struct wall clock = gateway_trace_clock(g);
	const int64_t ns = wall_ns(&clock, p->records[0].tsc);
	time_t seconds = (time_t)(ns / 1000000000);
	char when[32], text[48];
	json_t *records = json_array();
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	snprintf(text, sizeof(text), "%s.%09dZ", when, (int)(ns % 1000000000));
	for (uint32_t i = 0; i < p->n; i++)
		json_array_append_new(
			records, record_json(g, p, i, wall_ns(&clock, p->records[i].tsc) - ns));
	return json_pack("{s:s, s:I, s:o}", "time", text, "missed", (json_int_t)p->missed,
		"records", records);
}

static void
get_defaults(void *page)
{
	((struct page *)page)->limit = TRACE_PAGE_DEFAULT;
}

static int
get_call(struct rpc_call *call, const void *params)
{
	const struct gateway *g = call->context;
	const struct gateway_trace_state state = gateway_trace_state(g);
	const struct page *page = params;
	json_t *items = json_array();
	uint64_t at = page->after;
	int rc;

	for (; at < state.kept && json_array_size(items) < page->limit; at++)
		json_array_append_new(items, trace_json(g, gateway_trace_packet(g, (uint32_t)at)));
	rc = page_answer(call, "packets", items, at < state.kept ? at : 0);
	if (rc != 0)
		return rc;
	json_object_set_new(call->result, "running", json_boolean(state.running));
	set_number(call->result, "wanted", state.wanted);
	set_number(call->result, "kept", state.kept);
	set_number(call->result, "missed", state.missed);
	return 0;
}

const struct rpc_method methods_trace[] = {
	{"trace.start", "follows the next packets that match, step by step", .writes = true,
		.alone = true, .params = &start_table, .params_bytes = sizeof(struct trace_params),
		.defaults = start_defaults, .call = start_call},
	{"trace.stop", "ends the trace; what it kept stays", .writes = true, .alone = true,
		.call = stop_call},
	{"trace.get", "the packets that the last trace kept, page by page", .params = &page_table,
		.params_bytes = sizeof(struct page), .defaults = get_defaults, .call = get_call},
	{0},
};
