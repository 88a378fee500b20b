/* SPDX-License-Identifier: BSD-3-Clause */

/* Changes: one for each writing call, one for a batch; all or nothing. And who may write. */

#include <stdlib.h>
#include <string.h>

#include "toys.h"
#include "unit.h"

#define SET(n) "{\"method\":\"toy.set\",\"params\":{\"number\":" #n "}}"
#define ECHO "{\"method\":\"echo\",\"params\":{\"number\":1}}"
#define BATCH(calls)                                                                               \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"batch\",\"params\":{\"calls\":" calls "}}"
#define SET_ALONE(n)                                                                               \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"toy.set\",\"params\":{\"number\":" #n "}}"

struct row {
	const char *name, *line;
	bool refuse_begin, refuse_commit, reader;
	const char *answer; /* a part of it */
	int value;          /* afterwards; 5 before */
	int begun, committed, abandoned;
};

static const struct row rows[] = {
	{"a call", SET_ALONE(7), .answer = "\"result\":{\"was\":5}", .value = 7, .begun = 1,
		.committed = 1},
	{"a call that fails", SET_ALONE(13), .answer = "{\"code\":3,\"message\":\"13 is in use\"",
		.value = 5, .begun = 1, .abandoned = 1},
	{"wrong parameters are found before", SET_ALONE(-1), .answer = "-32602", .value = 5},
	{"no change can begin", SET_ALONE(7), .refuse_begin = true,
		.answer = "{\"code\":6,\"message\":\"another change is under way\"", .value = 5},
	{"the change cannot be", SET_ALONE(7), .refuse_commit = true,
		.answer = "{\"code\":4,\"message\":\"no room for that\"", .value = 5, .begun = 1},
	{"a reader", SET_ALONE(7), .reader = true,
		.answer = "{\"code\":5,\"message\":\"toy.set "
			  "changes the gateway",
		.value = 5},

	{"a batch", BATCH("[" SET(6) "," ECHO "," SET(8) "]"),
		.answer = "\"result\":{\"results\":[{\"was\":5},{\"number\":1,\"word\":\"red\","
			  "\"flag\":false,\"text\":\"nothing\"},{\"was\":5}]}",
		.value = 8, .begun = 1, .committed = 1},
	{"a batch that only reads", BATCH("[" ECHO "]"), .answer = "\"results\":[{\"number\":1",
		.value = 5},
	{"a reader's batch", BATCH("[" ECHO "]"), .reader = true,
		.answer = "\"results\":[{\"number\":1", .value = 5},
	{"a reader's batch that writes", BATCH("[" ECHO "," SET(6) "]"), .reader = true,
		.answer = "{\"code\":5,", .value = 5},
	{"the last call fails", BATCH("[" SET(6) "," SET(7) "," SET(13) "]"),
		.answer = "{\"code\":3,\"message\":\"13 is in use\",\"data\":{\"field\":\"number\","
			  "\"call\":2}}",
		.value = 5, .begun = 1, .abandoned = 1},
	{"the last call has wrong parameters", BATCH("[" SET(6) "," SET("6") "]"),
		.answer = "\"call\":1}", .value = 5, .begun = 1, .abandoned = 1},
	{"the last call is no method", BATCH("[" SET(6) ",{\"method\":\"toy.sett\"}]"),
		.answer = "{\"code\":-32601,\"message\":\"there is no method \\\"toy.sett\\\": did "
			  "you mean \\\"toy.set\\\"?\",\"data\":{\"call\":1}}",
		.value = 5},
	{"the batch cannot be", BATCH("[" SET(6) "," ECHO "]"), .refuse_commit = true,
		.answer = "{\"code\":4,\"message\":\"no room for that\"", .value = 5, .begun = 1},
	{"no batch can begin", BATCH("[" SET(6) "]"), .refuse_begin = true,
		.answer = "{\"code\":6,", .value = 5},

	{"a batch of nothing", BATCH("[]"), .answer = "calls must be a list of 1 to 1000 calls",
		.value = 5},
	{"a batch of a number", BATCH("7"), .answer = "calls must be a list of", .value = 5},
	{"a batch of numbers", BATCH("[7]"), .answer = "-32602,\"message\":\"a call of a batch is",
		.value = 5},
	{"params of an array", BATCH("[{\"method\":\"echo\",\"params\":[]}]"),
		.answer = "-32602,\"message\":\"a call of a batch is", .value = 5},
	{"an unknown member", BATCH("[{\"method\":\"echo\",\"id\":1}]"),
		.answer = "-32602,\"message\":\"a call of a batch has no member \\\"id\\\"",
		.value = 5},
	{"without calls", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"batch\"}",
		.answer = "calls must be a list of", .value = 5},
	{"an unknown parameter",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"batch\",\"params\":{\"call\":[]}}",
		.answer = "-32602,\"message\":\"params has no member \\\"call\\\": did you mean "
			  "\\\"calls\\\"?",
		.value = 5},
	{"a batch in a batch", BATCH("[{\"method\":\"batch\"}]"),
		.answer = "batch cannot be part of a batch", .value = 5},
	{"events in a batch", BATCH("[" SET(6) ",{\"method\":\"events.subscribe\"}]"),
		.answer = "events.subscribe cannot be part of a batch", .value = 5},
};

