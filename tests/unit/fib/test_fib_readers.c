/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "../eal.h"
#include "../unit.h"
#include "fib.h"

/*
 * Readers look up without a pause while /25 to /32 (/121 to /128) come and go: the case in which a
 * group of 256 entries is freed and used anew for another prefix. A next hop says which subnet it
 * is for, so a reader knows when it gets one that was never right for its address.
 */

enum { SUBNETS = 64, READERS = 2, COVER = 1, RUN_MS = 700, LOOKUPS = 32 };

struct shared {
	struct fib *fib;
	struct rte_rcu_qsbr *qsbr;
	bool stop;
	uint64_t lookups, wrong, specific;
};

struct reader {
	struct shared *s;
	unsigned int id;
	pthread_t thread;
};

static uint32_t
nexthop_for(uint32_t subnet)
{
	return (subnet + 1) << 8 | 1;
}

static void
judge(struct shared *s, const uint64_t *nexthops, const uint32_t *subnets)
{
	for (int i = 0; i < LOOKUPS; i++) {
		if (nexthops[i] == nexthop_for(subnets[i]))
			__atomic_fetch_add(&s->specific, 1, __ATOMIC_RELAXED);
		else if (nexthops[i] != COVER)
			__atomic_fetch_add(&s->wrong, 1, __ATOMIC_RELAXED);
	}
	__atomic_fetch_add(&s->lookups, LOOKUPS, __ATOMIC_RELAXED);
}

static void
look_up_once(struct shared *s, const struct fib_reader *fib, uint32_t *seed)
{
	uint32_t dst4[LOOKUPS], subnets[LOOKUPS];
	uint8_t dst6[LOOKUPS][16] = {0};
	uint64_t nexthops[LOOKUPS];

	for (int i = 0; i < LOOKUPS; i++) {
		*seed = *seed * 1103515245 + 12345;
		subnets[i] = *seed >> 16 & (SUBNETS - 1);
		dst4[i] = 10u << 24 | subnets[i] << 8 | (*seed >> 8 & 0xff);
		dst6[i][0] = 0xfd;
		dst6[i][14] = (uint8_t)subnets[i];
		dst6[i][15] = (uint8_t)(*seed >> 8);
	}
	fib_lookup4_bulk(fib, 0, dst4, nexthops, LOOKUPS);
	judge(s, nexthops, subnets);
	fib_lookup6_bulk(fib, 0, dst6, nexthops, LOOKUPS);
	judge(s, nexthops, subnets);
}

static void *
reader_main(void *arg)
{
	struct reader *r = arg;
	struct shared *s = r->s;
	const struct fib_reader *fib = fib_reader(s->fib, (uint16_t)r->id); /* a node each */
	uint32_t seed = r->id + 1;

	rte_rcu_qsbr_thread_online(s->qsbr, r->id);
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		look_up_once(s, fib, &seed);
		rte_rcu_qsbr_quiescent(s->qsbr, r->id);
	}
	rte_rcu_qsbr_thread_offline(s->qsbr, r->id);
	return NULL;
}

static struct ip_prefix
subnet_prefix(uint8_t family, uint32_t subnet, uint32_t host, uint8_t bits)
{
	struct ip_prefix p = {.addr = {.family = family}};
	uint8_t *low = &p.addr.bytes[family == 4 ? 2 : 14];

	p.addr.bytes[0] = family == 4 ? 10 : 0xfd;
	low[0] = (uint8_t)subnet;
	low[1] = (uint8_t)host;
	p.length = (uint8_t)((family == 4 ? 24 : 120) + bits);
	return ip_prefix_network(&p);
}

static void
write_until_done(struct shared *s)
{
	uint64_t end = rte_get_timer_cycles() + rte_get_timer_hz() * RUN_MS / 1000;
	struct error err;

	while (rte_get_timer_cycles() < end) {
		struct ip_prefix set[16];

		for (int i = 0; i < 16; i++) {
			uint32_t subnet = (uint32_t)random() % SUBNETS;

			set[i] = subnet_prefix(
				i % 2 ? 4 : 6, subnet, (uint32_t)random() & 0xff, 1 + random() % 8);
			assert_int_equal(fib_set(s->fib, 0, &set[i], nexthop_for(subnet), &err), 0);
		}
		assert_int_equal(fib_commit(s->fib, &err), 0);
		/* the same prefix may be there twice: a set of what is there, and one unset */
		for (int i = 0; i < 16; i++) {
			bool again = false;

			for (int j = 0; j < i && !again; j++)
				again = ip_prefix_equal(&set[i], &set[j]);
			if (!again)
				assert_int_equal(fib_unset(s->fib, 0, &set[i], &err), 0);
		}
		assert_int_equal(fib_commit(s->fib, &err), 0);
	}
}

static void
test_readers(void **state)
{
	struct fib_limits limits = {.routes4 = 1000, .routes6 = 1000};
	size_t bytes = rte_rcu_qsbr_get_memsize(READERS);
	struct shared s = {.qsbr = rte_zmalloc("qsbr", bytes, RTE_CACHE_LINE_SIZE)};
	struct reader readers[READERS];
	struct ip_prefix cover4 = {{4, {10}}, 8}, cover6 = {{6, {0xfd}}, 8};
	struct error err;

	(void)state;
	assert_non_null(s.qsbr);
	assert_int_equal(rte_rcu_qsbr_init(s.qsbr, READERS), 0);
	s.fib = fib_create(&limits, s.qsbr, &test_two_nodes, &err);
	assert_non_null(s.fib);
	assert_int_equal(fib_set(s.fib, 0, &cover4, COVER, &err), 0);
	assert_int_equal(fib_set(s.fib, 0, &cover6, COVER, &err), 0);
	assert_int_equal(fib_commit(s.fib, &err), 0);
	for (unsigned int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.s = &s, .id = i};
		assert_int_equal(rte_rcu_qsbr_thread_register(s.qsbr, i), 0);
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]), 0);
	}
	write_until_done(&s);
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	print_message("%lu lookups, %lu saw a longer prefix\n", s.lookups, s.specific);
	assert_int_equal(s.wrong, 0);
	assert_true(s.specific > 0);
	fib_destroy(s.fib);
	rte_free(s.qsbr);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers)};

	test_eal_init("fib_readers", 700);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
