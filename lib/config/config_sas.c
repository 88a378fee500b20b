/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

/* What the keys of one SA are read into. Nothing beyond the object is there when one is written. */
struct sa_keys {
	struct config_sa object;
	size_t key_bytes;
	uint16_t source_port, destination_port; /* 0: not given */
};

static void
algorithm_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
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

static void
algorithm_write(struct writing *w, const struct key *key, const void *field)
{
	put_text(w, key, crypto_algorithm_get(*(const enum crypto_algorithm_id *)field)->name);
}

static const char *
algorithm_word(size_t i)
{
	return i < CRYPTO_ALGORITHM_COUNT ? crypto_algorithm_get((enum crypto_algorithm_id)i)->name
					  : NULL;
}

static const struct key_type key_algorithm = {.word = "one of",
	.read = algorithm_read,
	.write = algorithm_write,
	.word_at = algorithm_word};

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
secret_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
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

static size_t
secret_bytes(const struct sa_config *sa)
{
	const struct crypto_algorithm *algorithm = crypto_algorithm_get(sa->algorithm);

	return (size_t)algorithm->key_bytes + algorithm->salt_bytes;
}

static void
secret_write(struct writing *w, const struct key *key, const void *field)
{
	const struct config_sa *object = field;
	char text[2 * SA_KEY_MAX + 1];

	if (!(w->flags & CONFIG_WRITE_KEY))
		return;
	for (size_t i = 0; i < secret_bytes(&object->sa); i++)
		snprintf(text + 2 * i, 3, "%02x", object->sa.key[i]);
	put_text(w, key, text);
	explicit_bzero(text, sizeof(text));
}

static bool
secret_equal(const struct key *key, const void *a, const void *b)
{
	const struct config_sa *x = a, *y = b;

	(void)key;
	return memcmp(x->sa.key, y->sa.key, sizeof(x->sa.key)) == 0;
}

static const struct key_type key_secret = {
	.word = "hex digits", .read = secret_read, .write = secret_write, .equal = secret_equal};

/* What only repeats the tunnel's value, checked when read, is neither kept nor written. */
static void
repeated_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	key_number.read(o, key, value, field);
}

static void
repeated_write(struct writing *w, const struct key *key, const void *field)
{
	(void)w;
	(void)key;
	(void)field;
}

static bool
repeated_equal(const struct key *key, const void *a, const void *b)
{
	(void)key;
	(void)a;
	(void)b;
	return true;
}

static const struct key_type key_repeated = {.word = "number",
	.read = repeated_read,
	.write = repeated_write,
	.equal = repeated_equal,
	.bounded = true};

static const char *const direction_words[] = {"out", "in", NULL};

#define SA_NAME_KEYS(needed)                                                                       \
	{"spi", &key_hex, needed, KEY_FIELD(sa_keys, object.sa.spi), .min = 256,                   \
		.max = UINT32_MAX, .identity = true, .help = "Security Parameters Index"},         \
		{"direction", &key_word, needed, KEY_FIELD(sa_keys, object.sa.direction),          \
			.words = direction_words, .identity = true, .help = "out or in"},          \
	{                                                                                          \
		"tunnel", &key_tunnel, needed, KEY_FIELD(sa_keys, object.tunnel),                  \
			.identity = true, .help = "name of the tunnel"                             \
	}
#define LIFETIME_KEY(name, field, text)                                                            \
	{                                                                                          \
		name, &key_number, KEY_FIELD(sa_keys, object.sa.field),                            \
			.min = 1, .max = INT64_MAX, .help = (text)                                 \
	}
#define LIFETIME_KEYS                                                                              \
	LIFETIME_KEY("soft_seconds", soft.seconds, "a warning after this long"),                   \
		LIFETIME_KEY("hard_seconds", hard.seconds, "the end after this long"),             \
		LIFETIME_KEY("soft_bytes", soft.bytes, "a warning after as many bytes"),           \
		LIFETIME_KEY("hard_bytes", hard.bytes, "the end after as many bytes"),             \
		LIFETIME_KEY("soft_packets", soft.packets, "a warning after as many packets"),     \
		LIFETIME_KEY("hard_packets", hard.packets, "the end after as many packets")

static const struct key sa_key_table[] = {
	SA_NAME_KEYS(true),
	{"algorithm", &key_algorithm, true, KEY_FIELD(sa_keys, object.sa.algorithm),
		.help = "aes-256-gcm, aes-192-gcm, aes-128-gcm"},
	{"key", &key_secret, true, KEY_OBJECT,
		.help = "hex digits, : between them and 0x before allowed"},
	{"esn", &key_bool, KEY_FIELD(sa_keys, object.sa.esn),
		.help = "64-bit sequence numbers; both ends alike"},
	{"replay_window", &key_number, KEY_FIELD(sa_keys, object.sa.replay_window),
		.max = REPLAY_WINDOW_MAX,
		.help = "inbound only: 32 or more, or 0 for no replay protection"},
	{"seq", &key_number, KEY_FIELD(sa_keys, object.sa.seq), .min = 1, .max = INT64_MAX,
		.help = "outbound only: first sequence number to use"},
	LIFETIME_KEYS,
	{"worker", &key_number, KEY_FIELD(sa_keys, object.sa.worker), .max = WORKERS_MAX - 1,
		.help = "RFC 9611: the SA of this worker alone"},
	{"source_port", &key_repeated, KEY_FIELD(sa_keys, source_port), .min = 1, .max = 65535,
		.help = "carrier udp: may only repeat what the tunnel says"},
	{"destination_port", &key_repeated, KEY_FIELD(sa_keys, destination_port), .min = 1,
		.max = 65535, .help = "carrier udp: may only repeat what the tunnel says"},
};
const struct key_table sas_table = {"sas", "spi", sa_key_table, KEY_COUNT(sa_key_table)};

