/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ESP_OPEN_H
#define ESP_OPEN_H

/*
 * One packet's way through a crypto job inbound: what is checked before (esp_open_check), the job,
 * and what is checked and taken off after it (esp_open_finish). The inbound lower half of esp.c.
 */

#include "esp_job.h"

static inline void
esp_replay_error(struct sa_hot *hot)
{
	__atomic_store_n(&hot->errors_replay, hot->errors_replay + 1, __ATOMIC_RELAXED);
}

/* The extended sequence number of a packet, whose ESP header is `before` bytes behind its data. */
static inline uint64_t
esp_open_seq(const struct sa *sa, struct esp_shape shape, const struct rte_mbuf *m, uint16_t before)
{
	const struct rte_esp_hdr *esp =
		rte_pktmbuf_mtod_offset(m, const struct rte_esp_hdr *, before);

	return replay_infer(&sa->hot.window, rte_be_to_cpu_32(esp->seq), shape.esn);
}

/*
 * What can be seen of a packet before decryption: its length and alignment, and its place in the
 * replay window. shape is the SA's. seq: the extended sequence number. RFC 4303 3.4.2, 3.4.3.
 */
static __rte_always_inline enum drop_reason
esp_open_check(struct esp_shape shape, struct sa *sa, struct rte_mbuf *m, uint64_t *seq)
{
	const uint32_t around = shape.overhead + shape.icv_bytes;
	struct sa_hot *hot = &sa->hot;
	enum drop_reason reason;

	if (unlikely(m->pkt_len <= around || ((m->pkt_len - around) & (shape.align - 1u)) != 0))
		return DROP_esp_truncated;
	if (unlikely(m->data_len < shape.overhead && !pkt_pull(m, shape.overhead)))
		return DROP_no_mbuf;
	*seq = esp_open_seq(sa, shape, m, 0);
	reason = replay_check(&hot->window, *seq);
	if (unlikely(reason != DROP_NONE))
		esp_replay_error(hot);
	return reason;
}

/* Makes the packet that is opened (long enough, header and IV contiguous) as number seq job number
 * `job` of burst, but for its session. */
static __rte_always_inline void
esp_open_job(uint32_t salt, struct esp_shape shape, struct rte_mbuf *m, uint64_t seq,
	struct crypto_burst *burst, uint16_t job)
{
	const uint32_t end = m->pkt_len - shape.icv_bytes;
	uint8_t *header = rte_pktmbuf_mtod(m, uint8_t *);
	uint64_t numbers, iv;

	memcpy(&numbers, header, sizeof(numbers));
	memcpy(&iv, header + sizeof(numbers), sizeof(iv));
	pkt(m)->seq = seq;
	burst->pkts[job] = m;
	burst->text[job] = header + shape.overhead;
	burst->text_bytes[job] = end - shape.overhead;
	burst->icv[job] = header + end;
	if (unlikely(m->nb_segs != 1)) {
		/* a pointer into the packet, or to the copy when it straddles segments */
		burst->icv[job] = (uint8_t *)(uintptr_t)rte_pktmbuf_read(
			m, end, shape.icv_bytes, burst->icv_copy[job]);
	}
	rte_prefetch0(burst->icv[job]);
	esp_nonce_write(salt, iv, &burst->nonce[job]);
	esp_aad_write(numbers, shape.esn, seq, burst->aad[job]);
}

/* Padding, pad length and next header: how many bytes, the last of them, and what is wrong with
 * them (enum drop_reason). */
struct esp_trailer {
	uint32_t bytes;
	uint8_t next_header, why;
};

/* The half of the next one for padding of any length. */
bool esp_padding_counts(const uint8_t *end, uint8_t bytes);

/*
 * RFC 4303 2.4: 1, 2, 3, …, before the trailer at `end` - 2. last: the 8 bytes before `end`: the
 * few bytes that padding mostly has are compared as one word, without a loop whose length nobody
 * foresees.
 */
static inline bool
esp_padding_right(uint64_t last, const uint8_t *end, uint8_t bytes)
{
	enum { IN_LAST = sizeof(last) - ESP_TRAILER_BYTES };
	const uint64_t wanted = UINT64_C(0x0605040302010000);
	uint32_t others;

	if (unlikely(bytes > IN_LAST))
		return esp_padding_counts(end - ESP_TRAILER_BYTES, bytes);
	others = 8 * (IN_LAST - bytes);
	return ((last << 16) ^ (wanted << others)) >> others >> 16 == 0;
}

/* What a plaintext of text_bytes (at least 4, in a packet with more before it) ends with. */
static inline struct esp_trailer
esp_trailer_read(const uint8_t *end, uint32_t text_bytes)
{
	struct esp_trailer trailer = {.bytes = ESP_TRAILER_BYTES, .why = DROP_NONE};
	uint64_t last;
	uint8_t pad;

	memcpy(&last, end - sizeof(last), sizeof(last));
	last = rte_le_to_cpu_64(last);
	pad = (uint8_t)(last >> 48);
	trailer.next_header = (uint8_t)(last >> 56);
	if (unlikely(pad > text_bytes - ESP_TRAILER_BYTES)) {
		trailer.why = DROP_pad_length;
		return trailer;
	}
	trailer.bytes += pad;
	if (unlikely(!esp_padding_right(last, end, pad)))
		trailer.why = DROP_pad_bytes;
	else if (unlikely(trailer.next_header == ESP_NEXT_HEADER_DUMMY))
		trailer.why = DROP_esp_dummy;
	return trailer;
}

