/* SPDX-License-Identifier: BSD-3-Clause */
#include "screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { ROWS_DEFAULT = 24 };

/* A screen of its own, without cursor, on which what is too long for a line ends at the margin. */
static const char enter[] = "\x1b[?1049h\x1b[?25l\x1b[?7l";
static const char leave[] = "\x1b[?7h\x1b[?25h\x1b[?1049l";
static const char home[] = "\x1b[H", clear_line[] = "\x1b[K", clear_rest[] = "\x1b[J";

double
screen_now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void
screen_open(struct screen *screen, bool plain, bool colours)
{
	struct termios raw;

	*screen = (struct screen){.colours = colours};
	screen->live = !plain && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) &&
		       tcgetattr(STDIN_FILENO, &screen->before) == 0;
	if (!screen->live)
		return;
	raw = screen->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(enter, stdout);
}

void
screen_close(struct screen *screen)
{
	if (!screen->live)
		return;
	fputs(leave, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
}

FILE *
screen_begin(struct screen *screen, const char *title)
{
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32];

	screen->out = open_memstream(&screen->text, &screen->bytes);
	if (!screen->out)
		abort();
	strftime(stamp, sizeof(stamp), "%F %T", localtime_r(&now, &tm));
	if (screen->rounds++ > 0 && !screen->live)
		fputc('\n', screen->out);
	fprintf(screen->out, "%s  %s%s\n", title, stamp, screen->live ? "  q quits" : "");
	return screen->out;
}

unsigned int
screen_rows(const struct screen *screen)
{
	struct winsize size = {0};

	if (!screen->live)
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
		size.ws_row = ROWS_DEFAULT;
	return size.ws_row - 1u; /* the last one takes the newline */
}

/* Lines that do not fit would scroll the others away. */
void
screen_end(struct screen *screen)
{
	unsigned int rows = screen_rows(screen), row = 0;
	const char *line;

	fclose(screen->out);
	if (!screen->live) {
		fputs(screen->text, stdout);
	} else {
		fputs(home, stdout);
		for (line = screen->text; *line && row < rows; row++) {
			int length = (int)strcspn(line, "\n");

			printf("%.*s%s\n", length, line, clear_line);
			line += length + (line[length] == '\n');
		}
		fputs(clear_rest, stdout);
	}
	fflush(stdout);
	free(screen->text);
	screen->text = NULL;
}
