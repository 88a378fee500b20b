/* SPDX-License-Identifier: BSD-3-Clause */

/* The SAs that the gateway has: their places, and finding them by name and by key. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <rte_hash.h>
#include <rte_jhash.h>

#include "internal.h"

enum {
	SAS_A_TICK = 16384, /* SAs whose lifetimes are looked at in one tick: 100,000 in 0.7 s */
};

/* No padding: it is hashed and compared as bytes. */
struct name {
	uint8_t addr[16];
	uint32_t spi;
	uint8_t family, direction;
	uint8_t zero[2];
};

_Static_assert(sizeof(struct name) == 24, "struct name has padding");

static struct rte_hash *
hash_create(const struct sa_store *s, const char *what, uint32_t key_bytes, uint32_t capacity)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters params = {
		.name = name,
		.entries = RTE_MAX(capacity, 64u),
		.key_len = key_bytes,
		.hash_func = rte_jhash,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE, /* never full before we are */
	};

	snprintf(name, sizeof(name), "%s%" PRIxPTR, what, (uintptr_t)s);
	return rte_hash_create(&params);
}

int
sa_store_create(struct sa_store *s, uint32_t capacity, struct error *err)
{
	uint8_t salt[FINGERPRINT_SALT_BYTES];

	LIST_INIT(&s->free);
	s->capacity = capacity;
	s->places = calloc(capacity, sizeof(*s->places));
	/* one whose tunnel moves has two names */
	s->by_name = hash_create(s, "san", sizeof(struct name), capacity * 2);
	s->by_spi = hash_create(s, "sas", sizeof(uint64_t), capacity);
	s->by_fingerprint = hash_create(s, "saf", sizeof(struct fingerprint), capacity);
	if (!s->places || !s->by_name || !s->by_spi || !s->by_fingerprint ||
		getrandom(salt, sizeof(salt), 0) != sizeof(salt) ||
		fingerprinter_create(&s->fingerprinter, salt) != 0)
		return error_set(err, -ENOMEM, "no memory for %u SAs", capacity);
	return 0;
}

void
sa_store_destroy(struct sa_store *s)
{
	fingerprinter_destroy(&s->fingerprinter);
	rte_hash_free(s->by_name);
	rte_hash_free(s->by_spi);
	rte_hash_free(s->by_fingerprint);
	free(s->places);
}

static struct name
name_make(enum sa_direction direction, uint32_t spi, const struct ip_addr *to)
{
	struct name name = {.spi = spi, .family = to->family, .direction = (uint8_t)direction};

	memcpy(name.addr, to->bytes, sizeof(name.addr));
	return name;
}

struct gateway_sa *
sa_store_find(const struct sa_store *s, enum sa_direction direction, uint32_t spi,
	const struct ip_addr *to)
{
	struct name name = name_make(direction, spi, to);
	void *found;

	return rte_hash_lookup_data(s->by_name, &name, &found) >= 0 ? found : NULL;
}

/* How many SAs of each direction have a key; the hash's data. */
struct key_use {
	uint32_t out, in;
};

static struct key_use
key_use_get(const struct sa_store *s, const struct fingerprint *f)
{
	void *data = NULL;

	rte_hash_lookup_data(s->by_fingerprint, f, &data);
	return (struct key_use){(uint32_t)((uintptr_t)data >> 32), (uint32_t)(uintptr_t)data};
}

static int
key_use_change(struct sa_store *s, const struct gateway_sa *place, int by)
{
	struct key_use use = key_use_get(s, &place->fingerprint);

	*(place->direction == SA_OUT ? &use.out : &use.in) += (uint32_t)by;
	if (use.out == 0 && use.in == 0)
		return rte_hash_del_key(s->by_fingerprint, &place->fingerprint) < 0 ? -ENOENT : 0;
	return rte_hash_add_key_data(s->by_fingerprint, &place->fingerprint,
		(void *)((uintptr_t)use.out << 32 | use.in));
}

/* An SA each way with one key: this gateway and a peer would count up the same nonces under it
 * (RFC 4106 3.1). */
static int
check_key(const struct sa_store *s, const struct gateway_sa *place, struct error *err)
{
	struct key_use use = key_use_get(s, &place->fingerprint);

	if (place->direction == SA_OUT && use.out)
		return error_set(err, -EEXIST,
			"key: another outbound SA has the same key and salt; their nonces would "
			"repeat: each SA needs a key of its own");
	if (place->direction == SA_OUT ? use.in : use.out)
		return error_set(err, -EEXIST,
			"key: an SA of the other direction has it, and both ends would use the "
			"same nonces: each SA needs a key of its own");
	return 0;
}

