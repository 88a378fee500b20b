/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_eth_ring.h>

#include "cryptodev.h"
#include "ethdev.h"
#include "testengine.h"

enum {
	RING_SIZE = 1024,
	IDLE_TURNS = 64, /* so many turns without a packet: an engine that delays is done, too */
};

static struct crypto_engine *
test_engine_create(const struct crypto_engine_params *params, struct error *err)
{
	struct crypto_engine *inner = cryptodev_sync_create(params, err);

	return inner ? crypto_test_engine_create(inner, params, err) : NULL;
}

static const struct gateway_engine engines[] = {
	{"cryptodev", cryptodev_sync_create},
	{"cryptodev-async", cryptodev_async_create},
	{"test", test_engine_create},
};

void
stage_fixture_eal(const char *name, unsigned int workers)
{
	char prefix[64], lcores[64] = "0@0";
	const char *args[] = {name, "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry",
		"--lcores", lcores, "--log-level=*:error", "--file-prefix", prefix, "-m", "1024"};
	char *argv[RTE_DIM(args)];

	snprintf(prefix, sizeof(prefix), "espgw-%s-%d", name, (int)getpid());
	for (unsigned int i = 1; i <= workers; i++)
		snprintf(lcores + strlen(lcores), sizeof(lcores) - strlen(lcores), ",%u@0", i);
	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = (char *)(uintptr_t)args[i];
	log_init();
	if (rte_eal_init((int)RTE_DIM(args), argv) < 0)
		abort();
}

static struct rte_ring *
ring_create(const char *port, const char *what, unsigned int n)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "%s-%s%u", port, what, n);
	r = rte_ring_create(name, RING_SIZE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!r)
		abort();
	return r;
}

static void
port_open(struct stage_fixture *f, uint16_t index)
{
	struct stage_port *p = &f->ports[index];
	char name[8];

	snprintf(name, sizeof(name), "p%u", index);
	snprintf(p->device, sizeof(p->device), "net_ring_%s", name);
	p->in = ring_create(name, "in", 0);
	for (unsigned int i = 0; i < f->n_workers; i++)
		p->out[i] = ring_create(name, "out", i);
	if (rte_eth_from_rings(name, &p->in, 1, p->out, f->n_workers, 0) < 0)
		abort();
}

void
stage_fixture_open(
	struct stage_fixture *f, const char *config_text, uint16_t n_ports, const char *engine)
{
	struct report report = {0};
	struct gateway_options options = {.driver = &ethdev_driver,
		.engines = engines,
		.n_engines = RTE_DIM(engines),
		.engine = engine,
		.portmask = UINT64_MAX,
		.burst = BURST_DEFAULT,
		.mbufs = 8191,
		.state_dir = f->state};

	*f = (struct stage_fixture){.n_ports = n_ports, .n_workers = workers_count()};
	snprintf(f->state, sizeof(f->state), "/tmp/espgw-stage-XXXXXX");
	if (!mkdtemp(f->state))
		abort();
	for (uint16_t i = 0; i < n_ports; i++)
		port_open(f, i);
	f->config = config_load_string(config_text, "test", &report);
	options.config = f->config;
	if (f->config)
		f->g = gateway_create(&options, &report);
	if (!f->g) {
		report_print(&report, stderr);
		abort();
	}
	f->w = f->g->workers[0];
	f->g->tables.forwarding = true;
}

/* "mempool packets0 8191 8191" in the summary: as many available as there are. */
static void
check_mempools(const char *summary)
{
	const char *line = strstr(summary, "\nmempool ");
	unsigned int available = 0, size = 1;

	if (!line || sscanf(line, "\nmempool %*s %u %u", &available, &size) != 2 ||
		available != size) {
		fprintf(stderr, "packet buffers are missing:\n%s", summary);
		abort();
	}
}

void
stage_fixture_close(struct stage_fixture *f)
{
	char command[128], *summary = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&summary, &bytes);

	gateway_destroy(f->g, out);
	fclose(out);
	check_mempools(summary);
	free(summary);
	config_free(f->config);
	for (uint16_t i = 0; i < f->n_ports; i++) {
		rte_ring_free(f->ports[i].in);
		for (unsigned int k = 0; k < f->n_workers; k++)
			rte_ring_free(f->ports[i].out[k]);
	}
	snprintf(command, sizeof(command), "rm -r '%s'", f->state);
	if (system(command) != 0)
		abort();
}

void
stage_fixture_put(struct stage_fixture *f, uint16_t port, struct rte_mbuf *m)
{
	if (rte_ring_enqueue(f->ports[port].in, m) != 0)
		abort();
}

void
stage_fixture_turn(struct stage_fixture *f)
{
	for (int idle = 0; idle < IDLE_TURNS; idle++) {
		uint32_t found = slow_poll(f->g);

		for (uint16_t i = 0; i < f->n_workers; i++)
			found += worker_poll(f->g->workers[i]);
		if (found)
			idle = 0;
	}
}

struct rte_mbuf *
stage_fixture_take(struct stage_fixture *f, uint16_t port)
{
	void *m;

	for (unsigned int i = 0; i < f->n_workers; i++)
		if (rte_ring_dequeue(f->ports[port].out[i], &m) == 0)
			return m;
	return NULL;
}

struct rte_mbuf *
stage_fixture_frame(struct stage_fixture *f, uint16_t port, const void *packet, uint16_t bytes)
{
	const struct port *p = f->g->tables.ports->ports[port];
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->w->pool);
	uint8_t family = bytes && *(const uint8_t *)packet >> 4 == 6 ? 6 : 4;
	uint8_t *frame;

	if (!m)
		abort();
	frame = (uint8_t *)rte_pktmbuf_append(m, p->header_bytes + bytes);
	if (!frame)
		abort();
	port_header_write(p, frame, p->mac.addr_bytes, family);
	memcpy(frame + p->header_bytes, packet, bytes);
	return m;
}

uint64_t
stage_fixture_drops(const struct stage_fixture *f, enum drop_reason reason)
{
	return gateway_drops(f->g, reason);
}
