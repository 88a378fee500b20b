/* SPDX-License-Identifier: BSD-3-Clause */
/* The common types of keys. */
#include <stdio.h>
#include <string.h>

#include "config_read.h"

static void
bool_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	if (config_setting_type(value) == CONFIG_TYPE_BOOL)
		*(bool *)field = config_setting_get_bool(value);
	else
		value_wrong_type(o, key, value, "true or false");
}

static void
bool_write(struct writing *w, const struct key *key, const void *field)
{
	put_bool(w, key, *(const bool *)field);
}

const struct key_type key_bool = {.word = "boolean", .read = bool_read, .write = bool_write};

void
field_store(const struct key *key, void *field, uint64_t number)
{
	switch (key->bytes) {
	case 1:
		*(uint8_t *)field = (uint8_t)number;
		break;
	case 2:
		*(uint16_t *)field = (uint16_t)number;
		break;
	case 4:
		*(uint32_t *)field = (uint32_t)number;
		break;
	default:
		*(uint64_t *)field = number;
	}
}

uint64_t
field_load(const struct key *key, const void *field)
{
	switch (key->bytes) {
	case 1:
		return *(const uint8_t *)field;
	case 2:
		return *(const uint16_t *)field;
	case 4:
		return *(const uint32_t *)field;
	default:
		return *(const uint64_t *)field;
	}
}

static void
number_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	uint64_t number;

	if (value_number(o, key, value, &number))
		field_store(key, field, number);
}

static void
number_write(struct writing *w, const struct key *key, const void *field)
{
	put_number(w, key, field_load(key, field));
}

static void
hex_write(struct writing *w, const struct key *key, const void *field)
{
	config_setting_set_format(put_number(w, key, field_load(key, field)), CONFIG_FORMAT_HEX);
}

const struct key_type key_number = {
	.word = "number", .read = number_read, .write = number_write, .bounded = true};
const struct key_type key_hex = {
	.word = "number", .read = number_read, .write = hex_write, .bounded = true};

static void
text_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);

	if (!text)
		return;
	if (text[0] == '\0')
		object_error(o, key->name, "is empty");
	else if (strlen(text) >= key->bytes)
		object_error(o, key->name, "has %zu characters: %zu are the most", strlen(text),
			key->bytes - 1);
	else
		strcpy(field, text);
}

static void
text_write(struct writing *w, const struct key *key, const void *field)
{
	put_text(w, key, field);
}

static bool
text_equal(const struct key *key, const void *a, const void *b)
{
	return strncmp(a, b, key->bytes) == 0;
}

const struct key_type key_text = {
	.word = "string", .read = text_read, .write = text_write, .equal = text_equal};

static bool
name_has_other_meaning(const char *name)
{
	struct ip_prefix prefix;

	return strcmp(name, "discard") == 0 || ip_prefix_parse(name, &prefix) == 0;
}

static bool
name_is_spelt_well(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "-_.:")] == '\0';
}

bool
name_is_valid(const char *name)
{
	return name[0] != '\0' && name_is_spelt_well(name) && !name_has_other_meaning(name);
}

/* The names that routes and others refer to: nothing else that `via` may say. */
static void
name_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);

	if (!text)
		return;
	if (!name_is_spelt_well(text))
		object_error(o, key->name,
			"\"%.64s\" is no name: letters, digits, '-', '_', '.' and ':' make one",
			text);
	else if (name_has_other_meaning(text))
		object_error(o, key->name,
			"\"%s\" cannot be a name: in `via` it means something else", text);
	else
		text_read(o, key, value, field);
}

const struct key_type key_name = {
	.word = "name", .read = name_read, .write = text_write, .equal = text_equal};

/* The known words, "ipip, tunnel"; of more than there is room for, how many there are. */
static const char *
words_join(const char *const *words, char *buf, size_t bytes)
{
	size_t used = 0, n = 0;

	for (; words[n]; n++)
		used += (size_t)snprintf(used < bytes ? buf + used : NULL,
			used < bytes ? bytes - used : 0, "%s\"%s\"", n ? ", " : "", words[n]);
	if (used >= bytes)
		snprintf(buf, bytes, "the %zu words that are known here", n);
	return buf;
}

/* Which of the key's words it is; false (said) when it is none. */
static bool
word_find(struct object *o, const struct key *key, const char *text, size_t *found)
{
	char known[256], near[HINT_BYTES];
	size_t i = 0;

	while (key->words[i] && strcmp(key->words[i], text) != 0)
		i++;
	*found = i;
	if (key->words[i])
		return true;
	object_error(o, key->name, "\"%.64s\" is none of %s%s", text,
		words_join(key->words, known, sizeof(known)), hint(near, text, key->words, i));
	return false;
}

static void
word_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	size_t i;

	if (text && word_find(o, key, text, &i))
		field_store(key, field, key->min + i);
}

static void
word_write(struct writing *w, const struct key *key, const void *field)
{
	put_text(w, key, key->words[field_load(key, field) - key->min]);
}

