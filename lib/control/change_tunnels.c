/* SPDX-License-Identifier: BSD-3-Clause */

/* Tunnels added, changed and deleted while traffic runs. */

#include <errno.h>
#include <string.h>

#include "change.h"
#include "gateway_change.h"
#include "internal.h"

static const struct ip_prefix multicast4 = {{4, {224}}, 4}, multicast6 = {{6, {0xff}}, 8};

static void
tell(const struct gateway *g, const struct tunnel *t, const char *what)
{
	gateway_tell(g, &(struct gateway_event){.kind = EVENT_tunnel, .what = what, .tunnel = t});
}

/* Which UDP ports carry envelopes, as far as tunnels of this port say. */
static void
udp_port_follow(struct gateway *g, const struct tunnel_config *c)
{
	const uint64_t bit = 1ull << (c->local_port % 64);
	bool used = false;

	if (c->carrier != TUNNEL_UDP)
		return;
	for (uint32_t i = 0; !used && i < g->tables.tunnels->capacity; i++) {
		const struct tunnel *t = g->tables.tunnels->tunnels[i];

		used = t && t->config.carrier == TUNNEL_UDP &&
		       t->config.local_port == c->local_port;
	}
	for (uint16_t i = 0; i < g->nodes.n; i++) {
		uint64_t *word = &g->views[i]->udp_ports[c->local_port / 64];

		__atomic_store_n(word, used ? *word | bit : *word & ~bit, __ATOMIC_RELAXED);
	}
}

/* --- the routes that follow from a tunnel's own inner addresses */

/* Whether another tunnel or a port has this address in this table. */
static bool
address_is_shared(const struct gateway *g, const struct tunnel *but, uint16_t table,
	const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < g->tables.tunnels->capacity; i++) {
		const struct tunnel *t = g->tables.tunnels->tunnels[i];

		if (t && t != but && !g->by_tunnel[i].leaving && t->config.table == table &&
			(ip_addr_equal(&t->config.address, addr) ||
				ip_addr_equal(&t->config.address6, addr)))
			return true;
	}
	for (uint16_t i = 0; i < g->tables.ports->count; i++) {
		const struct port *p = g->tables.ports->ports[i];

		for (uint32_t k = 0; p->table == table && k < p->n_addresses; k++)
			if (ip_addr_equal(&p->addresses[k].addr, addr))
				return true;
	}
	return false;
}

static int
own_address_add(struct gateway *g, uint16_t table, const struct ip_addr *addr, struct error *err)
{
	struct route host = {
		.table = table, .prefix = {*addr, ip_addr_bits(addr)}, .via = ROUTE_VIA_LOCAL};
	struct route group = {.table = table,
		.prefix = addr->family == 4 ? multicast4 : multicast6,
		.via = ROUTE_VIA_LOCAL};
	int rc = change_route_share(g, &host, err);

	return rc == 0 ? change_route_share(g, &group, err) : rc;
}

static struct route
peer_route(const struct tunnel_config *c, uint32_t index, const struct ip_addr *peer)
{
	return (struct route){.table = c->table,
		.prefix = {*peer, ip_addr_bits(peer)},
		.via = ROUTE_VIA_TUNNEL,
		.tunnel = index};
}

static int
inner_routes_add(
	struct gateway *g, const struct tunnel_config *c, uint32_t index, struct error *err)
{
	const struct ip_addr *own[] = {&c->address, &c->address6};
	const struct ip_addr *peer[] = {&c->peer_address, &c->peer_address6};
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < RTE_DIM(own); i++) {
		if (own[i]->family)
			rc = own_address_add(g, c->table, own[i], err);
		if (rc == 0 && peer[i]->family) {
			struct route r = peer_route(c, index, peer[i]);

			rc = change_route_add(g, &r, err);
		}
	}
	return rc;
}

