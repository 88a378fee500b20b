/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SEQ_FIXTURE_H
#define SEQ_FIXTURE_H

/* A sequence state in a directory of its own for each test. */

#include "sa.h"
#include "seqstate.h"

static const uint8_t key_a[36] = "the first key of thirty-two bytes a", key_b[36] = "another key";

/* What a claim gives, as an SA that has nothing but its numbers. */
struct claim {
	struct sa sa;
	uint64_t next, limit;
};

/* Makes the place for the directory; removes it all, and fails when there is more than expected. */
int seq_setup(void **state);
int seq_teardown(void **state);

const char *seq_dir(void);
const char *seq_path(void); /* of the file in it */

/* As seq_state_claim; registers and syncs. */
int claim_any(struct seq_state *s, const uint8_t *key, uint64_t wanted, bool esn, bool static_key,
	struct claim *c, struct error *err);
/* A static key without ESN and without a wish; must go. */
void claim_ok(struct seq_state *s, const uint8_t *key, struct claim *c);

struct seq_state *open_ok(void);
void open_refused(const char *message);

/* The end of what a record has reserved, as it stands in the file. */
uint64_t reserved_in_file(unsigned record);

#endif
