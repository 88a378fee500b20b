/* SPDX-License-Identifier: BSD-3-Clause */

/* watch: a list again and again, with the rates of its counters. */

#include "client.h"
#include "screen.h"

static void
print_round(struct client *client, struct screen *screen, const struct command *command,
	const struct view *view, json_t *result)
{
	const json_t *items = view_items(result);
	FILE *out;

	if (client->options.json) {
		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		return;
	}
	out = screen_begin(screen, command->method->name);
	if (items && json_array_size(items))
		view_list(view, command->method->noun, items, out);
	else
		view_result(view, command->method->noun, result, out);
	screen_end(screen);
}

static enum command_status
watch_rounds(struct client *client, struct screen *screen, const struct command *command)
{
	struct view view = {.colours = client->session.colours};
	double interval = client->options.interval_s > 0 ? client->options.interval_s : 1;
	enum command_status status = COMMAND_DONE;
	json_t *before = NULL, *result;
	double last = 0;

	for (unsigned int round = 1;; round++) {
		double now = screen_now_s();

		status = command_result(
			&client->session, command->method->name, command->params, &result);
		if (status != COMMAND_DONE)
			break;
		view.before = before;
		view.seconds = now - last;
		print_round(client, screen, command, &view, result);
		json_decref(before);
		before = view_items(result) ? view_index(command->method->noun, view_items(result))
					    : NULL;
		json_decref(result);
		last = now;
		if (round == client->options.count || !client_wait(interval, screen->live))
			break;
	}
	json_decref(before);
	return status;
}

enum command_status
watch_run(struct client *client, const char *const *words, size_t count)
{
	struct session *s = &client->session;
	struct command command;
	struct screen screen;
	enum command_status status;

	if (count < 2)
		return command_say(
			s, COMMAND_USAGE, "watch what? As in: watch tunnel, watch sa --interval 5");
	status = command_read(s, words + 1, count - 1, &command);
	if (status == COMMAND_DONE && command.method->writes)
		status = command_say(s, COMMAND_USAGE, "watch: %s changes things every time",
			command.method->name);
	if (status == COMMAND_DONE) {
		client_catch_signals();
		screen_open(&screen, client->options.json, client->session.colours);
		status = watch_rounds(client, &screen, &command);
		screen_close(&screen);
	}
	command_clear(&command);
	return status;
}
