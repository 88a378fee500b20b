/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_version.h>

#include "gateway.h"
#include "methods.h"

static int
version_call(struct rpc_call *call, const void *params)
{
	(void)params;
	call->result = json_pack("{s:s, s:s}", "version", ESPGW_VERSION, "dpdk", rte_version());
	return 0;
}

static int
shutdown_call(struct rpc_call *call, const void *params)
{
	(void)params;
	gateway_stop(call->context);
	return 0;
}

const struct rpc_method methods_gateway[] = {
	{"version", "the version of espgw, and of DPDK", .call = version_call},
	{"shutdown", "stop the gateway, as SIGTERM does", .writes = true, .alone = true,
		.call = shutdown_call},
	{0},
};
