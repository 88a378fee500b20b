/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TUNNEL_H
#define TUNNEL_H

/*
 * A tunnel: a point-to-point link ipsecN. It prepends and takes off the outer IP header (and UDP
 * for that carrier) and decides what both say (RFC 2003, 2473, 3884, 3948, 4301 5.1.2, 6040). Made
 * on the control lcore; the packet path reads it.
 */

#include <rte_branch_prediction.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_prefetch.h>
#include <rte_udp.h>

#include "addr.h"
#include "counter.h"
#include "drop.h"
#include "errmsg.h"
#include "numa.h"
#include "pkt.h"
#include "selector.h"
#include "sizes.h"

struct sa;
struct rte_hash;

enum tunnel_encapsulation {
	TUNNEL_IPIP,  /* IIPtran */
	TUNNEL_TUNNEL /* RFC 4301 tunnel-mode SA: the same bytes */
};

enum tunnel_carrier { TUNNEL_ESP, TUNNEL_UDP };

enum tunnel_df {
	TUNNEL_DF_COPY,
	TUNNEL_DF_SET,
	TUNNEL_DF_CLEAR /* TUNNEL_TUNNEL only */
};

enum {
	TUNNEL_DSCP_COPY = -1,
	TUNNEL_OUTER_MAX = 40 + 8 + 16, /* IPv6, UDP, ESP header and IV: fits before any packet */
	TUNNEL_NONE = 0xffffffff,
};

struct tunnel_config {
	char name[NAME_MAX_LEN];
	enum tunnel_encapsulation encapsulation;
	enum tunnel_carrier carrier;
	enum tunnel_df df;
	struct ip_addr local, remote;         /* outer, one family */
	struct ip_addr address, peer_address; /* inner; family 0: none */
	struct ip_addr address6, peer_address6;
	uint16_t local_port, remote_port; /* UDP */
	uint16_t keepalive_seconds;       /* UDP: 0 is none */
	uint16_t mtu; /* of inner packets; 0: what the outer port's MTU leaves */
	uint8_t ttl;
	int8_t dscp; /* TUNNEL_DSCP_COPY or 0 to 63 */
	bool ecn;    /* false: outer Not-ECT (RFC 6040 compatibility mode) */
	bool up;     /* admin state */
	uint16_t table, outer_table;
	uint32_t metric;
	struct selector *selectors; /* none: all is admitted */
	uint32_t n_selectors;
};

/* One for each worker, written by it alone but for sa_out. */
struct tunnel_worker {
	struct counter out, in;
	struct sa *sa_out; /* the worker's own SA (RFC 9611) or the fallback; control writes,
			      atomic; NULL: none */
	uint32_t outer_id, outer_id_step; /* tunnel_outer_id */
	/* the last source other than the remote one that was told to the control lcore (a hash; 0:
	 * none was), and when */
	uint64_t moved_to, moved_tsc;
} __rte_cache_aligned;

_Static_assert(sizeof(struct tunnel_worker) == RTE_CACHE_LINE_SIZE, "outgrew its cache line");

/* How an envelope's header follows from the inner one: RFC 4301 5.1.2, 6040 4.1. */
struct tunnel_rules {
	uint8_t tos_copied; /* mask: what of the inner TOS or traffic class is copied; */
	uint8_t tos_set;    /* and what is set */
	uint8_t df_copied;  /* PKT_DF: the inner DF is copied */
	uint8_t df_set;     /* PKT_DF: DF is set whatever the inner one is */
};

/* What outer headers consist of. */
struct outer_shape {
	uint16_t bytes, l4_offset;
	bool v4, udp;
};

/* What the envelopes of a tunnel have in common (outer.h writes them). Addresses as they lie in a
 * header, the rest in host byte order. */
struct outer {
	struct tunnel_rules rules;
	struct outer_shape shape;
	uint32_t nexthop;      /* of a burst: outer_of sets it */
	uint64_t word0, word1; /* of the view */
	uint32_t src, dst;     /* IPv4 */
	uint32_t ttl_proto;    /* in the high bits of their word */
	uint32_t sum;          /* of the words of the IPv4 header */
};

