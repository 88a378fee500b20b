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
#include "icmp.h"
#include "meter.h"
#include "nexthop.h"
#include "port.h"
#include "sad.h"
#include "sizes.h"
#include "spd.h"
#include "tunnel.h"
#include "watch.h"

/* What the control lcore publishes and the workers of one NUMA node read under RCU: what of it is
 * read at random lies on that node. */
struct tables {
	struct port_table *ports;
	const struct fib_reader *fib;
	const struct nexthop *nexthops;
	struct tunnel_table *tunnels;
	const struct sad_reader *sad;
	struct spd *spd; /* atomic pointer; NULL: no policies */
	/* UDP ports on which some tunnel with the carrier udp listens: a bit each */
	uint64_t udp_ports[65536 / 64];
	bool promiscuous; /* take frames for any MAC address (-P) */
	bool forwarding;  /* atomic; false until the configuration is applied: all is dropped */
};

/* Packets on their way to one place. */
struct burst {
	uint16_t n;
	struct rte_mbuf *pkts[BURST_MAX];
};

enum {
	WORKER_RXQS_MAX = 128,
	WORKER_ENGINES_MAX = 4,
	WORKER_INBOX_SIZE = 4096,
	AUDITS_PER_SECOND = 16,        /* of each worker */
	ACQUIRES_PER_SECOND = 64,      /* of each worker */
	MAPPINGS_PER_SECOND = 64,      /* of each worker */
	RESOLUTIONS_PER_SECOND = 2048, /* packets that may wait for a neighbour */
	TUNNEL_DEPTH_MAX = 4,          /* tunnels inside tunnels */
};

/*
 * What a worker may still ask of the control lcore until its budget is made anew: nobody's packets
 * fill the ring that ARP and neighbour discovery need, too.
 */
struct worker_budget {
	uint32_t audits, acquires, mappings, echoes, errors, resolutions;
};

/* What one worker did. */
struct worker_stats {
	uint64_t drops[DROP_REASON_COUNT];
	uint64_t polls, idle_polls, sleeps;
	uint64_t handed_over, handed_in, to_control;
	struct counter esp_out, esp_in;
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
	struct rte_mempool *pool; /* packets */
	struct reassembly *reassembly;

	uint16_t n_rxqs;
	struct worker_rxq rxqs[WORKER_RXQS_MAX];

	struct rte_ring *inbox;      /* of packets with a task; many producers, this consumer */
	struct rte_ring *to_control; /* shared by all workers */
	struct rte_ring **inboxes;   /* of all workers, by index */

	struct crypto_engine *engines[WORKER_ENGINES_MAX]; /* asynchronous ones: polled */
	uint16_t n_engines;
	struct crypto_burst *crypto;  /* the one that is being filled, */
	struct crypto_engine *engine; /* for this engine */
	/* completions of asynchronous engines, taken while room was made for more jobs */
	struct burst done;
	int32_t done_status[BURST_MAX];

	/* named outputs of a burst's way through the stages; all empty between two polls */
	struct burst esp_in;  /* envelopes to us, at the outer header */
	uint16_t esp_alike;   /* so many of them, from the first on, are of one SA and came one way
				 (0: it is not known) */
	struct burst protect; /* to a tunnel: view.tunnel */
	struct burst output;  /* to a port: view.nexthop is a NEIGHBOUR or CONNECTED one */
	struct burst
		again;    /* enters routing anew: decapsulated, or an envelope for another tunnel */
	struct burst *tx; /* frames, by port index */
	uint16_t n_tx_ports; /* ports with frames in tx */
	uint16_t *tx_ports;

	struct worker_budget budget;
	uint64_t budget_tsc;

	struct worker_stats stats;
	struct meter meter;               /* of its turns */
	bool watched;                     /* this turn is measured, or looked at */
	struct watch *watch;              /* atomic; control writes: what to look at */
	struct watcher watcher;           /* this turn's */
	struct worker_budget budget_full; /* of a second */
	uint32_t idle_polls, idle_polls_max, idle_sleep_us, sleep_us;
	const bool *stop; /* atomic */
} __rte_cache_aligned;

/* The one way a packet dies on a worker: counts why and frees it. */
void drop(struct worker *w, struct rte_mbuf *m, enum drop_reason why);
void drop_bulk(struct worker *w, struct rte_mbuf **pkts, uint16_t n, enum drop_reason why);

/* The same for a packet that its source shall hear of, where that is allowed and the control lcore
 * has room. */
void drop_with_error(struct worker *w, struct rte_mbuf *m, enum drop_reason why,
	enum icmp_error error, uint32_t mtu);

/* Hands a packet to the control lcore, or packets to another worker, in order. */
void worker_to_control(struct worker *w, struct rte_mbuf *m, enum pkt_task task);
void worker_hand_over(
	struct worker *w, uint16_t to, struct rte_mbuf **pkts, uint16_t n, enum pkt_task task);

static inline bool
burst_is_full(const struct burst *b)
{
	return b->n == BURST_MAX;
}

static inline void
burst_add(struct burst *b, struct rte_mbuf *m)
{
	RTE_ASSERT(b->n < BURST_MAX);
	b->pkts[b->n++] = m;
}

/* Takes one of a budget; false when there is none left in this second. */
bool worker_may(struct worker *w, uint32_t *budget);

#endif
