/* SPDX-License-Identifier: BSD-3-Clause */

/* Clients that do not behave: each is told or cut off, and nobody else waits. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "toys.h"
#include "unit.h"

#define ECHO "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"number\":1}}"
#define BIG "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\",\"params\":{\"number\":1000000}}"

enum { LATENCY_MAX_MS = 100, MIB = 1 << 20 };

/* Short times, so that the test is. */
static const struct rpc_limits limits = {
	.clients = 8,
	.line_bytes = MIB,
	.line_ms = 300,
	.stall_ms = 300,
	.output_bytes = 64 << 10,
	.event_bytes = 16 << 10,
	.turn_us = 2000,
};

static char *
repeated(const char *piece, size_t times)
{
	size_t n = strlen(piece);
	char *text = malloc(n * times + 1);

	assert_non_null(text);
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * n, piece, n);
	text[n * times] = '\0';
	return text;
}

/* What is sent, in pieces, and what comes of it. */
static const struct {
	const char *name;
	const char *piece;
	size_t times;
	size_t at_once; /* bytes of a send; 0: all */
	bool hang_up;   /* closes its sending half then */
	uint32_t silent_ms;
	const char *answer; /* NULL: none */
	bool closed;
} rows[] = {
	{"not JSON", "hello\n", 1, 0, false, 0, "-32700", false},
	{"no call", "{}\n", 1, 0, false, 0, "-32600", false},
	{"bytes", "\x80\xff\xfe\x01\n", 1, 0, false, 0, "-32700", false},
	{"1 byte at a time", ECHO "\n", 1, 1, false, 0, "\"result\"", false},
	{"a long line 7 bytes at a time", "[],", 100000, 7, true, 0, "-32600", true},
	{"a line of more than a MiB", "x", MIB + 1, 0, false, 0,
		"the line is longer than a message may be", true},
	{"a line of 16 MiB", "x", 16 * MIB, 65536, false, 0,
		"the line is longer than a message may be", true},
	{"a line of nearly a MiB", "          ", MIB / 10, 4096, true, 0,
		"the last line has no newline", true},
	{"half a line, then silence", "{\"jsonrpc\"", 1, 0, false, 600,
		"the line was not finished in time", true},
	{"half a line, then gone", "{\"jsonrpc\"", 1, 0, true, 0, "the last line has no newline",
		true},
	{"nothing, for long", "", 1, 0, false, 600, NULL, false},
	{"nothing, and gone", "", 1, 0, true, 0, NULL, true},
	{"a line, then silence", ECHO "\n", 1, 0, false, 600, "\"result\"", false},
	{"10,000 deep", "[", 10000, 0, true, 0, "no newline", true},
	{"empty lines", "\n", 100000, 0, true, 0, NULL, true},
	{"a last call, then gone", ECHO "\n", 1, 0, true, 0, "\"result\"", true},
};

static unsigned int
row_run(struct toy *toy, size_t i)
{
	char *text = repeated(rows[i].piece, rows[i].times), *answer = NULL;
	size_t n = strlen(text), at = 0;
	struct toy_client c;
	uint32_t latency;
	bool good = true;

	toy_connect(&c, toy, true);
	while (at < n && good) {
		size_t piece = rows[i].at_once ? rows[i].at_once : n;

		piece = piece < n - at ? piece : n - at;
		good = toy_send(&c, text + at, piece);
		at += piece;
	}
	latency = toy_latency_ms(toy);
	if (rows[i].hang_up)
		shutdown(c.fd, SHUT_WR);
	toy_serve_ms(toy, rows[i].silent_ms);
	if (rows[i].answer)
		answer = toy_line(&c);
	toy_serve(toy);
	if (rows[i].closed)
		free(toy_line(&c));
	good = (rows[i].answer ? answer && strstr(answer, rows[i].answer) : c.length == 0) &&
	       c.closed == rows[i].closed && latency < LATENCY_MAX_MS;
	if (!good)
		print_error("%s: %s, closed %d, the other waited %u ms\n", rows[i].name,
			answer ? answer : "no answer", c.closed, latency);
	free(answer);
	free(text);
	toy_disconnect(&c);
	toy_serve(toy);
	return !good;
}

static void
test_rows(void **state)
{
	unsigned int wrong = 0;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, &limits);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		wrong += row_run(&toy, i);
	assert_int_equal(wrong, 0);
	toy_close(&toy);
}

/* A megabyte, a byte at a time, takes as long as a megabyte does: 20 times the bytes, not 400 times
 * the time. */
static void
test_single_bytes(void **state)
{
	static const size_t sizes[] = {10000, 200000};
	uint64_t took[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t begin;
		struct toy_client c;
		struct toy toy;

		toy_open(&toy, NULL, NULL);
		toy_connect(&c, &toy, true);
		begin = toy_cpu_us();
		for (size_t n = 0; n < sizes[i]; n++)
			assert_true(toy_send(&c, " ", 1));
		took[i] = toy_cpu_us() - begin;
		toy_disconnect(&c);
		toy_close(&toy);
	}
	assert_true(took[1] < took[0] * 100);
}

