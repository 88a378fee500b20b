/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FRAG_H
#define FRAG_H

/*
 * Fragmentation and reassembly for both families, over chains. Data path, one worker each.
 *
 * rte_ip_frag 22.11 does not do: it is built for 8 fragments a packet (a Linux peer sends a 64 KB
 * ping as one envelope in 45), it discards a packet for one duplicated fragment, forgets an overlap
 * (RFC 5722 wants the later fragments of that packet discarded too), knows no IPv6 header before
 * the fragment header, cannot give its IPv6 fragments an identification and refuses to cut an IPv4
 * packet with DF.
 */

#include "drop.h"
#include "pkt.h"

enum {
	FRAG_MAX = 64 /* fragments of one packet: 65,535 bytes over an MTU of 1,280 */
};

/*
 * Cuts the parsed packet m into fragments of at most mtu bytes each (IPv4 DF is not looked at; IPv6
 * gets a fragment header with `id`). The fragments are parsed, have m's view (zone, table, nexthop,
 * …), right checksums, and are copies: direct mbufs from pool, one segment each where the MTU fits
 * into one, so that every port can send them. Takes m over when it succeeds; a packet that needs no
 * cutting is its own only fragment. Returns how many, or 0 with m unchanged (no mbuf, more than
 * FRAG_MAX, an IPv6 fragment).
 */
uint16_t frag_split(struct rte_mbuf *m, uint16_t mtu, uint32_t id, struct rte_mempool *pool,
	struct rte_mbuf *out[FRAG_MAX]);

struct reassembly;

/*
 * max_packets: packets under reassembly at once, of at most FRAG_MAX - 1 fragments each and 8 on
 * average. timeout_ns: RFC 791 and 8200 say up to 60 s; here 2 s by default. NULL: no memory.
 * Control lcore.
 */
struct reassembly *reassembly_create(uint32_t max_packets, uint64_t timeout_ns, int socket);

/* Frees what waits, too. r may be NULL. */
void reassembly_destroy(struct reassembly *r);

/*
 * Takes a parsed fragment. Returns the whole packet (parsed anew, PKT_REASSEMBLED set, view of the
 * last fragment taken otherwise, CE where any fragment had it: RFC 3168 5.3), or NULL while parts
 * are missing. Fragments that die (time-out, overlap, no room) are put into dead[] and counted in
 * *dead_count with why (all of one call share the reason). The caller drops them.
 */
struct rte_mbuf *reassembly_add(struct reassembly *r, struct rte_mbuf *m, uint64_t now_tsc,
	struct rte_mbuf *dead[FRAG_MAX], uint16_t *dead_count, enum drop_reason *why);

/* Ages the table; the same contract for dead. Called now and then. */
void reassembly_age(struct reassembly *r, uint64_t now_tsc, struct rte_mbuf *dead[FRAG_MAX],
	uint16_t *dead_count);

/* Written by the worker; others read torn-free. */
struct reassembly_usage {
	uint32_t packets, packets_max; /* that wait for parts */
	uint32_t mbufs, mbufs_max;     /* in these parts */
	uint64_t fragments;            /* taken, those that died included */
	uint64_t completed;            /* packets */
};

/* Any thread; valid as long as r. */
const struct reassembly_usage *reassembly_usage(const struct reassembly *r);

/* Frees all that waits; returns how many fragments that were. */
uint32_t reassembly_flush(struct reassembly *r);

#endif
