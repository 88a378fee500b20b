/* SPDX-License-Identifier: BSD-3-Clause */

/* A gateway as text. What has no order is sorted; what stands for something (an index of a next
 * hop) is followed to what it stands for. */

#include <stdlib.h>

#include <rte_hash.h>
#include <rte_malloc.h>

#include "changing.h"
#include "gateway_objects.h"

struct dump {
	struct stage_fixture *f;
	struct gateway *g;
	FILE *out;
};

/* Stands for bytes that are compared and nothing else (FNV-1a). */
static uint32_t
sum_of(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint32_t sum = 2166136261u;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ at[i]) * 16777619u;
	return sum;
}

/* --- SAs */

static void
dump_sa(const struct dump *d, const struct gateway_sa *s)
{
	const struct sa *sa = s->sa;
	const struct sa_hot *hot = &sa->hot;
	char to[IP_ADDR_STRLEN];
	bool found = sa_store_find(&d->g->sas, s->direction, s->spi, &s->to) == s;
	bool in_sad =
		sad_lookup(d->g->tables.sad, sa->spi_be, sa->local.family, sa->local.bytes) == sa;

	fprintf(d->out,
		"sa %u: spi %x dir %d to %s tunnel %u owner %u own %d; found %d in SAD %d live %d "
		"over %d; seq %lu limit %lu packets %lu bytes %lu top %lu icv %lu; soft %lu %lu "
		"%lu "
		"hard %lu %lu %lu, %lu %lu; expires %lu %lu told %d; fingerprint %x\n",
		(uint32_t)(s - d->g->sas.places), s->spi, s->direction, ip_addr_format(&s->to, to),
		s->tunnel, sa->owner, s->has_owner, found, in_sad, s->live, s->over, hot->seq_next,
		hot->seq_limit, hot->traffic.packets, hot->traffic.bytes, hot->window.top,
		hot->errors_icv, sa->soft.seconds, sa->soft.packets, sa->soft.bytes,
		s->hard.seconds, s->hard.packets, s->hard.bytes, hot->hard_packets, hot->hard_bytes,
		s->expires_ms, s->soft_ms, sa->soft_told,
		sum_of(&s->fingerprint, sizeof(s->fingerprint)));
}

static void
dump_sas(const struct dump *d)
{
	const struct sa_store *s = &d->g->sas;
	const struct gateway_sa *place;
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->used; i++)
		if (s->places[i].sa)
			dump_sa(d, &s->places[i]);
	LIST_FOREACH (place, &s->free, link)
		n++;
	fprintf(d->out, "sas: %u, in the SAD %u, places that are taken %u\n", s->count,
		sad_count(d->g->sad), s->used - n);
	fprintf(d->out, "names: %d, keys %d\n", rte_hash_count(s->by_name),
		rte_hash_count(s->by_fingerprint));
}

/* --- tunnels */

static void
dump_list(const struct dump *d, const char *what, const struct gateway_sa_list *list)
{
	const struct gateway_sa *s;

	fprintf(d->out, " %s", what);
	LIST_FOREACH (s, list, link)
		fprintf(d->out, " %x", s->spi);
}

static void
dump_tunnel(const struct dump *d, const struct tunnel *t)
{
	const struct gateway_tunnel *own = &d->g->by_tunnel[t->index];
	const struct nexthop *nh = &d->g->tables.nexthops[t->outer_nexthop];
	struct tunnel_config config = t->config;
	struct counter out, in;

	config.selectors = NULL;
	tunnel_total(d->g, t, &out, &in);
	fprintf(d->out,
		"tunnel %u %s: gen %u config %x selectors %x up %d loop %d receives %d mtu %u %u "
		"way %u %u; out %lu %lu in %lu %lu;",
		t->index, t->config.name, t->generation, sum_of(&config, sizeof(config)),
		t->n_selectors ? sum_of(t->selectors, t->n_selectors * sizeof(*t->selectors)) : 0,
		t->up, t->loop, t->receives, t->mtu, t->outer_mtu, nh->type, nh->port, out.packets,
		out.bytes, in.packets, in.bytes);
	fprintf(d->out, " named %d coming %u next %d leaving %d moving %d reassign %d own %u;",
		tunnel_table_find(d->g->tables.tunnels, t->config.name) == t, own->n_coming,
		own->successor != NULL, own->leaving, own->moving, own->reassign, own->n_owned);
	dump_list(d, "out", &own->out);
	dump_list(d, "in", &own->in);
	fprintf(d->out, "; used");
	for (uint16_t w = 0; w < d->g->n_workers; w++)
		fprintf(d->out, " %x",
			t->workers[w].sa_out ? rte_be_to_cpu_32(t->workers[w].sa_out->spi_be) : 0);
	fprintf(d->out, "\n");
}

