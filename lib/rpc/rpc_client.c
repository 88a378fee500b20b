/* SPDX-License-Identifier: BSD-3-Clause */

/* One connection: bytes in, lines, answers out. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc_internal.h"
#include "secret.h"

enum {
	INPUT_FIRST = 4096,
	READ_MAX = 64 << 10, /* in one turn */
};

struct rpc_client *
rpc_client_create(struct rpc_server *s, int fd, bool may_write)
{
	struct rpc_client *c = calloc(1, sizeof(*c));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

	if (!c)
		return NULL;
	*c = (struct rpc_client){.server = s,
		.fd = fd,
		.may_write = may_write,
		.watched = event.events,
		.taken_ms = rpc_now_ms()};
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return c;
	free(c);
	return NULL;
}

void
rpc_client_free(struct rpc_client *c)
{
	close(c->fd);
	json_decref(c->array.calls);
	rpc_text_free(&c->answer);
	secret_free(c->in.data);
	rpc_text_free(&c->out);
	rpc_text_free(&c->events.lines);
	free(c);
}

/* --- in --- */

static const char *
line_end(struct rpc_input *in)
{
	const char *end = NULL;

	if (in->scanned < in->length)
		end = memchr(in->data + in->scanned, '\n', in->length - in->scanned);
	in->scanned = end ? (size_t)(end - in->data) : in->length;
	return end;
}

/* Says what is wrong and hears no more of the client. */
static void
refuse(struct rpc_client *c, const char *text)
{
	struct rpc_error error = {0};

	rpc_error_format(&error, RPC_INVALID_REQUEST, "%s", text);
	rpc_message_error(&c->out, NULL, &error);
	rpc_text_string(&c->out, "\n");
	c->closing = true;
}

/* Room for more, when only the beginning of a line is there. */
static bool
input_room(struct rpc_client *c)
{
	struct rpc_input *in = &c->in;
	size_t capacity = in->capacity ? in->capacity * 2 : INPUT_FIRST;
	char *grown;

	if (in->start > 0) {
		memmove(in->data, in->data + in->start, in->length - in->start);
		explicit_bzero(in->data + in->length - in->start, in->start);
		in->length -= in->start;
		in->scanned -= in->start;
		in->start = 0;
	}
	if (in->length < in->capacity)
		return true;
	grown = secret_alloc(capacity);
	if (!grown)
		return false;
	if (in->length)
		memcpy(grown, in->data, in->length);
	secret_free(in->data);
	in->data = grown;
	in->capacity = capacity;
	return true;
}

/* Wipes what has been read, and the memory goes when nothing is left. */
static void
input_take(struct rpc_client *c, size_t n)
{
	struct rpc_input *in = &c->in;
	char *data = in->data;

	explicit_bzero(data + in->start, n);
	in->start += n;
	in->scanned = in->start;
	if (in->start < in->length)
		return;
	*in = (struct rpc_input){0};
	secret_free(data);
}

/* It will send nothing more: what it has sent is answered. */
static void
input_ended(struct rpc_client *c)
{
	c->ended = true;
	if (c->in.start < c->in.length)
		refuse(c, "the last line has no newline at its end: it was not carried out");
}

/* Whether it waits to take answers before it may ask more. */
static bool
is_full(const struct rpc_client *c)
{
	return c->out.length >= c->server->options.limits.output_bytes;
}

static bool
may_receive(struct rpc_client *c)
{
	return !c->ended && !c->closing && !c->dead && !is_full(c) && !c->array.calls && !c->job &&
	       !line_end(&c->in);
}

static void
receive(struct rpc_client *c)
{
	struct rpc_input *in = &c->in;
	size_t room;
	ssize_t n;

	if (!may_receive(c))
		return;
	if (in->length - in->start >= c->server->options.limits.line_bytes) {
		refuse(c, "the line is longer than a message may be");
		return;
	}
	if (!input_room(c)) {
		c->dead = true;
		return;
	}
	room = in->capacity - in->length;
	n = recv(c->fd, in->data + in->length, room < READ_MAX ? room : READ_MAX, MSG_DONTWAIT);
	if (n > 0) {
		in->length += (size_t)n;
		if (!c->line_since_ms)
			c->line_since_ms = rpc_now_ms();
	} else if (n == 0) {
		input_ended(c);
	} else if (errno != EAGAIN && errno != EINTR) {
		c->dead = true;
	}
	if (in->length == 0)
		input_take(c, 0);
}

static void
unwatch(struct rpc_client *c)
{
	if (c->watched != RPC_UNWATCHED &&
		epoll_ctl(c->server->epoll, EPOLL_CTL_DEL, c->fd, NULL) == 0)
		c->watched = RPC_UNWATCHED;
}

void
rpc_client_ready(struct rpc_client *c, uint32_t events)
{
	if (events & EPOLLIN)
		receive(c);
	/* epoll would say it again and again while the call is under way */
	if ((events & (EPOLLHUP | EPOLLERR)) && c->job)
		unwatch(c);
	/* gone, and what it had sent has been read */
	if ((events & (EPOLLHUP | EPOLLERR)) && c->ended && !c->array.calls)
		c->dead = true;
}

/* --- calls --- */

bool
rpc_client_has_work(struct rpc_client *c)
{
	if (c->job)
		return c->job_is_due;
	return !c->closing && !c->dead && !is_full(c) && (c->array.calls || line_end(&c->in));
}

