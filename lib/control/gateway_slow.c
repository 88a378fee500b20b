/* SPDX-License-Identifier: BSD-3-Clause */

/* What the workers leave to the control lcore: ARP and ND, echo, ICMP errors, packets without a
 * link-layer address. */

#include <errno.h>
#include <netinet/in.h>

#include <rte_ether.h>

#include "internal.h"
#include "ip.h"
#include "parse.h"

enum {
	ND_NEIGHBOUR_SOLICITATION = 135,
	ND_NEIGHBOUR_ADVERTISEMENT = 136,
	ACQUIRE_MS = 1000, /* between two of one tunnel */
};

void
slow_drop(struct gateway *g, struct rte_mbuf *m, enum drop_reason why)
{
	g->drops[why]++;
	if (g->look.watcher.watch) {
		watch_drop(&g->look.watcher, m, why);
		watch_end(&g->look.watcher, m);
	}
	rte_pktmbuf_free(m);
}

/* To a worker, which sends it. Any of them can: what it cannot send itself it hands on. */
void
slow_send(struct gateway *g, struct rte_mbuf *m, enum pkt_task task)
{
	pkt(m)->task = (uint8_t)task;
	if (rte_ring_enqueue(g->inboxes[0], m) != 0)
		slow_drop(g, m, DROP_handover_full);
}

static bool
limiter_take(struct limiter *l, uint64_t now)
{
	l->tokens += (double)(now - l->last_ms) * l->rate / 1000;
	l->tokens = RTE_MIN(l->tokens, (double)l->rate);
	l->last_ms = now;
	if (l->tokens < 1) {
		l->refused++;
		return false;
	}
	l->tokens -= 1;
	l->taken++;
	return true;
}

/* Our address of this family in a table's port list: the one on the sender's link first. */
static const struct ip_addr *
port_source(const struct port *p, const struct ip_addr *towards)
{
	const struct ip_addr *any = NULL;

	for (uint32_t i = 0; i < p->n_addresses; i++) {
		const struct port_address *a = &p->addresses[i];
		struct ip_prefix prefix = {a->addr, a->length};

		if (a->addr.family != towards->family)
			continue;
		if (ip_prefix_contains(&prefix, towards))
			return &a->addr;
		if (!any && !ip_addr_is_link_local(&a->addr))
			any = &a->addr;
	}
	return any;
}

/* The address that a message of ours about m comes from; NULL when we have none of the family. */
static const struct ip_addr *
own_source(const struct gateway *g, const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	struct ip_addr towards = ip_src(m);
	const struct ip_addr *found = NULL;

	if (p->flags & PKT_DECRYPTED) {
		const struct tunnel *t =
			tunnel_get(g->tables.tunnels, p->tunnel, p->tunnel_generation);

		if (t && t->config.address.family == p->family)
			return &t->config.address;
		if (t && t->config.address6.family == p->family)
			return &t->config.address6;
	} else {
		found = port_source(g->tables.ports->ports[p->port], &towards);
	}
	for (uint16_t i = 0; !found && i < g->tables.ports->count; i++)
		if (g->tables.ports->ports[i]->table == p->table &&
			g->tables.ports->ports[i]->role != PORT_UNPROTECTED)
			found = port_source(g->tables.ports->ports[i], &towards);
	return found;
}

/* How a packet ends that its source was to hear of. */
static void
look_answer(const struct gateway *g, struct rte_mbuf *m, bool answered)
{
	const struct pkt *p = pkt(m);

	if (!g->look.watcher.watch)
		return;
	watch_control(&g->look.watcher, m, answered ? TRACE_answer : TRACE_no_answer,
		(uint32_t)p->icmp_type << 8 | p->icmp_code);
	watch_end(&g->look.watcher, m);
}

static void
look_wait(const struct gateway *g, struct rte_mbuf *m, uint16_t port, const struct ip_addr *addr)
{
	if (g->look.watcher.watch)
		watch_neighbour(&g->look.watcher, m, port, addr);
}

