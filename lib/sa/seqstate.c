/* SPDX-License-Identifier: BSD-3-Clause */
#include "seqstate.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "fingerprint.h"
#include "log.h"
#include "monotonic.h"
#include "sa.h"
#include "seqfile.h"

/*
 * A killed process loses what it reserved and did not use, so the stretches begin small: a thousand
 * kills cost a 32-bit space an eighth, and half of the first stretch is 18 ms at 14 Mpps, the time
 * that the thread has for waking up and syncing. Those that follow double with use, or last so many
 * seconds at the rate of late, if that is more: a busy disk can hold up a write, to a mapped file
 * too.
 */
static const uint64_t stretch_min = UINT64_C(1) << 19;
static const uint64_t stretch_used_max = UINT64_C(1) << 24;
static const uint64_t stretch_max = UINT64_C(1) << 26;

enum {
	WAKE_NS = 2000000,
	STRETCH_SECONDS = 2,
	NO_RECORD = UINT32_MAX,
	INDEX_BUCKETS = SEQ_FILE_RECORDS,
};

struct seq_state_entry {
	struct seq_state *state;
	struct seq_record *record;
	struct sa *sa;              /* NULL: claimed, not registered yet */
	uint64_t before;            /* what was reserved when it was claimed */
	uint64_t first, limit;      /* of this claim; the limit in force */
	uint64_t end;               /* of the sequence space */
	uint64_t raised, raised_ns; /* the next number when the limit was raised last, and when */
	bool static_key;
	bool unsynced;                     /* its first stretch is not on the disk yet */
	bool sync_failed;                  /* told once */
	uint32_t wanted;                   /* on the list of wishes */
	struct seq_state_entry *next_wish; /* written by the worker that set `wanted` */
};

struct seq_state {
	struct seq_file file;
	struct fingerprinter fingerprinter;
	/* fingerprints: buckets of record numbers plus 1, chained */
	uint32_t *buckets, *chain;
	struct seq_state_entry **claims; /* by record */
	uint32_t n_claims;
	uint32_t cursor;                /* where the search for a record to use again goes on */
	struct seq_state_entry *wishes; /* workers push, the thread takes all */
	pthread_mutex_t lock;           /* of everything but `wishes` */
	pthread_cond_t wake, granted;
	bool granting; /* the thread has taken wishes, and may have let go of the lock for a sync */
	pthread_t thread;
	bool unsynced; /* a claim is */
	bool stop;
};

static uint32_t *
bucket_of(struct seq_state *s, const uint8_t *digest)
{
	uint32_t hash;

	memcpy(&hash, digest, sizeof(hash));
	return &s->buckets[hash & (INDEX_BUCKETS - 1)];
}

static uint32_t
index_find(struct seq_state *s, const uint8_t *digest)
{
	for (uint32_t i = *bucket_of(s, digest); i != 0; i = s->chain[i - 1]) {
		if (memcmp(s->file.records[i - 1].fingerprint, digest, SEQ_FILE_DIGEST_BYTES) == 0)
			return i - 1;
	}
	return NO_RECORD;
}

static void
index_add(struct seq_state *s, uint32_t record)
{
	uint32_t *bucket = bucket_of(s, s->file.records[record].fingerprint);

	s->chain[record] = *bucket;
	*bucket = record + 1;
}

static void
index_remove(struct seq_state *s, uint32_t record)
{
	uint32_t *link = bucket_of(s, s->file.records[record].fingerprint);

	while (*link != record + 1)
		link = &s->chain[*link - 1];
	*link = s->chain[record];
}

static void
record_reserve(struct seq_record *record, uint64_t reserved)
{
	__atomic_store_n(&record->reserved, reserved, __ATOMIC_RELEASE);
}

/* With the file full, the records of keys that IKE made and that are no longer in use are used
 * again: such keys never come back. */
static uint32_t
record_recycle(struct seq_state *s)
{
	for (uint32_t i = 0; i < SEQ_FILE_RECORDS; i++) {
		uint32_t at = (s->cursor + i) % SEQ_FILE_RECORDS;
		struct seq_record *record = &s->file.records[at];

		if (s->claims[at] != NULL || (record->flags & SEQ_RECORD_STATIC) != 0)
			continue;
		if (record->state == SEQ_RECORD_USED)
			index_remove(s, at);
		__atomic_store_n(&record->state, SEQ_RECORD_FREE, __ATOMIC_RELEASE);
		s->cursor = at + 1;
		return at;
	}
	return NO_RECORD;
}

