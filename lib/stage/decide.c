/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What happens to a packet: an ordered policy that matches decides; without one the zones decide
 * (doc/architecture.md). Nothing here lets a packet pass in the clear between a protected and an
 * unprotected side but a bypass policy.
 */

#include "ip.h"
#include "parse.h"
#include "stage.h"
#include "way.h"

enum verdict {
	VERDICT_GO,      /* along its route */
	VERDICT_PROTECT, /* into the policy's tunnel, whatever the route says */
	VERDICT_DROP
};

/* What the zone table says without a policy: zone_allows[from][to]. */
static const bool zone_allows[ZONE_COUNT][ZONE_COUNT] = {
	[ZONE_PROTECTED] = {[ZONE_PROTECTED] = true, [ZONE_TUNNEL] = true, [ZONE_SELF] = true},
	[ZONE_UNPROTECTED] = {[ZONE_SELF] = true},
	[ZONE_TUNNEL] = {[ZONE_PROTECTED] = true, [ZONE_TUNNEL] = true, [ZONE_SELF] = true},
	/* what the gateway itself may say to the outside is checked where it is made: ICMP errors,
	   echo replies */
	[ZONE_SELF] = {[ZONE_PROTECTED] = true,
		[ZONE_UNPROTECTED] = true,
		[ZONE_TUNNEL] = true,
		[ZONE_SELF] = true},
};

static inline const struct nexthop *
nexthop_of(const struct worker *w, const struct rte_mbuf *m)
{
	return &w->tables->nexthops[pkt_const(m)->nexthop];
}

/* The zone that the route leads to; without a route the packet would go out unprotected. */
static inline uint8_t
zone_to(const struct worker *w, const struct rte_mbuf *m, const struct nexthop *nh)
{
	const struct port *port;
	struct ip_addr dst;

	switch (nh->type) {
	case NEXTHOP_LOCAL:
		return ZONE_SELF;
	case NEXTHOP_TUNNEL:
	case NEXTHOP_DOWN:
		return ZONE_TUNNEL;
	case NEXTHOP_CONNECTED:
	case NEXTHOP_NEIGHBOUR:
		port = w->tables->ports->ports[nh->port];
		if (port->role != PORT_BOTH)
			return port->role == PORT_PROTECTED ? ZONE_PROTECTED : ZONE_UNPROTECTED;
		dst = ip_dst(m);
		return port_zone(port, &dst);
	default:
		return ZONE_UNPROTECTED;
	}
}

/* Whether the packet's source is the local side of a policy. */
static bool
is_outbound(uint8_t from, uint8_t to)
{
	if (to == ZONE_SELF || from == ZONE_UNPROTECTED)
		return false;
	return from != ZONE_TUNNEL || to != ZONE_PROTECTED;
}

/* ND belongs to the link (RFC 4861): no policy applies to it. */
static bool
is_nd(const struct pkt *p)
{
	return p->family == 6 && p->proto == IPPROTO_ICMPV6 && p->ttl == 255 &&
	       (p->src_port_be & RTE_BE16(0xff00)) >= RTE_BE16(133 << 8) &&
	       (p->src_port_be & RTE_BE16(0xff00)) <= RTE_BE16(137 << 8);
}

/*
 * What we say in answer (ICMP errors, which quote; echo replies) goes where the packet that is
 * answered could have gone, or back to where it came from: it carries nothing from one side to the
 * other.
 */
static inline bool
answer_allowed(const struct pkt *p, uint8_t to)
{
	uint8_t origin;

	if (p->zone != ZONE_SELF || p->answers == 0)
		return true;
	origin = p->answers - 1;
	return origin == ZONE_SELF || origin == to ||
	       (origin != ZONE_UNPROTECTED && to != ZONE_UNPROTECTED && zone_allows[origin][to]);
}

static enum verdict
by_policy(const struct spd_result *r, const struct pkt *p, uint8_t to, enum drop_reason *why)
{
	bool outbound = is_outbound(p->zone, to);

	switch (r->action) {
	case SPD_BYPASS:
		return VERDICT_GO;
	case SPD_PROTECT:
		*why = DROP_zone;
		if (!answer_allowed(p, ZONE_TUNNEL))
			return VERDICT_DROP;
		if (outbound)
			return VERDICT_PROTECT;
		/* it came in: through that very tunnel, or it should not have */
		if (p->zone == ZONE_TUNNEL && p->tunnel == r->tunnel)
			return VERDICT_GO;
		*why = DROP_policy_protect;
		return p->zone == ZONE_PROTECTED ? VERDICT_GO : VERDICT_DROP;
	default:
		*why = DROP_policy_discard;
		return VERDICT_DROP;
	}
}

