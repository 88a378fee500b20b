/* SPDX-License-Identifier: BSD-3-Clause */
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
	bool promiscuous;
	uint64_t mac; /* of the port, as the first 6 bytes of a frame to it lie in the memory */
	struct pkt view;
	uint64_t packets, bytes;
};

enum { MAC_BITS = 48 };

/* The destination MAC address of a frame of at least 14 bytes. */
static inline uint64_t
frame_destination(const struct rte_mbuf *m)
{
	uint64_t first;

	memcpy(&first, rte_pktmbuf_mtod(m, const void *), sizeof(first));
	return rte_le_to_cpu_64(first) & (UINT64_MAX >> (64 - MAC_BITS));
}

static inline void
arrivals_count(const struct worker *w, struct arrivals *a)
{
	if (a->packets)
		counter_add(&a->port->counters[w->index].rx, a->packets, a->bytes);
}

static inline void
arrivals_begin(const struct worker *w, struct arrivals *a, uint16_t ethdev, uint16_t vlan)
{
	struct port *port = vlan_port(w->tables->ports, ethdev, vlan);

	arrivals_count(w, a);
	*a = (struct arrivals){.port = port, .vlan = vlan, .promiscuous = w->tables->promiscuous};
	if (!port)
		return;
	memcpy(&a->mac, &port->mac, sizeof(port->mac));
	a->mac = rte_le_to_cpu_64(a->mac);
	a->view.port = port->index;
	a->view.table = port->table;
	a->view.zone = port->role == PORT_PROTECTED ? ZONE_PROTECTED : ZONE_UNPROTECTED;
}

/* Whether the frame's destination address means us; notes broadcast and multicast ones. */
static inline bool
frame_is_ours(const struct arrivals *a, struct rte_mbuf *m)
{
	uint64_t mac = frame_destination(m);

	if (unlikely(mac & 1)) {
		pkt(m)->flags |= PKT_ETH_MULTICAST;
		return true;
	}
	return a->promiscuous || mac == a->mac;
}

/* The IP packet in the frame, parsed; DROP_NONE, or why not. */
static inline enum drop_reason
frame_parse(
	struct rte_mbuf *m, const struct port *port, rte_be16_t ethertype, uint16_t header_bytes)
{
	struct pkt *p = pkt(m);
	enum drop_reason why;
	struct ip_addr src;

	rte_pktmbuf_adj(m, header_bytes);
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		p->flags |= PKT_CHECKSUM_GOOD;
	why = parse_ip(m);
	if (unlikely(why != DROP_NONE))
		return why;
	if (unlikely(p->family != (ethertype == RTE_BE16(RTE_ETHER_TYPE_IPV4) ? 4 : 6)))
		return DROP_ip_version;
	if (unlikely(port->role == PORT_BOTH)) {
		src = ip_src(m);
		p->zone = port_zone(port, &src);
	}
	return parse_martian(m);
}

/* true: an IP packet that goes on. Everything else has been dealt with. */
static inline bool
input_one(struct worker *w, uint16_t ethdev, struct rte_mbuf *m, struct arrivals *arrivals)
{
	struct header header;
	enum drop_reason why;

	if (unlikely(!header_read(m, &header))) {
		*pkt(m) = arrivals->view;
		drop(w, m, DROP_ip_truncated);
		return false;
	}
	if (unlikely(header.vlan != arrivals->vlan))
		arrivals_begin(w, arrivals, ethdev, header.vlan);
	*pkt(m) = arrivals->view;
	if (unlikely(!arrivals->port)) {
		drop(w, m, DROP_vlan_unknown);
		return false;
	}
	arrivals->packets++;
	arrivals->bytes += m->pkt_len;
	if (unlikely(!frame_is_ours(arrivals, m))) {
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

uint16_t
stage_input(struct worker *w, uint16_t ethdev, struct rte_mbuf **pkts, uint16_t n)
{
	enum { AHEAD = 4 };
	struct arrivals arrivals = {0};
	uint16_t kept = 0;

	arrivals_begin(w, &arrivals, ethdev, 0);
	for (uint16_t i = 0; i < n; i++) {
		if (i + AHEAD < n) {
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + AHEAD], void *));
			rte_prefetch0(pkt(pkts[i + AHEAD]));
		}
		if (input_one(w, ethdev, pkts[i], &arrivals))
			pkts[kept++] = pkts[i];
	}
	arrivals_count(w, &arrivals);
	return kept;
}