struct tunnel {
	/* --- all that is read of it for most packets that go in, in one cache line. What control
	 * writes while it is there, workers read relaxed or acquire */
	struct outer headers;
	uint32_t outer_nexthop; /* resolved from outer_table and remote by the control lcore at each
				   route change; NEXTHOP_ID_* */
	uint32_t n_selectors;
	uint16_t generation; /* of the index */
	uint16_t mtu;        /* control: of inner packets, in force */
	bool up;             /* control: oper state: admin up, an outer route, an outbound SA */
	bool loop;           /* control: the outer route leads into this tunnel again */
	uint8_t carrier, outer_family;
	/* --- and what is read beside it for those that come out. An inbound envelope's IPv4 source
	 * and destination, as they lie in it, and which of their bits have to be these */
	uint64_t inbound4 __rte_cache_aligned, inbound4_mask;
	uint32_t index;
	uint16_t table, outer_table;
	uint8_t encapsulation, df;
	uint8_t outer_bytes; /* outer IP header and UDP header: prepended before ESP */
	bool receives;       /* control: its local address is ours in outer_table */
	uint16_t outer_mtu;  /* control: what an envelope may be before it is fragmented */
	/* the largest inner packet whose envelope's length an IP header can still say; larger ones
	 * are too big however they may be fragmented */
	uint16_t payload_max;
	const struct selector *selectors;
	/* template of the outer headers, complete for TOS 0, length 0, no DF, ID 0: the IPv4
	 * checksum is right for these, and takes in by addition what is filled in */
	union {
		uint8_t outer[48];
		struct {
			struct rte_ipv4_hdr ip4;
			struct rte_udp_hdr udp4;
		} __rte_packed;
		struct {
			struct rte_ipv6_hdr ip6;
			struct rte_udp_hdr udp6;
		} __rte_packed;
	};
	/* --- control lcore */
	uint32_t outer_hash; /* parse_flow_hash of its envelopes */
	struct tunnel_config config;
	uint64_t keepalive_due_ms;
	uint16_t n_workers;
	struct tunnel_worker workers[]; /* by worker */
} __rte_cache_aligned;

_Static_assert(offsetof(struct tunnel, inbound4) == RTE_CACHE_LINE_SIZE,
	"what each packet needs outgrew its cache line");

struct tunnel_table {
	uint32_t capacity;
	struct tunnel **tunnels; /* by index; NULL: none. Pointers atomic */
	uint16_t *generations;
	struct tunnel_table *next; /* the same tunnels, for the workers of the next NUMA node */
	/* --- control lcore, of the first */
	struct rte_hash *by_name;
	uint32_t taken_below; /* no index below this one is free */
};

/* One for each node, in order by `next`; what follows takes the first. */
struct tunnel_table *tunnel_table_create(
	uint32_t capacity, const struct numa_nodes *nodes, struct error *err);
void tunnel_table_destroy(struct tunnel_table *t); /* its tunnels too */
struct tunnel *tunnel_table_find(const struct tunnel_table *t, const char *name);

/* Data path: the tunnel at index, NULL when it is gone or another one by now. */
static inline struct tunnel *
tunnel_get(const struct tunnel_table *t, uint32_t index, uint16_t generation)
{
	struct tunnel *tunnel = __atomic_load_n(&t->tunnels[index], __ATOMIC_ACQUIRE);

	return tunnel && tunnel->generation == generation ? tunnel : NULL;
}

/* Data path: fetches what a worker reads and writes of the tunnel for each packet that goes into
 * it.
 */
static inline void
tunnel_prefetch_out(const struct tunnel *tunnel, uint16_t worker)
{
	rte_prefetch0(tunnel);
	rte_prefetch0(&tunnel->workers[worker]);
}

/* The same for packets that come out of it. */
static inline void
tunnel_prefetch_in(const struct tunnel_table *t, uint32_t index, uint16_t worker)
{
	const struct tunnel *tunnel = __atomic_load_n(&t->tunnels[index], __ATOMIC_ACQUIRE);

	if (!tunnel)
		return;
	rte_prefetch0(tunnel);
	rte_prefetch0(&tunnel->inbound4);
	rte_prefetch0(&tunnel->workers[worker]);
}

/* Makes a tunnel (config is copied, selectors too) and publishes it, down. workers: how many.
 * -EEXIST by name, -ENOSPC. Control. */
int tunnel_create(struct tunnel_table *t, const struct tunnel_config *config, uint16_t workers,
	int socket, struct tunnel **out, struct error *err);
