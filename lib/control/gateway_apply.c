/* SPDX-License-Identifier: BSD-3-Clause */

/* The objects of a valid configuration into the tables. What was made is undone by apply_undo. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static const struct ip_prefix multicast4 = {{4, {224}}, 4}, multicast6 = {{6, {0xff}}, 8},
			      broadcast4 = {{4, {255, 255, 255, 255}}, 32};

static int
add_local(struct gateway *g, uint16_t table, const struct ip_prefix *prefix, struct error *err)
{
	struct route r = {.table = table, .prefix = *prefix, .via = ROUTE_VIA_LOCAL};
	int rc = route_add(g->routes, &r, err);

	return rc == -EEXIST ? 0 : rc; /* two ports may share it: a multicast prefix */
}

/* An on-link prefix has a broadcast address when it is IPv4 and larger than a link of two (RFC
 * 3021). */
static bool
has_broadcast(const struct port_address *a)
{
	return a->addr.family == 4 && a->length < 31;
}

/* What one of our addresses means for routing: it is ours, its prefix is on-link, and groups are
 * heard. */
static int
apply_address(
	struct gateway *g, const struct port *p, const struct port_address *a, struct error *err)
{
	struct ip_prefix host = {a->addr, ip_addr_bits(&a->addr)};
	struct ip_prefix prefix = {a->addr, a->length}, last = {.length = 32};
	struct route on_link = {.table = p->table, .via = ROUTE_VIA_PORT, .port = p->index};
	int rc = add_local(g, p->table, &host, err);

	on_link.prefix = ip_prefix_network(&prefix);
	/* link-local addresses are on every link: no table can say on which */
	if (rc == 0 && a->length < host.length && !ip_addr_is_link_local(&a->addr)) {
		rc = route_add(g->routes, &on_link, err);
		if (rc == -EEXIST)
			rc = 0; /* two addresses of one prefix */
	}
	if (rc == 0)
		rc = add_local(g, p->table, a->addr.family == 4 ? &multicast4 : &multicast6, err);
	if (rc == 0 && a->addr.family == 4)
		rc = add_local(g, p->table, &broadcast4, err);
	if (rc == 0 && has_broadcast(a)) {
		last.addr = ip_prefix_range(&prefix).last;
		rc = add_local(g, p->table, &last, err);
	}
	return rc;
}

static int
apply_ports(struct gateway *g, struct report *report)
{
	struct error err;

	for (uint16_t i = 0; i < g->tables.ports->count; i++) {
		const struct port *p = g->tables.ports->ports[i];

		for (uint32_t k = 0; k < p->n_addresses; k++)
			if (apply_address(g, p, &p->addresses[k], &err) != 0) {
				report_add(report, NULL, 0, p->name, "%s", err.text);
				return -EINVAL;
			}
	}
	return 0;
}

static void
apply_udp_port(struct gateway *g, const struct tunnel_config *c)
{
	for (uint16_t i = 0; c->carrier == TUNNEL_UDP && i < g->nodes.n; i++)
		g->views[i]->udp_ports[c->local_port / 64] |= 1ull << (c->local_port % 64);
}

/* The tunnel's own inner addresses are ours, in its inner table. */
static int
apply_inner_addresses(struct gateway *g, const struct tunnel *t, struct error *err)
{
	const struct ip_addr *own[] = {&t->config.address, &t->config.address6};
	const struct ip_addr *peer[] = {&t->config.peer_address, &t->config.peer_address6};
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < RTE_DIM(own); i++) {
		struct ip_prefix host = {*own[i], own[i]->family ? ip_addr_bits(own[i]) : 0};
		struct route r = {.table = t->table, .via = ROUTE_VIA_TUNNEL, .tunnel = t->index};

		if (own[i]->family)
			rc = add_local(g, t->table, &host, err);
		if (own[i]->family && rc == 0)
			rc = add_local(
				g, t->table, own[i]->family == 4 ? &multicast4 : &multicast6, err);
		if (!peer[i]->family || rc != 0)
			continue;
		r.prefix = (struct ip_prefix){*peer[i], ip_addr_bits(peer[i])};
		rc = route_add(g->routes, &r, err);
	}
	return rc;
}

/* Of a tunnel's SAs that are no worker's own: on its node the tunnel is, too. */
static uint16_t
default_owner(const struct gateway *g, uint32_t tunnel)
{
	return (uint16_t)(tunnel % g->n_workers);
}

