/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

/* Most names differ in their first letter. */
static bool
is_named(const char *name, const char *wanted)
{
	return name[0] == wanted[0] && strcmp(name, wanted) == 0;
}

/* config_setting_get_member is the same, and takes ten times as long. */
static config_setting_t *
member_find(const config_setting_t *group, const char *name)
{
	int n = config_setting_is_group(group) ? config_setting_length(group) : 0;

	for (int i = 0; i < n; i++) {
		config_setting_t *member = config_setting_get_elem(group, (unsigned int)i);

		if (is_named(config_setting_name(member), name))
			return member;
	}
	return NULL;
}

config_setting_t *
object_get(const struct object *o, const char *key)
{
	config_setting_t *value = o->group ? member_find(o->group, key) : NULL;

	return value && config_setting_type(value) != CONFIG_TYPE_NONE ? value : NULL;
}

const struct config_scope *
object_scope(const struct object *o)
{
	return o->reading->scope;
}

static struct config_text_line
line_of(const struct object *o, const config_setting_t *where)
{
	if (!o->reading->text || !where)
		return (struct config_text_line){0};
	return config_text_where(o->reading->text, where->line);
}

/* "selectors[1].local": the key as the outermost object has it. */
static void
field_path(const struct object *o, const char *key, char *buf, size_t bytes)
{
	if (o->parent && o->parent->in)
		snprintf(buf, bytes, "%s[%" PRIu32 "]%s%s", o->in, o->i, key ? "." : "",
			key ? key : "");
	else
		snprintf(buf, bytes, "%s", key ? key : "");
}

static void
report_at(struct object *o, const config_setting_t *where, const char *key, const char *text)
{
	struct config_text_line line = line_of(o, where);
	char label[LABEL_BYTES], field[128];

	if (!line.file && o->reading->config)
		line.file = o->reading->config->file;
	field_path(o, key, field, sizeof(field));
	report_add_field(o->reading->report, line.file, line.line, object_label(o, label),
		field[0] ? field : NULL, text);
	o->broken = true;
}

void
object_error(struct object *o, const char *key, const char *format, ...)
{
	const config_setting_t *value = key ? object_get(o, key) : NULL;
	char text[512];
	size_t used = 0;
	va_list args;

	if (key)
		used = (size_t)snprintf(text, sizeof(text), "%s: ", key);
	va_start(args, format);
	vsnprintf(text + used, sizeof(text) - used, format, args);
	va_end(args);
	report_at(o, value ? value : o->group, key, text);
}

void
object_rule_error(struct object *o, const char *field, const char *text)
{
	const config_setting_t *value = object_get(o, field);

	report_at(o, value ? value : o->group, field, text);
}

struct config_origin
object_origin(const struct object *o)
{
	struct config_text_line line = line_of(o, o->group);
	char label[LABEL_BYTES];

	object_label(o, label);
	return (struct config_origin){line.file,
		config_string_own(o->reading->config, memory_or_die(strdup(label))), line.line,
		o->broken};
}

static bool
is_integer(const config_setting_t *value)
{
	int type = config_setting_type(value);

	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

static const char *
type_name(const config_setting_t *value)
{
	switch (config_setting_type(value)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ]";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a number";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_NONE:
		return "null";
	default:
		return "a boolean";
	}
}

static void
unknown_key(struct object *o, const config_setting_t *member)
{
	const char **known = array_or_die(o->table->count, sizeof(known[0]));
	char near[HINT_BYTES], text[256];

	for (size_t i = 0; i < o->table->count; i++)
		known[i] = o->table->keys[i].name;
	snprintf(text, sizeof(text), "unknown key \"%.64s\"%s", config_setting_name(member),
		hint(near, config_setting_name(member), known, o->table->count));
	free(known);
	report_at(o, member, config_setting_name(member), text);
}

const struct key *
key_find(const struct key_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (is_named(table->keys[i].name, name))
			return &table->keys[i];
	return NULL;
}

static void
key_missing(struct object *o, const struct key *key)
{
	char text[96];

	snprintf(text, sizeof(text), "%s is missing", key->name);
	report_at(o, o->group, key->name, text);
}

