/* SPDX-License-Identifier: BSD-3-Clause */
#include "neigh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "neigh_private.h"

enum {
	BACKOFF_MAX_MS = 30000,
	BACKOFF_SHIFT_MAX = 5,
	CONFLICT_MS = 10000, /* RFC 5227 DEFEND_INTERVAL */
};

static const struct neigh_params defaults = {.capacity = 4096,
	.queue = 8,
	.queue_total = 512,
	.reachable_ms = 30000,
	.stale_ms = 600000,
	.retransmit_ms = 1000,
	.attempts = 3};

/* What is 0 takes its default. */
static struct neigh_params
with_defaults(const struct neigh_params *p)
{
	return (struct neigh_params){.capacity = p->capacity ? p->capacity : defaults.capacity,
		.queue = p->queue ? p->queue : defaults.queue,
		.queue_total = p->queue_total ? p->queue_total : defaults.queue_total,
		.reachable_ms = p->reachable_ms ? p->reachable_ms : defaults.reachable_ms,
		.stale_ms = p->stale_ms ? p->stale_ms : defaults.stale_ms,
		.retransmit_ms = p->retransmit_ms ? p->retransmit_ms : defaults.retransmit_ms,
		.attempts = p->attempts ? p->attempts : defaults.attempts};
}

struct neigh_table *
neigh_create(const struct neigh_params *params, const struct port_table *ports,
	struct rte_mempool *pool, const struct neigh_ops *ops, void *arg, struct error *err)
{
	struct neigh_table *t = calloc(1, sizeof(*t));

	if (!t) {
		error_set(err, -ENOMEM, "no memory for the neighbour table");
		return NULL;
	}
	t->params = with_defaults(params);
	t->ports = ports;
	t->pool = pool;
	t->ops = *ops;
	t->arg = arg;
	if (neigh_store_create(t, err) != 0) {
		neigh_store_destroy(t);
		free(t);
		return NULL;
	}
	return t;
}

void
neigh_destroy(struct neigh_table *t)
{
	struct rte_mbuf *m;

	if (!t)
		return;
	for (int i = 0; i < CLASS_COUNT; i++) {
		struct neigh_entry *e;

		TAILQ_FOREACH (e, &t->classes[i], link)
			while ((m = neigh_queue_pop(t, e)))
				t->ops.drop(t->arg, m, DROP_shutdown);
	}
	neigh_store_destroy(t);
	free(t);
}

/* --- the state machine: RFC 4861 7.3, for both families */

static void
solicit(struct neigh_table *t, struct neigh_entry *e)
{
	const struct port *p = t->ports->ports[e->n.port];
	const uint8_t *mac = e->n.state == NEIGH_PROBE ? e->n.mac : NULL;

	if (e->n.addr.family == 4)
		neigh_arp_solicit(t, p, &e->n.addr, mac);
	else
		neigh_nd_solicit(t, p, &e->n.addr, mac);
	e->sent++;
	e->next_ms = t->now_ms + t->params.retransmit_ms;
}

static void
drop_waiting(struct neigh_table *t, struct neigh_entry *e, enum drop_reason why)
{
	struct rte_mbuf *m;

	while ((m = neigh_queue_pop(t, e)))
		t->ops.drop(t->arg, m, why);
}

/* Nobody may use the entry's address any more. */
static void
lose(struct neigh_table *t, struct neigh_entry *e, enum drop_reason why)
{
	e->n.state = NEIGH_FAILED;
	memset(e->n.mac, 0, sizeof(e->n.mac));
	neigh_store_classify(t, e);
	drop_waiting(t, e, why);
	t->ops.changed(t->arg, &e->n, false);
}

static void
forget(struct neigh_table *t, struct neigh_entry *e, enum drop_reason why)
{
	lose(t, e, why);
	neigh_store_delete(t, e);
}

/* Asks the neighbour: all stations for an address that is not known, itself for one that may have
 * changed. */
static void
ask(struct neigh_table *t, struct neigh_entry *e, enum neigh_state state)
{
	e->n.state = state;
	e->sent = 0;
	neigh_store_classify(t, e);
	solicit(t, e);
}

/* No answer: asked again after a while, a longer one each time. An entry that nobody pinned says
 * until then that it failed, and is forgotten. */
static void
fail(struct neigh_table *t, struct neigh_entry *e)
{
	uint64_t wait = t->params.retransmit_ms << RTE_MIN(e->failures, BACKOFF_SHIFT_MAX);

	if (e->failures < UINT8_MAX)
		e->failures++;
	e->next_ms = t->now_ms + RTE_MIN(wait, (uint64_t)BACKOFF_MAX_MS);
	lose(t, e, DROP_neighbour_failed);
}

static void
set_known(struct neigh_table *t, struct neigh_entry *e, enum neigh_state state)
{
	uint64_t ages = t->params.stale_ms;

	if (state == NEIGH_REACHABLE)
		ages = t->params.reachable_ms;
	else if (e->pins)
		ages = 0; /* a gateway is not left in doubt */
	e->n.state = state;
	e->failures = 0;
	e->next_ms = t->now_ms + ages;
	neigh_store_classify(t, e);
}

