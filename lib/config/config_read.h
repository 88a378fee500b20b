/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_READ_H
#define CONFIG_READ_H

/* Inside the module: the reading of groups, and the kinds of objects. */

#include "config_keys.h"
#include "config_strings.h"
#include "config_text.h"
#include "fibre.h"

/* One reading of one file, or of one object. */
struct reading {
	struct report *report;
	const struct config_scope *scope;
	struct config *config;          /* of a file; NULL: an object of its own */
	const struct config_text *text; /* where lines came from; NULL: nowhere */
};

/* One group, being read into one object. */
struct object {
	struct reading *reading;
	const config_setting_t *group; /* NULL: no key is given */
	const struct key_table *table;
	const struct object *parent; /* of an element of a list; NULL: none */
	const char *in;              /* the list's key, or what the object is called */
	uint32_t i;                  /* in the list */
	bool broken;
};

/* One struct, being written to one group. */
struct writing {
	config_setting_t *group;
	const struct config_scope *scope;
	unsigned int flags; /* enum config_write_flags */
	int rc;
};

enum { LABEL_BYTES = 256 };

/* "sas[2] (spi 0x1001)", "tunnel (ipsec0)", or NULL for the file itself. */
const char *object_label(const struct object *o, char buf[LABEL_BYTES]);

/* The origin that messages about an object of a file use later. */
struct config_origin object_origin(const struct object *o);

/* Reads all of the group's members into target by o->table. Unknown and missing keys are errors. */
void object_read(struct object *o, void *target);

/*
 * The list `key` of the group: its length, 0 when it is not there or no list (said). list_object
 * makes the object of one element; parent must stay where it is while that is in use.
 */
uint32_t list_length(struct object *o, const char *key);
struct object list_object(
	const struct object *parent, const char *key, uint32_t i, const struct key_table *table);

/* Writes what differs from the defaults (an object of the same type) by the table. */
void object_write(
	struct writing *w, const struct key_table *table, const void *object, const void *defaults);

/* Whether a key's, or all keys' values are equal in the two structs. */
bool key_is_equal(const struct key *key, const void *a, const void *b);
bool object_equal(const struct key_table *table, const void *a, const void *b);

/* Members of changes take the place of those of the group. */
void setting_replace_members(config_setting_t *group, const config_setting_t *changes);

/* What a rule found: text names the field. */
void object_rule_error(struct object *o, const char *field, const char *text);

/* The network that a prefix with host bits meant, as an error; false then. */
bool prefix_is_network(struct object *o, const char *key, const struct ip_prefix *prefix);

/* Whether a port or tunnel may be called so. */
bool name_is_valid(const char *name);

/* What a selector is whose keys are not given, but for those of `like` (may be NULL) that decide.
 */
void selector_defaults(struct selector *s, const struct selector *like);

/* Finding by name, by bisection. */
struct name_entry {
	const char *name;
	uint32_t index;
};

struct name_index {
	struct name_entry *entries; /* sorted by name, then index */
	uint32_t count;
};

void name_index_build(struct name_index *index, uint32_t count,
	const char *(*name)(const struct config *config, uint32_t i), const struct config *config);
void name_index_free(struct name_index *index);
bool name_index_find(const struct name_index *index, const char *name, uint32_t *i);

/* A configuration as the scope of its own objects. */
struct config_view {
	struct config_scope scope; /* its arg is the view */
	const struct config *config;
	struct name_index ports, tunnels;
};

/* Ports and tunnels can be found by name once they are read and indexed. */
void config_view_init(struct config_view *view, const struct config *config);
void config_view_index_ports(struct config_view *view);
void config_view_index_tunnels(struct config_view *view);
void config_view_free(struct config_view *view);

/*
 * A kind of object, one row for each. What `table` speaks of lies at `offset` in the object.
 */
struct kind {
	const char *noun;
	const struct key_table *table;
	const struct key_table *update_table; /* NULL: table */
	size_t bytes, offset, origin_offset;
	size_t array_offset, count_offset; /* in struct config */
	uint32_t most;                     /* of a file; 0: no limit */
	const char *plural;                /* of the message that says so */
	/* What an object is of which no key is given. like: an object whose other keys decide what
	 * the defaults of some are; NULL: before any is read. */
	void (*defaults)(void *object, const void *like, const struct config_scope *scope);
	/* Reads the group into an object that is all zero, by all rules that concern it alone and
	 * its references. */
	void (*read)(struct object *o, void *object);
	void (*free)(void *object); /* NULL: it owns nothing */
	/* *result becomes what the object is with the changes of the group. NULL: it is written,
	 * changed and read again. */
	void (*update)(struct object *o, const void *object, void *result);
	/* The rules between an object and what the scope knows. */
	const struct scope_rule *rules;
	size_t n_rules;
};

/* false: the rule is broken, and err says how. */
struct scope_rule {
	const char *field;
	bool (*holds)(const struct config_scope *scope, const void *object, struct error *err);
};

extern const struct kind port_kind, neighbour_kind, tunnel_kind, sa_kind, route_kind, policy_kind;

const struct kind *kind_get(enum config_kind kind);

extern const struct key_table config_table, limits_table, worker_table, icmp_table, ports_table,
	neighbours_table, tunnels_table, selectors_table, sas_table, sa_update_table, routes_table,
	policies_table;

/* All of a file, for the check of doc/configuration.md; NULL ends. */
extern const struct key_table *const config_key_tables[];

/* The objects of a kind in a configuration, *n of them. */
const void *kind_objects(const struct kind *kind, const struct config *config, uint32_t *n);

/* As config_object_write. */
int kind_write(const struct kind *kind, const void *object, const struct config_scope *scope,
	unsigned int flags, config_setting_t *group);

/* What limits, worker and icmp are when they are not given. */
void config_defaults(struct config *config);

/* The port whose link the gateway of a route is on: the longest on-link prefix of the route's table
 * says so. How many there are; *port is the first of them. */
uint32_t gateway_ports(const struct config_scope *scope, uint16_t table,
	const struct ip_addr *gateway, uint32_t *port);

/* Whether addr is on the port's link. length: of the longest prefix that says so. */
bool port_on_link(const struct config_port *port, const struct ip_addr *addr, uint8_t *length);

/* The port of the table that has this address as its own, NULL: none. */
const struct config_port *port_of_address(
	const struct config_scope *scope, uint16_t table, const struct ip_addr *addr);

bool any_port_broken(const struct config_scope *scope);

/* "192.168.1.0/24 (lan), …" into buf, as many as there is room for: one more item. */
void list_append(char *buf, size_t bytes, const char *address, const char *port);

/* What the objects of a file must be to each other: the rules are the functions of
 * config_validate.c, and those of the kinds. */
void config_validate(
	const struct config *config, const struct config_scope *scope, struct report *report);

/* The rules of a kind for an object whose origin may be empty. */
void kind_check(const struct kind *kind, const void *object, const struct config_scope *scope,
	struct report *report);

/* The configuration as the text of a file. 0, or -ENOENT when an object refers to nothing. */
int config_print(const struct config *config, struct secret_buffer *out);

#endif