static void
icmp_error(struct gateway *g, struct rte_mbuf *m, uint64_t now)
{
	const struct ip_addr *source = own_source(g, m);
	struct rte_mbuf *error = NULL;

	/* its death was counted where it happened */
	if (source && limiter_take(&g->error_limit, now))
		error = icmp_error_create(m, source, g->workers[0]->pool);
	if (error) {
		pkt(error)->answers = pkt(m)->zone + 1;
		slow_send(g, error, TASK_SEND_IP);
	}
	look_answer(g, m, error != NULL);
	rte_pktmbuf_free(m);
}

static void
echo(struct gateway *g, struct rte_mbuf *m, uint64_t now)
{
	const struct ip_addr *source = own_source(g, m);
	struct ip_addr asker = ip_src(m), asked = ip_dst(m);
	uint16_t port = pkt(m)->port;

	if (!limiter_take(&g->echo_limit, now)) {
		slow_drop(g, m, DROP_rate_limited);
		return;
	}
	/* RFC 1122 3.2.2.6: a broadcast or IPv4 multicast one may be ignored, and is */
	if ((pkt(m)->flags & PKT_ETH_MULTICAST) &&
		!(asked.family == 6 && ip_addr_is_multicast(&asked))) {
		slow_drop(g, m, DROP_local_unhandled);
		return;
	}
	if (!source || !icmp_echo_reply(m, ip_addr_is_multicast(&asked) ? source : &asked)) {
		slow_drop(g, m, DROP_local_unhandled);
		return;
	}
	pkt(m)->answers = pkt(m)->zone + 1;
	pkt(m)->zone = ZONE_SELF;
	pkt(m)->flags &= PKT_DF;
	if (g->look.watcher.watch)
		watch_control(&g->look.watcher, m, TRACE_reply, 0);
	/* no table knows the link of a link-local address, but the request came over it */
	if (!ip_addr_is_link_local(&asker)) {
		slow_send(g, m, TASK_SEND_IP);
		return;
	}
	look_wait(g, m, port, &asker);
	neigh_resolve(g->neighbours, port, &asker, m, now);
}

static void
local(struct gateway *g, struct rte_mbuf *m, uint64_t now)
{
	const struct pkt *p = pkt(m);
	uint8_t type = (uint8_t)(rte_be_to_cpu_16(p->src_port_be) >> 8);
	bool icmp6 = p->family == 6 && p->proto == IPPROTO_ICMPV6;

	if (icmp6 && (type == ND_NEIGHBOUR_SOLICITATION || type == ND_NEIGHBOUR_ADVERTISEMENT) &&
		!(p->flags & PKT_DECRYPTED))
		neigh_nd_input(g->neighbours, m, now);
	else if (icmp_is_echo_request(m))
		echo(g, m, now);
	else
		slow_drop(g, m, DROP_local_unhandled);
}

/* Whether the next hop that a packet was given is its way still: it may be another one's by now,
 * when its route went while the packet was on its way here. A host that was resolved meanwhile is
 * on the same port. */
static bool
is_way_of(const struct gateway *g, const struct rte_mbuf *m, uint32_t id)
{
	const struct nexthop *entries = g->tables.nexthops;
	struct ip_addr dst = ip_dst(m);
	const struct nexthop *now = &entries[fib_lookup(g->fib, pkt_const(m)->table, &dst)];

	for (uint8_t i = 0; now->type == NEXTHOP_GROUP && i < now->n_members; i++)
		if (now->members[i] == id)
			return true;
	return (now->type == NEXTHOP_NEIGHBOUR || now->type == NEXTHOP_CONNECTED) &&
	       now->port == entries[id].port;
}

