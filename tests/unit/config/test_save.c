/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration written and read back is the same one: the samples (the arguments), a large one,
 * and rows that have every key there is. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_equal.h"
#include "config_test.h"
#include "fibre.h"

static int samples_count;
static char **samples;

struct directory {
	char path[32], file[48];
};

static int
setup(void **state)
{
	static struct directory dir;

	strcpy(dir.path, "/tmp/espgw-save-XXXXXX");
	if (!mkdtemp(dir.path))
		return -1;
	snprintf(dir.file, sizeof(dir.file), "%s/saved.conf", dir.path);
	*state = &dir;
	return 0;
}

static int
teardown(void **state)
{
	struct directory *dir = *state;

	unlink(dir->file);
	return rmdir(dir->path);
}

static struct config *
load_or_fail(const char *path)
{
	struct report report = {0};
	struct config *config = config_load(path, &report);

	report_print(&report, stderr);
	report_clear(&report);
	if (!config)
		fail_msg("%s is not valid", path);
	return config;
}

static void
assert_saves_as_same(const struct directory *dir, const struct config *config, const char *what)
{
	struct error err = {.text = ""};
	struct config *again;
	const char *difference;

	if (config_save(config, dir->file, &err) != 0)
		fail_msg("%s: %s", what, err.text);
	again = load_or_fail(dir->file);
	difference = config_difference(config, again);
	if (difference)
		fail_msg("%s: %s differ once saved", what, difference);
	config_free(again);
}

static void
test_samples(void **state)
{
	assert_true(samples_count > 0);
	for (int i = 0; i < samples_count; i++) {
		struct config *config = load_or_fail(samples[i]);

		assert_saves_as_same(*state, config, samples[i]);
		config_free(config);
	}
}

/* clang-format off */
#define UDP "{ name = 'u'; carrier = 'udp'; outer_table = 2; local = '203.0.113.1'; remote = '203.0.113.9'; }"
#define TABLE2_PORTS "unsafe_static_keys = true; ports = ( " LAN ", { device = 'w'; role = 'unprotected'; table = 2; addresses = [ '203.0.113.1/24' ]; } );\n"

