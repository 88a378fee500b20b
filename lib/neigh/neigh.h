/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NEIGH_H
#define NEIGH_H

/*
 * Who is where on a link: ARP (RFC 826, 5227 in part) and neighbour discovery (RFC 4861), as
 * resolver and responder for our own addresses. Wholly on the control lcore: workers hand over ARP,
 * ND and packets whose next hop has no link-layer address yet; what to send goes out through the
 * callbacks.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "addr.h"
#include "drop.h"
#include "errmsg.h"
#include "port.h"

struct neigh_table;

enum neigh_state {
	NEIGH_INCOMPLETE,
	NEIGH_REACHABLE,
	NEIGH_STALE, /* still used; probed when it is next needed or too old */
	NEIGH_PROBE,
	NEIGH_FAILED,
	NEIGH_STATIC
};

enum { NEIGH_STATES = NEIGH_STATIC + 1 };

struct neigh {
	uint16_t port;
	struct ip_addr addr;
	uint8_t mac[6];
	enum neigh_state state;
};

/* What the table needs of its surroundings. */
struct neigh_ops {
	/* Sends a finished Ethernet frame out of a port; takes m. */
	void (*send_frame)(void *arg, uint16_t port, struct rte_mbuf *m);
	/* A neighbour's link-layer address is known (or changed, or lost: reachable false). Makes
	 * routes and next hops follow. */
	void (*changed)(void *arg, const struct neigh *n, bool reachable);
	/* A packet that waited may go to this neighbour now; takes m. */
	void (*release)(void *arg, const struct neigh *n, struct rte_mbuf *m);
	/* A packet that waited in vain (neighbour_failed: host unreachable is due) or found no
	 * room; takes m. */
	void (*drop)(void *arg, struct rte_mbuf *m, enum drop_reason why);
};

/* What is 0 takes its default. */
struct neigh_params {
	uint32_t capacity;      /* entries, default 4,096; the oldest unresolved or stale one makes
				   room */
	uint32_t queue;         /* packets that wait for one neighbour; default 8 */
	uint32_t queue_total;   /* for all; default 512 */
	uint64_t reachable_ms;  /* default 30,000 */
	uint64_t stale_ms;      /* asked after this long, and forgotten when silent: default
				   600,000 */
	uint64_t retransmit_ms; /* default 1,000 */
	uint32_t attempts;      /* default 3 */
};

struct neigh_table *neigh_create(const struct neigh_params *params, const struct port_table *ports,
	struct rte_mempool *pool, const struct neigh_ops *ops, void *arg, struct error *err);
void neigh_destroy(struct neigh_table *t); /* waiting packets are dropped as DROP_shutdown */

int neigh_static_add(struct neigh_table *t, uint16_t port, const struct ip_addr *addr,
	const uint8_t mac[6], struct error *err);
int neigh_static_delete(
	struct neigh_table *t, uint16_t port, const struct ip_addr *addr, struct error *err);

/* An ARP packet (data at the ARP header, view.port its port). Learns, answers for our addresses.
 * Takes m. */
void neigh_arp_input(struct neigh_table *t, struct rte_mbuf *m, uint64_t now_ms);
/* A parsed ICMPv6 packet of type 135 or 136 (view.port). Checked per RFC 4861 7.1 (hop limit 255,
 * checksum, code, lengths). Takes m. */
void neigh_nd_input(struct neigh_table *t, struct rte_mbuf *m, uint64_t now_ms);
/* A packet that needs addr on port: queued; resolution starts. Takes m. */
void neigh_resolve(struct neigh_table *t, uint16_t port, const struct ip_addr *addr,
	struct rte_mbuf *m, uint64_t now_ms);
/* A route's gateway: resolved and kept resolved (probed before it goes stale) while pinned.
 * References are counted. */
void neigh_pin(struct neigh_table *t, uint16_t port, const struct ip_addr *addr, uint64_t now_ms);
void neigh_unpin(struct neigh_table *t, uint16_t port, const struct ip_addr *addr);
/* Retransmits, probes, ages. Every 100 ms or so. */
void neigh_tick(struct neigh_table *t, uint64_t now_ms);
/* Link down: what was learnt on the port is forgotten. */
void neigh_port_down(struct neigh_table *t, uint16_t port);
/* Gratuitous ARP and unsolicited NA for all our addresses on the port (it came up). */
void neigh_announce(struct neigh_table *t, uint16_t port);
/* NULL: nothing is known of that address. Valid until the next call. */
const struct neigh *neigh_find(
	const struct neigh_table *t, uint16_t port, const struct ip_addr *addr);
/* Its link-layer address is known, and packets go there. */
bool neigh_is_usable(const struct neigh *n);
/* Whether it stays: it is static or pinned. */
bool neigh_is_kept(const struct neigh_table *t, uint16_t port, const struct ip_addr *addr);
/* How many more neighbours that stay find a place. */
uint32_t neigh_room(const struct neigh_table *t);
/* How many there are, by state, and how many packets wait. */
struct neigh_usage {
	uint32_t count, capacity;
	uint32_t waiting, waiting_max;
	uint32_t states[NEIGH_STATES];
};
struct neigh_usage neigh_usage(const struct neigh_table *t);

/* Entries by place, for those who list them: places are below neigh_places, and an entry keeps its
 * own. */
struct neigh_detail {
	struct neigh n;
	uint32_t waiting; /* packets */
	uint32_t pins;
	uint8_t failures; /* resolutions in a row */
};
uint32_t neigh_places(const struct neigh_table *t);
/* false: no entry there. detail may be NULL. */
bool neigh_at(const struct neigh_table *t, uint32_t place, struct neigh_detail *detail);

int neigh_walk(const struct neigh_table *t, int (*fn)(const struct neigh *n, void *arg), void *arg);

#endif
