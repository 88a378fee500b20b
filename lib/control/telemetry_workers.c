/* SPDX-License-Identifier: BSD-3-Clause */

/* Workers: what they did, what their stages cost, what they put together. */

#include <errno.h>

#include <rte_cycles.h>

#include "telemetry.h"

static uint32_t
workers_end(const struct gateway *g)
{
	return g->n_workers;
}

static uint64_t
drops_sum(const struct worker_stats *s)
{
	uint64_t sum = 0;

	for (int r = 0; r < DROP_REASON_COUNT; r++)
		sum += counter_read(&s->drops[r]);
	return sum;
}

/* What is left of this second's budget; it is made anew by the first who asks in a new second. */
static void
add_budget(struct rte_tel_data *d, const struct worker *w)
{
	bool over = rte_rdtsc() - counter_read(&w->budget_tsc) > rte_get_tsc_hz();
	const struct worker_budget *left = over ? &w->budget_full : &w->budget;

	telemetry_u64(d, "audits_left", left->audits);
	telemetry_u64(d, "audits_per_second", w->budget_full.audits);
	telemetry_u64(d, "echoes_left", left->echoes);
	telemetry_u64(d, "echoes_per_second", w->budget_full.echoes);
	telemetry_u64(d, "errors_left", left->errors);
	telemetry_u64(d, "errors_per_second", w->budget_full.errors);
	telemetry_u64(d, "resolutions_left", left->resolutions);
	telemetry_u64(d, "resolutions_per_second", w->budget_full.resolutions);
}

static int
worker_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	const struct worker *w = g->workers[id];
	const struct worker_stats *s = &w->stats;

	telemetry_u64(d, "lcore", w->lcore);
	telemetry_u64(d, "node", rte_lcore_to_socket_id(w->lcore));
	telemetry_u64(d, "rx_queues", w->n_rxqs);
	telemetry_u64(d, "polls", counter_read(&s->polls));
	telemetry_u64(d, "idle_polls", counter_read(&s->idle_polls));
	telemetry_u64(d, "sleeps", counter_read(&s->sleeps));
	telemetry_u64(d, "handed_over", counter_read(&s->handed_over));
	telemetry_u64(d, "handed_in", counter_read(&s->handed_in));
	telemetry_u64(d, "to_control", counter_read(&s->to_control));
	telemetry_pair(d, "esp_out_packets", "esp_out_bytes", &s->esp_out);
	telemetry_pair(d, "esp_in_packets", "esp_in_bytes", &s->esp_in);
	telemetry_u64(d, "drops", drops_sum(s));
	telemetry_u64(d, "inbox_packets", rte_ring_count(w->inbox));
	telemetry_u64(d, "inbox_packets_max", rte_ring_get_capacity(w->inbox));
	add_budget(d, w);
	return 0;
}

int
telemetry_worker(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family workers = {workers_end, NULL, worker_detail};

	return telemetry_objects(&workers, g, params, d);
}

/* "27.4" of packets or cycles; a value of telemetry has no fraction. */
static void
add_mean(struct rte_tel_data *d, const char *name, uint64_t sum, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%.1f", n ? (double)sum / (double)n : 0);
	telemetry_text(d, name, text);
}

/* Of the packets, how many cost how much. */
static void
add_costs(struct rte_tel_data *d, const struct meter_sums *s)
{
	char name[32];

	for (unsigned int i = 0; i < METER_COSTS - 1; i++) {
		snprintf(
			name, sizeof(name), "up_to_%u_cycles", (unsigned int)METER_COST_FIRST << i);
		telemetry_u64(d, name, counter_read(&s->costs[i]));
	}
	telemetry_u64(d, "more_cycles", counter_read(&s->costs[METER_COSTS - 1]));
}

static int
add_part(struct rte_tel_data *d, const struct meter *m, enum meter_part part)
{
	const struct meter_sums *s = &m->parts[part];
	struct rte_tel_data *inner = rte_tel_data_alloc();
	uint64_t calls = counter_read(&s->calls);
	uint64_t packets = counter_read(&s->packets);
	uint64_t cycles = counter_read(&s->cycles);

	if (!inner)
		return -ENOMEM;
	rte_tel_data_start_dict(inner);
	telemetry_u64(inner, "calls", calls);
	telemetry_u64(inner, "packets", packets);
	telemetry_u64(inner, "cycles", cycles);
	add_mean(inner, "cycles_per_packet", cycles, packets);
	add_mean(inner, "burst_fill", packets, calls);
	add_costs(inner, s);
	return telemetry_dict(d, meter_part_name(part), inner);
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
		telemetry_u64(inner, name, counter_read(&m->fills[i]));
	}
	return telemetry_dict(d, "received", inner);
}

static int
stages_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	const struct meter *m = &g->workers[id]->meter;
	int rc;

	telemetry_u64(d, "turns", counter_read(&m->turns));
	telemetry_u64(d, "measured", meter_turns_measured(m));
	telemetry_u64(d, "cycles_per_second", rte_get_tsc_hz());
	rc = add_fills(d, m);
	for (int i = 0; rc == 0 && i < METER_PART_COUNT; i++)
		rc = add_part(d, m, (enum meter_part)i);
	return rc;
}

int
telemetry_stages(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family workers = {workers_end, NULL, stages_detail};

	return telemetry_objects(&workers, g, params, d);
}

static int
reassembly_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	const struct reassembly_usage *u = reassembly_usage(g->workers[id]->reassembly);

	telemetry_u64(d, "packets", __atomic_load_n(&u->packets, __ATOMIC_RELAXED));
	telemetry_u64(d, "packets_max", u->packets_max);
	telemetry_u64(d, "mbufs", __atomic_load_n(&u->mbufs, __ATOMIC_RELAXED));
	telemetry_u64(d, "mbufs_max", u->mbufs_max);
	telemetry_u64(d, "fragments", counter_read(&u->fragments));
	telemetry_u64(d, "completed", counter_read(&u->completed));
	return 0;
}

int
telemetry_reassembly(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family workers = {workers_end, NULL, reassembly_detail};

	return telemetry_objects(&workers, g, params, d);
}
