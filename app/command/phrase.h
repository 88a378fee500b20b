/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PHRASE_H
#define PHRASE_H

/* What people say who know testpmd, in the words of our methods. */

#include <stddef.h>

/* Words of our own, some of them new strings. */
struct phrase {
	char **at;
	size_t count;
};

/*
 * "drops", "show drops", "show port stats all", "clear port stats", "start tunnel T", "stop tunnel
 * T", "set tunnel T mtu 1300": as methods have them. Other words stay. To be freed with
 * phrase_free.
 */
struct phrase phrase_of(const char *const *words, size_t count);

/* The words that such phrases begin with: "start", NULL after the last; some come twice. */
const char *phrase_first(size_t i);

/* What follows that word there: "tunnel" after "start", NULL after the last; some come twice. */
const char *phrase_second(const char *first, size_t i);

/* Wipes them before. */
void phrase_free(struct phrase *phrase);

#endif
