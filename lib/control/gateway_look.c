/* SPDX-License-Identifier: BSD-3-Clause */

/* Traces and captures: begun, ended, and what workers see of them. */

#include "gateway_look.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_errno.h>
#include <rte_mbuf_dyn.h>
#include <rte_pdump.h>

#include "grace.h"
#include "internal.h"

enum {
	STOP_WAIT_MS = 100,
	PAUSE_NS = 1000 * 1000,
};

/* --- what workers look at */

static struct watch *
watch_create(uint16_t workers)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->n_workers = workers;
	for (uint16_t i = 0; i < workers; i++)
		if (trace_slots_init(&watch->slots[i]) != 0)
			goto fail;
	return watch;
fail:
	for (uint16_t i = 0; i < workers; i++)
		trace_slots_free(&watch->slots[i]);
	free(watch);
	return NULL;
}

static void
watch_destroy(struct watch *watch)
{
	if (!watch)
		return;
	for (uint16_t i = 0; i < watch->n_workers; i++)
		trace_slots_free(&watch->slots[i]);
	free(watch);
}

static void
wait_for_workers(struct gateway *g)
{
	if (g->running)
		grace_wait(g->qsbr);
}

static void
set_all(struct gateway *g, struct watch *watch)
{
	for (uint16_t i = 0; i < g->n_workers; i++)
		__atomic_store_n(&g->workers[i]->watch, watch, __ATOMIC_RELEASE);
	g->look.watcher.watch = watch;
	g->look.active = watch != NULL;
}

static int
begin_looking(struct gateway *g, struct error *err)
{
	if (!g->look.watch)
		g->look.watch = watch_create(g->n_workers);
	return g->look.watch ? 0 : error_set(err, -ENOMEM, "no memory");
}

static uint64_t
slots_missed(const struct gateway *g)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; g->look.watch && i < g->n_workers; i++)
		sum += __atomic_load_n(&g->look.watch->slots[i].missed, __ATOMIC_RELAXED);
	return sum;
}

static bool
anything(const struct look *look)
{
	bool some = look->tracing;

	for (int i = 0; i < LOOK_CAPTURES; i++)
		some |= look->captures[i].published;
	return some;
}

/* After something was unpublished: nobody uses it any more, and nobody looks where there is nothing
 * to look for. */
static void
settle(struct gateway *g)
{
	wait_for_workers(g);
	if (anything(&g->look))
		return;
	set_all(g, NULL);
	wait_for_workers(g);
	/* packets that are under way still have their marks, which mean nothing from now on */
	for (uint16_t i = 0; i < g->n_workers; i++)
		trace_slots_reset(&g->look.watch->slots[i]);
}

/* --- the trace */

int
gateway_trace_start(struct gateway *g, const struct gateway_trace_params *params, struct error *err)
{
	struct look *look = &g->look;
	struct trace *t;

	if (params->packets < 1 || params->packets > TRACE_PACKETS_MAX)
		return error_set(err, -EINVAL, "packets: 1 to %u can be kept", TRACE_PACKETS_MAX);
	if (begin_looking(g, err) != 0)
		return -ENOMEM;
	t = trace_create(&params->filter, params->packets, look->serial + 1);
	if (!t)
		return error_set(err, -ENOMEM, "no memory for %u packets", params->packets);
	gateway_trace_stop(g);
	trace_destroy(look->trace);
	look->serial++;
	look->trace = t;
	look->tracing = true;
	look->missed = slots_missed(g);
	look->trace_end_ms = params->seconds ? now_ms() + params->seconds * 1000ull : 0;
	wall_start(&look->wall);
	__atomic_store_n(&look->watch->trace, t, __ATOMIC_RELEASE);
	set_all(g, look->watch);
	return 0;
}

void
gateway_trace_stop(struct gateway *g)
{
	struct look *look = &g->look;

	if (!look->tracing)
		return;
	__atomic_store_n(&look->watch->trace, NULL, __ATOMIC_RELEASE);
	look->missed = slots_missed(g) - look->missed;
	look->tracing = false;
	settle(g);
}

static uint32_t
packets_kept(const struct trace *t)
{
	uint32_t n = 0;

	while (n < t->wanted && __atomic_load_n(&t->packets[n].ready, __ATOMIC_ACQUIRE))
		n++;
	return n;
}

