/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ICMP_H
#define ICMP_H

/* ICMP and ICMPv6 messages of our own (RFC 792, 1812, 4443). Control lcore. */

#include <stdbool.h>

#include "addr.h"
#include "pkt.h"

/* What both families can say; icmp_error_fill puts the family's type and code into a view. */
enum icmp_error {
	ICMP_ERR_TIME_EXCEEDED,
	ICMP_ERR_NET_UNREACHABLE,
	ICMP_ERR_HOST_UNREACHABLE,
	ICMP_ERR_ADMIN_PROHIBITED,
	ICMP_ERR_TOO_BIG, /* argument: the MTU that would have passed */
};

/* Sets task (TASK_ICMP_ERROR), icmp_type, icmp_code and argument in m's view, by its family. Data
 * path. */
void icmp_error_request(struct rte_mbuf *m, enum icmp_error error, uint32_t mtu);

/*
 * Whether RFC 1812 4.3.2.7 and RFC 4443 2.4(e) allow an error about the parsed packet m: not about
 * ICMP errors (or redirects), later fragments, link-layer or IP multicast or broadcast (PTB and
 * parameter problem 2 over IPv6 excepted, where the view asks for one), sources that are no single
 * host.
 */
bool icmp_error_allowed(const struct rte_mbuf *m);

/*
 * The error that m's view asks for, from `source` (one of our addresses) to m's source, quoting m
 * (whole IPv4 up to a 576-byte message, IPv6 up to 1280). A new mbuf from pool, parsed, zone self,
 * m's table, TTL 64; NULL: no mbuf, or
 * source is of the other family. m is not changed and stays the caller's. IPv4 PTB to a source
 * whose packet's MTU falls below 68 says 68; IPv6 below 1280 says 1280.
 */
struct rte_mbuf *icmp_error_create(
	const struct rte_mbuf *m, const struct ip_addr *source, struct rte_mempool *pool);

/*
 * Turns the parsed echo request m into its reply in place: addresses swapped (source becomes
 * `source`, for a request to a multicast address), TTL 64, type, checksums right. false: not a
 * valid echo request (checksum!).
 */
bool icmp_echo_reply(struct rte_mbuf *m, const struct ip_addr *source);

/* Whether the parsed packet m is an echo request, by its type. */
bool icmp_is_echo_request(const struct rte_mbuf *m);

/* Whether the parsed packet m is itself an ICMP error or a redirect, by its type. */
bool icmp_is_error(const struct rte_mbuf *m);

#endif
