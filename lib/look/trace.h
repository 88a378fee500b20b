/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOOK_TRACE_H
#define LOOK_TRACE_H

/*
 * What becomes of packets, step by step.
 *
 * A packet that is looked at has a slot, which its mark (pkt.h) names. Whoever has the packet has
 * the slot: a slot goes from one thread to the next with its packet, through the ring or the engine
 * that hands the packet on, and what orders the packet's bytes orders the slot's. So notes need no
 * lock. Only the pieces of a packet that was cut share one slot, perhaps on several threads: they
 * take their places among its records with an atomic addition. The last of them to end gives the
 * slot back: `refs`, decremented with acquire and release, orders their notes before that.
 *
 * Whether a packet is kept is known at its end, when every condition of the filter was met on its
 * way or not: then its records are copied to the trace, where each has its place by an atomic
 * addition and is published by a store with release. What is not wanted costs nobody anything more.
 */

#include <stdbool.h>
#include <stdint.h>

#include "filter.h"

/* X(name, text): what a record is about, in the order of the walk. doc/looking-inside.md says more.
 */
#define TRACE_POINTS(X)                                                                            \
	X(received, "received")                                                                    \
	X(own, "the gateway's own")                                                                \
	X(inbox, "taken from the inbox")                                                           \
	X(parsed, "parsed")                                                                        \
	X(fragment, "waits for the other fragments")                                               \
	X(reassembled, "whole again, with the other fragments")                                    \
	X(joined, "goes on as a part of the whole packet")                                         \
	X(route, "route")                                                                          \
	X(policy, "policy")                                                                        \
	X(protect, "may go into the tunnel")                                                       \
	X(split, "cut into fragments")                                                             \
	X(seal, "sealed, all but the ciphertext")                                                  \
	X(envelope, "an envelope")                                                                 \
	X(open, "its SA takes it, its number is new")                                              \
	X(engine, "offered to the asynchronous engine")                                            \
	X(encrypted, "encrypted")                                                                  \
	X(verified, "decrypted, integrity verified")                                               \
	X(decapsulated, "out of the envelope")                                                     \
	X(again, "enters routing anew")                                                            \
	X(handover, "to another worker")                                                           \
	X(control, "to the control lcore")                                                         \
	X(wait, "a link-layer address is needed")                                                  \
	X(answer, "answered by an ICMP error")                                                     \
	X(no_answer, "not answered: over the rate, or no address to answer from")                  \
	X(reply, "turned into the echo reply")                                                     \
	X(transmit, "offered to the driver")                                                       \
	X(sent, "sent")                                                                            \
	X(drop, "dropped")

enum trace_point {
#define X(name, text) TRACE_##name,
	TRACE_POINTS(X)
#undef X
		TRACE_POINT_COUNT
};

const char *trace_point_name(enum trace_point point);
const char *trace_point_text(enum trace_point point);

enum {
	TRACE_RECORDS = 48,  /* of a packet */
	TRACE_LAST_ONES = 8, /* of these, places that only its ends take */
	TRACE_SLOTS = 1024,  /* packets of one worker under way */
	TRACE_PACKETS_MAX = 1000,
	TRACE_CONTROL = 0xffff, /* in place of a worker's index */
	TRACE_NO_PORT = 0xffff,
};

struct trace_record {
	uint64_t tsc;
	uint64_t sequence; /* of the SA; extended where the SA's is known */
	uint32_t spi;      /* with has_sa */
	uint32_t number;   /* by point, see doc/looking-inside.md */
	uint32_t tunnel;   /* its index, with has_tunnel */
	uint16_t tunnel_generation;
	uint16_t worker;    /* who notes it */
	uint16_t port;      /* index, or TRACE_NO_PORT */
	uint16_t reason;    /* of a drop */
	uint8_t point;      /* enum trace_point */
	uint8_t zone;       /* enum zone; with has_view */
	uint8_t task;       /* enum pkt_task */
	uint8_t nexthop;    /* enum nexthop_type, of TRACE_route */
	uint8_t action;     /* enum spd_action, of TRACE_policy */
	uint8_t mac[6];     /* of TRACE_sent: the destination */
	struct ip_addr via; /* the next hop's, or whose link-layer address is waited for */
	bool has_sa, has_tunnel, has_view;
	struct look_header header; /* the outermost of the packet at that point */
};

/* Where the packet was when the last note was made of it. */
enum trace_layer { LAYER_UNKNOWN, LAYER_FRAME, LAYER_IP, LAYER_ESP };

struct trace_slot {
	uint32_t generation; /* counts its packets */
	uint32_t n;          /* atomic; records: more than there are, perhaps */
	uint32_t missed;     /* atomic; records that found no room */
	uint32_t trace;      /* serial of the trace that it is for; 0: for captures only */
	uint8_t met;         /* atomic; enum look_condition: all that were met so far */
	/* of its last note, while it is one packet alone */
	uint8_t layer; /* enum trace_layer */
	uint16_t offset;
	uint16_t ip_offset; /* and the outermost IP header at this one; LAYER_ESP: before it */
	const void *buffer; /* data began at offset of this buffer */
	uint16_t port;      /* it came in on, or goes out by */
	bool has_sa, has_tunnel;
	uint32_t spi, tunnel;
	uint16_t tunnel_generation;
	uint64_t sequence;
	struct look_header header;
	struct trace_record records[TRACE_RECORDS];
};

/* The slots whose packets one worker began to look at. */
struct trace_slots {
	uint32_t *refs; /* by slot: packets that have it; 0: free. Atomic */
	struct trace_slot *slots;
	uint32_t next;   /* the worker's: where it looks for a free one */
	uint64_t missed; /* atomic, the worker's: packets that found none */
};

int trace_slots_init(struct trace_slots *s);
void trace_slots_free(struct trace_slots *s);
/* All are free again. While no thread has a packet that is looked at. */
void trace_slots_reset(struct trace_slots *s);

/* The worker's own: a free slot, whose number is *index; NULL: none, and counted. */
struct trace_slot *trace_slot_take(struct trace_slots *s, uint16_t *index);

/* A packet that was kept. */
struct trace_packet {
	bool ready;      /* atomic: the rest is there */
	uint32_t n;      /* records */
	uint32_t missed; /* records that found no room */
	struct trace_record *records;
};

/* One trace.start. */
struct trace {
	struct look_filter filter;
	uint8_t conditions; /* of the filter */
	uint32_t wanted;    /* packets */
	uint32_t serial;    /* its number: packets that were begun for another one are not its */
	uint32_t taken;     /* atomic; asked for: more than wanted, perhaps */
	struct trace_packet *packets;
	struct trace_record *records; /* TRACE_RECORDS for each */
};

/* wanted: 1 to TRACE_PACKETS_MAX. NULL: no memory. Control lcore. */
struct trace *trace_create(const struct look_filter *filter, uint32_t wanted, uint32_t serial);
void trace_destroy(struct trace *t); /* NULL is fine */

/* Any thread: whether there are as many as wanted. */
static inline bool
trace_is_full(const struct trace *t)
{
	return __atomic_load_n(&t->taken, __ATOMIC_RELAXED) >= t->wanted;
}

/* A place for a record; is_end: of the ones that are kept for a packet's ends. NULL: full. */
struct trace_record *trace_record_add(struct trace_slot *slot, bool is_end);

/* Keeps the slot's records if its packet met all conditions. */
void trace_keep(struct trace *t, const struct trace_slot *slot);

#endif
