/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "../eal.h"
#include "../unit.h"
#include "sad.h"

enum { READERS = 2 };

struct fixture {
	struct rte_rcu_qsbr *qsbr;
	struct sad *sad;
	struct error err;
};

static void
make(struct fixture *f, uint32_t capacity)
{
	f->qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(READERS), RTE_CACHE_LINE_SIZE);
	assert_int_equal(rte_rcu_qsbr_init(f->qsbr, READERS), 0);
	f->sad = sad_create(capacity, f->qsbr, &test_two_nodes, &f->err);
	assert_non_null(f->sad);
}

static void
drop_all(struct fixture *f)
{
	sad_destroy(f->sad);
	rte_free(f->qsbr);
}

static void
fill(struct sa *sa, uint32_t spi, const struct ip_addr *local)
{
	memset(sa, 0, sizeof(*sa));
	sa->spi_be = rte_cpu_to_be_32(spi);
	sa->local = *local;
}

static struct ip_addr
addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static struct sa *
lookup(const struct fixture *f, uint32_t spi, const char *dst)
{
	struct ip_addr a = addr(dst);

	struct sa *sa = sad_lookup(sad_reader(f->sad, 0), rte_cpu_to_be_32(spi), a.family, a.bytes);

	/* the other node's workers see the same */
	assert_ptr_equal(
		sa, sad_lookup(sad_reader(f->sad, 1), rte_cpu_to_be_32(spi), a.family, a.bytes));
	return sa;
}

/* 64 slots: SPIs that are equal in the low 6 bits want the same one. */
static const struct {
	enum { PUBLISH, RETIRE, FOUND, MISSING, EXISTS } op;
	uint32_t spi;
	const char *dst;
	const char *why;
} story[] = {
	{MISSING, 0x1001, "192.0.2.1", "empty"},
	{PUBLISH, 0x1001, "192.0.2.1", ""},
	{FOUND, 0x1001, "192.0.2.1", "in its slot"},
	{MISSING, 0x1001, "192.0.2.2", "another destination"},
	{MISSING, 0x1001, "c000:201::", "the same bytes in the other family"},
	{MISSING, 0x2001, "192.0.2.1", "the slot, but not the SPI"},
	{MISSING, 0x1002, "192.0.2.1", "a free slot"},
	{EXISTS, 0x1001, "192.0.2.1", "twice"},
	{PUBLISH, 0x1001, "192.0.2.2", "the same SPI for another address"},
	{PUBLISH, 0x1001, "c000:201::", "and for the other family"},
	{PUBLISH, 0x2001, "192.0.2.1", "another SPI of the slot"},
	{EXISTS, 0x2001, "192.0.2.1", "twice, in the hash"},
	{FOUND, 0x1001, "192.0.2.1", "still"},
	{FOUND, 0x1001, "192.0.2.2", "in the hash"},
	{FOUND, 0x1001, "c000:201::", "in the hash"},
	{FOUND, 0x2001, "192.0.2.1", "in the hash"},
	{RETIRE, 0x1001, "192.0.2.1", ""},
	{MISSING, 0x1001, "192.0.2.1", "retired"},
	{FOUND, 0x1001, "192.0.2.2", "stays in the hash"},
	{PUBLISH, 0x3001, "192.0.2.9", "takes the slot"},
	{RETIRE, 0x1001, "192.0.2.2", "out of the hash"},
	{MISSING, 0x1001, "192.0.2.2", "retired"},
	{FOUND, 0x2001, "192.0.2.1", "others stay"},
	{FOUND, 0x3001, "192.0.2.9", "others stay"},
	{PUBLISH, 0x1001, "192.0.2.2", "again"},
	{FOUND, 0x1001, "192.0.2.2", "again"},
	{PUBLISH, 0xffffffff, "2001:db8::1", "the highest SPI"},
	{FOUND, 0xffffffff, "2001:db8::1", "the highest SPI"},
	{MISSING, 0xffffffff, "2001:db8::2", "another destination"},
};

static void
test_story(void **state)
{
	struct sa *sas = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_DIM(story) * sizeof(*sas));
	struct fixture f;
	uint32_t count = 0;

	(void)state;
	make(&f, 32);
	for (size_t i = 0; i < RTE_DIM(story); i++) {
		struct ip_addr local = addr(story[i].dst);
		struct sa *found = lookup(&f, story[i].spi, story[i].dst);
		int ret = 0;

		fill(&sas[i], story[i].spi, &local);
		if (story[i].op == PUBLISH || story[i].op == EXISTS)
			ret = sad_publish(f.sad, &sas[i], &f.err);
		if (story[i].op == RETIRE)
			sad_retire(f.sad, found);
		count += story[i].op == PUBLISH;
		count -= story[i].op == RETIRE;
		bool want = story[i].op == FOUND || story[i].op == EXISTS || story[i].op == RETIRE;
		if (ret != (story[i].op == EXISTS ? -EEXIST : 0) || (found != NULL) != want ||
			sad_count(f.sad) != count)
			fail_msg("step %zu: SPI %x to %s (%s)", i, story[i].spi, story[i].dst,
				story[i].why);
		if (found &&
			(found->spi_be != sas[i].spi_be || !ip_addr_equal(&found->local, &local)))
			fail_msg("step %zu: another SA (%s)", i, story[i].why);
	}
	drop_all(&f);
	free(sas);
}

