/* SPDX-License-Identifier: BSD-3-Clause */

/* Events: who wants which, the queue of each, and how things stand (resync). */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config_keys.h"
#include "rpc_internal.h"
#include "suggest.h"

enum {
	FLOW_BYTES = 16 << 10, /* moved to the output when that is empty */
	RESYNC_EVENTS = 64,    /* made in one turn */
};

/* "2026-11-21T21:40:00.123Z" */
static void
time_text(char text[32])
{
	struct timespec now;
	struct tm tm;
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	used = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + used, 32 - used, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

/* members: the text of an object; what it has follows kind, seq and time. */
static void
line_add(struct rpc_queue *q, const char *kind, const char *members, size_t n)
{
	char head[192], when[32];
	int used;

	time_text(when);
	used = snprintf(head, sizeof(head),
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"kind\":\"%s\",\"seq\":"
		"%" PRIu64 ",\"time\":\"%s\"%s",
		kind, q->seq++, when, n > 2 ? "," : "");
	rpc_text_add(&q->lines, head, (size_t)used);
	rpc_text_add(&q->lines, members + 1, n - 1);
	rpc_text_string(&q->lines, "}\n");
}

/* What was lost is told as soon as there is room again for more than that. */
static void
overrun_tell(struct rpc_client *c)
{
	struct rpc_queue *q = &c->events;
	char members[48];

	if (!q->lost || q->lines.length > c->server->options.limits.event_bytes / 2)
		return;
	snprintf(members, sizeof(members), "{\"lost\":%" PRIu64 "}", q->lost);
	q->lost = 0;
	line_add(q, "overrun", members, strlen(members));
}

static void
queue_add(struct rpc_client *c, const char *kind, const struct rpc_text *body)
{
	struct rpc_queue *q = &c->events;

	overrun_tell(c);
	if (!q->lost && q->lines.length + body->length <= c->server->options.limits.event_bytes) {
		line_add(q, kind, body->data + body->start, body->length);
		return;
	}
	q->lost++;
	q->seq++;
}

bool
rpc_server_hears(const struct rpc_server *server, unsigned int kind)
{
	for (uint32_t i = 0; i < server->options.limits.clients; i++)
		if (server->clients[i] && (server->clients[i]->events.kinds & (1u << kind)))
			return true;
	return false;
}

void
rpc_server_event(struct rpc_server *server, unsigned int kind, json_t *event)
{
	struct rpc_text body = {0};

	for (uint32_t i = 0; i < server->options.limits.clients; i++) {
		struct rpc_client *c = server->clients[i];

		if (!c || !(c->events.kinds & (1u << kind)))
			continue;
		if (!body.length && event)
			rpc_text_json(&body, event);
		else if (!body.length)
			rpc_text_string(&body, "{}");
		queue_add(c, server->options.kinds[kind].name, &body);
		rpc_server_again(server);
	}
	rpc_text_free(&body);
	json_decref(event);
}

/* Some more of how things stand, while there is room. */
static void
resync_flow(struct rpc_client *c)
{
	const struct rpc_options *o = &c->server->options;
	struct rpc_queue *q = &c->events;

	for (int i = 0; q->resyncing && i < RESYNC_EVENTS; i++) {
		json_t *event = NULL;
		int kind;

		if (q->lines.length > o->limits.event_bytes / 2)
			return;
		kind = o->resync ? o->resync(o->context, &q->resync_cursor, &event)
				 : RPC_RESYNC_END;
		if (kind == RPC_RESYNC_END) {
			q->resyncing = false;
			line_add(q, "resynced", "{}", 2);
		} else if (kind >= 0 && (q->kinds & (1u << kind))) {
			struct rpc_text body = {0};

			rpc_text_json(&body, event);
			line_add(q, o->kinds[kind].name, body.data, body.length);
			rpc_text_free(&body);
		}
		json_decref(event);
	}
}

void
rpc_events_flow(struct rpc_client *c)
{
	struct rpc_text *lines = &c->events.lines;
	size_t n;
	const char *end;

	/* an array of answers is one line; what a call that waits brings about comes after its
	 * answer */
	if (c->out.length || c->array.calls || c->job || c->closing)
		return;
	resync_flow(c);
	overrun_tell(c);
	if (!lines->length)
		return;
	n = lines->length;
	if (n > FLOW_BYTES) {
		const char *first = lines->data + lines->start, *from = first + FLOW_BYTES;

		end = memchr(from, '\n', n - FLOW_BYTES);
		n = (size_t)(end - first) + 1;
	}
	rpc_text_add(&c->out, lines->data + lines->start, n);
	rpc_text_take(lines, n);
	c->out_is_events = true;
}

bool
rpc_events_wait(const struct rpc_client *c)
{
	return !c->out.length && !c->array.calls && !c->job && !c->closing &&
	       (c->events.resyncing || c->events.lines.length || c->events.lost);
}

/* --- methods --- */

static int
kind_unknown(struct rpc_call *call, const char *name)
{
	const struct rpc_event_kind *kinds = call->server->options.kinds;
	const char *names[RPC_EVENT_KINDS_MAX], *near;
	char all[160] = "";
	size_t n = 0, used = 0;

	for (; kinds && kinds[n].name; n++) {
		names[n] = kinds[n].name;
		if (used < sizeof(all))
			used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
				n ? ", " : "", kinds[n].name);
	}
	near = suggest(name, names, n);
	return rpc_error_set(call, -EINVAL, "kinds",
		"kinds: there is no kind of event \"%.64s\"%s%s%s", name,
		near ? ": did you mean \"" : "; there are: ", near ? near : all, near ? "\"?" : "");
}

