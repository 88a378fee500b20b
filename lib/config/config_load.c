/* SPDX-License-Identifier: BSD-3-Clause */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

enum { PIECE_BYTES = 4096, TRIM_ELEMENTS = 2000 };

static const struct key top_keys[] = {
	{"unsafe_static_keys", &key_bool, KEY_FIELD(config, unsafe_static_keys),
		.help = "must be true when sas carry keys"},
	{"ctl_readonly", &key_bool, KEY_FIELD(config, ctl_readonly),
		.help = "everybody on this machine may read at the control socket"},
	{"crypto_device", &key_text, KEY_FIELD(config, crypto_device),
		.help = "name of the cryptodev to use"},
	{"limits", &key_group, KEY_FIELD(config, limits), .table = &limits_table,
		.help = "sizes of tables"},
	{"worker", &key_group, KEY_FIELD(config, worker), .table = &worker_table,
		.help = "how workers behave"},
	{"icmp", &key_group, KEY_FIELD(config, icmp), .table = &icmp_table,
		.help = "how often the gateway answers for itself"},
	{"ports", &key_list, true, KEY_OBJECT, .table = &ports_table,
		.help = "network devices and VLANs on them"},
	{"neighbours", &key_list, KEY_OBJECT, .table = &neighbours_table,
		.help = "static neighbours: hosts that answer no ARP or ND"},
	{"tunnels", &key_list, KEY_OBJECT, .table = &tunnels_table,
		.help = "point-to-point links to other gateways"},
	{"sas", &key_list, KEY_OBJECT, .table = &sas_table,
		.help = "security associations with static keys"},
	{"routes", &key_list, KEY_OBJECT, .table = &routes_table, .help = "what leads where"},
	{"policies", &key_list, KEY_OBJECT, .table = &policies_table, .help = "the ordered SPD"},
};
const struct key_table config_table = {"", NULL, top_keys, KEY_COUNT(top_keys)};

static const struct key limit_keys[] = {
	{"sas", &key_number, KEY_FIELD(config_limits, sas), .min = 16, .max = 1 << 20,
		.help = "security associations, both directions together"},
	{"tunnels", &key_number, KEY_FIELD(config_limits, tunnels), .min = 1, .max = 65536,
		.help = "tunnels"},
	{"routes4", &key_number, KEY_FIELD(config_limits, routes4), .min = 16, .max = 4194304,
		.help = "IPv4 routes of each table"},
	{"routes6", &key_number, KEY_FIELD(config_limits, routes6), .min = 16, .max = 1048576,
		.help = "IPv6 routes of each table"},
	{"neighbours", &key_number, KEY_FIELD(config_limits, neighbours), .min = 16, .max = 1048576,
		.help = "neighbours, static and learnt"},
	{"reassembly", &key_number, KEY_FIELD(config_limits, reassembly), .min = 16, .max = 65536,
		.help = "packets under reassembly on each worker"},
};
const struct key_table limits_table = {"limits", NULL, limit_keys, KEY_COUNT(limit_keys)};

static const struct key worker_keys[] = {
	{"idle_polls", &key_number, KEY_FIELD(config_worker, idle_polls), .max = 1000000000,
		.help = "empty polls before the first sleep; 0: never sleep"},
	{"idle_sleep_us", &key_number, KEY_FIELD(config_worker, idle_sleep_us), .min = 1,
		.max = 100000, .help = "longest sleep, in microseconds"},
};
const struct key_table worker_table = {"worker", NULL, worker_keys, KEY_COUNT(worker_keys)};

static const struct key icmp_keys[] = {
	{"errors", &key_number, KEY_FIELD(config_icmp, errors), .max = 1000000,
		.help = "ICMP errors sent a second, and in one burst; 0: none"},
	{"echo", &key_number, KEY_FIELD(config_icmp, echo), .max = 1000000,
		.help = "echo requests answered a second, and in one burst; 0: none"},
};
const struct key_table icmp_table = {"icmp", NULL, icmp_keys, KEY_COUNT(icmp_keys)};

const struct key_table *const config_key_tables[] = {&config_table, &limits_table, &worker_table,
	&icmp_table, &ports_table, &neighbours_table, &tunnels_table, &selectors_table, &sas_table,
	&routes_table, &policies_table, NULL};