/* The same of a chain, with the plaintext at `offset`. */
struct esp_trailer esp_trailer_read_chain(
	const struct rte_mbuf *m, uint32_t offset, uint32_t text_bytes);

/* Whether so much more may pass; the SA ends when it may not. */
bool esp_open_may_pass(struct sa_hot *hot, uint64_t packets, uint64_t bytes);

/* Counts an authentic packet; false for one beyond the hard lifetime. */
static inline bool
esp_open_count(struct esp_opening *o, uint32_t bytes)
{
	if (unlikely(!o->all_may) &&
		!esp_open_may_pass(&o->sa->hot, o->packets + 1, o->bytes + bytes))
		return false;
	o->packets++;
	o->bytes += bytes;
	return true;
}

/* Takes off a packet what ESP put around it. *m may change (an emptied first segment). */
static inline void
esp_open_strip(struct rte_mbuf **m, uint16_t before, uint32_t behind)
{
	if (likely((*m)->nb_segs == 1)) {
		pkt_move(*m, -before, -(int32_t)(before + behind));
		return;
	}
	pkt_trim_end(*m, behind);
	pkt_trim_front(m, before);
}

/* For one packet whose ICV was right, before all else: the window moves for each of them, whatever
 * its padding is (RFC 4303 3.4.3). */
static inline enum drop_reason
esp_open_commit(struct sa *sa, struct rte_mbuf *m)
{
	const enum drop_reason why = replay_commit(&sa->hot.window, pkt(m)->seq);

	if (unlikely(why != DROP_NONE))
		esp_replay_error(&sa->hot);
	return why;
}

/*
 * Then: padding and trailer checks; takes ESP header, IV, padding, trailer and ICV off;
 * *next_header says what the payload is. A packet whose next header is 59 is DROP_esp_dummy.
 */
static inline enum drop_reason
esp_open_finish(struct esp_opening *o, struct rte_mbuf **m, uint8_t *next_header)
{
	struct rte_mbuf *packet = *m;
	const struct esp_shape shape = o->esp.shape;
	const uint32_t text_bytes = packet->pkt_len - shape.overhead - shape.icv_bytes;
	struct esp_trailer trailer;

	if (likely(packet->nb_segs == 1))
		trailer = esp_trailer_read(rte_pktmbuf_mtod_offset(packet, const uint8_t *,
						   shape.overhead + text_bytes),
			text_bytes);
	else
		trailer = esp_trailer_read_chain(packet, shape.overhead, text_bytes);
	if (unlikely(!esp_open_count(o, text_bytes - trailer.bytes)))
		return DROP_lifetime;
	if (unlikely(trailer.why != DROP_NONE))
		return (enum drop_reason)trailer.why;
	*next_header = trailer.next_header;
	esp_open_strip(m, shape.overhead, trailer.bytes + shape.icv_bytes);
	return DROP_NONE;
}

/*
 * Whether a packet as most are (of the common shape, in one segment, at least as long as what is
 * around a payload) ends behind a payload of so many bytes as an envelope with this next header
 * does. 0 bytes: it does not.
 */
static __rte_always_inline bool
esp_open_ends(const struct rte_mbuf *m, uint32_t payload_bytes, uint8_t next_header)
{
	const struct esp_shape shape = esp_shape_common(false);
	const uint32_t text_end = m->data_len - shape.icv_bytes;
	const uint32_t pad = text_end - shape.overhead - payload_bytes - ESP_TRAILER_BYTES;
	uint64_t last;

	if (unlikely(pad > ESP_PAD_COMMON_MAX))
		return false;
	memcpy(&last, rte_pktmbuf_mtod_offset(m, const uint8_t *, text_end) - sizeof(last),
		sizeof(last));
	last = rte_le_to_cpu_64(last) >> (8 * (sizeof(last) - ESP_TRAILER_BYTES) - 8 * pad);
	return last == esp_trailer_word(pad, next_header);
}

/* Such a packet, once it is committed, is its payload. Whoever calls this counts it. */
static inline void
esp_open_take(struct rte_mbuf *m, uint32_t payload_bytes)
{
	m->data_off += esp_shape_common(false).overhead;
	m->data_len = (uint16_t)payload_bytes;
	m->pkt_len = payload_bytes;
}

/* Of an opening where all may pass: packets that esp_open_finish has not counted. */
static inline void
esp_open_counted(struct esp_opening *o, uint64_t packets, uint64_t bytes)
{
	o->packets += packets;
	o->bytes += bytes;
}

#endif
