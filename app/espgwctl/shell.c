/* SPDX-License-Identifier: BSD-3-Clause */

/* The shell: a prompt with history and completion, by libedit where there is one. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "lines.h"
#include "words.h"

#define PROMPT "espgw> "

static bool
is_end(const char *word)
{
	return strcmp(word, "quit") == 0 || strcmp(word, "exit") == 0;
}

static bool
has_secret(const struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (argument_is_secret(words->at[i]))
			return true;
	return false;
}

/* What the words so far leave open; found is freed by the caller. */
static json_t *
complete(void *arg, const char *line)
{
	struct client *client = arg;
	size_t length = strlen(line);
	bool fresh = length == 0 || line[length - 1] == ' ';
	FILE *nowhere = fopen("/dev/null", "we");
	struct error err;
	struct words words;
	const char **all;
	json_t *found;

	if (!nowhere)
		return json_array();
	if (words_split(line, &words, &err) != 0) {
		fclose(nowhere);
		return json_array();
	}
	all = calloc(words.count + 1, sizeof(all[0]));
	if (!all)
		abort();
	for (size_t i = 0; i < words.count; i++)
		all[i] = words.at[i];
	all[words.count] = "";
	client->session.err = nowhere;
	found = command_complete(&client->session, all, words.count + fresh);
	client->session.err = stderr;
	free(all);
	words_free(&words);
	fclose(nowhere);
	return found;
}

/* Runs one line; false: it was the end. */
static bool
run_line(struct client *client, struct lines *lines, const char *line)
{
	struct session *s = &client->session;
	enum command_status status;
	struct error err;
	struct words words;
	bool more = true;

	if (words_split(line, &words, &err) != 0) {
		command_say(s, COMMAND_USAGE, "%s", err.text);
		return true;
	}
	if (words.count > 0 && !has_secret(&words))
		lines_remember(lines, line);
	if (words.count > 0 && is_end(words.at[0])) {
		more = false;
	} else if (words.count > 0) {
		status = client_run(client, (const char *const *)words.at, words.count);
		if (status == COMMAND_NO_GATEWAY) /* the next one may have other methods */
			session_free(s);
	}
	words_free(&words);
	return more;
}

/* Caught, so that reading a line ends and not the process. */
static void
on_interrupt(int number)
{
	(void)number;
}

/* NULL: the end. ^C gives up the line and not the shell; what runs a command ends by it. SIGTERM
 * ends the shell, and the editor leaves the terminal as it was. */
static char *
read_line(struct lines *lines)
{
	struct sigaction caught = {.sa_handler = on_interrupt}, before;
	char *line;

	sigaction(SIGINT, &caught, &before);
	line = lines_read(lines, PROMPT);
	sigaction(SIGINT, &before, NULL);
	return line;
}

enum command_status
shell_run(struct client *client)
{
	struct lines *lines;
	char *line;
	bool more = true;

	if (!isatty(STDIN_FILENO))
		return command_say(&client->session, COMMAND_USAGE,
			"a command is wanted, as `espgwctl tunnel list`; --help has more, and -f - "
			"reads commands from stdin");
	client->session.prefix = "";
	printf("espgwctl %s, gateway at %s. Tab completes, `help` helps, `quit` ends.\n",
		ESPGW_VERSION, client->options.ctl);
	session_load(&client->session);
	lines = lines_create(complete, client);
	while (more && (line = read_line(lines)) != NULL) {
		more = run_line(client, lines, line);
		explicit_bzero(line, strlen(line));
		free(line);
	}
	if (more)
		putchar('\n');
	lines_free(lines);
	return COMMAND_DONE;
}
