/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The audit records of RFC 4301 and 4303: reason, time, SPI, sequence number, addresses. The
 * workers limit their rate. In the log as espgw.audit at level notice.
 */

#include <time.h>

#include <rte_esp.h>

#include "internal.h"
#include "ip.h"

/* What a record says. */
struct record {
	struct ip_addr src, dst;
	uint32_t spi, seq;
};

static void
read_esp(const struct rte_mbuf *m, uint32_t offset, struct record *r)
{
	struct rte_esp_hdr copy;
	const struct rte_esp_hdr *esp = rte_pktmbuf_read(m, offset, sizeof(copy), &copy);

	if (!esp)
		return;
	r->spi = rte_be_to_cpu_32(esp->spi);
	r->seq = rte_be_to_cpu_32(esp->seq);
}

/* By how far the packet had come when it died: at the outer header, at the ESP header, or
 * decapsulated. */
static struct record
read_packet(const struct gateway *g, struct rte_mbuf *m, enum drop_reason why)
{
	const struct pkt *p = pkt(m);
	struct record r = {0};
	const struct tunnel *t;

	switch (why) {
	case DROP_esp_unknown_spi:
	case DROP_esp_address:
	case DROP_esp_carrier:
		r.src = ip_src(m);
		r.dst = ip_dst(m);
		read_esp(m, p->l4_offset, &r);
		return r;
	case DROP_selector_in:
		r.src = ip_src(m);
		r.dst = ip_dst(m);
		r.spi = rte_be_to_cpu_32(p->sa_spi_be);
		r.seq = (uint32_t)p->seq;
		return r;
	default:
		read_esp(m, 0, &r);
		t = tunnel_get(g->tables.tunnels, p->tunnel, p->tunnel_generation);
		if (t) {
			r.src = t->config.remote;
			r.dst = t->config.local;
		}
		return r;
	}
}

void
audit_record(const struct gateway *g, struct rte_mbuf *m)
{
	enum drop_reason why = (enum drop_reason)pkt(m)->argument;
	struct record r = read_packet(g, m, why);
	char src[IP_ADDR_STRLEN], dst[IP_ADDR_STRLEN], when[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	log_notice(audit, "%s %s: SPI 0x%08x sequence %u from %s to %s (%s)", when, drop_name(why),
		r.spi, r.seq, ip_addr_format(&r.src, src), ip_addr_format(&r.dst, dst),
		drop_text(why));
	if (g->look.watcher.watch)
		watch_end(&g->look.watcher, m);
	rte_pktmbuf_free(m);
}
