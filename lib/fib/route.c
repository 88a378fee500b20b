/* SPDX-License-Identifier: BSD-3-Clause */
#include "route.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { TUNNEL_INDEX_MAX = 1 << 20 };

#define BIT(by) ((uint8_t)(1u << (by)))

struct prefix;

struct route_entry {
	struct route route;
	uint8_t wanted_by; /* a bit for each enum route_by */
	uint32_t nexthop;  /* with a reference */
	struct prefix *prefix;
	LIST_ENTRY(route_entry) in_prefix; /* or in the table's `deleted` */
	LIST_ENTRY(route_entry) in_tunnel; /* ROUTE_VIA_TUNNEL */
};

LIST_HEAD(entry_list, route_entry);

/* All routes to one prefix of one table. */
struct prefix {
	uint16_t table;
	bool dirty;
	struct ip_prefix prefix;
	struct entry_list routes;
	uint32_t installed; /* what readers see; with a reference when it is a group */
	uint32_t wanted;    /* during a commit */
	LIST_ENTRY(prefix) in_dirty;
};

LIST_HEAD(prefix_list, prefix);

struct tunnel_routes {
	bool up;
	struct entry_list routes;
};

struct route_table {
	struct fib *fib;
	struct nexthop_table *nexthops;
	void *prefixes;                 /* tsearch tree of struct prefix */
	struct prefix_list dirty;       /* to be looked at by the next commit */
	struct entry_list deleted;      /* readers may use their next hops until the next commit */
	struct tunnel_routes **tunnels; /* by index; NULL: down and without routes */
	uint32_t n_tunnels;
	uint32_t n_routes;
	uint32_t installed[TABLES_MAX][2]; /* prefixes that readers see, of IPv4 and IPv6 */
};

static int
compare_prefixes(const void *one, const void *other)
{
	const struct prefix *a = one, *b = other;

	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->prefix.length != b->prefix.length)
		return (int)a->prefix.length - (int)b->prefix.length;
	return ip_addr_compare(&a->prefix.addr, &b->prefix.addr);
}

/* Better ones first, then an order that depends on nothing but the routes themselves. */
static int
compare_routes(const struct route *a, const struct route *b)
{
	bool discard_a = a->via == ROUTE_VIA_DISCARD, discard_b = b->via == ROUTE_VIA_DISCARD;

	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	if (discard_a != discard_b)
		return discard_a ? -1 : 1;
	if (a->via != b->via)
		return a->via < b->via ? -1 : 1;
	if (a->via == ROUTE_VIA_TUNNEL)
		return a->tunnel == b->tunnel ? 0 : a->tunnel < b->tunnel ? -1 : 1;
	if (a->via == ROUTE_VIA_DISCARD || a->via == ROUTE_VIA_LOCAL)
		return 0;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return a->via == ROUTE_VIA_PORT ? 0 : ip_addr_compare(&a->addr, &b->addr);
}

struct route_table *
route_table_create(struct fib *fib, struct nexthop_table *nexthops, struct error *err)
{
	struct route_table *t = calloc(1, sizeof(*t));

	if (!t) {
		error_set(err, -ENOMEM, "no memory for the route table");
		return NULL;
	}
	t->fib = fib;
	t->nexthops = nexthops;
	return t;
}

static void
free_prefix(void *node)
{
	struct prefix *p = node;
	struct route_entry *e;

	while ((e = LIST_FIRST(&p->routes))) {
		LIST_REMOVE(e, in_prefix);
		free(e);
	}
	free(p);
}

void
route_table_destroy(struct route_table *t)
{
	struct route_entry *e;

	if (!t)
		return;
	tdestroy(t->prefixes, free_prefix);
	while ((e = LIST_FIRST(&t->deleted))) {
		LIST_REMOVE(e, in_prefix);
		free(e);
	}
	for (uint32_t i = 0; i < t->n_tunnels; i++)
		free(t->tunnels[i]);
	free(t->tunnels);
	free(t);
}

static void
mark_dirty(struct route_table *t, struct prefix *p)
{
	if (p->dirty)
		return;
	p->dirty = true;
	LIST_INSERT_HEAD(&t->dirty, p, in_dirty);
}

