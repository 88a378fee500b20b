/* SPDX-License-Identifier: BSD-3-Clause */
#include "fib.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_malloc.h>

#include "copy.h"
#include "grace.h"
#include "log.h"
#include "nexthop.h"
#include "sizes.h"

enum { SIDES = 2, FAMILIES = 2 };

struct change {
	struct ip_prefix prefix;
	uint16_t table;
	bool unset;
	uint32_t nexthop;
};

struct fib_reader {
	uint32_t side; /* whose copies are read; written by the control lcore */
	int socket;
	/* rte_fib and rte_fib6; NULL: none yet. The control lcore changes those of the other side
	 */
	void *copies[SIDES][FAMILIES][TABLES_MAX];
};

/* Control lcore only. */
struct fib {
	uint32_t side; /* of all readers */
	uint16_t n_readers;
	struct fib_reader *readers[RTE_MAX_NUMA_NODES];
	struct fib_limits limits;
	struct rte_rcu_qsbr *qsbr;
	struct change *changes;
	size_t n_changes, room;
};

static int
family_index(uint8_t family)
{
	return family == 4 ? 0 : 1;
}

static uint32_t
routes_limit(const struct fib_limits *limits, uint8_t family)
{
	return family == 4 ? limits->routes4 : limits->routes6;
}

static void **
copy_slot(struct fib_reader *r, uint32_t side, uint8_t family, uint16_t table)
{
	return &r->copies[side][family_index(family)][table];
}

static void *
active_copy(const struct fib_reader *r, uint8_t family, uint16_t table)
{
	uint32_t side = __atomic_load_n(&r->side, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&r->copies[side][family_index(family)][table], __ATOMIC_ACQUIRE);
}

struct fib *
fib_create(const struct fib_limits *limits, struct rte_rcu_qsbr *qsbr,
	const struct numa_nodes *nodes, struct error *err)
{
	struct fib *fib = calloc(1, sizeof(*fib));

	if (!fib)
		goto no_memory;
	fib->limits = *limits;
	fib->qsbr = qsbr;
	for (uint16_t i = 0; i < nodes->n; i++) {
		struct fib_reader *r = rte_zmalloc_socket(
			"fib", sizeof(*r), RTE_CACHE_LINE_SIZE, nodes->sockets[i]);

		if (!r)
			goto no_memory;
		r->socket = nodes->sockets[i];
		fib->readers[fib->n_readers++] = r;
	}
	return fib;
no_memory:
	error_set(err, -ENOMEM, "no memory for the forwarding tables");
	fib_destroy(fib);
	return NULL;
}

static void
reader_destroy(struct fib_reader *r)
{
	for (uint32_t side = 0; side < SIDES; side++) {
		for (uint16_t table = 0; table < TABLES_MAX; table++) {
			fib_copy_destroy(4, *copy_slot(r, side, 4, table));
			fib_copy_destroy(6, *copy_slot(r, side, 6, table));
		}
	}
	rte_free(r);
}

void
fib_destroy(struct fib *fib)
{
	if (!fib)
		return;
	for (uint16_t i = 0; i < fib->n_readers; i++)
		reader_destroy(fib->readers[i]);
	free(fib->changes);
	free(fib);
}

const struct fib_reader *
fib_reader(const struct fib *fib, uint16_t node)
{
	return fib->readers[node];
}

uint64_t
fib_memory_bytes(const struct fib_limits *limits, bool v4, bool v6)
{
	uint64_t bytes = 0;

	if (v4)
		bytes += SIDES * fib_copy_bytes(4, limits->routes4);
	if (v6)
		bytes += SIDES * fib_copy_bytes(6, limits->routes6);
	return bytes;
}

static void *
create_copy(const struct fib *fib, const struct fib_reader *r, uint32_t side, uint8_t family,
	uint16_t table)
{
	char name[40]; /* 20 characters, with a pointer of 48 bits */

	snprintf(name, sizeof(name), "%" PRIxPTR ".%u.%u.%u", (uintptr_t)r, family, table, side);
	return fib_copy_create(name, family, routes_limit(&fib->limits, family), r->socket);
}

/* An empty table is to a reader what a missing one is, so it may be shown at once. */
static int
ensure_in_reader(const struct fib *fib, struct fib_reader *r, uint8_t family, uint16_t table,
	struct error *err)
{
	void *copies[SIDES] = {0};

