/* SPDX-License-Identifier: BSD-3-Clause */

/* Which method the words mean, and what becomes of those behind. methods.json is the argument. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "unit.h"
#include "words.h"

static const char *methods_path;
static struct methods methods;

static int
methods_setup(void **state)
{
	json_t *document = json_load_file(methods_path, 0, NULL);
	struct error err;

	(void)state;
	if (!document || methods_read(&methods, document, &err) != 0)
		return -1;
	json_decref(document);
	return 0;
}

static int
methods_teardown(void **state)
{
	(void)state;
	methods_free(&methods);
	return 0;
}

static const struct method *
resolve(const char *line, struct words *words, size_t *used, struct error *err)
{
	static const char *const own[] = {"doctor", "top", NULL};

	assert_int_equal(words_split(line, words, err), 0);
	return methods_resolve(
		&methods, (const char *const *)words->at, words->count, own, used, err);
}

static void
test_method(void **state)
{
	static const struct {
		const char *line, *method;
		size_t used;
	} rows[] = {
		{"sa list", "sa.list", 2},
		{"sa", "sa.list", 1},
		{"sas", "sa.list", 1},
		{"sa add spi=1", "sa.add", 2},
		{"tunnel show", "tunnel.list", 2},
		{"tunnel show ipsec0", "tunnel.get", 2},
		{"tunnel get ipsec0", "tunnel.get", 2},
		{"tunnel set ipsec0 mtu=1", "tunnel.update", 2},
		{"tunnel del ipsec0", "tunnel.delete", 2},
		{"tunnels ls", "tunnel.list", 2},
		{"policies", "policy.list", 1},
		{"policy rm 1", "policy.delete", 2},
		{"neighbor list", "neighbour.list", 2},
		{"show tunnel", "tunnel.list", 2},
		{"show tunnel ipsec0", "tunnel.get", 2},
		{"list routes", "route.list", 2},
		{"delete sa 0x1001 out", "sa.delete", 2},
		{"show stats", "stats.get", 2},
		{"show drops", "stats.get", 2},
		{"stats", "stats.get", 1},
		{"stats drops", "stats.get", 1},
		{"sa export-wireshark /tmp/esp_sa", "sa.export_wireshark", 2},
		{"version", "version", 1},
		{"sa.list", "sa.list", 1},
		{"rpc methods", "rpc.methods", 2},
		{"spi allocate", "spi.allocate", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct words words;
		struct error err = {""};
		size_t used;
		const struct method *m = resolve(rows[i].line, &words, &used, &err);

		if (!m || strcmp(m->name, rows[i].method) != 0 || used != rows[i].used)
			fail_msg("row %zu: %s: %s %s", i, rows[i].line, m ? m->name : "none",
				err.text);
		words_free(&words);
	}
}

static void
test_no_method(void **state)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{"tunnle list", "there is no \"tunnle\"; did you mean \"tunnel\"?"},
		{"docter", "there is no \"docter\"; did you mean \"doctor\"?"},
		{"xyzzy", "there is no \"xyzzy\"; there are: batch, capture, config, "},
		{"tunnel lisst", "tunnel has no \"lisst\"; did you mean \"tunnel list\"?"},
		{"tunnel shoow ipsec0", "tunnel has no \"shoow\"; did you mean \"tunnel show\"?"},
		{"sa frobnicate",
			"sa has no \"frobnicate\"; it has: add, delete, export_wireshark, flush"},
		{"config", "config what? It has: check, diff, load"},
		{"show tunnle", "there is no \"tunnle\"; did you mean \"tunnel\"?"},
		{"flush tunnel x", "tunnel has no \"flush\"; it has: add, delete"},
		{"version please", "version takes no \"please\""},
		{"strat tunnel ipsec0", "there is no \"strat\"; did you mean \"start\"?"},
		{"shw", "there is no \"shw\"; did you mean \"show\"?"},
		{"list", "list what? One of: "},
		{"start", "start what? One of: capture, trace, tunnel"},
		{"flush", "flush what? One of: sa"},
		{"stats drop", "stats has no \"drop\"; did you mean \"stats drops\"?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct words words;
		struct error err = {""};
		size_t used;

		if (resolve(rows[i].line, &words, &used, &err) ||
			!strstr(err.text, rows[i].message))
			fail_msg("row %zu: %s: %s", i, rows[i].line, err.text);
		words_free(&words);
	}
}

/* The parameters of a line; NULL with the message. */
static json_t *
params_of(const char *line, struct error *err)
{
	struct argument_sources sources = {.files = true};
	json_t *params = NULL;
	struct words words;
	const struct method *m;
	size_t used;

	m = resolve(line, &words, &used, err);
	if (!m)
		fail_msg("%s: %s", line, err->text);
	if (arguments_read(m, (const char *const *)words.at + used, words.count - used, &sources,
		    &params, err) != 0)
		params = NULL;
	words_free(&words);
	return params;
}

