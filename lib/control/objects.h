/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_OBJECTS_H
#define CONTROL_OBJECTS_H

/*
 * What the control lcore keeps of each object beside what the workers read: SAs and tunnels by
 * place, the policies in order, and what has been unpublished and waits to be freed.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "addr.h"
#include "config.h"
#include "counter.h"
#include "errmsg.h"
#include "fingerprint.h"
#include "gateway_event.h"
#include "sa.h"

struct gateway;
struct rte_hash;

/* What an SA counts. */
struct gateway_sa_stats {
	struct counter traffic;
	uint64_t errors_icv, errors_replay;
};

/* An SA and what is known of it beside the SA itself. */
struct gateway_sa {
	struct sa *sa; /* NULL: a free place */
	LIST_ENTRY(gateway_sa) link;
	struct gateway_sa *same_spi; /* the next one with its SPI and direction */
	/* its name: SPI, direction, the receiver's address */
	uint32_t spi; /* host byte order */
	enum sa_direction direction;
	struct ip_addr to;
	uint8_t algorithm; /* enum crypto_algorithm_id */
	bool has_owner;    /* RFC 9611: its worker's own */
	bool over;         /* ended or expired, and told so */
	bool live;         /* the change that made it was committed */
	bool leaving;      /* being deleted by the change under way, or deleted */
	bool gone;         /* the change that deletes it was committed */
	uint32_t tunnel;
	uint32_t replay_window;
	uint8_t *key; /* SA_KEY_MAX bytes of a static one, for config.save; NULL */
	struct sa_lifetime hard;
	uint64_t expires_ms, soft_ms; /* 0: never */
	struct fingerprint fingerprint;
	struct gateway_sa_stats reset; /* at the last stats.reset */
};

LIST_HEAD(gateway_sa_list, gateway_sa);

/* Where a tunnel's newest envelopes came from, when that was told and has led to nothing yet. */
struct gateway_mapping {
	struct gateway_place place; /* family 0: from where they should */
	uint32_t spi;               /* of the SA, host byte order */
};

/* By the tunnel's index. */
struct gateway_tunnel {
	struct gateway_sa_list out, in; /* newest first */
	uint32_t n_owned;               /* of `out`, with has_owner */
	uint64_t acquire_ms;            /* no acquire is told before */
	struct gateway_mapping mapping;
	/* by the change under way: */
	uint32_t n_coming;        /* SAs that it adds */
	struct tunnel *successor; /* what it makes of the tunnel; NULL: nothing */
	bool coming;              /* it adds the tunnel */
	bool leaving;             /* it deletes the tunnel */
	bool moving;              /* its SAs get other names, with its local or remote */
	bool reassign;            /* sa_out has to be chosen anew */
	/* what the same tunnel counted before it was changed */
	struct counter earlier_out, earlier_in;
	struct counter reset_out, reset_in; /* at the last stats.reset */
};

struct sa_store {
	struct gateway_sa *places;
	uint32_t capacity, used; /* places from `used` on were never taken */
	struct gateway_sa_list free;
	uint32_t count; /* live or about to be */
	struct rte_hash *by_name, *by_spi, *by_fingerprint;
	struct fingerprinter fingerprinter;
	uint32_t cursor; /* the next place whose lifetime is looked at */
};

struct gateway_policy {
	uint32_t id;
	struct spd_policy policy;
	struct counter earlier; /* hits of the same one in earlier sets */
};

/* The ordered policies; built anew for each change. */
struct policy_list {
	struct gateway_policy *policies;
	uint32_t n;
};

/* gateway_sas.c */
int sa_store_create(struct sa_store *s, uint32_t capacity, struct error *err);
void sa_store_destroy(struct sa_store *s);

/* The SA of that name: SPI, direction and the receiver's address. One that the change under way
 * deletes is none. NULL: none. */
struct gateway_sa *sa_store_find(const struct sa_store *s, enum sa_direction direction,
	uint32_t spi, const struct ip_addr *to);

/* The first of those with this SPI and direction; the others follow by same_spi. */
struct gateway_sa *sa_store_find_spi(
	const struct sa_store *s, enum sa_direction direction, uint32_t spi);

/* A place for an SA, its name and key noted; the caller fills in the rest. to: the receiver's
 * address. -EEXIST: its name, or a key that must not be used again; -ENOSPC. */
int sa_store_take(struct sa_store *s, const struct config_sa *c, const struct ip_addr *to,
	struct gateway_sa **out, struct error *err);
/* From here on others may have its name and its key; stay takes that back, give frees the place. */
void sa_store_leave(struct sa_store *s, struct gateway_sa *place);
void sa_store_stay(struct sa_store *s, struct gateway_sa *place);
void sa_store_give(struct sa_store *s, struct gateway_sa *place);
/* A further name of an SA, by another receiver's address, until one of the two is given up.
 * -EEXIST, -ENOSPC. */
int sa_store_name_add(
	struct sa_store *s, struct gateway_sa *place, const struct ip_addr *to, struct error *err);
void sa_store_name_delete(
	struct sa_store *s, const struct gateway_sa *place, const struct ip_addr *to);

/* sa_out of all workers, by what the tunnel has now */
void tunnel_sas_assign(struct gateway *g, uint32_t tunnel);
/* Lifetimes. */
void sas_tick(struct gateway *g, uint64_t now);

/* reaper.c: what was unpublished is freed when no worker can have it any more. */
struct grave {
	struct gateway_sa *sa; /* one of these two */
	struct tunnel *tunnel;
};

struct graves {
	struct grave *items;
	uint32_t n, capacity;
};

struct reaper {
	struct graves waiting, dying; /* dying: since before token */
	uint32_t looked;              /* so many of the dying ones cannot be freed yet */
	uint64_t token;
};

/* Room for so many more, so that the two that follow cannot fail. 0 or -ENOMEM. */
int reaper_reserve(struct gateway *g, uint32_t more);
void reaper_sa(struct gateway *g, struct gateway_sa *s);
void reaper_tunnel(struct gateway *g, struct tunnel *t);
/* A bounded part of what can be freed. Each turn of the control loop. */
void reaper_poll(struct gateway *g);
/* Waits for a grace period and frees what can be freed, for who has no room else. true: some was.
 */
bool reaper_wait(struct gateway *g);
/* All of it; the workers have stopped. */
void reaper_finish(struct gateway *g);

#endif
