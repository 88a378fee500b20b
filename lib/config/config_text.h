/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

/*
 * The text of a configuration as libconfig gets it. Two things are done before libconfig sees it:
 * @include lines are replaced by the files that they name (relative to the file they stand in), and
 * numbers wider than 32 bits get libconfig's suffix "L", without which libconfig 1.5 silently cuts
 * them: `hard_bytes = 10000000000` would be 1410065408.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* Memory that may hold keys: wiped whenever it is let go. */
struct secret_buffer {
	char *data; /* NUL-terminated */
	size_t length, capacity;
};

void secret_buffer_append(struct secret_buffer *b, const char *data, size_t length);
void secret_buffer_free(struct secret_buffer *b);

struct config_text_line {
	const char *file; /* one of config->strings */
	int line;
};

struct config_text {
	struct secret_buffer buffer;
	struct config_text_line *lines; /* where each line came from */
	size_t n_lines, lines_capacity;
};

/* Both report what is wrong and return false then. *text is to be freed in any case. */
bool config_text_from_file(
	struct config_text *text, struct config *config, const char *path, struct report *report);
bool config_text_from_string(
	struct config_text *text, struct config *config, const char *string, struct report *report);
void config_text_free(struct config_text *text);

/* Where the text's line (from 1) came from. */
struct config_text_line config_text_where(const struct config_text *text, unsigned int line);

#endif
