/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOOK_FILTER_H
#define LOOK_FILTER_H

/*
 * Which packets somebody wants to see. Of the addresses, the protocol and the ports all that are
 * given have to be right at once, at one place of the packet's way: as it came in, or as it came
 * out of an envelope. The SPI, the tunnel and the reason for a drop are met when they come to be
 * known.
 */

#include "addr.h"
#include "drop.h"
#include "header.h"

enum {
	LOOK_ANY = -1,                            /* protocol, drop */
	LOOK_DROP_ANY_REASON = DROP_REASON_COUNT, /* drop: dropped, for whatever reason */
};

struct look_filter {
	struct ip_prefix source, destination;         /* family 0: any */
	struct ip_prefix address;                     /* source or destination */
	int16_t protocol;                             /* LOOK_ANY */
	uint16_t source_port, destination_port, port; /* 0: any; port: either */
	uint32_t spi;                                 /* 0: any */
	bool by_tunnel;
	uint32_t tunnel; /* its index */
	uint16_t tunnel_generation;
	int16_t drop; /* LOOK_ANY, LOOK_DROP_ANY_REASON or enum drop_reason */
};

/* Conditions, as bits. */
enum look_condition {
	LOOK_HEADER = 1 << 0,
	LOOK_SPI = 1 << 1,
	LOOK_TUNNEL = 1 << 2,
	LOOK_DROP = 1 << 3,
};

/* All packets. */
struct look_filter look_filter_all(void);

/* The conditions that the filter has. */
uint8_t look_filter_conditions(const struct look_filter *f);

/* Whether a header meets LOOK_HEADER: one that could not be read meets it only when nothing is
 * asked. */
bool look_filter_header(const struct look_filter *f, const struct look_header *h);

bool look_filter_drop(const struct look_filter *f, enum drop_reason why);

#endif
