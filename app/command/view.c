/* SPDX-License-Identifier: BSD-3-Clause */
#include "view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "json_each.h"
#include "table.h"
#include "units.h"

enum { AUTO_COLUMNS = 24, IDENTITY_BYTES = 256 };

static char *
or_die(char *text)
{
	if (!text)
		abort();
	return text;
}

/* Control characters could play tricks on a terminal. */
static char *
printable(char *text)
{
	for (char *c = or_die(text); *c; c++)
		if ((unsigned char)*c < ' ' || *c == '\x7f')
			*c = '?';
	return text;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* "spi=4097 direction=out", or the elements with ", " between. */
static char *
inline_members(const json_t *value)
{
	bool array = json_is_array(value);
	char *text = NULL, *part;
	const json_t *member;
	const char *key;
	size_t bytes, i;
	FILE *f = open_memstream(&text, &bytes);

	if (!f)
		abort();
	if (array) {
		json_array_foreach (value, i, member) {
			part = view_inline("", member);
			fprintf(f, "%s%s", i ? ", " : "", part);
			free(part);
		}
	} else {
		i = 0;
		json_each (value, key, member) {
			part = view_inline(key, member);
			fprintf(f, "%s%s=%s", i++ ? " " : "", key, part);
			free(part);
		}
	}
	fclose(f);
	return or_die(text);
}

char *
view_inline(const char *key, const json_t *value)
{
	char buf[64] = "";

	if (json_is_string(value))
		return printable(strdup(json_string_value(value)));
	if (json_is_array(value) || json_is_object(value))
		return inline_members(value);
	if (json_is_boolean(value))
		snprintf(buf, sizeof(buf), "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_real(value))
		snprintf(buf, sizeof(buf), "%.3g", json_real_value(value));
	else if (json_is_integer(value) && strcmp(key, "spi") == 0)
		snprintf(buf, sizeof(buf), "0x%08" PRIx64, (uint64_t)json_integer_value(value));
	else if (json_is_integer(value))
		snprintf(buf, sizeof(buf), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return or_die(strdup(buf));
}

json_t *
view_items(const json_t *result)
{
	json_t *value, *items = NULL;
	const char *key;

	json_each (result, key, value) {
		if (json_is_array(value) && !items)
			items = value;
		else if (json_is_array(value) || json_is_object(value))
			return NULL;
	}
	return items;
}

static void
identity_of(const char *noun, const json_t *item, char buf[IDENTITY_BYTES])
{
	const struct column_set *set = columns_of(noun);
	const json_t *first;
	const char *key;
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; set && i < 4 && set->identity[i] && used < IDENTITY_BYTES; i++) {
		const json_t *value = json_object_get(item, set->identity[i]);
		char *text = view_inline("", value);

		used += (size_t)snprintf(buf + used, IDENTITY_BYTES - used, "%s/", text);
		free(text);
	}
	if (set)
		return;
	json_each (item, key, first) { /* which names it, mostly */
		char *text = view_inline("", first);

		snprintf(buf, IDENTITY_BYTES, "%s", text);
		free(text);
		break;
	}
}

json_t *
view_index(const char *noun, const json_t *items)
{
	json_t *index = json_object(), *item;
	char identity[IDENTITY_BYTES];
	size_t i;

	json_array_foreach (items, i, item) {
		identity_of(noun, item, identity);
		json_object_set(index, identity, item);
	}
	return index;
}

const json_t *
view_find(const json_t *index, const char *noun, const json_t *item)
{
	char identity[IDENTITY_BYTES];

	identity_of(noun, item, identity);
	return json_object_get(index, identity);
}

/* Columns for a noun without a table of its own: the plain members of the first object, and those
 * of its status. The strings are the object's, the paths are written into `paths`. */
static unsigned int
columns_guess(const json_t *item, struct column columns[AUTO_COLUMNS], char paths[][64],
	const char *prefix, unsigned int count)
{
	const json_t *value;
	const char *key;

	json_each (item, key, value) {
		if (json_is_object(value) && strcmp(key, "status") == 0)
			count = columns_guess(value, columns, paths, "status.", count);
		if (json_is_object(value) || count == AUTO_COLUMNS)
			continue;
		snprintf(paths[count], sizeof(paths[count]), "%s%s", prefix, key);
		columns[count] = (struct column){key, paths[count], FORM_TEXT, false};
		if (strcmp(key, "spi") == 0)
			columns[count].form = FORM_SPI;
		else if (ends_with(key, "packets"))
			columns[count] = (struct column){key, paths[count], FORM_COUNT, true};
		else if (ends_with(key, "bytes"))
			columns[count] = (struct column){key, paths[count], FORM_BYTES, true};
		count++;
	}
	return count;
}

static bool
column_used(const struct column *column, const json_t *items)
{
	const json_t *item;
	size_t i;

	json_array_foreach (items, i, item)
		if (column_value(column, item))
			return true;
	return false;
}

static enum table_align
align_of(const struct column *column, const json_t *items)
{
	const json_t *value = NULL, *item;
	size_t i;

	json_array_foreach (items, i, item)
		if ((value = column_value(column, item)))
			break;
	return json_is_number(value) ? TABLE_RIGHT : TABLE_LEFT;
}

/* "out packets/s" and, of bytes, "out bit/s"; beside the counter only what is new in it. */
static void
add_rate_column(const struct view *view, struct table *table, const struct column *column)
{
	bool bytes = column->form == FORM_BYTES;
	size_t length = strlen(column->title);
	char title[64];

	if (!view->rates_only)
		snprintf(title, sizeof(title), bytes ? "bit/s" : "/s");
	else if (bytes && length > strlen("bytes"))
		snprintf(title, sizeof(title), "%.*sbit/s", (int)(length - strlen("bytes")),
			column->title);
	else
		snprintf(title, sizeof(title), "%s/s", column->title);
	table_column(table, title, TABLE_RIGHT);
}

static void
add_columns(const struct view *view, struct table *table, const struct column *columns,
	unsigned int count, const bool *used, const json_t *items)
{
	for (unsigned int i = 0; i < count; i++) {
		bool rate = columns[i].counter && view->before;

		if (!used[i])
			continue;
		if (!rate || !view->rates_only)
			table_column(table, columns[i].title, align_of(&columns[i], items));
		if (rate)
			add_rate_column(view, table, &columns[i]);
	}
}

static void
add_rate(const struct view *view, struct table *table, const struct column *column,
	const json_t *now, const json_t *old_item)
{
	const json_t *old = old_item ? column_value(column, old_item) : NULL;
	double rate = 0;
	char buf[UNITS_BYTES];

	if (!old || !json_is_integer(now) || view->seconds <= 0) {
		table_cell(table, "", TABLE_PLAIN);
		return;
	}
	rate = (double)(json_integer_value(now) - json_integer_value(old)) / view->seconds;
	if (column->form == FORM_BYTES)
		rate *= 8;
	table_cell(table, units_rate(buf, rate),
		rate <= 0                   ? TABLE_DIM
		: column->form == FORM_LOSS ? TABLE_YELLOW
					    : TABLE_PLAIN);
}

static void
add_value(struct table *table, const struct column *column, const json_t *value)
{
	enum table_colour colour;
	char *text = column_text(column->form, value, &colour);

	table_cell(table, text, colour);
	free(text);
}

static void
add_row(const struct view *view, struct table *table, const struct column *columns,
	unsigned int count, const bool *used, const json_t *item, const json_t *old)
{
	for (unsigned int i = 0; i < count; i++) {
		const json_t *value = column_value(&columns[i], item);
		bool rate = columns[i].counter && view->before;

		if (!used[i])
			continue;
		if (!rate || !view->rates_only)
			add_value(table, &columns[i], value);
		if (rate)
			add_rate(view, table, &columns[i], value, old);
	}
}

void
view_list(const struct view *view, const char *noun, const json_t *items, FILE *out)
{
	const struct column_set *set = columns_of(noun);
	struct column guessed[AUTO_COLUMNS];
	const struct column *columns = set ? set->columns : guessed;
	unsigned int count = set ? set->count : 0;
	char paths[AUTO_COLUMNS][64];
	struct table *table = table_create();
	bool used[AUTO_COLUMNS];
	const json_t *item;
	size_t i;

	if (!set)
		count = columns_guess(json_array_get(items, 0), guessed, paths, "", 0);
	for (unsigned int c = 0; c < count; c++)
		used[c] = column_used(&columns[c], items);
	add_columns(view, table, columns, count, used, items);
	json_array_foreach (items, i, item)
		add_row(view, table, columns, count, used, item,
			view->before ? view_find(view->before, noun, item) : NULL);
	if (table_rows(table))
		table_print(table, out, view->colours);
	table_free(table);
}

/* Counters exactly, and what else has a unit in readable form behind. */
static char *
record_text(const char *key, const json_t *value, enum table_colour *colour)
{
	uint64_t n = (uint64_t)json_integer_value(value);
	char exact[UNITS_BYTES], readable[UNITS_BYTES];
	char *text = NULL;

	*colour = TABLE_PLAIN;
	if (json_is_null(value))
		return or_die(strdup("-"));
	if (json_is_string(value))
		return column_text(FORM_UPDOWN, value, colour);
	if (json_is_integer(value) && ends_with(key, "bytes") && n >= 1000) {
		if (asprintf(&text, "%s (%s)", units_exact(exact, n), units_bytes(readable, n)) < 0)
			abort();
		return text;
	}
	if (json_is_integer(value) && ends_with(key, "seconds") && n >= 60) {
		if (asprintf(&text, "%" PRIu64 " (%s)", n, units_seconds(readable, n)) < 0)
			abort();
		return text;
	}
	if (json_is_integer(value) && (ends_with(key, "packets") || ends_with(key, "polls") ||
					      strcmp(key, "sleeps") == 0))
		return or_die(strdup(units_exact(exact, n)));
	return view_inline(key, value);
}

static void record_rows(struct table *table, const char *indent, const json_t *object);

static void
record_row(struct table *table, const char *indent, const char *key, const json_t *value)
{
	enum table_colour colour;
	char title[96];
	char *text;

	snprintf(title, sizeof(title), "%s%s", indent, key);
	if (json_is_object(value) && strlen(indent) < 8) {
		table_cell(table, title, TABLE_BOLD);
		table_cell(table, "", TABLE_PLAIN);
		snprintf(title, sizeof(title), "%s  ", indent);
		record_rows(table, title, value);
		return;
	}
	if (json_is_array(value) && json_is_object(json_array_get(value, 0))) {
		const json_t *element;
		size_t i;

		json_array_foreach (value, i, element) {
			text = view_inline("", element);
			table_cell(table, i ? "" : title, TABLE_BOLD);
			table_cell(table, text, TABLE_PLAIN);
			free(text);
		}
		return;
	}
	text = record_text(key, value, &colour);
	table_cell(table, title, TABLE_BOLD);
	table_cell(table, text, colour);
	free(text);
}

static void
record_rows(struct table *table, const char *indent, const json_t *object)
{
	const json_t *value;
	const char *key;

	json_each (object, key, value)
		record_row(table, indent, key, value);
}

void
view_record(const struct view *view, const json_t *object, FILE *out)
{
	struct table *table = table_create();

	table_column(table, "key", TABLE_LEFT);
	table_column(table, "value", TABLE_LEFT);
	record_rows(table, "", object);
	if (table_rows(table))
		table_print_body(table, out, view->colours);
	table_free(table);
}
