/* SPDX-License-Identifier: BSD-3-Clause */

/* Ethdevs and the ports on them, from the configuration. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "internal.h"

/* The device of a configured port, queried; the one that an earlier port brought when they share
 * it. */
static struct port_device *
device_get(struct gateway *g, const struct config_port *c, struct error *err)
{
	struct port_device *device;
	uint16_t ethdev;

	if (g->options.driver->find(c->device[0] ? c->device : NULL, c->id, &ethdev, err) != 0)
		return NULL;
	if (ethdev < 64 && !(g->options.portmask >> ethdev & 1)) {
		error_set(err, -ENODEV, "DPDK port %u is not in the port mask: give -p with bit %u",
			ethdev, ethdev);
		return NULL;
	}
	for (uint16_t i = 0; i < g->n_devices; i++)
		if (g->devices[i].ethdev == ethdev)
			return &g->devices[i];
	device = &g->devices[g->n_devices];
	if (g->options.driver->query(ethdev, device, err) != 0)
		return NULL;
	device->ethdev = ethdev;
	g->n_devices++;
	return device;
}

/* Copies n elements; the port owns the copy. */
static void *
copy_array(const void *from, uint32_t n, size_t size)
{
	void *copy = n ? malloc(n * size) : NULL;

	if (copy)
		memcpy(copy, from, n * size);
	return copy;
}

static int
port_make(struct gateway *g, const struct config_port *c, uint16_t ethdev, struct error *err)
{
	struct port *p = port_create(c->name);
	int rc;

	if (!p)
		return error_set(err, -ENOMEM, "no memory for the port");
	p->ethdev = ethdev;
	p->vlan = c->vlan;
	p->mtu = c->mtu;
	p->table = c->table;
	p->role = (uint8_t)c->role;
	p->n_protected_prefixes = c->n_protected_prefixes;
	p->protected_prefixes = copy_array(
		c->protected_prefixes, c->n_protected_prefixes, sizeof(*c->protected_prefixes));
	rc = port_table_add(g->tables.ports, p);
	if (rc != 0) {
		port_destroy(p);
		return error_set(err, rc, "the device (and VLAN) carries another port already");
	}
	return 0;
}

/* How many rx queues a device gets: what --config names, or what suits the device. */
static uint16_t
rx_queues_wanted(const struct gateway *g, const struct port_device *device)
{
	uint16_t wanted = 0;

	for (uint16_t i = 0; i < g->options.n_queues; i++)
		if (g->options.queues[i].ethdev == device->ethdev)
			wanted = RTE_MAX(wanted, g->options.queues[i].queue + 1);
	if (wanted)
		return wanted;
	if (device->fixed_queues)
		return device->max_rx_queues;
	return device->rss ? RTE_MIN(device->max_rx_queues, g->n_workers) : 1;
}

static struct port_device_params
device_params(const struct gateway *g, const struct port_device *device)
{
	struct port_device_params params = {
		.rx_queues = rx_queues_wanted(g, device),
		.workers = g->n_workers,
		.promiscuous = g->options.promiscuous,
		.pool = g->pools[device->socket],
	};

	for (uint16_t i = 0; i < g->tables.ports->count; i++) {
		const struct port *p = g->tables.ports->ports[i];

		if (p->ethdev != device->ethdev)
			continue;
		params.mtu = RTE_MAX(params.mtu, p->mtu);
		params.tagged |= p->vlan != 0;
	}
	return params;
}

int
device_mtu_raise(struct gateway *g, const struct port *p, uint16_t mtu, struct error *err)
{
	struct port_device_params params;
	struct port_device *device = g->devices;

	while (device->ethdev != p->ethdev)
		device++;
	if (mtu <= device->mtu)
		return 0;
	params = device_params(g, device);
	params.mtu = mtu;
	return g->options.driver->raise_mtu(device, &params, err);
}

int
devices_start(struct gateway *g, struct report *report)
{
	const struct config *config = g->config;
	size_t before = report->count;
	struct error err;

	for (uint32_t i = 0; i < config->n_ports; i++) {
		const struct config_port *c = &config->ports[i];
		const struct port_device *device = device_get(g, c, &err);

		if (!device || port_make(g, c, device->ethdev, &err) != 0)
			report_add(report, c->origin.file, c->origin.line, c->origin.label, "%s",
				err.text);
	}
	if (report->count != before)
		return -EINVAL;
	for (uint16_t i = 0; i < g->n_devices; i++) {
		const struct port_device_params params = device_params(g, &g->devices[i]);

		if (g->options.driver->setup(&g->devices[i], &params, &err) != 0) {
			report_add(report, NULL, 0, g->devices[i].name, "%s", err.text);
			return -EIO;
		}
		g->devices[i].started = true;
		for (uint16_t k = 0; k < g->tables.ports->count; k++) {
			struct port *p = g->tables.ports->ports[k];

			if (p->ethdev != g->devices[i].ethdev)
				continue;
			g->options.driver->port_fill(&g->devices[i], g->n_workers, p);
			p->addresses = port_addresses(p, &config->ports[p->index], &p->n_addresses);
		}
	}
	return 0;
}

void
devices_stop(struct gateway *g)
{
	for (uint16_t i = 0; i < g->n_devices; i++) {
		struct port_device *device = &g->devices[i];

		if (!device->started)
			continue;
		device->losses = g->options.driver->losses(device->ethdev);
		device->started = false;
		g->options.driver->teardown(device);
	}
}

struct port_losses
device_losses(const struct gateway *g, const struct port_device *device)
{
	return device->started ? g->options.driver->losses(device->ethdev) : device->losses;
}
