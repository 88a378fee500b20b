/* SPDX-License-Identifier: BSD-3-Clause */

/* What follows for tunnels from routes, SAs and time: outer next hop, MTU, oper state, keepalives.
 */

#include <rte_malloc.h>

#include "internal.h"
#include "ip.h"
#include "parse.h"

enum {
	SAID_MAX = 32,      /* tunnels named when many go up or down at once */
	SAS_A_TICK = 16384, /* SAs whose lifetimes are looked at in one tick: 100,000 in 0.7 s */
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

static bool
has_live_sa(const struct gateway *g, const struct tunnel *t)
{
	for (uint16_t i = 0; i < g->n_workers; i++)
		if (t->workers[i].sa_out)
			return true;
	return false;
}

/* Takes over what the outer route says. */
static void
tunnel_update(const struct gateway *g, struct tunnel *t)
{
	struct outer_way way = outer_way(g, t);
	bool up = t->config.up && way.mtu != 0 && has_live_sa(g, t);

	__atomic_store_n(&t->outer_nexthop, way.nexthop, __ATOMIC_RELAXED);
	__atomic_store_n(&t->loop, way.loop, __ATOMIC_RELAXED);
	__atomic_store_n(&t->receives,
		fib_lookup(g->fib, t->outer_table, &t->config.local) == NEXTHOP_ID_LOCAL,
		__ATOMIC_RELAXED);
	if (way.mtu)
		tunnel_mtu_update(t, way.mtu);
	__atomic_store_n(&t->up, up, __ATOMIC_RELAXED);
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
tunnels_follow(struct gateway *g)
{
	if (g->ways_changed)
		tunnels_resolve(g);
}

/* The outbound SA for a worker's packets: its own (RFC 9611), else the newest that is nobody's own,
 * else the newest of all. */
static struct sa *
choose_sa(const struct gateway *g, uint32_t tunnel, uint16_t worker)
{
	struct sa *fallback = NULL, *any = NULL;

	for (uint32_t i = g->newest_out[tunnel]; i != SA_NONE; i = g->sas[i].older) {
		const struct gateway_sa *s = &g->sas[i];

		if (s->over)
			continue;
		if (s->has_owner && s->sa->owner == worker)
			return s->sa;
		if (!s->has_owner && !fallback)
			fallback = s->sa;
		if (!any)
			any = s->sa;
	}
	return fallback ? fallback : any;
}

void
tunnel_sas_assign(struct gateway *g, uint32_t tunnel)
{
	struct tunnel *t = g->tables.tunnels->tunnels[tunnel];

	for (uint16_t w = 0; w < g->n_workers; w++)
		__atomic_store_n(&t->workers[w].sa_out, choose_sa(g, tunnel, w), __ATOMIC_RELEASE);
}

/* true: the SA's end, which has not been dealt with. */
static bool
sa_over(struct gateway_sa *s, uint64_t now)
{
	struct sa *sa = s->sa;

	if (s->over)
		return false;
	if (s->expires_ms && now >= s->expires_ms)
		__atomic_store_n(&sa->hot.expired, 1, __ATOMIC_RELAXED);
	return __atomic_load_n(&sa->hot.ended, __ATOMIC_RELAXED) || sa->hot.expired;
}

/* What ended it: "hard" (a lifetime), or "sequence" (its numbers). */
static const char *
sa_end_word(const struct sa *sa)
{
	const struct sa_hot *hot = &sa->hot;

	if (hot->expired || counter_read(&hot->traffic.packets) >= hot->hard_packets ||
		counter_read(&hot->traffic.bytes) >= hot->hard_bytes)
		return "hard";
	return "sequence";
}

static bool
sa_soft_over(const struct gateway_sa *s, uint64_t now)
{
	const struct sa_lifetime *soft = &s->sa->soft;
	const struct counter *traffic = &s->sa->hot.traffic;

	return (s->soft_ms && now >= s->soft_ms) ||
	       (soft->packets && counter_read(&traffic->packets) >= soft->packets) ||
	       (soft->bytes && counter_read(&traffic->bytes) >= soft->bytes);
}

static void
say_expired(const struct gateway *g, const struct gateway_sa *s, const char *what)
{
	gateway_tell(g, &(struct gateway_event){.kind = EVENT_expire,
				.what = what,
				.sa = s->sa,
				.tunnel = g->tables.tunnels->tunnels[s->tunnel]});
}

static void
sas_tick(struct gateway *g, uint64_t now)
{
	uint32_t n = RTE_MIN(g->n_sas, (uint32_t)SAS_A_TICK);

	for (; n > 0; n--) {
		struct gateway_sa *s = &g->sas[g->sa_cursor];

		g->sa_cursor = (g->sa_cursor + 1) % g->n_sas;
		if (!s->sa->soft_told && sa_soft_over(s, now)) {
			s->sa->soft_told = true;
			log_notice(sa, "SPI 0x%08x: soft lifetime over",
				rte_be_to_cpu_32(s->sa->spi_be));
			say_expired(g, s, "soft");
		}
		if (!sa_over(s, now))
			continue;
		s->over = true;
		log_warn(sa, "SPI 0x%08x: %s", rte_be_to_cpu_32(s->sa->spi_be),
			s->sa->hot.expired ? "hard lifetime over"
					   : "sequence numbers or hard lifetime used up");
		say_expired(g, s, sa_end_word(s->sa));
		if (s->sa->direction == SA_OUT) {
			tunnel_sas_assign(g, s->tunnel);
			g->ways_changed = true;
		}
	}
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