static struct prefix *
find_prefix(const struct route_table *t, const struct route *route)
{
	struct prefix key = {.table = route->table, .prefix = ip_prefix_network(&route->prefix)};
	struct prefix **node = tfind(&key, &t->prefixes, compare_prefixes);

	return node ? *node : NULL;
}

static struct prefix *
get_prefix(struct route_table *t, const struct route *route)
{
	struct prefix *p = find_prefix(t, route);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->table = route->table;
	p->prefix = ip_prefix_network(&route->prefix);
	if (!tsearch(p, &t->prefixes, compare_prefixes)) {
		free(p);
		return NULL;
	}
	return p;
}

static struct route_entry *
find_route(const struct prefix *p, const struct route *route)
{
	struct route_entry *e;

	LIST_FOREACH (e, &p->routes, in_prefix) {
		if (compare_routes(&e->route, route) == 0)
			return e;
	}
	return NULL;
}

static struct tunnel_routes *
get_tunnel(struct route_table *t, uint32_t tunnel)
{
	if (tunnel >= t->n_tunnels) {
		uint32_t n = tunnel + 64;
		struct tunnel_routes **more = realloc(t->tunnels, n * sizeof(*more));

		if (!more)
			return NULL;
		memset(more + t->n_tunnels, 0, (n - t->n_tunnels) * sizeof(*more));
		t->tunnels = more;
		t->n_tunnels = n;
	}
	if (!t->tunnels[tunnel])
		t->tunnels[tunnel] = calloc(1, sizeof(*t->tunnels[tunnel]));
	return t->tunnels[tunnel];
}

static bool
tunnel_up(const struct route_table *t, uint32_t tunnel)
{
	return tunnel < t->n_tunnels && t->tunnels[tunnel] && t->tunnels[tunnel]->up;
}

/* The next hop that a route stands for. */
static struct nexthop
nexthop_of(const struct route *r)
{
	static const uint8_t types[] = {
		[ROUTE_VIA_ADDRESS] = NEXTHOP_NEIGHBOUR,
		[ROUTE_VIA_TUNNEL] = NEXTHOP_TUNNEL,
		[ROUTE_VIA_PORT] = NEXTHOP_CONNECTED,
		[ROUTE_VIA_DISCARD] = NEXTHOP_DISCARD,
		[ROUTE_VIA_LOCAL] = NEXTHOP_LOCAL,
		[ROUTE_VIA_NEIGHBOUR] = NEXTHOP_NEIGHBOUR,
	};

	return (struct nexthop){
		.type = types[r->via], .port = r->port, .tunnel = r->tunnel, .addr = r->addr};
}

static int
validate(const struct route *r, struct error *err)
{
	uint8_t family = r->prefix.addr.family;
	bool has_addr = r->via == ROUTE_VIA_ADDRESS || r->via == ROUTE_VIA_NEIGHBOUR;

	if (family != 4 && family != 6)
		return error_set(err, -EINVAL, "a route needs a prefix");
	if (r->prefix.length > ip_addr_bits(&r->prefix.addr))
		return error_set(err, -EINVAL, "a prefix length of %u is above %u",
			r->prefix.length, ip_addr_bits(&r->prefix.addr));
	if (r->table >= TABLES_MAX)
		return error_set(err, -EINVAL, "there is no table %u: the highest is %u", r->table,
			TABLES_MAX - 1);
	if (has_addr && r->addr.family != 4 && r->addr.family != 6)
		return error_set(err, -EINVAL, "a route via a gateway needs the gateway's address");
	if (r->via == ROUTE_VIA_TUNNEL && r->tunnel >= TUNNEL_INDEX_MAX)
		return error_set(err, -EINVAL, "there is no tunnel of index %u", r->tunnel);
	return 0;
}

static int
no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "no memory for a route");
}

/* A prefix without routes that no reader sees and no commit waits for. */
static void
forget_if_empty(struct route_table *t, struct prefix *p)
{
	if (p->dirty || p->installed != NEXTHOP_ID_NONE || !LIST_EMPTY(&p->routes))
		return;
	tdelete(p, &t->prefixes, compare_prefixes);
	free(p);
}

