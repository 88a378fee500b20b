/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The server's turns. Whose call is next: the client's whose calls have cost the least time so far,
 * the one at hand included (its length tells what it may cost). So a short call of one client does
 * not wait for the long ones of all others, only for the one that is being made. A call that takes
 * long, or waits, is made in turns like these.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "monotonic.h"
#include "rpc_internal.h"
#include "secret.h"

enum {
	TICK_MS = 100,
	JOB_TICK_MS = 1, /* while a call waits for something */
	EVENTS = 64,
	ACCEPTS = 16,    /* in a turn */
	BYTES_A_US = 32, /* what a line is taken to cost */
};

uint64_t
rpc_now_ms(void)
{
	return monotonic_ns() / 1000000;
}

uint64_t
rpc_now_us(void)
{
	return monotonic_ns() / 1000;
}

/* --- made and unmade --- */

static int
watch(struct rpc_server *s, int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int
descriptors_make(struct rpc_server *s)
{
	int rc;

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->again = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->epoll < 0 || s->again < 0 || s->timer < 0)
		return -errno;
	rc = watch(s, s->again, &s->again);
	return rc == 0 ? watch(s, s->timer, &s->timer) : rc;
}

static int
server_start(struct rpc_server *s, struct error *err)
{
	int rc;

	s->clients = calloc(s->options.limits.clients, sizeof(s->clients[0]));
	s->path = s->options.path ? strdup(s->options.path) : NULL;
	if (!s->clients || (s->options.path && !s->path) || rpc_methods_index(s) != 0)
		return error_set(err, -ENOMEM, "no memory for the control socket");
	rc = descriptors_make(s);
	if (rc != 0)
		return error_set(
			err, rc, "no descriptors for the control socket: %s", strerror(-rc));
	if (!s->path)
		return 0;
	rc = rpc_socket_open(s, err);
	if (rc == 0)
		rc = watch(s, s->listener, &s->listener);
	s->listening = rc == 0;
	return rc;
}

struct rpc_server *
rpc_server_create(const struct rpc_options *options, struct error *err)
{
	struct rpc_server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		error_set(err, -ENOMEM, "no memory for the control socket");
		errno = ENOMEM;
		return NULL;
	}
	json_set_alloc_funcs(secret_alloc, secret_free);
	json_object_seed(0);
	s->options = *options;
	s->epoll = s->again = s->timer = s->listener = -1;
	STAILQ_INIT(&s->turns);
	rc = server_start(s, err);
	if (rc == 0)
		return s;
	rpc_server_destroy(s);
	errno = -rc;
	return NULL;
}

static void
client_drop(struct rpc_server *s, uint32_t i)
{
	struct rpc_client *c = s->clients[i];

	s->clients[i] = NULL;
	s->n_clients--;
	s->n_readers -= !c->may_write;
	rpc_client_free(c);
}

static void
descriptor_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

bool
rpc_jobs_wake(struct rpc_server *s)
{
	bool any = false;

	for (uint32_t i = 0; s->clients && i < s->options.limits.clients; i++) {
		struct rpc_client *c = s->clients[i];

		if (!c || !c->job)
			continue;
		any |= !c->job_is_due;
		c->job_is_due = true;
	}
	return any;
}

/* What has begun is carried through. */
static void
jobs_finish(struct rpc_server *s)
{
	bool waits = rpc_jobs_wake(s);
	uint32_t left = 1;

	while (left > 0) {
		left = 0;
		for (uint32_t i = 0; s->clients && i < s->options.limits.clients; i++) {
			struct rpc_client *c = s->clients[i];

			if (c && c->job) {
				rpc_client_step(c);
				left += c->job != NULL;
			}
		}
		if (left > 0 && waits)
			usleep(JOB_TICK_MS * 1000);
		waits = rpc_jobs_wake(s);
	}
	fibre_trim();
}

void
rpc_server_destroy(struct rpc_server *s)
{
	if (!s)
		return;
	jobs_finish(s);
	for (uint32_t i = 0; s->clients && i < s->options.limits.clients; i++) {
		if (!s->clients[i])
			continue;
		rpc_client_flush(s->clients[i]);
		client_drop(s, i);
	}
	rpc_socket_close(s);
	descriptor_close(s->timer);
	descriptor_close(s->again);
	descriptor_close(s->epoll);
	free(s->clients);
	free(s->methods);
	free(s->names);
	free(s->path);
	free(s);
}

int
rpc_server_fd(const struct rpc_server *s)
{
	return s->epoll;
}

/* --- turns --- */

void
rpc_server_again(struct rpc_server *s)
{
	uint64_t one = 1;

	if (!s->again_is_set && write(s->again, &one, sizeof(one)) == sizeof(one))
		s->again_is_set = true;
}

static void
again_clear(struct rpc_server *s)
{
	uint64_t count;

	if (s->again_is_set && read(s->again, &count, sizeof(count)) == sizeof(count))
		s->again_is_set = false;
}