static int
check_name(const struct sa_store *s, const struct gateway_sa *place, const struct ip_addr *to,
	struct error *err)
{
	char text[IP_ADDR_STRLEN];

	if (!sa_store_find(s, place->direction, place->spi, to))
		return 0;
	return error_set(err, -EEXIST, "spi: an %s SA with SPI 0x%08x to %s is there already",
		place->direction == SA_IN ? "inbound" : "outbound", place->spi,
		ip_addr_format(to, text));
}

int
sa_store_name_add(
	struct sa_store *s, struct gateway_sa *place, const struct ip_addr *to, struct error *err)
{
	struct name name = name_make(place->direction, place->spi, to);
	int rc = check_name(s, place, to, err);

	if (rc == 0 && rte_hash_add_key_data(s->by_name, &name, place) != 0)
		rc = error_set(err, -ENOSPC, "no room for an SA's other name: raise limits.sas");
	return rc;
}

void
sa_store_name_delete(struct sa_store *s, const struct gateway_sa *place, const struct ip_addr *to)
{
	struct name name = name_make(place->direction, place->spi, to);

	rte_hash_del_key(s->by_name, &name);
}

static uint64_t
spi_key(enum sa_direction direction, uint32_t spi)
{
	return (uint64_t)direction << 32 | spi;
}

struct gateway_sa *
sa_store_find_spi(const struct sa_store *s, enum sa_direction direction, uint32_t spi)
{
	uint64_t key = spi_key(direction, spi);
	void *first;

	return rte_hash_lookup_data(s->by_spi, &key, &first) >= 0 ? first : NULL;
}

static int
spi_enter(struct sa_store *s, struct gateway_sa *place)
{
	uint64_t key = spi_key(place->direction, place->spi);

	place->same_spi = sa_store_find_spi(s, place->direction, place->spi);
	return rte_hash_add_key_data(s->by_spi, &key, place);
}

static void
spi_leave(struct sa_store *s, struct gateway_sa *place)
{
	uint64_t key = spi_key(place->direction, place->spi);
	struct gateway_sa *first = sa_store_find_spi(s, place->direction, place->spi);

	if (first != place) {
		while (first->same_spi != place)
			first = first->same_spi;
		first->same_spi = place->same_spi;
	} else if (place->same_spi) {
		rte_hash_add_key_data(s->by_spi, &key, place->same_spi); /* replaces */
	} else {
		rte_hash_del_key(s->by_spi, &key);
	}
	place->same_spi = NULL;
}

static int
enter(struct sa_store *s, struct gateway_sa *place)
{
	struct name name = name_make(place->direction, place->spi, &place->to);

	if (rte_hash_add_key_data(s->by_name, &name, place) != 0)
		return -ENOSPC;
	if (spi_enter(s, place) != 0)
		goto no_spi;
	if (key_use_change(s, place, 1) != 0)
		goto no_key;
	s->count++;
	return 0;
no_key:
	spi_leave(s, place);
no_spi:
	sa_store_name_delete(s, place, &place->to);
	return -ENOSPC;
}

static struct gateway_sa *
place_take(struct sa_store *s)
{
	struct gateway_sa *place = LIST_FIRST(&s->free);

	if (place)
		LIST_REMOVE(place, link);
	else if (s->used < s->capacity)
		place = &s->places[s->used++];
	return place;
}

void
sa_store_give(struct sa_store *s, struct gateway_sa *place)
{
	if (place->key) {
		crypto_wipe(place->key, SA_KEY_MAX);
		free(place->key);
	}
	memset(place, 0, sizeof(*place));
	LIST_INSERT_HEAD(&s->free, place, link);
}

int
sa_store_take(struct sa_store *s, const struct config_sa *c, const struct ip_addr *to,
	struct gateway_sa **out, struct error *err)
{
	const struct crypto_algorithm *a = crypto_algorithm_get(c->sa.algorithm);
	struct gateway_sa *place = place_take(s);
	int rc;

	if (!place)
		return error_set(err, -ENOSPC, "all %u places for SAs are taken: raise limits.sas",
			s->capacity);
	place->spi = c->sa.spi;
	place->direction = c->sa.direction;
	place->to = *to;
	place->tunnel = c->tunnel;
	place->fingerprint =
		fingerprint_of(&s->fingerprinter, c->sa.key, a->key_bytes + a->salt_bytes);
	rc = check_name(s, place, to, err);
	if (rc == 0)
		rc = check_key(s, place, err);
	if (rc == 0 && enter(s, place) != 0)
		rc = error_set(err, -ENOSPC, "no room for another SA: raise limits.sas");
	if (rc == 0)
		*out = place;
	else
		sa_store_give(s, place);
	return rc;
}

