/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Prints doc/counters.md, whose rows come from the list that the counters themselves come from
 * (lib/stats/drop.h). With a file as argument: compares it with what would be printed; exit status
 * 1 when they differ.
 */

#include <stdio.h>
#include <stdlib.h>

#include "drop.h"

static const char above[] =
	"# Drop reasons\n"
	"\n"
	"<!-- Printed by tools/gen-counters.c from lib/stats/drop.h. Do not edit:\n"
	"     ninja -C build tools/gen-counters && build/tools/gen-counters > "
	"doc/counters.md -->\n"
	"\n"
	"A packet that espgw discards is counted under one of these. Not all of them are "
	"errors:\n"
	"`local_handled` is ARP and ND that was dealt with, `esp_dummy` and `udp_keepalive` "
	"are discarded because\n"
	"they ask for it. The same names are the keys of `/espgw/drops` "
	"([telemetry](telemetry.md), which has all\n"
	"other counters, too), the label `reason` of `espgw_dropped_packets_total`, and the "
	"words after `drop` in\n"
	"the [summary](interface.md#summary), which leaves out those that are 0.\n"
	"\n"
	"| reason | why the packet was dropped |\n"
	"|---|---|\n";

static void
print(FILE *out)
{
	fputs(above, out);
	for (int r = 0; r < DROP_REASON_COUNT; r++)
		fprintf(out, "| `%s` | %s |\n", drop_name((enum drop_reason)r),
			drop_text((enum drop_reason)r));
}

/* The number of the first line that differs; 0: none. */
static unsigned long
difference(FILE *a, FILE *b)
{
	unsigned long line = 1;
	int c, d;

	rewind(a);
	do {
		c = getc(a);
		d = getc(b);
		if (c != d)
			return line;
		line += c == '\n';
	} while (c != EOF);
	return 0;
}

static int
compare(const char *path)
{
	FILE *file = fopen(path, "r"), *wanted = tmpfile();
	unsigned long line;

	if (!file || !wanted) {
		perror(path);
		return EXIT_FAILURE;
	}
	print(wanted);
	line = difference(wanted, file);
	fclose(wanted);
	fclose(file);
	if (line == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "%s:%lu: not what lib/stats/drop.h says: print it anew with gen-counters\n",
		path, line);
	return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		return compare(argv[1]);
	print(stdout);
	return EXIT_SUCCESS;
}
