/* SPDX-License-Identifier: BSD-3-Clause */
#include "ethdev.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_kvargs.h>

#include "log.h"

enum {
	DESCRIPTORS = 1024,
	BURST = 32,
	/* TPACKET_V2 puts a received frame's IP header at a multiple of 16 behind its own: 66 bytes
	 * of each ring frame are not ours. */
	AF_PACKET_OVERHEAD = 66,
	AF_PACKET_FRAME = 2048, /* of the ring, when no framesz is given */
	MEMIF_BUFFER = 2048,    /* when no bsize is given */
};

/*
 * What drivers do and do not say, or say wrongly, in rte_eth_dev_info. Each was read and tried with
 * DPDK 22.11 (tests/unit/port/test_ethdev.c). A driver that is not here is taken at its word.
 */
struct driver {
	const char *name;
	bool chains;          /* sends mbuf chains */
	bool scatters;        /* receives into chains */
	bool paired;          /* has as many tx queues as rx queues, or does not configure */
	bool fixed;           /* each of its rx queues is a source of its own */
	bool keeps;           /* what was sent and not received is left in it when it is closed */
	uint32_t frame_max;   /* largest frame; 0: max_rx_pktlen is true */
	uint16_t descriptors; /* at most; 0: any */
	/* the device argument that says how large its buffers are, which max_rx_pktlen does not
	 * follow */
	const char *buffer_argument;
	uint32_t buffer_default, buffer_overhead;
};

static const struct driver drivers[] = {
	/* A chain is copied to a buffer of RTE_ETHER_MAX_JUMBO_FRAME_LEN. */
	{.name = "net_pcap", .chains = true, .scatters = true, .fixed = true, .frame_max = 9728},
	{.name = "net_null", .chains = true, .scatters = true},
	{.name = "net_ring", .scatters = true, .fixed = true, .keeps = true},
	/* max_rx_pktlen says 1518. Frames over several ring buffers would do, but the flag that
	 * chains the first is never cleared: they spoil others once the ring has wrapped. */
	{.name = "net_memif",
		.scatters = true,
		.frame_max = UINT16_MAX,
		.buffer_argument = "bsize",
		.buffer_default = MEMIF_BUFFER},
	{.name = "net_af_packet",
		.buffer_argument = "framesz",
		.buffer_default = AF_PACKET_FRAME,
		.buffer_overhead = AF_PACKET_OVERHEAD},
	/* A descriptor is an mbuf held, and an iovec in every readv: 64 make up the largest frame.
	 */
	{.name = "net_tap", .paired = true, .descriptors = 64},
};

static const struct driver *
driver_find(const char *name)
{
	static const struct driver plain;

	for (size_t i = 0; i < RTE_DIM(drivers); i++)
		if (strcmp(drivers[i].name, name) == 0)
			return &drivers[i];
	return &plain;
}

static void
list_devices(char *text, size_t size)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	size_t used = 0;
	uint16_t id;

	snprintf(text, size,
		"there is none: NICs have to be bound (espgwctl doctor) and allowed (-a ADDRESS), "
		"virtual devices be made (--vdev) by EAL's options");
	RTE_ETH_FOREACH_DEV (id) {
		if (used < size && rte_eth_dev_get_name_by_port(id, name) == 0)
			used += (size_t)snprintf(text + used, size - used, "%s%u \"%s\"",
				used ? ", " : "there are: ", id, name);
	}
}

int
ethdev_find(const char *device, int id, uint16_t *ethdev, struct error *err)
{
	char list[384];

	if (device && rte_eth_dev_get_port_by_name(device, ethdev) == 0)
		return 0;
	if (!device && id >= 0 && id < RTE_MAX_ETHPORTS &&
		rte_eth_dev_is_valid_port((uint16_t)id)) {
		*ethdev = (uint16_t)id;
		return 0;
	}
	list_devices(list, sizeof(list));
	if (device)
		return error_set(err, -ENODEV, "no device \"%s\"; %s", device, list);
	return error_set(err, -ENODEV, "no device with id %d; %s", id, list);
}

