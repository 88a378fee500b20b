/* SPDX-License-Identifier: BSD-3-Clause */

/* The ordered policies in force: a set is built aside, for each NUMA node, and swapped in whole. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "builder.h"
#include "change.h"
#include "gateway_change.h"
#include "grace.h"
#include "internal.h"

/* --- the sets that workers use */

static void
destroy(const struct gateway *g, struct spd **sets)
{
	for (uint16_t i = 0; i < g->nodes.n; i++)
		spd_destroy(sets[i]);
}

static int
build(const struct gateway *g, const struct spd_policy *policies, uint32_t n, struct spd **sets,
	struct error *err)
{
	memset(sets, 0, g->nodes.n * sizeof(struct spd *));
	for (uint16_t i = 0; n > 0 && i < g->nodes.n; i++) {
		sets[i] = spd_build(policies, n, g->n_workers, g->nodes.sockets[i], err);
		if (sets[i])
			continue;
		destroy(g, sets);
		return -EINVAL;
	}
	return 0;
}

/* Workers use these sets from now on; what they used is in sets. */
static void
exchange(struct gateway *g, struct spd **sets)
{
	for (uint16_t i = 0; i < g->nodes.n; i++)
		sets[i] = __atomic_exchange_n(&g->views[i]->spd, sets[i], __ATOMIC_ACQ_REL);
}

int
policies_replace(
	struct gateway *g, const struct spd_policy *policies, uint32_t n, struct error *err)
{
	struct spd *sets[RTE_MAX_NUMA_NODES];
	int rc = build(g, policies, n, sets, err);

	if (rc != 0)
		return rc;
	exchange(g, sets);
	/* a burst that was classified by the old set is done with it when its worker is quiescent
	 */
	grace_wait(g->qsbr);
	destroy(g, sets);
	return 0;
}

/* --- as one change */

static void
hits_add(const struct gateway *g, struct spd *const *sets, uint32_t index, struct counter *sum)
{
	struct counter hits;

	for (uint16_t i = 0; i < g->nodes.n; i++) {
		if (!sets[i])
			continue;
		spd_hits_get(sets[i], index, &hits);
		sum->packets += hits.packets;
		sum->bytes += hits.bytes;
	}
}

struct counter
policy_hits(const struct gateway *g, uint32_t index)
{
	struct counter sum = g->policies.policies[index].earlier;
	struct spd *sets[RTE_MAX_NUMA_NODES];

	for (uint16_t i = 0; i < g->nodes.n; i++)
		sets[i] = g->views[i]->spd;
	hits_add(g, sets, index, &sum);
	return sum;
}

static void
lists_exchange(struct gateway *g, struct change_op *op)
{
	struct policy_list old = g->policies;

	g->policies = op->policies.list;
	op->policies.list = old;
	exchange(g, op->policies.sets);
}

int
change_policies_build(struct gateway *g, struct error *err)
{
	struct change_op *op = &g->change.ops[g->change.policies - 1];
	const struct policy_list *list = &op->policies.list;
	struct spd_policy *policies = calloc(RTE_MAX(list->n, 1u), sizeof(*policies));
	int rc;

	if (!policies)
		return error_set(err, -ENOMEM, "no memory for %u policies", list->n);
	for (uint32_t i = 0; i < list->n; i++) {
		policies[i] = list->policies[i].policy;
		policies[i].id = list->policies[i].id;
	}
	rc = builder_build(g->builder, policies, list->n, op->policies.sets, err);
	free(policies);
	return rc;
}

static int
policies_publish(struct gateway *g, struct change_op *op, struct error *err)
{
	(void)err;
	lists_exchange(g, op);
	return 0;
}

static void
policies_unpublish(struct gateway *g, struct change_op *op)
{
	lists_exchange(g, op);
}

static struct gateway_policy *
find(const struct policy_list *list, uint32_t id)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (list->policies[i].id == id)
			return &list->policies[i];
	return NULL;
}

