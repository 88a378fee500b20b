/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every vdev that espgw names, brought up and tried: what a device is said to carry goes through it
 * byte for byte, as a chain. The devices of the kernel live in a network namespace of the test.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "eal.h"
#include "ethdev.h"
#include "unit.h"

enum {
	POOL = 8191,
	SEGMENT = 600, /* of the chains sent */
	FRAME_MAX = 9728,
	ETHERTYPE = 0x88b5, /* for experiments: nobody else's */
	WAIT_MS = 2000,
};

struct fixture {
	struct rte_mempool *pool;
	bool namespace;
	char dir[64];
};

static void
add_device(const char *name, const char *args)
{
	if (rte_vdev_init(name, args) != 0)
		fail_msg("%s,%s: not created", name, args);
}

/* Sets up the device of that name; what it must be is in the rows of the callers. */
static int
set_up(const struct fixture *f, const char *name, uint16_t mtu, bool tagged, uint16_t rx_queues,
	uint16_t workers, struct port_device *info, struct error *err)
{
	struct port_device_params params = {.rx_queues = rx_queues,
		.workers = workers,
		.mtu = mtu,
		.tagged = tagged,
		.descriptors = 256,
		.pool = f->pool};
	uint16_t ethdev;
	int rc = ethdev_find(name, 0, &ethdev, err);

	if (rc == 0)
		rc = ethdev_query(ethdev, info, err);
	return rc ? rc : ethdev_setup(info, &params, err);
}

static struct port_device
up(const struct fixture *f, const char *name, uint16_t mtu)
{
	struct port_device info;
	struct error err = {0};

	if (set_up(f, name, mtu, false, 1, 1, &info, &err) != 0)
		fail_msg("%s: %s", name, err.text);
	return info;
}

static void
down(const struct port_device *info)
{
	ethdev_teardown(info);
	rte_vdev_uninit(info->name);
}

static void
assert_pool_full(const struct fixture *f)
{
	if (rte_mempool_avail_count(f->pool) != POOL)
		fail_msg("%u mbufs lost", POOL - rte_mempool_avail_count(f->pool));
}

static void
fill_frame(uint8_t *frame, uint32_t bytes)
{
	memset(frame, 0xff, 6);
	memset(frame + 6, 0x02, 6);
	frame[12] = ETHERTYPE >> 8;
	frame[13] = ETHERTYPE & 0xff;
	for (uint32_t i = 14; i < bytes; i++)
		frame[i] = (uint8_t)(i * 7 + i / 256);
}

static struct rte_mbuf *
chain(const struct fixture *f, const uint8_t *frame, uint32_t bytes)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t at = 0; at < bytes; at += SEGMENT) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
		uint16_t n = (uint16_t)RTE_MIN(bytes - at, (uint32_t)SEGMENT);

		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, n), frame + at, n);
		if (head)
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
		else
			head = m;
	}
	return head;
}

/* Whether m is a frame of ours; the kernel's own are passed over. */
static bool
check_frame(struct rte_mbuf *m, const uint8_t *frame, uint32_t bytes, const char *name)
{
	uint8_t copy[FRAME_MAX];
	const uint8_t *got;
	bool ours;

	got = rte_pktmbuf_read(m, 0, RTE_MIN(rte_pktmbuf_pkt_len(m), (uint32_t)FRAME_MAX), copy);
	ours = got && rte_pktmbuf_pkt_len(m) >= 14 && got[12] == ETHERTYPE >> 8 &&
	       got[13] == (ETHERTYPE & 0xff);
	if (ours && (rte_pktmbuf_pkt_len(m) != bytes || memcmp(got, frame, bytes) != 0))
		fail_msg("%s: %u bytes came out for %u, or others", name, rte_pktmbuf_pkt_len(m),
			bytes);
	rte_pktmbuf_free(m);
	return ours;
}

