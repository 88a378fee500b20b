/* SPDX-License-Identifier: BSD-3-Clause */

/* SAs: one by one, all in sums, and those that are worth a look. */

#include <errno.h>

#include <rte_cycles.h>

#include "telemetry.h"

enum {
	PICKED = 10,
	PICKED_MAX = 64, /* a reply of 16 KB has room for more, the control lcore less time */
	WHOLE_LIFE = 1000,
};

enum life { LIFE_LIVE, LIFE_SOFT, LIFE_OVER, LIFE_COUNT };
static const char *const lives[] = {"live", "soft", "over"};

static uint32_t
sas_end(const struct gateway *g)
{
	return g->sas.used;
}

/* NULL: none with that id. */
static const struct gateway_sa *
sa_at(const struct gateway *g, uint32_t id)
{
	const struct gateway_sa *s = &g->sas.places[id];

	return s->live && !s->leaving ? s : NULL;
}

static bool
sa_exists(const struct gateway *g, uint32_t id)
{
	return sa_at(g, id) != NULL;
}

static enum life
life_of(const struct gateway_sa *s)
{
	if (s->over)
		return LIFE_OVER;
	return s->sa->soft_told ? LIFE_SOFT : LIFE_LIVE;
}

/* In thousandths; none without a limit. */
static uint32_t
share(uint64_t used, uint64_t limit)
{
	if (limit == 0 || limit == UINT64_MAX)
		return 0;
	return (uint32_t)RTE_MIN((double)used * WHOLE_LIFE / (double)limit, (double)WHOLE_LIFE);
}

static uint64_t
age_ms(const struct sa *sa)
{
	return (rte_rdtsc() - sa->created_tsc) / RTE_MAX(rte_get_tsc_hz() / 1000, 1ull);
}

/* How much of an SA's life is used, by the limit that is nearest, in thousandths. */
static uint32_t
life_used(const struct gateway_sa *s, uint64_t now)
{
	const struct sa *sa = s->sa;
	const struct sa_hot *hot = &sa->hot;
	uint32_t used = share(counter_read(&hot->traffic.packets), hot->hard_packets);

	used = RTE_MAX(used, share(counter_read(&hot->traffic.bytes), hot->hard_bytes));
	if (sa->direction == SA_OUT && !sa->esn)
		used = RTE_MAX(used, share(counter_read(&hot->seq_next), sa_sequence_end(sa->esn)));
	if (s->expires_ms) {
		uint64_t left = s->expires_ms > now ? s->expires_ms - now : 0, age = age_ms(sa);

		used = RTE_MAX(used, share(age, age + left));
	}
	return s->over ? WHOLE_LIFE : used;
}

static void
add_seconds_left(struct rte_tel_data *d, const char *name, uint64_t at_ms, uint64_t now)
{
	if (at_ms)
		telemetry_u64(d, name, at_ms > now ? (at_ms - now) / 1000 : 0);
}

static void
add_limit(struct rte_tel_data *d, const char *name, uint64_t limit)
{
	if (limit != 0 && limit != UINT64_MAX)
		telemetry_u64(d, name, limit);
}

static void
add_lifetime(struct rte_tel_data *d, const struct gateway_sa *s)
{
	const struct sa *sa = s->sa;
	uint64_t now = now_ms();

	telemetry_text(d, "state", lives[life_of(s)]);
	telemetry_u64(d, "age", age_ms(sa) / 1000);
	telemetry_u64(d, "life_used", life_used(s, now));
	add_seconds_left(d, "soft_seconds_left", s->soft_ms, now);
	add_seconds_left(d, "hard_seconds_left", s->expires_ms, now);
	add_limit(d, "soft_packets", sa->soft.packets);
	add_limit(d, "soft_bytes", sa->soft.bytes);
	add_limit(d, "hard_packets", sa->hot.hard_packets);
	add_limit(d, "hard_bytes", sa->hot.hard_bytes);
}

static int
sa_detail(const struct gateway *g, uint32_t id, struct rte_tel_data *d)
{
	const struct gateway_sa *s = sa_at(g, id);
	const struct sa *sa = s->sa;
	char spi[16];

	snprintf(spi, sizeof(spi), "0x%08x", rte_be_to_cpu_32(sa->spi_be));
	telemetry_text(d, "spi", spi);
	telemetry_text(d, "direction", sa->direction == SA_OUT ? "out" : "in");
	telemetry_text(d, "tunnel", g->tables.tunnels->tunnels[sa->tunnel]->config.name);
	telemetry_u64(d, "worker", sa->owner);
	telemetry_text(
		d, "algorithm", crypto_algorithm_get((enum crypto_algorithm_id)s->algorithm)->name);
	telemetry_u64(d, "esn", sa->esn);
	telemetry_pair(d, "packets", "bytes", &sa->hot.traffic);
	telemetry_u64(d, "sequence",
		counter_read(sa->direction == SA_OUT ? &sa->hot.seq_next : &sa->hot.window.top));
	if (sa->direction == SA_OUT)
		telemetry_u64(d, "sequence_reserved", counter_read(&sa->hot.seq_limit));
	telemetry_u64(d, "errors_icv", counter_read(&sa->hot.errors_icv));
	telemetry_u64(d, "errors_replay", counter_read(&sa->hot.errors_replay));
	telemetry_u64(d, "crypto_jobs", __atomic_load_n(&sa->hot.inflight, __ATOMIC_RELAXED));
	add_lifetime(d, s);
	return 0;
}

