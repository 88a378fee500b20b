/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A wire between ports of any kind, for the demo and for system tests: what one port receives,
 * another sends, and a third one may record.
 *
 * usage: wire [EAL options] -- [-s PACKETS] [-p MS] [-r PACKETS] [-i MS] [+]FROM:TO[:RECORD]...
 *
 * FROM, TO and RECORD are names of ethdevs. Nothing moves before the link of every port is up. A +
 * marks a source, such as a pcap file: its first -s packets go one by one, -p ms after that and
 * apart, so that who receives them can resolve neighbours; then at most -r a millisecond. The wire
 * ends by a signal, or when no source has had anything for -i ms (gateways never cease to talk, so
 * they do not count). Prints what each link carried and lost. Exit status 1 when something was
 * lost.
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
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

enum {
	MAX_LINKS = 16,
	MAX_BURST = 32,
	DESCRIPTORS = 1024,
	MBUFS = 16384,
	UP_MS = 20000,   /* for all links to come up */
	STUCK_MS = 2000, /* for a port to take a packet */
	NO_PORT = UINT16_MAX,
};

struct link {
	char name[160];
	uint16_t from, to, record;
	bool source; /* paced, and keeps the wire from being idle */
	uint64_t received, lost;
};

struct wire {
	struct link links[MAX_LINKS];
	unsigned n_links;
	unsigned slow, pause_ms, per_ms, idle_ms;
};

static volatile sig_atomic_t stopping;

static void
on_signal(int signal)
{
	(void)signal;
	stopping = 1;
}

static uint64_t
now_ms(void)
{
	return rte_get_timer_cycles() / (rte_get_timer_hz() / 1000);
}

/* Configures and starts a port with one queue each way, large frames allowed where the device can.
 */
static int
port_start(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	uint16_t rxd = DESCRIPTORS, txd = DESCRIPTORS;
	int rc = rte_eth_dev_info_get(port, &info);

	if (rc)
		return rc;
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	rc = rte_eth_dev_configure(port, 1, 1, &conf);
	if (!rc)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(port, &rxd, &txd);
	if (!rc)
		rc = rte_eth_rx_queue_setup(port, 0, rxd, rte_socket_id(), NULL, pool);
	if (!rc)
		rc = rte_eth_tx_queue_setup(port, 0, txd, rte_socket_id(), NULL);
	return rc ? rc : rte_eth_dev_start(port);
}

static int
link_parse(struct link *link, char *text)
{
	uint16_t *const ports[] = {&link->from, &link->to, &link->record};
	char *rest = text + (text[0] == '+'), *name;

	*link = (struct link){.from = NO_PORT, .to = NO_PORT, .record = NO_PORT};
	snprintf(link->name, sizeof(link->name), "%s", text);
	link->source = text[0] == '+';
	for (unsigned i = 0; i < RTE_DIM(ports) && (name = strsep(&rest, ":")); i++) {
		if (rte_eth_dev_get_port_by_name(name, ports[i])) {
			fprintf(stderr, "wire: there is no port %s\n", name);
			return -1;
		}
	}
	if (rest || link->to == NO_PORT) {
		fprintf(stderr, "wire: %s: FROM:TO[:RECORD] is wanted\n", link->name);
		return -1;
	}
	return 0;
}

static bool
all_up(void)
{
	struct rte_eth_link link;
	uint16_t port;

	RTE_ETH_FOREACH_DEV (port) {
		if (rte_eth_link_get_nowait(port, &link) || link.link_status != RTE_ETH_LINK_UP)
			return false;
	}
	return true;
}

/* Sends all of it, however long the port takes; what a stuck port does not take is lost. */
static uint64_t
send_all(uint16_t port, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t deadline = now_ms() + STUCK_MS;
	uint16_t sent = 0;

	while (sent < n && now_ms() < deadline) {
		uint16_t k = rte_eth_tx_burst(port, 0, pkts + sent, n - sent);

		sent += k;
		if (k)
			deadline = now_ms() + STUCK_MS;
		else
			usleep(100);
	}
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	return n - sent;
}

