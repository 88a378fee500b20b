/* SPDX-License-Identifier: BSD-3-Clause */
/* What each key of a valid configuration becomes. */
#include "config_test.h"

static struct config *
load_good(const char *row)
{
	struct report report = {0};
	struct config *config = load_row(row, &report);

	report_print(&report, stderr);
	assert_int_equal(report.count, 0);
	assert_non_null(config);
	return config;
}

static void
assert_addr(const struct ip_addr *addr, const char *text)
{
	char buf[IP_ADDR_STRLEN];

	assert_string_equal(ip_addr_format(addr, buf), text);
}

static void
test_defaults(void **state)
{
	struct config *c = load_good(PORTS);

	(void)state;
	assert_false(c->unsafe_static_keys);
	assert_string_equal(c->crypto_device, "");
	assert_int_equal(c->limits.sas, 4096);
	assert_int_equal(c->limits.tunnels, 1024);
	assert_int_equal(c->limits.routes4, 65536);
	assert_int_equal(c->limits.routes6, 16384);
	assert_int_equal(c->limits.neighbours, 4096);
	assert_int_equal(c->limits.reassembly, 1024);
	assert_int_equal(c->worker.idle_polls, 1000);
	assert_int_equal(c->worker.idle_sleep_us, 100);
	assert_int_equal(c->icmp.errors, 1000);
	assert_int_equal(c->icmp.echo, 1000);
	config_free(c);
}

static void
test_top(void **state)
{
	struct config *c = load_good(PORTS
		"crypto_device = 'crypto_null0'; unsafe_static_keys = true;\n"
		"limits = { sas = 100000; tunnels = 10000; routes4 = 1000000; routes6 = 100000;"
		" neighbours = 8192; reassembly = 64; };\n"
		"worker = { idle_polls = 0; idle_sleep_us = 50; }; icmp = { errors = 0; echo = 5; "
		"};");

	(void)state;
	assert_true(c->unsafe_static_keys);
	assert_string_equal(c->crypto_device, "crypto_null0");
	assert_int_equal(c->limits.sas, 100000);
	assert_int_equal(c->limits.tunnels, 10000);
	assert_int_equal(c->limits.routes4, 1000000);
	assert_int_equal(c->limits.routes6, 100000);
	assert_int_equal(c->limits.neighbours, 8192);
	assert_int_equal(c->limits.reassembly, 64);
	assert_int_equal(c->worker.idle_polls, 0);
	assert_int_equal(c->worker.idle_sleep_us, 50);
	assert_int_equal(c->icmp.errors, 0);
	assert_int_equal(c->icmp.echo, 5);
	config_free(c);
}

static void
test_ports(void **state)
{
	struct config *c = load_good(
		"ports = ( { device = '0000:03:00.0'; role = 'protected'; },\n"
		"{ device = '0000:03:00.0'; vlan = 7; role = 'unprotected'; mtu = 9000; table = 3;"
		" addresses = [ '203.0.113.1/24' ]; },\n"
		"{ id = 2; role = 'both'; protected = [ '10.0.0.0/8', '2001:db8::/32' ];"
		" addresses = ( '192.0.2.1', '2001:db8:0:1::1/64', 'fe80::1/64' ); },\n"
		"{ id = 2; vlan = 9; name = 'nine'; role = 'protected'; addresses = [ 'fe80::1/64' "
		"]; } );");

	(void)state;
	assert_int_equal(c->n_ports, 4);
	assert_string_equal(c->ports[0].name, "0000:03:00.0");
	assert_int_equal(c->ports[0].id, -1);
	assert_int_equal(c->ports[0].role, PORT_PROTECTED);
	assert_int_equal(c->ports[0].mtu, 1500);
	assert_int_equal(c->ports[0].vlan, 0);
	assert_int_equal(c->ports[0].n_addresses, 0);
	assert_string_equal(c->ports[0].origin.label, "ports[0]");
	assert_int_equal(c->ports[0].origin.line, 1);
	assert_string_equal(c->ports[0].origin.file, "t");
	assert_string_equal(c->ports[1].name, "0000:03:00.0.7");
	assert_string_equal(c->ports[1].device, "0000:03:00.0");
	assert_int_equal(c->ports[1].role, PORT_UNPROTECTED);
	assert_int_equal(c->ports[1].vlan, 7);
	assert_int_equal(c->ports[1].mtu, 9000);
	assert_int_equal(c->ports[1].table, 3);
	assert_int_equal(c->ports[1].origin.line, 2);
	assert_addr(&c->ports[1].addresses[0].addr, "203.0.113.1");
	assert_int_equal(c->ports[1].addresses[0].length, 24);
	assert_string_equal(c->ports[2].name, "port2");
	assert_string_equal(c->ports[2].device, "");
	assert_int_equal(c->ports[2].id, 2);
	assert_int_equal(c->ports[2].role, PORT_BOTH);
	assert_int_equal(c->ports[2].n_protected_prefixes, 2);
	assert_addr(&c->ports[2].protected_prefixes[1].addr, "2001:db8::");
	assert_int_equal(c->ports[2].protected_prefixes[1].length, 32);
	assert_int_equal(c->ports[2].n_addresses, 3);
	assert_int_equal(c->ports[2].addresses[0].length, 32);
	assert_string_equal(c->ports[3].name, "nine");
	config_free(c);
}

