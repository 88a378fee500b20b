/* SPDX-License-Identifier: BSD-3-Clause */

/* Between the halves of ESP: the crypto engine, synchronous or not. */

#include "stage.h"

/* Drops what failed; returns how many packets are left. */
static __rte_noinline uint16_t
drop_failed(struct worker *w, struct rte_mbuf **pkts, const int32_t *status, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (status[i] == CRYPTO_OK) {
			pkts[kept++] = pkts[i];
			continue;
		}
		if (status[i] == CRYPTO_BAD_ICV)
			pkt(pkts[i])->sa->hot.errors_icv++;
		drop(w, pkts[i], status[i] == CRYPTO_BAD_ICV ? DROP_icv : DROP_crypto_failed);
	}
	return kept;
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

/* Goes on with packets whose crypto went well. alike: so many, from the first on, are of one SA (0:
 * it is not known). */
static void
finish(struct worker *w, struct rte_mbuf **pkts, uint16_t n, uint16_t alike)
{
	for (uint16_t first = 0, same; first < n; first += same, alike = 0) {
		struct sa *sa = pkt(pkts[first])->sa;

		same = alike ? alike : leading(pkts + first, n - first);
		if (sa->direction == SA_OUT)
			stage_sealed(w, sa, pkts + first, same);
		else
			stage_opened(w, sa, pkts + first, same);
	}
}

static void
finish_done(struct worker *w)
{
	struct rte_mbuf **pkts = w->done.pkts;
	struct sa *sas[BURST_MAX];
	uint16_t n = w->done.n, kept;

	w->done.n = 0;
	for (uint16_t i = 0; i < n; i++)
		sas[i] = pkt(pkts[i])->sa;
	kept = drop_failed(w, pkts, w->done_status, n);
	if (unlikely(w->watcher.watch))
		watch_jobs_done(&w->watcher, pkts, kept);
	finish(w, pkts, kept, 0);
	/* only now: who waits for it may free the SA */
	for (uint16_t i = 0; i < n; i++) {
		struct sa_hot *hot = &sas[i]->hot;

		__atomic_store_n(&hot->inflight, hot->inflight - 1, __ATOMIC_RELEASE);
	}
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
submit(struct worker *w, struct crypto_engine *engine, struct crypto_burst *burst)
{
	enum { ATTEMPTS = 16 };
	uint16_t first = 0;

	if (unlikely(w->watcher.watch))
		watch_jobs(&w->watcher, burst, true);
	for (uint16_t tries = 0; first < burst->n && tries < ATTEMPTS; tries++) {
		uint16_t taken = engine->ops->submit(engine, w->index, burst, first);

		for (uint16_t i = first; i < first + taken; i++) {
			struct sa_hot *hot = &pkt(burst->pkts[i])->sa->hot;

			__atomic_store_n(&hot->inflight, hot->inflight + 1, __ATOMIC_RELEASE);
		}
		first += taken;
		if (taken)
			tries = 0;
		if (first < burst->n)
			collect(w);
	}
	if (first < burst->n)
		drop_bulk(w, burst->pkts + first, burst->n - first, DROP_crypto_full);
	burst->n = 0;
}

struct crypto_burst *
stage_crypto_room(struct worker *w, const struct sa *sa, uint16_t *room)
{
	struct crypto_burst *burst = w->crypto;

	if (unlikely(burst->n == CRYPTO_BURST || (burst->n && w->engine != sa->engine)))
		stage_crypto(w);
	w->engine = sa->engine;
	*room = CRYPTO_BURST - burst->n;
	return burst;
}

/* In a turn that is measured, or looked at. */
static __rte_noinline uint16_t
process_watched(struct worker *w, struct crypto_engine *engine, struct crypto_burst *burst)
{
	uint64_t start;
	uint16_t good;

	if (w->watcher.watch)
		watch_jobs(&w->watcher, burst, false);
	start = rte_rdtsc();
	good = engine->ops->process(engine, w->index, burst);
	if (w->meter.on)
		meter_within(&w->meter, METER_crypto, burst->n, start);
	return good;
}

/* Returns how many went well. */
static inline uint16_t
process(struct worker *w, struct crypto_engine *engine, struct crypto_burst *burst)
{
	if (likely(!w->watched))
		return engine->ops->process(engine, w->index, burst);
	return process_watched(w, engine, burst);
}

void
stage_crypto(struct worker *w)
{
	struct crypto_burst *burst = w->crypto;
	struct crypto_engine *engine = w->engine;
	uint16_t n = burst->n, alike = burst->alike, framed;

	if (n == 0)
		return;
	if (unlikely(!crypto_engine_is_synchronous(engine))) {
		submit(w, engine, burst);
		return;
	}
	if (unlikely(process(w, engine, burst) != n)) {
		n = drop_failed(w, burst->pkts, burst->status, n);
		alike = 0;
	}
	if (unlikely(w->watcher.watch))
		watch_jobs_done(&w->watcher, burst->pkts, n);
	burst->n = 0;
	if (unlikely(n == 0))
		return;
	/* mostly all of them, or none; nothing that they were sealed by can be gone meanwhile */
	framed = stage_framed(w, burst->pkts, n);
	finish(w, burst->pkts + framed, n - framed, framed ? 0 : alike);
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
