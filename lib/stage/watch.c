/* SPDX-License-Identifier: BSD-3-Clause */

/* Traces: what is noted of packets on their way through the stages. */

#include "watch.h"

#include <rte_cycles.h>

#include "ip.h"
#include "watch_private.h"

static uint32_t *
refs_of(const struct watcher *x, const struct pkt_mark *mark)
{
	return &x->watch->slots[mark->worker].refs[mark->slot];
}

struct trace_slot *
watch_slot(const struct watcher *x, struct rte_mbuf *m)
{
	const struct pkt_mark *mark = pkt_mark(m);
	struct trace_slot *slot;

	if (!(m->ol_flags & PKT_WATCHED) || mark->worker >= x->watch->n_workers ||
		mark->slot >= TRACE_SLOTS)
		return NULL;
	slot = &x->watch->slots[mark->worker].slots[mark->slot];
	/* a mark from before the last time that nobody looked is worth nothing */
	if (slot->generation != mark->generation ||
		__atomic_load_n(refs_of(x, mark), __ATOMIC_RELAXED) == 0)
		return NULL;
	return slot;
}

bool
watch_is_shared(const struct watcher *x, const struct pkt_mark *mark)
{
	return __atomic_load_n(refs_of(x, mark), __ATOMIC_RELAXED) > 1;
}

/* What comes out of an envelope, or of the reassembly, may be what the filter wants. */
static bool
may_meet(const struct look_filter *f, const struct look_header *h)
{
	return !(look_filter_conditions(f) & LOOK_HEADER) || h->esp || h->fragment ||
	       look_filter_header(f, h);
}

/* The trace that the packet may be for, or NULL. */
static const struct trace *
wanting(const struct watcher *x, const struct look_header *h)
{
	const struct trace *t = watch_trace(x);

	return t && !trace_is_full(t) && may_meet(&t->filter, h) ? t : NULL;
}

static bool
drops_wanted(const struct watcher *x, const struct look_header *h)
{
	for (unsigned int i = 0; i < WATCH_CAPTURES; i++) {
		const struct capture *c = watch_capture(x, i);

		if (c && capture_params(c)->side == CAPTURE_DROPS && !capture_is_done(c) &&
			may_meet(&capture_params(c)->filter, h))
			return true;
	}
	return false;
}

void
watch_begin(const struct watcher *x, struct rte_mbuf *m, const struct look_header *h)
{
	const struct trace *t = wanting(x, h);
	struct pkt_mark *mark = pkt_mark(m);
	struct trace_slot *slot;

	m->ol_flags &= ~PKT_WATCHED;
	if (!t && !drops_wanted(x, h))
		return;
	slot = trace_slot_take(&x->watch->slots[x->worker], &mark->slot);
	if (!slot)
		return;
	mark->worker = x->worker;
	mark->generation = slot->generation;
	slot->trace = t ? t->serial : 0;
	m->ol_flags |= PKT_WATCHED;
}

