/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_INTERNAL_H
#define CONTROL_INTERNAL_H

/* What the files of this module share. All on the control lcore. */

#include <stdio.h>
#include <time.h>

#include "change.h"
#include "config_object.h"
#include "gateway.h"
#include "log.h"
#include "look.h"
#include "loop.h"
#include "neigh.h"
#include "objects.h"
#include "route.h"
#include "seqstate.h"

/* A token bucket: `rate` a second, as many at once. */
struct limiter {
	uint32_t rate;
	double tokens;
	uint64_t last_ms;
	uint64_t taken, refused;
};

struct gateway {
	struct gateway_options options;
	const struct config *config;
	struct config_port *ports; /* as they are configured now, by index */
	struct numa_nodes nodes;   /* with workers; the first worker's is the first */
	struct tables tables;      /* of the first node's workers, and the control lcore's own */
	struct tables *views[RTE_MAX_NUMA_NODES]; /* by place in nodes; [0] is &tables */
	struct rte_rcu_qsbr *qsbr;
	struct rte_mempool *pools[RTE_MAX_NUMA_NODES];

	struct port_device devices[RTE_MAX_ETHPORTS];
	uint16_t n_devices;

	struct fib *fib;
	struct sad *sad;
	struct nexthop_table *nexthops;
	struct route_table *routes;
	struct neigh_table *neighbours;
	struct seq_state *state;
	struct crypto_engine *engine;

	struct worker *workers[WORKERS_MAX];
	struct rte_ring *inboxes[WORKERS_MAX];
	struct {
		uint64_t polls, seen_ms; /* the worker's turns, and when there was a new one */
		uint64_t idle_polls;     /* its turns at idle_since_ms */
	} turns[WORKERS_MAX];
	uint16_t n_workers;
	struct rte_ring *to_control;
	bool stop_workers; /* atomic */
	bool running;
	bool stopping; /* gateway_stop */

	struct config_scope scope;
	struct sa_store sas;
	struct gateway_tunnel *by_tunnel; /* by index */
	uint32_t n_tunnels;
	struct policy_list policies;
	struct builder *builder;
	uint32_t last_policy_id;
	struct change change;
	struct reaper reaper;
	uint32_t *udp_port_users; /* tunnels that have it, by UDP port */
	uint32_t *reassign;       /* tunnels whose outbound SAs the change under way changes */
	uint32_t n_reassign;
	bool ways_changed; /* routes or SAs did: tunnels_follow */

	struct look look;
	struct limiter error_limit, echo_limit;
	uint64_t drops[DROP_REASON_COUNT]; /* the control lcore's own */
	uint64_t slow_packets;             /* that workers left to it */
	uint64_t started_ms;
	time_t started_at;
	struct stats_reset *stats; /* gateway_stats.c */
	gateway_event_fn *listener;
	void *listener_arg;
	int epoll;
	uint64_t next_tick_ms, next_stats_ms;
	uint64_t idle_since_ms, seen_activity;
};

uint64_t now_ms(void);

/* Tells the listener, when there is one. */
void gateway_tell(const struct gateway *g, const struct gateway_event *event);

/* gateway_devices.c: ethdevs and ports */
int devices_start(struct gateway *g, struct report *report);
void devices_stop(struct gateway *g);
struct port_losses device_losses(const struct gateway *g, const struct port_device *device);

/* The device of a port carries an MTU of so much, or why not. */
int device_mtu_raise(struct gateway *g, const struct port *p, uint16_t mtu, struct error *err);

/* change_ports.c */
/* With arrays of its own, for config_object_free, and no origin. */
struct config_port port_config_copy(const struct config_port *c);
/* As it is configured, to who asks: others than those whose change has stopped in its middle see it
 * as it was before. */
const struct config_port *port_config_seen(const struct gateway *g, uint32_t index);
/* What a port so configured has as addresses, the link-local one that it makes included: *n of
 * them, to be freed. Its MAC address is known. */
struct port_address *port_addresses(const struct port *p, const struct config_port *c, uint32_t *n);

/* gateway_workers.c */
int workers_create(struct gateway *g, struct report *report);
int workers_launch(struct gateway *g);
void workers_stop(struct gateway *g);
void workers_release(struct gateway *g);
void workers_destroy(struct gateway *g);
uint16_t workers_count(void);                 /* worker lcores that EAL was given */
void workers_nodes(struct numa_nodes *nodes); /* that have one */
uint16_t workers_node(const struct gateway *g, uint16_t worker); /* place in g->nodes */
int workers_socket(const struct gateway *g, uint16_t worker);

