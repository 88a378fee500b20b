/* SPDX-License-Identifier: BSD-3-Clause */
#include "port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkt.h"

enum {
	VLAN_ID_MAX = 4094,
	VLAN_IDS = 4096,
};

struct port *
port_create(const char *name)
{
	struct port *p = aligned_alloc(_Alignof(struct port), sizeof(*p));

	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p));
	p->index = PORT_NONE;
	p->ethdev = PORT_NONE;
	snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

void
port_destroy(struct port *p)
{
	if (!p)
		return;
	free(p->addresses);
	free(p->protected_prefixes);
	free(p);
}

struct port_table *
port_table_create(void)
{
	struct port_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	for (size_t i = 0; i < RTE_DIM(t->untagged); i++)
		t->untagged[i] = PORT_NONE;
	return t;
}

void
port_table_destroy(struct port_table *t)
{
	if (!t)
		return;
	for (uint16_t i = 0; i < t->count; i++)
		port_destroy(t->ports[i]);
	for (size_t i = 0; i < RTE_DIM(t->tagged); i++)
		free(t->tagged[i]);
	free(t);
}

static uint16_t *
vlan_map_create(void)
{
	uint16_t *map = malloc(VLAN_IDS * sizeof(*map));

	for (int i = 0; map && i < VLAN_IDS; i++)
		map[i] = PORT_NONE;
	return map;
}

int
port_table_add(struct port_table *t, struct port *p)
{
	uint16_t *slot;

	if (p->ethdev >= RTE_DIM(t->untagged) || p->vlan > VLAN_ID_MAX)
		return -EINVAL;
	if (t->count == PORTS_MAX)
		return -ENOSPC;
	slot = &t->untagged[p->ethdev];
	if (p->vlan) {
		if (!t->tagged[p->ethdev])
			t->tagged[p->ethdev] = vlan_map_create();
		if (!t->tagged[p->ethdev])
			return -ENOMEM;
		slot = &t->tagged[p->ethdev][p->vlan];
	}
	if (*slot != PORT_NONE)
		return -EEXIST;
	p->index = t->count++;
	t->ports[p->index] = p;
	*slot = p->index;
	return 0;
}

struct port *
port_table_find(const struct port_table *t, const char *name)
{
	for (uint16_t i = 0; i < t->count; i++)
		if (strcmp(t->ports[i]->name, name) == 0)
			return t->ports[i];
	return NULL;
}

uint8_t
port_zone(const struct port *p, const struct ip_addr *addr)
{
	if (p->role != PORT_BOTH)
		return p->role == PORT_PROTECTED ? ZONE_PROTECTED : ZONE_UNPROTECTED;
	for (uint32_t i = 0; i < p->n_protected_prefixes; i++)
		if (ip_prefix_contains(&p->protected_prefixes[i], addr))
			return ZONE_PROTECTED;
	return ZONE_UNPROTECTED;
}

void
port_header_fill(struct port *p)
{
	memset(p->header, 0, sizeof(p->header));
	memcpy(p->header + RTE_ETHER_ADDR_LEN, p->mac.addr_bytes, RTE_ETHER_ADDR_LEN);
	p->header_bytes = RTE_ETHER_HDR_LEN;
	if (!p->vlan)
		return;
	p->header[12] = RTE_ETHER_TYPE_VLAN >> 8;
	p->header[13] = RTE_ETHER_TYPE_VLAN & 0xff;
	p->header[14] = (uint8_t)(p->vlan >> 8);
	p->header[15] = (uint8_t)(p->vlan & 0xff);
	p->header_bytes = RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;
}

struct ip_addr
port_link_local(const struct port *p)
{
	const uint8_t *mac = p->mac.addr_bytes;

	return (struct ip_addr){6, {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 0x02, mac[1], mac[2],
					   0xff, 0xfe, mac[3], mac[4], mac[5]}};
}
