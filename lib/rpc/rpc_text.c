/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc_text.h"

#include <stdlib.h>
#include <string.h>

#include "fibre.h"

/* A long text grows where it is: the system moves its pages and nothing is copied. */
static bool
room(struct rpc_text *t, size_t n)
{
	size_t capacity = (t->length + n) * 2;
	char *grown;

	if (t->start + t->length + n <= t->capacity)
		return true;
	if (t->start) {
		memmove(t->data, t->data + t->start, t->length);
		t->start = 0;
	}
	if (t->length + n <= t->capacity / 2)
		return true;
	grown = realloc(t->data, capacity);
	if (!grown)
		return false;
	t->data = grown;
	t->capacity = capacity;
	return true;
}

void
rpc_text_add(struct rpc_text *t, const char *bytes, size_t n)
{
	if (t->failed || !room(t, n)) {
		t->failed = true;
		return;
	}
	if (n)
		memcpy(t->data + t->start + t->length, bytes, n);
	t->length += n;
}

void
rpc_text_string(struct rpc_text *t, const char *string)
{
	rpc_text_add(t, string, strlen(string));
}

static int
add_dumped(const char *bytes, size_t n, void *text)
{
	rpc_text_add(text, bytes, n);
	fibre_rest();
	return 0;
}

void
rpc_text_json(struct rpc_text *t, const json_t *value)
{
	if (json_dump_callback(value, add_dumped, t,
		    JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) != 0)
		t->failed = true;
}

void
rpc_text_move(struct rpc_text *t, struct rpc_text *from)
{
	if (t->length == 0 && !t->failed) {
		free(t->data);
		*t = *from;
		*from = (struct rpc_text){0};
		return;
	}
	if (from->length)
		rpc_text_add(t, from->data + from->start, from->length);
	t->failed |= from->failed;
	rpc_text_free(from);
}

void
rpc_text_take(struct rpc_text *t, size_t n)
{
	t->start += n;
	t->length -= n;
	if (t->length == 0 && !t->failed)
		rpc_text_free(t);
}

void
rpc_text_cut(struct rpc_text *t, size_t length)
{
	t->length = length;
}

void
rpc_text_free(struct rpc_text *t)
{
	free(t->data);
	*t = (struct rpc_text){0};
}
