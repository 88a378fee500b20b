/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "../eal.h"
#include "../unit.h"
#include "fib.h"
#include "nexthop.h"

static struct rte_rcu_qsbr *
qsbr_create(void)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(4);
	struct rte_rcu_qsbr *qsbr = rte_zmalloc("qsbr", bytes, RTE_CACHE_LINE_SIZE);

	assert_non_null(qsbr);
	assert_int_equal(rte_rcu_qsbr_init(qsbr, 4), 0);
	return qsbr;
}

struct fixture {
	struct rte_rcu_qsbr *qsbr;
	struct fib *fib;
	struct error err;
};

static void
fixture_make(struct fixture *f, uint32_t routes)
{
	struct fib_limits limits = {.routes4 = routes, .routes6 = routes};

	f->qsbr = qsbr_create();
	f->fib = fib_create(&limits, f->qsbr, &test_one_node, &f->err);
	assert_non_null(f->fib);
}

static void
fixture_drop(struct fixture *f)
{
	fib_destroy(f->fib);
	rte_free(f->qsbr);
}

static struct ip_prefix
prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return p;
}

static struct ip_addr
addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static void
set(struct fixture *f, uint16_t table, const char *text, uint32_t nexthop)
{
	struct ip_prefix p = prefix(text);

	assert_int_equal(fib_set(f->fib, table, &p, nexthop, &f->err), 0);
}

static void
unset(struct fixture *f, uint16_t table, const char *text)
{
	struct ip_prefix p = prefix(text);

	assert_int_equal(fib_unset(f->fib, table, &p, &f->err), 0);
}

static void
commit(struct fixture *f)
{
	if (fib_commit(f->fib, &f->err) != 0)
		fail_msg("commit: %s", f->err.text);
}

static uint32_t
lookup(struct fixture *f, uint16_t table, const char *text)
{
	struct ip_addr a = addr(text);

	return fib_lookup(f->fib, table, &a);
}

/* Steps of one story, done in order. */
enum op { SET, UNSET, COMMIT, ROLLBACK, IS };

static const struct step {
	enum op op;
	uint16_t table;
	const char *what;
	uint32_t nexthop;
	const char *why;
} story[] = {
	{IS, 0, "10.0.0.1", 0, "no table"},
	{IS, 0, "2001:db8::1", 0, "no table"},
	{SET, 0, "10.0.0.0/8", 10, ""},
	{IS, 0, "10.0.0.1", 0, "not committed"},
	{COMMIT, 0, "", 0, ""},
	{IS, 0, "10.0.0.1", 10, "committed"},
	{IS, 0, "11.0.0.1", 0, "outside"},
	{IS, 1, "10.0.0.1", 0, "another table"},
	{IS, 0, "2001:db8::1", 0, "another family"},
	{SET, 0, "10.0.0.0/8", 11, ""},
	{COMMIT, 0, "", 0, ""},
	{IS, 0, "10.0.0.1", 11, "a set of what is there is an update"},
	{SET, 0, "10.0.0.77/24", 12, ""},
	{ROLLBACK, 0, "", 0, ""},
	{COMMIT, 0, "", 0, ""},
	{IS, 0, "10.0.0.1", 11, "rolled back"},
	{SET, 0, "0.0.0.0/0", 7, ""},
	{SET, 0, "10.0.0.77/24", 12, ""},
	{SET, 1, "10.0.0.0/8", 13, ""},
	{SET, 0, "::/0", 14, ""},
	{SET, 0, "2001:db8::/32", 15, ""},
	{SET, 0, "2001:db8::1/128", 0x7ffffffe, ""},
	{COMMIT, 0, "", 0, ""},
	{IS, 0, "10.0.0.1", 12, "longest match, host bits cleared"},
	{IS, 0, "10.0.1.1", 11, "the default route overwrites nothing"},
	{IS, 0, "0.0.0.0", 7, "default, first address"},
	{IS, 0, "255.255.255.255", 7, "default, last address"},
	{IS, 1, "10.0.0.1", 13, "second table"},
	{IS, 1, "1.1.1.1", 0, "second table has no default"},
	{IS, 0, "::", 14, "default, first address"},
	{IS, 0, "ffff::", 14, "default"},
	{IS, 0, "2001:db8::2", 15, "/32"},
	{IS, 0, "2001:db8::1", 0x7ffffffe, "/128, the highest next hop"},
	{SET, 5, "0.0.0.0/1", 20, ""},
	{SET, 5, "128.0.0.0/1", 21, ""},
	{SET, 5, "0.0.0.0/0", 22, ""},
	{SET, 5, "255.255.255.255/32", 23, ""},
	{SET, 5, "8000::/1", 21, ""},
	{SET, 5, "::/1", 20, ""},
	{SET, 5, "::/0", 22, ""},
	{COMMIT, 0, "", 0, ""},
	{IS, 5, "1.1.1.1", 20, "both halves beat the default"},
	{IS, 5, "129.1.1.1", 21, "both halves beat the default"},
	{IS, 5, "255.255.255.254", 21, "both halves beat the default"},
	{IS, 5, "255.255.255.255", 23, "broadcast"},
	{IS, 5, "1::", 20, "both halves beat the default"},
	{IS, 5, "ff02::1", 21, "both halves beat the default"},
	{UNSET, 0, "0.0.0.0/0", 0, ""},
	{UNSET, 0, "10.0.0.0/24", 0, ""},
	{UNSET, 0, "2001:db8::1/128", 0, ""},
	{SET, 0, "2001:db8::1/128", 3, ""},
	{UNSET, 0, "2001:db8::1/128", 0, ""},
	{COMMIT, 0, "", 0, ""},
	{IS, 0, "1.1.1.1", 0, "no default any more"},
	{IS, 0, "10.0.0.1", 11, "shorter match again"},
	{IS, 0, "2001:db8::1", 15, "changes of one commit are done in order"},
};

