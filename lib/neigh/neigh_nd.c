/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#include "ip.h"
#include "neigh_private.h"
#include "pkt.h"

enum {
	ND_SOLICIT = 135,
	ND_ADVERT = 136,
	ND_HOP_LIMIT = 255, /* nobody off the link can send it */
	ND_OPTION_SOURCE = 1,
	ND_OPTION_TARGET = 2,
	ND_BYTES_MAX = 1280,
};

enum nd_flags { ND_ROUTER = 0x80, ND_SOLICITED = 0x40, ND_OVERRIDE = 0x20 };

/* RFC 4861 4.3 and 4.4. */
struct nd_header {
	uint8_t type, code;
	uint16_t checksum_be;
	uint8_t flags, reserved[3];
	uint8_t target[16];
} __attribute__((packed));

/* RFC 4861 4.6.1, RFC 2464 6. */
struct nd_option {
	uint8_t type, length; /* in units of 8 bytes */
	uint8_t mac[6];
} __attribute__((packed));

/* As we send it. */
struct nd_message {
	struct rte_ipv6_hdr ip;
	struct nd_header nd;
	struct nd_option option;
} __attribute__((packed));

/* A message taken apart. */
struct nd {
	uint8_t type, flags;
	struct ip_addr src, dst, target;
	bool has_mac;
	uint8_t mac[6];
};

static const struct ip_addr all_nodes = {6, {0xff, 2, [15] = 1}};

static struct ip_addr
solicited_node(const struct ip_addr *target)
{
	struct ip_addr addr = {6, {0xff, 2, [11] = 1, [12] = 0xff}};

	memcpy(addr.bytes + 13, target->bytes + 13, 3);
	return addr;
}

/* RFC 2464 7. */
static void
multicast_mac(const struct ip_addr *group, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->bytes + 12, 4);
}

/* Walks the options; the first link-layer address of the wanted kind is taken. */
static bool
options_read(const uint8_t *at, uint32_t bytes, struct nd *nd)
{
	uint8_t wanted = nd->type == ND_SOLICIT ? ND_OPTION_SOURCE : ND_OPTION_TARGET;

	while (bytes > 0) {
		uint32_t length = bytes >= 2 ? at[1] * 8u : 0;

		if (length == 0 || length > bytes)
			return false;
		if (at[0] == wanted && length == sizeof(struct nd_option) && !nd->has_mac) {
			nd->has_mac = true;
			memcpy(nd->mac, at + 2, 6);
		}
		at += length;
		bytes -= length;
	}
	return !nd->has_mac || (!(nd->mac[0] & 1) && memcmp(nd->mac, "\0\0\0\0\0", 6) != 0);
}

/* The rules of RFC 4861 7.1.1 and 7.1.2 that are about addresses. */
static bool
addresses_valid(const struct nd *nd)
{
	struct ip_addr group = solicited_node(&nd->target);

	if (ip_addr_is_multicast(&nd->target) || ip_addr_is_multicast(&nd->src))
		return false;
	if (nd->type == ND_ADVERT)
		return !ip_addr_is_unspecified(&nd->src) &&
		       !(ip_addr_is_multicast(&nd->dst) && (nd->flags & ND_SOLICITED));
	if (ip_addr_is_unspecified(&nd->src))
		return !nd->has_mac && ip_addr_equal(&nd->dst, &group);
	return true;
}

static bool
nd_read(const struct rte_mbuf *m, const struct pkt *view, struct nd *nd)
{
	uint8_t copy[ND_BYTES_MAX];
	uint32_t bytes = rte_pktmbuf_pkt_len(m) - view->l4_offset;
	const struct nd_header *h;

	/* RFC 6980: never in fragments. */
	if (view->family != 6 || view->proto != IPPROTO_ICMPV6 || view->ttl != ND_HOP_LIMIT ||
		(view->flags & (PKT_FRAGMENT | PKT_REASSEMBLED)) || bytes < sizeof(*h) ||
		bytes > sizeof(copy))
		return false;
	h = rte_pktmbuf_read(m, view->l4_offset, bytes, copy);
	if (!h || (h->type != ND_SOLICIT && h->type != ND_ADVERT) || h->code != 0 ||
		ip_l4_checksum(m) != 0)
		return false;
	*nd = (struct nd){.type = h->type, .flags = h->flags, .src = ip_src(m), .dst = ip_dst(m)};
	nd->target.family = 6;
	memcpy(nd->target.bytes, h->target, 16);
	return options_read((const uint8_t *)(h + 1), bytes - (uint32_t)sizeof(*h), nd) &&
	       addresses_valid(nd);
}

