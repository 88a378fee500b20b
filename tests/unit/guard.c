/* SPDX-License-Identifier: BSD-3-Clause */
#include "guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
	LEN_MAX = 60000,
	FILL = 0xa5, /* what is in the room: no zeros that look harmless */
};

/* A mapping: a forbidden page, the data pages, a forbidden page. */
struct guarded {
	struct rte_mbuf_ext_shared_info shared;
	uint8_t *base;
	size_t size;
};

static void
unmap(void *addr, void *opaque)
{
	struct guarded *g = opaque;

	RTE_SET_USED(addr);
	munmap(g->base, g->size);
	free(g);
}

static struct guarded *
map(size_t bytes)
{
	struct guarded *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->size = bytes + 2 * PAGE;
	g->base = mmap(NULL, g->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->base == MAP_FAILED || mprotect(g->base + PAGE, bytes, PROT_READ | PROT_WRITE) < 0) {
		free(g);
		return NULL;
	}
	memset(g->base + PAGE, FILL, bytes);
	g->shared.free_cb = unmap;
	g->shared.fcb_opaque = g;
	rte_mbuf_ext_refcnt_set(&g->shared, 1);
	return g;
}

struct rte_mbuf *
guard_mbuf_room(struct rte_mempool *pool, const void *bytes, uint32_t len, enum guard_end end,
	uint16_t room)
{
	size_t pages = RTE_ALIGN_CEIL((size_t)len + room + 1, PAGE);
	struct rte_mbuf *m;
	struct guarded *g;
	uint16_t buf_len;
	uint8_t *buf;

	if (len + room > LEN_MAX)
		return NULL;
	m = rte_pktmbuf_alloc(pool);
	if (!m)
		return NULL;
	g = map(pages);
	if (!g) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	buf_len = RTE_MIN(pages, (size_t)UINT16_MAX);
	buf = g->base + PAGE + (end == GUARD_AFTER ? pages - buf_len : 0);
	rte_pktmbuf_attach_extbuf(m, buf, RTE_BAD_IOVA, buf_len, &g->shared);
	m->data_off = end == GUARD_AFTER ? buf_len - room - len : room;
	m->data_len = len;
	m->pkt_len = len;
	memcpy(rte_pktmbuf_mtod(m, void *), bytes, len);
	return m;
}

struct rte_mbuf *
guard_mbuf(struct rte_mempool *pool, const void *bytes, uint32_t len, enum guard_end end)
{
	return guard_mbuf_room(pool, bytes, len, end, 0);
}

struct rte_mbuf *
guard_chain(struct rte_mempool *pool, const void *bytes, uint32_t len, uint16_t first,
	uint16_t segment, enum guard_end end)
{
	const uint8_t *from = bytes;
	struct rte_mbuf *head = NULL, *m;
	uint32_t part = RTE_MIN(len, first ? first : segment);

	do {
		m = guard_mbuf(pool, from, part, end);
		if (!m || (head && rte_pktmbuf_chain(head, m) < 0)) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		head = head ? head : m;
		from += part;
		len -= part;
		part = RTE_MIN(len, segment);
	} while (len > 0);
	return head;
}
