/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "unit.h"

enum { WORDS_MAX = 32 };

/* "a b c" as argc and argv. */
struct line {
	char text[512];
	char *argv[WORDS_MAX + 1];
	int argc;
};

static void
line_split(struct line *line, const char *text)
{
	char *rest = line->text;

	*line = (struct line){0};
	assert_true(strlen(text) < sizeof(line->text));
	strcpy(line->text, text);
	for (char *word = strtok_r(rest, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		assert_true(line->argc < WORDS_MAX);
		line->argv[line->argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	}
}

static void
parse_good(const char *text, struct line *line, struct args *args)
{
	struct error err = {""};

	line_split(line, text);
	if (args_parse(line->argc, line->argv, args, &err) != 0)
		fail_msg("%s: %s", text, err.text);
}

static void
test_defaults(void **state)
{
	struct line line;
	struct args args;

	(void)state;
	parse_good("espgw -l 0,1 --no-huge -- -f x.conf", &line, &args);
	assert_int_equal(args.eal_argc, 4);
	assert_ptr_equal(args.eal_argv, line.argv);
	assert_string_equal(args.file, "x.conf");
	assert_true(args.portmask == UINT64_MAX);
	assert_int_equal(args.n_queues, 0);
	assert_false(args.check || args.help || args.version || args.promiscuous);
	assert_int_equal(args.exit_on_idle_ms, 0);
	assert_int_equal(args.stats_period_s, 0);
	assert_null(args.crypto);
	assert_string_equal(args.state_dir, "/var/lib/espgw");
	assert_int_equal(args.burst, 64);
	assert_int_equal(args.mbufs, 0);
	assert_string_equal(args.ctl, "/run/espgw/espgw.sock");
	assert_false(args.ctl_given);
	assert_null(args.ctl_group);
	assert_null(args.user);
	assert_int_equal(args.seccomp, SANDBOX_AUTO);
	args_free(&args);
}

static void
test_all(void **state)
{
	struct line line;
	struct args args;

	(void)state;
	parse_good("espgw -- -p 0x5 --config (0,0,1),(2,1023,127) --file=y.conf --exit-on-idle 500 "
		   "--stats-period=2 "
		   "--crypto cryptodev-async --state /tmp/s -P --burst 256 --mbufs 8192 --check "
		   "--ctl=/tmp/s/c --ctl-group adm --user gw --seccomp log",
		&line, &args);
	assert_int_equal(args.eal_argc, 1);
	assert_true(args.portmask == 5);
	assert_int_equal(args.n_queues, 2);
	assert_int_equal(args.queues[0].ethdev, 0);
	assert_int_equal(args.queues[0].lcore, 1);
	assert_int_equal(args.queues[1].ethdev, 2);
	assert_int_equal(args.queues[1].queue, 1023);
	assert_int_equal(args.queues[1].lcore, 127);
	assert_string_equal(args.file, "y.conf");
	assert_int_equal(args.exit_on_idle_ms, 500);
	assert_int_equal(args.stats_period_s, 2);
	assert_string_equal(args.crypto, "cryptodev-async");
	assert_string_equal(args.state_dir, "/tmp/s");
	assert_true(args.promiscuous);
	assert_true(args.check);
	assert_int_equal(args.burst, 256);
	assert_int_equal(args.mbufs, 8192);
	assert_string_equal(args.user, "gw");
	assert_int_equal(args.seccomp, SANDBOX_LOG);
	args_free(&args);
	assert_null(args.queues);
}

static void
test_no_socket(void **state)
{
	struct line line;
	struct args args;

	(void)state;
	parse_good("espgw -- -f x --ctl none", &line, &args);
	assert_null(args.ctl);
	args_free(&args);
	parse_good("espgw -- -f x --ctl none --ctl ./none", &line, &args);
	assert_string_equal(args.ctl, "./none");
	args_free(&args);
}

/* Forms of an option, and lines without "--". */
static void
test_forms(void **state)
{
	static const struct {
		const char *text;
		int eal_argc;
		bool check, help, version;
		const char *file;
	} rows[] = {
		{"espgw --check -f x", 1, true, false, false, "x"},
		{"espgw -f x --check", 1, true, false, false, "x"},
		{"espgw -- -fx", 1, false, false, false, "x"},
		{"espgw -f x", 1, false, false, false, "x"},
		{"espgw --file=x --check", 1, true, false, false, "x"},
		{"espgw --help", 1, false, true, false, NULL},
		{"espgw -h", 1, false, true, false, NULL},
		{"espgw --version", 1, false, false, true, NULL},
		{"espgw -- --version", 1, false, false, true, NULL},
		{"espgw -l 0,1 -- -f x --config (0,0,1) --config (1,0,1)", 3, false, false, false,
			"x"},
		{"espgw --vdev net_null0 -- -f --check", 3, false, false, false, "--check"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct line line;
		struct args args;

		parse_good(rows[i].text, &line, &args);
		if (args.eal_argc != rows[i].eal_argc || args.check != rows[i].check ||
			args.help != rows[i].help || args.version != rows[i].version ||
			(args.file == NULL) != (rows[i].file == NULL) ||
			(args.file && strcmp(args.file, rows[i].file) != 0))
			fail_msg("row %zu: %s", i, rows[i].text);
		args_free(&args);
	}
}

static void
test_wrong(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"espgw", "-f PATH, the configuration file, is missing: espgw [EAL options] -- -f "
			  "PATH"},
		{"espgw -l 0,1",
			"there is no \"--\", so that all options are EAL's, and -f PATH, the "
			"configuration file, is missing: espgw [EAL options] -- -f PATH"},
		{"espgw --portmsk 3 -f x", "there is no \"--\", so that all options are EAL's"},
		{"espgw --check", "-f PATH, the configuration file, is missing"},
		{"espgw -l 0 --", "-f PATH, the configuration file, is missing"},
		{"espgw -- -f", "--file: PATH is missing"},
		{"espgw -- -f ''", "--file: is empty; PATH is wanted"},
		{"espgw -- --fiel x",
			"unknown option \"--fiel\" (did you mean \"--file\"?); --help lists them"},
		{"espgw -- --mbuf=5", "unknown option \"--mbuf=5\" (did you mean \"--mbufs\"?)"},
		{"espgw -- -z", "unknown option \"-z\"; --help lists them"},
		{"espgw -- x.conf", "unexpected argument \"x.conf\": options begin with '-'"},
		{"espgw -- -", "unexpected argument \"-\""},
		{"espgw -- --check=yes", "--check takes no value, and \"yes\" is one"},
		{"espgw -- -Px", "--promisc takes no value, and \"x\" is one"},
		{"espgw -- -f x --user ''", "--user: is empty; NAME is wanted"},
		{"espgw -- -f x --seccomp yes", "--seccomp: \"yes\" is none of on, log, off"},
		{"espgw -- -f x -p 0", "--portmask: \"0\" is no mask of ports 0 to 31 in "
				       "hexadecimal; 0x3 is ports 0 and 1"},
		{"espgw -- -f x -p 0x", "--portmask: \"0x\" is no mask"},
		{"espgw -- -f x -p g", "--portmask: \"g\" is no mask"},
		{"espgw -- -f x -p -1", "--portmask: \"-1\" is no mask"},
		{"espgw -- -f x -p 100000000", "--portmask: \"100000000\" is no mask"},
		{"espgw -- -f x -p 11111111111111111",
			"--portmask: \"11111111111111111\" is no mask"},
		{"espgw -- -f x --config (0,0)",
			"--config: wrong at \"(0,0)\"; \"(port,queue,lcore),...\" is wanted"},
		{"espgw -- -f x --config (0,0,1),", "--config: wrong at \"\""},
		{"espgw -- -f x --config (0,0,1)x", "--config: wrong at \"x\""},
		{"espgw -- -f x --config (0,0,1),(0,x,1)", "--config: wrong at \"(0,x,1)\""},
		{"espgw -- -f x --config (32,0,1)", "--config: wrong at \"(32,0,1)\""},
		{"espgw -- -f x --config (0,1024,1)", "--config: wrong at \"(0,1024,1)\""},
		{"espgw -- -f x --config (0,0,128)", "--config: wrong at \"(0,0,128)\""},
		{"espgw -- -f x --config (0,0,1),(0,0,2)",
			"--config: queue 0 of port 0 is given twice"},
		{"espgw -- -f x --config ''", "--config: wrong at \"\""},
		{"espgw -- -f x --exit-on-idle 0",
			"--exit-on-idle: \"0\" is no number from 1 to 86400000"},
		{"espgw -- -f x --exit-on-idle 5s", "--exit-on-idle: \"5s\" is no number"},
		{"espgw -- -f x --stats-period 86401",
			"--stats-period: \"86401\" is no number from 1 to 86400"},
		{"espgw -- -f x --stats-period -1", "--stats-period: \"-1\" is no number"},
		{"espgw -- -f x --burst 0", "--burst: \"0\" is no number from 1 to 256"},
		{"espgw -- -f x --burst 257", "--burst: \"257\" is no number from 1 to 256"},
		{"espgw -- -f x --mbufs 63", "--mbufs: \"63\" is no number from 64 to 67108864"},
		{"espgw -- -f x --mbufs 99999999999999999999",
			"--mbufs: \"99999999999999999999\" is no number"},
		{"espgw -- -f x --crypto ''", "--crypto: is empty; ENGINE is wanted"},
		{"espgw -- -f x --state ''", "--state: is empty; DIR is wanted"},
		{"espgw -- -f x --ctl ''", "--ctl: is empty; PATH is wanted"},
		{"espgw -- -f x --ctl", "--ctl: PATH is missing"},
		{"espgw -- -f x --ctl-group ''", "--ctl-group: is empty; NAME is wanted"},

	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {"nothing"};
		struct line line;
		struct args args;

		line_split(&line, rows[i].text);
		if (args_parse(line.argc, line.argv, &args, &err) == 0 ||
			!strstr(err.text, rows[i].message))
			fail_msg("row %zu: %s: \"%s\"", i, rows[i].text, err.text);
	}
}

static void
test_eal_has(void **state)
{
	struct line line;
	struct args args;

	(void)state;
	parse_good(
		"espgw --no-huge -m512 --file-prefix=a --vdev net_null0 -- -f x -P", &line, &args);
	assert_true(args_eal_has(&args, "--no-huge"));
	assert_true(args_eal_has(&args, "-m"));
	assert_true(args_eal_has(&args, "--file-prefix"));
	assert_true(args_eal_has(&args, "--vdev"));
	assert_false(args_eal_has(&args, "--file"));
	assert_false(args_eal_has(&args, "--no-hug"));
	assert_false(args_eal_has(&args, "-P"));
	assert_false(args_eal_has(&args, "-l"));
}

static void
test_eal_lcores(void **state)
{
	static const struct {
		const char *text;
		unsigned int workers;
	} rows[] = {
		{"espgw -l 0,1 -- -f x", 1},
		{"espgw -l 0-3,7 -- -f x", 4},
		{"espgw -l0-2 -- -f x", 2},
		{"espgw -l 0 -- -f x", 1}, /* none: said when EAL is up */
		{"espgw --lcores 0@0,1@0,2@1 -- -f x", 2},
		{"espgw --lcores=(0-3)@(0,1),4@1 -- -f x", 4},
		{"espgw -c f -- -f x", 3},
		{"espgw -c 0x101 -- -f x", 1},
		{"espgw -l 0-99 -- -f x", 64},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct line line;
		struct args args;

		parse_good(rows[i].text, &line, &args);
		if (args_eal_lcores(&args) != rows[i].workers)
			fail_msg("row %zu: %s: %u", i, rows[i].text, args_eal_lcores(&args));
	}
	struct line line;
	struct args args;
	parse_good("espgw -- -f x", &line, &args);
	assert_true(args_eal_lcores(&args) >= 1);
}

static void
test_usage(void **state)
{
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);
	static const char *const words[] = {"--portmask HEX", "--config", "-f, --file PATH",
		"--ctl PATH", "--ctl-group", "--interactive", "--check", "--exit-on-idle MS",
		"--stats-period SECONDS", "--crypto ENGINE", "--state DIR", "-P, --promisc",
		"--burst N", "--mbufs N", "--version", "-h, --help"};

	(void)state;
	args_usage(f);
	fclose(f);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strstr(text, words[i]))
			fail_msg("%s is not in the usage", words[i]);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_no_socket),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_eal_has),
		cmocka_unit_test(test_eal_lcores),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
