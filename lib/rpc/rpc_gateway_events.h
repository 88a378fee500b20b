/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPC_GATEWAY_EVENTS_H
#define RPC_GATEWAY_EVENTS_H

/* The gateway's events as the socket tells them. */

#include "gateway_event.h"
#include "rpc.h"

/* For rpc_options: by enum gateway_event_kind. */
extern const struct rpc_event_kind rpc_gateway_kinds[];
int rpc_gateway_resync(void *gateway, uint64_t *cursor, json_t **event);

json_t *rpc_gateway_event(const struct gateway_event *event);

#endif
