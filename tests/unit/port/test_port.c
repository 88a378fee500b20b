/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "pkt.h"
#include "port.h"
#include "unit.h"

static struct port *
new_port(const char *name, uint16_t ethdev, uint16_t vlan)
{
	struct port *p = port_create(name);

	assert_non_null(p);
	p->ethdev = ethdev;
	p->vlan = vlan;
	return p;
}

static void
test_add(void **state)
{
	static const struct {
		const char *name;
		uint16_t ethdev, vlan;
		int expect;
	} rows[] = {
		{"lan", 0, 0, 0},
		{"again", 0, 0, -EEXIST},
		{"lan.7", 0, 7, 0},
		{"lan.7 again", 0, 7, -EEXIST},
		{"wan.7", 1, 7, 0},
		{"last id", 1, 4094, 0},
		{"reserved id", 1, 4095, -EINVAL},
		{"last ethdev", 31, 0, 0},
		{"no such ethdev", 32, 0, -EINVAL},
		{"none", PORT_NONE, 0, -EINVAL},
	};
	struct port_table *t = port_table_create();
	uint16_t count = 0;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct port *p = new_port(rows[i].name, rows[i].ethdev, rows[i].vlan);
		int rc = port_table_add(t, p);

		if (rc != rows[i].expect)
			fail_msg("row \"%s\": %d, not %d", rows[i].name, rc, rows[i].expect);
		if (rc != 0) {
			port_destroy(p);
			continue;
		}
		assert_int_equal(p->index, count++);
		assert_ptr_equal(port_table_find(t, rows[i].name), p);
	}
	assert_int_equal(t->count, count);
	assert_int_equal(t->untagged[0], 0);
	assert_int_equal(t->untagged[1], PORT_NONE);
	assert_int_equal(t->tagged[0][7], 1);
	assert_int_equal(t->tagged[0][8], PORT_NONE);
	assert_int_equal(t->tagged[1][7], 2);
	assert_null(t->tagged[31]);
	assert_null(port_table_find(t, "dmz"));
	port_table_destroy(t);
}

static void
test_full(void **state)
{
	struct port_table *t = port_table_create();
	struct port *p;

	(void)state;
	for (uint16_t i = 0; i < PORTS_MAX; i++)
		assert_int_equal(port_table_add(t, new_port("p", 3, i + 1)), 0);
	p = new_port("one more", 4, 0);
	assert_int_equal(port_table_add(t, p), -ENOSPC);
	port_destroy(p);
	port_table_destroy(t);
}

static void
test_zone(void **state)
{
	static const struct {
		const char *name;
		uint8_t role;
		const char *addr;
		uint8_t expect;
	} rows[] = {
		{"protected", PORT_PROTECTED, "203.0.113.9", ZONE_PROTECTED},
		{"unprotected", PORT_UNPROTECTED, "10.1.2.3", ZONE_UNPROTECTED},
		{"both, inside", PORT_BOTH, "10.1.2.3", ZONE_PROTECTED},
		{"both, second prefix", PORT_BOTH, "2001:db8:1::5", ZONE_PROTECTED},
		{"both, outside", PORT_BOTH, "10.2.0.1", ZONE_UNPROTECTED},
		{"both, outside, v6", PORT_BOTH, "2001:db8:2::5", ZONE_UNPROTECTED},
	};
	struct port *p = new_port("p", 0, 0);

	(void)state;
	p->protected_prefixes = calloc(2, sizeof(*p->protected_prefixes));
	assert_int_equal(ip_prefix_parse("10.1.0.0/16", &p->protected_prefixes[0]), 0);
	assert_int_equal(ip_prefix_parse("2001:db8:1::/64", &p->protected_prefixes[1]), 0);
	p->n_protected_prefixes = 2;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct ip_addr addr;

		assert_int_equal(ip_addr_parse(rows[i].addr, &addr), 0);
		p->role = rows[i].role;
		if (port_zone(p, &addr) != rows[i].expect)
			fail_msg("row \"%s\"", rows[i].name);
	}
	port_destroy(p);
}

static void
test_header(void **state)
{
	static const uint8_t mac[] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
	static const uint8_t plain[18] = {0, 0, 0, 0, 0, 0, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
	static const uint8_t tagged[18] = {
		0, 0, 0, 0, 0, 0, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 0x81, 0x00, 0x0f, 0xa1};
	struct port *p = new_port("p", 0, 4001);

	(void)state;
	memcpy(p->mac.addr_bytes, mac, sizeof(mac));
	port_header_fill(p);
	assert_int_equal(p->header_bytes, 18);
	assert_memory_equal(p->header, tagged, 18);
	p->vlan = 0;
	port_header_fill(p);
	assert_int_equal(p->header_bytes, 14);
	assert_memory_equal(p->header, plain, 18);
	port_destroy(p);
}

static void
test_link_local(void **state)
{
	static const uint8_t mac[] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
	struct port *p = new_port("p", 0, 0);
	struct ip_addr expect, got;

	(void)state;
	memcpy(p->mac.addr_bytes, mac, sizeof(mac));
	got = port_link_local(p);
	assert_int_equal(ip_addr_parse("fe80::11:22ff:fe33:4455", &expect), 0);
	assert_true(ip_addr_equal(&got, &expect));
	port_destroy(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_link_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