static void
exchange(const struct fixture *f, const struct port_device *from, const struct port_device *to,
	uint32_t bytes)
{
	uint64_t end = rte_get_timer_cycles() + WAIT_MS * rte_get_timer_hz() / 1000;
	uint8_t frame[FRAME_MAX];
	struct rte_mbuf *m;
	bool sent = false;

	fill_frame(frame, bytes);
	m = chain(f, frame, bytes);
	while (rte_get_timer_cycles() < end) {
		struct rte_mbuf *got;

		sent = sent || rte_eth_tx_burst(from->ethdev, 0, &m, 1) == 1;
		if (rte_eth_rx_burst(to->ethdev, 0, &got, 1) == 1 &&
			check_frame(got, frame, bytes, from->name))
			return;
	}
	fail_msg("%s: %u bytes were %s, and did not come out", from->name, bytes,
		sent ? "sent" : "not taken");
}

static void
wait_link_is(const struct port_device *info, bool up)
{
	for (int i = 0; i < WAIT_MS && ethdev_link(info->ethdev) != up; i++)
		usleep(1000);
	assert_int_equal(ethdev_link(info->ethdev), up);
}

static void
wait_link(const struct port_device *info)
{
	wait_link_is(info, true);
}

static void
test_find(void **state)
{
	const struct fixture *f = *state;
	struct port_device info;
	struct error err;
	uint16_t ethdev;

	(void)f;
	assert_int_equal(ethdev_find("net_null0", 0, &ethdev, &err), -ENODEV);
	assert_string_equal(err.text,
		"no device \"net_null0\"; there is none: NICs have to be bound (espgwctl doctor) "
		"and allowed (-a ADDRESS), virtual devices be made (--vdev) by EAL's options");
	add_device("net_null0", "size=64");
	add_device("net_null1", "size=64");
	assert_int_equal(ethdev_find("net_null1", 0, &ethdev, &err), 0);
	assert_int_equal(ethdev_query(ethdev, &info, &err), 0);
	assert_string_equal(info.name, "net_null1");
	assert_string_equal(info.driver, "net_null");
	assert_int_equal(ethdev_find("net_nul", 0, &ethdev, &err), -ENODEV);
	assert_string_equal(
		err.text, "no device \"net_nul\"; there are: 0 \"net_null0\", 1 \"net_null1\"");
	assert_int_equal(ethdev_find(NULL, 1, &ethdev, &err), 0);
	assert_int_equal(ethdev, 1);
	assert_int_equal(ethdev_find(NULL, 2, &ethdev, &err), -ENODEV);
	assert_int_equal(ethdev_find(NULL, -1, &ethdev, &err), -ENODEV);
	assert_int_equal(ethdev_find(NULL, 4000, &ethdev, &err), -ENODEV);
	rte_vdev_uninit("net_null0");
	rte_vdev_uninit("net_null1");
}

static void
test_null(void **state)
{
	const struct fixture *f = *state;
	struct port_device info;
	struct rte_mbuf *m;
	uint8_t frame[3000];

	add_device("net_null0", "size=64,copy=1");
	info = up(f, "net_null0", 9000);
	assert_false(info.linear_only);
	assert_true(ethdev_link(info.ethdev));
	fill_frame(frame, sizeof(frame));
	m = chain(f, frame, sizeof(frame));
	assert_int_equal(rte_eth_tx_burst(info.ethdev, 0, &m, 1), 1);
	down(&info);
	assert_pool_full(f);
}

static void
test_ring(void **state)
{
	const struct fixture *f = *state;
	struct port_device info;
	struct rte_mbuf *left;
	uint8_t frame[64];

	add_device("net_ring0", "");
	info = up(f, "net_ring0", 9000);
	assert_false(info.linear_only);
	assert_true(rte_is_valid_assigned_ether_addr(&info.mac));
	exchange(f, &info, &info, 64);
	exchange(f, &info, &info, 9014);
	fill_frame(frame, sizeof(frame));
	left = chain(f, frame, sizeof(frame));
	assert_int_equal(rte_eth_tx_burst(info.ethdev, 0, &left, 1), 1);
	down(&info);
	assert_pool_full(f);
}

