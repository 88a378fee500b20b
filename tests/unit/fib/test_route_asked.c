/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of a route table beside lookups: who wants a route, what a tunnel carries, where a
 * host is on its link, and which tunnels are missed. */
#include <errno.h>

#include "route_fixture.h"

/* Tunnels 1 to 4 are up, 5 to 9 are down; asked for port 1. */
static const struct link_row {
	const char *routes, *addr;
	bool right;
	const char *why;
} link_rows[] = {
	{"", "192.0.2.9", false, "no route"},
	{"192.0.2.0/24 p1 0", "192.0.2.9", true, "its link"},
	{"192.0.2.0/24 p2 0", "192.0.2.9", false, "another link"},
	{"192.0.2.0/24 p1 0", "192.0.3.9", false, "another prefix"},
	{"192.0.2.0/24 p1 0|192.0.2.9/32 h 0", "192.0.2.9", true,
		"its own host route says nothing"},
	{"192.0.2.9/32 h 0", "192.0.2.9", false, "alone neither"},
	{"192.0.2.0/24 p1 0|192.0.2.8/29 t1 0", "192.0.2.9", false, "a tunnel within"},
	{"192.0.2.0/24 p1 0|192.0.2.8/29 t1 0", "192.0.2.17", true, "beside the tunnel's prefix"},
	{"192.0.2.0/24 p1 0|192.0.2.8/29 t5 0", "192.0.2.9", false, "a tunnel within that is down"},
	{"192.0.2.0/24 p1 0|192.0.2.8/29 g1 0", "192.0.2.9", false, "a gateway within"},
	{"192.0.2.0/24 p1 0|192.0.2.8/29 d 0", "192.0.2.9", false, "a discard within"},
	{"192.0.2.0/24 p1 0|192.0.2.9/32 t1 0|192.0.2.9/32 h 0", "192.0.2.9", false,
		"a tunnel for the host itself"},
	{"192.0.2.0/24 p1 0|192.0.2.9/32 l 0", "192.0.2.9", false, "our own address"},
	{"192.0.2.0/24 p1 0|192.0.2.0/24 t1 5", "192.0.2.9", true, "a worse tunnel"},
	{"192.0.2.0/24 p1 5|192.0.2.0/24 t1 0", "192.0.2.9", false, "a better tunnel"},
	{"192.0.2.0/24 p1 5|192.0.2.0/24 t1 5", "192.0.2.9", false, "a tunnel that shares"},
	{"192.0.2.0/24 p1 0|192.0.2.0/24 p2 0", "192.0.2.9", true, "one of two links"},
	{"0.0.0.0/0 p1 0|192.0.0.0/8 t1 0", "192.0.2.9", false, "the longer prefix decides"},
	{"0.0.0.0/0 p1 0", "192.0.2.9", true, "a default route"},
	{"2001:db8::/64 p1 0", "2001:db8::9", true, "IPv6"},
	{"2001:db8::/64 p1 0|2001:db8::8/125 t1 0", "2001:db8::9", false, "IPv6, a tunnel within"},
};

static struct ip_addr
addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

/* By what was noted, before and after it is published. */
static void
test_on_link(void **state)
{
	struct fixture *f = *state;
	struct route routes[8];

	tunnels_up(f);
	for (size_t i = 0; i < RTE_DIM(link_rows); i++) {
		const struct link_row *row = &link_rows[i];
		struct ip_addr a = addr(row->addr);
		size_t n = parse_routes(row->routes, routes);

		for (size_t k = 0; k < n; k++)
			assert_int_equal(route_add(f->routes, &routes[k], &f->err), 0);
		for (int round = 0; round < 2; round++) {
			if (route_is_on_link(f->routes, 0, 1, &a) != row->right)
				fail_msg("%s in %s: %s", row->addr, row->routes, row->why);
			assert_false(route_is_on_link(f->routes, 1, 1, &a));
			commit(f);
		}
		for (size_t k = 0; k < n; k++)
			assert_int_equal(route_delete(f->routes, &routes[k], &f->err), 0);
		assert_false(route_is_on_link(f->routes, 0, 1, &a));
		commit(f);
	}
}

/* How often the walk finds a route for each who wants it. */
static int
count_by(const struct route *r, void *arg)
{
	((uint32_t *)arg)[r->by]++;
	return 0;
}

static void
check_wanted(struct fixture *f, uint32_t by_gateway, uint32_t by_config)
{
	uint32_t found[2] = {0};

	assert_int_equal(route_walk(f->routes, count_by, found), 0);
	assert_int_equal(found[ROUTE_BY_GATEWAY], by_gateway);
	assert_int_equal(found[ROUTE_BY_CONFIG], by_config);
	assert_int_equal(route_tunnel_count(f->routes, 1, ROUTE_BY_GATEWAY), by_gateway);
	assert_int_equal(route_tunnel_count(f->routes, 1, ROUTE_BY_CONFIG), by_config);
}

