/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_CHANGE_H
#define CONTROL_CHANGE_H

/*
 * The inside of a change (gateway_change.h): a log of operations. Each is prepared when it is asked
 * for, which checks it and takes what it needs, and is then carried through or taken back with all
 * others.
 */

#include "objects.h"
#include "route.h"

struct change_op;

/* What is NULL is nothing to do. */
struct change_kind {
	/* Takes back what preparing did. */
	void (*undo)(struct gateway *g, struct change_op *op);
	/* Workers may see it now. On an error nothing has changed. unpublish takes it back. */
	int (*publish)(struct gateway *g, struct change_op *op, struct error *err);
	void (*unpublish)(struct gateway *g, struct change_op *op);
	/* There is no way back: what is left to do, and to free. */
	void (*finish)(struct gateway *g, struct change_op *op);
};

struct change_op {
	const struct change_kind *kind;
	bool published; /* once, even when it was taken back */
	union {
		struct gateway_sa *sa;
		struct {
			struct gateway_sa *sa;
			struct sa_lifetime soft, hard; /* the other ones: new, or old */
		} lifetimes;
		struct {
			struct tunnel *tunnel, *successor;
		} tunnel;
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
	bool static_keys; /* their counters have to be on the disk */
	struct change_op *ops;
	uint32_t n, capacity;
	uint32_t policies; /* the operation, counted from 1, that edits them; 0: none does */
};

/* A further operation of this kind, zeroed but for it: to be filled in at once. Room for what it
 * may unpublish is made as well. NULL: no memory, with err. */
struct change_op *change_add(struct gateway *g, const struct change_kind *kind, struct error *err);
/* The last one could not be prepared, and nothing is to be taken back. */
void change_drop(struct gateway *g);

/* The policies as the change has left them; NULL: it has not touched them. */
static inline struct policy_list *
change_policies(const struct change *c)
{
	return c->policies ? &c->ops[c->policies - 1].policies.list : NULL;
}

/* change_sas.c: whether the change adds or deletes SAs of the tunnel. */
bool change_touches_sas(const struct gateway *g, uint32_t tunnel);

/* change_routes.c: a route of ours or of the configuration (route->by), noted, and undone with the
 * change. */
int change_route_add(struct gateway *g, const struct route *route, struct error *err);
int change_route_delete(struct gateway *g, const struct route *route, struct error *err);
/* One that others may need as well: there already, or gone already, is fine. */
int change_route_share(struct gateway *g, const struct route *route, struct error *err);
/* After all routes: the neighbours' host routes follow. */
int change_neighbour_routes(struct gateway *g, struct error *err);

#endif
