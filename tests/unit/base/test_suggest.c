/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "suggest.h"
#include "unit.h"

static const char *const known[] = {"mtu", "ports", "protected", "local_port", "remote_port",
	"ipsec0", "a-very-long-word-that-is-longer-than-the-forty-characters-that-are-compared"};

static const struct {
	const char *word, *near; /* NULL: none */
} rows[] = {
	{"mtu", "mtu"},
	{"MTU", "mtu"},
	{"mut", "mtu"}, /* an exchange of neighbours is one step */
	{"mtuu", "mtu"},
	{"mt", "mtu"},
	{"port", "ports"},
	{"protectd", "protected"},
	{"local_prot", "local_port"},
	{"localport", "local_port"},
	{"ipsec1", "ipsec0"},
	{"prots", "ports"},
	{"mute", NULL}, /* two steps are too much for so short a word */
	{"zebra", NULL},
	{"x", NULL},
	{"", NULL},
	{"abc", NULL},
	{"a-very-long-word-that-is-longer-than-the-forty-characters-that-are-compared", NULL},
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *near = suggest(rows[i].word, known, sizeof(known) / sizeof(known[0]));

		if ((near == NULL) != (rows[i].near == NULL) ||
			(near && strcmp(near, rows[i].near) != 0))
			fail_msg("row %zu: \"%s\" for \"%s\"", i, near ? near : "nothing",
				rows[i].word);
	}
	assert_null(suggest("mtu", known, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
