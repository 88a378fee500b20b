/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VECTORS_H
#define VECTORS_H

/* Reading files of test vectors; what is not as it should be ends the test. */

#include <jansson.h>
#include <stdint.h>

json_t *vectors_load(const char *path);

const char *vector_text(const json_t *vector, const char *name);

/* The bytes of a member in hex digits, at most `room`; returns how many. */
uint32_t vector_bytes(const json_t *vector, const char *name, uint8_t *bytes, uint32_t room);

#endif