/* Ticks only while there is somebody to wait for. */
static void
timer_follow(struct rpc_server *s)
{
	uint32_t ms = s->n_clients > 0 || (s->path && !s->listening) ? TICK_MS : 0;

	for (uint32_t i = 0; i < s->options.limits.clients; i++)
		if (s->clients[i] && s->clients[i]->job && !s->clients[i]->job_is_due)
			ms = JOB_TICK_MS;
	struct timespec period = {0, ms * 1000000L};
	struct itimerspec timer = {period, period};
	if (ms != s->timer_ms && timerfd_settime(s->timer, 0, &timer, NULL) == 0)
		s->timer_ms = ms;
}

/* Says why there is no talking to this one, and closes. */
static void
turn_away(int fd, int code, const char *why)
{
	struct rpc_error error = {0};
	struct rpc_text text = {0};

	rpc_error_format(&error, code, "%s", why);
	rpc_message_error(&text, NULL, &error);
	rpc_text_string(&text, "\n");
	/* the socket is new and has room */
	if (!text.failed && send(fd, text.data, text.length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		text.failed = true;
	rpc_text_free(&text);
	close(fd);
}

int
rpc_server_adopt(struct rpc_server *s, int fd, bool may_write)
{
	uint32_t i = 0;

	while (i < s->options.limits.clients && s->clients[i])
		i++;
	if (i == s->options.limits.clients ||
		(!may_write && s->n_readers >= s->options.limits.clients / 2)) {
		turn_away(fd, RPC_TRY_AGAIN, "too many clients are connected: try again later");
		return -EAGAIN;
	}
	s->clients[i] = rpc_client_create(s, fd, may_write);
	if (!s->clients[i]) {
		turn_away(fd, RPC_TRY_AGAIN, "no memory for another client: try again later");
		return -ENOMEM;
	}
	s->n_clients++;
	s->n_readers += !may_write;
	timer_follow(s);
	return 0;
}

static void
listener_pause(struct rpc_server *s, bool pause)
{
	int rc = pause ? epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listener, NULL)
		       : watch(s, s->listener, &s->listener);

	if (rc == 0)
		s->listening = !pause;
}

static void
accept_some(struct rpc_server *s)
{
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		enum rpc_right right;

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
			listener_pause(s, true);
		if (fd < 0)
			return;
		right = rpc_socket_right(s, fd);
		if (right == RPC_RIGHT_NONE)
			turn_away(fd, RPC_NOT_PERMITTED,
				"you may not use this socket: root may, the gateway's own user, "
				"and members of the group of --ctl-group; with ctl_readonly = "
				"true in the configuration everybody may read");
		else
			rpc_server_adopt(s, fd, right == RPC_RIGHT_WRITE);
	}
}

static void
tick(struct rpc_server *s)
{
	uint64_t now = rpc_now_ms(), count;

	if (read(s->timer, &count, sizeof(count)) < 0)
		return;
	for (uint32_t i = 0; i < s->options.limits.clients; i++)
		if (s->clients[i])
			rpc_client_tick(s->clients[i], now);
	if (s->path && !s->listening)
		listener_pause(s, false);
}

static void
descriptors_serve(struct rpc_server *s)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(s->epoll, events, EVENTS, 0);

	again_clear(s);
	for (int i = 0; i < n; i++) {
		void *what = events[i].data.ptr;

		if (what == &s->listener)
			accept_some(s);
		else if (what == &s->timer)
			tick(s);
		else if (what != &s->again)
			rpc_client_ready(what, events[i].events);
	}
}

/* What the client's calls will have cost after the next one. */
static uint64_t
cost_after(const struct rpc_client *c)
{
	return c->cost_us + rpc_client_next_bytes(c) / BYTES_A_US;
}

/* NULL: nobody has anything to be done. */
static struct rpc_client *
client_next(struct rpc_server *s)
{
	struct rpc_client *next = NULL;

	for (uint32_t i = 0; i < s->options.limits.clients; i++) {
		struct rpc_client *c = s->clients[i];
		bool waits = c && rpc_client_has_work(c);

		if (!c)
			continue;
		/* who comes back does not bring the credit of the time that it was away */
		if (waits && !c->waiting && c->cost_us < s->cost_us)
			c->cost_us = s->cost_us;
		c->waiting = waits;
		if (waits && (!next || cost_after(c) < cost_after(next)))
			next = c;
	}
	return next;
}

/* Whether there is more to do. */
static bool
calls_serve(struct rpc_server *s)
{
	uint64_t begin = rpc_now_us(), now = begin;
	struct rpc_client *c;

	while ((c = client_next(s)) != NULL) {
		uint64_t before = now;

		if (now - begin >= s->options.limits.turn_us)
			return true;
		s->cost_us = c->cost_us;
		rpc_client_step(c);
		now = rpc_now_us();
		c->cost_us += now - before;
	}
	return false;
}

void
rpc_server_serve(void *server)
{
	struct rpc_server *s = server;
	bool more;

	descriptors_serve(s);
	rpc_jobs_wake(s);
	more = calls_serve(s);
	for (uint32_t i = 0; i < s->options.limits.clients; i++) {
		struct rpc_client *c = s->clients[i];

		if (!c)
			continue;
		rpc_client_flush(c);
		more |= rpc_client_has_work(c) || (!c->dead && rpc_events_wait(c));
		if (c->dead && !c->job)
			client_drop(s, i);
	}
	timer_follow(s);
	if (more)
		rpc_server_again(s);
}
