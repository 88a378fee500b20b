/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef JSON_EACH_H
#define JSON_EACH_H

#include <jansson.h>
#include <stdint.h>

/* json_object_foreach over an object that is only read: jansson's iterators take no const. */
#define json_each(object, key, value)                                                              \
	json_object_foreach ((json_t *)(uintptr_t)(object), key, value)

#endif
