/* SPDX-License-Identifier: BSD-3-Clause */

/* Tunnels changed while traffic runs. */

#include <errno.h>
#include <string.h>

#include "change.h"
#include "gateway_change.h"
#include "grace.h"
#include "internal.h"

/* --- what workers see */

/* An inbound SA is looked up by our address, which workers compare as they do so: it changes while
 * none of them can find it. Those that are being deleted are found by nobody already. */
static void
inbound_hide(struct gateway *g, const struct gateway_tunnel *own)
{
	const struct gateway_sa *s;

	LIST_FOREACH (s, &own->in, link)
		if (!s->leaving)
			sad_retire(g->sad, s->sa);
	grace_wait(g->qsbr);
}

static void
inbound_show(struct gateway *g, const struct gateway_tunnel *own, const struct ip_addr *local)
{
	const struct gateway_sa *s;
	struct error err;

	LIST_FOREACH (s, &own->in, link) {
		if (s->leaving)
			continue;
		s->sa->local = *local;
		if (sad_publish(g->sad, s->sa, &err) != 0)
			log_error(sa, "SPI 0x%08x is lost: %s", s->spi, err.text);
	}
}

/* From here on packets go by `to`, which takes over what workers count on. Its state is looked at
 * at the end of the change, where others follow it. */
static void
exchange(struct gateway *g, struct tunnel *from, struct tunnel *to)
{
	const struct gateway_tunnel *own = &g->by_tunnel[from->index];
	bool inbound_moves =
		!LIST_EMPTY(&own->in) && !ip_addr_equal(&from->config.local, &to->config.local);

	for (uint16_t w = 0; w < g->n_workers; w++)
		to->workers[w].sa_out = from->workers[w].sa_out;
	tunnel_find_way(g, to);
	to->up = from->up;
	if (inbound_moves)
		inbound_hide(g, own);
	tunnel_succeed(g->tables.tunnels, from, to);
	if (inbound_moves)
		inbound_show(g, own, &to->config.local);
}

/* --- the SAs' names by the ends that the tunnel will have, beside those that they have */

static void
names_delete(struct gateway *g, const struct gateway_sa_list *list, const struct ip_addr *to,
	const struct gateway_sa *end)
{
	const struct gateway_sa *s;

	for (s = LIST_FIRST(list); s != end; s = LIST_NEXT(s, link))
		if (!s->leaving)
			sa_store_name_delete(&g->sas, s, to);
}

static int
names_add(struct gateway *g, const struct gateway_sa_list *list, const struct ip_addr *to,
	struct error *err)
{
	struct gateway_sa *s;
	int rc;

	LIST_FOREACH (s, list, link) {
		rc = s->leaving ? 0 : sa_store_name_add(&g->sas, s, to, err);
		if (rc != 0) {
			names_delete(g, list, to, s);
			return rc;
		}
	}
	return 0;
}

/* The receivers' addresses before and after; whether they differ. */
static bool
in_moves(const struct tunnel *from, const struct tunnel *to)
{
	return !ip_addr_equal(&from->config.local, &to->config.local);
}

static bool
out_moves(const struct tunnel *from, const struct tunnel *to)
{
	return !ip_addr_equal(&from->config.remote, &to->config.remote);
}

static void
other_names_delete(struct gateway *g, const struct tunnel *from, const struct tunnel *to)
{
	const struct gateway_tunnel *own = &g->by_tunnel[from->index];

	if (in_moves(from, to))
		names_delete(g, &own->in, &to->config.local, NULL);
	if (out_moves(from, to))
		names_delete(g, &own->out, &to->config.remote, NULL);
}

static int
other_names_add(
	struct gateway *g, const struct tunnel *from, const struct tunnel *to, struct error *err)
{
	const struct gateway_tunnel *own = &g->by_tunnel[from->index];
	int rc = in_moves(from, to) ? names_add(g, &own->in, &to->config.local, err) : 0;

	if (rc != 0 || !out_moves(from, to))
		return rc;
	rc = names_add(g, &own->out, &to->config.remote, err);
	if (rc != 0 && in_moves(from, to))
		names_delete(g, &own->in, &to->config.local, NULL);
	return rc;
}

/* What `from` has counted, which no worker uses any more, is the tunnel's. */
static void
inherit_counters(struct gateway *g, const struct tunnel *from)
{
	struct gateway_tunnel *own = &g->by_tunnel[from->index];
	struct counter out, in;

	tunnel_sum(from, &out, &in);
	counter_add(&own->earlier_out, out.packets, out.bytes);
	counter_add(&own->earlier_in, in.packets, in.bytes);
}

static void
update_undo(struct gateway *g, struct change_op *op)
{
	struct tunnel *t = op->tunnel.tunnel, *successor = op->tunnel.successor;
	struct gateway_tunnel *own = &g->by_tunnel[t->index];

	other_names_delete(g, t, successor);
	own->successor = NULL;
	own->moving = false;
	if (op->published)
		inherit_counters(g, successor);
	tunnel_free(successor);
}

