/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "replay.h"

/*
 * Number n lies in word n / 64 of the ring (RFC 6479). The ring has room for every word that the
 * window can touch, so moving on clears whole words and shifts nothing.
 */

size_t
replay_window_words(uint32_t size)
{
	size_t words = 1;

	/* the most words that `size` numbers in a row can lie in */
	while (size != 0 && words < (size + REPLAY_WORD_BITS - 2) / REPLAY_WORD_BITS + 1)
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

void
replay_window_advance(const struct replay_window *w, uint64_t seq)
{
	uint64_t word = w->top / REPLAY_WORD_BITS;
	uint64_t new_words = seq / REPLAY_WORD_BITS - word;

	if (new_words > w->mask)
		new_words = (uint64_t)w->mask + 1;
	for (uint64_t i = 1; i <= new_words; i++)
		w->bits[(word + i) & w->mask] = 0;
}
