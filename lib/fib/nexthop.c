/* SPDX-License-Identifier: BSD-3-Clause */
#include "nexthop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#include "grace.h"

/* What makes two next hops the same. No padding: it is hashed and compared as bytes. */
struct key {
	uint32_t members[ECMP_MAX];
	uint32_t tunnel;
	uint16_t port;
	uint8_t type, n_members;
	uint8_t family;
	uint8_t addr[16];
	uint8_t zero[3];
};

_Static_assert(sizeof(struct key) == ECMP_MAX * 4 + 28, "struct key has padding");

struct state {
	uint32_t refs;
	uint64_t token; /* while retired: the grace period that must end */
};

/* Indexes in the order they came: one is reused as late as can be, and retired ones wait for their
 * grace period in the order of their tokens. */
struct queue {
	uint32_t *ids;
	uint32_t head, count;
};

struct nexthop_table {
	struct numa_nodes nodes;
	struct nexthop
		*entries[RTE_MAX_NUMA_NODES]; /* by place in nodes: equal but for `members` */
	struct state *states;
	struct rte_hash *by_value;
	struct rte_rcu_qsbr *qsbr;
	struct queue free, retired;
	uint32_t capacity;
};

static void
queue_push(struct nexthop_table *t, struct queue *q, uint32_t id)
{
	q->ids[(q->head + q->count++) % t->capacity] = id;
}

static uint32_t
queue_pop(struct nexthop_table *t, struct queue *q)
{
	uint32_t id = q->ids[q->head];

	q->head = (q->head + 1) % t->capacity;
	q->count--;
	return id;
}

static int
table_alloc(struct nexthop_table *t)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters params = {
		.name = name,
		.entries = RTE_MAX(t->capacity, 16u),
		.key_len = sizeof(struct key),
		.hash_func = rte_jhash,
		.socket_id = t->nodes.sockets[0],
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE, /* never full before we are */
	};

	snprintf(name, sizeof(name), "nh%" PRIxPTR, (uintptr_t)t);
	for (uint16_t i = 0; i < t->nodes.n; i++) {
		t->entries[i] = rte_zmalloc_socket("nexthops", t->capacity * sizeof(struct nexthop),
			RTE_CACHE_LINE_SIZE, t->nodes.sockets[i]);
		if (!t->entries[i])
			return -ENOMEM;
	}
	t->states = calloc(t->capacity, sizeof(*t->states));
	t->free.ids = calloc(t->capacity, sizeof(uint32_t));
	t->retired.ids = calloc(t->capacity, sizeof(uint32_t));
	if (!t->states || !t->free.ids || !t->retired.ids)
		return -ENOMEM;
	t->by_value = rte_hash_create(&params);
	return t->by_value ? 0 : -rte_errno;
}

struct nexthop_table *
nexthop_table_create(uint32_t capacity, struct rte_rcu_qsbr *qsbr, const struct numa_nodes *nodes,
	struct error *err)
{
	static const enum nexthop_type fixed[] = {
		[NEXTHOP_ID_NONE] = NEXTHOP_NONE,
		[NEXTHOP_ID_DISCARD] = NEXTHOP_DISCARD,
		[NEXTHOP_ID_DOWN] = NEXTHOP_DOWN,
		[NEXTHOP_ID_LOCAL] = NEXTHOP_LOCAL,
	};
	struct nexthop_table *t = calloc(1, sizeof(*t));

	if (!t) {
		error_set(err, -ENOMEM, "no memory for the next hops");
		return NULL;
	}
	t->capacity = capacity + NEXTHOP_ID_FIRST_FREE;
	t->qsbr = qsbr;
	t->nodes = *nodes;
	int ret = table_alloc(t);
	if (ret != 0) {
		error_set(err, ret, "no memory for %u next hops: %s", capacity, strerror(-ret));
		nexthop_table_destroy(t);
		return NULL;
	}
	for (uint16_t i = 0; i < nodes->n; i++)
		for (uint32_t id = 0; id < NEXTHOP_ID_FIRST_FREE; id++)
			t->entries[i][id].type = (uint8_t)fixed[id];
	for (uint32_t id = NEXTHOP_ID_FIRST_FREE; id < t->capacity; id++)
		queue_push(t, &t->free, id);
	return t;
}

void
nexthop_table_destroy(struct nexthop_table *t)
{
	if (!t)
		return;
	for (uint16_t i = 0; i < t->nodes.n; i++) {
		for (uint32_t id = 0; t->entries[i] && id < t->capacity; id++)
			rte_free(t->entries[i][id].members);
		rte_free(t->entries[i]);
	}
	rte_hash_free(t->by_value);
	free(t->states);
	free(t->free.ids);
	free(t->retired.ids);
	free(t);
}

/* Only what the type uses counts. */
static struct key
key_of(const struct nexthop *nh)
{
	struct key key = {.type = nh->type};

	if (nh->type == NEXTHOP_TUNNEL)
		key.tunnel = nh->tunnel;
	if (nh->type == NEXTHOP_CONNECTED || nh->type == NEXTHOP_NEIGHBOUR)
		key.port = nh->port;
	if (nh->type == NEXTHOP_NEIGHBOUR) {
		key.family = nh->addr.family;
		memcpy(key.addr, nh->addr.bytes, nh->addr.family == 4 ? 4 : 16);
	}
	if (nh->type == NEXTHOP_GROUP) {
		key.n_members = nh->n_members;
		memcpy(key.members, nh->members, nh->n_members * sizeof(nh->members[0]));
	}
	return key;
}

static uint32_t
find(const struct nexthop_table *t, const struct key *key)
{
	void *data;

	if (rte_hash_lookup_data(t->by_value, key, &data) < 0)
		return NEXTHOP_ID_NONE;
	return (uint32_t)(uintptr_t)data;
}

