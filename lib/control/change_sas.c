/* SPDX-License-Identifier: BSD-3-Clause */

/* SAs added, changed and deleted while traffic runs. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "gateway_change.h"
#include "internal.h"

static const struct change_kind sa_added, sa_deleted;

static void
reassign_later(struct gateway *g, uint32_t tunnel)
{
	if (g->by_tunnel[tunnel].reassign)
		return;
	g->by_tunnel[tunnel].reassign = true;
	g->reassign[g->n_reassign++] = tunnel;
}

bool
change_touches_sas(const struct gateway *g, uint32_t tunnel)
{
	for (uint32_t i = 0; i < g->change.n; i++) {
		const struct change_op *op = &g->change.ops[i];

		if ((op->kind == &sa_added || op->kind == &sa_deleted) && op->sa->tunnel == tunnel)
			return true;
	}
	return false;
}

/* --- add */

/* No worker has the SA. */
void
sa_end(struct gateway *g, struct gateway_sa *s)
{
	if (s->sa && s->sa->state)
		seq_state_release(g->state, s->sa);
	sa_destroy(s->sa);
	sa_store_give(&g->sas, s);
}

static void
add_undo(struct gateway *g, struct change_op *op)
{
	sa_store_leave(&g->sas, op->sa);
	if (op->published)
		reaper_sa(g, op->sa);
	else
		sa_end(g, op->sa);
}

static int
add_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	return op->sa->direction == SA_IN ? sad_publish(g->sad, op->sa->sa, err) : 0;
}

static void
add_unpublish(struct gateway *g, struct change_op *op)
{
	if (op->sa->direction == SA_IN)
		sad_retire(g->sad, op->sa->sa);
}

static void
add_finish(struct gateway *g, struct change_op *op)
{
	struct gateway_sa *s = op->sa;
	struct gateway_tunnel *t = &g->by_tunnel[s->tunnel];

	s->live = true;
	if (s->direction == SA_IN) {
		LIST_INSERT_HEAD(&t->in, s, link);
		return;
	}
	LIST_INSERT_HEAD(&t->out, s, link);
	t->n_owned += s->has_owner;
	reassign_later(g, s->tunnel);
}

static const struct change_kind sa_added = {add_undo, add_publish, add_unpublish, add_finish};

/* Of a tunnel's SAs that are no worker's own: on its node the tunnel is, too. */
uint16_t
default_owner(const struct gateway *g, uint32_t tunnel)
{
	return (uint16_t)(tunnel % g->n_workers);
}

/* The first outbound SA opens the state file: without one it is not needed. */
static int
claim_sequence(struct gateway *g, const struct sa_config *c, struct seq_state_entry **entry,
	struct error *err)
{
	const struct crypto_algorithm *a = crypto_algorithm_get(c->algorithm);
	uint64_t next, limit; /* sa_create takes them from the entry */

	if (!g->state)
		g->state = seq_state_open(g->options.state_dir, err);
	if (!g->state)
		return -EIO;
	return seq_state_claim(g->state, c->key, a->key_bytes + a->salt_bytes, c->seq, c->esn,
		c->static_key, entry, &next, &limit, err);
}

/* The SA itself, its key's counter claimed; not published yet. */
static int
sa_make(struct gateway *g, const struct sa_config *c, const struct tunnel *t, uint16_t owner,
	struct sa **out, struct error *err)
{
	enum sa_payload payload =
		t->encapsulation == TUNNEL_IPIP ? SA_PAYLOAD_IPIP : SA_PAYLOAD_TUNNEL;
	struct seq_state_entry *entry = NULL;
	int rc = c->direction == SA_OUT ? claim_sequence(g, c, &entry, err) : 0;

	if (rc == 0)
		rc = sa_create(c, &t->config.local, payload, owner, g->engine, entry,
			workers_socket(g, owner), out, err);
	if (rc != 0) {
		if (entry)
			seq_state_abandon(g->state, entry);
		return rc;
	}
	(*out)->tunnel = t->index;
	(*out)->tunnel_generation = t->generation;
	if (entry)
		seq_state_register(g->state, *out);
	return 0;
}

static uint64_t
deadline(uint64_t seconds)
{
	return seconds ? now_ms() + seconds * 1000 : 0;
}

/* What is kept of it beside the SA. */
static int
place_fill(struct gateway_sa *s, const struct config_sa *c, struct error *err)
{
	s->algorithm = (uint8_t)c->sa.algorithm;
	s->has_owner = c->has_owner;
	s->replay_window = c->sa.replay_window;
	s->hard = c->sa.hard;
	s->expires_ms = deadline(c->sa.hard.seconds);
	s->soft_ms = deadline(c->sa.soft.seconds);
	if (!c->sa.static_key)
		return 0;
	s->key = malloc(SA_KEY_MAX);
	if (!s->key)
		return error_set(err, -ENOMEM, "no memory for another SA");
	memcpy(s->key, c->sa.key, SA_KEY_MAX);
	return 0;
}

static int
sa_prepare(struct gateway *g, const struct config_sa *c, const struct tunnel *t,
	struct gateway_sa **out, struct error *err)
{
	uint16_t owner = c->has_owner ? c->sa.worker : default_owner(g, t->index);
	const struct ip_addr *to = c->sa.direction == SA_IN ? &t->config.local : &t->config.remote;
	struct gateway_sa *s;
	int rc;