static void
resolve(struct gateway *g, struct rte_mbuf *m, uint64_t now)
{
	const struct nexthop *nh = &g->tables.nexthops[pkt(m)->nexthop];
	struct ip_addr addr = nh->type == NEXTHOP_NEIGHBOUR ? nh->addr : ip_dst(m);

	if ((nh->type != NEXTHOP_NEIGHBOUR && nh->type != NEXTHOP_CONNECTED) ||
		!is_way_of(g, m, pkt(m)->nexthop)) {
		slow_drop(g, m, DROP_no_route);
		return;
	}
	look_wait(g, m, nh->port, &addr);
	neigh_resolve(g->neighbours, nh->port, &addr, m, now);
}

/* What acquire says of a packet, for all tunnels that would carry it. */
struct acquiring {
	struct gateway *g;
	struct gateway_event event;
	uint64_t now;
};

/* RFC 2367 3.1.6: a daemon is asked, once in a while. */
static void
acquire_tunnel(const struct route *route, void *arg)
{
	struct acquiring *a = arg;
	const struct tunnel *t = a->g->tables.tunnels->tunnels[route->tunnel];
	struct gateway_tunnel *own = &a->g->by_tunnel[route->tunnel];

	if (!t || !t->config.up || tunnel_has_sa(a->g, t) || a->now < own->acquire_ms)
		return;
	own->acquire_ms = a->now + ACQUIRE_MS;
	a->event.tunnel = t;
	gateway_tell(a->g, &a->event);
}

static void
acquire(struct gateway *g, struct rte_mbuf *m, uint64_t now)
{
	const struct pkt *p = pkt(m);
	bool error_due = p->argument;
	struct acquiring a = {.g = g,
		.now = now,
		.event = {.kind = EVENT_acquire,
			.what = "needed",
			.src = ip_src(m),
			.dst = ip_dst(m),
			.protocol = p->proto,
			.src_port = rte_be_to_cpu_16(p->src_port_be),
			.dst_port = rte_be_to_cpu_16(p->dst_port_be)}};
	const struct route only = {.via = ROUTE_VIA_TUNNEL, .tunnel = p->tunnel};

	if (p->tunnel != TUNNEL_NONE)
		acquire_tunnel(&only, &a);
	else
		route_down_tunnels(g->routes, p->table, &a.event.dst, acquire_tunnel, &a);
	if (!error_due) {
		if (g->look.watcher.watch)
			watch_end(&g->look.watcher, m);
		rte_pktmbuf_free(m);
		return;
	}
	pkt(m)->argument = 0;
	pkt(m)->task = TASK_ICMP_ERROR;
	icmp_error(g, m, now);
}

uint16_t
slow_poll(struct gateway *g)
{
	struct rte_mbuf *pkts[BURST_DEFAULT];
	uint16_t n = rte_ring_dequeue_burst(g->to_control, (void **)pkts, RTE_DIM(pkts), NULL);
	uint64_t now = n ? now_ms() : 0;

	for (uint16_t i = 0; i < n; i++)
		switch (pkt(pkts[i])->task) {
		case TASK_ARP:
			neigh_arp_input(g->neighbours, pkts[i], now);
			break;
		case TASK_LOCAL:
			local(g, pkts[i], now);
			break;
		case TASK_RESOLVE:
			resolve(g, pkts[i], now);
			break;
		case TASK_AUDIT:
			audit_record(g, pkts[i]);
			break;
		case TASK_ICMP_ERROR:
			icmp_error(g, pkts[i], now);
			break;
		case TASK_ACQUIRE:
			acquire(g, pkts[i], now);
			break;
		case TASK_MAPPING:
			mapping_notice(g, pkts[i]);
			break;
		default:
			slow_drop(g, pkts[i], DROP_local_unhandled);
		}
	g->slow_packets += n;
	tunnels_follow(g);
	return n;
}

static void
neigh_send_frame(void *arg, uint16_t port, struct rte_mbuf *m)
{
	memset(pkt(m), 0, sizeof(struct pkt));
	pkt(m)->port = port;
	slow_send(arg, m, TASK_SEND_FRAME);
}

struct route
neighbour_route(const struct gateway *g, const struct neigh *n)
{
	return (struct route){.table = g->tables.ports->ports[n->port]->table,
		.prefix = {n->addr, ip_addr_bits(&n->addr)},
		.via = ROUTE_VIA_NEIGHBOUR,
		.addr = n->addr,
		.port = n->port};
}

