/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef INNER_H
#define INNER_H

/* The inner packets of envelopes. Data path. */

#include <netinet/in.h>

#include "parse.h"
#include "tunnel.h"

enum { TUNNEL_ECN = 3 }; /* of TOS or traffic class */

/* What the views of a tunnel's inner packets have in common, in the view's words. */
struct tunnel_inner {
	uint64_t word0, word1, word3;
};

static inline struct tunnel_inner
tunnel_inner_of(const struct tunnel *tunnel)
{
	return (struct tunnel_inner){
		.word0 = (uint64_t)ZONE_TUNNEL << PKT_ZONE_SHIFT | (uint64_t)PKT_DECRYPTED
									   << PKT_FLAGS_SHIFT,
		.word1 = (uint64_t)tunnel->table << PKT_TABLE_SHIFT,
		.word3 = tunnel->index | (uint64_t)tunnel->generation << PKT_GENERATION_SHIFT,
	};
}

/* A view that was the outer packet's is the inner one's, but for what the parser finds out. */
static inline void
tunnel_inner_view(const struct tunnel_inner *inner, struct pkt *view)
{
	view->word0 = view->port | inner->word0;
	view->word1 = inner->word1;
	view->word3 = inner->word3;
}

/* What the NIC and the parser found out about the checksums of an outer packet. */
#define TUNNEL_OUTER_CHECKSUMS (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK)

/*
 * After esp_open_finish: m begins at the inner packet, and its view is still that of the outer
 * header (its tos is the outer one). Checks next header against the family (4 or 41), parses the
 * inner packet (the view becomes the inner one; TFC padding beyond its length is trimmed, RFC
 * 4303 2.7), applies ECN (RFC 6040), checks the selectors. Then zone is ZONE_TUNNEL, table the
 * tunnel's, tunnel and generation are the tunnel's, PKT_DECRYPTED is set.
 */
enum drop_reason tunnel_decapsulate(
	const struct tunnel *tunnel, struct rte_mbuf *m, uint8_t next_header);

/* Whether the outer header of m, whose view is still that one's, leaves nothing for
 * tunnel_decapsulate to do: its ECN field lets the inner one be (RFC 6040), and no NIC's word about
 * its checksums is left. Next header, inner packet and selectors are another matter. */
static inline bool
tunnel_outer_is_silent(const struct rte_mbuf *m)
{
	return (pkt_const(m)->tos & TUNNEL_ECN) == 0 && !(m->ol_flags & TUNNEL_OUTER_CHECKSUMS);
}

#endif
