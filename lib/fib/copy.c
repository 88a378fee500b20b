/* SPDX-License-Identifier: BSD-3-Clause */
#include "copy.h"

#include <errno.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_mempool.h>
#include <rte_rib.h>
#include <rte_rib6.h>

enum {
	TBL24_BYTES = (1 << 24) * sizeof(uint32_t),
	TBL8_BYTES = 256 * sizeof(uint32_t),
	/* the nodes of rte_rib and rte_rib6, which are private to them: 48 and 56 bytes in 22.11 */
	RIB_NODE_BYTES = 64,
};

/*
 * Groups of 256 entries for what is longer than 24 bits.
 *
 * IPv4: a /24 with anything longer in it takes one. A few thousand routes may each be alone in
 * their /24; of many routes most are /24 and shorter, and one in eight is provided for.
 * IPv6: a prefix takes one for each 8 bits beyond 24, so a /48 takes 3 and a host route 13, but
 * neighbouring prefixes share them: the internet's table needs about one a route, host routes with
 * random interface identifiers in one /64 need 8 each. Two a route are provided for, and enough for
 * a thousand such hosts. A table that needs more is told to raise the limit.
 */
static uint32_t
tbl8_count(uint8_t family, uint32_t routes)
{
	uint64_t worst = family == 4 ? routes : 13ull * routes;
	uint64_t usual = family == 4 ? 4096 + (uint64_t)routes / 8 : 8192 + 2ull * routes;

	/* rte_fib uses whole slabs of 64 only */
	return (uint32_t)RTE_ALIGN_CEIL(RTE_MIN(worst, usual) + 1, 64);
}

/* A route may need an inner node beside its own. */
static int
rib_routes(uint32_t routes)
{
	return (int)RTE_MIN(routes + 16u, (uint32_t)INT32_MAX / 2);
}

/*
 * Both data planes begin with the number of tbl8 groups there are and the number thought to be
 * reserved. That reservation drifts in 22.11 (a route with its parent's next hop is given back
 * without having been counted; rte_fib6 counts 13 for a host route whatever it shares, and never
 * gives back), until every longer prefix is refused. It is only a forecast: the allocation itself
 * reports when there is no group left. So it is set to 0 before each change. fib_copy_create has
 * checked that the words are where they are expected.
 */
struct reservation {
	uint32_t groups, reserved;
};

static struct reservation *
reservation_of(uint8_t family, void *copy)
{
	return family == 4 ? rte_fib_get_dp(copy) : rte_fib6_get_dp(copy);
}

static void *
create4(const char *name, uint32_t routes, int socket)
{
	struct rte_fib_conf conf = {
		.type = RTE_FIB_DIR24_8,
		.max_routes = rib_routes(routes),
		.dir24_8 = {.nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = tbl8_count(4, routes)},
	};

	return rte_fib_create(name, socket, &conf);
}

static void *
create6(const char *name, uint32_t routes, int socket)
{
	struct rte_fib6_conf conf = {
		.type = RTE_FIB6_TRIE,
		.max_routes = rib_routes(routes),
		.trie = {.nh_sz = RTE_FIB6_TRIE_4B, .num_tbl8 = tbl8_count(6, routes)},
	};

	return rte_fib6_create(name, socket, &conf);
}

void *
fib_copy_create(const char *name, uint8_t family, uint32_t routes, int socket)
{
	void *copy = family == 4 ? create4(name, routes, socket) : create6(name, routes, socket);

	if (!copy)
		return NULL;
	struct reservation *r = reservation_of(family, copy);
	if (r->groups != tbl8_count(family, routes) || r->reserved != 0) {
		fib_copy_destroy(family, copy);
		rte_errno = ENOTSUP;
		return NULL;
	}
	return copy;
}

void
fib_copy_destroy(uint8_t family, void *copy)
{
	if (family == 4)
		rte_fib_free(copy);
	else
		rte_fib6_free(copy);
}

/* Whether the prefix is in the table, and its next hop. */
static bool
get(void *copy, const struct ip_prefix *prefix, uint32_t *nexthop)
{
	uint64_t found = 0;
	bool there;

	if (prefix->addr.family == 4) {
		struct rte_rib_node *node = rte_rib_lookup_exact(
			rte_fib_get_rib(copy), ip_addr_to_v4(&prefix->addr), prefix->length);

		there = node && rte_rib_get_nh(node, &found) == 0;
	} else {
		struct rte_rib6_node *node = rte_rib6_lookup_exact(
			rte_fib6_get_rib(copy), prefix->addr.bytes, prefix->length);

		there = node && rte_rib6_get_nh(node, &found) == 0;
	}
	*nexthop = (uint32_t)found;
	return there;
}

static int
add_route(void *copy, const struct ip_prefix *prefix, uint32_t nexthop)
{
	uint8_t family = prefix->addr.family;
	uint32_t now;
	int ret;

	reservation_of(family, copy)->reserved = 0;
	if (family == 4)
		ret = rte_fib_add(copy, ip_addr_to_v4(&prefix->addr), prefix->length, nexthop);
	else
		ret = rte_fib6_add(copy, prefix->addr.bytes, prefix->length, nexthop);
	if (ret == -ENOMEM) /* no rib node: as many routes as were asked for */
		return -ENOSPC;
	/* 22.11 reports success when an update found no group; its rib tells the truth */
	if (ret == 0 && (!get(copy, prefix, &now) || now != nexthop))
		return -ENOSPC;
	return ret;
}

