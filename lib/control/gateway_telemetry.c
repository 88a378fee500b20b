/* SPDX-License-Identifier: BSD-3-Clause */

/* /espgw/… in rte_telemetry: everything counted, as the control lcore finds it. */

#include <errno.h>
#include <string.h>

#include "telemetry.h"

enum { PATIENCE_MS = 2000 }; /* of a telemetry thread; building many policies takes a second */

#define IDS "Ids of "
#define MORE ", 512 at most, more with from=ID; with an id, "

static const struct telemetry_command commands[] = {
	{"/espgw/info", telemetry_info,
		"Version, age and crypto engine of the gateway. Takes no parameter"},
	{"/espgw/tables", telemetry_tables, "Use and size of all tables. Takes no parameter"},
	{"/espgw/drops", telemetry_drops,
		"Packets dropped, by reason; with a worker's id or \"control\", those dropped "
		"there"},
	{"/espgw/control", telemetry_control,
		"The control lcore's rings and limits. Takes no parameter"},
	{"/espgw/mempool", telemetry_mempool,
		IDS "packet buffer pools" MORE "that pool's size and use"},
	{"/espgw/port", telemetry_port, IDS "ports" MORE "that port's state and counters"},
	{"/espgw/device", telemetry_device, IDS "devices" MORE "that device's queues and losses"},
	{"/espgw/worker", telemetry_worker, IDS "workers" MORE "that worker's counters"},
	{"/espgw/stages", telemetry_stages,
		IDS "workers" MORE "what that worker's stages cost, from samples"},
	{"/espgw/reassembly", telemetry_reassembly,
		IDS "workers" MORE "the packets that worker puts together"},
	{"/espgw/tunnel", telemetry_tunnel, IDS "tunnels" MORE "that tunnel's state and counters"},
	{"/espgw/sa", telemetry_sa, IDS "SAs" MORE "that SA's state, lifetime and counters"},
	{"/espgw/sa_summary", telemetry_sa_summary,
		"How many SAs there are, by direction and state. Takes no parameter"},
	{"/espgw/sa_ending", telemetry_sa_ending,
		"Ids of the SAs nearest their end, and how many thousandths of their life are "
		"used; 10, or as many as the parameter says"},
	{"/espgw/sa_busiest", telemetry_sa_busiest,
		"Ids of the SAs with most bytes, and the bytes; 10, or as many as the parameter "
		"says"},
	{"/espgw/policy", telemetry_policy,
		IDS "policies" MORE "what that policy says and its hits"},
	{"/espgw/fib", telemetry_fib,
		IDS "forwarding tables" MORE "that table's use and size, by family"},
	{"/espgw/nexthop", telemetry_nexthop, IDS "next hops" MORE "where that next hop leads to"},
	{"/espgw/neighbour", telemetry_neighbour, IDS "neighbours" MORE "that neighbour's state"},
};

struct request {
	telemetry_fn *answer;
	const char *params;
	struct rte_tel_data *data;
};

static int
answer_request(struct gateway *g, void *arg)
{
	const struct request *r = arg;

	return r->answer(g, r->params, r->data);
}

/* A telemetry thread. */
static int
dispatch(const char *command, const char *params, struct rte_tel_data *d)
{
	struct request r = {.params = params, .data = d};

	for (size_t i = 0; i < RTE_DIM(commands); i++)
		if (strcmp(command, commands[i].name) == 0)
			r.answer = commands[i].answer;
	return r.answer ? gateway_ask(answer_request, &r, PATIENCE_MS) : -ENOENT;
}

int
telemetry_start(struct gateway *g, struct report *report)
{
	int rc;

	g->started_ms = now_ms();
	g->started_at = time(NULL);
	/* a second gateway in one process (tests) finds them registered */
	for (size_t i = 0; i < RTE_DIM(commands); i++) {
		rc = rte_telemetry_register_cmd(commands[i].name, dispatch, commands[i].help);
		if (rc == 0 || rc == -EEXIST)
			continue;
		report_add(report, NULL, 0, "telemetry", "%s cannot be registered: %s",
			commands[i].name, strerror(-rc));
		return rc;
	}
	return 0;
}