static int
update_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	(void)err;
	tunnel_udp_port_count(g, &op->tunnel.successor->config, 1);
	exchange(g, op->tunnel.tunnel, op->tunnel.successor);
	return 0;
}

static void
update_unpublish(struct gateway *g, struct change_op *op)
{
	exchange(g, op->tunnel.successor, op->tunnel.tunnel);
	tunnel_udp_port_count(g, &op->tunnel.successor->config, -1);
}

/* Those that the change adds as well have their new names already. */
static void
rename_sas(struct gateway *g, const struct gateway_sa_list *list, const struct ip_addr *to)
{
	struct gateway_sa *s;

	LIST_FOREACH (s, list, link) {
		if (ip_addr_equal(&s->to, to))
			continue;
		sa_store_name_delete(&g->sas, s, &s->to);
		s->to = *to;
	}
}

static void
update_finish(struct gateway *g, struct change_op *op)
{
	struct tunnel *old = op->tunnel.tunnel, *new = op->tunnel.successor;
	struct gateway_tunnel *own = &g->by_tunnel[new->index];

	rename_sas(g, &own->in, &new->config.local);
	rename_sas(g, &own->out, &new->config.remote);
	own->successor = NULL;
	own->moving = false;
	new->keepalive_due_ms = old->keepalive_due_ms;
	inherit_counters(g, old);
	tunnel_udp_port_count(g, &old->config, -1);
	tunnel_reassign_later(g, new->index);
	g->ways_changed = true;
	tunnel_tell(g, new, "changed");
	peer_moved(g, old, new);
	tunnel_free(old);
}

static const struct change_kind tunnel_updated = {.undo = update_undo,
	.publish = update_publish,
	.unpublish = update_unpublish,
	.finish = update_finish,
	.counts = true};

static int
check_update(const struct gateway *g, const struct tunnel *t, const struct tunnel_config *c,
	struct error *err)
{
	const struct gateway_tunnel *own = &g->by_tunnel[t->index];

	if (strcmp(t->config.name, c->name) != 0)
		return error_set(err, -EINVAL, "name: a tunnel keeps its name");
	if (own->leaving || own->successor)
		return error_set(err, -EBUSY, "the same batch changes or deletes tunnel %s already",
			c->name);
	if (t->config.encapsulation != c->encapsulation && tunnel_sas_after(g, t->index))
		return error_set(err, -EBUSY,
			"encapsulation: SAs were made for another one; delete them first, or in "
			"the same batch");
	return 0;
}

static bool
inner_equal(const struct tunnel_config *a, const struct tunnel_config *b)
{
	return a->table == b->table && ip_addr_equal(&a->address, &b->address) &&
	       ip_addr_equal(&a->address6, &b->address6) &&
	       ip_addr_equal(&a->peer_address, &b->peer_address) &&
	       ip_addr_equal(&a->peer_address6, &b->peer_address6);
}

/* The names that its SAs will have are taken. Those that the same batch adds have been made for the
 * ends that it has now. */
static int
prepare_move(struct gateway *g, const struct tunnel *t, const struct tunnel *successor,
	struct error *err)
{
	struct gateway_tunnel *own = &g->by_tunnel[t->index];

	own->moving = in_moves(t, successor) || out_moves(t, successor);
	if (own->moving && own->n_coming)
		return error_set(err, -EBUSY,
			"the same batch adds SAs to tunnel %s: change its ends before that",
			t->config.name);
	return other_names_add(g, t, successor, err);
}

int
gateway_tunnel_update(
	struct gateway *g, struct tunnel *tunnel, const struct tunnel_config *c, struct error *err)
{
	struct gateway_tunnel *own = &g->by_tunnel[tunnel->index];
	uint32_t before = g->change.n;
	struct tunnel *successor;
	struct change_op *op;
	int rc = check_update(g, tunnel, c, err);

	if (rc != 0)
		return rc;
	op = change_add(g, &tunnel_updated, err);
	if (!op)
		return -ENOMEM;
	rc = tunnel_successor_create(
		tunnel, c, workers_socket(g, default_owner(g, tunnel->index)), &successor, err);
	if (rc != 0)
		goto drop;
	rc = prepare_move(g, tunnel, successor, err);
	if (rc != 0)
		goto free;
	op->tunnel.tunnel = tunnel;
	op->tunnel.successor = own->successor = successor;
	if (!inner_equal(&tunnel->config, c))
		rc = tunnel_routes_delete(g, tunnel, err);
	if (rc == 0 && !inner_equal(&tunnel->config, c))
		rc = tunnel_routes_add(g, c, tunnel->index, err);
	if (rc != 0)
		change_undo_after(g, before);
	return rc;
free:
	own->moving = false;
	tunnel_free(successor);
drop:
	change_drop(g);
	return rc;
}