static void
test_neighbours(void **state)
{
	struct config *c = load_good(
		PORTS "neighbours = ( { address = '203.0.113.2'; mac = '02:00:00:0A:bc:02'; port = "
		      "'wan'; },"
		      " { address = 'fe80::2'; mac = '02:00:00:00:00:03'; port = 'lan'; } );");
	static const uint8_t mac[] = {2, 0, 0, 0x0a, 0xbc, 2};

	(void)state;
	assert_int_equal(c->n_neighbours, 2);
	assert_addr(&c->neighbours[0].addr, "203.0.113.2");
	assert_memory_equal(c->neighbours[0].mac, mac, 6);
	assert_int_equal(c->neighbours[0].port, 1);
	assert_int_equal(c->neighbours[1].port, 0);
	config_free(c);
}

static void
test_tunnel_defaults(void **state)
{
	struct config *c = load_good(PORTS "tunnels = ( " IPSEC0 ",\n"
					   "{ name = 'u'; carrier = 'udp'; local = '2001:db8:f::1';"
					   " remote = '2001:db8:e::1'; } );");
	const struct tunnel_config *t = &c->tunnels[0].tunnel, *u = &c->tunnels[1].tunnel;

	(void)state;
	assert_int_equal(c->n_tunnels, 2);
	assert_string_equal(t->name, "ipsec0");
	assert_int_equal(t->encapsulation, TUNNEL_IPIP);
	assert_int_equal(t->carrier, TUNNEL_ESP);
	assert_int_equal(t->df, TUNNEL_DF_COPY);
	assert_int_equal(t->dscp, TUNNEL_DSCP_COPY);
	assert_true(t->ecn);
	assert_true(t->up);
	assert_int_equal(t->ttl, 64);
	assert_int_equal(t->mtu, 0);
	assert_int_equal(t->local_port, 0);
	assert_int_equal(t->address.family, 0);
	assert_int_equal(t->n_selectors, 0);
	assert_addr(&u->local, "2001:db8:f::1");
	assert_addr(&u->remote, "2001:db8:e::1");
	assert_int_equal(u->carrier, TUNNEL_UDP);
	assert_int_equal(u->local_port, 4500);
	assert_int_equal(u->remote_port, 4500);
	assert_int_equal(u->keepalive_seconds, 0);
	config_free(c);
}

