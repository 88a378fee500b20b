/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef COMMAND_H
#define COMMAND_H

/* One command in a person's words, run on a gateway: which one and how it is reached is the
 * caller's. */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "arguments.h"
#include "method.h"
#include "view.h"

/* As the exit status of espgwctl. */
enum command_status {
	COMMAND_DONE = 0,
	COMMAND_REFUSED = 1,    /* by the gateway */
	COMMAND_USAGE = 2,      /* not understood; nothing was asked of the gateway */
	COMMAND_NO_GATEWAY = 3, /* there is none, or it went away */
};

/*
 * Calls a method. params may be NULL and stays the caller's. *reply: the whole JSON-RPC reply, with
 * "result" or "error", a new reference. COMMAND_NO_GATEWAY with the reason in err when there is
 * none.
 */
typedef enum command_status command_call(
	void *link, const char *method, json_t *params, json_t **reply, struct error *err);

struct session {
	command_call *call;
	void *link;
	struct argument_sources sources;
	const char *const *own; /* other commands of the caller, for suggestions; ends with NULL */
	const char *prefix;     /* before messages: "espgwctl: ", "site.batch:7: " */
	bool json, colours;
	FILE *out, *err;

	bool loaded; /* the methods */
	struct methods methods;
};

/* Asks for the methods, once. */
enum command_status session_load(struct session *s);
void session_free(struct session *s);

/* A command as it was understood. */
struct command {
	const struct method *method;
	json_t *params;
};

/* Understands the words; says on s->err what is wrong. */
enum command_status command_read(
	struct session *s, const char *const *words, size_t count, struct command *command);
void command_clear(struct command *command);

/* Calls, follows a list to its end, and gives the result (a new reference), or says why not. */
enum command_status command_result(
	struct session *s, const char *method, json_t *params, json_t **result);

/* Understands, calls, prints. */
enum command_status command_run(struct session *s, const char *const *words, size_t count);

/* Prints what a method answered: for a person, or as one JSON document. */
void command_print(struct session *s, const char *noun, json_t *result);

/* What is wrong, on s->err with its prefix. Returns status. */
enum command_status command_say(struct session *s, enum command_status status, const char *format,
	...) __attribute__((format(printf, 3, 4)));

/* The error member of a reply, with what to do about it. */
void command_say_error(struct session *s, const char *method, const json_t *error);

/* "help", "help sa", "help sa add": from what the gateway says of its methods. */
enum command_status command_help(struct session *s, const char *const *words, size_t count);

/*
 * What may stand at the end of the words: the last of them is being written ("" for a new one).
 * Names of tunnels and ports are asked of the gateway. An array of strings; each is a whole word,
 * and one that ends with '=' wants a value behind.
 */
json_t *command_complete(struct session *s, const char *const *words, size_t count);

/* How many bytes all the words in an array begin with alike; 0 for none. */
size_t command_common(const json_t *words);

#endif
