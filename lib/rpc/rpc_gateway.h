/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPC_GATEWAY_H
#define RPC_GATEWAY_H

/* A gateway's control socket: all methods, events and changes. Control lcore. */

#include <stdbool.h>

#include "errmsg.h"

struct gateway;
struct rpc_gateway;
struct rpc_server;

struct rpc_gateway_options {
	const char *path;  /* NULL: none, for the prompt alone */
	const char *group; /* whose members may write as well; NULL: none */
	bool readonly;     /* everybody else may read */
};

/*
 * Listens, and has gateway_run serve. The gateway must outlive what is returned; NULL with *err and
 * errno. Strings outlive it, too.
 */
struct rpc_gateway *rpc_gateway_open(
	struct gateway *g, const struct rpc_gateway_options *options, struct error *err);

/* For clients inside the process (rpc_server_adopt); valid until rpc_gateway_close. */
struct rpc_server *rpc_gateway_server(struct rpc_gateway *r);

/* Clients are cut off and the socket is removed. NULL is fine. */
void rpc_gateway_close(struct rpc_gateway *r);

#endif
