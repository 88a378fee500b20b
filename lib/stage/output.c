/* SPDX-License-Identifier: BSD-3-Clause */

/* From an IP packet with a next hop to a frame on a port. */

#include <rte_ethdev.h>

#include "stage.h"

/* Where frames of one next hop go. */
struct way {
	struct port *port;
	struct burst *frames; /* of the port; NULL: another worker sends them */
	uint64_t link;
};

static void __rte_noinline
tx_hand_over(struct worker *w, const struct port *port, struct rte_mbuf *m)
{
	pkt(m)->port = port->index;
	worker_hand_over(w, port->tx_worker[w->index], m, TASK_TX);
}

static inline void
frames_add(struct worker *w, struct burst *frames, const struct port *port, struct rte_mbuf *m)
{
	if (unlikely(burst_is_full(frames)))
		stage_transmit(w);
	if (frames->n == 0)
		w->tx_ports[w->n_tx_ports++] = port->index;
	burst_add(frames, m);
}

/* The port's frames, when this worker sends them. */
static inline struct burst *
port_frames(struct worker *w, const struct port *port)
{
	return likely(port->tx_worker[w->index] == w->index) ? &w->tx[port->index] : NULL;
}

void
stage_tx_add(struct worker *w, const struct port *port, struct rte_mbuf *m)
{
	struct burst *frames = port_frames(w, port);

	if (frames)
		frames_add(w, frames, port, m);
	else
		tx_hand_over(w, port, m);
}

/* Puts the Ethernet header on and queues the frame. */
static inline void
output_fitting(struct worker *w, struct rte_mbuf *m, struct way way)
{
	uint8_t family = pkt(m)->family;
	struct rte_mbuf *head = pkt_prepend(m, way.port->header_bytes);

	if (unlikely(!head)) {
		drop(w, m, DROP_no_mbuf);
		return;
	}
	/* the low 48 bits of the link, byte 0 first */
	port_header_write(
		way.port, rte_pktmbuf_mtod(head, uint8_t *), (const uint8_t *)&way.link, family);
	if (likely(way.frames))
		frames_add(w, way.frames, way.port, head);
	else
		tx_hand_over(w, way.port, head);
}

/* Larger than the port carries: in pieces where IPv4 allows it, else the source hears of it. */
static void __rte_noinline
output_too_big(struct worker *w, struct rte_mbuf *m, struct way way)
{
	struct rte_mbuf *pieces[FRAG_MAX];
	uint16_t n = 0;

	if (pkt(m)->family == 6 || (pkt(m)->flags & PKT_DF)) {
		drop_with_error(w, m, DROP_too_big, ICMP_ERR_TOO_BIG, way.port->mtu);
		return;
	}
	n = frag_split(m, way.port->mtu, 0, w->pool, pieces);
	if (n == 0)
		drop(w, m, DROP_fragmentation);
	for (uint16_t i = 0; i < n; i++)
		output_fitting(w, pieces[i], way);
}

/* The next hop has no link-layer address to send to. */
static void __rte_noinline
output_unresolved(struct worker *w, struct rte_mbuf *m, uint32_t nexthop)
{
	uint8_t type = w->tables->nexthops[nexthop].type;

	if (type == NEXTHOP_NEIGHBOUR || type == NEXTHOP_CONNECTED) {
		if (worker_may(w, &w->budget.resolutions))
			worker_to_control(w, m, TASK_RESOLVE);
		else
			drop(w, m, DROP_neighbour_full);
	} else /* the route of an envelope changed under way */
		drop(w, m, DROP_no_route);
}

/* Without a port when the next hop has no link-layer address. */
static inline struct way
way_of(struct worker *w, uint32_t nexthop)
{
	const struct nexthop *nh = &w->tables->nexthops[nexthop];
	struct way way = {.link = __atomic_load_n(&nh->link, __ATOMIC_RELAXED)};

	if (likely(nh->type == NEXTHOP_NEIGHBOUR && (way.link & NEXTHOP_LINK_REACHABLE))) {
		way.port = w->tables->ports->ports[nh->port];
		way.frames = port_frames(w, way.port);
	}
	return way;
}

static inline void
output_one(struct worker *w, struct rte_mbuf *m, uint32_t nexthop, struct way way)
{
	if (unlikely(!way.port))
		output_unresolved(w, m, nexthop);
	else if (unlikely(m->pkt_len > way.port->mtu))
		output_too_big(w, m, way);
	else
		output_fitting(w, m, way);
}

void
stage_output_run(struct worker *w, uint32_t nexthop, struct rte_mbuf **pkts, uint16_t n)
{
	struct way way = way_of(w, nexthop);

	for (uint16_t i = 0; i < n; i++)
		output_one(w, pkts[i], nexthop, way);
}

void
stage_output(struct worker *w)
{
	for (uint16_t i = 0; i < w->output.n; i++) {
		struct rte_mbuf *m = w->output.pkts[i];
		uint32_t nexthop = pkt(m)->nexthop;

		output_one(w, m, nexthop, way_of(w, nexthop));
	}
	w->output.n = 0;
}

/* One buffer out of a chain, in place where there is room, else in a fresh mbuf. NULL: the packet
 * is gone. */
static struct rte_mbuf *
make_linear(struct worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	if (RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 && rte_pktmbuf_linearize(m) == 0)
		return m;
	copy = rte_pktmbuf_copy(m, w->pool, 0, UINT32_MAX);
	if (!copy || copy->nb_segs > 1) {
		rte_pktmbuf_free(copy);
		drop(w, m, DROP_tx_linear);
		return NULL;
	}
	rte_pktmbuf_free(m);
	return copy;
}

static void
linearize_burst(struct worker *w, struct burst *b)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->pkts[i];

		if (m->nb_segs > 1)
			m = make_linear(w, m);
		if (m)
			b->pkts[kept++] = m;
	}
	b->n = kept;
}

static void
transmit_port(struct worker *w, struct port *port, struct burst *b)
{
	enum { ATTEMPTS = 8 };
	uint64_t bytes = 0, unsent = 0;
	uint16_t sent = 0;

	if (!__atomic_load_n(&port->link_up, __ATOMIC_RELAXED)) {
		drop_bulk(w, b->pkts, b->n, DROP_tx_port_down);
		return;
	}
	if (port->linear_only)
		linearize_burst(w, b);
	for (uint16_t i = 0; i < b->n; i++)
		bytes += b->pkts[i]->pkt_len;
	for (int tries = 0; sent < b->n && tries < ATTEMPTS; tries++)
		sent += rte_eth_tx_burst(
			port->ethdev, port->tx_queue[w->index], b->pkts + sent, b->n - sent);
	for (uint16_t i = sent; i < b->n; i++)
		unsent += b->pkts[i]->pkt_len;
	counter_add(&port->counters[w->index].tx, sent, bytes - unsent);
	if (sent < b->n)
		drop_bulk(w, b->pkts + sent, b->n - sent, DROP_tx_full);
}

void
stage_transmit(struct worker *w)
{
	for (uint16_t i = 0; i < w->n_tx_ports; i++) {
		struct burst *b = &w->tx[w->tx_ports[i]];

		transmit_port(w, w->tables->ports->ports[w->tx_ports[i]], b);
		b->n = 0;
	}
	w->n_tx_ports = 0;
}
