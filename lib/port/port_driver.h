/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_DRIVER_H
#define PORT_DRIVER_H

/*
 * What brings a device up to carry ports. A driver (drivers/port) implements it; the application
 * names the driver. All of it on the control lcore; while no worker polls the device in order:
 * find, query, setup, port_fill for each port on it; and teardown. The others are for a device that
 * runs.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mempool.h>

#include "errmsg.h"
#include "port.h"

/* What a device has received and could not give us, since it was started. */
struct port_losses {
	uint64_t missed;    /* its queues were full */
	uint64_t no_buffer; /* the pool was empty */
	uint64_t errors;    /* broken frames */
};

struct port_device {
	/* query */
	uint16_t ethdev;
	char name[64];   /* of the device */
	char driver[32]; /* "net_pcap" */
	int socket;      /* NUMA node; 0 when the device is on none */
	uint16_t max_rx_queues, max_tx_queues;
	uint32_t max_mtu;        /* largest IP packet in an untagged frame */
	uint32_t max_mtu_tagged; /* and in one with a VLAN tag */
	bool linear_only;        /* sends no chains */
	bool rss;                /* spreads flows over its rx queues */
	bool fixed_queues;       /* each rx queue is a source of its own: all are wanted */
	/* setup */
	uint16_t rx_queues, tx_queues;
	uint16_t mtu;
	struct rte_ether_addr mac;
	bool started;              /* these two are the caller's notes */
	struct port_losses losses; /* at its end */
};

struct port_device_params {
	uint16_t rx_queues; /* wanted; no more than the device has are set up, and at least one */
	uint16_t workers;   /* a tx queue each where the device has as many */
	uint16_t mtu;       /* the largest of its ports */
	bool tagged;        /* some port on it is a VLAN */
	bool promiscuous;
	uint16_t descriptors;     /* of each queue; 0: 1,024. A driver may want fewer. */
	struct rte_mempool *pool; /* for what it receives; on the device's socket */
};

struct port_driver {
	/* The device of that name (vdev or PCI address), or of that id when name is NULL. 0, or
	 * -ENODEV with a message that lists the devices that are there. */
	int (*find)(const char *name, int id, uint16_t *ethdev, struct error *err);
	int (*query)(uint16_t ethdev, struct port_device *device, struct error *err);
	int (*setup)(struct port_device *device, const struct port_device_params *params,
		struct error *err);
	void (*port_fill)(const struct port_device *device, uint16_t workers, struct port *p);
	/* A larger MTU (params as for setup) of a device that runs. 0, or -errno with err when it
	 * cannot be had so; nothing has changed then. */
	int (*raise_mtu)(struct port_device *device, const struct port_device_params *params,
		struct error *err);
	bool (*link)(uint16_t ethdev);
	/* All 0 where the device does not say. Any thread. */
	struct port_losses (*losses)(uint16_t ethdev);
	void (*teardown)(const struct port_device *device);
};

#endif
