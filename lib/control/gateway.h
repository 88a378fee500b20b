/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef GATEWAY_H
#define GATEWAY_H

/*
 * The gateway as a whole, on the control lcore: made from a valid configuration, run, and taken
 * down in reverse.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "crypto.h"
#include "errmsg.h"
#include "gateway_event.h"
#include "numa.h"
#include "port_driver.h"

struct gateway;

/* --config: a worker lcore polls this queue of a DPDK port. */
struct gateway_queue {
	uint16_t ethdev, queue, lcore;
};

/* An engine that the application offers, best first. */
struct gateway_engine {
	const char *name;
	struct crypto_engine *(*create)(
		const struct crypto_engine_params *params, struct error *err);
};

/* What the command line says and the application offers. All of it outlives the gateway. */
struct gateway_options {
	const struct config *config;
	const struct port_driver *driver;
	const struct gateway_engine *engines;
	uint16_t n_engines;
	const char *engine; /* --crypto; NULL: the first that can be made */
	uint64_t portmask;  /* of DPDK port ids */
	const struct gateway_queue *queues;
	uint16_t n_queues; /* 0: spread over the workers */
	uint16_t burst;
	uint32_t mbufs; /* 0: as many as queues and workers need */
	bool promiscuous;
	uint32_t exit_on_idle_ms; /* 0: never */
	uint32_t stats_period_s;  /* 0: never */
	const char *state_dir;
	/* Called about ten times a second while the gateway runs, for the first time once packets
	 * are forwarded, on the control lcore. NULL: not */
	void (*on_tick)(void *arg, const struct gateway *g, uint64_t now_ms);
	void *on_tick_arg;
	/* where tables have a replica; the workers take these in turn. NULL: on each node that has
	 * a worker. Tests name one node twice. */
	const struct numa_nodes *nodes;
};

/* Who is told what happens, from now on; NULL: nobody. Control lcore. */
void gateway_listen(struct gateway *g, gateway_event_fn *listener, void *arg);

/* How much memory EAL should have for this configuration, in MiB; a fair upper estimate. Before
 * rte_eal_init. */
uint32_t gateway_memory_mb(const struct config *config, uint32_t mbufs, uint16_t workers);

/*
 * Brings everything up, the workers not yet running. All or nothing: NULL with what was wrong in
 * the report. After rte_eal_init.
 */
struct gateway *gateway_create(const struct gateway_options *options, struct report *report);

/* A file descriptor that the control lcore looks at between its turns. */
struct gateway_watch {
	int fd;
	void (*ready)(void *arg); /* it can be read from; called again while that is so */
	void *arg;
};

/* The watch is the caller's, and stays where it is until it is removed. 0/-errno. Control lcore. */
int gateway_watch_add(struct gateway *g, struct gateway_watch *watch);
void gateway_watch_remove(struct gateway *g, const struct gateway_watch *watch);

/*
 * Any other thread than the control lcore: has the control lcore call answer(g, arg), between two
 * of its turns, so that all that it alone writes can be read. Returns what answer returned, or
 * without its having been called -ENODEV (no gateway, or it stops) or -ETIMEDOUT (the control lcore
 * was busy for so long).
 */
typedef int gateway_ask_fn(struct gateway *g, void *arg);
int gateway_ask(gateway_ask_fn *answer, void *arg, uint32_t timeout_ms);

/* Launches the workers and serves as control lcore until *stop, gateway_stop, or idle for long
 * enough. 0, or 1 when something failed. */
int gateway_run(struct gateway *g, const volatile sig_atomic_t *stop);

/* gateway_run returns after the turn that this was called in. Control lcore. */
void gateway_stop(struct gateway *g);

/* How it goes, for who supervises the process. */
struct gateway_health {
	uint64_t silent_ms;     /* since a turn of that worker was last seen, to 100 ms */
	uint16_t worker, lcore; /* the one that has been silent the longest */
	uint32_t tunnels, tunnels_up;
};

/* At the time that on_tick was given. Looks at every tunnel: not for every tick. Control lcore. */
void gateway_health(const struct gateway *g, uint64_t now_ms, struct gateway_health *health);

/* Stops the workers, frees all; writes the summary to `out` (a FILE, or NULL for none). */
void gateway_destroy(struct gateway *g, void *out);

#endif