static const char *const rows[] = {
	PORTS "ctl_readonly = true; unsafe_static_keys = true; crypto_device = 'a\\\"b\\\\c\\td\xc3\xa9';\n"
	"limits = { sas = 17; tunnels = 18; routes4 = 19; routes6 = 20; neighbours = 21; reassembly = 22; };\n"
	"worker = { idle_polls = 0; idle_sleep_us = 1; }; icmp = { errors = 0; echo = 1; };",

	"ports = ( { device = '0000:03:00.0'; role = 'protected'; },\n"
	"{ device = '0000:03:00.0'; vlan = 7; role = 'unprotected'; mtu = 9000; table = 3; addresses = [ '203.0.113.1/24' ]; },\n"
	"{ id = 2; role = 'both'; protected = [ '10.0.0.0/8', '2001:db8::/32' ]; addresses = ( '192.0.2.1', '2001:db8:0:1::1/64', 'fe80::1/64' ); },\n"
	"{ id = 2; vlan = 9; name = 'nine'; role = 'protected'; addresses = [ ]; } );",

	/* default names that nobody could give, one of them an address */
	"ports = ( { device = 'discard'; role = 'protected'; addresses = [ '192.0.2.1/24' ]; },\n"
	"{ device = '192.0.2.9'; role = 'protected'; }, { device = 'a b'; role = 'protected'; } );\n"
	"routes = ( { prefix = '10.0.0.0/8'; via = '192.0.2.9'; }, { prefix = '10.0.0.0/8'; via = '192.0.2.9%discard'; },\n"
	"{ prefix = '10.0.0.0/8'; via = 'a b'; } );\n"
	"neighbours = ( { address = 'fe80::7'; mac = '02:00:00:00:00:01'; port = 'a b'; } );",

	PORTS "neighbours = ( { address = '203.0.113.2'; mac = '02:00:00:0A:bc:02'; port = 'wan'; },\n"
	"{ address = 'fe80::2'; mac = '02:00:00:00:00:03'; port = 'lan'; } );",

	TABLE2_PORTS "tunnels = ( { name = 'ipsec0'; " ENDS "encapsulation = 'tunnel'; carrier = 'udp'; local_port = 500;\n"
	"remote_port = 501; keepalive = 20; address = '10.0.0.1'; peer_address = '10.0.0.2'; address6 = '2001:db8:a::1';\n"
	"peer_address6 = '2001:db8:a::2'; mtu = 1400; ttl = 255; dscp = 46; df = 'clear'; ecn = false; state = 'down';\n"
	"metric = 4294967295; table = 1; outer_table = 2; selectors = (\n"
	"{ local = '192.168.1.0/24'; remote = '192.168.2.1-192.168.2.9'; protocol = 'tcp'; local_port = '1024-65535'; remote_port = 443; },\n"
	"{ remote = '2001:db8::/32'; }, { }, { protocol = 'icmp6'; icmp_type = 128; icmp_code = 0; }, { local = 'any'; protocol = 89; },\n"
	"{ remote = '192.0.2.7'; protocol = 77; }, { protocol = 'icmp'; icmp_type = 'any'; icmp_code = '1-255'; },\n"
	"{ local = '0.0.0.0/0'; protocol = 'udp'; local_port = '0-65535'; remote_port = 0; } ); },\n"
	"{ name = 'd'; dscp = 0; " ENDS "outer_table = 2; }, " UDP ");",

	TABLE2_PORTS "tunnels = ( " UDP " );\nsas = (\n"
	"{ spi = 0xfffffffe; direction = 'out'; tunnel = 'u'; " GCM KEY256A "seq = 0x100000001; esn = true; worker = 3; soft_seconds = 1;\n"
	"hard_seconds = 2; soft_bytes = 10000000000; hard_bytes = 20000000000; soft_packets = 5; hard_packets = 6; source_port = 4500;\n"
	"destination_port = 4500; }, { spi = 256; direction = 'in'; tunnel = 'u'; " GCM KEY256B "},\n"
	"{ spi = 257; direction = 'in'; tunnel = 'u'; replay_window = 0; algorithm = 'aes-128-gcm'; key = '00112233445566778899aabbccddeeff01020304'; },\n"
	"{ spi = 258; direction = 'in'; tunnel = 'u'; replay_window = 4096; algorithm = 'aes-192-gcm';\n"
	"key = '00112233445566778899aabbccddeeff000102030405060701020304'; } );",

	PORTS "tunnels = ( { name = 'ipsec0'; metric = 20; " ENDS "} );\nroutes = ( { prefix = '192.168.2.0/24'; via = 'ipsec0'; },\n"
	"{ prefix = '192.168.2.0/24'; via = 'ipsec0'; metric = 0; table = 9; }, { prefix = '0.0.0.0/0'; via = '203.0.113.254'; metric = 4294967295; },\n"
	"{ prefix = '0.0.0.0/0'; via = '198.51.100.1%wan'; }, { prefix = '0.0.0.0/0'; via = '203.0.113.9%lan'; }, { prefix = '::/0'; via = 'fe80::1%wan'; },\n"
	"{ prefix = '10.0.0.0/8'; via = 'lan'; }, { prefix = '192.168.2.0/24'; via = 'discard'; } );",

	PORTS "tunnels = ( " IPSEC0 " );\npolicies = ( { priority = 10; action = 'protect'; tunnel = 'ipsec0'; local = '192.168.1.0/24';\n"
	"remote = '192.168.2.0/24'; protocol = 'tcp'; local_port = 1; remote_port = 2; },\n"
	"{ priority = 10; action = 'bypass'; protocol = 'icmp'; icmp_type = 8; icmp_code = '0-3'; }, { priority = 0xffffffff; action = 'discard'; } );",
};

#define TWO_SAS PORTS "unsafe_static_keys = true; tunnels = ( " IPSEC0 ", { name = 'u'; carrier = 'udp'; metric = 3; " ENDS "} );\n" \
	"sas = ( { spi = 0x1001; direction = 'out'; " TO0 GCM KEY256A "}, { spi = 0x1002; direction = 'in'; " TO0 GCM KEY256B "} );"

#define REST "limits = { sas = 99; }; routes = ( { prefix = '10.0.0.0/8'; via = 'u'; } );\n" \
	"policies = ( { priority = 1; action = 'bypass'; local = '10.0.0.0/8'; } );"

