/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPC_METHODS_H
#define RPC_METHODS_H

/* The gateway's methods, a table for each family; call->context is the struct gateway. */

#include "rpc.h"

extern const struct rpc_method methods_gateway[]; /* version, shutdown */

extern const struct rpc_method methods_stats[], methods_worker[];

extern const struct rpc_method methods_trace[], methods_capture[], methods_wireshark[];

extern const struct rpc_method methods_sa[], methods_tunnel[], methods_route[], methods_neighbour[],
	methods_policy[], methods_port[], methods_config[];

#endif
