/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

enum {
	SELECTORS_MAX = 4096, /* of one tunnel: they are searched one after the other */
	NAT_PORT = 4500,
};

static const char *const encapsulation_words[] = {"ipip", "tunnel", NULL};
static const char *const carrier_words[] = {"esp", "udp", NULL};
static const char *const df_words[] = {"copy", "set", "clear", NULL};
static const char *const state_words[] = {"down", "up", NULL};

static void
dscp_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	uint64_t number;

	if (config_setting_type(value) == CONFIG_TYPE_STRING) {
		if (strcmp(value_string(o, key, value), "copy") == 0)
			*(int8_t *)field = TUNNEL_DSCP_COPY;
		else
			object_error(o, key->name, "\"copy\" or a number from 0 to 63 is wanted");
	} else if (value_number(o, key, value, &number)) {
		*(int8_t *)field = (int8_t)number;
	}
}

static void
dscp_write(struct writing *w, const struct key *key, const void *field)
{
	int8_t dscp = *(const int8_t *)field;

	if (dscp == TUNNEL_DSCP_COPY)
		put_text(w, key, "copy");
	else
		put_number(w, key, (uint64_t)dscp);
}

static const struct key_type key_dscp = {
	.word = "\"copy\" or number", .read = dscp_read, .write = dscp_write, .bounded = true};

static void
selectors_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	struct tunnel_config *t = field;
	uint32_t n = list_length(o, key->name);

	(void)value;
	if (n > SELECTORS_MAX) {
		object_error(o, key->name, "%u selectors: %d are the most", n, SELECTORS_MAX);
		return;
	}
	t->selectors = array_or_die(n, sizeof(t->selectors[0]));
	t->n_selectors = n;
	for (uint32_t i = 0; i < n; i++) {
		struct object s = list_object(o, key->name, i, key->table);

		t->selectors[i] = selector_any();
		object_read(&s, &t->selectors[i]);
		if (!s.broken)
			selector_finish(&s, &t->selectors[i]);
		o->broken |= s.broken;
	}
}

static void
selectors_write(struct writing *w, const struct key *key, const void *field)
{
	const struct tunnel_config *t = field;
	config_setting_t *list = put_list(w, key);

	for (uint32_t i = 0; i < t->n_selectors; i++) {
		struct writing s = {.group = put_group(list)};
		struct selector defaults;

		selector_defaults(&defaults, &t->selectors[i]);
		object_write(&s, key->table, &t->selectors[i], &defaults);
	}
}

static bool
selectors_equal(const struct key *key, const void *a, const void *b)
{
	const struct tunnel_config *x = a, *y = b;

	if (x->n_selectors != y->n_selectors)
		return false;
	for (uint32_t i = 0; i < x->n_selectors; i++)
		if (!object_equal(key->table, &x->selectors[i], &y->selectors[i]))
			return false;
	return true;
}

static const struct key_type key_selectors = {.word = "list of groups",
	.read = selectors_read,
	.write = selectors_write,
	.equal = selectors_equal};

