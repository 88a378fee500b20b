/* SPDX-License-Identifier: BSD-3-Clause */

/* sa.* and spi.allocate */

#include <errno.h>

#include <rte_cycles.h>

#include "config_read.h"
#include "methods_objects.h"

/* How an SA is named. */
struct sa_name {
	uint32_t spi;
	enum sa_direction direction;
	uint32_t tunnel; /* TUNNEL_NONE: not said */
};

static const char *const direction_words[] = {"out", "in", NULL};

static const struct key name_keys[] = {
	{"spi", &key_number, true, KEY_FIELD(sa_name, spi), .min = 256, .max = UINT32_MAX,
		.help = "security parameters index"},
	{"direction", &key_word, true, KEY_FIELD(sa_name, direction), .words = direction_words,
		.help = "of the packets that it is for"},
	{"tunnel", &key_tunnel, KEY_FIELD(sa_name, tunnel),
		.help = "where SAs of several tunnels have the SPI"},
};
static const struct key_table name_table = {"params", NULL, name_keys, KEY_COUNT(name_keys)};

static void
name_defaults(void *params)
{
	((struct sa_name *)params)->tunnel = TUNNEL_NONE;
}

static int
sa_find(struct rpc_call *call, enum sa_direction direction, uint32_t spi, uint32_t tunnel,
	struct gateway_sa **sa)
{
	bool ambiguous;

	*sa = gateway_sa_find(call->context, direction, spi, tunnel, &ambiguous);
	if (!*sa)
		return rpc_error_set(call, -ENOENT, "spi", "there is no %s SA with SPI 0x%08x%s",
			direction == SA_IN ? "inbound" : "outbound", spi,
			tunnel == TUNNEL_NONE ? "" : " in that tunnel");
	if (ambiguous)
		return rpc_error_set(call, -EINVAL, "tunnel",
			"SAs of several tunnels have SPI 0x%08x: name the tunnel", spi);
	return 0;
}

/* --- what an SA looks like */

static const char *
state_word(const struct gateway_sa *s)
{
	if (s->over)
		return "ended";
	return s->sa->soft_told ? "ending" : "live";
}

/* Seconds until a deadline; null: there is none. */
static json_t *
seconds_left(uint64_t deadline_ms, uint64_t now_ms)
{
	if (!deadline_ms)
		return json_null();
	return json_integer(deadline_ms > now_ms ? (json_int_t)((deadline_ms - now_ms) / 1000) : 0);
}

static json_t *
sa_state(const struct gateway_sa *s)
{
	const struct sa_hot *hot = &s->sa->hot;
	uint64_t age = (rte_rdtsc() - s->sa->created_tsc) / rte_get_tsc_hz();
	uint64_t now = gateway_now_ms();
	json_t *state = json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:o, s:o}", "state",
		state_word(s), "worker", s->sa->owner, "packets",
		(json_int_t)counter_read(&hot->traffic.packets), "bytes",
		(json_int_t)counter_read(&hot->traffic.bytes), "sequence",
		(json_int_t)(s->direction == SA_OUT ? counter_read(&hot->seq_next) - 1
						    : counter_read(&hot->window.top)),
		"age_seconds", (json_int_t)age, "soft_seconds_left", seconds_left(s->soft_ms, now),
		"hard_seconds_left", seconds_left(s->expires_ms, now));

	if (state && s->direction == SA_IN) {
		json_object_set_new(state, "errors_icv",
			json_integer((json_int_t)counter_read(&hot->errors_icv)));
		json_object_set_new(state, "errors_replay",
			json_integer((json_int_t)counter_read(&hot->errors_replay)));
	}
	return state;
}

static json_t *
sa_json(const struct rpc_call *call, const struct gateway_sa *s)
{
	struct config_sa c = gateway_sa_config(s, false);
	json_t *json = object_json(call, CONFIG_KIND_SA, &c);

	json_object_set_new(json, "status", sa_state(s));
	return json;
}

/* --- methods */

static int
add_call(struct rpc_call *call, const void *params)
{
	struct config_sa c;
	struct error err;
	int rc = object_of_call(call, CONFIG_KIND_SA, &c);

	(void)params;
	if (rc != 0)
		return rc;
	rc = gateway_sa_add(call->context, &c, &err);
	if (rc != 0)
		object_fail(call, CONFIG_KIND_SA, rc, &err);
	config_object_free(CONFIG_KIND_SA, &c);
	return rc;
}

/* Lifetimes that are not given stay. */
static int
update_call(struct rpc_call *call, const void *params)
{
	struct sa_name name = {.tunnel = TUNNEL_NONE};
	struct config_sa now, c;
	struct gateway_sa *sa;
	struct error err;
	int rc = name_of_call(call, &name_table, &name);

	(void)params;
	if (rc == 0)
		rc = sa_find(call, name.direction, name.spi, name.tunnel, &sa);
	if (rc != 0)
		return rc;
	now = gateway_sa_config(sa, false);
	rc = object_changed_by_call(call, CONFIG_KIND_SA, &now, &c);
	if (rc != 0)
		return rc;
	rc = gateway_sa_update(call->context, sa, &c.sa.soft, &c.sa.hard, &err);
	if (rc != 0)
		object_fail(call, CONFIG_KIND_SA, rc, &err);
	config_object_free(CONFIG_KIND_SA, &c);
	return rc;
}

