/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Changes, one after the other, in the order in which they were asked for. Those that may join do
 * so when they wait: each is prepared on top of the ones before it, and all of them are carried
 * through at once. When they cannot be, each is made again alone, so that none suffers for another.
 */

#include <errno.h>
#include <stdlib.h>

#include "rpc_internal.h"

/* On the stack of who waits for its turn, or has it. */
struct rpc_turn {
	STAILQ_ENTRY(rpc_turn) link;
	bool joins;
};

/* Changes that are carried through together. */
struct rpc_group {
	uint32_t members; /* how many there are */
	uint32_t left;    /* and how many have heard how it ended */
	uint32_t again;   /* the one whose turn it is to be made again, when it failed */
	bool ended;
	int rc;
	struct error err;
};

static void
turn_take(struct rpc_server *s, struct rpc_turn *turn)
{
	STAILQ_INSERT_TAIL(&s->turns, turn, link);
	while (STAILQ_FIRST(&s->turns) != turn)
		fibre_wait();
}

static void
turn_pass(struct rpc_server *s)
{
	STAILQ_REMOVE_HEAD(&s->turns, link);
	rpc_jobs_wake(s);
}

/* Whether the next one waits already, and would join. */
static bool
next_joins(struct rpc_turn *turn)
{
	const struct rpc_turn *next = STAILQ_NEXT(turn, link);

	return turn->joins && next && next->joins;
}

/* The group that is open, or a new one, in which the next thing can be prepared. */
static int
group_enter(struct rpc_server *s, struct error *err)
{
	const struct rpc_options *o = &s->options;
	int rc = 0;

	if (s->together)
		return o->mark ? o->mark(o->context, err) : 0;
	s->together = calloc(1, sizeof(*s->together));
	if (!s->together)
		return error_set(err, -ENOMEM, "no memory for a change");
	if (o->begin)
		rc = o->begin(o->context, err);
	if (rc == 0)
		return 0;
	free(s->together);
	s->together = NULL;
	return rc;
}

/* What could not be prepared goes; what others have prepared stays. */
static void
group_forget(struct rpc_server *s)
{
	const struct rpc_options *o = &s->options;

	if (s->together->members > 0) {
		if (o->rewind)
			o->rewind(o->context);
		return;
	}
	if (o->abandon)
		o->abandon(o->context);
	free(s->together);
	s->together = NULL;
}

static void
group_commit(struct rpc_server *s)
{
	const struct rpc_options *o = &s->options;
	struct rpc_group *group = s->together;

	group->rc = o->commit ? o->commit(o->context, &group->err) : 0;
	group->ended = true;
	s->together = NULL;
}

/* A change's place in the group with which it was, or would have been, carried through. */
struct membership {
	struct rpc_group *group; /* NULL: it could not even be prepared */
	uint32_t number;
};

static void
group_join(struct rpc_group *group, struct membership *m)
{
	m->group = group;
	m->number = group->members++;
}

/* How it ended. */
static int
group_wait(const struct rpc_group *group, struct error *err)
{
	while (!group->ended)
		fibre_wait();
	*err = group->err;
	return group->rc;
}

static void
group_leave(struct rpc_group *group)
{
	if (++group->left == group->members)
		free(group);
}

/* Prepares the change, and carries the group through that it is in, when no other one joins. */
static int
attempt(struct rpc_server *s, const struct rpc_change *change, bool joins, struct membership *m,
	struct error *err)
{
	struct rpc_turn turn = {.joins = joins};
	int rc;

	*m = (struct membership){0};
	turn_take(s, &turn);
	rc = change->reads ? change->make(change->arg) : group_enter(s, err);
	if (rc == 0 && !change->reads) {
		rc = change->make(change->arg);
		if (rc == 0)
			group_join(s->together, m);
		else
			group_forget(s);
	}
	if (s->together && !next_joins(&turn))
		group_commit(s);
	turn_pass(s);
	return m->group ? group_wait(m->group, err) : rc;
}

/* In the order in which they were members. */
static int
attempt_again(struct rpc_server *s, const struct rpc_change *change,
	const struct membership *before, struct error *err)
{
	struct membership alone;
	int rc;

	while (before->group->again < before->number)
		fibre_wait();
	change->unmake(change->arg);
	*err = (struct error){""};
	rc = attempt(s, change, false, &alone, err);
	if (alone.group)
		group_leave(alone.group);
	before->group->again++;
	rpc_jobs_wake(s);
	return rc;
}

int
rpc_change(struct rpc_server *s, const struct rpc_change *change, struct error *err)
{
	struct membership m;
	int rc;

	*err = (struct error){""};
	rc = attempt(s, change, change->joins, &m, err);
	if (!m.group)
		return rc;
	if (rc != 0 && m.group->members > 1)
		rc = attempt_again(s, change, &m, err);
	group_leave(m.group);
	return rc;
}
