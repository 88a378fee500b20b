/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

/* Whether an address with the length of its link can be a station's own. */
static bool
is_station(struct object *o, const struct key *key, const struct ip_prefix *prefix)
{
	struct ip_range range = ip_prefix_range(prefix);
	char text[IP_PREFIX_STRLEN];

	ip_prefix_format(prefix, text);
	if (ip_addr_is_unspecified(&prefix->addr) || ip_addr_is_multicast(&prefix->addr))
		object_error(o, key->name, "\"%s\" is no unicast address, and one is wanted", text);
	else if (prefix->addr.family == 4 && prefix->length < 31 &&
		 (ip_addr_equal(&prefix->addr, &range.first) ||
			 ip_addr_equal(&prefix->addr, &range.last)))
		object_error(o, key->name,
			"%s is the network's or the broadcast address, not a station's", text);
	else if (prefix->length == 0)
		object_error(o, key->name, "%s: a link of length 0 would be the whole world", text);
	else
		return true;
	return false;
}

static void
addresses_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	struct config_port *port = field;
	uint32_t n = value_strings(o, key, value);

	port->addresses = array_or_die(n, sizeof(port->addresses[0]));
	for (uint32_t i = 0; i < n; i++) {
		const char *text = value_string(o, key, config_setting_get_elem(value, i));
		struct ip_prefix prefix;

		if (ip_prefix_parse(text, &prefix) != 0)
			object_error(o, key->name,
				"\"%.64s\" is no address with the length of its link; "
				"\"192.0.2.1/24\" or \"2001:db8::1/64\" would be",
				text);
		else if (is_station(o, key, &prefix))
			port->addresses[port->n_addresses++] =
				(struct port_address){prefix.addr, prefix.length};
	}
}

static void
protected_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	struct config_port *port = field;
	uint32_t n = value_strings(o, key, value);

	port->protected_prefixes = array_or_die(n, sizeof(port->protected_prefixes[0]));
	port->n_protected_prefixes = n;
	for (uint32_t i = 0; i < n; i++)
		key_prefix.read(
			o, key, config_setting_get_elem(value, i), &port->protected_prefixes[i]);
}

static void
addresses_write(struct writing *w, const struct key *key, const void *field)
{
	const struct config_port *port = field;
	config_setting_t *array = put_array(w, key);
	char text[IP_PREFIX_STRLEN];

	for (uint32_t i = 0; i < port->n_addresses; i++) {
		struct ip_prefix prefix = {port->addresses[i].addr, port->addresses[i].length};

		put_element(array, ip_prefix_format(&prefix, text));
	}
}

static void
protected_write(struct writing *w, const struct key *key, const void *field)
{
	const struct config_port *port = field;
	config_setting_t *array = put_array(w, key);
	char text[IP_PREFIX_STRLEN];

	for (uint32_t i = 0; i < port->n_protected_prefixes; i++)
		put_element(array, ip_prefix_format(&port->protected_prefixes[i], text));
}

static bool
addresses_equal(const struct key *key, const void *a, const void *b)
{
	const struct config_port *x = a, *y = b;

	(void)key;
	if (x->n_addresses != y->n_addresses)
		return false;
	for (uint32_t i = 0; i < x->n_addresses; i++)
		if (x->addresses[i].length != y->addresses[i].length ||
			!ip_addr_equal(&x->addresses[i].addr, &y->addresses[i].addr))
			return false;
	return true;
}

static bool
protected_equal(const struct key *key, const void *a, const void *b)
{
	const struct config_port *x = a, *y = b;

	(void)key;
	if (x->n_protected_prefixes != y->n_protected_prefixes)
		return false;
	for (uint32_t i = 0; i < x->n_protected_prefixes; i++)
		if (!ip_prefix_equal(&x->protected_prefixes[i], &y->protected_prefixes[i]))
			return false;
	return true;
}

/* The default name may be none that could be given. */
static void
port_name_write(struct writing *w, const struct key *key, const void *field)
{
	if (name_is_valid(field))
		put_text(w, key, field);
}

static void
port_name_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	key_name.read(o, key, value, field);
}

static bool
port_name_equal(const struct key *key, const void *a, const void *b)
{
	return key_name.equal(key, a, b);
}

static const struct key_type key_port_name = {.word = "name",
	.read = port_name_read,
	.write = port_name_write,
	.equal = port_name_equal,
	.decides = true};
