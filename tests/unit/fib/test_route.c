/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "route_fixture.h"

/* What an address leads to, in the same words; groups as "t1,t2". */
static const char *
leads_to(struct fixture *f, const char *text, char *out, size_t size)
{
	static const char *const fixed[] = {"-", "d", "down", "l"};
	const struct nexthop *entries = nexthop_entries(f->nexthops, 0);
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	uint32_t id = fib_lookup(f->fib, 0, &a);
	const uint32_t *ids = &id;
	unsigned int n = 1;

	out[0] = '\0';
	if (entries[id].type == NEXTHOP_GROUP) {
		ids = entries[id].members;
		n = entries[id].n_members;
	}
	for (unsigned int i = 0; i < n; i++) {
		const struct nexthop *nh = &entries[ids[i]];
		size_t used = strlen(out);
		const char *comma = i ? "," : "";

		if (ids[i] < NEXTHOP_ID_FIRST_FREE)
			snprintf(out + used, size - used, "%s%s", comma, fixed[ids[i]]);
		else if (nh->type == NEXTHOP_TUNNEL)
			snprintf(out + used, size - used, "%st%u", comma, nh->tunnel);
		else if (nh->type == NEXTHOP_CONNECTED)
			snprintf(out + used, size - used, "%sp%u", comma, nh->port);
		else if (ip_addr_equal(&nh->addr, &a))
			snprintf(out + used, size - used, "%sh", comma);
		else
			snprintf(out + used, size - used, "%sg%u", comma, nh->addr.bytes[3]);
	}
	return out;
}

/* Routes are added, in this order and in the opposite one: the answer must be the same. Tunnels 1
 * to 4 are up, 5 to 9 are down. */
static const struct row {
	const char *routes; /* prefix/via/metric … */
	const char *dst, *right, *why;
} rows[] = {
	{"", "10.1.1.1", "-", "no route"},
	{"10.0.0.0/8 t1 5", "10.1.1.1", "t1", "a tunnel that is up"},
	{"10.0.0.0/8 t5 5", "10.1.1.1", "down", "a tunnel that is down discards"},
	{"0.0.0.0/0 g1 0|10.0.0.0/8 t5 5", "10.1.1.1", "down", "never through to the clear"},
	{"0.0.0.0/0 g1 0|10.0.0.0/8 t5 5", "11.1.1.1", "g1", "default"},
	{"10.0.0.0/8 t1 5|10.0.0.0/8 t2 9", "10.1.1.1", "t1", "the lowest metric"},
	{"10.0.0.0/8 t5 5|10.0.0.0/8 t2 9", "10.1.1.1", "t2", "the stand-by takes over"},
	{"10.0.0.0/8 t5 5|10.0.0.0/8 t6 9", "10.1.1.1", "down", "all down"},
	{"10.0.0.0/8 t1 5|10.0.0.0/8 t2 5", "10.1.1.1", "t1,t2", "equal ones share"},
	{"10.0.0.0/8 t1 5|10.0.0.0/8 t5 5|10.0.0.0/8 t3 5", "10.1.1.1", "t1,t3",
		"the one that is down leaves the set"},
	{"10.0.0.0/8 t5 5|10.0.0.0/8 g1 9", "10.1.1.1", "g1", "the user's own second way"},
	{"10.0.0.0/8 g2 5|10.0.0.0/8 g1 5|10.0.0.0/8 t1 5", "10.1.1.1", "g1,g2,t1",
		"gateways and tunnels share"},
	{"10.0.0.0/8 d 5|10.0.0.0/8 t1 5", "10.1.1.1", "d", "a discard beats its equals"},
	{"10.0.0.0/8 d 6|10.0.0.0/8 t1 5", "10.1.1.1", "t1", "but not its betters"},
	{"10.0.0.0/8 d 5|10.0.0.0/8 d 6", "10.1.1.1", "d", "two discards"},
	{"192.0.2.0/24 p1 0", "192.0.2.9", "p1", "connected"},
	{"192.0.2.0/24 p1 0|192.0.2.9/32 h 0", "192.0.2.9", "h", "a host of it"},
	{"192.0.2.9/32 p1 0|192.0.2.9/32 h 7", "192.0.2.9", "h", "a host on a host route"},
	{"192.0.2.9/32 l 9|192.0.2.9/32 h 0", "192.0.2.9", "l", "our own address beats all"},
	{"192.0.2.9/32 l 9|192.0.2.9/32 t1 0", "192.0.2.9", "l", "our own address beats all"},
	{"192.0.2.9/32 t1 9|192.0.2.9/32 h 0", "192.0.2.9", "t1", "ARP steals no tunnel's route"},
	{"192.0.2.9/32 t5 9|192.0.2.9/32 h 0", "192.0.2.9", "down", "nor one that is down"},
	{"192.0.2.9/32 d 9|192.0.2.9/32 h 0", "192.0.2.9", "d", "nor a discard"},
	{"192.0.2.9/32 g1 9|192.0.2.9/32 h 0", "192.0.2.9", "g1", "nor a gateway's"},
	{"2001:db8::/32 t1 5|2001:db8::1/128 h 0", "2001:db8::1", "h", "IPv6 host"},
	{"2001:db8::/32 t1 5|2001:db8::1/128 h 0", "2001:db8::2", "t1", "IPv6"},
	{"2001:db8::/32 t5 5|::/0 g1 0", "2001:db8::2", "down", "IPv6, down"},
};

