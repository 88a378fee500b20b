/* SPDX-License-Identifier: BSD-3-Clause */

/* Ports, and the devices that carry them. */

#include "telemetry.h"

static const char *const roles[] = {
	[PORT_PROTECTED] = "protected", [PORT_UNPROTECTED] = "unprotected", [PORT_BOTH] = "both"};

static uint32_t
ports_end(const struct gateway *g)
{
	return g->tables.ports->count;
}

static void
add_losses(const struct gateway *g, struct rte_tel_data *d, uint32_t id)
{
	struct port_losses l = device_losses(g, &g->devices[id]);

	telemetry_u64(d, "device_missed", l.missed);
	telemetry_u64(d, "device_no_buffer", l.no_buffer);
	telemetry_u64(d, "device_errors", l.errors);
}

/* The place of the device that the port is, or is a VLAN on. */
static uint32_t
device_of(const struct gateway *g, const struct port *p)
{
	uint32_t id = 0;

	while (g->devices[id].ethdev != p->ethdev)
		id++;
	return id;
}

static int
port_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	const struct port *p = g->tables.ports->ports[id];
	uint32_t device = device_of(g, p);
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	struct counter rx, tx;

	port_sum(g, p, &rx, &tx);
	rte_ether_format_addr(mac, sizeof(mac), &p->mac);
	telemetry_text(d, "name", p->name);
	telemetry_text(d, "role", roles[p->role]);
	telemetry_text(d, "device", g->devices[device].name);
	telemetry_u64(d, "vlan", p->vlan);
	telemetry_u64(d, "table", p->table);
	telemetry_u64(d, "mtu", p->mtu);
	telemetry_text(d, "mac", mac);
	telemetry_text(d, "link", p->link_up ? "up" : "down");
	telemetry_pair(d, "rx_packets", "rx_bytes", &rx);
	telemetry_pair(d, "tx_packets", "tx_bytes", &tx);
	add_losses(g, d, device);
	return 0;
}

int
telemetry_port(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family ports = {ports_end, NULL, port_detail};

	return telemetry_objects(&ports, g, params, d);
}

static uint32_t
devices_end(const struct gateway *g)
{
	return g->n_devices;
}

static int
device_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	const struct port_device *device = &g->devices[id];

	telemetry_text(d, "name", device->name);
	telemetry_text(d, "driver", device->driver);
	telemetry_u64(d, "ethdev", device->ethdev);
	telemetry_u64(d, "node", (uint64_t)RTE_MAX(device->socket, 0));
	telemetry_u64(d, "rx_queues", device->rx_queues);
	telemetry_u64(d, "tx_queues", device->tx_queues);
	telemetry_u64(d, "mtu", device->mtu);
	add_losses(g, d, id);
	return 0;
}

int
telemetry_device(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family devices = {devices_end, NULL, device_detail};

	return telemetry_objects(&devices, g, params, d);
}
