/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef GATEWAY_OBJECTS_H
#define GATEWAY_OBJECTS_H

/*
 * The objects of a running gateway as the configuration speaks of them. What is returned is valid
 * until the next change. On the control lcore.
 */

#include "config.h"
#include "config_object.h"
#include "gateway.h"
#include "neigh.h"
#include "objects.h"
#include "route.h"

/* The clock of deadlines. */
uint64_t gateway_now_ms(void);

/* What names of the socket's objects refer to: the gateway's indexes. It lives as long as the
 * gateway. */
const struct config_scope *gateway_scope(const struct gateway *g);

/* Tunnels by name and index; NULL: none, or one that the change under way deletes. */
struct tunnel *gateway_tunnel_find(const struct gateway *g, const char *name);
struct tunnel *gateway_tunnel_at(const struct gateway *g, uint32_t index);
uint32_t gateway_tunnel_capacity(const struct gateway *g);
struct config_tunnel gateway_tunnel_config(const struct tunnel *t); /* its selectors are t's */
void gateway_tunnel_counters(
	const struct gateway *g, const struct tunnel *t, struct counter *out, struct counter *in);
uint32_t gateway_tunnel_sas(const struct gateway *g, const struct tunnel *t);

/* As an event, that the newest envelopes of a tunnel came from elsewhere than its remote end;
 * false: none did since that was last changed. */
bool gateway_tunnel_mapping(
	const struct gateway *g, const struct tunnel *t, struct gateway_event *event);

/* SAs by place; NULL: a free place, or an SA that is not there any more or not yet. */
struct gateway_sa *gateway_sa_at(const struct gateway *g, uint32_t place);
uint32_t gateway_sa_places(const struct gateway *g);
/* By name. tunnel: TUNNEL_NONE when it was not said; then *ambiguous says whether two match. */
struct gateway_sa *gateway_sa_find(const struct gateway *g, enum sa_direction direction,
	uint32_t spi, uint32_t tunnel, bool *ambiguous);
/* Without its key, unless it is static and `key` asks for it. */
struct config_sa gateway_sa_config(const struct gateway_sa *s, bool key);

/* A route that the configuration could have: not of a host, and not one of our addresses. false:
 * it is of another kind. */
bool gateway_route_config(const struct route *r, struct config_route *c);
int gateway_route_walk(
	const struct gateway *g, int (*fn)(const struct route *r, void *arg), void *arg);

/* What the workers' tables lead to. */
const struct nexthop *gateway_route_lookup(
	const struct gateway *g, uint16_t table, const struct ip_addr *addr);
const struct nexthop *gateway_nexthop(const struct gateway *g, uint32_t id);

struct config_neighbour gateway_neighbour_config(const struct neigh *n);
int gateway_neighbour_walk(
	const struct gateway *g, int (*fn)(const struct neigh *n, void *arg), void *arg);

const struct neigh *gateway_neighbour_find(
	const struct gateway *g, uint16_t port, const struct ip_addr *addr);

/* By place, below gateway_neighbour_places; false: none there. */
uint32_t gateway_neighbour_places(const struct gateway *g);
bool gateway_neighbour_at(const struct gateway *g, uint32_t place, struct neigh *n);

const struct policy_list *gateway_policies(const struct gateway *g);
struct config_policy gateway_policy_config(const struct gateway_policy *p);
struct counter gateway_policy_hits(const struct gateway *g, uint32_t index); /* in the list */

/* Ports by index, those of the configuration. */
const struct port *gateway_port_at(const struct gateway *g, uint32_t index);
/* losses: of the device that the port is, or is a VLAN on. */
void gateway_port_counters(const struct gateway *g, const struct port *p, struct counter *rx,
	struct counter *tx, struct port_losses *losses);

/* An SPI for an inbound SA that is to be added (host order), reserved until then or until released;
 * 0: none is left. */
uint32_t gateway_spi_allocate(struct gateway *g);
void gateway_spi_release(struct gateway *g, uint32_t spi);

#endif
