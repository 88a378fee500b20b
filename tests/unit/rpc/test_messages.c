/* SPDX-License-Identifier: BSD-3-Clause */

/* One line each: what is answered. */

#include <stdlib.h>
#include <string.h>

#include "toys.h"
#include "unit.h"

#define CALL(rest) "{\"jsonrpc\":\"2.0\",\"id\":1," rest "}"
#define ECHO(params) CALL("\"method\":\"echo\",\"params\":" params)
#define RESULT(text) "{\"jsonrpc\":\"2.0\",\"result\":" text ",\"id\":1}"
/* The message goes on after what stands here. */
#define ERROR(code, message)                                                                       \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":" #code ",\"message\":\"" message

struct row {
	const char *name, *line, *answer; /* its beginning */
};

static const struct row rows[] = {
	{"a call", ECHO("{\"number\":7}"),
		RESULT("{\"number\":7,\"word\":\"red\",\"flag\":false,\"text\":\"nothing\"}")},
	{"all parameters",
		ECHO("{\"number\":1,\"word\":\"blue\",\"flag\":true,\"text\":\"\\u00e9\\n\"}"),
		RESULT("{\"number\":1,\"word\":\"blue\",\"flag\":true,\"text\":\"é\\n\"}")},
	{"blanks", " \t " CALL("\"method\": \"rpc.methods\"") " \r",
		"{\"jsonrpc\":\"2.0\",\"result\":{\"methods\":["},
	{"id of a string",
		"{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"method\":\"fail\",\"params\":{}}",
		ERROR(-32602, "number is missing")},
	{"id null is a call", "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"x\"}",
		ERROR(-32601, "there is no method")},

	/* no JSON */
	{"words", "hello", ERROR(-32700, "no JSON, at character")},
	{"empty quote", "\"", ERROR(-32700, "")},
	{"half a call", "{\"jsonrpc\":\"2.0\",\"id\":1",
		ERROR(-32700, "the message ends too early")},
	{"two calls", CALL("\"method\":\"echo\"") CALL("\"method\":\"echo\""),
		ERROR(-32700, "something follows the message: one message a line")},
	{"a key in what is broken", "{\"key\":\"00112233445566778899aabbccddeeff\" oops}",
		ERROR(-32700, "no JSON, at character 46\"}")},
	{"twice the same member", CALL("\"method\":\"echo\",\"id\":2"),
		ERROR(-32700, "a member that its object has already")},
	{"twice the same parameter", ECHO("{\"number\":1,\"number\":2}"),
		ERROR(-32700, "a member that its object has already")},
	{"NUL in a string", ECHO("{\"number\":1,\"text\":\"a\\u0000b\"}"),
		ERROR(-32700, "a NUL character, which no string here may hold")},
	{"NUL in a name", ECHO("{\"nu\\u0000mber\":1}"), ERROR(-32700, "a NUL character")},
	{"no UTF-8", ECHO("{\"number\":1,\"text\":\"\xc3\x28\"}"), ERROR(-32700, "no UTF-8")},
	{"a surrogate", ECHO("{\"number\":1,\"text\":\"\xed\xa0\x80\"}"),
		ERROR(-32700, "no UTF-8")},
	{"a huge number", ECHO("{\"number\":9223372036854775808}"),
		ERROR(-32700, "a number beyond 64 bits")},
	{"a control character", ECHO("{\"number\":1,\"text\":\"\x01\"}"), ERROR(-32700, "no JSON")},

	/* JSON, but no call */
	{"a number", "7", ERROR(-32600, "a call is an object")},
	{"a string", "\"echo\"", ERROR(-32600, "a call is an object")},
	{"null", "null", ERROR(-32600, "a call is an object")},
	{"an empty array", "[]", ERROR(-32600, "an array of calls has 1 to 1000 of them")},
	{"an array of a number", "[1]", "[{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,"},
	{"no version", "{\"id\":1,\"method\":\"echo\"}",
		ERROR(-32600, "the member \\\"jsonrpc\\\" must be \\\"2.0\\\"")},
	{"another version", "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"echo\"}",
		ERROR(-32600, "the member \\\"jsonrpc\\\" must be")},
	{"a number as version", "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"echo\"}",
		ERROR(-32600, "the member \\\"jsonrpc\\\" must be")},
	{"no method", CALL("\"params\":{}"), ERROR(-32600, "the member \\\"method\\\" must be")},
	{"a number as method", CALL("\"method\":1"),
		ERROR(-32600, "the member \\\"method\\\" must be")},
	{"id of a fraction", "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"echo\"}",
		ERROR(-32600, "the member \\\"id\\\" must be")},
	{"id of an object", "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"echo\"}",
		ERROR(-32600, "the member \\\"id\\\" must be")},
	{"an unknown member", CALL("\"method\":\"echo\",\"parms\":{}"),
		ERROR(-32600, "a call has no member \\\"parms\\\": did you mean \\\"params\\\"?")},
	{"an array as params", CALL("\"method\":\"echo\",\"params\":[7]"),
		ERROR(-32602, "params is an array: name the parameters")},
	{"a string as params", CALL("\"method\":\"echo\",\"params\":\"7\""),
		ERROR(-32600, "the member \\\"params\\\" must be an object")},

	/* no such method */
	{"unknown", CALL("\"method\":\"rpc.mehtods\""),
		ERROR(-32601, "there is no method \\\"rpc.mehtods\\\": did you mean "
			      "\\\"rpc.methods\\\"?")},
	{"quite unknown", CALL("\"method\":\"xxxxxxxxxxxx\""),
		ERROR(-32601, "there is no method \\\"xxxxxxxxxxxx\\\"; rpc.methods lists them")},
	{"an empty name", CALL("\"method\":\"\""), ERROR(-32601, "there is no method \\\"\\\"")},
	{"cut within a character",
		CALL("\"method\":\"0123456789012345678901234567890123456789012345678901234567890"
		     "12é\""),
		ERROR(-32601, "there is no method \\\"(hidden)?\\\"")},

	/* parameters */
	{"missing", ECHO("{}"), ERROR(-32602, "number is missing")},
	{"none at all", CALL("\"method\":\"echo\""), ERROR(-32602, "number is missing")},
	{"unknown parameter", ECHO("{\"number\":1,\"wrod\":\"red\"}"),
		ERROR(-32602, "unknown key \\\"wrod\\\"")},
	{"an impossible name", ECHO("{\"number\":1,\"fl ag\":true}"),
		ERROR(-32602, "unknown key \\\"fl ag\\\"")},
	{"an empty name of a parameter", ECHO("{\"number\":1,\"\":true}"),
		ERROR(-32602, "unknown key \\\"\\\"")},
	{"a parameter of a method without", CALL("\"method\":\"report\",\"params\":{\"a\":1}"),
		ERROR(-32602, "unknown key \\\"a\\\"")},
	{"too small", ECHO("{\"number\":0}"), ERROR(-32602, "number: 0 is not between 1 and 10")},
	{"too large", ECHO("{\"number\":11}"), ERROR(-32602, "number: 11 is not between 1 and 10")},
	{"far too large", ECHO("{\"number\":9223372036854775807}"),
		ERROR(-32602, "number: 9223372036854775807 is not between 1 and 10")},
	{"negative", ECHO("{\"number\":-9223372036854775808}"),
		ERROR(-32602, "number: -9223372036854775808 is not between 1 and 10")},
	{"a fraction", ECHO("{\"number\":1.0}"), ERROR(-32602, "number: a whole number is wanted")},
	{"a string for a number", ECHO("{\"number\":\"1\"}"),
		ERROR(-32602, "number: a whole number is wanted, not a string")},
	{"a list for a number", ECHO("{\"number\":[1]}"),
		ERROR(-32602, "number: a whole number is wanted")},
	{"an object for a number", ECHO("{\"number\":{\"a\":{\"b\":[1,\"x\",[true]]}}}"),
		ERROR(-32602, "number: a whole number is wanted")},
	{"null is not given", ECHO("{\"number\":null}"), ERROR(-32602, "number is missing")},
	{"null in a list", ECHO("{\"number\":[null]}"),
		ERROR(-32602, "number: null is no element of a list")},
	{"a number for a boolean", ECHO("{\"number\":1,\"flag\":1}"),
		ERROR(-32602, "flag: true or false is wanted")},
	{"no such word", ECHO("{\"number\":1,\"word\":\"grean\"}"),
		ERROR(-32602, "word: \\\"grean\\\" is none of \\\"red\\\"")},
	{"too long", ECHO("{\"number\":1,\"text\":\"01234567890123456789012345678901\"}"),
		ERROR(-32602, "text: has 32 characters: 31 are the most")},
	{"a key where none belongs",
		ECHO("{\"number\":1,\"word\":\"00112233445566778899aabbccddeeff\"}"),
		ERROR(-32602, "word: \\\"(hidden)\\\" is none of")},
	{"a key as a name", ECHO("{\"number\":1,\"a0112233445566778899aabbccddeeff0\":1}"),
		ERROR(-32602, "unknown key \\\"(hidden)\\\"")},

	/* what methods say */
	{"ENOENT", CALL("\"method\":\"fail\",\"params\":{\"number\":2}"),
		ERROR(1, "as was asked\",\"data\":{\"field\":\"number\"}")},
	{"EEXIST", CALL("\"method\":\"fail\",\"params\":{\"number\":17}"), ERROR(2, "")},
	{"EBUSY", CALL("\"method\":\"fail\",\"params\":{\"number\":16}"), ERROR(3, "")},
	{"ENOSPC", CALL("\"method\":\"fail\",\"params\":{\"number\":28}"), ERROR(4, "")},
	{"ENOMEM", CALL("\"method\":\"fail\",\"params\":{\"number\":12}"), ERROR(4, "")},
	{"EPERM", CALL("\"method\":\"fail\",\"params\":{\"number\":1}"), ERROR(5, "")},
	{"EACCES", CALL("\"method\":\"fail\",\"params\":{\"number\":13}"), ERROR(5, "")},
	{"EAGAIN", CALL("\"method\":\"fail\",\"params\":{\"number\":11}"), ERROR(6, "")},
	{"EINVAL", CALL("\"method\":\"fail\",\"params\":{\"number\":22}"), ERROR(-32602, "")},
	{"EIO", CALL("\"method\":\"fail\",\"params\":{\"number\":5}"), ERROR(7, "")},
	{"ERANGE, and no message", CALL("\"method\":\"fail\",\"params\":{\"number\":34}"),
		ERROR(7, "Numerical result out of range")},
	{"two things", CALL("\"method\":\"report\""),
		ERROR(-32602, "2 things are wrong; the first: sas[0]: mtu: too small\",\"data\":{"
			      "\"errors\":[{\"message\":\"mtu: too small\",\"object\":\"sas[0]\"},{"
			      "\"message\":\"key (hidden) is in the wrong place\"}]}")},
};

