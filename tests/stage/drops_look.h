/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_DROPS_LOOK_H
#define STAGE_DROPS_LOOK_H

/* Whether traces and captures say of dead packets what the counters say. */

#include "drops_tricks.h"

struct drops_look {
	struct stage_fixture *f;
	char path[96];
	uint32_t capture;
	enum drop_reason expected[256]; /* of the captured packets, in order */
	unsigned int n;
};

/* Begins to capture all that dies. */
void drops_look_open(struct drops_look *look, struct stage_fixture *f);

/* Begins a trace of everything; and judges it: `drops` packets died of why, none of anything else.
 * The packets' first record says where they came from, and their last one how they ended. */
void drops_look_begin(struct drops_look *look);
void drops_look_end(
	struct drops_look *look, enum drop_reason why, const char *what, unsigned int drops);

/* tshark reads the file: a packet for each that died, in order, whose comment names the reason and
 * says what it means. */
void drops_look_close(struct drops_look *look);

#endif
