/* SPDX-License-Identifier: BSD-3-Clause */
#include "spool.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

/* Before each entry. */
struct lead {
	uint32_t bytes; /* with this one */
	uint32_t blank; /* nothing, up to the end of the ring */
};

_Static_assert(sizeof(struct lead) == SPOOL_ALIGN, "an entry behind it would not be aligned");

int
spool_init(struct spool *s, uint64_t size)
{
	*s = (struct spool){.bytes = malloc(size), .size = size};
	return s->bytes ? 0 : -ENOMEM;
}

void
spool_free(struct spool *s)
{
	free(s->bytes);
	s->bytes = NULL;
}

static struct lead *
lead_at(struct spool *s, uint64_t position)
{
	return (struct lead *)(void *)(s->bytes + (position & (s->size - 1)));
}

void *
spool_reserve(struct spool *s, uint32_t n)
{
	const uint32_t bytes = (uint32_t)RTE_ALIGN_CEIL(n + sizeof(struct lead), SPOOL_ALIGN);
	const uint64_t to_end = s->size - (s->reserved & (s->size - 1));
	const uint64_t blank = to_end < bytes ? to_end : 0;
	struct lead *lead;

	if (s->reserved + blank + bytes - __atomic_load_n(&s->released, __ATOMIC_ACQUIRE) >
		s->size) {
		__atomic_store_n(&s->lost, s->lost + 1, __ATOMIC_RELAXED);
		return NULL;
	}
	if (blank) {
		*lead_at(s, s->reserved) = (struct lead){(uint32_t)blank, true};
		s->reserved += blank;
	}
	lead = lead_at(s, s->reserved);
	*lead = (struct lead){.bytes = bytes};
	s->reserved += bytes;
	return lead + 1;
}

void
spool_commit(struct spool *s)
{
	__atomic_store_n(&s->committed, s->reserved, __ATOMIC_RELEASE);
}

void *
spool_peek(struct spool *s, uint32_t *n)
{
	const uint64_t committed = __atomic_load_n(&s->committed, __ATOMIC_ACQUIRE);
	struct lead *lead;

	while (s->released != committed) {
		lead = lead_at(s, s->released);
		if (!lead->blank) {
			*n = lead->bytes - (uint32_t)sizeof(*lead);
			return lead + 1;
		}
		__atomic_store_n(&s->released, s->released + lead->bytes, __ATOMIC_RELEASE);
	}
	return NULL;
}

void
spool_release(struct spool *s)
{
	const struct lead *lead = lead_at(s, s->released);

	__atomic_store_n(&s->released, s->released + lead->bytes, __ATOMIC_RELEASE);
}
