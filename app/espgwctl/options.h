/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OPTIONS_H
#define OPTIONS_H

/* The command line of espgwctl: its own options, then the command's words. */

#include <stdbool.h>
#include <stdio.h>

#include "errmsg.h"

enum options_colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct options {
	const char *ctl;  /* the socket */
	const char *file; /* of a batch; "-": stdin; NULL: none */
	bool json, keep_going, help, version;
	enum options_colour colour;
	double interval_s;  /* 0: not given */
	unsigned int count; /* of rounds; 0: until interrupted */
	unsigned int timeout_s;
	int first; /* of the command's words in argv */
};

/*
 * Options may also stand behind the command's first words ("sa list --json"): then argv is
 * rearranged so that all words come last. 0 or -EINVAL with what is wrong. Strings are argv's.
 */
int options_parse(int argc, char **argv, struct options *options, struct error *err);

/* What --help says. */
void options_usage(FILE *out);

/* Option i's name with its dashes ("--json"), NULL after the last: for completion. */
const char *options_name(unsigned int i);

#endif
