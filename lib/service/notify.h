/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NOTIFY_H
#define NOTIFY_H

/*
 * What a service manager wants to hear (sd_notify(3)): ready, how it goes, still alive, stopping.
 * The protocol is a datagram of NAME=value lines to the socket that $NOTIFY_SOCKET names; it is
 * documented as stable, and so short that it takes no library.
 */

#include <stdint.h>

#include "errmsg.h"

struct notify {
	int fd;               /* -1: nobody listens */
	uint64_t watchdog_ms; /* the manager wants WATCHDOG=1 at least that often; 0: never */
};

/*
 * Connects to $NOTIFY_SOCKET and reads $WATCHDOG_USEC and $WATCHDOG_PID. Without $NOTIFY_SOCKET
 * there is nobody to tell, and that is no error. 0, or -errno with a message, nobody to tell then.
 */
int notify_open(struct notify *n, struct error *err);

/* Sends the lines. What does not get through is lost: the manager's own timeouts tell it then.
 * Never blocks, so that a manager that hangs does not stop the control lcore. */
void notify_send(const struct notify *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void notify_close(struct notify *n);

#endif
