/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef GATEWAY_LOOK_H
#define GATEWAY_LOOK_H

/*
 * Looking at packets of a running gateway: one trace and up to four captures at a time. While
 * there is none, the packet path pays nothing for it. On the control lcore.
 */

#include "capture.h"
#include "gateway.h"
#include "trace.h"
#include "wall.h"

enum {
	LOOK_CAPTURES = 8, /* that are listed: those that run, and the last ones that ended */
	LOOK_LINE = 512,   /* of gateway_trace_line */
	TRACE_SECONDS_MAX = 86400,
};

struct gateway_trace_params {
	struct look_filter filter;
	uint32_t packets; /* to keep: 1 to TRACE_PACKETS_MAX */
	uint32_t seconds; /* it ends by itself after so many; 0: never */
};

/* Ends the trace that is there, forgets what it kept, and begins. 0 or -errno with err. */
int gateway_trace_start(
	struct gateway *g, const struct gateway_trace_params *params, struct error *err);
/* What was kept stays. Without a trace nothing happens. */
void gateway_trace_stop(struct gateway *g);

struct gateway_trace_state {
	bool there;      /* since the gateway started there was a trace.start */
	bool running;    /* it has neither been stopped nor has it ended by itself */
	uint32_t wanted; /* packets */
	uint32_t kept;
	uint64_t missed; /* packets that could not be looked at: too many were under way */
};

struct gateway_trace_state gateway_trace_state(const struct gateway *g);
/* A packet that was kept, in the order of their ends; NULL: there are not so many. Its records are
 * in the order of their times. Until the next gateway_trace_start. */
const struct trace_packet *gateway_trace_packet(const struct gateway *g, uint32_t index);
/* The clocks now, for wall_ns of records' times: one reading for a packet, as two are never quite
 * the same. */
struct wall gateway_trace_clock(const struct gateway *g);
/* What a record says, in a line for a person, without its time; of the packet only what is not as
 * in the one before it (NULL: it is the first). Returns line. */
const char *gateway_trace_line(const struct gateway *g, const struct trace_record *r,
	const struct trace_record *before, char line[LOOK_LINE]);

/* "", or the name of the tunnel or port that a record speaks of, if it is there still. */
const char *gateway_trace_tunnel(const struct gateway *g, const struct trace_record *r);
const char *gateway_trace_port(const struct gateway *g, const struct trace_record *r);

struct gateway_capture_params {
	enum capture_side side;
	struct look_filter filter;
	uint32_t snap;
	uint64_t packets, bytes;
	uint32_t seconds; /* as above */
	const char *path;
};

/* *id: by which it is stopped. -ENOSPC when as many run as can; -EEXIST when the file does. */
int gateway_capture_start(struct gateway *g, const struct gateway_capture_params *params,
	uint32_t *id, struct error *err);
/* The file is complete when this returns, but for a disk that takes longer than 100 ms. -ENOENT. */
int gateway_capture_stop(struct gateway *g, uint32_t id, struct error *err);

struct gateway_capture_state {
	uint32_t id;
	bool running; /* the file is not complete yet */
	const struct capture_params *params;
	struct capture_stats stats;
};

/* The index-th capture that is listed, the oldest first. false: there are not so many. */
bool gateway_capture_get(
	const struct gateway *g, uint32_t index, struct gateway_capture_state *state);

#endif
