/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"

#define CTL_PATH "/run/espgw/espgw.sock"

struct row;
typedef int apply_fn(struct options *options, const char *value, struct error *err);

static apply_fn apply_ctl, apply_file, apply_json, apply_colour, apply_keep_going, apply_interval,
	apply_count, apply_timeout, apply_version, apply_help;

static const struct row {
	const char *name;
	char letter;
	const char *value; /* NULL: takes none */
	apply_fn *apply;
	const char *text;
} rows[] = {
	{"--ctl", 'c', "PATH", apply_ctl, "control socket; default $ESPGW_CTL, then " CTL_PATH},
	{"--json", 'j', NULL, apply_json, "print what the gateway answers, as one JSON document"},
	{"--color", 0, "WHEN", apply_colour,
		"auto, always or never; auto: on a terminal without NO_COLOR"},
	{"--file", 'f', "FILE", apply_file, "run the commands in FILE (-: stdin), all or nothing"},
	{"--keep-going", 'k', NULL, apply_keep_going, "with -f: one by one, past those that fail"},
	{"--interval", 'n', "SECONDS", apply_interval,
		"watch, top: time between rounds; default 1"},
	{"--count", 0, "N", apply_count, "watch, top, events: end after so many"},
	{"--timeout", 0, "SECONDS", apply_timeout, "for each answer; default 60"},
	{"--version", 0, NULL, apply_version, "print the version of espgwctl itself"},
	{"--help", 'h', NULL, apply_help, "print this"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]), DAY_S = 86400 };

const char *
options_name(unsigned int i)
{
	return i < ROWS ? rows[i].name : NULL;
}

static int
apply_ctl(struct options *options, const char *value, struct error *err)
{
	if (value[0] == '\0')
		return error_set(err, -EINVAL, "--ctl: is empty; the path of a socket is wanted");
	options->ctl = value;
	return 0;
}

static int
apply_file(struct options *options, const char *value, struct error *err)
{
	if (value[0] == '\0')
		return error_set(err, -EINVAL, "--file: is empty; a file is wanted");
	options->file = value;
	return 0;
}

static int
apply_colour(struct options *options, const char *value, struct error *err)
{
	static const char *const words[] = {"auto", "always", "never"};

	for (int i = 0; i < 3; i++)
		if (strcmp(words[i], value) == 0) {
			options->colour = (enum options_colour)i;
			return 0;
		}
	return error_set(err, -EINVAL, "--color: \"%.32s\" is none of auto, always, never", value);
}

static int
number(const char *name, const char *value, double min, double max, double *n, struct error *err)
{
	char *end;

	errno = 0;
	*n = strtod(value, &end);
	if (errno || end == value || *end != '\0' || !(*n >= min && *n <= max))
		return error_set(err, -EINVAL, "--%s: \"%.32s\" is no number from %g to %g", name,
			value, min, max);
	return 0;
}

static int
apply_interval(struct options *options, const char *value, struct error *err)
{
	return number("interval", value, 0.05, DAY_S, &options->interval_s, err);
}

static int
apply_count(struct options *options, const char *value, struct error *err)
{
	double n = 0;
	int rc = number("count", value, 1, 1e9, &n, err);

	options->count = (unsigned int)n;
	return rc;
}

static int
apply_timeout(struct options *options, const char *value, struct error *err)
{
	double n = 0;
	int rc = number("timeout", value, 1, DAY_S, &n, err);

	options->timeout_s = (unsigned int)n;
	return rc;
}

#define APPLY_FLAG(name, field)                                                                    \
	static int name(struct options *options, const char *value, struct error *err)             \
	{                                                                                          \
		(void)value;                                                                       \
		(void)err;                                                                         \
		options->field = true;                                                             \
		return 0;                                                                          \
	}

APPLY_FLAG(apply_json, json)
APPLY_FLAG(apply_keep_going, keep_going)
APPLY_FLAG(apply_version, version)
APPLY_FLAG(apply_help, help)

