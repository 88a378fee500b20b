/* SPDX-License-Identifier: BSD-3-Clause */
#include "drops_tricks.h"

#include <rte_arp.h>

#include "site.h"

static struct tunnel *
tunnel(struct trick *t, uint32_t index)
{
	return t->f->g->tables.tunnels->tunnels[index];
}

static struct sa *
sa_find(struct trick *t, uint32_t spi)
{
	for (uint32_t i = 0; i < t->f->g->sas.used; i++)
		if (t->f->g->sas.places[i].sa->spi_be == rte_cpu_to_be_32(spi))
			return t->f->g->sas.places[i].sa;
	abort();
}

/* --- tunnels and SAs */

void
trick_tunnel_replaced(struct trick *t)
{
	tunnel(t, 0)->generation++;
}

void
untrick_tunnel_replaced(struct trick *t)
{
	tunnel(t, 0)->generation--;
}

void
trick_loop(struct trick *t)
{
	tunnel(t, 0)->loop = true;
}

void
untrick_loop(struct trick *t)
{
	tunnel(t, 0)->loop = false;
}

/* The route to tunnel 0's remote address, into that very tunnel. */
static struct route
looping_route(struct trick *t)
{
	const struct ip_addr *remote = &tunnel(t, 0)->config.remote;

	return (struct route){.prefix = {*remote, 32}, .via = ROUTE_VIA_TUNNEL, .tunnel = 0};
}

void
trick_loop_unseen(struct trick *t)
{
	struct route route = looping_route(t);
	struct error err;

	if (route_add(t->f->g->routes, &route, &err) != 0 ||
		route_commit(t->f->g->routes, &err) != 0)
		abort();
	t->number = tunnel(t, 0)->outer_nexthop;
	tunnel(t, 0)->outer_nexthop = nexthop_select(
		t->f->g->tables.nexthops, fib_lookup(t->f->g->fib, 0, &route.prefix.addr), 0);
}

void
untrick_loop_unseen(struct trick *t)
{
	struct route route = looping_route(t);
	struct error err;

	tunnel(t, 0)->outer_nexthop = (uint32_t)t->number;
	if (route_delete(t->f->g->routes, &route, &err) != 0 ||
		route_commit(t->f->g->routes, &err) != 0)
		abort();
}

void
trick_no_sa(struct trick *t)
{
	t->sa = tunnel(t, 0)->workers[0].sa_out;
	tunnel(t, 0)->workers[0].sa_out = NULL;
}

void
untrick_no_sa(struct trick *t)
{
	tunnel(t, 0)->workers[0].sa_out = t->sa;
}

void
trick_unreserved(struct trick *t)
{
	t->sa = sa_find(t, 0x1000);
	t->number = t->sa->hot.seq_limit;
	t->sa->hot.seq_limit = t->sa->hot.seq_next;
}

void
untrick_unreserved(struct trick *t)
{
	t->sa->hot.seq_limit = t->number;
}

/* --- engines */

static uint16_t
process_failing(struct crypto_engine *engine, uint16_t worker, struct crypto_burst *burst)
{
	(void)engine;
	(void)worker;
	for (uint16_t i = 0; i < burst->n; i++)
		burst->status[i] = CRYPTO_ERROR;
	return 0;
}

static uint16_t
submit_nothing(struct crypto_engine *engine, uint16_t worker, const struct crypto_burst *burst,
	uint16_t first)
{
	(void)engine;
	(void)worker;
	(void)burst;
	(void)first;
	return 0;
}

static void
engine_replace(struct trick *t, struct crypto_engine *engine)
{
	t->sa = sa_find(t, 0x2000);
	t->engine = t->sa->engine;
	t->sa->engine = engine;
}

void
trick_crypto_failed(struct trick *t)
{
	static const struct crypto_engine_ops ops = {.name = "failing", .process = process_failing};
	static struct crypto_engine engine = {&ops};

	engine_replace(t, &engine);
}

void
trick_crypto_full(struct trick *t)
{
	static const struct crypto_engine_ops ops = {.name = "full", .submit = submit_nothing};
	static struct crypto_engine engine = {&ops};

	engine_replace(t, &engine);
}

void
untrick_engine(struct trick *t)
{
	t->sa->engine = t->engine;
}

/* --- fragments */

void
trick_impatient(struct trick *t)
{
	t->reassembly = t->f->w->reassembly;
	t->f->w->reassembly = reassembly_create(16, 1000, SOCKET_ID_ANY);
	if (!t->f->w->reassembly)
		abort();
}