static int
apply_tunnels(struct gateway *g, struct report *report)
{
	struct error err;

	for (uint32_t i = 0; i < g->config->n_tunnels; i++) {
		const struct config_tunnel *c = &g->config->tunnels[i];
		struct tunnel *t;

		/* an empty table gives out its indexes in order: they are those of the
		 * configuration */
		if (tunnel_create(g->tables.tunnels, &c->tunnel, g->n_workers,
			    workers_socket(g, default_owner(g, i)), &t, &err) != 0 ||
			apply_inner_addresses(g, t, &err) != 0) {
			report_add(report, c->origin.file, c->origin.line, c->origin.label, "%s",
				err.text);
			return -EINVAL;
		}
		apply_udp_port(g, &c->tunnel);
	}
	return 0;
}

/* Claims the key's counter for an outbound SA. */
static int
claim_sequence(struct gateway *g, const struct sa_config *c, struct seq_state_entry **entry,
	struct error *err)
{
	const struct crypto_algorithm *a = crypto_algorithm_get(c->algorithm);
	uint64_t next, limit; /* sa_create takes them from the entry */

	return seq_state_claim(g->state, c->key, a->key_bytes + a->salt_bytes, c->seq, c->esn,
		c->static_key, entry, &next, &limit, err);
}

/* The SA itself, its key's counter claimed; not published yet. */
static int
sa_make(struct gateway *g, const struct config_sa *c, const struct tunnel *t, uint16_t owner,
	struct sa **out, struct error *err)
{
	enum sa_payload payload =
		t->encapsulation == TUNNEL_IPIP ? SA_PAYLOAD_IPIP : SA_PAYLOAD_TUNNEL;
	int socket = workers_socket(g, owner);
	struct seq_state_entry *entry = NULL;
	int rc = 0;

	if (c->sa.direction == SA_OUT)
		rc = claim_sequence(g, &c->sa, &entry, err);
	if (rc == 0)
		rc = sa_create(&c->sa, &t->config.local, payload, owner, g->engine, entry, socket,
			out, err);
	if (rc != 0) {
		if (entry)
			seq_state_abandon(g->state, entry);
		return rc;
	}
	(*out)->tunnel = t->index;
	(*out)->tunnel_generation = t->generation;
	(*out)->id = g->n_sas;
	if (c->sa.direction == SA_OUT)
		seq_state_register(g->state, *out);
	return 0;
}

static int
sa_apply(struct gateway *g, const struct config_sa *c, struct error *err)
{
	const struct tunnel *t = g->tables.tunnels->tunnels[c->tunnel];
	uint16_t owner = c->has_owner ? c->sa.worker : default_owner(g, t->index);
	struct gateway_sa *s = &g->sas[g->n_sas];
	int rc;

	if (owner >= g->n_workers)
		return error_set(err, -EINVAL,
			"worker = %u, but there are %u workers, numbered from 0", owner,
			g->n_workers);
	rc = sa_make(g, c, t, owner, &s->sa, err);
	if (rc == 0 && c->sa.direction == SA_IN) {
		rc = sad_publish(g->sad, s->sa, err);
		if (rc != 0)
			sa_destroy(s->sa);
	}
	if (rc != 0)
		return rc;
	s->tunnel = c->tunnel;
	s->has_owner = c->has_owner;
	if (c->sa.direction == SA_OUT) {
		s->older = g->newest_out[c->tunnel];
		g->newest_out[c->tunnel] = g->n_sas;
	}
	if (c->sa.hard.seconds)
		s->expires_ms = now_ms() + c->sa.hard.seconds * 1000;
	if (c->sa.soft.seconds)
		s->soft_ms = now_ms() + c->sa.soft.seconds * 1000;
	g->n_sas++;
	return 0;
}

static int
apply_sas(struct gateway *g, struct report *report)
{
	struct error err;
	int rc = 0;

	g->sas = calloc(RTE_MAX(g->config->n_sas, 1u), sizeof(*g->sas));
	g->newest_out = malloc(g->tables.tunnels->capacity * sizeof(*g->newest_out));
	if (!g->sas || !g->newest_out)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->tables.tunnels->capacity; i++)
		g->newest_out[i] = SA_NONE;
	for (uint32_t i = 0; i < g->config->n_sas; i++) {
		const struct config_sa *c = &g->config->sas[i];

		if (sa_apply(g, c, &err) != 0) {
			report_add(report, c->origin.file, c->origin.line, c->origin.label, "%s",
				err.text);
			rc = -EINVAL;
		}
	}
	if (rc == 0 && g->state && seq_state_sync(g->state, &err) != 0) {
		report_add(report, NULL, 0, "--state", "%s", err.text);
		rc = -EIO;
	}
	for (uint32_t i = 0; rc == 0 && i < g->config->n_tunnels; i++)
		tunnel_sas_assign(g, i);
	return rc;
}