static int
inner_routes_delete(struct gateway *g, const struct tunnel *t, struct error *err)
{
	const struct tunnel_config *c = &t->config;
	const struct ip_addr *own[] = {&c->address, &c->address6};
	const struct ip_addr *peer[] = {&c->peer_address, &c->peer_address6};
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < RTE_DIM(own); i++) {
		if (peer[i]->family) {
			struct route r = peer_route(c, t->index, peer[i]);

			rc = change_route_delete(g, &r, err);
		}
		if (rc == 0 && own[i]->family && !address_is_shared(g, t, c->table, own[i])) {
			struct route r = {.table = c->table,
				.prefix = {*own[i], ip_addr_bits(own[i])},
				.via = ROUTE_VIA_LOCAL};

			rc = change_route_delete(g, &r, err);
		}
	}
	return rc;
}

/* Takes back the operations after the first n. */
static void
undo_after(struct gateway *g, uint32_t n)
{
	struct change *c = &g->change;

	while (c->n > n) {
		struct change_op *op = &c->ops[--c->n];

		if (op->kind->undo)
			op->kind->undo(g, op);
	}
}

/* --- add */

static void
add_undo(struct gateway *g, struct change_op *op)
{
	struct tunnel *t = op->tunnel.tunnel;

	if (!t)
		return;
	tunnel_retire(g->tables.tunnels, t);
	reaper_tunnel(g, t);
}

static void
add_finish(struct gateway *g, struct change_op *op)
{
	struct tunnel *t = op->tunnel.tunnel;

	udp_port_follow(g, &t->config);
	g->n_tunnels++;
	g->ways_changed = true;
	tell(g, t, "created");
}

static const struct change_kind tunnel_added = {add_undo, NULL, NULL, add_finish};

int
gateway_tunnel_add(struct gateway *g, const struct tunnel_config *c, struct error *err)
{
	uint32_t before = g->change.n;
	struct change_op *op;
	struct tunnel *t;
	int rc;

	if (port_table_find(g->tables.ports, c->name))
		return error_set(err, -EEXIST, "name: a port is called %s", c->name);
	op = change_add(g, &tunnel_added, err);
	if (!op)
		return -ENOMEM;
	/* which index it gets decides its SAs' owner and with it the node: the lowest free one */
	rc = tunnel_create(g->tables.tunnels, c, g->n_workers,
		workers_socket(g, default_owner(g, tunnel_table_next(g->tables.tunnels))), &t, err);
	if (rc == 0) {
		op->tunnel.tunnel = t;
		g->by_tunnel[t->index] = (struct gateway_tunnel){0};
		rc = inner_routes_add(g, c, t->index, err);
	}
	if (rc != 0)
		undo_after(g, before);
	return rc;
}

/* --- delete */

static void
delete_undo(struct gateway *g, struct change_op *op)
{
	g->by_tunnel[op->tunnel.tunnel->index].leaving = false;
}

static void
delete_finish(struct gateway *g, struct change_op *op)
{
	struct tunnel *t = op->tunnel.tunnel;
	struct error err;

	tell(g, t, "deleted");
	/* the next one with its index is down until it is told otherwise */
	if (route_tunnel_state(g->routes, t->index, false, &err) != 0)
		log_error(tunnel, "%s: %s", t->config.name, err.text);
	tunnel_retire(g->tables.tunnels, t);
	udp_port_follow(g, &t->config);
	g->by_tunnel[t->index] = (struct gateway_tunnel){0};
	g->n_tunnels--;
	g->ways_changed = true;
	reaper_tunnel(g, t);
}

static const struct change_kind tunnel_deleted = {delete_undo, NULL, NULL, delete_finish};

static uint32_t
count_staying(const struct gateway_sa_list *list)
{
	const struct gateway_sa *s;
	uint32_t n = 0;

	LIST_FOREACH (s, list, link)
		n += !s->leaving;
	return n;
}

static uint32_t
policies_of_tunnel(const struct gateway *g, uint32_t tunnel)
{
	const struct policy_list *edited = change_policies(&g->change);
	const struct policy_list *list = edited ? edited : &g->policies;
	uint32_t n = 0;

	for (uint32_t i = 0; i < list->n; i++)
		n += list->policies[i].policy.action == SPD_PROTECT &&
		     list->policies[i].policy.tunnel == tunnel;
	return n;
}