int
route_add(struct route_table *t, const struct route *route, struct error *err)
{
	struct tunnel_routes *tunnel = NULL;
	struct nexthop like = nexthop_of(route);
	char text[IP_PREFIX_STRLEN];
	struct route_entry *e;
	int ret = validate(route, err);

	if (ret != 0)
		return ret;
	struct prefix *p = get_prefix(t, route);
	if (!p)
		return no_memory(err);
	e = find_route(p, route);
	if (e && (e->wanted_by & BIT(route->by)))
		return error_set(err, -EEXIST, "table %u has this route to %s already",
			route->table, ip_prefix_format(&p->prefix, text));
	if (e) {
		e->wanted_by |= BIT(route->by);
		return 0;
	}
	e = calloc(1, sizeof(*e));
	if (route->via == ROUTE_VIA_TUNNEL)
		tunnel = get_tunnel(t, route->tunnel);
	if (!e || (route->via == ROUTE_VIA_TUNNEL && !tunnel)) {
		free(e);
		forget_if_empty(t, p);
		return no_memory(err);
	}
	ret = nexthop_get(t->nexthops, &like, &e->nexthop, err);
	if (ret != 0) {
		free(e);
		forget_if_empty(t, p);
		return ret;
	}
	e->route = *route;
	e->route.prefix = p->prefix;
	e->wanted_by = BIT(route->by);
	e->prefix = p;
	LIST_INSERT_HEAD(&p->routes, e, in_prefix);
	t->n_routes++;
	if (tunnel)
		LIST_INSERT_HEAD(&tunnel->routes, e, in_tunnel);
	mark_dirty(t, p);
	return 0;
}

int
route_delete(struct route_table *t, const struct route *route, struct error *err)
{
	struct prefix *p = find_prefix(t, route);
	struct route_entry *e = p ? find_route(p, route) : NULL;
	char text[IP_PREFIX_STRLEN];

	if (!e || !(e->wanted_by & BIT(route->by)))
		return error_set(err, -ENOENT, "table %u has no such route to %s", route->table,
			ip_prefix_format(&route->prefix, text));
	e->wanted_by &= (uint8_t)~BIT(route->by);
	if (e->wanted_by)
		return 0;
	LIST_REMOVE(e, in_prefix);
	if (e->route.via == ROUTE_VIA_TUNNEL)
		LIST_REMOVE(e, in_tunnel);
	LIST_INSERT_HEAD(&t->deleted, e, in_prefix);
	t->n_routes--;
	mark_dirty(t, p);
	return 0;
}

int
route_tunnel_state(struct route_table *t, uint32_t tunnel, bool up, struct error *err)
{
	struct tunnel_routes *routes;
	struct route_entry *e;

	if (tunnel >= TUNNEL_INDEX_MAX)
		return error_set(err, -EINVAL, "there is no tunnel of index %u", tunnel);
	routes = get_tunnel(t, tunnel);
	if (!routes)
		return no_memory(err);
	if (routes->up == up)
		return 0;
	routes->up = up;
	LIST_FOREACH (e, &routes->routes, in_tunnel)
		mark_dirty(t, e->prefix);
	return 0;
}

/* The best routes of a prefix, in order. */
struct choice {
	uint8_t n;
	const struct route_entry *best[ECMP_MAX];
};

static void
consider(struct choice *c, const struct route_entry *e)
{
	uint8_t i;

	if (c->n > 0 && e->route.metric > c->best[0]->route.metric)
		return;
	if (c->n > 0 && e->route.metric < c->best[0]->route.metric)
		c->n = 0;
	for (i = 0; i < c->n; i++) {
		if (compare_routes(&e->route, &c->best[i]->route) < 0)
			break;
	}
	if (i == ECMP_MAX)
		return;
	if (c->n < ECMP_MAX)
		c->n++;
	memmove(&c->best[i + 1], &c->best[i], (c->n - 1u - i) * sizeof(c->best[0]));
	c->best[i] = e;
}

static bool
all_on_link(const struct choice *c)
{
	for (uint8_t i = 0; i < c->n; i++) {
		if (c->best[i]->route.via != ROUTE_VIA_PORT)
			return false;
	}
	return true;
}

/* One next hop for the choice; a group comes with a reference. */
static int
to_nexthop(struct route_table *t, const struct choice *c, uint32_t *id, struct error *err)
{
	uint32_t members[ECMP_MAX];
	struct nexthop group = {.type = NEXTHOP_GROUP, .n_members = c->n, .members = members};

	*id = NEXTHOP_ID_NONE;
	if (c->n == 0)
		return 0;
	*id = c->best[0]->nexthop;
	if (c->n == 1 || c->best[0]->route.via == ROUTE_VIA_DISCARD)
		return 0;
	for (uint8_t i = 0; i < c->n; i++)
		members[i] = c->best[i]->nexthop;
	return nexthop_get(t->nexthops, &group, id, err);
}

