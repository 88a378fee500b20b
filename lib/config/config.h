/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_H
#define CONFIG_H

/*
 * The configuration as objects: what the file says (and later the socket), parsed and validated,
 * before anything is applied. References are indexes into the arrays here. Each object remembers
 * its file and line for later messages.
 */

#include <stdbool.h>

#include "addr.h"
#include "crypto.h"
#include "errmsg.h"
#include "port.h"
#include "sa.h"
#include "selector.h"
#include "spd.h"
#include "tunnel.h"

struct config_origin {
	const char *file;  /* these two are owned by the struct config */
	const char *label; /* the object in messages: "sas[2] (spi 0x1001)" */
	int line;
	bool broken; /* some of its keys were wrong: rules between objects leave it out */
};

struct config_port {
	struct config_origin origin;
	char name[NAME_MAX_LEN]; /* default: the device's name, with ".VLAN" */
	char device[64];         /* ethdev name; "" when id is given */
	int id;                  /* DPDK port id; -1 when device is given */
	enum port_role role;
	uint16_t vlan;  /* 0: none */
	uint16_t mtu;   /* default 1500 */
	uint16_t table; /* default 0 */
	struct port_address *addresses;
	uint32_t n_addresses;
	struct ip_prefix *
		protected_prefixes; /* `protected`: role "both" needs it, others must not have it */
	uint32_t n_protected_prefixes;
};

struct config_neighbour {
	struct config_origin origin;
	struct ip_addr addr;
	uint8_t mac[6];
	uint32_t port; /* index into ports */
};

struct config_tunnel {
	struct config_origin origin;
	struct tunnel_config tunnel; /* selectors owned by the struct config */
};

struct config_sa {
	struct config_origin origin;
	struct sa_config sa;
	uint32_t tunnel; /* index into tunnels */
	bool has_owner;  /* `worker` was given */
};

enum config_via { CONFIG_VIA_ADDRESS, CONFIG_VIA_TUNNEL, CONFIG_VIA_PORT, CONFIG_VIA_DISCARD };

struct config_route {
	struct config_origin origin;
	uint16_t table;
	struct ip_prefix prefix;
	enum config_via via;
	struct ip_addr addr; /* CONFIG_VIA_ADDRESS */
	uint32_t port;       /* index; CONFIG_VIA_PORT, and the link of a CONFIG_VIA_ADDRESS */
	uint32_t tunnel;     /* index; CONFIG_VIA_TUNNEL */
	uint32_t metric;     /* default: the tunnel's metric for tunnels, else 0 */
};

struct config_policy {
	struct config_origin origin;
	uint32_t priority;
	enum spd_action action;
	uint32_t tunnel; /* index; SPD_PROTECT */
	struct selector selector;
};

/* `limits`: sizes of tables, chosen at start. */
struct config_limits {
	uint32_t sas;        /* default 4,096; the real number when more are configured */
	uint32_t tunnels;    /* default 1,024 */
	uint32_t routes4;    /* each table; default 65,536 */
	uint32_t routes6;    /* default 16,384 */
	uint32_t neighbours; /* default 4,096 */
	uint32_t reassembly; /* packets under reassembly on each worker; default 1,024 */
};

/* `worker`: how workers behave. */
struct config_worker {
	uint32_t idle_polls; /* empty polls before the first sleep; default 1,000; 0: never sleep */
	uint32_t idle_sleep_us; /* longest sleep; default 100 */
};

/* `icmp`: how often the gateway answers for itself, a second, with bursts as large. */
struct config_icmp {
	uint32_t errors; /* default 1,000 */
	uint32_t echo;   /* default 1,000 */
};

struct config {
	char *file;
	char **strings; /* what origins point to: names of included files, labels */
	uint32_t n_strings;
	bool unsafe_static_keys;
	bool ctl_readonly;      /* everybody may read at the control socket */
	char crypto_device[64]; /* `crypto_device`; "": any */
	struct config_limits limits;
	struct config_worker worker;
	struct config_icmp icmp;
	struct config_port *ports;
	uint32_t n_ports;
	struct config_neighbour *neighbours;
	uint32_t n_neighbours;
	struct config_tunnel *tunnels;
	uint32_t n_tunnels;
	struct config_sa *sas;
	uint32_t n_sas;
	struct config_route *routes;
	uint32_t n_routes;
	struct config_policy *policies;
	uint32_t n_policies;
};

/*
 * Reads the file: syntax, unknown keys (with the nearest known one), types, values of single keys,
 * references, then what objects must be to each other (config_validate.c). Everything that is wrong
 * is reported, not only the first. NULL when there is anything in the report. The caller frees
 * what is returned. No EAL needed. Keys are wiped from libconfig's memory where it can be done.
 */
struct config *config_load(const char *path, struct report *report);

/* The same from memory; `name` is what messages call it. For tests, the fuzzer and the socket. */
struct config *config_load_string(const char *text, const char *name, struct report *report);

/* Wipes keys, frees. NULL is fine. (Not "destroy": libconfig has a config_destroy of its own.) */
void config_free(struct config *config);

#endif
