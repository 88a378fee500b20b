/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_strings.h"
#include "fibre.h"

enum {
	INCLUDE_DEPTH_MAX = 10,
	FILE_BYTES_MAX = 256 << 20,
	PIECE_BYTES = 256 << 10,
};

/* A file (or string) being copied. */
struct source {
	const char *file;
	const char *p;
	int line;
	bool line_start; /* only blanks so far in this line */
	unsigned int depth;
	struct config_text *text;
	struct config *config;
	struct report *report;
	bool may_include;
};

/* What is as large as a file moves piece by piece, and others have their turn. */
static void
secret_buffer_grow(struct secret_buffer *b, size_t capacity)
{
	char *grown = memory_or_die(malloc(capacity));

	for (size_t at = 0, n; at < b->length; at += n) {
		n = b->length - at < PIECE_BYTES ? b->length - at : PIECE_BYTES;
		memcpy(grown + at, b->data + at, n);
		fibre_rest();
	}
	wipe_in_turns(b->data, b->length);
	free(b->data);
	b->data = grown;
	b->capacity = capacity;
}

void
secret_buffer_append(struct secret_buffer *b, const char *data, size_t length)
{
	if (b->length + length + 1 > b->capacity)
		secret_buffer_grow(b, (b->length + length + 1) * 2);
	memcpy(b->data + b->length, data, length);
	b->length += length;
	b->data[b->length] = '\0';
}

void
secret_buffer_free(struct secret_buffer *b)
{
	wipe_in_turns(b->data, b->length);
	free(b->data);
	*b = (struct secret_buffer){0};
}

/* The line that is being written now is this one of the source. */
static void
line_is(struct source *s)
{
	struct config_text *t = s->text;

	t->lines[t->n_lines - 1] = (struct config_text_line){s->file, s->line};
}

static void
line_begin(struct source *s)
{
	struct config_text *t = s->text;

	if (t->n_lines == t->lines_capacity) {
		t->lines_capacity = t->lines_capacity * 2 + 64;
		t->lines =
			memory_or_die(realloc(t->lines, t->lines_capacity * sizeof(t->lines[0])));
	}
	t->n_lines++;
	line_is(s);
	fibre_rest();
}

/* Copies n characters. */
static void
copy(struct source *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = s->p[i];

		secret_buffer_append(&s->text->buffer, &c, 1);
		if (c == '\n') {
			s->line++;
			s->line_start = true;
			line_begin(s);
		} else if (c != ' ' && c != '\t') {
			s->line_start = false;
		}
	}
	s->p += n;
}

static bool
fail(struct source *s, int line, const char *text)
{
	report_add(s->report, s->file, line, NULL, "%s", text);
	return false;
}

/* At a quote: copies to the closing one. */
static bool
copy_string(struct source *s)
{
	const char *end = s->p + 1;

	while (*end && *end != '"')
		end += end[0] == '\\' && end[1] ? 2 : 1;
	if (*end == '\0')
		return fail(s, s->line, "a string begins here and has no closing quote");
	copy(s, (size_t)(end + 1 - s->p));
	return true;
}

static bool
copy_comment(struct source *s)
{
	const char *end;

	if (s->p[0] == '#' || s->p[1] == '/') {
		copy(s, strcspn(s->p, "\n"));
		return true;
	}
	end = strstr(s->p + 2, "*/");
	if (!end)
		return fail(s, s->line, "a comment begins here and has no closing */");
	copy(s, (size_t)(end + 2 - s->p));
	return true;
}

/* At a sign or digit. Numbers with a fraction or exponent are left to libconfig. */
static bool
copy_number(struct source *s)
{
	const char *digits = s->p + (*s->p == '-' || *s->p == '+');
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	uintmax_t value;
	char *end;

	errno = 0;
	value = strtoumax(digits, &end, hex ? 16 : 10);
	if (errno == ERANGE || value > INT64_MAX)
		return fail(s, s->line, "a number beyond 9223372036854775807");
	bool wide = value > INT32_MAX && (*end == '\0' || !strchr(".eEL", *end));
	copy(s, (size_t)(end - s->p));
	while (*s->p == 'L' || *s->p == '.' || isalnum((unsigned char)*s->p))
		copy(s, 1);
	if (wide)
		secret_buffer_append(&s->text->buffer, "L", 1);
	return true;
}

static bool copy_source(struct source *s);

