/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mempool.h>

#include "../eal.h"
#include "../unit.h"
#include "counter.h"
#include "sizes.h"
#include "spd.h"

enum { PACKETS = 512, NONE = UINT32_MAX };

static struct rte_mempool *
pool_of(void **state)
{
	return *state;
}

static int
setup(void **state)
{
	*state = rte_pktmbuf_pool_create(
		"packets", PACKETS, 0, PKT_PRIV_SIZE, 256 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return *state ? 0 : -1;
}

static int
teardown(void **state)
{
	assert_int_equal(rte_mempool_avail_count(pool_of(state)), PACKETS);
	rte_mempool_free(pool_of(state));
	return 0;
}

struct packet {
	const char *src, *dst;
	uint8_t proto;
	uint16_t src_port, dst_port; /* ICMP: type, code */
	uint8_t flags;
};

static void
write_view(struct rte_mbuf *m, const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
	uint16_t src_port, uint16_t dst_port, uint8_t flags)
{
	bool icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
	bool later = flags & PKT_LATER_FRAGMENT;
	struct pkt *p = pkt(m);

	memset(p, 0, sizeof(*p));
	p->family = src->family;
	p->proto = proto;
	p->flags = flags;
	if (icmp && !later)
		p->src_port_be = rte_cpu_to_be_16((uint16_t)(src_port << 8 | dst_port));
	if (!icmp && !later) {
		p->src_port_be = rte_cpu_to_be_16(src_port);
		p->dst_port_be = rte_cpu_to_be_16(dst_port);
	}
	if (src->family == 4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_append(m, sizeof(*ip));

		memcpy(&ip->src_addr, src->bytes, 4);
		memcpy(&ip->dst_addr, dst->bytes, 4);
	} else {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)rte_pktmbuf_append(m, sizeof(*ip));

		memcpy(ip->src_addr, src->bytes, 16);
		memcpy(ip->dst_addr, dst->bytes, 16);
	}
}

static struct rte_mbuf *
make_packet(struct rte_mempool *pool, const struct packet *k)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct ip_addr src, dst;

	assert_non_null(m);
	assert_int_equal(ip_addr_parse(k->src, &src), 0);
	assert_int_equal(ip_addr_parse(k->dst, &dst), 0);
	write_view(m, &src, &dst, k->proto, k->src_port, k->dst_port, k->flags);
	return m;
}

/* "10.0.0.0/8", "10.0.0.1-10.0.0.9", or "any" */
static struct ip_range
range(const char *text)
{
	struct ip_range r = {0};
	struct ip_prefix p;
	char copy[128];

	if (strcmp(text, "any") == 0)
		return r;
	snprintf(copy, sizeof(copy), "%s", text);
	char *dash = strchr(copy, '-');
	if (dash) {
		*dash = '\0';
		assert_int_equal(ip_addr_parse(copy, &r.first), 0);
		assert_int_equal(ip_addr_parse(dash + 1, &r.last), 0);
		return r;
	}
	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return ip_prefix_range(&p);
}

#define ANY_PORT                                                                                   \
	{                                                                                          \
		0, 65535                                                                           \
	}

struct policy {
	uint32_t priority;
	enum spd_action action;
	const char *local, *remote;
	int16_t protocol;
	struct port_range local_port, remote_port;
};

static const struct policy policies[] = {
	/* 0 */ {10, SPD_PROTECT, "192.168.1.0/24", "192.168.2.0/24", -1, ANY_PORT, ANY_PORT},
	/* 1 */ {5, SPD_DISCARD, "192.168.1.66/32", "any", -1, ANY_PORT, ANY_PORT},
	/* 2 */ {20, SPD_BYPASS, "any", "any", IPPROTO_ICMP, {8, 8}, {0, 0}},
	/* 3 */ {20, SPD_DISCARD, "any", "any", IPPROTO_ICMP, ANY_PORT, ANY_PORT},
	/* 4 */ {30, SPD_BYPASS, "10.0.0.7-10.0.1.3", "any", IPPROTO_TCP, {80, 443}, ANY_PORT},
	/* 5 */
	{30, SPD_PROTECT, "2001:db8::5-2001:db8:0:1::3", "fd00::/8", -1, ANY_PORT, {500, 500}},
	/* 6 */ {40, SPD_BYPASS, "any", "any", IPPROTO_UDP, ANY_PORT, {53, 53}},
	/* 7 */ {50, SPD_BYPASS, "any", "172.16.0.0/12", -1, {0, 65534}, ANY_PORT},
};

