/* SPDX-License-Identifier: BSD-3-Clause */
#include "vectors.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

json_t *
vectors_load(const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error);

	if (root == NULL)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	return root;
}

const char *
vector_text(const json_t *vector, const char *name)
{
	const char *text = json_string_value(json_object_get(vector, name));

	if (text == NULL)
		fail_msg("a vector without \"%s\"", name);
	return text;
}

uint32_t
vector_bytes(const json_t *vector, const char *name, uint8_t *bytes, uint32_t room)
{
	const char *text = vector_text(vector, name);
	uint32_t n = (uint32_t)strlen(text) / 2;

	assert_int_equal(strlen(text) % 2, 0);
	assert_true(n <= room);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(sscanf(text + 2 * (size_t)i, "%2hhx", &bytes[i]), 1);
	return n;
}