/* gateway_apply.c: the configuration's objects into the tables */
int objects_start(struct gateway *g, struct report *report);
int apply_config(struct gateway *g, struct report *report);
void apply_undo(struct gateway *g);

/* change_sas.c */
uint16_t default_owner(const struct gateway *g, uint32_t tunnel);
/* No worker has it, and its name has been given back: frees the SA and its place. */
void sa_end(struct gateway *g, struct gateway_sa *s);

/*
 * gateway_policies.c: these are the ordered policies from now on (none: n is 0). Each burst of a
 * worker is judged by the old set or by the new one, whole. Builds first, which may take long for
 * many, then waits for a grace period and frees the old set. On an error nothing has changed.
 */
int policies_replace(
	struct gateway *g, const struct spd_policy *policies, uint32_t n, struct error *err);
int policies_start(struct gateway *g, struct report *report);
void policies_stop(struct gateway *g);
/* Hits of a policy of g->policies. */
struct counter policy_hits(const struct gateway *g, uint32_t index);

/* gateway_objects.c: what names refer to */
void scope_fill(struct gateway *g);

/* gateway_tunnels.c: what changes with routes and SAs */
void tunnels_resolve(struct gateway *g); /* outer next hops, MTUs, states; commits */
void tunnels_follow(struct gateway *g);  /* the same, when ways_changed */
/* the same for these only, and for others when they have to follow */
void tunnels_resolve_some(struct gateway *g, const uint32_t *indexes, uint32_t n);
bool tunnel_has_sa(const struct gateway *g, const struct tunnel *t); /* an outbound one */
/* Takes over what the outer route says now, and, with the other one, whether it is up. */
void tunnel_find_way(const struct gateway *g, struct tunnel *t);
void tunnel_update(const struct gateway *g, struct tunnel *t);
/* Tells that it went up or down, with the change under way. */
void tunnel_say_state(struct gateway *g, const struct tunnel *t);
/* At the end of the change under way: which SA is used, and what follows from that. */
void tunnel_reassign_later(struct gateway *g, uint32_t tunnel);
void tunnels_tick(struct gateway *g, uint64_t now);

/* gateway_slow.c: what workers leave to the control lcore */
uint16_t slow_poll(struct gateway *g);
void slow_drop(struct gateway *g, struct rte_mbuf *m, enum drop_reason why);
void slow_send(struct gateway *g, struct rte_mbuf *m, enum pkt_task task);
extern const struct neigh_ops slow_neigh_ops;
/* The host route of a neighbour. */
struct route neighbour_route(const struct gateway *g, const struct neigh *n);
/*
 * Whether the route to a neighbour is that of its link. Elsewhere it gets no host route: a tunnel's
 * or a gateway's more specific route inside an on-link prefix must not give way to whoever answers
 * ARP for an address in it.
 */
bool neighbour_is_on_link(const struct gateway *g, const struct neigh *n);

/* gateway_mapping.c */
/* What a worker saw of an envelope that came from elsewhere; takes m. */
void mapping_notice(struct gateway *g, struct rte_mbuf *m);
/* Tells, when its remote end differs, that the tunnel's peer is elsewhere now. */
void peer_moved(struct gateway *g, const struct tunnel *old, const struct tunnel *new);

/* gateway_audit.c: the record of a dropped packet; takes m */
void audit_record(const struct gateway *g, struct rte_mbuf *m);

/* gateway_health.c */
void health_tick(struct gateway *g, uint64_t now);

/* gateway_summary.c */
void summary_print(const struct gateway *g, FILE *out);
void port_sum(
	const struct gateway *g, const struct port *p, struct counter *rx, struct counter *tx);
void tunnel_sum(const struct tunnel *t, struct counter *out, struct counter *in);
/* With what it counted before it was changed. */
void tunnel_total(
	const struct gateway *g, const struct tunnel *t, struct counter *out, struct counter *in);
uint64_t gateway_drops(const struct gateway *g, enum drop_reason reason);

/* gateway_watch.c: waits so long for a watched descriptor, and calls what is ready; false: none */
bool watch_wait(struct gateway *g, int timeout_ms);

/* gateway_ask.c */
int ask_start(struct gateway *g, struct report *report);
void ask_stop(struct gateway *g);

/* gateway_stats.c */
int stats_start(struct gateway *g, struct report *report);
void stats_stop(struct gateway *g);

/* gateway_telemetry.c */
int telemetry_start(struct gateway *g, struct report *report);

#endif
