/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>

#include "cryptodev.h"
#include "ethdev.h"
#include "ipsecmb.h"
#include "testengine.h"

enum {
	IDLE_TURNS = 64, /* so many turns without a packet: an engine that delays is done, too */
	MBUFS = 8191,
};

const char *const stage_engines[] = {
	"cryptodev", "cryptodev-async", "test", HAVE_IPSEC_MB ? "ipsec-mb" : NULL, NULL};

const struct numa_nodes stage_two_nodes = {2, {SOCKET_ID_ANY, SOCKET_ID_ANY}};

static struct crypto_engine *
test_engine_create(const struct crypto_engine_params *params, struct error *err)
{
	struct crypto_engine *inner = cryptodev_sync_create(params, err);

	return inner ? crypto_test_engine_create(inner, params, err) : NULL;
}

static const struct gateway_engine engines[] = {
	{"cryptodev", cryptodev_sync_create},
	{"ipsec-mb", ipsecmb_create},
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

static uint16_t
tx_queues(const struct stage_fixture *f)
{
	return f->setup.tx_queues ? f->setup.tx_queues : workers_count();
}

static struct rte_ring *
ring_create(uint16_t index, const char *what, unsigned int queue)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "p%u-%s%u", index, what, queue);
	r = rte_ring_create(name, STAGE_RING_SIZE, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!r)
		abort();
	return r;
}

static void
ring_open(struct stage_fixture *f, uint16_t index)
{
	struct stage_ring *r = &f->rings[index];
	char name[8];

	snprintf(name, sizeof(name), "p%u", index);
	r->in = ring_create(index, "in", 0);
	for (uint16_t i = 0; i < tx_queues(f); i++)
		r->out[i] = ring_create(index, "out", i);
	if (rte_eth_from_rings(name, &r->in, 1, r->out, tx_queues(f), 0) < 0)
		abort();
}

static void
ring_close(struct stage_fixture *f, uint16_t index)
{
	char device[32];

	snprintf(device, sizeof(device), "net_ring_p%u", index);
	rte_vdev_uninit(device);
	rte_ring_free(f->rings[index].in);
	for (uint16_t i = 0; i < tx_queues(f); i++)
		rte_ring_free(f->rings[index].out[i]);
}

void
stage_fixture_open(struct stage_fixture *f, const struct stage_setup *setup)
{
	struct report report = {0};
	struct gateway_options options = {.driver = &ethdev_driver,
		.engines = engines,
		.n_engines = RTE_DIM(engines),
		.engine = setup->engine,
		.portmask = UINT64_MAX,
		.burst = BURST_DEFAULT,
		.mbufs = MBUFS,
		.state_dir = f->state,
		.nodes = setup->nodes};

	*f = (struct stage_fixture){.setup = *setup};
	snprintf(f->state, sizeof(f->state), "/tmp/espgw-stage-XXXXXX");
	if (!mkdtemp(f->state))
		abort();
	for (uint16_t i = 0; i < setup->rings; i++)
		ring_open(f, i);
	f->config = config_load_string(setup->config, "test", &report);
	options.config = f->config;
	if (f->config)
		f->g = gateway_create(&options, &report);
	if (!f->g) {
		report_print(&report, stderr);
		abort();
	}
	report_clear(&report);
	f->w = f->g->workers[0];
	for (uint16_t i = 0; i < f->g->nodes.n; i++)
		f->g->views[i]->forwarding = true;
	/* what it asks its neighbours at once */
	stage_fixture_turn(f);
	stage_fixture_discard(f);
}

void
stage_check(struct stage_fixture *f, bool holds, const char *format, ...)
{
	va_list args;

	if (holds)
		return;
	f->failures++;
	va_start(args, format);
	fprintf(stderr, "FAILED (%s): ", f->setup.engine ? f->setup.engine : "default engine");
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

/* "mempool packets0 8191 8191" in the summary: as many available as there are. */
static void
check_mempools(struct stage_fixture *f, const char *summary)
{
	const char *line = strstr(summary, "\nmempool ");
	unsigned int available = 0, size = 1;

	stage_check(f,
		line && sscanf(line, "\nmempool %*s %u %u", &available, &size) == 2 &&
			available == size,
		"packet buffers are missing:\n%s", summary);
}

uint32_t
stage_fixture_close(struct stage_fixture *f)
{
	char command[128], *summary = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&summary, &bytes);

	stage_fixture_discard(f);
	gateway_destroy(f->g, out);
	fclose(out);
	check_mempools(f, summary);
	free(summary);
	config_free(f->config);
	for (uint16_t i = 0; i < f->setup.rings; i++)
		ring_close(f, i);
	snprintf(command, sizeof(command), "rm -r '%s'", f->state);
	if (system(command) != 0)
		abort();
	return f->failures;
}

void
stage_fixture_put(struct stage_fixture *f, uint16_t ring, struct rte_mbuf *m)
{
	if (rte_ring_enqueue(f->rings[ring].in, m) != 0)
		abort();
}

void
stage_fixture_turn(struct stage_fixture *f)
{
	for (int idle = 0; idle < IDLE_TURNS; idle++) {
		uint32_t found = slow_poll(f->g);

		for (uint16_t i = 0; i < f->g->n_workers; i++)
			found += worker_poll(f->g->workers[i]);
		if (found)
			idle = 0;
	}
}

