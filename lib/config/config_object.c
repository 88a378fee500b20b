/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects one at a time, whatever their kind. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

static const struct kind *const kinds[CONFIG_KIND_COUNT] = {
	[CONFIG_KIND_PORT] = &port_kind,
	[CONFIG_KIND_NEIGHBOUR] = &neighbour_kind,
	[CONFIG_KIND_TUNNEL] = &tunnel_kind,
	[CONFIG_KIND_SA] = &sa_kind,
	[CONFIG_KIND_ROUTE] = &route_kind,
	[CONFIG_KIND_POLICY] = &policy_kind,
};

/* The largest kind of object. */
union any_object {
	struct config_port port;
	struct config_neighbour neighbour;
	struct config_tunnel tunnel;
	struct config_sa sa;
	struct config_route route;
	struct config_policy policy;
};

const struct kind *
kind_get(enum config_kind kind)
{
	return kinds[kind];
}

const void *
kind_objects(const struct kind *kind, const struct config *config, uint32_t *n)
{
	const char *c = (const void *)config;

	*n = *(const uint32_t *)(const void *)(c + kind->count_offset);
	return *(void *const *)(const void *)(c + kind->array_offset);
}

const struct key_table *
config_kind_table(enum config_kind kind)
{
	return kinds[kind]->table;
}

const struct key_table *
config_kind_update_table(enum config_kind kind)
{
	return kinds[kind]->update_table ? kinds[kind]->update_table : kinds[kind]->table;
}

const char *
config_kind_noun(enum config_kind kind)
{
	return kinds[kind]->noun;
}

size_t
config_kind_bytes(enum config_kind kind)
{
	return kinds[kind]->bytes;
}

/* What the kind's table speaks of. */
static const void *
keyed(const struct kind *kind, const void *object)
{
	return (const char *)object + kind->offset;
}

static void
rules_check(const struct kind *kind, struct object *o, const void *object)
{
	struct error err;

	for (size_t i = 0; i < kind->n_rules; i++)
		if (!kind->rules[i].holds(o->reading->scope, object, &err))
			object_rule_error(o, kind->rules[i].field, err.text);
}

void
kind_check(const struct kind *kind, const void *object, const struct config_scope *scope,
	struct report *report)
{
	const struct config_origin *origin =
		(const void *)((const char *)object + kind->origin_offset);
	struct error err;

	for (size_t i = 0; i < kind->n_rules; i++)
		if (!kind->rules[i].holds(scope, object, &err))
			report_add_field(report, origin->file, origin->line, origin->label,
				kind->rules[i].field, err.text);
}

int
config_object_check(enum config_kind kind, const void *object, const struct config_scope *scope,
	struct report *report)
{
	size_t before = report->count;

	kind_check(kinds[kind], object, scope, report);
	return report->count == before ? 0 : -EINVAL;
}

void
config_object_free(enum config_kind kind, void *object)
{
	if (kinds[kind]->free)
		kinds[kind]->free(object);
	memset(object, 0, kinds[kind]->bytes);
}

int
config_object_read(enum config_kind kind, config_setting_t *group, const struct config_scope *scope,
	void *object, struct report *report)
{
	const struct kind *k = kinds[kind];
	struct reading reading = {.report = report, .scope = scope};
	struct object o = {.reading = &reading, .group = group, .table = k->table, .in = k->noun};

	k->defaults(object, NULL, scope);
	k->read(&o, object);
	if (!o.broken)
		rules_check(k, &o, object);
	if (!o.broken)
		return 0;
	config_object_free(kind, object);
	return -EINVAL;
}

int
config_params_read(const struct key_table *table, config_setting_t *group,
	const struct config_scope *scope, void *target, struct report *report)
{
	struct reading reading = {.report = report, .scope = scope};
	struct object o = {.reading = &reading, .group = group, .table = table};

	object_read(&o, target);
	return o.broken ? -EINVAL : 0;
}

int
kind_write(const struct kind *kind, const void *object, const struct config_scope *scope,
	unsigned int flags, config_setting_t *group)
{
	struct writing w = {.group = group, .scope = scope, .flags = flags};
	union any_object defaults;

	kind->defaults(&defaults, object, scope);
	object_write(&w, kind->table, keyed(kind, object), keyed(kind, &defaults));
	return w.rc;
}

