/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef REPLAY_H
#define REPLAY_H

/*
 * The anti-replay window of RFC 4303 3.4.3 and appendix A, on extended (64-bit) sequence numbers:
 * without ESN the high half is always 0. One writer: the SA's owning worker.
 *
 * replay_check() before decryption, replay_commit() after the ICV was verified; the commit checks
 * again, since two copies may be in one burst.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drop.h"

enum {
	REPLAY_WINDOW_MIN = 32,
	REPLAY_WINDOW_DEFAULT = 64,
	REPLAY_WINDOW_MAX = 4096,
	REPLAY_WORD_BITS = 64,
};

struct replay_window {
	uint64_t top;   /* highest sequence number accepted; 0: none yet */
	uint32_t size;  /* numbers remembered; 0: replay protection is off */
	uint32_t mask;  /* of the ring of words below */
	uint64_t *bits; /* a ring; the caller's memory, replay_window_words() words */
};

/* How many 64-bit words `bits` must have for a window of `size`; 0 for 0. */
size_t replay_window_words(uint32_t size);

/* bits: zeroed by this call. size: 0 or REPLAY_WINDOW_MIN to REPLAY_WINDOW_MAX. */
void replay_window_init(struct replay_window *w, uint32_t size, uint64_t *bits);

/*
 * The 64-bit sequence number that the low half on the wire means (RFC 4303 appendix A2): with esn
 * false it is seq itself. With size 0 (off) and ESN the window counts as 2^31 wide, so that the
 * high half still follows.
 */
static inline uint64_t
replay_infer(const struct replay_window *w, uint32_t seq, bool esn)
{
	uint32_t size = w->size != 0 ? w->size : UINT32_C(1) << 31;
	uint64_t left;

	if (!esn)
		return seq;
	/* Of the numbers with this low half, the first one not left of the window: both cases of
	 * RFC 4303 A2.2. At the start, the window does not reach below 0. */
	left = w->top < size ? 0 : w->top - size + 1;
	return left + (uint32_t)(seq - (uint32_t)left);
}

/* DROP_NONE, DROP_replay_old or DROP_replay_seen. Sequence number 0 without ESN (never sent) is
 * replay_old. Changes nothing. */
static inline enum drop_reason
replay_check(const struct replay_window *w, uint64_t seq)
{
	if (w->size == 0 || seq > w->top)
		return DROP_NONE;
	if (seq == 0 || w->top - seq >= w->size)
		return DROP_replay_old;
	if (w->bits[seq / REPLAY_WORD_BITS & w->mask] >> seq % REPLAY_WORD_BITS & 1)
		return DROP_replay_seen;
	return DROP_NONE;
}

/* The right edge will be seq, in another word than now: the words that come into the window are
 * forgotten. */
void replay_window_advance(const struct replay_window *w, uint64_t seq);

/* As replay_check, and marks seq as seen when it passes; a failure here is DROP_replay_late. */
static inline enum drop_reason
replay_commit(struct replay_window *w, uint64_t seq)
{
	if (replay_check(w, seq) != DROP_NONE)
		return DROP_replay_late;
	if (w->size == 0) {
		w->top = seq > w->top ? seq : w->top;
		return DROP_NONE;
	}
	if (seq > w->top) {
		if (seq / REPLAY_WORD_BITS != w->top / REPLAY_WORD_BITS)
			replay_window_advance(w, seq);
		w->top = seq;
	}
	w->bits[seq / REPLAY_WORD_BITS & w->mask] |= UINT64_C(1) << seq % REPLAY_WORD_BITS;
	return DROP_NONE;
}

#endif
