/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SUPERVISE_H
#define SUPERVISE_H

/* What the service manager hears of the gateway: ready, how it goes, alive, stopping. */

#include <stdbool.h>
#include <stdint.h>

#include "gateway.h"
#include "notify.h"

struct supervisor {
	struct notify notify;
	bool ready, silent; /* that it is, has been told */
	uint64_t next_status_ms, next_heartbeat_ms;
	char status[160]; /* the last that was told */
};

/*
 * One tick of the running gateway (struct gateway_options, on_tick; arg is a supervisor). READY=1
 * at the first one, STATUS= when it changes, and WATCHDOG=1 four times in the manager's interval,
 * but only as long as no worker has been silent for half of it.
 */
void supervise_tick(void *arg, const struct gateway *g, uint64_t now_ms);

/* The gateway is about to stop. */
void supervise_stopping(struct supervisor *s);

#endif
