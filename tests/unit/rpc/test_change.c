/* SPDX-License-Identifier: BSD-3-Clause */

/* Changes that take long: whoever reads is served meanwhile, whoever writes waits, and those that
 * may join are carried through together. */

#include <stdlib.h>
#include <string.h>

#include "toys.h"
#include "unit.h"

enum { CLIENTS_MAX = 6 };

#define CALL(method, n)                                                                            \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"toy." method "\",\"params\":{\"number\":" #n   \
	"}}"
#define INNER(method, n) "{\"method\":\"toy." method "\",\"params\":{\"number\":" #n "}}"
#define BATCH(calls)                                                                               \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"batch\",\"params\":{\"calls\":[" calls "]}}"
#define JOIN(n) CALL("join", n)
#define SET(n) CALL("set", n)
#define TWO(a, b) BATCH(INNER("join", a) "," INNER("join", b))
#define ECHO "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"number\":1}}"

/* A call of a client of its own, and a part of its answer. */
struct asked {
	const char *line, *answer;
};

/* The first one's commit waits until all have asked. */
static const struct {
	const char *name;
	struct asked asked[CLIENTS_MAX];
	int value, begun, committed;
} rows[] = {
	{"one", {{JOIN(1), "\"was\":0"}}, 1, 1, 1},
	{"those that wait join",
		{{JOIN(1), "\"was\":0"}, {JOIN(2), "\"was\":1}"}, {JOIN(3), "\"was\":12}"},
			{JOIN(4), "\"was\":123}"}},
		1234, 2, 2},
	{"not with one that does not",
		{{JOIN(1), "{\"was\":0}"}, {JOIN(2), "{\"was\":1}"}, {SET(5), "{\"was\":12}"},
			{JOIN(3), "{\"was\":5}"}, {JOIN(4), "{\"was\":53}"}},
		534, 4, 4},
	{"one by one", {{SET(1), "{\"was\":0}"}, {SET(2), "{\"was\":1}"}, {SET(3), "{\"was\":2}"}},
		3, 3, 3},
	{"one of them is wrong",
		{{JOIN(1), "{\"was\":0}"}, {JOIN(2), "{\"was\":1}"}, {JOIN(13), "no digit"},
			{JOIN(3), "{\"was\":12}"}},
		123, 2, 2},
	{"the first of them is wrong",
		{{JOIN(1), "{\"was\":0}"}, {JOIN(13), "no digit"}, {JOIN(2), "{\"was\":1}"},
			{JOIN(3), "{\"was\":12}"}},
		123, 3, 2},
	{"the last of them is wrong",
		{{JOIN(1), "{\"was\":0}"}, {JOIN(2), "{\"was\":1}"}, {JOIN(3), "{\"was\":12}"},
			{JOIN(13), "no digit"}},
		123, 2, 2},
	{"all are wrong",
		{{JOIN(1), "{\"was\":0}"}, {JOIN(13), "no digit"}, {JOIN(14), "no digit"}}, 1, 3,
		1},
	{"none suffers for another that cannot be carried through",
		{{JOIN(1), "{\"was\":0}"}, {JOIN(2), "{\"was\":1}"}, {JOIN(9), "no room"},
			{JOIN(3), "{\"was\":12}"}},
		123, 5, 3},
	{"batches join",
		{{JOIN(1), "{\"was\":0}"}, {TWO(2, 3), "[{\"was\":1},{\"was\":12}]"},
			{JOIN(4), "{\"was\":123}"}},
		1234, 2, 2},
	{"half a batch is wrong",
		{{JOIN(1), "{\"was\":0}"}, {JOIN(2), "{\"was\":1}"}, {TWO(3, 13), "\"call\":1}"},
			{JOIN(4), "{\"was\":12}"}},
		124, 2, 2},
	{"batches again, alone",
		{{JOIN(1), "{\"was\":0}"}, {TWO(2, 3), "[{\"was\":1},{\"was\":12}]"},
			{TWO(4, 9), "no room"}, {JOIN(5), "{\"was\":123}"}},
		1235, 5, 3},
	{"a batch that may not join",
		{{JOIN(1), "{\"was\":0}"},
			{BATCH(INNER("join", 2) "," INNER("set", 3)), "[{\"was\":1},{\"was\":1}]"},
			{JOIN(4), "{\"was\":3}"}},
		34, 3, 3},
	{"a batch that reads has its turn",
		{{SET(1), "{\"was\":0}"},
			{BATCH("{\"method\":\"echo\",\"params\":{\"number\":3}}"), "\"number\":3"},
			{SET(2), "{\"was\":1}"}},
		2, 2, 2},
};