	if (owner >= g->n_workers)
		return error_set(err, -EINVAL,
			"worker = %u, but there are %u workers, numbered from 0", owner,
			g->n_workers);
	rc = sa_store_take(&g->sas, c, to, &s, err);
	if (rc != 0)
		return rc;
	rc = place_fill(s, c, err);
	if (rc == 0)
		rc = sa_make(g, &c->sa, t, owner, &s->sa, err);
	if (rc != 0) {
		sa_store_leave(&g->sas, s);
		sa_store_give(&g->sas, s);
		return rc;
	}
	s->sa->id = (uint32_t)(s - g->sas.places);
	*out = s;
	return 0;
}

int
gateway_sa_add(struct gateway *g, const struct config_sa *c, struct error *err)
{
	const struct tunnel *t = g->tables.tunnels->tunnels[c->tunnel];
	struct change_op *op;
	int rc;

	if (!t || g->by_tunnel[c->tunnel].leaving)
		return error_set(err, -ENOENT, "tunnel: the same batch deletes it");
	if (g->by_tunnel[c->tunnel].moving)
		return error_set(err, -EBUSY, "tunnel: the same batch changes it");
	op = change_add(g, &sa_added, err);
	if (!op)
		return -ENOMEM;
	rc = sa_prepare(g, c, t, &op->sa, err);
	if (rc != 0)
		change_drop(g);
	else
		g->change.static_keys |= c->sa.static_key && c->sa.direction == SA_OUT;
	return rc;
}

/* --- delete */

static void
delete_undo(struct gateway *g, struct change_op *op)
{
	sa_store_stay(&g->sas, op->sa);
}

static int
delete_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	(void)err;
	add_unpublish(g, op);
	return 0;
}

static void
delete_unpublish(struct gateway *g, struct change_op *op)
{
	struct error err;

	if (add_publish(g, op, &err) != 0)
		log_error(sa, "SPI 0x%08x is lost: %s", op->sa->spi, err.text);
}

static void
delete_finish(struct gateway *g, struct change_op *op)
{
	struct gateway_sa *s = op->sa;

	LIST_REMOVE(s, link);
	if (s->direction == SA_OUT) {
		g->by_tunnel[s->tunnel].n_owned -= s->has_owner;
		reassign_later(g, s->tunnel);
	}
	reaper_sa(g, s);
}

static const struct change_kind sa_deleted = {
	delete_undo, delete_publish, delete_unpublish, delete_finish};

int
gateway_sa_delete(struct gateway *g, struct gateway_sa *sa, struct error *err)
{
	struct change_op *op;

	if (!sa->live)
		return error_set(err, -EBUSY, "the same batch adds this SA");
	if (g->by_tunnel[sa->tunnel].moving)
		return error_set(err, -EBUSY, "the same batch changes the SA's tunnel");
	op = change_add(g, &sa_deleted, err);
	if (!op)
		return -ENOMEM;
	op->sa = sa;
	sa_store_leave(&g->sas, sa);
	return 0;
}

/* --- lifetimes */

static void
lifetimes_exchange(struct gateway_sa *s, struct sa_lifetime *soft, struct sa_lifetime *hard)
{
	const struct sa_lifetime old_soft = s->sa->soft, old_hard = s->hard;

	s->sa->soft = *soft;
	s->hard = *hard;
	*soft = old_soft;
	*hard = old_hard;
}

static int
lifetimes_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	(void)g;
	(void)err;
	lifetimes_exchange(op->lifetimes.sa, &op->lifetimes.soft, &op->lifetimes.hard);
	return 0;
}

static void
lifetimes_unpublish(struct gateway *g, struct change_op *op)
{
	lifetimes_publish(g, op, NULL);
}

/* The seconds count from now on; packets and bytes from the SA's beginning. */
static void
lifetimes_finish(struct gateway *g, struct change_op *op)
{
	struct gateway_sa *s = op->lifetimes.sa;
	struct sa_hot *hot = &s->sa->hot;

	(void)g;
	s->expires_ms = deadline(s->hard.seconds);
	s->soft_ms = deadline(s->sa->soft.seconds);
	s->sa->soft_told = false;
	__atomic_store_n(&hot->hard_packets, s->hard.packets ? s->hard.packets : UINT64_MAX,
		__ATOMIC_RELAXED);
	__atomic_store_n(
		&hot->hard_bytes, s->hard.bytes ? s->hard.bytes : UINT64_MAX, __ATOMIC_RELAXED);
}

static const struct change_kind sa_updated = {
	NULL, lifetimes_publish, lifetimes_unpublish, lifetimes_finish};

int
gateway_sa_update(struct gateway *g, struct gateway_sa *sa, const struct sa_lifetime *soft,
	const struct sa_lifetime *hard, struct error *err)
{
	struct change_op *op;

	if (sa->over)
		return error_set(
			err, -EBUSY, "the SA has ended and cannot live longer: add a new one");
	op = change_add(g, &sa_updated, err);
	if (!op)
		return -ENOMEM;
	op->lifetimes.sa = sa;
	op->lifetimes.soft = *soft;
	op->lifetimes.hard = *hard;
	return 0;
}
