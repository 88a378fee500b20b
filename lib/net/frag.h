/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FRAG_H
#define FRAG_H

/* Fragmentation and reassembly by rte_ip_frag, for both families, over chains. Data path, one
 * worker each. */

#include "drop.h"
#include "pkt.h"

enum {
	FRAG_MAX = 64 /* fragments of one packet: 65,535 bytes over an MTU of 1,280 */
};

/*
 * Cuts the parsed packet m into fragments of at most mtu bytes each (IPv4 DF is not looked at; IPv6
 * gets a fragment header with `id`). The fragments are parsed, have m's view (zone, table, nexthop,
 * …) and may share m's data by indirect mbufs: pkt_append and pkt_prepend know. Takes m over when
 * it succeeds. Returns how many, or 0 with m unchanged. On return every fragment has its own right
 * IPv4 header checksum.
 */
uint16_t frag_split(struct rte_mbuf *m, uint16_t mtu, uint32_t id, struct rte_mempool *direct,
	struct rte_mempool *indirect, struct rte_mbuf *out[FRAG_MAX]);

struct reassembly;

/* max_packets: packets under reassembly at once. timeout_ns: RFC 791 and 8200 say up to 60 s; here
 * 2 s by default. */
struct reassembly *reassembly_create(uint32_t max_packets, uint64_t timeout_ns, int socket);
void reassembly_destroy(struct reassembly *r);

/*
 * Takes a parsed fragment. Returns the whole packet (parsed anew, PKT_REASSEMBLED set, view of the
 * last fragment taken otherwise), or NULL while parts are missing. Fragments that die (time-out,
 * overlap, no room) are put into dead[] and counted in *dead_count with why (all of one call share
 * the reason); dead has room for 2 * 32 (rte_ip_frag's death row). The caller drops them.
 */
struct rte_mbuf *reassembly_add(struct reassembly *r, struct rte_mbuf *m, uint64_t now_tsc,
	struct rte_mbuf *dead[64], uint16_t *dead_count, enum drop_reason *why);

/* Ages the table; the same contract for dead. Called now and then. */
void reassembly_age(
	struct reassembly *r, uint64_t now_tsc, struct rte_mbuf *dead[64], uint16_t *dead_count);

/* Frees all that waits. */
void reassembly_flush(struct reassembly *r);

#endif
