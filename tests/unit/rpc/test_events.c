/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "toys.h"
#include "unit.h"

enum { SUN, RAIN, SNOW };

#define CALL(method, params)                                                                       \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":" params "}"

static void
expect_answer(struct toy_client *c, const char *line, const char *answer)
{
	char *got = toy_ask(c, line);

	assert_non_null(got);
	if (!strstr(got, answer))
		fail_msg("%s: %s", line, got);
	free(got);
}

/* An event's line; the time in it is any. */
static json_t *
event_take(struct toy_client *c)
{
	char *line = toy_line(c);
	json_t *message, *params;

	assert_non_null(line);
	message = json_loads(line, 0, NULL);
	if (!message)
		fail_msg("%s", line);
	free(line);
	assert_string_equal(json_string_value(json_object_get(message, "method")), "event");
	assert_null(json_object_get(message, "id"));
	params = json_incref(json_object_get(message, "params"));
	json_decref(message);
	assert_int_equal(strlen(json_string_value(json_object_get(params, "time"))), 24);
	return params;
}

static json_int_t
number_of(const json_t *event, const char *name)
{
	return json_integer_value(json_object_get(event, name));
}

static void
expect_event(struct toy_client *c, const char *kind, json_int_t seq, json_int_t n)
{
	json_t *event = event_take(c);

	assert_string_equal(json_string_value(json_object_get(event, "kind")), kind);
	assert_int_equal(number_of(event, "seq"), seq);
	assert_int_equal(number_of(event, "n"), n);
	json_decref(event);
}

static void
tell(struct toy *toy, unsigned int kind, json_int_t n)
{
	rpc_server_event(toy->server, kind, json_pack("{s:I}", "n", n));
}

static void
expect_nothing(struct toy_client *c)
{
	char *answer = toy_ask(c, CALL("echo", "{\"number\":1}"));

	assert_non_null(answer);
	assert_non_null(strstr(answer, "\"result\""));
	free(answer);
}

static void
test_kinds(void **state)
{
	struct toy_client all, some, none;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&all, &toy, true);
	toy_connect(&some, &toy, false);
	toy_connect(&none, &toy, true);
	expect_answer(&all, CALL("events.subscribe", "{}"),
		"\"result\":{\"kinds\":[\"sun\",\"rain\",\"snow\"]}");
	expect_answer(&some, CALL("events.subscribe", "{\"kinds\":[\"snow\"]}"),
		"\"result\":{\"kinds\":[\"snow\"]}");
	expect_answer(&some, CALL("events.subscribe", "{\"kinds\":[\"sun\",\"sun\"]}"),
		"\"result\":{\"kinds\":[\"sun\",\"snow\"]}");
	tell(&toy, SUN, 10);
	tell(&toy, RAIN, 11);
	tell(&toy, SNOW, 12);
	expect_event(&all, "sun", 0, 10);
	expect_event(&all, "rain", 1, 11);
	expect_event(&all, "snow", 2, 12);
	expect_event(&some, "sun", 0, 10);
	expect_event(&some, "snow", 1, 12);
	expect_nothing(&none);
	expect_answer(&some, CALL("events.unsubscribe", "{\"kinds\":[\"snow\"]}"),
		"\"result\":{\"kinds\":[\"sun\"]}");
	tell(&toy, SNOW, 13);
	expect_nothing(&some);
	rpc_server_event(toy.server, SUN, NULL);
	expect_event(&some, "sun", 2, 0);
	expect_answer(&some, CALL("events.unsubscribe", "{}"), "\"result\":{\"kinds\":[]}");
	tell(&toy, SUN, 14);
	expect_nothing(&some);
	toy_disconnect(&all);
	toy_disconnect(&some);
	toy_disconnect(&none);
	tell(&toy, SUN, 15); /* to clients that are gone */
	toy_serve(&toy);
	tell(&toy, SUN, 16);
	toy_close(&toy);
}

static void
test_wrong(void **state)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{CALL("events.subscribe", "{\"kinds\":[\"rian\"]}"),
			"kinds: there is no kind of event \\\"rian\\\": did you mean "
			"\\\"rain\\\"?\","
			"\"data\":{\"field\":\"kinds\"}"},
		{CALL("events.subscribe", "{\"kinds\":\"rain\"}"),
			"kinds: a list of kinds of events is wanted"},
		{CALL("events.subscribe", "{\"kinds\":[7]}"), "kinds: a kind of event is a string"},
		{CALL("events.subscribe", "{\"kind\":[]}"),
			"-32602,\"message\":\"params has no member \\\"kind\\\": did you mean"},
		{CALL("events.unsubscribe", "{\"kinds\":[\"hail\"]}"),
			"kinds: there is no kind of event \\\"hail\\\"; there are: sun, rain, "
			"snow"},
		{CALL("events.resync", "{}"), "events.subscribe first"},
	};
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_answer(&c, rows[i].line, rows[i].message);
	toy_disconnect(&c);
	toy_close(&toy);
}

/* Many more than a client's queue holds, while it reads nothing: it hears how many are missing, in
 * their place, and then what came after. Another one, which reads, hears all. */
