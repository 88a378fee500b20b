/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NUMA_H
#define NUMA_H

#include <stdint.h>

#include <rte_config.h>

/*
 * The NUMA nodes that have a worker. What workers read at random exists once for each of them, and
 * a worker reads from its own node's; the control lcore writes all. A node's place in this list is
 * what names its replica.
 */
struct numa_nodes {
	uint16_t n; /* 1 or more */
	int sockets[RTE_MAX_NUMA_NODES];
};

#endif