static inline enum verdict
by_zone(const struct rte_mbuf *m, uint8_t to, enum drop_reason *why)
{
	const struct pkt *p = pkt_const(m);

	*why = DROP_zone;
	if (!zone_allows[p->zone][to] || !answer_allowed(p, to))
		return VERDICT_DROP;
	/* to us from outside: what the outside may ask of us without a policy */
	if (to == ZONE_SELF && p->zone == ZONE_UNPROTECTED && !icmp_is_echo_request(m)) {
		*why = DROP_local_unhandled;
		return VERDICT_DROP;
	}
	return VERDICT_GO;
}

/* Why a packet that may go has nowhere to go; DROP_NONE when it has. */
static inline enum drop_reason
no_way(const struct nexthop *nh)
{
	switch (nh->type) {
	case NEXTHOP_NONE:
		return DROP_no_route;
	case NEXTHOP_DISCARD:
		return DROP_route_discard;
	case NEXTHOP_DOWN:
		return DROP_tunnel_down;
	default:
		return DROP_NONE;
	}
}

static void __rte_noinline
drop_undeliverable(struct worker *w, struct rte_mbuf *m, enum drop_reason why)
{
	bool silent = why == DROP_route_discard;

	pkt(m)->tunnel = TUNNEL_NONE; /* of no tunnel alone: acquire asks the routes */
	if (silent)
		drop(w, m, why);
	else
		drop_with_error(w, m, why,
			why == DROP_tunnel_down ? ICMP_ERR_HOST_UNREACHABLE
						: ICMP_ERR_NET_UNREACHABLE,
			0);
}

/* The router's part: scope, TTL. false: the packet is gone. */
static inline bool
may_forward(struct worker *w, struct rte_mbuf *m)
{
	struct pkt *p = pkt(m);

	if (p->zone == ZONE_SELF)
		return true;
	if (parse_is_link_scope(m) || (p->flags & PKT_ETH_MULTICAST)) {
		drop(w, m, DROP_martian_destination);
		return false;
	}
	if (p->ttl <= 1) {
		drop_with_error(w, m, DROP_ttl_expired, ICMP_ERR_TIME_EXCEEDED, 0);
		return false;
	}
	ip_ttl_decrement(m);
	return true;
}

/* Both bursts were empty when the stage began: there is room for all that it was given. A packet
 * that goes to a port keeps the tunnel that it came out of: errors are answered by that. */
static inline void
protect(struct worker *w, struct rte_mbuf *m, uint32_t tunnel)
{
	pkt(m)->tunnel = tunnel;
	burst_add(&w->protect, m);
}

/* To the port or into the tunnel that its route says. */
static inline void
forward(struct worker *w, struct rte_mbuf *m, const struct nexthop *nh)
{
	if (!may_forward(w, m))
		return;
	if (nh->type == NEXTHOP_TUNNEL)
		protect(w, m, nh->tunnel);
	else
		burst_add(&w->output, m);
}

/* To the control lcore, if it is anything that is taken there; within its rate. */
static void
deliver(struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *p = pkt(m);
	uint8_t type = (uint8_t)(rte_be_to_cpu_16(p->src_port_be) >> 8);

	if (icmp_is_echo_request(m)) {
		if (worker_may(w, &w->budget.echoes))
			worker_to_control(w, m, TASK_LOCAL);
		else
			drop(w, m, DROP_rate_limited);
	} else if (p->family == 6 && p->proto == IPPROTO_ICMPV6 && type >= 133 && type <= 137) {
		worker_to_control(w, m, TASK_LOCAL);
	} else {
		drop(w, m, DROP_local_unhandled);
	}
}

static inline void
go(struct worker *w, struct rte_mbuf *m, const struct nexthop *nh)
{
	enum drop_reason why = no_way(nh);

	if (why != DROP_NONE) {
		drop_undeliverable(w, m, why);
		return;
	}
	if (nh->type == NEXTHOP_LOCAL) {
		deliver(w, m);
		return;
	}
	forward(w, m, nh);
}