static bool
ends_with(const char *text, const char *ending)
{
	size_t n = strlen(text), m = strlen(ending);

	return n >= m && strcmp(text + n - m, ending) == 0;
}

static void
test_rows(void **state)
{
	unsigned int wrong = 0;
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		char *answer = toy_ask(&c, row->line);

		if (!answer || strncmp(answer, row->answer, strlen(row->answer)) != 0) {
			print_error("%s: %s\n", row->name, answer ? answer : "no answer");
			wrong++;
		}
		free(answer);
	}
	assert_int_equal(wrong, 0);
	toy_disconnect(&c);
	toy_serve(&toy);
	toy_close(&toy);
}

/* The id comes back, where there is one that can. */
static void
test_ids(void **state)
{
	static const struct {
		const char *line, *ending;
	} ids[] = {
		{"{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"method\":\"fail\"}",
			"\"id\":\"a\\\"b\"}"},
		{"{\"jsonrpc\":\"2.0\",\"id\":-7,\"method\":\"rpc.methods\"}", "\"id\":-7}"},
		{"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"rpc.methods\"}", "\"id\":null}"},
		{"{\"jsonrpc\":\"1.0\",\"id\":5,\"method\":\"echo\"}", "\"id\":5}"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"echo\"}", "\"id\":null}"},
		{"{\"jsonrpc\":\"2.0\",\"id\":5", "\"id\":null}"},
	};
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char *answer = toy_ask(&c, ids[i].line);

		if (!answer || !ends_with(answer, ids[i].ending))
			fail_msg("%s: %s", ids[i].line, answer);
		free(answer);
	}
	toy_disconnect(&c);
	toy_close(&toy);
}

