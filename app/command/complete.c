/* SPDX-License-Identifier: BSD-3-Clause */

/* What may stand at the end of a line: nouns, verbs, parameters, values, names of objects. */

#include <stdlib.h>
#include <string.h>

#include "command.h"

struct completion {
	struct session *s;
	const char *begin; /* what the last word begins with */
	json_t *found;
};

/* prefix and text together, if that begins as the word does and is not there yet. */
static void
offer(struct completion *c, const char *prefix, const char *text, const char *end)
{
	json_t *word, *there;
	size_t i;

	word = json_sprintf("%s%s%s", prefix, text, end);
	if (!word)
		return;
	json_array_foreach (c->found, i, there)
		if (json_equal(there, word))
			goto out;
	if (strncmp(json_string_value(word), c->begin, strlen(c->begin)) == 0)
		json_array_append(c->found, word);
out:
	json_decref(word);
}

static void
offer_nouns(struct completion *c)
{
	const struct methods *methods = &c->s->methods;

	for (size_t i = 0; i < methods->count; i++)
		offer(c, "", methods->at[i].noun, "");
	for (size_t i = 0; c->s->own && c->s->own[i]; i++)
		offer(c, "", c->s->own[i], "");
}

static void
offer_verbs(struct completion *c, const char *noun)
{
	const struct methods *methods = &c->s->methods;

	for (size_t i = 0; i < methods->count; i++)
		if (strcmp(methods->at[i].noun, noun) == 0 && methods->at[i].verb[0])
			offer(c, "", methods->at[i].verb, "");
}

/* What the noun's first name may be, where that is one of some words: "stats drops", "events
 * tunnel".
 */
static void
offer_words(struct completion *c, const char *noun)
{
	const struct methods *methods = &c->s->methods;
	const char *name = method_names(noun)[0];
	const json_t *word;
	size_t w;

	for (size_t i = 0; name && i < methods->count; i++)
		if (strcmp(methods->at[i].noun, noun) == 0)
			json_array_foreach (
				json_object_get(method_param(&methods->at[i], name), "words"), w,
				word)
				offer(c, "", json_string_value(word), "");
}

/* The list whose objects' member a parameter names: the tunnels for `tunnel`. */
static const char *
list_for(const struct method *method, const char *param, const char **member)
{
	static const struct {
		const char *noun, *param, *list, *member;
	} rows[] = {
		{"tunnel", "name", "tunnel.list", "name"},
		{"port", "name", "port.list", "name"},
		{"", "tunnel", "tunnel.list", "name"},
		{"", "port", "port.list", "name"},
		{"", "via", "tunnel.list", "name"},
		{"policy", "id", "policy.list", "id"},
		{"sa", "spi", "sa.list", "spi"},
	};

	if (strcmp(method->verb, "add") == 0 && strcmp(param, "tunnel") != 0 &&
		strcmp(param, "port") != 0 && strcmp(param, "via") != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].param, param) == 0 &&
			(rows[i].noun[0] == '\0' || strcmp(rows[i].noun, method->noun) == 0)) {
			*member = rows[i].member;
			return rows[i].list;
		}
	return NULL;
}

/* Asks for one page of names: as many as are of use to a person. Says nothing when it fails. */
static void
offer_names(struct completion *c, const char *prefix, const char *list, const char *member)
{
	struct error err;
	json_t *reply = NULL, *item;
	size_t i;

	if (!methods_find(&c->s->methods, list) ||
		c->s->call(c->s->link, list, NULL, &reply, &err) != COMMAND_DONE)
		return;
	json_array_foreach (view_items(json_object_get(reply, "result")), i, item) {
		char *text = view_inline(member, json_object_get(item, member));

		offer(c, prefix, text, "");
		free(text);
	}
	json_decref(reply);
}

static void
offer_values(
	struct completion *c, const char *prefix, const struct method *method, const json_t *param)
{
	const char *type = json_string_value(json_object_get(param, "type")), *member = NULL;
	const char *list = list_for(method, method_param_name(param), &member);
	const json_t *word;
	size_t i;

	json_array_foreach (json_object_get(param, "words"), i, word)
		if (json_is_string(word))
			offer(c, prefix, json_string_value(word), "");
	if (type && strcmp(type, "boolean") == 0) {
		offer(c, prefix, "true", "");
		offer(c, prefix, "false", "");
	}
	if (list)
		offer_names(c, prefix, list, member);
}

static bool
is_given(const char *const *words, size_t count, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < count; i++)
		if (strncmp(words[i], name, length) == 0 && words[i][length] == '=')
			return true;
	return false;
}

/* What a bare word would be: the first parameter that names an object. */
static void
offer_bare(struct completion *c, const struct method *method, size_t given)
{
	static const char *const names[] = {"name", "spi", "id"};

	for (size_t i = 0; given == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *param = method_param(method, names[i]);

		if (param)
			offer_values(c, "", method, param);
	}
}

static void
offer_params(
	struct completion *c, const struct method *method, const char *const *words, size_t count)
{
	const char *equals = strchr(c->begin, '=');
	const json_t *param;
	char name[64];
	size_t i;

	if (equals) {
		snprintf(name, sizeof(name), "%.*s", (int)(equals - c->begin), c->begin);
		param = method_param(method, name);
		snprintf(name, sizeof(name), "%.*s", (int)(equals - c->begin + 1), c->begin);
		if (param)
			offer_values(c, name, method, param);
		return;
	}
	json_array_foreach (method->params, i, param)
		if (!is_given(words, count, method_param_name(param)))
			offer(c, "", method_param_name(param), "=");
	offer_bare(c, method, count);
}

static bool
is_help(const char *word)
{
	return strcmp(word, "help") == 0 || strcmp(word, "watch") == 0;
}

json_t *
command_complete(struct session *s, const char *const *words, size_t count)
{
	struct completion c = {s, count ? words[count - 1] : "", json_array()};
	const struct method *method;
	const char *noun;
	struct error err;
	size_t used;

	if (count > 1 && is_help(words[0])) {
		words++;
		count--;
	}
	if (session_load(s) != COMMAND_DONE || count <= 1) {
		if (count <= 1)
			offer_nouns(&c); /* without a gateway the caller's own */
		return c.found;
	}
	noun = methods_noun(&s->methods, words[0]);
	if (count == 2 && noun) {
		offer_verbs(&c, noun);
		offer_words(&c, noun);
	}
	if (count == 2 && !noun)
		offer_nouns(&c); /* "show " */
	/* the word being written is no argument yet, but that there is one decides what "show" is
	 */
	method = methods_resolve(&s->methods, words, count, NULL, &used, &err);
	if (method && used < count)
		offer_params(&c, method, words + used, count - 1 - used);
	return c.found;
}

size_t
command_common(const json_t *words)
{
	const char *first = json_string_value(json_array_get(words, 0));
	size_t length = first ? strlen(first) : 0, i;
	const json_t *word;

	json_array_foreach (words, i, word) {
		const char *text = json_string_value(word);
		size_t same = 0;

		while (same < length && text[same] == first[same])
			same++;
		length = same;
	}
	return length;
}