void
config_defaults(struct config *config)
{
	config->limits = (struct config_limits){.sas = 4096,
		.tunnels = 1024,
		.routes4 = 65536,
		.routes6 = 16384,
		.neighbours = 4096,
		.reassembly = 1024};
	config->worker = (struct config_worker){.idle_polls = 1000, .idle_sleep_us = 100};
	config->icmp = (struct config_icmp){.errors = 1000, .echo = 1000};
}

static struct config *
config_create(const char *name)
{
	struct config *config = array_or_die(1, sizeof(*config));

	config->file = memory_or_die(strdup(name));
	config_defaults(config);
	return config;
}

static void
group_read(struct object *top, const struct key_table *table, void *target)
{
	struct object o = {.reading = top->reading, .table = table, .in = table->path};

	o.group = object_get(top, table->path);
	if (o.group)
		object_read(&o, target);
}

/* A limit below what is configured means: what is configured. */
static void
limits_raise(struct config *config)
{
	struct config_limits *l = &config->limits;
	uint32_t routes4 = 0, routes6 = 0;

	for (uint32_t i = 0; i < config->n_routes; i++)
		*(config->routes[i].prefix.addr.family == 4 ? &routes4 : &routes6) += 1;
	l->sas = l->sas > config->n_sas ? l->sas : config->n_sas;
	l->tunnels = l->tunnels > config->n_tunnels ? l->tunnels : config->n_tunnels;
	l->routes4 = l->routes4 > routes4 ? l->routes4 : routes4;
	l->routes6 = l->routes6 > routes6 ? l->routes6 : routes6;
	l->neighbours = l->neighbours > config->n_neighbours ? l->neighbours : config->n_neighbours;
}

/* Reads the list of a kind. */
static void
list_read(struct object *top, const struct kind *kind)
{
	char *config = (char *)top->reading->config;
	const struct config_scope *scope = top->reading->scope;
	const char *key = kind->table->path;
	uint32_t n = list_length(top, key);
	char *objects;

	if (kind->most && n > kind->most) {
		object_error(top, key, "%u %s: %u are the most", n, kind->plural, kind->most);
		return;
	}
	objects = array_or_die(n, kind->bytes);
	*(void **)(void *)(config + kind->array_offset) = objects;
	*(uint32_t *)(void *)(config + kind->count_offset) = n;
	for (uint32_t i = 0; i < n; i++) {
		fibre_rest();
		struct object o = list_object(top, key, i, kind->table);
		char *object = objects + i * kind->bytes;

		kind->defaults(object, NULL, scope);
		kind->read(&o, object);
		*(struct config_origin *)(void *)(object + kind->origin_offset) = object_origin(&o);
	}
}

static bool
list_is_empty(const struct object *top, const char *key)
{
	const config_setting_t *list = object_get(top, key);

	return list && config_setting_is_list(list) && config_setting_length(list) == 0;
}

static void
ports_read(struct object *top)
{
	if (list_is_empty(top, "ports"))
		object_error(top, "ports", "is empty: a gateway has at least one port");
	list_read(top, &port_kind);
}

static void
sas_read(struct object *top, struct config *config)
{
	if (object_get(top, "sas") && !list_is_empty(top, "sas") && !config->unsafe_static_keys)
		object_error(top, "sas",
			"keys in a file need unsafe_static_keys = true: never renewed, known to "
			"all who read the file, they are for tests");
	list_read(top, &sa_kind);
	for (uint32_t i = 0; i < config->n_sas; i++)
		config->sas[i].sa.static_key = true;
}

/* Later objects refer to earlier ones. */
static void
objects_read(struct object *top, struct config_view *view, struct config *config)
{
	ports_read(top);
	config_view_index_ports(view);
	list_read(top, &tunnel_kind);
	config_view_index_tunnels(view);
	list_read(top, &neighbour_kind);
	sas_read(top, config);
	list_read(top, &route_kind);
	list_read(top, &policy_kind);
}

static void
tree_read(const config_t *tree, struct config *config, const struct config_text *text,
	struct report *report)
{
	struct config_view view;
	struct reading reading = {
		.report = report, .scope = &view.scope, .config = config, .text = text};
	struct object top = {
		.reading = &reading, .group = config_root_setting(tree), .table = &config_table};

	config_view_init(&view, config);
	object_read(&top, config);
	group_read(&top, &limits_table, &config->limits);
	group_read(&top, &worker_table, &config->worker);
	group_read(&top, &icmp_table, &config->icmp);
	objects_read(&top, &view, config);
	config_validate(config, &view.scope, report);
	limits_raise(config);
	config_view_free(&view);
}

