/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOOK_CAPTURE_H
#define LOOK_CAPTURE_H

/*
 * A capture: copies of packets from the workers and the control lcore into a pcapng file. Each of
 * them has a spool of its own (spool.h), which a thread of the capture's empties and writes to the
 * file, in the order of their times: a disk may keep a writer for seconds, and the control lcore,
 * which answers ARP and the socket, cannot wait for it. A spool without room loses the packet and
 * counts it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "errmsg.h"
#include "filter.h"
#include "pcapng.h"
#include "sizes.h"

/* What is captured. */
enum capture_side {
	CAPTURE_RAW,   /* frames of the protected ports, received and sent */
	CAPTURE_WILD,  /* frames of the unprotected ports */
	CAPTURE_DROPS, /* packets that die, with the reason as comment */
	CAPTURE_SIDES
};

extern const char *const capture_side_names[CAPTURE_SIDES];

enum {
	CAPTURE_SNAP_MAX = 65535,
	CAPTURE_NO_PORT = 0xffff,
};

struct capture_params {
	enum capture_side side;
	struct look_filter filter;
	uint32_t snap;           /* bytes of a packet, at most; 0: CAPTURE_SNAP_MAX */
	uint64_t packets, bytes; /* stop after so many packets, or bytes of the file; 0: no limit */
	const char *path;        /* of a file that does not exist; copied */
	uint16_t writers;        /* 0 to writers - 1 will call; the last is the control lcore */
	uint16_t n_ports;
	const char *const *port_names; /* by index; copied, as what follows */
	const char *const *port_descriptions;
};

/* A packet on its way into the file. What the caller of capture_take has not set is zero. */
struct capture_packet {
	uint64_t tsc;
	uint32_t captured, length;
	uint16_t port;     /* index, or CAPTURE_NO_PORT */
	uint8_t link;      /* enum pcapng_link */
	uint8_t direction; /* enum pcapng_direction */
	bool taken_back;   /* was not sent after all */
	bool has_sa;       /* of a packet that died: spi and sequence are known */
	uint16_t reason;   /* enum drop_reason, or DROP_NONE: it did not die */
	uint32_t spi;
	uint64_t sequence;
	char tunnel[NAME_MAX_LEN]; /* "": not known */
	uint8_t bytes[];
};

struct capture;

struct capture_stats {
	uint64_t packets, bytes; /* written: packets, and bytes of the file */
	uint64_t lost;           /* spools were full */
	bool done;               /* a limit was reached, or the file failed; more is not written */
	int error;               /* errno of the file; 0: none */
};

/* Makes the file (0600) and starts the thread. 0 or -errno with err: -EEXIST when the file is
 * there. Control lcore. */
int capture_start(const struct capture_params *params, struct capture **out, struct error *err);

/* When nobody calls capture_take any more: the thread writes what is left, closes the file and
 * ends; capture_is_finished then. Control lcore. */
void capture_finish(struct capture *c);
bool capture_is_finished(const struct capture *c);

/* The same, and waits for it. Once. */
void capture_stop(struct capture *c);
void capture_free(struct capture *c); /* stopped. NULL is fine */

const struct capture_params *capture_params(const struct capture *c);
/* Any thread. */
struct capture_stats capture_stats(const struct capture *c);
bool capture_is_done(const struct capture *c);

/*
 * Data path, as writer `writer`: copies the packet, from `offset` of its data on (a negative one:
 * from so many bytes of the first segment's headroom on), and gives the place, which is in the file
 * once capture_commit was called. NULL: lost.
 */
struct capture_packet *capture_take(struct capture *c, uint16_t writer, const struct rte_mbuf *m,
	int32_t offset, uint16_t port, enum pcapng_link link);
void capture_commit(struct capture *c, uint16_t writer);

#endif
