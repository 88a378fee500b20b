/* SPDX-License-Identifier: BSD-3-Clause */
#include "esp.h"

#include <netinet/in.h>

#include <rte_branch_prediction.h>

#include "esp_job.h"
#include "esp_open.h"
#include "seqstate.h"

/* More than any packet's payload can be. */
enum { PAYLOAD_MAX = 1 << 16 };

/* What the hard lifetime leaves; nothing when the SA is over already. */
struct allowance {
	uint64_t packets, bytes;
};

static inline struct allowance
allowance_left(const struct sa_hot *hot)
{
	struct allowance left = {0, 0};

	if (likely(!hot->ended && !__atomic_load_n(&hot->expired, __ATOMIC_RELAXED) &&
		    hot->traffic.packets < hot->hard_packets &&
		    hot->traffic.bytes < hot->hard_bytes)) {
		left.packets = hot->hard_packets - hot->traffic.packets;
		left.bytes = hot->hard_bytes - hot->traffic.bytes;
	}
	return left;
}

static inline void
sa_end(struct sa_hot *hot)
{
	__atomic_store_n(&hot->ended, 1, __ATOMIC_RELAXED);
}

uint8_t *
esp_make_room(struct rte_mbuf **m, uint16_t tail, uint16_t head)
{
	uint8_t *end = pkt_append(*m, tail);
	struct rte_mbuf *packet = end != NULL ? pkt_prepend(*m, head) : NULL;

	if (packet == NULL)
		return NULL;
	*m = packet;
	return end;
}

/* Why a packet of `bytes` cannot go out as number seq; DROP_NONE when it can. */
static inline enum drop_reason
seal_refused(
	struct sa *sa, uint64_t seq, uint64_t limit, const struct allowance *left, uint32_t bytes)
{
	if (unlikely(seq >= sa_sequence_end(sa->esn))) {
		sa_end(&sa->hot);
		return DROP_sequence_exhausted;
	}
	if (unlikely(left->packets == 0 || bytes > left->bytes)) {
		sa_end(&sa->hot);
		return DROP_lifetime;
	}
	return unlikely(seq >= limit) ? DROP_sequence_unreserved : DROP_NONE;
}

/* Whether so many packets, whatever their lengths, are within the hard lifetime. */
static inline bool
allowance_covers(const struct allowance *left, uint16_t n)
{
	return left->packets >= n && left->bytes >= (uint64_t)n * PAYLOAD_MAX;
}

/* Some of the packets may not go, or none: each is looked at. Returns how many may. */
static __rte_noinline uint16_t
seal_some(struct sa *sa, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **dead,
	enum drop_reason *why, uint16_t *n_dead)
{
	struct allowance left = allowance_left(&sa->hot);
	uint64_t limit = __atomic_load_n(&sa->hot.seq_limit, __ATOMIC_ACQUIRE);
	uint64_t seq = sa->hot.seq_next;
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		enum drop_reason reason = seal_refused(sa, seq, limit, &left, pkts[i]->pkt_len);

		if (reason != DROP_NONE) {
			dead[*n_dead] = pkts[i];
			why[(*n_dead)++] = reason;
			continue;
		}
		seq++;
		left.packets--;
		left.bytes -= pkts[i]->pkt_len;
		pkts[kept++] = pkts[i];
	}
	return kept;
}

uint16_t
esp_seal_begin(struct sa *sa, struct rte_mbuf **pkts, uint16_t n, uint64_t *seq,
	struct rte_mbuf **dead, enum drop_reason *why, uint16_t *n_dead)
{
	const struct sa_hot *hot = &sa->hot;
	const uint64_t limit = __atomic_load_n(&hot->seq_limit, __ATOMIC_ACQUIRE);
	const struct allowance left = allowance_left(hot);

	*seq = hot->seq_next;
	*n_dead = 0;
	/* the reservation never goes beyond the sequence space */
	if (unlikely(*seq > limit || limit - *seq < n || !allowance_covers(&left, n)))
		n = seal_some(sa, pkts, n, dead, why, n_dead);
	return n;
}

void
esp_seal_end(struct sa *sa, uint64_t seq, uint64_t bytes)
{
	struct sa_hot *hot = &sa->hot;

	counter_add(&hot->traffic, seq - hot->seq_next, bytes);
	__atomic_store_n(&hot->seq_next, seq, __ATOMIC_RELAXED);
	if (unlikely(seq >= __atomic_load_n(&hot->seq_more, __ATOMIC_RELAXED)))
		seq_state_want(sa->state);
}

bool
esp_open_may(const struct sa *sa)
{
	return allowance_left(&sa->hot).packets != 0;
}

bool
esp_padding_counts(const uint8_t *end, uint8_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (end[(int)i - bytes] != i + 1)
			return false;
	return true;
}

struct esp_trailer
esp_trailer_read_chain(const struct rte_mbuf *m, uint32_t offset, uint32_t text_bytes)
{
	/* all that padding may be, in one piece */
	uint8_t copy[UINT8_MAX + ESP_TRAILER_BYTES];
	const uint32_t end = offset + text_bytes, bytes = RTE_MIN(end, sizeof(copy));
	const uint8_t *last = rte_pktmbuf_read(m, end - bytes, bytes, copy);

	return esp_trailer_read(last + bytes, text_bytes);
}

struct esp_opening
esp_open_begin(struct sa *sa, uint16_t n)
{
	struct allowance left = allowance_left(&sa->hot);

	return (struct esp_opening){
		.sa = sa, .esp = esp_sa_of(sa), .all_may = allowance_covers(&left, n)};
}

bool
esp_open_may_pass(struct sa_hot *hot, uint64_t packets, uint64_t bytes)
{
	const struct allowance left = allowance_left(hot);

	if (left.packets >= packets && left.bytes >= bytes)
		return true;
	sa_end(hot);
	return false;
}

uint32_t
esp_payload_max(const struct crypto_algorithm *algorithm, uint32_t bytes)
{
	const uint32_t around = ESP_HEADER_BYTES + algorithm->iv_bytes + algorithm->icv_bytes;
	uint32_t text;

	if (bytes < around)
		return 0;
	text = (bytes - around) & ~(algorithm->align - 1u);
	return text <= ESP_TRAILER_BYTES ? 0 : text - ESP_TRAILER_BYTES;
}
