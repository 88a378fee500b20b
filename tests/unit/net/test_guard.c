/* SPDX-License-Identifier: BSD-3-Clause */
/* That guard.h can see: planted over-reads and under-reads die. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "eal.h"
#include "guard.h"
#include "pool.h"

static struct rte_mempool *pool;

struct touch {
	const char *name;
	enum guard_end end;
	uint16_t room;
	int offset; /* from the packet's first byte; beyond the end from LENGTH on */
	bool dies;
};

enum { LENGTH = 100 };

static const struct touch touches[] = {
	{"last byte", GUARD_AFTER, 0, LENGTH - 1, false},
	{"one after the last", GUARD_AFTER, 0, LENGTH, true},
	{"tailroom", GUARD_AFTER, 4, LENGTH + 3, false},
	{"one after the tailroom", GUARD_AFTER, 4, LENGTH + 4, true},
	{"first byte", GUARD_BEFORE, 0, 0, false},
	{"one before the first", GUARD_BEFORE, 0, -1, true},
	{"headroom", GUARD_BEFORE, 14, -14, false},
	{"one before the headroom", GUARD_BEFORE, 14, -15, true},
};

/* In a child: whether reading there is its death. */
static bool
dies_reading(const volatile uint8_t *at)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit none = {0};

		/* Sanitizers would make an exit of it. */
		signal(SIGSEGV, SIG_DFL);
		setrlimit(RLIMIT_CORE, &none);
		_exit(*at == 0xff ? 2 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void
test_touches(void **state)
{
	uint8_t bytes[LENGTH] = {0};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(touches); i++) {
		const struct touch *row = &touches[i];
		struct rte_mbuf *m =
			guard_mbuf_room(pool, bytes, sizeof(bytes), row->end, row->room);

		assert_non_null(m);
		if (dies_reading(rte_pktmbuf_mtod_offset(m, uint8_t *, row->offset)) != row->dies)
			fail_msg("%s", row->name);
		rte_pktmbuf_free(m);
	}
	assert_pool_full(pool);
}

/* A plain mbuf sees nothing: why guard.h is there. */
static void
test_plain_mbuf_is_blind(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	(void)state;
	assert_non_null(rte_pktmbuf_append(m, LENGTH));
	assert_false(dies_reading(rte_pktmbuf_mtod_offset(m, uint8_t *, LENGTH)));
	rte_pktmbuf_free(m);
	assert_pool_full(pool);
}

static void
test_chain(void **state)
{
	uint8_t bytes[LENGTH];
	struct rte_mbuf *m;

	(void)state;
	for (int i = 0; i < LENGTH; i++)
		bytes[i] = i;
	m = guard_chain(pool, bytes, LENGTH, 1, 30, GUARD_AFTER);
	assert_int_equal(m->nb_segs, 5);
	assert_true(is_packet(m, bytes, LENGTH));
	for (struct rte_mbuf *seg = m; seg; seg = seg->next)
		assert_true(dies_reading(rte_pktmbuf_mtod_offset(seg, uint8_t *, seg->data_len)));
	rte_pktmbuf_free(m);
	assert_null(guard_mbuf(pool, bytes, 60001, GUARD_AFTER));
	assert_pool_full(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_touches),
		cmocka_unit_test(test_plain_mbuf_is_blind),
		cmocka_unit_test(test_chain),
	};

	test_eal_init("guard", 64);
	pool = test_pool_create("guard");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
