/* SPDX-License-Identifier: BSD-3-Clause */

/* Answers that are neither one list nor one object, and events. */

#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "json_each.h"
#include "table.h"
#include "view.h"

/* The noun of a member of stats.get: "sas", "ports". */
static const char *
noun_of(const char *plural)
{
	static const struct {
		const char *plural, *noun;
	} rows[] = {
		{"sas", "sa"},
		{"tunnels", "tunnel"},
		{"ports", "port"},
		{"workers", "worker"},
		{"policies", "policy"},
		{"routes", "route"},
		{"neighbours", "neighbour"},
		{"drops", "drop"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].plural, plural) == 0)
			return rows[i].noun;
	return plural;
}

static void
view_drops(const struct view *view, const json_t *drops, FILE *out)
{
	if (json_array_size(drops))
		view_list(view, "drop", drops, out);
	else
		fprintf(out, "no drops\n");
}

static bool
is_list(const json_t *value)
{
	return json_is_array(value) &&
	       (json_array_size(value) == 0 || json_is_object(json_array_get(value, 0)));
}

/* An answer of parts: stats.get. */
static bool
is_parts(const json_t *result)
{
	const json_t *value;
	const char *key;
	size_t lists = 0;

	json_each (result, key, value) {
		lists += is_list(value);
	}
	return lists > 1;
}

static void
view_parts(const struct view *view, const json_t *result, FILE *out)
{
	json_t *rest = json_object(), *value;
	bool first = true;
	const char *key;

	json_each (result, key, value) {
		bool drops = strcmp(key, "drops") == 0;

		if (!is_list(value)) {
			json_object_set(rest, key, value);
			continue;
		}
		if (!drops && json_array_size(value) == 0)
			continue;
		if (!first)
			fputc('\n', out);
		first = false;
		if (drops)
			view_drops(view, value, out);
		else
			view_list(view, noun_of(key), value, out);
	}
	if (json_object_size(rest)) {
		fputc('\n', out);
		view_record(view, rest, out);
	}
	json_decref(rest);
}

/* Whether the answer is an object with a list in it (a tunnel and its selectors), not a list. */
static bool
has_more(const json_t *result)
{
	const json_t *value;
	const char *key;

	json_each (result, key, value)
		if (json_is_string(value) && strcmp(key, "next") != 0)
			return true;
	return false;
}

/* What is new or goes as it is; of what changes only what names it. */
static char *
difference_object(const json_t *one, const char *kind)
{
	const struct column_set *set = kind ? columns_of(kind) : NULL;
	const json_t *object = json_object_get(one, "object");
	json_t *named = json_object();
	char *text;

	for (size_t i = 0; set && i < 4 && set->identity[i]; i++)
		if (json_object_get(object, set->identity[i]))
			json_object_set(
				named, set->identity[i], json_object_get(object, set->identity[i]));
	if (json_object_size(named) == 0 || !json_object_get(one, "keys"))
		text = view_inline("", object);
	else
		text = view_inline("", named);
	json_decref(named);
	return text;
}

/* What config.diff found: "+ route …" is new, "- …" goes, "~ …" changes, with its keys below. */
static void
view_difference(const struct view *view, const json_t *one, FILE *out)
{
	static const struct {
		const char *action, *sign;
		enum table_colour colour;
	} signs[] = {{"add", "+", TABLE_GREEN}, {"delete", "-", TABLE_RED},
		{"change", "~", TABLE_YELLOW}};
	const char *action = json_string_value(json_object_get(one, "action"));
	const char *kind = json_string_value(json_object_get(one, "kind")), *key;
	char *object = difference_object(one, kind);
	const json_t *keys = json_object_get(one, "keys");
	json_t *change;
	size_t i = 0;

	while (i < 2 && action && strcmp(signs[i].action, action) != 0)
		i++;
	fprintf(out, "%s%s%s %s %s\n", table_colour_begin(signs[i].colour, view->colours),
		signs[i].sign, table_colour_end(signs[i].colour, view->colours), kind ? kind : "",
		object);
	json_each (keys, key, change) {
		char *from = view_inline(key, json_object_get(change, "from"));
		char *to = view_inline(key, json_object_get(change, "to"));

		fprintf(out, "    %s: %s -> %s\n", key, from[0] ? from : "default",
			to[0] ? to : "default");
		free(from);
		free(to);
	}
	free(object);
}

static void
view_differences(const struct view *view, const json_t *result, FILE *out)
{
	const json_t *list = json_object_get(result, "differences"), *one;
	const json_t *restart = json_object_get(result, "restart");
	size_t i;

	json_array_foreach (list, i, one)
		view_difference(view, one, out);
	json_array_foreach (restart, i, one)
		fprintf(out, "%s!%s only a restart: %s\n",
			table_colour_begin(TABLE_RED, view->colours),
			table_colour_end(TABLE_RED, view->colours), json_string_value(one));
	if (json_array_size(list) + json_array_size(restart) == 0)
		fprintf(out, "no difference\n");
}

/* The noun of the list in an answer: that of the member's name, where it is known. */
static const char *
noun_of_items(const char *noun, const json_t *result, const json_t *items)
{
	const char *key;
	json_t *value;

	json_each (result, key, value)
		if (value == items && strcmp(noun_of(key), key) != 0)
			return noun_of(key);
	return noun;
}

void
view_result(const struct view *view, const char *noun, const json_t *result, FILE *out)
{
	const json_t *items = view_items(result);
	bool list = items && is_list(items) && !has_more(result);
	char *text;

	if (json_is_array(json_object_get(result, "differences"))) {
		view_differences(view, result, out);
	} else if (view_is_trace(result)) {
		view_trace(view, result, out);
	} else if (json_is_array(result) && is_list(result)) {
		view_list(view, noun, result, out);
	} else if (list && json_array_size(items) == 0) {
		fprintf(out, "none\n");
	} else if (list) {
		view_list(view, noun_of_items(noun, result, items), items, out);
	} else if (json_is_object(result) && is_parts(result)) {
		view_parts(view, result, out);
	} else if (json_is_object(result)) {
		view_record(view, result, out);
	} else if (result && !json_is_null(result)) {
		text = view_inline("", result);
		fprintf(out, "%s\n", text);
		free(text);
	}
}

static enum table_colour
event_colour(const char *kind)
{
	if (strcmp(kind, "overrun") == 0 || strcmp(kind, "expire") == 0)
		return TABLE_YELLOW;
	return TABLE_BOLD;
}

void
view_event(const struct view *view, const json_t *event, FILE *out)
{
	const char *kind = json_string_value(json_object_get(event, "kind"));
	const char *time = json_string_value(json_object_get(event, "time"));
	const char *key;
	json_t *value;

	kind = kind ? kind : "?";
	fprintf(out, "%s %s%-9s%s", time ? time : "-",
		table_colour_begin(event_colour(kind), view->colours), kind,
		table_colour_end(event_colour(kind), view->colours));
	json_each (event, key, value) {
		char *text;

		if (strcmp(key, "kind") == 0 || strcmp(key, "time") == 0 || strcmp(key, "seq") == 0)
			continue;
		text = view_inline(key, value);
		fprintf(out, " %s=%s", key, text);
		free(text);
	}
	fprintf(out, " seq=%" JSON_INTEGER_FORMAT "\n",
		json_integer_value(json_object_get(event, "seq")));
	fflush(out);
}