static void
test_arguments(void **state)
{
	static const struct {
		const char *line, *params;
	} rows[] = {
		{"sa list", "{}"},
		{"sa get spi=0x1001 direction=out", "{\"spi\": 4097, \"direction\": \"out\"}"},
		{"sa get 0x1001 out", "{\"spi\": 4097, \"direction\": \"out\"}"},
		{"sa get 4097 in ipsec0",
			"{\"spi\": 4097, \"direction\": \"in\", \"tunnel\": \"ipsec0\"}"},
		{"sa get direction=out 0x1001", "{\"spi\": 4097, \"direction\": \"out\"}"},
		{"sa get {\"spi\": 1, \"direction\": \"x\"}", "{\"spi\": 1, \"direction\": \"x\"}"},
		{"sa get {\"spi\": 1} direction=in", "{\"spi\": 1, \"direction\": \"in\"}"},
		{"sa list limit=5", "{\"limit\": 5}"},
		{"tunnel set ipsec0 mtu=1300 ecn=off", "{\"name\": \"ipsec0\", \"mtu\": 1300, "
						       "\"ecn\": false}"},
		{"tunnel set ipsec0 ecn=True dscp=copy",
			"{\"name\": \"ipsec0\", \"ecn\": true, \"dscp\": \"copy\"}"},
		{"tunnel set ipsec0 dscp=46", "{\"name\": \"ipsec0\", \"dscp\": 46}"},
		{"tunnel set 7 remote=2001:db8::1",
			"{\"name\": \"7\", \"remote\": \"2001:db8::1\"}"},
		{"tunnel set a selectors=[{\"protocol\": \"tcp\"}]",
			"{\"name\": \"a\", \"selectors\": [{\"protocol\": \"tcp\"}]}"},
		{"tunnel set a selectors.local=10.0.0.0/8 selectors.remote_port=443 "
		 "selectors.local=any",
			"{\"name\": \"a\", \"selectors\": [{\"local\": \"10.0.0.0/8\", "
			"\"remote_port\": 443}, {\"local\": \"any\"}]}"},
		{"route get 2001:db8::1", "{\"address\": \"2001:db8::1\"}"},
		{"route get 10.0.0.1 7", "{\"address\": \"10.0.0.1\", \"table\": 7}"},
		{"route add 10.0.0.0/8 ipsec0 metric=3",
			"{\"prefix\": \"10.0.0.0/8\", \"via\": \"ipsec0\", \"metric\": 3}"},
		{"policy add priority=1 action=discard local_port=8000-8080 protocol=17",
			"{\"priority\": 1, \"action\": \"discard\", \"local_port\": \"8000-8080\", "
			"\"protocol\": 17}"},
		{"policy delete 3", "{\"id\": 3}"},
		{"neighbour add 10.0.0.1 02:00:00:00:00:01 lan",
			"{\"address\": \"10.0.0.1\", \"port\": \"lan\", \"mac\": "
			"\"02:00:00:00:00:01\"}"},
		{"events subscribe kinds=tunnel,port", "{\"kinds\": [\"tunnel\", \"port\"]}"},
		{"config diff /tmp/a=b.conf", "{\"path\": \"/tmp/a=b.conf\"}"},
		{"policy set 3 priority=7", "{\"id\": 3, \"priority\": 7}"},
		{"stats drops", "{\"what\": \"drops\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *wanted = json_loads(rows[i].params, 0, NULL), *params;
		struct error err = {""};

		assert_non_null(wanted);
		params = params_of(rows[i].line, &err);
		if (!params || !json_equal(params, wanted))
			fail_msg("row %zu: %s: %s %s", i, rows[i].line, err.text,
				params ? json_dumps(params, 0) : "");
		json_decref(params);
		json_decref(wanted);
	}
}

static void
test_wrong_arguments(void **state)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{"sa get", "spi, direction are missing"},
		{"sa get 0x1001", "direction is missing"},
		{"sa get spi=abc direction=in", "spi: \"abc\" is no whole number (42, 0x2a)"},
		{"sa get 1 in ipsec0 more", "\"more\" is too much: all has been said by then"},
		{"sa get 1 spi=2 direction=in", "spi is given twice"},
		{"sa get {\"spi\": 1, \"spi\": 2}", "no JSON: duplicate object key"},
		{"sa get {\"spi\" 1}", "no JSON: "},
		{"sa get @/nonexistent", "/nonexistent: No such file or directory"},
		{"sa get -", "\"-\": nothing can be read from there here"},
		{"tunnel set a ecn=maybe", "ecn: \"maybe\" is neither true nor false"},
		{"tunnel set a mtuu=1", "unknown parameter \"mtuu\"; did you mean \"mtu\"?"},
		{"tunnel set a zzzzzz=1", "unknown parameter \"zzzzzz\"; there are: name, "},
		{"tunnel set", "name is missing"},
		{"rpc methods x=1", "takes no parameters, and \"x\" is one"},
		{"rpc methods x", "\"x\" is too much: it takes no parameters"},
		{"sa add spi=1 direction=in tunnel=t algorithm=a key=@/nonexistent",
			"key: /nonexistent: No such file"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {""};

		if (params_of(rows[i].line, &err) || !strstr(err.text, rows[i].message))
			fail_msg("row %zu: %s: %s", i, rows[i].line, err.text);
	}
}