/* The policy of that id, looked for from a place on, where it mostly is; n: none. */
static uint32_t
find_from(const struct policy_list *list, uint32_t id, uint32_t from)
{
	for (uint32_t i = 0; i < list->n; i++) {
		uint32_t at = (from + i) % list->n;

		if (list->policies[at].id == id)
			return at;
	}
	return list->n;
}

/* What the sets that are not in force have counted, which no worker uses any more, is the policies'
 * that are in both lists. */
static void
hits_inherit(struct gateway *g, const struct change_op *op)
{
	const struct policy_list *from = &op->policies.list, *to = &g->policies;
	uint32_t next = 0, at;

	for (uint32_t i = 0; i < from->n; i++) {
		at = find_from(to, from->policies[i].id, next);
		if (at == to->n)
			continue;
		hits_add(g, op->policies.sets, i, &to->policies[at].earlier);
		next = at + 1;
	}
}

/* The list and the sets that are not in force. */
static void
policies_finish(struct gateway *g, struct change_op *op)
{
	hits_inherit(g, op);
	destroy(g, op->policies.sets);
	free(op->policies.list.policies);
}

static void
policies_undo(struct gateway *g, struct change_op *op)
{
	if (op->published) {
		policies_finish(g, op);
		return;
	}
	destroy(g, op->policies.sets); /* those that were built and not shown */
	free(op->policies.list.policies);
}

static const struct change_kind policies_changed = {.undo = policies_undo,
	.publish = policies_publish,
	.unpublish = policies_unpublish,
	.finish = policies_finish,
	.phase = PUBLISH_POLICIES,
	.counts = true};

/* The list that this change edits: a copy of the one in force at first. With room for one more. */
static struct policy_list *
edit(struct gateway *g, struct error *err)
{
	struct policy_list *list = change_policies(&g->change);
	struct change_op *op;

	if (!list) {
		op = change_add(g, &policies_changed, err);
		if (!op)
			return NULL;
		list = &op->policies.list;
		list->policies = malloc((g->policies.n + 1) * sizeof(*list->policies));
		if (!list->policies) {
			change_drop(g);
			error_set(err, -ENOMEM, "no memory for another policy");
			return NULL;
		}
		g->change.policies = g->change.n;
		if (g->policies.n)
			memcpy(list->policies, g->policies.policies,
				g->policies.n * sizeof(*list->policies));
		list->n = g->policies.n;
		return list;
	}
	struct gateway_policy *more =
		realloc(list->policies, (list->n + 1) * sizeof(*list->policies));
	if (!more) {
		error_set(err, -ENOMEM, "no memory for another policy");
		return NULL;
	}
	list->policies = more;
	return list;
}

int
gateway_change_mark(struct gateway *g, struct error *err)
{
	struct change *c = &g->change;
	const struct policy_list *list = change_policies(c);
	struct gateway_policy *copy = NULL;

	if (list) {
		copy = malloc(RTE_MAX(list->n, 1u) * sizeof(*copy));
		if (!copy)
			return error_set(err, -ENOMEM, "no memory for so many policies");
		memcpy(copy, list->policies, list->n * sizeof(*copy));
	}
	free(c->mark.list.policies);
	c->mark.n = c->n;
	c->mark.list = (struct policy_list){copy, list ? list->n : 0};
	c->owner = fibre_current();
	return 0;
}

void
gateway_change_rewind(struct gateway *g)
{
	struct change *c = &g->change;
	struct policy_list *list;

	change_undo_after(g, c->mark.n);
	if (c->policies > c->n)
		c->policies = 0;
	list = change_policies(c);
	if (!list)
		return;
	free(list->policies);
	*list = c->mark.list;
	c->mark.list = (struct policy_list){0};
}