void
watch_release(const struct watcher *x, struct trace_slot *slot, const struct pkt_mark *mark)
{
	struct trace *t = watch_trace(x);
	uint32_t *refs = refs_of(x, mark);

	/* the last one sees what the others noted, and may alone give the slot back */
	if (__atomic_load_n(refs, __ATOMIC_ACQUIRE) > 1 &&
		__atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (t)
		trace_keep(t, slot);
	__atomic_store_n(refs, 0, __ATOMIC_RELEASE);
}

void
watch_met(struct trace_slot *slot, enum look_condition condition)
{
	__atomic_fetch_or(&slot->met, condition, __ATOMIC_RELAXED);
}

/* In the slot too while the packet is one alone: pieces may be on several threads. */
static void
sa_known(const struct watcher *x, struct rte_mbuf *m, struct trace_slot *slot, uint32_t spi,
	uint64_t sequence)
{
	const struct trace *t = watch_trace(x);

	if (t && t->filter.spi == spi)
		watch_met(slot, LOOK_SPI);
	if (watch_is_shared(x, pkt_mark(m)))
		return;
	slot->has_sa = true;
	slot->spi = spi;
	slot->sequence = sequence;
}

/* A tunnel that has to do with the packet: one that its route names, perhaps. */
static void
tunnel_named(const struct watcher *x, struct trace_slot *slot, struct trace_record *r,
	uint32_t tunnel, uint16_t generation)
{
	const struct trace *t = watch_trace(x);

	if (t && t->filter.by_tunnel && t->filter.tunnel == tunnel &&
		t->filter.tunnel_generation == generation)
		watch_met(slot, LOOK_TUNNEL);
	if (!r)
		return;
	r->has_tunnel = true;
	r->tunnel = tunnel;
	r->tunnel_generation = generation;
}

/* The tunnel that it came out of, or that it is in, or goes into. */
static void
tunnel_known(const struct watcher *x, struct rte_mbuf *m, struct trace_slot *slot,
	struct trace_record *r, uint32_t tunnel, uint16_t generation)
{
	tunnel_named(x, slot, r, tunnel, generation);
	if (watch_is_shared(x, pkt_mark(m)))
		return;
	slot->has_tunnel = true;
	slot->tunnel = tunnel;
	slot->tunnel_generation = generation;
}

/* The outermost IP header of the packet; *offset: where it is, from its data on. */
static struct look_header
read_header(const struct watcher *x, const struct rte_mbuf *m, const struct trace_slot *slot,
	enum trace_layer layer, int32_t *offset)
{
	struct look_frame frame;

	*offset = 0;
	switch (layer) {
	case LAYER_FRAME:
		frame = look_frame_read(m);
		*offset = frame.bytes;
		if (frame.ethertype == RTE_ETHER_TYPE_IPV4 ||
			frame.ethertype == RTE_ETHER_TYPE_IPV6)
			return look_header_read(m, frame.bytes, x->tables->udp_ports);
		return (struct look_header){.bytes = m->pkt_len};
	case LAYER_IP:
		return look_header_read(m, 0, x->tables->udp_ports);
	default:
		/* the envelope's, which was read before it was taken off */
		*offset = (int32_t)slot->ip_offset - m->data_off;
		return slot->header;
	}
}

/* Where the packet is now: for who has it alone. */
static void
remember(struct rte_mbuf *m, struct trace_slot *slot, const struct note *note, int32_t ip_offset,
	const struct look_header *h)
{
	slot->layer = note->layer;
	slot->buffer = m->buf_addr;
	slot->offset = m->data_off;
	slot->ip_offset = (uint16_t)(m->data_off + ip_offset);
	slot->header = *h;
	if (note->port != TRACE_NO_PORT)
		slot->port = note->port;
}

static void
fill_in(const struct watcher *x, struct rte_mbuf *m, const struct trace_slot *slot,
	const struct note *note, const struct look_header *h, struct trace_record *r)
{
	*r = (struct trace_record){.tsc = rte_rdtsc(),
		.point = (uint8_t)note->point,
		.worker = x->worker,
		.number = note->number,
		.port = note->port,
		.reason = note->reason,
		.has_sa = slot->has_sa,
		.spi = slot->spi,
		.sequence = slot->sequence,
		.has_tunnel = slot->has_tunnel,
		.tunnel = slot->tunnel,
		.tunnel_generation = slot->tunnel_generation,
		.task = pkt(m)->task,
		.zone = pkt(m)->zone,
		.has_view = note->layer == LAYER_IP,
		.header = *h};
}

struct trace_record *
watch_make(const struct watcher *x, struct rte_mbuf *m, struct trace_slot *slot,
	const struct note *note)
{
	const struct trace *t = watch_trace(x);
	struct trace_record *r;
	int32_t ip_offset;
	const struct look_header h = read_header(x, m, slot, note->layer, &ip_offset);

	/* without a layer nothing is known of where the packet is but what was */
	if (note->layer != LAYER_UNKNOWN && !watch_is_shared(x, pkt_mark(m))) {
		remember(m, slot, note, ip_offset, &h);
		if (h.esp && note->layer != LAYER_ESP && (!slot->has_sa || slot->spi != h.spi))
			sa_known(x, m, slot, h.spi, h.sequence);
	}
	if (!t || slot->trace != t->serial)
		return NULL;
	if (look_filter_header(&t->filter, &h))
		watch_met(slot, LOOK_HEADER);
	r = trace_record_add(slot, note->is_end);
	if (r)
		fill_in(x, m, slot, note, &h, r);
	return r;
}

static struct trace_record *
note_at(const struct watcher *x, struct rte_mbuf *m, struct trace_slot *slot,
	enum trace_point point, uint32_t number)
{
	const struct note note = {
		.point = point, .layer = LAYER_IP, .number = number, .port = TRACE_NO_PORT};

	return watch_make(x, m, slot, &note);
}

/* Where data begins in a packet that is on its way to somebody, by what that one shall do. */
static enum trace_layer
layer_of_task(enum pkt_task task)
{
	switch (task) {
	case TASK_TX:
	case TASK_SEND_FRAME:
		return LAYER_FRAME;
	case TASK_ARP:
		return LAYER_UNKNOWN;
	default:
		return LAYER_IP;
	}
}

static void
note_task(const struct watcher *x, struct rte_mbuf *m, struct trace_slot *slot,
	enum trace_point point, enum pkt_task task, uint32_t number)
{
	const struct note note = {.point = point,
		.layer = layer_of_task(task),
		.number = number,
		.port = TRACE_NO_PORT};
	struct trace_record *r;

	r = watch_make(x, m, slot, &note);
	if (r)
		r->task = (uint8_t)task;
}

/* --- between the stages */

void
watch_turn(const struct watcher *x)
{
	x->watch->slots[x->worker].next = 0;
}

static bool
is_from_control(const struct rte_mbuf *m)
{
	const uint8_t task = pkt_const(m)->task;

	return task == TASK_SEND_FRAME || task == TASK_SEND_IP || task == TASK_SEND_NEXTHOP;
}

static void
begin_own(const struct watcher *x, struct rte_mbuf *m)
{
	enum pkt_task task = pkt(m)->task;
	uint32_t offset = layer_of_task(task) == LAYER_FRAME ? look_frame_read(m).bytes : 0;
	const struct look_header h = look_header_read(m, offset, x->tables->udp_ports);
	struct trace_slot *slot;

	watch_begin(x, m, &h);
	slot = watch_slot(x, m);
	if (slot)
		note_task(x, m, slot, TRACE_own, task, 0);
}

void
watch_inbox(const struct watcher *x, struct rte_mbuf *const *pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct trace_slot *slot = watch_slot(x, pkts[i]);

		if (slot)
			note_task(x, pkts[i], slot, TRACE_inbox, pkt(pkts[i])->task, 0);
		else if (is_from_control(pkts[i]))
			begin_own(x, pkts[i]);
	}
}

