/* SPDX-License-Identifier: BSD-3-Clause */

/* /espgw/… in rte_telemetry: everything counted, as the control lcore finds it. A reply holds 16
 * KB: lists are ids, details by id. */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_telemetry.h>
#include <rte_version.h>

#include "internal.h"

enum { PATIENCE_MS = 2000 }; /* of a telemetry thread; building many policies takes a second */

typedef int answer_fn(const struct gateway *g, const char *params, struct rte_tel_data *d);

static void
add_u64(struct rte_tel_data *d, const char *name, uint64_t value)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	rte_tel_data_add_dict_uint(d, name, value);
#else
	rte_tel_data_add_dict_u64(d, name, value);
#endif
}

static void
add_pair(struct rte_tel_data *d, const char *packets, const char *bytes, const struct counter *c)
{
	add_u64(d, packets, counter_read(&c->packets));
	add_u64(d, bytes, counter_read(&c->bytes));
}

/* The id in params; false when there is none or it is not below n. */
static bool
id_param(const char *params, uint64_t n, uint32_t *id)
{
	char *end;
	unsigned long value;

	if (!params || !isdigit((unsigned char)*params))
		return false;
	value = strtoul(params, &end, 10);
	*id = (uint32_t)value;
	return *end == '\0' && value < n;
}

static int
drops_handler(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	(void)params;
	rte_tel_data_start_dict(d);
	for (int r = 0; r < DROP_REASON_COUNT; r++)
		add_u64(d, drop_name((enum drop_reason)r), gateway_drops(g, (enum drop_reason)r));
	return 0;
}

static int
list_handler(struct rte_tel_data *d, uint32_t n)
{
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (uint32_t i = 0; i < RTE_MIN(n, (uint32_t)RTE_TEL_MAX_ARRAY_ENTRIES); i++)
		rte_tel_data_add_array_int(d, (int)i);
	return 0;
}

/* Of the device that the port is, or is a VLAN on. */
static void
add_losses(const struct gateway *g, struct rte_tel_data *d, const struct port *p)
{
	for (uint16_t i = 0; i < g->n_devices; i++) {
		struct port_losses l;

		if (g->devices[i].ethdev != p->ethdev)
			continue;
		l = device_losses(g, &g->devices[i]);
		add_u64(d, "device_missed", l.missed);
		add_u64(d, "device_no_buffer", l.no_buffer);
		add_u64(d, "device_errors", l.errors);
	}
}

static int
port_handler(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	const struct port_table *ports = g->tables.ports;
	struct counter rx, tx;
	const struct port *p;
	uint32_t id;

	if (!params)
		return list_handler(d, ports->count);
	if (!id_param(params, ports->count, &id))
		return -EINVAL;
	p = ports->ports[id];
	port_sum(g, p, &rx, &tx);
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "name", p->name);
	rte_tel_data_add_dict_string(d, "link", p->link_up ? "up" : "down");
	add_pair(d, "rx_packets", "rx_bytes", &rx);
	add_pair(d, "tx_packets", "tx_bytes", &tx);
	add_losses(g, d, p);
	return 0;
}

static int
worker_handler(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	const struct worker_stats *s;
	uint32_t id;

	if (!params)
		return list_handler(d, g->n_workers);
	if (!id_param(params, g->n_workers, &id))
		return -EINVAL;
	s = &g->workers[id]->stats;
	rte_tel_data_start_dict(d);
	add_u64(d, "lcore", g->workers[id]->lcore);
	add_u64(d, "polls", counter_read(&s->polls));
	add_u64(d, "idle_polls", counter_read(&s->idle_polls));
	add_u64(d, "sleeps", counter_read(&s->sleeps));
	add_u64(d, "handed_over", counter_read(&s->handed_over));
	add_u64(d, "handed_in", counter_read(&s->handed_in));
	add_u64(d, "to_control", counter_read(&s->to_control));
	add_pair(d, "esp_out_packets", "esp_out_bytes", &s->esp_out);
	add_pair(d, "esp_in_packets", "esp_in_bytes", &s->esp_in);
	return 0;
}

/* "27.4" of packets or cycles; a value of telemetry has no fraction. */
static void
add_mean(struct rte_tel_data *d, const char *name, uint64_t sum, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%.1f", n ? (double)sum / (double)n : 0);
	rte_tel_data_add_dict_string(d, name, text);
}

/* Takes inner. 0/-errno. */
static int
add_dict(struct rte_tel_data *d, const char *name, struct rte_tel_data *inner)
{
	int rc = rte_tel_data_add_dict_container(d, name, inner, 0);

	if (rc != 0)
		rte_tel_data_free(inner);
	return rc;
}

