/* SPDX-License-Identifier: BSD-3-Clause */
#include "toys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "config_keys.h"
#include "fibre.h"
#include "unit.h"

enum { PATIENCE_MS = 30000 };

static uint64_t
clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t
toy_now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

uint64_t
toy_cpu_us(void)
{
	return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

/* --- methods --- */

struct echo_params {
	uint32_t number, word;
	bool flag;
	char text[32];
};

static const char *const echo_words[] = {"red", "green", "blue", NULL};

static const struct key echo_keys[] = {
	{"number", &key_number, true, KEY_FIELD(echo_params, number), .min = 1, .max = 10,
		.help = "a small number"},
	{"word", &key_word, KEY_FIELD(echo_params, word), .words = echo_words},
	{"flag", &key_bool, KEY_FIELD(echo_params, flag)},
	{"text", &key_text, KEY_FIELD(echo_params, text)},
};
static const struct key_table echo_table = {"echo", NULL, echo_keys, KEY_COUNT(echo_keys)};

static void
echo_defaults(void *params)
{
	struct echo_params *p = params;

	strcpy(p->text, "nothing");
}

static int
echo_call(struct rpc_call *call, const void *params)
{
	const struct echo_params *p = params;

	call->result = json_pack("{s:i, s:s, s:b, s:s}", "number", p->number, "word",
		echo_words[p->word], "flag", p->flag, "text", p->text);
	return 0;
}

struct number_params {
	uint32_t number;
};

static const struct key number_keys[] = {
	{"number", &key_number, true, KEY_FIELD(number_params, number), .max = 4000000},
};
static const struct key_table number_table = {"number", NULL, number_keys, KEY_COUNT(number_keys)};

static const struct key spend_keys[] = {
	{"number", &key_number, true, KEY_FIELD(number_params, number), .max = 50000},
};
static const struct key_table spend_table = {"number", NULL, spend_keys, KEY_COUNT(spend_keys)};

/* Its result is that large. */
static int
big_call(struct rpc_call *call, const void *params)
{
	uint32_t n = ((const struct number_params *)params)->number;
	char *text = malloc(n + 1);

	assert_non_null(text);
	memset(text, 'x', n);
	text[n] = '\0';
	call->result = json_pack("{s:s}", "text", text);
	free(text);
	return 0;
}

/* Takes so many microseconds. */
static int
spend_call(struct rpc_call *call, const void *params)
{
	uint64_t end = toy_cpu_us() + ((const struct number_params *)params)->number;

	(void)call;
	while (toy_cpu_us() < end)
		;
	return 0;
}

/* The same in turns. */
static int
work_call(struct rpc_call *call, const void *params)
{
	uint64_t end = toy_cpu_us() + ((const struct number_params *)params)->number;

	(void)call;
	while (toy_cpu_us() < end)
		fibre_rest();
	return 0;
}

static int
fail_call(struct rpc_call *call, const void *params)
{
	int code = -(int)((const struct number_params *)params)->number;

	return code == -ERANGE ? code : rpc_error_set(call, code, "number", "as was asked");
}

/* What a person would be told of two wrong things. */
static int
report_call(struct rpc_call *call, const void *params)
{
	struct report report = {0};
	int rc;

	(void)params;
	report_add(&report, NULL, 0, "sas[0]", "mtu: too small");
	report_add(&report, NULL, 0, NULL,
		"key 00112233445566778899aabbccddeeff00112233 is in the wrong place");
	rc = rpc_error_report(call, -EINVAL, &report);
	report_clear(&report);
	return rc;
}

static int
set_call(struct rpc_call *call, const void *params)
{
	struct toy *toy = call->context;
	uint32_t n = ((const struct number_params *)params)->number;

	assert_true(toy->in_change);
	if (n == 13)
		return rpc_error_set(call, -EBUSY, "number", "13 is in use");
	toy->pending = (int)n;
	call->result = json_pack("{s:i}", "was", toy->value);
	return 0;
}

/* Adds a digit; several may be one change. With a 9 it cannot be carried through. */
static int
join_call(struct rpc_call *call, const void *params)
{
	struct toy *toy = call->context;
	uint32_t n = ((const struct number_params *)params)->number;

	assert_true(toy->in_change);
	/* as methods do with what they have read */
	if (json_object_del(call->params, "number") != 0)
		return rpc_error_set(call, -EINVAL, "number", "it is gone");
	if (n > 9)
		return rpc_error_set(call, -EBUSY, "number", "%u is no digit", n);
	call->result = json_pack("{s:i}", "was", toy->pending);
	toy->pending = toy->pending * 10 + (int)n;
	toy->has_nine |= n == 9;
	return 0;
}

struct key_params {
	char key[160];
};

static const struct key key_keys[] = {
	{"key", &key_text, true, KEY_FIELD(key_params, key)},
};
static const struct key_table key_table = {"key", NULL, key_keys, KEY_COUNT(key_keys)};

static int
key_call(struct rpc_call *call, const void *params)
{
	struct toy *toy = call->context;

	strcpy(toy->seen_key, ((const struct key_params *)params)->key);
	return 0;
}

static int
change_call(struct rpc_call *call, const void *params)
{
	(void)call;
	(void)params;
	return 0;
}

static const struct rpc_method toy_methods[] = {
	{"echo", "gives back what it was given", .params = &echo_table,
		.params_bytes = sizeof(struct echo_params), .defaults = echo_defaults,
		.call = echo_call},
	{"big", "a long answer", .params = &number_table,
		.params_bytes = sizeof(struct number_params), .call = big_call},
	{"spend", "takes its time", .params = &spend_table,
		.params_bytes = sizeof(struct number_params), .call = spend_call},
	{"work", "takes its time in turns", .params = &number_table,
		.params_bytes = sizeof(struct number_params), .call = work_call},
	{0},
};

static const struct rpc_method more_methods[] = {
	{"fail", "fails with that errno", .params = &number_table,
		.params_bytes = sizeof(struct number_params), .call = fail_call},
	{"report", "fails with a report", .call = report_call},
	{"toy.set", "sets the number", .writes = true, .params = &number_table,
		.params_bytes = sizeof(struct number_params), .call = set_call},
	{"toy.change", "changes the one of that number", .writes = true, .names = &number_table,
		.params = &echo_table, .call = change_call},
	{"toy.join", "adds a digit", .writes = true, .joins = true, .params = &number_table,
		.params_bytes = sizeof(struct number_params), .call = join_call},
	{"toy.key", "takes a key", .params = &key_table, .params_bytes = sizeof(struct key_params),
		.call = key_call},
	{0},
};

static const struct rpc_method *const toy_tables[] = {toy_methods, more_methods, NULL};

static const struct rpc_event_kind toy_kinds[] = {
	{"sun", "the sun shines"}, {"rain", "it rains"}, {"snow", "it snows"}, {0}};

/* --- changes --- */

static int
toy_begin(void *context, struct error *err)
{
	struct toy *toy = context;

	if (toy->refuse_begin)
		return error_set(err, -EAGAIN, "another change is under way");
	assert_false(toy->in_change);
	toy->in_change = true;
	toy->pending = toy->value;
	toy->has_nine = false;
	toy->begun++;
	return 0;
}

static int
toy_commit(void *context, struct error *err)
{
	struct toy *toy = context;

	assert_true(toy->in_change);
	while (toy->hold) {
		assert_true(fibre_wait());
		if (toy->held_turns > 0 && --toy->held_turns == 0)
			toy->hold = false;
	}
	toy->in_change = false;
	if (toy->refuse_commit || toy->has_nine)
		return error_set(err, -ENOSPC, "no room for that");
	toy->value = toy->pending;
	toy->committed++;
	return 0;
}

static void
toy_abandon(void *context)
{
	struct toy *toy = context;

	assert_true(toy->in_change);
	toy->in_change = false;
	toy->abandoned++;
}

static int
toy_mark(void *context, struct error *err)
{
	struct toy *toy = context;

	(void)err;
	assert_true(toy->in_change);
	toy->marked = toy->pending;
	return 0;
}

static void
toy_rewind(void *context)
{
	struct toy *toy = context;

	assert_true(toy->in_change);
	toy->pending = toy->marked;
}

static int
toy_resync(void *context, uint64_t *cursor, json_t **event)
{
	struct toy *toy = context;

	if (*cursor >= (uint64_t)toy->resync_events)
		return -1;
	*event = json_pack("{s:I}", "place", (json_int_t)*cursor);
	return (int)((*cursor)++ % 3);
}

/* --- the server --- */

static void
server_open(struct toy *toy, const struct rpc_options *how)
{
	struct rpc_options options = {
		.path = how->path,
		.group = how->group,
		.readonly = how->readonly,
		.limits = how->limits,
		.tables = toy_tables,
		.context = toy,
		.begin = toy_begin,
		.commit = toy_commit,
		.abandon = toy_abandon,
		.mark = toy_mark,
		.rewind = toy_rewind,
		.kinds = toy_kinds,
		.resync = toy_resync,
	};
	struct error err = {"nothing"};

	*toy = (struct toy){0};
	if (how->path)
		strcpy(toy->path, how->path);
	toy->server = rpc_server_create(&options, &err);
	if (!toy->server)
		fail_msg("%s", err.text);
}

void
toy_open(struct toy *toy, const char *path, const struct rpc_limits *limits)
{
	struct rpc_options options = {
		.path = path, .limits = limits ? *limits : RPC_LIMITS_DEFAULT};

	server_open(toy, &options);
}

void
toy_open_for(struct toy *toy, const char *path, const char *group, bool readonly)
{
	struct rpc_options options = {
		.path = path, .group = group, .readonly = readonly, .limits = RPC_LIMITS_DEFAULT};

	server_open(toy, &options);
}

void
toy_close(struct toy *toy)
{
	rpc_server_destroy(toy->server);
	toy->server = NULL;
}

static bool
server_wants(struct toy *toy, int timeout_ms)
{
	struct pollfd p = {rpc_server_fd(toy->server), POLLIN, 0};

	return poll(&p, 1, timeout_ms) == 1;
}

void
toy_serve(struct toy *toy)
{
	for (int i = 0; i < 10000 && server_wants(toy, 0); i++)
		rpc_server_serve(toy->server);
}

void
toy_serve_ms(struct toy *toy, uint32_t ms)
{
	uint64_t end = toy_now_us() + ms * 1000ull;

	while (toy_now_us() < end)
		if (server_wants(toy, 1))
			rpc_server_serve(toy->server);
}

/* --- clients --- */

static int
socket_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

void
toy_connect(struct toy_client *c, struct toy *toy, bool may_write)
{
	int fds[2];

	*c = (struct toy_client){.toy = toy};
	if (toy->path[0]) {
		c->fd = socket_connect(toy->path);
		return;
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	c->fd = fds[0];
	rpc_server_adopt(toy->server, fds[1], may_write);
}

void
toy_disconnect(struct toy_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->text);
	*c = (struct toy_client){.fd = -1};
}

bool
toy_send(struct toy_client *c, const char *bytes, size_t n)
{
	uint64_t end = toy_now_us() + PATIENCE_MS * 1000ull;

	while (n > 0 && toy_now_us() < end) {
		ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent > 0) {
			bytes += sent;
			n -= (size_t)sent;
		}
		if (server_wants(c->toy, 0))
			rpc_server_serve(c->toy->server);
	}
	return n == 0;
}

