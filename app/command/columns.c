/* SPDX-License-Identifier: BSD-3-Clause */
#include "columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"
#include "view.h"

#define COUNTER true

static const struct column sa_columns[] = {
	{"SPI", "spi", FORM_SPI, false},
	{"dir", "direction", FORM_TEXT, false},
	{"tunnel", "tunnel", FORM_TEXT, false},
	{"algorithm", "algorithm", FORM_TEXT, false},
	{"state", "status.state", FORM_UPDOWN, false},
	{"worker", "status.worker", FORM_TEXT, false},
	{"sequence", "status.sequence", FORM_COUNT, false},
	{"packets", "status.packets|packets", FORM_COUNT, COUNTER},
	{"bytes", "status.bytes|bytes", FORM_BYTES, COUNTER},
	{"bad ICV", "status.errors_icv|errors_icv", FORM_LOSS, false},
	{"replays", "status.errors_replay|errors_replay", FORM_LOSS, false},
	{"age", "status.age_seconds", FORM_SECONDS, false},
	{"ends in", "status.hard_seconds_left", FORM_SECONDS, false},
};

static const struct column tunnel_columns[] = {
	{"name", "name", FORM_TEXT, false},
	{"state", "status.state", FORM_UPDOWN, false},
	{"local", "local", FORM_TEXT, false},
	{"remote", "remote", FORM_TEXT, false},
	{"MTU", "status.mtu|mtu", FORM_TEXT, false},
	{"SAs", "status.sas", FORM_TEXT, false},
	{"out packets", "status.out_packets|out_packets", FORM_COUNT, COUNTER},
	{"out bytes", "status.out_bytes|out_bytes", FORM_BYTES, COUNTER},
	{"in packets", "status.in_packets|in_packets", FORM_COUNT, COUNTER},
	{"in bytes", "status.in_bytes|in_bytes", FORM_BYTES, COUNTER},
};

static const struct column port_columns[] = {
	{"name", "name", FORM_TEXT, false},
	{"link", "status.link", FORM_UPDOWN, false},
	{"device", "device", FORM_TEXT, false},
	{"VLAN", "vlan", FORM_TEXT, false},
	{"role", "role", FORM_TEXT, false},
	{"addresses", "addresses", FORM_TEXT, false},
	{"rx packets", "status.rx_packets|rx_packets", FORM_COUNT, COUNTER},
	{"rx bytes", "status.rx_bytes|rx_bytes", FORM_BYTES, COUNTER},
	{"tx packets", "status.tx_packets|tx_packets", FORM_COUNT, COUNTER},
	{"tx bytes", "status.tx_bytes|tx_bytes", FORM_BYTES, COUNTER},
	{"missed", "status.missed|missed", FORM_LOSS, COUNTER},
	{"no buffer", "status.no_buffer|no_buffer", FORM_LOSS, false},
	{"errors", "status.errors|errors", FORM_LOSS, false},
};

static const struct column policy_columns[] = {
	{"id", "id", FORM_TEXT, false},
	{"priority", "priority", FORM_TEXT, false},
	{"action", "action", FORM_TEXT, false},
	{"tunnel", "tunnel", FORM_TEXT, false},
	{"local", "local", FORM_TEXT, false},
	{"remote", "remote", FORM_TEXT, false},
	{"protocol", "protocol", FORM_TEXT, false},
	{"local port", "local_port", FORM_TEXT, false},
	{"remote port", "remote_port", FORM_TEXT, false},
	{"ICMP type", "icmp_type", FORM_TEXT, false},
	{"packets", "status.packets", FORM_COUNT, COUNTER},
	{"bytes", "status.bytes", FORM_BYTES, COUNTER},
};

static const struct column route_columns[] = {
	{"prefix", "prefix", FORM_TEXT, false},
	{"via", "via", FORM_TEXT, false},
	{"metric", "metric", FORM_TEXT, false},
	{"table", "table", FORM_TEXT, false},
	{"by", "status.by", FORM_TEXT, false},
};

static const struct column neighbour_columns[] = {
	{"address", "address", FORM_TEXT, false},
	{"port", "port", FORM_TEXT, false},
	{"MAC", "mac", FORM_TEXT, false},
	{"state", "status.state", FORM_UPDOWN, false},
};