static void
test_rows(void **state)
{
	struct fixture *f = *state;
	struct route routes[8];
	char text[128];

	tunnels_up(f);
	for (size_t i = 0; i < 2 * RTE_DIM(rows); i++) {
		const struct row *row = &rows[i / 2];
		size_t n = parse_routes(row->routes, routes);

		for (size_t k = 0; k < n; k++) {
			size_t at = i % 2 ? n - 1 - k : k;

			if (route_add(f->routes, &routes[at], &f->err) != 0)
				fail_msg("row %zu: %s", i / 2, f->err.text);
			if (i % 4 < 2)
				commit(f);
		}
		commit(f);
		leads_to(f, row->dst, text, sizeof(text));
		if (strcmp(text, row->right) != 0)
			fail_msg("row %zu: %s leads to %s, not %s: %s (%s)", i / 2, row->dst, text,
				row->right, row->why, row->routes);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(route_delete(f->routes, &routes[k], &f->err), 0);
		commit(f);
		leads_to(f, row->dst, text, sizeof(text));
		assert_string_equal(text, "-");
		assert_int_equal(nexthop_count(f->nexthops), 0);
		assert_int_equal(route_count(f->routes), 0);
		assert_int_equal(route_prefixes(f->routes, 0, routes[0].prefix.addr.family), 0);
	}
}

static void
expect(struct fixture *f, const char *dst, const char *right)
{
	char text[128];

	assert_string_equal(leads_to(f, dst, text, sizeof(text)), right);
}

static void
test_tunnel_state(void **state)
{
	struct fixture *f = *state;
	struct route a = route("10.0.0.0/8", "t1", 5), b = route("10.0.0.0/8", "t2", 5);

	assert_int_equal(route_add(f->routes, &a, &f->err), 0);
	assert_int_equal(route_add(f->routes, &b, &f->err), 0);
	assert_int_equal(route_prefixes(f->routes, 0, 4), 0);
	commit(f);
	expect(f, "10.0.0.1", "down");
	assert_int_equal(route_count(f->routes), 2);
	assert_int_equal(route_prefixes(f->routes, 0, 4), 1);
	assert_int_equal(route_prefixes(f->routes, 0, 6), 0);
	assert_int_equal(route_prefixes(f->routes, 1, 4), 0);
	assert_int_equal(route_tunnel_state(f->routes, 1, true, &f->err), 0);
	expect(f, "10.0.0.1", "down");
	commit(f);
	expect(f, "10.0.0.1", "t1");
	assert_int_equal(route_tunnel_state(f->routes, 2, true, &f->err), 0);
	commit(f);
	expect(f, "10.0.0.1", "t1,t2");
	assert_int_equal(route_tunnel_state(f->routes, 1, false, &f->err), 0);
	commit(f);
	expect(f, "10.0.0.1", "t2");
	assert_int_equal(nexthop_count(f->nexthops), 2);
	assert_int_equal(route_delete(f->routes, &b, &f->err), 0);
	commit(f);
	expect(f, "10.0.0.1", "down");
	assert_int_equal(route_tunnel_state(f->routes, 1u << 30, true, &f->err), -EINVAL);
}

static void
test_refusals(void **state)
{
	struct fixture *f = *state;
	struct route a = route("10.0.0.1/8", "g1", 5), b = a, bad = a;

	assert_int_equal(route_add(f->routes, &a, &f->err), 0);
	assert_int_equal(route_add(f->routes, &a, &f->err), -EEXIST);
	b.metric = 6;
	assert_int_equal(route_delete(f->routes, &b, &f->err), -ENOENT);
	assert_int_equal(route_add(f->routes, &b, &f->err), 0);
	assert_int_equal(route_delete(f->routes, &b, &f->err), 0);
	bad.table = 256;
	assert_int_equal(route_add(f->routes, &bad, &f->err), -EINVAL);
	bad = a;
	bad.prefix.length = 33;
	assert_int_equal(route_add(f->routes, &bad, &f->err), -EINVAL);
	bad = a;
	bad.addr.family = 0;
	assert_int_equal(route_add(f->routes, &bad, &f->err), -EINVAL);
	assert_int_equal(route_delete(f->routes, &a, &f->err), 0);
	assert_int_equal(route_delete(f->routes, &a, &f->err), -ENOENT);
	commit(f);
	assert_int_equal(nexthop_count(f->nexthops), 0);
}