static int
apply_neighbours(struct gateway *g, struct report *report)
{
	struct error err;

	for (uint32_t i = 0; i < g->config->n_neighbours; i++) {
		const struct config_neighbour *c = &g->config->neighbours[i];

		if (neigh_static_add(g->neighbours, (uint16_t)c->port, &c->addr, c->mac, &err) !=
			0) {
			report_add(report, c->origin.file, c->origin.line, c->origin.label, "%s",
				err.text);
			return -EINVAL;
		}
	}
	return 0;
}

static struct route
route_of(const struct config_route *c)
{
	static const enum route_via via[] = {
		[CONFIG_VIA_ADDRESS] = ROUTE_VIA_ADDRESS,
		[CONFIG_VIA_TUNNEL] = ROUTE_VIA_TUNNEL,
		[CONFIG_VIA_PORT] = ROUTE_VIA_PORT,
		[CONFIG_VIA_DISCARD] = ROUTE_VIA_DISCARD,
	};
	struct route r = {.table = c->table,
		.prefix = c->prefix,
		.via = via[c->via],
		.addr = c->addr,
		.metric = c->metric};

	/* a port's, or a tunnel's, but never what another kind left there: routes are compared
	 * whole */
	if (c->via == CONFIG_VIA_TUNNEL)
		r.tunnel = c->tunnel;
	else if (c->via != CONFIG_VIA_DISCARD)
		r.port = (uint16_t)c->port;
	return r;
}

static int
apply_routes(struct gateway *g, struct report *report)
{
	struct error err;
	int rc;

	for (uint32_t i = 0; i < g->config->n_routes; i++) {
		const struct config_route *c = &g->config->routes[i];
		struct route r = route_of(c);

		rc = route_add(g->routes, &r, &err);
		/* what is there already was made by us: a tunnel's peer, a port's prefix */
		if (rc != 0 && rc != -EEXIST) {
			report_add(report, c->origin.file, c->origin.line, c->origin.label, "%s",
				err.text);
			return -EINVAL;
		}
		if (r.via == ROUTE_VIA_ADDRESS)
			neigh_pin(g->neighbours, r.port, &r.addr, now_ms());
	}
	if (route_commit(g->routes, &err) != 0) {
		report_add(report, g->config->file, 0, "routes", "%s", err.text);
		return -EINVAL;
	}
	return 0;
}

static int
apply_policies(struct gateway *g, struct report *report)
{
	uint32_t n = g->config->n_policies;
	struct spd_policy *policies = calloc(RTE_MAX(n, 1u), sizeof(*policies));
	struct error err;

	if (!policies)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct config_policy *c = &g->config->policies[i];

		policies[i] = (struct spd_policy){.priority = c->priority,
			.action = c->action,
			.tunnel = c->tunnel,
			.selector = c->selector};
	}
	int rc = policies_replace(g, policies, n, &err);
	free(policies);
	if (rc != 0)
		report_add(report, g->config->file, 0, "policies", "%s", err.text);
	return rc;
}

int
apply_config(struct gateway *g, struct report *report)
{
	/* neighbours last: whether one gets a host route depends on the routes */
	static int (*const steps[])(struct gateway *, struct report *) = {apply_ports,
		apply_tunnels, apply_sas, apply_routes, apply_neighbours, apply_policies};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < RTE_DIM(steps); i++)
		rc = steps[i](g, report);
	if (rc == 0)
		tunnels_resolve(g);
	return rc;
}

void
apply_undo(struct gateway *g)
{
	for (uint32_t i = 0; i < g->n_sas; i++) {
		struct sa *sa = g->sas[i].sa;

		if (sa->direction == SA_IN)
			sad_retire(g->sad, sa);
		else
			seq_state_release(g->state, sa);
		sa_destroy(sa);
	}
	free(g->sas);
	free(g->newest_out);
	g->n_sas = 0;
	policies_replace(g, NULL, 0, NULL);
}
