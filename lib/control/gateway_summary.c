/* SPDX-License-Identifier: BSD-3-Clause */

/* What the gateway did, for a person and for scripts: a line an object, words separated by blanks.
 */

#include <inttypes.h>

#include "internal.h"

uint64_t
gateway_drops(const struct gateway *g, enum drop_reason reason)
{
	uint64_t sum = g->drops[reason];

	for (uint16_t i = 0; i < g->n_workers; i++)
		sum += counter_read(&g->workers[i]->stats.drops[reason]);
	return sum;
}

static void
sum_add(struct counter *sum, const struct counter *c)
{
	sum->packets += counter_read(&c->packets);
	sum->bytes += counter_read(&c->bytes);
}

void
port_sum(const struct gateway *g, const struct port *p, struct counter *rx, struct counter *tx)
{
	*rx = *tx = (struct counter){0};
	for (uint16_t i = 0; i < g->n_workers; i++) {
		sum_add(rx, &p->counters[i].rx);
		sum_add(tx, &p->counters[i].tx);
	}
}

void
tunnel_sum(const struct tunnel *t, struct counter *out, struct counter *in)
{
	*out = *in = (struct counter){0};
	for (uint16_t i = 0; i < t->n_workers; i++) {
		sum_add(out, &t->workers[i].out);
		sum_add(in, &t->workers[i].in);
	}
}

void
tunnel_total(
	const struct gateway *g, const struct tunnel *t, struct counter *out, struct counter *in)
{
	tunnel_sum(t, out, in);
	sum_add(out, &g->by_tunnel[t->index].earlier_out);
	sum_add(in, &g->by_tunnel[t->index].earlier_in);
}

static void
print_ports(const struct gateway *g, FILE *out)
{
	for (uint16_t i = 0; i < g->tables.ports->count; i++) {
		const struct port *p = g->tables.ports->ports[i];
		struct counter rx, tx;

		port_sum(g, p, &rx, &tx);
		fprintf(out,
			"port %-12s rx %10" PRIu64 " %14" PRIu64 " tx %10" PRIu64 " %14" PRIu64
			"\n",
			p->name, rx.packets, rx.bytes, tx.packets, tx.bytes);
	}
}

static void
print_devices(const struct gateway *g, FILE *out)
{
	for (uint16_t i = 0; i < g->n_devices; i++) {
		struct port_losses l = device_losses(g, &g->devices[i]);

		fprintf(out,
			"device %s missed %" PRIu64 " no-buffer %" PRIu64 " errors %" PRIu64 "\n",
			g->devices[i].name, l.missed, l.no_buffer, l.errors);
	}
}

static void
print_tunnels(const struct gateway *g, FILE *out)
{
	for (uint32_t i = 0; i < g->tables.tunnels->capacity; i++) {
		const struct tunnel *t = g->tables.tunnels->tunnels[i];
		struct counter sealed, opened;

		if (!t)
			continue;
		tunnel_total(g, t, &sealed, &opened);
		fprintf(out,
			"tunnel %-10s out %9" PRIu64 " %14" PRIu64 " in %10" PRIu64 " %14" PRIu64
			" %s\n",
			t->config.name, sealed.packets, sealed.bytes, opened.packets, opened.bytes,
			t->up ? "up" : "down");
	}
}

static void
print_sas(const struct gateway *g, FILE *out)
{
	for (uint32_t i = 0; i < g->sas.used; i++) {
		const struct sa *sa = g->sas.places[i].sa;

		if (!sa || g->sas.places[i].leaving)
			continue;
		fprintf(out, "sa 0x%08x %-3s %10" PRIu64 " %14" PRIu64 " worker %u\n",
			rte_be_to_cpu_32(sa->spi_be), sa->direction == SA_OUT ? "out" : "in",
			counter_read(&sa->hot.traffic.packets),
			counter_read(&sa->hot.traffic.bytes), sa->owner);
	}
}

static void
print_workers(const struct gateway *g, FILE *out)
{
	for (uint16_t i = 0; i < g->n_workers; i++) {
		const struct worker_stats *s = &g->workers[i]->stats;

		fprintf(out,
			"worker %u lcore %u polls %" PRIu64 " idle %" PRIu64 " sleeps %" PRIu64
			" handed-over %" PRIu64 " to-control %" PRIu64 "\n",
			i, g->workers[i]->lcore, counter_read(&s->polls),
			counter_read(&s->idle_polls), counter_read(&s->sleeps),
			counter_read(&s->handed_over), counter_read(&s->to_control));
	}
}

void
summary_print(const struct gateway *g, FILE *out)
{
	print_ports(g, out);
	print_devices(g, out);
	print_tunnels(g, out);
	print_sas(g, out);
	print_workers(g, out);
	for (int r = 0; r < DROP_REASON_COUNT; r++) {
		uint64_t n = gateway_drops(g, (enum drop_reason)r);

		if (n)
			fprintf(out, "drop %-20s %10" PRIu64 "  %s\n",
				drop_name((enum drop_reason)r), n, drop_text((enum drop_reason)r));
	}
	for (int i = 0; i < RTE_MAX_NUMA_NODES; i++)
		if (g->pools[i])
			fprintf(out, "mempool %s %u %u\n", g->pools[i]->name,
				rte_mempool_avail_count(g->pools[i]), g->pools[i]->size);
	fflush(out);
}
