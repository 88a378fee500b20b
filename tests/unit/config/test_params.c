/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters of a method: a table of another module's, and what a walk over a table tells. */
#include <errno.h>
#include <stdlib.h>

#include "config_read.h"
#include "config_test.h"

enum colour { RED = 3, GREEN, BLUE };

struct params {
	bool on;
	uint8_t small;
	uint64_t large;
	char text[8];
	char name[NAME_MAX_LEN];
	enum colour colour;
	uint32_t colours;
	struct ip_addr address;
	struct ip_prefix prefix;
	uint32_t tunnel, port, many;
	struct selector filter;
};

static const char *const colour_words[] = {"red", "green", "blue", NULL};
/* More than a message has room for. */
static const char *const many_words[] = {"one", "a word of some length, as every one of these is",
	"another word of some length, as every one of these is",
	"a third word of some length, as every one of these is",
	"a fourth word of some length, as every one of these is",
	"a fifth word of some length, as every one of these is", NULL};

static const struct key keys[] = {
	{"on", &key_bool, KEY_FIELD(params, on)},
	{"small", &key_number, true, KEY_FIELD(params, small), .min = 2, .max = 200},
	{"large", &key_hex, KEY_FIELD(params, large), .max = INT64_MAX},
	{"text", &key_text, KEY_FIELD(params, text)},
	{"name", &key_name, KEY_FIELD(params, name)},
	{"colour", &key_word, KEY_FIELD(params, colour), .min = RED, .words = colour_words},
	{"many", &key_word, KEY_FIELD(params, many), .words = many_words},
	{"colours", &key_words, KEY_FIELD(params, colours), .words = colour_words},
	{"address", &key_address, KEY_FIELD(params, address)},
	{"prefix", &key_prefix, KEY_FIELD(params, prefix)},
	{"tunnel", &key_tunnel, KEY_FIELD(params, tunnel)},
	{"port", &key_port, KEY_FIELD(params, port)},
	SELECTOR_KEYS(params, filter.),
};
static const struct key_table table = {"params", NULL, keys, KEY_COUNT(keys)};

/* clang-format off */
static const struct {
	const char *text, *field, *message; /* NULL: good */
} rows[] = {
	{"small = 2;", NULL, NULL},
	{"", "small", "small is missing"},
	{"small = 1;", "small", "small: 1 is not between 2 and 200"},
	{"small = 201;", "small", "small: 201 is not between 2 and 200"},
	{"small = '2';", "small", "small: a whole number is wanted, not a string"},
	{"small = 2; on = 1;", "on", "on: true or false is wanted"},
	{"small = 2; large = -1;", "large", "large: -1 is not between 0 and 9223372036854775807"},
	{"small = 2; text = '12345678';", "text", "text: has 8 characters: 7 are the most"},
	{"small = 2; text = '';", "text", "text: is empty"},
	{"small = 2; name = 'discard';", "name", "name: \"discard\" cannot be a name"},
	{"small = 2; colour = 'gren';", "colour", "colour: \"gren\" is none of \"red\", \"green\", \"blue\" (did you mean \"green\"?)"},
	{"small = 2; many = 'onne';", "many", "many: \"onne\" is none of the 6 words that are known here (did you mean \"one\"?)"},
	{"small = 2; colours = ( 'red', 'bleu' );", "colours", "colours: \"bleu\" is none of"},
	{"small = 2; colours = 'red';", "colours", "colours: an array of strings"},
	{"small = 2; colours = ( 'red', '' );", "colours", "colours: \"\" is none of"},
	{"small = 2; colours = ( 3 );", "colours", "colours: a string is wanted, not a number"},
	{"small = 2; address = '224.0.0.1';", "address", "address: \"224.0.0.1\" is no unicast address"},
	{"small = 2; prefix = '10.0.0.1/8';", "prefix", "prefix: 10.0.0.1/8 has host bits set"},
	{"small = 2; tunnel = 'ipsec9';", "tunnel", "tunnel: no tunnel is called \"ipsec9\" (did you mean \"ipsec0\"?)"},
	{"small = 2; port = 'nan';", "port", "port: no port is called \"nan\" (did you mean \"lan\"?)"},
	{"small = 2; protocol = 'tcpp';", "protocol", "protocol: \"tcpp\" is no protocol known here (did you mean \"tcp\"?)"},
	{"small = 2; remote_port = 65536;", "remote_port", "remote_port: 65536 is not between 0 and 65535"},
	{"small = 2; smalll = 2;", "smalll", "unknown key \"smalll\" (did you mean \"small\"?)"},
};
/* clang-format on */