static const struct row {
	struct packet packet;
	bool outbound;
	uint32_t policy;
	const char *why;
} rows[] = {
	{{"192.168.1.1", "192.168.2.1", 6, 1, 2, 0}, true, 0, "source is local"},
	{{"192.168.2.1", "192.168.1.1", 6, 1, 2, 0}, false, 0, "destination is local"},
	{{"192.168.2.1", "192.168.1.1", 6, 1, 2, 0}, true, NONE, "wrong direction"},
	{{"192.168.1.66", "192.168.2.1", 6, 1, 2, 0}, true, 1,
		"a lower priority is looked at first"},
	{{"1.1.1.1", "192.168.1.66", 6, 1, 2, 0}, false, 1, "any remote"},
	{{"1.1.1.1", "2.2.2.2", 1, 8, 0, 0}, true, 2, "echo request"},
	{{"1.1.1.1", "2.2.2.2", 1, 8, 0, 0}, false, 2, "type and code have no direction"},
	{{"1.1.1.1", "2.2.2.2", 1, 0, 0, 0}, true, 3, "echo reply: the equal one given next"},
	{{"1.1.1.1", "2.2.2.2", 1, 8, 0, PKT_LATER_FRAGMENT | PKT_FRAGMENT}, true, 3,
		"no type in a later fragment"},
	{{"10.0.0.7", "2.2.2.2", 6, 80, 9, 0}, true, 4, "both first ends"},
	{{"10.0.1.3", "2.2.2.2", 6, 443, 9, PKT_FRAGMENT}, true, 4, "both last ends, a fragment"},
	{{"10.0.0.200", "2.2.2.2", 6, 100, 9, PKT_LATER_FRAGMENT}, true, NONE, "no ports known"},
	{{"10.0.0.6", "2.2.2.2", 6, 80, 9, 0}, true, NONE, "below the range"},
	{{"10.0.1.4", "2.2.2.2", 6, 80, 9, 0}, true, NONE, "above the range"},
	{{"10.0.0.8", "2.2.2.2", 6, 79, 9, 0}, true, NONE, "port below"},
	{{"10.0.0.8", "2.2.2.2", 6, 444, 9, 0}, true, NONE, "port above"},
	{{"10.0.0.8", "2.2.2.2", 17, 80, 9, 0}, true, NONE, "another protocol"},
	{{"2.2.2.2", "10.0.0.8", 6, 9, 80, 0}, false, 4,
		"inbound: the local port is the destination's"},
	{{"2001:db8::5", "fd00::1", 17, 9, 500, 0}, true, 5, "first end"},
	{{"2001:db8:0:1::3", "fdff::1", 17, 9, 500, 0}, true, 5, "last end"},
	{{"2001:db8::8000:0:0:4", "fd00::1", 6, 9, 500, 0}, true, 5, "between"},
	{{"2001:db8::4", "fd00::1", 17, 9, 500, 0}, true, NONE, "below"},
	{{"2001:db8:0:1::4", "fd00::1", 17, 9, 500, 0}, true, NONE, "above"},
	{{"2001:db8::5", "fd00::1", 50, 0, 0, 0}, true, NONE, "a protocol without ports"},
	{{"2001:db8::5", "fe00::1", 17, 9, 53, 0}, true, 6, "any is both families"},
	{{"5.5.5.5", "6.6.6.6", 17, 9, 53, 0}, true, 6, "any is both families"},
	{{"5.5.5.5", "172.16.0.1", 17, 65534, 5, 0}, true, 7, "protocol any, a port named"},
	{{"5.5.5.5", "172.16.0.1", 17, 65535, 5, 0}, true, NONE, "protocol any, another port"},
	{{"5.5.5.5", "172.16.0.1", 50, 0, 5, 0}, true, NONE, "protocol any, no port there"},
};

static struct spd_policy
to_policy(const struct policy *p)
{
	return (struct spd_policy){.priority = p->priority,
		.action = p->action,
		.tunnel = p->action == SPD_PROTECT ? p->priority + 1000 : 0,
		.selector = {range(p->local), range(p->remote), p->protocol, p->local_port,
			p->remote_port}};
}

static void
test_rows(void **state)
{
	struct spd_policy list[RTE_DIM(policies)];
	struct error err;

	for (size_t i = 0; i < RTE_DIM(policies); i++)
		list[i] = to_policy(&policies[i]);
	struct spd *spd = spd_build(list, RTE_DIM(list), 2, SOCKET_ID_ANY, &err);
	assert_non_null(spd);
	assert_int_equal(spd_count(spd), RTE_DIM(list));
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct rte_mbuf *m = make_packet(pool_of(state), &rows[i].packet);
		struct spd_result r;

		spd_classify(spd, &m, 1, rows[i].outbound, &r);
		uint32_t got = r.action == SPD_NO_MATCH ? NONE : r.policy;
		if (got != rows[i].policy)
			fail_msg("row %zu: policy %d, not %d: %s", i, (int)got, (int)rows[i].policy,
				rows[i].why);
		if (got != NONE && (r.action != list[got].action || r.tunnel != list[got].tunnel))
			fail_msg("row %zu: action %u, tunnel %u", i, r.action, r.tunnel);
		rte_pktmbuf_free(m);
	}
	spd_destroy(spd);
}

