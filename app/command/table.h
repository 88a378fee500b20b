/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TABLE_H
#define TABLE_H

/* Text in aligned columns, for a person. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum table_align { TABLE_LEFT, TABLE_RIGHT };
enum table_colour { TABLE_PLAIN, TABLE_BOLD, TABLE_GREEN, TABLE_YELLOW, TABLE_RED, TABLE_DIM };

struct table;

/* With its columns still to come. Ends the process when memory does, as all that follows. */
struct table *table_create(void);
void table_free(struct table *table);

void table_column(struct table *table, const char *title, enum table_align align);

/* The next cell; a row is full after as many as there are columns. The text is copied; NULL is
 * nothing. Control characters, which could play tricks on a terminal, are shown as '?'. */
void table_cell(struct table *table, const char *text, enum table_colour colour);

size_t table_rows(const struct table *table);

/* As wide as what stands in it, two blanks between columns, none at the ends of lines. */
void table_print(const struct table *table, FILE *out, bool colours);

/* The same without the titles of the columns. */
void table_print_body(const struct table *table, FILE *out, bool colours);

/* The sequence that begins the colour, and the one that ends all; "" without colours. */
const char *table_colour_begin(enum table_colour colour, bool colours);
const char *table_colour_end(enum table_colour colour, bool colours);

/* Text that is no table: in lines of at most so many characters, each indented. */
void table_wrapped(FILE *out, int indent, size_t width, const char *text);

#endif
