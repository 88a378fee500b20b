/* SPDX-License-Identifier: BSD-3-Clause */

/* Which command is whose, and the small ones of our own. */

#include "client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static client_command call_run, events_run, help_run, complete_run;

static const struct {
	const char *name;
	client_command *run;
} commands[] = {
	{"call", call_run}, {"doctor", doctor_run}, {"events", events_run}, {"help", help_run},
	{"top", top_run}, {"watch", watch_run},
	{"__complete", complete_run}, /* for bash; not for people */
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	interrupted = number;
}

void
client_catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	interrupted = 0;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int
client_interrupted(void)
{
	return interrupted;
}

bool
client_wait(double seconds, bool keys)
{
	struct pollfd key = {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN};
	char c = '\0';

	if (poll(&key, 1, (int)(seconds * 1000)) < 0 || interrupted)
		return false;
	if (!(key.revents & (POLLIN | POLLHUP)))
		return true;
	return read(STDIN_FILENO, &c, 1) == 1 && c != 'q' && c != 'Q' && c != '\x03' && c != '\x04';
}

bool
client_is_own(const char *word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, word) == 0)
			return true;
	return false;
}

enum command_status
client_run(struct client *client, const char *const *words, size_t count)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, words[0]) == 0)
			return commands[i].run(client, words, count);
	return command_run(&client->session, words, count);
}

/* call METHOD [JSON] */
static enum command_status
call_run(struct client *client, const char *const *words, size_t count)
{
	struct session *s = &client->session;
	struct error err = {""};
	json_t *params = NULL, *result = NULL;
	enum command_status status;
	const char *dot;
	char noun[METHOD_WORD_BYTES];

	if (count < 2 || count > 3)
		return command_say(s, COMMAND_USAGE,
			"call: METHOD and at most one JSON object are wanted, as in: call sa.get "
			"'{\"spi\": 4097, \"direction\": \"out\"}'");
	if (count == 3) {
		params = argument_object(words[2], &s->sources, &err);
		if (!params)
			return command_say(s, COMMAND_USAGE, "call %s: %s", words[1], err.text);
	}
	dot = strchr(words[1], '.');
	snprintf(noun, sizeof(noun), "%.*s", dot ? (int)(dot - words[1]) : 0, words[1]);
	status = command_result(s, words[1], params, &result);
	if (status == COMMAND_DONE)
		command_print(s, noun, result);
	json_decref(result);
	json_decref(params);
	return status;
}

static json_t *
kinds_of(const char *const *words, size_t count)
{
	json_t *kinds = json_array();

	for (size_t i = 0; i < count; i++) {
		char *copy = strdup(words[i]), *rest = copy, *kind;

		while ((kind = strsep(&rest, ",")) != NULL)
			if (kind[0] && strcmp(kind, "resync") != 0)
				json_array_append_new(kinds, json_string(kind));
		free(copy);
	}
	return kinds;
}

static void
print_event(struct client *client, const json_t *event)
{
	struct view view = {.colours = client->session.colours};

	if (client->options.json) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
	} else {
		view_event(&view, event, stdout);
	}
}

static bool
has_word(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

/* events [KIND...] [resync]: with resync how things stand comes first. */
static enum command_status
events_run(struct client *client, const char *const *words, size_t count)
{
	struct session *s = &client->session;
	size_t first = count > 1 && strcmp(words[1], "subscribe") == 0 ? 2 : 1;
	bool resync = has_word(words, count, "resync");
	json_t *kinds = kinds_of(words + first, count - first), *result = NULL;
	json_t *params = json_array_size(kinds) ? json_pack("{s:O}", "kinds", kinds) : NULL;
	enum command_status status = command_result(s, "events.subscribe", params, &result);
	unsigned int seen = 0;

	json_decref(result);
	json_decref(kinds);
	json_decref(params);
	if (status == COMMAND_DONE && resync) {
		status = command_result(s, "events.resync", NULL, &result);
		json_decref(result);
	}
	if (status != COMMAND_DONE)
		return status;
	client_catch_signals();
	while (!client_interrupted() &&
		(client->options.count == 0 || seen < client->options.count)) {
		json_t *event = link_event(&client->link);

		if (!event && !client_interrupted())
			return command_say(
				s, COMMAND_NO_GATEWAY, "the gateway closed the connection");
		if (event)
			print_event(client, event);
		json_decref(event);
		seen++;
	}
	return COMMAND_DONE;
}

static enum command_status
help_run(struct client *client, const char *const *words, size_t count)
{
	enum command_status status = command_help(&client->session, words + 1, count - 1);

	if (count == 1)
		printf("Besides those of the gateway there are call METHOD [JSON], doctor, events "
		       "[KIND...], top\n"
		       "and watch NOUN; `espgwctl --help` has examples and the options.\n");
	return status;
}

/* __complete WORD...: what bash asks for; without a gateway our own words alone, and no message. */
static enum command_status
complete_run(struct client *client, const char *const *words, size_t count)
{
	FILE *nowhere = fopen("/dev/null", "we");
	const json_t *word;
	json_t *found;
	size_t i;

	if (!nowhere)
		return COMMAND_REFUSED;
	client->session.err = nowhere;
	client->link.timeout_s = 2;
	found = command_complete(&client->session, words + 1, count - 1);
	json_array_foreach (found, i, word)
		puts(json_string_value(word));
	for (unsigned int o = 0; count > 1 && options_name(o); o++)
		if (words[count - 1][0] == '-' &&
			strncmp(options_name(o), words[count - 1], strlen(words[count - 1])) == 0)
			puts(options_name(o));
	json_decref(found);
	client->session.err = stderr;
	fclose(nowhere);
	return COMMAND_DONE;
}
