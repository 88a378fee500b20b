/* SPDX-License-Identifier: BSD-3-Clause */
#include "inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rpc.h"
#include "rpc_gateway.h"

enum { ANSWER_SECONDS = 10, READ_BYTES = 65536, ANSWER_BYTES_MAX = 64 << 20 };

struct call {
	struct rpc_server *server;
	int fd;
	const char *text; /* what is still to be sent */
	size_t bytes;
	char *in; /* what has come */
	size_t in_bytes, in_room;
};

/* false: the connection ended. */
static bool
send_some(struct call *c)
{
	ssize_t n = c->bytes ? send(c->fd, c->text, c->bytes, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

	if (n > 0) {
		c->text += n;
		c->bytes -= (size_t)n;
	}
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* false: the connection ended, or there is no memory for what comes. */
static bool
receive_some(struct call *c)
{
	ssize_t n;

	if (c->in_room - c->in_bytes < READ_BYTES) {
		char *grown = c->in_room < ANSWER_BYTES_MAX
				      ? realloc(c->in, c->in_room * 2 + READ_BYTES)
				      : NULL;

		if (!grown)
			return false;
		c->in = grown;
		c->in_room = c->in_room * 2 + READ_BYTES;
	}
	n = recv(c->fd, c->in + c->in_bytes, READ_BYTES, MSG_DONTWAIT);
	if (n > 0)
		c->in_bytes += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* The answer, or NULL when it ended before one. */
static json_t *
answer_wait(struct call *c)
{
	time_t end = time(NULL) + ANSWER_SECONDS;
	bool alive = true;

	while (alive && time(NULL) <= end) {
		const char *newline;

		alive = send_some(c);
		rpc_server_serve(c->server);
		alive &= receive_some(c);
		newline = memchr(c->in, '\n', c->in_bytes);
		if (newline)
			return json_loadb(c->in, (size_t)(newline - c->in), 0, NULL);
	}
	return NULL;
}

static char *
request_text(const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:O*}", "jsonrpc", "2.0", "id", 1, "method",
		method, "params", params);
	char *text = json_dumps(request, JSON_COMPACT);

	json_decref(request);
	return text;
}

static void
text_free(char *text)
{
	json_free_t json_free;

	json_get_alloc_funcs(NULL, &json_free);
	if (text)
		explicit_bzero(text, strlen(text));
	json_free(text);
}

enum command_status
inside_call(void *link, const char *method, json_t *params, json_t **reply, struct error *err)
{
	struct call c = {.server = rpc_gateway_server(link)};
	char *text = request_text(method, params);
	size_t length = text ? strlen(text) : 0;
	int ends[2];

	*reply = NULL;
	if (text && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0) {
		c.fd = ends[0];
		text[length] = '\n'; /* where the NUL was */
		if (rpc_server_adopt(c.server, ends[1], true) == 0) {
			c.text = text;
			c.bytes = length + 1;
		}
		*reply = answer_wait(&c);
		text[length] = '\0';
		close(c.fd);
		free(c.in);
	}
	text_free(text);
	if (*reply)
		return COMMAND_DONE;
	error_set(err, 0, "the gateway did not answer");
	return COMMAND_NO_GATEWAY;
}
