/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc_gateway_events.h"

#include <rte_ether.h>

#include "gateway_objects.h"
#include "methods_objects.h"

#define KIND_STEP (UINT64_C(1) << 32)

enum { PLACES = 256 /* looked at in one go for one that there is something to say of */ };

const struct rpc_event_kind rpc_gateway_kinds[] = {
#define X(name, text) {#name, text},
	GATEWAY_EVENTS(X)
#undef X
		{0},
};

static void
add_text(json_t *event, const char *name, const char *text)
{
	json_object_set_new(event, name, json_string(text));
}

static void
add_number(json_t *event, const char *name, uint64_t number)
{
	json_object_set_new(event, name, json_integer((json_int_t)number));
}

static void
add_address(json_t *event, const char *name, const struct ip_addr *addr)
{
	json_object_set_new(event, name, json_ip(addr));
}

static void
add_sa(json_t *event, const struct sa *sa)
{
	add_number(event, "spi", rte_be_to_cpu_32(sa->spi_be));
	add_text(event, "direction", sa->direction == SA_OUT ? "out" : "in");
}

static void
add_neighbour(json_t *event, const struct neigh *n)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	struct rte_ether_addr addr;

	memcpy(&addr, n->mac, sizeof(addr));
	rte_ether_format_addr(mac, sizeof(mac), &addr);
	add_address(event, "address", &n->addr);
	if (neigh_is_usable(n))
		add_text(event, "mac", mac);
}

/* acquire: the packet that needs the tunnel. */
static void
add_packet(json_t *event, const struct gateway_event *e)
{
	add_address(event, "src", &e->src);
	add_address(event, "dst", &e->dst);
	add_number(event, "protocol", e->protocol);
	if (!e->src_port && !e->dst_port)
		return;
	add_number(event, "src_port", e->src_port);
	add_number(event, "dst_port", e->dst_port);
}

/* mapping, peer: ports with the carrier udp only. */
static void
add_places(json_t *event, const struct gateway_event *e)
{
	add_address(event, "from", &e->from.addr);
	if (e->from.port)
		add_number(event, "from_port", e->from.port);
	add_address(event, "to", &e->to.addr);
	if (e->to.port)
		add_number(event, "to_port", e->to.port);
}

json_t *
rpc_gateway_event(const struct gateway_event *e)
{
	json_t *event = json_object();

	if (e->what)
		add_text(event, "what", e->what);
	if (e->tunnel)
		add_text(event, "tunnel", e->tunnel->config.name);
	if (e->sa)
		add_sa(event, e->sa);
	if (e->port)
		add_text(event, "port", e->port->name);
	if (e->neigh)
		add_neighbour(event, e->neigh);
	if (e->kind == EVENT_acquire)
		add_packet(event, e);
	if (e->to.addr.family)
		add_places(event, e);
	return event;
}

/* --- how things stand: what each kind of object would have told */

struct standing {
	struct gateway_event event;
	struct neigh neigh; /* event.neigh */
};

/* Whether there is something to say of the i-th; *more: whether there are places from i on. */
typedef bool resync_fn(const struct gateway *g, uint32_t i, struct standing *at, bool *more);

static bool
tunnel_stands(const struct gateway *g, uint32_t i, struct standing *at, bool *more)
{
	const struct tunnel *t;

	*more = i < gateway_tunnel_capacity(g);
	t = *more ? gateway_tunnel_at(g, i) : NULL;
	if (t)
		at->event = (struct gateway_event){
			.kind = EVENT_tunnel, .what = t->up ? "up" : "down", .tunnel = t};
	return t != NULL;
}

static bool
mapping_stands(const struct gateway *g, uint32_t i, struct standing *at, bool *more)
{
	const struct tunnel *t;

	*more = i < gateway_tunnel_capacity(g);
	t = *more ? gateway_tunnel_at(g, i) : NULL;
	return t && gateway_tunnel_mapping(g, t, &at->event);
}

static bool
port_stands(const struct gateway *g, uint32_t i, struct standing *at, bool *more)
{
	const struct config_scope *scope = gateway_scope(g);
	const struct port *p;

	*more = i < scope->port_count(scope->arg);
	if (!*more)
		return false;
	p = gateway_port_at(g, i);
	at->event = (struct gateway_event){
		.kind = EVENT_port, .what = p->link_up ? "up" : "down", .port = p};
	return true;
}

static bool
neighbour_stands(const struct gateway *g, uint32_t i, struct standing *at, bool *more)
{
	*more = i < gateway_neighbour_places(g);
	if (!*more || !gateway_neighbour_at(g, i, &at->neigh) ||
		(at->neigh.state != NEIGH_FAILED && !neigh_is_usable(&at->neigh)))
		return false;
	at->event = (struct gateway_event){.kind = EVENT_neighbour,
		.what = neigh_is_usable(&at->neigh) ? "reachable" : "failed",
		.port = gateway_port_at(g, at->neigh.port),
		.neigh = &at->neigh};
	return true;
}

static bool
sa_stands(const struct gateway *g, uint32_t i, struct standing *at, bool *more)
{
	const struct gateway_sa *s;

	*more = i < gateway_sa_places(g);
	s = *more ? gateway_sa_at(g, i) : NULL;
	if (!s || (!s->sa->soft_told && !s->over))
		return false;
	at->event = (struct gateway_event){.kind = EVENT_expire,
		.what = s->over ? "hard" : "soft",
		.sa = s->sa,
		.tunnel = gateway_tunnel_at(g, s->tunnel)};
	return true;
}

/* The cursor: which kind of object, and its place. */
int
rpc_gateway_resync(void *gateway, uint64_t *cursor, json_t **json)
{
	static resync_fn *const stands[] = {
		port_stands, neighbour_stands, tunnel_stands, mapping_stands, sa_stands};
	uint32_t kind = (uint32_t)(*cursor / KIND_STEP), place = (uint32_t)*cursor;
	struct standing at;
	bool said = false, more;

	for (int i = 0; !said && i < PLACES && kind < RTE_DIM(stands); i++) {
		said = stands[kind](gateway, place++, &at, &more);
		if (!more) {
			kind++;
			place = 0;
		}
	}
	*cursor = kind * KIND_STEP + place;
	if (!said)
		return kind < RTE_DIM(stands) ? RPC_RESYNC_LATER : RPC_RESYNC_END;
	*json = rpc_gateway_event(&at.event);
	return (int)at.event.kind;
}
