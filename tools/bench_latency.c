/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long a packet is under way through a gateway: sends raw packets of 64 bytes by port 0 at an
 * even pace and looks at what comes back by port 1. Every 256th packet is a probe, marked by its
 * DSCP, which envelopes copy, so that the probe is known again although it is encrypted.
 *
 * usage: bench_latency [EAL options] -- PACKETS_A_SECOND SECONDS
 *
 * 0 packets a second: as many as the link takes. Prints one line of JSON. What is measured goes
 * from before the call that sends to after the call that receives, and so includes both links.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

enum {
	BURST = 32,
	FRAME = 78,
	TOS = 15, /* offset of the byte with the DSCP in a frame, raw or envelope */
	DSCPS = 64,
	PROBE_EVERY = 256,
	DESCRIPTORS = 1024,
	SAMPLES_MAX = 1 << 20,
	BEHIND_MAX = 64, /* packets; a longer gap of our own is not made up for */
	LINK_SECONDS = 20,
	WARM_MS = 500,
};

struct meter {
	struct rte_mempool *pool;
	uint8_t frames[DSCPS][FRAME];
	uint64_t
		asked_tsc[DSCPS]; /* when the probe with that DSCP was sent; 0: none is under way */
	uint64_t sent, refused, received, probes, lost, gaps;
	uint32_t *samples; /* ticks */
	uint32_t n_samples;
	bool recording;
};

static volatile sig_atomic_t stopping;

static void
on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

static void
frames_fill(struct meter *m)
{
	static const struct rte_ether_hdr ether = {.dst_addr = {{2, 0, 0, 0, 1, 0}},
		.src_addr = {{2, 0, 0, 0, 0, 1}},
		.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};

	for (unsigned dscp = 0; dscp < DSCPS; dscp++) {
		struct rte_ipv4_hdr ip = {.version_ihl = 0x45,
			.type_of_service = (uint8_t)(dscp << 2),
			.total_length = RTE_BE16(FRAME - sizeof(ether)),
			.time_to_live = 64,
			.next_proto_id = IPPROTO_UDP,
			.src_addr = RTE_BE32(RTE_IPV4(192, 168, 115, 1)),
			.dst_addr = RTE_BE32(RTE_IPV4(192, 168, 105, 1))};
		static const uint8_t udp[] = {0x03, 0xe8, 0x07, 0xd0, 0, 44, 0, 0};

		ip.hdr_checksum = rte_ipv4_cksum(&ip);
		memcpy(m->frames[dscp], &ether, sizeof(ether));
		memcpy(m->frames[dscp] + sizeof(ether), &ip, sizeof(ip));
		memcpy(m->frames[dscp] + sizeof(ether) + sizeof(ip), udp, sizeof(udp));
	}
}

/* The DSCP of the next packet: 0 for most. A probe that is still under way by now is lost. */
static unsigned
next_dscp(struct meter *m, uint64_t now)
{
	unsigned dscp = 0;

	if (m->sent++ % PROBE_EVERY == 0) {
		dscp = (unsigned)(1 + m->probes % (DSCPS - 1));
		m->probes += 1;
		m->lost += m->asked_tsc[dscp] != 0;
		m->asked_tsc[dscp] = now;
	}
	return dscp;
}

static void
send_burst(struct meter *m, uint16_t n)
{
	struct rte_mbuf *pkts[BURST];
	uint64_t now = rte_rdtsc();
	uint16_t taken;

	if (!n || rte_pktmbuf_alloc_bulk(m->pool, pkts, n))
		return;
	for (uint16_t i = 0; i < n; i++)
		memcpy(rte_pktmbuf_append(pkts[i], FRAME), m->frames[next_dscp(m, now)], FRAME);
	taken = rte_eth_tx_burst(0, 0, pkts, n);
	m->refused += n - taken;
	rte_pktmbuf_free_bulk(pkts + taken, n - taken);
}