static void
test_story(void **state)
{
	struct fixture f;

	(void)state;
	fixture_make(&f, 1000);
	for (size_t i = 0; i < RTE_DIM(story); i++) {
		const struct step *s = &story[i];

		if (s->op == SET)
			set(&f, s->table, s->what, s->nexthop);
		else if (s->op == UNSET)
			unset(&f, s->table, s->what);
		else if (s->op == COMMIT)
			commit(&f);
		else if (s->op == ROLLBACK)
			fib_rollback(f.fib);
		else if (lookup(&f, s->table, s->what) != s->nexthop)
			fail_msg("step %zu, %s in table %u: %u, not %u (%s)", i, s->what, s->table,
				lookup(&f, s->table, s->what), s->nexthop, s->why);
	}
	fixture_drop(&f);
}

static void
test_refusals(void **state)
{
	struct fixture f;
	struct ip_prefix p = prefix("10.0.0.0/8");

	(void)state;
	fixture_make(&f, 1000);
	assert_int_equal(fib_set(f.fib, 256, &p, 1, &f.err), -EINVAL);
	unset(&f, 3, "10.0.0.0/8");
	assert_int_equal(fib_commit(f.fib, &f.err), -ENOENT);
	set(&f, 0, "10.0.0.0/8", 5);
	set(&f, 1, "2001:db8::/32", 6);
	commit(&f);
	set(&f, 0, "10.0.0.0/8", 9);
	set(&f, 1, "2001:db8::/32", 9);
	unset(&f, 0, "10.1.0.0/16");
	assert_int_equal(fib_commit(f.fib, &f.err), -ENOENT);
	assert_non_null(strstr(f.err.text, "10.1.0.0/16"));
	assert_int_equal(lookup(&f, 0, "10.0.0.1"), 5);
	assert_int_equal(lookup(&f, 1, "2001:db8::1"), 6);
	/* both copies are what they were */
	set(&f, 2, "10.0.0.0/8", 1);
	commit(&f);
	assert_int_equal(lookup(&f, 0, "10.0.0.1"), 5);
	assert_int_equal(lookup(&f, 1, "2001:db8::1"), 6);
	fixture_drop(&f);
}

