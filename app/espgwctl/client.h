/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLIENT_H
#define CLIENT_H

/* espgwctl: what its parts share. */

#include "command.h"
#include "link.h"
#include "options.h"

struct client {
	struct options options;
	struct link link;
	struct session session;
};

/* A command of espgwctl's own, that is no method of the gateway. words[0] is its name. */
typedef enum command_status client_command(
	struct client *client, const char *const *words, size_t count);

/* Runs any command. */
enum command_status client_run(struct client *client, const char *const *words, size_t count);

/* Whether the word names a command of our own: it has no place in a batch. */
bool client_is_own(const char *word);

/* Waits so long; false when a signal ended that, or the user asked to quit (a 'q' on a terminal
 * that gives characters at once). */
bool client_wait(double seconds, bool keys);

/* SIGINT or SIGTERM, when one came since they are caught; else 0. */
int client_interrupted(void);
void client_catch_signals(void);

client_command watch_run, top_run, doctor_run;

/* --- shell.c, batch.c --- */

enum command_status shell_run(struct client *client);
enum command_status batch_run(struct client *client);

#endif
