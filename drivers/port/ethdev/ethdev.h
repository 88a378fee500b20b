/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ETHDEV_H
#define ETHDEV_H

/*
 * Brings a DPDK ethdev up to carry ports, and knows what its driver can and cannot do. All of it on
 * the control lcore, while no worker polls the device. In order: find, query, setup, port_fill for
 * each port on it; and teardown.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mempool.h>

#include "errmsg.h"
#include "port.h"

struct ethdev_info {
	/* ethdev_query */
	uint16_t ethdev;
	char name[64];   /* of the device */
	char driver[32]; /* "net_pcap" */
	int socket;      /* NUMA node; 0 when the device is on none */
	uint16_t max_rx_queues, max_tx_queues;
	uint32_t max_mtu;        /* largest IP packet in an untagged frame */
	uint32_t max_mtu_tagged; /* and in one with a VLAN tag */
	bool linear_only;        /* sends no chains */
	/* ethdev_setup */
	uint16_t rx_queues, tx_queues;
	uint16_t mtu;
	struct rte_ether_addr mac;
};

struct ethdev_params {
	uint16_t rx_queues; /* wanted; no more than the device has are set up, and at least one */
	uint16_t workers;   /* a tx queue each where the device has as many */
	uint16_t mtu;       /* the largest of its ports */
	bool tagged;        /* some port on it is a VLAN */
	bool promiscuous;
	uint16_t descriptors;     /* of each queue; 0: 1,024. A driver may want fewer. */
	struct rte_mempool *pool; /* for what it receives; on the device's socket */
};

/* The ethdev of that name (vdev or PCI address), or of that id when device is NULL. 0, or -ENODEV
 * with a message that lists the devices that are there. */
int ethdev_find(const char *device, int id, uint16_t *ethdev, struct error *err);

/* What the device is and can do. 0 or -errno. */
int ethdev_query(uint16_t ethdev, struct ethdev_info *info, struct error *err);

/*
 * Configures the queried device and starts it: queues, RSS (with ESP's SPI where the device hashes
 * it) when there are several rx queues, checksum offloads on receipt, MTU. Refuses an MTU that the
 * device does not carry. 0 or -errno; the device is stopped and may be set up anew on failure.
 */
int ethdev_setup(struct ethdev_info *info, const struct ethdev_params *params, struct error *err);

/*
 * Gives a port what it needs of the device that carries it: ethdev, device, mac, header,
 * linear_only, link_up, and a tx queue for each worker: its own, or that of the worker to which it
 * hands its frames. The port's vlan and mtu are set already.
 */
void ethdev_port_fill(const struct ethdev_info *info, uint16_t workers, struct port *p);

/* Whether the link is up; true for a device that does not know. Cheap enough to ask every 100 ms.
 */
bool ethdev_link(uint16_t ethdev);

/* Stops and closes the device; packets that it still holds for us are freed. */
void ethdev_teardown(const struct ethdev_info *info);

#endif
