/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_EAL_H
#define TEST_EAL_H

/* EAL for a unit test: no huge pages, no shared files, so that many can run at once. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_memory.h>

#include "numa.h"

/* For what exists once for each node: two replicas, which lie on whatever node there is. */
static const struct numa_nodes test_one_node = {1, {SOCKET_ID_ANY}};
static const struct numa_nodes test_two_nodes = {2, {SOCKET_ID_ANY, SOCKET_ID_ANY}};

static inline void
test_eal_init(const char *name, unsigned int mb)
{
	char prefix[64], memory[16];
	const char *args[] = {name, "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-l",
		"0", "--log-level=*:error", "--file-prefix", prefix, "-m", memory};
	char *argv[RTE_DIM(args)];

	snprintf(prefix, sizeof(prefix), "espgw-%s-%d", name, (int)getpid());
	snprintf(memory, sizeof(memory), "%u", mb);
	/* EAL reorders the array, and does not write to the strings. */
	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = (char *)(uintptr_t)args[i];
	if (rte_eal_init((int)RTE_DIM(args), argv) < 0) {
		fprintf(stderr, "%s: rte_eal_init failed\n", name);
		exit(1);
	}
}

#endif
