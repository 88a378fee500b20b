/* SPDX-License-Identifier: BSD-3-Clause */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

static const struct key top_keys[] = {
	{"unsafe_static_keys", key_bool, KEY_FIELD(config, unsafe_static_keys)},
	{"ctl_readonly", key_bool, KEY_FIELD(config, ctl_readonly)},
	{"crypto_device", key_text, KEY_FIELD(config, crypto_device)},
	{"limits", key_later, KEY_OBJECT},
	{"worker", key_later, KEY_OBJECT},
	{"icmp", key_later, KEY_OBJECT},
	{"ports", key_later, true, KEY_OBJECT},
	{"neighbours", key_later, KEY_OBJECT},
	{"tunnels", key_later, KEY_OBJECT},
	{"sas", key_later, KEY_OBJECT},
	{"routes", key_later, KEY_OBJECT},
	{"policies", key_later, KEY_OBJECT},
};
const struct key_table config_table = {"", NULL, top_keys, KEY_COUNT(top_keys)};

static const struct key limit_keys[] = {
	{"sas", key_number, KEY_FIELD(config_limits, sas), .min = 16, .max = 1 << 20},
	{"tunnels", key_number, KEY_FIELD(config_limits, tunnels), .min = 1, .max = 65536},
	{"routes4", key_number, KEY_FIELD(config_limits, routes4), .min = 16, .max = 4194304},
	{"routes6", key_number, KEY_FIELD(config_limits, routes6), .min = 16, .max = 1048576},
	{"neighbours", key_number, KEY_FIELD(config_limits, neighbours), .min = 16, .max = 1048576},
	{"reassembly", key_number, KEY_FIELD(config_limits, reassembly), .min = 16, .max = 65536},
};
const struct key_table limits_table = {"limits", NULL, limit_keys, KEY_COUNT(limit_keys)};

static const struct key worker_keys[] = {
	{"idle_polls", key_number, KEY_FIELD(config_worker, idle_polls), .max = 1000000000},
	{"idle_sleep_us", key_number, KEY_FIELD(config_worker, idle_sleep_us), .min = 1,
		.max = 100000},
};
const struct key_table worker_table = {"worker", NULL, worker_keys, KEY_COUNT(worker_keys)};

static const struct key icmp_keys[] = {
	{"errors", key_number, KEY_FIELD(config_icmp, errors), .max = 1000000},
	{"echo", key_number, KEY_FIELD(config_icmp, echo), .max = 1000000},
};
const struct key_table icmp_table = {"icmp", NULL, icmp_keys, KEY_COUNT(icmp_keys)};

const struct key_table *const config_key_tables[] = {&config_table, &limits_table, &worker_table,
	&icmp_table, &ports_table, &neighbours_table, &tunnels_table, &selectors_table, &sas_table,
	&routes_table, &policies_table, NULL};

static struct config *
config_create(const char *name)
{
	struct config *config = array_or_die(1, sizeof(*config));

	config->file = memory_or_die(strdup(name));
	config->limits = (struct config_limits){.sas = 4096,
		.tunnels = 1024,
		.routes4 = 65536,
		.routes6 = 16384,
		.neighbours = 4096,
		.reassembly = 1024};
	config->worker = (struct config_worker){.idle_polls = 1000, .idle_sleep_us = 100};
	config->icmp = (struct config_icmp){.errors = 1000, .echo = 1000};
	return config;
}

static void
group_read(struct object *top, const struct key_table *table, void *target)
{
	struct object o = {.reading = top->reading, .table = table, .label = table->path};

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

/* Later objects refer to earlier ones. */
static void
tree_read(struct reading *reading, const config_t *tree)
{
	struct config *config = reading->config;
	struct object top = {
		.reading = reading, .group = config_root_setting(tree), .table = &config_table};

	object_read(&top, config);
	group_read(&top, &limits_table, &config->limits);
	group_read(&top, &worker_table, &config->worker);
	group_read(&top, &icmp_table, &config->icmp);
	ports_read(&top);
	tunnels_read(&top);
	neighbours_read(&top);
	sas_read(&top);
	routes_read(&top);
	policies_read(&top);
	config_validate(config, reading->report);
	limits_raise(config);
	name_index_free(&reading->ports);
	name_index_free(&reading->tunnels);
}

/* Overwrites all strings: among them are keys, possibly where none should be. */
static void
tree_wipe(config_setting_t *setting)
{
	if (config_setting_type(setting) == CONFIG_TYPE_STRING && setting->value.sval)
		explicit_bzero(setting->value.sval, strlen(setting->value.sval));
	if (!config_setting_is_aggregate(setting))
		return;
	for (int i = 0; i < config_setting_length(setting); i++)
		tree_wipe(config_setting_get_elem(setting, (unsigned int)i));
}

static void
text_parse(struct config *config, const struct config_text *text, struct report *report)
{
	struct reading reading = {.config = config, .report = report, .text = text};
	config_t tree;

	config_init(&tree);
	if (config_read_string(&tree, text->buffer.data)) {
		tree_read(&reading, &tree);
	} else {
		struct config_text_line where =
			config_text_where(text, (unsigned int)config_error_line(&tree));

		report_add(report, where.file ? where.file : config->file, where.line, NULL,
			"%s: what stands here, or just before, is not as it should be "
			"(name = value; with a quote or bracket missing?)",
			config_error_text(&tree));
	}
	tree_wipe(config_root_setting(&tree));
	config_destroy(&tree);
}

/* ok: the text could be had. Takes config. */
static struct config *
text_load(struct config *config, struct config_text *text, bool ok, struct report *report,
	size_t entries)
{
	if (ok)
		text_parse(config, text, report);
	config_text_free(text);
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
	/* a large file's tree took several times what is kept, and lies between what is kept */
	malloc_trim(0);
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
	for (uint32_t i = 0; i < config->n_ports; i++) {
		free(config->ports[i].addresses);
		free(config->ports[i].protected_prefixes);
	}
	for (uint32_t i = 0; i < config->n_tunnels; i++)
		free(config->tunnels[i].tunnel.selectors);
	if (config->sas)
		explicit_bzero(config->sas, config->n_sas * sizeof(config->sas[0]));
	for (uint32_t i = 0; i < config->n_strings; i++)
		free(config->strings[i]);
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