static void
test_pcap(void **state)
{
	const struct fixture *f = *state;
	struct port_device out, in;
	uint8_t frame[FRAME_MAX];
	struct rte_mbuf *m;
	char args[160];

	snprintf(args, sizeof(args), "tx_pcap=%s/out.pcap", f->dir);
	add_device("net_pcap0", args);
	out = up(f, "net_pcap0", 9714);
	assert_false(out.linear_only);
	fill_frame(frame, 9728);
	m = chain(f, frame, 9728);
	assert_int_equal(rte_eth_tx_burst(out.ethdev, 0, &m, 1), 1);
	down(&out);

	snprintf(args, sizeof(args), "rx_pcap=%s/out.pcap", f->dir);
	add_device("net_pcap1", args);
	in = up(f, "net_pcap1", 9714);
	assert_int_equal(rte_eth_rx_burst(in.ethdev, 0, &m, 1), 1);
	assert_true(check_frame(m, frame, 9728, "net_pcap"));
	down(&in);
	assert_pool_full(f);
}

static void
test_memif(void **state)
{
	const struct fixture *f = *state;
	struct port_device server, client;
	char args[160];

	snprintf(args, sizeof(args), "role=server,socket=%s/memif,socket-abstract=no,bsize=9216",
		f->dir);
	add_device("net_memif0", args);
	snprintf(args, sizeof(args), "role=client,socket=%s/memif,socket-abstract=no,bsize=9216",
		f->dir);
	add_device("net_memif1", args);
	server = up(f, "net_memif0", 9000);
	assert_false(ethdev_link(server.ethdev));
	client = up(f, "net_memif1", 9000);
	assert_false(client.linear_only);
	wait_link(&client);
	wait_link(&server);
	exchange(f, &client, &server, 64);
	exchange(f, &client, &server, 9014);
	exchange(f, &server, &client, 9014);
	down(&client);
	/* EAL's interrupt thread takes down the server's half, and net_memif (22.11) has no lock
	 * against its being closed meanwhile: first the link, then what it lay on */
	wait_link_is(&server, false);
	usleep(100 * 1000);
	down(&server);
	assert_pool_full(f);
}

static void
ip_command(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void
test_af_packet(void **state)
{
	const struct fixture *f = *state;
	struct port_device a, b;

	if (!f->namespace)
		skip();
	ip_command("ip link add va type veth peer name vb && ip link set va up && "
		   "ip link set vb up");
	add_device("net_af_packet0", "iface=va");
	add_device("net_af_packet1", "iface=vb");
	a = up(f, "net_af_packet0", 1500);
	b = up(f, "net_af_packet1", 1500);
	wait_link(&b);
	/* What it says of chains is taken as true: then it must be. */
	exchange(f, &a, &b, a.linear_only ? SEGMENT : 1514);
	exchange(f, &b, &a, 60);
	ip_command("ip link set va down");
	assert_false(ethdev_link(a.ethdev));
	down(&a);
	down(&b);
	ip_command("ip link del va");
	assert_pool_full(f);
}

static void
test_tap(void **state)
{
	const struct fixture *f = *state;
	struct port_device tap, peer;

	if (!f->namespace || access("/dev/net/tun", R_OK | W_OK) != 0)
		skip();
	add_device("net_tap0", "iface=dtap0");
	tap = up(f, "net_tap0", 1500);
	assert_false(tap.linear_only);
	add_device("net_af_packet2", "iface=dtap0");
	peer = up(f, "net_af_packet2", 1500);
	wait_link(&peer);
	exchange(f, &tap, &peer, 1514);
	exchange(f, &peer, &tap, 60);
	down(&peer);
	down(&tap);
	assert_pool_full(f);
}

/* A device that runs: to a larger MTU, or not, and then it is as it was. */
static void
test_raise_mtu(void **state)
{
	static const struct {
		const char *device, *args;
		uint16_t mtu, raised;
		const char *expect; /* NULL: accepted */
	} rows[] = {
		{"net_ring3", "", 1500, 9000, NULL},
		{"net_null3", "", 1500, 9000, NULL},
		{"net_pcap3", "iface=lo", 1500, 9710, NULL},
		{"net_pcap3", "iface=lo", 1500, 9800, "carries an MTU of 9714 at most, not 9800"},
		{"net_af_packet3", "iface=lo", 1400, 9000, "carries an MTU of 1500 at most"},
		{"net_tap3", "iface=dtap3", 1400, 1504, NULL},
	};
	const struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct port_device_params params = {.mtu = rows[i].raised, .pool = f->pool};
		struct port_device info;
		struct error err = {0};
		int rc;

		if (!f->namespace && strstr(rows[i].args, "iface"))
			continue;
		add_device(rows[i].device, rows[i].args);
		info = up(f, rows[i].device, rows[i].mtu);
		rc = ethdev_raise_mtu(&info, &params, &err);
		if ((rc == 0) != !rows[i].expect ||
			(rows[i].expect && !strstr(err.text, rows[i].expect)))
			fail_msg("row %zu (%s): %d \"%s\"", i, rows[i].device, rc, err.text);
		assert_int_equal(info.mtu, rc == 0 ? rows[i].raised : rows[i].mtu);
		down(&info);
	}
	assert_pool_full(f);
}