static void
nd_send(struct neigh_table *t, const struct port *p, const uint8_t *mac, const struct nd *nd)
{
	struct nd_message *message;
	uint8_t group_mac[6];
	struct rte_mbuf *m;

	if (!mac) {
		multicast_mac(&nd->dst, group_mac);
		mac = group_mac;
	}
	m = neigh_frame(t, p, mac, RTE_ETHER_TYPE_IPV6, sizeof(*message));
	if (!m)
		return; /* a question is asked again, by us or by the neighbour */
	message = rte_pktmbuf_mtod_offset(m, struct nd_message *, p->header_bytes);
	memset(message, 0, sizeof(*message));
	message->ip.vtc_flow = RTE_BE32(6u << 28);
	message->ip.payload_len = RTE_BE16(sizeof(message->nd) + sizeof(message->option));
	message->ip.proto = IPPROTO_ICMPV6;
	message->ip.hop_limits = ND_HOP_LIMIT;
	memcpy(message->ip.src_addr, nd->src.bytes, 16);
	memcpy(message->ip.dst_addr, nd->dst.bytes, 16);
	message->nd.type = nd->type;
	message->nd.flags = nd->flags;
	memcpy(message->nd.target, nd->target.bytes, 16);
	message->option.type = nd->type == ND_SOLICIT ? ND_OPTION_SOURCE : ND_OPTION_TARGET;
	message->option.length = sizeof(message->option) / 8;
	memcpy(message->option.mac, p->mac.addr_bytes, 6);
	message->nd.checksum_be = rte_ipv6_udptcp_cksum(&message->ip, &message->nd);
	t->ops.send_frame(t->arg, p->index, m);
}

void
neigh_nd_solicit(struct neigh_table *t, const struct port *p, const struct ip_addr *target,
	const uint8_t *mac)
{
	struct nd nd = {.type = ND_SOLICIT,
		.src = neigh_source(p, target),
		.dst = mac ? *target : solicited_node(target),
		.target = *target};

	nd_send(t, p, mac, &nd);
}

/* RFC 4861 7.2.6: unsolicited. */
void
neigh_nd_announce(struct neigh_table *t, const struct port *p, const struct ip_addr *addr)
{
	struct nd nd = {.type = ND_ADVERT,
		.flags = ND_ROUTER | ND_OVERRIDE,
		.src = *addr,
		.dst = all_nodes,
		.target = *addr};

	nd_send(t, p, NULL, &nd);
}

static void
solicit_handle(struct neigh_table *t, const struct port *p, const struct nd *nd)
{
	struct nd reply = {.type = ND_ADVERT,
		.flags = ND_ROUTER | ND_SOLICITED | ND_OVERRIDE,
		.src = nd->target,
		.dst = nd->src,
		.target = nd->target};
	bool on_link = neigh_is_on_link(p, &nd->src);
	const uint8_t *mac = nd->has_mac ? nd->mac : NULL;

	if (!neigh_is_ours(p, &nd->target))
		return;
	/* Duplicate address detection: whoever asks has no address yet (RFC 4861 7.2.4). */
	if (ip_addr_is_unspecified(&nd->src)) {
		neigh_nd_announce(t, p, &nd->target);
		return;
	}
	if (mac)
		neigh_learn(t, &(struct neigh_evidence){.port = p->index,
				       .addr = nd->src,
				       .mac = mac,
				       .override = true,
				       .create = on_link});
	else if (on_link)
		mac = neigh_mac(t, p->index, &nd->src);
	/* Without it the neighbour is being asked for it, and asks again itself. */
	if (mac)
		nd_send(t, p, mac, &reply);
}

static void
nd_handle(struct neigh_table *t, const struct port *p, const struct nd *nd)
{
	if (nd->has_mac && memcmp(nd->mac, p->mac.addr_bytes, 6) == 0)
		return; /* our own, given back by a hub or a loop */
	if (nd->type == ND_SOLICIT && neigh_is_ours(p, &nd->src))
		neigh_conflict(t, p, &nd->src);
	else if (nd->type == ND_SOLICIT)
		solicit_handle(t, p, nd);
	else if (neigh_is_ours(p, &nd->target))
		neigh_conflict(t, p, &nd->target);
	else
		neigh_learn(t, &(struct neigh_evidence){.port = p->index,
				       .addr = nd->target,
				       .mac = nd->has_mac ? nd->mac : NULL,
				       .solicited = nd->flags & ND_SOLICITED,
				       .override = nd->flags & ND_OVERRIDE});
}

void
neigh_nd_input(struct neigh_table *t, struct rte_mbuf *m, uint64_t now_ms)
{
	const struct pkt *view = pkt(m);
	enum drop_reason why = DROP_nd_invalid;
	struct nd nd;

	t->now_ms = now_ms;
	if (view->port < t->ports->count && nd_read(m, view, &nd)) {
		why = DROP_local_handled;
		nd_handle(t, t->ports->ports[view->port], &nd);
	}
	t->ops.drop(t->arg, m, why);
}