/* What a prefix shall lead to, as route.h says. */
static int
choose(struct route_table *t, const struct prefix *p, uint32_t *id, struct error *err)
{
	struct choice ways = {0}, hosts = {0};
	const struct route_entry *e;
	bool down = false;

	LIST_FOREACH (e, &p->routes, in_prefix) {
		if (e->route.via == ROUTE_VIA_LOCAL) {
			*id = NEXTHOP_ID_LOCAL;
			return 0;
		}
		if (e->route.via == ROUTE_VIA_NEIGHBOUR)
			consider(&hosts, e);
		else if (e->route.via == ROUTE_VIA_TUNNEL && !tunnel_up(t, e->route.tunnel))
			down = true;
		else
			consider(&ways, e);
	}
	if (ways.n == 0 && down) {
		*id = NEXTHOP_ID_DOWN;
		return 0;
	}
	return to_nexthop(t, hosts.n > 0 && all_on_link(&ways) ? &hosts : &ways, id, err);
}

/* The ways to a prefix but for hosts that were resolved on its link. */
static struct choice
ways_of(const struct route_table *t, const struct prefix *p)
{
	struct choice ways = {0};
	const struct route_entry *e;

	LIST_FOREACH (e, &p->routes, in_prefix) {
		if (e->route.via != ROUTE_VIA_NEIGHBOUR &&
			(e->route.via != ROUTE_VIA_TUNNEL || tunnel_up(t, e->route.tunnel)))
			consider(&ways, e);
	}
	return ways;
}

/* Whether a prefix has routes other than those of resolved hosts, whatever their state. */
static bool
has_ways(const struct prefix *p)
{
	const struct route_entry *e;

	LIST_FOREACH (e, &p->routes, in_prefix) {
		if (e->route.via != ROUTE_VIA_NEIGHBOUR)
			return true;
	}
	return false;
}

static bool
leads_to_link(const struct choice *ways, uint16_t port)
{
	for (uint8_t i = 0; all_on_link(ways) && i < ways->n; i++) {
		if (ways->best[i]->route.port == port)
			return true;
	}
	return false;
}

/* The longest prefix that holds addr and has such routes; NULL: none. */
static const struct prefix *
longest(const struct route_table *t, uint16_t table, const struct ip_addr *addr)
{
	struct route key = {.table = table, .prefix = {*addr, ip_addr_bits(addr)}};

	for (int length = key.prefix.length; length >= 0; length--) {
		const struct prefix *p;

		key.prefix.length = (uint8_t)length;
		p = find_prefix(t, &key);
		if (p && has_ways(p))
			return p;
	}
	return NULL;
}

bool
route_is_on_link(
	const struct route_table *t, uint16_t table, uint16_t port, const struct ip_addr *addr)
{
	const struct prefix *p = longest(t, table, addr);
	struct choice ways;

	if (!p)
		return false;
	ways = ways_of(t, p);
	return leads_to_link(&ways, port);
}

void
route_down_tunnels(const struct route_table *t, uint16_t table, const struct ip_addr *addr,
	void (*fn)(const struct route *route, void *arg), void *arg)
{
	const struct prefix *p = longest(t, table, addr);
	const struct route_entry *e;
	uint32_t best = UINT32_MAX;

	if (!p)
		return;
	LIST_FOREACH (e, &p->routes, in_prefix) {
		if (e->route.via == ROUTE_VIA_TUNNEL && e->route.metric < best)
			best = e->route.metric;
	}
	LIST_FOREACH (e, &p->routes, in_prefix) {
		if (e->route.via == ROUTE_VIA_TUNNEL && e->route.metric == best &&
			!tunnel_up(t, e->route.tunnel))
			fn(&e->route, arg);
	}
}

uint32_t
route_tunnel_count(const struct route_table *t, uint32_t tunnel, enum route_by by)
{
	const struct route_entry *e;
	uint32_t n = 0;

	if (tunnel >= t->n_tunnels || !t->tunnels[tunnel])
		return 0;
	LIST_FOREACH (e, &t->tunnels[tunnel]->routes, in_tunnel)
		n += (e->wanted_by & BIT(by)) != 0;
	return n;
}

