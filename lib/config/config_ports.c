/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

static key_read key_port_addresses, key_protected, key_mac;

static const char *const role_words[] = {"protected", "unprotected", "both", NULL};

static const struct key port_keys[] = {
	{"device", key_text, KEY_FIELD(config_port, device)},
	{"id", key_number, KEY_FIELD(config_port, id), .max = 31},
	{"name", key_name, KEY_FIELD(config_port, name)},
	{"role", key_word, true, KEY_FIELD(config_port, role), .words = role_words},
	{"addresses", key_port_addresses, KEY_OBJECT},
	{"protected", key_protected, KEY_OBJECT},
	{"vlan", key_number, KEY_FIELD(config_port, vlan), .min = 1, .max = 4094},
	{"mtu", key_number, KEY_FIELD(config_port, mtu), .min = 576, .max = 9216},
	{"table", key_number, KEY_FIELD(config_port, table), .max = TABLES_MAX - 1},
};
const struct key_table ports_table = {"ports", "name", port_keys, KEY_COUNT(port_keys)};

static const struct key neighbour_keys[] = {
	{"address", key_address, true, KEY_FIELD(config_neighbour, addr)},
	{"mac", key_mac, true, KEY_FIELD(config_neighbour, mac)},
	{"port", key_port, true, KEY_FIELD(config_neighbour, port)},
};
const struct key_table neighbours_table = {
	"neighbours", "address", neighbour_keys, KEY_COUNT(neighbour_keys)};

static const char *
port_name(const struct config *config, uint32_t i)
{
	return config->ports[i].name;
}

bool
port_on_link(const struct config_port *port, const struct ip_addr *addr, uint8_t *length)
{
	bool found = false;

	*length = 0;
	for (uint32_t i = 0; i < port->n_addresses; i++) {
		const struct port_address *own = &port->addresses[i];
		struct ip_prefix link = {own->addr, own->length};

		if (!ip_prefix_contains(&link, addr))
			continue;
		found = true;
		if (own->length > *length)
			*length = own->length;
	}
	return found;
}

const struct config_port *
port_of_address(const struct config *config, uint16_t table, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < config->n_ports; i++)
		for (uint32_t j = 0;
			config->ports[i].table == table && j < config->ports[i].n_addresses; j++)
			if (ip_addr_equal(&config->ports[i].addresses[j].addr, addr))
				return &config->ports[i];
	return NULL;
}

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
key_port_addresses(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	struct config_port *port = field;
	uint32_t n = value_strings(o, key, value);

	port->addresses = array_or_die(n, sizeof(port->addresses[0]));
	for (uint32_t i = 0; i < n; i++) {
		const char *text = config_setting_get_string_elem(value, (int)i);
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
key_protected(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	struct config_port *port = field;
	uint32_t n = value_strings(o, key, value);

	port->protected_prefixes = array_or_die(n, sizeof(port->protected_prefixes[0]));
	port->n_protected_prefixes = n;
	for (uint32_t i = 0; i < n; i++)
		key_prefix(o, key, config_setting_get_elem(value, i), &port->protected_prefixes[i]);
}

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
default_name(struct object *o, struct config_port *port)
{
	char name[sizeof(port->device) + 16];

	if (port->id >= 0)
		snprintf(name, sizeof(name), "port%d", port->id);
	else
		snprintf(name, sizeof(name), "%s", port->device);
	if (port->vlan)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), ".%u", port->vlan);
	if (strlen(name) >= sizeof(port->name))
		object_error(
			o, NULL, "name is missing: \"%s\" is too long to be the name, too", name);
	else
		strcpy(port->name, name);
}

static void
port_read(struct object *o, struct config_port *port)
{
	*port = (struct config_port){.id = -1, .mtu = 1500};
	object_read(o, port);
	if (o->broken)
		return;
	if ((object_get(o, "device") != NULL) == (object_get(o, "id") != NULL))
		object_error(o, NULL, "one of device (an ethdev's name) and id is wanted");
	else if (port->name[0] == '\0')
		default_name(o, port);
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

void
ports_read(struct object *top)
{
	struct config *config = top->reading->config;
	uint32_t n = list_length(top, "ports");

	if (n > PORTS_MAX) {
		object_error(top, "ports", "%u ports: %d are the most", n, PORTS_MAX);
		return;
	}
	if (n == 0 && object_get(top, "ports") && config_setting_is_list(object_get(top, "ports")))
		object_error(top, "ports", "is empty: a gateway has at least one port");
	config->ports = array_or_die(n, sizeof(config->ports[0]));
	config->n_ports = n;
	for (uint32_t i = 0; i < n; i++) {
		struct object o = list_object(top, "ports", i, &ports_table);

		port_read(&o, &config->ports[i]);
		config->ports[i].origin = object_origin(&o);
	}
	name_index_build(&top->reading->ports, n, port_name, config);
}

void
key_port(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	char near[HINT_BYTES];

	if (text && !name_index_find(&o->reading->ports, text, field))
		object_error(o, key->name, "no port is called \"%.64s\"%s", text,
			name_index_hint(&o->reading->ports, text, near));
}

static bool
mac_parse(const char *text, uint8_t mac[6])
{
	if (strlen(text) != 17)
		return false;
	for (size_t i = 0; i < 17; i++)
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	for (size_t i = 0; i < 6; i++)
		mac[i] = (uint8_t)strtoul(text + 3 * i, NULL, 16);
	return true;
}

static void
key_mac(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	uint8_t mac[6];

	if (!text)
		return;
	if (!mac_parse(text, mac))
		object_error(o, key->name,
			"\"%.64s\" is no MAC address; \"02:00:00:00:00:01\" would be", text);
	else if ((mac[0] & 1) || memcmp(mac, "\0\0\0\0\0\0", 6) == 0)
		object_error(
			o, key->name, "\"%s\" is no station's address (multicast or zero)", text);
	else
		memcpy(field, mac, sizeof(mac));
}

void
neighbours_read(struct object *top)
{
	struct config *config = top->reading->config;
	uint32_t n = list_length(top, "neighbours");

	config->neighbours = array_or_die(n, sizeof(config->neighbours[0]));
	config->n_neighbours = n;
	for (uint32_t i = 0; i < n; i++) {
		struct object o = list_object(top, "neighbours", i, &neighbours_table);

		object_read(&o, &config->neighbours[i]);
		config->neighbours[i].origin = object_origin(&o);
	}
}
