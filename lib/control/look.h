/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_LOOK_H
#define CONTROL_LOOK_H

/* What the control lcore keeps of traces and captures. */

#include "gateway_look.h"
#include "wall.h"
#include "watch.h"

struct look_capture {
	uint32_t id; /* 0: none */
	struct capture *capture;
	bool published;  /* workers may use it */
	bool over;       /* its thread has ended */
	uint64_t end_ms; /* of now_ms; 0: no end */
};

struct look {
	struct watch *watch; /* made for the first trace or capture; NULL before */
	bool active;         /* workers look */
	struct trace *trace; /* the last one; NULL: none */
	bool tracing;
	uint64_t trace_end_ms;
	uint64_t missed; /* of the trace, when it ended */
	uint32_t serial;
	struct wall wall;
	struct look_capture captures[LOOK_CAPTURES]; /* by age */
	uint32_t last_id;
	struct watcher watcher; /* the control lcore's own */
	bool pdump;             /* dpdk-dumpcap may ask */
};

int look_start(struct gateway *g, struct report *report);
void look_stop(struct gateway *g);
void look_tick(struct gateway *g, uint64_t now);

#endif