/* Nothing is answered but what follows. */
static void
test_silence(void **state)
{
	static const char *const lines[] = {
		"",
		"   \t\r",
		"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"number\":1}}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"no such one\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"fail\",\"params\":{\"number\":2}}",
		("[{\"jsonrpc\":\"2.0\",\"method\":\"fail\",\"params\":{\"number\":2}},"
		 "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}]"),
	};
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char *answer;

		assert_true(toy_send(&c, lines[i], strlen(lines[i])));
		answer = toy_ask(&c, "\n{\"jsonrpc\":\"2.0\",\"id\":\"after\",\"method\":\"\"}");
		assert_non_null(answer);
		if (!strstr(answer, "\"after\""))
			fail_msg("%s: %s", lines[i], answer);
		free(answer);
	}
	toy_disconnect(&c);
	toy_close(&toy);
}

/* Deep and wide messages are refused before anything is made of them. */
static void
test_shapes(void **state)
{
	static const struct {
		const char *name, *piece;
		size_t times;
		const char *message;
	} shapes[] = {
		{"10,000 arrays deep", "[", 10000, "nested deeper than 32 levels"},
		{"10,000 objects deep", "{\"a\":", 10000, "nested deeper than 32 levels"},
		{"33 deep", "[", 33, "nested deeper than 32 levels"},
		{"32 deep", "[", 32, "the message ends too early"},
		{"brackets in a string are none", "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"", 1,
			"a call is an object"},
		{"nor after an escaped quote", "\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"", 1,
			"a call is an object"},
		{"a MiB of arrays", "[],", 300000, "more than 100000 values"},
		{"a MiB of numbers", "1,", 300000, "more than 100000 values"},
	};
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		size_t n = strlen(shapes[i].piece);
		char *line = malloc(n * shapes[i].times + 1), *answer;

		assert_non_null(line);
		for (size_t j = 0; j < shapes[i].times; j++)
			memcpy(line + j * n, shapes[i].piece, n);
		line[n * shapes[i].times] = '\0';
		answer = toy_ask(&c, line);
		if (!answer || !strstr(answer, shapes[i].message))
			fail_msg("%s: %s", shapes[i].name, answer);
		free(answer);
		free(line);
	}
	toy_disconnect(&c);
	toy_close(&toy);
}

