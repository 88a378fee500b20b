/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SCREEN_H
#define SCREEN_H

/* What is drawn again and again: over itself on a terminal, one after the other elsewhere. */

#include <stdbool.h>
#include <stdio.h>
#include <termios.h>

struct screen {
	bool live; /* a terminal on both sides: drawn over itself, keys come at once */
	bool colours;
	struct termios before;
	char *text; /* of the round that is being drawn */
	size_t bytes;
	FILE *out;
	unsigned int rounds;
};

void screen_open(struct screen *screen, bool plain, bool colours);

/* Gives the terminal back as it was. */
void screen_close(struct screen *screen);

/* Lines that are shown at most; 0: as many as there are. */
unsigned int screen_rows(const struct screen *screen);

/* A round begins with a line of title and time. Write to the stream; screen_end shows what fits. */
FILE *screen_begin(struct screen *screen, const char *title);
void screen_end(struct screen *screen);

/* Of the monotonic clock. */
double screen_now_s(void);

#endif
