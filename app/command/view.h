/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIEW_H
#define VIEW_H

/* What a gateway answers, as text for a person: lists as tables, an object as its keys. */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct view {
	bool colours;
	/* For rates: what view_index made of an earlier answer, and how long ago that was; NULL: no
	 * rates. */
	const json_t *before;
	double seconds;
	bool rates_only; /* the rate stands in a counter's place, not beside it */
};

/* An answer to a method of this noun: whatever its form is. Nothing for an empty one. */
void view_result(const struct view *view, const char *noun, const json_t *result, FILE *out);

/* Objects as a table with the noun's columns; those that no object fills are left out. */
void view_list(const struct view *view, const char *noun, const json_t *items, FILE *out);

/* One object, a key a line. */
void view_record(const struct view *view, const json_t *object, FILE *out);

/* Whether an answer is what a trace kept (trace.get), and that, a step a line. */
bool view_is_trace(const json_t *result);
void view_trace(const struct view *view, const json_t *result, FILE *out);

/* An event in one line. */
void view_event(const struct view *view, const json_t *event, FILE *out);

/* The list in an answer of a list method: "sas" in {"sas": […], "next": null}; NULL: none. */
json_t *view_items(const json_t *result);

/* The objects by what names them, for view.before. A new object. */
json_t *view_index(const char *noun, const json_t *items);

/* The object in such an index that is the same as item; NULL: none. */
const json_t *view_find(const json_t *index, const char *noun, const json_t *item);

/* "spi=4097 direction=out": a plain value, or an object's members, in one line. Returns a new
 * string. */
char *view_inline(const char *key, const json_t *value);

#endif
