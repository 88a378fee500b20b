/* SPDX-License-Identifier: BSD-3-Clause */
#include "gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf_pool_ops.h>

#include "internal.h"
#include "monotonic.h"

enum {
	TICK_MS = 100,
	CONTROL_SLEEP_MS = 1,
	MBUF_CACHE = 256,
	DESCRIPTORS = 1024, /* of a queue, as the port driver asks for by default */
};

uint64_t
now_ms(void)
{
	return monotonic_ns() / 1000000;
}

static uint32_t
mbufs_default(const struct config *config, uint16_t workers)
{
	/* what queues hold, what is under way in workers, rings and waiting rooms */
	return 8192u + config->n_ports * 2u * DESCRIPTORS * RTE_MAX(workers, 1u) + workers * 8192u;
}

uint32_t
gateway_memory_mb(const struct config *config, uint32_t mbufs, uint16_t workers)
{
	struct fib_limits limits = {config->limits.routes4 + config->limits.neighbours,
		config->limits.routes6 + config->limits.neighbours};
	uint64_t bytes = (uint64_t)(mbufs ? mbufs : mbufs_default(config, workers)) *
			 (RTE_MBUF_DEFAULT_BUF_SIZE + sizeof(struct rte_mbuf) + PKT_PRIV_SIZE + 64);
	bool tables[TABLES_MAX] = {[0] = true};
	uint32_t n_tables = 0;

	for (uint32_t i = 0; i < config->n_ports; i++)
		tables[config->ports[i].table] = true;
	for (uint32_t i = 0; i < config->n_tunnels; i++)
		tables[config->tunnels[i].tunnel.table] =
			tables[config->tunnels[i].tunnel.outer_table] = true;
	for (uint32_t i = 0; i < config->n_routes; i++)
		tables[config->routes[i].table] = true;
	for (int i = 0; i < TABLES_MAX; i++)
		n_tables += tables[i];
	bytes += n_tables * fib_memory_bytes(&limits, true, true);
	bytes += RTE_MAX(config->limits.sas, config->n_sas) * 4096ull;
	bytes += config->limits.tunnels * (1024ull + 256ull * workers);
	bytes += workers * (8ull << 20) + config->limits.reassembly * workers * 2048ull;
	bytes += config->n_policies * 65536ull;
	/* EAL, rings, devices; and a share, since the heap is in pieces */
	return (uint32_t)(((bytes + bytes / 8) >> 20) + 96);
}

/* --- the start and stop table --- */

static int
start_base(struct gateway *g, struct report *report)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(WORKERS_MAX);

	g->n_workers = workers_count();
	if (g->n_workers == 0) {
		report_add(report, NULL, 0, "lcores",
			"there is no worker lcore: the main lcore is the control lcore, and at "
			"least one more is "
			"needed, as in -l 0,1 or, sharing a CPU, --lcores 0@0,1@0");
		return -EINVAL;
	}
	if (g->n_workers > WORKERS_MAX) {
		report_add(report, NULL, 0, "lcores",
			"%u worker lcores, but at most %u are supported", g->n_workers,
			WORKERS_MAX);
		return -EINVAL;
	}
	if (g->options.nodes)
		g->nodes = *g->options.nodes;
	else
		workers_nodes(&g->nodes);
	g->qsbr = rte_zmalloc("qsbr", bytes, RTE_CACHE_LINE_SIZE);
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!g->qsbr || g->epoll < 0)
		return -ENOMEM;
	return rte_rcu_qsbr_init(g->qsbr, WORKERS_MAX);
}

static void
stop_base(struct gateway *g)
{
	if (g->epoll >= 0)
		close(g->epoll);
	rte_free(g->qsbr);
}

/*
 * As rte_pktmbuf_pool_create, but that without huge pages, where no device reads memory by itself,
 * buffers may lie across the 4 KiB pages. With one in each page the same parts of all of them fall
 * into the same few sets of the first cache: a burst does not fit.
 */
