/* SPDX-License-Identifier: BSD-3-Clause */
#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include <cmdline_rdline.h>

#include "gateway.h"
#include "inside.h"
#include "words.h"

#define PROMPT "espgw> "

enum { LINE_BYTES = 4096 };

struct prompt {
	struct gateway *gateway;
	struct session session;
	struct rdline *editor; /* NULL: stdin is no terminal, lines come as they are */
	struct termios before;
	int epoll, out;
	struct gateway_watch watch;
	bool begun; /* the prompt has been shown */
	bool quits;
	bool secret; /* the last line is not for the history */
	bool ended;  /* stdin has */
	char line[LINE_BYTES];
	size_t line_bytes; /* of a line that has not ended yet, without an editor */
	char *pending;     /* what waits for stdout */
	size_t pending_bytes;
	json_t *choices; /* of the completion that is being shown */
};

static const char *const own_words[] = {"help", "quit", NULL};

/* --- saying things --- */

static void
say(struct prompt *p, const char *text, size_t bytes)
{
	char *grown = realloc(p->pending, p->pending_bytes + bytes);

	if (!grown)
		return; /* it is not said */
	p->pending = grown;
	memcpy(p->pending + p->pending_bytes, text, bytes);
	p->pending_bytes += bytes;
}

/* What stdout takes now. A terminal that takes nothing any more is not waited for. */
static void
flush(struct prompt *p)
{
	size_t done = 0;
	ssize_t n = 1;

	while (n > 0 && done < p->pending_bytes) {
		n = write(p->out, p->pending + done, p->pending_bytes - done);
		if (n > 0)
			done += (size_t)n;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		done = p->pending_bytes;
	p->pending_bytes -= done;
	if (p->pending_bytes > 0)
		memmove(p->pending, p->pending + done, p->pending_bytes);
}

/* While something waits to be said nothing more is read. */
static void
follow(struct prompt *p)
{
	struct epoll_event in = {.events = p->pending_bytes || p->ended ? 0 : EPOLLIN};
	struct epoll_event out = {.events = p->pending_bytes ? EPOLLOUT : 0, .data.u32 = 1};

	if (p->ended)
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
	else
		epoll_ctl(p->epoll, EPOLL_CTL_MOD, STDIN_FILENO, &in);
	epoll_ctl(p->epoll, EPOLL_CTL_MOD, p->out, &out);
}

/* --- commands --- */

static bool
is_quit(const char *word)
{
	return strcmp(word, "quit") == 0 || strcmp(word, "exit") == 0;
}

static void
run_words(struct prompt *p, const struct words *words)
{
	struct session *s = &p->session;
	const char *const *at = (const char *const *)words->at;

	for (size_t i = 0; i < words->count; i++)
		if (argument_is_secret(words->at[i])) {
			p->secret = true;
			command_say(s, COMMAND_USAGE,
				"a key that is typed here stays in memory: key=@FILE, or espgwctl");
			return;
		}
	p->quits = is_quit(at[0]);
	if (p->quits)
		gateway_stop(p->gateway);
	else if (strcmp(at[0], "help") == 0)
		command_help(s, at + 1, words->count - 1);
	else
		command_run(s, at, words->count);
}

static void
run_line(struct prompt *p, const char *line)
{
	struct session *s = &p->session;
	char *text = NULL;
	struct words words;
	struct error err;
	size_t bytes;

	s->out = s->err = open_memstream(&text, &bytes);
	if (!s->out)
		return;
	if (words_split(line, &words, &err) != 0)
		command_say(s, COMMAND_USAGE, "%s", err.text);
	else if (words.count > 0)
		run_words(p, &words);
	words_free(&words);
	fclose(s->out);
	say(p, text, bytes);
	free(text);
}

/* --- the editor --- */

static int
on_write(struct rdline *editor, char c)
{
	say(rdline_get_opaque(editor), &c, 1);
	return 0;
}

static void
on_line(struct rdline *editor, const char *buf, unsigned int size)
{
	char *line = strndup(buf, size);

	if (!line)
		return;
	line[strcspn(line, "\r\n")] = '\0';
	((struct prompt *)rdline_get_opaque(editor))->secret = false;
	run_line(rdline_get_opaque(editor), line);
	free(line);
}

/* All that the line leaves open. */
static json_t *
choices_of(struct prompt *p, const char *line, size_t *begun)
{
	size_t length = strlen(line);
	bool fresh = length == 0 || line[length - 1] == ' ';
	struct words words;
	struct error err;
	const char **all;
	json_t *found;
	char *said = NULL;
	size_t bytes;

	if (words_split(line, &words, &err) != 0)
		return json_array();
	all = calloc(words.count + 1, sizeof(all[0]));
	p->session.out = p->session.err = open_memstream(&said, &bytes);
	if (!all || !p->session.err)
		abort();
	for (size_t i = 0; i < words.count; i++)
		all[i] = words.at[i];
	all[words.count] = "";
	*begun = fresh ? 0 : strlen(words.at[words.count - 1]);
	found = command_complete(&p->session, all, words.count + fresh);
	fclose(p->session.err);
	free(said);
	free(all);
	words_free(&words);
	return found;
}

/* As librte_cmdline wants it: RDLINE_RES_COMPLETE and what is to be added, or 1 and one choice
 * after the other, *state being which; 0: no more. */
static int
on_tab(struct rdline *editor, const char *line, char *text, unsigned int size, int *state)
{
	struct prompt *p = rdline_get_opaque(editor);
	size_t begun = 0;
	const char *word;

	if (*state <= 0) {
		json_decref(p->choices);
		p->choices = choices_of(p, line, &begun);
		if (*state == 0) {
			size_t common = command_common(p->choices);

			word = json_string_value(json_array_get(p->choices, 0));
			if (word && (common > begun || json_array_size(p->choices) == 1)) {
				bool ends = json_array_size(p->choices) == 1 &&
					    word[strlen(word) - 1] != '=';

				snprintf(text, size, "%.*s%s",
					common > begun ? (int)(common - begun) : 0, word + begun,
					ends ? " " : "");
				return RDLINE_RES_COMPLETE;
			}
		}
		*state = 0;
	}
	word = json_string_value(json_array_get(p->choices, (size_t)*state));
	if (!word)
		return 0;
	++*state;
	snprintf(text, size, "%s", word);
	return 1;
}

/* --- stdin --- */

static void
take_edited(struct prompt *p, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int rc = rdline_char_in(p->editor, bytes[i]);

		if (rc == RDLINE_RES_VALIDATED) {
			const char *line = rdline_get_buffer(p->editor);

			if (!p->secret && line[0] != '\0' && line[0] != '\n')
				rdline_add_history(p->editor, line);
			if (!p->quits)
				rdline_newline(p->editor, PROMPT);
		} else if (rc == RDLINE_RES_EOF) {
			gateway_stop(p->gateway);
		}
	}
}

