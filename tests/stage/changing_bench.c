/* SPDX-License-Identifier: BSD-3-Clause */
#include "changing_bench.h"

#include "gateway_objects.h"
#include "unit.h"

void
changing_traffic(struct changing_bench *b, const char *what)
{
	for (unsigned int i = 0; i < SITE_KINDS; i++)
		changing_both(&b->f, b->peer, &b->flows[i], what);
}

static void
bench_open(struct changing_bench *b, const char *engine)
{
	static const char address[] = "\"203.0.113.1/24\",", more[] = " \"203.0.113.7/24\",";
	static char config[sizeof(SITE) + sizeof(more)];
	const char *at = strstr(SITE, address) + strlen(address);

	*b = (struct changing_bench){.peer = b->peer};
	for (unsigned int i = 0; i < SITE_KINDS; i++)
		b->flows[i].n = i;
	/* one more address, to which tunnels may move */
	snprintf(config, sizeof(config), "%.*s%s%s", (int)(at - SITE), SITE, more, at);
	stage_fixture_open(&b->f,
		&(struct stage_setup){.config = config, .engine = engine, .rings = SITE_RINGS});
	changing_traffic(b, "before");
}

void
changing_run(void (*const *checks)(struct changing_bench *b), size_t n)
{
	static struct changing_bench b;

	b.peer = peer_create();
	for (int e = 0; stage_engines[e]; e++)
		for (size_t i = 0; i < n; i++) {
			bench_open(&b, stage_engines[e]);
			checks[i](&b);
			assert_int_equal(stage_fixture_close(&b.f), 0);
		}
	peer_destroy(b.peer);
}

void
changing_commit(struct changing_bench *b, const char *const *calls)
{
	struct error err = {""};

	stage_check(&b->f, changing_batch(b->f.g, calls, &err) == 0, "%s: %s", calls[0], err.text);
	changing_settle(&b->f);
	stage_fixture_discard(&b->f);
}

void
changing_refused(struct changing_bench *b, const char *call, int rc, const char *text)
{
	const char *const calls[] = {call, NULL};
	struct error err = {""};
	int got = changing_batch(b->f.g, calls, &err);

	stage_check(&b->f, got == rc && strstr(err.text, text), "%s: %d, %s", call, got, err.text);
}

struct tunnel *
changing_tunnel(struct changing_bench *b, const char *name)
{
	return gateway_tunnel_find(b->f.g, name);
}

struct gateway_sa *
changing_sa(struct changing_bench *b, enum sa_direction direction, uint32_t spi)
{
	bool ambiguous;

	return gateway_sa_find(b->f.g, direction, spi, TUNNEL_NONE, &ambiguous);
}

static void
send_to(struct changing_bench *b, const char *dst)
{
	static struct packet p;
	const struct packet_row row = {.src = "192.168.1.10", .dst = dst};

	packet_ip(&p, &row);
	stage_fixture_send(&b->f, SITE_RING_LAN, SITE_LAN, &p);
}

void
changing_dropped(struct changing_bench *b, const char *what, const char *dst, enum drop_reason why)
{
	uint64_t before = stage_fixture_drops(&b->f, why);
	struct rte_mbuf *m;

	send_to(b, dst);
	stage_check(&b->f, stage_fixture_drops(&b->f, why) == before + 1, "%s: not dropped as %s",
		what, drop_name(why));
	m = stage_fixture_take(&b->f, SITE_RING_WAN);
	stage_check(&b->f, !m, "%s: something is sent", what);
	rte_pktmbuf_free(m);
	stage_fixture_discard(&b->f); /* the ICMP error */
}

void
changing_goes_into(struct changing_bench *b, const char *what, const char *dst, unsigned int n)
{
	static struct packet got, inner;
	struct esp_row esp = {.key = (uint8_t)(0xc0 + n), .esn = site_kinds[n].esn};

	send_to(b, dst);
	stage_check(&b->f,
		stage_fixture_take_packet(&b->f, SITE_RING_WAN, &got) &&
			peer_open(b->peer, &esp, &got, &inner) && esp.seq == ++b->flows[n].out,
		"%s: to %s: not in tunnel %u", what, dst, n);
	stage_check(&b->f, stage_fixture_discard(&b->f) == 0, "%s: something else as well", what);
}