static const struct column worker_columns[] = {
	{"worker", "worker", FORM_TEXT, false},
	{"lcore", "lcore", FORM_TEXT, false},
	{"node", "node", FORM_TEXT, false},
	{"queues", "rx_queues", FORM_TEXT, false},
	{"polls", "status.polls|polls", FORM_COUNT, COUNTER},
	{"idle", "status.idle_polls|idle_polls", FORM_COUNT, COUNTER},
	{"sleeps", "status.sleeps|sleeps", FORM_COUNT, COUNTER},
	{"ESP out", "status.esp_out_packets|esp_out_packets", FORM_COUNT, COUNTER},
	{"ESP out bytes", "status.esp_out_bytes|esp_out_bytes", FORM_BYTES, COUNTER},
	{"ESP in", "status.esp_in_packets|esp_in_packets", FORM_COUNT, COUNTER},
	{"ESP in bytes", "status.esp_in_bytes|esp_in_bytes", FORM_BYTES, COUNTER},
	{"handed over", "status.handed_over|handed_over", FORM_COUNT, COUNTER},
	{"to control", "status.to_control|to_control", FORM_COUNT, COUNTER},
	{"drops", "status.drops|drops", FORM_LOSS, COUNTER},
};

static const struct column drop_columns[] = {
	{"drops by reason", "reason", FORM_TEXT, false},
	{"packets", "packets", FORM_LOSS, COUNTER},
	{"what it means", "text", FORM_TEXT, false},
};

#define SET(noun, columns, ...)                                                                    \
	{                                                                                          \
		noun, {__VA_ARGS__}, columns, sizeof(columns) / sizeof((columns)[0])               \
	}

static const struct column_set sets[] = {
	SET("sa", sa_columns, "spi", "direction", "tunnel"),
	SET("tunnel", tunnel_columns, "name"),
	SET("port", port_columns, "name"),
	SET("policy", policy_columns, "id"),
	SET("route", route_columns, "prefix", "via", "metric", "table"),
	SET("neighbour", neighbour_columns, "address", "port"),
	SET("worker", worker_columns, "worker"),
	SET("drop", drop_columns, "reason"),
};

const struct column_set *
columns_of(const char *noun)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (strcmp(sets[i].noun, noun) == 0)
			return &sets[i];
	return NULL;
}

/* "state.mtu": up to the '|' or the end. */
static json_t *
value_at(const char *path, size_t length, const json_t *item)
{
	json_t *value = NULL;
	char key[64];

	while (length > 0 && item) {
		size_t part = strcspn(path, ".|");

		snprintf(key, sizeof(key), "%.*s", (int)part, path);
		value = json_object_get(item, key);
		item = value;
		if (part >= length)
			break;
		path += part + 1;
		length -= part + 1;
	}
	return item ? value : NULL;
}

json_t *
column_value(const struct column *column, const json_t *item)
{
	for (const char *path = column->path; *path;) {
		size_t length = strcspn(path, "|");
		json_t *value = value_at(path, length, item);

		if (value && !json_is_object(value))
			return value;
		path += length + (path[length] == '|');
	}
	return NULL;
}

static enum table_colour
colour_of_state(const char *text)
{
	static const char *const good[] = {"up", "live", "reachable", "static"};
	static const char *const bad[] = {"down", "failed", "ended"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (strcmp(text, good[i]) == 0)
			return TABLE_GREEN;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (strcmp(text, bad[i]) == 0)
			return TABLE_RED;
	return strcmp(text, "ending") == 0 ? TABLE_YELLOW : TABLE_PLAIN;
}

static char *
state_text(const json_t *value, enum table_colour *colour)
{
	char *text;

	if (json_is_boolean(value))
		text = strdup(json_is_true(value) ? "up" : "down");
	else
		text = view_inline("", value);
	if (!text)
		abort();
	*colour = colour_of_state(text);
	return text;
}

char *
column_text(enum column_form form, const json_t *value, enum table_colour *colour)
{
	uint64_t n = (uint64_t)json_integer_value(value);
	char buf[UNITS_BYTES] = "";
	char *text;

	*colour = TABLE_PLAIN;
	if (form == FORM_UPDOWN)
		return state_text(value, colour);
	if (form == FORM_TEXT || !json_is_integer(value))
		return view_inline("", value);
	switch (form) {
	case FORM_SPI:
		snprintf(buf, sizeof(buf), "0x%08" PRIx64, n);
		break;
	case FORM_BYTES:
		units_bytes(buf, n);
		break;
	case FORM_SECONDS:
		units_seconds(buf, n);
		break;
	case FORM_LOSS:
		*colour = n ? TABLE_YELLOW : TABLE_PLAIN;
		units_count(buf, n);
		break;
	default:
		units_count(buf, n);
	}
	text = strdup(buf);
	if (!text)
		abort();
	return text;
}
