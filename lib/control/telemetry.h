/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_TELEMETRY_H
#define CONTROL_TELEMETRY_H

/*
 * What the files that answer on the telemetry socket share. An answer is made on the control lcore,
 * which may read all there is; it does so between two of its turns, so it must not take long.
 */

#include <rte_telemetry.h>

#include "internal.h"

/* params: what follows the command's comma, or NULL. 0, or -errno: the reply is null then. */
typedef int telemetry_fn(const struct gateway *g, const char *params, struct rte_tel_data *d);

struct telemetry_command {
	const char *name;
	telemetry_fn *answer;
	const char *help;
};

/* A family of objects that have ids. */
struct telemetry_family {
	uint32_t (*end)(const struct gateway *g);             /* ids are below it */
	bool (*exists)(const struct gateway *g, uint32_t id); /* NULL: all below end do */
	int (*detail)(const struct gateway *g, uint32_t id, struct rte_tel_data *d);
};

/* Ids without a parameter or with "from=ID", 512 at most; detail with an id. */
int telemetry_objects(const struct telemetry_family *family, const struct gateway *g,
	const char *params, struct rte_tel_data *d);

/* The decimal number that params is, below end; false when it is not. */
bool telemetry_number(const char *params, uint64_t end, uint32_t *number);

void telemetry_u64(struct rte_tel_data *d, const char *name, uint64_t value);
void telemetry_text(struct rte_tel_data *d, const char *name, const char *value);
void telemetry_addr(struct rte_tel_data *d, const char *name, const struct ip_addr *addr);
void telemetry_pair(
	struct rte_tel_data *d, const char *packets, const char *bytes, const struct counter *c);
/* Adds inner, which it takes, or frees when it cannot. */
int telemetry_dict(struct rte_tel_data *d, const char *name, struct rte_tel_data *inner);

/* telemetry_gateway.c */
telemetry_fn telemetry_info, telemetry_tables, telemetry_drops, telemetry_control,
	telemetry_mempool;
/* telemetry_ports.c */
telemetry_fn telemetry_port, telemetry_device;
/* telemetry_workers.c */
telemetry_fn telemetry_worker, telemetry_stages, telemetry_reassembly;
/* telemetry_routing.c */
telemetry_fn telemetry_nexthop, telemetry_neighbour, telemetry_fib, telemetry_policy;
/* telemetry_tunnels.c */
telemetry_fn telemetry_tunnel;
/* telemetry_sas.c */
telemetry_fn telemetry_sa, telemetry_sa_summary, telemetry_sa_ending, telemetry_sa_busiest;

#endif