static const struct key sa_update_keys[] = {SA_NAME_KEYS(false), LIFETIME_KEYS};
const struct key_table sa_update_table = {"sas", "spi", sa_update_keys, KEY_COUNT(sa_update_keys)};

/* The rules that hold for SAs of any origin. Their message begins with the key's name. */
static void
values_check(struct object *o, const struct sa_config *sa, size_t key_bytes)
{
	struct error err;
	char *colon;

	if (sa_config_validate(sa, key_bytes, &err) == 0)
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
	const struct config_scope *scope = object_scope(o);
	const struct tunnel_config *t = scope->tunnel(scope->arg, k->object.tunnel);
	bool out = k->object.sa.direction == SA_OUT;

	if (!t)
		return;
	const struct {
		const char *key, *tunnel_key;
		uint16_t port, tunnel_port;
	} rows[] = {
		{"source_port", out ? "local_port" : "remote_port", k->source_port,
			out ? t->local_port : t->remote_port},
		{"destination_port", out ? "remote_port" : "local_port", k->destination_port,
			out ? t->remote_port : t->local_port},
	};
	for (size_t i = 0; i < KEY_COUNT(rows); i++) {
		if (rows[i].port && t->carrier != TUNNEL_UDP)
			object_error(o, rows[i].key, "is for tunnels of carrier = \"udp\" only");
		else if (rows[i].port && rows[i].port != rows[i].tunnel_port)
			object_error(o, rows[i].key, "%u differs from %s of tunnel %s, %u",
				rows[i].port, rows[i].tunnel_key, t->name, rows[i].tunnel_port);
	}
}

static void
sa_defaults(void *object, const void *like, const struct config_scope *scope)
{
	const struct config_sa *given = like;
	struct config_sa *sa = object;

	(void)scope;
	*sa = (struct config_sa){.sa = {.worker = SA_WORKER_ANY}};
	if (given && given->sa.direction == SA_IN)
		sa->sa.replay_window = REPLAY_WINDOW_DEFAULT;
}

static void
sa_read(struct object *o, void *object)
{
	struct sa_keys k = {.object = *(const struct config_sa *)object};
	struct sa_config *sa = &k.object.sa;

	object_read(o, &k);
	if (!o->broken) {
		if (sa->direction == SA_IN && !object_get(o, "replay_window"))
			sa->replay_window = REPLAY_WINDOW_DEFAULT;
		k.object.has_owner = object_get(o, "worker") != NULL;
		if (sa->direction == SA_OUT && object_get(o, "replay_window"))
			object_error(o, "replay_window",
				"is for direction = \"in\" only: the receiver checks");
		values_check(o, sa, k.key_bytes);
		carrier_check(o, &k);
	}
	*(struct config_sa *)object = k.object;
	explicit_bzero(&k, sizeof(k));
}

/* Keys that an SA has and that cannot change are known, but not here. */
static void
unchangeable_check(struct object *o)
{
	int n = o->group ? config_setting_length(o->group) : 0;

	for (int i = 0; i < n; i++) {
		const char *name =
			config_setting_name(config_setting_get_elem(o->group, (unsigned int)i));

		if (key_find(&sas_table, name) && !key_find(o->table, name))
			object_error(o, name, "of an SA cannot change: another SA takes its place");
	}
}

/* Lifetimes that are given as null. */
static void
lifetimes_reset(const struct object *o, struct config_sa *sa)
{
	for (size_t i = 0; i < o->table->count; i++) {
		const struct key *key = &o->table->keys[i];

		if (!key->identity && o->group && config_setting_get_member(o->group, key->name))
			field_store(key, (char *)sa + key->offset, 0);
	}
}

/* Its key is not known here, and not needed. */
static void
sa_update(struct object *o, const void *object, void *result)
{
	struct config_sa *sa = result;

	*sa = *(const struct config_sa *)object;
	sa->origin = (struct config_origin){0};
	explicit_bzero(sa->sa.key, sizeof(sa->sa.key));
	unchangeable_check(o);
	if (o->broken)
		return;
	lifetimes_reset(o, sa);
	object_read(o, sa);
	if (!o->broken)
		values_check(o, &sa->sa, secret_bytes(&sa->sa));
}

static void
sa_free(void *object)
{
	explicit_bzero(object, sizeof(struct config_sa));
}

const struct kind sa_kind = {.noun = "sa",
	.table = &sas_table,
	.update_table = &sa_update_table,
	.bytes = sizeof(struct config_sa),
	.origin_offset = offsetof(struct config_sa, origin),
	.array_offset = offsetof(struct config, sas),
	.count_offset = offsetof(struct config, n_sas),
	.defaults = sa_defaults,
	.read = sa_read,
	.free = sa_free,
	.update = sa_update,
	.most = 1 << 20,
	.plural = "SAs"};
