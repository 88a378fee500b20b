/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_H
#define PKT_H

/*
 * The typed view of a packet, in its mbuf's private area. Written once by the parser and added to
 * by the stages; later code trusts it and does not parse again.
 *
 * Between the stages an mbuf's data begins at the IP header (no Ethernet header; but for frames
 * that wait for their crypto alone, TASK_TX), its length is the IP packet's length (no Ethernet
 * padding), and the IP header with its extension headers and the first 8 bytes after them are
 * contiguous in the first segment.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

struct sa;

/* Where a packet comes from and goes to. */
enum zone { ZONE_PROTECTED, ZONE_UNPROTECTED, ZONE_TUNNEL, ZONE_SELF, ZONE_COUNT };

enum pkt_flag {
	PKT_FRAGMENT = 1 << 0,       /* part of a fragmented packet */
	PKT_LATER_FRAGMENT = 1 << 1, /* not its first part: no L4 header here, ports are 0 */
	PKT_ETH_MULTICAST = 1 << 2,  /* the frame was broadcast or multicast */
	PKT_DF = 1 << 3,             /* IPv4 DF; set for every IPv6 packet */
	PKT_DECRYPTED = 1 << 4,      /* came out of an ESP envelope */
	PKT_REASSEMBLED = 1 << 5,
	PKT_PROTECTED = 1 << 6,     /* an envelope of ours: past the policies */
	PKT_CHECKSUM_GOOD = 1 << 7, /* the NIC verified the L4 checksum */
};

/* What the control lcore, or another worker, is asked to do with a packet (see worker.h). */
enum pkt_task {
	TASK_NONE,
	/* worker to control lcore */
	TASK_ARP,        /* data begins at the ARP header; eth_src holds the sender */
	TASK_LOCAL,      /* an IP packet for the gateway itself: ND, echo, … */
	TASK_RESOLVE,    /* nexthop's link-layer address is needed; the packet waits */
	TASK_AUDIT,      /* dropped, and counted: argument says why (enum drop_reason) */
	TASK_ICMP_ERROR, /* answer this packet with icmp_type, icmp_code, argument (MTU or pointer)
			  */
	TASK_ACQUIRE,    /* dropped, and counted: its tunnel (TUNNEL_NONE: those of its route) is
			    down or has no SA; argument: 1 when an ICMP error is due as well */
	TASK_MAPPING,    /* a copy of the outer headers of an authentic envelope that did not come
			    from its tunnel's remote address and port; with sa_spi_be */
	/* control lcore to worker */
	TASK_SEND_FRAME,   /* a finished frame with its Ethernet header, for port `port` */
	TASK_SEND_IP,      /* an IP packet of our own (zone self): route it in `table` */
	TASK_SEND_NEXTHOP, /* an IP packet with its way known: nexthop */
	/* worker to worker */
	TASK_ESP_OUT, /* protect by tunnel, on the SA's owner */
	TASK_ESP_IN,  /* an envelope whose SA the other worker owns; data begins at the outer header
		       */
	TASK_TX,      /* a finished frame for a tx queue that the other worker owns */
};

/* The words are its first parts as envelopes' views are written, each with one store: many small
 * ones cost more than putting a word together. */
struct pkt {
	union {
		struct {
			uint16_t port;  /* index of the port it came in on, or goes out by */
			uint8_t zone;   /* enum zone it comes from */
			uint8_t family; /* 4 or 6 */
			uint8_t proto;  /* the L4 protocol, after the extension headers; 59 when
					   there is none */
			uint8_t flags;  /* enum pkt_flag */
			uint8_t tos;    /* TOS or traffic class */
			uint8_t ttl;
		};
		uint64_t word0;
	};
	union {
		struct {
			uint16_t l4_offset; /* IP header and extension headers */
			uint16_t table;     /* forwarding table */
			union {
				struct {
					uint16_t src_port_be; /* ICMP: type and code, as on the
								 wire */
					uint16_t dst_port_be; /* ICMP: 0 */
				};
				uint32_t ports_be;
			};
		};
		uint64_t word1;
	};
	union {
		struct {
			uint32_t nexthop; /* index into the next-hop table */
			uint8_t task;     /* enum pkt_task */
			uint8_t plain;    /* both addresses are unicast ones of no special kind;
					     0: not known */
			uint8_t depth;    /* tunnels it has been put into */
			uint8_t answers;  /* the zone of the packet that this one of ours answers,
					     plus 1; 0: none */
		};
		uint64_t word2;
	};
	union {
		struct {
			uint32_t tunnel; /* index; valid with tunnel_generation */
			uint16_t tunnel_generation;
			uint16_t frag_mtu; /* fragment the finished envelope to this; 0: leave it
					      whole */
		};
		uint64_t word3;
	};
	uint32_t argument; /* with TASK_ICMP_ERROR: MTU */
	uint8_t icmp_type, icmp_code;
	union {
		struct sa *sa;      /* on the owning worker only */
		uint32_t sa_spi_be; /* with TASK_AUDIT and TASK_MAPPING: the SA may be gone by then
				     */
	};
	uint64_t seq; /* extended sequence number */
} __attribute__((aligned(8)));

