/* SPDX-License-Identifier: BSD-3-Clause */
#include "method.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phrase.h"
#include "suggest.h"

enum { WORDS_MAX = 256 };

/* Words that mean a verb, where the noun has that verb. */
static const struct {
	const char *word, *verb;
} aliases[] = {
	{"show", "get"},
	{"show", "list"},
	{"set", "update"},
	{"change", "update"},
	{"del", "delete"},
	{"rm", "delete"},
	{"remove", "delete"},
	{"ls", "list"},
	{"new", "add"},
	{"create", "add"},
	{"clear", "reset"},
	{"clear", "flush"},
};

static const struct {
	const char *word, *noun;
} noun_aliases[] = {
	{"neighbor", "neighbour"},
	{"neigh", "neighbour"},
	{"interface", "port"},
	{"statistics", "stats"},
	{"drops", "stats"},
};

static const struct {
	const char *noun, *keys[METHOD_NAMES];
} names[] = {
	{"sa", {"spi", "direction", "tunnel"}},
	{"tunnel", {"name"}},
	{"port", {"name"}},
	{"policy", {"id"}},
	{"route", {"address", "prefix", "via", "table"}},
	{"neighbour", {"address", "port"}},
	{"worker", {"worker"}},
	{"config", {"path"}},
	{"stats", {"what"}},
	{"events", {"kinds"}},
	{"", {NULL}},
};

const char *const *
method_names(const char *noun)
{
	size_t i = 0;

	while (names[i].noun[0] && strcmp(names[i].noun, noun) != 0)
		i++;
	return names[i].keys;
}

static void
method_read(struct method *method, json_t *from)
{
	const char *name = json_string_value(json_object_get(from, "name"));
	const char *summary = json_string_value(json_object_get(from, "summary"));
	const char *dot = name ? strchr(name, '.') : NULL;

	*method = (struct method){.name = name ? name : "", .summary = summary ? summary : ""};
	method->writes = json_is_true(json_object_get(from, "writes"));
	method->params = json_object_get(from, "params");
	snprintf(method->noun, sizeof(method->noun), "%.*s",
		dot ? (int)(dot - name) : METHOD_WORD_BYTES - 1, method->name);
	snprintf(method->verb, sizeof(method->verb), "%s", dot ? dot + 1 : "");
}

int
methods_read(struct methods *methods, json_t *result, struct error *err)
{
	json_t *list = json_is_array(result) ? result : json_object_get(result, "methods");

	*methods = (struct methods){0};
	if (!json_is_array(list) || json_array_size(list) == 0)
		return error_set(err, -EINVAL, "the gateway's rpc.methods names no methods");
	methods->at = calloc(json_array_size(list), sizeof(methods->at[0]));
	if (!methods->at)
		abort();
	methods->document = json_incref(result);
	methods->count = json_array_size(list);
	for (size_t i = 0; i < methods->count; i++)
		method_read(&methods->at[i], json_array_get(list, i));
	return 0;
}

void
methods_free(struct methods *methods)
{
	json_decref(methods->document);
	free(methods->at);
	*methods = (struct methods){0};
}

const struct method *
methods_find(const struct methods *methods, const char *name)
{
	for (size_t i = 0; i < methods->count; i++)
		if (strcmp(methods->at[i].name, name) == 0)
			return &methods->at[i];
	return NULL;
}

const char *
method_alias(size_t i)
{
	return i < sizeof(aliases) / sizeof(aliases[0]) ? aliases[i].word : NULL;
}

/* "export-wireshark" is export_wireshark. */
static bool
same_word(const char *name, const char *said)
{
	while (*name && (*name == *said || (*name == '_' && *said == '-'))) {
		name++;
		said++;
	}
	return *name == *said;
}

static const struct method *
find_words(const struct methods *methods, const char *noun, const char *verb)
{
	for (size_t i = 0; i < methods->count; i++)
		if (strcmp(methods->at[i].noun, noun) == 0 && same_word(methods->at[i].verb, verb))
			return &methods->at[i];
	return NULL;
}

static const char *
noun_exact(const struct methods *methods, const char *word)
{
	for (size_t i = 0; i < methods->count; i++)
		if (strcmp(methods->at[i].noun, word) == 0)
			return methods->at[i].noun;
	return NULL;
}

/* "tunnels" and "policies". */
static const char *
noun_plural(const struct methods *methods, const char *word)
{
	size_t length = strlen(word);
	char one[METHOD_WORD_BYTES + 4];

	if (length < 3 || length > METHOD_WORD_BYTES || word[length - 1] != 's')
		return NULL;
	if (strcmp(word + length - 3, "ies") == 0)
		snprintf(one, sizeof(one), "%.*sy", (int)length - 3, word);
	else
		snprintf(one, sizeof(one), "%.*s", (int)length - 1, word);
	return noun_exact(methods, one);
}

