/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_keys.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

config_setting_t *
object_get(const struct object *o, const char *key)
{
	return config_setting_get_member(o->group, key);
}

static void
report_at(struct object *o, const config_setting_t *where, const char *text)
{
	struct config_text_line line = config_text_where(o->reading->text, where->line);

	report_add(o->reading->report, line.file ? line.file : o->reading->config->file, line.line,
		o->label, "%s", text);
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
	report_at(o, value ? value : o->group, text);
}

struct config_origin
object_origin(const struct object *o)
{
	struct config_text_line line = config_text_where(o->reading->text, o->group->line);

	return (struct config_origin){line.file, o->label, line.line, o->broken};
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
	report_at(o, member, text);
}

static const struct key *
table_find(const struct key_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->keys[i].name, name) == 0)
			return &table->keys[i];
	return NULL;
}

void
object_read(struct object *o, void *target)
{
	if (!config_setting_is_group(o->group)) {
		object_error(o, NULL, "a group { key = value; ... } is wanted, not %s",
			type_name(o->group));
		return;
	}
	for (int i = 0; i < config_setting_length(o->group); i++) {
		const config_setting_t *member = config_setting_get_elem(o->group, (unsigned int)i);

		if (!table_find(o->table, config_setting_name(member)))
			unknown_key(o, member);
	}
	for (size_t i = 0; i < o->table->count; i++) {
		const struct key *key = &o->table->keys[i];
		config_setting_t *value = object_get(o, key->name);

		if (value)
			key->read(o, key, value, (char *)target + key->offset);
		else if (key->required)
			object_error(o, NULL, "%s is missing", key->name);
	}
}

/* "sas[2] (spi 0x1001)" */
static char *
label_make(const struct object *parent, const char *key, uint32_t i, const struct key_table *table,
	const config_setting_t *group)
{
	const config_setting_t *tag = NULL;
	char text[80] = "";
	char *label;

	if (table->label_key && config_setting_is_group(group))
		tag = config_setting_get_member(group, table->label_key);
	if (tag && config_setting_type(tag) == CONFIG_TYPE_STRING)
		snprintf(text, sizeof(text), " (%.48s)", tag->value.sval);
	else if (tag && is_integer(tag))
		snprintf(text, sizeof(text),
			config_setting_get_format(tag) == CONFIG_FORMAT_HEX ? " (%s 0x%llx)"
									    : " (%s %lld)",
			table->label_key, config_setting_get_int64(tag));
	if (asprintf(&label, "%s%s%s[%" PRIu32 "]%s", parent->label ? parent->label : "",
		    parent->label ? " " : "", key, i, text) < 0)
		abort();
	return label;
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
list_object(struct object *parent, const char *key, uint32_t i, const struct key_table *table)
{
	config_setting_t *element = config_setting_get_elem(object_get(parent, key), i);
	struct object o = {.reading = parent->reading, .group = element, .table = table};

	o.label = config_string_own(
		parent->reading->config, label_make(parent, key, i, table, element));
	return o;
}

const char *
value_string(struct object *o, const struct key *key, const config_setting_t *value)
{
	if (config_setting_type(value) == CONFIG_TYPE_STRING)
		return value->value.sval ? value->value.sval : "";
	object_error(o, key->name, "a string is wanted, not %s", type_name(value));
	return NULL;
}

bool
value_number(
	struct object *o, const struct key *key, const config_setting_t *value, uint64_t *number)
{
	bool hex = config_setting_get_format(value) == CONFIG_FORMAT_HEX;
	long long n;

	if (!is_integer(value)) {
		object_error(o, key->name, "a whole number is wanted, not %s", type_name(value));
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
		object_error(o, key->name, "an array of strings [ \"...\", ... ] is wanted, not %s",
			type_name(value));
		return 0;
	}
	for (int i = 0; i < config_setting_length(value); i++) {
		const config_setting_t *element = config_setting_get_elem(value, (unsigned int)i);

		if (!value_string(o, key, element))
			return 0;
	}
	return (uint32_t)config_setting_length(value);
}

void
key_later(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	(void)o;
	(void)key;
	(void)value;
	(void)field;
}

void
key_bool(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	if (config_setting_type(value) == CONFIG_TYPE_BOOL)
		*(bool *)field = config_setting_get_bool(value);
	else
		object_error(o, key->name, "true or false is wanted, not %s", type_name(value));
}

/* Stores a number into a field (an integer, an enum or a bool) of its size. */
static void
store(const struct key *key, void *field, uint64_t number)
{
	switch (key->bytes) {
	case 1:
		*(uint8_t *)field = (uint8_t)number;
		break;
	case 2:
		*(uint16_t *)field = (uint16_t)number;
		break;
	case 4:
		*(uint32_t *)field = (uint32_t)number;
		break;
	default:
		*(uint64_t *)field = number;
	}
}

void
key_number(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	uint64_t number;

	if (value_number(o, key, value, &number))
		store(key, field, number);
}

void
key_text(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);

	if (!text)
		return;
	if (text[0] == '\0')
		object_error(o, key->name, "is empty");
	else if (strlen(text) >= key->bytes)
		object_error(o, key->name, "has %zu characters: %zu are the most", strlen(text),
			key->bytes - 1);
	else
		strcpy(field, text);
}

