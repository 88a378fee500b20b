/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration as the text of a file, for people to read on: an object begins a line. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config_read.h"

enum { WRAP_COLUMN = 90 };

struct printer {
	struct secret_buffer *out;
	size_t column;
	unsigned int indent;
};

static void
print(struct printer *p, const char *text)
{
	size_t length = strlen(text);

	secret_buffer_append(p->out, text, length);
	p->column += length;
}

static void
new_line(struct printer *p)
{
	secret_buffer_append(p->out, "\n", 1);
	p->column = 0;
	for (unsigned int i = 0; i < p->indent; i++)
		print(p, "  ");
}

/* Between two items of an object. */
static void
space(struct printer *p)
{
	if (p->column > WRAP_COLUMN)
		new_line(p);
	else
		print(p, " ");
}

static void
print_string(struct printer *p, const char *text)
{
	char c[5];

	print(p, "\"");
	for (; text && *text; text++) {
		if ((unsigned char)*text < ' ')
			snprintf(c, sizeof(c), "\\x%02x", (unsigned char)*text);
		else
			snprintf(
				c, sizeof(c), *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
		print(p, c);
	}
	explicit_bzero(c, sizeof(c));
	print(p, "\"");
}

static void print_value(struct printer *p, const config_setting_t *setting);

/* "name = value;" */
static void
print_member(struct printer *p, const config_setting_t *member)
{
	print(p, config_setting_name(member));
	print(p, " = ");
	print_value(p, member);
	print(p, ";");
}

static void
print_group(struct printer *p, const config_setting_t *group)
{
	print(p, "{");
	p->indent++;
	for (int i = 0; i < config_setting_length(group); i++) {
		space(p);
		print_member(p, config_setting_get_elem(group, (unsigned int)i));
	}
	p->indent--;
	print(p, " }");
}

static void
print_array(struct printer *p, const config_setting_t *array)
{
	print(p, "[");
	p->indent++;
	for (int i = 0; i < config_setting_length(array); i++) {
		print(p, i ? "," : "");
		space(p);
		print_value(p, config_setting_get_elem(array, (unsigned int)i));
	}
	p->indent--;
	print(p, " ]");
}

static void
print_list(struct printer *p, const config_setting_t *list)
{
	print(p, "(");
	p->indent++;
	for (int i = 0; i < config_setting_length(list); i++) {
		print(p, i ? "," : "");
		new_line(p);
		print_value(p, config_setting_get_elem(list, (unsigned int)i));
	}
	p->indent--;
	print(p, " )");
}

static void
print_number(struct printer *p, const config_setting_t *setting)
{
	bool hex = config_setting_get_format(setting) == CONFIG_FORMAT_HEX;
	char text[24];

	snprintf(text, sizeof(text), hex ? "0x%llx" : "%lld", config_setting_get_int64(setting));
	print(p, text);
}

/* No key is a number with a fraction. */
static void
print_value(struct printer *p, const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		print_group(p, setting);
		break;
	case CONFIG_TYPE_LIST:
		print_list(p, setting);
		break;
	case CONFIG_TYPE_ARRAY:
		print_array(p, setting);
		break;
	case CONFIG_TYPE_STRING:
		print_string(p, config_setting_get_string(setting));
		break;
	case CONFIG_TYPE_BOOL:
		print(p, config_setting_get_bool(setting) ? "true" : "false");
		break;
	default:
		print_number(p, setting);
	}
}

/* Prints what a struct says that is not a default: members of the file itself, or a group of that
 * name. */
static void
print_keys(struct printer *p, const char *name, const struct key_table *table, const void *object,
	const void *defaults)
{
	struct writing w = {0};
	config_t tree;

	config_init(&tree);
	w.group = config_root_setting(&tree);
	object_write(&w, table, object, defaults);
	for (int i = 0; !name && i < config_setting_length(w.group); i++) {
		print_member(p, config_setting_get_elem(w.group, (unsigned int)i));
		new_line(p);
	}
	if (name && config_setting_length(w.group)) {
		print(p, name);
		print(p, " = ");
		print_group(p, w.group);
		print(p, ";");
		new_line(p);
	}
	config_destroy(&tree);
}

static int
print_object(struct printer *p, const struct kind *kind, const void *object,
	const struct config_scope *scope)
{
	config_t tree;
	int rc;

	config_init(&tree);
	rc = kind_write(kind, object, scope, CONFIG_WRITE_KEY, config_root_setting(&tree));
	print_group(p, config_root_setting(&tree));
	config_setting_wipe(config_root_setting(&tree));
	config_destroy(&tree);
	return rc;
}

/* SAs that came over the socket are not for a file. */
static bool
is_kept(const struct kind *kind, const void *object)
{
	return kind != &sa_kind || ((const struct config_sa *)object)->sa.static_key;
}

static int
print_objects(struct printer *p, const struct kind *kind, const struct config *config,
	const struct config_scope *scope)
{
	uint32_t n, printed = 0;
	const char *objects = kind_objects(kind, config, &n);
	int rc = 0;

	p->indent++;
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		const char *object = objects + i * kind->bytes;

		fibre_rest();
		if (!is_kept(kind, object))
			continue;
		print(p, printed ? "," : kind->table->path);
		print(p, printed++ ? "" : " = (");
		new_line(p);
		rc = print_object(p, kind, object, scope);
	}
	p->indent--;
	if (printed) {
		new_line(p);
		print(p, ");");
		new_line(p);
	}
	return rc;
}

int
config_print(const struct config *config, struct secret_buffer *out)
{
	struct config_scope *scope = config_scope_create(config);
	struct printer p = {.out = out};
	struct config defaults = {0};
	int rc = 0;

	config_defaults(&defaults);
	print_keys(&p, NULL, &config_table, config, &defaults);
	for (size_t i = 0; i < config_table.count; i++) {
		const struct key *key = &config_table.keys[i];

		if (key->type == &key_group)
			print_keys(&p, key->name, key->table, (const char *)config + key->offset,
				(const char *)&defaults + key->offset);
	}
	for (unsigned int kind = 0; kind < CONFIG_KIND_COUNT && rc == 0; kind++)
		rc = print_objects(&p, kind_get((enum config_kind)kind), config, scope);
	config_scope_free(scope);
	return rc;
}