int
config_object_write(enum config_kind kind, const void *object, const struct config_scope *scope,
	unsigned int flags, config_setting_t *group)
{
	return kind_write(kinds[kind], object, scope, flags, group);
}

bool
config_object_equal(enum config_kind kind, const void *a, const void *b)
{
	return object_equal(kinds[kind]->table, keyed(kinds[kind], a), keyed(kinds[kind], b));
}

static bool
is_among(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

const char *
config_object_differs(enum config_kind kind, const void *a, const void *b, const char *const *but)
{
	const struct key_table *table = kinds[kind]->table;

	for (size_t i = 0; i < table->count; i++) {
		const struct key *key = &table->keys[i];

		if (!key_is_equal(key, keyed(kinds[kind], a), keyed(kinds[kind], b)) &&
			!is_among(key->name, but))
			return key->name;
	}
	return NULL;
}

static void
identity_check(struct object *o, const struct kind *kind, const void *was, const void *is)
{
	for (size_t i = 0; i < o->table->count; i++) {
		const struct key *key = &o->table->keys[i];

		if (key->identity && !key_is_equal(key, was, is))
			object_error(o, key->name,
				"is part of what the %s is known by, and cannot change",
				kind->noun);
	}
}

/* Written to a group of its own, changed there, and read again. */
static void
update_by_group(struct object *o, const struct kind *kind, const void *object, void *result)
{
	const config_setting_t *changes = o->group;
	config_setting_t *group;
	config_t tree;

	config_init(&tree);
	group = config_root_setting(&tree);
	o->group = group;
	kind->defaults(result, NULL, o->reading->scope);
	if (kind_write(kind, object, o->reading->scope, 0, group) != 0)
		object_error(o, NULL, "what it refers to is not there any more");
	if (changes)
		setting_replace_members(group, changes);
	kind->read(o, result);
	if (!o->broken)
		identity_check(o, kind, keyed(kind, object), keyed(kind, result));
	if (!o->broken)
		rules_check(kind, o, result);
	config_setting_wipe(group);
	config_destroy(&tree);
	o->group = changes;
}

int
config_object_update(enum config_kind kind, const void *object, config_setting_t *changes,
	const struct config_scope *scope, void *result, struct report *report)
{
	const struct kind *k = kinds[kind];
	struct reading reading = {.report = report, .scope = scope};
	struct object o = {.reading = &reading,
		.group = changes,
		.table = config_kind_update_table(kind),
		.in = k->noun};

	if (k->update) {
		k->update(&o, object, result);
		if (!o.broken)
			identity_check(&o, k, keyed(k, object), keyed(k, result));
	} else {
		update_by_group(&o, k, object, result);
	}
	if (!o.broken)
		return 0;
	config_object_free(kind, result);
	return -EINVAL;
}

static int
tunnel_translate(uint32_t *i, const struct config_scope *from, const struct config_scope *to)
{
	const char *name = from->tunnel_name(from->arg, *i);

	return name && to->tunnel_find(to->arg, name, i) ? 0 : -ENOENT;
}

static int
port_translate(uint32_t *i, const struct config_scope *from, const struct config_scope *to)
{
	const struct config_port *port = from->port(from->arg, *i);

	return port && to->port_find(to->arg, port->name, i) ? 0 : -ENOENT;
}

static int
route_translate(
	struct config_route *r, const struct config_scope *from, const struct config_scope *to)
{
	switch (r->via) {
	case CONFIG_VIA_ADDRESS:
	case CONFIG_VIA_PORT:
		return port_translate(&r->port, from, to);
	case CONFIG_VIA_TUNNEL:
		return tunnel_translate(&r->tunnel, from, to);
	default:
		return 0;
	}
}

int
config_object_translate(enum config_kind kind, void *object, const struct config_scope *from,
	const struct config_scope *to)
{
	struct config_policy *policy = object;

	switch (kind) {
	case CONFIG_KIND_NEIGHBOUR:
		return port_translate(&((struct config_neighbour *)object)->port, from, to);
	case CONFIG_KIND_SA:
		return tunnel_translate(&((struct config_sa *)object)->tunnel, from, to);
	case CONFIG_KIND_ROUTE:
		return route_translate(object, from, to);
	case CONFIG_KIND_POLICY:
		if (policy->action == SPD_PROTECT)
			return tunnel_translate(&policy->tunnel, from, to);
		return 0;
	default:
		return 0;
	}
}
