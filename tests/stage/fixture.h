/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_FIXTURE_H
#define STAGE_FIXTURE_H

/*
 * A whole gateway from a configuration text, on devices that are rings in memory, with no lcore
 * running: the test puts frames into a port's ring, calls the workers' turns itself, and takes
 * frames out of the other ring.
 */

#include "internal.h"

enum {
	STAGE_PORTS_MAX = 4,
	STAGE_WORKERS_MAX = 4,
};

struct stage_port {
	char device[32]; /* what the configuration calls it: "net_ring_p0" */
	struct rte_ring *in, *out[STAGE_WORKERS_MAX];
};

struct stage_fixture {
	struct gateway *g;
	struct worker *w; /* worker 0 */
	struct config *config;
	struct stage_port ports[STAGE_PORTS_MAX];
	uint16_t n_ports, n_workers;
	char state[64];
};

/* EAL with so many worker lcores, which never run; once a process. */
void stage_fixture_eal(const char *name, unsigned int workers);

/*
 * Ports net_ring_p0 … p(n_ports - 1) exist for the configuration to name. engine: as with --crypto.
 * Aborts, with the report, when the text is wrong.
 */
void stage_fixture_open(
	struct stage_fixture *f, const char *config_text, uint16_t n_ports, const char *engine);

/* Takes it down. Aborts when a packet buffer is missing. */
void stage_fixture_close(struct stage_fixture *f);

/* Puts a frame into a port's ring; takes m. */
void stage_fixture_put(struct stage_fixture *f, uint16_t port, struct rte_mbuf *m);

/* Turns of all workers and of the control lcore until nothing moves any more. */
void stage_fixture_turn(struct stage_fixture *f);

/* The next frame that a port has sent; NULL: none. The caller frees it. */
struct rte_mbuf *stage_fixture_take(struct stage_fixture *f, uint16_t port);

/* A frame for a port: its MAC as destination, EtherType by the packet's version. From the gateway's
 * pool. */
struct rte_mbuf *stage_fixture_frame(
	struct stage_fixture *f, uint16_t port, const void *packet, uint16_t bytes);

uint64_t stage_fixture_drops(const struct stage_fixture *f, enum drop_reason reason);

#endif
