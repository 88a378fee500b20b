/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_EQUAL_H
#define CONFIG_EQUAL_H

/* Whether two configurations say the same: for tests and the fuzzer. */

#include <string.h>

#include "config_read.h"

/* The first table in which they differ, or NULL. */
static inline const char *
config_difference(const struct config *a, const struct config *b)
{
	for (size_t i = 0; i < config_table.count; i++) {
		const struct key *key = &config_table.keys[i];

		if (!key_is_equal(key, a, b) ||
			(key->type == &key_group &&
				!object_equal(key->table, (const char *)a + key->offset,
					(const char *)b + key->offset)))
			return key->name;
	}
	for (unsigned int k = 0; k < CONFIG_KIND_COUNT; k++) {
		const struct kind *kind = kind_get((enum config_kind)k);
		uint32_t n, m;
		const char *x = kind_objects(kind, a, &n), *y = kind_objects(kind, b, &m);

		if (n != m)
			return kind->table->path;
		for (uint32_t i = 0; i < n; i++)
			if (!config_object_equal(
				    (enum config_kind)k, x + i * kind->bytes, y + i * kind->bytes))
				return kind->table->path;
	}
	return NULL;
}

#endif
