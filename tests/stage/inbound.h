/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_INBOUND_H
#define STAGE_INBOUND_H

/*
 * The inbound path from wire to inner packet, for tests that give it what nobody would send: valid
 * envelopes of every kind to begin from, and a judge of what comes out.
 */

#include "fixture.h"
#include "site.h"

/* Each kind of tunnel with each family inside, without replay window, so that the same envelope
 * may come again; and one with a window. */
enum {
	INBOUND_WINDOW = SITE_KINDS * 2,
	INBOUND_CASES,
	INBOUND_TEXT_MAX = 4096,
	INBOUND_HEADER = 14, /* Ethernet */
};

struct inbound {
	struct stage_fixture f;
	struct peer *peer;
	uint64_t seq;
	struct packet inner[INBOUND_CASES]; /* what is sealed */
	struct packet out[INBOUND_CASES];   /* what must come out of it */
	uint64_t sent, delivered, answered;
	uint64_t forged; /* came out on the protected side, and nobody had sent it */
};

void inbound_open(struct inbound *in, const char *engine);
/* Returns how many checks failed. */
uint32_t inbound_close(struct inbound *in);

/* A frame with the valid envelope of a case. */
void inbound_envelope(struct inbound *in, unsigned int which, struct packet *frame);

/* Padding, its length and the next header, as they should be behind a payload. */
void inbound_trailer(struct packet *text, uint8_t next_header);

/* The plaintext of a case, trailer included; and a frame with any plaintext (a multiple of 4 long)
 * sealed with the case's key. */
void inbound_text(const struct inbound *in, unsigned int which, struct packet *text);
void inbound_seal(
	struct inbound *in, unsigned int which, const struct packet *text, struct packet *frame);

/* Puts a frame before the gateway, as it lies in memory. */
void inbound_put(struct inbound *in, const struct packet *frame, const struct stage_shape *shape);

/*
 * Lets the gateway work and takes what it sent. authentic: what it was given has been sealed with
 * the right key, and may say anything; otherwise what comes out on the protected side must be what
 * has been sealed (but for ECN, which the outer header changes). Returns how many were forged.
 */
uint64_t inbound_turn(struct inbound *in, bool authentic);

/* Ends what still waits for fragments or neighbours; afterwards sent is delivered and dropped.
 * false: some packet was lost without a trace, or counted twice. */
bool inbound_settle(struct inbound *in);

#endif