static void
test_hits(void **state)
{
	struct spd_policy list[] = {to_policy(&policies[0]), to_policy(&policies[1])};
	struct counter sum;
	struct error err;
	struct spd *spd = spd_build(list, 2, 3, SOCKET_ID_ANY, &err);

	(void)state;
	assert_non_null(spd);
	spd_hit(spd, 0, 1, 100);
	spd_hit(spd, 2, 1, 50);
	spd_hit(spd, 2, 1, 7);
	spd_hits_get(spd, 1, &sum);
	assert_int_equal(sum.packets, 3);
	assert_int_equal(sum.bytes, 157);
	spd_hits_get(spd, 0, &sum);
	assert_int_equal(sum.packets, 0);
	spd_destroy(spd);
}

static void
test_refusals(void **state)
{
	struct spd_policy p = to_policy(&policies[0]), bad = p;
	struct error err;

	(void)state;
	bad.action = SPD_NO_MATCH;
	assert_null(spd_build(&bad, 1, 1, SOCKET_ID_ANY, &err));
	bad = p;
	bad.selector.local.last = p.selector.local.first;
	bad.selector.local.first = p.selector.local.last;
	assert_null(spd_build(&bad, 1, 1, SOCKET_ID_ANY, &err));
	assert_non_null(strstr(err.text, "policy 0"));
	bad = p;
	bad.selector.local_port = (struct port_range){2, 1};
	assert_null(spd_build(&bad, 1, 1, SOCKET_ID_ANY, &err));
	bad = p;
	bad.selector.remote.last.family = 6;
	assert_null(spd_build(&bad, 1, 1, SOCKET_ID_ANY, &err));
	assert_null(spd_build(&p, 1, WORKERS_MAX + 1, SOCKET_ID_ANY, &err));
}

/* Addresses close together, with edges of words and bytes among them. */
static struct ip_addr
random_addr(uint8_t family)
{
	static const uint8_t alphabet[] = {0, 1, 2, 0x7f, 0x80, 0xff};
	struct ip_addr a = {.family = family};
	int bytes = family == 4 ? 4 : 16;

	for (int i = 0; i < bytes; i++) {
		bool fixed = family == 6 && i > 0 && i % 4 < 2;

		a.bytes[i] = fixed ? 0 : alphabet[random() % 6];
	}
	a.bytes[0] = family == 4 ? 10 : 0xfd;
	return a;
}

static struct ip_range
random_range(uint8_t family)
{
	struct ip_addr a = random_addr(family), b = random_addr(family);
	struct ip_prefix p = {a, (uint8_t)(random() % (ip_addr_bits(&a) + 1))};

	switch (random() % 6) {
	case 0:
	case 1:
		return (struct ip_range){0};
	case 2:
	case 3:
		return ip_addr_compare(&a, &b) <= 0 ? (struct ip_range){a, b}
						    : (struct ip_range){b, a};
	case 4:
		return (struct ip_range){a, a};
	default:
		return ip_prefix_range(&p);
	}
}

static struct port_range
random_ports(void)
{
	uint16_t a = (uint16_t)(random() % 12), b = (uint16_t)(random() % 12);

	if (random() % 4 != 0)
		return (struct port_range)ANY_PORT;
	return a <= b ? (struct port_range){a, b} : (struct port_range){b, a};
}

static const int16_t protocols[] = {-1, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP,
	IPPROTO_ICMPV6, IPPROTO_ESP, 59, 255, 0};

static void
random_policies(struct spd_policy *list, uint32_t n, const uint8_t *families, uint32_t n_families)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t family = families[random() % n_families];

		list[i] = (struct spd_policy){.priority = (uint32_t)random() % 20,
			.action = SPD_DISCARD + random() % 3,
			.tunnel = i,
			.selector = {random_range(family), random_range(family),
				protocols[random() % 6], random_ports(), random_ports()}};
	}
}

