/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SPD_RULES_H
#define SPD_RULES_H

/* Selectors as rules of rte_acl, and packets as the keys that those match. Private to this module.
 */

#include <rte_acl.h>

#include "selector.h"

/* What rte_acl looks at: one byte, then groups of four. Network byte order; an IPv4 address is the
 * first word of its four. */
struct spd_key {
	uint8_t protocol;
	uint8_t unused[3];
	rte_be32_t local[4], remote[4];
	rte_be16_t local_port, remote_port;
	rte_be32_t has_ports; /* 1 or 0: without ports a selector that names some never matches */
};

enum { SPD_FIELDS = 1 + 4 + 4 + 2 + 1 };

RTE_ACL_RULE_DEF(spd_rule, SPD_FIELDS);

/* The fields of a family's rules. */
void spd_rules_config(uint8_t family, struct rte_acl_config *config);

/*
 * Calls add for each rule that the selector is in this family (none, where it speaks of the other
 * one only; up to 49 for two IPv6 ranges). data is copied into each. Stops at an error of add's.
 */
int spd_rules_make(const struct selector *selector, uint8_t family,
	const struct rte_acl_rule_data *data, int (*add)(const struct spd_rule *rule, void *arg),
	void *arg);

/* Data path. */
void spd_key_make(struct spd_key *key, const struct rte_mbuf *m, bool outbound);

#endif
