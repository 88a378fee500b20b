/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_CHANGE_H
#define CONTROL_CHANGE_H

/*
 * The inside of a change (gateway_change.h): a log of operations. Each is prepared when it is asked
 * for, which checks it and takes what it needs, and is then carried through or taken back with all
 * others.
 */

#include "fibre.h"
#include "objects.h"
#include "route.h"

struct change_op;

/* In which order operations are published: what leads packets somewhere comes after what it leads
 * to. Routes are published after all of these. */
enum change_phase { PUBLISH_OBJECTS, PUBLISH_NEW_TUNNELS, PUBLISH_POLICIES, PUBLISH_PHASES };

/* What is NULL is nothing to do. */
struct change_kind {
	/* Takes back what preparing did. */
	void (*undo)(struct gateway *g, struct change_op *op);
	/* Workers may see it now. On an error nothing has changed. unpublish takes it back. */
	int (*publish)(struct gateway *g, struct change_op *op, struct error *err);
	void (*unpublish)(struct gateway *g, struct change_op *op);
	/* There is no way back: what is left to do, and to free. */
	void (*finish)(struct gateway *g, struct change_op *op);
	enum change_phase phase;
	/* What it takes out of use has counters to be added up: no worker uses it any more when
	 * finish, or undo after unpublish, is called. */
	bool counts;
};

struct change_op {
	const struct change_kind *kind;
	bool published; /* once, even when it was taken back */
	union {
		struct {
			struct gateway_sa *sa;
			bool spi_reserved; /* before it was added */
		} sa;
		struct {
			struct gateway_sa *sa;
			struct sa_lifetime soft, hard; /* the other ones: new, or old */
		} lifetimes;
		struct {
			struct tunnel *tunnel, *successor;
		} tunnel;
		struct {
			uint16_t index;
			struct config_port config;      /* the other one: new, or old; its own */
			struct port_address *addresses; /* of the port, likewise */
			uint32_t n_addresses;
		} port;
		struct route route;
		struct {
			uint16_t port;
			struct ip_addr addr;
			uint8_t mac[6];
		} neighbour;
		struct {
			struct policy_list list; /* the other one: new, or old */
			struct spd *sets[RTE_MAX_NUMA_NODES];
		} policies;
	};
};

struct change {
	bool open;
	bool routes;      /* some were noted */
	bool ports;       /* some were changed */
	bool static_keys; /* their counters have to be on the disk */
	bool counts;      /* an operation's kind does */
	uint32_t said;    /* tunnels of which was said how they are */
	struct change_op *ops;
	uint32_t n, capacity;
	uint32_t policies; /* the operation, counted from 1, that edits them; 0: none does */
	const struct fibre *owner; /* who prepares it; NULL: the control lcore, outside of fibres */
	struct {
		uint32_t n; /* operations */
		struct policy_list list;
	} mark; /* what it was when gateway_change_mark was called */
};

/* A further operation of this kind, zeroed but for it: to be filled in at once. Room for what it
 * may unpublish is made as well. NULL: no memory, with err. */
struct change_op *change_add(struct gateway *g, const struct change_kind *kind, struct error *err);
/* The last one could not be prepared, and nothing is to be taken back. */
void change_drop(struct gateway *g);
/* Takes back the operations after the first n. */
void change_undo_after(struct gateway *g, uint32_t n);

/* The policies as the change has left them; NULL: it has not touched them. */
static inline struct policy_list *
change_policies(const struct change *c)
{
	return c->policies ? &c->ops[c->policies - 1].policies.list : NULL;
}

/* Whether a change is under way that is not that of who asks, having stopped in its middle. */
static inline bool
change_is_others(const struct change *c)
{
	return c->open && c->owner != fibre_current();
}

/* Whether it has prepared anything that others could see: all but policies, which are a list aside.
 */
static inline bool
change_shows(const struct change *c)
{
	return c->open && c->n > (c->policies != 0);
}

/* gateway_policies.c: the sets of the policies that the change has edited; shown to nobody. */
int change_policies_build(struct gateway *g, struct error *err);

/* change_routes.c: a route of ours or of the configuration (route->by), noted, and undone with the
 * change. */
int change_route_add(struct gateway *g, const struct route *route, struct error *err);
int change_route_delete(struct gateway *g, const struct route *route, struct error *err);
/* One that others may need as well: there already, or gone already, is fine. */
int change_route_share(struct gateway *g, const struct route *route, struct error *err);
/* After all routes: the neighbours' host routes follow. */
int change_neighbour_routes(struct gateway *g, struct error *err);
/* Whether the neighbours that have to stay after this change find a place. */
int change_neighbour_room(const struct gateway *g, struct error *err);

/* Whether a neighbour is a static one when the change is through. */
bool neighbour_is_static(const struct gateway *g, uint16_t port, const struct ip_addr *addr);

/* change_ports.c */
/* Those that follow from the addresses of a port. On an error the caller undoes what was noted. */
int port_routes_add(struct gateway *g, const struct port *p, struct error *err);
/* The first key that differs and cannot be changed in a running gateway; NULL: there is none. */
const char *port_restart_key(const struct config_port *now, const struct config_port *new);
/* Whether tunnels, static neighbours and gateways of routes, as the change leaves them, can do with
 * the addresses that ports have then. */
int change_ports_check(struct gateway *g, struct error *err);

/* change_tunnel_routes.c: those that follow from a tunnel's inner addresses. On an error the caller
 * undoes what was noted. */
int tunnel_routes_add(
	struct gateway *g, const struct tunnel_config *c, uint32_t index, struct error *err);
int tunnel_routes_delete(struct gateway *g, const struct tunnel *t, struct error *err);
/* A tunnel as the change under way leaves it; NULL: it does not. */
const struct tunnel_config *tunnel_config_after(const struct gateway *g, uint32_t index);
/* Whether one but this (TUNNEL_NONE: any) has the inner address in this table then. */
bool tunnels_have_address(
	const struct gateway *g, uint32_t but, uint16_t table, const struct ip_addr *addr);

/* change_tunnels.c */
void tunnel_tell(const struct gateway *g, const struct tunnel *t, const char *what);
/* Which UDP ports carry envelopes: those that tunnels have. by: 1, -1. */
void tunnel_udp_port_count(struct gateway *g, const struct tunnel_config *c, int by);
/* SAs that the tunnel has when the change under way is through. */
uint32_t tunnel_sas_after(const struct gateway *g, uint32_t tunnel);

#endif