static void
test_mtu(void **state)
{
	static const struct {
		const char *device, *args;
		uint16_t mtu;
		bool tagged;
		const char *expect; /* NULL: accepted */
	} rows[] = {
		{"net_af_packet3", "iface=lo", 1500, false, NULL},
		{"net_af_packet3", "iface=lo", 1500, true, NULL},
		{"net_af_packet3", "iface=lo", 9000, false,
			"net_af_packet3 (net_af_packet) carries an MTU of 1500 at most, not 9000: "
			"set "
			"mtu = 1500 or less, or use another device"},
		{"net_af_packet3", "iface=lo,framesz=1024,blocksz=4096", 1500, false,
			"net_af_packet3 (net_af_packet) carries an MTU of 944 at most, not 1500: "
			"set "
			"mtu = 944 or less, or use another device"},
		{"net_af_packet3", "iface=lo,framesz=1024,blocksz=4096", 944, true,
			"net_af_packet3 (net_af_packet) carries an MTU of 940 at most under a VLAN "
			"tag, not 944: set mtu = 940 or less, or use another device"},
		{"net_af_packet3", "iface=lo,framesz=1024,blocksz=4096", 944, false, NULL},
		{"net_tap3", "iface=dtap3", 1504, false, NULL},
		{"net_tap3", "iface=dtap3", 9000, false,
			"net_tap3 (net_tap) carries an MTU of 1504 at most, not 9000: set mtu = "
			"1504 "
			"or less, or use another device"},
		{"net_ring3", "", 65000, false, NULL},
		{"net_null3", "", 40, false,
			"net_null3 (net_null) wants an MTU of 46 at least, not 40"},
		{"net_pcap3", "iface=lo", 9710, true, NULL},
		{"net_pcap3", "iface=lo", 9711, true,
			"net_pcap3 (net_pcap) carries an MTU of 9710 at most under a VLAN tag, not "
			"9711: set mtu = 9710 or less, or use another device"},
	};
	const struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct port_device info;
		struct error err = {0};
		int rc;

		if (!f->namespace && strstr(rows[i].args, "iface"))
			continue;
		add_device(rows[i].device, rows[i].args);
		rc = set_up(f, rows[i].device, rows[i].mtu, rows[i].tagged, 1, 1, &info, &err);
		if (rc != (rows[i].expect ? -EINVAL : 0) ||
			strcmp(err.text, rows[i].expect ? rows[i].expect : "") != 0)
			fail_msg("row %zu (%s, %s, %u): %d \"%s\"", i, rows[i].device, rows[i].args,
				rows[i].mtu, rc, err.text);
		if (rc == 0)
			down(&info);
		else
			rte_vdev_uninit(rows[i].device);
	}
	assert_pool_full(f);
}