/* Groups are held by the prefixes, all else by the routes. */
static void
put_if_group(struct route_table *t, uint32_t id)
{
	if (nexthop_entries(t->nexthops, 0)[id].type == NEXTHOP_GROUP)
		nexthop_put(t->nexthops, id);
}

static int
note_change(struct route_table *t, struct prefix *p, struct error *err)
{
	int ret = choose(t, p, &p->wanted, err);

	if (ret != 0) {
		p->wanted = NEXTHOP_ID_NONE;
		return ret;
	}
	if (p->wanted == p->installed)
		return 0;
	if (p->wanted == NEXTHOP_ID_NONE)
		return fib_unset(t->fib, p->table, &p->prefix, err);
	return fib_set(t->fib, p->table, &p->prefix, p->wanted, err);
}

static void
abandon(struct route_table *t)
{
	struct prefix *p;

	fib_rollback(t->fib);
	LIST_FOREACH (p, &t->dirty, in_dirty) {
		put_if_group(t, p->wanted);
		p->wanted = NEXTHOP_ID_NONE;
	}
}

static uint32_t *
installed_of(struct route_table *t, const struct prefix *p)
{
	return &t->installed[p->table][p->prefix.addr.family == 6];
}

/* No reader uses the old next hops of the dirty prefixes any more. */
static void
settle(struct route_table *t)
{
	struct prefix *p;
	struct route_entry *e;

	while ((p = LIST_FIRST(&t->dirty))) {
		LIST_REMOVE(p, in_dirty);
		p->dirty = false;
		put_if_group(t, p->installed);
		*installed_of(t, p) += p->wanted != NEXTHOP_ID_NONE;
		*installed_of(t, p) -= p->installed != NEXTHOP_ID_NONE;
		p->installed = p->wanted;
		p->wanted = NEXTHOP_ID_NONE;
		forget_if_empty(t, p);
	}
	while ((e = LIST_FIRST(&t->deleted))) {
		LIST_REMOVE(e, in_prefix);
		nexthop_put(t->nexthops, e->nexthop);
		free(e);
	}
	nexthop_reclaim(t->nexthops, false);
}

int
route_commit(struct route_table *t, struct error *err)
{
	struct prefix *p;
	int ret = 0;

	LIST_FOREACH (p, &t->dirty, in_dirty) {
		ret = note_change(t, p, err);
		if (ret != 0)
			break;
	}
	if (ret == 0)
		ret = fib_commit(t->fib, err);
	if (ret == 0)
		settle(t);
	else
		abandon(t);
	return ret;
}

uint32_t
route_count(const struct route_table *t)
{
	return t->n_routes;
}

uint32_t
route_prefixes(const struct route_table *t, uint16_t table, uint8_t family)
{
	return t->installed[table][family == 6];
}

struct walk {
	int (*fn)(const struct route *route, void *arg);
	void *arg;
	int result;
};

static void
walk_prefix(const void *node, VISIT visit, void *closure)
{
	const struct prefix *p = *(struct prefix *const *)node;
	struct walk *walk = closure;
	const struct route_entry *e;

	if (visit != postorder && visit != leaf)
		return;
	LIST_FOREACH (e, &p->routes, in_prefix) {
		for (uint8_t by = ROUTE_BY_GATEWAY; by <= ROUTE_BY_CONFIG; by++) {
			struct route route = e->route;

			if (walk->result != 0)
				return;
			route.by = by;
			if (e->wanted_by & BIT(by))
				walk->result = walk->fn(&route, walk->arg);
		}
	}
}

int
route_walk(const struct route_table *t, int (*fn)(const struct route *route, void *arg), void *arg)
{
	struct walk walk = {.fn = fn, .arg = arg};

	twalk_r(t->prefixes, walk_prefix, &walk);
	return walk.result;
}

uint32_t
route_neighbour_nexthop(const struct route_table *t, uint16_t port, const struct ip_addr *addr)
{
	return nexthop_find(t->nexthops,
		&(struct nexthop){.type = NEXTHOP_NEIGHBOUR, .port = port, .addr = *addr});
}