const char *
methods_noun(const struct methods *methods, const char *word)
{
	const char *noun = noun_exact(methods, word);

	for (size_t i = 0; !noun && i < sizeof(noun_aliases) / sizeof(noun_aliases[0]); i++)
		if (strcmp(noun_aliases[i].word, word) == 0)
			noun = noun_exact(methods, noun_aliases[i].noun);
	return noun ? noun : noun_plural(methods, word);
}

const json_t *
method_param(const struct method *method, const char *name)
{
	const json_t *param;
	size_t i;

	json_array_foreach (method->params, i, param)
		if (strcmp(method_param_name(param), name) == 0)
			return param;
	return NULL;
}

const char *
method_param_name(const json_t *param)
{
	const char *name = json_string_value(json_object_get(param, "name"));

	return name ? name : "";
}

bool
method_param_required(const json_t *param)
{
	return json_is_true(json_object_get(param, "required"));
}

bool
method_needs_params(const struct method *method)
{
	const json_t *param;
	size_t i;

	json_array_foreach (method->params, i, param)
		if (method_param_required(param))
			return true;
	return false;
}

/* Whether more words follow decides what "show" is: "tunnel show" lists, "tunnel show ipsec0"
 * gets. */
static const struct method *
find_verb(const struct methods *methods, const char *noun, const char *word, bool more)
{
	const struct method *found = find_words(methods, noun, word), *method;

	for (size_t i = 0; !found && i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strcmp(aliases[i].word, word) != 0)
			continue;
		method = find_words(methods, noun, aliases[i].verb);
		if (method && (more || !method_needs_params(method) ||
				      strcmp(aliases[i].verb, "get") != 0))
			found = method;
	}
	return found;
}

/* What a noun alone means. */
static const struct method *
find_default(const struct methods *methods, const char *noun)
{
	const struct method *found = find_words(methods, noun, "");

	if (!found)
		found = find_words(methods, noun, "list");
	if (!found) {
		found = find_words(methods, noun, "get");
		if (found && method_needs_params(found))
			found = NULL;
	}
	return found;
}

const char *
methods_verbs(const struct methods *methods, const char *noun, char *buf, size_t bytes)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < methods->count; i++) {
		const struct method *m = &methods->at[i];

		if (strcmp(m->noun, noun) == 0 && m->verb[0] && used < bytes)
			used += (size_t)snprintf(
				buf + used, bytes - used, "%s%s", used ? ", " : "", m->verb);
	}
	return buf;
}

/* What the argument of a noun alone may be: "stats drops". */
static const json_t *
default_words(const struct method *method)
{
	const char *name = method ? method_names(method->noun)[0] : NULL;
	const json_t *param = name ? method_param(method, name) : NULL;

	return json_object_get(param, "words");
}

