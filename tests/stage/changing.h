/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_CHANGING_H
#define STAGE_CHANGING_H

/*
 * Changes of a running gateway in words, and all that it has as text. An operation is a verb, what
 * it is about, and keys as in the configuration file, with ' for ":
 *
 *   sa.add spi = 0x3000; direction = 'out'; tunnel = 'ipsec0'; …      ("sa.static": from the file)
 *   sa.update out 0x1000 hard_packets = 5;     sa.delete in 0x2000
 *   tunnel.add name = 'new'; …     tunnel.update ipsec0 mtu = 1300;     tunnel.delete ipsec0
 *   route.add prefix = …; via = …;     route.delete prefix = …; via = …;
 *   neighbour.add address = …;     neighbour.delete lan 192.168.1.10
 *   policy.add priority = 1; …     policy.update 1 priority = 1; …     policy.delete 1
 */

#include "fixture.h"
#include "site.h"

/* One operation, in the change under way. 0 or -errno with err; -ENOENT, too, where nothing has the
 * name. Aborts when the words are wrong. */
int changing_call(struct gateway *g, const char *words, struct error *err);

/* A change of all these; NULL at the end. An operation that fails is the last one, and the change
 * is abandoned. */
int changing_batch(struct gateway *g, const char *const *calls, struct error *err);

/* The same for one that must pass. */
void changing_do(struct stage_fixture *f, const char *words);

/* All that was unpublished is freed. */
void changing_settle(struct stage_fixture *f);

/* What the gateway has, and what its tables say of it, one thing a line in an order of its own: SAs
 * with counters, sequence numbers and windows, tunnels, routes and where they lead, neighbours,
 * policies and hits, and how much memory all that takes. To be freed. */
char *changing_dump(struct stage_fixture *f);

/* How much memory all that takes, and how many of each thing there are. To be freed. */
char *changing_memory(struct stage_fixture *f);

/* Whether two dumps are equal; says which lines are not. */
bool changing_same(
	struct stage_fixture *f, const char *what, const char *before, const char *after);

/* What is sent through the tunnels of SITE, and by which SAs. */
struct changing_flow {
	unsigned int n;             /* of tunnel ipsec<n> */
	const char *local, *remote; /* outer; NULL: site_kinds' */
	uint32_t spi_out, spi_in;   /* 0: 0x1000 + n, 0x2000 + n */
	uint8_t key_out, key_in;    /* 0: 0xc0 + n, 0xd0 + n */
	uint64_t out, in;           /* numbers used so far */
};

/* One packet each way, checked by the peer: to and from the right addresses, with the next sequence
 * number, and whole. */
void changing_out(
	struct stage_fixture *f, struct peer *peer, struct changing_flow *flow, const char *what);
void changing_in(
	struct stage_fixture *f, struct peer *peer, struct changing_flow *flow, const char *what);
/* Whether the envelope with the number flow->in passes, to the protected side. */
bool changing_in_passes(
	struct stage_fixture *f, struct peer *peer, const struct changing_flow *flow);
void changing_both(
	struct stage_fixture *f, struct peer *peer, struct changing_flow *flow, const char *what);

#endif
