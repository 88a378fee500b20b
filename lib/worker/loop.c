/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop.h"

#include <errno.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

#include "stage.h"

struct worker *
worker_create(const struct worker_params *params, struct error *err)
{
	int socket = (int)rte_lcore_to_socket_id(params->lcore);
	struct worker *w = rte_zmalloc_socket("worker", sizeof(*w), RTE_CACHE_LINE_SIZE, socket);
	char name[RTE_RING_NAMESIZE];

	if (!w)
		goto no_memory;
	w->index = params->index;
	w->lcore = params->lcore;
	w->workers = params->workers;
	w->burst = params->burst;
	w->idle_polls_max = params->idle_polls;
	w->idle_sleep_us = params->idle_sleep_us;
	w->budget_full = (struct worker_budget){.audits = AUDITS_PER_SECOND,
		.acquires = ACQUIRES_PER_SECOND,
		.mappings = MAPPINGS_PER_SECOND,
		.echoes = params->echoes,
		.errors = params->errors,
		.resolutions = RESOLUTIONS_PER_SECOND};
	w->tables = params->tables;
	w->watcher = (struct watcher){.tables = params->tables, .worker = params->index};
	w->qsbr = params->qsbr;
	w->pool = params->pool;
	w->to_control = params->to_control;
	w->inboxes = params->inboxes;
	w->stop = params->stop;
	w->crypto =
		rte_zmalloc_socket("crypto_burst", sizeof(*w->crypto), RTE_CACHE_LINE_SIZE, socket);
	w->tx = rte_zmalloc_socket(
		"tx", params->n_ports * sizeof(*w->tx), RTE_CACHE_LINE_SIZE, socket);
	w->tx_ports =
		rte_zmalloc_socket("tx_ports", params->n_ports * sizeof(*w->tx_ports), 0, socket);
	w->reassembly = reassembly_create(params->reassembly_max, 2 * 1000000000ull, socket);
	snprintf(name, sizeof(name), "inbox%u", w->index);
	w->inbox =
		rte_ring_create(name, WORKER_INBOX_SIZE, socket, RING_F_SC_DEQ | RING_F_EXACT_SZ);
	if (!w->crypto || !w->tx || !w->tx_ports || !w->reassembly || !w->inbox)
		goto no_memory;
	params->inboxes[w->index] = w->inbox;
	return w;
no_memory:
	error_set(err, -ENOMEM, "no memory for worker %u on lcore %u: give EAL more with -m",
		params->index, params->lcore);
	worker_destroy(w);
	return NULL;
}

void
worker_release(struct worker *w)
{
	void *m;

	if (!w)
		return;
	while (w->inbox && rte_ring_dequeue(w->inbox, &m) == 0)
		drop(w, m, DROP_shutdown);
	if (w->reassembly)
		w->stats.drops[DROP_shutdown] += reassembly_flush(w->reassembly);
}

void
worker_destroy(struct worker *w)
{
	if (!w)
		return;
	worker_release(w);
	rte_ring_free(w->inbox);
	reassembly_destroy(w->reassembly);
	rte_free(w->tx_ports);
	rte_free(w->tx);
	rte_free(w->crypto);
	rte_free(w);
}

int
worker_add_engine(struct worker *w, struct crypto_engine *engine)
{
	if (w->n_engines == WORKER_ENGINES_MAX)
		return -ENOSPC;
	w->engines[w->n_engines++] = engine;
	return 0;
}

int
worker_add_rxq(struct worker *w, uint16_t ethdev, uint16_t queue)
{
	if (w->n_rxqs == WORKER_RXQS_MAX)
		return -ENOSPC;
	w->rxqs[w->n_rxqs++] = (struct worker_rxq){ethdev, queue};
	return 0;
}

/*
 * A part of the turn has ended, which had so many packets. watched is a constant: what works on
 * packets is compiled twice, so that a turn that is neither measured nor looked at asks for it once
 * only.
 */
static __rte_always_inline void
lap(struct worker *w, bool watched, enum meter_part part, uint32_t packets)
{
	if (watched && w->meter.on)
		meter_lap(&w->meter, part, packets);
}

/* Packets are at a point between the stages. */
static __rte_always_inline void
look(const struct worker *w, bool watched, enum trace_point point, struct rte_mbuf **pkts,
	uint16_t n)
{
	if (watched && w->watcher.watch)
		watch_note(&w->watcher, point, pkts, n);
}

