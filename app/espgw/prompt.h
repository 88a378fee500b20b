/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PROMPT_H
#define PROMPT_H

/*
 * --interactive: a prompt on stdin and stdout, with testpmd's verbs where they fit, the words of
 * espgwctl for the rest. It is served by gateway_run between other things and never waits: neither
 * for what is typed nor for a terminal that does not take what it says.
 */

#include "errmsg.h"

struct gateway;
struct prompt;
struct rpc_gateway;

/* NULL with err. Both outlive it. Control lcore. */
struct prompt *prompt_open(struct gateway *g, struct rpc_gateway *rpc, struct error *err);

/* Gives the terminal back as it was. NULL is fine. */
void prompt_close(struct prompt *prompt);

#endif