/* What the routing said. */
static void
add_nexthop(const struct watcher *x, struct rte_mbuf *m, struct trace_slot *slot,
	struct trace_record *r)
{
	const struct nexthop *nh = &x->tables->nexthops[pkt(m)->nexthop];
	const struct tunnel *t;

	if (r) {
		r->nexthop = nh->type;
		if (nh->type == NEXTHOP_CONNECTED || nh->type == NEXTHOP_NEIGHBOUR)
			r->port = nh->port;
		if (nh->type == NEXTHOP_NEIGHBOUR)
			r->via = nh->addr;
	}
	if (nh->type != NEXTHOP_TUNNEL)
		return;
	t = __atomic_load_n(&x->tables->tunnels->tunnels[nh->tunnel], __ATOMIC_ACQUIRE);
	if (t)
		tunnel_named(x, slot, r, t->index, t->generation);
}

/* It goes into a tunnel: by which SA is not known yet. */
static void
add_way_in(const struct watcher *x, struct rte_mbuf *m, struct trace_slot *slot,
	struct trace_record *r)
{
	const struct tunnel *t =
		__atomic_load_n(&x->tables->tunnels->tunnels[pkt(m)->tunnel], __ATOMIC_ACQUIRE);

	if (t)
		tunnel_known(x, m, slot, r, t->index, t->generation);
	if (r)
		r->has_sa = false;
	if (!watch_is_shared(x, pkt_mark(m)))
		slot->has_sa = false;
}

void
watch_note(
	const struct watcher *x, enum trace_point point, struct rte_mbuf *const *pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct trace_slot *slot = watch_slot(x, pkts[i]);
		struct trace_record *r;

		if (!slot)
			continue;
		r = note_at(x, pkts[i], slot, point, 0);
		if (point == TRACE_route)
			add_nexthop(x, pkts[i], slot, r);
		else if (point == TRACE_protect)
			add_way_in(x, pkts[i], slot, r);
	}
}

void
watch_again(const struct watcher *x, struct rte_mbuf *const *pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct pkt *p = pkt(pkts[i]);
		const bool decrypted = p->zone == ZONE_TUNNEL && (p->flags & PKT_DECRYPTED);
		struct trace_slot *slot = watch_slot(x, pkts[i]);
		struct trace_record *r;

		if (!slot)
			continue;
		r = note_at(x, pkts[i], slot, decrypted ? TRACE_decapsulated : TRACE_again, 0);
		if (decrypted)
			tunnel_known(x, pkts[i], slot, r, p->tunnel, p->tunnel_generation);
	}
}

void
watch_policy(const struct watcher *x, struct rte_mbuf *m, const struct spd_result *r, uint32_t id)
{
	struct trace_slot *slot = watch_slot(x, m);
	struct trace_record *record;

	if (!slot)
		return;
	record = note_at(x, m, slot, TRACE_policy, id);
	if (record)
		record->action = r->action;
}

