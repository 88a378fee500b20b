/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

/*
 * A running gateway and a whole configuration: what differs, becoming it, and being written as one.
 * SAs that came over the socket are no part of a configuration and are left alone. Control lcore.
 */

#include "gateway_objects.h"

enum config_action { CONFIG_ADD, CONFIG_CHANGE, CONFIG_DELETE };

/* One object that differs. The structs are of the kind (struct config_tunnel, …). */
struct config_difference {
	enum config_kind kind;
	enum config_action action;
	const void *old; /* as the gateway has it, in its scope; NULL with CONFIG_ADD */
	const void *new; /* as the configuration has it, in its own; NULL with CONFIG_DELETE */
	uint32_t place;  /* SAs and policies with an old one: its place, its id */
};

/* Non-zero ends the walk and is returned. */
typedef int config_difference_fn(void *arg, const struct config_difference *d);

/*
 * What would have to happen for the gateway to be what the configuration says, in an order in which
 * it can. What only a restart can change goes into the report, and is no difference.
 */
int gateway_config_diff(struct gateway *g, const struct config *config, config_difference_fn *fn,
	void *arg, struct report *report);

/* Prepares all differences in the change under way. 0, or -EINVAL and others with what is wrong in
 * the report; the caller abandons the change then. */
int gateway_config_load(struct gateway *g, const struct config *config, struct report *report);

/* The gateway as a configuration, with the keys of static SAs. To be given to config_free. Never
 * NULL: when memory ends the process does. */
struct config *gateway_config_live(const struct gateway *g);

#endif
