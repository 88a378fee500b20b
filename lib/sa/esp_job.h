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
#include <rte_prefetch.h>

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
esp_aad_write(rte_be32_t spi_be, bool esn, uint64_t seq, uint8_t *aad)
{
	rte_be32_t high = rte_cpu_to_be_32((uint32_t)(seq >> 32));
	rte_be32_t low = rte_cpu_to_be_32((uint32_t)seq);
	rte_be32_t second = esn ? high : low;

	memcpy(aad, &spi_be, 4);
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
esp_nonce_write(uint32_t salt, const void *iv, struct crypto_nonce *nonce)
{
	memcpy(nonce->bytes, &salt, sizeof(salt));
	memcpy(nonce->bytes + sizeof(salt), iv, sizeof(uint64_t));
}

static inline uint32_t
esp_pad_bytes(uint8_t align, uint32_t payload)
{
	return -(payload + ESP_TRAILER_BYTES) & (align - 1u);
}

static inline struct esp_sa
esp_sa_of(const struct sa *sa)
{
	return (struct esp_sa){.spi_be = sa->spi_be,
		.salt = sa->salt,
		.session = sa->session,
		.shape = {.overhead = sa->overhead, .icv_bytes = sa->icv_bytes, .align = sa->align},
		.esn = sa->esn};
}

/* How long the ESP packet is that carries `bytes`. */
static inline uint32_t
esp_bytes(struct esp_shape shape, uint32_t bytes)
{
	return shape.overhead + bytes + esp_pad_bytes(shape.align, bytes) + ESP_TRAILER_BYTES +
	       shape.icv_bytes;
}

/* Makes room for `tail` bytes behind the packet and for `head` before it, as part of it. Where the
 * tail's begins; NULL: no mbuf (m is then still the packet, longer perhaps). *m is the packet's
 * head after it. */
uint8_t *esp_make_room(struct rte_mbuf **m, uint16_t tail, uint16_t head);

/* Whether a packet is one segment, ours alone, with so much room before and behind it. */
static inline bool
esp_has_room(const struct rte_mbuf *m, uint32_t tail, uint32_t head)
{
	const uint32_t data_off = m->data_off;

	return m->nb_segs == 1 && rte_mbuf_refcnt_read(m) == 1 && RTE_MBUF_DIRECT(m) &&
	       data_off >= head && data_off + m->data_len + tail <= m->buf_len;
}

/* Padding 1, 2, 3, … (at most 3), pad length, next header, in one store; then the ICV has its
 * place, which has room for what is written here too much. */
static inline void
esp_trailer_write(uint8_t *tail, uint32_t pad, uint8_t next_header)
{
	static const uint32_t padding[4] = {0x00, 0x0101, 0x020201, 0x03030201};
	rte_le64_t trailer =
		rte_cpu_to_le_64(padding[pad] | (uint64_t)next_header << 8 * (pad + 1));

	memcpy(tail, &trailer, sizeof(trailer));
}

/*
 * Puts ESP around one packet, and `lead` bytes before that, which the caller will write; and makes
 * it job number `job` of burst, but for its session. shape is the SA's. iv: 8 bytes as on the wire.
 * Where the ESP header is; NULL: no mbuf (m is then still the packet, longer perhaps). RFC 4303 2,
 * 4106.
 */
static __rte_always_inline uint8_t *
esp_seal_job(const struct esp_sa *sa, struct esp_shape shape, struct rte_mbuf *m, uint16_t lead,
	uint8_t next_header, uint64_t seq, rte_be64_t iv, struct crypto_burst *burst, uint16_t job)
{
	const uint32_t bytes = m->pkt_len, head = shape.overhead + lead;
	const uint32_t pad = esp_pad_bytes(shape.align, bytes);
	const uint32_t behind = pad + ESP_TRAILER_BYTES + shape.icv_bytes;
	const rte_be32_t seq_be = rte_cpu_to_be_32((uint32_t)seq);
	uint8_t *header, *tail;

	if (likely(esp_has_room(m, behind, head))) {
		tail = rte_pktmbuf_mtod_offset(m, uint8_t *, bytes);
		header = tail - bytes - shape.overhead;
		m->data_off -= head;
		m->data_len = head + bytes + behind;
		m->pkt_len = head + bytes + behind;
	} else {
		tail = esp_make_room(&m, behind, head);
		if (tail == NULL)
			return NULL;
		header = rte_pktmbuf_mtod_offset(m, uint8_t *, lead);
	}
	esp_trailer_write(tail, pad, next_header);
	memcpy(header, &sa->spi_be, sizeof(sa->spi_be));
	memcpy(header + 4, &seq_be, sizeof(seq_be));
	memcpy(header + ESP_HEADER_BYTES, &iv, sizeof(iv));
	pkt(m)->seq = seq;

	burst->pkts[job] = m;
	burst->text[job] = header + shape.overhead;
	burst->text_bytes[job] = bytes + pad + ESP_TRAILER_BYTES;
	burst->icv[job] = tail + pad + ESP_TRAILER_BYTES;
	esp_nonce_write(sa->salt, &iv, &burst->nonce[job]);
	esp_aad_write(sa->spi_be, sa->esn, seq, burst->aad[job]);
	return header;
}

/* The jobs that were made after the last ones, up to `end`, are of this session. */
static inline void
esp_jobs_end(struct crypto_burst *burst, struct crypto_session *session, uint16_t end)
{
	for (uint16_t i = burst->n; i < end; i++)
		burst->sessions[i] = session;
	burst->n = end;
}

/*
 * What can be seen of a packet before decryption: its length and alignment, and its place in the
 * replay window. seq: the extended sequence number. RFC 4303 3.4.2, 3.4.3.
 */
static inline enum drop_reason
esp_open_check(const struct esp_sa *esp, struct sa *sa, struct rte_mbuf *m, uint64_t *seq)
{
	const uint32_t around = esp->shape.overhead + esp->shape.icv_bytes;
	struct sa_hot *hot = &sa->hot;
	enum drop_reason reason;

	if (unlikely(
		    m->pkt_len <= around || ((m->pkt_len - around) & (esp->shape.align - 1u)) != 0))
		return DROP_esp_truncated;
	if (unlikely(m->data_len < esp->shape.overhead && !pkt_pull(m, esp->shape.overhead)))
		return DROP_no_mbuf;
	*seq = replay_infer(&hot->window,
		rte_be_to_cpu_32(rte_pktmbuf_mtod(m, struct rte_esp_hdr *)->seq), esp->esn);
	reason = replay_check(&hot->window, *seq);
	if (unlikely(reason != DROP_NONE))
		__atomic_store_n(&hot->errors_replay, hot->errors_replay + 1, __ATOMIC_RELAXED);
	return reason;
}

/* Makes the packet that is opened (long enough, header and IV contiguous) as number seq job number
 * `job` of burst, but for its session. */
static inline void
esp_open_job(const struct esp_sa *sa, struct rte_mbuf *m, uint64_t seq, struct crypto_burst *burst,
	uint16_t job)
{
	const uint32_t end = m->pkt_len - sa->shape.icv_bytes;
	uint8_t *header = rte_pktmbuf_mtod(m, uint8_t *);

	pkt(m)->seq = seq;
	burst->pkts[job] = m;
	burst->text[job] = header + sa->shape.overhead;
	burst->text_bytes[job] = end - sa->shape.overhead;
	burst->icv[job] = header + end;
	if (unlikely(m->nb_segs != 1)) {
		/* a pointer into the packet, or to the copy when it straddles segments */
		burst->icv[job] = (uint8_t *)(uintptr_t)rte_pktmbuf_read(
			m, end, sa->shape.icv_bytes, burst->icv_copy[job]);
	}
	rte_prefetch0(burst->icv[job]);
	esp_nonce_write(sa->salt, header + ESP_HEADER_BYTES, &burst->nonce[job]);
	esp_aad_write(sa->spi_be, sa->esn, seq, burst->aad[job]);
}

#endif
