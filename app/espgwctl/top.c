/* SPDX-License-Identifier: BSD-3-Clause */

/* top: tunnels and workers by what they do now, and what dies where. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "json_each.h"
#include "screen.h"
#include "units.h"

enum { TUNNELS_SHOWN = 1000, DROPS_SHOWN = 16 };

/* The same lists of two rounds: what was, by name, and what is. */
struct list {
	const char *method, *noun, *what;
	json_t *items, *before;
};

struct top {
	struct client *client;
	struct screen *screen;
	struct list tunnels, workers, drops;
	double then, now;
};

static enum command_status
list_fetch(struct top *top, struct list *list)
{
	struct session *s = &top->client->session;
	json_t *params = list->what ? json_pack("{s:s}", "what", list->what) : NULL;
	json_t *result = NULL, *items;
	enum command_status status = command_result(s, list->method, params, &result);

	json_decref(params);
	if (status != COMMAND_DONE)
		return status;
	items = json_incref(view_items(result));
	json_decref(list->before);
	list->before = list->items ? view_index(list->noun, list->items) : NULL;
	json_decref(list->items);
	list->items = items;
	json_decref(result);
	return COMMAND_DONE;
}

static void
list_free(struct list *list)
{
	json_decref(list->before);
	json_decref(list->items);
}

/* The sum of an object's own numbers and those of its status whose names end so. */
static json_int_t
sum_of(const json_t *item, const char *end)
{
	json_int_t sum = 0;
	const char *key;
	json_t *value;

	json_each (item, key, value) {
		size_t length = strlen(key), tail = strlen(end);

		/* cppcheck-suppress uninitvar ; it does not know json_each */
		if (json_is_object(value) && strcmp(key, "status") == 0)
			sum += sum_of(value, end);
		else if (json_is_integer(value) && length >= tail &&
			 strcmp(key + length - tail, end) == 0)
			sum += json_integer_value(value);
	}
	return sum;
}

struct ranked {
	json_t *item;
	json_int_t grown; /* packets since the last round */
	size_t place;
};

static int
rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->grown != y->grown)
		return x->grown < y->grown ? 1 : -1;
	return x->place < y->place ? -1 : 1;
}

/* The busiest first, and of drops only those that occurred. */
static json_t *
by_rate(const struct list *list, bool occurred)
{
	size_t n = json_array_size(list->items), i, used = 0;
	struct ranked *ranked = calloc(n + 1, sizeof(ranked[0]));
	json_t *sorted = json_array(), *item;

	if (!ranked)
		abort();
	json_array_foreach (list->items, i, item) {
		const json_t *old = view_find(list->before, list->noun, item);
		json_int_t packets = sum_of(item, "packets");

		if (occurred && packets == 0)
			continue;
		ranked[used++] =
			(struct ranked){item, old ? packets - sum_of(old, "packets") : 0, i};
	}
	qsort(ranked, used, sizeof(ranked[0]), rank);
	for (i = 0; i < used; i++)
		json_array_append(sorted, ranked[i].item);
	free(ranked);
	return sorted;
}

static json_int_t
total(const json_t *items, const char *end)
{
	json_int_t sum = 0;
	const json_t *item;
	size_t i;

	json_array_foreach (items, i, item)
		sum += sum_of(item, end);
	return sum;
}

static json_int_t
total_before(const json_t *index, const char *end)
{
	json_int_t sum = 0;
	const char *key;
	json_t *item;

	json_each (index, key, item)
		sum += sum_of(item, end);
	return sum;
}

static void
print_total(
	const struct top *top, const char *name, const char *packets, const char *bytes, FILE *out)
{
	double seconds = top->now - top->then;
	char pps[UNITS_BYTES], bits[UNITS_BYTES];
	json_int_t p =
		total(top->tunnels.items, packets) - total_before(top->tunnels.before, packets);
	json_int_t b = total(top->tunnels.items, bytes) - total_before(top->tunnels.before, bytes);

	if (!top->tunnels.before || seconds <= 0)
		return;
	fprintf(out, "%s %s packets/s, %s   ", name, units_rate(pps, (double)p / seconds),
		units_bits(bits, (double)b * 8 / seconds));
}

