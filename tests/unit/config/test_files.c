/* SPDX-License-Identifier: BSD-3-Clause */
/* Files: reading, @include, where messages point to, and the samples (their paths are arguments).
 */
#include <stdlib.h>
#include <unistd.h>

#include "config_test.h"

static int samples_count;
static char **samples;

struct directory {
	char path[64];
	char *files[8];
	int count;
};

static int
setup(void **state)
{
	static struct directory dir;

	dir = (struct directory){.path = "/tmp/espgw-config-XXXXXX"};
	if (!mkdtemp(dir.path))
		return -1;
	*state = &dir;
	return 0;
}

static int
teardown(void **state)
{
	struct directory *dir = *state;

	for (int i = 0; i < dir->count; i++) {
		unlink(dir->files[i]);
		free(dir->files[i]);
	}
	return rmdir(dir->path);
}

/* Writes a file, with ' for ". Its path. */
static const char *
file_write(struct directory *dir, const char *name, const char *text, size_t bytes)
{
	char *path;
	FILE *f;

	assert_true(asprintf(&path, "%s/%s", dir->path, name) > 0);
	dir->files[dir->count++] = path;
	f = fopen(path, "w");
	assert_non_null(f);
	for (size_t i = 0; i < bytes; i++)
		fputc(text[i] == '\'' ? '"' : text[i], f);
	fclose(f);
	return path;
}

static void
assert_fails(const char *path, const char *message)
{
	struct report report = {0};
	char line[1024];

	assert_null(config_load(path, &report));
	assert_int_equal(report.count, 1);
	report_line(&report, 0, line, sizeof(line));
	if (!strstr(line, message))
		fail_msg("\"%s\" where this is to be: %s", line, message);
	report_clear(&report);
}

static void
test_missing(void **state)
{
	(void)state;
	assert_fails("/nonexistent/espgw.conf", "cannot be opened: No such file or directory");
	assert_fails("/", "cannot be read: Is a directory");
}

static void
test_binary(void **state)
{
	static const char text[] = "ports = ();\0 and more";

	assert_fails(file_write(*state, "binary", text, sizeof(text)), "has a NUL byte in it");
}

/* Included text stands in the line's place; messages name its own file and line. */
static void
test_include(void **state)
{
	static const char main_text[] = "# the ports are elsewhere\n"
					"  @include 'ports.inc' # all of them\n"
					"tunnels = (\n" IPSEC0 ",\n"
					"@include 'more.inc'\n"
					");\n"
					"# @include 'not this'\n"
					"/* \n@include 'nor this'\n */\n"
					"limits = { sas = 20; };";
	static const char ports_text[] = "# two\n" PORTS;
	static const char more_text[] =
		"{ name = 'ipsec1'; " ENDS "},\n{ name = 'ipsec2'; " ENDS "}";
	struct directory *dir = *state;
	const char *path = file_write(dir, "main.conf", main_text, strlen(main_text));
	const char *more = file_write(dir, "more.inc", more_text, strlen(more_text));
	struct report report = {0};
	struct config *c;

	file_write(dir, "ports.inc", ports_text, strlen(ports_text));
	c = config_load(path, &report);
	report_print(&report, stderr);
	assert_non_null(c);
	assert_int_equal(c->n_tunnels, 3);
	assert_int_equal(c->limits.sas, 20);
	assert_int_equal(c->ports[1].origin.line, 2);
	assert_non_null(strstr(c->ports[1].origin.file, "/ports.inc"));
	assert_int_equal(c->tunnels[0].origin.line, 4);
	assert_string_equal(c->tunnels[0].origin.file, path);
	assert_int_equal(c->tunnels[2].origin.line, 2);
	assert_string_equal(c->tunnels[2].origin.file, more);
	config_free(c);
}

static void
test_lines_after_include(void **state)
{
	static const char main_text[] = "@include 'ports.inc'\nlimits = { sas = 1; };\n";
	static const char ports_text[] = "\n\n" PORTS;
	const char *path = file_write(*state, "main.conf", main_text, strlen(main_text));

	file_write(*state, "ports.inc", ports_text, strlen(ports_text));
	assert_fails(path, "main.conf:2: limits: sas: 1 is not between");
}

static void
test_include_wrong(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"\n@include 'none.inc'\n", "main.conf:2: @include \"/tmp/espgw-config-"},
		{"@include none.inc\n", "main.conf:1: @include wants the name of a file in quotes"},
		{"@include 'none.inc\n",
			"main.conf:1: @include wants the name of a file in quotes"},
		{"x = 1; @include 'none.inc'\n", "main.conf:1: unexpected '@'"},
		{"@include 'main.conf'\n",
			"main.conf:1: @include goes more than 10 files deep: a loop?"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_fails(file_write(*state, "main.conf", rows[i].text, strlen(rows[i].text)),
			rows[i].message);
	}
}

/* An error in the middle of an included file is said to be there. */
static void
test_syntax_in_include(void **state)
{
	static const char main_text[] = "limits = { sas = 20; };\n@include 'ports.inc'\n";
	static const char ports_text[] = "x = 1;\ny == 2;\n";
	const char *path = file_write(*state, "main.conf", main_text, strlen(main_text));

	file_write(*state, "ports.inc", ports_text, strlen(ports_text));
	assert_fails(path, "ports.inc:2: syntax error");
}

static void
test_samples(void **state)
{
	(void)state;
	assert_true(samples_count > 0);
	for (int i = 0; i < samples_count; i++) {
		struct report report = {0};
		struct config *config = config_load(samples[i], &report);

		report_print(&report, stderr);
		if (!config)
			fail_msg("%s is not valid", samples[i]);
		config_free(config);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test_setup_teardown(test_binary, setup, teardown),
		cmocka_unit_test_setup_teardown(test_include, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_after_include, setup, teardown),
		cmocka_unit_test_setup_teardown(test_include_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_syntax_in_include, setup, teardown),
		cmocka_unit_test(test_samples),
	};

	samples_count = argc - 1;
	samples = argv + 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