/* The link is set before anybody can use the route. */
static void
test_neighbour_nexthop(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct fixture *f = *state;
	struct route gateway = route("0.0.0.0/0", "g7", 5);
	struct route host = route("192.0.2.7/32", "h", 0);
	uint32_t id;

	assert_int_equal(route_neighbour_nexthop(f->routes, 1, &gateway.addr), NEXTHOP_ID_NONE);
	assert_int_equal(route_add(f->routes, &gateway, &f->err), 0);
	id = route_neighbour_nexthop(f->routes, 1, &gateway.addr);
	assert_true(id >= NEXTHOP_ID_FIRST_FREE);
	nexthop_set_link(f->nexthops, id, mac, true);
	commit(f);
	assert_int_equal(route_add(f->routes, &host, &f->err), 0);
	commit(f);
	assert_int_equal(fib_lookup(f->fib, 0, &host.addr), id);
	assert_true(nexthop_entries(f->nexthops, 0)[id].link & NEXTHOP_LINK_REACHABLE);
	assert_int_equal(route_neighbour_nexthop(f->routes, 2, &gateway.addr), NEXTHOP_ID_NONE);
	assert_int_equal(route_delete(f->routes, &gateway, &f->err), 0);
	assert_int_equal(route_delete(f->routes, &host, &f->err), 0);
	commit(f);
	assert_int_equal(route_neighbour_nexthop(f->routes, 1, &host.addr), NEXTHOP_ID_NONE);
}

static void
test_many_equal(void **state)
{
	struct fixture *f = *state;
	char text[256];

	for (int i = 0; i < 2 * ECMP_MAX; i++) {
		struct route r = route("10.0.0.0/8", "t1", 5);

		r.tunnel = (uint32_t)(i * 7 % (2 * ECMP_MAX)) + 10;
		assert_int_equal(route_tunnel_state(f->routes, r.tunnel, true, &f->err), 0);
		assert_int_equal(route_add(f->routes, &r, &f->err), 0);
	}
	commit(f);
	assert_string_equal(leads_to(f, "10.0.0.1", text, sizeof(text)),
		"t10,t11,t12,t13,t14,t15,t16,t17,t18,t19,t20,t21,t22,t23,t24,t25");
}

static int
count_one(const struct route *route_, void *arg)
{
	(void)route_;
	return ++*(int *)arg == 7 ? 42 : 0;
}

/* A commit that fails changes nothing, and its changes can be taken back. */
static void
test_commit_fails(void **state)
{
	struct fixture *f = *state;
	struct route first = route("10.0.0.0/8", "g1", 5), other = route("10.0.0.0/8", "g2", 5);
	struct route r = route("20.0.0.0/32", "t1", 5);
	int seen = 0;

	assert_int_equal(route_add(f->routes, &first, &f->err), 0);
	commit(f);
	assert_int_equal(route_add(f->routes, &other, &f->err), 0);
	for (uint32_t i = 0; i < LIMIT; i++) {
		r.prefix.addr = ip_addr_v4(20u << 24 | i << 8);
		assert_int_equal(route_add(f->routes, &r, &f->err), 0);
	}
	assert_int_equal(route_walk(f->routes, count_one, &seen), 42);
	assert_int_equal(seen, 7);
	assert_int_equal(route_commit(f->routes, &f->err), -ENOSPC);
	expect(f, "10.0.0.1", "g1");
	expect(f, "20.0.0.0", "-");
	for (uint32_t i = 100; i < LIMIT; i++) {
		r.prefix.addr = ip_addr_v4(20u << 24 | i << 8);
		assert_int_equal(route_delete(f->routes, &r, &f->err), 0);
	}
	assert_int_equal(route_tunnel_state(f->routes, 1, true, &f->err), 0);
	commit(f);
	expect(f, "10.0.0.1", "g1,g2");
	expect(f, "20.0.0.0", "t1");
	expect(f, "20.0.99.0", "t1");
	expect(f, "20.0.100.0", "-");
	assert_int_equal(nexthop_count(f->nexthops), 4);
}

int
main(void)
{
#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		WITH_TABLE(test_rows),
		WITH_TABLE(test_tunnel_state),
		WITH_TABLE(test_refusals),
		WITH_TABLE(test_neighbour_nexthop),
		WITH_TABLE(test_many_equal),
		WITH_TABLE(test_commit_fails),
	};

	test_eal_init("route", 600);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
