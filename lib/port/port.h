/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_H
#define PORT_H

/*
 * A port as espgw means it: an ethdev, or a VLAN on one. Made on the control lcore before the
 * workers start; the packet path reads it. Of one that runs only the MTU, the link and what is the
 * control lcore's alone change. Which driver carries it is drivers/port's business.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ether.h>

#include "addr.h"
#include "counter.h"
#include "sizes.h"

enum port_role {
	PORT_PROTECTED,
	PORT_UNPROTECTED,
	PORT_BOTH, /* one-armed: a source or destination inside `protected` is protected, any other
		      unprotected */
};

enum {
	PORT_NONE = 0xffff,
	PORT_HEADER_MAX = 18, /* Ethernet and one VLAN tag */
};

struct port_address {
	struct ip_addr addr;
	uint8_t length; /* of its on-link prefix */
};

/* Written by one worker each. */
struct port_counters {
	struct counter rx, tx;
} __rte_cache_aligned;

struct port {
	uint16_t index;  /* in the port table */
	uint16_t ethdev; /* DPDK port id */
	uint16_t vlan;   /* 0: none */
	uint16_t table;
	uint16_t mtu;          /* largest IP packet; control writes, workers read relaxed */
	uint8_t role;          /* enum port_role */
	bool linear_only;      /* the device sends no chains */
	bool tx_ipv4_checksum; /* the device fills in the outer IPv4 checksum: nobody asks it to yet
				  when false */
	uint16_t header_bytes; /* 14, or 18 with a VLAN */
	uint8_t header[PORT_HEADER_MAX]; /* destination MAC still zero; EtherType still zero (the
					    last two bytes) */
	struct rte_ether_addr mac;
	bool link_up; /* control writes, workers read relaxed */
	/* tx queue for a worker: queue index on the ethdev, or, when tx_worker[w] != w, hand the
	 * frame to that worker */
	uint16_t tx_queue[WORKERS_MAX];
	uint16_t tx_worker[WORKERS_MAX];
	struct port_counters counters[WORKERS_MAX];
	/* --- control lcore */
	char name[NAME_MAX_LEN];
	char device[64];
	struct port_address *addresses;
	uint32_t n_addresses;
	struct ip_prefix *protected_prefixes; /* role both */
	uint32_t n_protected_prefixes;
};

struct port_table {
	uint16_t count;
	struct port *ports[PORTS_MAX];
	/* by ethdev: the port without VLAN (PORT_NONE: none), and by VLAN id (NULL: no VLANs there)
	 */
	uint16_t untagged[32];
	uint16_t *tagged[32]; /* 4096 entries each */
};

/* A port with that name on no ethdev yet; the rest is zero. NULL: no memory. Control lcore. */
struct port *port_create(const char *name);
void port_destroy(struct port *p); /* addresses and protected_prefixes are freed with it */

struct port_table *port_table_create(void);
void port_table_destroy(struct port_table *t); /* its ports too */

/* Adds p (its index is set, the maps too). -EEXIST when ethdev and VLAN are taken, -ENOSPC when
 * full, -EINVAL when there is no such ethdev or VLAN id, -ENOMEM. p becomes the table's when it is
 * added. */
int port_table_add(struct port_table *t, struct port *p);
struct port *port_table_find(const struct port_table *t, const char *name);

/* The zone of a packet that came in on p with this source, or goes out by p to this destination.
 * Data path. */
uint8_t port_zone(const struct port *p, const struct ip_addr *addr);

/* Fills header and header_bytes from mac and vlan. */
void port_header_fill(struct port *p);

/* fe80:: and the interface identifier of its MAC address (RFC 4291 appendix A). */
struct ip_addr port_link_local(const struct port *p);

/* Writes the port's Ethernet header, header_bytes long, for a packet of this family. Data path. */
static inline void
port_header_write(
	const struct port *p, uint8_t *frame, const uint8_t mac[RTE_ETHER_ADDR_LEN], uint8_t family)
{
	rte_be16_t ethertype =
		family == 4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);

	/* by constant lengths, of which the compiler makes single moves */
	if (p->header_bytes == RTE_ETHER_HDR_LEN)
		memcpy(frame, p->header, RTE_ETHER_HDR_LEN);
	else
		memcpy(frame, p->header, PORT_HEADER_MAX);
	memcpy(frame, mac, RTE_ETHER_ADDR_LEN);
	memcpy(frame + p->header_bytes - sizeof(ethertype), &ethertype, sizeof(ethertype));
}

#endif