static unsigned int
row_run(const struct row *row)
{
	struct toy_client c;
	struct toy toy;
	char *answer;
	bool good;

	toy_open(&toy, NULL, NULL);
	toy.value = 5;
	toy.refuse_begin = row->refuse_begin;
	toy.refuse_commit = row->refuse_commit;
	toy_connect(&c, &toy, !row->reader);
	answer = toy_ask(&c, row->line);
	good = answer && strstr(answer, row->answer) && toy.value == row->value &&
	       toy.begun == row->begun && toy.committed == row->committed &&
	       toy.abandoned == row->abandoned && !toy.in_change;
	if (!good)
		print_error("%s: %s; value %d, begun %d, committed %d, abandoned %d\n", row->name,
			answer, toy.value, toy.begun, toy.committed, toy.abandoned);
	free(answer);
	toy_disconnect(&c);
	toy_close(&toy);
	return !good;
}

static void
test_rows(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		wrong += row_run(&rows[i]);
	assert_int_equal(wrong, 0);
}

/* A batch of n calls, the last one wrong if so wanted. */
static char *
batch_of(size_t n, bool wrong)
{
	char *text = malloc(n * 64 + 128), *at = text;

	assert_non_null(text);
	at += sprintf(at, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"batch\",\"params\":{\"calls\""
			  ":[");
	for (size_t i = 0; i < n; i++)
		at += sprintf(at, "%s{\"method\":\"toy.set\",\"params\":{\"number\":%zu}}",
			i ? "," : "", i == n - 1 && wrong ? 13 : i + 100);
	sprintf(at, "]}}");
	return text;
}

static void
test_thousand(void **state)
{
	static const struct {
		size_t calls;
		bool wrong;
		const char *answer;
		int value;
	} sizes[] = {
		{1000, false, "\"result\":{\"results\":[{\"was\":0}", 1099},
		{1000, true, "\"call\":999}", 0},
		{1001, false, "calls must be a list of 1 to 1000 calls", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *line = batch_of(sizes[i].calls, sizes[i].wrong), *answer;
		struct toy_client c;
		struct toy toy;

		toy_open(&toy, NULL, NULL);
		toy_connect(&c, &toy, true);
		answer = toy_ask(&c, line);
		if (!answer || !strstr(answer, sizes[i].answer) || toy.value != sizes[i].value)
			fail_msg("%zu: value %d, %.300s", sizes[i].calls, toy.value, answer);
		free(answer);
		free(line);
		toy_disconnect(&c);
		toy_close(&toy);
	}
}

/* Results that are too large together undo the batch. */
static void
test_large_results(void **state)
{
	struct toy_client c;
	struct toy toy;
	char *answer;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	answer = toy_ask(
		&c, BATCH("[" SET(6) ",{\"method\":\"big\",\"params\":{\"number\":3000000}},"
				     "{\"method\":\"big\",\"params\":{\"number\":3000000}}]"));
	assert_non_null(answer);
	assert_non_null(strstr(answer, "{\"code\":4,\"message\":\"the results of the batch are "
				       "larger than 4 MiB"));
	assert_non_null(strstr(answer, "\"call\":2}"));
	assert_int_equal(toy.value, 0);
	assert_int_equal(toy.abandoned, 1);
	free(answer);
	toy_disconnect(&c);
	toy_close(&toy);
}

/* An array of calls: each on its own, in one answer. */
static void
test_array(void **state)
{
	struct toy_client c;
	struct toy toy;
	char *answer;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	answer = toy_ask(&c,
		"[" SET_ALONE(6) "," SET_ALONE(
			13) ",7,"
			    "{\"jsonrpc\":\"2.0\",\"method\":\"toy.set\",\"params\":{\"number\":8}}"
			    ","
			    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"toy.set\",\"params\":{"
			    "\"number\":9}}]");
	assert_non_null(answer);
	assert_string_equal(answer,
		"[{\"jsonrpc\":\"2.0\",\"result\":{\"was\":0},\"id\":1},"
		"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":3,\"message\":\"13 is in "
		"use\",\"data\":{\"field\":\"number\"}},\"id\":1},"
		"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"a call is an object "
		"{\\\"jsonrpc\\\": \\\"2.0\\\", \\\"id\\\": …, \\\"method\\\": …, \\\"params\\\": "
		"{…}}\"},\"id\":null},"
		"{\"jsonrpc\":\"2.0\",\"result\":{\"was\":8},\"id\":2}]");
	assert_int_equal(toy.value, 9);
	assert_int_equal(toy.committed, 3);
	free(answer);
	toy_disconnect(&c);
	toy_close(&toy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_thousand),
		cmocka_unit_test(test_large_results),
		cmocka_unit_test(test_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