static int
number_handler(const char *key, const char *value, void *number)
{
	(void)key;
	*(uint32_t *)number = (uint32_t)strtoul(value, NULL, 0);
	return 0;
}

/* What a device argument makes the largest frame, where the driver has such an argument; else no
 * bound. */
static uint32_t
frame_by_argument(const struct rte_eth_dev_info *dev, const struct driver *driver)
{
	const struct rte_devargs *devargs = rte_dev_devargs(dev->device);
	struct rte_kvargs *args;
	uint32_t bytes = driver->buffer_default;

	if (!driver->buffer_argument)
		return UINT32_MAX;
	args = devargs && devargs->args ? rte_kvargs_parse(devargs->args, NULL) : NULL;
	if (args)
		rte_kvargs_process(args, driver->buffer_argument, number_handler, &bytes);
	rte_kvargs_free(args);
	return bytes > driver->buffer_overhead ? bytes - driver->buffer_overhead : 0;
}

/* The largest frame that the device takes and gives whole, without CRC. */
static uint32_t
frame_max(const struct rte_eth_dev_info *dev, const struct driver *driver, uint32_t header)
{
	uint32_t bytes = driver->frame_max;

	if (!bytes && (dev->max_mtu != UINT16_MAX || dev->max_rx_pktlen == UINT32_MAX))
		bytes = dev->max_mtu + header;
	/* Devices that take a frame of 1,518 bytes with its CRC take four more for a tag. */
	if (!bytes)
		bytes = dev->max_rx_pktlen - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN + header;
	return RTE_MIN(bytes, frame_by_argument(dev, driver));
}

static uint32_t
mtu_max(const struct rte_eth_dev_info *dev, const struct driver *driver, uint32_t header)
{
	uint32_t bytes = frame_max(dev, driver, header);

	return bytes > header ? RTE_MIN(bytes - header, (uint32_t)UINT16_MAX) : 0;
}

static int
device_info(uint16_t ethdev, struct rte_eth_dev_info *dev, struct error *err)
{
	int rc = rte_eth_dev_info_get(ethdev, dev);

	if (rc != 0)
		return error_set(
			err, rc, "ethdev %u does not tell what it is: %s", ethdev, strerror(-rc));
	return 0;
}

