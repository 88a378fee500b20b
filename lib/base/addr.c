/* SPDX-License-Identifier: BSD-3-Clause */
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
ip_addr_parse(const char *text, struct ip_addr *addr)
{
	struct ip_addr parsed = {0};

	if (inet_pton(AF_INET, text, parsed.bytes) == 1)
		parsed.family = 4;
	else if (inet_pton(AF_INET6, text, parsed.bytes) == 1)
		parsed.family = 6;
	else
		return -EINVAL;
	*addr = parsed;
	return 0;
}

int
ip_prefix_parse(const char *text, struct ip_prefix *prefix)
{
	char copy[IP_PREFIX_STRLEN];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct ip_prefix parsed;
	char *end;

	if (length >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (ip_addr_parse(copy, &parsed.addr) != 0)
		return -EINVAL;
	parsed.length = ip_addr_bits(&parsed.addr);
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		unsigned long bits = strtoul(slash + 1, &end, 10);
		if (*end != '\0' || bits > parsed.length)
			return -EINVAL;
		parsed.length = (uint8_t)bits;
	}
	*prefix = parsed;
	return 0;
}

const char *
ip_addr_format(const struct ip_addr *addr, char buf[IP_ADDR_STRLEN])
{
	if (addr->family == 0)
		return strcpy(buf, "-");
	return inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes, buf, IP_ADDR_STRLEN);
}

const char *
ip_prefix_format(const struct ip_prefix *prefix, char buf[IP_PREFIX_STRLEN])
{
	ip_addr_format(&prefix->addr, buf);
	snprintf(buf + strlen(buf), 5, "/%u", prefix->length);
	return buf;
}

struct ip_addr
ip_addr_v4(uint32_t host_order)
{
	struct ip_addr addr = {.family = 4};
	uint32_t be = htonl(host_order);

	memcpy(addr.bytes, &be, sizeof(be));
	return addr;
}

uint32_t
ip_addr_to_v4(const struct ip_addr *addr)
{
	uint32_t be;

	memcpy(&be, addr->bytes, sizeof(be));
	return ntohl(be);
}

bool
ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_addr_compare(a, b) == 0;
}

int
ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return (int)a->family - (int)b->family;
	return memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16);
}

bool
ip_addr_is_unspecified(const struct ip_addr *addr)
{
	static const uint8_t zero[16];

	return memcmp(addr->bytes, zero, addr->family == 4 ? 4 : 16) == 0;
}

bool
ip_addr_is_multicast(const struct ip_addr *addr)
{
	return addr->family == 4 ? (addr->bytes[0] & 0xf0) == 0xe0 : addr->bytes[0] == 0xff;
}

bool
ip_addr_is_link_local(const struct ip_addr *addr)
{
	if (addr->family == 4)
		return addr->bytes[0] == 169 && addr->bytes[1] == 254;
	return addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

uint8_t
ip_addr_bits(const struct ip_addr *addr)
{
	return addr->family == 4 ? 32 : 128;
}

/* Keeps the first `length` bits and sets each of the others to `fill` (0x00 or 0xff). */
static struct ip_addr
with_host_bits(const struct ip_addr *addr, uint8_t length, uint8_t fill)
{
	struct ip_addr out = *addr;

	for (unsigned int i = 0; i < ip_addr_bits(addr) / 8u; i++) {
		unsigned int first = i * 8;
		uint8_t keep = 0xff;

		if (first + 8 > length)
			keep = first >= length ? 0 : (uint8_t)(0xff << (8 - (length - first)));
		out.bytes[i] = (uint8_t)((addr->bytes[i] & keep) | (fill & (uint8_t)~keep));
	}
	return out;
}

struct ip_prefix
ip_prefix_network(const struct ip_prefix *prefix)
{
	return (struct ip_prefix){with_host_bits(&prefix->addr, prefix->length, 0), prefix->length};
}

bool
ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *addr)
{
	if (prefix->addr.family != addr->family)
		return false;
	struct ip_addr a = with_host_bits(&prefix->addr, prefix->length, 0);
	struct ip_addr b = with_host_bits(addr, prefix->length, 0);
	return ip_addr_equal(&a, &b);
}

bool
ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->length == b->length && ip_addr_equal(&a->addr, &b->addr);
}

struct ip_range
ip_prefix_range(const struct ip_prefix *prefix)
{
	return (struct ip_range){with_host_bits(&prefix->addr, prefix->length, 0),
		with_host_bits(&prefix->addr, prefix->length, 0xff)};
}
