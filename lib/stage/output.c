/* SPDX-License-Identifier: BSD-3-Clause */

/* From an IP packet with a next hop to a frame on a port. */

#include <rte_ethdev.h>

#include "stage.h"
#include "way.h"

static void __rte_noinline
tx_hand_over(struct worker *w, const struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		pkt(pkts[i])->port = port->index;
	worker_hand_over(w, port->tx_worker[w->index], pkts, n, TASK_TX);
}

void
stage_frames(struct worker *w, uint16_t index, struct rte_mbuf **pkts, uint16_t n)
{
	const struct port *port = w->tables->ports->ports[index];
	struct burst *frames = &w->tx[index];

	if (unlikely(port->tx_worker[w->index] != w->index)) {
		tx_hand_over(w, port, pkts, n);
		return;
	}
	if (unlikely(frames->n + n > BURST_MAX))
		stage_transmit(w);
	if (frames->n == 0)
		w->tx_ports[w->n_tx_ports++] = index;
	memcpy(frames->pkts + frames->n, pkts, n * sizeof(pkts[0]));
	frames->n += n;
}

/* Puts the Ethernet header on and queues the frame. */
static inline void
output_fitting(struct worker *w, struct rte_mbuf *m, const struct way *way)
{
	const uint8_t family = pkt(m)->family;
	struct rte_mbuf *head = pkt_prepend(m, way->header_bytes);

	if (unlikely(!head)) {
		drop(w, m, DROP_no_mbuf);
		return;
	}
	way_header_write(
		way, way->link, way->header_bytes, rte_pktmbuf_mtod(head, uint8_t *), family);
	stage_frames(w, way->port->index, &head, 1);
}

/* Where an envelope that may be cut is larger than its way carries: to how many bytes. */
static uint16_t
envelope_mtu(const struct worker *w, const struct rte_mbuf *m, uint32_t *id)
{
	const struct pkt *p = pkt_const(m);
	struct tunnel *t;

	if (!p->frag_mtu || m->pkt_len <= p->frag_mtu)
		return 0;
	/* whichever tunnel is there now: it is about a number that differs from the last ones */
	t = __atomic_load_n(&w->tables->tunnels->tunnels[p->tunnel], __ATOMIC_ACQUIRE);
	if (t)
		*id = tunnel_outer_id(t, w->index);
	return p->frag_mtu;
}

/* Larger than its way carries: in pieces where that is allowed, else the source hears of it. */
static void __rte_noinline
output_large(struct worker *w, struct rte_mbuf *m, const struct way *way)
{
	struct rte_mbuf *pieces[FRAG_MAX];
	uint32_t id = 0;
	uint16_t mtu = envelope_mtu(w, m, &id), n = 0;

	if (mtu) {
		mtu = RTE_MIN(mtu, way->mtu);
	} else if (m->pkt_len > way->mtu) {
		mtu = way->mtu;
		if (pkt(m)->family == 6 || (pkt(m)->flags & PKT_DF)) {
			drop_with_error(w, m, DROP_too_big, ICMP_ERR_TOO_BIG, mtu);
			return;
		}
	}
	if (!mtu) {
		output_fitting(w, m, way);
		return;
	}
	n = frag_split(m, mtu, id, w->pool, pieces);
	if (n == 0)
		drop(w, m, DROP_fragmentation);
	if (w->watcher.watch)
		watch_split(&w->watcher, pieces, n);
	for (uint16_t i = 0; i < n; i++)
		output_fitting(w, pieces[i], way);
}

/* The next hop has no link-layer address to send to. */
static void __rte_noinline
output_unresolved(struct worker *w, struct rte_mbuf *m)
{
	uint8_t type = w->tables->nexthops[pkt(m)->nexthop].type;

	if (type == NEXTHOP_TUNNEL) /* an envelope for another tunnel, whose MTU it has to fit */
		stage_again(w, &m, 1);
	else if (type != NEXTHOP_NEIGHBOUR && type != NEXTHOP_CONNECTED)
		drop(w, m, DROP_no_route); /* the route of an envelope changed under way */
	else if (worker_may(w, &w->budget.resolutions))
		worker_to_control(w, m, TASK_RESOLVE);
	else
		drop(w, m, DROP_neighbour_full);
}

void
stage_output(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct way way = {.nexthop = NEXTHOP_ID_NONE};

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (pkt(m)->nexthop != way.nexthop || !way.port)
			way_find(w, pkt(m)->nexthop, &way);
		if (unlikely(!way.port))
			output_unresolved(w, m);
		else if (unlikely(m->pkt_len > way.mtu || pkt(m)->frag_mtu))
			output_large(w, m, &way);
		else
			output_fitting(w, m, &way);
	}
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
	pkt_mark_copy(copy, m);
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

/* Gives frames to the port's queue; returns how many it took. */
static inline uint16_t
transmit_burst(const struct worker *w, const struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	enum { ATTEMPTS = 8 };
	uint16_t sent = 0;

	for (int tries = 0; sent < n && tries < ATTEMPTS; tries++)
		sent += rte_eth_tx_burst(
			port->ethdev, port->tx_queue[w->index], pkts + sent, n - sent);
	return sent;
}

/* The same where somebody looks: what was sent is noted before the device has it. */
static __rte_noinline uint16_t
transmit_watched(
	const struct worker *w, const struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	struct watch_frames frames;
	uint16_t sent;

	watch_transmit(&w->watcher, port->index, pkts, n, &frames);
	sent = transmit_burst(w, port, pkts, n);
	watch_transmitted(&w->watcher, &frames, sent);
	return sent;
}

static void
transmit_port(struct worker *w, struct port *port, struct burst *b)
{
	uint64_t bytes = 0, unsent = 0;
	uint16_t sent;

	if (!__atomic_load_n(&port->link_up, __ATOMIC_RELAXED)) {
		drop_bulk(w, b->pkts, b->n, DROP_tx_port_down);
		return;
	}
	if (port->linear_only)
		linearize_burst(w, b);
	for (uint16_t i = 0; i < b->n; i++)
		bytes += b->pkts[i]->pkt_len;
	sent = unlikely(w->watcher.watch) ? transmit_watched(w, port, b->pkts, b->n)
					  : transmit_burst(w, port, b->pkts, b->n);
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