/* The kinds that params name: all of them when they name none. */
static int
kinds_read(struct rpc_call *call, uint32_t *mask)
{
	static const char *const members[] = {"kinds", NULL};
	const struct rpc_event_kind *kinds = call->server->options.kinds;
	const json_t *list = json_object_get(call->params, "kinds"), *name;
	size_t i;

	*mask = 0;
	if (call->params && !rpc_members_known(call->params, members, "params", &call->error)) {
		call->error.code = RPC_INVALID_PARAMS;
		return -EINVAL;
	}
	if (list && !json_is_array(list))
		return rpc_error_set(call, -EINVAL, "kinds",
			"kinds: a list of kinds of events is wanted, [\"tunnel\", …]");
	if (!list)
		for (i = 0; kinds && kinds[i].name; i++)
			*mask |= 1u << i;
	json_array_foreach (list, i, name) {
		size_t kind = 0;

		if (!json_is_string(name))
			return rpc_error_set(
				call, -EINVAL, "kinds", "kinds: a kind of event is a string");
		while (kinds && kinds[kind].name &&
			strcmp(kinds[kind].name, json_string_value(name)) != 0)
			kind++;
		if (!kinds || !kinds[kind].name)
			return kind_unknown(call, json_string_value(name));
		*mask |= 1u << kind;
	}
	return 0;
}

/* The kinds that the client hears of now. */
static void
kinds_answer(struct rpc_call *call)
{
	const struct rpc_event_kind *kinds = call->server->options.kinds;
	json_t *names = json_array();

	for (size_t i = 0; kinds && kinds[i].name; i++)
		if (call->client->events.kinds & (1u << i))
			json_array_append_new(names, json_string(kinds[i].name));
	call->result = json_pack("{s:o}", "kinds", names);
}

int
rpc_events_subscribe(struct rpc_call *call, const void *params)
{
	uint32_t mask;
	int rc = kinds_read(call, &mask);

	(void)params;
	if (rc != 0)
		return rc;
	call->client->events.kinds |= mask;
	kinds_answer(call);
	return 0;
}

int
rpc_events_unsubscribe(struct rpc_call *call, const void *params)
{
	struct rpc_queue *q = &call->client->events;
	uint32_t mask;
	int rc = kinds_read(call, &mask);

	(void)params;
	if (rc != 0)
		return rc;
	q->kinds &= ~mask;
	if (!q->kinds) {
		rpc_text_free(&q->lines);
		q->lost = 0;
		q->resyncing = false;
	}
	kinds_answer(call);
	return 0;
}

int
rpc_events_resync(struct rpc_call *call, const void *params)
{
	struct rpc_queue *q = &call->client->events;

	(void)params;
	if (!q->kinds)
		return rpc_error_set(call, -EINVAL, NULL,
			"there is no subscription to bring up to date: events.subscribe first");
	q->resyncing = true;
	q->resync_cursor = 0;
	return 0;
}
