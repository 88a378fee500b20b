/* SPDX-License-Identifier: BSD-3-Clause */
#include "drops_look.h"

#include <stdlib.h>
#include <unistd.h>

#include "gateway_look.h"

enum { TRACED = 64, COMMENT = 256 };

void
drops_look_open(struct drops_look *look, struct stage_fixture *f)
{
	struct gateway_capture_params params = {
		.side = CAPTURE_DROPS, .filter = look_filter_all(), .path = look->path};
	struct error err;

	*look = (struct drops_look){.f = f};
	snprintf(look->path, sizeof(look->path), "%s/drops.pcapng", f->state);
	if (gateway_capture_start(f->g, &params, &look->capture, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

void
drops_look_begin(struct drops_look *look)
{
	const struct gateway_trace_params params = {.filter = look_filter_all(), .packets = TRACED};
	struct error err;

	if (gateway_trace_start(look->f->g, &params, &err) != 0)
		abort();
}

/* A packet comes from somewhere and ends somehow. */
static bool
is_whole(const struct trace_packet *p)
{
	const uint8_t first = p->records[0].point, last = p->records[p->n - 1].point;

	if (p->n < 2 || p->missed || (first != TRACE_received && first != TRACE_own))
		return false;
	return last == TRACE_drop || last == TRACE_sent || last == TRACE_joined ||
	       last == TRACE_answer || last == TRACE_no_answer;
}

static void
print(const struct gateway *g, const struct trace_packet *p)
{
	char line[LOOK_LINE];

	for (uint32_t i = 0; i < p->n; i++)
		fprintf(stderr, "    %s\n",
			gateway_trace_line(g, &p->records[i], i ? &p->records[i - 1] : NULL, line));
	fputc('\n', stderr);
}

/* Whether the record is that of a packet that died of why, for programs and for people. */
static bool
says(const struct gateway *g, const struct trace_packet *p, uint32_t k, enum drop_reason why)
{
	char line[LOOK_LINE], expected[COMMENT];

	snprintf(expected, sizeof(expected), "dropped: %s (%s)", drop_name(why), drop_text(why));
	gateway_trace_line(g, &p->records[k], k ? &p->records[k - 1] : NULL, line);
	return p->records[k].reason == why && strstr(line, expected);
}

void
drops_look_end(struct drops_look *look, enum drop_reason why, const char *what, unsigned int drops)
{
	const struct trace_packet *p;
	unsigned int right = 0, wrong = 0, broken = 0;

	gateway_trace_stop(look->f->g);
	for (uint32_t i = 0; (p = gateway_trace_packet(look->f->g, i)); i++) {
		broken += !is_whole(p);
		for (uint32_t k = 0; k < p->n; k++) {
			if (p->records[k].point != TRACE_drop)
				continue;
			if (says(look->f->g, p, k, why))
				right++;
			else
				wrong++;
		}
	}
	for (unsigned int i = 0; i < drops; i++)
		look->expected[look->n++] = why;
	if (right == drops && !wrong && !broken)
		return;
	stage_check(look->f, false,
		"%s (%s): the trace has %u of %u, %u others, %u broken:", drop_name(why), what,
		right, drops, wrong, broken);
	for (uint32_t i = 0; (p = gateway_trace_packet(look->f->g, i)); i++)
		print(look->f->g, p);
}

void
drops_look_close(struct drops_look *look)
{
	char command[192], line[1024], expected[COMMENT];
	unsigned int n = 0;
	struct error err;
	FILE *tshark;

	if (gateway_capture_stop(look->f->g, look->capture, &err) != 0)
		abort();
	snprintf(command, sizeof(command), "tshark -r %s -T fields -e frame.comment", look->path);
	tshark = popen(command, "r");
	if (!tshark)
		abort();
	while (fgets(line, sizeof(line), tshark)) {
		if (n < look->n) {
			snprintf(expected, sizeof(expected), "%s: %s; ",
				drop_name(look->expected[n]), drop_text(look->expected[n]));
			stage_check(look->f, strncmp(line, expected, strlen(expected)) == 0,
				"captured packet %u is no \"%s\" but %s", n, expected, line);
		}
		n++;
	}
	stage_check(look->f, pclose(tshark) == 0, "tshark cannot read the capture");
	stage_check(look->f, n == look->n, "%u packets captured, %u died", n, look->n);
}
