/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

static const struct key selector_keys[] = {SELECTOR_KEYS(selector, )};
const struct key_table selectors_table = {
	"tunnels.selectors", NULL, selector_keys, KEY_COUNT(selector_keys)};

static const struct port_range all_ports = {0, 65535};

/* The names of /etc/protocols that appear in policies; any other one by its number. */
static const struct protocol {
	const char *name;
	int16_t number;
} protocols[] = {
	{"any", -1},
	{"icmp", IPPROTO_ICMP},
	{"igmp", IPPROTO_IGMP},
	{"ipip", IPPROTO_IPIP},
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{"ipv6", IPPROTO_IPV6},
	{"gre", IPPROTO_GRE},
	{"esp", IPPROTO_ESP},
	{"ah", IPPROTO_AH},
	{"icmp6", IPPROTO_ICMPV6},
	{"ospf", 89},
	{"pim", IPPROTO_PIM},
	{"vrrp", 112},
	{"l2tp", 115},
	{"sctp", IPPROTO_SCTP},
};

struct selector
selector_any(void)
{
	return (struct selector){.protocol = -1, .local_port = all_ports, .remote_port = all_ports};
}

/* "a-b". False when it is none. */
static bool
range_parse(const char *text, struct ip_range *range)
{
	const char *dash = strchr(text, '-');
	char first[IP_ADDR_STRLEN];

	if (!dash || (size_t)(dash - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	return ip_addr_parse(first, &range->first) == 0 &&
	       ip_addr_parse(dash + 1, &range->last) == 0;
}

static void
range_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *text = value_string(o, key, value);
	struct ip_prefix prefix;
	struct ip_range range;

	if (!text || strcmp(text, "any") == 0)
		return;
	if (ip_prefix_parse(text, &prefix) == 0) {
		if (prefix_is_network(o, key->name, &prefix))
			*(struct ip_range *)field = ip_prefix_range(&prefix);
	} else if (!range_parse(text, &range)) {
		object_error(o, key->name,
			"\"%.64s\" is no prefix and no range; \"192.0.2.0/24\" or "
			"\"192.0.2.1-192.0.2.9\" would be",
			text);
	} else if (range.first.family != range.last.family) {
		object_error(o, key->name, "\"%s\" mixes IPv4 and IPv6", text);
	} else if (ip_addr_compare(&range.first, &range.last) > 0) {
		object_error(o, key->name, "\"%s\" begins after its end", text);
	} else {
		*(struct ip_range *)field = range;
	}
}

/* The length of the prefix that the range is, or -1. */
static int
range_prefix_length(const struct ip_range *range)
{
	for (int length = ip_addr_bits(&range->first); length >= 0; length--) {
		struct ip_prefix prefix = {range->first, (uint8_t)length};
		struct ip_range all = ip_prefix_range(&prefix);

		if (ip_addr_equal(&all.first, &range->first) &&
			ip_addr_equal(&all.last, &range->last))
			return length;
	}
	return -1;
}

static void
range_write(struct writing *w, const struct key *key, const void *field)
{
	const struct ip_range *range = field;
	int length = range_prefix_length(range);
	struct ip_prefix prefix = {range->first, (uint8_t)length};
	char text[2 * IP_PREFIX_STRLEN], last[IP_ADDR_STRLEN];

	if (length == ip_addr_bits(&range->first)) {
		ip_addr_format(&range->first, text);
	} else if (length >= 0) {
		ip_prefix_format(&prefix, text);
	} else {
		ip_addr_format(&range->first, text);
		snprintf(text + strlen(text), sizeof(last) + 1, "-%s",
			ip_addr_format(&range->last, last));
	}
	put_text(w, key, text);
}

static bool
range_equal(const struct key *key, const void *a, const void *b)
{
	const struct ip_range *x = a, *y = b;

	(void)key;
	return ip_addr_equal(&x->first, &y->first) && ip_addr_equal(&x->last, &y->last);
}

const struct key_type key_range = {
	.word = "prefix or range", .read = range_read, .write = range_write, .equal = range_equal};

static void
protocol_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	const char *names[KEY_COUNT(protocols)], *text;
	char near[HINT_BYTES];
	uint64_t number;

	if (config_setting_type(value) != CONFIG_TYPE_STRING) {
		if (value_number(o, key, value, &number))
			*(int16_t *)field = (int16_t)number;
		return;
	}
	text = value_string(o, key, value);
	for (size_t i = 0; i < KEY_COUNT(protocols); i++) {
		names[i] = protocols[i].name;
		if (strcmp(text, names[i]) == 0) {
			*(int16_t *)field = protocols[i].number;
			return;
		}
	}
	object_error(o, key->name, "\"%.64s\" is no protocol known here%s: give its number", text,
		hint(near, text, names, KEY_COUNT(protocols)));
}

static void
protocol_write(struct writing *w, const struct key *key, const void *field)
{
	int16_t number = *(const int16_t *)field;

	for (size_t i = 0; i < KEY_COUNT(protocols); i++) {
		if (protocols[i].number == number) {
			put_text(w, key, protocols[i].name);
			return;
		}
	}
	put_number(w, key, (uint64_t)number);
}

