/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NEIGH_FIXTURE_H
#define NEIGH_FIXTURE_H

/*
 * A neighbour table on two ports, and surroundings that write down what it does:
 *
 *   <name>       sent the golden frame of that name (frame:<hex> when there is none such)
 *   +99/98       192.0.2.99 or 2001:db8::99 is at the MAC address that ends in 98
 *   -99          it is lost
 *   >1           packet number 1 may go
 *   x1 reason    packet number 1 died (a received message: x reason)
 *
 * Several are joined by "; ".
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eal.h"
#include "golden.h"
#include "neigh.h"
#include "parse.h"
#include "pkt.h"
#include "unit.h"

enum { POOL = 255, OUR_PORT = 0, VLAN_PORT = 1 };

struct fixture {
	struct rte_mempool *pool;
	struct port_table *ports;
	struct neigh_table *table;
	FILE *frames; /* in hexdump's form for text2pcap; NULL: not wanted */
	char log[1024];
};

static inline void __attribute__((format(printf, 2, 3)))
note(struct fixture *f, const char *format, ...)
{
	size_t used = strlen(f->log);
	va_list args;

	if (used)
		used += (size_t)snprintf(f->log + used, sizeof(f->log) - used, "; ");
	va_start(args, format);
	vsnprintf(f->log + used, sizeof(f->log) - used, format, args);
	va_end(args);
}

static inline void
write_frame(FILE *out, const uint8_t *data, uint32_t bytes)
{
	fprintf(out, "000000");
	for (uint32_t i = 0; i < bytes; i++)
		fprintf(out, " %02x", data[i]);
	fprintf(out, "\n");
}

static inline void
fake_send_frame(void *arg, uint16_t port, struct rte_mbuf *m)
{
	struct fixture *f = arg;
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	char hex[3 * 96 + 1] = "";

	assert_true(port < f->ports->count);
	assert_true(rte_pktmbuf_is_contiguous(m));
	if (f->frames)
		write_frame(f->frames, data, m->data_len);
	for (size_t i = 0; i < RTE_DIM(sent); i++)
		if (sent[i].bytes == m->data_len && memcmp(sent[i].data, data, m->data_len) == 0) {
			note(f, "%s", sent[i].name);
			rte_pktmbuf_free(m);
			return;
		}
	for (uint16_t i = 0; i < RTE_MIN(m->data_len, 96); i++)
		snprintf(hex + 2 * i, 3, "%02x", data[i]);
	note(f, "frame:%s", hex);
	rte_pktmbuf_free(m);
}

static inline unsigned int
last_byte(const struct ip_addr *addr)
{
	return addr->family == 4
		       ? (unsigned int)(10 * (addr->bytes[3] / 10) + addr->bytes[3] % 10)
		       : (unsigned int)(10 * (addr->bytes[15] >> 4)) + (addr->bytes[15] & 15u);
}

static inline void
fake_changed(void *arg, const struct neigh *n, bool reachable)
{
	if (reachable)
		note(arg, "+%u/%02x", last_byte(&n->addr), n->mac[5]);
	else
		note(arg, "-%u", last_byte(&n->addr));
}

/* Packets that wait are marked with a number in their length. */
static inline void
fake_release(void *arg, const struct neigh *n, struct rte_mbuf *m)
{
	assert_true(n->mac[5] != 0);
	note(arg, ">%u", m->pkt_len);
	rte_pktmbuf_free(m);
}

static inline void
fake_drop(void *arg, struct rte_mbuf *m, enum drop_reason why)
{
	if (m->pkt_len < 20)
		note(arg, "x%u %s", m->pkt_len, drop_name(why));
	else
		note(arg, "x %s", drop_name(why));
	rte_pktmbuf_free(m);
}

static const struct neigh_ops fake_ops = {fake_send_frame, fake_changed, fake_release, fake_drop};

static inline void
add_port(struct fixture *f, const char *name, uint16_t vlan, const char *const *addresses)
{
	struct port *p = port_create(name);
	struct ip_prefix prefix;

	assert_non_null(p);
	p->ethdev = 0;
	p->vlan = vlan;
	p->link_up = true;
	p->mac = (struct rte_ether_addr){{2, 0, 0, 0, 0, 1}};
	port_header_fill(p);
	p->addresses = calloc(4, sizeof(*p->addresses));
	for (; *addresses; addresses++) {
		assert_int_equal(ip_prefix_parse(*addresses, &prefix), 0);
		p->addresses[p->n_addresses++] = (struct port_address){prefix.addr, prefix.length};
	}
	assert_int_equal(port_table_add(f->ports, p), 0);
}

static inline void
fixture_init(struct fixture *f, const char *name)
{
	const char *path = getenv("NEIGH_FRAMES");

	test_eal_init(name, 64);
	f->pool = rte_pktmbuf_pool_create(
		"packets", POOL, 0, PKT_PRIV_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	f->ports = port_table_create();
	if (!f->pool || !f->ports)
		exit(1);
	f->frames = path ? fopen(path, "w") : NULL;
	add_port(f, "wan", 0,
		(const char *const[]){
			"192.0.2.1/24", "2001:db8::1/64", "fe80::ff:fe00:1/64", NULL});
	add_port(f, "wan.7", 7, (const char *const[]){"198.51.100.1/24", NULL});
}

static inline void
fixture_finish(struct fixture *f)
{
	port_table_destroy(f->ports);
	rte_mempool_free(f->pool);
	if (f->frames)
		fclose(f->frames);
	rte_eal_cleanup();
}

static inline void
open_table(struct fixture *f, const struct neigh_params *params)
{
	struct error err = {0};

	f->table = neigh_create(params, f->ports, f->pool, &fake_ops, f, &err);
	if (!f->table)
		fail_msg("%s", err.text);
	f->log[0] = '\0';
}

static inline void
close_table(struct fixture *f)
{
	neigh_destroy(f->table);
	assert_int_equal(rte_mempool_avail_count(f->pool), POOL);
}

static inline struct rte_mbuf *
packet(struct fixture *f, const uint8_t *data, uint16_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);

	assert_non_null(m);
	memset(pkt(m), 0, sizeof(*pkt(m)));
	memcpy(rte_pktmbuf_append(m, bytes), data, bytes);
	return m;
}

static inline const struct golden *
received_find(const char *name)
{
	for (size_t i = 0; i < RTE_DIM(received); i++)
		if (strcmp(received[i].name, name) == 0)
			return &received[i];
	fail_msg("no golden packet \"%s\"", name);
	return NULL;
}

/* Hands a message in as a stage does. */
static inline void
input(struct fixture *f, uint16_t port, const uint8_t *data, uint16_t bytes, uint64_t now_ms)
{
	struct rte_mbuf *m = packet(f, data, bytes);
	bool arp = data[0] == 0;

	pkt(m)->port = port;
	if (!arp && parse_ip(m) != DROP_NONE)
		fail_msg("the parser refuses it");
	if (arp)
		neigh_arp_input(f->table, m, now_ms);
	else
		neigh_nd_input(f->table, m, now_ms);
}

#endif