/* What a table says is what rpc.methods says. */
static void
test_methods(void **state)
{
	struct toy_client c;
	struct toy toy;
	char *answer;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	answer = toy_ask(&c, CALL("\"method\":\"rpc.methods\""));
	assert_non_null(answer);
	assert_non_null(strstr(answer,
		"{\"name\":\"echo\",\"summary\":\"gives back what it was given\",\"writes\":false,"
		"\"params\":[{\"name\":\"number\",\"type\":\"number\",\"required\":true,"
		"\"help\":\"a small "
		"number\",\"min\":1,\"max\":10},{\"name\":\"word\",\"type\":\"one of\","
		"\"required\":false,\"words\":[\"red\",\"green\",\"blue\"]},"));
	/* what names the object first, by its own bounds; of the others none is required */
	assert_non_null(strstr(answer,
		"{\"name\":\"toy.change\",\"summary\":\"changes the one of that number\","
		"\"writes\":true,\"params\":[{\"name\":\"number\",\"type\":\"number\","
		"\"required\":true,\"min\":0,\"max\":4000000},{\"name\":\"word\",\"type\":\"one "
		"of\","
		"\"required\":false,"));
	assert_non_null(strstr(
		answer, "{\"name\":\"toy.set\",\"summary\":\"sets the number\",\"writes\":true,"));
	free(answer);
	toy_disconnect(&c);
	toy_close(&toy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
