/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOOK_SPOOL_H
#define LOOK_SPOOL_H

/*
 * A ring of entries of any length from one thread to another, in memory that is there from the
 * beginning. The writer fills in what it has reserved and commits; what it committed is the
 * reader's until it is released. Neither waits for the other: `committed` is stored with release
 * and loaded with acquire, so that the reader sees entries whole, and so is `released`, so that the
 * writer never writes over what is still read.
 */

#include <stdbool.h>
#include <stdint.h>

enum { SPOOL_ALIGN = 8 };

struct spool {
	uint8_t *bytes;
	uint64_t size;      /* a power of two */
	uint64_t reserved;  /* the writer's */
	uint64_t committed; /* atomic; the writer's */
	uint64_t lost;      /* atomic; the writer's: no room */
	uint8_t apart[64];  /* the reader writes another cache line than the writer */
	uint64_t released;  /* atomic; the reader's */
};

/* size: a power of two, at least 4096. 0 or -ENOMEM. */
int spool_init(struct spool *s, uint64_t size);
void spool_free(struct spool *s);

/* Writer. Room for n bytes, 8 bytes aligned; NULL, and counted as lost, when there is none. n is at
 * most a quarter of the size. Of what was reserved since the last commit, all is committed. */
void *spool_reserve(struct spool *s, uint32_t n);
void spool_commit(struct spool *s);

/* Reader. The oldest entry, *n its bytes (rounded up to 8); NULL: none. It is the reader's until
 * spool_release. */
void *spool_peek(struct spool *s, uint32_t *n);
void spool_release(struct spool *s);

#endif
