/* SPDX-License-Identifier: BSD-3-Clause */

/* From an IP packet with a next hop to a frame on a port. */

#include <rte_ethdev.h>

#include "stage.h"

/* Puts the Ethernet header on. NULL: no room, the packet is gone. */
static struct rte_mbuf *
add_header(struct worker *w, struct rte_mbuf *m, const struct port *port, uint64_t link)
{
	uint8_t family = pkt(m)->family;
	struct rte_mbuf *head = pkt_prepend(m, port->header_bytes);

	if (!head) {
		drop(w, m, DROP_no_mbuf);
		return NULL;
	}
	/* the low 48 bits of the link, byte 0 first */
	port_header_write(port, rte_pktmbuf_mtod(head, uint8_t *), (const uint8_t *)&link, family);
	return head;
}

static void
output_fitting(struct worker *w, struct rte_mbuf *m, uint16_t port_index, uint64_t link)
{
	m = add_header(w, m, w->tables->ports->ports[port_index], link);
	if (m)
		stage_tx_add(w, port_index, m);
}

/* Larger than the port carries: in pieces where IPv4 allows it, else the source hears of it. */
static void
output_too_big(struct worker *w, struct rte_mbuf *m, const struct port *port, uint64_t link)
{
	struct rte_mbuf *pieces[FRAG_MAX];
	uint16_t n = 0;

	if (pkt(m)->family == 6 || (pkt(m)->flags & PKT_DF)) {
		drop_with_error(w, m, DROP_too_big, ICMP_ERR_TOO_BIG, port->mtu);
		return;
	}
	n = frag_split(m, port->mtu, 0, w->pool, pieces);
	if (n == 0)
		drop(w, m, DROP_fragmentation);
	for (uint16_t i = 0; i < n; i++)
		output_fitting(w, pieces[i], port->index, link);
}

void
stage_output_one(struct worker *w, struct rte_mbuf *m)
{
	const struct nexthop *nh = &w->tables->nexthops[pkt(m)->nexthop];
	const struct port *port;
	uint64_t link;

	if (nh->type != NEXTHOP_NEIGHBOUR && nh->type != NEXTHOP_CONNECTED) {
		/* the route of an envelope changed under way */
		drop(w, m, DROP_no_route);
		return;
	}
	link = __atomic_load_n(&nh->link, __ATOMIC_RELAXED);
	if (nh->type == NEXTHOP_CONNECTED || !(link & NEXTHOP_LINK_REACHABLE)) {
		worker_to_control(w, m, TASK_RESOLVE);
		return;
	}
	port = w->tables->ports->ports[nh->port];
	if (m->pkt_len > port->mtu)
		output_too_big(w, m, port, link);
	else
		output_fitting(w, m, nh->port, link);
}

void
stage_output(struct worker *w)
{
	for (uint16_t i = 0; i < w->output.n; i++)
		stage_output_one(w, w->output.pkts[i]);
	w->output.n = 0;
}

void
stage_tx_add(struct worker *w, uint16_t port_index, struct rte_mbuf *m)
{
	const struct port *port = w->tables->ports->ports[port_index];
	struct burst *b = &w->tx[port_index];

	if (port->tx_worker[w->index] != w->index) {
		pkt(m)->port = port_index;
		worker_hand_over(w, port->tx_worker[w->index], m, TASK_TX);
		return;
	}
	if (burst_is_full(b))
		stage_transmit(w);
	if (b->n == 0)
		w->tx_ports[w->n_tx_ports++] = port_index;
	burst_add(b, m);
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
