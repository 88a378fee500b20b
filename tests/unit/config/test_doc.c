/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doc/configuration.md (the argument) against the parser's tables: every key has a row in the table
 * of its section, and every row is a key. A section's heading is "## `ports`"; that of the top
 * level "## Top level".
 */
#include <stdlib.h>

#include "config_read.h"
#include "config_test.h"

static const char *doc_path;

static char *
doc_read(void)
{
	FILE *f = fopen(doc_path, "r");
	char *text = NULL;
	size_t bytes = 0;

	assert_non_null(f);
	assert_true(getdelim(&text, &bytes, '\0', f) > 0);
	fclose(f);
	return text;
}

/* The section's text, ended with NUL. The doc is copied, so that it can be. */
static char *
section_of(const char *doc, const struct key_table *table)
{
	char heading[64];
	const char *begin, *end;

	if (table->path[0])
		snprintf(heading, sizeof(heading), "\n## `%s`\n", table->path);
	else
		snprintf(heading, sizeof(heading), "\n## Top level\n");
	begin = strstr(doc, heading);
	if (!begin) {
		fail_msg("no section \"%s\"", heading + 1);
		return NULL;
	}
	end = strstr(begin + 1, "\n## ");
	return end ? strndup(begin, (size_t)(end - begin)) : strdup(begin);
}

static bool
table_has(const struct key_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->keys[i].name, name) == 0)
			return true;
	return false;
}

/* Rows begin with "| `key` |". */
static unsigned int
rows_that_are_no_keys(const char *section, const struct key_table *table)
{
	unsigned int wrong = 0;
	char name[64];

	for (const char *row = strstr(section, "\n| `"); row; row = strstr(row + 1, "\n| `")) {
		assert_int_equal(sscanf(row, "\n| `%63[^`]", name), 1);
		if (!table_has(table, name)) {
			print_error(
				"%s: `%s` is no key that the parser knows\n", table->path, name);
			wrong++;
		}
	}
	return wrong;
}

static unsigned int
keys_without_row(const char *section, const struct key_table *table)
{
	unsigned int wrong = 0;
	char row[64];

	for (size_t i = 0; i < table->count; i++) {
		snprintf(row, sizeof(row), "\n| `%s` |", table->keys[i].name);
		if (!strstr(section, row)) {
			print_error("%s: `%s` has no row\n", table->path, table->keys[i].name);
			wrong++;
		}
	}
	return wrong;
}

static void
test_keys(void **state)
{
	char *doc = doc_read();
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; config_key_tables[i]; i++) {
		char *section = section_of(doc, config_key_tables[i]);

		wrong += rows_that_are_no_keys(section, config_key_tables[i]);
		wrong += keys_without_row(section, config_key_tables[i]);
		free(section);
	}
	free(doc);
	assert_int_equal(wrong, 0);
}

/* A number's bounds stand in its row as "MIN to MAX", so that the two cannot drift apart. */
static void
test_bounds(void **state)
{
	char *doc = doc_read();
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; config_key_tables[i]; i++) {
		const struct key_table *table = config_key_tables[i];
		char *section = section_of(doc, table);

		for (size_t j = 0; j < table->count; j++) {
			const struct key *key = &table->keys[j];
			char row[64], bounds[64];

			if (key->type != &key_number || key->max > UINT32_MAX)
				continue;
			snprintf(row, sizeof(row), "\n| `%s` |", key->name);
			snprintf(bounds, sizeof(bounds), " %llu to %llu",
				(unsigned long long)key->min, (unsigned long long)key->max);
			char *line = strstr(section, row);
			char *found = line ? strstr(line, bounds) : NULL;
			if (!found || memchr(line + 1, '\n', (size_t)(found - line - 1))) {
				print_error(
					"%s: `%s` is to be%s\n", table->path, key->name, bounds);
				wrong++;
			}
		}
		free(section);
	}
	free(doc);
	assert_int_equal(wrong, 0);
}

/* The row without the marks of Markdown: a copy. */
static char *
row_of(const char *section, const char *name)
{
	char begin[64], *row, *to;
	const char *from;

	snprintf(begin, sizeof(begin), "\n| `%s` |", name);
	from = strstr(section, begin);
	if (!from)
		return NULL;
	row = strndup(from + 1, strcspn(from + 1, "\n"));
	to = row;
	for (from = row; *from; from++)
		if (*from != '`' && *from != '"')
			*to++ = *from;
	*to = '\0';
	return row;
}

/* What programs say of a key (rpc.methods, completion) is what the page says, or part of it. */
static void
test_help(void **state)
{
	char *doc = doc_read();
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; config_key_tables[i]; i++) {
		const struct key_table *table = config_key_tables[i];
		char *section = section_of(doc, table);

		for (size_t j = 0; j < table->count; j++) {
			const struct key *key = &table->keys[j];
			char *row = row_of(section, key->name);

			if (!row || !(strstr(row, key->help) || strstr(row, "as in selectors"))) {
				print_error("%s: `%s` is \"%s\", but: %s\n", table->path, key->name,
					key->help, row ? row : "no row");
				wrong++;
			}
			free(row);
		}
		free(section);
	}
	free(doc);
	assert_int_equal(wrong, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_help),
	};

	assert_true(argc == 2);
	doc_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
