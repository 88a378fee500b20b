/* SPDX-License-Identifier: BSD-3-Clause */
#include "methods_look.h"

#include <string.h>

const char *const look_drop_words[] = {
#define X(name, text) #name,
	DROP_REASONS(X)
#undef X
		"any",
	NULL};

void
look_defaults(struct look_params *look)
{
	look->filter = look_filter_all();
	look->filter.tunnel = TUNNEL_NONE;
	look->seconds = LOOK_SECONDS_DEFAULT;
}

struct look_filter
look_filter_of(const struct rpc_call *call, const struct look_params *look)
{
	struct look_filter filter = look->filter;
	const struct tunnel *t = filter.tunnel == TUNNEL_NONE
					 ? NULL
					 : gateway_tunnel_at(call->context, filter.tunnel);

	filter.by_tunnel = t != NULL;
	if (t)
		filter.tunnel_generation = t->generation;
	return filter;
}

int
look_fail(struct rpc_call *call, const struct key_table *table, int rc, const struct error *err)
{
	const size_t n = strcspn(err->text, ":");
	char field[32];

	if (n >= sizeof(field) || err->text[n] != ':')
		return rpc_error_set(call, rc, NULL, "%s", err->text);
	memcpy(field, err->text, n);
	field[n] = '\0';
	return rpc_error_set(call, rc, key_find(table, field) ? field : NULL, "%s", err->text);
}
