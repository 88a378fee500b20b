/* SPDX-License-Identifier: BSD-3-Clause */

/* What routing goes by: policies, forwarding tables, next hops, neighbours. */

#include "telemetry.h"

static uint32_t
policies_end(const struct gateway *g)
{
	return g->policies.n;
}

static int
policy_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	static const char *const actions[] = {
		[SPD_DISCARD] = "discard", [SPD_BYPASS] = "bypass", [SPD_PROTECT] = "protect"};
	const struct spd_policy *p = &g->policies.policies[id].policy;
	struct counter hits = policy_hits(g, id);

	telemetry_u64(d, "id", g->policies.policies[id].id);
	telemetry_u64(d, "priority", p->priority);
	telemetry_text(d, "action", actions[p->action]);
	if (p->action == SPD_PROTECT)
		telemetry_text(d, "tunnel", g->tables.tunnels->tunnels[p->tunnel]->config.name);
	telemetry_pair(d, "packets", "bytes", &hits);
	return 0;
}

int
telemetry_policy(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family policies = {policies_end, NULL, policy_detail};

	return telemetry_objects(&policies, g, params, d);
}

static uint32_t
tables_end(const struct gateway *g)
{
	(void)g;
	return TABLES_MAX;
}

static bool
table_exists(const struct gateway *g, uint32_t id)
{
	return fib_has(g->fib, (uint16_t)id, 4) || fib_has(g->fib, (uint16_t)id, 6);
}

static int
table_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	uint16_t table = (uint16_t)id;
	bool v4 = fib_has(g->fib, table, 4), v6 = fib_has(g->fib, table, 6);
	struct fib_limits limits = {fib_limit(g->fib, 4), fib_limit(g->fib, 6)};

	telemetry_u64(d, "prefixes4", route_prefixes(g->routes, table, 4));
	telemetry_u64(d, "prefixes4_max", v4 ? limits.routes4 : 0);
	telemetry_u64(d, "prefixes6", route_prefixes(g->routes, table, 6));
	telemetry_u64(d, "prefixes6_max", v6 ? limits.routes6 : 0);
	telemetry_u64(d, "memory", fib_memory_bytes(&limits, v4, v6) * g->nodes.n);
	return 0;
}

int
telemetry_fib(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family tables = {tables_end, table_exists, table_detail};

	return telemetry_objects(&tables, g, params, d);
}

static uint32_t
nexthops_end(const struct gateway *g)
{
	return nexthop_usage(g->nexthops).capacity + NEXTHOP_ID_FIRST_FREE;
}

static bool
nexthop_exists(const struct gateway *g, uint32_t id)
{
	return id < NEXTHOP_ID_FIRST_FREE || nexthop_users(g->nexthops, id) > 0;
}

static void
add_link(struct rte_tel_data *d, const struct nexthop *nh)
{
	uint64_t link = __atomic_load_n(&nh->link, __ATOMIC_RELAXED);
	char text[RTE_ETHER_ADDR_FMT_SIZE];
	struct rte_ether_addr mac;

	for (int i = 0; i < RTE_ETHER_ADDR_LEN; i++)
		mac.addr_bytes[i] = (uint8_t)(link >> (8 * i));
	rte_ether_format_addr(text, sizeof(text), &mac);
	telemetry_addr(d, "address", &nh->addr);
	telemetry_text(d, "mac", text);
	telemetry_text(d, "state", link & NEXTHOP_LINK_REACHABLE ? "reachable" : "unreachable");
}

static int
add_members(struct rte_tel_data *d, const struct nexthop *nh)
{
	struct rte_tel_data *members = rte_tel_data_alloc();

	if (!members)
		return -ENOMEM;
	rte_tel_data_start_array(members, RTE_TEL_INT_VAL);
	for (uint8_t i = 0; i < nh->n_members; i++)
		rte_tel_data_add_array_int(members, (int)nh->members[i]);
	return telemetry_dict(d, "members", members);
}

static int
nexthop_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	static const char *const types[] = {
		[NEXTHOP_NONE] = "none",
		[NEXTHOP_DISCARD] = "discard",
		[NEXTHOP_DOWN] = "down",
		[NEXTHOP_LOCAL] = "local",
		[NEXTHOP_CONNECTED] = "connected",
		[NEXTHOP_NEIGHBOUR] = "neighbour",
		[NEXTHOP_TUNNEL] = "tunnel",
		[NEXTHOP_GROUP] = "group",
	};
	const struct nexthop *nh = &g->tables.nexthops[id];

	telemetry_text(d, "type", types[nh->type]);
	telemetry_u64(d, "users", nexthop_users(g->nexthops, id));
	if (nh->type == NEXTHOP_CONNECTED || nh->type == NEXTHOP_NEIGHBOUR)
		telemetry_text(d, "port", g->tables.ports->ports[nh->port]->name);
	if (nh->type == NEXTHOP_NEIGHBOUR)
		add_link(d, nh);
	if (nh->type == NEXTHOP_TUNNEL)
		telemetry_u64(d, "tunnel", nh->tunnel);
	return nh->type == NEXTHOP_GROUP ? add_members(d, nh) : 0;
}

int
telemetry_nexthop(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family nexthops = {
		nexthops_end, nexthop_exists, nexthop_detail};

	return telemetry_objects(&nexthops, g, params, d);
}

static uint32_t
neighbours_end(const struct gateway *g)
{
	return neigh_places(g->neighbours);
}

static bool
neighbour_exists(const struct gateway *g, uint32_t id)
{
	return neigh_at(g->neighbours, id, NULL);
}

static int
neighbour_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	static const char *const states[] = {
		[NEIGH_INCOMPLETE] = "incomplete",
		[NEIGH_REACHABLE] = "reachable",
		[NEIGH_STALE] = "stale",
		[NEIGH_PROBE] = "probe",
		[NEIGH_FAILED] = "failed",
		[NEIGH_STATIC] = "static",
	};
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	struct rte_ether_addr addr;
	struct neigh_detail e;

	neigh_at(g->neighbours, id, &e);
	memcpy(addr.addr_bytes, e.n.mac, sizeof(addr.addr_bytes));
	rte_ether_format_addr(mac, sizeof(mac), &addr);
	telemetry_text(d, "port", g->tables.ports->ports[e.n.port]->name);
	telemetry_addr(d, "address", &e.n.addr);
	telemetry_text(d, "mac", mac);
	telemetry_text(d, "state", states[e.n.state]);
	telemetry_u64(d, "routes", e.pins);
	telemetry_u64(d, "failures", e.failures);
	telemetry_u64(d, "packets", e.waiting);
	return 0;
}

int
telemetry_neighbour(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family neighbours = {
		neighbours_end, neighbour_exists, neighbour_detail};

	return telemetry_objects(&neighbours, g, params, d);
}