/* A record for a new key. */
static int
record_make(struct seq_state *s, const uint8_t *digest, uint64_t reserved, bool static_key,
	uint32_t *out)
{
	struct seq_header *header = s->file.header;
	uint32_t at = header->used;
	struct seq_record *record;
	int rc = 0;

	if (at == SEQ_FILE_RECORDS)
		at = record_recycle(s);
	else
		rc = seq_file_room(&s->file, at);
	if (at == NO_RECORD)
		return -ENOSPC;
	if (rc != 0)
		return rc;
	record = &s->file.records[at];
	memcpy(record->fingerprint, digest, sizeof(record->fingerprint));
	record->flags = static_key ? SEQ_RECORD_STATIC : 0;
	record->reserved = reserved;
	__atomic_store_n(&record->state, SEQ_RECORD_USED, __ATOMIC_RELEASE);
	if (at == header->used)
		__atomic_store_n(&header->used, at + 1, __ATOMIC_RELEASE);
	index_add(s, at);
	*out = at;
	return 0;
}

/* The first number that may be used, or 0 with *rc and err set. */
static uint64_t
first_number(uint64_t reserved, uint64_t wanted, uint64_t end, int *rc, struct error *err)
{
	uint64_t next = wanted > reserved ? wanted : reserved;

	if (wanted != 0 && wanted < reserved) {
		*rc = error_set(err, -EEXIST,
			"seq: %" PRIu64 " may have been used with this key before, and a nonce "
			"must not repeat; %" PRIu64 " or higher is free",
			wanted, reserved);
		return 0;
	}
	if (next >= end) {
		*rc = error_set(err, -EOVERFLOW,
			"key: its sequence numbers are used up; a new key is needed");
		return 0;
	}
	return next;
}

static uint64_t
limit_after(uint64_t next, uint64_t stretch, uint64_t end)
{
	return end - next < stretch ? end : next + stretch;
}

/* With the lock held. */
static int
claim_locked(struct seq_state *s, struct seq_state_entry *entry, const uint8_t *digest,
	uint64_t wanted, struct error *err)
{
	uint32_t at = index_find(s, digest);
	int rc = 0;

	if (at != NO_RECORD && s->claims[at] != NULL)
		return error_set(err, -EBUSY,
			"key: another outbound SA has the same key and salt, or has not quite gone "
			"yet; their nonces would repeat: each SA needs a key of its own");
	entry->before = at == NO_RECORD ? 1 : s->file.records[at].reserved;
	entry->first = first_number(entry->before, wanted, entry->end, &rc, err);
	if (rc != 0)
		return rc;
	entry->limit = limit_after(entry->first, stretch_min, entry->end);
	if (at == NO_RECORD)
		rc = record_make(s, digest, entry->limit, entry->static_key, &at);
	else
		record_reserve(&s->file.records[at], entry->limit);
	if (rc != 0)
		return error_set(err, rc, "the sequence state file cannot take another key: %s%s",
			strerror(-rc), rc == -ENOSPC ? "; make room on its disk" : "");
	entry->record = &s->file.records[at];
	if (entry->static_key) {
		entry->record->flags |= SEQ_RECORD_STATIC;
		entry->unsynced = s->unsynced = true;
	}
	s->claims[at] = entry;
	s->n_claims++;
	pthread_cond_signal(&s->wake);
	return 0;
}

int
seq_state_claim(struct seq_state *s, const uint8_t *key, size_t bytes, uint64_t wanted, bool esn,
	bool static_key, struct seq_state_entry **out, uint64_t *next, uint64_t *limit,
	struct error *err)
{
	struct seq_state_entry *entry;
	struct fingerprint digest;
	int rc;

	if (bytes > FINGERPRINT_KEY_MAX)
		return error_set(
			err, -EINVAL, "key: %zu bytes are more than any algorithm takes", bytes);
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return error_set(err, -ENOMEM, "no memory for another SA");
	entry->state = s;
	entry->end = sa_sequence_end(esn);
	entry->static_key = static_key;
	pthread_mutex_lock(&s->lock);
	digest = fingerprint_of(&s->fingerprinter, key, bytes);
	rc = claim_locked(s, entry, digest.bytes, wanted, err);
	pthread_mutex_unlock(&s->lock);
	if (rc != 0) {
		free(entry);
		return rc;
	}
	*out = entry;
	*next = entry->first;
	*limit = entry->limit;
	return 0;
}

void
seq_state_start(const struct seq_state_entry *entry, struct sa_hot *hot)
{
	hot->seq_next = entry->first;
	hot->seq_more = entry->first + (entry->limit - entry->first) / 2;
	__atomic_store_n(
		&hot->seq_limit, entry->unsynced ? entry->first : entry->limit, __ATOMIC_RELEASE);
}

/* With the lock held. A record that has not come to the disk when the machine stops is a new one
 * afterwards: none of its numbers was used. */