static inline void
decide_one(struct worker *w, struct rte_mbuf *m, uint8_t to, struct spd *spd,
	const struct spd_result *r)
{
	struct pkt *p = pkt(m);
	const struct nexthop *nh = nexthop_of(w, m);
	enum drop_reason why = DROP_NONE;
	enum verdict verdict;

	if ((p->flags & PKT_PROTECTED) || (to == ZONE_SELF && is_nd(p))) {
		go(w, m, nh);
		return;
	}
	if (r->action != SPD_NO_MATCH) {
		spd_hit(spd, w->index, r->policy, m->pkt_len);
		if (unlikely(w->watcher.watch))
			watch_policy(&w->watcher, m, r, spd_policy_id(spd, r->policy));
		verdict = by_policy(r, p, to, &why);
	} else {
		why = no_way(nh);
		if (why != DROP_NONE && p->zone != ZONE_UNPROTECTED) {
			drop_undeliverable(w, m, why);
			return;
		}
		verdict = by_zone(m, to, &why);
	}
	switch (verdict) {
	case VERDICT_GO:
		go(w, m, nh);
		break;
	case VERDICT_PROTECT:
		if (may_forward(w, m))
			protect(w, m, r->tunnel);
		break;
	case VERDICT_DROP:
		drop_with_error(w, m, why, ICMP_ERR_ADMIN_PROHIBITED, 0);
	}
}

/* Looks up the policies of all packets of one orientation. results is by packet. */
static void
classify(const struct spd *spd, struct rte_mbuf **pkts, const uint8_t *to, uint16_t n,
	bool outbound, struct spd_result *results)
{
	struct rte_mbuf *some[BURST_MAX];
	struct spd_result found[BURST_MAX];
	uint16_t which[BURST_MAX], k = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (is_outbound(pkt(pkts[i])->zone, to[i]) != outbound)
			continue;
		which[k] = i;
		some[k++] = pkts[i];
	}
	if (k)
		spd_classify(spd, some, k, outbound, found);
	for (uint16_t i = 0; i < k; i++)
		results[which[i]] = found[i];
}

static void
decide_by_policies(struct worker *w, struct spd *spd, struct rte_mbuf **pkts, uint16_t n)
{
	struct spd_result results[BURST_MAX];
	uint8_t to[BURST_MAX] = {0};
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (nexthop_of(w, m)->type != NEXTHOP_LOCAL || stage_envelope(w, &m))
			pkts[kept++] = m;
	}
	n = kept;
	for (uint16_t i = 0; i < n; i++)
		to[i] = zone_to(w, pkts[i], nexthop_of(w, pkts[i]));
	memset(results, 0, n * sizeof(results[0]));
	classify(spd, pkts, to, n, true, results);
	classify(spd, pkts, to, n, false, results);
	for (uint16_t i = 0; i < n; i++)
		decide_one(w, pkts[i], to[i], spd, &results[i]);
}

/* Whether the zone table has one word for all packets from a zone to a next hop, and it is yes. */
static inline bool
all_may_go(const struct worker *w, uint8_t from, const struct nexthop *nh)
{
	const struct port *port;

	if (from == ZONE_SELF)
		return false;
	switch (nh->type) {
	case NEXTHOP_TUNNEL:
		return zone_allows[from][ZONE_TUNNEL];
	case NEXTHOP_CONNECTED:
	case NEXTHOP_NEIGHBOUR:
		port = w->tables->ports->ports[nh->port];
		return port->role != PORT_BOTH &&
		       zone_allows[from][port->role == PORT_PROTECTED ? ZONE_PROTECTED
								      : ZONE_UNPROTECTED];
	default:
		return false;
	}
}

/* As most packets are that are forwarded: may_forward has nothing to say but that the TTL goes
 * down. */
static inline bool
is_plain_transit(const struct pkt *p)
{
	return p->plain && p->ttl > 1 && !(p->flags & PKT_ETH_MULTICAST);
}

/* Into a tunnel. */
static inline void
forward_to_tunnel(struct worker *w, const struct nexthop *nh, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (unlikely(!is_plain_transit(pkt(m)))) {
			forward(w, m, nh);
			continue;
		}
		ip_ttl_decrement(m);
		protect(w, m, nh->tunnel);
	}
}

/* What is_plain_transit asks of the first word of the view, of packets of one zone and family. */
#define PLAIN_TRANSIT_MASK                                                                         \
	((uint64_t)UINT8_MAX << PKT_ZONE_SHIFT | (uint64_t)UINT8_MAX << PKT_FAMILY_SHIFT |         \
		(uint64_t)PKT_ETH_MULTICAST << PKT_FLAGS_SHIFT)
#define PLAIN_TRANSIT_TTL (UINT64_C(2) << PKT_TTL_SHIFT) /* it is the highest byte */

/*
 * Frames for neighbours on the port with this way, of packets of one zone and family, as far as
 * they are as most are. Returns how many from the first on; the others are as they were.
 * header_bytes: the way's, as a constant where it is the common one.
 */