static uint32_t
fixed_id(const struct nexthop *like)
{
	switch (like->type) {
	case NEXTHOP_DISCARD:
		return NEXTHOP_ID_DISCARD;
	case NEXTHOP_DOWN:
		return NEXTHOP_ID_DOWN;
	case NEXTHOP_LOCAL:
		return NEXTHOP_ID_LOCAL;
	default:
		return NEXTHOP_ID_NONE;
	}
}

uint32_t
nexthop_find(const struct nexthop_table *t, const struct nexthop *like)
{
	uint32_t id = fixed_id(like);

	if (id != NEXTHOP_ID_NONE)
		return id;
	struct key key = key_of(like);
	return find(t, &key);
}

static int
fill(struct nexthop *nh, const struct nexthop *like, int socket)
{
	size_t bytes = like->n_members * sizeof(like->members[0]);

	*nh = *like;
	nh->members = NULL;
	if (like->type != NEXTHOP_GROUP) {
		nh->n_members = 0;
		return 0;
	}
	nh->members = rte_malloc_socket("nexthops", bytes, 0, socket);
	if (!nh->members)
		return -ENOMEM;
	memcpy(nh->members, like->members, bytes);
	return 0;
}

static void
clear(struct nexthop_table *t, uint32_t id)
{
	for (uint16_t i = 0; i < t->nodes.n; i++) {
		rte_free(t->entries[i][id].members);
		t->entries[i][id] = (struct nexthop){0};
	}
}

static int
make(struct nexthop_table *t, const struct nexthop *like, const struct key *key, uint32_t *id,
	struct error *err)
{
	int ret = 0;

	if (t->free.count == 0)
		nexthop_reclaim(t, true);
	if (t->free.count == 0)
		return error_set(err, -ENOSPC, "all %u next hops are in use",
			t->capacity - NEXTHOP_ID_FIRST_FREE);
	*id = t->free.ids[t->free.head];
	for (uint16_t i = 0; i < t->nodes.n && ret == 0; i++)
		ret = fill(&t->entries[i][*id], like, t->nodes.sockets[i]);
	if (ret == 0)
		ret = rte_hash_add_key_data(t->by_value, key, (void *)(uintptr_t)*id);
	if (ret != 0) {
		clear(t, *id);
		return error_set(err, ret, "no memory for a next hop");
	}
	queue_pop(t, &t->free);
	for (uint8_t i = 0; i < t->entries[0][*id].n_members; i++)
		t->states[like->members[i]].refs++;
	return 0;
}

int
nexthop_get(struct nexthop_table *t, const struct nexthop *like, uint32_t *id, struct error *err)
{
	if (like->type == NEXTHOP_GROUP && (like->n_members == 0 || like->n_members > ECMP_MAX))
		return error_set(err, -EINVAL, "a group has 1 to %u members, not %u", ECMP_MAX,
			like->n_members);
	*id = fixed_id(like);
	if (*id != NEXTHOP_ID_NONE || like->type == NEXTHOP_NONE)
		return 0;
	struct key key = key_of(like);
	*id = find(t, &key);
	if (*id == NEXTHOP_ID_NONE) {
		int ret = make(t, like, &key, id, err);

		if (ret != 0)
			return ret;
	}
	t->states[*id].refs++;
	return 0;
}

void
nexthop_put(struct nexthop_table *t, uint32_t id)
{
	if (id < NEXTHOP_ID_FIRST_FREE || --t->states[id].refs > 0)
		return;
	const struct nexthop *nh = &t->entries[0][id];
	struct key key = key_of(nh);

	rte_hash_del_key(t->by_value, &key);
	t->states[id].token = rte_rcu_qsbr_start(t->qsbr);
	queue_push(t, &t->retired, id);
	/* members go after their group: one that is let go of here is retired behind it */
	for (uint8_t i = 0; i < nh->n_members; i++)
		nexthop_put(t, nh->members[i]);
}

void
nexthop_reclaim(struct nexthop_table *t, bool wait)
{
	while (t->retired.count > 0) {
		uint32_t id = t->retired.ids[t->retired.head];

		if (wait)
			grace_wait_for(t->qsbr, t->states[id].token);
		else if (rte_rcu_qsbr_check(t->qsbr, t->states[id].token, false) != 1)
			return;
		queue_pop(t, &t->retired);
		clear(t, id);
		queue_push(t, &t->free, id);
	}
}

void
nexthop_set_link(struct nexthop_table *t, uint32_t id, const uint8_t mac[6], bool reachable)
{
	uint64_t link = reachable ? NEXTHOP_LINK_REACHABLE : 0;

	for (int i = 0; i < 6; i++)
		link |= (uint64_t)mac[i] << (8 * i);
	if (t->entries[0][id].type != NEXTHOP_NEIGHBOUR)
		return;
	for (uint16_t i = 0; i < t->nodes.n; i++)
		__atomic_store_n(&t->entries[i][id].link, link, __ATOMIC_RELAXED);
}

uint32_t
nexthop_count(const struct nexthop_table *t)
{
	return t->capacity - NEXTHOP_ID_FIRST_FREE - t->free.count - t->retired.count;
}

struct nexthop_usage
nexthop_usage(const struct nexthop_table *t)
{
	return (struct nexthop_usage){.count = nexthop_count(t),
		.capacity = t->capacity - NEXTHOP_ID_FIRST_FREE,
		.retired = t->retired.count};
}

uint32_t
nexthop_users(const struct nexthop_table *t, uint32_t id)
{
	return t->states[id].refs;
}

const struct nexthop *
nexthop_entries(const struct nexthop_table *t, uint16_t node)
{
	return t->entries[node];
}