	/* one side alone is missing after a failed rebuild: the commit makes it */
	if (*copy_slot(r, 0, family, table) || *copy_slot(r, 1, family, table))
		return 0;
	for (uint32_t side = 0; side < SIDES; side++) {
		copies[side] = create_copy(fib, r, side, family, table);
		if (!copies[side]) {
			int code = rte_errno == ENOTSUP ? -ENOTSUP : -ENOMEM;

			fib_copy_destroy(family, copies[0]);
			return error_set(err, code,
				"no memory for IPv%u forwarding table %u: its two copies take "
				"%" PRIu64 " MB (%s); give EAL more with -m, or lower "
				"limits.routes%u",
				family, table,
				fib_memory_bytes(&fib->limits, family == 4, family == 6) >> 20,
				rte_strerror(rte_errno), family);
		}
	}
	for (uint32_t side = 0; side < SIDES; side++)
		__atomic_store_n(copy_slot(r, side, family, table), copies[side], __ATOMIC_RELEASE);
	return 0;
}

/* After an error some nodes may have the table, still empty, and the next change makes the rest. */
static int
ensure_table(const struct fib *fib, uint8_t family, uint16_t table, struct error *err)
{
	int ret = 0;

	for (uint16_t i = 0; i < fib->n_readers && ret == 0; i++)
		ret = ensure_in_reader(fib, fib->readers[i], family, table, err);
	return ret;
}

static int
note(struct fib *fib, const struct change *change, struct error *err)
{
	if (change->table >= TABLES_MAX)
		return error_set(err, -EINVAL, "there is no table %u: the highest is %u",
			change->table, TABLES_MAX - 1);
	if (fib->n_changes == fib->room) {
		size_t room = fib->room ? fib->room * 2 : 64;
		struct change *more = realloc(fib->changes, room * sizeof(*more));

		if (!more)
			return error_set(err, -ENOMEM, "no memory to note a route");
		fib->changes = more;
		fib->room = room;
	}
	struct change *c = &fib->changes[fib->n_changes++];
	*c = *change;
	c->prefix = ip_prefix_network(&change->prefix);
	return 0;
}

int
fib_set(struct fib *fib, uint16_t table, const struct ip_prefix *prefix, uint32_t nexthop,
	struct error *err)
{
	int ret = note(
		fib, &(struct change){.prefix = *prefix, .table = table, .nexthop = nexthop}, err);

	if (ret == 0) {
		ret = ensure_table(fib, prefix->addr.family, table, err);
		if (ret != 0)
			fib->n_changes--;
	}
	return ret;
}

int
fib_unset(struct fib *fib, uint16_t table, const struct ip_prefix *prefix, struct error *err)
{
	return note(fib, &(struct change){.prefix = *prefix, .table = table, .unset = true}, err);
}

void
fib_rollback(struct fib *fib)
{
	fib->n_changes = 0;
}

/* Makes one copy of the side that nobody reads anew, from the other side's. */
static int
rebuild(const struct fib *fib, struct fib_reader *r, uint32_t side, uint8_t family, uint16_t table)
{
	void **slot = copy_slot(r, side, family, table);
	void *from = *copy_slot(r, !side, family, table);
	int ret;

	/* freed first: there is seldom room for a third one */
	fib_copy_destroy(family, *slot);
	*slot = NULL;
	void *copy = create_copy(fib, r, side, family, table);
	if (!copy)
		return -ENOMEM;
	ret = fib_copy_fill(family, copy, from);
	if (ret != 0) {
		fib_copy_destroy(family, copy);
		return ret;
	}
	*slot = copy;
	return 0;
}

/* Makes the copies that an earlier rebuild had no memory for. */
static int
repair(const struct fib *fib, struct fib_reader *r, uint32_t side, struct error *err)
{
	static const uint8_t families[] = {4, 6};

	for (int f = 0; f < FAMILIES; f++) {
		for (uint16_t table = 0; table < TABLES_MAX; table++) {
			uint8_t family = families[f];

			if (*copy_slot(r, side, family, table) ||
				!*copy_slot(r, !side, family, table))
				continue;
			if (rebuild(fib, r, side, family, table) != 0)
				return error_set(err, -ENOMEM,
					"no memory for the second copy of IPv%u table %u", family,
					table);
		}
	}
	return 0;
}

static int
apply_error(const struct fib *fib, const struct change *c, int code, struct error *err)
{
	char text[IP_PREFIX_STRLEN];
	uint8_t family = c->prefix.addr.family;

	ip_prefix_format(&c->prefix, text);
	if (code == -ENOSPC)
		return error_set(err, code,
			"forwarding table %u has no room for %s: raise limits.routes%u (%u)",
			c->table, text, family, routes_limit(&fib->limits, family));
	return error_set(err, code, "forwarding table %u, %s %s: %s", c->table,
		c->unset ? "removing" : "setting", text, strerror(-code));
}

/* Applies what was noted to one side; *done: how many changes it came to, the failed one included.
 */