static __rte_always_inline uint16_t
frames_plain(const struct nexthop *entries, const struct way *way, uint16_t header_bytes,
	struct rte_mbuf **pkts, uint16_t n)
{
	const uint16_t port = way->port->index;
	const uint8_t family = pkt(pkts[0])->family;
	const uint64_t alike = (uint64_t)pkt(pkts[0])->zone << PKT_ZONE_SHIFT |
			       (uint64_t)family << PKT_FAMILY_SHIFT;
	uint16_t done = 0;

	for (; done < n; done++) {
		struct rte_mbuf *m = pkts[done];
		struct pkt *p = pkt(m);
		const struct nexthop *nh = &entries[p->nexthop];
		const uint64_t link = __atomic_load_n(&nh->link, __ATOMIC_RELAXED);
		uint8_t *at;

		if (unlikely((p->word0 & PLAIN_TRANSIT_MASK) != alike ||
			     p->word0 < PLAIN_TRANSIT_TTL || !p->plain || p->frag_mtu ||
			     nh->type != NEXTHOP_NEIGHBOUR || nh->port != port ||
			     !(link & NEXTHOP_LINK_REACHABLE) || m->pkt_len > way->mtu ||
			     !pkt_has_headroom(m, header_bytes)))
			break;
		at = rte_pktmbuf_mtod(m, uint8_t *);
		if (likely(family == 4))
			ip4_ttl_decrement((struct rte_ipv4_hdr *)at);
		else
			((struct rte_ipv6_hdr *)at)->hop_limits--;
		p->ttl--;
		pkt_move(m, (int16_t)header_bytes, header_bytes);
		way_header_write(way, link, header_bytes, at - header_bytes, family);
	}
	return done;
}

/* The common one. A function of its own, for the compiler to have all registers. */
static __rte_noinline uint16_t
frames_untagged(
	const struct nexthop *entries, const struct way *way, struct rte_mbuf **pkts, uint16_t n)
{
	return frames_plain(entries, way, RTE_ETHER_HDR_LEN, pkts, n);
}

/*
 * To neighbours on one port, from a zone that may send there: what is as most packets are becomes a
 * frame at once. Returns how many packets from the first on are done. What is left to stage_output
 * ends it for this burst, so that the order stays.
 */
static inline uint16_t
forward_to_port(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const uint16_t port = nexthop_of(w, pkts[0])->port;
	const struct way way = way_of_port(w->tables->ports->ports[port]);
	uint16_t done;

	if (unlikely(w->output.n))
		return 0;
	if (likely(way.header_bytes == RTE_ETHER_HDR_LEN))
		done = frames_untagged(w->tables->nexthops, &way, pkts, n);
	else
		done = frames_plain(w->tables->nexthops, &way, way.header_bytes, pkts, n);
	if (likely(done))
		stage_frames(w, port, pkts, done);
	return done;
}

/* How many packets from the first on come from one zone and have one next hop. */
static inline uint16_t
go_alike(struct rte_mbuf **pkts, uint16_t n)
{
	const struct pkt *first = pkt(pkts[0]);
	const uint32_t nexthop = first->nexthop;
	const uint8_t zone = first->zone;
	uint16_t same = 1;

	while (same < n && pkt(pkts[same])->nexthop == nexthop && pkt(pkts[same])->zone == zone)
		same++;
	return same;
}

/* Without policies the zones decide: once, where they can, for packets that go alike. Returns how
 * many from the first on. */
static inline uint16_t
decide_run(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	static const struct spd_result no_match = {.action = SPD_NO_MATCH};
	const struct nexthop *nh = nexthop_of(w, pkts[0]);
	const bool may_go = all_may_go(w, pkt(pkts[0])->zone, nh);
	uint16_t done = 0;

	if (likely(may_go && nh->type == NEXTHOP_NEIGHBOUR))
		done = forward_to_port(w, pkts, n);
	if (likely(done))
		return done;
	n = go_alike(pkts, n);
	if (likely(may_go && nh->type == NEXTHOP_TUNNEL)) {
		rte_prefetch0(&w->tables->tunnels->tunnels[nh->tunnel]);
		forward_to_tunnel(w, nh, pkts, n);
		return n;
	}
	for (; done < n; done++) {
		struct rte_mbuf *m = pkts[done];

		if (may_go)
			forward(w, m, nh);
		else if (nh->type != NEXTHOP_LOCAL || stage_envelope(w, &m))
			decide_one(w, m, zone_to(w, m, nh), NULL, &no_match);
	}
	return n;
}

void
stage_decide(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct spd *spd = __atomic_load_n(&w->tables->spd, __ATOMIC_ACQUIRE);

	if (unlikely(spd && n > 0)) {
		decide_by_policies(w, spd, pkts, n);
		return;
	}
	for (uint16_t done = 0; done < n;)
		done += decide_run(w, pkts + done, n - done);
}
