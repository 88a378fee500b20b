/* SPDX-License-Identifier: BSD-3-Clause */
#include "secret.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fibre.h"

enum {
	CHUNK_BYTES = 256 << 10,
	CLASS_FIRST = 5, /* 32 bytes, header included */
	CLASS_LAST = 15, /* 32 KiB; what is larger has pages of its own */
	CLASSES = CLASS_LAST + 1,
};

/* Before each block. */
struct header {
	size_t bytes; /* of the block, header included */
	struct header *next_free;
};

struct chunk {
	struct chunk *next;
	size_t used; /* the struct included */
};

/* Blocks of a class are reused; when none is in use all chunks but one are given back. */
static struct {
	struct header *free[CLASSES];
	struct chunk *chunks;
	size_t live; /* blocks out of chunks */
} pool;

static unsigned int
class_of(size_t bytes)
{
	unsigned int class = CLASS_FIRST;

	while (((size_t)1 << class) < bytes)
		class ++;
	return class;
}

static void *
pages_take(size_t bytes)
{
	void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	madvise(pages, bytes, MADV_DONTDUMP);
	return pages;
}

static bool
chunk_add(void)
{
	struct chunk *c = pages_take(CHUNK_BYTES);

	if (!c)
		return false;
	*c = (struct chunk){.next = pool.chunks, .used = sizeof(*c)};
	pool.chunks = c;
	return true;
}

static struct header *
block_take(unsigned int class)
{
	size_t bytes = (size_t)1 << class;
	struct header *h = pool.free[class];

	if (h) {
		pool.free[class] = h->next_free;
	} else {
		if ((!pool.chunks || pool.chunks->used + bytes > CHUNK_BYTES) && !chunk_add())
			return NULL;
		h = (struct header *)((char *)pool.chunks + pool.chunks->used);
		pool.chunks->used += bytes;
	}
	pool.live++;
	return h;
}

/* Nothing is in use: a message is done with. The chunks go in turns, as a long answer has many;
 * they are nobody's by then. */
static void
pool_shrink(void)
{
	struct chunk *spare = pool.chunks->next;

	pool.chunks->next = NULL;
	pool.chunks->used = sizeof(*pool.chunks);
	memset(pool.free, 0, sizeof(pool.free));
	while (spare) {
		struct chunk *next = spare->next;

		munmap(spare, CHUNK_BYTES);
		spare = next;
		fibre_rest();
	}
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SECRET_MALLOC
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SECRET_MALLOC
#endif

/* AddressSanitizer sees into blocks of malloc only. */
#ifdef SECRET_MALLOC
static const bool from_malloc = true;
#else
static const bool from_malloc = false;
#endif

void *
secret_alloc(size_t bytes)
{
	size_t whole = bytes + sizeof(struct header);
	unsigned int class;
	struct header *h;

	if (whole < bytes)
		return NULL;
	if (from_malloc) {
		h = malloc(whole);
	} else if (whole > (size_t)1 << CLASS_LAST) {
		h = pages_take(whole);
	} else {
		class = class_of(whole);
		whole = (size_t)1 << class;
		h = block_take(class);
	}
	if (!h)
		return NULL;
	h->bytes = whole;
	return h + 1;
}

void *
secret_zalloc(size_t bytes)
{
	void *memory = secret_alloc(bytes);

	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

void
secret_free(void *memory)
{
	struct header *h = memory;
	size_t bytes;

	if (!h)
		return;
	h--;
	bytes = h->bytes;
	explicit_bzero(h, bytes);
	if (from_malloc) {
		free(h);
	} else if (bytes > (size_t)1 << CLASS_LAST) {
		munmap(h, bytes);
	} else {
		unsigned int class = class_of(bytes);

		h->next_free = pool.free[class];
		pool.free[class] = h;
		if (--pool.live == 0)
			pool_shrink();
	}
}
