/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>

#include <rte_esp.h>
#include <rte_ether.h>

#include "ip.h"
#include "parse.h"
#include "stage.h"

/* What precedes a frame's payload. */
struct header {
	rte_be16_t ethertype;
	uint16_t bytes;
	uint16_t vlan; /* 0: none, or a priority tag alone, which is the untagged port's own */
};

/* false: the frame ends before its header does. */
static inline bool
header_read(struct rte_mbuf *m, struct header *header)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_vlan_hdr *tag = (const struct rte_vlan_hdr *)(eth + 1);

	*header = (struct header){.bytes = sizeof(*eth)};
	if (unlikely(m->data_len < sizeof(*eth)))
		return false;
	header->ethertype = eth->ether_type;
	if (likely(eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN)))
		return true;
	if (m->data_len < sizeof(*eth) + sizeof(*tag))
		return false;
	header->bytes += sizeof(*tag);
	header->ethertype = tag->eth_proto;
	header->vlan = rte_be_to_cpu_16(tag->vlan_tci) & 0xfff;
	return true;
}

/* The port that frames of an ethdev with this VLAN belong to. */
static struct port *
vlan_port(const struct port_table *ports, uint16_t ethdev, uint16_t vlan)
{
	uint16_t index = ports->untagged[ethdev];

	if (vlan != 0)
		index = ports->tagged[ethdev] ? ports->tagged[ethdev][vlan] : PORT_NONE;
	return index == PORT_NONE ? NULL : ports->ports[index];
}

/* What the frames of one VLAN of an ethdev, one after the other, have in common. */
struct arrivals {
	struct port *port; /* NULL: none */
	uint16_t vlan;
	/* Which bits of the first 8 bytes of a frame that is for us alone say so, and what they
	 * are. No frame is what they say where the port has to be looked at: a VLAN's, or one of
	 * role both. */
	uint64_t ours, ours_mask;
	struct pkt view;
	uint64_t packets, bytes;
};

#define MAC_MASK UINT64_C(0x0000ffffffffffff)
#define MAC_GROUP UINT64_C(0x01)

/* The first 8 bytes of a frame of at least 14: the destination MAC address in the low 48 bits. */
static inline uint64_t
frame_start(const struct rte_mbuf *m)
{
	rte_le64_t first;

	memcpy(&first, rte_pktmbuf_mtod(m, const void *), sizeof(first));
	return rte_le_to_cpu_64(first);
}

static inline uint64_t
mac_word(const struct rte_ether_addr *mac)
{
	rte_le64_t word = 0;

	memcpy(&word, mac, sizeof(*mac));
	return rte_le_to_cpu_64(word);
}

static inline void
arrivals_count(const struct worker *w, const struct arrivals *a)
{
	if (a->packets)
		counter_add(&a->port->counters[w->index].rx, a->packets, a->bytes);
}

static inline void
arrivals_begin(const struct worker *w, struct arrivals *a, uint16_t ethdev, uint16_t vlan)
{
	struct port *port = vlan_port(w->tables->ports, ethdev, vlan);

	*a = (struct arrivals){.port = port, .vlan = vlan, .ours = MAC_GROUP};
	if (!port)
		return;
	a->view.port = port->index;
	a->view.table = port->table;
	a->view.zone = port->role == PORT_PROTECTED ? ZONE_PROTECTED : ZONE_UNPROTECTED;
	if (vlan == 0 && port->role != PORT_BOTH) {
		a->ours_mask = w->tables->promiscuous ? MAC_GROUP : MAC_MASK;
		a->ours = mac_word(&port->mac) & a->ours_mask;
	}
}

/* Whether the frame's destination address means us; notes broadcast and multicast ones. */
static bool
frame_is_ours(const struct worker *w, const struct port *port, struct rte_mbuf *m)
{
	uint64_t start = frame_start(m);

	if (start & MAC_GROUP) {
		pkt(m)->flags |= PKT_ETH_MULTICAST;
		return true;
	}
	return w->tables->promiscuous || (start & MAC_MASK) == mac_word(&port->mac);
}

static inline void
note_l4_checksum(struct rte_mbuf *m)
{
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		pkt(m)->flags |= PKT_CHECKSUM_GOOD;
}

/* The IP packet in the frame, parsed; DROP_NONE, or why not. */
static enum drop_reason
frame_parse(
	struct rte_mbuf *m, const struct port *port, rte_be16_t ethertype, uint16_t header_bytes)
{
	struct pkt *p = pkt(m);
	enum drop_reason why;
	struct ip_addr src;

