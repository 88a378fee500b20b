/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef COLUMNS_H
#define COLUMNS_H

/* The columns of the lists, by noun: what a person wants to see of an object in one line. */

#include <jansson.h>
#include <stdbool.h>

#include "table.h"

enum column_form {
	FORM_TEXT,    /* as it is */
	FORM_SPI,     /* 0x00001001 */
	FORM_COUNT,   /* 1.23M */
	FORM_BYTES,   /* 5.14 kB */
	FORM_UPDOWN,  /* up green, down red */
	FORM_LOSS,    /* a count that should be 0 */
	FORM_SECONDS, /* 3 min 20 s */
};

struct column {
	const char *title;
	const char *path; /* "state.mtu|mtu": the first that is there */
	enum column_form form;
	bool counter; /* has a rate */
};

struct column_set {
	const char *noun;
	const char *identity[4]; /* the keys that name an object; NULL after the last */
	const struct column *columns;
	unsigned int count;
};

/* NULL: a noun that has none. */
const struct column_set *columns_of(const char *noun);

/* The value at the path, NULL when it is not there. */
json_t *column_value(const struct column *column, const json_t *item);

/* How the value is written (a new string) and in which colour. */
char *column_text(enum column_form form, const json_t *value, enum table_colour *colour);

#endif
