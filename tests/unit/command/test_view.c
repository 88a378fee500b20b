/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "unit.h"
#include "view.h"

static void
check_text(const char *row, char *text, const char *wanted)
{
	if (strcmp(text, wanted) != 0)
		fail_msg("%s:\n%swanted:\n%s", row, text, wanted);
	free(text);
}

static json_t *
json(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	if (!value)
		fail_msg("no JSON: %s", text);
	return value;
}

static void
test_table(void **state)
{
	struct table *table = table_create();
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	(void)state;
	table_column(table, "name", TABLE_LEFT);
	table_column(table, "n", TABLE_RIGHT);
	table_column(table, "what", TABLE_LEFT);
	table_cell(table, "a", TABLE_PLAIN);
	table_cell(table, "1000", TABLE_RED);
	table_cell(table, "x\x1b[2Jy\n", TABLE_PLAIN);
	table_cell(table,
		"gr\xc3\xbc\xc3\x9f"
		"e",
		TABLE_PLAIN);
	table_cell(table, "2", TABLE_PLAIN);
	table_cell(table, NULL, TABLE_PLAIN);
	assert_int_equal(table_rows(table), 2);
	table_print(table, f, false);
	fclose(f);
	check_text("plain", text,
		"name      n  what\n"
		"a      1000  x?[2Jy?\n"
		"gr\xc3\xbc\xc3\x9f"
		"e     2\n");
	f = open_memstream(&text, &bytes);
	table_print_body(table, f, true);
	fclose(f);
	check_text("colours", text,
		"a      \x1b[31m1000\x1b[0m  x?[2Jy?\n"
		"gr\xc3\xbc\xc3\x9f"
		"e     2\n");
	table_free(table);
}

/* What a method of the noun answers, and what a person sees of it. */
static void
test_result(void **state)
{
	static const struct {
		const char *noun, *result, *text;
	} rows[] = {
		{"sa", "{\"sas\": [], \"next\": null}", "none\n"},
		{"sa",
			"{\"sas\": [{\"spi\": 4097, \"direction\": \"out\", \"tunnel\": \"t\", "
			"\"status\": {\"packets\": 1234567, \"bytes\": 5140, \"errors_icv\": 2}}], "
			"\"next\": null}",
			"       SPI  dir  tunnel  packets    bytes  bad ICV\n"
			"0x00001001  out  t         1.23M  5.14 kB        2\n"},
		{"tunnel",
			"{\"tunnels\": [{\"name\": \"a\", \"status\": {\"state\": \"up\"}}, "
			"{\"name\": \"long\", \"status\": {\"state\": \"down\"}}]}",
			"name  state\n"
			"a     up\n"
			"long  down\n"},
		{"route", "{\"routes\": [{\"prefix\": \"::/0\", \"via\": \"t\", \"metric\": 0}]}",
			"prefix  via  metric\n"
			"::/0    t         0\n"},
		{"strange", /* a noun that nobody has told us of */
			"{\"stranges\": [{\"id\": 1, \"spi\": 255, \"x_bytes\": 1000, \"status\": "
			"{\"y\": true}}]}",
			"id         spi  x_bytes  y\n"
			" 1  0x000000ff  1.00 kB  yes\n"},
		{"version", "{\"version\": \"1\", \"dpdk\": \"2\"}",
			"version  1\n"
			"dpdk     2\n"},
		{"tunnel",
			"{\"name\": \"a\", \"spi\": 4097, \"list\": [\"x\", \"y\"], \"selectors\": "
			"[{\"local\": \"l\", \"port\": 1}, {\"local\": \"m\"}], \"status\": "
			"{\"out_packets\": 1234567, \"out_bytes\": 1234567, \"seconds\": 61}}",
			"name           a\n"
			"spi            0x00001001\n"
			"list           x, y\n"
			"selectors      local=l port=1\n"
			"               local=m\n"
			"status\n"
			"  out_packets  1,234,567\n"
			"  out_bytes    1,234,567 (1.23 MB)\n"
			"  seconds      61 (1 min 1 s)\n"},
		{"stats",
			"{\"ports\": [{\"name\": \"p\"}], \"tunnels\": {\"up\": 1}, \"drops\": "
			"[{\"reason\": \"zone\", \"packets\": 3}], \"uptime\": 7}",
			"name\n"
			"p\n"
			"\n"
			"drops by reason  packets\n"
			"zone                   3\n"
			"\n"
			"tunnels\n"
			"  up     1\n"
			"uptime   7\n"},
		{"stats", "{\"ports\": [], \"drops\": []}", "no drops\n"},
		{"stats",
			"{\"drops\": [{\"reason\": \"icv\", \"packets\": 1}], \"seconds\": "
			"1.5}",
			"drops by reason  packets\n"
			"icv                    1\n"},
		{"tunnel", "{\"name\": \"a\", \"selectors\": [], \"end\": null}",
			"name       a\n"
			"selectors\n"
			"end        -\n"},
		{"trace",
			"{\"packets\": [{\"time\": \"T\", \"missed\": 0, \"records\": [{\"point\": "
			"\"received\", \"ns\": 0, \"text\": \"in\"}, {\"point\": \"drop\", \"ns\": "
			"12345, \"text\": \"dead\"}]}, {\"time\": \"U\", \"missed\": 2, "
			"\"records\": "
			"[]}], \"next\": null, \"running\": false}",
			"T\n"
			"     0.000 us  in\n"
			"    12.345 us  dead\n"
			"\n"
			"U\n"
			"               and 2 more that found no room\n"},
		{"trace", "{\"packets\": [], \"next\": null}", "none\n"},
		{"x", "\"text\"", "text\n"},
		{"x", "null", ""},
	};
	struct view view = {.colours = false};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *result = json(rows[i].result);
		char *text = NULL, row[32];
		size_t bytes;
		FILE *f = open_memstream(&text, &bytes);

		view_result(&view, rows[i].noun, result, f);
		fclose(f);
		snprintf(row, sizeof(row), "row %zu", i);
		check_text(row, text, rows[i].text);
		json_decref(result);
	}
}