/* items: the first `most` of them are shown. Takes them. */
static void
print_section(const struct top *top, const struct list *list, const char *title, json_t *items,
	size_t most, FILE *out)
{
	struct view view = {.colours = top->client->session.colours,
		.before = list->before,
		.seconds = top->now - top->then,
		.rates_only = list->before != NULL};

	while (json_array_size(items) > most)
		json_array_remove(items, json_array_size(items) - 1);
	fputc('\n', out);
	if (json_array_size(items))
		view_list(&view, list->noun, items, out);
	else
		fprintf(out, "no %s\n", title);
	json_decref(items);
}

/* How many of each are shown. */
struct shares {
	size_t workers, tunnels, drops;
};

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Each gets its part of the screen, and what another one leaves. */
static struct shares
share_rows(size_t rows, size_t workers, size_t tunnels, size_t drops)
{
	enum { HEADINGS = 8 }; /* title and sums; a blank line and the names of columns, thrice */
	size_t room = rows > HEADINGS + 3 ? rows - HEADINGS : 3;
	struct shares s = {.workers = smaller(workers, room / 3)};

	room -= s.workers;
	s.drops = smaller(drops, tunnels < room / 2 ? room - tunnels : room - room / 2);
	s.tunnels = smaller(tunnels, room - s.drops);
	return s;
}

static void
print_json(const struct top *top)
{
	json_t *all = json_pack("{s:O*, s:O*, s:O*}", "tunnels", top->tunnels.items, "workers",
		top->workers.items, "drops", top->drops.items);

	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(all);
}

static void
print_round(struct top *top)
{
	json_t *tunnels, *drops;
	size_t rows = screen_rows(top->screen);
	struct shares shown = {SIZE_MAX, TUNNELS_SHOWN, DROPS_SHOWN};
	FILE *out;

	if (top->client->options.json) {
		print_json(top);
		return;
	}
	tunnels = by_rate(&top->tunnels, false);
	drops = by_rate(&top->drops, true);
	if (rows)
		shown = share_rows(rows, json_array_size(top->workers.items),
			json_array_size(tunnels), json_array_size(drops));
	out = screen_begin(top->screen, top->client->options.ctl);
	print_total(top, "out", "out_packets", "out_bytes", out);
	print_total(top, "in", "in_packets", "in_bytes", out);
	fputc('\n', out);
	print_section(
		top, &top->workers, "workers", json_copy(top->workers.items), shown.workers, out);
	print_section(top, &top->tunnels, "tunnels", tunnels, shown.tunnels, out);
	print_section(top, &top->drops, "drops", drops, shown.drops, out);
	screen_end(top->screen);
}

static enum command_status
rounds(struct top *top)
{
	const struct options *options = &top->client->options;
	double interval = options->interval_s > 0 ? options->interval_s : 1;
	enum command_status status;

	for (unsigned int round = 1;; round++) {
		top->then = top->now;
		top->now = screen_now_s();
		status = list_fetch(top, &top->tunnels);
		if (status == COMMAND_DONE)
			status = list_fetch(top, &top->workers);
		if (status == COMMAND_DONE)
			status = list_fetch(top, &top->drops);
		if (status != COMMAND_DONE)
			return status;
		print_round(top);
		if (round == options->count || !client_wait(interval, top->screen->live))
			return COMMAND_DONE;
	}
}

enum command_status
top_run(struct client *client, const char *const *words, size_t count)
{
	struct screen screen;
	struct top top = {.client = client,
		.screen = &screen,
		.tunnels = {.method = "tunnel.list", .noun = "tunnel"},
		.workers = {.method = "worker.list", .noun = "worker"},
		.drops = {.method = "stats.get", .noun = "drop", .what = "drops"}};
	enum command_status status;

	if (count > 1)
		return command_say(&client->session, COMMAND_USAGE,
			"top takes no \"%s\"; --interval SECONDS and --count N are its options",
			words[1]);
	status = session_load(&client->session);
	if (status != COMMAND_DONE)
		return status;
	client_catch_signals();
	screen_open(&screen, client->options.json, client->session.colours);
	status = rounds(&top);
	screen_close(&screen);
	list_free(&top.tunnels);
	list_free(&top.workers);
	list_free(&top.drops);
	return status;
}
