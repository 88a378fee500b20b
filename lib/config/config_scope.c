/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration as the scope of its own objects, and what rules ask of any scope. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

static uint32_t
view_tunnel_count(void *arg)
{
	return ((const struct config_view *)arg)->config->n_tunnels;
}

static const char *
view_tunnel_name(void *arg, uint32_t i)
{
	const struct config *config = ((const struct config_view *)arg)->config;

	return i < config->n_tunnels ? config->tunnels[i].tunnel.name : NULL;
}

static const struct tunnel_config *
view_tunnel(void *arg, uint32_t i)
{
	const struct config *config = ((const struct config_view *)arg)->config;

	if (i >= config->n_tunnels || config->tunnels[i].origin.broken)
		return NULL;
	return &config->tunnels[i].tunnel;
}

static bool
view_tunnel_find(void *arg, const char *name, uint32_t *i)
{
	return name_index_find(&((const struct config_view *)arg)->tunnels, name, i);
}

static uint32_t
view_port_count(void *arg)
{
	return ((const struct config_view *)arg)->config->n_ports;
}

static const struct config_port *
view_port(void *arg, uint32_t i)
{
	const struct config *config = ((const struct config_view *)arg)->config;

	return i < config->n_ports ? &config->ports[i] : NULL;
}

static bool
view_port_find(void *arg, const char *name, uint32_t *i)
{
	return name_index_find(&((const struct config_view *)arg)->ports, name, i);
}

void
config_view_init(struct config_view *view, const struct config *config)
{
	*view = (struct config_view){
		.scope = {view, view_tunnel_count, view_tunnel_name, view_tunnel, view_tunnel_find,
			view_port_count, view_port, view_port_find},
		.config = config,
	};
}

static const char *
port_name(const struct config *config, uint32_t i)
{
	return config->ports[i].name;
}

void
config_view_index_ports(struct config_view *view)
{
	name_index_build(&view->ports, view->config->n_ports, port_name, view->config);
}

static const char *
tunnel_name(const struct config *config, uint32_t i)
{
	return config->tunnels[i].tunnel.name;
}

void
config_view_index_tunnels(struct config_view *view)
{
	name_index_build(&view->tunnels, view->config->n_tunnels, tunnel_name, view->config);
}

void
config_view_free(struct config_view *view)
{
	name_index_free(&view->ports);
	name_index_free(&view->tunnels);
}

struct config_scope *
config_scope_create(const struct config *config)
{
	struct config_view *view = array_or_die(1, sizeof(*view));

	config_view_init(view, config);
	config_view_index_ports(view);
	config_view_index_tunnels(view);
	return &view->scope;
}

void
config_scope_free(struct config_scope *scope)
{
	struct config_view *view = scope ? scope->arg : NULL;

	if (view)
		config_view_free(view);
	free(view);
}

bool
port_on_link(const struct config_port *port, const struct ip_addr *addr, uint8_t *length)
{
	bool found = false;

	*length = 0;
	for (uint32_t i = 0; i < port->n_addresses; i++) {
		const struct port_address *own = &port->addresses[i];
		struct ip_prefix link = {own->addr, own->length};

		if (!ip_prefix_contains(&link, addr))
			continue;
		found = true;
		if (own->length > *length)
			*length = own->length;
	}
	return found;
}

static bool
port_has_address(const struct config_port *port, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < port->n_addresses; i++)
		if (ip_addr_equal(&port->addresses[i].addr, addr))
			return true;
	return false;
}

const struct config_port *
port_of_address(const struct config_scope *scope, uint16_t table, const struct ip_addr *addr)
{
	uint32_t count = scope->port_count(scope->arg);

	for (uint32_t i = 0; i < count; i++) {
		const struct config_port *port = scope->port(scope->arg, i);

		if (port && port->table == table && port_has_address(port, addr))
			return port;
	}
	return NULL;
}

uint32_t
gateway_ports(const struct config_scope *scope, uint16_t table, const struct ip_addr *gateway,
	uint32_t *port)
{
	uint32_t count = scope->port_count(scope->arg), found = 0;
	uint8_t longest = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct config_port *p = scope->port(scope->arg, i);
		uint8_t length;

		if (!p || p->table != table || !port_on_link(p, gateway, &length) ||
			length < longest)
			continue;
		found = length > longest ? 1 : found + 1;
		longest = length;
		if (found == 1)
			*port = i;
	}
	return found;
}

bool
any_port_broken(const struct config_scope *scope)
{
	uint32_t count = scope->port_count(scope->arg);

	for (uint32_t i = 0; i < count; i++) {
		const struct config_port *port = scope->port(scope->arg, i);

		if (port && port->origin.broken)
			return true;
	}
	return false;
}

void
list_append(char *buf, size_t bytes, const char *address, const char *port)
{
	size_t used = strlen(buf);

	snprintf(buf + used, bytes - used, "%s%s (%s)", used ? ", " : "", address, port);
}