/* Every host of a /32 alone in its /24 (or its /120): as many groups as there can be. */
static struct ip_prefix
lonely_host(uint8_t family, uint32_t i)
{
	struct ip_prefix p = {.addr.family = family, .length = family == 4 ? 32 : 128};

	p.addr.bytes[0] = 0x20;
	p.addr.bytes[1] = (uint8_t)(i >> 8);
	p.addr.bytes[2] = (uint8_t)i;
	return p;
}

static void
test_full(void **state)
{
	static const uint8_t families[] = {4, 6};

	(void)state;
	for (size_t f = 0; f < RTE_DIM(families); f++) {
		struct fixture x;
		struct ip_prefix p;

		fixture_make(&x, 100);
		p = lonely_host(families[f], 0);
		assert_int_equal(fib_set(x.fib, 0, &p, 50, &x.err), 0);
		commit(&x);
		for (uint32_t i = 0; i < 2000; i++) {
			p = lonely_host(families[f], i);
			assert_int_equal(fib_set(x.fib, 0, &p, 100 + i, &x.err), 0);
		}
		assert_int_equal(fib_commit(x.fib, &x.err), -ENOSPC);
		assert_non_null(strstr(x.err.text, "limits.routes"));
		for (uint32_t i = 0; i < 2000; i++) {
			p = lonely_host(families[f], i);
			if (fib_lookup(x.fib, 0, &p.addr) != (i == 0 ? 50 : 0))
				fail_msg("IPv%u: host %u was published", families[f], i);
		}
		/* what fits still fits, twice over so that both copies show it */
		for (int side = 0; side < 2; side++) {
			for (uint32_t i = 0; i < 100; i++) {
				p = lonely_host(families[f], i);
				assert_int_equal(fib_set(x.fib, 0, &p, 200 + i, &x.err), 0);
			}
			commit(&x);
			for (uint32_t i = 0; i < 101; i++) {
				p = lonely_host(families[f], i);
				assert_int_equal(
					fib_lookup(x.fib, 0, &p.addr), i < 100 ? 200 + i : 0);
			}
		}
		fixture_drop(&x);
	}
}

/* 22.11 counts its reservations wrong, so that this ends in -ENOSPC when it is left to itself. */
static void
test_no_drift(void **state)
{
	static const char *const rows[][2] = {
		{"10.1.2.0/24", "10.1.2.128/25"},
		{"10.0.0.0/8", "10.1.2.3/32"},
		{"2001:db8::/32", "2001:db8::1/128"},
		{"2001:db8::/64", "2001:db8::1:2:3:4/128"},
	};
	struct fixture f;

	(void)state;
	fixture_make(&f, 100);
	for (size_t row = 0; row < RTE_DIM(rows); row++) {
		for (int i = 0; i < 2000; i++) {
			set(&f, 0, rows[row][0], 5);
			set(&f, 0, rows[row][1], i % 2 ? 5 : 6);
			commit(&f);
			unset(&f, 0, rows[row][i % 3 == 0]);
			unset(&f, 0, rows[row][i % 3 != 0]);
			if (fib_commit(f.fib, &f.err) != 0)
				fail_msg("row %zu: %s", row, f.err.text);
		}
	}
	fixture_drop(&f);
}

/* The specification: longest match by looking at every route. */
struct naive {
	struct ip_prefix prefix;
	uint32_t nexthop; /* 0: not there */
};

static uint32_t
naive_lookup(const struct naive *routes, size_t n, const struct ip_addr *a)
{
	const struct naive *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct naive *r = &routes[i];

		if (r->nexthop != 0 && (!best || r->prefix.length > best->prefix.length) &&
			ip_prefix_contains(&r->prefix, a))
			best = r;
	}
	return best ? best->nexthop : 0;
}

/* Bytes from a small alphabet, edges of ranges among them, so that prefixes overlap a lot. */
static struct ip_addr
random_addr(uint8_t family)
{
	static const uint8_t alphabet[] = {0, 0, 1, 0x7f, 0x80, 0xfe, 0xff, 0xff};
	struct ip_addr a = {.family = family};

	for (int i = 0; i < (family == 4 ? 4 : 16); i++) {
		bool wide = i == 1 || random() % 16 == 0;

		a.bytes[i] = wide ? (uint8_t)random() : alphabet[random() % 8];
	}
	a.bytes[0] &= 0x83;
	return a;
}

