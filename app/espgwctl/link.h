/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LINK_H
#define LINK_H

/* The connection to a gateway's control socket. */

#include <stdbool.h>
#include <stddef.h>

#include "command.h"

struct link {
	const char *path;
	unsigned int timeout_s; /* for an answer */
	int fd;                 /* -1: not connected yet */
	long long last_id;
	char *in; /* what has come and is not taken yet */
	size_t in_bytes, in_room;
	json_t *events; /* array: notifications that came while an answer was awaited */
};

void link_init(struct link *link, const char *path, unsigned int timeout_s);
void link_close(struct link *link);

/* Connects, where it is not yet. COMMAND_NO_GATEWAY, or COMMAND_REFUSED without the right to, with
 * the reason and what to do about it. */
enum command_status link_open(struct link *link, struct error *err);

/* A command_call; its link is a struct link. Connects on first use. What is sent is wiped. */
enum command_status link_call(
	void *link, const char *method, json_t *params, json_t **reply, struct error *err);

/* The parameters of the next event, a new reference; waits as long as it takes. NULL: the
 * connection ended, or a signal came. */
json_t *link_event(struct link *link);

#endif
