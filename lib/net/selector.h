/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SELECTOR_H
#define SELECTOR_H

/* RFC 4301 4.4.1.1: what traffic a policy or a tunnel speaks of. `local` is our side in both
 * directions. */

#include "addr.h"
#include "pkt.h"

struct port_range {
	uint16_t first, last; /* host byte order, both included; 0 to 65535 is any */
};

struct selector {
	/* family 0 is any address of both families; else both ranges are of one family */
	struct ip_range local, remote;
	int16_t protocol; /* -1: any */
	/* ICMP: the type is taken as the local port and the code as the remote one, whatever the
	 * direction */
	struct port_range local_port, remote_port;
};

/* Whether the selector names ports (or ICMP type and code): such a selector never matches later
 * fragments. */
bool selector_has_ports(const struct selector *s);

/* outbound: the packet's source is on the local side; else its destination is. */
bool selector_match(const struct selector *s, const struct rte_mbuf *m, bool outbound);

#endif
