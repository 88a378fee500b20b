/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOOK_HEADER_H
#define LOOK_HEADER_H

/*
 * What a packet says of itself, read for those who look at it: from the bytes alone, without the
 * view, so that it can be read before the parser was there, and of packets that it refuses. Any
 * thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

struct look_header {
	uint8_t family; /* 4 or 6; 0: no IP header could be read */
	uint8_t proto;  /* after IPv6's extension headers */
	uint8_t ttl, tos;
	bool fragment, later_fragment;
	bool esp;                    /* spi and sequence are there */
	uint16_t src_port, dst_port; /* host byte order; 0: none */
	uint8_t icmp_type, icmp_code;
	uint32_t spi, sequence; /* host byte order; ESP's, over UDP too */
	uint32_t bytes;         /* of the packet, as its mbuf has it */
	uint8_t src[16], dst[16];
};

/* What of a frame comes before its IP packet. */
struct look_frame {
	uint16_t ethertype; /* host byte order, after a VLAN tag */
	uint16_t vlan;      /* 0: none */
	uint16_t bytes;     /* of the Ethernet header and the tag; 0: the frame is too short */
};

struct look_frame look_frame_read(const struct rte_mbuf *m);

/* The IP packet at offset of m. udp_ports: a bit for each port that carries ESP; NULL: none does.
 */
struct look_header look_header_read(
	const struct rte_mbuf *m, uint32_t offset, const uint64_t *udp_ports);

/* Whether an IP packet that is whole begins at offset: its header and its length say so. */
bool look_is_packet(const struct rte_mbuf *m, uint32_t offset);

#endif
