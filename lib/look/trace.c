/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

static const struct {
	const char *name, *text;
} points[] = {
#define X(name, text) {#name, text},
	TRACE_POINTS(X)
#undef X
};

const char *
trace_point_name(enum trace_point point)
{
	return points[point].name;
}

const char *
trace_point_text(enum trace_point point)
{
	return points[point].text;
}

int
trace_slots_init(struct trace_slots *s)
{
	/* the kernel gives the pages when they are written to: few of them are */
	*s = (struct trace_slots){.refs = calloc(TRACE_SLOTS, sizeof(*s->refs)),
		.slots = calloc(TRACE_SLOTS, sizeof(*s->slots))};
	return s->refs && s->slots ? 0 : -ENOMEM;
}

void
trace_slots_free(struct trace_slots *s)
{
	free(s->refs);
	free(s->slots);
}

void
trace_slots_reset(struct trace_slots *s)
{
	memset(s->refs, 0, TRACE_SLOTS * sizeof(*s->refs));
	s->next = 0;
	s->missed = 0;
}

/* But for its records, of which none is read before it is written whole. */
static void
slot_clear(struct trace_slot *slot)
{
	const uint32_t generation = slot->generation + 1;

	memset(slot, 0, offsetof(struct trace_slot, records));
	slot->generation = generation;
	slot->port = TRACE_NO_PORT;
}

struct trace_slot *
trace_slot_take(struct trace_slots *s, uint16_t *index)
{
	for (; s->next < TRACE_SLOTS; s->next++) {
		struct trace_slot *slot = &s->slots[s->next];

		if (__atomic_load_n(&s->refs[s->next], __ATOMIC_ACQUIRE) != 0)
			continue;
		*index = (uint16_t)s->next;
		s->next++;
		__atomic_store_n(&s->refs[*index], 1, __ATOMIC_RELAXED);
		slot_clear(slot);
		return slot;
	}
	__atomic_store_n(&s->missed, s->missed + 1, __ATOMIC_RELAXED);
	return NULL;
}

struct trace *
trace_create(const struct look_filter *filter, uint32_t wanted, uint32_t serial)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->filter = *filter;
	t->conditions = look_filter_conditions(filter);
	t->wanted = wanted;
	t->serial = serial;
	t->packets = calloc(wanted, sizeof(*t->packets));
	t->records = calloc((size_t)wanted * TRACE_RECORDS, sizeof(*t->records));
	if (!t->packets || !t->records) {
		trace_destroy(t);
		return NULL;
	}
	for (uint32_t i = 0; i < wanted; i++)
		t->packets[i].records = t->records + (size_t)i * TRACE_RECORDS;
	return t;
}

void
trace_destroy(struct trace *t)
{
	if (!t)
		return;
	free(t->packets);
	free(t->records);
	free(t);
}

struct trace_record *
trace_record_add(struct trace_slot *slot, bool is_end)
{
	const uint32_t room = is_end ? TRACE_RECORDS : TRACE_RECORDS - TRACE_LAST_ONES;
	uint32_t n = __atomic_load_n(&slot->n, __ATOMIC_RELAXED);

	if (n >= room) {
		__atomic_fetch_add(&slot->missed, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	n = __atomic_fetch_add(&slot->n, 1, __ATOMIC_RELAXED);
	if (n < TRACE_RECORDS)
		return &slot->records[n];
	__atomic_fetch_add(&slot->missed, 1, __ATOMIC_RELAXED);
	return NULL;
}

static int
compare_times(const void *one, const void *other)
{
	const struct trace_record *a = one, *b = other;

	if (a->tsc != b->tsc)
		return a->tsc < b->tsc ? -1 : 1;
	return a < b ? -1 : 1;
}

void
trace_keep(struct trace *t, const struct trace_slot *slot)
{
	struct trace_packet *p;
	uint32_t place;

	if (slot->trace != t->serial || (slot->met & t->conditions) != t->conditions ||
		trace_is_full(t))
		return;
	place = __atomic_fetch_add(&t->taken, 1, __ATOMIC_RELAXED);
	if (place >= t->wanted)
		return;
	p = &t->packets[place];
	p->n = RTE_MIN(slot->n, (uint32_t)TRACE_RECORDS);
	p->missed = slot->missed;
	memcpy(p->records, slot->records, p->n * sizeof(p->records[0]));
	/* pieces on several threads take their places in no order */
	qsort(p->records, p->n, sizeof(p->records[0]), compare_times);
	__atomic_store_n(&p->ready, true, __ATOMIC_RELEASE);
}
