/* SPDX-License-Identifier: BSD-3-Clause */

/* By libedit (BSD licence, as ours), through its own interface. */

#include <errno.h>
#include <histedit.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "command.h"
#include "lines.h"

enum { HISTORY_LINES = 1000, PATH_BYTES = 512, COLUMNS = 80 };

struct lines {
	lines_complete *complete;
	void *arg;
	EditLine *edit;
	History *history;
	const char *prompt;
	char path[PATH_BYTES]; /* of the history; "": none */
};

static char *
prompt_of(EditLine *edit)
{
	struct lines *lines = NULL;

	el_get(edit, EL_CLIENTDATA, &lines);
	return (char *)(uintptr_t)lines->prompt;
}

static void
show_words(const json_t *words)
{
	const json_t *word;
	size_t widest = 0, i, in_line;

	json_array_foreach (words, i, word)
		if (json_string_length(word) > widest)
			widest = json_string_length(word);
	in_line = COLUMNS / (widest + 2);
	in_line = in_line ? in_line : 1;
	putchar('\n');
	json_array_foreach (words, i, word)
		printf("%-*s%s", (int)widest + 2, json_string_value(word),
			(i + 1) % in_line == 0 || i + 1 == json_array_size(words) ? "\n" : "");
	fflush(stdout);
}

/* The part of the line before the cursor, and in *begun the length of its last word. */
static char *
text_before(EditLine *edit, size_t *begun)
{
	const LineInfo *info = el_line(edit);
	char *text = strndup(info->buffer, (size_t)(info->cursor - info->buffer));
	char *blank = text ? strrchr(text, ' ') : NULL;

	*begun = !text ? 0 : strlen(blank ? blank + 1 : text);
	return text;
}

static unsigned char
on_tab(EditLine *edit, wint_t key)
{
	struct lines *lines = NULL;
	size_t begun, common;
	char *text = text_before(edit, &begun), *insert;
	unsigned char result = CC_ERROR;
	json_t *words;

	(void)key;
	if (!text)
		return CC_ERROR;
	el_get(edit, EL_CLIENTDATA, &lines);
	words = lines->complete(lines->arg, text);
	if (json_array_size(words) > 0) {
		const char *first = json_string_value(json_array_get(words, 0));
		bool whole = json_array_size(words) == 1;

		common = command_common(words);
		result = CC_REFRESH;
		if (common > begun || whole) {
			bool goes_on = !whole || (common > 0 && first[common - 1] == '=');

			insert = strdup(first);
			if (insert && common > begun) {
				insert[common] = '\0';
				el_insertstr(edit, insert + begun);
			}
			if (!goes_on)
				el_insertstr(edit, " ");
			free(insert);
		} else {
			show_words(words);
			result = CC_REDISPLAY;
		}
	}
	json_decref(words);
	free(text);
	return result;
}

/* $XDG_STATE_HOME/espgwctl/history; folders are made. */
static void
history_path(char path[PATH_BYTES])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int length;

	path[0] = '\0';
	if (!(state && state[0]) && !(home && home[0]))
		return;
	length = state && state[0]
			 ? snprintf(path, PATH_BYTES, "%s/espgwctl/history", state)
			 : snprintf(path, PATH_BYTES, "%s/.local/state/espgwctl/history", home);
	if (length < 0 || length >= PATH_BYTES) {
		path[0] = '\0';
		return;
	}
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, S_IRWXU); /* if that fails, so does writing the history */
		*slash = '/';
	}
}

struct lines *
lines_create(lines_complete *complete, void *arg)
{
	struct lines *lines = calloc(1, sizeof(*lines));
	HistEvent event;

	if (!lines)
		abort();
	*lines = (struct lines){.complete = complete, .arg = arg, .prompt = ""};
	lines->edit = el_init("espgwctl", stdin, stdout, stderr);
	lines->history = history_init();
	if (!lines->edit || !lines->history)
		abort();
	history_path(lines->path);
	history(lines->history, &event, H_SETSIZE, HISTORY_LINES);
	history(lines->history, &event, H_SETUNIQUE, 1);
	if (lines->path[0])
		history(lines->history, &event, H_LOAD, lines->path);
	el_set(lines->edit, EL_CLIENTDATA, lines);
	el_set(lines->edit, EL_PROMPT, prompt_of);
	el_set(lines->edit, EL_EDITOR, "emacs");
	el_set(lines->edit, EL_SIGNAL, 1);
	el_set(lines->edit, EL_HIST, history, lines->history);
	/* the function for narrow strings copies them and never frees the copies */
	el_wset(lines->edit, EL_ADDFN, L"espgw-complete", L"complete the word", on_tab);
	el_set(lines->edit, EL_BIND, "^I", "espgw-complete", NULL);
	el_set(lines->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(lines->edit, NULL);
	return lines;
}

void
lines_free(struct lines *lines)
{
	history_end(lines->history);
	el_end(lines->edit);
	free(lines);
}

char *
lines_read(struct lines *lines, const char *prompt)
{
	const char *text;
	char *line;
	int length = 0;

	lines->prompt = prompt;
	text = el_gets(lines->edit, &length);
	if (length < 0 && errno == EINTR) {
		el_reset(lines->edit);
		putchar('\n');
		return strdup("");
	}
	if (!text || length <= 0)
		return NULL;
	line = strndup(text, strcspn(text, "\r\n"));
	if (!line)
		abort();
	return line;
}

void
lines_remember(struct lines *lines, const char *line)
{
	mode_t mask = umask(S_IRWXG | S_IRWXO);
	HistEvent event;

	history(lines->history, &event, H_ENTER, line);
	if (lines->path[0])
		history(lines->history, &event, H_SAVE, lines->path);
	umask(mask);
}
