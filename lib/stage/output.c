/* SPDX-License-Identifier: BSD-3-Clause */

/* From an IP packet with a next hop to a frame on a port. */

#include <rte_ethdev.h>

#include "stage.h"

/* Where frames of one next hop go. */
struct way {
	struct port *port;
	uint64_t link;
};

static inline void
tx_add(struct worker *w, const struct port *port, struct rte_mbuf *m)
{
	struct burst *b = &w->tx[port->index];

	if (unlikely(port->tx_worker[w->index] != w->index)) {
		pkt(m)->port = port->index;
		worker_hand_over(w, port->tx_worker[w->index], m, TASK_TX);
		return;
	}
	if (burst_is_full(b))
		stage_transmit(w);
	if (b->n == 0)
		w->tx_ports[w->n_tx_ports++] = port->index;
	burst_add(b, m);
}

void
stage_tx_add(struct worker *w, const struct port *port, struct rte_mbuf *m)
{
	tx_add(w, port, m);
}

/* Puts the Ethernet header on and queues the frame. */
static inline void
output_fitting(struct worker *w, struct rte_mbuf *m, const struct way *way)
{
	uint8_t family = pkt(m)->family;
	struct rte_mbuf *head = pkt_prepend(m, way->port->header_bytes);

	if (unlikely(!head)) {
		drop(w, m, DROP_no_mbuf);
		return;
	}
	/* the low 48 bits of the link, byte 0 first */
	port_header_write(
		way->port, rte_pktmbuf_mtod(head, uint8_t *), (const uint8_t *)&way->link, family);
	tx_add(w, way->port, head);
}

/* Larger than the port carries: in pieces where IPv4 allows it, else the source hears of it. */
static void
output_too_big(struct worker *w, struct rte_mbuf *m, const struct way *way)
{
	struct rte_mbuf *pieces[FRAG_MAX];
	uint16_t n = 0;

	if (pkt(m)->family == 6 || (pkt(m)->flags & PKT_DF)) {
		drop_with_error(w, m, DROP_too_big, ICMP_ERR_TOO_BIG, way->port->mtu);
		return;
	}
	n = frag_split(m, way->port->mtu, 0, w->pool, pieces);
	if (n == 0)
		drop(w, m, DROP_fragmentation);
	for (uint16_t i = 0; i < n; i++)
		output_fitting(w, pieces[i], way);
}

void
stage_output_run(struct worker *w, uint32_t nexthop, struct rte_mbuf **pkts, uint16_t n)
{
	const struct nexthop *nh = &w->tables->nexthops[nexthop];
	struct way way = {.link = __atomic_load_n(&nh->link, __ATOMIC_RELAXED)};

	if (unlikely(nh->type != NEXTHOP_NEIGHBOUR && nh->type != NEXTHOP_CONNECTED)) {
		/* the route of an envelope changed under way */
		drop_bulk(w, pkts, n, DROP_no_route);
		return;
	}
	if (unlikely(nh->type == NEXTHOP_CONNECTED || !(way.link & NEXTHOP_LINK_REACHABLE))) {
		for (uint16_t i = 0; i < n; i++)
			worker_to_control(w, pkts[i], TASK_RESOLVE);
		return;
	}
	way.port = w->tables->ports->ports[nh->port];
	for (uint16_t i = 0; i < n; i++)
		if (unlikely(pkts[i]->pkt_len > way.port->mtu))
			output_too_big(w, pkts[i], &way);
		else
			output_fitting(w, pkts[i], &way);
}

void
stage_output(struct worker *w)
{
	struct rte_mbuf **pkts = w->output.pkts;

	for (uint16_t first = 0, end; first < w->output.n; first = end) {
		uint32_t nexthop = pkt(pkts[first])->nexthop;

		for (end = first + 1; end < w->output.n && pkt(pkts[end])->nexthop == nexthop;
			end++)
			;
		stage_output_run(w, nexthop, pkts + first, end - first);
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
