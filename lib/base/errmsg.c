/* SPDX-License-Identifier: BSD-3-Clause */
#include "errmsg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
error_set(struct error *err, int code, const char *format, ...)
{
	va_list args;

	if (err) {
		va_start(args, format);
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	return code;
}

static void *
or_die(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static char *
copy_or_null(const char *text)
{
	return text ? or_die(strdup(text)) : NULL;
}

void
report_add_field(struct report *report, const char *file, int line, const char *object,
	const char *field, const char *text)
{
	struct report_entry entry = {.file = copy_or_null(file),
		.line = line,
		.object = copy_or_null(object),
		.field = copy_or_null(field),
		.text = copy_or_null(text)};

	report->entries = or_die(realloc(report->entries, (report->count + 1) * sizeof(entry)));
	report->entries[report->count++] = entry;
}

void
report_add(struct report *report, const char *file, int line, const char *object,
	const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	report_add_field(report, file, line, object, NULL, text);
	free(text);
}

void
report_print(const struct report *report, void *stream)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct report_entry *e = &report->entries[i];

		if (e->file && e->line)
			fprintf(stream, "%s:%d: ", e->file, e->line);
		else if (e->file)
			fprintf(stream, "%s: ", e->file);
		fprintf(stream, "%s%s%s\n", e->object ? e->object : "", e->object ? ": " : "",
			e->text);
	}
}

void
report_clear(struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->entries[i].file);
		free(report->entries[i].object);
		free(report->entries[i].field);
		free(report->entries[i].text);
	}
	free(report->entries);
	*report = (struct report){0};
}