/* One turn of routing and what follows from it, without what enters routing anew. */
static __rte_always_inline void
walk_once(struct worker *w, struct rte_mbuf **pkts, uint16_t n, bool watched)
{
	uint16_t given = n;

	n = stage_route(w, pkts, n);
	lap(w, watched, METER_route, given);
	look(w, watched, TRACE_route, pkts, n);
	stage_decide(w, pkts, n);
	lap(w, watched, METER_decide, n);
	look(w, watched, TRACE_protect, w->protect.pkts, w->protect.n);
	given = w->protect.n;
	stage_protect(w);
	lap(w, watched, METER_protect, given);
	look(w, watched, TRACE_envelope, w->esp_in.pkts, w->esp_in.n);
	given = w->esp_in.n;
	stage_open(w);
	lap(w, watched, METER_open, given);
	given = w->output.n;
	stage_output(w, w->output.pkts, given);
	w->output.n = 0;
	lap(w, watched, METER_output, given);
}

/* Decapsulated packets, and envelopes for another tunnel, until there are none: bounded by
 * TUNNEL_DEPTH_MAX outbound, and inbound by a packet growing shorter each time. */
static __rte_always_inline void
walk_again(struct worker *w, bool watched)
{
	struct rte_mbuf *pkts[BURST_MAX];

	while (w->again.n > 0) {
		uint16_t n = w->again.n;

		memcpy(pkts, w->again.pkts, n * sizeof(pkts[0]));
		w->again.n = 0;
		if (watched && w->watcher.watch)
			watch_again(&w->watcher, pkts, n);
		walk_once(w, pkts, n, watched);
	}
}

void
worker_walk(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	walk_once(w, pkts, n, false);
	walk_again(w, false);
}

static void
inbox_one(struct worker *w, struct rte_mbuf *m)
{
	switch (pkt(m)->task) {
	case TASK_SEND_IP:
		stage_again(w, &m, 1);
		break;
	case TASK_SEND_NEXTHOP:
		stage_output(w, &m, 1);
		break;
	case TASK_SEND_FRAME:
	case TASK_TX:
		stage_frames(w, pkt(m)->port, &m, 1);
		break;
	case TASK_ESP_IN:
		burst_add(&w->esp_in, m);
		break;
	default:
		drop(w, m, DROP_local_unhandled);
	}
}

/* Packets that another worker found a tunnel for. */
static void
seal_handed(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t first = 0, end; first < n; first = end) {
		const struct pkt *p = pkt(pkts[first]);

		for (end = first + 1; end < n && pkt(pkts[end])->tunnel == p->tunnel &&
				      pkt(pkts[end])->tunnel_generation == p->tunnel_generation;
			end++)
			;
		stage_seal(w, tunnel_get(w->tables->tunnels, p->tunnel, p->tunnel_generation),
			pkts + first, end - first);
	}
	stage_crypto(w);
}

/*
 * Packets from other workers and the control lcore. They lie in another core's cache: their lines
 * come while our own ports' packets are worked on. Nothing of a packet is read here, which would
 * wait for it: so where its data are is not known, but where they mostly are.
 */
static inline uint16_t
take_inbox(struct worker *w, struct rte_mbuf **pkts)
{
	uint16_t n = rte_ring_dequeue_burst(w->inbox, (void **)pkts, w->burst, NULL);

	for (uint16_t i = 0; i < n; i++) {
		uint8_t *data =
			(uint8_t *)rte_mbuf_buf_addr(pkts[i], w->pool) + RTE_PKTMBUF_HEADROOM;

		rte_prefetch0_write(pkts[i]);
		rte_prefetch0_write(RTE_PTR_ADD(pkts[i], RTE_CACHE_LINE_SIZE));
		rte_prefetch0_write(pkt(pkts[i]));
		rte_prefetch0_write(data - RTE_CACHE_LINE_SIZE); /* headers come here */
		rte_prefetch0_write(data);
		rte_prefetch0_write(data + RTE_CACHE_LINE_SIZE);
	}
	return n;
}

/* Those of one kind that follow each other go on as one burst. */
static __rte_always_inline void
walk_inbox(struct worker *w, struct rte_mbuf **pkts, uint16_t n, bool watched)
{
	struct rte_mbuf *out[BURST_MAX];
	uint16_t n_out = 0, n_in;

	if (watched && w->watcher.watch)
		watch_inbox(&w->watcher, pkts, n);
	for (uint16_t i = 0; i < n; i++) {
		if (pkt(pkts[i])->task == TASK_ESP_OUT)
			out[n_out++] = pkts[i];
		else
			inbox_one(w, pkts[i]);
	}
	w->stats.handed_in += n;
	seal_handed(w, out, n_out);
	lap(w, watched, METER_inbox, n);
	look(w, watched, TRACE_envelope, w->esp_in.pkts, w->esp_in.n);
	n_in = w->esp_in.n;
	stage_open(w);
	lap(w, watched, METER_open, n_in);
	walk_again(w, watched);
}

