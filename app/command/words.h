/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WORDS_H
#define WORDS_H

/* A line of the shell, of a batch file or of the prompt, as words. */

#include <stddef.h>

#include "errmsg.h"

struct words {
	char **at;
	size_t count;
};

/*
 * Splits at blanks. '…' and "…" hold blanks, a backslash takes the next character as it is, and a
 * '#' that begins a word begins a comment. JSON ({…} or […], also behind '=') is one word as it
 * stands, its quotes and blanks included. 0, or -EINVAL with what is not closed; nothing to free
 * then.
 */
int words_split(const char *line, struct words *words, struct error *err);

/* Wipes them before: there may be keys among them. */
void words_free(struct words *words);

#endif
