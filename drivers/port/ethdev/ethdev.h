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

#include "port_driver.h"

/* The ethdev of that name (vdev or PCI address), or of that id when device is NULL. 0, or -ENODEV
 * with a message that lists the devices that are there. */
int ethdev_find(const char *device, int id, uint16_t *ethdev, struct error *err);

/* What the device is and can do. 0 or -errno. */
int ethdev_query(uint16_t ethdev, struct port_device *info, struct error *err);

/*
 * Configures the queried device and starts it: queues, RSS (with ESP's SPI where the device hashes
 * it) when there are several rx queues, checksum offloads on receipt, MTU. Refuses an MTU that the
 * device does not carry. 0 or -errno; the device is stopped and may be set up anew on failure.
 */
int ethdev_setup(
	struct port_device *info, const struct port_device_params *params, struct error *err);

/*
 * Gives a port what it needs of the device that carries it: ethdev, device, mac, header,
 * linear_only, link_up, and a tx queue for each worker: its own, or that of the worker to which it
 * hands its frames. The port's vlan and mtu are set already.
 */
void ethdev_port_fill(const struct port_device *info, uint16_t workers, struct port *p);

/*
 * A larger MTU for a device that runs, where it carries that, its driver does it while it runs, and
 * the buffers that it receives into will do. 0, or -errno with nothing changed.
 */
int ethdev_raise_mtu(
	struct port_device *info, const struct port_device_params *params, struct error *err);

/* Whether the link is up; true for a device that does not know. Cheap enough to ask every 100 ms.
 */
bool ethdev_link(uint16_t ethdev);

/* What the device counts of its losses; 0 where it does not. */
struct port_losses ethdev_losses(uint16_t ethdev);

/* Stops and closes the device; packets that it still holds for us are freed. */
void ethdev_teardown(const struct port_device *info);

extern const struct port_driver ethdev_driver;

#endif
