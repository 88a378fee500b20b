/* SPDX-License-Identifier: BSD-3-Clause */
/* In place of the sandbox where it cannot be: without libseccomp, and under a sanitizer. */

#include <errno.h>

#include "sandbox.h"

bool
sandbox_is_built(void)
{
	return false;
}

int
sandbox_enter(enum sandbox_mode mode, struct error *err)
{
	if (mode == SANDBOX_AUTO || mode == SANDBOX_OFF)
		return error_set(err, 0, "system calls are not limited");
	return error_set(err, -ENOTSUP,
		"--seccomp: espgw was built without it: it needs libseccomp, and no sanitizer");
}