static int
params_read(const char *row, struct params *params, struct report *report)
{
	struct report config_report = {0};
	struct config *config = load_row(PORTS "tunnels = ( " IPSEC0 " );", &config_report);
	struct config_scope *scope = config_scope_create(config);
	char text[1024];
	config_t tree;
	int rc;

	config_init(&tree);
	assert_true(config_read_string(&tree, row_text(row, text, sizeof(text))));
	rc = config_params_read(&table, config_root_setting(&tree), scope, params, report);
	config_destroy(&tree);
	config_scope_free(scope);
	config_free(config);
	return rc;
}

static void
test_rules(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < KEY_COUNT(rows); i++) {
		struct params params = {0};
		struct report report = {0};
		int rc = params_read(rows[i].text, &params, &report);
		const struct report_entry *e = report.entries;

		if (rows[i].message ? rc != -EINVAL || report.count != 1 || e->object ||
					      strcmp(e->field, rows[i].field) != 0 ||
					      !strstr(e->text, rows[i].message)
				    : rc != 0 || report.count) {
			print_error("row %zu: %s\n", i, rows[i].text);
			report_print(&report, stderr);
			wrong++;
		}
		report_clear(&report);
	}
	assert_int_equal(wrong, 0);
}

static void
test_values(void **state)
{
	struct params params = {.filter = selector_any(), .tunnel = TUNNEL_NONE, .large = 5};
	struct report report = {0};

	(void)state;
	assert_int_equal(params_read("small = 200; on = true; large = 0x1000000000L; text = "
				     "'1234567'; name = 'a.b'; colour = 'green'; colours = [ "
				     "'blue', 'red', 'blue' ]; address = '192.0.2.1'; prefix = "
				     "'10.0.0.0/8'; tunnel = 'ipsec0'; port = 'wan'; protocol = "
				     "'tcp'; remote_port = '80-81';",
				 &params, &report),
		0);
	assert_int_equal(params.small, 200);
	assert_true(params.on);
	assert_true(params.large == 0x1000000000);
	assert_string_equal(params.text, "1234567");
	assert_string_equal(params.name, "a.b");
	assert_int_equal(params.colour, GREEN);
	assert_int_equal(params.colours, 5);
	assert_int_equal(params.address.family, 4);
	assert_int_equal(params.prefix.length, 8);
	assert_int_equal(params.tunnel, 0);
	assert_int_equal(params.port, 1);
	assert_int_equal(params.filter.protocol, 6);
	assert_int_equal(params.filter.remote_port.last, 81);
	assert_int_equal(params.filter.local_port.last, 65535);
	assert_int_equal(params_read("small = 3;", &params, &report), 0);
	assert_int_equal(params.small, 3);
	assert_true(params.large == 0x1000000000);
}

/* Without a group every key is as it was before. */
static void
test_no_group(void **state)
{
	static const struct key one[] = {{"on", &key_bool, KEY_FIELD(params, on)}};
	static const struct key_table optional = {"one", NULL, one, KEY_COUNT(one)};
	struct params params = {.on = true};
	struct report report = {0};

	(void)state;
	assert_int_equal(config_params_read(&optional, NULL, NULL, &params, &report), 0);
	assert_true(params.on);
	assert_int_equal(config_params_read(&table, NULL, NULL, &params, &report), -EINVAL);
	assert_string_equal(report.entries[0].field, "small");
	report_clear(&report);
}

