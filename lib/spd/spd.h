/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SPD_H
#define SPD_H

/*
 * The ordered policies (RFC 4301 4.4.1) compiled into rte_acl contexts, one for each family. A
 * compiled set never changes: rte_acl rebuilds whole, so a new set is built aside, in a thread of
 * its own, and swapped in by the control lcore.
 */

#include <stdint.h>

#include "errmsg.h"
#include "selector.h"

enum spd_action { SPD_NO_MATCH, SPD_DISCARD, SPD_BYPASS, SPD_PROTECT };

struct spd_policy {
	uint32_t priority; /* the lowest that matches decides; equal ones: the first given */
	enum spd_action action;
	uint32_t tunnel; /* with SPD_PROTECT */
	uint32_t id;     /* for people; any */
	struct selector selector;
};

struct spd_result {
	uint8_t action;  /* enum spd_action */
	uint32_t policy; /* index in the array given to spd_build */
	uint32_t tunnel;
};

struct spd;

/* policies is copied. workers: how many may count hits. May take seconds for many; any thread. NULL
 * with err. */
struct spd *spd_build(const struct spd_policy *policies, uint32_t count, uint16_t workers,
	int socket, struct error *err);
/* When no reader uses it any more. */
void spd_destroy(struct spd *spd);
uint32_t spd_count(const struct spd *spd);

/* Data path: parsed packets of any family mix. outbound: the source is our side (local). n <=
 * BURST_MAX. What selector_match says of each packet and policy, in the order of priorities. */
void spd_classify(const struct spd *spd, struct rte_mbuf *const *pkts, uint16_t n, bool outbound,
	struct spd_result *results);

/* The id that a policy was given (index as in spd_build). */
uint32_t spd_policy_id(const struct spd *spd, uint32_t policy);

/* Data path: a packet of worker's followed the policy (index as in spd_build). */
void spd_hit(struct spd *spd, uint16_t worker, uint32_t policy, uint32_t bytes);
struct counter;
/* Hits of one policy, summed over workers. */
void spd_hits_get(const struct spd *spd, uint32_t policy, struct counter *sum);

#endif