struct gateway_trace_state
gateway_trace_state(const struct gateway *g)
{
	const struct look *look = &g->look;

	if (!look->trace)
		return (struct gateway_trace_state){0};
	return (struct gateway_trace_state){.there = true,
		.running = look->tracing,
		.wanted = look->trace->wanted,
		.kept = packets_kept(look->trace),
		.missed = look->tracing ? slots_missed(g) - look->missed : look->missed};
}

const struct trace_packet *
gateway_trace_packet(const struct gateway *g, uint32_t index)
{
	const struct trace *t = g->look.trace;

	return t && index < packets_kept(t) ? &t->packets[index] : NULL;
}

struct wall
gateway_trace_clock(const struct gateway *g)
{
	struct wall wall = g->look.wall;

	wall_read(&wall);
	return wall;
}

/* --- captures */

static const char *
port_description(const struct port *p, char *text, size_t size)
{
	static const char *const roles[] = {[PORT_PROTECTED] = "protected",
		[PORT_UNPROTECTED] = "unprotected",
		[PORT_BOTH] = "both"};

	snprintf(text, size, "%s, %s", roles[p->role], p->device);
	return text;
}

/* With the names of all ports. */
static int
capture_open(const struct gateway *g, const struct gateway_capture_params *params,
	struct capture **out, struct error *err)
{
	enum { DESCRIPTION = 96 };
	const uint16_t n = g->tables.ports->count;
	const char **names = calloc(n + 1u, sizeof(*names));
	const char **descriptions = calloc(n + 1u, sizeof(*descriptions));
	char *texts = calloc(n + 1u, DESCRIPTION);
	struct capture_params p = {.side = params->side,
		.filter = params->filter,
		.snap = params->snap,
		.packets = params->packets,
		.bytes = params->bytes,
		.path = params->path,
		.writers = g->n_workers + 1,
		.n_ports = n,
		.port_names = names,
		.port_descriptions = descriptions};

	int rc = error_set(err, -ENOMEM, "no memory");

	for (uint16_t i = 0; names && descriptions && texts && i < n; i++) {
		names[i] = g->tables.ports->ports[i]->name;
		descriptions[i] = port_description(
			g->tables.ports->ports[i], texts + (size_t)i * DESCRIPTION, DESCRIPTION);
	}
	if (names && descriptions && texts)
		rc = capture_start(&p, out, err);
	free(names);
	free(descriptions);
	free(texts);
	return rc;
}

/* Tunnels and reasons are not known yet of a frame. */
static int
capture_check(const struct gateway_capture_params *params, struct error *err)
{
	if (params->side == CAPTURE_DROPS)
		return 0;
	if (params->filter.by_tunnel)
		return error_set(err, -EINVAL,
			"tunnel: only drops can be captured by tunnel; which one a frame is for is "
			"not known when it comes");
	if (params->filter.drop != LOOK_ANY)
		return error_set(err, -EINVAL, "drop: only drops can be captured by reason");
	return 0;
}

/* A place that workers know; NULL: all are taken. */
static struct capture **
capture_published(const struct look *look)
{
	for (unsigned int i = 0; i < WATCH_CAPTURES; i++)
		if (!look->watch->captures[i])
			return &look->watch->captures[i];
	return NULL;
}

/* A place at the end of the list; the oldest that ended gives way. */
static struct look_capture *
capture_place(struct look *look)
{
	struct look_capture *c = look->captures;
	int i = 0;

	while (i < LOOK_CAPTURES && c[i].id)
		i++;
	if (i < LOOK_CAPTURES)
		return &c[i];
	for (i = 0; i < LOOK_CAPTURES && !c[i].over; i++)
		;
	if (i == LOOK_CAPTURES)
		return NULL;
	capture_free(c[i].capture);
	memmove(&c[i], &c[i + 1], (LOOK_CAPTURES - 1 - (size_t)i) * sizeof(c[0]));
	c[LOOK_CAPTURES - 1] = (struct look_capture){0};
	return &c[LOOK_CAPTURES - 1];
}

int
gateway_capture_start(struct gateway *g, const struct gateway_capture_params *params, uint32_t *id,
	struct error *err)
{
	struct look *look = &g->look;
	struct look_capture *place;
	struct capture *c, **published;
	int rc = capture_check(params, err);

