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
 * lcore, ESP over IPv4 to w->esp_in (empty before). */
uint16_t stage_input(struct worker *w, uint16_t ethdev, struct rte_mbuf **pkts, uint16_t n);

/* Sets nexthop (a member, where the route is a group) by destination and table. */
uint16_t stage_route(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* Of a packet that is addressed to us: reassembles, puts envelopes into w->esp_in (at the outer
 * header, l4_offset at ESP). true: *m is none, and goes on to the policies. */
bool stage_envelope(struct worker *w, struct rte_mbuf **m);

/* Envelopes for us; of the others policies, then the zone table; TTL. Survivors leave: to
 * w->protect, w->output (both empty before) or the control lcore (self). */
void stage_decide(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* w->protect: tunnel state, selectors, size; then stage_seal, and the crypto. */
void stage_protect(struct worker *w);

/* Packets of one tunnel: to the SA's owner, or into the crypto burst. t: NULL when it is gone. */
void stage_seal(struct worker *w, struct tunnel *t, struct rte_mbuf **pkts, uint16_t n);

/* w->esp_in: SAD, owner, replay, crypto. Inner packets go to w->again. */
void stage_open(struct worker *w);

/* What asynchronous engines have finished; returns how many packets that were. */
uint16_t stage_crypto_poll(struct worker *w);

/* The crypto burst to append jobs of an SA's packets (with view.sa) to, and how many fit, at least
 * one: what was in it goes to its engine first when it is full or another engine's. */
struct crypto_burst *stage_crypto_room(struct worker *w, const struct sa *sa, uint16_t *room);

/* Hands the crypto burst to its engine; each packet comes out in stage_sealed or stage_opened. */
void stage_crypto(struct worker *w);

/* Of packets after their crypto, how many from the first on are finished frames for one port, which
 * has them now (of these alone is TASK_TX). n: at least 1. */
uint16_t stage_framed(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* Packets of one SA after their crypto: the second halves of stage_seal and stage_open. */
void stage_sealed(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n);
void stage_opened(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n);

/* Of an envelope over UDP, which begins at its ESP header: the outer headers are before it still,
 * stage_envelope sees to it. */
static inline const void *
stage_outer_header(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const void *, -(int)pkt_const(m)->l4_offset);
}

/*
 * An envelope over UDP that came from elsewhere than its tunnel's remote address and port. Its ICV
 * was right, and it is the next to be committed: those before it have been. The control lcore is
 * told of the newest one so far (RFC 3948, 7296 2.23). DROP_NONE, or why it ends here, committed:
 * with encapsulation ipip only the remote address may send (RFC 3884 4.1).
 */
enum drop_reason stage_moved(struct worker *w, struct sa *sa, struct tunnel *t, struct rte_mbuf *m);

/* Packets that enter routing anew: into w->again, or, when that is full, through the worker's own
 * inbox. */
void stage_again(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* Packets with their next hops: link-layer address, MTU (fragments), Ethernet header; into w->tx by
 * port. */
void stage_output(struct worker *w, struct rte_mbuf **pkts, uint16_t n);

/* Sends what is in w->tx. */
void stage_transmit(struct worker *w);

/* Finished frames for a port (its index), 1 to BURST_MAX: into w->tx, or to the worker that owns
 * the port's queue.
 */
void stage_frames(struct worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n);

#endif
