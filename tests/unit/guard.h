/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef GUARD_H
#define GUARD_H

/*
 * Packets against a page that nobody may touch. Sanitizers see one big allocation where a mempool
 * is: an mbuf read beyond its data, or beyond its buffer, goes unnoticed. Here one byte too far is
 * SIGSEGV.
 */

#include <rte_mbuf.h>

/* Where the forbidden page is: right before the first byte, or right after the last. */
enum guard_end { GUARD_BEFORE, GUARD_AFTER };

/*
 * An mbuf of pool with a buffer of its own that holds the len bytes. The page at `end` touches
 * them, with `room` bytes between (head- or tailroom); at the other end the room is what is left of
 * a page. rte_pktmbuf_free gives all back. NULL: no mbuf, or more than 60,000 bytes.
 */
struct rte_mbuf *guard_mbuf_room(struct rte_mempool *pool, const void *bytes, uint32_t len,
	enum guard_end end, uint16_t room);

/* The same without room. */
struct rte_mbuf *guard_mbuf(
	struct rte_mempool *pool, const void *bytes, uint32_t len, enum guard_end end);

/* The same in segments of at most `segment` bytes, each against a page of its own; the first has
 * `first` bytes (0: as the others). */
struct rte_mbuf *guard_chain(struct rte_mempool *pool, const void *bytes, uint32_t len,
	uint16_t first, uint16_t segment, enum guard_end end);

#endif