static __rte_always_inline uint16_t
poll_ports(struct worker *w, bool watched)
{
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t total = 0, given;

	for (uint16_t i = 0; i < w->n_rxqs; i++) {
		uint16_t ethdev = w->rxqs[i].ethdev;
		uint16_t n = rte_eth_rx_burst(ethdev, w->rxqs[i].queue, pkts, w->burst);

		lap(w, watched, METER_receive, n);
		if (n == 0)
			continue;
		total += n;
		if (watched && w->watcher.watch)
			watch_received(&w->watcher, ethdev, pkts, n);
		if (!__atomic_load_n(&w->tables->forwarding, __ATOMIC_ACQUIRE)) {
			drop_bulk(w, pkts, n, DROP_shutdown);
			continue;
		}
		given = n;
		n = stage_input(w, ethdev, pkts, n);
		lap(w, watched, METER_input, given);
		look(w, watched, TRACE_parsed, pkts, n);
		walk_once(w, pkts, n, watched);
		walk_again(w, watched);
	}
	return total;
}

static void
age_reassembly(struct worker *w)
{
	struct rte_mbuf *dead[FRAG_MAX];
	uint16_t n_dead = 0;

	reassembly_age(w->reassembly, w->now_tsc, dead, &n_dead);
	if (n_dead)
		drop_bulk(w, dead, n_dead, DROP_reassembly_timeout);
}

/* Frames that wait to be sent. */
static uint32_t
waiting(const struct worker *w)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < w->n_tx_ports; i++)
		n += w->tx[w->tx_ports[i]].n;
	return n;
}

static __rte_always_inline uint32_t
turn(struct worker *w, bool watched)
{
	struct rte_mbuf *inbox[BURST_MAX];
	uint16_t n_inbox = take_inbox(w, inbox);
	uint32_t found = poll_ports(w, watched), completed, frames;

	if (n_inbox > 0)
		walk_inbox(w, inbox, n_inbox, watched);
	found += n_inbox;
	completed = stage_crypto_poll(w);
	lap(w, watched, METER_complete, completed);
	walk_again(w, watched);
	frames = watched ? waiting(w) : 0;
	stage_transmit(w);
	lap(w, watched, METER_transmit, frames);
	return found + completed;
}

/* That is measured, or looked at, or both. */
static __rte_noinline uint32_t
turn_watched(struct worker *w)
{
	uint32_t found;

	if (w->watcher.watch)
		watch_turn(&w->watcher);
	if (meter_is_due(&w->meter))
		meter_begin(&w->meter);
	w->watched = true;
	found = turn(w, true);
	w->watched = false;
	meter_end(&w->meter);
	return found;
}

uint32_t
worker_poll(struct worker *w)
{
	uint32_t found;

	w->now_tsc = rte_rdtsc();
	/* for what comes between this turn and the next one, too */
	w->watcher.watch = __atomic_load_n(&w->watch, __ATOMIC_ACQUIRE);
	found = unlikely(meter_is_due(&w->meter) || w->watcher.watch) ? turn_watched(w)
								      : turn(w, false);
	if (found)
		meter_turn(&w->meter);
	return found;
}

/* Two pollers on a machine with two cores starve everything else: a worker that finds nothing
 * sleeps, longer each time. */
static void
idle(struct worker *w)
{
	struct timespec pause = {0};

	w->stats.idle_polls++;
	if (w->idle_polls_max == 0 || ++w->idle_polls < w->idle_polls_max) {
		rte_pause();
		return;
	}
	w->sleep_us = RTE_MIN(w->sleep_us * 2 + 1, w->idle_sleep_us);
	pause.tv_nsec = w->sleep_us * 1000L;
	w->stats.sleeps++;
	rte_rcu_qsbr_thread_offline(w->qsbr, w->index);
	nanosleep(&pause, NULL);
	rte_rcu_qsbr_thread_online(w->qsbr, w->index);
}

int
worker_run(void *arg)
{
	struct worker *w = arg;

	rte_rcu_qsbr_thread_register(w->qsbr, w->index);
	rte_rcu_qsbr_thread_online(w->qsbr, w->index);
	while (!__atomic_load_n(w->stop, __ATOMIC_RELAXED)) {
		uint32_t found = worker_poll(w);

		w->stats.polls++;
		if (found == 0 || w->stats.polls % 1024 == 0)
			age_reassembly(w);
		rte_rcu_qsbr_quiescent(w->qsbr, w->index);
		if (found == 0) {
			idle(w);
			continue;
		}
		w->idle_polls = 0;
		w->sleep_us = 0;
	}
	rte_rcu_qsbr_thread_offline(w->qsbr, w->index);
	rte_rcu_qsbr_thread_unregister(w->qsbr, w->index);
	return 0;
}
