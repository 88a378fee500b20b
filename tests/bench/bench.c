/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_eal.h>

/* Whether so much is free in huge pages of 2 MiB. */
static bool
huge_pages_are_there(unsigned int mb)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned int pages = 0;

	if (f == NULL)
		return false;
	if (fscanf(f, "%u", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages >= mb / 2;
}

/* "0@1,1@0": lcores on CPUs; those for which there is no CPU left share the first one. */
static void
lcores_write(char *text, size_t bytes, unsigned int lcores)
{
	int here = sched_getcpu(), cpu = -1;
	size_t used = (size_t)snprintf(text, bytes, "0@%d", here);
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (unsigned int n = 1; n < lcores; n++) {
		do
			cpu++;
		while (cpu < CPU_SETSIZE && (cpu == here || !CPU_ISSET(cpu, &cpus)));
		used += (size_t)snprintf(
			text + used, bytes - used, ",%u@%d", n, cpu < CPU_SETSIZE ? cpu : here);
	}
}

void
bench_eal(const char *name, unsigned int mb, unsigned int lcores)
{
	char cpus[64], prefix[64], memory[16];
	const char *args[] = {name, "--no-pci", "--no-telemetry", "--no-shconf",
		"--log-level=*:error", "--force-max-simd-bitwidth=512", "--file-prefix", prefix,
		"--lcores", cpus, "-m", memory, "--no-huge"};
	char *argv[RTE_DIM(args)];
	bool huge = huge_pages_are_there(mb);

	snprintf(prefix, sizeof(prefix), "espgw-%s-%d", name, (int)getpid());
	snprintf(memory, sizeof(memory), "%u", mb);
	lcores_write(cpus, sizeof(cpus), lcores);
	if (huge)
		args[RTE_DIM(args) - 1] = "--huge-unlink=always";
	else
		printf("no huge pages for %u MiB: plain memory, slower with many sessions\n", mb);
	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = (char *)(uintptr_t)args[i];
	if (rte_eal_init((int)RTE_DIM(args), argv) < 0) {
		fprintf(stderr, "%s: EAL did not start\n", name);
		exit(1);
	}
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bench_median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(values[0]), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double
bench_ns(uint64_t cycles)
{
	return (double)cycles * 1e9 / (double)rte_get_tsc_hz();
}
