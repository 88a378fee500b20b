/* SPDX-License-Identifier: BSD-3-Clause */

/* espgwctl: asks and changes a running gateway over its control socket. */

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

static const char *const own_words[] = {"call", "doctor", "events", "help", "top", "watch", NULL};

/* There may be keys in whatever JSON was made of. */
static void
wiping_free(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

static bool
colours_wanted(const struct options *options)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if (options->colour != COLOUR_AUTO)
		return options->colour == COLOUR_ALWAYS;
	return isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]) &&
	       !(terminal && strcmp(terminal, "dumb") == 0);
}

static void
client_init(struct client *client)
{
	link_init(&client->link, client->options.ctl, client->options.timeout_s);
	client->session = (struct session){
		.call = link_call,
		.link = &client->link,
		.sources = {.files = true, .in = stdin},
		.own = own_words,
		.prefix = "espgwctl: ",
		.json = client->options.json,
		.colours = colours_wanted(&client->options),
		.out = stdout,
		.err = stderr,
	};
}

/* A key among the words is taken out of argv, where every user of the machine could read it. */
static char **
words_take(char **argv, int count)
{
	char **words = calloc((size_t)count + 1, sizeof(words[0]));

	for (int i = 0; words && i < count; i++) {
		words[i] = strdup(argv[i]);
		if (!words[i])
			abort();
		if (argument_is_secret(argv[i]))
			memset(argv[i], 'x', strlen(argv[i]));
	}
	return words;
}

static void
words_wipe(char **words)
{
	for (int i = 0; words && words[i]; i++) {
		explicit_bzero(words[i], strlen(words[i]));
		free(words[i]);
	}
	free(words);
}

static enum command_status
run(struct client *client, char **argv, int argc)
{
	int count = argc - client->options.first;
	enum command_status status;
	char **words;

	if (client->options.file && count > 0)
		return command_say(&client->session, COMMAND_USAGE,
			"-f has the commands: leave \"%s\" out", argv[client->options.first]);
	if (client->options.file)
		return batch_run(client);
	if (count == 0)
		return shell_run(client);
	words = words_take(argv + client->options.first, count);
	if (!words)
		abort();
	status = client_run(client, (const char *const *)words, (size_t)count);
	words_wipe(words);
	return status;
}

int
main(int argc, char **argv)
{
	struct client client;
	struct error err;
	enum command_status status;

	json_set_alloc_funcs(malloc, wiping_free);
	if (options_parse(argc, argv, &client.options, &err) != 0) {
		fprintf(stderr, "espgwctl: %s\n", err.text);
		return COMMAND_USAGE;
	}
	if (client.options.help) {
		options_usage(stdout);
		return COMMAND_DONE;
	}
	if (client.options.version) {
		printf("espgwctl %s\n", ESPGW_VERSION);
		return COMMAND_DONE;
	}
	client_init(&client);
	status = run(&client, argv, argc);
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == COMMAND_DONE)
		status = command_say(&client.session, COMMAND_REFUSED,
			"what it says could not be written: %s", strerror(errno));
	session_free(&client.session);
	link_close(&client.link);
	return status;
}
