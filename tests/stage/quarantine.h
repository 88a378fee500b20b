/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_QUARANTINE_H
#define STAGE_QUARANTINE_H

/*
 * SAs and tunnels that are freed are kept a while, filled with a pattern that no pointer has: who
 * reads them crashes (or is told by AddressSanitizer, which does not see rte_malloc's memory
 * otherwise), and who writes to them is found out. For tests that are linked with sa_destroy and
 * tunnel_free wrapped.
 */

#include <stdint.h>

/* From here on. */
void quarantine_begin(void);

/* Up to here: frees all that is kept. *count: how many came here; returns how many of them were
 * written to. */
uint32_t quarantine_end(uint32_t *count);

#endif