static void
compare(struct fixture *f, const struct naive *routes, size_t n, uint8_t family, int round)
{
	char text[IP_ADDR_STRLEN];

	for (int i = 0; i < 250; i++) {
		struct ip_addr a = random_addr(family);

		if (i % 2 == 0) /* the edges of a route */
			a = ip_prefix_range(&routes[(size_t)random() % n].prefix).last;
		if (i % 4 == 0) /* and just beyond */
			a.bytes[family == 4 ? 3 : 15]++;
		uint32_t got = fib_lookup(f->fib, 0, &a), right = naive_lookup(routes, n, &a);
		if (got != right)
			fail_msg("round %d: %s leads to %u, not %u", round,
				ip_addr_format(&a, text), got, right);
	}
}

static size_t
random_routes(struct naive *routes, size_t want, uint8_t family)
{
	size_t n = 0;

	/* made one by one: equal prefixes would be two rows of the naive table */
	while (n < want) {
		struct naive r = {.prefix = {.addr = random_addr(family)}};
		unsigned int bits = ip_addr_bits(&r.prefix.addr);
		bool seen = false;

		r.prefix.length = (uint8_t)(random() % (bits + 1));
		if (n == 0)
			r.prefix.length = 0;
		r.prefix = ip_prefix_network(&r.prefix);
		for (size_t i = 0; i < n && !seen; i++)
			seen = ip_prefix_equal(&routes[i].prefix, &r.prefix);
		if (!seen || n == 0)
			routes[n++] = r;
		else if (random() % 1000 == 0)
			return n; /* a small family of short prefixes is used up */
	}
	return n;
}

static void
churn(uint8_t family, size_t n_routes)
{
	struct naive *routes = calloc(n_routes, sizeof(*routes));
	size_t n = random_routes(routes, n_routes, family);
	struct fixture f;

	/* random addresses share little: up to 13 groups each for IPv6 */
	fixture_make(&f, 60000);
	for (int round = 0; round < 20; round++) {
		/* grows, then shrinks, then only changes */
		int remove = round < 9 ? 20 : round < 16 ? 70 : 50;

		for (int i = 0; i < 1000; i++) {
			struct naive *r = &routes[(size_t)random() % n];
			uint32_t nexthop = random() % 100 < remove ? 0 : 1 + random() % 30;

			if (nexthop == 0 && r->nexthop == 0)
				continue;
			if (nexthop == 0)
				assert_int_equal(fib_unset(f.fib, 0, &r->prefix, &f.err), 0);
			else
				assert_int_equal(fib_set(f.fib, 0, &r->prefix, nexthop, &f.err), 0);
			r->nexthop = nexthop;
			if (i % 50 == 0)
				commit(&f);
		}
		commit(&f);
		compare(&f, routes, n, family, round);
	}
	for (size_t i = 0; i < n; i++) {
		if (routes[i].nexthop != 0)
			assert_int_equal(fib_unset(f.fib, 0, &routes[i].prefix, &f.err), 0);
		routes[i].nexthop = 0;
	}
	commit(&f);
	compare(&f, routes, n, family, -1);
	fixture_drop(&f);
	free(routes);
}

static void
test_random4(void **state)
{
	(void)state;
	churn(4, 4000);
}

static void
test_random6(void **state)
{
	(void)state;
	churn(6, 3000);
}

/* What each node's workers find. */
static void
assert_on_nodes(const struct fixture *f, const char *dst, uint32_t want)
{
	struct ip_addr a = addr(dst);

	for (uint16_t node = 0; node < test_two_nodes.n; node++) {
		uint32_t dst4 = a.family == 4 ? ip_addr_to_v4(&a) : 0;
		uint8_t dst6[1][16];
		uint64_t got;

		memcpy(dst6[0], a.bytes, 16);
		if (a.family == 4)
			fib_lookup4_bulk(fib_reader(f->fib, node), 0, &dst4, &got, 1);
		else
			fib_lookup6_bulk(fib_reader(f->fib, node), 0, dst6, &got, 1);
		if (got != want)
			fail_msg("%s on node %u: %lu instead of %u", dst, node, got, want);
	}
}