static void
ask(struct toy_client *c, const char *line)
{
	assert_true(toy_send(c, line, strlen(line)));
	assert_true(toy_send(c, "\n", 1));
	toy_serve(c->toy);
}

static void
run_row(size_t row)
{
	struct toy_client clients[CLIENTS_MAX], reader;
	const struct asked *asked = rows[row].asked;
	struct toy toy;
	char *answer;
	size_t n = 0;

	toy_open(&toy, NULL, NULL);
	toy.hold = true;
	for (; n < CLIENTS_MAX && asked[n].line; n++) {
		toy_connect(&clients[n], &toy, true);
		ask(&clients[n], asked[n].line);
	}
	toy_connect(&reader, &toy, false);
	answer = toy_ask(&reader, ECHO);
	assert_non_null(answer);
	free(answer);
	if (toy.value != 0 || toy.committed != 0)
		fail_msg("%s: done before its time", rows[row].name);
	toy.hold = false;
	for (size_t i = 0; i < n; i++) {
		answer = toy_line(&clients[i]);
		if (!answer || !strstr(answer, asked[i].answer))
			fail_msg("%s: client %zu hears %s", rows[row].name, i, answer);
		free(answer);
		toy_disconnect(&clients[i]);
	}
	if (toy.value != rows[row].value || toy.committed != rows[row].committed ||
		toy.begun != rows[row].begun || toy.in_change)
		fail_msg("%s: %d, begun %d, committed %d", rows[row].name, toy.value, toy.begun,
			toy.committed);
	toy_disconnect(&reader);
	toy_close(&toy);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		run_row(row);
}

/* What has begun is carried through, though nobody waits for the answer. */
static void
test_gone(void **state)
{
	struct toy_client c, other;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	toy_connect(&other, &toy, true);
	toy.hold = true;
	ask(&c, JOIN(1));
	ask(&other, JOIN(2));
	toy_disconnect(&c);
	toy_disconnect(&other);
	toy_serve_ms(&toy, 20);
	assert_int_equal(toy.committed, 0);
	/* and nobody goes round in circles meanwhile: one turn in a millisecond */
	uint64_t before = toy_cpu_us();
	toy_serve_ms(&toy, 200);
	assert_true(toy_cpu_us() - before < 100000);
	toy.hold = false;
	toy_serve_ms(&toy, 20);
	assert_int_equal(toy.value, 12);
	toy_close(&toy);
}

/* A server that stops waits for what it has begun. */
static void
test_stop(void **state)
{
	struct toy_client c, other;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	toy_connect(&other, &toy, true);
	toy.hold = true;
	ask(&c, JOIN(1));
	ask(&other, JOIN(2));
	toy.held_turns = 5;
	toy_close(&toy);
	assert_int_equal(toy.value, 12);
	toy_disconnect(&c);
	toy_disconnect(&other);
}

/* A call that rests in its long work makes nobody wait. */
static void
test_rest(void **state)
{
	static const char work[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"work\","
				   "\"params\":{\"number\":400000}}\n";
	struct toy_client c, other;
	struct toy toy;
	char *answer;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	toy_connect(&other, &toy, false);
	assert_true(toy_send(&c, work, strlen(work)));
	rpc_server_serve(toy.server);
	for (int i = 0; i < 20; i++) {
		uint64_t before = toy_cpu_us();

		answer = toy_ask(&other, ECHO);
		assert_non_null(answer);
		free(answer);
		assert_true(toy_cpu_us() - before < 15000);
	}
	assert_int_equal(c.length, 0);
	answer = toy_line(&c);
	assert_non_null(answer);
	free(answer);
	toy_disconnect(&c);
	toy_disconnect(&other);
	toy_close(&toy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
