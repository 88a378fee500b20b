/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ROUTE_FIXTURE_H
#define ROUTE_FIXTURE_H

/* A route table with all that it needs, and routes in words. */

#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>

#include "../eal.h"
#include "../unit.h"
#include "route.h"

struct fixture {
	struct rte_rcu_qsbr *qsbr;
	struct fib *fib;
	struct nexthop_table *nexthops;
	struct route_table *routes;
	struct error err;
};

enum { LIMIT = 25000 };

static inline int
setup(void **state)
{
	static struct fixture f;
	struct fib_limits limits = {.routes4 = LIMIT, .routes6 = 100};

	f.qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE);
	assert_int_equal(rte_rcu_qsbr_init(f.qsbr, 1), 0);
	f.fib = fib_create(&limits, f.qsbr, &test_one_node, &f.err);
	f.nexthops = nexthop_table_create(1000, f.qsbr, &test_one_node, &f.err);
	f.routes = route_table_create(f.fib, f.nexthops, &f.err);
	assert_true(f.fib && f.nexthops && f.routes);
	*state = &f;
	return 0;
}

static inline int
teardown(void **state)
{
	struct fixture *f = *state;

	route_table_destroy(f->routes);
	nexthop_table_destroy(f->nexthops);
	fib_destroy(f->fib);
	rte_free(f->qsbr);
	return 0;
}

/* "t3" tunnel 3, "p1" port 1, "g7" gateway 192.0.2.7 on port 1, "h" the prefix' own host on port 1
 * as a neighbour, "d" discard, "l" local. */
static inline struct route
route(const char *prefix, const char *via, uint32_t metric)
{
	struct route r = {.metric = metric};
	uint32_t number = via[1] ? (uint32_t)(via[1] - '0') : 0;

	assert_int_equal(ip_prefix_parse(prefix, &r.prefix), 0);
	r.port = 1;
	switch (via[0]) {
	case 't':
		r.via = ROUTE_VIA_TUNNEL;
		r.tunnel = number;
		break;
	case 'p':
		r.via = ROUTE_VIA_PORT;
		r.port = (uint16_t)number;
		break;
	case 'g':
		r.via = ROUTE_VIA_ADDRESS;
		r.addr = ip_addr_v4(0xc0000200 + number);
		break;
	case 'h':
		r.via = ROUTE_VIA_NEIGHBOUR;
		r.addr = r.prefix.addr;
		break;
	case 'd':
		r.via = ROUTE_VIA_DISCARD;
		break;
	default:
		r.via = ROUTE_VIA_LOCAL;
	}
	return r;
}

static inline size_t
parse_routes(const char *text, struct route *out)
{
	char copy[256], *rest = copy, *word;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, "|")) && *word) {
		char prefix[64], via[8];
		unsigned int metric;

		assert_int_equal(sscanf(word, "%63s %7s %u", prefix, via, &metric), 3);
		out[n++] = route(prefix, via, metric);
	}
	return n;
}

static inline void
commit(struct fixture *f)
{
	if (route_commit(f->routes, &f->err) != 0)
		fail_msg("commit: %s", f->err.text);
}

static inline void
tunnels_up(struct fixture *f)
{
	for (uint32_t i = 1; i <= 4; i++)
		assert_int_equal(route_tunnel_state(f->routes, i, true, &f->err), 0);
}

#endif
