/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "units.h"
#include "words.h"

/* words: "a|b|c". */
static void
test_split(void **state)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{"", ""},
		{"   \t ", ""},
		{"# a comment", ""},
		{"sa list", "sa|list"},
		{"  sa   list  # all\n", "sa|list"},
		{"sa add key=a#b", "sa|add|key=a#b"},
		{"a 'b c' \"d e\"", "a|b c|d e"},
		{"a\\ b c\\\"d", "a b|c\"d"},
		{"x=\"a \\\" b\"", "x=a \" b"},
		{"'a\\b'", "a\\b"},
		{"''", ""},
		{"sa add {\"spi\": 4097, \"key\": \"}\"} x",
			"sa|add|{\"spi\": 4097, \"key\": \"}\"}|x"},
		{"selectors=[{\"local\": \"a\\\"b\"}] y", "selectors=[{\"local\": \"a\\\"b\"}]|y"},
		{"a{b c}", "a{b|c}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256] = "";
		struct words words;
		struct error err;

		if (words_split(rows[i].line, &words, &err) != 0)
			fail_msg("row %zu: %s", i, err.text);
		for (size_t w = 0; w < words.count; w++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				w ? "|" : "", words.at[w]);
		if (strcmp(text, rows[i].words) != 0)
			fail_msg("row %zu: %s: %s", i, rows[i].line, text);
		words_free(&words);
	}
}

static void
test_not_closed(void **state)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{"a 'b", "a ' is opened and never closed"},
		{"a \"b", "a \" is opened and never closed"},
		{"a {\"b\": 1", "JSON ends before its last bracket is closed"},
		{"a {\"b", "JSON ends before its string does (a \" is missing)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct words words;
		struct error err = {""};

		if (words_split(rows[i].line, &words, &err) == 0 ||
			strcmp(err.text, rows[i].message) != 0)
			fail_msg("row %zu: %s", i, err.text);
	}
}

static void
test_counts(void **state)
{
	static const struct {
		uint64_t n;
		const char *count, *bytes, *exact;
	} rows[] = {
		{0, "0", "0 B", "0"},
		{999, "999", "999 B", "999"},
		{1000, "1000", "1.00 kB", "1,000"},
		{99999, "99999", "100 kB", "99,999"},
		{100000, "100k", "100 kB", "100,000"},
		{999499, "999k", "999 kB", "999,499"},
		{999500, "1.00M", "1.00 MB", "999,500"},
		{1234567, "1.23M", "1.23 MB", "1,234,567"},
		{99949999, "99.9M", "99.9 MB", "99,949,999"},
		{99950000, "100M", "100 MB", "99,950,000"},
		{UINT64_MAX, "18.4E", "18.4 EB", "18,446,744,073,709,551,615"},
	};
	char buf[UNITS_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(units_count(buf, rows[i].n), rows[i].count) != 0 ||
			strcmp(units_bytes(buf, rows[i].n), rows[i].bytes) != 0 ||
			strcmp(units_exact(buf, rows[i].n), rows[i].exact) != 0)
			fail_msg("row %zu: %s", i, buf);
	}
}

static void
test_rates_and_times(void **state)
{
	static const struct {
		double rate;
		const char *text, *bits;
	} rates[] = {
		{-1, "0", "0 bit/s"},
		{0, "0", "0 bit/s"},
		{0.5, "0.50", "0.50 bit/s"},
		{9.999, "10.0", "10.0 bit/s"},
		{12345, "12.3k", "12.3 kbit/s"},
		{1e10, "10.0G", "10.0 Gbit/s"},
	};
	static const struct {
		uint64_t seconds;
		const char *text;
	} times[] = {{0, "0 s"}, {59, "59 s"}, {60, "1 min 0 s"}, {3599, "59 min 59 s"},
		{7500, "2 h 5 min"}, {86400 * 3 + 4 * 3600, "3 d 4 h"}};
	char buf[UNITS_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (strcmp(units_rate(buf, rates[i].rate), rates[i].text) != 0 ||
			strcmp(units_bits(buf, rates[i].rate), rates[i].bits) != 0)
			fail_msg("rate %zu: %s", i, buf);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (strcmp(units_seconds(buf, times[i].seconds), times[i].text) != 0)
			fail_msg("time %zu: %s", i, buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_not_closed),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_rates_and_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
