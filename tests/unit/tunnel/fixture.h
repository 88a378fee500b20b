/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TUNNEL_FIXTURE_H
#define TUNNEL_FIXTURE_H

/* What the tests of this module share: a pool, packets as chains of any cut, a tunnel to begin
 * with. */

#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "eal.h"
#include "tunnel.h"
#include "unit.h"

enum { POOL_SIZE = 63 };

static struct rte_mempool *pool;

static int
fixture_setup(void **state)
{
	(void)state;
	test_eal_init("tunnel", 64);
	pool = rte_pktmbuf_pool_create(
		"packets", POOL_SIZE, 0, PKT_PRIV_SIZE, RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
	return pool ? 0 : -1;
}

/* Of each test: no packet was lost. */
static int
fixture_pool_full(void **state)
{
	(void)state;
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
	return 0;
}

/* A packet of these bytes, in segments of at most segment_bytes. */
static inline struct rte_mbuf *
packet_make(const uint8_t *bytes, uint32_t n, uint16_t segment_bytes)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t at = 0; at < n || !head; at += segment_bytes) {
		uint16_t part = (uint16_t)RTE_MIN(n - at, (uint32_t)segment_bytes);
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, part), bytes + at, part);
		if (head)
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
		else
			head = m;
	}
	memset(pkt(head), 0, sizeof(struct pkt));
	return head;
}

static inline struct ip_addr
addr(const char *text)
{
	struct ip_addr a = {0};

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

/* A tunnel's configuration with the outer addresses of the golden packets. */
static inline struct tunnel_config
config_make(uint8_t outer_family)
{
	struct tunnel_config c = {
		.name = "ipsec0",
		.local = addr(outer_family == 4 ? "203.0.113.1" : "2001:db8:f::1"),
		.remote = addr(outer_family == 4 ? "203.0.113.2" : "2001:db8:f::2"),
		.address = addr("10.0.0.1"),
		.peer_address = addr("10.0.0.2"),
		.address6 = addr("fd00::1"),
		.peer_address6 = addr("fd00::2"),
		.local_port = 4501,
		.remote_port = 4502,
		.ttl = 63,
		.dscp = TUNNEL_DSCP_COPY,
		.ecn = true,
		.up = true,
		.table = 3,
		.outer_table = 4,
	};

	return c;
}

static inline struct tunnel *
tunnel_make(struct tunnel_table *t, const struct tunnel_config *config)
{
	struct tunnel *tunnel = NULL;
	struct error err;

	if (tunnel_create(t, config, 2, SOCKET_ID_ANY, &tunnel, &err))
		fail_msg("%s", err.text);
	return tunnel;
}

static inline struct tunnel_table *
table_make(uint32_t capacity)
{
	struct error err;
	struct tunnel_table *t = tunnel_table_create(capacity, &test_two_nodes, &err);

	assert_non_null(t);
	return t;
}

#endif
