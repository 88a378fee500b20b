/* SPDX-License-Identifier: BSD-3-Clause */
#include "phrase.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_WORDS = 5 };

/* A "*" stands for one word, which is put in the same place. */
static const struct {
	const char *said[PATTERN_WORDS], *meant[PATTERN_WORDS];
} rows[] = {
	{{"show", "port", "stats", "all"}, {"stats", "get", "what=ports"}},
	{{"show", "port", "stats"}, {"stats", "get", "what=ports"}},
	{{"show", "port", "stats", "*"}, {"port", "get", "*"}},
	{{"show", "port", "info", "all"}, {"port", "list"}},
	{{"show", "port", "info", "*"}, {"port", "get", "*"}},
	{{"show", "port", "all"}, {"port", "list"}},
	{{"show", "drops"}, {"stats", "get", "what=drops"}},
	{{"drops"}, {"stats", "get", "what=drops"}},
	{{"clear", "port", "stats", "all"}, {"stats", "reset"}},
	{{"clear", "port", "stats"}, {"stats", "reset"}},
	{{"clear", "stats"}, {"stats", "reset"}},
	{{"start", "tunnel", "*"}, {"tunnel", "update", "*", "state=up"}},
	{{"stop", "tunnel", "*"}, {"tunnel", "update", "*", "state=down"}},
	{{"tunnel", "start", "*"}, {"tunnel", "update", "*", "state=up"}},
	{{"tunnel", "stop", "*"}, {"tunnel", "update", "*", "state=down"}},
};

static void
add(struct phrase *phrase, char *word)
{
	char **grown = reallocarray(phrase->at, phrase->count + 1, sizeof(grown[0]));

	if (!grown || !word)
		abort();
	phrase->at = grown;
	phrase->at[phrase->count++] = word;
}

static size_t
length_of(const char *const words[PATTERN_WORDS])
{
	size_t n = 0;

	while (n < PATTERN_WORDS && words[n])
		n++;
	return n;
}

/* Whether the words are the pattern; *any: what its '*' stands for. */
static bool
matches(const char *const said[PATTERN_WORDS], const char *const *words, size_t count,
	const char **any)
{
	if (length_of(said) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(said[i], "*") == 0)
			*any = words[i];
		else if (strcmp(said[i], words[i]) != 0)
			return false;
	}
	return true;
}

/* "set tunnel ipsec0 mtu 1300 ttl 9": pairs without '=' behind what names the object. */
static size_t
pairs_from(const char *const *words, size_t count)
{
	static const char *const verbs[] = {"set", "update", "change"};
	size_t i = 0;

	if (count < 5 || count % 2 == 0)
		return count;
	while (i < 3 && strcmp(words[0], verbs[i]) != 0 && strcmp(words[1], verbs[i]) != 0)
		i++;
	for (size_t w = 3; w < count; w++)
		if (strchr(words[w], '='))
			return count;
	return i < 3 ? 3 : count;
}

struct phrase
phrase_of(const char *const *words, size_t count)
{
	size_t pairs = pairs_from(words, count);
	struct phrase phrase = {0};
	const char *any = NULL;
	char *pair;

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		if (!matches(rows[r].said, words, count, &any))
			continue;
		for (size_t i = 0; i < length_of(rows[r].meant); i++)
			add(&phrase, strdup(strcmp(rows[r].meant[i], "*") == 0 && any
						     ? any
						     : rows[r].meant[i]));
		return phrase;
	}
	for (size_t i = 0; i < pairs; i++)
		add(&phrase, strdup(words[i]));
	for (size_t i = pairs; i + 1 < count; i += 2) {
		if (asprintf(&pair, "%s=%s", words[i], words[i + 1]) < 0)
			abort();
		add(&phrase, pair);
	}
	return phrase;
}

const char *
phrase_first(size_t i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? rows[i].said[0] : NULL;
}

const char *
phrase_second(const char *first, size_t i)
{
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		const char *second = rows[r].said[1];

		if (second && strcmp(second, "*") != 0 && strcmp(rows[r].said[0], first) == 0 &&
			i-- == 0)
			return second;
	}
	return NULL;
}

void
phrase_free(struct phrase *phrase)
{
	for (size_t i = 0; i < phrase->count; i++) {
		explicit_bzero(phrase->at[i], strlen(phrase->at[i]));
		free(phrase->at[i]);
	}
	free(phrase->at);
	*phrase = (struct phrase){0};
}
