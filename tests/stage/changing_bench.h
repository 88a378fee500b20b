/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_CHANGING_BENCH_H
#define STAGE_CHANGING_BENCH_H

/* SITE with a flow through each of its tunnels, for tests of what changes do to packets. */

#include "changing.h"

/* clang-format off */
#define SA_ADD(spi, direction, tunnel, key, more) \
	"sa.add spi = " spi "; direction = '" direction "'; tunnel = '" tunnel \
	"'; algorithm = 'aes-256-gcm'; key = '" KEY(key) "'; " more
/* clang-format on */

struct changing_bench {
	struct stage_fixture f;
	struct peer *peer;
	struct changing_flow flows[SITE_KINDS];
};

/* Each check with each engine, on a gateway of its own. */
void changing_run(void (*const *checks)(struct changing_bench *b), size_t n);

/* One packet each way through all tunnels, with the next numbers. */
void changing_traffic(struct changing_bench *b, const char *what);

/* Commits, frees what can be freed, and forgets what was sent meanwhile. */
void changing_commit(struct changing_bench *b, const char *const *calls);
#define CHANGE(b, ...) changing_commit(b, (const char *const[]){__VA_ARGS__, NULL})

/* One call, which fails. */
void changing_refused(struct changing_bench *b, const char *call, int rc, const char *text);

/* NULL: there is none of that name. */
struct tunnel *changing_tunnel(struct changing_bench *b, const char *name);
struct gateway_sa *changing_sa(struct changing_bench *b, enum sa_direction direction, uint32_t spi);

/* A packet from the protected side, which goes nowhere; or into tunnel n, by the SA that it began
 * with. */
void changing_dropped(
	struct changing_bench *b, const char *what, const char *dst, enum drop_reason why);
void changing_goes_into(
	struct changing_bench *b, const char *what, const char *dst, unsigned int n);

#endif
