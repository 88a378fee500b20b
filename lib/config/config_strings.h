/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_STRINGS_H
#define CONFIG_STRINGS_H

/* Memory of the reading: it ends the process when there is none left, as report_add does. */

#include "config.h"

void *memory_or_die(void *memory);

/* A zeroed array; NULL for none. */
void *array_or_die(size_t count, size_t bytes);
/* A copy of so many, for the caller to free; NULL of none. */
void *copy_or_die(const void *from, size_t count, size_t bytes);

/* Overwrites what may have been a key, piece by piece: others have their turn meanwhile. */
void wipe_in_turns(void *memory, size_t bytes);

/* The string, which came from malloc, becomes the configuration's. */
const char *config_string_own(struct config *config, char *string);

#endif