static void
test_queues(void **state)
{
	static const struct {
		const char *device, *args;
		uint16_t rx_wanted, workers, rx, tx;
		uint16_t tx_worker[4];
	} rows[] = {
		{"net_null4", "", 2, 3, 2, 3, {0, 1, 2}},
		{"net_null4", "", 0, 1, 1, 1, {0}},
		{"net_pcap4", "iface=lo", 4, 3, 1, 1, {0, 0, 0}},
		{"net_af_packet4", "iface=lo,qpairs=2", 4, 3, 2, 2, {0, 1, 0}},
		{"net_tap4", "iface=dtap4", 1, 2, 1, 1, {0, 0}},
		{"net_tap4", "iface=dtap4", 3, 2, 3, 3, {0, 1}},
	};
	const struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct port *p = port_create("p");
		struct port_device info;
		struct error err = {0};

		if (!f->namespace && strstr(rows[i].args, "iface"))
			goto next;
		add_device(rows[i].device, rows[i].args);
		if (set_up(f, rows[i].device, 1500, false, rows[i].rx_wanted, rows[i].workers,
			    &info, &err) != 0)
			fail_msg("row %zu: %s", i, err.text);
		if (info.rx_queues != rows[i].rx || info.tx_queues != rows[i].tx)
			fail_msg("row %zu (%s): %u rx, %u tx", i, info.name, info.rx_queues,
				info.tx_queues);
		ethdev_port_fill(&info, rows[i].workers, p);
		for (uint16_t w = 0; w < rows[i].workers; w++)
			if (p->tx_worker[w] != rows[i].tx_worker[w] ||
				p->tx_queue[w] != rows[i].tx_worker[w])
				fail_msg("row %zu (%s): worker %u sends by worker %u", i, info.name,
					w, p->tx_worker[w]);
		assert_memory_equal(p->header + 6, info.mac.addr_bytes, 6);
		assert_string_equal(p->device, rows[i].device);
		down(&info);
	next:
		port_destroy(p);
	}
	assert_pool_full(f);
}

/* A device that cannot be set up leaves nothing behind, and can be set up rightly after. */
static void
test_again(void **state)
{
	const struct fixture *f = *state;
	struct port_device info;
	struct error err;

	add_device("net_null5", "");
	assert_int_equal(set_up(f, "net_null5", 30, false, 1, 1, &info, &err), -EINVAL);
	info = up(f, "net_null5", 1500);
	down(&info);
	assert_pool_full(f);
	if (!f->namespace)
		skip();
	ip_command("ip link add va type veth peer name vb");
	add_device("net_af_packet5", "iface=va");
	ip_command("ip link del va");
	assert_int_equal(set_up(f, "net_af_packet5", 1500, false, 1, 1, &info, &err), -EINVAL);
	assert_string_equal(err.text,
		"net_af_packet5 (net_af_packet) refuses an MTU of 1500: Invalid argument");
	rte_vdev_uninit("net_af_packet5");
	assert_pool_full(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_pcap),
		cmocka_unit_test(test_memif),
		cmocka_unit_test(test_af_packet),
		cmocka_unit_test(test_tap),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_raise_mtu),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_again),
	};
	struct fixture f = {.dir = "/tmp/test_ethdev_XXXXXX"};
	struct CMUnitTest with_state[RTE_DIM(tests)];
	char path[96];
	int failed;

	f.namespace = unshare(CLONE_NEWNET) == 0 && system("ip link set lo up") == 0;
	test_eal_init("test_ethdev", 256);
	f.pool = rte_pktmbuf_pool_create("packets", POOL, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!f.pool || !mkdtemp(f.dir))
		return 1;
	for (size_t i = 0; i < RTE_DIM(tests); i++) {
		with_state[i] = tests[i];
		with_state[i].initial_state = &f;
	}
	failed = cmocka_run_group_tests(with_state, NULL, NULL);
	snprintf(path, sizeof(path), "%s/out.pcap", f.dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/memif", f.dir);
	unlink(path);
	rmdir(f.dir);
	rte_eal_cleanup();
	return failed;
}
