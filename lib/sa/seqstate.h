/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SEQSTATE_H
#define SEQSTATE_H

/*
 * Outbound counters that outlive the process (doc/decisions/, "nonces"): a mapped file of entries,
 * each a salted fingerprint of a key and the first sequence number that is not reserved. A worker
 * uses numbers below its SA's seq_limit only, and seq_limit is raised only after the reservation
 * stands in the file (for static keys: is synced to the disk). So a killed process never uses a
 * number twice, without a write per packet. No key and no SPI is in the file.
 */

#include <stdbool.h>
#include <stdint.h>

#include "errmsg.h"

struct seq_state;
struct seq_state_entry; /* in the mapped file */

enum { SEQ_STATE_FINGERPRINT = 32 };

/*
 * Opens or makes DIR/sequence and locks it against a second espgw; a thread of its own starts,
 * which raises the limits of registered SAs in time and syncs. Makes DIR (0700) when missing. A
 * file of another kind, version, or owner-writable by others is refused. NULL with err.
 */
struct seq_state *seq_state_open(const char *dir, struct error *err);

/* Stops the thread; the exact counters of what is still registered are written and synced. */
void seq_state_close(struct seq_state *s);

/*
 * The entry for this key material (key and salt, `bytes` long), made when new. *next gets the first
 * number that may be used: the reservation's end, or `wanted` when that is higher (0: no wish). A
 * wish below the reservation and a key that a registered SA already uses are refused (-EEXIST) with
 * a message that says which number would be right. Also reserves a first stretch, up to *limit,
 * synced.
 */
int seq_state_claim(struct seq_state *s, const uint8_t *key, size_t bytes, uint64_t wanted,
	bool esn, bool static_key, struct seq_state_entry **entry, uint64_t *next, uint64_t *limit,
	struct error *err);

struct sa;

/* From now on the thread keeps sa->hot.seq_limit ahead of sa->hot.seq_next, doubling the stretch
 * with use. */
void seq_state_register(struct seq_state *s, struct sa *sa);

/* The SA is quiescent: writes its exact counter and lets the key be claimed again. */
void seq_state_release(struct seq_state *s, struct sa *sa);

#endif
