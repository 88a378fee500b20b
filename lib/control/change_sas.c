/* SPDX-License-Identifier: BSD-3-Clause */

/* SAs added, changed and deleted while traffic runs. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "gateway_change.h"
#include "internal.h"

/* --- add */

/* No worker has the SA. One that was never in force has used no numbers, or is told how many. */
void
sa_end(struct gateway *g, struct gateway_sa *s)
{
	if (s->sa && s->sa->state && s->live)
		seq_state_release(g->state, s->sa);
	else if (s->sa && s->sa->state)
		seq_state_take_back(g->state, s->sa);
	sa_destroy(s->sa);
	sa_store_give(&g->sas, s);
}

static void
add_undo(struct gateway *g, struct change_op *op)
{
	struct gateway_sa *s = op->sa.sa;

	sa_store_leave(&g->sas, s);
	g->by_tunnel[s->tunnel].n_coming--;
	if (op->published)
		reaper_sa(g, s);
	else
		sa_end(g, s);
}

/* Among its tunnel's SAs from now on, the newest one. Which outbound one is used is chosen at the
 * end. */
static int
add_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	struct gateway_sa *s = op->sa.sa;
	struct gateway_tunnel *t = &g->by_tunnel[s->tunnel];
	int rc = 0;

	if (s->direction == SA_OUT) {
		LIST_INSERT_HEAD(&t->out, s, link);
		t->n_owned += s->has_owner;
		return 0;
	}
	op->sa.spi_reserved = sad_spi_is_reserved(g->sad, s->spi);
	rc = sad_publish(g->sad, s->sa, err);
	if (rc == 0)
		LIST_INSERT_HEAD(&t->in, s, link);
	return rc;
}

/* No longer among its tunnel's SAs. */
static void
unlink_sa(struct gateway *g, struct gateway_sa *s)
{
	LIST_REMOVE(s, link);
	if (s->direction == SA_OUT)
		g->by_tunnel[s->tunnel].n_owned -= s->has_owner;
}

static void
add_unpublish(struct gateway *g, struct change_op *op)
{
	struct gateway_sa *s = op->sa.sa;

	unlink_sa(g, s);
	if (s->direction == SA_OUT)
		return;
	sad_retire(g->sad, s->sa);
	if (op->sa.spi_reserved)
		sad_spi_reserve(g->sad, s->spi);
}

static void
add_finish(struct gateway *g, struct change_op *op)
{
	struct gateway_sa *s = op->sa.sa;

	s->live = true;
	g->by_tunnel[s->tunnel].n_coming--;
	if (s->direction == SA_OUT)
		tunnel_reassign_later(g, s->tunnel);
}

static const struct change_kind sa_added = {
	.undo = add_undo, .publish = add_publish, .unpublish = add_unpublish, .finish = add_finish};

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

/* What has been deleted may still be there: its place, its session, its key's claim. */
static bool
may_be_in_the_way(int rc)
{
	return rc == -ENOSPC || rc == -ENOMEM || rc == -ENOTSUP || rc == -EBUSY;
}

int
gateway_sa_add(struct gateway *g, const struct config_sa *c, struct error *err)
{
	struct gateway_tunnel *own = &g->by_tunnel[c->tunnel];
	const struct tunnel *t =
		own->successor ? own->successor : g->tables.tunnels->tunnels[c->tunnel];
	struct gateway_sa *s = NULL;
	struct change_op *op;
	int rc;

	if (!t || own->leaving)
		return error_set(err, -ENOENT, "tunnel: the same batch deletes it");
	op = change_add(g, &sa_added, err);
	if (!op)
		return -ENOMEM;
	rc = sa_prepare(g, c, t, &s, err);
	if (may_be_in_the_way(rc) && reaper_wait(g))
		rc = sa_prepare(g, c, t, &s, err);
	if (rc != 0) {
		change_drop(g);
		return rc;
	}
	op->sa.sa = s;
	own->n_coming++;
	g->change.static_keys |= c->sa.static_key && c->sa.direction == SA_OUT;
	return 0;
}

/* --- delete */

static void
delete_undo(struct gateway *g, struct change_op *op)
{
	sa_store_stay(&g->sas, op->sa.sa);
}

static int
delete_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	(void)err;
	if (op->sa.sa->direction == SA_IN)
		sad_retire(g->sad, op->sa.sa->sa);
	return 0;
}

static void
delete_unpublish(struct gateway *g, struct change_op *op)
{
	struct gateway_sa *s = op->sa.sa;
	struct error err;

	if (s->direction == SA_IN && sad_publish(g->sad, s->sa, &err) != 0)
		log_error(sa, "SPI 0x%08x is lost: %s", s->spi, err.text);
}

static void
delete_finish(struct gateway *g, struct change_op *op)
{
	struct gateway_sa *s = op->sa.sa;

	s->gone = true;
	unlink_sa(g, s);
	if (s->direction == SA_OUT)
		tunnel_reassign_later(g, s->tunnel);
	reaper_sa(g, s);
}

static const struct change_kind sa_deleted = {.undo = delete_undo,
	.publish = delete_publish,
	.unpublish = delete_unpublish,
	.finish = delete_finish};

int
gateway_sa_delete(struct gateway *g, struct gateway_sa *sa, struct error *err)
{
	struct change_op *op;

	if (sa->leaving)
		return error_set(err, -ENOENT, "the SA is being deleted already");
	if (!sa->live)
		return error_set(err, -EBUSY, "the same batch adds this SA");
	if (g->by_tunnel[sa->tunnel].moving)
		return error_set(err, -EBUSY,
			"the same batch changes the ends of the SA's tunnel: delete it first");
	op = change_add(g, &sa_deleted, err);
	if (!op)
		return -ENOMEM;
	op->sa.sa = sa;
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
	.publish = lifetimes_publish, .unpublish = lifetimes_unpublish, .finish = lifetimes_finish};

int
gateway_sa_update(struct gateway *g, struct gateway_sa *sa, const struct sa_lifetime *soft,
	const struct sa_lifetime *hard, struct error *err)
{
	struct change_op *op;

	if (sa->leaving)
		return error_set(err, -ENOENT, "the SA is being deleted");
	/* its worker may have ended it a moment ago, and nobody been told */
	if (sa->over || sa->sa->hot.expired ||
		__atomic_load_n(&sa->sa->hot.ended, __ATOMIC_RELAXED))
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
