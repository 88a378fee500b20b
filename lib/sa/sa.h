/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SA_H
#define SA_H

/*
 * A security association: one direction, one key, one SPI (RFC 4301 4.1), and its ESP transform
 * (esp.h). Made and destroyed on the control lcore. While published, the first cache line is read
 * by all workers; `hot` is written by the one owning worker alone and read, torn-free, by the
 * control lcore.
 */

#include <rte_prefetch.h>

#include "addr.h"
#include "counter.h"
#include "crypto.h"
#include "replay.h"

enum sa_direction { SA_OUT, SA_IN };

/* What is inside the ESP payload, and who takes it out (RFC 3884 3.1). */
enum sa_payload {
	SA_PAYLOAD_IPIP,   /* transport mode over IPIP: the tunnel decapsulates and checks its outer
			      addresses */
	SA_PAYLOAD_TUNNEL, /* tunnel mode: the SA itself; outer source not checked */
};

enum {
	SA_KEY_MAX = CRYPTO_KEY_MAX + 4,
	SA_WORKER_ANY = 0xffff,
};

struct sa_lifetime {
	uint64_t seconds, bytes, packets; /* 0: no limit */
};

/* All that makes an SA, in the words of the configuration file. */
struct sa_config {
	uint32_t spi; /* host byte order, 256 or more */
	enum sa_direction direction;
	enum crypto_algorithm_id algorithm;
	uint8_t key[SA_KEY_MAX]; /* key, then salt */
	bool esn;
	bool static_key;        /* from the file: its counter is synced to the disk */
	uint32_t replay_window; /* in: 0 is off */
	uint64_t seq; /* out: first sequence number to use; 0: 1, or what the state file says */
	struct sa_lifetime soft, hard;
	uint16_t worker; /* RFC 9611: this worker's own SA; SA_WORKER_ANY: the tunnel's fallback */
};

struct seq_state_entry;

/* Written by the owning worker, but for what says control. */
struct sa_hot {
	union {
		/* out: the next sequence number to use, and the first that is not reserved yet
		 * (written by the control side). ESN never uses the very last number, 2^64 - 1, so
		 * that the limit has a value. */
		struct {
			uint64_t seq_next;
			uint64_t seq_limit;
			uint64_t seq_more; /* at this number the owner asks for a further
					      reservation; control */
		};
		struct replay_window window; /* in */
	};
	struct counter traffic; /* packets that passed, and their bytes of ESP payload: lifetimes
				   count these */
	uint64_t hard_packets, hard_bytes; /* of traffic; UINT64_MAX: no limit */
	uint16_t ended;    /* the sequence numbers or a hard lifetime are used up; 1 once */
	uint16_t expired;  /* control: hard_seconds are over; nothing passes any more */
	uint32_t inflight; /* jobs inside an asynchronous engine */
	/* --- what good packets do not touch */
	uint64_t errors_icv, errors_replay; /* in */
} __rte_cache_aligned;

_Static_assert(offsetof(struct sa_hot, errors_icv) == RTE_CACHE_LINE_SIZE,
	"what each packet needs outgrew its cache line");

struct sa {
	/* --- read by every worker */
	rte_be32_t spi_be;
	uint32_t salt;  /* as it lies in the nonce */
	uint16_t owner; /* worker index */
	uint16_t tunnel_generation;
	uint32_t tunnel;   /* index */
	uint8_t direction; /* enum sa_direction */
	uint8_t payload;   /* enum sa_payload */
	uint8_t iv_bytes, icv_bytes, align;
	bool esn;
	uint16_t overhead; /* ESP header and IV */
	struct crypto_engine *engine;
	struct crypto_session *session;
	struct ip_addr local; /* in: our outer address: with the SPI it names the SA */
	/* --- */
	struct sa_hot hot;
	/* --- control lcore only */
	struct sa_lifetime soft;
	struct seq_state_entry *state; /* out; NULL: the whole sequence space is its own */
	uint32_t id;                   /* for people and telemetry */
	uint64_t created_tsc;
	bool soft_told;
} __rte_cache_aligned;

/*
 * Makes an SA: engine session, window, template. `state` is the outbound counter's place, claimed
 * by the caller (seqstate.h), who registers the SA afterwards or abandons the claim when this
 * fails; NULL for inbound SAs. local is our outer address. Memory on `socket`. 0, or -errno with
 * err set; *out is unchanged then. The key in config is not kept. Control lcore.
 */
int sa_create(const struct sa_config *config, const struct ip_addr *local, enum sa_payload payload,
	uint16_t owner, struct crypto_engine *engine, struct seq_state_entry *state, int socket,
	struct sa **out, struct error *err);

/* Wipes and frees. Unpublished, quiescent, with no job under way and its state released. NULL is
 * allowed. */
void sa_destroy(struct sa *sa);

/* Data path: fetches what the owning worker reads and writes of the SA for each packet. */
static inline void
sa_prefetch(const struct sa *sa)
{
	rte_prefetch0(sa);
	rte_prefetch0(&sa->hot);
}

/*
 * The first number beyond the sequence space: 2^32, or with ESN 2^64 - 1.
 */
static inline uint64_t
sa_sequence_end(bool esn)
{
	return esn ? UINT64_MAX : UINT64_C(1) << 32;
}

/*
 * Checks what one SA's values must be whatever else there is (SPI range, key length against the
 * algorithm, window size, seq fits without ESN, soft below hard, …). 0, or -EINVAL with err naming
 * the key and what would be right.
 */
int sa_config_validate(const struct sa_config *config, size_t key_bytes, struct error *err);

#endif
