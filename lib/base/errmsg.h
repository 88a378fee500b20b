/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ERROR_H
#define ERROR_H

/*
 * Messages for a person. Control functions return 0 or -errno and, where a person will see it, put
 * into a struct error what was wrong and what would be right. A struct report collects many of
 * them.
 */

#include <stddef.h>

struct error {
	char text[512];
};

/* Formats into err (which may be NULL) and returns code, so that a function can "return
 * error_set(err, -EINVAL, …)". */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

struct report_entry {
	char *file; /* may be NULL */
	int line;   /* 0: the file as a whole */
	char *object;
	char *field; /* the key that is wrong: "mtu", "selectors[1].local"; may be NULL */
	char *text;
};

struct report {
	struct report_entry *entries;
	size_t count;
};

/* "file:line: object: text". Never fails: when memory ends the process does. */
void report_add(struct report *report, const char *file, int line, const char *object,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same for one that is about one key. The text, which people see without the field, names it
 * too. */
void report_add_field(struct report *report, const char *file, int line, const char *object,
	const char *field, const char *text);

/* Writes each entry as a line to the stdio stream. */
void report_print(const struct report *report, void *stream);
void report_clear(struct report *report);

#endif