static const char *
protocol_word(size_t i)
{
	return i < KEY_COUNT(protocols) ? protocols[i].name : NULL;
}

const struct key_type key_protocol = {.word = "name or number",
	.read = protocol_read,
	.write = protocol_write,
	.bounded = true,
	.word_at = protocol_word};

static void
port_range_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	struct port_range *range = field;
	unsigned long first, last;
	const char *text;
	uint64_t number;
	char *end;

	if (config_setting_type(value) != CONFIG_TYPE_STRING) {
		if (value_number(o, key, value, &number))
			*range = (struct port_range){(uint16_t)number, (uint16_t)number};
		return;
	}
	text = value_string(o, key, value);
	if (strcmp(text, "any") == 0)
		return;
	first = strtoul(text, &end, 10);
	last = *end == '-' ? strtoul(end + 1, &end, 10) : 0;
	/* digits, one dash, digits */
	if (text[strspn(text, "0123456789-")] != '\0' || strlen(text) > 11 || *end != '\0' ||
		end == text || end[-1] == '-' || !strchr(text + 1, '-') || text[0] == '-' ||
		first > last || last > key->max)
		object_error(o, key->name,
			"\"%.64s\" is no range from 0 to %u; \"8000-8080\" or a number would be",
			text, (unsigned int)key->max);
	else
		*range = (struct port_range){(uint16_t)first, (uint16_t)last};
}

static bool
is_icmp(int16_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static bool
is_all(const struct port_range *range)
{
	return range->first == all_ports.first && range->last == all_ports.last;
}

/* One field is a port of some protocols and a type or code of ICMP: each key writes its own. */
static void
port_range_write(struct writing *w, const struct key *key, const struct selector *s,
	const struct port_range *range)
{
	char text[sizeof("65535-65535")];

	if ((key->max == UINT8_MAX) != is_icmp(s->protocol) || is_all(range))
		return;
	if (range->first == range->last) {
		put_number(w, key, range->first);
	} else {
		snprintf(text, sizeof(text), "%u-%u", range->first, range->last);
		put_text(w, key, text);
	}
}

/* A code needs a type, be it any. */
static void
local_port_write(struct writing *w, const struct key *key, const void *field)
{
	const struct selector *s = container_of(field, const struct selector, local_port);

	if (is_icmp(s->protocol) && key->max == UINT8_MAX && is_all(&s->local_port) &&
		!is_all(&s->remote_port))
		put_text(w, key, "any");
	else
		port_range_write(w, key, s, &s->local_port);
}

static void
remote_port_write(struct writing *w, const struct key *key, const void *field)
{
	const struct selector *s = container_of(field, const struct selector, remote_port);

	port_range_write(w, key, s, &s->remote_port);
}

const struct key_type key_local_port = {.word = "number or range",
	.read = port_range_read,
	.write = local_port_write,
	.bounded = true,
	.decides = true};
const struct key_type key_remote_port = {.word = "number or range",
	.read = port_range_read,
	.write = remote_port_write,
	.bounded = true,
	.decides = true};

static struct ip_range
range_of_family(uint8_t family)
{
	struct ip_prefix all = {{.family = family}, 0};

	return ip_prefix_range(&all);
}

void
selector_defaults(struct selector *s, const struct selector *like)
{
	*s = selector_any();
	if (like && like->local.first.family)
		s->remote = range_of_family(like->local.first.family);
}

static void
families_finish(struct object *o, struct selector *s)
{
	uint8_t local = s->local.first.family, remote = s->remote.first.family;

	if (local && remote && local != remote)
		object_error(o, "remote", "is IPv%u, and local is IPv%u: one family is wanted",
			remote, local);
	else if (local && !remote)
		s->remote = range_of_family(local);
	else if (remote && !local)
		s->local = range_of_family(remote);
}

static bool
has_ports(int16_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

void
selector_finish(struct object *o, struct selector *s)
{
	static const char *const port_keys[] = {"local_port", "remote_port"};
	static const char *const icmp_keys[] = {"icmp_type", "icmp_code"};
	bool icmp = is_icmp(s->protocol);

	families_finish(o, s);
	for (size_t i = 0; i < 2; i++) {
		if (object_get(o, port_keys[i]) && !has_ports(s->protocol))
			object_error(
				o, port_keys[i], "needs protocol = \"tcp\", \"udp\" or \"sctp\"");
		if (object_get(o, icmp_keys[i]) && !icmp)
			object_error(o, icmp_keys[i], "needs protocol = \"icmp\" or \"icmp6\"");
	}
	if (icmp && object_get(o, "icmp_code") && !object_get(o, "icmp_type"))
		object_error(o, "icmp_code", "needs an icmp_type");
	if (s->protocol == IPPROTO_ICMP && s->local.first.family == 6)
		object_error(o, "protocol", "\"icmp\" is IPv4's: \"icmp6\" goes with IPv6");
	if (s->protocol == IPPROTO_ICMPV6 && s->local.first.family == 4)
		object_error(o, "protocol", "\"icmp6\" is IPv6's: \"icmp\" goes with IPv4");
}
