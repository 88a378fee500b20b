/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "changing.h"

/* What the tests' flows leave to the site. */
static struct changing_flow
whole(const struct changing_flow *flow)
{
	struct changing_flow f = *flow;

	if (!f.local)
		f.local = site_kinds[f.n].local;
	if (!f.remote)
		f.remote = site_kinds[f.n].remote;
	if (!f.spi_out)
		f.spi_out = 0x1000 + f.n;
	if (!f.spi_in)
		f.spi_in = 0x2000 + f.n;
	if (!f.key_out)
		f.key_out = (uint8_t)(0xc0 + f.n);
	if (!f.key_in)
		f.key_in = (uint8_t)(0xd0 + f.n);
	return f;
}

static bool
equal(const struct packet *a, const struct packet *b)
{
	return a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

/* Whether an envelope has these ends. */
static bool
is_between(const struct packet *p, const char *src, const char *dst)
{
	bool v4 = *p->bytes >> 4 == 4;
	struct ip_addr a, b;

	if (ip_addr_parse(src, &a) != 0 || ip_addr_parse(dst, &b) != 0)
		return false;
	return a.family == *p->bytes >> 4 &&
	       memcmp(p->bytes + (v4 ? 12 : 8), a.bytes, v4 ? 4 : 16) == 0 &&
	       memcmp(p->bytes + (v4 ? 16 : 24), b.bytes, v4 ? 4 : 16) == 0;
}

void
changing_out(
	struct stage_fixture *f, struct peer *peer, struct changing_flow *flow, const char *what)
{
	static struct packet raw, got, inner;
	const struct changing_flow w = whole(flow);
	struct esp_row esp = {.key = w.key_out, .esn = site_kinds[w.n].esn};
	char far[INET_ADDRSTRLEN];
	const struct packet_row row = {
		.src = "192.168.1.10", .dst = far, .src_port = (uint16_t)(1 + flow->out)};

	snprintf(far, sizeof(far), "192.168.2%u.9", w.n);
	packet_ip(&raw, &row);
	stage_fixture_send(f, SITE_RING_LAN, SITE_LAN, &raw);
	if (!stage_fixture_take_packet(f, SITE_RING_WAN, &got)) {
		stage_check(f, false, "%s: tunnel %u, out: nothing is sent", what, w.n);
		return;
	}
	flow->out++;
	packet_forward(&raw);
	stage_check(
		f, is_between(&got, w.local, w.remote), "%s: tunnel %u, out: the ends", what, w.n);
	stage_check(f, peer_open(peer, &esp, &got, &inner) && equal(&inner, &raw),
		"%s: tunnel %u, out: not the packet, or another key", what, w.n);
	stage_check(f, esp.spi == w.spi_out, "%s: tunnel %u, out: SPI %x", what, w.n, esp.spi);
	stage_check(f, esp.seq == flow->out, "%s: tunnel %u, out: number %lu, not %lu", what, w.n,
		esp.seq, flow->out);
	stage_check(f, stage_fixture_discard(f) == 0, "%s: tunnel %u, out: too much", what, w.n);
}

bool
changing_in_passes(struct stage_fixture *f, struct peer *peer, const struct changing_flow *flow)
{
	static struct packet raw, esp, envelope, got;
	const struct changing_flow w = whole(flow);
	const struct esp_row seal = {
		.key = w.key_in, .spi = w.spi_in, .seq = w.in, .esn = site_kinds[w.n].esn};
	const struct packet_row outer = {.src = w.remote,
		.dst = w.local,
		.proto = site_kinds[w.n].udp ? IPPROTO_UDP : IPPROTO_ESP,
		.src_port = 4500,
		.dst_port = 4500};
	char far[INET_ADDRSTRLEN];
	const struct packet_row row = {
		.src = far, .dst = "192.168.1.10", .src_port = (uint16_t)(1 + w.in)};
	bool passes;

	snprintf(far, sizeof(far), "192.168.2%u.9", w.n);
	packet_ip(&raw, &row);
	peer_seal(peer, &seal, &raw, &esp);
	packet_wrap(&envelope, &outer, &esp);
	stage_fixture_send(f, SITE_RING_WAN, SITE_WAN, &envelope);
	packet_forward(&raw);
	passes = stage_fixture_take_packet(f, SITE_RING_LAN, &got) && equal(&got, &raw);
	stage_check(f, stage_fixture_discard(f) == 0, "tunnel %u, in: too much", w.n);
	return passes;
}

void
changing_in(
	struct stage_fixture *f, struct peer *peer, struct changing_flow *flow, const char *what)
{
	flow->in++;
	stage_check(f, changing_in_passes(f, peer, flow),
		"%s: tunnel %u, in: nothing, or not the packet", what, flow->n);
	/* the window is where it was */
	stage_check(f, !changing_in_passes(f, peer, flow), "%s: tunnel %u, in: a copy passes", what,
		flow->n);
}

void
changing_both(
	struct stage_fixture *f, struct peer *peer, struct changing_flow *flow, const char *what)
{
	changing_out(f, peer, flow, what);
	changing_in(f, peer, flow, what);
}
