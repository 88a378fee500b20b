/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "phrase.h"

enum { PAGE = 1000 };

/* Application codes of the gateway, see doc/interface.md. */
enum reply_code {
	REPLY_NOT_FOUND = 1,
	REPLY_EXISTS = 2,
	REPLY_IN_USE = 3,
	REPLY_NO_ROOM = 4,
	REPLY_NOT_PERMITTED = 5,
	REPLY_BUSY = 6,
};

enum command_status
command_say(struct session *s, enum command_status status, const char *format, ...)
{
	va_list args;

	fputs(s->prefix, s->err);
	va_start(args, format);
	vfprintf(s->err, format, args);
	va_end(args);
	fputc('\n', s->err);
	return status;
}

/* What a person can do about an error, where the gateway's own message does not tell. */
static const char *
advice(json_int_t code)
{
	switch (code) {
	case REPLY_NOT_PERMITTED:
		return "root, the gateway's user and members of its --ctl-group may change things";
	case REPLY_NO_ROOM:
		return "`limits` in the configuration file say how much there is room for";
	case REPLY_IN_USE:
		return "what refers to it has to go first";
	case REPLY_BUSY:
		return "try again in a moment";
	default:
		return NULL;
	}
}

/* {"errors": [{"object", "field", "message"}, …]} */
static bool
say_errors(struct session *s, const json_t *data)
{
	const json_t *errors = json_object_get(data, "errors"), *one;
	size_t i;

	json_array_foreach (errors, i, one) {
		const char *object = json_string_value(json_object_get(one, "object"));
		const char *field = json_string_value(json_object_get(one, "field"));
		const char *message = json_string_value(json_object_get(one, "message"));

		if (field && (!field[0] || (message && strstr(message, field))))
			field = NULL; /* it is said */
		command_say(s, COMMAND_REFUSED, "  %s%s%s%s%s", object ? object : "",
			object ? ": " : "", field ? field : "", field ? ": " : "",
			message ? message : "");
	}
	return json_array_size(errors) > 0;
}

void
command_say_error(struct session *s, const char *method, const json_t *error)
{
	const char *message = json_string_value(json_object_get(error, "message"));
	const json_t *data = json_object_get(error, "data");
	const char *field = json_string_value(json_object_get(data, "field"));
	const char *what = advice(json_integer_value(json_object_get(error, "code")));
	bool told = !field || (message && strstr(message, field));
	const char *first = json_array_size(json_object_get(data, "errors")) && message
				    ? strstr(message, "; the first: ")
				    : NULL;

	if (first) /* all of them follow */
		command_say(
			s, COMMAND_REFUSED, "%s: %.*s:", method, (int)(first - message), message);
	else
		command_say(s, COMMAND_REFUSED, "%s: %s%s%s", method, told ? "" : field,
			told ? "" : ": ", message ? message : "refused without a reason");
	say_errors(s, data);
	if (what)
		command_say(s, COMMAND_REFUSED, "  %s", what);
}

/* One call. */
static enum command_status
call_once(struct session *s, const char *method, json_t *params, json_t **result)
{
	struct error err = {""};
	json_t *reply = NULL, *error;
	enum command_status status = s->call(s->link, method, params, &reply, &err);

	*result = NULL;
	if (status != COMMAND_DONE)
		return command_say(s, status, "%s", err.text);
	error = json_object_get(reply, "error");
	if (error) {
		command_say_error(s, method, error);
		status = COMMAND_REFUSED;
	} else {
		*result = json_incref(json_object_get(reply, "result"));
	}
	json_decref(reply);
	return status;
}

enum command_status
session_load(struct session *s)
{
	struct error err = {""};
	enum command_status status;
	json_t *result;

	if (s->loaded)
		return COMMAND_DONE;
	status = call_once(s, "rpc.methods", NULL, &result);
	if (status != COMMAND_DONE)
		return status;
	if (methods_read(&s->methods, result, &err) == 0)
		s->loaded = true;
	else
		status = command_say(s, COMMAND_REFUSED, "%s", err.text);
	json_decref(result);
	return status;
}