static void
test_nodes(void **state)
{
	static const char *const prefixes[] = {"10.0.0.0/8", "10.1.1.128/25", "fd00::/8"};
	struct fib_limits limits = {.routes4 = 20, .routes6 = 20};
	struct fixture f = {.qsbr = qsbr_create()};
	struct ip_prefix p;

	(void)state;
	f.fib = fib_create(&limits, f.qsbr, &test_two_nodes, &f.err);
	assert_non_null(f.fib);
	for (uint32_t i = 0; i < RTE_DIM(prefixes); i++) {
		p = prefix(prefixes[i]);
		assert_int_equal(fib_set(f.fib, 0, &p, 50 + i, &f.err), 0);
	}
	assert_int_equal(fib_commit(f.fib, &f.err), 0);
	assert_on_nodes(&f, "10.1.1.1", 50);
	assert_on_nodes(&f, "10.1.1.200", 51);
	assert_on_nodes(&f, "fd00::1", 52);
	/* an error is one for all nodes */
	assert_int_equal(fib_set(f.fib, 0, &p, 60, &f.err), 0);
	p = prefix("192.0.2.0/24");
	assert_int_equal(fib_unset(f.fib, 0, &p, &f.err), 0);
	assert_int_equal(fib_commit(f.fib, &f.err), -ENOENT);
	assert_on_nodes(&f, "fd00::1", 52);
	p = prefix("10.1.1.128/25");
	assert_int_equal(fib_unset(f.fib, 0, &p, &f.err), 0);
	assert_int_equal(fib_commit(f.fib, &f.err), 0);
	assert_on_nodes(&f, "10.1.1.200", 50);
	/* the sides change places: this one is done on those that were read before */
	assert_int_equal(fib_set(f.fib, 0, &p, 53, &f.err), 0);
	assert_int_equal(fib_commit(f.fib, &f.err), 0);
	assert_on_nodes(&f, "10.1.1.200", 53);
	assert_on_nodes(&f, "10.1.1.1", 50);
	fixture_drop(&f);
}

/* An estimate that is too low would be an EAL without room for the tables. */
static void
test_memory(void **state)
{
	static const struct fib_limits rows[] = {{100, 100}, {20000, 20000}};
	struct rte_malloc_socket_stats before, after;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		for (int family = 4; family <= 6; family += 2) {
			struct rte_rcu_qsbr *qsbr = qsbr_create();
			uint64_t bytes = fib_memory_bytes(&rows[i], family == 4, family == 6);
			struct error err;
			struct ip_prefix p = prefix(family == 4 ? "10.0.0.0/8" : "fd00::/8");

			rte_malloc_get_socket_stats(0, &before);
			struct fib *fib = fib_create(&rows[i], qsbr, &test_one_node, &err);
			assert_non_null(fib);
			assert_int_equal(fib_set(fib, 0, &p, 4, &err), 0);
			rte_malloc_get_socket_stats(0, &after);
			uint64_t used = after.heap_allocsz_bytes - before.heap_allocsz_bytes;
			if (used > bytes || used < bytes / 2)
				fail_msg("%u routes, IPv%d: %" PRIu64 " bytes used, %" PRIu64
					 " said",
					rows[i].routes4, family, used, bytes);
			fib_destroy(fib);
			rte_free(qsbr);
			rte_malloc_get_socket_stats(0, &after);
			/* a few small things of rte_rib's stay */
			assert_in_range(
				after.heap_allocsz_bytes, 0, before.heap_allocsz_bytes + 4096);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_story),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_no_drift),
		cmocka_unit_test(test_random4),
		cmocka_unit_test(test_random6),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_memory),
	};

	srandom(1);
	test_eal_init("fib", 1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
