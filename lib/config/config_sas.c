/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

enum { SAS_MAX = 1 << 20 };

/* What the keys of one SA are read into. */
struct sa_keys {
	struct config_sa object;
	size_t key_bytes;
	uint16_t source_port, destination_port; /* 0: not given */
};

static key_read key_algorithm, key_key;

static const char *const direction_words[] = {"out", "in", NULL};

#define LIFETIME_KEY(name, field)                                                                  \
	{                                                                                          \
		name, key_number, KEY_FIELD(sa_keys, object.sa.field), .min = 1, .max = INT64_MAX  \
	}

static const struct key sa_key_table[] = {
	{"spi", key_number, true, KEY_FIELD(sa_keys, object.sa.spi), .min = 256, .max = UINT32_MAX},
	{"direction", key_word, true, KEY_FIELD(sa_keys, object.sa.direction),
		.words = direction_words},
	{"tunnel", key_tunnel, true, KEY_FIELD(sa_keys, object.tunnel)},
	{"algorithm", key_algorithm, true, KEY_FIELD(sa_keys, object.sa.algorithm)},
	{"key", key_key, true, KEY_OBJECT},
	{"esn", key_bool, KEY_FIELD(sa_keys, object.sa.esn)},
	{"replay_window", key_number, KEY_FIELD(sa_keys, object.sa.replay_window),
		.max = REPLAY_WINDOW_MAX},
	{"seq", key_number, KEY_FIELD(sa_keys, object.sa.seq), .min = 1, .max = INT64_MAX},
	LIFETIME_KEY("soft_seconds", soft.seconds),
	LIFETIME_KEY("hard_seconds", hard.seconds),
	LIFETIME_KEY("soft_bytes", soft.bytes),
	LIFETIME_KEY("hard_bytes", hard.bytes),
	LIFETIME_KEY("soft_packets", soft.packets),
	LIFETIME_KEY("hard_packets", hard.packets),
	{"worker", key_number, KEY_FIELD(sa_keys, object.sa.worker), .max = WORKERS_MAX - 1},
	{"source_port", key_number, KEY_FIELD(sa_keys, source_port), .min = 1, .max = 65535},
	{"destination_port", key_number, KEY_FIELD(sa_keys, destination_port), .min = 1,
		.max = 65535},
};
const struct key_table sas_table = {"sas", "spi", sa_key_table, KEY_COUNT(sa_key_table)};

static void
key_algorithm(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	const struct crypto_algorithm *algorithm = text ? crypto_algorithm_find(text) : NULL;
	const char *known[CRYPTO_ALGORITHM_COUNT];
	char near[HINT_BYTES];

	if (algorithm) {
		*(enum crypto_algorithm_id *)field = algorithm->id;
	} else if (text) {
		for (unsigned int i = 0; i < CRYPTO_ALGORITHM_COUNT; i++)
			known[i] = crypto_algorithm_get(i)->name;
		object_error(o, key->name, "\"%.32s\" is none of %s%s", text,
			crypto_algorithm_names(), hint(near, text, known, CRYPTO_ALGORITHM_COUNT));
	}
}

static unsigned int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	return (unsigned int)(tolower((unsigned char)c) - 'a') + 10;
}

/* Hex digits with or without "0x" before and ':' between them. What is wrong never shows the key.
 */
static void
key_key(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	struct sa_keys *k = field;
	size_t digits = 0;

	if (!text)
		return;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (const char *p = text; *p; p++) {
		if (*p == ':')
			continue;
		if (!isxdigit((unsigned char)*p)) {
			object_error(o, key->name,
				"has a character that is no hex digit, at position %zu",
				(size_t)(p - text) + 1);
			return;
		}
		if (digits < sizeof(k->object.sa.key) * 2) {
			uint8_t *byte = &k->object.sa.key[digits / 2];

			*byte = (uint8_t)(*byte << 4 | hex_digit(*p));
		}
		digits++;
	}
	if (digits % 2)
		object_error(o, key->name, "has an odd number of hex digits: %zu", digits);
	k->key_bytes = digits / 2;
}

/* The rules that hold for SAs of any origin. Their message begins with the key's name. */
static void
values_check(struct object *o, const struct sa_keys *k)
{
	struct error err;
	char *colon;

	if (sa_config_validate(&k->object.sa, k->key_bytes, &err) == 0)
		return;
	colon = strstr(err.text, ": ");
	if (colon) {
		*colon = '\0';
		object_error(o, err.text, "%s", colon + 2);
	} else {
		object_error(o, NULL, "%s", err.text);
	}
}

/* The ports of the UDP carrier are the tunnel's; those of an SA may only say the same. */
static void
carrier_check(struct object *o, const struct sa_keys *k)
{
	const struct tunnel_config *t = &o->reading->config->tunnels[k->object.tunnel].tunnel;
	bool out = k->object.sa.direction == SA_OUT;
	const struct {
		const char *key, *tunnel_key;
		uint16_t port, tunnel_port;
	} rows[] = {
		{"source_port", out ? "local_port" : "remote_port", k->source_port,
			out ? t->local_port : t->remote_port},
		{"destination_port", out ? "remote_port" : "local_port", k->destination_port,
			out ? t->remote_port : t->local_port},
	};

	if (o->reading->config->tunnels[k->object.tunnel].origin.broken)
		return;
	for (size_t i = 0; i < KEY_COUNT(rows); i++) {
		if (rows[i].port && t->carrier != TUNNEL_UDP)
			object_error(o, rows[i].key, "is for tunnels of carrier = \"udp\" only");
		else if (rows[i].port && rows[i].port != rows[i].tunnel_port)
			object_error(o, rows[i].key, "%u differs from %s of tunnel %s, %u",
				rows[i].port, rows[i].tunnel_key, t->name, rows[i].tunnel_port);
	}
}

static void
sa_read(struct object *o, struct config_sa *out)
{
	struct sa_keys k = {.object.sa = {.worker = SA_WORKER_ANY, .static_key = true}};
	struct sa_config *sa = &k.object.sa;

	object_read(o, &k);
	if (!o->broken) {
		if (sa->direction == SA_IN && !object_get(o, "replay_window"))
			sa->replay_window = REPLAY_WINDOW_DEFAULT;
		k.object.has_owner = object_get(o, "worker") != NULL;
		if (sa->direction == SA_OUT && object_get(o, "replay_window"))
			object_error(o, "replay_window",
				"is for direction = \"in\" only: the receiver checks");
		values_check(o, &k);
		carrier_check(o, &k);
	}
	*out = k.object;
	explicit_bzero(&k, sizeof(k));
}

void
sas_read(struct object *top)
{
	struct config *config = top->reading->config;
	uint32_t n = list_length(top, "sas");

	if (n > SAS_MAX) {
		object_error(top, "sas", "%u SAs: %d are the most", n, SAS_MAX);
		return;
	}
	if (n && !config->unsafe_static_keys)
		object_error(top, "sas",
			"keys in a file need unsafe_static_keys = true: never renewed, known to "
			"all who read the file, they are for tests");
	config->sas = array_or_die(n, sizeof(config->sas[0]));
	config->n_sas = n;
	for (uint32_t i = 0; i < n; i++) {
		struct object o = list_object(top, "sas", i, &sas_table);

		sa_read(&o, &config->sas[i]);
		config->sas[i].origin = object_origin(&o);
	}
}
