/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "../eal.h"
#include "../unit.h"
#include "nexthop.h"

enum { CAPACITY = 8 };

struct fixture {
	struct rte_rcu_qsbr *qsbr;
	struct nexthop_table *t;
	struct error err;
};

static int
setup(void **state)
{
	static struct fixture f;

	f.qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(2), RTE_CACHE_LINE_SIZE);
	assert_int_equal(rte_rcu_qsbr_init(f.qsbr, 2), 0);
	f.t = nexthop_table_create(CAPACITY, f.qsbr, &test_two_nodes, &f.err);
	assert_non_null(f.t);
	*state = &f;
	return 0;
}

/* All entries are the same for each node's workers. */
static void
assert_nodes_agree(const struct fixture *f)
{
	for (uint32_t id = 0; id < CAPACITY + NEXTHOP_ID_FIRST_FREE; id++) {
		struct nexthop a = nexthop_entries(f->t, 0)[id], b = nexthop_entries(f->t, 1)[id];

		if (a.n_members) {
			assert_ptr_not_equal(a.members, b.members);
			assert_memory_equal(a.members, b.members, a.n_members * sizeof(*a.members));
		}
		a.members = b.members = NULL;
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	assert_nodes_agree(f);
	nexthop_table_destroy(f->t);
	rte_free(f->qsbr);
	return 0;
}

static struct nexthop
tunnel(uint32_t index)
{
	return (struct nexthop){.type = NEXTHOP_TUNNEL, .tunnel = index};
}

static struct nexthop
neighbour(uint16_t port, uint32_t host)
{
	return (struct nexthop){.type = NEXTHOP_NEIGHBOUR, .port = port, .addr = ip_addr_v4(host)};
}

static uint32_t
get_like(struct fixture *f, const struct nexthop *like)
{
	uint32_t id;

	assert_int_equal(nexthop_get(f->t, like, &id, &f->err), 0);
	assert_nodes_agree(f);
	return id;
}

static uint32_t
get_tunnel(struct fixture *f, uint32_t index)
{
	struct nexthop like = tunnel(index);

	return get_like(f, &like);
}

static uint32_t
get_neighbour(struct fixture *f, uint16_t port, uint32_t host)
{
	struct nexthop like = neighbour(port, host);

	return get_like(f, &like);
}

static void
test_fixed(void **state)
{
	static const struct {
		enum nexthop_type type;
		uint32_t id;
	} rows[] = {
		{NEXTHOP_NONE, NEXTHOP_ID_NONE},
		{NEXTHOP_DISCARD, NEXTHOP_ID_DISCARD},
		{NEXTHOP_DOWN, NEXTHOP_ID_DOWN},
		{NEXTHOP_LOCAL, NEXTHOP_ID_LOCAL},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		assert_int_equal(
			get_like(f, &(struct nexthop){.type = (uint8_t)rows[i].type}), rows[i].id);
		assert_int_equal(nexthop_entries(f->t, 0)[rows[i].id].type, rows[i].type);
		nexthop_put(f->t, rows[i].id);
	}
	assert_int_equal(nexthop_count(f->t), 0);
}

static void
test_same_values_same_index(void **state)
{
	struct fixture *f = *state;
	uint32_t a = get_tunnel(f, 1), b = get_tunnel(f, 2), c = get_neighbour(f, 0, 0x0a000001);
	uint32_t d = get_neighbour(f, 1, 0x0a000001);
	struct nexthop with_rubbish = tunnel(1);

	with_rubbish.port = 77;
	with_rubbish.link = 99;
	assert_true(a >= NEXTHOP_ID_FIRST_FREE && a != b && b != c && c != d && a != c);
	assert_int_equal(get_like(f, &with_rubbish), a);
	assert_int_equal(nexthop_count(f->t), 4);
	assert_int_equal(nexthop_find(f->t, &with_rubbish), a);
	nexthop_put(f->t, a);
	assert_int_equal(nexthop_find(f->t, &with_rubbish), a);
	nexthop_put(f->t, a);
	assert_int_equal(nexthop_find(f->t, &with_rubbish), NEXTHOP_ID_NONE);
}

static void
test_link(void **state)
{
	static const uint8_t mac[6] = {2, 1, 2, 3, 4, 0xff};
	struct fixture *f = *state;
	uint32_t id = get_neighbour(f, 0, 1), other = get_tunnel(f, 1);
	const struct nexthop *entries = nexthop_entries(f->t, 0);

	assert_int_equal(entries[id].link, 0);
	nexthop_set_link(f->t, id, mac, true);
	assert_int_equal(entries[id].link, NEXTHOP_LINK_REACHABLE | 0xff0403020102ull);
	assert_int_equal(get_neighbour(f, 0, 1), id);
	assert_int_equal(entries[id].link, NEXTHOP_LINK_REACHABLE | 0xff0403020102ull);
	assert_nodes_agree(f);
	nexthop_set_link(f->t, id, mac, false);
	assert_int_equal(entries[id].link & NEXTHOP_LINK_REACHABLE, 0);
	nexthop_set_link(f->t, other, mac, true);
	assert_int_equal(entries[other].link, 0);
}

static void
test_group(void **state)
{
	struct fixture *f = *state;
	uint32_t members[] = {get_tunnel(f, 1), get_tunnel(f, 2), get_neighbour(f, 0, 1)};
	uint32_t hits[3] = {0};
	struct nexthop like = {.type = NEXTHOP_GROUP, .n_members = 3, .members = members};
	uint32_t group = get_like(f, &like);
	const struct nexthop *entries = nexthop_entries(f->t, 0);

	assert_int_equal(get_like(f, &like), group);
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t id = nexthop_select(entries, group, i * (UINT32_MAX / 3000));

		for (int m = 0; m < 3; m++)
			hits[m] += id == members[m];
	}
	for (int m = 0; m < 3; m++)
		assert_in_range(hits[m], 990, 1010);
	assert_int_equal(nexthop_select(entries, members[0], 12345), members[0]);
	/* the group keeps its members */
	for (int m = 0; m < 3; m++)
		nexthop_put(f->t, members[m]);
	assert_int_equal(nexthop_count(f->t), 4);
	assert_int_equal(nexthop_users(f->t, group), 2);
	nexthop_put(f->t, group);
	assert_int_equal(nexthop_count(f->t), 4);
	assert_int_equal(nexthop_users(f->t, members[0]), 1);
	nexthop_put(f->t, group);
	assert_int_equal(nexthop_count(f->t), 0);
	assert_int_equal(nexthop_users(f->t, members[0]), 0);
	assert_int_equal(nexthop_usage(f->t).count, 0);
	assert_int_equal(nexthop_usage(f->t).capacity, CAPACITY);
	assert_int_equal(nexthop_usage(f->t).retired, 4);

	like.n_members = ECMP_MAX + 1;
	assert_int_equal(nexthop_get(f->t, &like, &group, &f->err), -EINVAL);
	like.n_members = 0;
	assert_int_equal(nexthop_get(f->t, &like, &group, &f->err), -EINVAL);
}