	rte_pktmbuf_adj(m, header_bytes);
	note_l4_checksum(m);
	why = parse_ip(m);
	if (why != DROP_NONE)
		return why;
	if (p->family != (ethertype == RTE_BE16(RTE_ETHER_TYPE_IPV4) ? 4 : 6))
		return DROP_ip_version;
	if (port->role == PORT_BOTH) {
		src = ip_src(m);
		p->zone = port_zone(port, &src);
	}
	return parse_martian(m);
}

/* true: an IP packet that goes on. Everything else has been dealt with. */
static __rte_noinline bool
input_any(struct worker *w, uint16_t ethdev, struct rte_mbuf *m, struct arrivals *arrivals)
{
	struct header header;
	enum drop_reason why;

	*pkt(m) = arrivals->view;
	if (!header_read(m, &header)) {
		drop(w, m, DROP_ip_truncated);
		return false;
	}
	if (header.vlan != arrivals->vlan) {
		arrivals_count(w, arrivals);
		arrivals_begin(w, arrivals, ethdev, header.vlan);
		*pkt(m) = arrivals->view;
	}
	if (!arrivals->port) {
		drop(w, m, DROP_vlan_unknown);
		return false;
	}
	arrivals->packets++;
	arrivals->bytes += m->pkt_len;
	if (!frame_is_ours(w, arrivals->port, m)) {
		drop(w, m, DROP_eth_destination);
		return false;
	}
	switch (header.ethertype) {
	case RTE_BE16(RTE_ETHER_TYPE_IPV4):
	case RTE_BE16(RTE_ETHER_TYPE_IPV6):
		why = frame_parse(m, arrivals->port, header.ethertype, header.bytes);
		break;
	case RTE_BE16(RTE_ETHER_TYPE_ARP):
		rte_pktmbuf_adj(m, header.bytes);
		worker_to_control(w, m, TASK_ARP);
		return false;
	default:
		why = DROP_ethertype;
	}
	if (unlikely(why != DROP_NONE))
		drop(w, m, why);
	return why == DROP_NONE;
}

/* The frame as most are: for us alone, with an IPv4 packet in it that parses at once. false, the
 * frame being as it was: another one. */
static inline bool
input_common(struct rte_mbuf *m, const struct arrivals *a)
{
	enum { HEADER = sizeof(struct rte_ether_hdr) };
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	if (unlikely(m->data_len < HEADER || (frame_start(m) & a->ours_mask) != a->ours ||
		     eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4)))
		return false;
	memcpy(pkt(m), &a->view, offsetof(struct pkt, argument));
	if (unlikely(!parse_ipv4_common(m, HEADER, 0) || !pkt(m)->plain))
		return false;
	pkt_move(m, -HEADER, -HEADER);
	note_l4_checksum(m);
	return true;
}

/*
 * What envelopes that come alike have in common with the first of them, in the words of their
 * frames, up to the SPI; but not total length, ID and checksum. So a word each tells what the
 * parser would find out, and what stage_open asks of each: whether its SA is the same.
 */
struct alike {
	struct pkt view;
	uint32_t start;     /* EtherType, version and header length, TOS */
	uint32_t middle;    /* fragment field, TTL, protocol */
	uint64_t addresses; /* source and destination */
	rte_be32_t spi;
};

enum {
	ALIKE_START = offsetof(struct rte_ether_hdr, ether_type),
	ALIKE_IP = sizeof(struct rte_ether_hdr),
	ALIKE_MIDDLE = ALIKE_IP + offsetof(struct rte_ipv4_hdr, fragment_offset),
	ALIKE_ADDRESSES = ALIKE_IP + offsetof(struct rte_ipv4_hdr, src_addr),
	ALIKE_ESP = ALIKE_IP + sizeof(struct rte_ipv4_hdr),
	ALIKE_BYTES = ALIKE_ESP + sizeof(struct rte_esp_hdr),
};

