/* SPDX-License-Identifier: BSD-3-Clause */

/* Captures, and where they meet traces: packets come in, go out and die. */

#include "watch.h"
#include "watch_private.h"

/* --- frames */

/* A frame and what it says, read once for all that look at it. */
struct frame {
	struct look_frame ethernet;
	struct look_header header;
	const struct port *port; /* NULL: of no port of ours */
};

static struct frame
frame_read(const struct watcher *x, const struct rte_mbuf *m, const struct port *port)
{
	struct frame f = {.ethernet = look_frame_read(m), .port = port};

	if (f.ethernet.ethertype == RTE_ETHER_TYPE_IPV4 ||
		f.ethernet.ethertype == RTE_ETHER_TYPE_IPV6)
		f.header = look_header_read(m, f.ethernet.bytes, x->tables->udp_ports);
	return f;
}

static const struct port *
port_of(const struct watcher *x, uint16_t ethdev, uint16_t vlan)
{
	const struct port_table *ports = x->tables->ports;
	uint16_t index = ports->untagged[ethdev];

	if (vlan != 0)
		index = ports->tagged[ethdev] ? ports->tagged[ethdev][vlan] : PORT_NONE;
	return index == PORT_NONE ? NULL : ports->ports[index];
}

/* The side that a frame is on; of a port of role both the address of the other end says. */
static enum capture_side
side_of(const struct frame *f, bool outbound)
{
	struct ip_addr other = {.family = f->header.family};

	if (f->port->role != PORT_BOTH)
		return f->port->role == PORT_PROTECTED ? CAPTURE_RAW : CAPTURE_WILD;
	if (other.family == 0)
		return CAPTURE_WILD;
	memcpy(other.bytes, outbound ? f->header.dst : f->header.src, other.family == 4 ? 4 : 16);
	return port_zone(f->port, &other) == ZONE_PROTECTED ? CAPTURE_RAW : CAPTURE_WILD;
}

static struct capture *
wants_frame(const struct watcher *x, unsigned int i, const struct frame *f, enum capture_side side)
{
	struct capture *c = watch_capture(x, i);
	const struct capture_params *p;

	if (!c || capture_is_done(c))
		return NULL;
	p = capture_params(c);
	if (p->side != side || !look_filter_header(&p->filter, &f->header))
		return NULL;
	return !p->filter.spi || (f->header.esp && f->header.spi == p->filter.spi) ? c : NULL;
}

/* Into all captures that want it; captured[] says which did. Not committed. */
static void
frame_capture(const struct watcher *x, const struct rte_mbuf *m, const struct frame *f,
	bool outbound, struct capture_packet *captured[WATCH_CAPTURES])
{
	const enum capture_side side = side_of(f, outbound);

	for (unsigned int i = 0; i < WATCH_CAPTURES; i++) {
		struct capture *c = wants_frame(x, i, f, side);

		captured[i] =
			c ? capture_take(c, watch_writer(x), m, 0, f->port->index, PCAPNG_ETHERNET)
			  : NULL;
		if (captured[i])
			captured[i]->direction = outbound ? PCAPNG_OUTBOUND : PCAPNG_INBOUND;
	}
}

static void
commit(const struct watcher *x)
{
	for (unsigned int i = 0; i < WATCH_CAPTURES; i++) {
		struct capture *c = watch_capture(x, i);

		if (c)
			capture_commit(c, watch_writer(x));
	}
}

void
watch_received(const struct watcher *x, uint16_t ethdev, struct rte_mbuf *const *pkts, uint16_t n)
{
	struct capture_packet *captured[WATCH_CAPTURES];

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct frame f = frame_read(x, m, NULL);
		struct note note = {
			.point = TRACE_received, .layer = LAYER_FRAME, .port = TRACE_NO_PORT};
		struct trace_slot *slot;

		f.port = port_of(x, ethdev, f.ethernet.vlan);
		if (f.port) {
			frame_capture(x, m, &f, false, captured);
			note.port = f.port->index;
		}
		watch_begin(x, m, &f.header);
		slot = watch_slot(x, m);
		if (slot)
			watch_make(x, m, slot, &note);
	}
	commit(x);
}

