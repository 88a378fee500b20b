/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

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
mac_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
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

static void
mac_write(struct writing *w, const struct key *key, const void *field)
{
	const uint8_t *mac = field;
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	put_text(w, key, text);
}

static const struct key_type key_mac = {
	.word = "MAC address", .read = mac_read, .write = mac_write};

static const struct key neighbour_keys[] = {
	{"address", &key_address, true, KEY_FIELD(config_neighbour, addr), .identity = true,
		.help = "on a link of the port, or link-local"},
	{"mac", &key_mac, true, KEY_FIELD(config_neighbour, mac),
		.help = "02:00:00:00:00:02, of one station"},
	{"port", &key_port, true, KEY_FIELD(config_neighbour, port), .identity = true,
		.help = "name of the port"},
};
const struct key_table neighbours_table = {
	"neighbours", "address", neighbour_keys, KEY_COUNT(neighbour_keys)};

static void
neighbour_defaults(void *object, const void *like, const struct config_scope *scope)
{
	(void)like;
	(void)scope;
	*(struct config_neighbour *)object = (struct config_neighbour){0};
}

static void
neighbour_read(struct object *o, void *object)
{
	object_read(o, object);
}

static bool
address_holds(const struct config_scope *scope, const void *object, struct error *err)
{
	const struct config_neighbour *n = object;
	const struct config_port *port = scope->port(scope->arg, n->port), *own;
	char addr[IP_ADDR_STRLEN];
	uint8_t length;

	if (!port || port->origin.broken)
		return true;
	ip_addr_format(&n->addr, addr);
	own = port_of_address(scope, port->table, &n->addr);
	if (own)
		error_set(err, 0, "%s is our own address, on port %s", addr, own->name);
	else if (!port_on_link(port, &n->addr, &length) && !ip_addr_is_link_local(&n->addr))
		error_set(err, 0,
			"%s is not on the link of port %s: none of its addresses has a prefix that "
			"holds it",
			addr, port->name);
	else
		return true;
	return false;
}

static const struct scope_rule rules[] = {{"address", address_holds}};

const struct kind neighbour_kind = {.noun = "neighbour",
	.table = &neighbours_table,
	.bytes = sizeof(struct config_neighbour),
	.origin_offset = offsetof(struct config_neighbour, origin),
	.array_offset = offsetof(struct config, neighbours),
	.count_offset = offsetof(struct config, n_neighbours),
	.defaults = neighbour_defaults,
	.read = neighbour_read,
	.rules = rules,
	.n_rules = KEY_COUNT(rules)};