_Static_assert(
	RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "the shifts below are a little-endian machine's");

/* Where the fields are in the view's words. */
enum {
	PKT_ZONE_SHIFT = 16,
	PKT_FAMILY_SHIFT = 24,
	PKT_FLAGS_SHIFT = 40,
	PKT_TOS_SHIFT = 48,
	PKT_TTL_SHIFT = 56,
	PKT_TABLE_SHIFT = 16,
	PKT_DEPTH_SHIFT = 48,
	PKT_GENERATION_SHIFT = 32,
};

_Static_assert(sizeof(struct pkt) <= 64, "struct pkt outgrew its cache line");

/* Of every pool that packets come from: any segment may become the head. */
enum { PKT_PRIV_SIZE = 64 };

/*
 * That somebody looks at this packet (lib/look): pkt_mark says which trace is its. In the mbuf's
 * flags, since these are zero in every buffer that was received or allocated: nobody has to clear
 * it. A bit of those for dynamic flags, which the gateway registers by this number.
 */
enum { PKT_WATCHED_BIT = 40 };
#define PKT_WATCHED (UINT64_C(1) << PKT_WATCHED_BIT)

/* Behind the view, so that whoever writes a view leaves it alone. Means something with PKT_WATCHED
 * only. */
struct pkt_mark {
	uint16_t worker, slot; /* whose slot, and which of them */
	uint32_t generation;   /* of the slot */
};

_Static_assert(sizeof(struct pkt) + sizeof(struct pkt_mark) <= PKT_PRIV_SIZE, "no room for a mark");

static inline struct pkt *
pkt(struct rte_mbuf *m)
{
	return (struct pkt *)rte_mbuf_to_priv(m);
}

static inline const struct pkt *
pkt_const(const struct rte_mbuf *m)
{
	return (const struct pkt *)RTE_PTR_ADD(m, sizeof(*m));
}

/* Both at once, to be compared. */
static inline uint16_t
pkt_family_proto(const struct pkt *p)
{
	return (uint16_t)(p->family | p->proto << 8);
}

static inline struct pkt_mark *
pkt_mark(struct rte_mbuf *m)
{
	return (struct pkt_mark *)(pkt(m) + 1);
}

/* `to` is the packet now, or a piece of it, that `from` is; its flags may have been copied already.
 */
static inline void
pkt_mark_copy(struct rte_mbuf *to, struct rte_mbuf *from)
{
	to->ol_flags = (to->ol_flags & ~PKT_WATCHED) | (from->ol_flags & PKT_WATCHED);
	*pkt_mark(to) = *pkt_mark(from);
}

/* Of a packet of one segment, or in its first one: `ahead` bytes more at the front, and both
 * lengths longer by `longer`; either may be negative. */
static inline void
pkt_move(struct rte_mbuf *m, int16_t ahead, int32_t longer)
{
	m->data_off -= ahead;
	m->pkt_len += longer;
	m->data_len += longer;
}

/*
 * Makes the first n bytes contiguous in the first segment. false when the packet is shorter than n
 * or no room can be had; the packet is unchanged then.
 */
bool pkt_pull(struct rte_mbuf *m, uint16_t n);

/* The rare half of pkt_prepend: outside buffers, and by a new segment. */
struct rte_mbuf *pkt_prepend_segment(struct rte_mbuf *m, uint16_t n);

/* Whether n bytes before the packet are in its buffer, and nobody else's. */
static inline bool
pkt_has_headroom(const struct rte_mbuf *m, uint16_t n)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 && m->data_off >= n;
}

/*
 * Room for n bytes before the packet, contiguous; by a new segment when the first has no room or is
 * shared. Returns the mbuf that is the packet now (m, or the new head, which takes m's private
 * area), or NULL when there is no mbuf, m being unchanged.
 */
static inline struct rte_mbuf *
pkt_prepend(struct rte_mbuf *m, uint16_t n)
{
	if (unlikely(!pkt_has_headroom(m, n)))
		return pkt_prepend_segment(m, n);
	pkt_move(m, (int16_t)n, n);
	return m;
}

/* Room for n (<= 256) contiguous bytes after the packet; by a new segment when needed. NULL: no
 * mbuf. */
uint8_t *pkt_append(struct rte_mbuf *m, uint16_t n);

/* The rare half of pkt_trim_front: over segments. */
void pkt_trim_front_segments(struct rte_mbuf **m, uint32_t n);

/* Takes n bytes off the front or the end, over segments; emptied segments are freed. n <= pkt_len.
 */
static inline void
pkt_trim_front(struct rte_mbuf **m, uint32_t n)
{
	if (likely(n < (*m)->data_len))
		rte_pktmbuf_adj(*m, (uint16_t)n);
	else
		pkt_trim_front_segments(m, n);
}
void pkt_trim_end(struct rte_mbuf *m, uint32_t n);

/* Copies n bytes at offset into the packet, over segments. The range is inside the packet. */
void pkt_write(struct rte_mbuf *m, uint32_t offset, const void *from, uint32_t n);

#endif
