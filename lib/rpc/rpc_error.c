/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rpc_internal.h"

enum { HEX_RUN_MAX = 31 };

static int
code_of_errno(int code)
{
	static const struct {
		int number, code;
	} codes[] = {
		{ENOENT, RPC_NOT_FOUND},
		{EEXIST, RPC_EXISTS},
		{EBUSY, RPC_IN_USE},
		{ENOSPC, RPC_NO_ROOM},
		{ENOMEM, RPC_NO_ROOM},
		{EPERM, RPC_NOT_PERMITTED},
		{EACCES, RPC_NOT_PERMITTED},
		{EAGAIN, RPC_TRY_AGAIN},
		{EINVAL, RPC_INVALID_PARAMS},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].number == -code)
			return codes[i].code;
	return RPC_FAILED;
}

/* A message quotes what was wrong, and a key may stand in a wrong place: no key is shorter than 32
 * hex digits, and nothing else is as long. */
static void
hide_keys(char *text)
{
	char *to = text, *from = text;

	while (*from) {
		size_t run = 0;

		while (isxdigit((unsigned char)from[run]))
			run++;
		if (run > HEX_RUN_MAX) {
			to = stpcpy(to, "(hidden)");
		} else {
			run = run ? run : 1;
			memmove(to, from, run);
			to += run;
		}
		from += run;
	}
	explicit_bzero(to, (size_t)(from - to));
}

/* Of a text that was cut off: the part of a key that may stand at its end. */
static void
cut_hex(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && isxdigit((unsigned char)text[n - 1]))
		text[--n] = '\0';
}

/* What was quoted may have been cut within a character, which no JSON string can hold. */
static void
make_utf8(char *text)
{
	json_t *value = json_string(text);

	for (char *c = text; !value && *c; c++)
		if (*c & 0x80)
			*c = '?';
	json_decref(value);
}

static void __attribute__((format(printf, 3, 0)))
format_set(struct rpc_error *error, int code, const char *format, va_list args)
{
	rpc_error_clear(error);
	error->code = code;
	if (vsnprintf(error->message, sizeof(error->message), format, args) >=
		(int)sizeof(error->message))
		cut_hex(error->message);
	hide_keys(error->message);
	make_utf8(error->message);
}

void
rpc_error_format(struct rpc_error *error, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_set(error, code, format, args);
	va_end(args);
}

void
rpc_error_clear(struct rpc_error *error)
{
	json_decref(error->data);
	*error = (struct rpc_error){0};
}

void
rpc_error_errno(struct rpc_error *error, int code, const char *message)
{
	rpc_error_format(error, code_of_errno(code), "%s", message[0] ? message : strerror(-code));
}

/* A text as a string, without keys. */
static json_t *
quoted(const char *text)
{
	struct rpc_error error = {0};

	rpc_error_format(&error, 0, "%s", text);
	return json_string(error.message);
}

int
rpc_error_set(struct rpc_call *call, int code, const char *field, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_set(&call->error, code_of_errno(code), format, args);
	va_end(args);
	if (field)
		call->error.data = json_pack("{s:o}", "field", quoted(field));
	return code;
}

static json_t *
entry_json(const struct report_entry *entry)
{
	json_t *e = json_pack("{s:o}", "message", quoted(entry->text));

	if (entry->object)
		json_object_set_new(e, "object", quoted(entry->object));
	if (entry->field)
		json_object_set_new(e, "field", quoted(entry->field));
	return e;
}

int
rpc_error_report(struct rpc_call *call, int code, const struct report *report)
{
	const struct report_entry *first = report->entries;
	json_t *errors;

	if (report->count == 0)
		return rpc_error_set(call, code, NULL, "%s", strerror(-code));
	if (report->count == 1)
		return rpc_error_set(call, code, first->field, "%s%s%s",
			first->object ? first->object : "", first->object ? ": " : "", first->text);
	rpc_error_set(call, code, NULL, "%zu things are wrong; the first: %s%s%s", report->count,
		first->object ? first->object : "", first->object ? ": " : "", first->text);
	errors = json_array();
	for (size_t i = 0; i < report->count; i++)
		json_array_append_new(errors, entry_json(&report->entries[i]));
	call->error.data = json_pack("{s:o}", "errors", errors);
	return code;
}
