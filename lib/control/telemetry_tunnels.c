/* SPDX-License-Identifier: BSD-3-Clause */
#include "telemetry.h"

static uint32_t
tunnels_end(const struct gateway *g)
{
	return g->tables.tunnels->capacity;
}

static bool
tunnel_exists(const struct gateway *g, uint32_t id)
{
	return g->tables.tunnels->tunnels[id] != NULL;
}

/* Workers that have an outbound SA for it. */
static uint64_t
workers_with_sa(const struct tunnel *t)
{
	uint64_t n = 0;

	for (uint16_t i = 0; i < t->n_workers; i++)
		n += t->workers[i].sa_out != NULL;
	return n;
}

static int
tunnel_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	const struct tunnel *t = g->tables.tunnels->tunnels[id];
	struct counter out, in;

	tunnel_total(g, t, &out, &in);
	telemetry_text(d, "name", t->config.name);
	telemetry_text(d, "state", t->up ? "up" : "down");
	telemetry_text(d, "admin", t->config.up ? "up" : "down");
	telemetry_text(d, "encapsulation", t->encapsulation == TUNNEL_IPIP ? "ipip" : "tunnel");
	telemetry_text(d, "carrier", t->carrier == TUNNEL_UDP ? "udp" : "esp");
	telemetry_addr(d, "local", &t->config.local);
	telemetry_addr(d, "remote", &t->config.remote);
	telemetry_u64(d, "table", t->table);
	telemetry_u64(d, "outer_table", t->outer_table);
	telemetry_u64(d, "mtu", t->mtu);
	telemetry_u64(d, "outer_mtu", t->outer_mtu);
	telemetry_u64(d, "loop", t->loop);
	telemetry_u64(d, "receives", t->receives);
	telemetry_u64(d, "outer_nexthop", t->outer_nexthop);
	telemetry_u64(d, "selectors", t->n_selectors);
	telemetry_u64(d, "workers_with_sa", workers_with_sa(t));
	telemetry_pair(d, "out_packets", "out_bytes", &out);
	telemetry_pair(d, "in_packets", "in_bytes", &in);
	return 0;
}

int
telemetry_tunnel(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family tunnels = {tunnels_end, tunnel_exists, tunnel_detail};

	return telemetry_objects(&tunnels, g, params, d);
}
