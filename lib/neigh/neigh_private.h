/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NEIGH_PRIVATE_H
#define NEIGH_PRIVATE_H

/* What the files of lib/neigh share. Control lcore, as all of it. */

#include <stdbool.h>
#include <sys/queue.h>

#include <rte_hash.h>

#include "neigh.h"

/* Which entries make room for others: the oldest of the first class that has one. */
enum neigh_class {
	CLASS_UNRESOLVED, /* incomplete and failed */
	CLASS_STALE,
	CLASS_REACHABLE,
	CLASS_KEPT, /* static and pinned: never */
	CLASS_COUNT
};

/* A packet that waits; t->queue_total of them are all there are. */
struct neigh_waiting {
	STAILQ_ENTRY(neigh_waiting) link;
	struct rte_mbuf *m;
};
STAILQ_HEAD(neigh_queue, neigh_waiting);

struct neigh_entry {
	struct neigh n;
	bool used;        /* this slot of the table */
	uint8_t class;    /* the list it is on */
	uint8_t failures; /* resolutions in a row that failed */
	uint32_t pins;
	uint32_t sent;    /* solicitations of this round */
	uint64_t next_ms; /* when its state's time is up */
	uint32_t n_waiting;
	struct neigh_queue waiting;
	TAILQ_ENTRY(neigh_entry) link;
};
TAILQ_HEAD(neigh_list, neigh_entry);

struct neigh_table {
	struct neigh_params params;
	const struct port_table *ports;
	struct rte_mempool *pool;
	struct neigh_ops ops;
	void *arg;
	uint64_t now_ms;      /* of the latest call that told */
	uint64_t conflict_ms; /* no other conflict is answered before */
	struct rte_hash *hash;
	struct neigh_entry *entries; /* by position in the hash */
	uint32_t slots;
	uint32_t count, kept; /* kept: of CLASS_KEPT */
	struct neigh_list classes[CLASS_COUNT];
	struct neigh_waiting *waiting;
	struct neigh_queue free_waiting;
};

/* --- neigh_store.c: entries and waiting packets, without a notion of time */

int neigh_store_create(struct neigh_table *t, struct error *err);
void neigh_store_destroy(struct neigh_table *t);
struct neigh_entry *neigh_store_find(
	const struct neigh_table *t, uint16_t port, const struct ip_addr *addr);
/* A new entry, INCOMPLETE; NULL when the table is full. */
struct neigh_entry *neigh_store_add(
	struct neigh_table *t, uint16_t port, const struct ip_addr *addr);
/* No packet waits for it any more. */
void neigh_store_delete(struct neigh_table *t, struct neigh_entry *e);
/* Puts e last on the list of its class, by its state and pins. */
void neigh_store_classify(struct neigh_table *t, struct neigh_entry *e);
/* The entry that would make room; NULL: none. */
struct neigh_entry *neigh_store_oldest(const struct neigh_table *t, enum neigh_class last);
/* Lets m wait. Returns the packet that had to go for it: an older one, m itself, or NULL. */
struct rte_mbuf *neigh_queue_push(struct neigh_table *t, struct neigh_entry *e, struct rte_mbuf *m);
/* The packet that waits longest, or NULL. */
struct rte_mbuf *neigh_queue_pop(struct neigh_table *t, struct neigh_entry *e);

/* --- neigh.c: what the two protocols have in common */

/* What a message says of a neighbour. */
struct neigh_evidence {
	uint16_t port;
	struct ip_addr addr;
	const uint8_t *mac; /* NULL: not told */
	bool solicited;     /* it answers a question of ours: the neighbour is reachable */
	bool override;      /* its address replaces another one that we know */
	bool create;        /* an entry is made where there is none */
};

void neigh_learn(struct neigh_table *t, const struct neigh_evidence *evidence);
/* The address of a neighbour, or NULL; without an entry it is asked for. */
const uint8_t *neigh_mac(struct neigh_table *t, uint16_t port, const struct ip_addr *addr);
/* Another station says that it has an address of ours. */
void neigh_conflict(struct neigh_table *t, const struct port *p, const struct ip_addr *addr);

/* --- neigh_message.c */

bool neigh_is_ours(const struct port *p, const struct ip_addr *addr);
bool neigh_is_on_link(const struct port *p, const struct ip_addr *addr);
/* The address of ours that asks for target; 0.0.0.0 when the port has none of the family. */
struct ip_addr neigh_source(const struct port *p, const struct ip_addr *target);
/* A frame of p with its header filled in and `bytes` after it; NULL: no mbuf. */
struct rte_mbuf *neigh_frame(struct neigh_table *t, const struct port *p, const uint8_t mac[6],
	uint16_t ethertype, uint16_t bytes);

/* --- neigh_arp.c and neigh_nd.c: messages. mac NULL: to all stations that may have the address.
 */

void neigh_arp_solicit(struct neigh_table *t, const struct port *p, const struct ip_addr *target,
	const uint8_t *mac);
void neigh_arp_announce(struct neigh_table *t, const struct port *p, const struct ip_addr *addr);
void neigh_nd_solicit(struct neigh_table *t, const struct port *p, const struct ip_addr *target,
	const uint8_t *mac);
void neigh_nd_announce(struct neigh_table *t, const struct port *p, const struct ip_addr *addr);

#endif