void
object_read(struct object *o, void *target)
{
	int n = 0;

	if (o->group && !config_setting_is_group(o->group)) {
		object_error(o, NULL, "a group { key = value; ... } is wanted, not %s",
			type_name(o->group));
		return;
	}
	if (o->group)
		n = config_setting_length(o->group);
	for (int i = 0; i < n; i++) {
		const config_setting_t *member = config_setting_get_elem(o->group, (unsigned int)i);

		if (!key_find(o->table, config_setting_name(member)))
			unknown_key(o, member);
	}
	for (size_t i = 0; i < o->table->count; i++) {
		const struct key *key = &o->table->keys[i];
		config_setting_t *value = object_get(o, key->name);

		if (value)
			key->type->read(o, key, value, (char *)target + key->offset);
		else if (key->required)
			key_missing(o, key);
	}
}

/* " (ipsec0)", " (spi 0x1001)": what tells it apart. */
static void
label_tag(const struct object *o, char *buf, size_t bytes)
{
	const char *key = o->table->label_key;
	const config_setting_t *tag = NULL;

	if (key && o->group && config_setting_is_group(o->group))
		tag = object_get(o, key);
	if (tag && config_setting_type(tag) == CONFIG_TYPE_STRING)
		snprintf(buf, bytes, " (%.48s)", tag->value.sval);
	else if (tag && is_integer(tag))
		snprintf(buf, bytes,
			config_setting_get_format(tag) == CONFIG_FORMAT_HEX ? " (%s 0x%llx)"
									    : " (%s %lld)",
			key, config_setting_get_int64(tag));
}

const char *
object_label(const struct object *o, char buf[LABEL_BYTES])
{
	size_t used = 0;

	if (!o->in)
		return NULL;
	if (o->parent && object_label(o->parent, buf)) {
		used = strlen(buf);
		used += (size_t)snprintf(buf + used, LABEL_BYTES - used, " ");
	}
	used += (size_t)snprintf(
		buf + used, LABEL_BYTES - used, o->parent ? "%s[%" PRIu32 "]" : "%s", o->in, o->i);
	label_tag(o, buf + used, LABEL_BYTES - used);
	return buf;
}

uint32_t
list_length(struct object *o, const char *key)
{
	const config_setting_t *list = object_get(o, key);

	if (!list)
		return 0;
	if (config_setting_is_list(list))
		return (uint32_t)config_setting_length(list);
	object_error(
		o, key, "a list of groups ( { ... }, ... ) is wanted, not %s", type_name(list));
	return 0;
}

struct object
list_object(const struct object *parent, const char *key, uint32_t i, const struct key_table *table)
{
	return (struct object){.reading = parent->reading,
		.group = config_setting_get_elem(object_get(parent, key), i),
		.table = table,
		.parent = parent,
		.in = key,
		.i = i};
}

void
value_wrong_type(
	struct object *o, const struct key *key, const config_setting_t *value, const char *wanted)
{
	object_error(o, key->name, "%s is wanted, not %s", wanted, type_name(value));
}

const char *
value_string(struct object *o, const struct key *key, const config_setting_t *value)
{
	if (config_setting_type(value) == CONFIG_TYPE_STRING)
		return value->value.sval ? value->value.sval : "";
	value_wrong_type(o, key, value, "a string");
	return NULL;
}

bool
value_number(
	struct object *o, const struct key *key, const config_setting_t *value, uint64_t *number)
{
	bool hex = config_setting_get_format(value) == CONFIG_FORMAT_HEX;
	long long n;

	if (!is_integer(value)) {
		value_wrong_type(o, key, value, "a whole number");
		return false;
	}
	n = config_setting_get_int64(value);
	if (n < 0 || (uint64_t)n < key->min || (uint64_t)n > key->max) {
		object_error(o, key->name,
			hex ? "0x%llx is not between 0x%" PRIx64 " and 0x%" PRIx64
			    : "%lld is not between %" PRIu64 " and %" PRIu64,
			n, key->min, key->max);
		return false;
	}
	*number = (uint64_t)n;
	return true;
}

uint32_t
value_strings(struct object *o, const struct key *key, const config_setting_t *value)
{
	if (config_setting_type(value) != CONFIG_TYPE_ARRAY &&
		config_setting_type(value) != CONFIG_TYPE_LIST) {
		value_wrong_type(o, key, value, "an array of strings [ \"...\", ... ]");
		return 0;
	}
	for (int i = 0; i < config_setting_length(value); i++) {
		const config_setting_t *element = config_setting_get_elem(value, (unsigned int)i);

		if (!value_string(o, key, element))
			return 0;
	}
	return (uint32_t)config_setting_length(value);
}