int
ethdev_query(uint16_t ethdev, struct port_device *info, struct error *err)
{
	struct rte_eth_dev_info dev;
	const struct driver *driver;
	int rc = device_info(ethdev, &dev, err);

	if (rc != 0)
		return rc;
	*info = (struct port_device){.ethdev = ethdev};
	driver = driver_find(dev.driver_name);
	snprintf(info->driver, sizeof(info->driver), "%s", dev.driver_name);
	snprintf(info->name, sizeof(info->name), "%s", rte_dev_name(dev.device));
	info->socket = RTE_MAX(rte_eth_dev_socket_id(ethdev), 0);
	info->rss = dev.flow_type_rss_offloads != 0;
	info->fixed_queues = driver->fixed;
	info->max_rx_queues = dev.max_rx_queues;
	info->max_tx_queues = dev.max_tx_queues;
	info->max_mtu = mtu_max(&dev, driver, RTE_ETHER_HDR_LEN);
	info->max_mtu_tagged = mtu_max(&dev, driver, RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN);
	info->linear_only =
		!driver->chains && !(dev.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	return 0;
}

static int
mtu_check(const struct port_device *info, const struct port_device_params *params,
	const struct rte_eth_dev_info *dev, struct error *err)
{
	const struct driver *driver = driver_find(info->driver);
	uint32_t most = params->tagged ? info->max_mtu_tagged : info->max_mtu;
	uint32_t room = rte_pktmbuf_data_room_size(params->pool) - RTE_PKTMBUF_HEADROOM;
	uint32_t frame = params->mtu + RTE_ETHER_HDR_LEN + (params->tagged ? RTE_VLAN_HLEN : 0u);

	if (params->mtu > most)
		return error_set(err, -EINVAL,
			"%s (%s) carries an MTU of %u at most%s, not %u: set mtu = %u or less, or "
			"use another device",
			info->name, info->driver, most, params->tagged ? " under a VLAN tag" : "",
			params->mtu, most);
	if (params->mtu < dev->min_mtu)
		return error_set(err, -EINVAL, "%s (%s) wants an MTU of %u at least, not %u",
			info->name, info->driver, dev->min_mtu, params->mtu);
	if (frame > room && !driver->scatters &&
		!(dev->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER))
		return error_set(err, -EINVAL,
			"%s (%s) receives into one buffer of %u bytes: an MTU of %u needs %u",
			info->name, info->driver, room, params->mtu, frame);
	return 0;
}

static void
queue_counts(struct port_device *info, const struct port_device_params *params)
{
	const struct driver *driver = driver_find(info->driver);
	uint16_t rx = RTE_MAX(params->rx_queues, (uint16_t)1);
	uint16_t tx = RTE_MAX(params->workers, (uint16_t)1);

	info->rx_queues = RTE_MIN(rx, info->max_rx_queues);
	info->tx_queues = driver->paired ? info->rx_queues : RTE_MIN(tx, info->max_tx_queues);
}

/* Offloads that help where they are there. Flags of received packets are trusted one by one, so
 * nothing depends on them. */
static void
configuration(const struct port_device *info, const struct port_device_params *params,
	const struct rte_eth_dev_info *dev, struct rte_eth_conf *conf)
{
	uint64_t rx = RTE_ETH_RX_OFFLOAD_CHECKSUM;
	uint32_t room = rte_pktmbuf_data_room_size(params->pool) - RTE_PKTMBUF_HEADROOM;

	memset(conf, 0, sizeof(*conf));
	if (params->mtu + (uint32_t)(RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN) > room)
		rx |= RTE_ETH_RX_OFFLOAD_SCATTER;
	conf->rxmode.offloads = rx & dev->rx_offload_capa;
	conf->txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS & dev->tx_offload_capa;
	/* A device whose own limit is not true configures for 1,500, and carries more. */
	if (params->mtu + (uint32_t)(RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN) <= dev->max_rx_pktlen)
		conf->rxmode.mtu = params->mtu;
	if (info->rx_queues > 1 && dev->flow_type_rss_offloads) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rx_adv_conf.rss_conf.rss_hf =
			dev->flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_ESP);
	}
}

static int
queues_setup(const struct port_device *info, const struct port_device_params *params,
	const struct rte_eth_dev_info *dev, const struct rte_eth_conf *conf, struct error *err)
{
	const struct driver *driver = driver_find(info->driver);
	struct rte_eth_rxconf rx = dev->default_rxconf;
	struct rte_eth_txconf tx = dev->default_txconf;
	uint16_t n_rx = params->descriptors ? params->descriptors : DESCRIPTORS;
	uint16_t n_tx;
	unsigned int socket = (unsigned int)info->socket;
	int rc;

	if (driver->descriptors)
		n_rx = RTE_MIN(n_rx, driver->descriptors);
	n_tx = n_rx;
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(info->ethdev, &n_rx, &n_tx);
	rx.offloads = conf->rxmode.offloads;
	tx.offloads = conf->txmode.offloads;
	for (uint16_t q = 0; rc == 0 && q < info->rx_queues; q++)
		rc = rte_eth_rx_queue_setup(info->ethdev, q, n_rx, socket, &rx, params->pool);
	for (uint16_t q = 0; rc == 0 && q < info->tx_queues; q++)
		rc = rte_eth_tx_queue_setup(info->ethdev, q, n_tx, socket, &tx);
	if (rc != 0)
		return error_set(err, rc,
			"%s (%s): its queues could not be set up with %u and %u descriptors: %s "
			"(the log of DPDK may say more)",
			info->name, info->driver, n_rx, n_tx, strerror(-rc));
	return 0;
}

