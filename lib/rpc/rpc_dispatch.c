/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc_internal.h"
#include "secret.h"
#include "suggest.h"

static int
compare(const void *a, const void *b)
{
	const struct rpc_method *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static size_t
table_add(const struct rpc_method **to, const struct rpc_method *table)
{
	size_t n = 0;

	for (; table[n].name; n++)
		if (to)
			to[n] = &table[n];
	return n;
}

int
rpc_methods_index(struct rpc_server *s)
{
	size_t n = table_add(NULL, rpc_own_methods), at;

	for (size_t i = 0; s->options.tables && s->options.tables[i]; i++)
		n += table_add(NULL, s->options.tables[i]);
	s->methods = calloc(n + 1, sizeof(s->methods[0]));
	s->names = calloc(n + 1, sizeof(s->names[0]));
	if (!s->methods || !s->names)
		return -ENOMEM;
	at = table_add(s->methods, rpc_own_methods);
	for (size_t i = 0; s->options.tables && s->options.tables[i]; i++)
		at += table_add(s->methods + at, s->options.tables[i]);
	qsort(s->methods, n, sizeof(s->methods[0]), compare);
	for (size_t i = 0; i < n; i++)
		s->names[i] = s->methods[i]->name;
	s->n_methods = n;
	return 0;
}

const struct rpc_method *
rpc_method_find(const struct rpc_server *s, const char *name)
{
	const struct rpc_method wanted = {.name = name}, *key = &wanted;
	const struct rpc_method **found =
		bsearch(&key, s->methods, s->n_methods, sizeof(s->methods[0]), compare);

	return found ? *found : NULL;
}

bool
rpc_members_known(
	const json_t *object, const char *const *names, const char *what, struct rpc_error *error)
{
	void *at = json_object_iter((json_t *)(uintptr_t)object);
	size_t n = 0;

	while (names[n])
		n++;
	for (; at; at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
		const char *name = json_object_iter_key(at), *near;
		size_t i = 0;

		while (names[i] && strcmp(names[i], name) != 0)
			i++;
		if (names[i])
			continue;
		near = suggest(name, names, n);
		rpc_error_format(error, RPC_INVALID_REQUEST, "%s has no member \"%.64s\"%s%s%s",
			what, name, near ? ": did you mean \"" : "", near ? near : "",
			near ? "\"?" : "");
		return false;
	}
	return true;
}

bool
rpc_method_unknown(const struct rpc_server *s, const char *name, struct rpc_error *error)
{
	const char *near = suggest(name, s->names, s->n_methods);

	rpc_error_format(error, RPC_UNKNOWN_METHOD, "there is no method \"%.64s\"%s%s%s", name,
		near ? ": did you mean \"" : "; rpc.methods lists them", near ? near : "",
		near ? "\"?" : "");
	return false;
}

/* A call with its parameters read. */
struct made_call {
	const struct rpc_method *method;
	struct rpc_call *call;
	const void *params;
};

static int
call_make(void *arg)
{
	const struct made_call *made = arg;
	json_t *params = made->call->params;
	int rc;

	/* methods take out what they have read, and this one may be called again */
	if (made->method->joins)
		made->call->params = json_copy(params);
	rc = made->method->call(made->call, made->params);
	if (made->method->joins) {
		json_decref(made->call->params);
		made->call->params = params;
	}
	if (rc != 0 && made->call->error.code == 0)
		rpc_error_set(made->call, rc, NULL, "%s", strerror(-rc));
	return rc;
}

static void
call_unmake(void *arg)
{
	const struct made_call *made = arg;

	json_decref(made->call->result);
	made->call->result = NULL;
}

/* 0/-errno with call->error. */
static int
call_in_change(struct made_call *made)
{
	const struct rpc_change change = {.make = call_make,
		.unmake = call_unmake,
		.arg = made,
		.joins = made->method->joins};
	struct error err;
	int rc = rpc_change(made->call->server, &change, &err);

	if (rc != 0 && made->call->error.code == 0)
		rpc_error_set(made->call, rc, NULL, "%s", err.text);
	return rc;
}

/* A long list item by item. */
static void
result_free(json_t *result)
{
	const char *key;
	json_t *member;

	json_object_foreach (result, key, member)
		while (member->refcount == 1 && json_array_size(member) > 0) {
			json_array_remove(member, json_array_size(member) - 1);
			fibre_rest();
		}
	json_decref(result);
}

bool
rpc_method_call(struct rpc_client *c, const struct rpc_method *m, json_t *params, bool change,
	struct rpc_text *result, struct rpc_error *error)
{
	struct rpc_call call = {
		.context = c->server->options.context,
		.server = c->server,
		.client = c,
		.params = params,
	};
	struct made_call made = {.method = m, .call = &call};
	void *target = NULL;
	int rc = rpc_params_read(m, &call, &target);

	made.params = target;
	if (rc == 0)
		rc = change && m->writes ? call_in_change(&made) : call_make(&made);
	rpc_params_free(m, target);
	if (rc == 0) {
		if (call.result)
			rpc_text_json(result, call.result);
		else
			rpc_text_string(result, "{}");
	}
	result_free(call.result);
	if (rc == 0)
		rpc_error_clear(&call.error);
	else
		*error = call.error;
	return rc == 0;
}

bool
rpc_method_allowed(struct rpc_client *c, const struct rpc_method *m, struct rpc_error *error)
{
	if (!m->writes || c->may_write)
		return true;
	rpc_error_format(error, RPC_NOT_PERMITTED,
		"%s changes the gateway, and you may only read: root and members of the group of "
		"--ctl-group may change it",
		m->name);
	return false;
}

bool
rpc_dispatch(struct rpc_client *c, const char *method, json_t *params, struct rpc_text *result,
	struct rpc_error *error)
{
	const struct rpc_method *m = rpc_method_find(c->server, method);

	if (!m)
		return rpc_method_unknown(c->server, method, error);
	if (!rpc_method_allowed(c, m, error))
		return false;
	if (!m->call)
		return rpc_batch(c, params, result, error);
	return rpc_method_call(c, m, params, true, result, error);
}