void
session_free(struct session *s)
{
	if (s->loaded)
		methods_free(&s->methods);
	s->loaded = false;
}

/* Appends the pages that follow to the list in result. */
static enum command_status
follow_pages(struct session *s, const char *method, json_t *params, json_t *result)
{
	json_t *items = view_items(result);
	json_t *next = json_incref(json_object_get(result, "next"));
	enum command_status status = COMMAND_DONE;

	while (status == COMMAND_DONE && items && next && !json_is_null(next)) {
		json_t *page;

		json_object_set(params, "after", next);
		status = call_once(s, method, params, &page);
		if (status != COMMAND_DONE)
			break;
		json_decref(next);
		next = json_incref(json_object_get(page, "next"));
		if (json_array_size(view_items(page)) == 0) { /* a cursor that leads nowhere */
			json_decref(page);
			break;
		}
		json_array_extend(items, view_items(page));
		json_decref(page);
	}
	json_decref(next);
	json_object_del(result, "next");
	return status;
}

enum command_status
command_result(struct session *s, const char *name, json_t *params, json_t **result)
{
	const struct method *method = s->loaded ? methods_find(&s->methods, name) : NULL;
	bool paged = method && method_param(method, "limit") && method_param(method, "after") &&
		     !json_object_get(params, "limit") && !json_object_get(params, "after");
	json_t *sent = paged ? json_copy(params) : json_incref(params);
	enum command_status status;

	if (paged && !sent)
		sent = json_object();
	if (paged)
		json_object_set_new(sent, "limit", json_integer(PAGE));
	status = call_once(s, name, sent, result);
	if (status == COMMAND_DONE && paged)
		status = follow_pages(s, name, sent, *result);
	if (status != COMMAND_DONE) {
		json_decref(*result);
		*result = NULL;
	}
	json_decref(sent);
	return status;
}

static enum command_status
read_words(struct session *s, const char *const *words, size_t count, struct command *command)
{
	struct error err = {""};
	const struct method *method;
	size_t used;

	method = methods_resolve(&s->methods, words, count, s->own, &used, &err);
	if (!method)
		return command_say(s, COMMAND_USAGE, "%s", err.text);
	if (arguments_read(
		    method, words + used, count - used, &s->sources, &command->params, &err) != 0)
		return command_say(s, COMMAND_USAGE, "%s%s%s: %s (`help %s%s%s` tells more)",
			method->noun, method->verb[0] ? " " : "", method->verb, err.text,
			method->noun, method->verb[0] ? " " : "", method->verb);
	command->method = method;
	return COMMAND_DONE;
}

enum command_status
command_read(struct session *s, const char *const *words, size_t count, struct command *command)
{
	enum command_status status;
	struct phrase phrase;

	*command = (struct command){0};
	status = session_load(s);
	if (status != COMMAND_DONE)
		return status;
	phrase = phrase_of(words, count);
	status = read_words(s, (const char *const *)phrase.at, phrase.count, command);
	phrase_free(&phrase);
	return status;
}

void
command_clear(struct command *command)
{
	json_decref(command->params);
	*command = (struct command){0};
}

void
command_print(struct session *s, const char *noun, json_t *result)
{
	struct view view = {.colours = s->colours};

	if (s->json) {
		json_dumpf(result, s->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
		fputc('\n', s->out);
	} else if (json_is_object(result) && json_object_size(result) == 0) {
		fprintf(s->out, "ok\n");
	} else {
		view_result(&view, noun, result, s->out);
	}
	fflush(s->out);
}

enum command_status
command_run(struct session *s, const char *const *words, size_t count)
{
	struct command command;
	enum command_status status = command_read(s, words, count, &command);
	json_t *result = NULL;

	if (command.method)
		status = command_result(s, command.method->name, command.params, &result);
	if (result)
		command_print(s, command.method->noun, result);
	json_decref(result);
	command_clear(&command);
	return status;
}
