/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SUGGEST_H
#define SUGGEST_H

/* "Did you mean": for messages about a word that is not known. */

#include <stddef.h>

/*
 * The one of the known words that is nearest to word by edit distance (an exchange of neighbours
 * counts one, case does not count), or NULL when none is near enough to be what was meant.
 */
const char *suggest(const char *word, const char *const *known, size_t count);

#endif
