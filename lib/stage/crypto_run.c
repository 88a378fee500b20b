/* SPDX-License-Identifier: BSD-3-Clause */

/* Between the halves of ESP: the crypto engine, synchronous or not. */

#include "stage.h"

/* Goes on with those of one SA's packets whose crypto went well. */
static void
finish(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, const int32_t *status, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (likely(status[i] == CRYPTO_OK)) {
			pkts[kept++] = pkts[i];
			continue;
		}
		if (status[i] == CRYPTO_BAD_ICV)
			sa->hot.errors_icv++;
		drop(w, pkts[i], status[i] == CRYPTO_BAD_ICV ? DROP_icv : DROP_crypto_failed);
	}
	if (sa->direction == SA_OUT)
		stage_sealed(w, sa, pkts, kept);
	else
		stage_opened(w, sa, pkts, kept);
}

static void
finish_done(struct worker *w)
{
	struct rte_mbuf **pkts = w->done.pkts;

	for (uint16_t first = 0, end; first < w->done.n; first = end) {
		struct sa *sa = pkt(pkts[first])->sa;

		for (end = first + 1; end < w->done.n && pkt(pkts[end])->sa == sa; end++)
			;
		__atomic_store_n(
			&sa->hot.inflight, sa->hot.inflight - (end - first), __ATOMIC_RELEASE);
		finish(w, sa, pkts + first, w->done_status + first, end - first);
	}
	w->done.n = 0;
}

/* Takes completions into w->done as far as there is room there, without going on with them. */
static void
collect(struct worker *w)
{
	for (uint16_t i = 0; i < w->n_engines; i++) {
		struct crypto_engine *e = w->engines[i];

		w->done.n += e->ops->poll(e, w->index, w->done.pkts + w->done.n,
			w->done_status + w->done.n, BURST_MAX - w->done.n);
	}
}

/* Offers the jobs until the engine has them all, or does not move any more: then the rest is
 * dropped. */
static void
submit(struct worker *w, struct sa *sa, struct crypto_burst *burst)
{
	enum { ATTEMPTS = 16 };
	struct crypto_engine *engine = sa->engine;
	uint16_t first = 0;

	for (uint16_t i = 0; i < burst->n; i++)
		pkt(burst->pkts[i])->sa = sa;
	for (uint16_t tries = 0; first < burst->n && tries < ATTEMPTS; tries++) {
		uint16_t taken = engine->ops->submit(engine, w->index, burst, first);

		first += taken;
		__atomic_store_n(&sa->hot.inflight, sa->hot.inflight + taken, __ATOMIC_RELEASE);
		if (taken)
			tries = 0;
		if (first < burst->n)
			collect(w);
	}
	if (first < burst->n)
		drop_bulk(w, burst->pkts + first, burst->n - first, DROP_crypto_full);
}

/* How many of the packets from the first on belong to its SA. */
static inline uint16_t
leading(struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t same = 1;

	while (same < n && pkt(pkts[same])->sa == pkt(pkts[0])->sa)
		same++;
	return same;
}

void
stage_by_sa(struct worker *w, struct rte_mbuf **pkts, uint16_t n, stage_group_fn *fn)
{
	/* one SA's alone, mostly: nothing to sort */
	if (likely(n > 0 && n <= CRYPTO_BURST && leading(pkts, n) == n)) {
		fn(w, pkt(pkts[0])->sa, pkts, n);
		return;
	}
	while (n > 0) {
		struct rte_mbuf *group[CRYPTO_BURST];
		struct sa *sa = pkt(pkts[0])->sa;
		uint16_t taken = 0, left = 0;

		for (uint16_t i = 0; i < n; i++) {
			if (pkt(pkts[i])->sa == sa && taken < CRYPTO_BURST)
				group[taken++] = pkts[i];
			else
				pkts[left++] = pkts[i];
		}
		n = left;
		fn(w, sa, group, taken);
	}
}

void
stage_crypto(struct worker *w, struct sa *sa, struct crypto_burst *burst)
{
	if (burst->n == 0)
		return;
	if (!crypto_engine_is_synchronous(sa->engine)) {
		submit(w, sa, burst);
		return;
	}
	sa->engine->ops->process(sa->engine, w->index, burst);
	finish(w, sa, burst->pkts, burst->status, burst->n);
}

uint16_t
stage_crypto_poll(struct worker *w)
{
	uint16_t n;

	if (w->n_engines == 0)
		return 0;
	collect(w);
	n = w->done.n;
	finish_done(w);
	return n;
}
