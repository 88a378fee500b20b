/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WATCH_H
#define WATCH_H

/*
 * Where the packet path is looked at: what traces and captures (lib/look) learn of it. Nothing here
 * runs in a turn in which nobody looks (loop.c). Data path; watch_control and what follows: the
 * control lcore.
 */

#include "capture.h"
#include "drop.h"
#include "pkt.h"
#include "trace.h"

struct tables;
struct spd_result;
struct crypto_burst;

enum { WATCH_CAPTURES = 4 };

/*
 * What is looked at. The control lcore writes the pointers, and takes down what they led to after a
 * grace period.
 */
struct watch {
	struct trace *trace;                      /* atomic; NULL: none */
	struct capture *captures[WATCH_CAPTURES]; /* atomic; NULL: none */
	uint16_t n_workers;
	struct trace_slots slots[WORKERS_MAX]; /* by worker */
};

/* Who looks: a worker, or the control lcore. */
struct watcher {
	struct watch *watch; /* NULL: nobody looks */
	const struct tables *tables;
	uint16_t worker; /* index or TRACE_CONTROL */
};

/* Before a worker's turn. */
void watch_turn(const struct watcher *x);

/* Frames of an ethdev, before anything reads them: captured, and those that a filter may want are
 * marked. */
void watch_received(
	const struct watcher *x, uint16_t ethdev, struct rte_mbuf *const *pkts, uint16_t n);

/* What came out of the worker's inbox: what the control lcore sends begins here. */
void watch_inbox(const struct watcher *x, struct rte_mbuf *const *pkts, uint16_t n);

/* IP packets at a point between the stages. */
void watch_note(
	const struct watcher *x, enum trace_point point, struct rte_mbuf *const *pkts, uint16_t n);

/* What is in `again`: out of an envelope, or another round. */
void watch_again(const struct watcher *x, struct rte_mbuf *const *pkts, uint16_t n);

/* A policy matched; id: its own. */
void watch_policy(
	const struct watcher *x, struct rte_mbuf *m, const struct spd_result *r, uint32_t id);

/* Packets of the crypto burst before they go to their engine, and when they are back. */
void watch_jobs(const struct watcher *x, const struct crypto_burst *burst, bool asynchronous);
void watch_jobs_done(const struct watcher *x, struct rte_mbuf *const *pkts, uint16_t n);

/* Before they are put into the ring. */
void watch_hand_over(const struct watcher *x, uint16_t to, struct rte_mbuf *const *pkts, uint16_t n,
	enum pkt_task task);
void watch_to_control(const struct watcher *x, struct rte_mbuf *m, enum pkt_task task);

/* A packet was cut: all of its pieces. */
void watch_split(const struct watcher *x, struct rte_mbuf *const *pieces, uint16_t n);

/* m came out of the reassembly, whole or not: fragments that are parts of it now end here. */
void watch_joined(const struct watcher *x, struct rte_mbuf *m, bool whole);

/* Frames before and after they were given to a driver, which took the first `sent` of them. */
struct watch_frames {
	uint16_t n;
	struct rte_mbuf *const *pkts;
	struct trace_slot *slots[BURST_MAX];
	struct pkt_mark marks[BURST_MAX];
	struct trace_record *records[BURST_MAX];
	struct capture_packet *captured[BURST_MAX][WATCH_CAPTURES];
};
void watch_transmit(const struct watcher *x, uint16_t port, struct rte_mbuf *const *pkts,
	uint16_t n, struct watch_frames *frames);
void watch_transmitted(const struct watcher *x, struct watch_frames *frames, uint16_t sent);

/* The packet dies: noted and captured. It has its slot still: watch_end. */
void watch_drop(const struct watcher *x, struct rte_mbuf *m, enum drop_reason why);

/* The packet is gone, or nobody's business any more: before its mbuf is freed. */
void watch_end(const struct watcher *x, struct rte_mbuf *m);

/* --- the control lcore */

/* What it does with a packet that a worker left to it. number: by point. */
void watch_control(
	const struct watcher *x, struct rte_mbuf *m, enum trace_point point, uint32_t number);
void watch_neighbour(
	const struct watcher *x, struct rte_mbuf *m, uint16_t port, const struct ip_addr *a);

#endif