/* What was promised, used and is not used after all is promised again. */
static void
test_reserve_again(void **state)
{
	struct ip_addr local = addr("192.0.2.1");
	struct fixture f;
	struct sa sa;
	uint32_t spi;

	(void)state;
	make(&f, 2);
	assert_false(sad_spi_is_reserved(f.sad, 0));
	assert_false(sad_spi_is_reserved(f.sad, 0x1000));
	spi = sad_spi_allocate(f.sad);
	assert_true(sad_spi_is_reserved(f.sad, spi));
	fill(&sa, spi, &local);
	assert_int_equal(sad_publish(f.sad, &sa, &f.err), 0);
	assert_false(sad_spi_is_reserved(f.sad, spi));
	sad_retire(f.sad, &sa);
	sad_spi_reserve(f.sad, spi);
	assert_true(sad_spi_is_reserved(f.sad, spi));
	assert_int_equal(sad_usage(f.sad).reserved, 1);
	assert_true(sad_spi_allocate(f.sad) >= 256);
	assert_int_equal(sad_spi_allocate(f.sad), 0);
	assert_int_equal(sad_publish(f.sad, &sa, &f.err), 0);
	sad_retire(f.sad, &sa);
	drop_all(&f);
}

static void
test_allocate(void **state)
{
	enum { CAPACITY = 1000 };
	struct ip_addr local = addr("192.0.2.1");
	struct sa sa, foreign;
	struct fixture f;
	uint32_t spis[CAPACITY], high = 0;

	(void)state;
	make(&f, CAPACITY);
	for (uint32_t i = 0; i < CAPACITY; i++) {
		spis[i] = sad_spi_allocate(f.sad);
		assert_true(spis[i] >= 256);
		high += spis[i] > 0x7fffffff;
		for (uint32_t j = 0; j < i; j++)
			assert_int_not_equal(spis[i], spis[j]);
	}
	/* the high bits are random: all on one side has the probability 2^-999 */
	assert_in_range(high, 1, CAPACITY - 1);
	assert_int_equal(sad_spi_allocate(f.sad), 0);
	assert_int_equal(sad_usage(f.sad).reserved, CAPACITY);
	assert_int_equal(sad_usage(f.sad).capacity, CAPACITY);
	fill(&foreign, 0x1000, &local);
	assert_int_equal(sad_publish(f.sad, &foreign, &f.err), -ENOSPC);
	/* one that is reserved can always be published, and takes its slot */
	fill(&sa, spis[5], &local);
	assert_int_equal(sad_publish(f.sad, &sa, &f.err), 0);
	assert_int_equal(sad_spi_allocate(f.sad), 0);
	sad_spi_release(f.sad, spis[5]); /* published: not reserved any more */
	assert_int_equal(sad_spi_allocate(f.sad), 0);
	sad_spi_release(f.sad, spis[6]);
	sad_spi_release(f.sad, spis[6]);
	spis[6] = sad_spi_allocate(f.sad);
	assert_true(spis[6] >= 256);
	assert_int_equal(sad_spi_allocate(f.sad), 0);
	/* a foreign SPI does not take a reserved slot: the one that it is reserved for needs it */
	sad_spi_release(f.sad, spis[7]);
	fill(&foreign, spis[8] ^ 0x80000000, &local);
	assert_int_equal(sad_publish(f.sad, &foreign, &f.err), 0);
	assert_ptr_equal(lookup(&f, spis[8] ^ 0x80000000, "192.0.2.1"), &foreign);
	sad_retire(f.sad, &sa);
	fill(&sa, spis[8], &local);
	assert_int_equal(sad_publish(f.sad, &sa, &f.err), 0);
	assert_ptr_equal(lookup(&f, spis[8], "192.0.2.1"), &sa);
	assert_ptr_equal(lookup(&f, spis[8] ^ 0x80000000, "192.0.2.1"), &foreign);
	assert_int_equal(sad_usage(f.sad).count, 2);
	assert_int_equal(sad_usage(f.sad).hashed, 1);
	assert_int_equal(sad_usage(f.sad).reserved, CAPACITY - 3);
	drop_all(&f);
}