/* "--name", "--name=value", "-l", "-lvalue". */
static const struct row *
row_find(const char *arg, const char **value)
{
	bool is_long = arg[1] == '-';
	size_t length = strcspn(arg, "=");

	*value = NULL;
	for (size_t i = 0; i < ROWS; i++) {
		if (is_long && strlen(rows[i].name) == length &&
			strncmp(rows[i].name, arg, length) == 0) {
			if (arg[length] == '=')
				*value = arg + length + 1;
			return &rows[i];
		}
		if (!is_long && rows[i].letter && rows[i].letter == arg[1]) {
			if (arg[2] != '\0')
				*value = arg + 2;
			return &rows[i];
		}
	}
	return NULL;
}

static int
unknown(const char *arg, struct error *err)
{
	const char *names[ROWS], *near;
	char word[48];

	for (size_t i = 0; i < ROWS; i++)
		names[i] = rows[i].name;
	snprintf(word, sizeof(word), "--%.*s", (int)strcspn(arg + strspn(arg, "-"), "="),
		arg + strspn(arg, "-"));
	near = suggest(word, names, ROWS);
	return error_set(err, -EINVAL, "unknown option \"%.64s\"%s%s%s; espgwctl --help lists them",
		arg, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

/* The option at argv[*i], and its value, which may be the next argument. */
static int
option_parse(int argc, char **argv, int *i, struct options *options, struct error *err)
{
	const char *value = NULL;
	const struct row *row = row_find(argv[*i], &value);

	if (!row)
		return unknown(argv[*i], err);
	if (!row->value && value)
		return error_set(
			err, -EINVAL, "%s takes no value, and \"%.64s\" is one", row->name, value);
	if (row->value && !value) {
		if (*i + 1 == argc)
			return error_set(err, -EINVAL, "%s: %s is missing", row->name, row->value);
		value = argv[++*i];
	}
	return row->apply(options, value, err);
}

int
options_parse(int argc, char **argv, struct options *options, struct error *err)
{
	const char *path = getenv("ESPGW_CTL");
	char **words = calloc((size_t)argc + 1, sizeof(words[0]));
	int n_words = 0, rc = 0, i;

	*options = (struct options){.ctl = path && path[0] ? path : CTL_PATH, .timeout_s = 60};
	if (!words)
		return error_set(err, -ENOMEM, "no memory");
	for (i = 1; rc == 0 && i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				words[n_words++] = argv[i];
			break;
		}
		if (argv[i][0] == '-' && argv[i][1] != '\0')
			rc = option_parse(argc, argv, &i, options, err);
		else
			words[n_words++] = argv[i];
	}
	if (rc == 0) {
		options->first = argc - n_words;
		memcpy(argv + options->first, words, (size_t)n_words * sizeof(words[0]));
	}
	free(words);
	return rc;
}

void
options_usage(FILE *out)
{
	fprintf(out,
		"espgwctl [options] NOUN VERB [ARGUMENTS]    ask or change a running espgw\n"
		"espgwctl [options]                          a shell, on a terminal\n"
		"espgwctl [options] -f FILE                  a batch of commands\n\n"
		"  espgwctl tunnel list                      what there is; also sa, route, port, "
		"...\n"
		"  espgwctl tunnel show ipsec0               one of them with all its state\n"
		"  espgwctl tunnel set ipsec0 mtu=1300       change it\n"
		"  espgwctl sa add spi=4097 direction=out tunnel=ipsec0 algorithm=aes-256-gcm "
		"key=@FILE\n"
		"  espgwctl route get 10.1.2.3               which way a packet takes\n"
		"  espgwctl stats | events | watch sa | top  what happens\n"
		"  espgwctl doctor                           is this machine fit for espgw?\n"
		"  espgwctl call METHOD [JSON]               any method of the control socket\n"
		"  espgwctl help [NOUN [VERB]]               what the gateway can, with "
		"parameters\n\n");
	for (size_t i = 0; i < ROWS; i++) {
		char left[48], letter[8] = "";

		if (rows[i].letter)
			snprintf(letter, sizeof(letter), "-%c, ", rows[i].letter);
		snprintf(left, sizeof(left), "%4s%s%s%s", letter, rows[i].name,
			rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		fprintf(out, "  %-26s %s\n", left, rows[i].text);
	}
	fprintf(out, "\nExit status: 0 done, 1 refused by the gateway, 2 bad usage, 3 no gateway "
		     "there.\n");
}
