/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef INSIDE_H
#define INSIDE_H

/* Calls of the control socket's methods from inside espgw: the prompt's. Control lcore. */

#include "command.h"

struct rpc_gateway;

/*
 * A command_call; its link is the struct rpc_gateway. The call goes the way of any client, by a
 * socket that nobody else sees, and the server takes turns until it is answered: other clients may
 * be served meanwhile.
 */
enum command_status inside_call(
	void *link, const char *method, json_t *params, json_t **reply, struct error *err);

#endif
