/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WAY_H
#define WAY_H

/* From a next hop to the frames that go there. */

#include "worker.h"

/* Where frames of one next hop go, read once for packets that follow each other. */
struct way {
	uint32_t nexthop;
	uint16_t mtu, header_bytes;
	const struct port *port; /* NULL: the next hop has no link-layer address */
	/* the frame's header but for destination and EtherType, in two halves that overlap where it
	 * is short */
	uint64_t first, last;
	uint16_t middle; /* with a VLAN tag: bytes 8 and 9 */
	uint64_t link;   /* of the next hop: the destination's address */
};

static inline void
way_port(struct way *way, const struct port *port)
{
	way->port = port;
	way->mtu = __atomic_load_n(&port->mtu, __ATOMIC_RELAXED);
	way->header_bytes = port->header_bytes;
	memcpy(&way->first, port->header, sizeof(way->first));
	memcpy(&way->middle, port->header + sizeof(way->first), sizeof(way->middle));
	memcpy(&way->last, port->header + port->header_bytes - sizeof(way->last),
		sizeof(way->last));
}

/* Of all next hops on a port. */
static inline struct way
way_of_port(const struct port *port)
{
	struct way way = {.nexthop = NEXTHOP_ID_NONE};

	way_port(&way, port);
	return way;
}

/* way: zeroed before its first use. */
static inline void
way_find(const struct worker *w, uint32_t nexthop, struct way *way)
{
	const struct nexthop *nh = &w->tables->nexthops[nexthop];
	const uint64_t link = __atomic_load_n(&nh->link, __ATOMIC_RELAXED);
	const struct port *port;

	way->nexthop = nexthop;
	if (unlikely(nh->type != NEXTHOP_NEIGHBOUR || !(link & NEXTHOP_LINK_REACHABLE))) {
		way->port = NULL;
		return;
	}
	port = w->tables->ports->ports[nh->port];
	if (port != way->port)
		way_port(way, port);
	way->link = link;
}

/* Writes the frame's header, header_bytes long, to `at`, for a packet of this family and a next hop
 * with this link word. */
static inline void
way_header_write(
	const struct way *way, uint64_t link, uint16_t header_bytes, uint8_t *at, uint8_t family)
{
	/* byte 0 first: the destination */
	const uint64_t first = way->first | rte_cpu_to_le_64(link & NEXTHOP_LINK_MAC);
	const uint64_t type =
		family == 4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	const uint64_t last = rte_le_to_cpu_64(way->last) | rte_le_to_cpu_16(type) << 48;
	const rte_le64_t end = rte_cpu_to_le_64(last);

	memcpy(at, &first, sizeof(first));
	if (unlikely(header_bytes != RTE_ETHER_HDR_LEN))
		memcpy(at + sizeof(first), &way->middle, sizeof(way->middle));
	memcpy(at + header_bytes - sizeof(end), &end, sizeof(end));
}

#endif
