/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ESP_H
#define ESP_H

/*
 * ESP as a transformation of packets, knowing no port and no tunnel (RFC 4303, 4106). On the SA's
 * owning worker.
 *
 * Outbound a packet is what ESP shall carry (for IPIP: the inner packet); esp_seal_job puts ESP
 * header, IV, padding, trailer and room for the ICV around it and describes the crypto job. Inbound
 * the packet begins at the ESP header; esp_open_job describes the job, and esp_open_finish, after
 * the crypto, checks and takes off what ESP added.
 */

#include "drop.h"
#include "pkt.h"
#include "sa.h"

/* What an ESP packet consists of beside its payload. */
struct esp_shape {
	uint16_t overhead; /* ESP header and IV */
	uint8_t icv_bytes, align;
	bool esn;
};

/* What the packets of one SA have in common, read once for a burst. */
struct esp_sa {
	rte_be32_t spi_be;
	uint32_t salt;
	struct crypto_session *session;
	struct esp_shape shape;
};

/*
 * Outbound, packets of one SA: begin, esp_seal_job (esp_job.h) for each with the next number, end.
 *
 * begin says which of the packets may go: never one beyond the reservation of sequence numbers,
 * never round the end of their space, none beyond the hard lifetime. Those that may not are put to
 * dead[] with their reasons in why[] (*n_dead of them); the others are kept, compacted, and counted
 * in what it returns; *seq is the first one's number.
 */
uint16_t esp_seal_begin(struct sa *sa, struct rte_mbuf **pkts, uint16_t n, uint64_t *seq,
	struct rte_mbuf **dead, enum drop_reason *why, uint16_t *n_dead);

/* seq: the first number that was not used. bytes: of what was sealed, before. */
void esp_seal_end(struct sa *sa, uint64_t seq, uint64_t bytes);

/*
 * Inbound, packets of one SA that begin at the ESP header: esp_open_may once; esp_open_check and
 * esp_open_job (esp_open.h) for each, the first of which sets the number for the second; after the
 * crypto esp_open_begin, esp_open_commit and esp_open_finish for each (of one as most are:
 * esp_open_ends, the commit, esp_open_take, esp_open_counted), esp_open_end.
 */

/* false: the SA's lifetime is over; nothing more passes. */
bool esp_open_may(const struct sa *sa);

/* Packets of one SA whose ICVs were verified, on their way through esp_open_finish. */
struct esp_opening {
	struct sa *sa;
	struct esp_sa esp;
	bool all_may;            /* the hard lifetime leaves room for all of them */
	uint64_t packets, bytes; /* what passed, counted at the end */
};

/* Of at most n packets; esp_open_end counts what passed. */
struct esp_opening esp_open_begin(struct sa *sa, uint16_t n);

static inline void
esp_open_end(const struct esp_opening *o)
{
	counter_add(&o->sa->hot.traffic, o->packets, o->bytes);
}

/* The largest payload whose ESP packet is at most `bytes` long; 0: none. For MTUs: by algorithm,
 * before there is an SA. */
uint32_t esp_payload_max(const struct crypto_algorithm *algorithm, uint32_t bytes);

#endif