/* Bytes that wait in the socket to the client. */
static void
flood(struct toy_client *c, const char *line)
{
	char *text = repeated(line, 4000);
	size_t n = strlen(text), at = 0;

	for (int i = 0; i < 200; i++) {
		ssize_t sent = at < n ? send(c->fd, text + at, n - at, MSG_NOSIGNAL) : 0;

		at += sent > 0 ? (size_t)sent : 0;
		rpc_server_serve(c->toy->server);
	}
	free(text);
}

/* It asks and asks and takes nothing: it is served no further, and cut off. */
static void
test_reader_that_stops(void **state)
{
	static const char *const lines[] = {ECHO "\n", BIG "\n"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct toy_client c;
		struct toy toy;
		uint32_t latency;

		toy_open(&toy, NULL, &limits);
		toy_connect(&c, &toy, true);
		flood(&c, lines[i]);
		latency = toy_latency_ms(&toy);
		assert_true(latency < LATENCY_MAX_MS);
		toy_serve_ms(&toy, 600);
		assert_int_equal(send(c.fd, "x", 1, MSG_NOSIGNAL), -1);
		assert_true(errno == EPIPE || errno == ECONNRESET);
		toy_disconnect(&c);
		toy_close(&toy);
	}
}

/* A slow reader is not one that stops: all of it arrives. */
static void
test_slow_reader(void **state)
{
	struct toy_client c;
	struct toy toy;
	size_t total = 0;
	char chunk[8192];

	(void)state;
	toy_open(&toy, NULL, &limits);
	toy_connect(&c, &toy, true);
	assert_true(toy_send(&c, BIG "\n", strlen(BIG) + 1));
	while (total < 1000000) {
		ssize_t n = -1;

		/* the answer is made in turns, and the machine may have other things to do */
		for (int i = 0; n <= 0 && i < 50; i++) {
			toy_serve_ms(&toy, 5);
			n = recv(c.fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		}
		assert_true(n > 0);
		total += (size_t)n;
	}
	toy_disconnect(&c);
	toy_close(&toy);
}

static void
test_vanishes(void **state)
{
	struct toy_client c;
	struct toy toy;
	char chunk[100];

	(void)state;
	toy_open(&toy, NULL, &limits);
	for (int i = 0; i < 20; i++) {
		toy_connect(&c, &toy, true);
		flood(&c, BIG "\n");
		assert_true(recv(c.fd, chunk, sizeof(chunk), 0) > 0);
		toy_disconnect(&c); /* in the middle of an answer */
		assert_true(toy_latency_ms(&toy) < LATENCY_MAX_MS);
	}
	toy_close(&toy);
}

/* Calls of a client that has closed its socket at once are made all the same. */
static void
test_fire_and_forget(void **state)
{
	static const char line[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"toy.set\",\"params\":{\"number\":42}}\n";
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, &limits);
	toy_connect(&c, &toy, true);
	assert_true(send(c.fd, line, strlen(line), 0) > 0);
	toy_disconnect(&c);
	toy_serve(&toy);
	assert_int_equal(toy.value, 42);
	toy_close(&toy);
}

/* Seven clients with work without end, in long calls and long lines: the eighth does not wait for
 * them all. */
static void
test_fair(void **state)
{
	char *spend = repeated("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"spend\",\"params\":{"
			       "\"number\":20000}}\n",
		50);
	char *values = repeated("[1],", 200000);
	struct toy_client clients[7];
	struct toy toy;
	uint32_t latency = 0;

	(void)state;
	toy_open(&toy, NULL, &limits);
	for (int i = 0; i < 7; i++) {
		toy_connect(&clients[i], &toy, true);
		if (i < 3) {
			send(clients[i].fd, spend, strlen(spend), MSG_NOSIGNAL);
		} else {
			toy_send(&clients[i], values, strlen(values));
			send(clients[i].fd, "]\n", 2, MSG_NOSIGNAL);
		}
	}
	for (int i = 0; i < 5; i++) {
		uint32_t one;

		rpc_server_serve(toy.server);
		one = toy_latency_ms(&toy);
		latency = one > latency ? one : latency;
	}
	if (latency >= LATENCY_MAX_MS)
		fail_msg("waited %u ms", latency);
	for (int i = 0; i < 7; i++)
		toy_disconnect(&clients[i]);
	free(spend);
	free(values);
	toy_close(&toy);
}

/* One turn is short, however much there is to do. */
static void
test_turn(void **state)
{
	char *spend = repeated("{\"jsonrpc\":\"2.0\",\"method\":\"spend\",\"params\":{"
			       "\"number\":500}}\n",
		1000);
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, &limits);
	toy_connect(&c, &toy, true);
	assert_true(send(c.fd, spend, strlen(spend), 0) > 0);
	for (int i = 0; i < 20; i++) {
		uint64_t begin = toy_cpu_us();

		rpc_server_serve(toy.server);
		assert_true(toy_cpu_us() - begin < 20000);
	}
	free(spend);
	toy_disconnect(&c);
	toy_close(&toy);
}

