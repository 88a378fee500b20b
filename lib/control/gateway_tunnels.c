/* SPDX-License-Identifier: BSD-3-Clause */

/* What follows for tunnels from routes, SAs and time: outer next hop, MTU, oper state, keepalives.
 */

#include <rte_malloc.h>

#include "internal.h"
#include "ip.h"
#include "parse.h"

enum {
	SAID_MAX = 32, /* tunnels named when many go up or down at once */
};

/* What a tunnel's outer route leads to now. */
struct outer_way {
	uint32_t nexthop;
	uint16_t mtu; /* 0: no way, or a link that is down */
	bool loop;
};

static const struct nexthop *
outer_lookup(const struct gateway *g, const struct tunnel *t, uint32_t *id)
{
	const struct nexthop *entries = g->tables.nexthops;

	*id = nexthop_select(
		entries, fib_lookup(g->fib, t->outer_table, &t->config.remote), t->outer_hash);
	return &entries[*id];
}

/* Follows tunnels inside tunnels to a port; as many steps as there may be. One that leads into
 * itself says so and keeps its MTU. */
static struct outer_way
outer_way(const struct gateway *g, const struct tunnel *t)
{
	struct outer_way way = {0};
	const struct tunnel *at = t, *carrier = NULL; /* the one that t's envelopes go into */
	const struct nexthop *nh = outer_lookup(g, t, &way.nexthop);
	uint32_t id;

	for (int depth = 0; nh->type == NEXTHOP_TUNNEL; depth++) {
		at = g->tables.tunnels->tunnels[nh->tunnel];
		if (!carrier)
			carrier = at;
		if (at == t) {
			way.loop = true;
			way.mtu = t->outer_mtu;
			return way;
		}
		if (depth == TUNNEL_DEPTH_MAX)
			return way;
		nh = outer_lookup(g, at, &id);
	}
	if ((nh->type == NEXTHOP_CONNECTED || nh->type == NEXTHOP_NEIGHBOUR) &&
		g->tables.ports->ports[nh->port]->link_up)
		way.mtu = carrier ? carrier->mtu : g->tables.ports->ports[nh->port]->mtu;
	return way;
}

bool
tunnel_has_sa(const struct gateway *g, const struct tunnel *t)
{
	for (uint16_t i = 0; i < g->n_workers; i++)
		if (t->workers[i].sa_out)
			return true;
	return false;
}

/* What its outer route says now. Returns whether there is a way. */
static bool
find_way(const struct gateway *g, struct tunnel *t)
{
	struct outer_way way = outer_way(g, t);

	__atomic_store_n(&t->outer_nexthop, way.nexthop, __ATOMIC_RELAXED);
	__atomic_store_n(&t->loop, way.loop, __ATOMIC_RELAXED);
	__atomic_store_n(&t->receives,
		fib_lookup(g->fib, t->outer_table, &t->config.local) == NEXTHOP_ID_LOCAL,
		__ATOMIC_RELAXED);
	if (way.mtu)
		tunnel_mtu_update(t, way.mtu);
	return way.mtu != 0;
}

void
tunnel_find_way(const struct gateway *g, struct tunnel *t)
{
	find_way(g, t);
}

void
tunnel_update(const struct gateway *g, struct tunnel *t)
{
	bool way = find_way(g, t);

	__atomic_store_n(&t->up, t->config.up && way && tunnel_has_sa(g, t), __ATOMIC_RELAXED);
}

/* Says what became of a tunnel; of many at once only how many. */
static void
say_state(const struct gateway *g, const struct tunnel *t, uint32_t *said)
{
	gateway_tell(g, &(struct gateway_event){
				.kind = EVENT_tunnel, .what = t->up ? "up" : "down", .tunnel = t});
	if (++*said <= SAID_MAX)
		log_notice(tunnel, "%s is %s", t->config.name, t->up ? "up" : "down");
	else
		log_info(tunnel, "%s is %s", t->config.name, t->up ? "up" : "down");
}

void
tunnel_say_state(struct gateway *g, const struct tunnel *t)
{
	say_state(g, t, &g->change.said);
}

