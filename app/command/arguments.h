/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

/* What a person writes behind noun and verb, as the parameters of a method. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "errmsg.h"
#include "method.h"

/* Where arguments may take more from. */
struct argument_sources {
	bool files;   /* "@FILE" is read */
	bool regular; /* but nothing that could be waited for, as a FIFO */
	FILE *in;     /* what "-" reads; NULL: nothing */
};

/*
 * key=value (the type comes from the method's parameters), a JSON object, values without a key for
 * the parameters that name an object ("tunnel get ipsec0", "sa get 0x1001 out"), and "@FILE" or "-"
 * for a JSON object from a file or stdin. key=@FILE and key=- take an SA's key from there.
 * Selectors: selectors.local=… selectors.remote=…, a further selectors.local begins the next one.
 *
 * A new object in *params (an empty one for no words), or -EINVAL with what is wrong.
 */
int arguments_read(const struct method *method, const char *const *words, size_t count,
	const struct argument_sources *sources, json_t **params, struct error *err);

/* The value of one parameter from its text, by its type; NULL with what is wrong. param: as
 * rpc.methods describes it, or NULL. */
json_t *argument_value(const char *name, const json_t *param, const char *text,
	const struct argument_sources *sources, struct error *err);

/* A whole JSON object from "{…}", "@FILE" or "-"; NULL with what is wrong. */
json_t *argument_object(
	const char *text, const struct argument_sources *sources, struct error *err);

/* Whether the argument carries a key itself: it must not stay in history or in argv. */
bool argument_is_secret(const char *word);

#endif