/* --- the socket --- */

static void
path_make(char path[64])
{
	snprintf(path, 64, "/tmp/espgw-rpc-%d", (int)getpid());
	unlink(path);
}

static void
test_thousand_connections(void **state)
{
	enum { CONNECTIONS = 1000 };
	static struct toy_client clients[CONNECTIONS];
	unsigned int refused = 0, served = 0;
	struct rlimit files;
	struct toy toy;
	char path[64];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	path_make(path);
	toy_open(&toy, path, NULL);
	for (int i = 0; i < CONNECTIONS; i++) {
		toy_connect(&clients[i], &toy, true);
		toy_serve(&toy);
	}
	for (int i = 0; i < CONNECTIONS; i++) {
		char *answer = toy_ask(&clients[i], ECHO);

		if (!answer)
			answer = toy_line(&clients[i]);
		assert_non_null(answer);
		served += strstr(answer, "\"result\"") != NULL;
		refused += strstr(answer, "{\"code\":6,\"message\":\"too many clients") != NULL;
		free(answer);
	}
	assert_int_equal(served, 64);
	assert_int_equal(refused, CONNECTIONS - 64);
	for (int i = 0; i < CONNECTIONS; i++)
		toy_disconnect(&clients[i]);
	toy_serve(&toy);
	assert_true(toy_latency_ms(&toy) < LATENCY_MAX_MS);
	toy_close(&toy);
}

/* Half of the places are for those who may only read. */
static void
test_readers(void **state)
{
	struct toy_client clients[9];
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, &limits);
	for (int i = 0; i < 9; i++) {
		char *answer;

		/* five readers, four writers */
		toy_connect(&clients[i], &toy, i >= 5);
		answer = i == 4 ? toy_line(&clients[i]) : toy_ask(&clients[i], ECHO);
		assert_non_null(answer);
		assert_int_equal(strstr(answer, "\"result\"") != NULL, i != 4);
		free(answer);
	}
	for (int i = 0; i < 9; i++)
		toy_disconnect(&clients[i]);
	toy_close(&toy);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static struct rpc_server *
server_at(const char *path, const char *group, bool readonly, struct error *err)
{
	const struct rpc_options options = {
		.path = path, .group = group, .readonly = readonly, .limits = limits};

	*err = (struct error){""};
	return rpc_server_create(&options, err);
}

static void
test_path(void **state)
{
	struct rpc_server *s, *other;
	struct error err;
	char path[64], deep[96];
	int fd;

	(void)state;
	path_make(path);
	umask(0);
	s = server_at(path, NULL, false, &err);
	assert_non_null(s);
	assert_int_equal(mode_of(path), 0600);
	/* alive */
	assert_null(server_at(path, NULL, false, &err));
	assert_int_equal(errno, EADDRINUSE);
	assert_non_null(strstr(err.text, "another espgw serves at"));
	/* gone from its path: another one may have it, and is not removed */
	unlink(path);
	other = server_at(path, NULL, false, &err);
	assert_non_null(other);
	rpc_server_destroy(s);
	assert_int_equal(mode_of(path), 0600);
	rpc_server_destroy(other);
	assert_int_equal(mode_of(path), 0);
	/* no socket */
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_null(server_at(path, NULL, false, &err));
	assert_non_null(strstr(err.text, "is there and is no socket"));
	/* a folder that is none */
	snprintf(deep, sizeof(deep), "%s/x/ctl", path);
	assert_null(server_at(deep, NULL, false, &err));
	assert_non_null(strstr(err.text, "folder"));
	unlink(path);
	/* a folder that is missing */
	snprintf(deep, sizeof(deep), "%s/ctl", path);
	s = server_at(deep, NULL, true, &err);
	assert_non_null(s);
	assert_int_equal(mode_of(deep), 0666);
	assert_int_equal(mode_of(path), 0755);
	rpc_server_destroy(s);
	rmdir(path);
}

/* What a dead one left is replaced. */
static void
test_stale(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct rpc_server *s;
	struct error err;

	(void)state;
	path_make(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	s = server_at(address.sun_path, NULL, false, &err);
	if (!s)
		fail_msg("%s", err.text);
	rpc_server_destroy(s);
}

static void
test_wrong_options(void **state)
{
	char path[64], name[201];
	struct error err;

	(void)state;
	path_make(path);
	assert_null(server_at(path, "no-such-group", false, &err));
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(err.text, "--ctl-group: there is no group \"no-such-group\""));
	memset(name, 'x', 200);
	name[0] = '/';
	name[200] = '\0';
	assert_null(server_at(name, NULL, false, &err));
	assert_non_null(strstr(err.text, "has 200 characters, and 107 are the most"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_single_bytes),
		cmocka_unit_test(test_reader_that_stops),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_vanishes),
		cmocka_unit_test(test_fire_and_forget),
		cmocka_unit_test(test_fair),
		cmocka_unit_test(test_turn),
		cmocka_unit_test(test_thousand_connections),
		cmocka_unit_test(test_readers),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_wrong_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