static int
check_tunnel(const struct gateway *g, const struct config_policy *c, struct error *err)
{
	if (c->action == SPD_PROTECT && g->by_tunnel[c->tunnel].leaving)
		return error_set(err, -ENOENT, "tunnel: the same batch deletes it");
	return 0;
}

static struct spd_policy
policy_of(const struct config_policy *c)
{
	return (struct spd_policy){.priority = c->priority,
		.action = c->action,
		.tunnel = c->tunnel,
		.selector = c->selector};
}

int
gateway_policy_add(
	struct gateway *g, const struct config_policy *c, uint32_t *id, struct error *err)
{
	int rc = check_tunnel(g, c, err);
	struct policy_list *list = rc == 0 ? edit(g, err) : NULL;

	if (rc != 0 || !list)
		return rc != 0 ? rc : -ENOMEM;
	*id = ++g->last_policy_id;
	list->policies[list->n++] = (struct gateway_policy){.id = *id, .policy = policy_of(c)};
	return 0;
}

/* The policy of that id as the change under way has left it, in a list that may be edited. */
static int
edit_one(struct gateway *g, uint32_t id, struct policy_list **list, struct gateway_policy **policy,
	struct error *err)
{
	const struct policy_list *now = change_policies(&g->change);

	if (!find(now ? now : &g->policies, id))
		return error_set(err, -ENOENT, "id: there is no policy %u", id);
	*list = edit(g, err);
	if (!*list)
		return -ENOMEM;
	*policy = find(*list, id);
	return 0;
}

int
gateway_policy_update(
	struct gateway *g, uint32_t id, const struct config_policy *c, struct error *err)
{
	struct gateway_policy *policy = NULL;
	struct policy_list *list = NULL;
	int rc = check_tunnel(g, c, err);

	if (rc == 0)
		rc = edit_one(g, id, &list, &policy, err);
	if (rc == 0 && policy)
		policy->policy = policy_of(c);
	return rc;
}

int
gateway_policy_delete(struct gateway *g, uint32_t id, struct error *err)
{
	struct gateway_policy *policy = NULL;
	struct policy_list *list = NULL;
	int rc = edit_one(g, id, &list, &policy, err);

	if (rc != 0 || !policy)
		return rc;
	memmove(policy, policy + 1,
		(size_t)(&list->policies[list->n] - (policy + 1)) * sizeof(*policy));
	list->n--;
	return 0;
}

static bool
is_policy(const struct gateway_policy *p, const struct config_policy *c)
{
	struct config_policy mine = {.priority = p->policy.priority,
		.action = p->policy.action,
		.tunnel = p->policy.tunnel,
		.selector = p->policy.selector};

	return config_object_equal(CONFIG_KIND_POLICY, &mine, c);
}

int
gateway_policies_order(
	struct gateway *g, const struct config_policy *order, uint32_t n, struct error *err)
{
	struct policy_list *list = change_policies(&g->change);
	uint32_t at;

	/* nothing was edited: the order may differ all the same */
	for (uint32_t i = 0; i < n; i++) {
		const struct policy_list *now = list ? list : &g->policies;
		struct gateway_policy found;

		if (is_policy(&now->policies[i], &order[i]))
			continue;
		if (!list)
			list = edit(g, err);
		if (!list)
			return -ENOMEM;
		for (at = i + 1; at < n && !is_policy(&list->policies[at], &order[i]); at++)
			;
		if (at == n)
			return error_set(err, -EINVAL, "policies: none is like the %uth", i + 1);
		found = list->policies[at];
		memmove(&list->policies[i + 1], &list->policies[i],
			(at - i) * sizeof(*list->policies));
		list->policies[i] = found;
	}
	return 0;
}

/* --- the thread that builds them */

int
policies_start(struct gateway *g, struct report *report)
{
	(void)report;
	g->builder = builder_create(&g->nodes, g->n_workers);
	return g->builder ? 0 : -ENOMEM;
}

void
policies_stop(struct gateway *g)
{
	builder_destroy(g->builder);
}