int
telemetry_sa(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	static const struct telemetry_family sas = {sas_end, sa_exists, sa_detail};

	return telemetry_objects(&sas, g, params, d);
}

struct sums {
	uint64_t count[2][LIFE_COUNT]; /* by direction */
	uint64_t crypto_jobs, errors_icv, errors_replay;
	uint32_t life_used; /* the most of all that are not over */
};

static void
sums_add(struct sums *sums, const struct gateway_sa *s, uint64_t now)
{
	const struct sa_hot *hot = &s->sa->hot;

	sums->count[s->sa->direction][life_of(s)]++;
	sums->crypto_jobs += __atomic_load_n(&hot->inflight, __ATOMIC_RELAXED);
	sums->errors_icv += counter_read(&hot->errors_icv);
	sums->errors_replay += counter_read(&hot->errors_replay);
	if (!s->over)
		sums->life_used = RTE_MAX(sums->life_used, life_used(s, now));
}

int
telemetry_sa_summary(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	uint64_t now = now_ms();
	struct sums sums = {0};
	char name[16];

	if (params)
		return -EINVAL;
	for (uint32_t id = 0; id < sas_end(g); id++)
		if (sa_exists(g, id))
			sums_add(&sums, sa_at(g, id), now);
	rte_tel_data_start_dict(d);
	for (int direction = SA_OUT; direction <= SA_IN; direction++)
		for (int life = 0; life < LIFE_COUNT; life++) {
			snprintf(name, sizeof(name), "%s_%s", direction == SA_OUT ? "out" : "in",
				lives[life]);
			telemetry_u64(d, name, sums.count[direction][life]);
		}
	telemetry_u64(d, "crypto_jobs", sums.crypto_jobs);
	telemetry_u64(d, "errors_icv", sums.errors_icv);
	telemetry_u64(d, "errors_replay", sums.errors_replay);
	telemetry_u64(d, "life_used", sums.life_used);
	return 0;
}

/* The SAs with the highest values, the highest first. */
struct pick {
	uint32_t n, wanted;
	uint32_t ids[PICKED_MAX];
	uint64_t values[PICKED_MAX];
};

static void
pick_offer(struct pick *p, uint32_t id, uint64_t value)
{
	uint32_t at;

	if (p->n == p->wanted && value <= p->values[p->n - 1])
		return;
	if (p->n < p->wanted)
		p->n++;
	for (at = p->n - 1; at > 0 && p->values[at - 1] < value; at--) {
		p->ids[at] = p->ids[at - 1];
		p->values[at] = p->values[at - 1];
	}
	p->ids[at] = id;
	p->values[at] = value;
}

/* How many are wanted; 0: params does not say. */
static uint32_t
wanted(const char *params)
{
	uint32_t n = PICKED;

	return !params || telemetry_number(params, PICKED_MAX + 1, &n) ? n : 0;
}

static void
add_picked(struct rte_tel_data *d, const struct pick *p)
{
	char name[16];

	rte_tel_data_start_dict(d);
	for (uint32_t i = 0; i < p->n; i++) {
		snprintf(name, sizeof(name), "%u", p->ids[i]);
		telemetry_u64(d, name, p->values[i]);
	}
}

int
telemetry_sa_ending(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	struct pick pick = {.wanted = wanted(params)};
	uint64_t now = now_ms();

	if (pick.wanted == 0)
		return -EINVAL;
	for (uint32_t id = 0; id < sas_end(g); id++)
		if (sa_exists(g, id) && !sa_at(g, id)->over)
			pick_offer(&pick, id, life_used(sa_at(g, id), now));
	add_picked(d, &pick);
	return 0;
}

int
telemetry_sa_busiest(const struct gateway *g, const char *params, struct rte_tel_data *d)
{
	struct pick pick = {.wanted = wanted(params)};

	if (pick.wanted == 0)
		return -EINVAL;
	for (uint32_t id = 0; id < sas_end(g); id++)
		if (sa_exists(g, id))
			pick_offer(&pick, id, counter_read(&sa_at(g, id)->sa->hot.traffic.bytes));
	add_picked(d, &pick);
	return 0;
}