/* The text on its way to libconfig, in pieces. */
struct pieces {
	const char *at;
	size_t left;
};

static ssize_t
piece_read(void *cookie, char *to, size_t n)
{
	struct pieces *p = cookie;

	fibre_rest();
	n = n < p->left ? n : p->left;
	memcpy(to, p->at, n);
	p->at += n;
	p->left -= n;
	return (ssize_t)n;
}

/* false: with the error in the tree. */
static bool
parse(config_t *tree, const struct config_text *text)
{
	struct pieces pieces = {text->buffer.data, text->buffer.length};
	const cookie_io_functions_t functions = {.read = piece_read};
	FILE *stream = memory_or_die(fopencookie(&pieces, "r", functions));
	char buffer[PIECE_BYTES];
	bool ok;

	setvbuf(stream, buffer, _IOFBF, sizeof(buffer));
	ok = config_read(tree, stream);
	fclose(stream);
	explicit_bzero(buffer, sizeof(buffer));
	return ok;
}

/*
 * Element by element, from the end, where that moves nothing. A large file's tree takes several
 * times what is kept: what it leaves goes back to the system as it becomes free, some megabytes at
 * a time, and not all at the end, when others would wait for it.
 */
static void
tree_free(config_t *tree)
{
	config_setting_t *root = config_root_setting(tree);
	unsigned int freed = 0;

	for (int i = 0; i < config_setting_length(root); i++) {
		config_setting_t *list = config_setting_get_elem(root, (unsigned int)i);

		if (!config_setting_is_list(list))
			continue;
		for (int k = config_setting_length(list); k-- > 0;) {
			config_setting_wipe(config_setting_get_elem(list, (unsigned int)k));
			config_setting_remove_elem(list, (unsigned int)k);
			if (++freed % TRIM_ELEMENTS == 0)
				malloc_trim(0);
			fibre_rest();
		}
	}
	config_setting_wipe(root);
	config_destroy(tree);
}

static void
text_parse(struct config *config, const struct config_text *text, struct report *report)
{
	config_t tree;

	config_init(&tree);
	if (parse(&tree, text)) {
		tree_read(&tree, config, text, report);
	} else {
		struct config_text_line where =
			config_text_where(text, (unsigned int)config_error_line(&tree));

		report_add(report, where.file ? where.file : config->file, where.line, NULL,
			"%s: what stands here, or just before, is not as it should be "
			"(name = value; with a quote or bracket missing?)",
			config_error_text(&tree));
	}
	tree_free(&tree);
}

/* ok: the text could be had. Takes config. */
static struct config *
text_load(struct config *config, struct config_text *text, bool ok, struct report *report,
	size_t entries)
{
	if (ok)
		text_parse(config, text, report);
	fibre_rest();
	config_text_free(text);
	fibre_rest();
	if (report->count == entries)
		return config;
	config_free(config);
	return NULL;
}

struct config *
config_load(const char *path, struct report *report)
{
	struct config *config = config_create(path);
	struct config_text text = {0};
	size_t entries = report->count;
	bool ok = config_text_from_file(&text, config, path, report);

	config = text_load(config, &text, ok, report, entries);
	fibre_rest();
	malloc_trim(0);
	fibre_rest();
	return config;
}

struct config *
config_load_string(const char *string, const char *name, struct report *report)
{
	struct config *config = config_create(name);
	struct config_text text = {0};
	size_t entries = report->count;
	bool ok = config_text_from_string(&text, config, string, report);

	return text_load(config, &text, ok, report, entries);
}

void
config_free(struct config *config)
{
	if (!config)
		return;
	for (uint32_t i = 0; i < config->n_ports; i++)
		config_object_free(CONFIG_KIND_PORT, &config->ports[i]);
	for (uint32_t i = 0; i < config->n_tunnels; i++)
		config_object_free(CONFIG_KIND_TUNNEL, &config->tunnels[i]);
	wipe_in_turns(config->sas, config->n_sas * sizeof(config->sas[0]));
	for (uint32_t i = 0; i < config->n_strings; i++) {
		free(config->strings[i]);
		fibre_rest();
	}
	free(config->strings);
	free(config->ports);
	free(config->neighbours);
	free(config->tunnels);
	free(config->sas);
	free(config->routes);
	free(config->policies);
	free(config->file);
	free(config);
}