static void
set_mac(struct neigh_table *t, struct neigh_entry *e, const uint8_t mac[6])
{
	struct rte_mbuf *m;

	memcpy(e->n.mac, mac, sizeof(e->n.mac));
	t->ops.changed(t->arg, &e->n, true);
	while ((m = neigh_queue_pop(t, e)))
		t->ops.release(t->arg, &e->n, m);
}

bool
neigh_is_usable(const struct neigh *n)
{
	return n->state != NEIGH_INCOMPLETE && n->state != NEIGH_FAILED;
}

static struct neigh_entry *
add(struct neigh_table *t, uint16_t port, const struct ip_addr *addr, enum neigh_class last)
{
	struct neigh_entry *oldest;

	if (t->count >= t->params.capacity) {
		oldest = neigh_store_oldest(t, last);
		if (oldest)
			forget(t, oldest, DROP_neighbour_full);
	}
	return neigh_store_add(t, port, addr);
}

/* RFC 4861 7.2.3 and 7.2.5; ARP is an advertisement that overrides. */
void
neigh_learn(struct neigh_table *t, const struct neigh_evidence *ev)
{
	struct neigh_entry *e = neigh_store_find(t, ev->port, &ev->addr);
	enum neigh_state state = ev->solicited ? NEIGH_REACHABLE : NEIGH_STALE;
	bool differs;

	if (!e && ev->create && ev->mac)
		e = add(t, ev->port, &ev->addr, CLASS_STALE);
	if (!e || e->n.state == NEIGH_STATIC)
		return;
	if (!neigh_is_usable(&e->n)) {
		if (!ev->mac)
			return;
		set_known(t, e, state);
		set_mac(t, e, ev->mac);
		return;
	}
	differs = ev->mac && memcmp(ev->mac, e->n.mac, sizeof(e->n.mac)) != 0;
	if (differs && !ev->override) {
		if (e->n.state == NEIGH_REACHABLE)
			set_known(t, e, NEIGH_STALE);
		return;
	}
	if (ev->solicited || differs)
		set_known(t, e, state);
	if (differs)
		set_mac(t, e, ev->mac);
}

static void
expire(struct neigh_table *t, struct neigh_entry *e)
{
	bool last = e->sent >= t->params.attempts;

	switch (e->n.state) {
	case NEIGH_INCOMPLETE:
	case NEIGH_PROBE:
		if (!last)
			solicit(t, e);
		else if (e->pins || e->n.state == NEIGH_INCOMPLETE)
			fail(t, e);
		else
			forget(t, e, DROP_neighbour_failed);
		break;
	case NEIGH_REACHABLE:
		if (e->pins)
			ask(t, e, NEIGH_PROBE);
		else
			set_known(t, e, NEIGH_STALE);
		break;
	case NEIGH_STALE:
		/* Whether it is in use only the workers know: one that answers stays. */
		ask(t, e, NEIGH_PROBE);
		break;
	case NEIGH_FAILED:
		if (!e->pins)
			neigh_store_delete(t, e);
		else if (t->ports->ports[e->n.port]->link_up)
			ask(t, e, NEIGH_INCOMPLETE);
		break;
	case NEIGH_STATIC:
		break;
	}
}

void
neigh_tick(struct neigh_table *t, uint64_t now_ms)
{
	uint32_t left = t->count;

	t->now_ms = now_ms;
	for (uint32_t i = 0; left > 0 && i < t->slots; i++) {
		struct neigh_entry *e = &t->entries[i];

		if (!e->used)
			continue;
		left--;
		if (now_ms >= e->next_ms)
			expire(t, e);
	}
}

/* --- who needs a neighbour */

const uint8_t *
neigh_mac(struct neigh_table *t, uint16_t port, const struct ip_addr *addr)
{
	struct neigh_entry *e = neigh_store_find(t, port, addr);

	if (e)
		return neigh_is_usable(&e->n) ? e->n.mac : NULL;
	e = add(t, port, addr, CLASS_STALE);
	if (e)
		ask(t, e, NEIGH_INCOMPLETE);
	return NULL;
}

void
neigh_resolve(struct neigh_table *t, uint16_t port, const struct ip_addr *addr, struct rte_mbuf *m,
	uint64_t now_ms)
{
	struct neigh_entry *e;

	t->now_ms = now_ms;
	neigh_mac(t, port, addr);
	e = neigh_store_find(t, port, addr);
	if (e && neigh_is_usable(&e->n)) {
		t->ops.release(t->arg, &e->n, m);
		if (e->n.state == NEIGH_STALE)
			ask(t, e, NEIGH_PROBE);
		return;
	}
	if (e && e->n.state == NEIGH_FAILED) {
		t->ops.drop(t->arg, m, DROP_neighbour_failed);
		return;
	}
	if (e)
		m = neigh_queue_push(t, e, m);
	if (m)
		t->ops.drop(t->arg, m, DROP_neighbour_full);
}