/* The counters of two rounds, two seconds apart; what was not there before has no rate. */
static void
test_rates(void **state)
{
	static const char wanted[] = "name  out packets     /s  out bytes  bit/s\n"
				     "a            3000  1.00k    1.00 kB      0\n"
				     "b               5             500 B\n";
	static const char rates[] = "name  out packets/s  out bit/s\n"
				    "a             1.00k          0\n"
				    "b\n";
	json_t *old = json("[{\"name\": \"a\", \"status\": {\"out_packets\": 1000, \"out_bytes\": "
			   "1000}}]");
	json_t *now = json("[{\"name\": \"a\", \"status\": {\"out_packets\": 3000, \"out_bytes\": "
			   "1000}}, {\"name\": \"b\", \"status\": {\"out_packets\": 5, "
			   "\"out_bytes\": 500}}]");
	json_t *before = view_index("tunnel", old);
	struct view view = {.before = before, .seconds = 2};
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	(void)state;
	view_list(&view, "tunnel", now, f);
	fclose(f);
	check_text("beside", text, wanted);
	view.rates_only = true;
	f = open_memstream(&text, &bytes);
	view_list(&view, "tunnel", now, f);
	fclose(f);
	check_text("only", text, rates);
	json_decref(before);
	json_decref(now);
	json_decref(old);
}

static void
test_event(void **state)
{
	json_t *event = json("{\"kind\": \"tunnel\", \"seq\": 7, \"time\": "
			     "\"2026-01-01T00:00:00Z\", \"name\": \"a\\u0007\", \"spi\": 256}");
	struct view view = {.colours = false};
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	(void)state;
	view_event(&view, event, f);
	fclose(f);
	check_text("event", text, "2026-01-01T00:00:00Z tunnel    name=a? spi=0x00000100 seq=7\n");
	json_decref(event);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
