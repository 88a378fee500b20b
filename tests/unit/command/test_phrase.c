/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "phrase.h"
#include "unit.h"
#include "words.h"

static void
test_phrases(void **state)
{
	static const struct {
		const char *said, *meant;
	} rows[] = {
		{"show drops", "stats|get|what=drops"},
		{"show port stats", "stats|get|what=ports"},
		{"show port stats all", "stats|get|what=ports"},
		{"show port stats lan", "port|get|lan"},
		{"drops", "stats|get|what=drops"},
		{"drops reset", "drops|reset"},
		{"show port info lan", "port|get|lan"},
		{"show port info all", "port|list"},
		{"clear port stats all", "stats|reset"},
		{"clear stats", "stats|reset"},
		{"start tunnel ipsec0", "tunnel|update|ipsec0|state=up"},
		{"tunnel stop ipsec0", "tunnel|update|ipsec0|state=down"},
		{"stop tunnel", "stop|tunnel"},
		{"set tunnel ipsec0 mtu 1300", "set|tunnel|ipsec0|mtu=1300"},
		{"tunnel set ipsec0 mtu 1300 ttl 9", "tunnel|set|ipsec0|mtu=1300|ttl=9"},
		{"set tunnel ipsec0 mtu=1300", "set|tunnel|ipsec0|mtu=1300"},
		{"set tunnel ipsec0 mtu=1300 ttl=9", "set|tunnel|ipsec0|mtu=1300|ttl=9"},
		{"sa show 0x1001 out ipsec0", "sa|show|0x1001|out|ipsec0"},
		{"tunnel list", "tunnel|list"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct phrase phrase;
		struct words words;
		struct error err;
		char text[128] = "";

		assert_int_equal(words_split(rows[i].said, &words, &err), 0);
		phrase = phrase_of((const char *const *)words.at, words.count);
		for (size_t w = 0; w < phrase.count; w++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				w ? "|" : "", phrase.at[w]);
		if (strcmp(text, rows[i].meant) != 0)
			fail_msg("row %zu: %s: %s", i, rows[i].said, text);
		phrase_free(&phrase);
		words_free(&words);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phrases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