/* Reads the file into b. */
static bool
read_file(const char *path, struct secret_buffer *b, struct error *err)
{
	char chunk[4096];
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		error_set(err, 0, "cannot be opened: %s", strerror(errno));
		return false;
	}
	secret_buffer_append(b, "", 0);
	while (b->length <= FILE_BYTES_MAX && (n = read(fd, chunk, sizeof(chunk))) > 0) {
		secret_buffer_append(b, chunk, (size_t)n);
		fibre_rest();
	}
	explicit_bzero(chunk, sizeof(chunk));
	if (n < 0)
		error_set(err, 0, "cannot be read: %s", strerror(errno));
	else if (n > 0)
		error_set(err, 0, "is larger than 256 MiB: hardly a configuration");
	else if (memchr(b->data, '\0', b->length))
		error_set(err, 0, "has a NUL byte in it: not a text file");
	else
		err->text[0] = '\0';
	close(fd);
	return err->text[0] == '\0';
}

static char *
include_path(const struct source *s, const char *name, size_t length)
{
	const char *slash = strrchr(s->file, '/');
	int directory = slash ? (int)(slash + 1 - s->file) : 0;
	char *path;

	if (name[0] == '/')
		directory = 0;
	if (asprintf(&path, "%.*s%.*s", directory, s->file, (int)length, name) < 0)
		abort();
	return path;
}

/* Puts the file named at s->p (after its opening quote) in the place of the include line. */
static bool
include_file(struct source *s, size_t name_length)
{
	struct secret_buffer contents = {0};
	struct source inner = *s;
	struct error err;
	bool ok = false;

	inner.file = config_string_own(s->config, include_path(s, s->p, name_length));
	s->p += name_length + 1;
	if (++inner.depth > INCLUDE_DEPTH_MAX)
		return fail(s, s->line, "@include goes more than 10 files deep: a loop?");
	if (!read_file(inner.file, &contents, &err)) {
		report_add(s->report, s->file, s->line, NULL, "@include \"%s\" %s", inner.file,
			err.text);
	} else {
		inner.p = contents.data;
		inner.line = 1;
		inner.line_start = true;
		line_is(&inner);
		ok = copy_source(&inner);
		secret_buffer_append(&s->text->buffer, "\n", 1);
		line_begin(s);
	}
	secret_buffer_free(&contents);
	return ok;
}

/* At an '@', which nothing but an include line may begin with. */
static bool
copy_include(struct source *s)
{
	const char *p = s->p;
	size_t length;

	if (!s->may_include)
		return fail(s, s->line, "@include is for files only");
	if (!s->line_start || strncmp(p, "@include", 8) != 0)
		return fail(s, s->line, "unexpected '@': a line with @include \"FILE\" is right");
	p += 8;
	p += strspn(p, " \t");
	if (*p != '"' || p[1 + (length = strcspn(p + 1, "\"\n"))] != '"' || length == 0)
		return fail(s, s->line, "@include wants the name of a file in quotes");
	s->p = p + 1;
	s->line_start = false;
	return include_file(s, length);
}

static size_t
word_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || (p[n] && strchr("*-_", p[n])))
		n++;
	return n;
}

static bool
copy_source(struct source *s)
{
	bool ok = true;

	while (ok && *s->p) {
		char next = s->p[1];

		if (*s->p == '"')
			ok = copy_string(s);
		else if (*s->p == '#' || (*s->p == '/' && (next == '/' || next == '*')))
			ok = copy_comment(s);
		else if (*s->p == '@')
			ok = copy_include(s);
		else if (isdigit((unsigned char)*s->p) ||
			 ((*s->p == '-' || *s->p == '+') && isdigit((unsigned char)next)))
			ok = copy_number(s);
		else if (isalpha((unsigned char)*s->p))
			copy(s, word_length(s->p));
		else
			copy(s, 1);
	}
	return ok;
}

static bool
copy_top(struct source *s)
{
	s->line = 1;
	s->line_start = true;
	s->file = s->config->file;
	secret_buffer_append(&s->text->buffer, "", 0);
	line_begin(s);
	return copy_source(s);
}

bool
config_text_from_file(
	struct config_text *text, struct config *config, const char *path, struct report *report)
{
	struct source s = {.text = text, .config = config, .report = report, .may_include = true};
	struct secret_buffer contents = {0};
	struct error err;
	bool ok = false;

	if (read_file(path, &contents, &err)) {
		s.p = contents.data;
		ok = copy_top(&s);
	} else {
		report_add(report, path, 0, NULL, "%s", err.text);
	}
	secret_buffer_free(&contents);
	return ok;
}

bool
config_text_from_string(
	struct config_text *text, struct config *config, const char *string, struct report *report)
{
	struct source s = {.text = text, .config = config, .report = report, .p = string};

	return copy_top(&s);
}

void
config_text_free(struct config_text *text)
{
	secret_buffer_free(&text->buffer);
	free(text->lines);
	*text = (struct config_text){0};
}

struct config_text_line
config_text_where(const struct config_text *text, unsigned int line)
{
	if (line == 0 || text->n_lines == 0)
		return (struct config_text_line){0};
	return text->lines[line <= text->n_lines ? line - 1 : text->n_lines - 1];
}
