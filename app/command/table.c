/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <stdlib.h>
#include <string.h>

struct column {
	char *title;
	enum table_align align;
	size_t width;
};

struct cell {
	char *text;
	enum table_colour colour;
};

struct table {
	struct column *columns;
	struct cell *cells;
	size_t n_columns, n_cells, room;
};

static void *
grow(void *memory, size_t count, size_t bytes)
{
	void *grown = reallocarray(memory, count, bytes);

	if (!grown)
		abort();
	return grown;
}

static char *
text_copy(const char *text)
{
	char *copy = strdup(text ? text : "");

	if (!copy)
		abort();
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '\x7f')
			*c = '?';
	return copy;
}

/* Characters of UTF-8: bytes that do not continue one. */
static size_t
width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

struct table *
table_create(void)
{
	struct table *table = grow(NULL, 1, sizeof(*table));

	*table = (struct table){0};
	return table;
}

void
table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->n_columns; i++)
		free(table->columns[i].title);
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i].text);
	free(table->columns);
	free(table->cells);
	free(table);
}

void
table_column(struct table *table, const char *title, enum table_align align)
{
	struct column column = {text_copy(title), align, 0};

	column.width = width_of(column.title);
	table->columns = grow(table->columns, table->n_columns + 1, sizeof(table->columns[0]));
	table->columns[table->n_columns++] = column;
}

void
table_cell(struct table *table, const char *text, enum table_colour colour)
{
	struct column *column = &table->columns[table->n_cells % table->n_columns];
	struct cell cell = {text_copy(text), colour};
	size_t width = width_of(cell.text);

	if (table->n_cells == table->room) {
		table->room = table->room ? table->room * 2 : 64;
		table->cells = grow(table->cells, table->room, sizeof(table->cells[0]));
	}
	table->cells[table->n_cells++] = cell;
	if (width > column->width)
		column->width = width;
}

size_t
table_rows(const struct table *table)
{
	return table->n_columns ? table->n_cells / table->n_columns : 0;
}

const char *
table_colour_begin(enum table_colour colour, bool colours)
{
	static const char *const codes[] = {
		[TABLE_PLAIN] = "",
		[TABLE_BOLD] = "\x1b[1m",
		[TABLE_GREEN] = "\x1b[32m",
		[TABLE_YELLOW] = "\x1b[33m",
		[TABLE_RED] = "\x1b[31m",
		[TABLE_DIM] = "\x1b[2m",
	};

	return colours ? codes[colour] : "";
}

const char *
table_colour_end(enum table_colour colour, bool colours)
{
	return colours && colour != TABLE_PLAIN ? "\x1b[0m" : "";
}

/* How many blanks stand before the text and after it; none after the last that says something. */
static void
print_cell(const struct column *column, const struct cell *cell, bool last, FILE *out, bool colours)
{
	size_t blanks = column->width - width_of(cell->text);
	int before = column->align == TABLE_RIGHT ? (int)blanks : 0;
	int after = last ? 0 : (int)blanks - before;

	colours = colours && cell->text[0] != '\0';
	fprintf(out, "%*s%s%s%s%*s%s", before, "", table_colour_begin(cell->colour, colours),
		cell->text, table_colour_end(cell->colour, colours), after, "", last ? "" : "  ");
}

static void
print_row(const struct table *table, const struct cell *cells, FILE *out, bool colours)
{
	size_t n = table->n_columns;

	while (n > 0 && cells[n - 1].text[0] == '\0')
		n--;
	for (size_t i = 0; i < n; i++)
		print_cell(&table->columns[i], &cells[i], i + 1 == n, out, colours);
	fputc('\n', out);
}

void
table_print_body(const struct table *table, FILE *out, bool colours)
{
	for (size_t i = 0; i < table_rows(table); i++)
		print_row(table, &table->cells[i * table->n_columns], out, colours);
}

void
table_print(const struct table *table, FILE *out, bool colours)
{
	struct cell *head = grow(NULL, table->n_columns + 1, sizeof(head[0]));

	for (size_t i = 0; i < table->n_columns; i++)
		head[i] = (struct cell){table->columns[i].title, TABLE_BOLD};
	print_row(table, head, out, colours);
	free(head);
	table_print_body(table, out, colours);
}

void
table_wrapped(FILE *out, int indent, size_t width, const char *text)
{
	while (*text) {
		size_t length = strlen(text), cut = length;

		if (length > width)
			for (cut = width; cut > 0 && text[cut] != ' '; cut--)
				;
		cut = cut ? cut : length;
		fprintf(out, "%*s%.*s\n", indent, "", (int)cut, text);
		text += cut + strspn(text + cut, " ");
	}
}
