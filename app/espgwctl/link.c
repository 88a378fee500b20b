/* SPDX-License-Identifier: BSD-3-Clause */
#include "link.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 65536, LINE_BYTES_MAX = 256 << 20, GROUP_BYTES = 64 };

void
link_init(struct link *link, const char *path, unsigned int timeout_s)
{
	*link = (struct link){
		.path = path, .timeout_s = timeout_s, .fd = -1, .events = json_array()};
}

void
link_close(struct link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	free(link->in);
	json_decref(link->events);
	*link = (struct link){.fd = -1};
}

/* Who may use the socket, when we may not. */
static void
denied(const struct link *link, struct error *err)
{
	char group[GROUP_BYTES] = "";
	struct group *entry;
	struct stat st;

	if (stat(link->path, &st) == 0 && (st.st_mode & S_IWGRP)) {
		entry = getgrgid(st.st_gid);
		snprintf(group, sizeof(group), "%s", entry ? entry->gr_name : "");
	}
	if (group[0])
		error_set(err, 0,
			"%s: permission denied; members of the group %s may use it (sudo adduser "
			"$USER %s, then log in anew), and root",
			link->path, group, group);
	else
		error_set(err, 0,
			"%s: permission denied; root may use it (sudo espgwctl ...), or start "
			"espgw with --ctl-group NAME for a group's members",
			link->path);
}

static enum command_status
not_there(const struct link *link, int error, struct error *err)
{
	static const char how[] = "start one with espgw [EAL options] -- -f FILE (systemctl start "
				  "espgw), or say where it listens with --ctl PATH";
	struct stat what;

	if (error == EACCES || error == EPERM) {
		denied(link, err);
		return COMMAND_REFUSED;
	}
	if (stat(link->path, &what) == 0 && !S_ISSOCK(what.st_mode))
		error_set(err, 0, "no gateway at %s: it is no socket; %s", link->path, how);
	else if (error == ENOENT)
		error_set(err, 0, "no gateway at %s: there is no such socket; %s", link->path, how);
	else if (error == ECONNREFUSED)
		error_set(err, 0,
			"no gateway at %s: the socket is there, but the gateway that made it is "
			"gone; %s",
			link->path, how);
	else
		error_set(err, 0, "no gateway at %s: %s; %s", link->path, strerror(error), how);
	return COMMAND_NO_GATEWAY;
}

enum command_status
link_open(struct link *link, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	enum command_status status;

	if (link->fd >= 0)
		return COMMAND_DONE;
	if (strlen(link->path) >= sizeof(address.sun_path)) {
		error_set(err, 0, "--ctl: %.40s... has %zu characters: %zu are the most",
			link->path, strlen(link->path), sizeof(address.sun_path) - 1);
		return COMMAND_USAGE;
	}
	strcpy(address.sun_path, link->path);
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return not_there(link, errno, err);
	if (connect(link->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return COMMAND_DONE;
	status = not_there(link, errno, err);
	close(link->fd);
	link->fd = -1;
	return status;
}

static enum command_status
gone(struct link *link, struct error *err)
{
	close(link->fd);
	link->fd = -1;
	link->in_bytes = 0;
	error_set(err, 0,
		"the gateway at %s closed the connection: it stopped, or was asked too much",
		link->path);
	return COMMAND_NO_GATEWAY;
}

static bool
send_all(const struct link *link, const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = send(link->fd, text, bytes, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		bytes -= (size_t)n;
	}
	return true;
}

static bool
send_request(struct link *link, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:I, s:s}", "jsonrpc", "2.0", "id",
		(json_int_t)++link->last_id, "method", method);
	bool sent = false;
	char *text;

	if (params)
		json_object_set(request, "params", params);
	text = json_dumps(request, JSON_COMPACT);
	if (text) {
		size_t length = strlen(text);

		sent = send_all(link, text, length) && send_all(link, "\n", 1);
		explicit_bzero(text, length);
	}
	free(text);
	json_decref(request);
	return sent;
}

static long long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* More of what the gateway sends, until deadline_ms (0: for ever). 1, 0 when time is over or a
 * signal came, -1 when the connection ended. */
static int
receive(struct link *link, long long deadline_ms)
{
	struct pollfd waiting = {.fd = link->fd, .events = POLLIN};
	long long left = deadline_ms ? deadline_ms - now_ms() : -1;
	ssize_t n;

	if (deadline_ms && left <= 0)
		return 0;
	if (poll(&waiting, 1, (int)left) <= 0)
		return 0;
	if (link->in_room - link->in_bytes < READ_BYTES) {
		size_t room = link->in_room * 2 + READ_BYTES;
		char *grown = room < LINE_BYTES_MAX ? realloc(link->in, room) : NULL;

		if (!grown)
			return -1;
		link->in = grown;
		link->in_room = room;
	}
	n = read(link->fd, link->in + link->in_bytes, READ_BYTES);
	if (n > 0)
		link->in_bytes += (size_t)n;
	return n > 0 ? 1 : -1;
}

/* The first whole line as JSON; NULL when there is none. What is no JSON is passed over. */
static json_t *
take_line(struct link *link)
{
	json_t *message = NULL;
	char *end;

	while (!message && link->in_bytes > 0 &&
		(end = memchr(link->in, '\n', link->in_bytes)) != NULL) {
		size_t length = (size_t)(end - link->in);

		message = json_loadb(link->in, length, 0, NULL);
		link->in_bytes -= length + 1;
		memmove(link->in, end + 1, link->in_bytes);
	}
	return message;
}

/* Whether the message answers our request; an error that has no id is about the connection. */
static bool
is_answer(const struct link *link, const json_t *message)
{
	const json_t *id = json_object_get(message, "id");

	if (json_is_integer(id))
		return json_integer_value(id) == link->last_id;
	return json_object_get(message, "error") != NULL;
}

static void
keep_event(struct link *link, json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));

	if (method && strcmp(method, "event") == 0)
		json_array_append(link->events, json_object_get(message, "params"));
	json_decref(message);
}

enum command_status
link_call(void *to, const char *method, json_t *params, json_t **reply, struct error *err)
{
	struct link *link = to;
	enum command_status status = link_open(link, err);
	long long deadline = now_ms() + link->timeout_s * 1000LL;
	bool sent;
	int more = 1;

	if (status != COMMAND_DONE)
		return status;
	/* one that refuses says why and closes: what it said is still there to read */
	sent = send_request(link, method, params);
	while (more > 0) {
		json_t *message;

		while ((message = take_line(link)) != NULL) {
			if (is_answer(link, message)) {
				*reply = message;
				return COMMAND_DONE;
			}
			keep_event(link, message);
		}
		more = receive(link, deadline);
		if (more == 0 && errno == EINTR && now_ms() < deadline)
			more = 1;
	}
	if (more < 0 || !sent)
		return gone(link, err);
	error_set(err, 0,
		"the gateway at %s has not answered for %u s: it is busy or hangs (--timeout "
		"SECONDS waits longer)",
		link->path, link->timeout_s);
	return COMMAND_NO_GATEWAY;
}

json_t *
link_event(struct link *link)
{
	json_t *event = NULL, *message;

	for (;;) {
		if (json_array_size(link->events)) {
			event = json_incref(json_array_get(link->events, 0));
			json_array_remove(link->events, 0);
			return event;
		}
		message = take_line(link);
		if (message)
			keep_event(link, message);
		else if (receive(link, 0) <= 0)
			return NULL;
	}
}