/* 100,000 SAs: half with SPIs of ours, half with SPIs that others chose, badly (few slots). */
static void
test_many(void **state)
{
	enum { N = 100000 };
	struct ip_addr local[2] = {addr("192.0.2.1"), addr("2001:db8::1")};
	struct sa *sas = aligned_alloc(RTE_CACHE_LINE_SIZE, N * sizeof(*sas));
	struct fixture f;

	(void)state;
	make(&f, N);
	const struct sad_reader *reader = sad_reader(f.sad, 0);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t spi = i % 2 ? sad_spi_allocate(f.sad) : 0x10000 + (i << 12);

		fill(&sas[i], spi, &local[i / 2 % 2]);
		if (sad_publish(f.sad, &sas[i], &f.err) != 0)
			fail_msg("SA %u: %s", i, f.err.text);
	}
	assert_int_equal(sad_count(f.sad), N);
	for (int round = 0; round < 2; round++) {
		uint64_t start = rte_rdtsc(), found = 0;

		for (uint32_t i = round; i < N; i += 2)
			found += sad_lookup(reader, sas[i].spi_be, sas[i].local.family,
					 sas[i].local.bytes) == &sas[i];
		print_message("%s: %lu cycles a lookup\n", round ? "slots" : "hash",
			(rte_rdtsc() - start) / (N / 2));
		assert_int_equal(found, N / 2);
	}
	for (uint32_t i = 0; i < N; i++)
		sad_retire(f.sad, &sas[i]);
	assert_int_equal(sad_count(f.sad), 0);
	for (uint32_t i = 0; i < N; i++)
		assert_null(
			sad_lookup(reader, sas[i].spi_be, sas[i].local.family, sas[i].local.bytes));
	drop_all(&f);
	free(sas);
}

/* Readers look up while SAs come and go; one that is found must not be freed memory, and those that
 * stay, one in four, must always be found. */
enum { STRESS_SAS = 64, RUN_MS = 500, POISON = 0xdead };

static bool
stays(uint32_t i)
{
	return i % 4 == 0;
}

struct shared {
	struct fixture f;
	bool stop;
	uint64_t found, wrong;
};

struct reader {
	struct shared *s;
	unsigned int id;
	pthread_t thread;
};

/* Four SPIs for each slot of 64: most are in the hash. */
static uint32_t
stress_spi(uint32_t i)
{
	return 0x1000 + (i % 16) + (i / 16) * 0x40000;
}

static void *
reader_main(void *arg)
{
	static const uint8_t dst[4] = {192, 0, 2, 1};
	struct reader *r = arg;
	struct shared *s = r->s;
	const struct sad_reader *reader = sad_reader(s->f.sad, (uint16_t)r->id); /* a node each */

	rte_rcu_qsbr_thread_online(s->f.qsbr, r->id);
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		for (uint32_t i = 0; i < STRESS_SAS; i++) {
			rte_be32_t spi_be = rte_cpu_to_be_32(stress_spi(i));
			struct sa *sa = sad_lookup(reader, spi_be, 4, dst);

			if (!sa) {
				if (stays(i))
					__atomic_fetch_add(&s->wrong, 1, __ATOMIC_RELAXED);
				continue;
			}
			bool wrong = sa->spi_be != spi_be ||
				     __atomic_load_n(&sa->id, __ATOMIC_RELAXED) == POISON;
			__atomic_fetch_add(wrong ? &s->wrong : &s->found, 1, __ATOMIC_RELAXED);
		}
		rte_rcu_qsbr_quiescent(s->f.qsbr, r->id);
	}
	rte_rcu_qsbr_thread_offline(s->f.qsbr, r->id);
	return NULL;
}

static void
come_and_go(struct shared *s, struct sa *pool)
{
	uint64_t end = rte_get_timer_cycles() + rte_get_timer_hz() * RUN_MS / 1000;
	bool there[STRESS_SAS] = {0};

	while (rte_get_timer_cycles() < end) {
		uint32_t i = (uint32_t)random() % STRESS_SAS;

		if (stays(i))
			continue;
		if (there[i]) {
			sad_retire(s->f.sad, &pool[i]);
			rte_rcu_qsbr_synchronize(s->f.qsbr, RTE_QSBR_THRID_INVALID);
			__atomic_store_n(&pool[i].id, POISON, __ATOMIC_RELAXED);
		} else {
			__atomic_store_n(&pool[i].id, 0, __ATOMIC_RELAXED);
			assert_int_equal(sad_publish(s->f.sad, &pool[i], &s->f.err), 0);
		}
		there[i] = !there[i];
	}
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
}

static void
test_readers(void **state)
{
	struct shared s = {.stop = false};
	struct sa *pool = aligned_alloc(RTE_CACHE_LINE_SIZE, STRESS_SAS * sizeof(*pool));
	struct ip_addr local = addr("192.0.2.1");
	struct reader readers[READERS];

	(void)state;
	make(&s.f, STRESS_SAS);
	for (uint32_t i = 0; i < STRESS_SAS; i++) {
		fill(&pool[i], stress_spi(i), &local);
		if (stays(i))
			assert_int_equal(sad_publish(s.f.sad, &pool[i], &s.f.err), 0);
	}
	for (unsigned int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.s = &s, .id = i};
		assert_int_equal(rte_rcu_qsbr_thread_register(s.f.qsbr, i), 0);
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]), 0);
	}
	come_and_go(&s, pool);
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	print_message("%lu found\n", s.found);
	assert_int_equal(s.wrong, 0);
	assert_true(s.found > 0);
	drop_all(&s.f);
	free(pool);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_story),
		cmocka_unit_test(test_allocate),
		cmocka_unit_test(test_reserve_again),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_readers),
	};

	test_eal_init("sad", 128);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