void
sa_store_leave(struct sa_store *s, struct gateway_sa *place)
{
	sa_store_name_delete(s, place, &place->to);
	spi_leave(s, place);
	key_use_change(s, place, -1);
	s->count--;
	place->leaving = true;
}

void
sa_store_stay(struct sa_store *s, struct gateway_sa *place)
{
	/* there was room for it a moment ago, and only this thread takes room */
	if (enter(s, place) != 0)
		log_error(sa, "SPI 0x%08x: cannot be found by its name any more", place->spi);
	place->leaving = false;
}

/* The outbound SA for a worker's packets: its own (RFC 9611), else the newest that is nobody's own,
 * else the newest of all. */
static struct sa *
choose_sa(const struct gateway_tunnel *tunnel, uint16_t worker)
{
	struct sa *fallback = NULL, *any = NULL;
	const struct gateway_sa *s;

	LIST_FOREACH (s, &tunnel->out, link) {
		if (s->over || s->leaving)
			continue;
		if (s->has_owner && s->sa->owner == worker)
			return s->sa;
		if (!s->has_owner && !fallback)
			fallback = s->sa;
		if (!any)
			any = s->sa;
		if (fallback && tunnel->n_owned == 0)
			break;
	}
	return fallback ? fallback : any;
}

void
tunnel_sas_assign(struct gateway *g, uint32_t tunnel)
{
	struct tunnel *t = g->tables.tunnels->tunnels[tunnel];

	for (uint16_t w = 0; w < g->n_workers; w++)
		__atomic_store_n(&t->workers[w].sa_out, choose_sa(&g->by_tunnel[tunnel], w),
			__ATOMIC_RELEASE);
}

/* true: the SA's end, which has not been dealt with. */
static bool
sa_over(struct gateway_sa *s, uint64_t now)
{
	struct sa *sa = s->sa;

	if (s->over)
		return false;
	if (s->expires_ms && now >= s->expires_ms)
		__atomic_store_n(&sa->hot.expired, 1, __ATOMIC_RELAXED);
	return __atomic_load_n(&sa->hot.ended, __ATOMIC_RELAXED) || sa->hot.expired;
}

/* What ended it: "hard" (a lifetime), or "sequence" (its numbers). */
static const char *
sa_end_word(const struct sa *sa)
{
	const struct sa_hot *hot = &sa->hot;

	if (hot->expired || counter_read(&hot->traffic.packets) >= hot->hard_packets ||
		counter_read(&hot->traffic.bytes) >= hot->hard_bytes)
		return "hard";
	return "sequence";
}

static bool
sa_soft_over(const struct gateway_sa *s, uint64_t now)
{
	const struct sa_lifetime *soft = &s->sa->soft;
	const struct counter *traffic = &s->sa->hot.traffic;

	return (s->soft_ms && now >= s->soft_ms) ||
	       (soft->packets && counter_read(&traffic->packets) >= soft->packets) ||
	       (soft->bytes && counter_read(&traffic->bytes) >= soft->bytes);
}

static void
say_expired(const struct gateway *g, const struct gateway_sa *s, const char *what)
{
	gateway_tell(g, &(struct gateway_event){.kind = EVENT_expire,
				.what = what,
				.sa = s->sa,
				.tunnel = g->tables.tunnels->tunnels[s->tunnel]});
}

void
sas_tick(struct gateway *g, uint64_t now)
{
	uint32_t n = RTE_MIN(g->sas.used, (uint32_t)SAS_A_TICK);

	for (; n > 0; n--) {
		struct gateway_sa *s = &g->sas.places[g->sas.cursor];

		g->sas.cursor = (g->sas.cursor + 1) % g->sas.used;
		if (!s->live || s->leaving)
			continue;
		if (!s->sa->soft_told && sa_soft_over(s, now)) {
			s->sa->soft_told = true;
			log_notice(sa, "SPI 0x%08x: soft lifetime over",
				rte_be_to_cpu_32(s->sa->spi_be));
			say_expired(g, s, "soft");
		}
		if (!sa_over(s, now))
			continue;
		s->over = true;
		log_warn(sa, "SPI 0x%08x: %s", rte_be_to_cpu_32(s->sa->spi_be),
			s->sa->hot.expired ? "hard lifetime over"
					   : "sequence numbers or hard lifetime used up");
		say_expired(g, s, sa_end_word(s->sa));
		if (s->sa->direction == SA_OUT) {
			tunnel_sas_assign(g, s->tunnel);
			g->ways_changed = true;
		}
	}
}
