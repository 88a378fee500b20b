/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPC_METHODS_LOOK_H
#define RPC_METHODS_LOOK_H

/* What trace.start and capture.start have in common: which packets, and for how long. */

#include "gateway_look.h"
#include "methods_objects.h"

struct look_params {
	struct look_filter filter; /* tunnel: TUNNEL_NONE: any */
	uint32_t seconds;
};

#define LOOK_SECONDS_DEFAULT 60

/* clang-format off */
#define LOOK_KEYS(type, at)                                                                        \
	{"source", &key_prefix, KEY_FIELD(type, at filter.source),                                 \
		.help = "prefix or address that the packet is from"},                              \
	{"destination", &key_prefix, KEY_FIELD(type, at filter.destination),                       \
		.help = "prefix or address that the packet is to"},                                \
	{"address", &key_prefix, KEY_FIELD(type, at filter.address),                               \
		.help = "prefix or address that the packet is from or to"},                        \
	{"protocol", &key_protocol, KEY_FIELD(type, at filter.protocol), .max = 255,               \
		.help = "name or number of the protocol"},                                         \
	{"source_port", &key_number, KEY_FIELD(type, at filter.source_port), .min = 1,             \
		.max = 65535, .help = "port that the packet is from"},                             \
	{"destination_port", &key_number, KEY_FIELD(type, at filter.destination_port), .min = 1,   \
		.max = 65535, .help = "port that the packet is to"},                               \
	{"port", &key_number, KEY_FIELD(type, at filter.port), .min = 1, .max = 65535,             \
		.help = "port that the packet is from or to"},                                     \
	{"spi", &key_number, KEY_FIELD(type, at filter.spi), .min = 1, .max = UINT32_MAX,          \
		.help = "of an SA that the packet meets"},                                         \
	{"tunnel", &key_tunnel, KEY_FIELD(type, at filter.tunnel),                                 \
		.help = "name of a tunnel that the packet meets"},                                 \
	{"drop", &key_word, KEY_FIELD(type, at filter.drop), .words = look_drop_words,             \
		.help = "the reason that it dies of, or any"},                                     \
	{"seconds", &key_number, KEY_FIELD(type, at seconds), .max = TRACE_SECONDS_MAX,            \
		.help = "when it ends by itself; 0: it does not"}
/* clang-format on */

extern const char *const look_drop_words[];

void look_defaults(struct look_params *look);

/* The filter with its tunnel as the gateway has it now. */
struct look_filter look_filter_of(const struct rpc_call *call, const struct look_params *look);

/* rc of gateway_look.h: a message that begins with the name of a parameter is about that one. */
int look_fail(
	struct rpc_call *call, const struct key_table *table, int rc, const struct error *err);

#endif
