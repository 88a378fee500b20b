/* SPDX-License-Identifier: BSD-3-Clause */

/* The listening socket, and who may connect. */

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "rpc_internal.h"

enum {
	BACKLOG = 1024,
	GROUP_BYTES_MAX = 1 << 20,
};

static int
address_of(const char *path, struct sockaddr_un *address, struct error *err)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return error_set(err, -ENAMETOOLONG,
			"the control socket's path has %zu characters, and %zu are the most: %s",
			strlen(path), sizeof(address->sun_path) - 1, path);
	strcpy(address->sun_path, path);
	return 0;
}

/* The folder that the socket is to be in, when it is missing; not those above it. */
static int
folder_make(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;
	int rc = 0;

	if (folder && mkdir(folder, 0755) != 0 && errno != EEXIST)
		rc = error_set(err, -errno, "the control socket's folder %s cannot be made: %s",
			folder, strerror(errno));
	free(folder);
	return rc;
}

/* Whether the path is free for us: nothing is there, or the socket of somebody who is gone. */
static int
path_check(const struct sockaddr_un *address, struct error *err)
{
	struct stat st;
	int fd, rc;

	if (lstat(address->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST,
			"%s is there and is no socket: name another path with --ctl",
			address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "no socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	close(fd);
	if (rc == ECONNREFUSED || rc == ENOENT)
		return 0;
	return error_set(err, -EADDRINUSE,
		"another espgw serves at %s: give this one a path of its own with --ctl, or "
		"--ctl none",
		address->sun_path);
}

static int
group_find(struct rpc_server *s, struct error *err)
{
	const char *name = s->options.group;
	struct group *group;

	if (!name)
		return 0;
	errno = 0;
	group = getgrnam(name);
	if (!group)
		return error_set(err, -ENOENT, "--ctl-group: there is no group \"%.64s\"", name);
	s->has_group = true;
	s->group = group->gr_gid;
	return 0;
}

/* Without root a file can be given to the groups that its owner is a member of. */
static int
give_to_group(const struct rpc_server *s, const char *name, struct error *err)
{
	if (!s->has_group || chown(name, (uid_t)-1, s->group) == 0)
		return 0;
	return error_set(err, -errno,
		"--ctl-group: the control socket cannot be given to the group %.64s: %s%s",
		s->options.group, strerror(errno),
		errno == EPERM ? "; the user of espgw must be a member of it" : "");
}

/* Nobody can connect before listen, and nobody finds the socket before it has its name. */
static int
listener_make(struct rpc_server *s, const struct sockaddr_un *address, struct error *err)
{
	mode_t mode = s->options.readonly ? 0666 : s->has_group ? 0660 : 0600;
	struct sockaddr_un aside;
	struct stat st;
	char name[sizeof(aside.sun_path)];
	int rc;

	if (snprintf(name, sizeof(name), "%s.%d", address->sun_path, (int)getpid()) >=
		(int)sizeof(name))
		return error_set(err, -ENAMETOOLONG, "the control socket's path is too long: %s",
			address->sun_path);
	address_of(name, &aside, err);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return error_set(err, -errno, "no socket: %s", strerror(errno));
	unlink(name);
	if (fchmod(s->listener, 0600) != 0 ||
		bind(s->listener, (const struct sockaddr *)&aside, sizeof(aside)) != 0)
		return error_set(err, -errno, "the control socket %s cannot be made: %s",
			address->sun_path, strerror(errno));
	rc = give_to_group(s, name, err);
	if (rc != 0)
		goto failed;
	if (chmod(name, mode) != 0 || listen(s->listener, BACKLOG) != 0 || stat(name, &st) != 0 ||
		rename(name, address->sun_path) != 0) {
		rc = error_set(err, -errno, "the control socket %s cannot be made: %s",
			address->sun_path, strerror(errno));
		goto failed;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;
failed:
	unlink(name);
	return rc;
}

int
rpc_socket_open(struct rpc_server *s, struct error *err)
{
	struct sockaddr_un address;
	int rc = address_of(s->path, &address, err);

	if (rc == 0)
		rc = group_find(s, err);
	if (rc == 0)
		rc = folder_make(s->path, err);
	if (rc == 0)
		rc = path_check(&address, err);
	if (rc == 0)
		rc = listener_make(s, &address, err);
	return rc;
}

void
rpc_socket_close(struct rpc_server *s)
{
	struct stat st;

	if (s->listener < 0)
		return;
	if (s->ino && lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	close(s->listener);
}

/* Whether the group is one of those that the peer had when it connected. */
static bool
peer_has_group(int fd, gid_t group)
{
	socklen_t bytes = 0;
	gid_t *groups;
	bool has = false;

	/* the size first */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes) == 0 || errno != ERANGE ||
		bytes > GROUP_BYTES_MAX)
		return false;
	groups = malloc(bytes);
	if (groups && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) == 0)
		for (size_t i = 0; i < bytes / sizeof(groups[0]); i++)
			has |= groups[i] == group;
	free(groups);
	return has;
}

enum rpc_right
rpc_socket_right(const struct rpc_server *s, int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0)
		return RPC_RIGHT_NONE;
	if (peer.uid == 0 || peer.uid == geteuid())
		return RPC_RIGHT_WRITE;
	if (s->has_group && (peer.gid == s->group || peer_has_group(fd, s->group)))
		return RPC_RIGHT_WRITE;
	return s->options.readonly ? RPC_RIGHT_READ : RPC_RIGHT_NONE;
}