static void
receive(struct toy_client *c)
{
	char chunk[65536];
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		c->closed = true;
	if (n <= 0)
		return;
	c->text = realloc(c->text, c->length + (size_t)n);
	assert_non_null(c->text);
	memcpy(c->text + c->length, chunk, (size_t)n);
	c->length += (size_t)n;
}

char *
toy_line(struct toy_client *c)
{
	uint64_t end = toy_now_us() + PATIENCE_MS * 1000ull;
	size_t looked = 0;

	while (toy_now_us() < end) {
		char *newline = c->length > looked
					? memchr(c->text + looked, '\n', c->length - looked)
					: NULL;
		size_t n;
		char *line;

		if (newline) {
			n = (size_t)(newline - c->text);
			line = malloc(n + 1);
			assert_non_null(line);
			memcpy(line, c->text, n);
			line[n] = '\0';
			c->length -= n + 1;
			memmove(c->text, newline + 1, c->length);
			return line;
		}
		if (c->closed)
			return NULL;
		looked = c->length;
		if (server_wants(c->toy, c->length ? 0 : 1))
			rpc_server_serve(c->toy->server);
		receive(c);
	}
	return NULL;
}

char *
toy_ask(struct toy_client *c, const char *line)
{
	if (!toy_send(c, line, strlen(line)) || !toy_send(c, "\n", 1))
		return NULL;
	return toy_line(c);
}

uint32_t
toy_latency_ms(struct toy *toy)
{
	uint64_t begin = toy_cpu_us();
	struct toy_client c;
	char *answer;

	toy_connect(&c, toy, true);
	answer = toy_ask(&c, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"echo\",\"params\":{"
			     "\"number\":1}}");
	begin = toy_cpu_us() - begin;
	assert_non_null(answer);
	assert_non_null(strstr(answer, "\"result\":{\"number\":1,"));
	free(answer);
	toy_disconnect(&c);
	return (uint32_t)(begin / 1000);
}