static void
test_tunnel_keys(void **state)
{
	struct config *c =
		load_good("ports = ( " LAN ", { device = 'w'; role = 'unprotected'; table = 2; "
			  "addresses = [ '203.0.113.1/24' ]; } );"
			  "tunnels = ( { name = 'ipsec0'; " ENDS
			  "encapsulation = 'tunnel'; carrier = 'udp'; local_port = 500;"
			  " remote_port = 501; keepalive = 20; address = '10.0.0.1'; peer_address "
			  "= '10.0.0.2';"
			  " address6 = '2001:db8:a::1'; peer_address6 = '2001:db8:a::2'; mtu = "
			  "1400; ttl = 255; dscp = 46;"
			  " df = 'clear'; ecn = false; state = 'down'; metric = 7; table = 1; "
			  "outer_table = 2;"
			  " selectors = ( { local = '192.168.1.0/24'; remote = "
			  "'192.168.2.1-192.168.2.9'; protocol = 'tcp';"
			  " local_port = '1024-65535'; remote_port = 443; }, { remote = "
			  "'2001:db8::/32'; }, { },"
			  " { protocol = 'icmp6'; icmp_type = 128; icmp_code = 0; }, { local = "
			  "'any'; protocol = 89; } ); } );");
	const struct tunnel_config *t = &c->tunnels[0].tunnel;
	const struct selector *s = t->selectors;

	(void)state;
	assert_int_equal(t->encapsulation, TUNNEL_TUNNEL);
	assert_int_equal(t->local_port, 500);
	assert_int_equal(t->remote_port, 501);
	assert_int_equal(t->keepalive_seconds, 20);
	assert_addr(&t->address, "10.0.0.1");
	assert_addr(&t->peer_address, "10.0.0.2");
	assert_addr(&t->address6, "2001:db8:a::1");
	assert_addr(&t->peer_address6, "2001:db8:a::2");
	assert_int_equal(t->mtu, 1400);
	assert_int_equal(t->ttl, 255);
	assert_int_equal(t->dscp, 46);
	assert_int_equal(t->df, TUNNEL_DF_CLEAR);
	assert_false(t->ecn);
	assert_false(t->up);
	assert_int_equal(t->metric, 7);
	assert_int_equal(t->table, 1);
	assert_int_equal(t->outer_table, 2);
	assert_int_equal(t->n_selectors, 5);
	assert_addr(&s[0].local.first, "192.168.1.0");
	assert_addr(&s[0].local.last, "192.168.1.255");
	assert_addr(&s[0].remote.first, "192.168.2.1");
	assert_addr(&s[0].remote.last, "192.168.2.9");
	assert_int_equal(s[0].protocol, 6);
	assert_int_equal(s[0].local_port.first, 1024);
	assert_int_equal(s[0].local_port.last, 65535);
	assert_int_equal(s[0].remote_port.first, 443);
	assert_int_equal(s[0].remote_port.last, 443);
	assert_addr(&s[1].local.first, "::");
	assert_addr(&s[1].local.last, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_int_equal(s[1].protocol, -1);
	assert_int_equal(s[2].local.first.family, 0);
	assert_int_equal(s[2].remote.first.family, 0);
	assert_int_equal(s[2].local_port.first, 0);
	assert_int_equal(s[2].local_port.last, 65535);
	assert_int_equal(s[3].protocol, 58);
	assert_int_equal(s[3].local_port.first, 128);
	assert_int_equal(s[3].local_port.last, 128);
	assert_int_equal(s[3].remote_port.last, 0);
	assert_int_equal(s[4].protocol, 89);
	config_free(c);
}

#define SAS(list)                                                                                  \
	PORTS "unsafe_static_keys = true;\ntunnels = ( " IPSEC0                                    \
	      ", { name = 'u'; carrier = 'udp'; local_port = 4501; local = '203.0.113.1'; remote " \
	      "= '203.0.113.9'; } );\n"                                                            \
	      "sas = (\n" list ");\n"

static void
test_sas(void **state)
{
	struct config *c = load_good(
		SAS("{ spi = 0xfffffffe; direction = 'out'; " TO0 GCM KEY256A
		    "seq = 0x100000001; esn = true; worker = 3; soft_seconds = 1; hard_seconds = 2;"
		    " soft_bytes = 10000000000; hard_bytes = 20000000000; soft_packets = 5; "
		    "hard_packets = 6; },\n"
		    "{ spi = 256; direction = 'in'; " TO0 GCM KEY256B "},\n"
		    "{ spi = 0x300; direction = 'in'; tunnel = 'u'; algorithm = 'aes-128-gcm'; "
		    "replay_window = 0;"
		    " source_port = 4500; destination_port = 4501;"
		    " key = '0x00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:FF:01:02:03:04'; } "));
	const struct sa_config *out = &c->sas[0].sa, *in = &c->sas[1].sa, *third = &c->sas[2].sa;
	static const uint8_t key[] = {0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
		0xbb, 0xcc, 0xdd, 0xee, 0xff, 1, 2, 3, 4};

	(void)state;
	assert_int_equal(c->n_sas, 3);
	assert_int_equal(out->spi, 0xfffffffe);
	assert_int_equal(out->direction, SA_OUT);
	assert_int_equal(out->algorithm, CRYPTO_AES_256_GCM);
	assert_int_equal(out->key[0], 0);
	assert_int_equal(out->key[35], 0x23);
	assert_true(out->seq == 0x100000001);
	assert_true(out->esn);
	assert_true(out->static_key);
	assert_int_equal(out->worker, 3);
	assert_true(c->sas[0].has_owner);
	assert_int_equal(out->soft.seconds, 1);
	assert_int_equal(out->hard.seconds, 2);
	assert_true(out->soft.bytes == 10000000000);
	assert_true(out->hard.bytes == 20000000000);
	assert_int_equal(out->soft.packets, 5);
	assert_int_equal(out->hard.packets, 6);
	assert_string_equal(c->sas[0].origin.label, "sas[0] (spi 0xfffffffe)");
	assert_int_equal(in->direction, SA_IN);
	assert_int_equal(in->replay_window, 64);
	assert_int_equal(in->worker, SA_WORKER_ANY);
	assert_false(in->esn);
	assert_false(c->sas[1].has_owner);
	assert_int_equal(c->sas[1].tunnel, 0);
	assert_int_equal(c->sas[2].tunnel, 1);
	assert_int_equal(third->algorithm, CRYPTO_AES_128_GCM);
	assert_int_equal(third->replay_window, 0);
	assert_memory_equal(third->key, key, sizeof(key));
	config_free(c);
}

/* What looks alike and is not in each other's way. */
static void
test_sas_side_by_side(void **state)
{
	struct config *c = load_good(SAS(
		"{ spi = 0x1000; direction = 'out'; " TO0 GCM KEY256A "},\n"
		"{ spi = 0x1000; direction = 'out'; tunnel = 'u'; " GCM KEY256B "},\n"
		"{ spi = 0x1001; direction = 'out'; worker = 1; " TO0 GCM
		"key = '200102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223'; "
		"},\n"
		"{ spi = 0x1000; direction = 'in'; " TO0 GCM
		"key = '300102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223'; "
		"},\n"
		"{ spi = 0x1001; direction = 'in'; " TO0 GCM
		"key = '400102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223'; "
		"} "));

	(void)state;
	assert_int_equal(c->n_sas, 5);
	config_free(c);
}

static void
test_routes(void **state)
{
	struct config *c = load_good(
		PORTS "tunnels = ( { name = 'ipsec0'; metric = 20; " ENDS "} );\n"
		      "routes = ( { prefix = '192.168.2.0/24'; via = 'ipsec0'; },"
		      " { prefix = '192.168.2.0/24'; via = 'ipsec0'; metric = 5; table = 9; },"
		      " { prefix = '0.0.0.0/0'; via = '203.0.113.254'; },"
		      " { prefix = '::/0'; via = 'fe80::1%wan'; },"
		      " { prefix = '2001:db8:9::/48'; via = '2001:db8:1::9'; },"
		      " { prefix = '10.0.0.0/8'; via = 'lan'; metric = 3; },"
		      " { prefix = '192.168.2.0/24'; via = 'discard'; metric = 4294967295; } );");
	const struct config_route *r = c->routes;

	(void)state;
	assert_int_equal(c->n_routes, 7);
	assert_addr(&r[0].prefix.addr, "192.168.2.0");
	assert_int_equal(r[0].prefix.length, 24);
	assert_int_equal(r[0].via, CONFIG_VIA_TUNNEL);
	assert_int_equal(r[0].tunnel, 0);
	assert_int_equal(r[0].metric, 20);
	assert_int_equal(r[0].table, 0);
	assert_int_equal(r[1].metric, 5);
	assert_int_equal(r[1].table, 9);
	assert_int_equal(r[2].via, CONFIG_VIA_ADDRESS);
	assert_addr(&r[2].addr, "203.0.113.254");
	assert_int_equal(r[2].port, 1);
	assert_int_equal(r[2].metric, 0);
	assert_int_equal(r[3].via, CONFIG_VIA_ADDRESS);
	assert_addr(&r[3].addr, "fe80::1");
	assert_int_equal(r[3].port, 1);
	assert_int_equal(r[4].port, 0);
	assert_int_equal(r[5].via, CONFIG_VIA_PORT);
	assert_int_equal(r[5].port, 0);
	assert_int_equal(r[5].metric, 3);
	assert_int_equal(r[6].via, CONFIG_VIA_DISCARD);
	assert_true(r[6].metric == UINT32_MAX);
	config_free(c);
}

/* The longest link that holds a gateway is the one it is on; tables are worlds of their own. */
static void
test_gateways(void **state)
{
	struct config *c = load_good(
		"ports = ( { device = 'a'; role = 'protected'; addresses = [ '10.0.0.1/8' ]; },"
		" { device = 'b'; role = 'protected'; addresses = [ '10.1.0.1/16' ]; },"
		" { device = 'c'; role = 'protected'; table = 1; addresses = [ '10.1.0.1/16' ]; } "
		");\n"
		"routes = ( { prefix = '192.0.2.0/24'; via = '10.1.0.2'; },"
		" { prefix = '192.0.2.0/24'; via = '10.2.0.2'; },"
		" { prefix = '192.0.2.0/24'; via = '10.1.0.2'; table = 1; } );");

	(void)state;
	assert_int_equal(c->routes[0].port, 1);
	assert_int_equal(c->routes[1].port, 0);
	assert_int_equal(c->routes[2].port, 2);
	config_free(c);
}

static void
test_policies(void **state)
{
	struct config *c = load_good(PORTS
		"tunnels = ( " IPSEC0 " );\n"
		"policies = ( { priority = 10; action = 'protect'; tunnel = 'ipsec0'; local = "
		"'192.168.1.0/24';"
		" remote = '192.168.2.0/24'; protocol = 'any'; },"
		" { priority = 10; action = 'bypass'; protocol = 'icmp'; local = '203.0.113.1'; },"
		" { priority = 0xffffffff; action = 'discard'; } );");
	const struct config_policy *p = c->policies;

	(void)state;
	assert_int_equal(c->n_policies, 3);
	assert_int_equal(p[0].priority, 10);
	assert_int_equal(p[0].action, SPD_PROTECT);
	assert_int_equal(p[0].tunnel, 0);
	assert_addr(&p[0].selector.local.last, "192.168.1.255");
	assert_addr(&p[0].selector.remote.first, "192.168.2.0");
	assert_int_equal(p[0].selector.protocol, -1);
	assert_int_equal(p[1].action, SPD_BYPASS);
	assert_int_equal(p[1].selector.protocol, 1);
	assert_addr(&p[1].selector.local.first, "203.0.113.1");
	assert_addr(&p[1].selector.local.last, "203.0.113.1");
	assert_addr(&p[1].selector.remote.last, "255.255.255.255");
	assert_true(p[2].priority == UINT32_MAX);
	assert_int_equal(p[2].action, SPD_DISCARD);
	assert_int_equal(p[2].selector.local.first.family, 0);
	config_free(c);
}

/* A limit below what is configured is raised to it. */
static void
test_limits_follow(void **state)
{
	struct config *c = load_good(PORTS "limits = { tunnels = 1; routes4 = 16; };\n"
					   "tunnels = ( " IPSEC0 ", { name = 'b'; " ENDS "} );\n");

	(void)state;
	assert_int_equal(c->limits.tunnels, 2);
	assert_int_equal(c->limits.routes4, 16);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_tunnel_defaults),
		cmocka_unit_test(test_tunnel_keys),
		cmocka_unit_test(test_sas),
		cmocka_unit_test(test_sas_side_by_side),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_gateways),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_limits_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