static uint16_t
link_carry(struct link *link, uint16_t most)
{
	struct rte_mbuf *pkts[MAX_BURST];
	uint16_t n = rte_eth_rx_burst(link->from, 0, pkts, RTE_MIN(most, MAX_BURST));

	if (!n)
		return 0;
	link->received += n;
	if (link->record != NO_PORT) {
		for (uint16_t i = 0; i < n; i++)
			rte_pktmbuf_refcnt_update(pkts[i], 1);
		link->lost += send_all(link->record, pkts, n);
	}
	link->lost += send_all(link->to, pkts, n);
	return n;
}

static int
wait_for_links(void)
{
	uint64_t deadline = now_ms() + UP_MS;

	/* From here on a memif client finds its server. */
	printf("wire: waiting for links\n");
	fflush(stdout);
	while (!all_up()) {
		if (stopping || now_ms() > deadline) {
			fprintf(stderr, "wire: not every port came up in %d s\n", UP_MS / 1000);
			return -1;
		}
		usleep(1000);
	}
	return 0;
}

static void
carry(struct wire *wire)
{
	uint64_t last = now_ms(), next[MAX_LINKS];

	/* Who is at the other end may see later than we that the link is up. */
	for (unsigned i = 0; i < MAX_LINKS; i++)
		next[i] = last + wire->pause_ms;
	while (!stopping && (!wire->idle_ms || now_ms() - last < wire->idle_ms)) {
		for (unsigned i = 0; i < wire->n_links; i++) {
			struct link *link = &wire->links[i];
			bool alone = link->received < wire->slow;

			if (!link->source) {
				link_carry(link, MAX_BURST);
				continue;
			}
			if (now_ms() < next[i] || !link_carry(link, alone ? 1 : wire->per_ms))
				continue;
			last = now_ms();
			if (alone)
				next[i] = last + wire->pause_ms;
		}
		usleep(1000);
	}
}

static int
options_parse(struct wire *wire, int argc, char **argv)
{
	int option;

	*wire = (struct wire){.per_ms = MAX_BURST};
	while ((option = getopt(argc, argv, "s:p:r:i:")) != -1) {
		unsigned value = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

		if (option == 's')
			wire->slow = value;
		else if (option == 'p')
			wire->pause_ms = value;
		else if (option == 'r')
			wire->per_ms = RTE_MAX(value, 1u);
		else if (option == 'i')
			wire->idle_ms = value;
		else
			return -1;
	}
	for (; optind < argc && wire->n_links < MAX_LINKS; optind++) {
		if (link_parse(&wire->links[wire->n_links++], argv[optind]))
			return -1;
	}
	if (!wire->n_links || optind < argc) {
		fprintf(stderr, "wire: 1 to %d links are wanted, FROM:TO[:RECORD]\n", MAX_LINKS);
		return -1;
	}
	return 0;
}

static uint64_t
report(const struct wire *wire)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < wire->n_links; i++) {
		const struct link *link = &wire->links[i];

		printf("wire: %s carried %" PRIu64 " lost %" PRIu64 "\n", link->name,
			link->received, link->lost);
		lost += link->lost;
	}
	return lost;
}

static int
ports_start(void)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"wire", MBUFS, 128, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	uint16_t port;

	if (!pool) {
		fprintf(stderr, "wire: no memory for packets: %s\n", rte_strerror(rte_errno));
		return -1;
	}
	RTE_ETH_FOREACH_DEV (port) {
		int rc = port_start(port, pool);

		if (rc) {
			fprintf(stderr, "wire: port %u does not start: %s\n", port,
				rte_strerror(-rc));
			return -1;
		}
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct wire wire;
	uint16_t port;
	int status = 1, used = rte_eal_init(argc, argv);

	if (used < 0)
		return 2;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (options_parse(&wire, argc - used, argv + used)) {
		fprintf(stderr, "usage: wire [EAL options] -- [-s N] [-p MS] [-r N] [-i MS] [+]"
				"FROM:TO[:RECORD]...\n");
		status = 2;
	} else if (!ports_start() && !wait_for_links()) {
		printf("wire: up\n");
		fflush(stdout);
		carry(&wire);
		status = report(&wire) ? 1 : 0;
	}
	RTE_ETH_FOREACH_DEV (port) {
		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
	}
	rte_eal_cleanup();
	return status;
}
