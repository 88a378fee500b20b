/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "neigh_private.h"

bool
neigh_is_ours(const struct port *p, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < p->n_addresses; i++)
		if (ip_addr_equal(&p->addresses[i].addr, addr))
			return true;
	return false;
}

static const struct ip_addr *
address_facing(const struct port *p, const struct ip_addr *target)
{
	for (uint32_t i = 0; i < p->n_addresses; i++) {
		struct ip_prefix link = {p->addresses[i].addr, p->addresses[i].length};

		if (ip_prefix_contains(&link, target))
			return &p->addresses[i].addr;
	}
	return NULL;
}

bool
neigh_is_on_link(const struct port *p, const struct ip_addr *addr)
{
	return address_facing(p, addr) || (addr->family == 6 && ip_addr_is_link_local(addr));
}

struct ip_addr
neigh_source(const struct port *p, const struct ip_addr *target)
{
	const struct ip_addr *facing = address_facing(p, target);

	if (facing)
		return *facing;
	if (target->family == 6)
		return port_link_local(p);
	for (uint32_t i = 0; i < p->n_addresses; i++)
		if (p->addresses[i].addr.family == 4)
			return p->addresses[i].addr;
	return (struct ip_addr){.family = 4};
}

struct rte_mbuf *
neigh_frame(struct neigh_table *t, const struct port *p, const uint8_t mac[6], uint16_t ethertype,
	uint16_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(t->pool);
	uint8_t *frame;

	if (!m)
		return NULL;
	frame = (uint8_t *)rte_pktmbuf_append(m, p->header_bytes + bytes);
	if (!frame) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(frame, p->header, p->header_bytes);
	memcpy(frame, mac, RTE_ETHER_ADDR_LEN);
	frame[p->header_bytes - 2] = (uint8_t)(ethertype >> 8);
	frame[p->header_bytes - 1] = (uint8_t)(ethertype & 0xff);
	return m;
}