static const struct key tunnel_keys[] = {
	{"name", &key_name, true, KEY_FIELD(tunnel_config, name), .identity = true,
		.help = "as a port's name, and no port's"},
	{"encapsulation", &key_word, KEY_FIELD(tunnel_config, encapsulation),
		.words = encapsulation_words,
		.help = "ipip (IIPtran, RFC 3884) or tunnel (RFC 4301 tunnel mode: the same "
			"bytes)"},
	{"carrier", &key_word, KEY_FIELD(tunnel_config, carrier), .words = carrier_words,
		.help = "esp (protocol 50) or udp (RFC 3948)"},
	{"local", &key_address, true, KEY_FIELD(tunnel_config, local), .help = "our outer address"},
	{"remote", &key_address, true, KEY_FIELD(tunnel_config, remote),
		.help = "the peer's outer address, of the same family"},
	{"local_port", &key_number, KEY_FIELD(tunnel_config, local_port), .min = 1, .max = 65535,
		.help = "carrier udp only"},
	{"remote_port", &key_number, KEY_FIELD(tunnel_config, remote_port), .min = 1, .max = 65535,
		.help = "carrier udp only"},
	{"keepalive", &key_number, KEY_FIELD(tunnel_config, keepalive_seconds), .max = 3600,
		.help = "carrier udp only: seconds between NAT keepalives"},
	{"address", &key_address, KEY_FIELD(tunnel_config, address),
		.help = "our own address on the link, of either family"},
	{"peer_address", &key_address, KEY_FIELD(tunnel_config, peer_address),
		.help = "the peer's; needs address, of the same family"},
	{"address6", &key_address, KEY_FIELD(tunnel_config, address6),
		.help = "a second address of our own, where address is IPv4"},
	{"peer_address6", &key_address, KEY_FIELD(tunnel_config, peer_address6),
		.help = "the peer's; needs address6"},
	{"mtu", &key_number, KEY_FIELD(tunnel_config, mtu), .max = 9000,
		.help = "of inner packets"},
	{"ttl", &key_number, KEY_FIELD(tunnel_config, ttl), .min = 1, .max = 255,
		.help = "TTL or hop limit of envelopes"},
	{"dscp", &key_dscp, KEY_FIELD(tunnel_config, dscp), .max = 63,
		.help = "of envelopes: the inner packet's, or this one"},
	{"df", &key_word, KEY_FIELD(tunnel_config, df), .words = df_words,
		.help = "of envelopes over IPv4: copy, set, or, with encapsulation tunnel alone, "
			"clear"},
	{"ecn", &key_bool, KEY_FIELD(tunnel_config, ecn), .help = "RFC 6040 normal mode"},
	{"state", &key_word, KEY_FIELD(tunnel_config, up), .words = state_words,
		.help = "up or down; routes to a tunnel that is down discard"},
	{"metric", &key_number, KEY_FIELD(tunnel_config, metric), .max = UINT32_MAX,
		.help = "of routes via this tunnel that give none"},
	{"table", &key_number, KEY_FIELD(tunnel_config, table), .max = TABLES_MAX - 1,
		.help = "the table that decapsulated packets are looked up in"},
	{"outer_table", &key_number, KEY_FIELD(tunnel_config, outer_table), .max = TABLES_MAX - 1,
		.help = "the table that envelopes are looked up in"},
	{"selectors", &key_selectors, KEY_OBJECT, .table = &selectors_table,
		.help = "what may pass, in both directions: any one of them is enough"},
};
const struct key_table tunnels_table = {"tunnels", "name", tunnel_keys, KEY_COUNT(tunnel_keys)};

static void
outer_check(struct object *o, const struct tunnel_config *t)
{
	if (t->local.family != t->remote.family)
		object_error(o, "remote", "is IPv%u, and local is IPv%u: one family is wanted",
			t->remote.family, t->local.family);
	else if (ip_addr_equal(&t->local, &t->remote))
		object_error(o, "remote", "is the same address as local");
	if (ip_addr_is_link_local(&t->local))
		object_error(o, "local", "is link-local: envelopes are routed");
	if (ip_addr_is_link_local(&t->remote))
		object_error(o, "remote", "is link-local: envelopes are routed");
	if (t->df == TUNNEL_DF_CLEAR && t->encapsulation != TUNNEL_TUNNEL)
		object_error(o, "df",
			"\"clear\" is for encapsulation = \"tunnel\" only; \"copy\" or \"set\" "
			"would be right");
}

static void
carrier_check(struct object *o, struct tunnel_config *t)
{
	static const char *const keys[] = {"local_port", "remote_port", "keepalive"};

	for (size_t i = 0; i < KEY_COUNT(keys) && t->carrier != TUNNEL_UDP; i++)
		if (object_get(o, keys[i]))
			object_error(o, keys[i], "is for carrier = \"udp\" only");
	if (t->carrier == TUNNEL_UDP) {
		t->local_port = t->local_port ? t->local_port : NAT_PORT;
		t->remote_port = t->remote_port ? t->remote_port : NAT_PORT;
	}
}

/* The link's own address and its peer's: key and peer_key. */
static void
inner_check(struct object *o, const char *key, const struct ip_addr *own, const char *peer_key,
	const struct ip_addr *peer)
{
	if (!peer->family)
		return;
	if (!own->family)
		object_error(o, peer_key, "needs %s, our end of the link", key);
	else if (own->family != peer->family)
		object_error(o, peer_key, "is IPv%u, and %s is IPv%u: one family is wanted",
			peer->family, key, own->family);
	else if (ip_addr_equal(own, peer))
		object_error(o, peer_key, "is the same address as %s", key);
}

static bool
carries_ipv6(const struct tunnel_config *t)
{
	for (uint32_t i = 0; i < t->n_selectors; i++)
		if (t->selectors[i].local.first.family == 6)
			return true;
	return t->address.family == 6 || t->address6.family == 6;
}

static void
inner_checks(struct object *o, const struct tunnel_config *t)
{
	inner_check(o, "address", &t->address, "peer_address", &t->peer_address);
	inner_check(o, "address6", &t->address6, "peer_address6", &t->peer_address6);
	if (t->address6.family == 4)
		object_error(o, "address6", "is IPv4: that is what address is for");
	if (t->address6.family == 6 && t->address.family == 6)
		object_error(o, "address6", "and address are both IPv6: one of them is enough");
	if (t->mtu && t->mtu < 576)
		object_error(o, "mtu",
			"%u is not between 576 and 9000 (0: what the port's MTU leaves)", t->mtu);
	else if (t->mtu && t->mtu < 1280 && carries_ipv6(t))
		object_error(o, "mtu", "%u is too small for IPv6: 1280 is the least", t->mtu);
}