static int
add_part(struct rte_tel_data *d, const struct meter *m, enum meter_part part)
{
	struct rte_tel_data *inner = rte_tel_data_alloc();
	uint64_t calls = counter_read(&m->parts[part].calls);
	uint64_t packets = counter_read(&m->parts[part].packets);
	uint64_t cycles = counter_read(&m->parts[part].cycles);

	if (!inner)
		return -ENOMEM;
	rte_tel_data_start_dict(inner);
	add_u64(inner, "calls", calls);
	add_u64(inner, "packets", packets);
	add_u64(inner, "cycles", cycles);
	add_mean(inner, "cycles_per_packet", cycles, packets);
	add_mean(inner, "burst_fill", packets, calls);
	return add_dict(d, meter_part_name(part), inner);
}

/* How many bursts were received with so many packets: "up_to_4" are those of 3 and 4. */
static int
add_fills(struct rte_tel_data *d, const struct meter *m)
{
	struct rte_tel_data *inner = rte_tel_data_alloc();
	char name[16];

	if (!inner)
		return -ENOMEM;
	rte_tel_data_start_dict(inner);
	for (unsigned int i = 0; i < METER_FILLS; i++) {
		snprintf(name, sizeof(name), "up_to_%u", 1u << i);
		add_u64(inner, name, counter_read(&m->fills[i]));
	}
	return add_dict(d, "received", inner);
}

static int
stages_handler(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	const struct meter *m;
	uint32_t id;
	int rc;

	if (!params)
		return list_handler(d, g->n_workers);
	if (!id_param(params, g->n_workers, &id))
		return -EINVAL;
	m = &g->workers[id]->meter;
	rte_tel_data_start_dict(d);
	add_u64(d, "turns", counter_read(&m->turns));
	add_u64(d, "measured", meter_turns_measured(m));
	add_u64(d, "cycles_per_second", rte_get_tsc_hz());
	rc = add_fills(d, m);
	for (int i = 0; rc == 0 && i < METER_PART_COUNT; i++)
		rc = add_part(d, m, (enum meter_part)i);
	return rc;
}

static int
tunnel_handler(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	const struct tunnel_table *tunnels = g->tables.tunnels;
	struct counter out, in;
	const struct tunnel *t;
	uint32_t id;

	if (!params)
		return list_handler(d, g->n_tunnels);
	if (!id_param(params, tunnels->capacity, &id) || !tunnels->tunnels[id])
		return -EINVAL;
	t = tunnels->tunnels[id];
	tunnel_total(g, t, &out, &in);
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "name", t->config.name);
	rte_tel_data_add_dict_string(d, "state", t->up ? "up" : "down");
	add_u64(d, "mtu", t->mtu);
	add_pair(d, "out_packets", "out_bytes", &out);
	add_pair(d, "in_packets", "in_bytes", &in);
	return 0;
}

static int
sa_counters_handler(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	const struct sa *sa;
	char spi[16];
	uint32_t id;

	if (!params)
		return list_handler(d, g->sas.used);
	if (!id_param(params, g->sas.used, &id) || !g->sas.places[id].live)
		return -EINVAL;
	sa = g->sas.places[id].sa;
	rte_tel_data_start_dict(d);
	snprintf(spi, sizeof(spi), "0x%08x", rte_be_to_cpu_32(sa->spi_be));
	rte_tel_data_add_dict_string(d, "spi", spi);
	rte_tel_data_add_dict_string(d, "direction", sa->direction == SA_OUT ? "out" : "in");
	rte_tel_data_add_dict_string(
		d, "tunnel", g->tables.tunnels->tunnels[sa->tunnel]->config.name);
	add_u64(d, "worker", sa->owner);
	add_pair(d, "packets", "bytes", &sa->hot.traffic);
	add_u64(d, "sequence",
		counter_read(sa->direction == SA_OUT ? &sa->hot.seq_next : &sa->hot.window.top));
	add_u64(d, "errors_icv", counter_read(&sa->hot.errors_icv));
	add_u64(d, "errors_replay", counter_read(&sa->hot.errors_replay));
	return 0;
}

static const struct {
	const char *command;
	answer_fn *answer;
	const char *help;
} commands[] = {
	{"/espgw/drops", drops_handler, "Packets dropped, by reason. Takes no parameter"},
	{"/espgw/port", port_handler, "Ids of ports; with an id, that port's counters"},
	{"/espgw/worker", worker_handler, "Ids of workers; with an id, that worker's counters"},
	{"/espgw/stages", stages_handler,
		"Ids of workers; with an id, what that worker's stages cost, from samples"},
	{"/espgw/tunnel", tunnel_handler,
		"Ids of tunnels; with an id, that tunnel's state and counters"},
	{"/espgw/sa", sa_counters_handler, "Ids of SAs; with an id, that SA's counters"},
};

struct request {
	answer_fn *answer;
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
		if (strcmp(command, commands[i].command) == 0)
			r.answer = commands[i].answer;
	return r.answer ? gateway_ask(answer_request, &r, PATIENCE_MS) : -ENOENT;
}

int
telemetry_start(struct gateway *g, struct report *report)
{
	(void)g;
	(void)report;
	/* a second gateway in one process (tests) finds them registered */
	for (size_t i = 0; i < RTE_DIM(commands); i++)
		rte_telemetry_register_cmd(commands[i].command, dispatch, commands[i].help);
	return 0;
}
