/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPC_TEXT_H
#define RPC_TEXT_H

/* Text that grows at its end and is taken from its front: answers on their way. No keys in it. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct rpc_text {
	char *data;
	size_t start, length; /* what is there: length bytes from start */
	size_t capacity;
	bool failed; /* no memory: something is missing in it */
};

void rpc_text_add(struct rpc_text *t, const char *bytes, size_t n);
void rpc_text_string(struct rpc_text *t, const char *string);
void rpc_text_json(struct rpc_text *t, const json_t *value);

/* All of `from`, which is empty then. */
void rpc_text_move(struct rpc_text *t, struct rpc_text *from);

/* Takes n bytes off the front; the memory goes when nothing is left. */
void rpc_text_take(struct rpc_text *t, size_t n);

/* Forgets what was added since the text was `length` long. */
void rpc_text_cut(struct rpc_text *t, size_t length);

void rpc_text_free(struct rpc_text *t);

#endif