/* The names that routes and others refer to: nothing else that `via` may say. */
void
key_name(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	struct ip_prefix prefix;

	if (!text)
		return;
	if (text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			      "-_.:")] != '\0')
		object_error(o, key->name,
			"\"%.64s\" is no name: letters, digits, '-', '_', '.' and ':' make one",
			text);
	else if (strcmp(text, "discard") == 0 || ip_prefix_parse(text, &prefix) == 0)
		object_error(o, key->name,
			"\"%s\" cannot be a name: in `via` it means something else", text);
	else
		key_text(o, key, value, field);
}

/* The known words, "ipip, tunnel". */
static const char *
words_join(const char *const *words, char *buf, size_t bytes)
{
	size_t used = 0;

	for (size_t i = 0; words[i] && used < bytes; i++)
		used += (size_t)snprintf(
			buf + used, bytes - used, "%s\"%s\"", i ? ", " : "", words[i]);
	return buf;
}

void
key_word(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	char known[128], near[HINT_BYTES];
	size_t i = 0;

	if (!text)
		return;
	while (key->words[i] && strcmp(key->words[i], text) != 0)
		i++;
	if (key->words[i]) {
		store(key, field, key->min + i);
		return;
	}
	object_error(o, key->name, "\"%.64s\" is none of %s%s", text,
		words_join(key->words, known, sizeof(known)), hint(near, text, key->words, i));
}

void
key_address(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	struct ip_addr addr;

	if (!text)
		return;
	if (ip_addr_parse(text, &addr) != 0)
		object_error(o, key->name,
			"\"%.64s\" is no address; \"192.0.2.1\" or \"2001:db8::1\" would be", text);
	else if (ip_addr_is_unspecified(&addr) || ip_addr_is_multicast(&addr))
		object_error(o, key->name, "\"%s\" is no unicast address, and one is wanted", text);
	else
		*(struct ip_addr *)field = addr;
}

bool
prefix_is_network(struct object *o, const char *key, const struct ip_prefix *prefix)
{
	struct ip_prefix network = ip_prefix_network(prefix);
	char given[IP_PREFIX_STRLEN], right[IP_PREFIX_STRLEN];

	if (ip_prefix_equal(&network, prefix))
		return true;
	object_error(o, key, "%s has host bits set: the prefix is %s",
		ip_prefix_format(prefix, given), ip_prefix_format(&network, right));
	return false;
}

void
key_prefix(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	struct ip_prefix prefix;

	if (!text)
		return;
	if (ip_prefix_parse(text, &prefix) != 0)
		object_error(o, key->name,
			"\"%.64s\" is no prefix; \"192.0.2.0/24\" or \"2001:db8::/32\" would be",
			text);
	else if (prefix_is_network(o, key->name, &prefix))
		*(struct ip_prefix *)field = prefix;
}