static inline uint32_t
word32(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint64_t
word64(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* Of an envelope that input_common has let through: its view is made, its frame's header is still
 * before it. */
static void
alike_begin(struct alike *a, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod_offset(m, const uint8_t *, -ALIKE_IP);

	*a = (struct alike){.view = *pkt(m),
		.start = word32(frame + ALIKE_START),
		.middle = word32(frame + ALIKE_MIDDLE),
		.addresses = word64(frame + ALIKE_ADDRESSES),
		.spi = word32(frame + ALIKE_ESP)};
}

/* An envelope like the one that a was begun with. false, the frame being as it was: another one. */
static __rte_always_inline bool
take_alike(struct rte_mbuf *m, const struct arrivals *arrivals, const struct alike *a)
{
	const uint64_t checks = RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK;
	const bool nic = m->ol_flags & checks; /* it has looked at them */
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + ALIKE_IP;
	const struct rte_ipv4_hdr *header = (const struct rte_ipv4_hdr *)ip;

	if (unlikely(m->data_len < ALIKE_BYTES ||
		     ((word64(frame) & arrivals->ours_mask) ^ arrivals->ours) |
			     (word32(frame + ALIKE_START) ^ a->start) |
			     (word32(frame + ALIKE_MIDDLE) ^ a->middle) |
			     (word64(frame + ALIKE_ADDRESSES) ^ a->addresses) |
			     (word32(frame + ALIKE_ESP) ^ a->spi)))
		return false;
	if (unlikely(rte_be_to_cpu_16(header->total_length) != m->pkt_len - ALIKE_IP))
		return false;
	if (unlikely(nic ? !parse_ipv4_checked(
				   m, word64(ip), word64(ip + sizeof(uint64_t)), header->dst_addr)
			 : !parse_ipv4_checksum_right(
				   word64(ip), word64(ip + sizeof(uint64_t)), header->dst_addr)))
		return false;
	memcpy(pkt(m), &a->view, offsetof(struct pkt, argument));
	if (unlikely(nic))
		note_l4_checksum(m);
	pkt_move(m, -ALIKE_IP, -ALIKE_IP);
	return true;
}

enum { AHEAD = 4 };

static inline void
prefetch(struct rte_mbuf *m)
{
	rte_prefetch0(rte_pktmbuf_mtod(m, void *));
	rte_prefetch0(pkt(m));
}

/* How many from the second on are like the first, which input_common has let through; all of them
 * go to `out`. *bytes: of the frames of the others. A function of its own, for the compiler to have
 * all registers. */
static __rte_noinline uint16_t
input_alike(const struct arrivals *arrivals, struct rte_mbuf **pkts, uint16_t n,
	struct rte_mbuf **out, uint64_t *bytes)
{
	struct alike alike;
	uint64_t others = 0;
	uint16_t i;

	alike_begin(&alike, pkts[0]);
	out[0] = pkts[0];
	for (i = 1; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint32_t frame_bytes = m->pkt_len;

		if (i + AHEAD < n)
			prefetch(pkts[i + AHEAD]);
		if (unlikely(!take_alike(m, arrivals, &alike)))
			break;
		out[i] = m;
		others += frame_bytes;
	}
	*bytes += others;
	return i;
}

/* Envelopes, of which input_common has let the first one through: it, and those behind it that are
 * like it, into the worker's burst. Returns how many; *bytes: of the frames of the others. */
static inline uint16_t
input_envelopes(struct worker *w, const struct arrivals *arrivals, struct rte_mbuf **pkts,
	uint16_t n, uint64_t *bytes)
{
	const uint16_t some = input_alike(arrivals, pkts, n, w->esp_in.pkts + w->esp_in.n, bytes);

	if (w->esp_in.n == 0)
		w->esp_alike = some;
	w->esp_in.n += some;
	return some;
}

uint16_t
stage_input(struct worker *w, uint16_t ethdev, struct rte_mbuf **pkts, uint16_t n)
{
	struct arrivals arrivals;
	uint16_t kept = 0, i = 0, done;

	arrivals_begin(w, &arrivals, ethdev, 0);
	for (; i < n; i += done) {
		struct rte_mbuf *m = pkts[i];
		const uint32_t frame_bytes = m->pkt_len;

		prefetch(pkts[RTE_MIN(i + AHEAD, n - 1)]);
		done = 1;
		if (likely(input_common(m, &arrivals))) {
			arrivals.bytes += frame_bytes;
			/* an envelope for us needs no route; stage_open finds out */
			if (pkt(m)->proto == IPPROTO_ESP)
				done = input_envelopes(
					w, &arrivals, pkts + i, n - i, &arrivals.bytes);
			else
				pkts[kept++] = m;
			arrivals.packets += done;
		} else if (input_any(w, ethdev, m, &arrivals)) {
			pkts[kept++] = m;
		}
	}
	arrivals_count(w, &arrivals);
	return kept;
}