static bool
listed(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static void
noun_unknown(
	const struct methods *methods, const char *word, const char *const *more, struct error *err)
{
	const char *known[WORDS_MAX] = {NULL}, *near;
	char list[320] = "";
	size_t count = 0, used = 0;

	for (size_t i = 0; i < methods->count && count < WORDS_MAX / 2; i++)
		if (!listed(known, count, methods->at[i].noun))
			known[count++] = methods->at[i].noun;
	for (size_t i = 0; more && more[i] && count < WORDS_MAX; i++)
		if (!listed(known, count, more[i]))
			known[count++] = more[i];
	for (size_t i = 0; i < count && used < sizeof(list); i++)
		used += (size_t)snprintf(
			list + used, sizeof(list) - used, "%s%s", i ? ", " : "", known[i]);
	for (size_t i = 0; method_alias(i) && count < WORDS_MAX; i++)
		known[count++] = method_alias(i);
	for (size_t i = 0; phrase_first(i) && count < WORDS_MAX; i++)
		known[count++] = phrase_first(i);
	near = suggest(word, known, count);
	if (near)
		error_set(err, 0, "there is no \"%.64s\"; did you mean \"%s\"?", word, near);
	else
		error_set(err, 0, "there is no \"%.64s\"; there are: %s", word, list);
}

/* A verb, and nothing to do it to. */
static void
verb_alone(const struct methods *methods, const char *word, struct error *err)
{
	const char *nouns[WORDS_MAX] = {NULL}, *second;
	char list[320] = "";
	size_t count = 0, used = 0;

	for (size_t i = 0; i < methods->count && count < WORDS_MAX; i++) {
		const char *noun = methods->at[i].noun;

		if (find_verb(methods, noun, word, true) && !listed(nouns, count, noun))
			nouns[count++] = noun;
	}
	for (size_t i = 0; (second = phrase_second(word, i)) && count < WORDS_MAX; i++)
		if (!listed(nouns, count, second))
			nouns[count++] = second;
	for (size_t i = 0; i < count && used < sizeof(list); i++)
		used += (size_t)snprintf(
			list + used, sizeof(list) - used, "%s%s", i ? ", " : "", nouns[i]);
	error_set(err, 0, "%s what? One of: %s", word, list);
}

static void
verb_unknown(const struct methods *methods, const char *noun, const char *word, struct error *err)
{
	const char *known[WORDS_MAX] = {NULL}, *near;
	size_t count = 0, n;
	const json_t *one;
	char list[160];

	for (size_t i = 0; i < methods->count && count < WORDS_MAX / 2; i++)
		if (strcmp(methods->at[i].noun, noun) == 0 && methods->at[i].verb[0])
			known[count++] = methods->at[i].verb;
	for (size_t i = 0; method_alias(i); i++)
		if (find_verb(methods, noun, method_alias(i), true))
			known[count++] = method_alias(i);
	json_array_foreach (default_words(find_default(methods, noun)), n, one)
		if (count < WORDS_MAX)
			known[count++] = json_string_value(one);
	near = suggest(word, known, count);
	methods_verbs(methods, noun, list, sizeof(list));
	if (near)
		error_set(err, 0, "%s has no \"%.64s\"; did you mean \"%s %s\"? (it has: %s)", noun,
			word, noun, near, list);
	else if (list[0])
		error_set(err, 0, "%s has no \"%.64s\"; it has: %s", noun, word, list);
	else
		error_set(err, 0, "%s takes no \"%.64s\"", noun, word);
}

static bool
is_verb(const struct methods *methods, const char *word)
{
	for (size_t i = 0; method_alias(i); i++)
		if (strcmp(method_alias(i), word) == 0)
			return true;
	for (size_t i = 0; i < methods->count; i++)
		if (strcmp(methods->at[i].verb, word) == 0)
			return true;
	return false;
}

/* "show tunnel": the verb came first. */
static const struct method *
resolve_turned(const struct methods *methods, const char *const *words, size_t count, size_t *used)
{
	const struct method *found;
	const char *noun = count > 1 ? methods_noun(methods, words[1]) : NULL;

	if (!noun)
		return NULL;
	found = find_verb(methods, noun, words[0], count > 2);
	if (!found && (strcmp(words[0], "show") == 0 || strcmp(words[0], "list") == 0))
		found = find_default(methods, noun);
	*used = 2;
	return found;
}

/* Whether a word that is no verb is the argument of what a noun alone means: "stats drops". */
static bool
is_argument(const struct method *method, const char *word)
{
	const json_t *known;
	size_t i;

	json_array_foreach (default_words(method), i, known)
		if (strcmp(json_string_value(known), word) == 0)
			return true;
	return false;
}

const struct method *
methods_resolve(const struct methods *methods, const char *const *words, size_t count,
	const char *const *more, size_t *used, struct error *err)
{
	const char *noun = methods_noun(methods, words[0]);
	const struct method *found = NULL;
	char list[160];

	*used = 1;
	if (!noun) {
		found = methods_find(methods, words[0]); /* "sa.add" */
		if (!found)
			found = resolve_turned(methods, words, count, used);
		if (!found && count > 1 && is_verb(methods, words[0]) &&
			!methods_noun(methods, words[1]))
			noun_unknown(methods, words[1], more, err);
		else if (!found && count > 1 && is_verb(methods, words[0]))
			verb_unknown(methods, methods_noun(methods, words[1]), words[0], err);
		else if (!found && is_verb(methods, words[0]))
			verb_alone(methods, words[0], err);
		else if (!found)
			noun_unknown(methods, words[0], more, err);
		return found;
	}
	if (count > 1)
		found = find_verb(methods, noun, words[1], count > 2);
	if (found) {
		*used = 2;
		return found;
	}
	found = find_default(methods, noun);
	if (count > 1 && !is_argument(found, words[1])) {
		verb_unknown(methods, noun, words[1], err);
		return NULL;
	}
	if (!found)
		error_set(err, 0, "%s what? It has: %s", noun,
			methods_verbs(methods, noun, list, sizeof(list)));
	return found;
}