static int
remove_route(void *copy, const struct ip_prefix *prefix)
{
	if (prefix->addr.family == 4)
		return rte_fib_delete(copy, ip_addr_to_v4(&prefix->addr), prefix->length);
	return rte_fib6_delete(copy, prefix->addr.bytes, prefix->length);
}

/* Prefixes that end at the last address, taken out for a moment; the longest first. */
struct top {
	uint8_t n;
	struct ip_prefix prefixes[128];
	uint32_t nexthops[128];
};

static bool
ends_at_top(const struct ip_prefix *prefix)
{
	struct ip_addr last = ip_prefix_range(prefix).last;

	for (unsigned int i = 0; i < ip_addr_bits(&last) / 8u; i++) {
		if (last.bytes[i] != 0xff)
			return false;
	}
	return true;
}

/*
 * rte_fib walks over the more specific prefixes in the range of the one that changes. When one of
 * them ends at the last address of all, and another stands right before it, 22.11's position wraps
 * to 0 and the whole table is overwritten: 0.0.0.0/1 and 128.0.0.0/1 are lost when the default
 * route changes. So those that end there stand aside meanwhile. Nobody reads this copy.
 */
static int
take_top(void *copy, const struct ip_prefix *changing, struct top *top)
{
	struct ip_prefix p = {ip_prefix_range(changing).last, ip_addr_bits(&changing->addr)};
	int ret = 0;

	for (top->n = 0; p.length > changing->length && ret == 0; p.length--) {
		struct ip_prefix network = ip_prefix_network(&p);

		if (!get(copy, &network, &top->nexthops[top->n]))
			continue;
		top->prefixes[top->n++] = network;
		ret = remove_route(copy, &network);
	}
	return ret;
}

static int
put_top(void *copy, const struct top *top)
{
	int ret = 0;

	for (uint8_t i = top->n; i > 0 && ret == 0; i--)
		ret = add_route(copy, &top->prefixes[i - 1], top->nexthops[i - 1]);
	return ret;
}

int
fib_copy_set(void *copy, const struct ip_prefix *prefix, uint32_t nexthop)
{
	struct top top;
	int ret;

	if (!ends_at_top(prefix))
		return add_route(copy, prefix, nexthop);
	ret = take_top(copy, prefix, &top);
	if (ret == 0)
		ret = add_route(copy, prefix, nexthop);
	return ret == 0 ? put_top(copy, &top) : ret;
}

int
fib_copy_unset(void *copy, const struct ip_prefix *prefix)
{
	struct top top;
	int ret;

	if (!ends_at_top(prefix))
		return remove_route(copy, prefix);
	ret = take_top(copy, prefix, &top);
	if (ret == 0)
		ret = remove_route(copy, prefix);
	return ret == 0 ? put_top(copy, &top) : ret;
}

static int
fill4(void *to, struct rte_rib *rib)
{
	struct rte_rib_node *node = rte_rib_lookup_exact(rib, 0, 0); /* get_nxt leaves it out */
	struct ip_prefix prefix = {0};
	uint64_t nexthop;
	uint32_t ip;
	int ret = 0;

	if (!node)
		node = rte_rib_get_nxt(rib, 0, 0, NULL, RTE_RIB_GET_NXT_ALL);
	while (node && ret == 0) {
		rte_rib_get_ip(node, &ip);
		rte_rib_get_depth(node, &prefix.length);
		rte_rib_get_nh(node, &nexthop);
		prefix.addr = ip_addr_v4(ip);
		ret = fib_copy_set(to, &prefix, (uint32_t)nexthop);
		node = rte_rib_get_nxt(rib, 0, 0, prefix.length ? node : NULL, RTE_RIB_GET_NXT_ALL);
	}
	return ret;
}

static int
fill6(void *to, struct rte_rib6 *rib)
{
	static const uint8_t any[16];
	struct rte_rib6_node *node = rte_rib6_lookup_exact(rib, any, 0);
	struct ip_prefix prefix = {.addr.family = 6};
	uint64_t nexthop;
	int ret = 0;

	if (!node)
		node = rte_rib6_get_nxt(rib, any, 0, NULL, RTE_RIB6_GET_NXT_ALL);
	while (node && ret == 0) {
		rte_rib6_get_ip(node, prefix.addr.bytes);
		rte_rib6_get_depth(node, &prefix.length);
		rte_rib6_get_nh(node, &nexthop);
		ret = fib_copy_set(to, &prefix, (uint32_t)nexthop);
		node = rte_rib6_get_nxt(
			rib, any, 0, prefix.length ? node : NULL, RTE_RIB6_GET_NXT_ALL);
	}
	return ret;
}

int
fib_copy_fill(uint8_t family, void *to, void *from)
{
	return family == 4 ? fill4(to, rte_fib_get_rib(from)) : fill6(to, rte_fib6_get_rib(from));
}

uint64_t
fib_copy_bytes(uint8_t family, uint32_t routes)
{
	uint64_t nodes = 2ull * (uint32_t)rib_routes(routes);
	uint64_t ring = rte_align64pow2(nodes + 1) * sizeof(void *);
	uint64_t pool = nodes * rte_mempool_calc_obj_size(RIB_NODE_BYTES, 0, NULL);
	uint64_t tbl8 = TBL8_BYTES + (family == 4 ? 0 : sizeof(uint32_t));

	/* a pool is made of chunks that do not fill their pages */
	return TBL24_BYTES + tbl8_count(family, routes) * tbl8 + pool + pool / 16 + ring +
	       (256 << 10);
}
