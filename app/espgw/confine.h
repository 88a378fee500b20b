/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFINE_H
#define CONFINE_H

/* What espgw gives up on its way up: --user and --seccomp. */

#include "args.h"
#include "errmsg.h"
#include "privileges.h"

/* Finds --user and gives that user the state directory and a folder for the control socket, which
 * are opened next. Before
 * gateway_create. user->name is empty without --user. 0 or -errno with a message. */
int confine_prepare(const struct args *args, struct privileges_user *user, struct error *err);

/*
 * Everything that takes root or another system call is up: becomes --user, and limits system calls
 * to those of a running gateway. 0, or -errno with a message, and then nothing may be forwarded.
 */
int confine(const struct args *args, const struct privileges_user *user, struct error *err);

#endif
