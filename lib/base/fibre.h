/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FIBRE_H
#define FIBRE_H

/*
 * A function with a stack of its own, which can stop in its middle and go on later in the same
 * thread, while others have their turn: so what takes long, or waits, is written like what does
 * not. A fibre holds nothing that others need when it stops, or says so to them (a change that is
 * open, for one).
 *
 * Control lcore: all fibres are of one thread, and none runs another one. What is on a stack may be
 * a key: stacks are left out of core dumps, and wiped when their fibre has ended.
 */

#include <stdbool.h>
#include <stdint.h>

struct fibre;
typedef void fibre_fn(void *arg);

enum fibre_state {
	FIBRE_ENDED,
	FIBRE_RESTS, /* has more to do at once */
	FIBRE_WAITS, /* for something that takes its time: look again in a millisecond or so */
};

/* Does not run yet. NULL: no memory. */
struct fibre *fibre_create(fibre_fn *fn, void *arg);

/* Runs it until it stops. turn_us: for how long it runs before fibre_rest stops it. */
enum fibre_state fibre_run(struct fibre *f, uint64_t turn_us);

/* One that has ended, or never ran. NULL is fine. */
void fibre_destroy(struct fibre *f);

/* The one that runs; NULL: none does. */
struct fibre *fibre_current(void);

/* Stops the fibre that runs; returns when its turn has come again. false, at once: none runs, and
 * who has to wait must do so in another way. */
bool fibre_wait(void);

/* In loops of many short steps: stops the fibre that runs when its turn is over. */
void fibre_rest(void);

/* Gives back the memory that is kept for the next ones. */
void fibre_trim(void);

#endif
