/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"
#include "suggest.h"

const char *
hint(char buf[HINT_BYTES], const char *word, const char *const *known, size_t count)
{
	const char *near = suggest(word, known, count);

	buf[0] = '\0';
	if (near)
		snprintf(buf, HINT_BYTES, " (did you mean \"%s\"?)", near);
	return buf;
}

static int
compare_entries(const void *a, const void *b)
{
	const struct name_entry *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

void
name_index_build(struct name_index *index, uint32_t count,
	const char *(*name)(const struct config *config, uint32_t i), const struct config *config)
{
	index->entries = array_or_die(count, sizeof(index->entries[0]));
	index->count = count;
	for (uint32_t i = 0; i < count; i++)
		index->entries[i] = (struct name_entry){name(config, i), i};
	if (count)
		qsort(index->entries, count, sizeof(index->entries[0]), compare_entries);
}

void
name_index_free(struct name_index *index)
{
	free(index->entries);
	*index = (struct name_index){0};
}

bool
name_index_find(const struct name_index *index, const char *name, uint32_t *i)
{
	uint32_t low = 0, high = index->count;

	/* The first of equal names: a second one is an error of its own. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (strcmp(index->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == index->count || strcmp(index->entries[low].name, name) != 0)
		return false;
	*i = index->entries[low].index;
	return true;
}

/* To be freed. */
static const char **
tunnel_names(const struct config_scope *scope, uint32_t *count)
{
	const char **names;

	*count = scope->tunnel_count(scope->arg);
	names = array_or_die(*count, sizeof(names[0]));
	for (uint32_t i = 0; i < *count; i++)
		names[i] = scope->tunnel_name(scope->arg, i);
	return names;
}

static const char **
port_names(const struct config_scope *scope, uint32_t *count)
{
	const char **names;

	*count = scope->port_count(scope->arg);
	names = array_or_die(*count, sizeof(names[0]));
	for (uint32_t i = 0; i < *count; i++) {
		const struct config_port *port = scope->port(scope->arg, i);

		names[i] = port ? port->name : NULL;
	}
	return names;
}

const char *
hint_tunnel(char buf[HINT_BYTES], const char *word, const struct config_scope *scope)
{
	uint32_t count;
	const char **names = tunnel_names(scope, &count);

	hint(buf, word, names, count);
	free(names);
	return buf;
}

const char *
hint_port(char buf[HINT_BYTES], const char *word, const struct config_scope *scope)
{
	uint32_t count;
	const char **names = port_names(scope, &count);

	hint(buf, word, names, count);
	free(names);
	return buf;
}

/* " (there are: lan, wan)", as many as there is room for. */
static void
list_names(char buf[HINT_BYTES], const char *const *names, uint32_t count)
{
	static const char more[] = ", …)";
	size_t used =
		(size_t)snprintf(buf, HINT_BYTES, " (there %s", count ? "are: " : "is none yet)");

	for (uint32_t i = 0; i < count; i++) {
		const char *name = names[i] ? names[i] : "";

		if (used + strlen(name) + 2 + sizeof(more) > HINT_BYTES) {
			snprintf(buf + used, HINT_BYTES - used, "%s", more);
			return;
		}
		used += (size_t)snprintf(buf + used, HINT_BYTES - used, "%s%s%s", i ? ", " : "",
			name, i + 1 == count ? ")" : "");
	}
}

/* The nearest of the names, or all of them; frees the array. */
static const char *
hint_or_list(char buf[HINT_BYTES], const char *word, const char **names, uint32_t count)
{
	if (!hint(buf, word, names, count)[0])
		list_names(buf, names, count);
	free(names);
	return buf;
}

const char *
hint_tunnels(char buf[HINT_BYTES], const char *word, const struct config_scope *scope)
{
	uint32_t count;
	const char **names = tunnel_names(scope, &count);

	return hint_or_list(buf, word, names, count);
}

const char *
hint_ports(char buf[HINT_BYTES], const char *word, const struct config_scope *scope)
{
	uint32_t count;
	const char **names = port_names(scope, &count);

	return hint_or_list(buf, word, names, count);
}