/* --- SAs */

static void
note_sa(const struct watcher *x, struct rte_mbuf *m, enum trace_point point, enum trace_layer layer)
{
	const struct sa *sa = pkt(m)->sa;
	const struct note note = {.point = point, .layer = layer, .port = TRACE_NO_PORT};
	struct trace_slot *slot = watch_slot(x, m);
	struct trace_record *r;

	if (!slot)
		return;
	sa_known(x, m, slot, rte_be_to_cpu_32(sa->spi_be), pkt(m)->seq);
	r = watch_make(x, m, slot, &note);
	tunnel_known(x, m, slot, r, sa->tunnel, sa->tunnel_generation);
	if (!r)
		return;
	r->has_sa = true;
	r->spi = rte_be_to_cpu_32(sa->spi_be);
	r->sequence = pkt(m)->seq;
}

static enum trace_layer
layer_of_job(const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);

	if (p->sa->direction == SA_IN)
		return LAYER_ESP;
	return p->task == TASK_TX ? LAYER_FRAME : LAYER_IP;
}

void
watch_jobs(const struct watcher *x, const struct crypto_burst *burst, bool asynchronous)
{
	for (uint16_t i = 0; i < burst->n; i++) {
		struct rte_mbuf *m = burst->pkts[i];
		const enum trace_layer layer = layer_of_job(m);

		note_sa(x, m, pkt(m)->sa->direction == SA_OUT ? TRACE_seal : TRACE_open, layer);
	}
	for (uint16_t i = 0; asynchronous && i < burst->n; i++)
		note_sa(x, burst->pkts[i], TRACE_engine, layer_of_job(burst->pkts[i]));
}

void
watch_jobs_done(const struct watcher *x, struct rte_mbuf *const *pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		note_sa(x, pkts[i],
			pkt(pkts[i])->sa->direction == SA_OUT ? TRACE_encrypted : TRACE_verified,
			layer_of_job(pkts[i]));
}

/* --- to others */

void
watch_hand_over(const struct watcher *x, uint16_t to, struct rte_mbuf *const *pkts, uint16_t n,
	enum pkt_task task)
{
	for (uint16_t i = 0; i < n; i++) {
		struct trace_slot *slot = watch_slot(x, pkts[i]);

		if (slot)
			note_task(x, pkts[i], slot, TRACE_handover, task, to);
	}
}

void
watch_to_control(const struct watcher *x, struct rte_mbuf *m, enum pkt_task task)
{
	struct trace_slot *slot = watch_slot(x, m);

	if (slot)
		note_task(x, m, slot, TRACE_control, task, 0);
}

void
watch_split(const struct watcher *x, struct rte_mbuf *const *pieces, uint16_t n)
{
	struct trace_slot *slot = n > 0 ? watch_slot(x, pieces[0]) : NULL;

	if (!slot)
		return;
	/* before any of them can be anywhere else */
	__atomic_fetch_add(refs_of(x, pkt_mark(pieces[0])), n - 1u, __ATOMIC_RELAXED);
	note_at(x, pieces[0], slot, TRACE_split, n);
}

void
watch_joined(const struct watcher *x, struct rte_mbuf *m, bool whole)
{
	struct trace_slot *slot = watch_slot(x, m);

	if (slot && whole)
		note_at(x, m, slot, TRACE_reassembled, 0);
	/* the fragments' first segments have their marks still */
	for (struct rte_mbuf *part = m->next; part; part = part->next) {
		slot = watch_slot(x, part);
		part->ol_flags &= ~PKT_WATCHED;
		if (!slot)
			continue;
		note_at(x, part, slot, TRACE_joined, 0);
		watch_release(x, slot, pkt_mark(part));
	}
}

void
watch_end(const struct watcher *x, struct rte_mbuf *m)
{
	struct trace_slot *slot = watch_slot(x, m);

	m->ol_flags &= ~PKT_WATCHED;
	if (slot)
		watch_release(x, slot, pkt_mark(m));
}

void
watch_control(const struct watcher *x, struct rte_mbuf *m, enum trace_point point, uint32_t number)
{
	struct trace_slot *slot = watch_slot(x, m);

	if (slot)
		note_at(x, m, slot, point, number);
}

void
watch_neighbour(const struct watcher *x, struct rte_mbuf *m, uint16_t port, const struct ip_addr *a)
{
	const struct note note = {.point = TRACE_wait, .layer = LAYER_IP, .port = port};
	struct trace_slot *slot = watch_slot(x, m);
	struct trace_record *r = slot ? watch_make(x, m, slot, &note) : NULL;

	if (r)
		r->via = *a;
}
