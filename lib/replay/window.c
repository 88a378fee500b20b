/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "replay.h"

#define WORD_BITS 64

/*
 * Number n lies in word n / 64 of the ring (RFC 6479). The ring has room for every word that the
 * window can touch, so moving on clears whole words and shifts nothing.
 */

size_t
replay_window_words(uint32_t size)
{
	size_t words = 1;

	/* the most words that `size` numbers in a row can lie in */
	while (size != 0 && words < (size + WORD_BITS - 2) / WORD_BITS + 1)
		words *= 2;
	return size == 0 ? 0 : words;
}

void
replay_window_init(struct replay_window *w, uint32_t size, uint64_t *bits)
{
	size_t words = replay_window_words(size);

	w->top = 0;
	w->size = size;
	w->mask = words == 0 ? 0 : (uint32_t)words - 1;
	w->bits = bits;
	if (words != 0)
		memset(bits, 0, words * sizeof(*bits));
}

uint64_t
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

enum drop_reason
replay_check(const struct replay_window *w, uint64_t seq)
{
	if (w->size == 0 || seq > w->top)
		return DROP_NONE;
	if (seq == 0 || w->top - seq >= w->size)
		return DROP_replay_old;
	if (w->bits[seq / WORD_BITS & w->mask] >> seq % WORD_BITS & 1)
		return DROP_replay_seen;
	return DROP_NONE;
}

/* Moves the right edge to seq: the words that come into the window are forgotten. */
static void
window_advance(struct replay_window *w, uint64_t seq)
{
	uint64_t word = w->top / WORD_BITS;
	uint64_t new_words = seq / WORD_BITS - word;

	if (new_words > w->mask)
		new_words = (uint64_t)w->mask + 1;
	for (uint64_t i = 1; i <= new_words; i++)
		w->bits[(word + i) & w->mask] = 0;
	w->top = seq;
}

enum drop_reason
replay_commit(struct replay_window *w, uint64_t seq)
{
	if (replay_check(w, seq) != DROP_NONE)
		return DROP_replay_late;
	if (w->size == 0) {
		w->top = seq > w->top ? seq : w->top;
		return DROP_NONE;
	}
	if (seq > w->top)
		window_advance(w, seq);
	w->bits[seq / WORD_BITS & w->mask] |= UINT64_C(1) << seq % WORD_BITS;
	return DROP_NONE;
}
