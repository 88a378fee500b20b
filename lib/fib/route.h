/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ROUTE_H
#define ROUTE_H

/*
 * Routes as people and daemons speak of them: several to one prefix, each with a metric. The lowest
 * metric with a usable way wins, equal ones share by flow (ECMP, at most ECMP_MAX of them). A route
 * to a tunnel that is down leaves the set; when no usable route is left but a down tunnel's, the
 * prefix discards (fail closed) instead of falling through to a shorter prefix. Control lcore.
 *
 * Beside metrics: one of our own addresses beats all; a discard beats its equals. A resolved host
 * stands in for the on-link route that it was resolved on, and is used where there is no other
 * route, but never beats a gateway's, a tunnel's or a discard route to the same prefix, whatever
 * their metric or state: who answers ARP must not draw a tunnel's packets into the clear.
 */

#include "fib.h"
#include "nexthop.h"

enum route_via {
	ROUTE_VIA_ADDRESS, /* a gateway; port says on which link */
	ROUTE_VIA_TUNNEL,
	ROUTE_VIA_PORT, /* on-link */
	ROUTE_VIA_DISCARD,
	ROUTE_VIA_LOCAL,     /* one of our addresses */
	ROUTE_VIA_NEIGHBOUR, /* a resolved on-link host (a /32 or /128 of the neighbour table): addr
				and port */
};

/* Who wants a route. Two may want the same one: it is there until neither does. */
enum route_by {
	ROUTE_BY_GATEWAY, /* it follows from an address of ours, or from a neighbour */
	ROUTE_BY_CONFIG,  /* the configuration or the socket */
};

struct route {
	uint16_t table;
	struct ip_prefix prefix; /* host bits cleared */
	enum route_via via;
	struct ip_addr addr;
	uint16_t port;
	uint32_t tunnel;
	uint32_t metric; /* lower is better */
	uint8_t by;      /* enum route_by; no part of its name */
};

struct route_table;

/* Uses fib and nexthops, which outlive it; what it published stays published. */
struct route_table *route_table_create(
	struct fib *fib, struct nexthop_table *nexthops, struct error *err);
void route_table_destroy(struct route_table *t);

/* Notes the change; seen after route_commit. A route is named by all that its via uses, and its
 * metric. -EEXIST: the same route by the same one is there; -ENOENT; -ENOSPC: no next hop left;
 * -EINVAL. */
int route_add(struct route_table *t, const struct route *route, struct error *err);
int route_delete(struct route_table *t, const struct route *route, struct error *err);

/* A tunnel's state changed: notes what follows for all its routes. Tunnels are down until told
 * otherwise. */
int route_tunnel_state(struct route_table *t, uint32_t tunnel, bool up, struct error *err);

/*
 * Publishes what was noted (fib_commit), then gives back the next hops that nobody uses any more.
 * On an error nothing is published and the changes stay noted: take them back (the opposite of
 * each) and commit again, or make room and commit again.
 */
int route_commit(struct route_table *t, struct error *err);

/* Whether the best way to addr but for host routes of neighbours is the port's link, by what was
 * noted, too. */
bool route_is_on_link(
	const struct route_table *t, uint16_t table, uint16_t port, const struct ip_addr *addr);

/* The routes through tunnels that are down, of the prefix that decides about addr: those of the
 * lowest metric. */
void route_down_tunnels(const struct route_table *t, uint16_t table, const struct ip_addr *addr,
	void (*fn)(const struct route *route, void *arg), void *arg);

/* How many routes lead to a tunnel for this one. */
uint32_t route_tunnel_count(const struct route_table *t, uint32_t tunnel, enum route_by by);

/* How many routes there are, in all tables, and how many prefixes a table has of a family: what
 * fib_limits bounds. */
uint32_t route_count(const struct route_table *t);
uint32_t route_prefixes(const struct route_table *t, uint16_t table, uint8_t family);

/* All of them, once for each who wants it, in the order of table, prefix length and prefix; stops
 * when fn returns non-zero and returns that. */
int route_walk(
	const struct route_table *t, int (*fn)(const struct route *route, void *arg), void *arg);

/* The next hop of a gateway or host on a port, for the neighbour table to set the link of; there
 * from route_add on, so that the link can be set before the commit. NEXTHOP_ID_NONE: no route uses
 * it. */
uint32_t route_neighbour_nexthop(
	const struct route_table *t, uint16_t port, const struct ip_addr *addr);

#endif