static void
receive_burst(struct meter *m)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = rte_eth_rx_burst(1, 0, pkts, BURST);
	uint64_t now = rte_rdtsc();

	for (uint16_t i = 0; i < n; i++) {
		unsigned dscp = *rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, TOS) >> 2;

		if (!dscp || !m->asked_tsc[dscp])
			continue;
		if (m->recording && m->n_samples < SAMPLES_MAX)
			m->samples[m->n_samples++] = (uint32_t)(now - m->asked_tsc[dscp]);
		m->asked_tsc[dscp] = 0;
	}
	m->received += n;
	rte_pktmbuf_free_bulk(pkts, n);
}

static void
run(struct meter *m, double rate, double seconds)
{
	double hz = (double)rte_get_tsc_hz(), owed;
	uint64_t start = rte_rdtsc(), end = start + (uint64_t)(seconds * hz), now;
	uint64_t done = 0;

	while ((now = rte_rdtsc()) < end && !stopping) {
		owed = rate > 0 ? (double)(now - start) * rate / hz - (double)done : BURST;
		if (rate > 0 && owed > BEHIND_MAX) {
			m->gaps++;
			done += (uint64_t)owed - BURST;
			owed = BURST;
		}
		if (owed >= 1) {
			uint16_t n = (uint16_t)RTE_MIN(owed, (double)BURST);

			send_burst(m, n);
			done += n;
		}
		receive_burst(m);
	}
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
percentile_us(const struct meter *m, double part)
{
	if (!m->n_samples)
		return 0;
	return m->samples[(uint32_t)(part * (m->n_samples - 1))] * 1e6 / (double)rte_get_tsc_hz();
}

static void
report(struct meter *m, double seconds)
{
	qsort(m->samples, m->n_samples, sizeof(*m->samples), compare);
	printf("{\"mpps\": %.4f, \"sent_mpps\": %.4f, \"refused\": %" PRIu64
	       ", \"probes\": %u, \"lost\": %" PRIu64 ", \"gaps\": %" PRIu64
	       ", \"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f, \"max_us\": %.3f}\n",
		(double)m->received / seconds / 1e6, (double)(m->sent - m->refused) / seconds / 1e6,
		m->refused, m->n_samples, m->lost, m->gaps, percentile_us(m, 0.5),
		percentile_us(m, 0.99), percentile_us(m, 0.999), percentile_us(m, 1));
}

static int
meter_create(struct meter *m)
{
	m->pool = rte_pktmbuf_pool_create(
		"meter", 16383, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	m->samples = malloc(SAMPLES_MAX * sizeof(*m->samples));
	if (!m->pool || !m->samples)
		return -1;
	frames_fill(m);
	for (uint16_t port = 0; port < 2; port++) {
		struct rte_eth_conf conf = {0};

		if (rte_eth_dev_configure(port, 1, 1, &conf) ||
			rte_eth_rx_queue_setup(
				port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, m->pool) ||
			rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL) ||
			rte_eth_dev_start(port))
			return -1;
	}
	return 0;
}

static bool
links_up(void)
{
	for (unsigned ms = 0; ms < LINK_SECONDS * 1000 && !stopping; ms++) {
		struct rte_eth_link links[2] = {0};

		if (!rte_eth_link_get_nowait(0, &links[0]) &&
			!rte_eth_link_get_nowait(1, &links[1]) && links[0].link_status &&
			links[1].link_status)
			return true;
		usleep(1000);
	}
	return false;
}

int
main(int argc, char **argv)
{
	static struct meter m;
	int eal = rte_eal_init(argc, argv);
	double rate, seconds;

	if (eal < 0 || argc - eal != 3) {
		fprintf(stderr, "usage: bench_latency [EAL] -- PACKETS_A_SECOND SECONDS\n");
		return 2;
	}
	rate = strtod(argv[eal + 1], NULL);
	seconds = strtod(argv[eal + 2], NULL);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (meter_create(&m)) {
		fprintf(stderr, "bench_latency: a port does not start, or no memory\n");
		return 1;
	}
	puts("meter: waiting for links");
	fflush(stdout);
	if (!links_up()) {
		fprintf(stderr, "bench_latency: the links did not come up\n");
		return 1;
	}
	run(&m, rate, WARM_MS / 1000.0);
	m.sent = m.refused = m.received = m.lost = m.gaps = 0;
	m.recording = true;
	run(&m, rate, seconds);
	report(&m, seconds);
	return 0;
}
