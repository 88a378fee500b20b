/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ESP_JOB_H
#define ESP_JOB_H

/*
 * One packet's way into a crypto job outbound, and what both directions need: the lower half of
 * esp.c; inbound it is esp_open.h. Sequence number, IV and next header are the caller's, so that
 * published vectors, whose IVs are not sequence numbers, go through the same code.
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

/* Two 32-bit words as they lie one after the other. Put together in a register: many small stores
 * cost more, and so do vectors that are filled from registers. */
static inline uint64_t
esp_two_words(uint32_t first, uint32_t second)
{
	return first | (uint64_t)second << 32;
}

/* What most are, with AES-GCM: 8 bytes of IV and 16 of ICV, in words of 4. By value: what the
 * compiler knows need not be computed. */
static inline struct esp_shape
esp_shape_common(bool esn)
{
	return (struct esp_shape){
		.overhead = ESP_HEADER_BYTES + 8, .icv_bytes = 16, .align = 4, .esn = esn};
}

static inline bool
esp_shape_is_common(struct esp_shape shape)
{
	const struct esp_shape common = esp_shape_common(shape.esn);

	return shape.overhead == common.overhead && shape.icv_bytes == common.icv_bytes &&
	       shape.align == common.align;
}

/* AAD of RFC 4106 5: SPI and sequence number, with ESN all 64 bits of it. numbers: the ESP header,
 * which is just that without ESN. */
static inline void
esp_aad_write(uint64_t numbers, bool esn, uint64_t seq, uint8_t *aad)
{
	const rte_be64_t all = rte_cpu_to_be_64(seq);

	memcpy(aad, &numbers, sizeof(numbers));
	if (esn)
		memcpy(aad + sizeof(rte_be32_t), &all, sizeof(all));
}

static inline uint8_t
esp_aad_bytes(bool esn)
{
	return esn ? 12 : 8;
}

/* Nonce of RFC 4106 4: salt and the IV as on the wire. */
static inline void
esp_nonce_write(uint32_t salt, uint64_t iv, struct crypto_nonce *nonce)
{
	memcpy(nonce->bytes, &salt, sizeof(salt));
	memcpy(nonce->bytes + sizeof(salt), &iv, sizeof(iv));
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
		.shape = {.overhead = sa->overhead,
			.icv_bytes = sa->icv_bytes,
			.align = sa->align,
			.esn = sa->esn}};
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

enum { ESP_PAD_COMMON_MAX = 3 }; /* what there is of it where words are of 4 bytes */

/* Padding 1, 2, 3, … (at most ESP_PAD_COMMON_MAX), pad length, next header, the first byte lowest.
 */
static inline uint64_t
esp_trailer_word(uint32_t pad, uint8_t next_header)
{
	static const uint32_t padding[ESP_PAD_COMMON_MAX + 1] = {
		0x00, 0x0101, 0x020201, 0x03030201};

	return padding[pad] | (uint64_t)next_header << 8 * (pad + 1);
}

/* The same in one store; then the ICV has its place, which has room for what is written here too
 * much. */
static inline void
esp_trailer_write(uint8_t *tail, uint32_t pad, uint8_t next_header)
{
	const rte_le64_t trailer = rte_cpu_to_le_64(esp_trailer_word(pad, next_header));

	memcpy(tail, &trailer, sizeof(trailer));
}

/*
 * Writes what ESP puts before and behind a packet of `bytes` bytes, for which there is room, and
 * makes it job number `job` of burst, but for its session. The payload ends at `tail`; the packet
 * begins where the ESP header does, or before. shape is the SA's. iv: 8 bytes as on the wire.
 * Returns where the ESP header is. RFC 4303 2, 4106.
 */
static __rte_always_inline uint8_t *
esp_seal_write(const struct esp_sa *sa, struct esp_shape shape, struct rte_mbuf *m, uint8_t *tail,
	uint32_t bytes, uint8_t *header, uint8_t next_header, uint64_t seq, rte_be64_t iv,
	struct crypto_burst *burst, uint16_t job)
{
	const uint32_t pad = esp_pad_bytes(shape.align, bytes);
	const uint64_t numbers = esp_two_words(sa->spi_be, rte_cpu_to_be_32((uint32_t)seq));

	esp_trailer_write(tail, pad, next_header);
	memcpy(header, &numbers, sizeof(numbers));
	memcpy(header + sizeof(numbers), &iv, sizeof(iv));
	pkt(m)->seq = seq;

	burst->pkts[job] = m;
	burst->text[job] = header + shape.overhead;
	burst->text_bytes[job] = bytes + pad + ESP_TRAILER_BYTES;
	burst->icv[job] = tail + pad + ESP_TRAILER_BYTES;
	esp_nonce_write(sa->salt, iv, &burst->nonce[job]);
	esp_aad_write(numbers, shape.esn, seq, burst->aad[job]);
	return header;
}

/*
 * Makes a packet that esp_has_room longer by what ESP and, before it, `lead` bytes of the caller's
 * need, and does esp_seal_write.
 */
static __rte_always_inline uint8_t *
esp_seal_in_place(const struct esp_sa *sa, struct esp_shape shape, struct rte_mbuf *m,
	uint16_t lead, uint8_t next_header, uint64_t seq, rte_be64_t iv, struct crypto_burst *burst,
	uint16_t job)
{
	const uint32_t bytes = m->pkt_len, head = shape.overhead + lead;
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	pkt_move(m, (int16_t)head, (int32_t)(lead + esp_bytes(shape, bytes) - bytes));
	return esp_seal_write(sa, shape, m, data + bytes, bytes, data - shape.overhead, next_header,
		seq, iv, burst, job);
}

/* How much room a packet needs behind it. */
static inline uint32_t
esp_behind(struct esp_shape shape, uint32_t bytes)
{
	return esp_pad_bytes(shape.align, bytes) + ESP_TRAILER_BYTES + shape.icv_bytes;
}

/*
 * Puts ESP around one packet, and `lead` bytes before that, which the caller will write; else as
 * esp_seal_write. NULL: no mbuf (m is then still the packet, longer perhaps).
 */
static inline uint8_t *
esp_seal_job(const struct esp_sa *sa, struct esp_shape shape, struct rte_mbuf *m, uint16_t lead,
	uint8_t next_header, uint64_t seq, rte_be64_t iv, struct crypto_burst *burst, uint16_t job)
{
	const uint32_t bytes = m->pkt_len, head = shape.overhead + lead;
	uint8_t *tail;

	if (likely(esp_has_room(m, esp_behind(shape, bytes), head)))
		return esp_seal_in_place(sa, shape, m, lead, next_header, seq, iv, burst, job);
	tail = esp_make_room(&m, (uint16_t)esp_behind(shape, bytes), (uint16_t)head);
	if (tail == NULL)
		return NULL;
	return esp_seal_write(sa, shape, m, tail, bytes,
		rte_pktmbuf_mtod_offset(m, uint8_t *, lead), next_header, seq, iv, burst, job);
}

/* The jobs that were made after the last ones, up to `end`, are of this session. */
static inline void
esp_jobs_end(struct crypto_burst *burst, struct crypto_session *session, uint16_t end)
{
	for (uint16_t i = burst->n; i < end; i++)
		burst->sessions[i] = session;
	if (burst->n == 0)
		burst->alike = end;
	burst->n = end;
}

#endif
