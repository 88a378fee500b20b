/* SPDX-License-Identifier: BSD-3-Clause */
#include "confine.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>

#include "log.h"

/* /run/espgw, where it is missing, becomes the user's, who takes the socket in it away at the end.
 * A folder that is there may be others' as well, and stays what it is. */
static int
ctl_folder_make(const char *ctl, const struct privileges_user *user, struct error *err)
{
	const char *slash = strrchr(ctl, '/');
	char folder[PATH_MAX];

	if (!slash || slash == ctl || (size_t)(slash - ctl) >= sizeof(folder))
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - ctl), ctl);
	return mkdir(folder, 0755) == 0 ? privileges_give(user, folder, err) : 0;
}

int
confine_prepare(const struct args *args, struct privileges_user *user, struct error *err)
{
	int rc;

	*user = (struct privileges_user){0};
	if (!args->user)
		return 0;
	if (geteuid() != 0)
		return error_set(err, -EPERM,
			"--user: only root can become another user; start espgw as root, or as "
			"%.64s without --user",
			args->user);
	rc = privileges_find(args->user, user, err);
	if (rc == 0)
		rc = privileges_give(user, args->state_dir, err);
	if (rc == 0 && args->ctl)
		rc = ctl_folder_make(args->ctl, user, err);
	return rc;
}

int
confine(const struct args *args, const struct privileges_user *user, struct error *err)
{
	int rc;

	if (user->name[0]) {
		/* EAL takes its files away at the end */
		rc = privileges_give(user, rte_eal_get_runtime_dir(), err);
		if (rc == 0 && args->ctl)
			rc = privileges_give_socket(user, args->ctl, err);
		if (rc == 0)
			rc = privileges_drop(user, err);
		if (rc != 0)
			return rc;
	}
	rc = sandbox_enter(args->seccomp, err);
	if (rc != 0)
		return rc;
	log_notice(
		main, "runs as %s; %s", user->name[0] ? user->name : "who started it", err->text);
	return 0;
}
