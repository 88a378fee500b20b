/* SPDX-License-Identifier: BSD-3-Clause */
#include "suggest.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MAX = 40 };

static unsigned int
min_of(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static int
lower(char c)
{
	return tolower((unsigned char)c);
}

/* Damerau-Levenshtein (optimal string alignment) with three rows. Both lengths <= WORD_MAX. */
static unsigned int
distance(const char *a, const char *b)
{
	unsigned int rows[3][WORD_MAX + 1];
	unsigned int *before = rows[0], *last = rows[1], *row = rows[2];
	unsigned int a_length = (unsigned int)strlen(a), b_length = (unsigned int)strlen(b);

	for (unsigned int j = 0; j <= b_length; j++)
		last[j] = j;
	for (unsigned int i = 1; i <= a_length; i++) {
		row[0] = i;
		for (unsigned int j = 1; j <= b_length; j++) {
			unsigned int differs = lower(a[i - 1]) != lower(b[j - 1]);

			row[j] = min_of(last[j - 1] + differs, min_of(last[j] + 1, row[j - 1] + 1));
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = min_of(row[j], before[j - 2] + 1);
		}
		unsigned int *free_row = before;
		before = last;
		last = row;
		row = free_row;
	}
	return last[b_length];
}

const char *
suggest(const char *word, const char *const *known, size_t count)
{
	size_t length = strlen(word);
	const char *nearest = NULL;
	/* one letter in three may be wrong, and one of a short word */
	unsigned int least = (length < 3 ? 1 : (unsigned int)length / 3) + 1;

	if (length > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (!known[i] || strlen(known[i]) > WORD_MAX)
			continue;
		unsigned int d = distance(word, known[i]);
		if (d < least) {
			least = d;
			nearest = known[i];
		}
	}
	return nearest;
}
