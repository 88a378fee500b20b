/* SPDX-License-Identifier: BSD-3-Clause */
#include "words.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One line being split: what is read, and the word that is written from it. */
struct splitter {
	const char *from;
	char *word, *to;
};

static bool
is_blank(char c)
{
	return isspace((unsigned char)c) != 0;
}

/* The text inside quotes, up to the closing one. */
static int
take_quoted(struct splitter *s, struct error *err)
{
	char quote = *s->from++;

	while (*s->from && *s->from != quote) {
		if (quote == '"' && s->from[0] == '\\' && s->from[1])
			s->from++;
		*s->to++ = *s->from++;
	}
	if (!*s->from)
		return error_set(err, -EINVAL, "a %c is opened and never closed", quote);
	s->from++;
	return 0;
}

/* JSON as it stands, to the bracket that closes the first one. */
static int
take_json(struct splitter *s, struct error *err)
{
	bool quoted = false;
	int depth = 0;

	while (*s->from) {
		char c = *s->from;

		*s->to++ = *s->from++;
		if (quoted && c == '\\' && *s->from)
			*s->to++ = *s->from++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']') && --depth == 0)
			return 0;
	}
	return error_set(err, -EINVAL, "JSON ends before its %s",
		quoted ? "string does (a \" is missing)" : "last bracket is closed");
}

static bool
json_begins(const struct splitter *s)
{
	bool first = s->to == s->word || s->to[-1] == '=';

	return first && (*s->from == '{' || *s->from == '[');
}

static int
take_word(struct splitter *s, struct error *err)
{
	int rc = 0;

	while (rc == 0 && *s->from && !is_blank(*s->from)) {
		if (json_begins(s)) {
			rc = take_json(s, err);
		} else if (*s->from == '\'' || *s->from == '"') {
			rc = take_quoted(s, err);
		} else {
			if (s->from[0] == '\\' && s->from[1])
				s->from++;
			*s->to++ = *s->from++;
		}
	}
	*s->to = '\0';
	return rc;
}

static void
words_add(struct words *words, const char *text)
{
	char **grown = reallocarray(words->at, words->count + 1, sizeof(grown[0]));

	if (!grown)
		abort();
	words->at = grown;
	words->at[words->count] = strdup(text);
	if (!words->at[words->count++])
		abort();
}

int
words_split(const char *line, struct words *words, struct error *err)
{
	size_t bytes = strlen(line) + 1;
	struct splitter s = {.from = line, .word = malloc(bytes)};
	int rc = 0;

	*words = (struct words){0};
	if (!s.word)
		abort();
	for (;;) {
		while (is_blank(*s.from))
			s.from++;
		if (!*s.from || *s.from == '#')
			break;
		s.to = s.word;
		rc = take_word(&s, err);
		if (rc != 0)
			break;
		words_add(words, s.word);
	}
	explicit_bzero(s.word, bytes);
	free(s.word);
	if (rc != 0)
		words_free(words);
	return rc;
}

void
words_free(struct words *words)
{
	for (size_t i = 0; i < words->count; i++) {
		explicit_bzero(words->at[i], strlen(words->at[i]));
		free(words->at[i]);
	}
	free(words->at);
	*words = (struct words){0};
}
