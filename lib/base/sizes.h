/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LIMITS_H
#define LIMITS_H

/* Sizes fixed at compile time. What a user may want to change is in the configuration's `limits`.
 */

enum {
	BURST_DEFAULT = 64,
	BURST_MAX = 256, /* packets that a stage takes at once */
	WORKERS_MAX = 64,
	PORTS_MAX = 1024,  /* ours: ethdevs and the VLANs on them */
	TABLES_MAX = 256,  /* forwarding tables by id */
	NAME_MAX_LEN = 32, /* with the final NUL */
	ECMP_MAX = 16,     /* members of a group of equal routes */
};

#endif
