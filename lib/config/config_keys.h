/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

/*
 * The keys of each kind of object as tables, and the reading of a group of the file by such a
 * table. The tables are what the parser knows; doc/configuration.md is checked against them.
 */

#include <libconfig.h>

#include "config.h"
#include "config_strings.h"
#include "config_text.h"

/* Names of objects that others refer to, for finding them by bisection. */
struct name_entry {
	const char *name;
	uint32_t index;
};

struct name_index {
	struct name_entry *entries; /* sorted by name, then index */
	uint32_t count;
};

/* One reading of one configuration. */
struct reading {
	struct config *config;
	struct report *report;
	const struct config_text *text;
	struct name_index ports, tunnels;
};

struct key_table;

/* One group of the file, being read into one object. */
struct object {
	struct reading *reading;
	const config_setting_t *group;
	const struct key_table *table;
	const char *label;
	bool broken;
};

struct key;

/* Reads value into the object's field; says what is wrong with object_error. */
typedef void key_read(
	struct object *o, const struct key *key, config_setting_t *value, void *field);

struct key {
	const char *name;
	key_read *read;
	bool required;
	size_t offset, bytes;     /* of the field in the object's struct */
	uint64_t min, max;        /* numbers */
	const char *const *words; /* key_word: value 0, 1, …; ends with NULL */
};

struct key_table {
	const char *path;      /* as doc/configuration.md heads it: "ports", "tunnels.selectors" */
	const char *label_key; /* its value tells the objects of a list apart; NULL: none */
	const struct key *keys;
	size_t count;
};

/* The field of a key: `type` is the object's struct. KEY_OBJECT: the key's reader gets all of it.
 */
#define KEY_OBJECT .offset = 0, .bytes = 0
#define KEY_FIELD(type, field)                                                                     \
	.offset = offsetof(struct type, field), .bytes = sizeof(((struct type *)0)->field)
#define KEY_COUNT(keys) (sizeof(keys) / sizeof((keys)[0]))

/* Reads all of the group's members into target by o->table. Unknown and missing keys are errors. */
void object_read(struct object *o, void *target);

/* The member of the group, NULL when it is not given. */
config_setting_t *object_get(const struct object *o, const char *key);

/* What is wrong with the value of key (NULL: with the object); o is broken then. */
void object_error(struct object *o, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ": did you mean "x"?", or "" when no known word is near. Valid until the next call with buf. */
enum { HINT_BYTES = 64 };
const char *hint(char buf[HINT_BYTES], const char *word, const char *const *known, size_t count);

/* The origin that messages about the object use later. */
struct config_origin object_origin(const struct object *o);

/*
 * The list `key` of the group: its length, 0 when it is not there or no list (said). list_object
 * makes the object of one element.
 */
uint32_t list_length(struct object *o, const char *key);
struct object list_object(
	struct object *parent, const char *key, uint32_t i, const struct key_table *table);

/* The value as a string, or NULL when it is another type (said). */
const char *value_string(struct object *o, const struct key *key, const config_setting_t *value);

/* The value as a number between key->min and key->max, or false (said). */
bool value_number(
	struct object *o, const struct key *key, const config_setting_t *value, uint64_t *number);

/* Array or list of strings: how many; 0 when it is none (said). */
uint32_t value_strings(struct object *o, const struct key *key, const config_setting_t *value);

/* Readers of the common types. */
key_read key_bool, key_number, key_text, key_word, key_name, key_address, key_prefix;
/* Read elsewhere, after the others of its group. */
key_read key_later;

/* Finding by name. */
void name_index_build(struct name_index *index, uint32_t count,
	const char *(*name)(const struct config *config, uint32_t i), const struct config *config);
void name_index_free(struct name_index *index);
bool name_index_find(const struct name_index *index, const char *name, uint32_t *i);
/* As hint, from the names of an index. */
const char *name_index_hint(const struct name_index *index, const char *name, char buf[HINT_BYTES]);

/* The network that a prefix with host bits meant, as an error; false then. */
bool prefix_is_network(struct object *o, const char *key, const struct ip_prefix *prefix);

#endif