/* The record that says "sent" once it is. */
static void
note_transmit(const struct watcher *x, uint16_t port, struct rte_mbuf *m, uint16_t i,
	struct watch_frames *frames)
{
	const struct note note = {
		.point = TRACE_transmit, .layer = LAYER_FRAME, .port = port, .is_end = true};
	struct trace_slot *slot = watch_slot(x, m);
	struct trace_record *r;

	frames->slots[i] = slot;
	frames->records[i] = NULL;
	if (!slot)
		return;
	frames->marks[i] = *pkt_mark(m);
	r = watch_make(x, m, slot, &note);
	frames->records[i] = r;
	if (r && m->data_len >= RTE_ETHER_ADDR_LEN)
		memcpy(r->mac, rte_pktmbuf_mtod(m, const void *), RTE_ETHER_ADDR_LEN);
}

void
watch_transmit(const struct watcher *x, uint16_t port, struct rte_mbuf *const *pkts, uint16_t n,
	struct watch_frames *frames)
{
	frames->n = n;
	frames->pkts = pkts;
	for (uint16_t i = 0; i < n; i++) {
		const struct frame f = frame_read(x, pkts[i], x->tables->ports->ports[port]);

		frame_capture(x, pkts[i], &f, true, frames->captured[i]);
		note_transmit(x, port, pkts[i], i, frames);
		/* the device's from now on; what comes back is marked again */
		pkts[i]->ol_flags &= ~PKT_WATCHED;
	}
}

void
watch_transmitted(const struct watcher *x, struct watch_frames *frames, uint16_t sent)
{
	for (uint16_t i = 0; i < frames->n; i++) {
		struct trace_slot *slot = frames->slots[i];

		for (unsigned int k = 0; k < WATCH_CAPTURES && i >= sent; k++)
			if (frames->captured[i][k])
				frames->captured[i][k]->taken_back = true;
		if (!slot)
			continue;
		if (i >= sent) {
			frames->pkts[i]->ol_flags |= PKT_WATCHED;
			continue;
		}
		if (frames->records[i])
			frames->records[i]->point = TRACE_sent;
		watch_release(x, slot, &frames->marks[i]);
	}
	commit(x);
}

/* --- the dead */

/* What of a packet that dies can be shown. */
struct remains {
	int32_t offset; /* of data */
	enum pcapng_link link;
};

/* Nothing but its length. */
static struct remains
nothing(const struct rte_mbuf *m)
{
	return (struct remains){(int32_t)m->pkt_len, PCAPNG_RAW_IP};
}

/* Of a packet of which no note says where it is: whole packets show themselves. */
static struct remains
remains_guess(const struct rte_mbuf *m)
{
	const struct look_frame f = look_frame_read(m);

	if (look_is_packet(m, 0))
		return (struct remains){0, PCAPNG_RAW_IP};
	if (f.bytes && (f.ethertype == RTE_ETHER_TYPE_ARP || look_is_packet(m, f.bytes)))
		return (struct remains){0, PCAPNG_ETHERNET};
	return nothing(m);
}

/* Whether an IP packet may begin where data does, well-formed or not. */
static bool
looks_like_ip(const struct rte_mbuf *m)
{
	uint8_t copy;
	const uint8_t *first = rte_pktmbuf_read(m, 0, 1, &copy);

	return first && (*first >> 4 == 4 || *first >> 4 == 6);
}

/*
 * From the last note on, a packet was shortened at its front only, in place: what was taken off is
 * there still. So it is shown as it was at that note; but what was taken out of an envelope, by
 * itself.
 */