static void
dump_tunnels(const struct dump *d)
{
	uint32_t udp = 0;

	for (uint32_t i = 0; i < d->g->tables.tunnels->capacity; i++)
		if (d->g->tables.tunnels->tunnels[i])
			dump_tunnel(d, d->g->tables.tunnels->tunnels[i]);
	for (uint32_t port = 0; port < 65536; port++) {
		if (!d->g->udp_port_users[port] &&
			!(d->g->tables.udp_ports[port / 64] >> (port % 64) & 1))
			continue;
		udp++;
		fprintf(d->out, "udp port %u: %u, %lu\n", port, d->g->udp_port_users[port],
			d->g->tables.udp_ports[port / 64] >> (port % 64) & 1);
	}
	fprintf(d->out, "tunnels: %u, udp ports %u\n", d->g->n_tunnels, udp);
}

/* --- routes */

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
dump_nexthop(const struct dump *d, FILE *out, uint32_t id)
{
	const struct nexthop *nh = &d->g->tables.nexthops[id];
	char text[IP_ADDR_STRLEN];

	if (nh->type == NEXTHOP_GROUP) {
		for (uint8_t i = 0; i < nh->n_members; i++)
			dump_nexthop(d, out, nh->members[i]);
		return;
	}
	fprintf(out, " (%u", nh->type);
	if (nh->type == NEXTHOP_TUNNEL)
		fprintf(out, " tunnel %u", nh->tunnel);
	if (nh->type == NEXTHOP_CONNECTED || nh->type == NEXTHOP_NEIGHBOUR)
		fprintf(out, " port %u", nh->port);
	if (nh->type == NEXTHOP_NEIGHBOUR)
		fprintf(out, " %s at %lx", ip_addr_format(&nh->addr, text), nh->link);
	fprintf(out, ")");
}

struct lines {
	const struct dump *d;
	char **lines;
	size_t n;
};

static FILE *
line_new(struct lines *l)
{
	static size_t bytes;

	l->lines = realloc(l->lines, (l->n + 1) * sizeof(*l->lines));
	if (!l->lines)
		abort();
	return open_memstream(&l->lines[l->n], &bytes);
}

static void
lines_print(struct lines *l)
{
	qsort(l->lines, l->n, sizeof(*l->lines), compare_lines);
	for (size_t i = 0; i < l->n; i++) {
		fputs(l->lines[i], l->d->out);
		free(l->lines[i]);
	}
	free(l->lines);
}

static int
route_line(const struct route *r, void *arg)
{
	struct lines *l = arg;
	char prefix[IP_PREFIX_STRLEN], addr[IP_ADDR_STRLEN] = "-";
	FILE *out = line_new(l);

	if (r->addr.family)
		ip_addr_format(&r->addr, addr);
	fprintf(out, "route %u %s via %d %s port %u tunnel %u metric %u by %u:", r->table,
		ip_prefix_format(&r->prefix, prefix), r->via, addr, r->port, r->tunnel, r->metric,
		r->by);
	dump_nexthop(l->d, out, fib_lookup(l->d->g->fib, r->table, &r->prefix.addr));
	fprintf(out, "\n");
	fclose(out);
	l->n++;
	return 0;
}

/* What is looked up beside the routes' own prefixes. */
static const char *const probes[] = {"192.168.1.10", "192.168.1.200", "192.168.7.10", "203.0.113.2",
	"203.0.113.77", "198.51.100.10", "192.168.20.9", "192.168.25.9", "10.77.0.1", "10.77.1.1",
	"192.0.2.1", "2001:db8:1::10", "2001:db8:f::2", "2001:db8:20::9"};

static void
dump_routes(const struct dump *d)
{
	struct lines l = {.d = d};
	struct ip_addr addr;

	route_walk(d->g->routes, route_line, &l);
	lines_print(&l);
	for (size_t i = 0; i < RTE_DIM(probes); i++) {
		if (ip_addr_parse(probes[i], &addr) != 0)
			abort();
		fprintf(d->out, "%s:", probes[i]);
		dump_nexthop(d, d->out, fib_lookup(d->g->fib, 0, &addr));
		fprintf(d->out, "\n");
	}
	fprintf(d->out, "next hops: %u\n", nexthop_count(d->g->nexthops));
}

/* --- the rest */

static int
neighbour_line(const struct neigh *n, void *arg)
{
	struct lines *l = arg;
	char text[IP_ADDR_STRLEN];
	FILE *out = line_new(l);

	fprintf(out, "neighbour %u %s state %d kept %d mac %02x%02x\n", n->port,
		ip_addr_format(&n->addr, text), n->state,
		neigh_is_kept(l->d->g->neighbours, n->port, &n->addr), n->mac[0], n->mac[5]);
	fclose(out);
	l->n++;
	return 0;
}

