/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway as a whole: age, tables, drops, rings, packet buffers. */

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include "telemetry.h"

int
telemetry_info(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	if (params)
		return -EINVAL;
	rte_tel_data_start_dict(d);
	telemetry_text(d, "version", ESPGW_VERSION);
	telemetry_text(d, "dpdk", rte_version());
	telemetry_text(d, "engine", g->engine->ops->name);
	telemetry_text(d, "engine_mode",
		crypto_engine_is_synchronous(g->engine) ? "synchronous" : "asynchronous");
	telemetry_u64(d, "started", (uint64_t)g->started_at);
	telemetry_u64(d, "uptime", (now_ms() - g->started_ms) / 1000);
	telemetry_u64(d, "cycles_per_second", rte_get_tsc_hz());
	telemetry_u64(d, "workers", g->n_workers);
	telemetry_u64(d, "burst", g->options.burst);
	return 0;
}

static void
add_neighbours(const struct gateway *g, struct rte_tel_data *d)
{
	struct neigh_usage u = neigh_usage(g->neighbours);

	telemetry_u64(d, "neighbours", u.count);
	telemetry_u64(d, "neighbours_max", u.capacity);
	telemetry_u64(d, "neighbours_incomplete", u.states[NEIGH_INCOMPLETE]);
	telemetry_u64(d, "neighbours_reachable", u.states[NEIGH_REACHABLE]);
	telemetry_u64(d, "neighbours_stale", u.states[NEIGH_STALE]);
	telemetry_u64(d, "neighbours_probe", u.states[NEIGH_PROBE]);
	telemetry_u64(d, "neighbours_failed", u.states[NEIGH_FAILED]);
	telemetry_u64(d, "neighbours_static", u.states[NEIGH_STATIC]);
	telemetry_u64(d, "neighbour_packets", u.waiting);
	telemetry_u64(d, "neighbour_packets_max", u.waiting_max);
}

int
telemetry_tables(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	struct nexthop_usage nexthops = nexthop_usage(g->nexthops);
	struct sad_usage sad = sad_usage(g->sad);

	if (params)
		return -EINVAL;
	rte_tel_data_start_dict(d);
	telemetry_u64(d, "ports", g->tables.ports->count);
	telemetry_u64(d, "ports_max", PORTS_MAX);
	telemetry_u64(d, "tunnels", g->n_tunnels);
	telemetry_u64(d, "tunnels_max", g->tables.tunnels->capacity);
	telemetry_u64(d, "sas", g->sas.count);
	telemetry_u64(d, "sas_max", g->sas.capacity);
	telemetry_u64(d, "sad", sad.count);
	telemetry_u64(d, "sad_max", sad.capacity);
	telemetry_u64(d, "sad_hashed", sad.hashed);
	telemetry_u64(d, "spis_reserved", sad.reserved);
	telemetry_u64(d, "policies", g->policies.n);
	telemetry_u64(d, "routes", route_count(g->routes));
	telemetry_u64(d, "nexthops", nexthops.count);
	telemetry_u64(d, "nexthops_max", nexthops.capacity);
	telemetry_u64(d, "nexthops_retired", nexthops.retired);
	add_neighbours(g, d);
	return 0;
}

int
telemetry_drops(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	const uint64_t *drops = NULL; /* of all */
	uint32_t id;

	if (params && strcmp(params, "control") == 0)
		drops = g->drops;
	else if (params && telemetry_number(params, g->n_workers, &id))
		drops = g->workers[id]->stats.drops;
	else if (params)
		return -EINVAL;
	rte_tel_data_start_dict(d);
	for (int r = 0; r < DROP_REASON_COUNT; r++)
		telemetry_u64(d, drop_name((enum drop_reason)r),
			drops ? counter_read(&drops[r]) : gateway_drops(g, (enum drop_reason)r));
	return 0;
}

int
telemetry_control(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	if (params)
		return -EINVAL;
	rte_tel_data_start_dict(d);
	telemetry_u64(d, "ring_packets", rte_ring_count(g->to_control));
	telemetry_u64(d, "ring_packets_max", rte_ring_get_capacity(g->to_control));
	telemetry_u64(d, "packets", g->slow_packets);
	telemetry_u64(d, "errors_taken", g->error_limit.taken);
	telemetry_u64(d, "errors_refused", g->error_limit.refused);
	telemetry_u64(d, "errors_per_second", g->error_limit.rate);
	telemetry_u64(d, "echoes_taken", g->echo_limit.taken);
	telemetry_u64(d, "echoes_refused", g->echo_limit.refused);
	telemetry_u64(d, "echoes_per_second", g->echo_limit.rate);
	return 0;
}

static uint32_t
pools_end(const struct gateway *g)
{
	(void)g;
	return RTE_MAX_NUMA_NODES;
}

static bool
pool_exists(const struct gateway *g, uint32_t id)
{
	return g->pools[id] != NULL;
}

static int
pool_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	const struct rte_mempool *pool = g->pools[id];
	uint32_t available = rte_mempool_avail_count(pool);

	telemetry_text(d, "name", pool->name);
	telemetry_u64(d, "node", (uint64_t)RTE_MAX(pool->socket_id, 0));
	telemetry_u64(d, "mbufs", pool->size);
	telemetry_u64(d, "mbufs_available", available);
	telemetry_u64(d, "mbufs_in_use", pool->size - available);
	return 0;
}

int
telemetry_mempool(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family pools = {pools_end, pool_exists, pool_detail};

	return telemetry_objects(&pools, g, params, d);
}
