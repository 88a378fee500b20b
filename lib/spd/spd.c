/* SPDX-License-Identifier: BSD-3-Clause */
#include "spd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_acl.h>
#include <rte_malloc.h>

#include "counter.h"
#include "rules.h"
#include "sizes.h"

enum { FAMILIES = 2 };

/* What a worker needs to know of a policy. */
struct verdict {
	uint32_t tunnel;
	uint8_t action;
};

/* Never changes once it is built, but for the hits. */
struct spd {
	struct rte_acl_ctx *contexts[FAMILIES]; /* NULL: no policy speaks of that family */
	struct verdict *verdicts;               /* by policy */
	uint32_t *ids;                          /* by policy; apart: workers seldom ask */
	uint32_t count;
	uint16_t workers;
	struct counter *hits[WORKERS_MAX]; /* by policy; each worker writes its own */
};

static int
family_index(uint8_t family)
{
	return family == 4 ? 0 : 1;
}

/* A policy and its place in the order. */
struct ranked {
	const struct spd_policy *policy;
	uint32_t index;
};

static int
compare_ranked(const void *one, const void *other)
{
	const struct ranked *a = one, *b = other;

	if (a->policy->priority != b->policy->priority)
		return a->policy->priority < b->policy->priority ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

static bool
valid_range(const struct ip_range *r)
{
	if (r->first.family != r->last.family)
		return false;
	return r->first.family == 0 || ip_addr_compare(&r->first, &r->last) <= 0;
}

static int
validate(const struct spd_policy *policies, uint32_t count, struct error *err)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct selector *s = &policies[i].selector;

		if (policies[i].action != SPD_DISCARD && policies[i].action != SPD_BYPASS &&
			policies[i].action != SPD_PROTECT)
			return error_set(err, -EINVAL, "policy %u has no action", i);
		if (!valid_range(&s->local) || !valid_range(&s->remote) ||
			s->local_port.first > s->local_port.last ||
			s->remote_port.first > s->remote_port.last)
			return error_set(err, -EINVAL,
				"policy %u has a range whose first end is not below its last", i);
	}
	if (count >= RTE_ACL_MAX_PRIORITY)
		return error_set(err, -EINVAL, "%u policies are too many", count);
	return 0;
}

static int
count_rule(const struct spd_rule *rule, void *arg)
{
	(void)rule;
	++*(uint32_t *)arg;
	return 0;
}

static int
add_rule(const struct spd_rule *rule, void *arg)
{
	return rte_acl_add_rules(arg, (const struct rte_acl_rule *)rule, 1);
}

/* rte_acl takes the matching rule of the highest priority; its result 0 means none. */
static int
make_rules(const struct ranked *order, uint32_t count, uint8_t family,
	int (*add)(const struct spd_rule *rule, void *arg), void *arg)
{
	int ret = 0;

	for (uint32_t rank = 0; rank < count && ret == 0; rank++) {
		struct rte_acl_rule_data data = {.category_mask = 1,
			.priority = (int32_t)(RTE_ACL_MAX_PRIORITY - rank),
			.userdata = order[rank].index + 1};

		ret = spd_rules_make(&order[rank].policy->selector, family, &data, add, arg);
	}
	return ret;
}

static int
build_family(
	struct spd *spd, const struct ranked *order, uint8_t family, int socket, struct error *err)
{
	struct rte_acl_config config = {0};
	struct rte_acl_ctx *context;
	char name[RTE_ACL_NAMESIZE];
	uint32_t rules = 0;

	make_rules(order, spd->count, family, count_rule, &rules);
	if (rules == 0)
		return 0;
	spd_rules_config(family, &config);
	snprintf(name, sizeof(name), "spd%" PRIxPTR ".%u", (uintptr_t)spd, family);
	struct rte_acl_param param = {.name = name,
		.socket_id = socket,
		.rule_size = (uint32_t)RTE_ACL_RULE_SZ(config.num_fields),
		.max_rule_num = rules};
	context = rte_acl_create(&param);
	if (!context)
		return error_set(
			err, -ENOMEM, "no memory for %u IPv%u policy rules", rules, family);
	int ret = make_rules(order, spd->count, family, add_rule, context);
	if (ret == 0)
		ret = rte_acl_build(context, &config);
	if (ret != 0) {
		rte_acl_free(context);
		return error_set(err, ret, "the %u policies make %u IPv%u rules, too many: %s",
			spd->count, rules, family, strerror(-ret));
	}
	spd->contexts[family_index(family)] = context;
	return 0;
}

static int
build_contexts(struct spd *spd, const struct spd_policy *policies, int socket, struct error *err)
{
	struct ranked *order = calloc(spd->count + 1u, sizeof(*order));
	int ret;

	if (!order)
		return error_set(err, -ENOMEM, "no memory for %u policies", spd->count);
	for (uint32_t i = 0; i < spd->count; i++)
		order[i] = (struct ranked){&policies[i], i};
	qsort(order, spd->count, sizeof(*order), compare_ranked);
	ret = build_family(spd, order, 4, socket, err);
	if (ret == 0)
		ret = build_family(spd, order, 6, socket, err);
	free(order);
	return ret;
}

