/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LINES_H
#define LINES_H

/* Lines from a person at a terminal. */

#include <jansson.h>

struct lines;

/* What the line so far leaves open: a new array of whole words; those that end with '=' go on. */
typedef json_t *lines_complete(void *arg, const char *line);

/* One at a time: the editor behind it keeps its state for the process. History is read. */
struct lines *lines_create(lines_complete *complete, void *arg);

void lines_free(struct lines *lines);

/* The next line, which the caller frees, without its newline; NULL at the end. A signal that the
 * process catches ends the line: it is empty then. */
char *lines_read(struct lines *lines, const char *prompt);

/* Into history, which is written (~/.local/state/espgwctl/history, for the user alone). */
void lines_remember(struct lines *lines, const char *line);

#endif