/* Two who want the same route have it until neither does. */
static void
test_wanted(void **state)
{
	struct fixture *f = *state;
	struct route ours = route("10.0.0.0/8", "t1", 0), theirs = ours;
	struct ip_addr a = addr("10.1.1.1");

	theirs.by = ROUTE_BY_CONFIG;
	tunnels_up(f);
	for (int first = 0; first < 2; first++) {
		const struct route *one = first ? &ours : &theirs, *other = first ? &theirs : &ours;

		check_wanted(f, 0, 0);
		assert_int_equal(route_add(f->routes, one, &f->err), 0);
		check_wanted(f, one->by == ROUTE_BY_GATEWAY, one->by == ROUTE_BY_CONFIG);
		assert_int_equal(route_add(f->routes, one, &f->err), -EEXIST);
		assert_int_equal(route_delete(f->routes, other, &f->err), -ENOENT);
		assert_int_equal(route_add(f->routes, other, &f->err), 0);
		check_wanted(f, 1, 1);
		commit(f);
		assert_int_equal(route_delete(f->routes, one, &f->err), 0);
		assert_int_equal(route_delete(f->routes, one, &f->err), -ENOENT);
		commit(f);
		check_wanted(f, other->by == ROUTE_BY_GATEWAY, other->by == ROUTE_BY_CONFIG);
		assert_true(fib_lookup(f->fib, 0, &a) >= NEXTHOP_ID_FIRST_FREE);
		assert_int_equal(route_delete(f->routes, other, &f->err), 0);
		commit(f);
		assert_int_equal(fib_lookup(f->fib, 0, &a), NEXTHOP_ID_NONE);
		assert_int_equal(nexthop_count(f->nexthops), 0);
	}
}

static void
test_tunnel_count(void **state)
{
	struct fixture *f = *state;
	struct route a = route("10.0.0.0/8", "t1", 0), b = route("10.0.0.0/8", "t2", 0);
	struct route c = route("20.0.0.0/8", "t1", 7);

	assert_int_equal(route_tunnel_count(f->routes, 1, ROUTE_BY_GATEWAY), 0);
	assert_int_equal(route_tunnel_count(f->routes, 1u << 19, ROUTE_BY_GATEWAY), 0);
	assert_int_equal(route_add(f->routes, &a, &f->err), 0);
	assert_int_equal(route_add(f->routes, &b, &f->err), 0);
	assert_int_equal(route_add(f->routes, &c, &f->err), 0);
	assert_int_equal(route_tunnel_count(f->routes, 1, ROUTE_BY_GATEWAY), 2);
	assert_int_equal(route_tunnel_count(f->routes, 2, ROUTE_BY_GATEWAY), 1);
	assert_int_equal(route_tunnel_count(f->routes, 1, ROUTE_BY_CONFIG), 0);
	/* at once, not with the commit */
	assert_int_equal(route_delete(f->routes, &c, &f->err), 0);
	assert_int_equal(route_tunnel_count(f->routes, 1, ROUTE_BY_GATEWAY), 1);
	assert_int_equal(route_delete(f->routes, &a, &f->err), 0);
	assert_int_equal(route_delete(f->routes, &b, &f->err), 0);
	commit(f);
}

static const struct down_row {
	const char *routes, *addr;
	const char *right; /* the tunnels, by number */
	const char *why;
} down_rows[] = {
	{"", "10.1.1.1", "", "no route"},
	{"10.0.0.0/8 t5 0", "10.1.1.1", "5", "one"},
	{"10.0.0.0/8 t1 0", "10.1.1.1", "", "it is up"},
	{"10.0.0.0/8 t5 0|10.0.0.0/8 t6 0", "10.1.1.1", "56", "two that share"},
	{"10.0.0.0/8 t5 0|10.0.0.0/8 t6 9", "10.1.1.1", "5", "the better one"},
	{"10.0.0.0/8 t5 0|10.1.0.0/16 t6 0", "10.1.1.1", "6", "the longer prefix"},
	{"10.0.0.0/8 t5 0|10.1.0.0/16 t1 0", "10.1.1.1", "", "the longer prefix has a way"},
};

static void
note_tunnel(const struct route *r, void *arg)
{
	((bool *)arg)[r->tunnel] = true;
}

static void
test_down(void **state)
{
	struct fixture *f = *state;
	struct route routes[8];

	tunnels_up(f);
	for (size_t i = 0; i < RTE_DIM(down_rows); i++) {
		const struct down_row *row = &down_rows[i];
		struct ip_addr a = addr(row->addr);
		size_t n = parse_routes(row->routes, routes);
		bool found[10] = {false};
		char text[11] = "", *at = text;

		for (size_t k = 0; k < n; k++)
			assert_int_equal(route_add(f->routes, &routes[k], &f->err), 0);
		route_down_tunnels(f->routes, 0, &a, note_tunnel, found);
		for (int t = 0; t < 10; t++)
			if (found[t])
				*at++ = (char)('0' + t);
		if (strcmp(text, row->right) != 0)
			fail_msg("%s in %s: \"%s\", not \"%s\": %s", row->addr, row->routes, text,
				row->right, row->why);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(route_delete(f->routes, &routes[k], &f->err), 0);
		commit(f);
	}
}

int
main(void)
{
#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		WITH_TABLE(test_on_link),
		WITH_TABLE(test_wanted),
		WITH_TABLE(test_tunnel_count),
		WITH_TABLE(test_down),
	};

	test_eal_init("route_asked", 600);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
