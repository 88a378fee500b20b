/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NEXTHOP_H
#define NEXTHOP_H

/*
 * What a route leads to. A FIB entry is an index into one table of these. The control lcore writes;
 * an entry that is published changes only in its atomic word (link), and an index is reused only
 * after a grace period. Each NUMA node with workers has the table once.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

#include "addr.h"
#include "errmsg.h"
#include "numa.h"
#include "sizes.h"

enum nexthop_type {
	NEXTHOP_NONE,      /* index 0: no route */
	NEXTHOP_DISCARD,   /* a route that says discard */
	NEXTHOP_DOWN,      /* a route whose tunnels are all down */
	NEXTHOP_LOCAL,     /* one of our addresses, a multicast group that we listen to */
	NEXTHOP_CONNECTED, /* an on-link prefix: the neighbour is the destination itself, not known
			      yet */
	NEXTHOP_NEIGHBOUR, /* a gateway or an on-link host: link says where */
	NEXTHOP_TUNNEL,
	NEXTHOP_GROUP, /* ECMP: members */
};

enum {
	NEXTHOP_ID_NONE = 0,
	NEXTHOP_ID_DISCARD = 1,
	NEXTHOP_ID_DOWN = 2,
	NEXTHOP_ID_LOCAL = 3,
	NEXTHOP_ID_FIRST_FREE = 4,
};

/* The link word: a MAC address in the low 48 bits (byte 0 of the address lowest), and: */
#define NEXTHOP_LINK_REACHABLE (1ull << 63)
#define NEXTHOP_LINK_MAC 0xffffffffffffull

struct nexthop {
	uint8_t type; /* enum nexthop_type */
	uint8_t n_members;
	uint16_t port;       /* CONNECTED, NEIGHBOUR: index */
	uint32_t tunnel;     /* TUNNEL: index */
	uint64_t link;       /* NEIGHBOUR: atomic */
	struct ip_addr addr; /* NEIGHBOUR: whose link-layer address */
	uint32_t *members;   /* GROUP: indexes of TUNNEL, NEIGHBOUR or CONNECTED entries */
} __rte_cache_aligned;

struct nexthop_table;

struct nexthop_table *nexthop_table_create(uint32_t capacity, struct rte_rcu_qsbr *qsbr,
	const struct numa_nodes *nodes, struct error *err);
void nexthop_table_destroy(struct nexthop_table *t);

/* Finds or makes the entry with these values (link is kept when it exists) and takes a reference.
 * *id. A group holds a reference on each of its members, which are copied. -ENOSPC, -ENOMEM.
 * Control. */
int nexthop_get(
	struct nexthop_table *t, const struct nexthop *like, uint32_t *id, struct error *err);
/* The entry with these values, or NEXTHOP_ID_NONE. Takes no reference. Control. */
uint32_t nexthop_find(const struct nexthop_table *t, const struct nexthop *like);
/* The last put retires the index: it is free for reuse after nexthop_reclaim has waited for a grace
 * period. Fixed ids are ignored. */
void nexthop_put(struct nexthop_table *t, uint32_t id);
/* Frees what was retired before the last completed grace period; waits for one when `wait`. */
void nexthop_reclaim(struct nexthop_table *t, bool wait);

/* Sets the link word of a NEIGHBOUR entry. */
void nexthop_set_link(struct nexthop_table *t, uint32_t id, const uint8_t mac[6], bool reachable);

uint32_t nexthop_count(const struct nexthop_table *t);

struct nexthop_usage {
	uint32_t count, capacity; /* without the fixed ones */
	uint32_t retired;         /* wait for their grace period */
};
struct nexthop_usage nexthop_usage(const struct nexthop_table *t);

/* How many routes, prefixes and groups use it; 0: nobody. id is below capacity +
 * NEXTHOP_ID_FIRST_FREE. */
uint32_t nexthop_users(const struct nexthop_table *t, uint32_t id);

/* The entries themselves, for the packet path. node: the place in the list given to
 * nexthop_table_create. Valid for the table's life. */
const struct nexthop *nexthop_entries(const struct nexthop_table *t, uint16_t node);

/* The entry that a flow takes: itself, or a group's member. Data path. */
static inline uint32_t
nexthop_select(const struct nexthop *entries, uint32_t id, uint32_t flow_hash)
{
	const struct nexthop *nh = &entries[id];

	if (nh->type != NEXTHOP_GROUP)
		return id;
	return nh->members[((uint64_t)flow_hash * nh->n_members) >> 32];
}

#endif
