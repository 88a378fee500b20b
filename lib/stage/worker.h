/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WORKER_H
#define WORKER_H

/*
 * One polling lcore and all that it needs, and the published tables that every worker reads. The
 * stages (stage.h) work on it.
 */

#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "counter.h"
#include "crypto.h"
#include "drop.h"
#include "esp.h"
#include "fib.h"
#include "frag.h"
#include "nexthop.h"
#include "port.h"
#include "sad.h"
#include "sizes.h"
#include "spd.h"
#include "tunnel.h"

/* What the control lcore publishes and the workers read under RCU. */
struct tables {
	struct port_table *ports;
	struct fib *fib;
	const struct nexthop *nexthops;
	struct tunnel_table *tunnels;
	struct sad *sad;
	struct spd *spd; /* atomic pointer; NULL: no policies */
	/* UDP ports on which some tunnel with the carrier udp listens: a bit each */
	uint64_t udp_ports[65536 / 64];
	bool forwarding; /* false until the configuration is applied: everything is dropped */
};

/* Packets on their way to one place. */
struct burst {
	uint16_t n;
	struct rte_mbuf *pkts[BURST_MAX];
};

enum {
	WORKER_ENGINES_MAX = 4,
	WORKER_PENDING_MAX = 1024, /* packets that wait for room in an asynchronous engine */
};

/* What one worker did. */
struct worker_stats {
	uint64_t drops[DROP_REASON_COUNT];
	uint64_t polls, idle_polls, sleeps, slept_tsc;
	uint64_t handed_over, handed_in, to_control, from_control;
	struct counter esp_out, esp_in, forwarded;
};

struct worker_rxq {
	uint16_t ethdev, queue;
};

struct worker {
	uint16_t index;
	uint16_t lcore;
	uint16_t workers; /* how many there are */
	uint16_t burst;   /* packets to take at once */
	uint64_t now_tsc; /* read once a loop */
	struct tables *tables;
	struct rte_rcu_qsbr *qsbr;
	struct rte_mempool *pool;     /* packets */
	struct rte_mempool *indirect; /* for fragments: mbufs without room of their own */
	struct reassembly *reassembly;

	uint16_t n_rxqs;
	struct worker_rxq rxqs[RTE_MAX_ETHPORTS * 4];

	struct rte_ring *
		inbox; /* from other workers and the control lcore; many producers, this consumer */
	struct rte_ring *to_control; /* shared by all workers */
	struct rte_ring **inboxes;   /* of all workers */

	struct crypto_engine *engines[WORKER_ENGINES_MAX]; /* asynchronous ones, to be polled */
	uint16_t n_engines;
	struct rte_mbuf **pending; /* see esp stages */
	uint16_t n_pending;

	/* named outputs of a burst's way through the stages */
	struct burst esp_in;  /* envelopes to us, at the outer header */
	struct burst forward; /* routed packets (view.nexthop), before zones */
	struct burst protect; /* to a tunnel (view.tunnel) */
	struct burst output;  /* to a port: view.nexthop is a NEIGHBOUR or CONNECTED one */
	struct burst again; /* packets that enter routing anew (decapsulated, envelopes into another
			       tunnel) */
	struct burst *tx;   /* by port index: frames */
	struct burst dead;  /* to be freed */
	struct crypto_burst *crypto;

	struct worker_stats stats;
	uint32_t idle_polls_max, idle_sleep_us;
	volatile bool *stop;
} __rte_cache_aligned;

/* Frees a packet and counts why. Data path: the one way a packet dies. */
void drop(struct worker *w, struct rte_mbuf *m, enum drop_reason why);

#endif