int
gateway_tunnel_delete(struct gateway *g, struct tunnel *tunnel, struct error *err)
{
	struct gateway_tunnel *own = &g->by_tunnel[tunnel->index];
	uint32_t sas = count_staying(&own->out) + count_staying(&own->in);
	uint32_t policies = policies_of_tunnel(g, tunnel->index);
	uint32_t routes = route_tunnel_count(g->routes, tunnel->index, ROUTE_BY_CONFIG);
	uint32_t before = g->change.n;
	struct change_op *op;
	int rc;

	if (own->leaving)
		return error_set(err, -ENOENT, "the same batch deletes the tunnel already");
	if (own->changing)
		return error_set(err, -EBUSY, "the same batch changes the tunnel");
	if (sas || routes || policies)
		return error_set(err, -EBUSY,
			"%u SAs, %u routes and %u policies need tunnel %s: delete these first, or "
			"all in one batch",
			sas, routes, policies, tunnel->config.name);
	op = change_add(g, &tunnel_deleted, err);
	if (!op)
		return -ENOMEM;
	op->tunnel.tunnel = tunnel;
	own->leaving = true;
	rc = inner_routes_delete(g, tunnel, err);
	if (rc != 0)
		undo_after(g, before);
	return rc;
}

/* --- update */

/* An SA goes by the receiver's address, which workers compare as they look up an inbound one: it
 * changes while none of them can find it. */
static void
sas_leave(struct gateway *g, const struct gateway_sa_list *list)
{
	struct gateway_sa *s;

	LIST_FOREACH (s, list, link) {
		sa_store_leave(&g->sas, s);
		if (s->direction == SA_IN)
			sad_retire(g->sad, s->sa);
	}
}

static void
sas_return(struct gateway *g, const struct gateway_sa_list *list, const struct ip_addr *to)
{
	struct gateway_sa *s;
	struct error err;

	LIST_FOREACH (s, list, link) {
		s->to = *to;
		sa_store_stay(&g->sas, s);
		if (s->direction != SA_IN)
			continue;
		s->sa->local = *to;
		if (sad_publish(g->sad, s->sa, &err) != 0)
			log_error(sa, "SPI 0x%08x is lost: %s", s->spi, err.text);
	}
}

static bool
moves(const struct tunnel_config *from, const struct tunnel_config *to)
{
	return !ip_addr_equal(&from->local, &to->local) ||
	       !ip_addr_equal(&from->remote, &to->remote);
}

/* From here on packets go by `to`, which takes over what workers count on. */
static void
exchange(struct gateway *g, struct tunnel *from, struct tunnel *to)
{
	struct gateway_tunnel *own = &g->by_tunnel[from->index];
	bool moving = moves(&from->config, &to->config);

	if (moving) {
		sas_leave(g, &own->in);
		sas_leave(g, &own->out);
		rte_rcu_qsbr_synchronize(g->qsbr, RTE_QSBR_THRID_INVALID);
	}
	for (uint16_t w = 0; w < g->n_workers; w++)
		to->workers[w].sa_out = from->workers[w].sa_out;
	to->up = from->up;
	tunnel_update(g, to);
	tunnel_succeed(g->tables.tunnels, from, to);
	if (moving) {
		sas_return(g, &own->in, &to->config.local);
		sas_return(g, &own->out, &to->config.remote);
	}
}

static void
update_over(struct gateway_tunnel *own)
{
	own->changing = own->moving = false;
}

static void
update_undo(struct gateway *g, struct change_op *op)
{
	update_over(&g->by_tunnel[op->tunnel.tunnel->index]);
	if (op->published)
		reaper_tunnel(g, op->tunnel.successor);
	else
		tunnel_free(op->tunnel.successor);
}

static int
update_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	(void)err;
	exchange(g, op->tunnel.tunnel, op->tunnel.successor);
	return 0;
}

static void
update_unpublish(struct gateway *g, struct change_op *op)
{
	exchange(g, op->tunnel.successor, op->tunnel.tunnel);
}