static void
dump_policies(const struct dump *d)
{
	const struct policy_list *list = &d->g->policies;

	for (uint32_t i = 0; i < list->n; i++) {
		const struct spd_policy *p = &list->policies[i].policy;
		struct counter hits = policy_hits(d->g, i);

		fprintf(d->out,
			"policy %u: priority %u action %d tunnel %u selector %x hits %lu %lu\n",
			list->policies[i].id, p->priority, p->action, p->tunnel,
			sum_of(&p->selector, sizeof(p->selector)), hits.packets, hits.bytes);
	}
	for (uint16_t i = 0; i < d->g->nodes.n; i++)
		fprintf(d->out, "spd: %u\n",
			d->g->views[i]->spd ? spd_count(d->g->views[i]->spd) : 0);
}

static void
pool_line(struct rte_mempool *pool, void *arg)
{
	struct lines *l = arg;
	FILE *out = line_new(l);

	fprintf(out, "mempool %s: %u\n", pool->name, rte_mempool_avail_count(pool));
	fclose(out);
	l->n++;
}

/* --- ports */

static void
dump_ports(const struct dump *d)
{
	char text[IP_ADDR_STRLEN];

	for (uint16_t i = 0; i < d->g->tables.ports->count; i++) {
		const struct port *p = d->g->tables.ports->ports[i];

		fprintf(d->out, "port %s: mtu %u, of its configuration %u; %u addresses there;",
			p->name, p->mtu, d->g->ports[i].mtu, d->g->ports[i].n_addresses);
		for (uint32_t k = 0; k < p->n_addresses; k++)
			fprintf(d->out, " %s/%u", ip_addr_format(&p->addresses[k].addr, text),
				p->addresses[k].length);
		fprintf(d->out, "\n");
	}
}

static void
dump_memory(struct dump *d)
{
	struct rte_malloc_socket_stats stats;
	/* in an order of their own: a copy of the FIB may have been made anew */
	struct lines pools = {.d = d};

	rte_malloc_get_socket_stats(0, &stats);
	/* their bytes depend on where they lie: a rest that is too small for another piece is
	 * theirs */
	fprintf(d->out, "heap: %u pieces\n", stats.alloc_count);
	rte_mempool_walk(pool_line, &pools);
	lines_print(&pools);
	fprintf(d->out, "graves: %u, change open %d, operations %u, to reassign %u\n",
		d->g->reaper.waiting.n + d->g->reaper.dying.n, d->g->change.open, d->g->change.n,
		d->g->n_reassign);
}

char *
changing_memory(struct stage_fixture *f)
{
	struct dump d = {.f = f, .g = f->g};
	char *text = NULL;
	size_t bytes;

	changing_settle(f);
	d.out = open_memstream(&text, &bytes);
	fprintf(d.out, "SAs %u, in the SAD %u, tunnels %u, next hops %u, policies %u\n",
		d.g->sas.count, sad_count(d.g->sad), d.g->n_tunnels, nexthop_count(d.g->nexthops),
		d.g->policies.n);
	dump_memory(&d);
	fclose(d.out);
	return text;
}

char *
changing_dump(struct stage_fixture *f)
{
	struct dump d = {.f = f, .g = f->g};
	struct lines neighbours = {.d = &d};
	char *text = NULL;
	size_t bytes;

	changing_settle(f);
	d.out = open_memstream(&text, &bytes);
	dump_ports(&d);
	dump_sas(&d);
	dump_tunnels(&d);
	dump_routes(&d);
	neigh_walk(f->g->neighbours, neighbour_line, &neighbours);
	lines_print(&neighbours);
	dump_policies(&d);
	dump_memory(&d);
	fclose(d.out);
	return text;
}

/* The next line, ended by 0; moves on. */
static char *
line_next(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (end) {
		*end = '\0';
		*at = end + 1;
	}
	return end ? line : NULL;
}

/* Whether a text has this line. */
static bool
has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[n] == '\n')
			return true;
	return false;
}

static void
say_missing(struct stage_fixture *f, const char *what, const char *sign, const char *from,
	const char *in)
{
	char *copy = strdup(from), *at = copy, *line;

	while ((line = line_next(&at)))
		stage_check(f, has_line(in, line), "%s: %s %s", what, sign, line);
	free(copy);
}

bool
changing_same(struct stage_fixture *f, const char *what, const char *before, const char *after)
{
	if (strcmp(before, after) == 0)
		return true;
	stage_check(f, false, "%s: the gateway is not what it was", what);
	say_missing(f, what, "-", before, after);
	say_missing(f, what, "+", after, before);
	return false;
}
