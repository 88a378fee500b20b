/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef INNER_H
#define INNER_H

/* The inner packets of envelopes. Data path. */

#include <netinet/in.h>

#include "parse.h"
#include "tunnel.h"

enum { TUNNEL_ECN = 3 }; /* of TOS or traffic class */

/* The half of the next one for what is not as most packets are. The view is that of an inner packet
 * but for what the parser finds out. */
enum drop_reason tunnel_decapsulate_any(
	const struct tunnel *tunnel, struct rte_mbuf *m, uint8_t next_header, uint8_t outer_tos);

/*
 * After esp_open_finish: m begins at the inner packet, and its view is still that of the outer
 * header (its tos is the outer one). Checks next header against the family (4 or 41), parses the
 * inner packet (the view becomes the inner one; TFC padding beyond its length is trimmed, RFC
 * 4303 2.7), applies ECN (RFC 6040), checks the selectors. Then zone is ZONE_TUNNEL, table the
 * tunnel's, tunnel and generation are the tunnel's, PKT_DECRYPTED is set.
 */
static __rte_always_inline enum drop_reason
tunnel_decapsulate(const struct tunnel *tunnel, struct rte_mbuf *m, uint8_t next_header)
{
	const uint64_t checksums = RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK;
	struct pkt *view = pkt(m);
	const uint8_t outer_tos = view->tos;

	/* What the NIC and the parser found out was about the outer packet. */
	if (unlikely(m->ol_flags & checksums))
		m->ol_flags &= ~checksums;
	view->word3 = tunnel->index | (uint64_t)tunnel->generation << PKT_GENERATION_SHIFT;
	view->word0 = view->port | (uint64_t)ZONE_TUNNEL << PKT_ZONE_SHIFT |
		      (uint64_t)PKT_DECRYPTED << PKT_FLAGS_SHIFT;
	view->word1 = (uint64_t)tunnel->table << PKT_TABLE_SHIFT;
	/* RFC 6040: an outer field that says nothing leaves the inner one as it is */
	if (likely(next_header == IPPROTO_IPIP && (outer_tos & TUNNEL_ECN) == 0 &&
		    tunnel->n_selectors == 0 && parse_ipv4_common(m, 0, PKT_DECRYPTED, false)))
		return DROP_NONE;
	return tunnel_decapsulate_any(tunnel, m, next_header, outer_tos);
}

#endif