/* What the one before counted is complete when no worker has it any more. */
static void
update_finish(struct gateway *g, struct change_op *op)
{
	struct tunnel *old = op->tunnel.tunnel, *new = op->tunnel.successor;
	struct gateway_tunnel *own = &g->by_tunnel[new->index];
	struct counter out, in;

	update_over(own);
	new->keepalive_due_ms = old->keepalive_due_ms;
	rte_rcu_qsbr_synchronize(g->qsbr, RTE_QSBR_THRID_INVALID);
	tunnel_sum(old, &out, &in);
	counter_add(&own->earlier_out, out.packets, out.bytes);
	counter_add(&own->earlier_in, in.packets, in.bytes);
	udp_port_follow(g, &old->config);
	udp_port_follow(g, &new->config);
	tunnel_free(old);
	g->ways_changed = true;
	tell(g, new, "changed");
}

static const struct change_kind tunnel_updated = {
	update_undo, update_publish, update_unpublish, update_finish};

/* The names that a tunnel's SAs will have are nobody else's. */
static int
check_names(const struct gateway *g, const struct gateway_sa_list *list, const struct ip_addr *to,
	struct error *err)
{
	const struct gateway_sa *s;
	char text[IP_ADDR_STRLEN];

	LIST_FOREACH (s, list, link) {
		const struct gateway_sa *other = sa_store_find(&g->sas, s->direction, s->spi, to);

		if (other && other->tunnel != s->tunnel)
			return error_set(err, -EEXIST,
				"the tunnel's SA with SPI 0x%08x would have the SPI and the "
				"receiver's address, %s, of an SA of another tunnel",
				s->spi, ip_addr_format(to, text));
	}
	return 0;
}

static int
check_update(const struct gateway *g, const struct tunnel *t, const struct tunnel_config *c,
	struct error *err)
{
	const struct gateway_tunnel *own = &g->by_tunnel[t->index];
	bool has_sas = !LIST_EMPTY(&own->out) || !LIST_EMPTY(&own->in);
	int rc;

	if (strcmp(t->config.name, c->name) != 0)
		return error_set(err, -EINVAL, "name: a tunnel keeps its name");
	if (own->leaving || own->changing)
		return error_set(err, -EBUSY, "the same batch changes or deletes tunnel %s already",
			c->name);
	if (has_sas && t->config.encapsulation != c->encapsulation)
		return error_set(err, -EBUSY,
			"encapsulation: SAs were made for another one; delete them first");
	if (!moves(&t->config, c))
		return 0;
	if (change_touches_sas(g, t->index))
		return error_set(err, -EBUSY,
			"the same batch adds or deletes SAs of tunnel %s and moves it: local and "
			"remote change in a batch of their own",
			c->name);
	rc = check_names(g, &own->in, &c->local, err);
	return rc == 0 ? check_names(g, &own->out, &c->remote, err) : rc;
}

static bool
inner_equal(const struct tunnel_config *a, const struct tunnel_config *b)
{
	return a->table == b->table && ip_addr_equal(&a->address, &b->address) &&
	       ip_addr_equal(&a->address6, &b->address6) &&
	       ip_addr_equal(&a->peer_address, &b->peer_address) &&
	       ip_addr_equal(&a->peer_address6, &b->peer_address6);
}

int
gateway_tunnel_update(
	struct gateway *g, struct tunnel *tunnel, const struct tunnel_config *c, struct error *err)
{
	uint32_t before = g->change.n;
	struct change_op *op;
	int rc = check_update(g, tunnel, c, err);

	if (rc != 0)
		return rc;
	op = change_add(g, &tunnel_updated, err);
	if (!op)
		return -ENOMEM;
	op->tunnel.tunnel = tunnel;
	rc = tunnel_successor_create(tunnel, c, workers_socket(g, default_owner(g, tunnel->index)),
		&op->tunnel.successor, err);
	if (rc != 0) {
		change_drop(g);
		return rc;
	}
	g->by_tunnel[tunnel->index].changing = true;
	g->by_tunnel[tunnel->index].moving = moves(&tunnel->config, c);
	if (!inner_equal(&tunnel->config, c)) {
		rc = inner_routes_delete(g, tunnel, err);
		if (rc == 0)
			rc = inner_routes_add(g, c, tunnel->index, err);
	}
	if (rc != 0)
		undo_after(g, before);
	return rc;
}
