/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_arp.h>

#include "neigh_private.h"
#include "pkt.h"

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* An ARP packet for IPv4 over Ethernet, taken apart. */
struct arp {
	uint16_t operation;
	uint8_t sender_mac[6];
	struct ip_addr sender, target;
};

static struct ip_addr
address(rte_be32_t be)
{
	return ip_addr_v4(rte_be_to_cpu_32(be));
}

static rte_be32_t
address_be(const struct ip_addr *addr)
{
	return rte_cpu_to_be_32(ip_addr_to_v4(addr));
}

/* Whether the packet is ARP that a neighbour may send: RFC 826, with addresses of a single host
 * (RFC 5227: or none, as the sender of a probe). */
static bool
arp_read(const struct rte_mbuf *m, struct arp *arp)
{
	struct rte_arp_hdr copy;
	const struct rte_arp_hdr *h = rte_pktmbuf_read(m, 0, sizeof(copy), &copy);
	const struct rte_ether_addr *mac;

	if (!h || h->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER) ||
		h->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) || h->arp_hlen != 6 ||
		h->arp_plen != 4)
		return false;
	arp->operation = rte_be_to_cpu_16(h->arp_opcode);
	mac = &h->arp_data.arp_sha;
	memcpy(arp->sender_mac, mac->addr_bytes, 6);
	arp->sender = address(h->arp_data.arp_sip);
	arp->target = address(h->arp_data.arp_tip);
	if (arp->operation != RTE_ARP_OP_REQUEST && arp->operation != RTE_ARP_OP_REPLY)
		return false;
	if (ip_addr_is_unspecified(&arp->sender) && arp->operation != RTE_ARP_OP_REQUEST)
		return false;
	return rte_is_valid_assigned_ether_addr(mac) && arp->sender.bytes[0] < 224 &&
	       arp->sender.bytes[0] != 127;
}

static void
arp_send(struct neigh_table *t, const struct port *p, const uint8_t mac[6], uint16_t operation,
	const struct ip_addr *sender, const struct ip_addr *target)
{
	struct rte_arp_hdr *h;
	struct rte_mbuf *m = neigh_frame(t, p, mac, RTE_ETHER_TYPE_ARP, sizeof(*h));

	if (!m)
		return; /* a question is asked again, by us or by the neighbour */
	h = rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, p->header_bytes);
	h->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	h->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	h->arp_hlen = 6;
	h->arp_plen = 4;
	h->arp_opcode = rte_cpu_to_be_16(operation);
	h->arp_data.arp_sha = p->mac;
	h->arp_data.arp_sip = address_be(sender);
	h->arp_data.arp_tip = address_be(target);
	/* A question leaves open what it asks for. */
	memset(&h->arp_data.arp_tha, 0, 6);
	if (operation == RTE_ARP_OP_REPLY)
		memcpy(&h->arp_data.arp_tha, mac, 6);
	t->ops.send_frame(t->arg, p->index, m);
}

void
neigh_arp_solicit(struct neigh_table *t, const struct port *p, const struct ip_addr *target,
	const uint8_t *mac)
{
	struct ip_addr source = neigh_source(p, target);

	arp_send(t, p, mac ? mac : broadcast, RTE_ARP_OP_REQUEST, &source, target);
}

/* RFC 5227 2.3: a request for our own address. */
void
neigh_arp_announce(struct neigh_table *t, const struct port *p, const struct ip_addr *addr)
{
	arp_send(t, p, broadcast, RTE_ARP_OP_REQUEST, addr, addr);
}

static void
arp_handle(struct neigh_table *t, const struct port *p, const struct arp *arp)
{
	bool for_us = neigh_is_ours(p, &arp->target);
	bool request = arp->operation == RTE_ARP_OP_REQUEST;

	if (neigh_is_ours(p, &arp->sender)) {
		neigh_conflict(t, p, &arp->sender);
		return;
	}
	if (!ip_addr_is_unspecified(&arp->sender))
		neigh_learn(t,
			&(struct neigh_evidence){.port = p->index,
				.addr = arp->sender,
				.mac = arp->sender_mac,
				.solicited = for_us && !request,
				.override = true,
				.create = for_us && request && neigh_is_on_link(p, &arp->sender)});
	if (for_us && request)
		arp_send(t, p, arp->sender_mac, RTE_ARP_OP_REPLY, &arp->target, &arp->sender);
}

void
neigh_arp_input(struct neigh_table *t, struct rte_mbuf *m, uint64_t now_ms)
{
	uint16_t port = pkt(m)->port;
	enum drop_reason why = DROP_arp_invalid;
	struct arp arp;

	t->now_ms = now_ms;
	if (port < t->ports->count && arp_read(m, &arp)) {
		const struct port *p = t->ports->ports[port];

		why = DROP_local_handled;
		/* What a hub or a loop gives back to us says nothing. */
		if (memcmp(arp.sender_mac, p->mac.addr_bytes, 6) != 0)
			arp_handle(t, p, &arp);
	}
	t->ops.drop(t->arg, m, why);
}
