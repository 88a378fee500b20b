/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

/* From root, who opens devices and memory, to a user of the service's own. */

#include <sys/types.h>

#include "errmsg.h"

enum { PRIVILEGES_GROUPS_MAX = 64 };

/* A user as the system knows it. */
struct privileges_user {
	char name[64];
	uid_t uid;
	gid_t gid;
	gid_t groups[PRIVILEGES_GROUPS_MAX];
	int n_groups;
};

/* The user of that name, with all groups. 0 or -errno with a message; root is refused. */
int privileges_find(const char *name, struct privileges_user *user, struct error *err);

/*
 * The folder, made with mode 0700 when it is missing, and the files right in it belong to the user.
 * Links and what has a second name are left alone, so that nobody who can write there comes by
 * another file. 0 or -errno with a message.
 */
int privileges_give(const struct privileges_user *user, const char *folder, struct error *err);

/* The Unix socket at that path belongs to the user; its group stays. Nothing when there is none. 0
 * or -errno with a message. */
int privileges_give_socket(const struct privileges_user *user, const char *path, struct error *err);

/*
 * All threads become the user, without any capability, for good; files that are open stay so, and
 * as much memory can be locked as root may allow. Looks whether it is true. As root. 0, or -errno
 * with a message: then the process is neither one nor the other and should end.
 */
int privileges_drop(const struct privileges_user *user, struct error *err);

#endif
