/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

/*
 * The keys of an object, or the parameters of a method, as a table: what is read, written,
 * compared, completed and documented comes from it. Other modules make tables of their own from the
 * types below, or from types of theirs.
 */

#include <libconfig.h>

#include "config_object.h"

struct key;
struct object;  /* a group that is being read into a struct */
struct writing; /* a struct that is being written to a group */

/* Reads value into the field; says what is wrong with object_error. */
typedef void key_read(
	struct object *o, const struct key *key, config_setting_t *value, void *field);

/* Adds the key with the field's value to the group, by put_…. */
typedef void key_write(struct writing *w, const struct key *key, const void *field);

typedef bool key_equal(const struct key *key, const void *a, const void *b);

struct key_type {
	const char *word; /* for people: "number" */
	key_read *read;
	key_write *write; /* NULL: only ever read (parameters) */
	key_equal *equal; /* NULL: the key's bytes are the same */
	bool bounded;     /* numbers: key.min and key.max say which */
	bool decides;     /* write is called for defaults, too: it decides */
	/* The i-th word that the value may be; NULL ends. NULL: those of key.words. */
	const char *(*word_at)(size_t i);
};

struct key {
	const char *name;
	const struct key_type *type;
	bool required;
	size_t offset, bytes;          /* of the field in the object's struct */
	uint64_t min, max;             /* numbers */
	const char *const *words;      /* key_word: value min, min + 1, …; ends with NULL */
	const struct key_table *table; /* of a group, or of each group in a list */
	bool identity;                 /* it is (part of) what the object is known by */
	const char *help;              /* what it is, in a few words */
};

struct key_table {
	const char *path;      /* as doc/configuration.md heads it: "ports", "tunnels.selectors" */
	const char *label_key; /* its value tells the objects of a list apart; NULL: none */
	const struct key *keys;
	size_t count;
};

/* The field of a key: `type` is the object's struct. KEY_OBJECT: the key's type gets all of it. */
#define KEY_OBJECT .offset = 0, .bytes = 0
#define KEY_FIELD(type, field)                                                                     \
	.offset = offsetof(struct type, field), .bytes = sizeof(((struct type *)0)->field)
#define KEY_COUNT(keys) (sizeof(keys) / sizeof((keys)[0]))

/* Types. In brackets: what the field is. */
extern const struct key_type key_bool, /* [bool] */
	key_number,                    /* min to max [any unsigned integer or enum] */
	key_hex,                       /* the same, written as 0x… */
	key_text,                      /* [char[]] */
	key_name,                      /* what ports and tunnels may be called [char[]] */
	key_word,                      /* one of words [integer, enum or bool] */
	key_words,   /* list of some of words: bit 0 is the first [unsigned integer] */
	key_address, /* unicast [struct ip_addr] */
	key_prefix,  /* [struct ip_prefix] */
	key_tunnel,  /* by name: its index in the scope [uint32_t] */
	key_port;    /* by name: its index in the scope [uint32_t] */

/* Read and written elsewhere than by the table: a group, or a list of them (.table). */
extern const struct key_type key_group, key_list;

/* Of struct selector. The port types want their field to be in one. */
extern const struct key_type key_range,  /* a prefix or a range; "any" [struct ip_range] */
	key_protocol,                    /* a name or a number; "any" is -1 [int16_t] */
	key_local_port, key_remote_port; /* [struct port_range] */

/* The keys that tunnels' selectors, policies and filters have in common. at: the way to the struct
 * selector in the type, "selector." or nothing. */
/* clang-format off */
#define SELECTOR_KEYS(type, at)                                                                    \
	{"local", &key_range, KEY_FIELD(type, at local),                                           \
		.help = "this gateway's side"},                                                    \
	{"remote", &key_range, KEY_FIELD(type, at remote),                                         \
		.help = "the far side, of the same family"},                                       \
	{"protocol", &key_protocol, KEY_FIELD(type, at protocol), .max = 255,                      \
		.help = "protocol by name or number"},                                             \
	{"local_port", &key_local_port, KEY_FIELD(type, at local_port), .max = 65535,              \
		.help = "port on this gateway's side, or range of ports"},                         \
	{"remote_port", &key_remote_port, KEY_FIELD(type, at remote_port), .max = 65535,           \
		.help = "port on the far side, or range of ports"},                                \
	{"icmp_type", &key_local_port, KEY_FIELD(type, at local_port), .max = 255,                 \
		.help = "ICMP type, or range of types"},                                           \
	{"icmp_code", &key_remote_port, KEY_FIELD(type, at remote_port), .max = 255,               \
		.help = "ICMP code, or range of codes"}
/* clang-format on */

/* All traffic: what keys that are not given leave. */
struct selector selector_any(void);

/* After the keys: what they must be to each other, and the range of a side that was not given. */
void selector_finish(struct object *o, struct selector *s);

/* For walks over a table: the i-th word that the value may be, NULL when there are no more. */
const char *key_word_at(const struct key *key, size_t i);

/* The key of that name, or NULL. */
const struct key *key_find(const struct key_table *table, const char *name);

/*
 * For types of one's own. Reading:
 */

/* The member of the group, NULL when it is not given (or of no type: JSON's null). */
config_setting_t *object_get(const struct object *o, const char *key);

/* What is wrong with the value of key (NULL: with the object); it is broken then. */
void object_error(struct object *o, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

const struct config_scope *object_scope(const struct object *o);

/* "mtu: <wanted> is wanted, not a string". */
void value_wrong_type(
	struct object *o, const struct key *key, const config_setting_t *value, const char *wanted);

/* The value as a string, or NULL when it is another type (said). */
const char *value_string(struct object *o, const struct key *key, const config_setting_t *value);

/* The value as a number between key->min and key->max, or false (said). */
bool value_number(
	struct object *o, const struct key *key, const config_setting_t *value, uint64_t *number);

/* Array or list of strings: how many; 0 when it is none (said). */
uint32_t value_strings(struct object *o, const struct key *key, const config_setting_t *value);

/* Numbers in a field of key->bytes (1, 2, 4 or 8). */
void field_store(const struct key *key, void *field, uint64_t number);
uint64_t field_load(const struct key *key, const void *field);

/* " (did you mean "x"?)", or "" when no known word is near. Returns buf. */
enum { HINT_BYTES = 96 };
const char *hint(char buf[HINT_BYTES], const char *word, const char *const *known, size_t count);
const char *hint_tunnel(char buf[HINT_BYTES], const char *word, const struct config_scope *scope);
const char *hint_port(char buf[HINT_BYTES], const char *word, const struct config_scope *scope);
/* The same, or " (there are: lan, wan)": the names when none of them is near. */
const char *hint_tunnels(char buf[HINT_BYTES], const char *word, const struct config_scope *scope);
const char *hint_ports(char buf[HINT_BYTES], const char *word, const struct config_scope *scope);

/*
 * Writing. put_array: a new array to add strings to with put_element; put_list: a new list to add
 * groups to with put_group.
 */
void put_bool(struct writing *w, const struct key *key, bool value);
config_setting_t *put_number(struct writing *w, const struct key *key, uint64_t value);
/* NULL: what it would name is not in the scope, and the writing fails. */
void put_text(struct writing *w, const struct key *key, const char *value);
config_setting_t *put_array(struct writing *w, const struct key *key);
void put_element(config_setting_t *array, const char *value);
config_setting_t *put_list(struct writing *w, const struct key *key);
config_setting_t *put_group(config_setting_t *list);

#endif
