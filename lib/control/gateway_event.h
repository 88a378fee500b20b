/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef GATEWAY_EVENT_H
#define GATEWAY_EVENT_H

/*
 * What the gateway tells those who listen: an IKE daemon, a routing daemon, a person. Told on the
 * control lcore, one after the other; what an event points to is valid during the call only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "neigh.h"
#include "port.h"
#include "sa.h"
#include "tunnel.h"

/* X(name, text): the word of the socket, and what it means. */
#define GATEWAY_EVENTS(X)                                                                          \
	X(acquire, "a packet needs a tunnel that has no outbound SA (RFC 2367 3.1.6)")             \
	X(expire, "an SA's soft or hard lifetime is over, or its sequence numbers are used up")    \
	X(mapping, "a peer's envelopes come from another UDP port or address (RFC 3948)")          \
	X(peer, "a tunnel's peer is somewhere else now")                                           \
	X(tunnel, "a tunnel was made, changed, went up or down, or was deleted")                   \
	X(port, "a port's link went up or down")                                                   \
	X(neighbour, "a neighbour was resolved, or does not answer any more")

enum gateway_event_kind {
#define X(name, text) EVENT_##name,
	GATEWAY_EVENTS(X)
#undef X
		EVENT_KIND_COUNT
};

/* Where a peer is. Family 0: no matter of this event; port 0: without UDP. */
struct gateway_place {
	struct ip_addr addr;
	uint16_t port;
};

struct gateway_event {
	enum gateway_event_kind kind;
	/* what happened, one word: tunnel "created", "changed", "up", "down", "deleted"; port "up",
	 * "down"; neighbour "reachable", "failed"; expire "soft", "hard", "sequence" */
	const char *what;
	const struct tunnel *tunnel; /* acquire, expire, mapping, peer, tunnel */
	const struct sa *sa;         /* expire, mapping: NULL when it is gone */
	const struct port *port;     /* port, neighbour */
	const struct neigh *neigh;   /* neighbour */
	struct ip_addr src, dst;     /* acquire: the packet's. Family 0: not known */
	uint8_t protocol;            /* acquire */
	uint16_t src_port, dst_port; /* acquire */
	/* mapping: where the tunnel has its peer, and where its envelopes come from; peer: where it
	 * was, and is */
	struct gateway_place from, to;
};

/* "tunnel" */
const char *gateway_event_name(enum gateway_event_kind kind);
const char *gateway_event_text(enum gateway_event_kind kind);

/* NULL listener: nobody. */
typedef void gateway_event_fn(void *arg, const struct gateway_event *event);

#endif
