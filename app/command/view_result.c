/* SPDX-License-Identifier: BSD-3-Clause */

/* Answers that are neither one list nor one object, and events. */

#include <stdlib.h>
#include <string.h>

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

/* {"zone": 3, "icv": 0} as a list, without those that never occurred. */
static json_t *
drops_list(const json_t *drops)
{
	json_t *list = json_array(), *value;
	const char *reason;

	json_each (drops, reason, value)
		if (json_integer_value(value) != 0)
			json_array_append_new(
				list, json_pack("{s:s, s:O}", "reason", reason, "packets", value));
	return list;
}

static json_t *
drops_that_occurred(const json_t *drops)
{
	json_t *list = json_array(), *drop;
	size_t i;

	json_array_foreach (drops, i, drop)
		if (json_integer_value(json_object_get(drop, "packets")) != 0)
			json_array_append(list, drop);
	return list;
}

static void
view_drops(const struct view *view, const json_t *drops, FILE *out)
{
	json_t *list = json_is_object(drops) ? drops_list(drops) : drops_that_occurred(drops);

	if (json_array_size(list))
		view_list(view, "drop", list, out);
	else
		fprintf(out, "no drops\n");
	json_decref(list);
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
		if (is_list(value) || (strcmp(key, "drops") == 0 && json_is_object(value)))
			lists++;
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

		if (!drops && !is_list(value)) {
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

void
view_result(const struct view *view, const char *noun, const json_t *result, FILE *out)
{
	const json_t *items = view_items(result);
	char *text;

	if (json_is_array(result) && is_list(result)) {
		view_list(view, noun, result, out);
	} else if (items && is_list(items) && json_array_size(items) == 0) {
		fprintf(out, "none\n");
	} else if (items && is_list(items)) {
		view_list(view, noun, items, out);
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

		if (strcmp(key, "kind") == 0 || strcmp(key, "time") == 0)
			continue;
		text = view_inline(key, value);
		fprintf(out, " %s=%s", key, text);
		free(text);
	}
	fputc('\n', out);
	fflush(out);
}
