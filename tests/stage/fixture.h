/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_FIXTURE_H
#define STAGE_FIXTURE_H

/*
 * A whole gateway from a configuration text, on devices that are rings in memory, with no lcore
 * running: the test puts frames into a device's ring, calls the workers' turns itself, and takes
 * frames out of the other ring. One at a time in a process, as many as one likes after each other.
 */

#include "guard.h"
#include "internal.h"
#include "packet.h"

enum {
	STAGE_PORTS_MAX = 4,
	STAGE_WORKERS_MAX = 4,
	STAGE_RING_SIZE = 1024,
};

/* One node twice: worker 1 does not read what worker 0 reads. */
extern const struct numa_nodes stage_two_nodes;

/* The engines that gateways are tested with, NULL at the end. */
extern const char *const stage_engines[];

struct stage_setup {
	const char *config;
	const char *engine; /* as with --crypto; NULL: the default */
	uint16_t rings; /* devices net_ring_p0, net_ring_p1, … for the configuration to name */
	uint16_t tx_queues;             /* 0: one for each worker */
	const struct numa_nodes *nodes; /* as in gateway_options */
};

struct stage_ring {
	struct rte_ring *in, *out[STAGE_WORKERS_MAX];
};

struct stage_fixture {
	struct stage_setup setup;
	struct gateway *g;
	struct worker *w; /* worker 0 */
	struct config *config;
	struct stage_ring rings[STAGE_PORTS_MAX];
	uint32_t failures; /* stage_check */
	char state[64];
};

/* How a frame lies in memory. */
struct stage_shape {
	uint16_t first, segment; /* bytes of the first and of the other buffers; 0: all in one */
	enum {
		SHAPE_ROOM,
		SHAPE_GUARD_AFTER,
		SHAPE_GUARD_BEFORE
	} kind; /* SHAPE_ROOM: plain
		   mbufs */
};

/* EAL with so many worker lcores, which never run; once a process. */
void stage_fixture_eal(const char *name, unsigned int workers);

/* Aborts, with the report, when the text is wrong. */
void stage_fixture_open(struct stage_fixture *f, const struct stage_setup *setup);

/* Takes it down. Returns how many checks failed; a packet buffer that is missing is one, too. */
uint32_t stage_fixture_close(struct stage_fixture *f);

/* Says on stderr what was wrong and counts it. */
void stage_check(struct stage_fixture *f, bool holds, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts a frame into a device's ring; takes m. */
void stage_fixture_put(struct stage_fixture *f, uint16_t ring, struct rte_mbuf *m);

/* Turns of all workers and of the control lcore until nothing moves any more. */
void stage_fixture_turn(struct stage_fixture *f);

/* The next frame that a device has sent; NULL: none. The caller frees it. */
struct rte_mbuf *stage_fixture_take(struct stage_fixture *f, uint16_t ring);

/* The same as IP packet, without its Ethernet header and VLAN tag. false: none. */
bool stage_fixture_take_packet(struct stage_fixture *f, uint16_t ring, struct packet *p);

/* Frees what the devices have sent; returns how many frames that were. */
uint32_t stage_fixture_discard(struct stage_fixture *f);

/* A packet buffer with any bytes, from the gateway's pool. shape NULL: one buffer, or as many as it
 * needs. */
struct rte_mbuf *stage_fixture_buffer(
	struct stage_fixture *f, const uint8_t *bytes, uint32_t n, const struct stage_shape *shape);

/* A frame for a port (by its index in the configuration): its MAC as destination, EtherType by the
 * packet's version. */
struct rte_mbuf *stage_fixture_frame(struct stage_fixture *f, uint16_t port, const void *packet,
	uint32_t bytes, const struct stage_shape *shape);

/* frame, put, turn. */
void stage_fixture_send(
	struct stage_fixture *f, uint16_t ring, uint16_t port, const struct packet *p);

uint64_t stage_fixture_drops(const struct stage_fixture *f, enum drop_reason reason);
uint64_t stage_fixture_drops_all(const struct stage_fixture *f);

#endif
