/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_PACKET_H
#define STAGE_PACKET_H

/* Packets as bytes: made from rows, sealed and opened by a peer that has keys and no gateway. */

#include <netinet/in.h>

#include "addr.h"
#include "crypto.h"

enum { PACKET_MAX = 65535 };

struct packet {
	uint32_t n;
	uint8_t bytes[PACKET_MAX];
};

/*
 * One IP packet. What is 0 takes a default: UDP, TTL 64, 100 bytes, ports 1000 and 2000. The
 * payload is right by its protocol (UDP, TCP, ICMP echo requests), checksums included; of other
 * protocols it is a pattern.
 */
struct packet_row {
	const char *src, *dst;
	uint16_t bytes; /* of the whole packet */
	uint8_t proto, ttl, tos;
	uint16_t src_port, dst_port; /* ICMP: src_port is type and code */
	uint16_t fragment;           /* IPv4: flags and offset, as in the header */
	uint16_t id;
	bool df;
};

void packet_ip(struct packet *p, const struct packet_row *row);

/* An IP header as the row says around a payload; with UDP a UDP header, too (checksum over IPv6).
 */
void packet_wrap(struct packet *p, const struct packet_row *row, const struct packet *payload);

/* Makes the IPv4 header checksum right again after a change. */
void packet_checksum(struct packet *p);

/* Takes one off the TTL, as a router does. */
void packet_forward(struct packet *p);

/* The key material of an SA, as its 72 hex digits in a configuration; id: two hex digits. */
#define KEY(id) #id "ffee000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

/* What the peer does with one packet. */
struct esp_row {
	uint8_t key; /* the id in KEY(id) */
	uint32_t spi;
	uint64_t seq;
	bool esn;
	uint8_t next_header; /* 0: by the payload's version */
	/* what is wrong in it */
	uint16_t tfc;       /* bytes after the payload */
	uint8_t pad_extra;  /* padding beyond what alignment needs, a multiple of 4 */
	bool pad_wrong;     /* bytes other than 1, 2, 3 */
	uint8_t pad_length; /* lies by this much */
	bool icv_wrong;
};

struct peer;
struct peer *peer_create(void);
void peer_destroy(struct peer *peer);

/* esp becomes the ESP packet (header to ICV) that carries the payload. */
void peer_seal(struct peer *peer, const struct esp_row *row, const struct packet *payload,
	struct packet *esp);
/* The same for a whole plaintext, its trailer included, of a multiple of 4 bytes. */
void peer_seal_text(struct peer *peer, const struct esp_row *row, const void *text, uint32_t bytes,
	struct packet *esp);

/* Opens an envelope (IP header, perhaps UDP, ESP) with a key; fills in spi, seq (its low half)
 * and next_header. false: it does not verify, or its padding is wrong. */
bool peer_open(struct peer *peer, struct esp_row *row, const struct packet *envelope,
	struct packet *payload);

#endif
