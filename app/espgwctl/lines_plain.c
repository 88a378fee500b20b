/* SPDX-License-Identifier: BSD-3-Clause */

/* Built without libedit: the terminal's own editing, no history, no completion. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

struct lines {
	char unused;
};

struct lines *
lines_create(lines_complete *complete, void *arg)
{
	(void)complete;
	(void)arg;
	return calloc(1, sizeof(struct lines));
}

void
lines_free(struct lines *lines)
{
	free(lines);
}

char *
lines_read(struct lines *lines, const char *prompt)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	(void)lines;
	fputs(prompt, stdout);
	fflush(stdout);
	length = getline(&line, &room, stdin);
	if (length < 0) {
		free(line);
		if (!ferror(stdin) || errno != EINTR)
			return NULL;
		clearerr(stdin);
		putchar('\n');
		return strdup("");
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

void
lines_remember(struct lines *lines, const char *line)
{
	(void)lines;
	(void)line;
}