static int
mtu_set(const struct port_device *info, uint16_t mtu, struct error *err)
{
	int rc = rte_eth_dev_set_mtu(info->ethdev, mtu);

	if (rc == -ENOTSUP)
		rc = 0; /* a device that has no MTU of its own */
	if (rc != 0)
		return error_set(err, rc, "%s (%s) refuses an MTU of %u: %s", info->name,
			info->driver, mtu, strerror(-rc));
	return 0;
}

/* Neighbour discovery comes by multicast: a device that cannot be told to take all of it takes
 * everything. What is not for us is dropped by its destination MAC address. */
static int
filters_set(const struct port_device *info, bool promiscuous, struct error *err)
{
	int rc = rte_eth_allmulticast_enable(info->ethdev);
	bool all = promiscuous || rc == -ENOTSUP;

	if (rc != 0 && rc != -ENOTSUP)
		return error_set(err, rc, "%s (%s) does not receive multicast: %s", info->name,
			info->driver, strerror(-rc));
	rc = all ? rte_eth_promiscuous_enable(info->ethdev) : 0;
	if (rc != 0 && rc != -ENOTSUP)
		return error_set(err, rc, "%s (%s) does not become promiscuous: %s", info->name,
			info->driver, strerror(-rc));
	return 0;
}

/* Some vdevs have no MAC address: a locally administered one is made of the id. */
static int
mac_get(struct port_device *info, struct error *err)
{
	const struct rte_ether_addr made = {
		{0x02, 'e', 's', 'p', (uint8_t)(info->ethdev >> 8), (uint8_t)info->ethdev}};
	int rc = rte_eth_macaddr_get(info->ethdev, &info->mac);

	if (rc != 0)
		return error_set(err, rc, "%s (%s) does not tell its MAC address: %s", info->name,
			info->driver, strerror(-rc));
	if (!rte_is_valid_assigned_ether_addr(&info->mac))
		info->mac = made;
	return 0;
}

static int
start(struct port_device *info, const struct port_device_params *params, struct error *err)
{
	int rc = mtu_set(info, params->mtu, err);

	if (rc != 0)
		return rc;
	rc = rte_eth_dev_start(info->ethdev);
	if (rc != 0)
		return error_set(err, rc,
			"%s (%s) does not start: %s (the log of DPDK may say more)", info->name,
			info->driver, strerror(-rc));
	rc = filters_set(info, params->promiscuous, err);
	if (rc == 0)
		rc = mac_get(info, err);
	if (rc != 0)
		rte_eth_dev_stop(info->ethdev);
	return rc;
}

int
ethdev_setup(struct port_device *info, const struct port_device_params *params, struct error *err)
{
	struct rte_eth_dev_info dev;
	struct rte_eth_conf conf;
	int rc = device_info(info->ethdev, &dev, err);

	if (rc == 0)
		rc = mtu_check(info, params, &dev, err);
	if (rc != 0)
		return rc;
	queue_counts(info, params);
	configuration(info, params, &dev, &conf);
	rc = rte_eth_dev_configure(info->ethdev, info->rx_queues, info->tx_queues, &conf);
	if (rc != 0)
		return error_set(err, rc,
			"%s (%s) cannot be configured with %u rx and %u tx queues: %s", info->name,
			info->driver, info->rx_queues, info->tx_queues, strerror(-rc));
	rc = queues_setup(info, params, &dev, &conf, err);
	if (rc == 0)
		rc = start(info, params, err);
	if (rc != 0)
		return rc;
	info->mtu = params->mtu;
	log_info(port, "%s (%s): %u rx and %u tx queues, MTU %u%s", info->name, info->driver,
		info->rx_queues, info->tx_queues, info->mtu,
		info->linear_only ? ", sends no chains" : "");
	return 0;
}