static const char printed[] =
	"unsafe_static_keys = true;\n"
	"limits = { sas = 99; };\n"
	"ports = (\n"
	"  { device = 'net_pcap0'; name = 'lan'; role = 'protected'; addresses = [ '192.168.1.1/24',\n"
	"      '2001:db8:1::1/64' ]; },\n"
	"  { device = 'net_pcap1'; name = 'wan'; role = 'unprotected'; addresses = [ '203.0.113.1/24',\n"
	"      '2001:db8:f::1/64' ]; }\n"
	");\n"
	"tunnels = (\n"
	"  { name = 'ipsec0'; local = '203.0.113.1'; remote = '203.0.113.2'; },\n"
	"  { name = 'u'; carrier = 'udp'; local = '203.0.113.1'; remote = '203.0.113.2'; metric = 3; }\n"
	");\n"
	"sas = (\n"
	"  { spi = 0x1001; direction = 'out'; tunnel = 'ipsec0'; algorithm = 'aes-256-gcm'; key = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223'; },\n"
	"  { spi = 0x1002; direction = 'in'; tunnel = 'ipsec0'; algorithm = 'aes-256-gcm'; key = '100102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223'; }\n"
	");\n"
	"routes = (\n"
	"  { prefix = '10.0.0.0/8'; via = 'u'; }\n"
	");\n"
	"policies = (\n"
	"  { priority = 1; action = 'bypass'; local = '10.0.0.0/8'; }\n"
	");\n";
/* clang-format on */

static void
test_rows(void **state)
{
	for (size_t i = 0; i < KEY_COUNT(rows); i++) {
		struct report report = {0};
		struct config *config = load_row(rows[i], &report);

		report_print(&report, stderr);
		assert_non_null(config);
		assert_saves_as_same(*state, config, rows[i]);
		config_free(config);
	}
}

/* All that the rows become when they are saved. */
static struct secret_buffer
rows_saved(void)
{
	struct secret_buffer text = {0};

	for (size_t i = 0; i < KEY_COUNT(rows); i++) {
		struct report report = {0};
		struct config *config = load_row(rows[i], &report);

		assert_non_null(config);
		assert_int_equal(config_print(config, &text), 0);
		config_free(config);
	}
	return text;
}

/* So that no key is forgotten, now or when one is added: the rows above have each, and it is
 * written. */
static void
test_every_key_is_written(void **state)
{
	struct secret_buffer text = rows_saved();
	unsigned int missing = 0;
	char member[64];

	(void)state;
	for (size_t i = 0; config_key_tables[i]; i++) {
		for (size_t j = 0; j < config_key_tables[i]->count; j++) {
			const char *name = config_key_tables[i]->keys[j].name;
			bool repeats = strcmp(name, "source_port") == 0 ||
				       strcmp(name, "destination_port") == 0;

			snprintf(member, sizeof(member), "%s = ", name);
			if ((strstr(text.data, member) != NULL) == repeats) {
				print_error("%s: %s\n", config_key_tables[i]->path, name);
				missing++;
			}
		}
	}
	secret_buffer_free(&text);
	assert_int_equal(missing, 0);
}

static void
test_text(void **state)
{
	struct report report = {0};
	struct config *config = load_row(TWO_SAS REST, &report);
	struct secret_buffer text = {0};
	char expected[2048];

	(void)state;
	assert_non_null(config);
	assert_int_equal(config_print(config, &text), 0);
	assert_string_equal(text.data, row_text(printed, expected, sizeof(expected)));
	secret_buffer_free(&text);
	config_free(config);
}

enum { TEXT_BYTES = 4 << 20, TEXT_PIECES = TEXT_BYTES / (256 << 10) };

struct filling {
	bool same;
	unsigned int turns, turns_to_fill;
};

static void
fill_and_free(void *arg)
{
	struct filling *filling = arg;
	struct secret_buffer text = {0};

	for (unsigned int i = 0; text.length < TEXT_BYTES; i++)
		secret_buffer_append(&text, (const char *)&i, sizeof(i));
	filling->turns_to_fill = filling->turns;
	filling->same = true;
	for (unsigned int i = 0; i < text.length / sizeof(i); i++)
		filling->same &= memcmp(text.data + i * sizeof(i), &i, sizeof(i)) == 0;
	secret_buffer_free(&text);
}

