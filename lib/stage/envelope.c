/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>

#include <rte_esp.h>
#include <rte_udp.h>

#include "ip.h"
#include "stage.h"

/* A packet that is whole, and one that was whole and is none, are chains of their fragments. */
static void
look_joined(const struct worker *w, struct rte_mbuf *whole, struct rte_mbuf **dead, uint16_t n_dead)
{
	if (whole)
		watch_joined(&w->watcher, whole, true);
	for (uint16_t i = 0; i < n_dead; i++)
		watch_joined(&w->watcher, dead[i], false);
}

/* The whole packet, when this was its last missing part. */
static struct rte_mbuf *
reassemble(struct worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *dead[FRAG_MAX];
	uint16_t n_dead = 0;
	enum drop_reason why = DROP_reassembly_bad;

	if (w->watcher.watch)
		watch_note(&w->watcher, TRACE_fragment, &m, 1);
	m = reassembly_add(w->reassembly, m, w->now_tsc, dead, &n_dead, &why);
	if (w->watcher.watch)
		look_joined(w, m, dead, n_dead);
	if (n_dead)
		drop_bulk(w, dead, n_dead, why);
	return m;
}

static bool
is_tunnel_udp_port(const struct tables *t, rte_be16_t port_be)
{
	uint16_t port = rte_be_to_cpu_16(port_be);

	return t->udp_ports[port / 64] >> (port % 64) & 1;
}

/*
 * RFC 3948 2.2 to 2.4: what a datagram to a carrier port is. DROP_NONE for ESP, l4_offset then
 * being that of the ESP header; else how it ends here.
 */
static enum drop_reason
udp_carrier(struct rte_mbuf *m)
{
	/* ESP header and the longest IV: nobody pulls them later, which could move them over the
	 * outer headers, and these are looked at again (stage_outer_header) */
	enum { AHEAD = sizeof(struct rte_esp_hdr) + CRYPTO_NONCE_MAX };
	struct pkt *p = pkt(m);
	uint32_t available = m->pkt_len - p->l4_offset, copy;
	const struct rte_udp_hdr *udp;
	const uint8_t *payload;

	udp = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, p->l4_offset);
	if (rte_be_to_cpu_16(udp->dgram_len) != available)
		return DROP_udp_length;
	if (p->family == 6) {
		if (udp->dgram_cksum == 0)
			return DROP_udp_checksum;
		if (!(p->flags & PKT_CHECKSUM_GOOD) && ip_l4_checksum(m) != 0)
			return DROP_udp_checksum;
	}
	payload = rte_pktmbuf_read(m, p->l4_offset + sizeof(*udp), 1, &copy);
	if (payload && available == sizeof(*udp) + 1 && *payload == 0xff)
		return DROP_udp_keepalive;
	if (available < sizeof(*udp) + sizeof(struct rte_esp_hdr) ||
		!pkt_pull(m, (uint16_t)(p->l4_offset + RTE_MIN(available, sizeof(*udp) + AHEAD))))
		return DROP_esp_truncated;
	if (rte_pktmbuf_mtod_offset(m, const struct rte_esp_hdr *, p->l4_offset + sizeof(*udp))
			->spi == 0)
		return DROP_udp_ike;
	p->l4_offset += sizeof(*udp);
	return DROP_NONE;
}

/* true: not an envelope; goes on to policy. */
static bool
envelope_one(struct worker *w, struct rte_mbuf *m)
{
	struct pkt *p = pkt(m);
	enum drop_reason why;

	switch (p->proto) {
	case IPPROTO_ESP:
		burst_add(&w->esp_in, m);
		return false;
	case IPPROTO_UDP:
		if (!is_tunnel_udp_port(w->tables, p->dst_port_be))
			return true;
		why = udp_carrier(m);
		if (why == DROP_NONE)
			burst_add(&w->esp_in, m);
		else
			drop(w, m, why);
		return false;
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		drop(w, m, DROP_plaintext_ipip);
		return false;
	default:
		return true;
	}
}

bool
stage_envelope(struct worker *w, struct rte_mbuf **m)
{
	if (pkt(*m)->flags & PKT_FRAGMENT)
		*m = reassemble(w, *m);
	return *m && envelope_one(w, *m);
}
