/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_H
#define CONTROL_H

/* The control socket and the prompt as the command line asks for them. Control lcore. */

#include "args.h"
#include "errmsg.h"
#include "gateway.h"
#include "rpc_gateway.h"

struct control {
	struct rpc_gateway *rpc; /* NULL: none */
	struct prompt *prompt;   /* NULL: none */
};

/*
 * The gateway serves the socket from now on. Without --ctl, where the default path cannot be used,
 * it goes without one and a warning says so; what was asked for must be had: -errno with err.
 */
int control_open(struct control *control, const struct args *args, const struct config *config,
	struct gateway *g, struct error *err);
void control_close(struct control *control);

#endif
