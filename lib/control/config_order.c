/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_order.h"

#include <string.h>

#include "config.h"

static int
order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* The first order that is not "equal". */
#define FIRST_OF(a, b) ((a) != 0 ? (a) : (b))

static int
compare_tunnels(const void *a, const void *b)
{
	const struct config_tunnel *x = a, *y = b;

	return strcmp(x->tunnel.name, y->tunnel.name);
}

static int
compare_sas(const void *a, const void *b)
{
	const struct config_sa *x = a, *y = b;

	return FIRST_OF(order(x->sa.spi, y->sa.spi),
		FIRST_OF(order(x->sa.direction, y->sa.direction), order(x->tunnel, y->tunnel)));
}

static int
compare_routes(const void *a, const void *b)
{
	const struct config_route *x = a, *y = b;
	int prefix = FIRST_OF(order(x->table, y->table),
		FIRST_OF(order(x->prefix.length, y->prefix.length),
			ip_addr_compare(&x->prefix.addr, &y->prefix.addr)));
	int way = FIRST_OF(order(x->via, y->via), order(x->metric, y->metric));

	if (prefix != 0 || way != 0)
		return FIRST_OF(prefix, way);
	if (x->via == CONFIG_VIA_TUNNEL)
		return order(x->tunnel, y->tunnel);
	if (x->via == CONFIG_VIA_DISCARD)
		return 0;
	return FIRST_OF(order(x->port, y->port),
		x->via == CONFIG_VIA_ADDRESS ? ip_addr_compare(&x->addr, &y->addr) : 0);
}

static int
compare_neighbours(const void *a, const void *b)
{
	const struct config_neighbour *x = a, *y = b;

	return FIRST_OF(order(x->port, y->port), ip_addr_compare(&x->addr, &y->addr));
}

static int
compare_ranges(const struct ip_range *a, const struct ip_range *b)
{
	return FIRST_OF(ip_addr_compare(&a->first, &b->first), ip_addr_compare(&a->last, &b->last));
}

static int
compare_port_ranges(const struct port_range *a, const struct port_range *b)
{
	return FIRST_OF(order(a->first, b->first), order(a->last, b->last));
}

static int
compare_policies(const void *a, const void *b)
{
	const struct config_policy *x = a, *y = b;
	const struct selector *s = &x->selector, *t = &y->selector;
	int what = FIRST_OF(order(x->priority, y->priority),
		FIRST_OF(order(x->action, y->action),
			x->action == SPD_PROTECT ? order(x->tunnel, y->tunnel) : 0));
	int hosts = FIRST_OF(
		compare_ranges(&s->local, &t->local), compare_ranges(&s->remote, &t->remote));
	int ports = FIRST_OF(compare_port_ranges(&s->local_port, &t->local_port),
		compare_port_ranges(&s->remote_port, &t->remote_port));

	return FIRST_OF(
		what, FIRST_OF(order((uint64_t)(s->protocol + 1), (uint64_t)(t->protocol + 1)),
			      FIRST_OF(hosts, ports)));
}

static config_order_fn *const orders[CONFIG_KIND_COUNT] = {
	[CONFIG_KIND_NEIGHBOUR] = compare_neighbours,
	[CONFIG_KIND_TUNNEL] = compare_tunnels,
	[CONFIG_KIND_SA] = compare_sas,
	[CONFIG_KIND_ROUTE] = compare_routes,
	[CONFIG_KIND_POLICY] = compare_policies,
};

config_order_fn *
config_order(enum config_kind kind)
{
	return orders[kind];
}