	if (rc != 0)
		return rc;
	if (begin_looking(g, err) != 0)
		return -ENOMEM;
	published = capture_published(look);
	place = published ? capture_place(look) : NULL;
	if (!place)
		return error_set(err, -ENOSPC, "%u captures run already: stop one", WATCH_CAPTURES);
	rc = capture_open(g, params, &c, err);
	if (rc != 0)
		return rc;
	*place = (struct look_capture){.id = ++look->last_id,
		.capture = c,
		.published = true,
		.end_ms = params->seconds ? now_ms() + params->seconds * 1000ull : 0};
	__atomic_store_n(published, c, __ATOMIC_RELEASE);
	set_all(g, look->watch);
	*id = place->id;
	return 0;
}

/* Workers do not use it any more, and its thread writes what is left. */
static void
capture_unpublish(struct gateway *g, struct look_capture *c)
{
	if (!c->published)
		return;
	for (unsigned int i = 0; i < WATCH_CAPTURES; i++)
		if (g->look.watch->captures[i] == c->capture)
			__atomic_store_n(&g->look.watch->captures[i], NULL, __ATOMIC_RELEASE);
	c->published = false;
	settle(g);
	capture_finish(c->capture);
}

/* true: the file is complete. */
static bool
capture_reap(struct look_capture *c)
{
	if (!c->over && !c->published && capture_is_finished(c->capture)) {
		capture_stop(c->capture);
		c->over = true;
	}
	return c->over;
}

int
gateway_capture_stop(struct gateway *g, uint32_t id, struct error *err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct look_capture *c = g->look.captures;

	while (c < g->look.captures + LOOK_CAPTURES && c->id != id)
		c++;
	if (c == g->look.captures + LOOK_CAPTURES || id == 0)
		return error_set(err, -ENOENT, "no capture %" PRIu32, id);
	capture_unpublish(g, c);
	for (int ms = 0; ms < STOP_WAIT_MS && !capture_reap(c); ms++)
		nanosleep(&pause, NULL);
	return 0;
}

bool
gateway_capture_get(const struct gateway *g, uint32_t index, struct gateway_capture_state *state)
{
	const struct look_capture *c;

	if (index >= LOOK_CAPTURES || g->look.captures[index].id == 0)
		return false;
	c = &g->look.captures[index];
	*state = (struct gateway_capture_state){.id = c->id,
		.running = !c->over,
		.params = capture_params(c->capture),
		.stats = capture_stats(c->capture)};
	return true;
}

/* --- the module */

int
look_start(struct gateway *g, struct report *report)
{
	static const struct rte_mbuf_dynflag flag = {.name = "espgw_dynflag_watched"};

	g->look.watcher = (struct watcher){.tables = &g->tables, .worker = TRACE_CONTROL};
	/* for dpdk-dumpcap, a second process: there is none without huge pages. Its counters take 4
	 * MB. */
	if (rte_eal_has_hugepages()) {
		g->look.pdump = rte_pdump_init() == 0;
		if (!g->look.pdump)
			log_warn(
				control, "dpdk-dumpcap will not work: %s", rte_strerror(rte_errno));
	}
	if (rte_mbuf_dynflag_register_bitnum(&flag, PKT_WATCHED_BIT) == PKT_WATCHED_BIT)
		return 0;
	report_add(report, NULL, 0, "trace",
		"bit %d of the packet buffers' flags is taken by a driver", PKT_WATCHED_BIT);
	return -EBUSY;
}

/* The workers have stopped. */
void
look_stop(struct gateway *g)
{
	struct look *look = &g->look;

	gateway_trace_stop(g);
	for (int i = 0; i < LOOK_CAPTURES && look->captures[i].id; i++) {
		capture_unpublish(g, &look->captures[i]);
		if (!look->captures[i].over)
			capture_stop(look->captures[i].capture);
		capture_free(look->captures[i].capture);
	}
	for (uint16_t i = 0; i < g->n_workers; i++)
		if (g->workers[i])
			g->workers[i]->watcher.watch = NULL;
	if (look->pdump)
		rte_pdump_uninit();
	trace_destroy(look->trace);
	watch_destroy(look->watch);
	*look = (struct look){0};
}

void
look_tick(struct gateway *g, uint64_t now)
{
	struct look *look = &g->look;

	if (look->tracing && (packets_kept(look->trace) == look->trace->wanted ||
				     (look->trace_end_ms && now >= look->trace_end_ms)))
		gateway_trace_stop(g);
	for (int i = 0; i < LOOK_CAPTURES && look->captures[i].id; i++) {
		struct look_capture *c = &look->captures[i];

		if (c->published &&
			(capture_is_done(c->capture) || (c->end_ms && now >= c->end_ms)))
			capture_unpublish(g, c);
		capture_reap(c);
	}
}