static struct rte_mempool *
pool_create(const char *name, uint32_t n, int socket)
{
	const struct rte_pktmbuf_pool_private pool_private = {
		.mbuf_data_room_size = RTE_MBUF_DEFAULT_BUF_SIZE, .mbuf_priv_size = PKT_PRIV_SIZE};
	struct rte_mempool *pool = rte_mempool_create_empty(name, n,
		sizeof(struct rte_mbuf) + PKT_PRIV_SIZE + RTE_MBUF_DEFAULT_BUF_SIZE, MBUF_CACHE,
		sizeof(pool_private), socket,
		rte_eal_has_hugepages() ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG);

	if (!pool)
		return NULL;
	if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL) != 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_pktmbuf_pool_init(pool, (void *)(uintptr_t)&pool_private);
	if (rte_mempool_populate_default(pool) < 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

/* A pool on each node that has a worker or a device, and on node 0. */
static int
start_pools(struct gateway *g, struct report *report)
{
	uint32_t n = g->options.mbufs ? g->options.mbufs : mbufs_default(g->config, g->n_workers);
	bool wanted[RTE_MAX_NUMA_NODES] = {[0] = true};
	unsigned int lcore;
	uint16_t ethdev;
	char name[32];

	RTE_LCORE_FOREACH (lcore)
		wanted[rte_lcore_to_socket_id(lcore)] = true;
	RTE_ETH_FOREACH_DEV (ethdev)
		wanted[RTE_MAX(rte_eth_dev_socket_id(ethdev), 0)] = true;
	for (int i = 0; i < RTE_MAX_NUMA_NODES; i++) {
		if (!wanted[i])
			continue;
		snprintf(name, sizeof(name), "packets%d", i);
		g->pools[i] = pool_create(name, n, i);
		if (!g->pools[i]) {
			report_add(report, NULL, 0, "mbufs",
				"no memory for %u packet buffers on NUMA node %d: give EAL more "
				"with -m, or fewer "
				"with --mbufs",
				n, i);
			return -ENOMEM;
		}
	}
	return 0;
}

static void
stop_pools(struct gateway *g)
{
	for (int i = 0; i < RTE_MAX_NUMA_NODES; i++)
		rte_mempool_free(g->pools[i]);
}

/* The view of another node than the first: the same, read from its own memory. */
static struct tables *
view_create(const struct gateway *g, uint16_t node)
{
	struct tables *view = rte_zmalloc_socket(
		"tables", sizeof(*view), RTE_CACHE_LINE_SIZE, g->nodes.sockets[node]);

	if (!view)
		return NULL;
	*view = g->tables;
	view->fib = fib_reader(g->fib, node);
	view->nexthops = nexthop_entries(g->nexthops, node);
	view->sad = sad_reader(g->sad, node);
	for (uint16_t i = 0; i < node; i++)
		view->tunnels = view->tunnels->next;
	return view;
}

static int
create_tables(struct gateway *g, struct error *err)
{
	const struct config_limits *l = &g->config->limits;
	/* every neighbour may have a host route */
	struct fib_limits limits = {l->routes4 + l->neighbours, l->routes6 + l->neighbours};
	uint32_t nexthops = l->neighbours + l->tunnels * 2 + 4096;

	error_set(err, -ENOMEM, "no memory");
	g->tables.ports = port_table_create();
	if (!g->tables.ports)
		return -ENOMEM;
	g->fib = fib_create(&limits, g->qsbr, &g->nodes, err);
	if (!g->fib)
		return -ENOMEM;
	g->nexthops = nexthop_table_create(nexthops, g->qsbr, &g->nodes, err);
	if (!g->nexthops)
		return -ENOMEM;
	g->routes = route_table_create(g->fib, g->nexthops, err);
	if (!g->routes)
		return -ENOMEM;
	g->tables.tunnels = tunnel_table_create(l->tunnels, &g->nodes, err);
	if (!g->tables.tunnels)
		return -ENOMEM;
	g->sad = sad_create(RTE_MAX(l->sas, g->config->n_sas), g->qsbr, &g->nodes, err);
	return g->sad ? 0 : -ENOMEM;
}

static int
start_tables(struct gateway *g, struct report *report)
{
	struct error err;

	if (create_tables(g, &err) != 0) {
		report_add(report, NULL, 0, "tables", "%s", err.text);
		return -ENOMEM;
	}
	g->tables.promiscuous = g->options.promiscuous;
	g->tables.fib = fib_reader(g->fib, 0);
	g->tables.nexthops = nexthop_entries(g->nexthops, 0);
	g->tables.sad = sad_reader(g->sad, 0);
	g->views[0] = &g->tables;
	for (uint16_t i = 1; i < g->nodes.n; i++) {
		g->views[i] = view_create(g, i);
		if (!g->views[i])
			return -ENOMEM;
	}
	return 0;
}

static void
stop_tables(struct gateway *g)
{
	for (uint16_t i = 1; i < g->nodes.n; i++)
		rte_free(g->views[i]);
	sad_destroy(g->sad);
	tunnel_table_destroy(g->tables.tunnels);
	route_table_destroy(g->routes);
	nexthop_table_destroy(g->nexthops);
	fib_destroy(g->fib);
	if (g->tables.ports)
		port_table_destroy(g->tables.ports);
}

static int
start_crypto(struct gateway *g, struct report *report)
{
	struct crypto_engine_params params = {
		.device = g->config->crypto_device[0] ? g->config->crypto_device : NULL,
		.workers = g->n_workers,
		.socket = g->nodes.sockets[0],
		.sessions_max = RTE_MAX(g->config->limits.sas, g->config->n_sas),
	};
	struct error err = {"the application offers no crypto engine"};
	bool known = false;

	for (uint16_t i = 0; i < g->options.n_engines && !g->engine; i++) {
		const struct gateway_engine *e = &g->options.engines[i];

		if (g->options.engine && strcmp(e->name, g->options.engine) != 0)
			continue;
		known = true;
		g->engine = e->create(&params, &err);
	}
	if (g->engine)
		return 0;
	if (!known) {
		size_t used = 0;

		used = (size_t)snprintf(err.text, sizeof(err.text),
			"no engine \"%s\"; there are:", g->options.engine);
		for (uint16_t i = 0; i < g->options.n_engines && used < sizeof(err.text); i++)
			used += (size_t)snprintf(err.text + used, sizeof(err.text) - used, " %s",
				g->options.engines[i].name);
	}
	report_add(report, NULL, 0, "--crypto", "%s", err.text);
	return -ENODEV;
}

static void
stop_crypto(struct gateway *g)
{
	if (g->engine)
		g->engine->ops->destroy(g->engine);
}

static void
stop_state(struct gateway *g)
{
	if (g->state)
		seq_state_close(g->state);
}

static int
start_neighbours(struct gateway *g, struct report *report)
{
	struct neigh_params params = {.capacity = g->config->limits.neighbours};
	struct error err;

	g->neighbours =
		neigh_create(&params, g->tables.ports, g->pools[0], &slow_neigh_ops, g, &err);
	if (!g->neighbours) {
		report_add(report, NULL, 0, "neighbours", "%s", err.text);
		return -ENOMEM;
	}
	g->error_limit = (struct limiter){.rate = g->config->icmp.errors,
		.tokens = g->config->icmp.errors,
		.last_ms = now_ms()};
	g->echo_limit = (struct limiter){
		.rate = g->config->icmp.echo, .tokens = g->config->icmp.echo, .last_ms = now_ms()};
	return 0;
}

static void
release_neighbours(struct gateway *g)
{
	neigh_destroy(g->neighbours);
	g->neighbours = NULL;
}

/*
 * In this order up, in reverse down, in two rounds: release gives back every packet that the module
 * holds (the counters are still there then), stop frees it. Both take what a start left half made.
 */
static const struct {
	const char *name;
	int (*start)(struct gateway *g, struct report *report);
	void (*release)(struct gateway *g);
	void (*stop)(struct gateway *g);
} modules[] = {
	{"base", start_base, NULL, stop_base},
	{"pools", start_pools, NULL, stop_pools},
	{"tables", start_tables, NULL, stop_tables},
	{"crypto", start_crypto, NULL, stop_crypto},
	{"state", NULL, NULL, stop_state},
	{"devices", devices_start, devices_stop, NULL},
	{"neighbours", start_neighbours, release_neighbours, NULL},
	{"workers", workers_create, workers_release, workers_destroy},
	{"look", look_start, NULL, look_stop},
	{"policies", policies_start, NULL, policies_stop},
	{"objects", objects_start, NULL, apply_undo},
	{"configuration", apply_config, NULL, NULL},
	{"questions", ask_start, ask_stop, NULL},
	{"statistics", stats_start, NULL, stats_stop},
	{"telemetry", telemetry_start, NULL, NULL},
};

static void
release_modules(struct gateway *g, size_t n)
{
	while (n-- > 0)
		if (modules[n].release)
			modules[n].release(g);
}

static void
stop_modules(struct gateway *g, size_t n)
{
	while (n-- > 0)
		if (modules[n].stop)
			modules[n].stop(g);
	free(g);
}

struct gateway *
gateway_create(const struct gateway_options *options, struct report *report)
{
	struct gateway *g = calloc(1, sizeof(*g));
	size_t before = report->count;

	if (!g)
		return NULL;
	g->options = *options;
	g->config = options->config;
	g->epoll = -1;
	for (size_t i = 0; i < RTE_DIM(modules); i++) {
		int rc = modules[i].start ? modules[i].start(g, report) : 0;

		if (rc == 0)
			continue;
		if (report->count == before)
			report_add(report, NULL, 0, modules[i].name, "could not be started: %s",
				strerror(-rc));
		release_modules(g, i + 1);
		stop_modules(g, i + 1);
		return NULL;
	}
	return g;
}

/* --- the control lcore's loop --- */

void
gateway_listen(struct gateway *g, gateway_event_fn *listener, void *arg)
{
	g->listener = listener;
	g->listener_arg = arg;
}

void
gateway_tell(const struct gateway *g, const struct gateway_event *event)
{
	if (g->listener)
		g->listener(g->listener_arg, event);
}

/* Whether each worker has looked at its ports, from the first to the last, since idle_since_ms. One
 * that has had no CPU meanwhile has not. */
static bool
all_have_looked(const struct gateway *g)
{
	for (uint16_t i = 0; i < g->n_workers; i++)
		/* the first of the two may have begun before */
		if (__atomic_load_n(&g->workers[i]->stats.polls, __ATOMIC_RELAXED) -
				g->turns[i].idle_polls <
			2)
			return false;
	return true;
}

/* true: no port has received for as long as --exit-on-idle says. */
static bool
idle_for_long(struct gateway *g, uint64_t now)
{
	uint64_t activity = 0;

	if (!g->options.exit_on_idle_ms)
		return false;
	for (uint16_t i = 0; i < g->tables.ports->count; i++) {
		struct counter rx, tx;

		port_sum(g, g->tables.ports->ports[i], &rx, &tx);
		activity += rx.packets;
	}
	if (activity != g->seen_activity || !g->idle_since_ms) {
		g->seen_activity = activity;
		g->idle_since_ms = now;
		for (uint16_t i = 0; i < g->n_workers; i++)
			g->turns[i].idle_polls =
				__atomic_load_n(&g->workers[i]->stats.polls, __ATOMIC_RELAXED);
	}
	return now - g->idle_since_ms >= g->options.exit_on_idle_ms && all_have_looked(g);
}

static void
links_tick(struct gateway *g)
{
	for (uint16_t i = 0; i < g->tables.ports->count; i++) {
		struct port *p = g->tables.ports->ports[i];
		bool up = g->options.driver->link(p->ethdev);

		if (up == p->link_up)
			continue;
		log_notice(port, "%s: link %s", p->name, up ? "up" : "down");
		__atomic_store_n(&p->link_up, up, __ATOMIC_RELAXED);
		gateway_tell(g, &(struct gateway_event){
					.kind = EVENT_port, .what = up ? "up" : "down", .port = p});
		if (up)
			neigh_announce(g->neighbours, p->index);
		else
			neigh_port_down(g->neighbours, p->index);
		g->ways_changed = true; /* a tunnel whose envelopes have no link is down */
	}
}

static void
print_period(const struct gateway *g)
{
	summary_print(g, stdout);
	printf("\n"); /* between one period's and the next */
}

static void
tick(struct gateway *g, uint64_t now)
{
	g->next_tick_ms = now + TICK_MS;
	if (!change_shows(&g->change)) {
		links_tick(g);
		neigh_tick(g->neighbours, now);
		tunnels_tick(g, now);
		tunnels_follow(g);
	}
	nexthop_reclaim(g->nexthops, false);
	health_tick(g, now);
	look_tick(g, now);
	if (g->options.stats_period_s && now >= g->next_stats_ms) {
		if (g->next_stats_ms)
			print_period(g);
		g->next_stats_ms = now + g->options.stats_period_s * 1000ull;
	}
}

void
gateway_stop(struct gateway *g)
{
	g->stopping = true;
}

int
gateway_run(struct gateway *g, const volatile sig_atomic_t *stop)
{
	for (uint16_t i = 0; i < g->tables.ports->count; i++)
		if (g->tables.ports->ports[i]->link_up)
			neigh_announce(g->neighbours, i);
	for (uint16_t i = 0; i < g->nodes.n; i++)
		__atomic_store_n(&g->views[i]->forwarding, true, __ATOMIC_RELEASE);
	if (workers_launch(g) != 0)
		return 1;
	log_notice(control, "forwarding: %u tunnels, %u SAs, %u routes", g->n_tunnels, g->sas.count,
		g->config->n_routes);
	while (!*stop && !g->stopping) {
		/* what a change that has stopped in its middle has prepared stays as it is */
		uint16_t found = change_shows(&g->change) ? 0 : slow_poll(g);
		uint64_t now = now_ms();

		reaper_poll(g);

		if (now >= g->next_tick_ms)
			tick(g, now);
		if (idle_for_long(g, now))
			break;
		watch_wait(g, found ? 0 : CONTROL_SLEEP_MS);
	}
	return 0;
}

void
gateway_destroy(struct gateway *g, void *out)
{
	if (!g)
		return;
	workers_stop(g);
	release_modules(g, RTE_DIM(modules));
	if (out)
		summary_print(g, out);
	stop_modules(g, RTE_DIM(modules));
}
