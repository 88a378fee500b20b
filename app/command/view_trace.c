/* SPDX-License-Identifier: BSD-3-Clause */

/* What a trace kept: a packet after the other, a line for each step, with the time since the
 * first. */

#include <string.h>

#include "table.h"
#include "view.h"

static void
view_step(const struct view *view, const json_t *record, FILE *out)
{
	const char *point = json_string_value(json_object_get(record, "point"));
	const char *text = json_string_value(json_object_get(record, "text"));
	const bool dead = point && strcmp(point, "drop") == 0;
	const double us = json_number_value(json_object_get(record, "ns")) / 1000;

	fprintf(out, "%10.3f us  %s%s%s\n", us,
		table_colour_begin(TABLE_RED, view->colours && dead), text ? text : "?",
		table_colour_end(TABLE_RED, view->colours && dead));
}

bool
view_is_trace(const json_t *result)
{
	const json_t *packets = json_object_get(result, "packets");

	return json_is_array(json_object_get(json_array_get(packets, 0), "records"));
}

void
view_trace(const struct view *view, const json_t *result, FILE *out)
{
	const json_t *packet, *record;
	size_t i, k;

	json_array_foreach (json_object_get(result, "packets"), i, packet) {
		const char *time = json_string_value(json_object_get(packet, "time"));
		json_int_t missed = json_integer_value(json_object_get(packet, "missed"));

		fprintf(out, "%s%s%s%s\n", i ? "\n" : "",
			table_colour_begin(TABLE_BOLD, view->colours), time ? time : "-",
			table_colour_end(TABLE_BOLD, view->colours));
		json_array_foreach (json_object_get(packet, "records"), k, record)
			view_step(view, record, out);
		if (missed)
			fprintf(out,
				"%10s     and %" JSON_INTEGER_FORMAT " more that found no room\n",
				"", missed);
	}
}
