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
	"# Counters\n"
	"\n"
	"<!-- Printed by tools/gen-counters.c from lib/stats/drop.h. Do not edit:\n"
	"     ninja -C build tools/gen-counters && build/tools/gen-counters > "
	"doc/counters.md -->\n"
	"\n"
	"All counters are 64 bits wide, begin at 0 when espgw starts and have one writer "
	"each; reading\n"
	"them disturbs nobody. Where they are shown: in the [summary](interface.md#summary), "
	"and in\n"
	"[telemetry](interface.md#telemetry).\n"
	"\n"
	"## Ports, workers, tunnels, SAs\n"
	"\n"
	"| telemetry | key | what it counts |\n"
	"|---|---|---|\n"
	"| `/espgw/port` | `rx_packets`, `rx_bytes` | frames received for this port (its "
	"VLAN), Ethernet header included; also those that are dropped next |\n"
	"| | `tx_packets`, `tx_bytes` | frames that the device took |\n"
	"| `/espgw/worker` | `polls` | turns of the loop |\n"
	"| | `idle_polls` | turns that found nothing |\n"
	"| | `sleeps` | times that it slept because there was nothing |\n"
	"| | `handed_over` | packets given to another worker, or put back into its own inbox "
	"|\n"
	"| | `handed_in` | packets taken from its inbox, those of the control lcore included "
	"|\n"
	"| | `to_control` | packets given to the control lcore |\n"
	"| | `esp_out_packets`, `esp_out_bytes` | as `out_` of tunnels, on this worker |\n"
	"| | `esp_in_packets`, `esp_in_bytes` | as `in_` of tunnels, on this worker |\n"
	"| `/espgw/stages` | `turns`, `measured` | turns that found packets; how many of them were "
	"measured, for all that follows |\n"
	"| | `received` | bursts that devices gave, by how many packets they had: `up_to_8` is 5 "
	"to 8 |\n"
	"| | `calls`, `packets`, `cycles` | of a stage: bursts of at least one packet, packets, "
	"cycles of the time stamp counter; `cycles_per_packet` and `burst_fill` are their "
	"quotients |\n"
	"| `/espgw/tunnel` | `out_packets`, `out_bytes` | packets encrypted; bytes of the "
	"inner packets |\n"
	"| | `in_packets`, `in_bytes` | packets decrypted and accepted; bytes of the inner "
	"packets |\n"
	"| `/espgw/sa` | `packets`, `bytes` | packets that passed, and bytes of their ESP "
	"payload (for IPIP the inner packet; inbound before the tunnel's own checks); "
	"lifetimes count these |\n"
	"| | `sequence` | outbound: the next sequence number; inbound: the highest accepted |\n"
	"| | `errors_icv` | inbound: integrity checks that failed |\n"
	"| | `errors_replay` | inbound: packets that the replay window refused |\n"
	"\n"
	"## Drops\n"
	"\n"
	"A packet that espgw discards is counted under one of these. Not all of them are "
	"errors:\n"
	"`local_handled` is ARP and ND that was dealt with, `esp_dummy` and `udp_keepalive` "
	"are discarded because\n"
	"they ask for it. The same names are the keys of `/espgw/drops` and the words after "
	"`drop` in the\n"
	"summary, which leaves out those that are 0.\n"
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