void
neigh_pin(struct neigh_table *t, uint16_t port, const struct ip_addr *addr, uint64_t now_ms)
{
	struct neigh_entry *e = neigh_store_find(t, port, addr);
	char text[IP_ADDR_STRLEN];
	bool asked = e != NULL;

	t->now_ms = now_ms;
	if (!e)
		e = add(t, port, addr, CLASS_REACHABLE);
	if (!e) {
		log_error(neigh, "no room for the gateway %s among %u neighbours that must stay",
			ip_addr_format(addr, text), t->params.capacity);
		return;
	}
	e->pins++;
	neigh_store_classify(t, e);
	if (!asked)
		ask(t, e, NEIGH_INCOMPLETE);
	else if (e->n.state == NEIGH_STALE)
		ask(t, e, NEIGH_PROBE);
}

void
neigh_unpin(struct neigh_table *t, uint16_t port, const struct ip_addr *addr)
{
	struct neigh_entry *e = neigh_store_find(t, port, addr);

	if (!e || e->pins == 0)
		return;
	e->pins--;
	neigh_store_classify(t, e);
}

int
neigh_static_add(struct neigh_table *t, uint16_t port, const struct ip_addr *addr,
	const uint8_t mac[6], struct error *err)
{
	struct neigh_entry *e = neigh_store_find(t, port, addr);
	char text[IP_ADDR_STRLEN];

	ip_addr_format(addr, text);
	if (port >= t->ports->count)
		return error_set(err, -EINVAL, "neighbour %s: no port %u", text, port);
	if (mac[0] & 1)
		return error_set(err, -EINVAL,
			"neighbour %s: its MAC address is that of a group; a station's is needed",
			text);
	if (!e)
		e = add(t, port, addr, CLASS_REACHABLE);
	if (!e)
		return error_set(err, -ENOSPC,
			"neighbour %s: no room among %u neighbours that must stay", text,
			t->params.capacity);
	e->n.state = NEIGH_STATIC;
	e->next_ms = UINT64_MAX;
	neigh_store_classify(t, e);
	set_mac(t, e, mac);
	return 0;
}

int
neigh_static_delete(
	struct neigh_table *t, uint16_t port, const struct ip_addr *addr, struct error *err)
{
	struct neigh_entry *e = neigh_store_find(t, port, addr);
	char text[IP_ADDR_STRLEN];

	if (!e || e->n.state != NEIGH_STATIC)
		return error_set(err, -ENOENT, "%s is no static neighbour of that port",
			ip_addr_format(addr, text));
	if (!e->pins) {
		forget(t, e, DROP_neighbour_failed);
		return 0;
	}
	lose(t, e, DROP_neighbour_failed);
	ask(t, e, NEIGH_INCOMPLETE);
	return 0;
}

/* --- the port's own address and link */

void
neigh_port_down(struct neigh_table *t, uint16_t port)
{
	uint32_t left = t->count;

	for (uint32_t i = 0; left > 0 && i < t->slots; i++) {
		struct neigh_entry *e = &t->entries[i];

		if (!e->used)
			continue;
		left--;
		if (e->n.port != port || e->n.state == NEIGH_STATIC)
			continue;
		e->next_ms = t->now_ms; /* asked for as soon as the link is up */
		e->failures = 0;
		if (e->pins)
			lose(t, e, DROP_tx_port_down);
		else
			forget(t, e, DROP_tx_port_down);
	}
}

static void
announce(struct neigh_table *t, const struct port *p, const struct ip_addr *addr)
{
	if (addr->family == 4)
		neigh_arp_announce(t, p, addr);
	else
		neigh_nd_announce(t, p, addr);
}

void
neigh_announce(struct neigh_table *t, uint16_t port)
{
	const struct port *p = t->ports->ports[port];

	for (uint32_t i = 0; i < p->n_addresses; i++)
		announce(t, p, &p->addresses[i].addr);
}

void
neigh_conflict(struct neigh_table *t, const struct port *p, const struct ip_addr *addr)
{
	char text[IP_ADDR_STRLEN];

	/* RFC 5227 2.4 (c): defended, but not in a fight without end. */
	if (t->now_ms < t->conflict_ms)
		return;
	t->conflict_ms = t->now_ms + CONFLICT_MS;
	log_warn(neigh, "%s: another station has our address %s", p->name,
		ip_addr_format(addr, text));
	announce(t, p, addr);
}

const struct neigh *
neigh_find(const struct neigh_table *t, uint16_t port, const struct ip_addr *addr)
{
	const struct neigh_entry *e = neigh_store_find(t, port, addr);

	return e ? &e->n : NULL;
}

bool
neigh_is_kept(const struct neigh_table *t, uint16_t port, const struct ip_addr *addr)
{
	const struct neigh_entry *e = neigh_store_find(t, port, addr);

	return e && e->class == CLASS_KEPT;
}

uint32_t
neigh_room(const struct neigh_table *t)
{
	return t->params.capacity - t->kept;
}

int
neigh_walk(const struct neigh_table *t, int (*fn)(const struct neigh *n, void *arg), void *arg)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < CLASS_COUNT; i++) {
		const struct neigh_entry *e;

		TAILQ_FOREACH (e, &t->classes[i], link)
			if ((rc = fn(&e->n, arg)) != 0)
				break;
	}
	return rc;
}