static int
apply(const struct fib *fib, struct fib_reader *r, uint32_t side, size_t *done, struct error *err)
{
	for (*done = 0; *done < fib->n_changes;) {
		const struct change *c = &fib->changes[(*done)++];
		void *copy = *copy_slot(r, side, c->prefix.addr.family, c->table);
		int ret;

		if (!copy)
			ret = -ENOENT; /* an unset in a table that never was */
		else if (c->unset)
			ret = fib_copy_unset(copy, &c->prefix);
		else
			ret = fib_copy_set(copy, &c->prefix, c->nexthop);
		if (ret != 0)
			return apply_error(fib, c, ret, err);
	}
	return 0;
}

/*
 * Puts a side that could not be changed back to what the other one is. Undoing the changes one by
 * one would not do: what failed may be half done.
 */
static void
restore(const struct fib *fib, struct fib_reader *r, uint32_t side, size_t done)
{
	bool rebuilt[FAMILIES][TABLES_MAX] = {0};

	for (size_t i = 0; i < done; i++) {
		const struct change *c = &fib->changes[i];
		uint8_t family = c->prefix.addr.family;
		bool *seen = &rebuilt[family_index(family)][c->table];

		if (*seen || !*copy_slot(r, side, family, c->table))
			continue;
		*seen = true;
		if (rebuild(fib, r, side, family, c->table) != 0)
			log_warn(fib,
				"no memory for the second copy of IPv%u table %u; tried again at "
				"the next change",
				family, c->table);
	}
}

/* Changes the side that nobody reads on every node, or on none. */
static int
prepare(const struct fib *fib, uint32_t side, struct error *err)
{
	for (uint16_t i = 0; i < fib->n_readers; i++) {
		size_t done = 0;
		int ret = repair(fib, fib->readers[i], side, err);

		if (ret == 0)
			ret = apply(fib, fib->readers[i], side, &done, err);
		if (ret == 0)
			continue;
		restore(fib, fib->readers[i], side, done);
		while (i-- > 0)
			restore(fib, fib->readers[i], side, fib->n_changes);
		return ret;
	}
	return 0;
}

/* Readers change to the prepared side; then the one that they have left is changed as well. */
static void
publish(struct fib *fib)
{
	uint32_t old = fib->side;
	size_t done;

	fib->side = !old;
	for (uint16_t i = 0; i < fib->n_readers; i++)
		__atomic_store_n(&fib->readers[i]->side, fib->side, __ATOMIC_RELEASE);
	grace_wait(fib->qsbr);
	for (uint16_t i = 0; i < fib->n_readers; i++)
		if (apply(fib, fib->readers[i], old, &done, NULL) != 0)
			restore(fib, fib->readers[i], old, fib->n_changes);
}

int
fib_commit(struct fib *fib, struct error *err)
{
	int ret;

	if (fib->n_changes == 0)
		return 0;
	ret = prepare(fib, !fib->side, err);
	if (ret == 0)
		publish(fib);
	fib->n_changes = 0;
	return ret;
}

bool
fib_has(const struct fib *fib, uint16_t table, uint8_t family)
{
	return active_copy(fib->readers[0], family, table) != NULL;
}

uint32_t
fib_limit(const struct fib *fib, uint8_t family)
{
	return routes_limit(&fib->limits, family);
}

uint32_t
fib_lookup(const struct fib *fib, uint16_t table, const struct ip_addr *addr)
{
	uint64_t nexthop;

	if (addr->family == 4) {
		uint32_t dst = ip_addr_to_v4(addr);

		fib_lookup4_bulk(fib->readers[0], table, &dst, &nexthop, 1);
	} else {
		uint8_t dst[1][16];

		memcpy(dst[0], addr->bytes, 16);
		fib_lookup6_bulk(fib->readers[0], table, dst, &nexthop, 1);
	}
	return (uint32_t)nexthop;
}

static void
no_table(uint64_t *nexthops, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		nexthops[i] = NEXTHOP_ID_NONE;
}

void
fib_lookup4_bulk(const struct fib_reader *reader, uint16_t table, uint32_t *dst4,
	uint64_t *nexthops, uint16_t n)
{
	struct rte_fib *copy = active_copy(reader, 4, table);

	if (copy)
		rte_fib_lookup_bulk(copy, dst4, nexthops, n);
	else
		no_table(nexthops, n);
}

void
fib_lookup6_bulk(const struct fib_reader *reader, uint16_t table, uint8_t (*dst6)[16],
	uint64_t *nexthops, uint16_t n)
{
	struct rte_fib6 *copy = active_copy(reader, 6, table);

	if (copy)
		rte_fib6_lookup_bulk(copy, dst6, nexthops, n);
	else
		no_table(nexthops, n);
}