static void
take_plain(struct prompt *p, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != '\n' && p->line_bytes + 1 < LINE_BYTES) {
			p->line[p->line_bytes++] = bytes[i];
		} else if (bytes[i] == '\n') {
			p->line[p->line_bytes] = '\0';
			p->line_bytes = 0;
			run_line(p, p->line);
		}
	}
}

static void
read_some(struct prompt *p)
{
	char bytes[512];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		p->ended = true; /* nobody is there; espgw goes on */
	else if (n > 0 && p->editor)
		take_edited(p, bytes, (size_t)n);
	else if (n > 0)
		take_plain(p, bytes, (size_t)n);
}

static void
on_ready(void *arg)
{
	struct prompt *p = arg;
	struct epoll_event event;

	if (epoll_wait(p->epoll, &event, 1, 0) != 1)
		return;
	if (!p->begun && p->editor)
		rdline_newline(p->editor, PROMPT);
	p->begun = true;
	if (event.data.u32 == 0)
		read_some(p);
	flush(p);
	follow(p);
}

/* --- life --- */

static int
terminal_open(struct prompt *p)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &p->before) != 0)
		return 0;
	p->editor = rdline_new(on_write, on_line, on_tab, p);
	if (!p->editor)
		return -ENOMEM;
	raw = p->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* signals stay: ^C ends espgw as ever */
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	return 0;
}

/* stdout anew, so that its not waiting is ours alone: a terminal's other users share the old one.
 */
static int
stdout_open(void)
{
	int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_APPEND | O_CLOEXEC);

	return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

static int
watch_all(struct prompt *p)
{
	/* the first thing to do is to show the prompt, once the gateway runs */
	struct epoll_event in = {.events = EPOLLIN}, out = {.events = EPOLLOUT, .data.u32 = 1};

	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &in) != 0)
		return -errno;
	/* a file is always ready, and epoll refuses it */
	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->out, &out) != 0 && errno != EPERM)
		return -errno;
	p->watch = (struct gateway_watch){p->epoll, on_ready, p};
	return gateway_watch_add(p->gateway, &p->watch);
}

struct prompt *
prompt_open(struct gateway *g, struct rpc_gateway *rpc, struct error *err)
{
	struct prompt *p = calloc(1, sizeof(*p));
	int rc;

	if (!p) {
		error_set(err, 0, "--interactive: no memory");
		return NULL;
	}
	*p = (struct prompt){.gateway = g, .epoll = -1, .out = stdout_open()};
	p->session = (struct session){.call = inside_call,
		.link = rpc,
		.sources = {.files = true, .regular = true},
		.own = own_words,
		.prefix = "",
		.colours = isatty(STDOUT_FILENO) && !getenv("NO_COLOR")};
	rc = p->out < 0 ? -errno : watch_all(p);
	if (rc == 0)
		rc = terminal_open(p);
	if (rc == 0)
		return p;
	error_set(err, 0, "--interactive: no prompt can be made on stdin and stdout: %s",
		rc == -EPERM ? "stdin is a file; < FILE with espgwctl -f" : strerror(-rc));
	prompt_close(p);
	return NULL;
}

void
prompt_close(struct prompt *p)
{
	if (!p)
		return;
	flush(p);
	if (p->watch.ready)
		gateway_watch_remove(p->gateway, &p->watch);
	if (p->editor) {
		tcsetattr(STDIN_FILENO, TCSANOW, &p->before);
		rdline_free(p->editor);
	}
	if (p->epoll >= 0)
		close(p->epoll);
	if (p->out >= 0)
		close(p->out);
	session_free(&p->session);
	json_decref(p->choices);
	free(p->pending);
	free(p);
}
