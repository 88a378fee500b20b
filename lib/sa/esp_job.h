/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ESP_JOB_H
#define ESP_JOB_H

/*
 * One packet's way into and out of a crypto job: the lower half of esp.c. Sequence number, IV and
 * next header are the caller's, so that published vectors, whose IVs are not sequence numbers, go
 * through the same code.
 */

#include <string.h>

#include <rte_byteorder.h>
#include <rte_esp.h>

#include "esp.h"

enum {
	ESP_HEADER_BYTES = sizeof(struct rte_esp_hdr),
	ESP_TRAILER_BYTES = 2, /* pad length and next header */
	ESP_NEXT_HEADER_DUMMY = 59,
};

/*
 * AAD of RFC 4106 5: SPI and sequence number, with ESN all 64 bits of it. Word by word: what is
 * stored in words and read at once as more stalls (store forwarding), and doing so here cost half
 * of the whole preparation.
 */
static inline void
esp_aad_write(const struct sa *sa, uint64_t seq, uint8_t *aad)
{
	rte_be32_t high = rte_cpu_to_be_32((uint32_t)(seq >> 32));
	rte_be32_t low = rte_cpu_to_be_32((uint32_t)seq);
	rte_be32_t second = sa->esn ? high : low;

	memcpy(aad, &sa->spi_be, 4);
	memcpy(aad + 4, &second, 4);
	memcpy(aad + 8, &low, 4);
}

static inline uint8_t
esp_aad_bytes(bool esn)
{
	return esn ? 12 : 8;
}

/* Nonce of RFC 4106 4: salt and the IV as on the wire. */
static inline void
esp_nonce_write(const struct sa *sa, const void *iv, struct crypto_nonce *nonce)
{
	memcpy(nonce->bytes, &sa->salt, sizeof(sa->salt));
	memcpy(nonce->bytes + sizeof(sa->salt), iv, sizeof(uint64_t));
}

static inline uint32_t
esp_pad_bytes(uint8_t align, uint32_t payload)
{
	return -(payload + ESP_TRAILER_BYTES) & (align - 1u);
}

/* Room behind the packet, in the common case without walking a chain. */
static inline uint8_t *
esp_tail(struct rte_mbuf *m, uint16_t bytes)
{
	uint8_t *tail;

	if (unlikely(m->nb_segs != 1 || !RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1 ||
		     rte_pktmbuf_tailroom(m) < bytes))
		return pkt_append(m, bytes);
	tail = rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len);
	m->data_len += bytes;
	m->pkt_len += bytes;
	return tail;
}

/* Room before the packet, of which `extra` bytes stay headroom. NULL: no mbuf. */
static inline struct rte_mbuf *
esp_head(struct rte_mbuf *m, uint16_t bytes, uint16_t extra)
{
	if (unlikely(!RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1 ||
		     rte_pktmbuf_headroom(m) < bytes + extra)) {
		m = pkt_prepend(m, bytes + extra);
		if (m != NULL)
			rte_pktmbuf_adj(m, extra);
		return m;
	}
	m->data_off -= bytes;
	m->data_len += bytes;
	m->pkt_len += bytes;
	return m;
}

/* Padding 1, 2, 3, … (at most 3), pad length, next header; then the ICV has its place, which has
 * room for what is written here too much. */
static inline void
esp_trailer_write(uint8_t *tail, uint32_t pad, uint8_t next_header)
{
	static const uint8_t padding[4] = {1, 2, 3};

	memcpy(tail, padding, sizeof(padding));
	tail[pad] = (uint8_t)pad;
	tail[pad + 1] = next_header;
}

/*
 * Puts ESP around one packet and appends its job to burst. iv: 8 bytes as on the wire. DROP_NONE or
 * DROP_no_mbuf (m is then still the packet, longer perhaps).
 */
static inline enum drop_reason
esp_seal_job(const struct sa *sa, struct rte_mbuf *m, uint16_t headroom_extra, uint8_t next_header,
	uint64_t seq, const void *iv, struct crypto_burst *burst)
{
	uint16_t job = burst->n;
	uint32_t text = m->pkt_len + ESP_TRAILER_BYTES;
	uint32_t pad = esp_pad_bytes(sa->align, m->pkt_len);
	uint8_t *tail = esp_tail(m, (uint16_t)(pad + ESP_TRAILER_BYTES + sa->icv_bytes));
	struct rte_esp_hdr *header;

	if (unlikely(tail == NULL))
		return DROP_no_mbuf;
	esp_trailer_write(tail, pad, next_header);
	m = esp_head(m, sa->overhead, headroom_extra);
	if (unlikely(m == NULL))
		return DROP_no_mbuf;
	header = rte_pktmbuf_mtod(m, struct rte_esp_hdr *);
	header->spi = sa->spi_be;
	header->seq = rte_cpu_to_be_32((uint32_t)seq);
	memcpy(header + 1, iv, sizeof(uint64_t));
	pkt(m)->seq = seq;

	burst->pkts[job] = m;
	burst->sessions[job] = sa->session;
	burst->text[job] = (uint8_t *)header + sa->overhead;
	burst->text_bytes[job] = text + pad;
	burst->icv[job] = tail + pad + ESP_TRAILER_BYTES;
	esp_nonce_write(sa, iv, &burst->nonce[job]);
	esp_aad_write(sa, seq, burst->aad[job]);
	burst->n = job + 1;
	return DROP_NONE;
}

/* Appends the job that opens m (long enough, header and IV contiguous) as number seq. */
static inline void
esp_open_job(const struct sa *sa, struct rte_mbuf *m, uint64_t seq, struct crypto_burst *burst)
{
	uint16_t job = burst->n;
	uint32_t end = m->pkt_len - sa->icv_bytes;

	pkt(m)->seq = seq;
	burst->pkts[job] = m;
	burst->sessions[job] = sa->session;
	burst->text[job] = rte_pktmbuf_mtod_offset(m, uint8_t *, sa->overhead);
	burst->text_bytes[job] = end - sa->overhead;
	if (likely(m->nb_segs == 1)) {
		burst->icv[job] = rte_pktmbuf_mtod_offset(m, uint8_t *, end);
	} else {
		/* a pointer into the packet, or to the copy when it straddles segments */
		burst->icv[job] = (uint8_t *)(uintptr_t)rte_pktmbuf_read(
			m, end, sa->icv_bytes, burst->icv_copy[job]);
	}
	esp_nonce_write(
		sa, rte_pktmbuf_mtod_offset(m, void *, ESP_HEADER_BYTES), &burst->nonce[job]);
	esp_aad_write(sa, seq, burst->aad[job]);
	burst->n = job + 1;
}

#endif
