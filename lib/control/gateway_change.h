/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef GATEWAY_CHANGE_H
#define GATEWAY_CHANGE_H

/*
 * Changes of a running gateway. Between begin and commit any number of operations is prepared;
 * each is checked against what there is and what was prepared before it. Commit carries all of them
 * through, or, when one cannot be, none; abandon forgets them. Traffic that a change does not speak
 * of is not disturbed by it.
 *
 * In a fibre, commit stops while policies are built, and others have their turn: they see the state
 * before the change, and begin gives them -EBUSY.
 *
 * On the control lcore, one change at a time. All return 0 or -errno with a message in err:
 * -EEXIST, -ENOENT, -EBUSY (something else still needs it), -ENOSPC, -ENOMEM, -EINVAL. An operation
 * that failed has prepared nothing.
 */

#include "config.h"
#include "gateway.h"
#include "objects.h"

int gateway_change_begin(struct gateway *g);
int gateway_change_commit(struct gateway *g, struct error *err);
void gateway_change_abandon(struct gateway *g);

/*
 * For several that share a change of policies: notes what it is so far, and goes back to that when
 * what follows cannot be prepared. Of other objects it may hold nothing.
 */
int gateway_change_mark(struct gateway *g, struct error *err);
void gateway_change_rewind(struct gateway *g);

/*
 * SAs. Indexes in c are those of the gateway's tables. The newest outbound SA of a tunnel is the
 * one that is used: adding one replaces the one before it, at once for each worker, and that one
 * stays until it is deleted. update changes lifetimes alone: counters and windows stay as they are.
 */
int gateway_sa_add(struct gateway *g, const struct config_sa *c, struct error *err);
int gateway_sa_delete(struct gateway *g, struct gateway_sa *sa, struct error *err);
int gateway_sa_update(struct gateway *g, struct gateway_sa *sa, const struct sa_lifetime *soft,
	const struct sa_lifetime *hard, struct error *err);

/*
 * Ports. What a running one can change: its MTU (not beyond what its device, as it was started,
 * carries), and its addresses. An address that a tunnel has as its `local`, or whose link a static
 * neighbour or the gateway of a route is on, stays until the same change takes that away, too.
 */
int gateway_port_update(
	struct gateway *g, uint32_t index, const struct config_port *c, struct error *err);

/*
 * Tunnels. update keeps name, counters, SAs, sequence numbers and windows; with SAs there,
 * encapsulation cannot change. Of a batch that changes a tunnel's ends or encapsulation, SAs of it
 * are deleted before that and added after it. A tunnel that SAs, routes or policies need is not
 * deleted, and its name is free for another one in the next change.
 */
int gateway_tunnel_add(struct gateway *g, const struct tunnel_config *c, struct error *err);
int gateway_tunnel_update(
	struct gateway *g, struct tunnel *tunnel, const struct tunnel_config *c, struct error *err);
int gateway_tunnel_delete(struct gateway *g, struct tunnel *tunnel, struct error *err);

/* Routes of the configuration and the socket; those that follow from addresses are not theirs. */
int gateway_route_add(struct gateway *g, const struct config_route *c, struct error *err);
int gateway_route_delete(struct gateway *g, const struct config_route *c, struct error *err);

/* Static neighbours; add replaces what was learnt. */
int gateway_neighbour_add(struct gateway *g, const struct config_neighbour *c, struct error *err);
int gateway_neighbour_delete(
	struct gateway *g, uint16_t port, const struct ip_addr *addr, struct error *err);

/* Policies. Each gets an id that is its own for the gateway's life. */
int gateway_policy_add(
	struct gateway *g, const struct config_policy *c, uint32_t *id, struct error *err);
int gateway_policy_update(
	struct gateway *g, uint32_t id, const struct config_policy *c, struct error *err);
int gateway_policy_delete(struct gateway *g, uint32_t id, struct error *err);
/* Those of equal priority decide in their order: that of these n, which are all there are. */
int gateway_policies_order(
	struct gateway *g, const struct config_policy *order, uint32_t n, struct error *err);

#endif
