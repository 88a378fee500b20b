/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_DROPS_TRICKS_H
#define STAGE_DROPS_TRICKS_H

/* What must be arranged inside the gateway before a packet can die in a rare way, and undone. */

#include "fixture.h"

struct trick;
typedef void trick_fn(struct trick *t);

struct trick {
	struct stage_fixture *f;
	struct peer *peer;
	uint64_t seq;           /* for inbound envelopes */
	struct rte_mbuf *frame; /* the first one of the row, not yet put */
	trick_fn *later;        /* when all frames are through, before counting */
	/* what was there before */
	struct sa *sa;
	struct crypto_engine *engine;
	struct reassembly *reassembly;
	struct rte_ring *ring, *full;
	uint64_t number;
	struct rte_mbuf *pool[8192];
	unsigned int pool_n;
};

trick_fn trick_tunnel_replaced, untrick_tunnel_replaced;
trick_fn trick_loop, untrick_loop;
trick_fn trick_loop_unseen, untrick_loop_unseen;
trick_fn trick_no_sa, untrick_no_sa;
trick_fn trick_unreserved, untrick_unreserved;
trick_fn trick_crypto_failed, trick_crypto_full, untrick_engine;
trick_fn trick_impatient, untrick_impatient; /* reassembly waits a microsecond */
trick_fn trick_overlap;
trick_fn trick_ike, trick_arp; /* change the frame */
trick_fn trick_wait;           /* lets neighbours fail to answer */
trick_fn trick_inbox_full, untrick_inbox_full;
trick_fn trick_control_full, untrick_control_full;
trick_fn trick_pool_empty, untrick_pool_empty;
trick_fn trick_linear, untrick_linear;
trick_fn trick_link_down, untrick_link_down;
trick_fn trick_tx_full, untrick_tx_full;
trick_fn trick_not_forwarding, untrick_not_forwarding;

#endif
