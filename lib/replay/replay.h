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
uint64_t replay_infer(const struct replay_window *w, uint32_t seq, bool esn);

/* DROP_NONE, DROP_replay_old or DROP_replay_seen. Sequence number 0 without ESN (never sent) is
 * replay_old. Changes nothing. */
enum drop_reason replay_check(const struct replay_window *w, uint64_t seq);

/* As replay_check, and marks seq as seen when it passes; a failure here is DROP_replay_late. */
enum drop_reason replay_commit(struct replay_window *w, uint64_t seq);

#endif