void
untrick_impatient(struct trick *t)
{
	reassembly_destroy(t->f->w->reassembly);
	t->f->w->reassembly = t->reassembly;
}

static void
send_overlap(struct trick *t)
{
	static const struct packet_row overlap = {.src = "203.0.113.2",
		.dst = "203.0.113.1",
		.proto = IPPROTO_ESP,
		.fragment = 0x2000 | 5};
	static struct packet p;

	packet_ip(&p, &overlap);
	stage_fixture_send(t->f, SITE_RING_WAN, SITE_WAN, &p);
}

void
trick_overlap(struct trick *t)
{
	t->later = send_overlap;
}

/* --- frames */

void
trick_ike(struct trick *t)
{
	memset(rte_pktmbuf_mtod_offset(t->frame, uint8_t *, 14 + 28), 0, 4);
}

/* The neighbour says where it is. */
void
trick_arp(struct trick *t)
{
	uint8_t *frame = rte_pktmbuf_mtod(t->frame, uint8_t *);
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(frame + 14);

	frame[12] = RTE_ETHER_TYPE_ARP >> 8;
	frame[13] = RTE_ETHER_TYPE_ARP & 0xff;
	*arp = (struct rte_arp_hdr){.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
		.arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = 6,
		.arp_plen = 4,
		.arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST),
		.arp_data = {.arp_sha.addr_bytes = {2, 0, 0, 0, 0, 2},
			.arp_sip = RTE_BE32(0xc0a8010a),
			.arp_tip = RTE_BE32(0xc0a8010a)}};
}

/* --- neighbours */

static void
let_time_pass(struct trick *t)
{
	uint64_t now = now_ms();

	for (int second = 1; second <= 4; second++) {
		neigh_tick(t->f->g->neighbours, now + second * 1000 + 10);
		stage_fixture_turn(t->f);
	}
}

void
trick_wait(struct trick *t)
{
	t->later = let_time_pass;
}

/* --- rings */

static struct rte_ring *
full_ring(struct trick *t)
{
	t->full = rte_ring_create("full", 2, SOCKET_ID_ANY, 0);
	if (!t->full || rte_ring_enqueue(t->full, t) != 0)
		abort();
	return t->full;
}

void
trick_inbox_full(struct trick *t)
{
	t->ring = t->f->g->inboxes[0];
	t->f->g->inboxes[0] = full_ring(t);
	t->f->g->echo_limit.rate = 1;
	t->f->g->echo_limit.tokens = 1;
	t->f->w->budget.echoes = 1;
	t->f->w->budget_tsc = rte_rdtsc();
}

void
untrick_inbox_full(struct trick *t)
{
	t->f->g->inboxes[0] = t->ring;
	t->f->g->echo_limit.rate = 0;
	rte_ring_free(t->full);
}

void
trick_control_full(struct trick *t)
{
	t->ring = t->f->w->to_control;
	t->f->w->to_control = full_ring(t);
}

void
untrick_control_full(struct trick *t)
{
	t->f->w->to_control = t->ring;
	rte_ring_free(t->full);
}

void
trick_pool_empty(struct trick *t)
{
	t->pool_n = 0;
	while (t->pool_n < RTE_DIM(t->pool) &&
		(t->pool[t->pool_n] = rte_pktmbuf_alloc(t->f->w->pool)))
		t->pool_n++;
}

void
untrick_pool_empty(struct trick *t)
{
	rte_pktmbuf_free_bulk(t->pool, t->pool_n);
}

/* --- ports */

static struct port *
port(struct trick *t, uint16_t index)
{
	return t->f->g->tables.ports->ports[index];
}

void
trick_linear(struct trick *t)
{
	port(t, SITE_LAN)->linear_only = true;
}

void
untrick_linear(struct trick *t)
{
	port(t, SITE_LAN)->linear_only = false;
}

void
trick_link_down(struct trick *t)
{
	port(t, SITE_LAN7)->link_up = false;
}

void
untrick_link_down(struct trick *t)
{
	port(t, SITE_LAN7)->link_up = true;
}

void
trick_tx_full(struct trick *t)
{
	while (rte_ring_enqueue(t->f->rings[SITE_RING_LAN].out[0], t) == 0)
		;
}

void
untrick_tx_full(struct trick *t)
{
	rte_ring_reset(t->f->rings[SITE_RING_LAN].out[0]);
}

void
trick_not_forwarding(struct trick *t)
{
	t->f->g->tables.forwarding = false;
}

void
untrick_not_forwarding(struct trick *t)
{
	t->f->g->tables.forwarding = true;
}