static int
sync_claims(struct seq_state *s)
{
	uint32_t used = s->file.header->used;
	int rc;

	if (!s->unsynced)
		return 0;
	rc = seq_file_sync(
		s->file.header, SEQ_FILE_HEADER_BYTES + used * sizeof(struct seq_record));
	if (rc != 0)
		return rc;
	s->unsynced = false;
	for (uint32_t i = 0; i < used; i++) {
		struct seq_state_entry *entry = s->claims[i];

		if (entry == NULL || !entry->unsynced)
			continue;
		entry->unsynced = false;
		if (entry->sa != NULL)
			__atomic_store_n(&entry->sa->hot.seq_limit, entry->limit, __ATOMIC_RELEASE);
	}
	return 0;
}

int
seq_state_sync(struct seq_state *s, struct error *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = sync_claims(s);
	pthread_mutex_unlock(&s->lock);
	return rc == 0 ? 0
		       : error_set(err, rc, "the sequence state file cannot be written: %s",
				 strerror(-rc));
}

void
seq_state_register(struct seq_state *s, struct sa *sa)
{
	pthread_mutex_lock(&s->lock);
	sa->state->sa = sa;
	sa->state->raised = sa->state->first;
	sa->state->raised_ns = monotonic_ns();
	pthread_mutex_unlock(&s->lock);
}