static void
test_full(void **state)
{
	struct fixture *f = *state;
	struct nexthop one_more = tunnel(CAPACITY);
	uint32_t ids[CAPACITY], id;

	for (uint32_t i = 0; i < CAPACITY; i++)
		ids[i] = get_tunnel(f, i);
	assert_int_equal(nexthop_get(f->t, &one_more, &id, &f->err), -ENOSPC);
	assert_non_null(strstr(f->err.text, "8"));
	nexthop_put(f->t, ids[3]);
	/* no reader: the grace period is over at once */
	assert_int_equal(nexthop_get(f->t, &one_more, &id, &f->err), 0);
	assert_int_equal(id, ids[3]);
}

/* An index and what it says stay as they are until every reader has been quiescent. */
static void
test_grace_period(void **state)
{
	struct fixture *f = *state;
	const struct nexthop *entries = nexthop_entries(f->t, 0);
	uint32_t id, reused = 0;

	assert_int_equal(rte_rcu_qsbr_thread_register(f->qsbr, 0), 0);
	rte_rcu_qsbr_thread_online(f->qsbr, 0);
	id = get_tunnel(f, 7);
	nexthop_put(f->t, id);
	for (uint32_t i = 0; i < CAPACITY - 1; i++)
		reused += get_tunnel(f, 100 + i) == id;
	nexthop_reclaim(f->t, false);
	assert_int_equal(reused, 0);
	assert_int_equal(entries[id].type, NEXTHOP_TUNNEL);
	assert_int_equal(entries[id].tunnel, 7);
	rte_rcu_qsbr_quiescent(f->qsbr, 0);
	nexthop_reclaim(f->t, false);
	assert_int_equal(entries[id].type, NEXTHOP_NONE);
	assert_int_equal(get_tunnel(f, 200), id);
	rte_rcu_qsbr_thread_offline(f->qsbr, 0);
	rte_rcu_qsbr_thread_unregister(f->qsbr, 0);
}

int
main(void)
{
#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		WITH_TABLE(test_fixed),
		WITH_TABLE(test_same_values_same_index),
		WITH_TABLE(test_link),
		WITH_TABLE(test_group),
		WITH_TABLE(test_full),
		WITH_TABLE(test_grace_period),
	};

	test_eal_init("nexthop", 64);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
