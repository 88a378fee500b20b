/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_jhash.h>

#include "neigh_private.h"

struct key {
	uint16_t port;
	uint16_t family;
	uint8_t addr[16];
};

static struct key
key_of(uint16_t port, const struct ip_addr *addr)
{
	struct key key = {.port = port, .family = addr->family};

	memcpy(key.addr, addr->bytes, sizeof(key.addr));
	return key;
}

int
neigh_store_create(struct neigh_table *t, struct error *err)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters params = {.name = name,
		.entries = RTE_MAX(t->params.capacity, 8u),
		.key_len = sizeof(struct key),
		.hash_func = rte_jhash,
		.socket_id = SOCKET_ID_ANY,
		/* so that as many fit as it was made for */
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE};

	snprintf(name, sizeof(name), "neigh_%p", (void *)t);
	t->hash = rte_hash_create(&params);
	if (!t->hash)
		return error_set(err, -rte_errno, "no neighbour table of %u entries: %s",
			t->params.capacity, rte_strerror(rte_errno));
	t->slots = params.entries;
	t->entries = calloc(t->slots, sizeof(*t->entries));
	t->waiting = calloc(t->params.queue_total, sizeof(*t->waiting));
	if (!t->entries || !t->waiting)
		return error_set(err, -ENOMEM, "no memory for %u neighbours", t->params.capacity);
	for (int i = 0; i < CLASS_COUNT; i++)
		TAILQ_INIT(&t->classes[i]);
	STAILQ_INIT(&t->free_waiting);
	for (uint32_t i = 0; i < t->params.queue_total; i++)
		STAILQ_INSERT_TAIL(&t->free_waiting, &t->waiting[i], link);
	return 0;
}

void
neigh_store_destroy(struct neigh_table *t)
{
	rte_hash_free(t->hash);
	free(t->entries);
	free(t->waiting);
}

struct neigh_entry *
neigh_store_find(const struct neigh_table *t, uint16_t port, const struct ip_addr *addr)
{
	struct key key = key_of(port, addr);
	int32_t position = rte_hash_lookup(t->hash, &key);

	return position < 0 ? NULL : &t->entries[position];
}

struct neigh_entry *
neigh_store_add(struct neigh_table *t, uint16_t port, const struct ip_addr *addr)
{
	struct key key = key_of(port, addr);
	int32_t position;
	struct neigh_entry *e;

	if (t->count >= t->params.capacity)
		return NULL;
	position = rte_hash_add_key(t->hash, &key);
	if (position < 0)
		return NULL;
	e = &t->entries[position];
	*e = (struct neigh_entry){
		.n = {.port = port, .addr = *addr, .state = NEIGH_INCOMPLETE}, .used = true};
	STAILQ_INIT(&e->waiting);
	TAILQ_INSERT_TAIL(&t->classes[CLASS_UNRESOLVED], e, link);
	t->count++;
	return e;
}

void
neigh_store_delete(struct neigh_table *t, struct neigh_entry *e)
{
	struct key key = key_of(e->n.port, &e->n.addr);

	TAILQ_REMOVE(&t->classes[e->class], e, link);
	rte_hash_del_key(t->hash, &key);
	e->used = false;
	t->count--;
	t->kept -= e->class == CLASS_KEPT;
}

static enum neigh_class
class_of(const struct neigh_entry *e)
{
	if (e->pins || e->n.state == NEIGH_STATIC)
		return CLASS_KEPT;
	switch (e->n.state) {
	case NEIGH_REACHABLE:
		return CLASS_REACHABLE;
	case NEIGH_STALE:
	case NEIGH_PROBE:
		return CLASS_STALE;
	default:
		return CLASS_UNRESOLVED;
	}
}

void
neigh_store_classify(struct neigh_table *t, struct neigh_entry *e)
{
	TAILQ_REMOVE(&t->classes[e->class], e, link);
	t->kept -= e->class == CLASS_KEPT;
	e->class = class_of(e);
	t->kept += e->class == CLASS_KEPT;
	TAILQ_INSERT_TAIL(&t->classes[e->class], e, link);
}

struct neigh_entry *
neigh_store_oldest(const struct neigh_table *t, enum neigh_class last)
{
	struct neigh_entry *e = NULL;

	for (unsigned int i = 0; !e && i <= last; i++)
		e = TAILQ_FIRST(&t->classes[i]);
	return e;
}

struct rte_mbuf *
neigh_queue_push(struct neigh_table *t, struct neigh_entry *e, struct rte_mbuf *m)
{
	struct rte_mbuf *oldest = NULL;
	struct neigh_waiting *w;

	/* RFC 4861 7.2.2: the newest packets wait. */
	if (e->n_waiting == t->params.queue || STAILQ_EMPTY(&t->free_waiting)) {
		oldest = neigh_queue_pop(t, e);
		if (!oldest)
			return m;
	}
	w = STAILQ_FIRST(&t->free_waiting);
	STAILQ_REMOVE_HEAD(&t->free_waiting, link);
	w->m = m;
	STAILQ_INSERT_TAIL(&e->waiting, w, link);
	e->n_waiting++;
	return oldest;
}

struct rte_mbuf *
neigh_queue_pop(struct neigh_table *t, struct neigh_entry *e)
{
	struct neigh_waiting *w = STAILQ_FIRST(&e->waiting);

	if (!w)
		return NULL;
	STAILQ_REMOVE_HEAD(&e->waiting, link);
	STAILQ_INSERT_TAIL(&t->free_waiting, w, link);
	e->n_waiting--;
	return w->m;
}

struct neigh_usage
neigh_usage(const struct neigh_table *t)
{
	struct neigh_usage u = {.count = t->count,
		.capacity = t->params.capacity,
		.waiting_max = t->params.queue_total};

	for (int i = 0; i < CLASS_COUNT; i++) {
		const struct neigh_entry *e;

		TAILQ_FOREACH (e, &t->classes[i], link) {
			u.states[e->n.state]++;
			u.waiting += e->n_waiting;
		}
	}
	return u;
}

uint32_t
neigh_places(const struct neigh_table *t)
{
	return t->slots;
}

bool
neigh_at(const struct neigh_table *t, uint32_t place, struct neigh_detail *detail)
{
	const struct neigh_entry *e = &t->entries[place];

	if (e->used && detail)
		*detail = (struct neigh_detail){.n = e->n,
			.waiting = e->n_waiting,
			.pins = e->pins,
			.failures = e->failures};
	return e->used;
}
