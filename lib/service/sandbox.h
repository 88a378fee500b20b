/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SANDBOX_H
#define SANDBOX_H

/*
 * The system calls that a process may still make once it is up (seccomp). What is not in the list
 * of sandbox_calls.c is refused with EPERM, and said on stderr.
 */

#include <stdbool.h>

#include "errmsg.h"

enum sandbox_mode {
	SANDBOX_AUTO, /* on, where it can be */
	SANDBOX_OFF,
	SANDBOX_LOG, /* what is not in the list goes to the kernel's log, and is done */
	SANDBOX_ON,
};

/* Whether this build has it: libseccomp was there, and no sanitizer is in it, whose own threads
 * need what the list has not. */
bool sandbox_is_built(void);

/*
 * From now on, for good, and for all threads, those that run already and those to come. Afterwards
 * no program can be started, no code be loaded, nothing traced. 0, also when AUTO cannot be on, or
 * -errno with a message; err tells in either case what is off.
 */
int sandbox_enter(enum sandbox_mode mode, struct error *err);

#endif
