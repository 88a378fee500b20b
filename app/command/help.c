/* SPDX-License-Identifier: BSD-3-Clause */

/* Help from what the gateway says of its methods. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "table.h"

/* What a table's column and a line hold of the words that a value may be. */
enum { VALUES_IN_TABLE = 60, VALUES_IN_LINE = 92 };

static void
add_noun(const struct methods *methods, struct table *table, size_t first)
{
	const struct method *m = &methods->at[first];
	char verbs[256];

	for (size_t i = 0; i < first; i++)
		if (strcmp(methods->at[i].noun, m->noun) == 0)
			return;
	methods_verbs(methods, m->noun, verbs, sizeof(verbs));
	table_cell(table, m->noun, TABLE_BOLD);
	table_cell(table, m->verb[0] ? verbs : m->summary, TABLE_PLAIN);
}

static void
help_nouns(struct session *s)
{
	struct table *table = table_create();

	table_column(table, "noun", TABLE_LEFT);
	table_column(table, "verbs", TABLE_LEFT);
	for (size_t i = 0; i < s->methods.count; i++)
		add_noun(&s->methods, table, i);
	table_print(table, s->out, s->colours);
	table_free(table);
	fprintf(s->out, "\n`help NOUN` and `help NOUN VERB` tell more.\n");
}

/* "256 to 4294967295", "out, in", "\"copy\" or 0 to 63", or the type. */
static char *
values_text(const json_t *param)
{
	const json_t *words = json_object_get(param, "words");
	const json_t *min = json_object_get(param, "min"), *max = json_object_get(param, "max");
	const char *type = json_string_value(json_object_get(param, "type"));
	const char *number = type ? strstr(type, "number") : NULL;
	char *text = NULL;

	if (json_array_size(words))
		return view_inline("", words);
	if (number && json_integer_value(max) == INT64_MAX) {
		if (asprintf(&text, "from %" JSON_INTEGER_FORMAT, json_integer_value(min)) < 0)
			abort();
		return text;
	}
	if (number && json_is_integer(min) && json_is_integer(max)) {
		if (asprintf(&text, "%.*s%" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT "%s",
			    (int)(number - type), type, json_integer_value(min),
			    json_integer_value(max), number + strlen("number")) < 0)
			abort();
		return text;
	}
	text = strdup(type ? type : "");
	if (!text)
		abort();
	return text;
}

/* Of the method's own parameters, which are told once more below the table. */
static bool
is_long(const char *list, const char *values)
{
	return !list[0] && strlen(values) > VALUES_IN_TABLE;
}

/* A parameter, and those of the objects in its list ("selectors.local"). */
static void
help_param(struct table *table, const char *list, const json_t *param)
{
	char *values = values_text(param), name[96];
	const json_t *key;
	size_t i;

	snprintf(name, sizeof(name), "%s%s%s", list, list[0] ? "." : "", method_param_name(param));
	table_cell(table, name, TABLE_BOLD);
	table_cell(table, !list[0] && method_param_required(param) ? "required" : "", TABLE_PLAIN);
	table_cell(table, is_long(list, values) ? "a word, see below" : values, TABLE_PLAIN);
	table_cell(table, json_string_value(json_object_get(param, "help")), TABLE_PLAIN);
	free(values);
	json_array_foreach (json_object_get(param, "keys"), i, key)
		if (!list[0])
			help_param(table, method_param_name(param), key);
}

static void
help_params(struct session *s, const struct method *m)
{
	struct table *table = table_create();
	const json_t *param;
	size_t i;

	table_column(table, "parameter", TABLE_LEFT);
	table_column(table, "", TABLE_LEFT);
	table_column(table, "value", TABLE_LEFT);
	table_column(table, "meaning", TABLE_LEFT);
	json_array_foreach (m->params, i, param)
		help_param(table, "", param);
	table_print(table, s->out, s->colours);
	table_free(table);
	json_array_foreach (m->params, i, param) {
		char *values = values_text(param);

		if (is_long("", values)) {
			fprintf(s->out, "\n%s is one of\n", method_param_name(param));
			table_wrapped(s->out, 2, VALUES_IN_LINE, values);
		}
		free(values);
	}
}

static void
help_method(struct session *s, const struct method *m)
{
	bool params = json_array_size(m->params) > 0;

	fprintf(s->out, "%s%s%s%s\n  %s\n", m->noun, m->verb[0] ? " " : "", m->verb,
		params ? " [KEY=VALUE ...]" : "", m->summary);
	if (params) {
		fputc('\n', s->out);
		help_params(s, m);
	}
}

static void
help_noun(struct session *s, const char *noun)
{
	struct table *table = table_create();

	table_column(table, noun, TABLE_LEFT);
	table_column(table, "", TABLE_LEFT);
	for (size_t i = 0; i < s->methods.count; i++) {
		const struct method *m = &s->methods.at[i];

		if (strcmp(m->noun, noun) != 0)
			continue;
		table_cell(table, m->verb[0] ? m->verb : m->noun, TABLE_BOLD);
		table_cell(table, m->summary, TABLE_PLAIN);
	}
	table_print(table, s->out, s->colours);
	table_free(table);
}

enum command_status
command_help(struct session *s, const char *const *words, size_t count)
{
	enum command_status status = session_load(s);
	const struct method *method;
	struct error err = {""};
	const char *noun;
	size_t used;

	if (status != COMMAND_DONE)
		return status;
	if (count == 0) {
		help_nouns(s);
		return COMMAND_DONE;
	}
	noun = methods_noun(&s->methods, words[0]);
	if (noun && count == 1) {
		help_noun(s, noun);
		return COMMAND_DONE;
	}
	method = methods_resolve(&s->methods, words, count, s->own, &used, &err);
	if (!method)
		return command_say(s, COMMAND_USAGE, "%s", err.text);
	help_method(s, method);
	return COMMAND_DONE;
}
