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
struct seq_state_entry; /* a claimed key: what is known of it, and its record in the file */
struct sa;
struct sa_hot;

/*
 * Opens or makes DIR/sequence and locks it against a second espgw; a thread of its own starts,
 * which raises the limits of registered SAs in time and syncs. Makes DIR (0700) when missing. A
 * file of another kind, version or owner, or one that others can read, is refused. NULL with err.
 */
struct seq_state *seq_state_open(const char *dir, struct error *err);

/* Stops the thread; the exact counters of what is still registered are written and synced. The
 * workers have stopped; the entries are gone. */
void seq_state_close(struct seq_state *s);

/*
 * Claims the entry for this key material (key and salt, `bytes` long), made when new, and reserves
 * a first stretch of numbers; a static key's may be used after seq_state_sync only. *next gets the
 * first number that may be used: where the last use ended, or `wanted` when that is higher (0: no
 * wish); *limit the first that may not. 0, or with err set: -EEXIST, a wish below what is free (the
 * message says which number would be right); -EBUSY, a key that is claimed already; -EOVERFLOW, no
 * number is left; -ENOSPC and others, the file. Control lcore.
 */
int seq_state_claim(struct seq_state *s, const uint8_t *key, size_t bytes, uint64_t wanted,
	bool esn, bool static_key, struct seq_state_entry **entry, uint64_t *next, uint64_t *limit,
	struct error *err);

/* Puts the first stretches of all static keys that were claimed on the disk, at once for all of
 * them, and lets their SAs use them. 0, or -errno with err. Control lcore. */
int seq_state_sync(struct seq_state *s, struct error *err);

/* Gives a claim back that no SA was made of. Control lcore. */
void seq_state_abandon(struct seq_state *s, struct seq_state_entry *entry);

/* Sets the claimed numbers in a new SA (sa_create does it). */
void seq_state_start(const struct seq_state_entry *entry, struct sa_hot *hot);

/* From now on the thread keeps sa->hot.seq_limit ahead of sa->hot.seq_next, in stretches that grow
 * with use. Control lcore. */
void seq_state_register(struct seq_state *s, struct sa *sa);

/* The SA is quiescent: writes its exact counter (to the disk when the state is closed: until then
 * a higher one is there) and lets the key be claimed again. sa->state is NULL afterwards. Control
 * lcore. */
void seq_state_release(struct seq_state *s, struct sa *sa);

/* Whether seq_state_release would wait for the disk now. Any thread. */
bool seq_state_is_busy(const struct seq_state *s);

/* The same for an SA that was made and never put in force: where it has used no number, the key is
 * as it was before it was claimed. */
void seq_state_take_back(struct seq_state *s, struct sa *sa);

/* The owning worker: half of the stretch is used. Never waits. NULL is allowed. */
void seq_state_want(struct seq_state_entry *entry);

#endif