/* A text of some megabytes grows, and is wiped, in turns; nothing of it is lost. */
static void
test_turns(void **state)
{
	struct filling filling = {0};
	struct fibre *f = fibre_create(fill_and_free, &filling);

	(void)state;
	assert_non_null(f);
	while (fibre_run(f, 0) == FIBRE_RESTS)
		filling.turns++;
	fibre_destroy(f);
	fibre_trim();
	assert_true(filling.same);
	/* what it held when it grew last is copied, then wiped: half of it at least */
	assert_true(filling.turns_to_fill >= TEXT_PIECES);
	assert_true(filling.turns - filling.turns_to_fill >= TEXT_PIECES);
}

/* SAs that came over the socket are forgotten at exit. */
static void
test_only_static_sas(void **state)
{
	struct report report = {0};
	struct config *config = load_row(TWO_SAS, &report);
	struct secret_buffer text = {0};

	(void)state;
	assert_non_null(config);
	config->sas[0].sa.static_key = false;
	assert_int_equal(config_print(config, &text), 0);
	assert_null(strstr(text.data, "0x1001"));
	assert_non_null(strstr(text.data, "0x1002"));
	secret_buffer_free(&text);
	config_free(config);
}

/* 2,000 tunnels with selectors, an SA each way, a route each, policies. */
static char *
large_text(void)
{
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	fputs(PORTS "unsafe_static_keys = true;\ntunnels = (\n", f);
	for (unsigned int i = 0; i < 2000; i++)
		fprintf(f,
			"%s{ name = 't%u'; local = '203.0.113.1'; remote = '198.18.%u.%u'; metric "
			"= %u; selectors = ( { remote = '10.%u.%u.0/24'; } ); }\n",
			i ? "," : "", i, i / 256, i % 256, i % 7, i / 256, i % 256);
	fputs(");\nsas = (\n", f);
	for (unsigned int i = 0; i < 4000; i++)
		fprintf(f,
			"%s{ spi = %u; direction = '%s'; tunnel = 't%u'; algorithm = "
			"'aes-128-gcm'; key = '%08x0001020304050607080900010a0b0c0d'; }\n",
			i ? "," : "", 0x10000 + i, i % 2 ? "in" : "out", i / 2, i);
	fputs(");\nroutes = (\n", f);
	for (unsigned int i = 0; i < 2000; i++)
		fprintf(f, "%s{ prefix = '10.%u.%u.0/24'; via = 't%u'; }\n", i ? "," : "", i / 256,
			i % 256, i);
	fputs(");\npolicies = (\n", f);
	for (unsigned int i = 0; i < 2000; i++)
		fprintf(f, "%s{ priority = %u; action = 'protect'; tunnel = 't%u'; }\n",
			i ? "," : "", i / 2, i);
	fputs(");\n", f);
	fclose(f);
	for (char *p = strchr(text, '\''); p; p = strchr(p, '\''))
		*p = '"';
	return text;
}

static void
test_large(void **state)
{
	struct report report = {0};
	char *text = large_text();
	struct config *config = config_load_string(text, "large", &report);

	report_print(&report, stderr);
	assert_non_null(config);
	assert_int_equal(config->n_sas, 4000);
	assert_saves_as_same(*state, config, "the large one");
	config_free(config);
	free(text);
}

static void
test_file(void **state)
{
	struct directory *dir = *state;
	struct report report = {0};
	struct config *config = load_row(PORTS, &report);
	struct error err = {.text = ""};
	struct stat st;
	char line[16];
	FILE *f;

	f = fopen(dir->file, "w");
	assert_non_null(f);
	fchmod(fileno(f), 0644);
	fclose(f);
	assert_int_equal(config_save(config, dir->file, &err), 0);
	assert_int_equal(stat(dir->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	f = fopen(dir->file, "r");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "# Written by es");
	fclose(f);
	config_free(config);
}

/* What cannot be written leaves nothing behind (the folder must be empty at the end). */
static void
test_file_errors(void **state)
{
	struct directory *dir = *state;
	struct report report = {0};
	struct config *config = load_row(PORTS, &report);
	struct error err = {.text = ""};

	assert_int_equal(config_save(config, "/nonexistent/x.conf", &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/x.conf cannot be written"));
	assert_int_equal(mkdir(dir->file, 0700), 0);
	assert_int_equal(config_save(config, dir->file, &err), -EISDIR);
	assert_int_equal(rmdir(dir->file), 0);
	config_free(config);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_samples, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test(test_every_key_is_written),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_only_static_sas),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_errors, setup, teardown),
	};

	samples_count = argc - 1;
	samples = argv + 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