static uint32_t
naive(const struct spd_policy *list, uint32_t n, const struct rte_mbuf *m, bool outbound)
{
	uint32_t best = NONE;

	for (uint32_t i = 0; i < n; i++) {
		if (best != NONE && list[best].priority <= list[i].priority)
			continue;
		if (selector_match(&list[i].selector, m, outbound))
			best = i;
	}
	return best;
}

static void
random_packet(struct rte_mbuf *m)
{
	static const uint8_t flags[] = {0, 0, PKT_FRAGMENT, PKT_FRAGMENT | PKT_LATER_FRAGMENT};
	uint8_t family = random() % 2 ? 4 : 6;
	struct ip_addr src = random_addr(family), dst = random_addr(family);

	rte_pktmbuf_reset(m);
	write_view(m, &src, &dst, (uint8_t)protocols[1 + random() % 9], (uint16_t)(random() % 13),
		(uint16_t)(random() % 13), flags[random() % 4]);
}

static void
test_random(void **state)
{
	static const struct {
		uint32_t policies, families;
		uint8_t family[2];
	} sets[] = {{0, 2, {4, 6}}, {1, 2, {4, 6}}, {10, 1, {4}}, {10, 1, {6}}, {40, 2, {4, 6}},
		{40, 2, {4, 6}}, {150, 2, {4, 6}}};
	struct rte_mbuf *pkts[BURST_MAX];
	struct spd_policy list[150];
	uint32_t matched = 0;

	assert_int_equal(rte_pktmbuf_alloc_bulk(pool_of(state), pkts, BURST_MAX), 0);
	for (size_t s = 0; s < RTE_DIM(sets); s++) {
		struct error err = {.text = ""};

		random_policies(list, sets[s].policies, sets[s].family, sets[s].families);
		struct spd *spd = spd_build(list, sets[s].policies, 1, SOCKET_ID_ANY, &err);
		if (!spd)
			fail_msg("set %zu: %s", s, err.text);
		for (int round = 0; round < 40; round++) {
			struct spd_result results[BURST_MAX];
			bool outbound = round % 2;
			uint16_t n = (uint16_t)(1 + random() % BURST_MAX);

			for (uint16_t i = 0; i < n; i++)
				random_packet(pkts[i]);
			spd_classify(spd, pkts, n, outbound, results);
			for (uint16_t i = 0; i < n; i++) {
				uint32_t right = naive(list, sets[s].policies, pkts[i], outbound);
				uint32_t got = results[i].action == SPD_NO_MATCH
						       ? NONE
						       : results[i].policy;

				if (got != right)
					fail_msg("set %zu, round %d, packet %u: policy %d, not %d",
						s, round, i, (int)got, (int)right);
				matched += right != NONE;
			}
		}
		spd_destroy(spd);
	}
	print_message("%u packets matched\n", matched);
	assert_true(matched > 5000);
	rte_pktmbuf_free_bulk(pkts, BURST_MAX);
}

/* Pairs of subnets, as gateways have them; how long it takes is for the reader. */
static void
test_build_time(void **state)
{
	enum { N = 1000 };
	struct spd_policy *list = calloc(N, sizeof(*list));
	struct rte_mbuf *m = make_packet(
		pool_of(state), &(struct packet){"10.1.244.9", "172.17.244.1", 6, 1, 2, 0});
	struct spd_result r;
	struct error err = {.text = ""};

	for (uint32_t i = 0; i < N; i++) {
		struct ip_prefix local = {ip_addr_v4(0x0a000000 + (i << 8)), 24};
		struct ip_prefix remote = {ip_addr_v4(0xac100000 + (i << 8)), 24};

		list[i] = (struct spd_policy){.priority = i,
			.action = SPD_PROTECT,
			.tunnel = i,
			.selector = {ip_prefix_range(&local), ip_prefix_range(&remote), -1,
				ANY_PORT, ANY_PORT}};
	}
	uint64_t start = rte_get_timer_cycles();
	struct spd *spd = spd_build(list, N, 1, SOCKET_ID_ANY, &err);
	if (!spd)
		fail_msg("%s", err.text);
	print_message("%u policies built in %" PRIu64 " ms\n", N,
		(rte_get_timer_cycles() - start) * 1000 / rte_get_timer_hz());
	spd_classify(spd, &m, 1, true, &r);
	assert_int_equal(r.action, SPD_PROTECT);
	assert_int_equal(r.policy, 256 + 244);
	rte_pktmbuf_free(m);
	spd_destroy(spd);
	free(list);
}

int
main(void)
{
#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		WITH_POOL(test_rows),
		WITH_POOL(test_hits),
		WITH_POOL(test_refusals),
		WITH_POOL(test_random),
		WITH_POOL(test_build_time),
	};

	srandom(1);
	test_eal_init("spd", 512);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
