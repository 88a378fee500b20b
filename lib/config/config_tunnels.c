/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

enum {
	TUNNELS_MAX = 65536,
	SELECTORS_MAX = 4096, /* of one tunnel: they are searched one after the other */
	NAT_PORT = 4500,
};

static key_read key_dscp;

static const char *const encapsulation_words[] = {"ipip", "tunnel", NULL};
static const char *const carrier_words[] = {"esp", "udp", NULL};
static const char *const df_words[] = {"copy", "set", "clear", NULL};
static const char *const state_words[] = {"down", "up", NULL};

static const struct key tunnel_keys[] = {
	{"name", key_name, true, KEY_FIELD(tunnel_config, name)},
	{"encapsulation", key_word, KEY_FIELD(tunnel_config, encapsulation),
		.words = encapsulation_words},
	{"carrier", key_word, KEY_FIELD(tunnel_config, carrier), .words = carrier_words},
	{"local", key_address, true, KEY_FIELD(tunnel_config, local)},
	{"remote", key_address, true, KEY_FIELD(tunnel_config, remote)},
	{"local_port", key_number, KEY_FIELD(tunnel_config, local_port), .min = 1, .max = 65535},
	{"remote_port", key_number, KEY_FIELD(tunnel_config, remote_port), .min = 1, .max = 65535},
	{"keepalive", key_number, KEY_FIELD(tunnel_config, keepalive_seconds), .max = 3600},
	{"address", key_address, KEY_FIELD(tunnel_config, address)},
	{"peer_address", key_address, KEY_FIELD(tunnel_config, peer_address)},
	{"address6", key_address, KEY_FIELD(tunnel_config, address6)},
	{"peer_address6", key_address, KEY_FIELD(tunnel_config, peer_address6)},
	{"mtu", key_number, KEY_FIELD(tunnel_config, mtu), .max = 9000},
	{"ttl", key_number, KEY_FIELD(tunnel_config, ttl), .min = 1, .max = 255},
	{"dscp", key_dscp, KEY_FIELD(tunnel_config, dscp), .max = 63},
	{"df", key_word, KEY_FIELD(tunnel_config, df), .words = df_words},
	{"ecn", key_bool, KEY_FIELD(tunnel_config, ecn)},
	{"state", key_word, KEY_FIELD(tunnel_config, up), .words = state_words},
	{"metric", key_number, KEY_FIELD(tunnel_config, metric), .max = UINT32_MAX},
	{"table", key_number, KEY_FIELD(tunnel_config, table), .max = TABLES_MAX - 1},
	{"outer_table", key_number, KEY_FIELD(tunnel_config, outer_table), .max = TABLES_MAX - 1},
	{"selectors", key_later, KEY_OBJECT},
};
const struct key_table tunnels_table = {"tunnels", "name", tunnel_keys, KEY_COUNT(tunnel_keys)};

static const char *
tunnel_name(const struct config *config, uint32_t i)
{
	return config->tunnels[i].tunnel.name;
}

static void
key_dscp(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	uint64_t number;

	if (config_setting_type(value) == CONFIG_TYPE_STRING) {
		if (strcmp(value_string(o, key, value), "copy") != 0)
			object_error(o, key->name, "\"copy\" or a number from 0 to 63 is wanted");
	} else if (value_number(o, key, value, &number)) {
		*(int8_t *)field = (int8_t)number;
	}
}

static void
selectors_read(struct object *o, struct tunnel_config *t)
{
	uint32_t n = list_length(o, "selectors");

	if (n > SELECTORS_MAX) {
		object_error(o, "selectors", "%u selectors: %d are the most", n, SELECTORS_MAX);
		return;
	}
	t->selectors = array_or_die(n, sizeof(t->selectors[0]));
	t->n_selectors = n;
	for (uint32_t i = 0; i < n; i++) {
		struct object s = list_object(o, "selectors", i, &selectors_table);

		t->selectors[i] = selector_any();
		object_read(&s, &t->selectors[i]);
		if (!s.broken)
			selector_finish(&s, &t->selectors[i]);
		o->broken |= s.broken;
	}
}

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
tunnel_read(struct object *o, struct tunnel_config *t)
{
	*t = (struct tunnel_config){.ttl = 64, .dscp = TUNNEL_DSCP_COPY, .ecn = true, .up = true};
	object_read(o, t);
	selectors_read(o, t);
	if (o->broken)
		return;
	outer_check(o, t);
	carrier_check(o, t);
	inner_checks(o, t);
}

void
tunnels_read(struct object *top)
{
	struct config *config = top->reading->config;
	uint32_t n = list_length(top, "tunnels");

	if (n > TUNNELS_MAX) {
		object_error(top, "tunnels", "%u tunnels: %d are the most", n, TUNNELS_MAX);
		return;
	}
	config->tunnels = array_or_die(n, sizeof(config->tunnels[0]));
	config->n_tunnels = n;
	for (uint32_t i = 0; i < n; i++) {
		struct object o = list_object(top, "tunnels", i, &tunnels_table);

		tunnel_read(&o, &config->tunnels[i].tunnel);
		config->tunnels[i].origin = object_origin(&o);
	}
	name_index_build(&top->reading->tunnels, n, tunnel_name, config);
}

void
key_tunnel(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	char near[HINT_BYTES];

	if (text && !name_index_find(&o->reading->tunnels, text, field))
		object_error(o, key->name, "no tunnel is called \"%.64s\"%s", text,
			name_index_hint(&o->reading->tunnels, text, near));
}
