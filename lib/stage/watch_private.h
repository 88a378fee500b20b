/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WATCH_PRIVATE_H
#define WATCH_PRIVATE_H

/* What watch.c and watch_frames.c share. */

#include "worker.h"

static inline struct trace *
watch_trace(const struct watcher *x)
{
	return __atomic_load_n(&x->watch->trace, __ATOMIC_ACQUIRE);
}

static inline struct capture *
watch_capture(const struct watcher *x, unsigned int i)
{
	return __atomic_load_n(&x->watch->captures[i], __ATOMIC_ACQUIRE);
}

/* The number by which captures know the watcher. */
static inline uint16_t
watch_writer(const struct watcher *x)
{
	return x->worker == TRACE_CONTROL ? x->watch->n_workers : x->worker;
}

/* The slot of a packet that is looked at, or NULL. */
struct trace_slot *watch_slot(const struct watcher *x, struct rte_mbuf *m);

/* Whether the slot's packet is in pieces. */
bool watch_is_shared(const struct watcher *x, const struct pkt_mark *mark);

/* Gives a packet that nobody looks at yet a slot, if a filter may want it. */
void watch_begin(const struct watcher *x, struct rte_mbuf *m, const struct look_header *h);

/* Gives back what a mark stands for; the trace keeps it or not. */
void watch_release(const struct watcher *x, struct trace_slot *slot, const struct pkt_mark *mark);

/* What a note says beyond the packet itself. */
struct note {
	enum trace_point point;
	enum trace_layer layer; /* where data begins */
	uint32_t number;
	uint16_t port, reason;
	bool is_end;
};

/* Notes where the packet is; the record for more to be filled in, NULL when there is none to. */
struct trace_record *watch_make(const struct watcher *x, struct rte_mbuf *m,
	struct trace_slot *slot, const struct note *note);

/* A condition of the trace's filter was met. */
void watch_met(struct trace_slot *slot, enum look_condition condition);

#endif