size_t
rpc_client_next_bytes(const struct rpc_client *c)
{
	return c->array.calls || c->job ? 0 : c->in.scanned - c->in.start;
}

/* What waits from now on are answers. */
static void
answers_begin(struct rpc_client *c)
{
	if (!c->out.length || c->out_is_events)
		c->taken_ms = rpc_now_ms();
	c->out_is_events = false;
}

/* The next call of an array of calls. */
static void
array_step(struct rpc_client *c)
{
	struct rpc_array *a = &c->array;
	json_t *calls = a->calls;
	size_t begun;

	rpc_text_string(&c->answer, a->answered ? "," : "[");
	begun = c->answer.length;
	rpc_message_answer(c, json_array_get(calls, a->next++), &c->answer);
	if (c->answer.length > begun)
		a->answered = true;
	else
		rpc_text_cut(&c->answer, 0);
	if (a->next < json_array_size(calls))
		return;
	if (a->answered)
		rpc_text_string(&c->answer, "]\n");
	*a = (struct rpc_array){0};
	json_decref(calls);
}

static void
array_begin(struct rpc_client *c, json_t *calls)
{
	struct rpc_error error = {0};

	if (json_array_size(calls) > 0 && json_array_size(calls) <= RPC_CALLS_MAX) {
		c->array.calls = calls;
		return;
	}
	rpc_error_format(&error, RPC_INVALID_REQUEST, "an array of calls has 1 to %d of them",
		RPC_CALLS_MAX);
	rpc_message_error(&c->answer, NULL, &error);
	rpc_text_string(&c->answer, "\n");
	json_decref(calls);
}

static bool
is_blank(const char *line, size_t n)
{
	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
		n--;
	return n == 0;
}

static void
line_step(struct rpc_client *c)
{
	const char *line = c->in.data + c->in.start;
	size_t n = c->in.scanned - c->in.start;
	struct rpc_error error = {0};
	json_t *message;

	c->line_since_ms = 0;
	if (is_blank(line, n)) {
		input_take(c, n + 1);
		return;
	}
	message = rpc_message_parse(line, n, &error);
	input_take(c, n + 1);
	if (c->in.length > 0)
		c->line_since_ms = rpc_now_ms();
	if (!message) {
		rpc_message_error(&c->answer, NULL, &error);
	} else if (json_is_array(message)) {
		array_begin(c, message);
		return;
	} else {
		rpc_message_answer(c, message, &c->answer);
		json_decref(message);
	}
	if (c->answer.length)
		rpc_text_string(&c->answer, "\n");
}

static void
step(void *client)
{
	struct rpc_client *c = client;

	if (c->array.calls)
		array_step(c);
	else
		line_step(c);
}

static void
job_end(struct rpc_client *c)
{
	fibre_destroy(c->job);
	c->job = NULL;
	answers_begin(c);
	rpc_text_move(&c->out, &c->answer);
}

void
rpc_client_step(struct rpc_client *c)
{
	enum fibre_state state;

	if (!c->job)
		c->job = fibre_create(step, c);
	if (!c->job) {
		c->dead = true;
		return;
	}
	c->job_is_due = false;
	state = fibre_run(c->job, c->server->options.limits.turn_us);
	if (state == FIBRE_ENDED)
		job_end(c);
	else
		c->job_is_due = state == FIBRE_RESTS;
}

/* --- out --- */

static void
watch(struct rpc_client *c)
{
	struct epoll_event event = {.data.ptr = c};
	bool unwatched = c->watched == RPC_UNWATCHED;

	if (unwatched && c->job)
		return;
	if (may_receive(c))
		event.events |= EPOLLIN;
	if (c->out.length)
		event.events |= EPOLLOUT;
	if (event.events != c->watched &&
		epoll_ctl(c->server->epoll, unwatched ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd,
			&event) == 0)
		c->watched = event.events;
}

static void
send_out(struct rpc_client *c)
{
	while (c->out.length) {
		ssize_t n = send(c->fd, c->out.data + c->out.start, c->out.length,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			c->dead = true;
		if (n <= 0)
			return;
		c->taken_ms = rpc_now_ms();
		rpc_text_take(&c->out, (size_t)n);
	}
	c->taken_ms = rpc_now_ms();
}

void
rpc_client_flush(struct rpc_client *c)
{
	if (c->out.failed || c->events.lines.failed)
		c->dead = true;
	if (c->dead) {
		unwatch(c);
		return;
	}
	send_out(c);
	rpc_events_flow(c);
	send_out(c);
	if (!c->out.length && !c->array.calls && !c->job &&
		(c->closing || (c->ended && !rpc_client_has_work(c) && !c->events.kinds)))
		c->dead = true;
	if (!c->dead)
		watch(c);
}

void
rpc_client_tick(struct rpc_client *c, uint64_t now_ms)
{
	const struct rpc_limits *l = &c->server->options.limits;

	if (c->out.length && !c->out_is_events && now_ms - c->taken_ms > l->stall_ms)
		c->dead = true;
	else if (c->line_since_ms && !may_receive(c))
		c->line_since_ms = now_ms; /* it is we who do not read */
	else if (c->line_since_ms && now_ms - c->line_since_ms > l->line_ms)
		refuse(c, "the line was not finished in time");
}
