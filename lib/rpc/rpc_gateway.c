/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc_gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_change.h"
#include "gateway_objects.h"
#include "log.h"
#include "methods.h"
#include "rpc.h"
#include "rpc_gateway_events.h"

struct rpc_gateway {
	struct gateway *gateway;
	struct rpc_server *server;
	struct gateway_watch watch;
};

static const struct rpc_method *const tables[] = {
	methods_gateway,
	methods_sa,
	methods_tunnel,
	methods_route,
	methods_neighbour,
	methods_policy,
	methods_port,
	methods_config,
	methods_stats,
	methods_worker,
	methods_trace,
	methods_capture,
	methods_wireshark,
	NULL,
};

static int
change_begin(void *context, struct error *err)
{
	int rc = gateway_change_begin(context);

	return rc == 0 ? 0 : error_set(err, rc, "no change can begin: %s", strerror(-rc));
}

static int
change_commit(void *context, struct error *err)
{
	return gateway_change_commit(context, err);
}

static void
change_abandon(void *context)
{
	gateway_change_abandon(context);
}

static int
change_mark(void *context, struct error *err)
{
	return gateway_change_mark(context, err);
}

static void
change_rewind(void *context)
{
	gateway_change_rewind(context);
}

static void
tell(void *server, const struct gateway_event *event)
{
	if (rpc_server_hears(server, event->kind))
		rpc_server_event(server, event->kind, rpc_gateway_event(event));
}

struct rpc_gateway *
rpc_gateway_open(struct gateway *g, const struct rpc_gateway_options *options, struct error *err)
{
	struct rpc_gateway *r = calloc(1, sizeof(*r));
	const struct rpc_options server = {
		.path = options->path,
		.group = options->group,
		.readonly = options->readonly,
		.limits = RPC_LIMITS_DEFAULT,
		.tables = tables,
		.context = g,
		.scope = gateway_scope(g),
		.begin = change_begin,
		.commit = change_commit,
		.abandon = change_abandon,
		.mark = change_mark,
		.rewind = change_rewind,
		.kinds = rpc_gateway_kinds,
		.resync = rpc_gateway_resync,
	};
	int rc;

	if (!r) {
		errno = -error_set(err, -ENOMEM, "no memory for the control socket");
		return NULL;
	}
	r->gateway = g;
	r->server = rpc_server_create(&server, err);
	if (!r->server) {
		free(r);
		return NULL;
	}
	r->watch = (struct gateway_watch){rpc_server_fd(r->server), rpc_server_serve, r->server};
	rc = gateway_watch_add(g, &r->watch);
	if (rc == 0) {
		gateway_listen(g, tell, r->server);
		log_info(rpc, "serving at %s", options->path ? options->path : "the prompt alone");
		return r;
	}
	error_set(err, rc, "the control socket cannot be watched: %s", strerror(-rc));
	rpc_server_destroy(r->server);
	free(r);
	errno = -rc;
	return NULL;
}

struct rpc_server *
rpc_gateway_server(struct rpc_gateway *r)
{
	return r->server;
}

void
rpc_gateway_close(struct rpc_gateway *r)
{
	if (!r)
		return;
	gateway_listen(r->gateway, NULL, NULL);
	gateway_watch_remove(r->gateway, &r->watch);
	rpc_server_destroy(r->server);
	free(r);
}
