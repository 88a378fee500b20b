/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef METHOD_H
#define METHOD_H

/*
 * The methods of a gateway, as its rpc.methods tells them, and the words that a person has for
 * them: "sa add" for sa.add, "tunnel show ipsec0" for tunnel.get. Nothing here knows the methods
 * themselves, so a new one has its words at once.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "errmsg.h"

enum { METHOD_WORD_BYTES = 32 };

struct method {
	const char *name;             /* "sa.add" */
	char noun[METHOD_WORD_BYTES]; /* "sa" */
	char verb[METHOD_WORD_BYTES]; /* "add"; "" for a method without a dot */
	const char *summary;
	bool writes;
	json_t *params; /* array of {"name", "type", "required", …}; borrowed, may be NULL */
};

struct methods {
	json_t *document; /* what the strings are in */
	struct method *at;
	size_t count;
};

/* Takes a new reference to the result of rpc.methods. 0, or -EINVAL when it is none. */
int methods_read(struct methods *methods, json_t *result, struct error *err);
void methods_free(struct methods *methods);

const struct method *methods_find(const struct methods *methods, const char *name);

/*
 * The method that the words begin with, and in *used how many of them said so. Aliases are known
 * (show, set, del, ls, plurals), also the verb before the noun ("show tunnel"). A noun alone is its
 * list, or what can be got without parameters. NULL with a message that says what would be right.
 * more: words that are commands of the caller's own, ending with NULL, for suggestions only.
 */
const struct method *methods_resolve(const struct methods *methods, const char *const *words,
	size_t count, const char *const *more, size_t *used, struct error *err);

/* The noun that the word means ("tunnels", "neighbor"), or NULL. */
const char *methods_noun(const struct methods *methods, const char *word);

/* The one of the method's parameters, or NULL. */
const json_t *method_param(const struct method *method, const char *name);
const char *method_param_name(const json_t *param);
/* Whether it has to be given. */
bool method_param_required(const json_t *param);
bool method_needs_params(const struct method *method);

/* The keys that name an object of the noun, in the order in which a person says them: NULL after
 * the last. */
enum { METHOD_NAMES = 5 };
const char *const *method_names(const char *noun);

/* "list, get, add": the verbs of the noun. Returns buf. */
const char *methods_verbs(const struct methods *methods, const char *noun, char *buf, size_t bytes);

/* The words for verbs that are no methods' names: "show", NULL after the last. */
const char *method_alias(size_t i);

#endif