/* true: its state or its MTU is another one now, which other tunnels may go by. */
static bool
tunnel_resolve(struct gateway *g, struct tunnel *t, uint32_t *said)
{
	bool was_up = t->up;
	uint16_t old_mtu = t->mtu;
	struct error err;

	tunnel_update(g, t);
	if (t->up == was_up)
		return t->mtu != old_mtu;
	say_state(g, t, said);
	if (route_tunnel_state(g->routes, t->index, t->up, &err) != 0)
		log_error(tunnel, "%s: %s", t->config.name, err.text);
	return true;
}

void
tunnels_resolve(struct gateway *g)
{
	bool changed = true;
	uint32_t said = 0;
	struct error err;

	g->ways_changed = false;
	/* a tunnel that goes up or down may move another one's outer route: until it is still */
	for (int round = 0; changed && round <= TUNNEL_DEPTH_MAX; round++) {
		changed = false;
		for (uint32_t i = 0; i < g->tables.tunnels->capacity; i++)
			if (g->tables.tunnels->tunnels[i] &&
				tunnel_resolve(g, g->tables.tunnels->tunnels[i], &said))
				changed = true;
		if (changed && route_commit(g->routes, &err) != 0)
			log_error(fib, "%s", err.text);
	}
	if (said > SAID_MAX)
		log_notice(tunnel, "and %u more tunnels went up or down", said - SAID_MAX);
}

void
tunnels_resolve_some(struct gateway *g, const uint32_t *indexes, uint32_t n)
{
	bool changed = false;
	uint32_t said = 0;
	struct error err;

	for (uint32_t i = 0; i < n; i++) {
		struct tunnel *t = g->tables.tunnels->tunnels[indexes[i]];

		changed |= t && tunnel_resolve(g, t, &said);
	}
	if (!changed)
		return;
	if (route_commit(g->routes, &err) != 0)
		log_error(fib, "%s", err.text);
	g->ways_changed = true; /* others may be inside these */
}

void
tunnels_follow(struct gateway *g)
{
	if (g->ways_changed)
		tunnels_resolve(g);
}

/* RFC 3948 4: one byte of 0xFF from the tunnel's port to the peer's. NULL: no mbuf. */
static struct rte_mbuf *
keepalive_create(const struct gateway *g, const struct tunnel *t)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(g->workers[0]->pool);
	uint16_t header = t->outer_bytes, udp_bytes = sizeof(struct rte_udp_hdr) + 1;
	uint8_t *data;

	if (!m)
		return NULL;
	data = (uint8_t *)rte_pktmbuf_append(m, header + 1);
	memcpy(data, t->outer, header);
	data[header] = 0xff;
	if (t->outer_family == 4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)data;
		struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

		udp->dgram_len = rte_cpu_to_be_16(udp_bytes);
		ip->total_length = rte_cpu_to_be_16(header + 1);
		ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)data;
		struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

		udp->dgram_len = rte_cpu_to_be_16(udp_bytes);
		ip->payload_len = rte_cpu_to_be_16(udp_bytes);
		udp->dgram_cksum = 0;
		udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
	}
	return m;
}

static void
keepalives_tick(struct gateway *g, uint64_t now)
{
	for (uint32_t i = 0; i < g->tables.tunnels->capacity; i++) {
		struct tunnel *t = g->tables.tunnels->tunnels[i];
		struct rte_mbuf *m;

		if (!t || t->carrier != TUNNEL_UDP || !t->config.keepalive_seconds || !t->up ||
			now < t->keepalive_due_ms)
			continue;
		t->keepalive_due_ms = now + t->config.keepalive_seconds * 1000ull;
		m = keepalive_create(g, t);
		if (!m)
			continue;
		memset(pkt(m), 0, sizeof(struct pkt));
		if (parse_ip(m) != DROP_NONE) {
			rte_pktmbuf_free(m);
			continue;
		}
		pkt(m)->zone = ZONE_SELF;
		pkt(m)->flags |= PKT_PROTECTED;
		pkt(m)->table = t->outer_table;
		slow_send(g, m, TASK_SEND_IP);
	}
}

void
tunnels_tick(struct gateway *g, uint64_t now)
{
	sas_tick(g, now);
	keepalives_tick(g, now);
}