static void
test_key_of_file(void **state)
{
	char path[] = "/tmp/espgw-key.XXXXXX", line[256];
	struct error err = {""};
	json_t *params;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "c0ffee00\n", 9), 9);
	close(fd);
	snprintf(line, sizeof(line),
		"sa add spi=256 direction=in tunnel=t algorithm=aes-128-gcm key=@%s", path);
	params = params_of(line, &err);
	remove(path);
	assert_string_equal(json_string_value(json_object_get(params, "key")), "c0ffee00");
	json_decref(params);
}

static void
test_secrets(void **state)
{
	static const struct {
		const char *word;
		bool secret;
	} rows[] = {
		{"key=00ff", true},
		{"key=@/etc/key", false},
		{"key=-", false},
		{"{\"spi\": 1, \"key\": \"00\"}", true},
		{"{\"spi\": 1}", false},
		{"spi=1", false},
		{"monkey=1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (argument_is_secret(rows[i].word) != rows[i].secret)
			fail_msg("row %zu: %s", i, rows[i].word);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_method),
		cmocka_unit_test(test_no_method),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_wrong_arguments),
		cmocka_unit_test(test_key_of_file),
		cmocka_unit_test(test_secrets),
	};

	methods_path = argc > 1 ? argv[1] : "methods.json";
	return cmocka_run_group_tests(tests, methods_setup, methods_teardown);
}