static void
test_overrun(void **state)
{
	enum { EVENTS = 20000 };
	struct toy_client slow, quick;
	json_int_t heard = 0, lost = 0, seq = 0, quick_heard = 0;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&slow, &toy, true);
	toy_connect(&quick, &toy, true);
	expect_answer(&slow, CALL("events.subscribe", "{}"), "result");
	expect_answer(&quick, CALL("events.subscribe", "{}"), "result");
	for (json_int_t n = 0; n < EVENTS; n++) {
		tell(&toy, SUN, n);
		if (n % 100 == 99)
			for (int i = 0; i < 100; i++)
				expect_event(&quick, "sun", quick_heard, quick_heard),
					quick_heard++;
	}
	assert_int_equal(quick_heard, EVENTS);
	while (heard + lost < EVENTS) {
		json_t *event = event_take(&slow);

		assert_int_equal(number_of(event, "seq"), seq + number_of(event, "lost"));
		seq += number_of(event, "lost") + 1;
		if (strcmp(json_string_value(json_object_get(event, "kind")), "overrun") == 0) {
			assert_true(number_of(event, "lost") > 0);
			lost += number_of(event, "lost");
		} else {
			assert_int_equal(number_of(event, "n"), heard + lost);
			heard++;
		}
		json_decref(event);
	}
	assert_true(lost > 0);
	assert_true(heard > 1000);
	tell(&toy, RAIN, 7);
	expect_event(&slow, "rain", seq, 7);
	toy_disconnect(&slow);
	toy_disconnect(&quick);
	toy_close(&toy);
}

/* A subscriber that does not read for long is not cut off: it will hear of an overrun. */
static void
test_silent_subscriber(void **state)
{
	struct rpc_limits limits = RPC_LIMITS_DEFAULT;
	struct toy_client c;
	struct toy toy;

	(void)state;
	limits.stall_ms = 100;
	toy_open(&toy, NULL, &limits);
	toy_connect(&c, &toy, true);
	expect_answer(&c, CALL("events.subscribe", "{}"), "result");
	for (json_int_t n = 0; n < 10000; n++)
		tell(&toy, SUN, n);
	toy_serve_ms(&toy, 500);
	expect_event(&c, "sun", 0, 0);
	assert_false(c.closed);
	toy_disconnect(&c);
	toy_close(&toy);
}

/* How things stand, more of it than the queue holds; then "resynced". What happens meanwhile is
 * told too. */
static void
test_resync(void **state)
{
	enum { EVENTS = 30000 };
	json_int_t place = 0, happened = 0;
	struct toy_client c;
	struct toy toy;
	bool done = false;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy.resync_events = EVENTS;
	toy_connect(&c, &toy, true);
	expect_answer(&c, CALL("events.subscribe", "{\"kinds\":[\"sun\",\"snow\"]}"), "result");
	expect_answer(&c, CALL("events.resync", "{}"), "\"result\":{}");
	tell(&toy, SUN, 5);
	while (!done) {
		json_t *event = event_take(&c);
		const char *kind = json_string_value(json_object_get(event, "kind"));

		done = strcmp(kind, "resynced") == 0;
		if (json_object_get(event, "n")) {
			happened++;
		} else if (!done) {
			/* no rain was asked for */
			assert_int_equal(number_of(event, "place"), place);
			assert_string_equal(kind, place % 3 == 0 ? "sun" : "snow");
			place += place % 3 == 0 ? 2 : 1;
		}
		json_decref(event);
	}
	assert_int_equal(place, EVENTS);
	assert_int_equal(happened, 1);
	toy_disconnect(&c);
	toy_close(&toy);
}

/* An answer that is sent in pieces stays one line. */
static void
test_not_within_answers(void **state)
{
	struct toy_client c;
	struct toy toy;
	char *line;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	expect_answer(&c, CALL("events.subscribe", "{}"), "result");
	assert_true(toy_send(&c,
		"[" CALL("big", "{\"number\":500000}") "," CALL(
			"spend", "{\"number\":5000}") "," CALL("big", "{\"number\":500000}") "]\n",
		strlen("[" CALL("big", "{\"number\":500000}") "," CALL("spend",
			"{\"number\":5000}") "," CALL("big", "{\"number\":500000}") "]\n")));
	for (json_int_t n = 0; n < 5; n++) {
		tell(&toy, SUN, n);
		rpc_server_serve(toy.server);
	}
	line = toy_line(&c);
	assert_non_null(line);
	assert_true(line[0] == '[' && strlen(line) > 1000000 && line[strlen(line) - 1] == ']');
	assert_null(strstr(line, "event"));
	free(line);
	for (json_int_t n = 0; n < 5; n++)
		expect_event(&c, "sun", n, n);
	toy_disconnect(&c);
	toy_close(&toy);
}

/* `espgwctl events < /dev/null`: who has closed its sending half still listens. */
static void
test_half_closed(void **state)
{
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	expect_answer(&c, CALL("events.subscribe", "{}"), "result");
	shutdown(c.fd, SHUT_WR);
	toy_serve(&toy);
	tell(&toy, SUN, 3);
	expect_event(&c, "sun", 0, 3);
	toy_disconnect(&c);
	toy_serve(&toy);
	toy_close(&toy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_silent_subscriber),
		cmocka_unit_test(test_resync),
		cmocka_unit_test(test_not_within_answers),
		cmocka_unit_test(test_half_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