struct rte_mbuf *
stage_fixture_take(struct stage_fixture *f, uint16_t ring)
{
	void *m;

	for (uint16_t i = 0; i < tx_queues(f); i++)
		if (rte_ring_dequeue(f->rings[ring].out[i], &m) == 0)
			return m;
	return NULL;
}

bool
stage_fixture_take_packet(struct stage_fixture *f, uint16_t ring, struct packet *p)
{
	struct rte_mbuf *m = stage_fixture_take(f, ring);
	const uint8_t *tag;
	uint32_t header = RTE_ETHER_HDR_LEN;
	uint8_t copy[2];

	if (!m)
		return false;
	tag = rte_pktmbuf_read(m, 12, 2, copy);
	if (tag && tag[0] == 0x81 && tag[1] == 0)
		header += RTE_VLAN_HLEN;
	rte_mbuf_sanity_check(m, 1);
	if (m->pkt_len < header || m->pkt_len - header > PACKET_MAX)
		abort();
	p->n = m->pkt_len - header;
	tag = rte_pktmbuf_read(m, header, p->n, p->bytes);
	if (tag != p->bytes)
		memcpy(p->bytes, tag, p->n);
	rte_pktmbuf_free(m);
	return true;
}

uint32_t
stage_fixture_discard(struct stage_fixture *f)
{
	struct rte_mbuf *m;
	uint32_t n = 0;

	for (uint16_t i = 0; i < f->setup.rings; i++)
		for (; (m = stage_fixture_take(f, i)); n++)
			rte_pktmbuf_free(m);
	return n;
}

/* One buffer of the pool, with room on both sides. */
static struct rte_mbuf *
plain_buffer(struct stage_fixture *f, const uint8_t *bytes, uint32_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->w->pool);
	char *data = m ? rte_pktmbuf_append(m, (uint16_t)n) : NULL;

	if (!data)
		abort();
	memcpy(data, bytes, n);
	return m;
}

static struct rte_mbuf *
plain_chain(
	struct stage_fixture *f, const uint8_t *bytes, uint32_t n, uint16_t first, uint16_t segment)
{
	uint32_t part = RTE_MIN(n, first);
	struct rte_mbuf *head = plain_buffer(f, bytes, part);

	for (uint32_t at = part; at < n; at += part) {
		part = RTE_MIN(n - at, segment);
		if (rte_pktmbuf_chain(head, plain_buffer(f, bytes + at, part)) != 0)
			abort();
	}
	return head;
}

/*
 * Drivers put frames at even addresses, and Ethernet headers count on it: a buffer of odd length
 * has one byte between its end and the page.
 */
static struct rte_mbuf *
guarded(struct stage_fixture *f, const uint8_t *bytes, uint32_t n, const struct stage_shape *shape)
{
	enum guard_end end = shape->kind == SHAPE_GUARD_AFTER ? GUARD_AFTER : GUARD_BEFORE;

	if (shape->segment == 0 || n <= shape->first)
		return guard_mbuf_room(f->w->pool, bytes, n, end, end == GUARD_AFTER ? n % 2 : 0);
	return guard_chain(f->w->pool, bytes, n, shape->first & ~1, shape->segment, end);
}

struct rte_mbuf *
stage_fixture_buffer(
	struct stage_fixture *f, const uint8_t *bytes, uint32_t n, const struct stage_shape *shape)
{
	enum { PLAIN_MAX = 2000 };
	uint16_t first = shape ? shape->first : 0, segment = shape ? shape->segment : 0;
	struct rte_mbuf *m;

	if (!shape || shape->kind == SHAPE_ROOM)
		return plain_chain(
			f, bytes, n, first ? first : PLAIN_MAX, segment ? segment : PLAIN_MAX);
	m = guarded(f, bytes, n, shape);
	if (!m)
		abort();
	return m;
}

struct rte_mbuf *
stage_fixture_frame(struct stage_fixture *f, uint16_t port, const void *packet, uint32_t bytes,
	const struct stage_shape *shape)
{
	static uint8_t frame[PORT_HEADER_MAX + PACKET_MAX];
	const struct port *p = f->g->tables.ports->ports[port];
	uint8_t family = bytes && *(const uint8_t *)packet >> 4 == 6 ? 6 : 4;

	port_header_write(p, frame, p->mac.addr_bytes, family);
	memcpy(frame + p->header_bytes, packet, bytes);
	return stage_fixture_buffer(f, frame, p->header_bytes + bytes, shape);
}

void
stage_fixture_send(struct stage_fixture *f, uint16_t ring, uint16_t port, const struct packet *p)
{
	stage_fixture_put(f, ring, stage_fixture_frame(f, port, p->bytes, p->n, NULL));
	stage_fixture_turn(f);
}

uint64_t
stage_fixture_drops(const struct stage_fixture *f, enum drop_reason reason)
{
	return gateway_drops(f->g, reason);
}

uint64_t
stage_fixture_drops_all(const struct stage_fixture *f)
{
	uint64_t sum = 0;

	for (int r = 0; r < DROP_REASON_COUNT; r++)
		sum += gateway_drops(f->g, (enum drop_reason)r);
	return sum;
}