/* What is read is written as the same, whatever the type. */
static void
test_types_written(void **state)
{
	struct report report = {0};
	struct config *config = load_row(PORTS "tunnels = ( " IPSEC0 " );", &report);
	struct config_scope *scope = config_scope_create(config);
	struct params params = {.on = true,
		.small = 2,
		.large = 1,
		.text = "x",
		.name = "n",
		.colour = BLUE,
		.colours = 6,
		.port = 1,
		.filter = selector_any()};
	struct params defaults = {.colour = RED, .filter = selector_any()}, again = defaults;
	struct writing w = {.scope = scope};
	config_t tree;

	(void)state;
	ip_addr_parse("2001:db8::1", &params.address);
	ip_prefix_parse("2001:db8::/32", &params.prefix);
	params.filter.protocol = 17;
	params.filter.local_port = (struct port_range){5, 6};
	config_init(&tree);
	w.group = config_root_setting(&tree);
	object_write(&w, &table, &params, &defaults);
	assert_int_equal(w.rc, 0);
	assert_null(config_setting_get_member(w.group, "tunnel"));
	assert_int_equal(config_setting_get_format(config_setting_get_member(w.group, "large")),
		CONFIG_FORMAT_HEX);
	assert_int_equal(config_params_read(&table, w.group, scope, &again, &report), 0);
	assert_true(object_equal(&table, &params, &again));
	config_destroy(&tree);
	config_scope_free(scope);
	config_free(config);
}

/* Each key of each table can be written and compared, and is described: rpc.methods, completion and
 * the documentation take it from there. */
static void
test_every_key(void **state)
{
	(void)state;
	for (size_t i = 0; config_key_tables[i]; i++) {
		for (size_t j = 0; j < config_key_tables[i]->count; j++) {
			const struct key *key = &config_key_tables[i]->keys[j];

			if (!key->type->word || !key->type->read || !key->type->write)
				fail_msg("%s: its type is not whole", key->name);
			if (key->bytes == 0 && !key->type->equal)
				fail_msg("%s: cannot be compared", key->name);
			if (!key->help || !key->help[0])
				fail_msg("%s: has no help", key->name);
			if (key->type->bounded && key->max == 0)
				fail_msg("%s: is bounded, and has no bounds", key->name);
		}
	}
}

static void
assert_words(const struct key_table *of, const char *name, const char *expected)
{
	const struct key *key = key_find(of, name);
	char words[256] = "";
	const char *word;

	assert_non_null(key);
	for (size_t i = 0; (word = key_word_at(key, i)) != NULL; i++) {
		strcat(words, word);
		strcat(words, " ");
	}
	assert_string_equal(words, expected);
}

static void
test_words(void **state)
{
	(void)state;
	assert_words(&table, "colour", "red green blue ");
	assert_words(&table, "small", "");
	assert_words(config_kind_table(CONFIG_KIND_TUNNEL), "state", "down up ");
	assert_words(config_kind_table(CONFIG_KIND_SA), "algorithm",
		"aes-128-gcm aes-192-gcm aes-256-gcm ");
	assert_words(&selectors_table, "protocol",
		"any icmp igmp ipip tcp udp ipv6 gre esp ah icmp6 ospf pim vrrp l2tp sctp ");
	assert_null(key_find(&table, "colors"));
}

/* Strings go, at every depth. */
static void
test_wipe(void **state)
{
	char text[] = "a = \"secret\"; b = ( { c = [ \"secret\", \"secret\" ]; }, \"secret\" ); "
		      "d = 1; e = \"\";";
	const config_setting_t *b;
	config_t tree;

	(void)state;
	config_init(&tree);
	assert_true(config_read_string(&tree, text));
	config_setting_wipe(config_root_setting(&tree));
	assert_string_equal(config_setting_get_string(config_lookup(&tree, "a")), "");
	b = config_lookup(&tree, "b");
	assert_string_equal(config_setting_get_string_elem(b, 1), "");
	b = config_setting_get_member(config_setting_get_elem(b, 0), "c");
	assert_string_equal(config_setting_get_string_elem(b, 0), "");
	assert_string_equal(config_setting_get_string_elem(b, 1), "");
	config_destroy(&tree);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_no_group),
		cmocka_unit_test(test_types_written),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