const struct key_type key_word = {.word = "one of", .read = word_read, .write = word_write};

static void
words_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	uint32_t n = value_strings(o, key, value);
	uint64_t set = 0;
	size_t word;

	for (uint32_t i = 0; i < n; i++)
		if (word_find(
			    o, key, value_string(o, key, config_setting_get_elem(value, i)), &word))
			set |= UINT64_C(1) << word;
	field_store(key, field, set);
}

static void
words_write(struct writing *w, const struct key *key, const void *field)
{
	config_setting_t *array = put_array(w, key);
	uint64_t set = field_load(key, field);

	for (size_t i = 0; key->words[i]; i++)
		if (set >> i & 1)
			put_element(array, key->words[i]);
}

const struct key_type key_words = {.word = "list of", .read = words_read, .write = words_write};

static void
address_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	struct ip_addr addr;

	if (!text)
		return;
	if (ip_addr_parse(text, &addr) != 0)
		object_error(o, key->name,
			"\"%.64s\" is no address; \"192.0.2.1\" or \"2001:db8::1\" would be", text);
	else if (ip_addr_is_unspecified(&addr) || ip_addr_is_multicast(&addr))
		object_error(o, key->name, "\"%s\" is no unicast address, and one is wanted", text);
	else
		*(struct ip_addr *)field = addr;
}

static void
address_write(struct writing *w, const struct key *key, const void *field)
{
	char text[IP_ADDR_STRLEN];

	put_text(w, key, ip_addr_format(field, text));
}

static bool
address_equal(const struct key *key, const void *a, const void *b)
{
	(void)key;
	return ip_addr_equal(a, b);
}

const struct key_type key_address = {
	.word = "address", .read = address_read, .write = address_write, .equal = address_equal};

bool
prefix_is_network(struct object *o, const char *key, const struct ip_prefix *prefix)
{
	struct ip_prefix network = ip_prefix_network(prefix);
	char given[IP_PREFIX_STRLEN], right[IP_PREFIX_STRLEN];

	if (ip_prefix_equal(&network, prefix))
		return true;
	object_error(o, key, "%s has host bits set: the prefix is %s",
		ip_prefix_format(prefix, given), ip_prefix_format(&network, right));
	return false;
}

static void
prefix_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	struct ip_prefix prefix;

	if (!text)
		return;
	if (ip_prefix_parse(text, &prefix) != 0)
		object_error(o, key->name,
			"\"%.64s\" is no prefix; \"192.0.2.0/24\" or \"2001:db8::/32\" would be",
			text);
	else if (prefix_is_network(o, key->name, &prefix))
		*(struct ip_prefix *)field = prefix;
}

static void
prefix_write(struct writing *w, const struct key *key, const void *field)
{
	char text[IP_PREFIX_STRLEN];

	put_text(w, key, ip_prefix_format(field, text));
}

static bool
prefix_equal(const struct key *key, const void *a, const void *b)
{
	(void)key;
	return ip_prefix_equal(a, b);
}

const struct key_type key_prefix = {
	.word = "prefix", .read = prefix_read, .write = prefix_write, .equal = prefix_equal};

static void
tunnel_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const struct config_scope *scope = object_scope(o);
	const char *text = value_string(o, key, value);
	char near[HINT_BYTES];

	if (text && !scope->tunnel_find(scope->arg, text, field))
		object_error(o, key->name, "no tunnel is called \"%.64s\"%s", text,
			hint_tunnels(near, text, scope));
}

static void
tunnel_write(struct writing *w, const struct key *key, const void *field)
{
	put_text(w, key, w->scope->tunnel_name(w->scope->arg, *(const uint32_t *)field));
}

const struct key_type key_tunnel = {
	.word = "tunnel's name", .read = tunnel_read, .write = tunnel_write};

static void
port_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const struct config_scope *scope = object_scope(o);
	const char *text = value_string(o, key, value);
	char near[HINT_BYTES];

	if (text && !scope->port_find(scope->arg, text, field))
		object_error(o, key->name, "no port is called \"%.64s\"%s", text,
			hint_ports(near, text, scope));
}

static void
port_write(struct writing *w, const struct key *key, const void *field)
{
	const struct config_port *port = w->scope->port(w->scope->arg, *(const uint32_t *)field);

	put_text(w, key, port ? port->name : NULL);
}

const struct key_type key_port = {.word = "port's name", .read = port_read, .write = port_write};

static void
later_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	(void)o;
	(void)key;
	(void)value;
	(void)field;
}

static void
later_write(struct writing *w, const struct key *key, const void *field)
{
	(void)w;
	(void)key;
	(void)field;
}

static bool
later_equal(const struct key *key, const void *a, const void *b)
{
	(void)key;
	(void)a;
	(void)b;
	return true;
}

const struct key_type key_group = {
	.word = "group", .read = later_read, .write = later_write, .equal = later_equal};
const struct key_type key_list = {
	.word = "list of groups", .read = later_read, .write = later_write, .equal = later_equal};
