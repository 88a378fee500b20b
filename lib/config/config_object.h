/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_OBJECT_H
#define CONFIG_OBJECT_H

/*
 * One object at a time: the configuration file and the control socket speak of the same objects
 * through the tables and rules of this module. What an object refers to is looked up in a scope:
 * for a file the file itself, for the socket the running gateway. Control lcore (or before EAL).
 */

#include <libconfig.h>

#include "config.h"

struct key_table;

enum config_kind {
	CONFIG_KIND_PORT,      /* struct config_port */
	CONFIG_KIND_NEIGHBOUR, /* struct config_neighbour */
	CONFIG_KIND_TUNNEL,    /* struct config_tunnel */
	CONFIG_KIND_SA,        /* struct config_sa */
	CONFIG_KIND_ROUTE,     /* struct config_route */
	CONFIG_KIND_POLICY,    /* struct config_policy */
	CONFIG_KIND_COUNT
};

/*
 * What names and rules refer to. Indexes are those that the objects hold (config_sa.tunnel,
 * config_route.port, …) and may have holes. What the callbacks return must stay until the call that
 * was given the scope returns. The `find`s are called for each SA: no searching through all.
 */
struct config_scope {
	void *arg;
	uint32_t (*tunnel_count)(void *arg);               /* one more than the highest index */
	const char *(*tunnel_name)(void *arg, uint32_t i); /* NULL: a hole */
	/* NULL: a hole, or nothing that others can be checked against */
	const struct tunnel_config *(*tunnel)(void *arg, uint32_t i);
	bool (*tunnel_find)(void *arg, const char *name, uint32_t *i);
	uint32_t (*port_count)(void *arg);
	const struct config_port *(*port)(void *arg, uint32_t i); /* NULL: a hole */
	bool (*port_find)(void *arg, const char *name, uint32_t *i);
};

/*
 * The scope that a whole configuration is for its own objects. The configuration must outlive it
 * and keep its ports and tunnels. Never NULL: when memory ends the process does.
 */
struct config_scope *config_scope_create(const struct config *config);
void config_scope_free(struct config_scope *scope);

/* The keys of the kind; config_keys.h says how to walk them. */
const struct key_table *config_kind_table(enum config_kind kind);

/* "port", "sa", …: as methods call it. */
const char *config_kind_noun(enum config_kind kind);

/* The size of the kind's struct. */
size_t config_kind_bytes(enum config_kind kind);

/*
 * Reads one object from a group (NULL: nothing is given) by all rules of a single object and all
 * between it and what the scope knows; that no other object is like it is the caller's to see to.
 * 0: *object is filled in and to be given to config_object_free; its origin is empty.
 * -EINVAL: each thing that is wrong is in the report with the key (`field`), *object is zeroed.
 * An SA read so is not static (sa_config.static_key).
 */
int config_object_read(enum config_kind kind, config_setting_t *group,
	const struct config_scope *scope, void *object, struct report *report);

/* The rules between the object and what the scope knows, again: after ports have changed, say. 0 or
 * -EINVAL with entries in the report. */
int config_object_check(enum config_kind kind, const void *object, const struct config_scope *scope,
	struct report *report);

/* Frees what the object owns (addresses, prefixes, selectors), wipes keys, zeroes it. Strings of
 * the origin are not its own. */
void config_object_free(enum config_kind kind, void *object);

enum config_write_flags {
	CONFIG_WRITE_KEY = 1, /* an SA's key, too: never for the socket */
};

/*
 * Adds the object's keys to the (empty) group, such that reading them gives an equal object. Keys
 * at their default are left out. 0, or -ENOENT when what it refers to is not in the scope.
 */
int config_object_write(enum config_kind kind, const void *object, const struct config_scope *scope,
	unsigned int flags, config_setting_t *group);

/* Whether all keys are equal, an SA's key included. References are compared as indexes: of one
 * scope (config_object_translate). Origins and static_key do not count. */
bool config_object_equal(enum config_kind kind, const void *a, const void *b);

/* The first key whose values differ, but for these names (NULL ends them); NULL: there is none.
 * References are compared as indexes. */
const char *config_object_differs(
	enum config_kind kind, const void *a, const void *b, const char *const *but);

/* Makes the object's references, indexes of one scope, those of the things of the same name in the
 * other. 0, or -ENOENT (the object is as before) when there is none. */
int config_object_translate(enum config_kind kind, void *object, const struct config_scope *from,
	const struct config_scope *to);

/*
 * *result (to be freed) becomes what the object is when the given keys are replaced, by all rules.
 * A key of no type (CONFIG_TYPE_NONE: JSON's null) goes back to its default. Keys that name the
 * object may be among the changes but must be the same. Of an SA only lifetimes can be changed, and
 * its key is neither needed nor in the result. 0, or -EINVAL as config_object_read.
 */
int config_object_update(enum config_kind kind, const void *object, config_setting_t *changes,
	const struct config_scope *scope, void *result, struct report *report);

/* The keys of an update: for an SA a table of its own. */
const struct key_table *config_kind_update_table(enum config_kind kind);

/*
 * Reads a method's parameters by a table (config_keys.h). *target holds the defaults before. group
 * may be NULL: none were given. 0, or -EINVAL with what is wrong in the report; the target is
 * changed in part then. scope may be NULL when no key of the table is a name of something.
 */
int config_params_read(const struct key_table *table, config_setting_t *group,
	const struct config_scope *scope, void *target, struct report *report);

/*
 * Writes the configuration as a file for people that config_load reads back as the same: aside,
 * mode 0600, synced, then renamed to path, so that path is never half of one. SAs that are not
 * static are left out. 0, or -errno with err set; path is as it was then.
 */
int config_save(const struct config *config, const char *path, struct error *err);

/* Overwrites all strings of the setting and what is in it: keys may be among them. */
void config_setting_wipe(config_setting_t *setting);

#endif
