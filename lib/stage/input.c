/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>

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
arrivals_count(const struct worker *w, struct arrivals *a)
{
	if (a->packets)
		counter_add(&a->port->counters[w->index].rx, a->packets, a->bytes);
}

static void
arrivals_begin(const struct worker *w, struct arrivals *a, uint16_t ethdev, uint16_t vlan)
{
	struct port *port = vlan_port(w->tables->ports, ethdev, vlan);

	arrivals_count(w, a);
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
	*pkt(m) = a->view;
	if (unlikely(!parse_ipv4_common(m, HEADER, 0) || !pkt(m)->plain))
		return false;
	pkt_move(m, -HEADER, -HEADER);
	note_l4_checksum(m);
	return true;
}

uint16_t
stage_input(struct worker *w, uint16_t ethdev, struct rte_mbuf **pkts, uint16_t n)
{
	enum { AHEAD = 4 };
	struct arrivals arrivals = {0};
	uint64_t packets = 0, bytes = 0;
	uint16_t kept = 0, esp = w->esp_in.n;

	arrivals_begin(w, &arrivals, ethdev, 0);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i], *ahead = pkts[RTE_MIN(i + AHEAD, n - 1)];
		const uint32_t frame_bytes = m->pkt_len;

		rte_prefetch0(rte_pktmbuf_mtod(ahead, void *));
		rte_prefetch0(pkt(ahead));
		if (likely(input_common(m, &arrivals))) {
			packets++;
			bytes += frame_bytes;
			/* an envelope for us needs no route; stage_open finds out */
			if (pkt(m)->proto == IPPROTO_ESP) {
				w->esp_in.pkts[esp++] = m;
				continue;
			}
		} else {
			arrivals.packets += packets;
			arrivals.bytes += bytes;
			packets = bytes = 0;
			if (!input_any(w, ethdev, m, &arrivals))
				continue;
		}
		pkts[kept++] = m;
	}
	w->esp_in.n = esp;
	arrivals.packets += packets;
	arrivals.bytes += bytes;
	arrivals_count(w, &arrivals);
	return kept;
}