static void
tunnel_read(struct object *o, void *object)
{
	struct tunnel_config *t = &((struct config_tunnel *)object)->tunnel;

	object_read(o, t);
	if (o->broken)
		return;
	outer_check(o, t);
	carrier_check(o, t);
	inner_checks(o, t);
}

static void
tunnel_defaults(void *object, const void *like, const struct config_scope *scope)
{
	const struct config_tunnel *given = like;
	struct config_tunnel *tunnel = object;

	(void)scope;
	*tunnel = (struct config_tunnel){
		.tunnel = {.ttl = 64, .dscp = TUNNEL_DSCP_COPY, .ecn = true, .up = true}};
	if (given && given->tunnel.carrier == TUNNEL_UDP) {
		tunnel->tunnel.local_port = NAT_PORT;
		tunnel->tunnel.remote_port = NAT_PORT;
	}
}

static void
selectors_free(void *object)
{
	free(((struct config_tunnel *)object)->tunnel.selectors);
}

/* The addresses that `local` could be, "203.0.113.1 (wan), …". */
static const char *
candidates_format(
	const struct config_scope *scope, const struct tunnel_config *t, char *buf, size_t bytes)
{
	uint32_t count = scope->port_count(scope->arg);
	char text[IP_ADDR_STRLEN];

	buf[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		const struct config_port *p = scope->port(scope->arg, i);

		if (!p || p->role == PORT_PROTECTED || p->table != t->outer_table)
			continue;
		for (uint32_t j = 0; j < p->n_addresses; j++)
			if (!ip_addr_is_link_local(&p->addresses[j].addr))
				list_append(buf, bytes, ip_addr_format(&p->addresses[j].addr, text),
					p->name);
	}
	return buf[0] ? buf : "none";
}

/* Ports and tunnels share the names that `via` understands. */
static bool
name_holds(const struct config_scope *scope, const void *object, struct error *err)
{
	const struct tunnel_config *t = &((const struct config_tunnel *)object)->tunnel;
	const struct config_port *port;
	uint32_t i;

	if (!scope->port_find(scope->arg, t->name, &i))
		return true;
	port = scope->port(scope->arg, i);
	if (port->origin.broken)
		return true;
	if (port->origin.label)
		error_set(err, 0, "has the name of a port: %s (line %d)", port->origin.label,
			port->origin.line);
	else
		error_set(err, 0, "has the name of a port");
	return false;
}

static bool
local_holds(const struct config_scope *scope, const void *object, struct error *err)
{
	const struct tunnel_config *t = &((const struct config_tunnel *)object)->tunnel;
	const struct config_port *port = port_of_address(scope, t->outer_table, &t->local);
	char addr[IP_ADDR_STRLEN], list[256];

	if ((port && port->role != PORT_PROTECTED) || any_port_broken(scope))
		return true;
	error_set(err, 0,
		"local: %s is %s; the addresses of unprotected ports in outer_table %u are %s",
		ip_addr_format(&t->local, addr), port ? "on a protected port" : "no port's address",
		t->outer_table, candidates_format(scope, t, list, sizeof(list)));
	return false;
}

static bool
remote_holds(const struct config_scope *scope, const void *object, struct error *err)
{
	const struct tunnel_config *t = &((const struct config_tunnel *)object)->tunnel;
	const struct config_port *port = port_of_address(scope, t->outer_table, &t->remote);
	char addr[IP_ADDR_STRLEN];

	if (!port || any_port_broken(scope))
		return true;
	error_set(err, 0, "remote: %s is our own address, on port %s",
		ip_addr_format(&t->remote, addr), port->name);
	return false;
}

static const struct scope_rule rules[] = {
	{"name", name_holds},
	{"local", local_holds},
	{"remote", remote_holds},
};

const struct kind tunnel_kind = {.noun = "tunnel",
	.table = &tunnels_table,
	.bytes = sizeof(struct config_tunnel),
	.offset = offsetof(struct config_tunnel, tunnel),
	.origin_offset = offsetof(struct config_tunnel, origin),
	.array_offset = offsetof(struct config, tunnels),
	.count_offset = offsetof(struct config, n_tunnels),
	.defaults = tunnel_defaults,
	.read = tunnel_read,
	.free = selectors_free,
	.most = 65536,
	.plural = "tunnels",
	.rules = rules,
	.n_rules = KEY_COUNT(rules)};
