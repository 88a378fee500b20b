/* SPDX-License-Identifier: BSD-3-Clause */

/* -f FILE: a command a line, by default all of them or none. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "words.h"

enum {
	PREFIX_BYTES = 256,
	BUFFER_BYTES = 65536,
	CALLS_MAX = 1000, /* as the gateway takes in one batch */
	WRONG_MAX = 20,   /* lines that are not understood: by then the file is another one */
};

struct batch {
	struct client *client;
	FILE *in;
	const char *name;
	char prefix[PREFIX_BYTES]; /* of messages: "FILE:LINE: " */
	unsigned int line;
	json_t *calls;       /* [{"method", "params"}, …] */
	unsigned int *lines; /* where each call stands */
	unsigned int failed, done;
	enum command_status worst;
};

static void
count_command(struct batch *b, enum command_status status)
{
	if (status == COMMAND_DONE) {
		b->done++;
		return;
	}
	b->failed++;
	if (b->worst == COMMAND_DONE || status == COMMAND_NO_GATEWAY)
		b->worst = status;
}

static void
at_line(struct batch *b, unsigned int line)
{
	snprintf(b->prefix, sizeof(b->prefix), "%.200s:%u: ", b->name, line);
}

static enum command_status
collect(struct batch *b, const struct words *words)
{
	struct session *s = &b->client->session;
	struct command command;
	enum command_status status =
		command_read(s, (const char *const *)words->at, words->count, &command);
	size_t n = json_array_size(b->calls);

	if (status == COMMAND_DONE) {
		json_array_append_new(
			b->calls, json_pack("{s:s, s:O}", "method", command.method->name, "params",
					  command.params));
		b->lines = reallocarray(b->lines, n + 1, sizeof(b->lines[0]));
		if (!b->lines)
			abort();
		b->lines[n] = b->line;
	}
	command_clear(&command);
	return status;
}

static enum command_status
take_words(struct batch *b, const struct words *words)
{
	struct session *s = &b->client->session;

	if (client_is_own(words->at[0]))
		return command_say(s, COMMAND_USAGE,
			"\"%s\" has no place in a batch, only methods of the gateway do",
			words->at[0]);
	if (b->client->options.keep_going)
		return command_run(s, (const char *const *)words->at, words->count);
	return collect(b, words);
}

static void
take_line(struct batch *b, const char *line)
{
	struct error err = {""};
	struct words words;

	if (words_split(line, &words, &err) != 0) {
		count_command(b, command_say(&b->client->session, COMMAND_USAGE, "%s", err.text));
		return;
	}
	if (words.count > 0)
		count_command(b, take_words(b, &words));
	words_free(&words);
}

static bool
is_hopeless(const struct batch *b)
{
	return !b->client->options.keep_going && b->failed == WRONG_MAX;
}

static void
read_lines(struct batch *b)
{
	char *line = NULL;
	size_t room = 0;

	while (b->worst != COMMAND_NO_GATEWAY && !is_hopeless(b) &&
		getline(&line, &room, b->in) >= 0) {
		at_line(b, ++b->line);
		take_line(b, line);
	}
	if (line)
		explicit_bzero(line, room);
	free(line);
}

/* The line of the call that failed. */
static void
say_refused(struct batch *b, const json_t *error)
{
	const json_t *call = json_object_get(json_object_get(error, "data"), "call");
	json_int_t i = json_is_integer(call) ? json_integer_value(call) : -1;
	const char *method = "batch";

	if (i >= 0 && i < (json_int_t)json_array_size(b->calls)) {
		at_line(b, b->lines[i]);
		method = json_string_value(
			json_object_get(json_array_get(b->calls, (size_t)i), "method"));
	} else {
		snprintf(b->prefix, sizeof(b->prefix), "%.200s: ", b->name);
	}
	command_say_error(&b->client->session, method, error);
	fprintf(b->client->session.err,
		"%s: nothing has been changed (--keep-going goes one by one)\n", b->name);
}

static void
print_results(struct batch *b, const json_t *result)
{
	struct session *s = &b->client->session;
	json_t *results = json_object_get(result, "results"), *one;
	size_t i;

	if (s->json) {
		command_print(s, "", results);
		return;
	}
	json_array_foreach (results, i, one) {
		const char *name =
			json_string_value(json_object_get(json_array_get(b->calls, i), "method"));
		const struct method *method = name ? methods_find(&s->methods, name) : NULL;

		if (json_object_size(one) > 0)
			command_print(s, method ? method->noun : "", one);
	}
	fprintf(s->out, "%zu done\n", json_array_size(results));
}

static enum command_status
send_all(struct batch *b)
{
	struct session *s = &b->client->session;
	json_t *params, *reply = NULL, *error;
	struct error err = {""};
	enum command_status status;

	if (json_array_size(b->calls) > CALLS_MAX)
		return command_say(s, COMMAND_USAGE,
			"%zu commands; %d are the most that can be all or nothing: split the file, "
			"or --keep-going",
			json_array_size(b->calls), CALLS_MAX);
	params = json_pack("{s:O}", "calls", b->calls);
	status = s->call(s->link, "batch", params, &reply, &err);
	json_decref(params);
	if (status != COMMAND_DONE)
		return command_say(s, status, "%s", err.text);
	error = json_object_get(reply, "error");
	if (error) {
		say_refused(b, error);
		status = COMMAND_REFUSED;
	} else {
		print_results(b, json_object_get(reply, "result"));
	}
	json_decref(reply);
	return status;
}

static enum command_status
finish(struct batch *b)
{
	FILE *err = b->client->session.err;

	snprintf(b->prefix, sizeof(b->prefix), "%.200s: ", b->name);
	if (b->client->options.keep_going) {
		if (b->failed)
			fprintf(err, "%s: %u of %u failed\n", b->name, b->failed,
				b->failed + b->done);
		return b->worst;
	}
	if (b->failed) {
		fprintf(err, "%s: %snothing was sent\n", b->name,
			is_hopeless(b) ? "the rest was not read, " : "");
		return b->worst;
	}
	return json_array_size(b->calls) ? send_all(b) : COMMAND_DONE;
}

enum command_status
batch_run(struct client *client)
{
	bool from_stdin = strcmp(client->options.file, "-") == 0;
	struct batch b = {.client = client, .name = from_stdin ? "stdin" : client->options.file};
	enum command_status status;
	char *buffer;

	b.in = from_stdin ? stdin : fopen(b.name, "re");
	if (!b.in)
		return command_say(
			&client->session, COMMAND_USAGE, "%s: %s", b.name, strerror(errno));
	if (from_stdin)
		client->session.sources.in = NULL;
	buffer = malloc(BUFFER_BYTES); /* keys may be in it */
	if (!buffer)
		abort();
	setvbuf(b.in, buffer, _IOFBF, BUFFER_BYTES);
	b.calls = json_array();
	client->session.prefix = b.prefix;
	read_lines(&b);
	status = finish(&b);
	fclose(b.in);
	explicit_bzero(buffer, BUFFER_BYTES);
	free(buffer);
	json_decref(b.calls);
	free(b.lines);
	client->session.prefix = "espgwctl: ";
	return status;
}
