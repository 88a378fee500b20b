/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything in lib/net that looks into packets, on packets that nobody has looked at. An input is
 * a row of packets, each behind a struct recipe that says how it lies in memory; each segment
 * touches a forbidden page.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>

#include "eal.h"
#include "frag.h"
#include "golden.h"
#include "guard.h"
#include "icmp.h"
#include "ip.h"
#include "parse.h"
#include "selector.h"

enum { POOL_SIZE = 8191, PACKETS_MAX = 64 };

struct recipe {
	uint8_t flags; /* enum recipe_flag */
	uint8_t first, segment;
	uint8_t mtu; /* in 16 bytes */
	uint16_t length;
};

enum recipe_flag {
	GUARD_IN_FRONT = 1 << 0,
	CHECKSUM_GOOD = 1 << 1, /* spares the fuzzer to find out checksums */
	OUTBOUND = 1 << 2,
	ETH_MULTICAST = 1 << 3,
	LATE = 1 << 4, /* after the reassembly's time-out */
};

static struct {
	struct rte_mempool *pool;
	struct reassembly *arrived; /* takes the fragments of the input */
	struct reassembly *cut;     /* takes those of frag_split */
	uint64_t now_tsc;
} fuzz;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* Not assert(), which a release build leaves out. */
static void
must(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	test_eal_init("fuzz_parse", 64);
	fuzz.pool = rte_pktmbuf_pool_create(
		"fuzz", POOL_SIZE, 0, PKT_PRIV_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	fuzz.arrived = reassembly_create(4, 1000000, SOCKET_ID_ANY);
	fuzz.cut = reassembly_create(1, 1000000, SOCKET_ID_ANY);
	must(fuzz.pool && fuzz.arrived && fuzz.cut);
	return 0;
}

/* A chain whose numbers agree, and what pkt.h and parse.h promise of a parsed packet. */
static void
check_packet(const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	uint32_t length = 0;
	uint16_t segments = 0;

	for (const struct rte_mbuf *seg = m; seg; seg = seg->next) {
		length += seg->data_len;
		segments++;
	}
	must(length == m->pkt_len && segments == m->nb_segs);
	must(p->family == 4 || p->family == 6);
	must(p->l4_offset >= (p->family == 4 ? 20 : 40) && p->l4_offset <= m->pkt_len);
	must(m->data_len >= RTE_MIN(m->pkt_len, p->l4_offset + 8u));
}

static struct rte_mbuf *
build(const struct recipe *r, const uint8_t *bytes)
{
	/* Not more segments than the pool has, with those that wait for reassembly. */
	uint16_t segment = RTE_MAX(r->segment ? r->segment : UINT8_MAX, r->length / 64 + 1);
	struct rte_mbuf *m = guard_chain(fuzz.pool, bytes, r->length, r->first, segment,
		r->flags & GUARD_IN_FRONT ? GUARD_BEFORE : GUARD_AFTER);

	must(m);
	memset(pkt(m), 0, PKT_PRIV_SIZE);
	if (r->flags & CHECKSUM_GOOD)
		m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (r->flags & ETH_MULTICAST)
		pkt(m)->flags |= PKT_ETH_MULTICAST;
	return m;
}

/* NULL when the parser refuses it. */
static struct rte_mbuf *
build_parsed(const struct recipe *r, const uint8_t *bytes)
{
	struct rte_mbuf *m = build(r, bytes);

	if (parse_ip(m) != DROP_NONE) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	check_packet(m);
	return m;
}

static void
try_looks(struct rte_mbuf *m, bool outbound)
{
	struct ip_range any_v4 = {{.family = 4}, {.family = 4, .bytes = {255, 255, 255, 255}}};
	struct selector ports = {.local = any_v4, .protocol = -1, .local_port = {0, 1000}};
	struct selector hosts = {.local = {ip_src(m), ip_src(m)},
		.remote = {ip_dst(m), ip_dst(m)},
		.protocol = pkt(m)->proto,
		.local_port = {0, UINT16_MAX},
		.remote_port = {0, UINT16_MAX}};

	parse_martian(m);
	parse_is_link_scope(m);
	ip_l4_checksum(m);
	selector_match(&ports, m, outbound);
	must(selector_match(&hosts, m, true));
}

static void
try_error(struct rte_mbuf *m, enum icmp_error kind)
{
	struct ip_addr source = ip_dst(m);
	struct rte_mbuf *error;

	icmp_error_request(m, kind, 1400);
	icmp_error_allowed(m);
	error = icmp_error_create(m, &source, fuzz.pool);
	must(error);
	check_packet(error);
	must(ip_l4_checksum(error) == 0);
	rte_pktmbuf_free(error);
}

/* Changes the packet as forwarding does; it must still be the one that the view speaks of. */
static void
try_changes(struct rte_mbuf *m)
{
	struct ip_addr source = ip_dst(m);

	if (pkt(m)->ttl > 1)
		ip_ttl_decrement(m);
	ip_ecn_set(m, pkt(m)->ttl & 3);
	must(rte_pktmbuf_mtod(m, uint8_t *)[pkt(m)->family == 4 ? 8 : 7] == pkt(m)->ttl);
	if (icmp_echo_reply(m, &source)) {
		check_packet(m);
		must(ip_l4_checksum(m) == 0);
	}
}

static void
free_dead(struct rte_mbuf *dead[FRAG_MAX], uint16_t n)
{
	must(n <= FRAG_MAX);
	rte_pktmbuf_free_bulk(dead, n);
}

static void
try_reassembly(struct rte_mbuf *m)
{
	struct rte_mbuf *dead[FRAG_MAX], *whole;
	enum drop_reason why;
	uint16_t n = 0;

	whole = reassembly_add(fuzz.arrived, m, fuzz.now_tsc, dead, &n, &why);
	if (whole)
		check_packet(whole);
	rte_pktmbuf_free(whole);
	free_dead(dead, n);
}

/* Cut and put together again it is what it was, but for the IPv4 flags and checksum. */
static void
try_round_trip(struct rte_mbuf *m, uint16_t mtu)
{
	struct rte_mbuf *original = rte_pktmbuf_copy(m, fuzz.pool, 0, UINT32_MAX);
	struct rte_mbuf *out[FRAG_MAX], *dead[FRAG_MAX], *whole = NULL;
	uint8_t copies[2][UINT16_MAX + 40];
	uint32_t from = pkt(m)->family == 4 ? 12 : 0;
	enum drop_reason why;
	uint16_t n, n_dead;

	must(original);
	n = frag_split(m, mtu, 1, fuzz.pool, out);
	if (n <= 1) {
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(original);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		must(!whole && out[i]->pkt_len <= mtu);
		check_packet(out[i]);
		whole = reassembly_add(fuzz.cut, out[i], 0, dead, &n_dead, &why);
		must(n_dead == 0);
	}
	must(whole && whole->pkt_len == original->pkt_len);
	check_packet(whole);
	must(memcmp(rte_pktmbuf_read(whole, from, whole->pkt_len - from, copies[0]),
		     rte_pktmbuf_read(original, from, whole->pkt_len - from, copies[1]),
		     whole->pkt_len - from) == 0);
	rte_pktmbuf_free(whole);
	rte_pktmbuf_free(original);
}

static void
try_packet(const struct recipe *r, const uint8_t *bytes)
{
	struct rte_mbuf *m = build_parsed(r, bytes);

	if (!m)
		return;
	try_looks(m, r->flags & OUTBOUND);
	try_error(m, r->mtu % (ICMP_ERR_TOO_BIG + 1));
	try_changes(m);
	rte_pktmbuf_free(m);

	m = build_parsed(r, bytes);
	must(m);
	if (pkt(m)->flags & PKT_FRAGMENT)
		try_reassembly(m);
	else
		try_round_trip(m, r->mtu * 16);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recipe r;

	for (int i = 0; i < PACKETS_MAX && size >= sizeof(r); i++) {
		memcpy(&r, data, sizeof(r));
		data += sizeof(r);
		size -= sizeof(r);
		r.length = RTE_MIN(r.length, size);
		fuzz.now_tsc += r.flags & LATE ? UINT32_MAX : 1;
		try_packet(&r, data);
		data += r.length;
		size -= r.length;
	}
	reassembly_flush(fuzz.arrived);
	must(rte_mempool_avail_count(fuzz.pool) == POOL_SIZE);
	return 0;
}

/* Now and then a packet as scapy builds it: what would take the fuzzer long to find. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	static const struct golden goldens[] = {
#define X(name) GOLDEN(name),
		GOLDENS(X)
#undef X
	};
	const struct golden *g = &goldens[seed / 8 % RTE_DIM(goldens)];
	struct recipe r = {CHECKSUM_GOOD, seed >> 8, seed >> 16, seed >> 24, g->length};

	if (seed % 8 == 0 && size + sizeof(r) + g->length <= max_size) {
		memcpy(data + size, &r, sizeof(r));
		memcpy(data + size + sizeof(r), g->bytes, g->length);
		size += sizeof(r) + g->length;
	}
	return LLVMFuzzerMutate(data, size, max_size);
}