static int
allocate(struct spd *spd, int socket, struct error *err)
{
	/* rte_malloc gives nothing for 0 bytes, and a set without policies is one, too */
	size_t n = spd->count + 1u;

	spd->verdicts =
		rte_zmalloc_socket("spd", n * sizeof(*spd->verdicts), RTE_CACHE_LINE_SIZE, socket);
	spd->ids = rte_zmalloc_socket("spd", n * sizeof(*spd->ids), 0, socket);
	if (!spd->verdicts || !spd->ids)
		return error_set(err, -ENOMEM, "no memory for %u policies", spd->count);
	for (uint16_t w = 0; w < spd->workers; w++) {
		spd->hits[w] = rte_zmalloc_socket(
			"spd", n * sizeof(struct counter), RTE_CACHE_LINE_SIZE, socket);
		if (!spd->hits[w])
			return error_set(
				err, -ENOMEM, "no memory for the hits of %u policies", spd->count);
	}
	return 0;
}

struct spd *
spd_build(const struct spd_policy *policies, uint32_t count, uint16_t workers, int socket,
	struct error *err)
{
	struct spd *spd;

	if (validate(policies, count, err) != 0)
		return NULL;
	if (workers > WORKERS_MAX) {
		error_set(err, -EINVAL, "%u workers are more than %u", workers, WORKERS_MAX);
		return NULL;
	}
	spd = rte_zmalloc_socket("spd", sizeof(*spd), RTE_CACHE_LINE_SIZE, socket);
	if (!spd) {
		error_set(err, -ENOMEM, "no memory for the policies");
		return NULL;
	}
	spd->count = count;
	spd->workers = workers;
	if (allocate(spd, socket, err) != 0 || build_contexts(spd, policies, socket, err) != 0) {
		spd_destroy(spd);
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		spd->verdicts[i] =
			(struct verdict){policies[i].tunnel, (uint8_t)policies[i].action};
		spd->ids[i] = policies[i].id;
	}
	return spd;
}

void
spd_destroy(struct spd *spd)
{
	if (!spd)
		return;
	for (int f = 0; f < FAMILIES; f++)
		rte_acl_free(spd->contexts[f]);
	for (uint16_t w = 0; w < spd->workers; w++)
		rte_free(spd->hits[w]);
	rte_free(spd->ids);
	rte_free(spd->verdicts);
	rte_free(spd);
}

uint32_t
spd_count(const struct spd *spd)
{
	return spd->count;
}

uint32_t
spd_policy_id(const struct spd *spd, uint32_t policy)
{
	return spd->ids[policy];
}

static struct spd_result
to_result(const struct spd *spd, uint32_t userdata)
{
	if (userdata == 0)
		return (struct spd_result){.action = SPD_NO_MATCH};
	const struct verdict *v = &spd->verdicts[userdata - 1];
	return (struct spd_result){v->action, userdata - 1, v->tunnel};
}

void
spd_classify(const struct spd *spd, struct rte_mbuf *const *pkts, uint16_t n, bool outbound,
	struct spd_result *results)
{
	struct spd_key keys[BURST_MAX];
	const uint8_t *data[FAMILIES][BURST_MAX];
	uint16_t which[FAMILIES][BURST_MAX], count[FAMILIES] = {0};
	uint32_t found[BURST_MAX];

	for (uint16_t i = 0; i < n; i++) {
		int f = family_index(pkt_const(pkts[i])->family);

		if (!spd->contexts[f]) {
			results[i] = to_result(spd, 0);
			continue;
		}
		spd_key_make(&keys[i], pkts[i], outbound);
		data[f][count[f]] = (const uint8_t *)&keys[i];
		which[f][count[f]++] = i;
	}
	for (int f = 0; f < FAMILIES; f++) {
		if (count[f] == 0)
			continue;
		rte_acl_classify(spd->contexts[f], data[f], found, count[f], 1);
		for (uint16_t k = 0; k < count[f]; k++)
			results[which[f][k]] = to_result(spd, found[k]);
	}
}

void
spd_hit(struct spd *spd, uint16_t worker, uint32_t policy, uint32_t bytes)
{
	counter_add(&spd->hits[worker][policy], 1, bytes);
}

void
spd_hits_get(const struct spd *spd, uint32_t policy, struct counter *sum)
{
	*sum = (struct counter){0};
	for (uint16_t w = 0; w < spd->workers; w++) {
		sum->packets += counter_read(&spd->hits[w][policy].packets);
		sum->bytes += counter_read(&spd->hits[w][policy].bytes);
	}
}
