/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

/* The list of system calls that a running gateway makes. */

#include <seccomp.h>

/* Adds the rules for them. 0 or -errno. */
int sandbox_calls_allow(scmp_filter_ctx filter);

#endif
