/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policies are replaced while two workers judge packets by them without a pause. Set k protects
 * all with tunnel k, by many rules of both families: a burst that saw two sets, or a set that is
 * not in force any more or not yet, shows in the tunnels; a set that is freed too early shows
 * under AddressSanitizer.
 */
#include <rte_launch.h>
#include <rte_malloc.h>

#include "fixture.h"
#include "parse.h"
#include "site.h"
#include "unit.h"

enum { READERS = 2, RULES = 40, PACKETS = 32, FIRST = 2, SETS = 300 };

struct bench {
	struct stage_fixture f;
	uint32_t building, in_force; /* numbers of sets; atomic */
	bool stop;                   /* atomic */
	uint64_t bursts[READERS], wrong[READERS];
	struct rte_mbuf *packets[READERS][PACKETS];
};

/* Packet i, of any rule; half of them IPv6. */
static struct rte_mbuf *
make_packet(struct stage_fixture *f, uint32_t i)
{
	static struct packet p;
	struct packet_row row = {.src = i % 2 ? "192.168.1.10" : "2001:db8:1::10",
		.dst = i % 2 ? "198.51.100.1" : "2001:db8:e::1",
		.src_port = 1000,
		.dst_port = (uint16_t)(2000 + i % RULES)};
	struct rte_mbuf *m;

	packet_ip(&p, &row);
	m = stage_fixture_buffer(f, p.bytes, p.n, NULL);
	memset(pkt(m), 0, sizeof(struct pkt));
	if (parse_ip(m) != DROP_NONE)
		abort();
	return m;
}

static int
replace(struct bench *b, uint32_t number, struct error *err)
{
	struct spd_policy policies[RULES];

	for (uint32_t i = 0; i < RULES; i++)
		policies[i] = (struct spd_policy){.priority = i,
			.action = SPD_PROTECT,
			.tunnel = number,
			.selector = {.protocol = IPPROTO_UDP,
				.local_port = {0, UINT16_MAX},
				.remote_port = {(uint16_t)(2000 + i), (uint16_t)(2000 + i)}}};
	return policies_replace(b->f.g, policies, RULES, err);
}

/* Judges one burst. Returns false when it was not one set's that may have been in force. */
static bool
judge(struct bench *b, uint16_t worker, struct rte_mbuf *const *pkts)
{
	uint32_t oldest = __atomic_load_n(&b->in_force, __ATOMIC_ACQUIRE);
	struct spd *spd = __atomic_load_n(&b->f.g->workers[worker]->tables->spd, __ATOMIC_ACQUIRE);
	uint32_t newest = __atomic_load_n(&b->building, __ATOMIC_ACQUIRE);
	struct spd_result results[PACKETS];
	bool good = true;

	spd_classify(spd, pkts, PACKETS, true, results);
	for (uint32_t i = 0; i < PACKETS; i++) {
		good = good && results[i].action == SPD_PROTECT && results[i].policy == i % RULES &&
		       results[i].tunnel == results[0].tunnel;
		spd_hit(spd, worker, results[i].policy % RULES, pkts[i]->pkt_len);
	}
	return good && results[0].tunnel >= oldest && results[0].tunnel <= newest;
}

static int
reader(void *arg)
{
	struct bench *b = arg;
	uint16_t worker = (uint16_t)(rte_lcore_id() - 1);
	struct rte_rcu_qsbr *qsbr = b->f.g->qsbr;

	rte_rcu_qsbr_thread_register(qsbr, worker);
	rte_rcu_qsbr_thread_online(qsbr, worker);
	while (!__atomic_load_n(&b->stop, __ATOMIC_ACQUIRE)) {
		if (!judge(b, worker, b->packets[worker]))
			b->wrong[worker]++;
		__atomic_store_n(&b->bursts[worker], b->bursts[worker] + 1, __ATOMIC_RELAXED);
		rte_rcu_qsbr_quiescent(qsbr, worker);
	}
	rte_rcu_qsbr_thread_offline(qsbr, worker);
	rte_rcu_qsbr_thread_unregister(qsbr, worker);
	return 0;
}

static size_t
heap_bytes(void)
{
	struct rte_malloc_socket_stats stats;

	rte_malloc_get_socket_stats(0, &stats);
	return stats.heap_allocsz_bytes;
}

/* A swap says first that the new set may be seen, and afterwards that the old one may not. */
static void
swap(struct bench *b, uint32_t number)
{
	struct error err;

	__atomic_store_n(&b->building, number, __ATOMIC_RELEASE);
	if (replace(b, number, &err) != 0)
		stage_check(&b->f, false, "set %u: %s", number, err.text);
	__atomic_store_n(&b->in_force, number, __ATOMIC_RELEASE);
}

static void
swap_under_readers(struct bench *b)
{
	size_t before;

	swap(b, 1);
	for (unsigned int i = 0; i < READERS; i++)
		rte_eal_remote_launch(reader, b, i + 1);
	swap(b, FIRST);
	before = heap_bytes();
	for (uint32_t number = FIRST + 1; number < FIRST + SETS; number++)
		swap(b, number);
	stage_check(&b->f, heap_bytes() == before, "%zu bytes before, %zu after %u sets", before,
		heap_bytes(), SETS);
	__atomic_store_n(&b->stop, true, __ATOMIC_RELEASE);
	rte_eal_mp_wait_lcore();
}

static void
test_swap(void **state)
{
	static struct bench b;

	(void)state;
	stage_fixture_open(
		&b.f, &(struct stage_setup){
			      .config = SITE, .rings = SITE_RINGS, .nodes = &stage_two_nodes});
	for (uint32_t w = 0; w < READERS; w++)
		for (uint32_t i = 0; i < PACKETS; i++)
			b.packets[w][i] = make_packet(&b.f, i);
	swap_under_readers(&b);
	for (uint32_t w = 0; w < READERS; w++) {
		print_message("worker %u: %lu bursts\n", w, b.bursts[w]);
		stage_check(&b.f, b.bursts[w] > SETS, "worker %u has seen little", w);
		stage_check(&b.f, b.wrong[w] == 0, "worker %u: %lu bursts of no one set", w,
			b.wrong[w]);
		rte_pktmbuf_free_bulk(b.packets[w], PACKETS);
	}
	assert_int_equal(stage_fixture_close(&b.f), 0);
}

/* What cannot be built leaves what is in force, and no policies at all are a set as well. */
static void
test_refused(void **state)
{
	static struct bench b;
	struct spd_policy bad = {.action = SPD_NO_MATCH};
	struct error err;
	struct spd *spd[2];

	(void)state;
	stage_fixture_open(
		&b.f, &(struct stage_setup){
			      .config = SITE, .rings = SITE_RINGS, .nodes = &stage_two_nodes});
	swap(&b, 1);
	for (int i = 0; i < 2; i++)
		assert_non_null(spd[i] = b.f.g->views[i]->spd);
	assert_ptr_not_equal(spd[0], spd[1]);
	assert_true(policies_replace(b.f.g, &bad, 1, &err) < 0);
	for (int i = 0; i < 2; i++)
		assert_ptr_equal(b.f.g->views[i]->spd, spd[i]);
	assert_int_equal(policies_replace(b.f.g, NULL, 0, &err), 0);
	for (int i = 0; i < 2; i++)
		assert_null(b.f.g->views[i]->spd);
	assert_int_equal(stage_fixture_close(&b.f), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_refused),
	};

	stage_fixture_eal("policies", READERS);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
