/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_READ_H
#define CONFIG_READ_H

/* The readers of each kind of object, in the order in which they refer to each other. */

#include "config_keys.h"

extern const struct key_table config_table, limits_table, worker_table, icmp_table, ports_table,
	neighbours_table, tunnels_table, selectors_table, sas_table, routes_table, policies_table;

/* All of them, for the check of doc/configuration.md; NULL ends. */
extern const struct key_table *const config_key_tables[];

/* top is the whole file. Each fills its array of the configuration. */
void ports_read(struct object *top);
void tunnels_read(struct object *top);
void neighbours_read(struct object *top);
void sas_read(struct object *top);
void routes_read(struct object *top);
void policies_read(struct object *top);

/* `key` names a port or a tunnel: its index. */
key_read key_port, key_tunnel;

/* The keys that tunnels' selectors and policies have in common. at: the way to the struct selector
 * in the type, "selector." or nothing. */
/* clang-format off */
#define SELECTOR_KEYS(type, at)                                                                    \
	{"local", key_range, KEY_FIELD(type, at local)},                                           \
	{"remote", key_range, KEY_FIELD(type, at remote)},                                         \
	{"protocol", key_protocol, KEY_FIELD(type, at protocol), .max = 255},                      \
	{"local_port", key_port_range, KEY_FIELD(type, at local_port), .max = 65535},              \
	{"remote_port", key_port_range, KEY_FIELD(type, at remote_port), .max = 65535},            \
	{"icmp_type", key_port_range, KEY_FIELD(type, at local_port), .max = 255},                 \
	{"icmp_code", key_port_range, KEY_FIELD(type, at remote_port), .max = 255}
/* clang-format on */

key_read key_range, key_protocol, key_port_range;

/* All traffic: what keys that are not given leave. */
struct selector selector_any(void);

/* After the keys: what they must be to each other, and the range of a side that was not given. */
void selector_finish(struct object *o, struct selector *s);

/* Whether addr is on the port's link. length: of the longest prefix that says so. */
bool port_on_link(const struct config_port *port, const struct ip_addr *addr, uint8_t *length);

/* The port of the table that has this address as its own, NULL: none. */
const struct config_port *port_of_address(
	const struct config *config, uint16_t table, const struct ip_addr *addr);

/* What the objects must be to each other: the rules are the functions of config_validate.c. */
void config_validate(const struct config *config, struct report *report);

#endif
