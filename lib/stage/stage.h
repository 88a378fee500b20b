/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_H
#define STAGE_H

/*
 * The steps of the packet walk (doc/architecture.md). A stage takes a burst and returns the
 * survivors, compacted in place; losers are dropped with a reason, and packets that leave the
 * common way are put into a named burst of the worker. All run on the worker's own lcore, inside an
 * RCU read section.
 */

#include "worker.h"

/* Frames of an ethdev -> parsed IP packets with port, zone and table. ARP goes to the control
 * lcore. */
uint16_t stage_input(struct worker *w, uint16_t ethdev, struct rte_mbuf **pkts, uint16_t n);

/* Sets nexthop (a member, where the route is a group) by destination and table. */
uint16_t stage_route(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* Of what is addressed to us: reassembles, puts envelopes into w->esp_in (at the outer header,
 * l4_offset at ESP). */
uint16_t stage_envelope(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* Policies, then the zone table; TTL. Survivors may leave: to w->protect, w->output or the control
 * lcore (self). */
void stage_decide(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* w->protect: tunnel state, selectors, size; then stage_seal. */
void stage_protect(struct worker *w);

/* To the SA's owner, or ESP with all of one SA in one crypto burst. Envelopes go to w->output or
 * w->again. */
void stage_seal(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* w->esp_in: SAD, owner, replay, crypto. Inner packets go to w->again. */
void stage_open(struct worker *w);

/* What asynchronous engines have finished; returns how many packets that were. */
uint16_t stage_crypto_poll(struct worker *w);

/*
 * Calls fn with all the packets of each SA (view.sa) in turn, in order, at most CRYPTO_BURST at
 * once: one crypto call for each group, however the SAs are mixed in the burst.
 */
typedef void stage_group_fn(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n);
void stage_by_sa(struct worker *w, struct rte_mbuf **pkts, uint16_t n, stage_group_fn *fn);

/* Hands a crypto burst of one SA to its engine; each packet comes out in stage_sealed or
 * stage_opened. */
void stage_crypto(struct worker *w, struct sa *sa, struct crypto_burst *burst);

/* Packets of one SA after their crypto: the second halves of stage_seal and stage_open. */
void stage_sealed(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n);
void stage_opened(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n);

/* A packet that enters routing anew: into w->again, or, when that is full, through the worker's own
 * inbox. */
void stage_again(struct worker *w, struct rte_mbuf *m);

/* w->output: link-layer address, MTU (fragments), Ethernet header; into w->tx by port. */
void stage_output(struct worker *w);
/* The same for packets whose next hop is known. */
void stage_output_run(struct worker *w, uint32_t nexthop, struct rte_mbuf **pkts, uint16_t n);

/* Sends what is in w->tx. */
void stage_transmit(struct worker *w);

/* A finished frame for a port: into w->tx, or to the worker that owns the port's queue. */
void stage_tx_add(struct worker *w, const struct port *port, struct rte_mbuf *m);

#endif
