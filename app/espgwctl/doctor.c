/* SPDX-License-Identifier: BSD-3-Clause */
#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table.h"

#define STATE_DIR "/var/lib/espgw"

enum { INDENT = 23, LINE = 76 };

void
doctor_add(struct doctor *d, enum doctor_verdict verdict, const char *what, const char *advice,
	const char *format, ...)
{
	struct doctor_finding *finding;
	va_list args;

	if (d->count == DOCTOR_FINDINGS)
		return;
	finding = &d->findings[d->count++];
	*finding = (struct doctor_finding){.verdict = verdict, .what = what, .advice = advice};
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

const char *
doctor_read(const struct doctor *d, char buf[DOCTOR_FILE], const char *format, ...)
{
	char path[512];
	int used = snprintf(path, sizeof(path), "%s", d->root);
	va_list args;
	size_t bytes;
	FILE *f;

	va_start(args, format);
	vsnprintf(path + used, sizeof(path) - (size_t)used, format, args);
	va_end(args);
	buf[0] = '\0';
	f = fopen(path, "re");
	if (!f)
		return buf;
	bytes = fread(buf, 1, DOCTOR_FILE - 1, f);
	buf[bytes] = '\0';
	while (bytes > 0 && buf[bytes - 1] == '\n')
		buf[--bytes] = '\0';
	fclose(f);
	return buf;
}

bool
doctor_has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = strstr(list, word); p; p = strstr(p + 1, word))
		if ((p == list || strchr(" \t\n,", p[-1])) &&
			(p[length] == '\0' || strchr(" \t\n,", p[length])))
			return true;
	return false;
}

void
doctor_state_dir(struct doctor *d, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 && errno == ENOENT)
		doctor_add(d, DOCTOR_NOTE, "state directory",
			"espgw makes it when it starts, if it may; --state DIR names another",
			"%s is not there yet", path);
	else if (access(path, W_OK | X_OK) != 0)
		doctor_add(d, DOCTOR_WARN, "state directory",
			"run espgw as its owner, or give it another with --state DIR",
			"%s: this user may not write there", path);
	else
		doctor_add(d, DOCTOR_OK, "state directory", NULL, "%s is there and writable", path);
}

/* The gateway itself: whether it answers. */
static void
check_gateway(struct doctor *d, struct client *client)
{
	struct error err = {""};
	json_t *reply = NULL;
	const char *version;

	switch (link_call(&client->link, "version", NULL, &reply, &err)) {
	case COMMAND_DONE:
		version = json_string_value(
			json_object_get(json_object_get(reply, "result"), "version"));
		doctor_add(d, DOCTOR_OK, "control socket", NULL, "%s answers: espgw %s",
			client->options.ctl, version ? version : "of an unknown version");
		break;
	case COMMAND_NO_GATEWAY:
		doctor_add(d, DOCTOR_NOTE, "control socket",
			"start espgw, or say where it listens: --ctl PATH",
			"no gateway at %s; the other checks need none", client->options.ctl);
		break;
	default:
		doctor_add(d, DOCTOR_BAD, "control socket",
			"run espgwctl as root or as a member of the socket's group",
			"%s: permission denied", client->options.ctl);
	}
	json_decref(reply);
}

static const char *const verdict_names[] = {"ok", "note", "warn", "bad"};
static const enum table_colour verdict_colours[] = {
	TABLE_GREEN, TABLE_PLAIN, TABLE_YELLOW, TABLE_RED};

static void
print_json(const struct doctor *d)
{
	json_t *list = json_array(), *all;

	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *f = &d->findings[i];

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s*}", "check", f->what, "verdict",
				verdict_names[f->verdict], "text", f->text, "advice", f->advice));
	}
	all = json_pack("{s:o}", "findings", list);
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

static void
print(const struct doctor *d, bool colours)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *f = &d->findings[i];
		enum table_colour colour = verdict_colours[f->verdict];

		printf("%s%-4s%s  %-15s  %s\n", table_colour_begin(colour, colours),
			verdict_names[f->verdict], table_colour_end(colour, colours), f->what,
			f->text);
		if (f->advice)
			table_wrapped(stdout, INDENT, LINE, f->advice);
	}
}

enum command_status
doctor_run(struct client *client, const char *const *words, size_t count)
{
	const char *root = getenv("ESPGW_DOCTOR_ROOT");
	struct doctor *d = calloc(1, sizeof(*d));
	enum command_status status = COMMAND_DONE;

	if (!d)
		abort();
	if (count > 1) {
		free(d);
		return command_say(&client->session, COMMAND_USAGE,
			"doctor takes no arguments, and \"%s\" is one", words[1]);
	}
	d->root = root ? root : "";
	doctor_hugepages(d);
	doctor_memory(d);
	doctor_iommu(d);
	doctor_nics(d);
	doctor_cpus(d);
	doctor_clock(d);
	doctor_crypto(d);
	doctor_state_dir(d, STATE_DIR);
	check_gateway(d, client);
	if (client->options.json)
		print_json(d);
	else
		print(d, client->session.colours);
	for (size_t i = 0; i < d->count; i++)
		if (d->findings[i].verdict == DOCTOR_BAD)
			status = COMMAND_REFUSED;
	free(d);
	return status;
}