/* The index that the next one will get; capacity: there is no room. Control. */
uint32_t tunnel_table_next(struct tunnel_table *t);

/* What a tunnel will be with another configuration (of the same name), with its index and its
 * generation, and down; nobody sees it yet. 0 or -ENOMEM. Control. */
int tunnel_successor_create(const struct tunnel *tunnel, const struct tunnel_config *config,
	int socket, struct tunnel **out, struct error *err);
/* The successor is the tunnel from now on; the other one is freed after a grace period. Control. */
void tunnel_succeed(struct tunnel_table *t, const struct tunnel *tunnel, struct tunnel *successor);

/* Unpublishes. tunnel_free after a grace period. */
void tunnel_retire(struct tunnel_table *t, struct tunnel *tunnel);
void tunnel_free(struct tunnel *tunnel);

/*
 * The next ID for an outer packet that may be fragmented: an IPv4 ID (its low half) without DF, an
 * IPv6 fragment ID. The workers count in steps of their number from different starts, so that no
 * two of them use one value (RFC 6864 4.1). Data path.
 */
static inline uint32_t
tunnel_outer_id(struct tunnel *tunnel, uint16_t worker)
{
	struct tunnel_worker *own = &tunnel->workers[worker];
	uint32_t id = own->outer_id;

	own->outer_id = id + own->outer_id_step;
	return id;
}

/* The inner MTU that an outer path of path_mtu leaves: config.mtu when that is smaller. overhead by
 * algorithm of the widest. Sets mtu and outer_mtu. */
void tunnel_mtu_update(struct tunnel *tunnel, uint16_t path_mtu);

/* The half of the next one for a tunnel with selectors. */
bool tunnel_selects(const struct tunnel *tunnel, const struct rte_mbuf *m, bool outbound);

/* Whether the selectors (or the link's own traffic, DESIGN.md) admit a parsed packet. Data path. */
static inline bool
tunnel_admits(const struct tunnel *tunnel, const struct rte_mbuf *m, bool outbound)
{
	return tunnel->n_selectors == 0 || tunnel_selects(tunnel, m, outbound);
}

/* Completes a finished envelope by the checksum of UDP over IPv6 (RFC 8200 8.1). */
void tunnel_checksum(struct rte_mbuf *m);

static inline bool
tunnel_needs_checksum(const struct tunnel *tunnel)
{
	return tunnel->carrier == TUNNEL_UDP && tunnel->outer_family == 6;
}

/* The outer UDP header that it writes. */
static inline const struct rte_udp_hdr *
tunnel_udp(const struct tunnel *tunnel)
{
	return tunnel->outer_family == 4 ? &tunnel->udp4 : &tunnel->udp6;
}

/* Whether an outer IP header says that it comes from the remote address. Data path. */
static inline bool
tunnel_is_remote(const struct tunnel *tunnel, const void *header)
{
	const bool v4 = tunnel->outer_family == 4;

	return ip_bytes_equal(RTE_PTR_ADD(header, v4 ? offsetof(struct rte_ipv4_hdr, src_addr)
						     : offsetof(struct rte_ipv6_hdr, src_addr)),
		v4 ? (const void *)&tunnel->ip4.dst_addr : tunnel->ip6.dst_addr,
		tunnel->outer_family);
}

/* The half of the next one for IPv6. */
bool tunnel_owns_outer6(const struct tunnel *tunnel, const struct rte_mbuf *m);

/*
 * Before decryption: whether the parsed envelope's outer addresses are the tunnel's own (RFC
 * 3884 4.1): the destination always, the source for TUNNEL_IPIP but over UDP. There it may be a
 * peer that has moved: whose envelope it is has to be known before it is refused.
 */
static inline bool
tunnel_owns_outer(const struct tunnel *tunnel, const struct rte_mbuf *m)
{
	uint64_t addresses;

	if (unlikely(pkt_const(m)->family != tunnel->outer_family))
		return false;
	if (tunnel->outer_family == 6)
		return tunnel_owns_outer6(tunnel, m);
	memcpy(&addresses,
		rte_pktmbuf_mtod_offset(m, void *, offsetof(struct rte_ipv4_hdr, src_addr)),
		sizeof(addresses));
	return ((addresses ^ tunnel->inbound4) & tunnel->inbound4_mask) == 0;
}

#endif