static int
delete_call(struct rpc_call *call, const void *params)
{
	const struct sa_name *name = params;
	struct gateway_sa *sa;
	struct error err;
	int rc = sa_find(call, name->direction, name->spi, name->tunnel, &sa);

	if (rc != 0)
		return rc;
	rc = gateway_sa_delete(call->context, sa, &err);
	return rc == 0 ? 0 : object_fail(call, CONFIG_KIND_SA, rc, &err);
}

static int
get_call(struct rpc_call *call, const void *params)
{
	const struct sa_name *name = params;
	struct gateway_sa *sa;
	int rc = sa_find(call, name->direction, name->spi, name->tunnel, &sa);

	if (rc == 0)
		call->result = sa_json(call, sa);
	return rc;
}

struct sa_list {
	struct page page;
	uint32_t tunnel;
	uint32_t direction; /* 0: both; else enum sa_direction plus 1 */
};

static const struct key list_keys[] = {
	PAGE_KEYS(sa_list, page.),
	{"tunnel", &key_tunnel, KEY_FIELD(sa_list, tunnel), .help = "only its SAs"},
	{"direction", &key_word, KEY_FIELD(sa_list, direction), .min = 1, .words = direction_words,
		.help = "only SAs of this direction"},
};
static const struct key_table list_table = {"params", NULL, list_keys, KEY_COUNT(list_keys)};

static void
list_defaults(void *params)
{
	page_defaults(params);
	((struct sa_list *)params)->tunnel = TUNNEL_NONE;
}

static bool
is_listed(const struct sa_list *list, const struct gateway_sa *s)
{
	return s && (list->tunnel == TUNNEL_NONE || s->tunnel == list->tunnel) &&
	       (!list->direction || s->direction == (enum sa_direction)(list->direction - 1));
}

static int
list_call(struct rpc_call *call, const void *params)
{
	const struct sa_list *list = params;
	uint32_t places = gateway_sa_places(call->context);
	json_t *items = json_array();
	uint64_t at = list->page.after;

	for (; at < places && json_array_size(items) < list->page.limit; at++) {
		const struct gateway_sa *s = gateway_sa_at(call->context, (uint32_t)at);

		if (is_listed(list, s))
			json_array_append_new(items, sa_json(call, s));
	}
	return page_answer(call, "sas", items, at < places ? at : 0);
}

static int
flush_call(struct rpc_call *call, const void *params)
{
	const struct sa_list *list = params;
	uint32_t places = gateway_sa_places(call->context), n = 0;
	struct error err;
	int rc;

	for (uint32_t i = 0; i < places; i++) {
		struct gateway_sa *s = gateway_sa_at(call->context, i);

		fibre_rest();
		if (!is_listed(list, s))
			continue;
		rc = gateway_sa_delete(call->context, s, &err);
		if (rc != 0)
			return object_fail(call, CONFIG_KIND_SA, rc, &err);
		n++;
	}
	call->result = json_pack("{s:I}", "deleted", (json_int_t)n);
	return 0;
}

static const struct key flush_keys[] = {
	{"tunnel", &key_tunnel, KEY_FIELD(sa_list, tunnel), .help = "only its SAs"},
	{"direction", &key_word, KEY_FIELD(sa_list, direction), .min = 1, .words = direction_words,
		.help = "only SAs of this direction"},
};
static const struct key_table flush_table = {"params", NULL, flush_keys, KEY_COUNT(flush_keys)};

/* --- SPIs */

static int
allocate_call(struct rpc_call *call, const void *params)
{
	uint32_t spi = gateway_spi_allocate(call->context);

	(void)params;
	if (!spi)
		return rpc_error_set(
			call, -ENOSPC, NULL, "all SPIs are in use or reserved: raise limits.sas");
	call->result = json_pack("{s:I}", "spi", (json_int_t)spi);
	return 0;
}

struct spi_params {
	uint32_t spi;
};

static const struct key spi_keys[] = {
	{"spi", &key_number, true, KEY_FIELD(spi_params, spi), .min = 256, .max = UINT32_MAX,
		.help = "one that spi.allocate gave"},
};
static const struct key_table spi_table = {"params", NULL, spi_keys, KEY_COUNT(spi_keys)};

static int
release_call(struct rpc_call *call, const void *params)
{
	gateway_spi_release(call->context, ((const struct spi_params *)params)->spi);
	return 0;
}

const struct rpc_method methods_sa[] = {
	{"sa.add", "make an SA; the newest outbound one of a tunnel is the one in use",
		.writes = true, .params = &sas_table, .call = add_call},
	{"sa.update", "change an SA's lifetimes; counters and windows stay", .writes = true,
		.names = &name_table, .params = &sa_update_table, .call = update_call},
	{"sa.delete", "delete an SA", .writes = true, .params = &name_table,
		.params_bytes = sizeof(struct sa_name), .defaults = name_defaults,
		.call = delete_call},
	{"sa.get", "one SA, and its state", .params = &name_table,
		.params_bytes = sizeof(struct sa_name), .defaults = name_defaults,
		.call = get_call},
	{"sa.list", "the SAs, page by page", .params = &list_table,
		.params_bytes = sizeof(struct sa_list), .defaults = list_defaults,
		.call = list_call},
	{"sa.flush", "delete all SAs, or those of a tunnel or a direction", .writes = true,
		.params = &flush_table, .params_bytes = sizeof(struct sa_list),
		.defaults = list_defaults, .call = flush_call},
	{"spi.allocate", "an SPI for an inbound SA that will be added; reserved until then",
		.writes = true, .call = allocate_call},
	{"spi.release", "give an allocated SPI back", .writes = true, .params = &spi_table,
		.params_bytes = sizeof(struct spi_params), .call = release_call},
	{0},
};