/* Whether frames of this MTU come in as they did before: into one buffer, or into chains. */
static bool
receives(const struct port_device *info, const struct port_device_params *params)
{
	const uint32_t room = rte_pktmbuf_data_room_size(params->pool) - RTE_PKTMBUF_HEADROOM;
	const uint32_t around = RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;

	return driver_find(info->driver)->scatters || params->mtu + around <= room ||
	       info->mtu + around > room;
}

int
ethdev_raise_mtu(
	struct port_device *info, const struct port_device_params *params, struct error *err)
{
	struct rte_eth_dev_info dev;
	int rc = device_info(info->ethdev, &dev, err);

	if (rc == 0)
		rc = mtu_check(info, params, &dev, err);
	if (rc == 0 && !receives(info, params))
		rc = error_set(err, -EBUSY,
			"mtu: %s (%s) runs with buffers for %u: only a restart can change that",
			info->name, info->driver, info->mtu);
	if (rc == 0)
		rc = mtu_set(info, params->mtu, err);
	if (rc == 0)
		info->mtu = params->mtu;
	return rc;
}

void
ethdev_port_fill(const struct port_device *info, uint16_t workers, struct port *p)
{
	uint16_t owners = RTE_MIN(workers, info->tx_queues);

	p->ethdev = info->ethdev;
	snprintf(p->device, sizeof(p->device), "%s", info->name);
	p->mac = info->mac;
	p->linear_only = info->linear_only;
	p->tx_ipv4_checksum = false;
	p->link_up = ethdev_link(info->ethdev);
	for (uint16_t w = 0; w < workers; w++) {
		p->tx_worker[w] = w % owners;
		p->tx_queue[w] = w % owners;
	}
	port_header_fill(p);
}

/* Drivers on a kernel interface (af_packet, pcap) do not follow its link: the kernel is asked. */
static bool
interface_runs(unsigned int if_index)
{
	struct ifreq request = {.ifr_ifindex = (int)if_index};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool runs;

	if (fd < 0)
		return true;
	runs = ioctl(fd, SIOCGIFNAME, &request) == 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 &&
	       (request.ifr_flags & IFF_RUNNING);
	close(fd);
	return runs;
}

bool
ethdev_link(uint16_t ethdev)
{
	struct rte_eth_link link = {0};
	struct rte_eth_dev_info dev;

	if (rte_eth_link_get_nowait(ethdev, &link) == 0 && link.link_status != RTE_ETH_LINK_UP)
		return false;
	if (rte_eth_dev_info_get(ethdev, &dev) != 0 || dev.if_index == 0)
		return true;
	return interface_runs(dev.if_index);
}

static void
drain(const struct port_device *info)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n;

	for (uint16_t q = 0; q < info->rx_queues; q++)
		while ((n = rte_eth_rx_burst(info->ethdev, q, pkts, BURST)) > 0)
			rte_pktmbuf_free_bulk(pkts, n);
}

struct port_losses
ethdev_losses(uint16_t ethdev)
{
	struct rte_eth_stats stats = {0};

	if (rte_eth_stats_get(ethdev, &stats) != 0)
		return (struct port_losses){0};
	return (struct port_losses){
		.missed = stats.imissed, .no_buffer = stats.rx_nombuf, .errors = stats.ierrors};
}

void
ethdev_teardown(const struct port_device *info)
{
	int rc;

	if (driver_find(info->driver)->keeps)
		drain(info);
	rc = rte_eth_dev_stop(info->ethdev);
	if (rc == 0)
		rc = rte_eth_dev_close(info->ethdev);
	if (rc != 0)
		log_warn(port, "%s (%s) does not close: %s", info->name, info->driver,
			strerror(-rc));
}

const struct port_driver ethdev_driver = {
	.find = ethdev_find,
	.query = ethdev_query,
	.setup = ethdev_setup,
	.port_fill = ethdev_port_fill,
	.raise_mtu = ethdev_raise_mtu,
	.link = ethdev_link,
	.losses = ethdev_losses,
	.teardown = ethdev_teardown,
};