static const struct key_type key_addresses = {.word = "list of addresses with length",
	.read = addresses_read,
	.write = addresses_write,
	.equal = addresses_equal};
static const struct key_type key_protected = {.word = "list of prefixes",
	.read = protected_read,
	.write = protected_write,
	.equal = protected_equal};

static const char *const role_words[] = {"protected", "unprotected", "both", NULL};

static const struct key port_keys[] = {
	{"device", &key_text, KEY_FIELD(config_port, device), .identity = true,
		.help = "the ethdev's name"},
	{"id", &key_number, KEY_FIELD(config_port, id), .max = 31, .identity = true,
		.help = "or its DPDK port number"},
	{"name", &key_port_name, KEY_FIELD(config_port, name), .identity = true,
		.help = "what the rest of the file calls it"},
	{"role", &key_word, true, KEY_FIELD(config_port, role), .words = role_words,
		.help = "protected (raw packets), unprotected (envelopes), both (one-armed: "
			"protected decides)"},
	{"addresses", &key_addresses, KEY_OBJECT,
		.help = "own addresses, each with the length of its link"},
	{"protected", &key_protected, KEY_OBJECT,
		.help = "the prefixes on the protected side; role both needs it, no other role has "
			"it"},
	{"vlan", &key_number, KEY_FIELD(config_port, vlan), .min = 1, .max = 4094, .identity = true,
		.help = "VLAN id"},
	{"mtu", &key_number, KEY_FIELD(config_port, mtu), .min = 576, .max = 9216,
		.help = "largest IP packet"},
	{"table", &key_number, KEY_FIELD(config_port, table), .max = TABLES_MAX - 1,
		.help = "the forwarding table that packets from this port are looked up in, and "
			"that its links are routes of"},
};
const struct key_table ports_table = {"ports", "name", port_keys, KEY_COUNT(port_keys)};

static bool
has_family(const struct config_port *port, uint8_t family)
{
	for (uint32_t i = 0; i < port->n_addresses; i++)
		if (port->addresses[i].addr.family == family)
			return true;
	return false;
}

/* The device's name, with ".VLAN": what a port is called that has no `name`. */
static void
default_name(const struct config_port *port, char *name, size_t bytes)
{
	if (port->id >= 0)
		snprintf(name, bytes, "port%d", port->id);
	else
		snprintf(name, bytes, "%s", port->device);
	if (port->vlan)
		snprintf(name + strlen(name), bytes - strlen(name), ".%u", port->vlan);
}

static void
take_default_name(struct object *o, struct config_port *port)
{
	char name[sizeof(port->device) + 16];

	default_name(port, name, sizeof(name));
	if (strlen(name) >= sizeof(port->name))
		object_error(
			o, NULL, "name is missing: \"%s\" is too long to be the name, too", name);
	else
		strcpy(port->name, name);
}

static void
port_defaults(void *object, const void *like, const struct config_scope *scope)
{
	(void)like;
	(void)scope;
	*(struct config_port *)object = (struct config_port){.id = -1, .mtu = 1500};
}

static void
port_free(void *object)
{
	struct config_port *port = object;

	free(port->addresses);
	free(port->protected_prefixes);
}

static void
port_read(struct object *o, void *object)
{
	struct config_port *port = object;

	object_read(o, port);
	if (o->broken)
		return;
	if ((object_get(o, "device") != NULL) == (object_get(o, "id") != NULL))
		object_error(o, NULL, "one of device (an ethdev's name) and id is wanted");
	else if (port->name[0] == '\0')
		take_default_name(o, port);
	if (port->role == PORT_BOTH && port->n_protected_prefixes == 0)
		object_error(o, NULL,
			"role \"both\" needs protected = [ ... ], the prefixes on the protected "
			"side");
	if (port->role != PORT_BOTH && object_get(o, "protected"))
		object_error(o, "protected", "is for role \"both\" only: the role says it all");
	if (port->mtu < 1280 && has_family(port, 6))
		object_error(o, object_get(o, "mtu") ? "mtu" : NULL,
			"%u is too small for IPv6: 1280 is the least", port->mtu);
}

const struct kind port_kind = {.noun = "port",
	.table = &ports_table,
	.bytes = sizeof(struct config_port),
	.origin_offset = offsetof(struct config_port, origin),
	.array_offset = offsetof(struct config, ports),
	.count_offset = offsetof(struct config, n_ports),
	.defaults = port_defaults,
	.read = port_read,
	.free = port_free,
	.most = PORTS_MAX,
	.plural = "ports"};