static struct remains
remains_of(const struct rte_mbuf *m, const struct trace_slot *slot)
{
	const bool same = slot->buffer == m->buf_addr && m->data_off >= slot->offset;
	const int32_t back = same ? (int32_t)slot->offset - m->data_off : 0;

	if (!same || slot->layer == LAYER_UNKNOWN)
		return remains_guess(m);
	if (slot->layer == LAYER_FRAME)
		return (struct remains){back, PCAPNG_ETHERNET};
	if (slot->layer == LAYER_IP)
		return (struct remains){back, PCAPNG_RAW_IP};
	if (back < 0 && looks_like_ip(m))
		return (struct remains){0, PCAPNG_RAW_IP};
	return (struct remains){(int32_t)slot->ip_offset - m->data_off, PCAPNG_RAW_IP};
}

static void
capture_sa(const struct watcher *x, const struct trace_slot *slot, struct capture_packet *p)
{
	const struct tunnel *t;

	p->has_sa = slot->has_sa;
	p->spi = slot->spi;
	p->sequence = slot->sequence;
	t = slot->has_tunnel ? tunnel_get(x->tables->tunnels, slot->tunnel, slot->tunnel_generation)
			     : NULL;
	if (t)
		memcpy(p->tunnel, t->config.name, sizeof(p->tunnel));
}

static bool
wants_drop(const struct capture *c, const struct trace_slot *slot, const struct look_header *h,
	enum drop_reason why)
{
	const struct look_filter *f;

	if (!c || capture_is_done(c) || capture_params(c)->side != CAPTURE_DROPS)
		return false;
	f = &capture_params(c)->filter;
	if (!look_filter_drop(f, why) || !look_filter_header(f, h))
		return false;
	if (f->spi && !(slot && slot->has_sa && slot->spi == f->spi))
		return false;
	return !f->by_tunnel || (slot && slot->has_tunnel && slot->tunnel == f->tunnel &&
					slot->tunnel_generation == f->tunnel_generation);
}

static void
drop_capture(const struct watcher *x, struct rte_mbuf *m, const struct trace_slot *slot,
	enum drop_reason why)
{
	const struct remains r = slot ? remains_of(m, slot) : remains_guess(m);
	const struct look_header h =
		slot ? slot->header
		     : look_header_read(m, r.link == PCAPNG_ETHERNET ? look_frame_read(m).bytes : 0,
			       x->tables->udp_ports);
	struct capture_packet *p;

	for (unsigned int i = 0; i < WATCH_CAPTURES; i++) {
		struct capture *c = watch_capture(x, i);

		if (!wants_drop(c, slot, &h, why))
			continue;
		p = capture_take(c, watch_writer(x), m, r.offset,
			slot ? slot->port : CAPTURE_NO_PORT, r.link);
		if (!p)
			continue;
		p->length = RTE_MAX(p->length, p->captured ? p->length : m->pkt_len);
		p->reason = (uint16_t)why;
		if (slot)
			capture_sa(x, slot, p);
	}
	commit(x);
}

/* The last record: where the packet was at the last note, and why it died. */
static void
note_drop(const struct watcher *x, struct trace_slot *slot, enum drop_reason why)
{
	const struct trace *t = watch_trace(x);
	struct trace_record *r;

	if (!t || slot->trace != t->serial)
		return;
	if (t->filter.drop != LOOK_ANY && look_filter_drop(&t->filter, why))
		watch_met(slot, LOOK_DROP);
	r = trace_record_add(slot, true);
	if (!r)
		return;
	*r = (struct trace_record){.tsc = rte_rdtsc(),
		.point = TRACE_drop,
		.worker = x->worker,
		.port = TRACE_NO_PORT,
		.reason = (uint16_t)why,
		.has_sa = slot->has_sa,
		.spi = slot->spi,
		.sequence = slot->sequence,
		.has_tunnel = slot->has_tunnel,
		.tunnel = slot->tunnel,
		.tunnel_generation = slot->tunnel_generation,
		.header = slot->header};
}

void
watch_drop(const struct watcher *x, struct rte_mbuf *m, enum drop_reason why)
{
	struct trace_slot *slot = watch_slot(x, m);

	drop_capture(x, m, slot, why);
	if (slot)
		note_drop(x, slot, why);
}