bool
neighbour_is_on_link(const struct gateway *g, const struct neigh *n)
{
	return !ip_addr_is_link_local(&n->addr) &&
	       route_is_on_link(
		       g->routes, g->tables.ports->ports[n->port]->table, n->port, &n->addr);
}

/*
 * A host route for each neighbour on an on-link prefix, so that the packet path finds it by the one
 * lookup that it makes anyway; a gateway's next hop learns its link.
 */
static void
neigh_changed(void *arg, const struct neigh *n, bool reachable)
{
	struct gateway *g = arg;
	struct route r = neighbour_route(g, n);
	int rc = -ENOENT; /* no route changed */
	struct error err;
	uint32_t id;

	gateway_tell(g, &(struct gateway_event){.kind = EVENT_neighbour,
				.what = reachable ? "reachable" : "failed",
				.port = g->tables.ports->ports[n->port],
				.neigh = n});
	if (!reachable)
		rc = route_delete(g->routes, &r, &err);
	else if (neighbour_is_on_link(g, n))
		rc = route_add(g->routes, &r, &err);
	if (rc != 0 && rc != -EEXIST && rc != -ENOENT)
		log_error(neigh, "%s", err.text);
	/* before readers see the route: it is usable from the first packet on */
	id = route_neighbour_nexthop(g->routes, n->port, &n->addr);
	if (id != NEXTHOP_ID_NONE)
		nexthop_set_link(g->nexthops, id, n->mac, reachable);
	if (rc != 0)
		return;
	if (route_commit(g->routes, &err) != 0) {
		log_error(fib, "%s", err.text);
		/* without its host route the neighbour is still served, by way of the control lcore
		 */
		if (reachable && route_delete(g->routes, &r, &err) == 0)
			route_commit(g->routes, &err);
	}
	g->ways_changed = true;
}

static void
neigh_release(void *arg, const struct neigh *n, struct rte_mbuf *m)
{
	struct gateway *g = arg;
	const struct port *p = g->tables.ports->ports[n->port];
	uint32_t nexthop = route_neighbour_nexthop(g->routes, n->port, &n->addr);
	uint8_t family = pkt(m)->family;
	struct rte_mbuf *head;

	/* the common way, with all its checks; no route leads to a link-local address */
	if (nexthop != NEXTHOP_ID_NONE) {
		pkt(m)->nexthop = nexthop;
		slow_send(g, m, TASK_SEND_NEXTHOP);
		return;
	}
	if (m->pkt_len > p->mtu) {
		slow_drop(g, m, DROP_too_big);
		return;
	}
	head = pkt_prepend(m, p->header_bytes);

	if (!head) {
		slow_drop(g, m, DROP_no_mbuf);
		return;
	}
	port_header_write(p, rte_pktmbuf_mtod(head, uint8_t *), n->mac, family);
	neigh_send_frame(g, n->port, head);
}

static void
neigh_drop(void *arg, struct rte_mbuf *m, enum drop_reason why)
{
	struct gateway *g = arg;

	if (why != DROP_neighbour_failed || (pkt(m)->flags & PKT_PROTECTED) ||
		pkt(m)->zone == ZONE_SELF) {
		slow_drop(g, m, why);
		return;
	}
	g->drops[why]++;
	if (g->look.watcher.watch)
		watch_drop(&g->look.watcher, m, why);
	icmp_error_request(m, ICMP_ERR_HOST_UNREACHABLE, 0);
	if (icmp_error_allowed(m)) {
		icmp_error(g, m, now_ms());
		return;
	}
	if (g->look.watcher.watch)
		watch_end(&g->look.watcher, m);
	rte_pktmbuf_free(m);
}

const struct neigh_ops slow_neigh_ops = {
	.send_frame = neigh_send_frame,
	.changed = neigh_changed,
	.release = neigh_release,
	.drop = neigh_drop,
};