static void
wish_push(struct seq_state *s, struct seq_state_entry *entry)
{
	entry->next_wish = __atomic_load_n(&s->wishes, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(
		&s->wishes, &entry->next_wish, entry, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

void
seq_state_want(struct seq_state_entry *entry)
{
	struct seq_state *s;

	if (entry == NULL || __atomic_load_n(&entry->wanted, __ATOMIC_ACQUIRE) != 0)
		return;
	s = entry->state;
	__atomic_store_n(&entry->wanted, 1, __ATOMIC_RELAXED);
	wish_push(s, entry);
}

/* With the lock held, but for the time that the disk takes: the control lcore does not wait for it.
 */
static int
record_sync(struct seq_state *s, struct seq_record *record)
{
	int rc;

	pthread_mutex_unlock(&s->lock);
	rc = seq_file_sync(record, sizeof(*record));
	pthread_mutex_lock(&s->lock);
	return rc;
}

/* How many numbers to reserve above the next one. */
static uint64_t
stretch_for(struct seq_state_entry *entry, uint64_t next)
{
	const uint64_t now = monotonic_ns(),
		       ns = RTE_MAX(now - entry->raised_ns, (uint64_t)WAKE_NS);
	const uint64_t used = RTE_MIN(next - entry->raised, stretch_max);
	const uint64_t lasting = used * STRETCH_SECONDS * NS_PER_S / ns;
	const uint64_t doubling = RTE_MIN(next - entry->first, stretch_used_max);

	entry->raised = next;
	entry->raised_ns = now;
	return RTE_MAX(stretch_min, RTE_MIN(RTE_MAX(lasting, doubling), stretch_max));
}

/* With the lock held. The file says so first; then the worker may. */
static void
entry_raise(struct seq_state *s, struct seq_state_entry *entry)
{
	struct sa_hot *hot = &entry->sa->hot;
	uint64_t next = __atomic_load_n(&hot->seq_next, __ATOMIC_RELAXED);
	uint64_t limit;
	int rc;

	/* asked for before seq_state_sync: what is reserved for it has to be on the disk first */
	if (entry->unsynced)
		return;
	limit = limit_after(next, stretch_for(entry, next), entry->end);
	if (limit > entry->limit) {
		record_reserve(entry->record, limit);
		rc = entry->static_key ? record_sync(s, entry->record) : 0;
		if (rc != 0) {
			if (!entry->sync_failed)
				log_error(sa, "the sequence state file cannot be written: %s",
					strerror(-rc));
			entry->sync_failed = true;
			return;
		}
		entry->sync_failed = false;
		entry->limit = limit;
		__atomic_store_n(&hot->seq_limit, limit, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&hot->seq_more,
		entry->limit == entry->end ? UINT64_MAX : next + (entry->limit - next) / 2,
		__ATOMIC_RELAXED);
}

/* With the lock held. The thread's. */
static void
wishes_grant(struct seq_state *s)
{
	struct seq_state_entry *entry = __atomic_exchange_n(&s->wishes, NULL, __ATOMIC_ACQUIRE);

	__atomic_store_n(&s->granting, true, __ATOMIC_RELAXED);
	while (entry != NULL) {
		struct seq_state_entry *next = entry->next_wish;

		if (entry->sa != NULL)
			entry_raise(s, entry);
		/* from here on the worker may put it on the list again */
		__atomic_store_n(&entry->wanted, 0, __ATOMIC_RELEASE);
		entry = next;
	}
	__atomic_store_n(&s->granting, false, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&s->granted);
}

/* With the lock held. Takes an entry whose SA is quiescent off the list, and out of the thread's
 * hands. */
static void
wish_forget(struct seq_state *s, struct seq_state_entry *gone)
{
	struct seq_state_entry *entry, *next;

	while (s->granting)
		pthread_cond_wait(&s->granted, &s->lock);
	if (__atomic_load_n(&gone->wanted, __ATOMIC_ACQUIRE) == 0)
		return;
	entry = __atomic_exchange_n(&s->wishes, NULL, __ATOMIC_ACQUIRE);
	for (; entry != NULL; entry = next) {
		next = entry->next_wish;
		if (entry != gone)
			wish_push(s, entry);
	}
}

bool
seq_state_is_busy(const struct seq_state *s)
{
	return __atomic_load_n(&s->granting, __ATOMIC_RELAXED);
}

static void *
thread_main(void *arg)
{
	struct seq_state *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += WAKE_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (s->n_claims == 0)
			pthread_cond_wait(&s->wake, &s->lock);
		else
			pthread_cond_timedwait(&s->wake, &s->lock, &until);
		wishes_grant(s);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* With the lock held. used: the first number that was not used. */
static void
entry_close(struct seq_state *s, struct seq_state_entry *entry, uint64_t used)
{
	record_reserve(entry->record, used);
	s->unsynced |= entry->static_key;
	s->claims[entry->record - s->file.records] = NULL;
	s->n_claims--;
	free(entry);
}

void
seq_state_abandon(struct seq_state *s, struct seq_state_entry *entry)
{
	pthread_mutex_lock(&s->lock);
	entry_close(s, entry, entry->before);
	pthread_mutex_unlock(&s->lock);
}

static void
close_of(struct seq_state *s, struct sa *sa, bool in_force)
{
	struct seq_state_entry *entry = sa->state;
	uint64_t used = sa->hot.seq_next;

	pthread_mutex_lock(&s->lock);
	wish_forget(s, entry);
	entry_close(s, entry, in_force || used != entry->first ? used : entry->before);
	sa->state = NULL;
	pthread_mutex_unlock(&s->lock);
}

void
seq_state_release(struct seq_state *s, struct sa *sa)
{
	close_of(s, sa, true);
}

void
seq_state_take_back(struct seq_state *s, struct sa *sa)
{
	close_of(s, sa, false);
}

static int
thread_start(struct seq_state *s)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int rc;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_cond_init(&s->granted, NULL);
	pthread_condattr_destroy(&attr);
	/* signals are for the main thread */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->thread, NULL, thread_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

static int
state_init(struct seq_state *s)
{
	s->buckets = calloc(INDEX_BUCKETS, sizeof(*s->buckets));
	s->chain = calloc(SEQ_FILE_RECORDS, sizeof(*s->chain));
	s->claims = calloc(SEQ_FILE_RECORDS, sizeof(struct seq_state_entry *));
	if (s->buckets == NULL || s->chain == NULL || s->claims == NULL ||
		fingerprinter_create(&s->fingerprinter, s->file.header->salt) != 0)
		return -ENOMEM;
	/* A record that never reached the disk before the machine stopped is free: no number of a
	 * static key was used before it did. */
	for (uint32_t i = 0; i < s->file.header->used; i++) {
		if (s->file.records[i].state == SEQ_RECORD_USED)
			index_add(s, i);
	}
	return thread_start(s);
}

static void
state_free(struct seq_state *s)
{
	seq_file_close(&s->file);
	fingerprinter_destroy(&s->fingerprinter);
	free(s->buckets);
	free(s->chain);
	free(s->claims);
	free(s);
}

struct seq_state *
seq_state_open(const char *dir, struct error *err)
{
	struct seq_state *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL) {
		error_set(err, -ENOMEM, "no memory for the sequence state");
		return NULL;
	}
	if (seq_file_open(&s->file, dir, err) != 0) {
		free(s);
		return NULL;
	}
	rc = state_init(s);
	if (rc != 0) {
		error_set(err, rc, "the sequence state cannot start: %s", strerror(-rc));
		state_free(s);
		return NULL;
	}
	return s;
}

void
seq_state_close(struct seq_state *s)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	for (uint32_t i = 0; i < s->file.header->used && s->n_claims > 0; i++) {
		struct seq_state_entry *entry = s->claims[i];

		if (entry == NULL)
			continue;
		if (entry->sa != NULL)
			entry->sa->state = NULL;
		entry_close(s, entry, entry->sa != NULL ? entry->sa->hot.seq_next : entry->first);
	}
	rc = sync_claims(s);
	if (rc != 0)
		log_error(sa, "the sequence state file cannot be written: %s", strerror(-rc));
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->granted);
	pthread_mutex_destroy(&s->lock);
	state_free(s);
}
