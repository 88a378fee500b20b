/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What was unpublished is freed when no worker can have it any more. Everything that is unpublished
 * during a grace period waits for the next one together, so that ten thousand deletions a second
 * cost a grace period for each turn of the control loop, and nobody waits for any.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "grace.h"
#include "internal.h"
#include "objects.h"

/* Of a turn of the control loop, in which clients of the control socket wait. */
enum { REAPED_A_TURN = 1024, REAPED_AT_ONCE = 32, TURNS_A_SECOND = 500 };

static int
graves_reserve(struct graves *graves, uint32_t n)
{
	uint32_t capacity = RTE_MAX(n, graves->capacity * 2);
	struct grave *more;

	if (n <= graves->capacity)
		return 0;
	more = realloc(graves->items, capacity * sizeof(*more));
	if (!more)
		return -ENOMEM;
	graves->items = more;
	graves->capacity = capacity;
	return 0;
}

int
reaper_reserve(struct gateway *g, uint32_t more)
{
	return graves_reserve(&g->reaper.waiting, g->reaper.waiting.n + more);
}

void
reaper_sa(struct gateway *g, struct gateway_sa *s)
{
	g->reaper.waiting.items[g->reaper.waiting.n++] = (struct grave){.sa = s};
}

void
reaper_tunnel(struct gateway *g, struct tunnel *t)
{
	g->reaper.waiting.items[g->reaper.waiting.n++] = (struct grave){.tunnel = t};
}

/* An asynchronous engine may have an SA's jobs for longer than a grace period. */
static bool
is_free(const struct grave *grave)
{
	return !grave->sa || __atomic_load_n(&grave->sa->sa->hot.inflight, __ATOMIC_ACQUIRE) == 0;
}

static void
bury(struct gateway *g, const struct grave *grave)
{
	if (grave->sa)
		sa_end(g, grave->sa);
	else
		tunnel_free(grave->tunnel);
}

/* Up to `most` of those that were not looked at yet. One whose jobs are under way stays, and holds
 * up no other. */
static void
bury_some(struct gateway *g, uint32_t most)
{
	struct reaper *r = &g->reaper;
	struct graves *dying = &r->dying;

	for (; most > 0 && r->looked < dying->n; most--) {
		struct grave *grave = &dying->items[r->looked];

		if (!is_free(grave)) {
			r->looked++;
			continue;
		}
		bury(g, grave);
		*grave = dying->items[--dying->n];
	}
}

/* A grace period for what waits, and another one for what the last one did not free. */
static void
begin(struct gateway *g)
{
	struct reaper *r = &g->reaper;

	if (graves_reserve(&r->dying, r->dying.n + r->waiting.n) != 0)
		return; /* tried again in the next turn */
	if (r->waiting.n)
		memcpy(&r->dying.items[r->dying.n], r->waiting.items,
			r->waiting.n * sizeof(r->waiting.items[0]));
	r->dying.n += r->waiting.n;
	r->waiting.n = 0;
	r->looked = 0;
	r->token = rte_rcu_qsbr_start(g->qsbr);
}

/* As many as a turn has time for. */
static void
bury_a_turn(struct gateway *g)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / TURNS_A_SECOND;
	uint32_t n = 0;

	do {
		bury_some(g, REAPED_AT_ONCE);
		n += REAPED_AT_ONCE;
	} while (n < REAPED_A_TURN && rte_rdtsc() < end);
}

void
reaper_poll(struct gateway *g)
{
	struct reaper *r = &g->reaper;

	if (r->looked == r->dying.n && r->dying.n + r->waiting.n > 0)
		begin(g);
	if (g->state && seq_state_is_busy(g->state))
		return; /* there is time */
	if (r->looked < r->dying.n && rte_rcu_qsbr_check(g->qsbr, r->token, false) == 1)
		bury_a_turn(g);
}

bool
reaper_wait(struct gateway *g)
{
	struct reaper *r = &g->reaper;
	uint32_t before = r->dying.n + r->waiting.n;

	if (before == 0)
		return false;
	begin(g);
	grace_wait_for(g->qsbr, r->token);
	bury_some(g, UINT32_MAX);
	return r->dying.n + r->waiting.n < before;
}

void
reaper_finish(struct gateway *g)
{
	struct reaper *r = &g->reaper;

	for (uint32_t i = 0; i < r->dying.n; i++)
		bury(g, &r->dying.items[i]);
	for (uint32_t i = 0; i < r->waiting.n; i++)
		bury(g, &r->waiting.items[i]);
	free(r->dying.items);
	free(r->waiting.items);
	*r = (struct reaper){0};
}
