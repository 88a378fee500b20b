/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ADDR_H
#define ADDR_H

/*
 * IP addresses of both families as one type, for control code. The packet path branches on the
 * family only at parsing and at lookup.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	IP_ADDR_STRLEN = 46,
	IP_PREFIX_STRLEN = 50,
};

/* family is 4, 6, or 0 for "none". An IPv4 address is in bytes[0..3], the rest is zero. Network
 * byte order. */
struct ip_addr {
	uint8_t family;
	uint8_t bytes[16];
};

struct ip_prefix {
	struct ip_addr addr;
	uint8_t length;
};

/* Both ends included. */
struct ip_range {
	struct ip_addr first, last;
};

/* 0, or -EINVAL when text is not an address of either family. */
int ip_addr_parse(const char *text, struct ip_addr *addr);

/* As "192.0.2.0/24"; a bare address is a host prefix. The address keeps its host bits. 0 or
 * -EINVAL. */
int ip_prefix_parse(const char *text, struct ip_prefix *prefix);

/* Returns buf. An address of no family is written as "-". */
const char *ip_addr_format(const struct ip_addr *addr, char buf[IP_ADDR_STRLEN]);
const char *ip_prefix_format(const struct ip_prefix *prefix, char buf[IP_PREFIX_STRLEN]);

struct ip_addr ip_addr_v4(uint32_t host_order);
uint32_t ip_addr_to_v4(const struct ip_addr *addr); /* host byte order */

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);

/* memcmp order inside a family, IPv4 before IPv6. */
int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b);

bool ip_addr_is_unspecified(const struct ip_addr *addr);
bool ip_addr_is_multicast(const struct ip_addr *addr);
bool ip_addr_is_link_local(const struct ip_addr *addr);

/* 32 or 128. */
uint8_t ip_addr_bits(const struct ip_addr *addr);

/* The prefix with its host bits cleared. */
struct ip_prefix ip_prefix_network(const struct ip_prefix *prefix);
bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *addr);
bool ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b);
struct ip_range ip_prefix_range(const struct ip_prefix *prefix);

/* Whether two addresses as they lie in packets are the same, by their family: for the packet path.
 */
static inline bool
ip_bytes_equal(const void *a, const void *b, uint8_t family)
{
	uint64_t x[2], y[2];
	uint32_t u, v;

	if (family == 4) {
		memcpy(&u, a, sizeof(u));
		memcpy(&v, b, sizeof(v));
		return u == v;
	}
	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

#endif
