/* SPDX-License-Identifier: BSD-3-Clause */
/* One object at a time, as the control socket has them: read against a scope, written, compared,
 * changed. */
#include <errno.h>
#include <stdlib.h>

#include "config_read.h"
#include "config_test.h"

/* What the objects refer to: a configuration. */
struct world {
	struct config *config;
	struct config_scope *scope;
};

/* A group out of a row, with ' for ". */
struct group {
	config_t tree;
	config_setting_t *root;
};

static int
setup(void **state)
{
	static struct world world;
	struct report report = {0};

	world.config = load_row(PORTS
		"tunnels = ( " IPSEC0
		", { name = 'u'; carrier = 'udp'; local_port = 4501; metric = 7; " ENDS "} );",
		&report);
	report_print(&report, stderr);
	if (!world.config)
		return -1;
	world.scope = config_scope_create(world.config);
	*state = &world;
	return 0;
}

static int
teardown(void **state)
{
	struct world *world = *state;

	config_scope_free(world->scope);
	config_free(world->config);
	return 0;
}

static config_setting_t *
group_make(struct group *group, const char *row)
{
	char text[2048];

	config_init(&group->tree);
	if (!config_read_string(&group->tree, row_text(row, text, sizeof(text))))
		fail_msg("%s: %s", config_error_text(&group->tree), text);
	group->root = config_root_setting(&group->tree);
	return group->root;
}

/* Members without a value, which only JSON has. */
static void
add_null(struct group *group, const char *key)
{
	assert_non_null(config_setting_add(group->root, key, CONFIG_TYPE_NONE));
}

static int
read_row(const struct world *world, enum config_kind kind, const char *row, void *object,
	struct report *report)
{
	struct group group;
	int rc = config_object_read(kind, group_make(&group, row), world->scope, object, report);

	config_destroy(&group.tree);
	return rc;
}

static void
read_good(const struct world *world, enum config_kind kind, const char *row, void *object)
{
	struct report report = {0};

	if (read_row(world, kind, row, object, &report) != 0) {
		report_print(&report, stderr);
		fail_msg("%s", row);
	}
	assert_int_equal(report.count, 0);
}

union any {
	struct config_port port;
	struct config_neighbour neighbour;
	struct config_tunnel tunnel;
	struct config_sa sa;
	struct config_route route;
	struct config_policy policy;
};

/* clang-format off */
#define NEW_TUNNEL "name = 'new'; local = '203.0.113.1'; remote = '203.0.113.7'; "
#define NEW_SA "spi = 4097; direction = 'out'; tunnel = 'ipsec0'; " GCM KEY256A

/* Objects that are good, and what stays the same when they are written and read. */
static const struct {
	enum config_kind kind;
	const char *text;
} good[] = {
	{CONFIG_KIND_PORT, "device = 'x'; role = 'both'; protected = [ '10.0.0.0/8' ]; addresses = ( '192.0.2.1/24', '2001:db8::1/64' ); vlan = 3; mtu = 9000; table = 1;"},
	{CONFIG_KIND_PORT, "id = 0; name = 'zero'; role = 'protected';"},
	{CONFIG_KIND_NEIGHBOUR, "address = '203.0.113.2'; mac = '02:00:00:00:00:02'; port = 'wan';"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL "selectors = ( { local = '10.0.0.0/8'; protocol = 'udp'; remote_port = 53; }, { } );"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL "carrier = 'udp'; remote_port = 4501; keepalive = 20;"},
	{CONFIG_KIND_SA, NEW_SA "soft_bytes = 1; hard_bytes = 9000000000000000000L;"},
	{CONFIG_KIND_SA, "spi = 4294967295L; direction = 'in'; tunnel = 'u'; destination_port = 4501; algorithm = 'aes-128-gcm'; key = '00112233445566778899aabbccddeeff01020304'; replay_window = 128;"},
	{CONFIG_KIND_ROUTE, "prefix = '192.168.9.0/24'; via = 'u';"},
	{CONFIG_KIND_ROUTE, "prefix = '192.168.9.0/24'; via = '203.0.113.9'; metric = 3;"},
	{CONFIG_KIND_ROUTE, "prefix = '2001:db8:9::/48'; via = 'fe80::9%lan';"},
	{CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = 'discard'; table = 255;"},
	{CONFIG_KIND_POLICY, "priority = 10; action = 'protect'; tunnel = 'u'; remote = '192.0.2.0-192.0.2.9';"},
	{CONFIG_KIND_POLICY, "priority = 4294967295L; action = 'discard'; protocol = 'icmp'; icmp_type = 8;"},
};

/* Objects that are not: which key is wrong, and what is said. */
static const struct {
	enum config_kind kind;
	const char *text, *object, *field, *message;
} bad[] = {
	{CONFIG_KIND_PORT, "device = 'x'; role = 'protected'; mtu = 70000;", "port", "mtu", "mtu: 70000 is not between 576 and 9216"},
	{CONFIG_KIND_PORT, "device = 'x';", "port", "role", "role is missing"},
	{CONFIG_KIND_PORT, "device = 'x'; name = 'new'; role = 'protected'; addressen = ();", "port (new)", "addressen", "unknown key \"addressen\" (did you mean \"addresses\"?)"},
	{CONFIG_KIND_PORT, "device = 'x'; role = 'protected'; addresses = ( '' );", "port", "addresses", "addresses: \"\" is no address with"},
	{CONFIG_KIND_NEIGHBOUR, "address = '203.0.113.2'; mac = '02:00:00:00:00:02'; port = 'wam';", "neighbour (203.0.113.2)", "port", "port: no port is called \"wam\" (did you mean \"wan\"?)"},
	{CONFIG_KIND_NEIGHBOUR, "address = '198.51.100.2'; mac = '02:00:00:00:00:02'; port = 'wan';", "neighbour (198.51.100.2)", "address", "198.51.100.2 is not on the link of port wan"},
	{CONFIG_KIND_NEIGHBOUR, "address = '203.0.113.1'; mac = '02:00:00:00:00:02'; port = 'wan';", "neighbour (203.0.113.1)", "address", "203.0.113.1 is our own address, on port wan"},
	{CONFIG_KIND_TUNNEL, "name = 'new'; local = '192.168.1.1'; remote = '203.0.113.7';", "tunnel (new)", "local", "local: 192.168.1.1 is on a protected port; the addresses of unprotected ports in outer_table 0 are 203.0.113.1 (wan), 2001:db8:f::1 (wan)"},
	{CONFIG_KIND_TUNNEL, "name = 'new'; local = '203.0.113.1'; remote = '192.168.1.1';", "tunnel (new)", "remote", "remote: 192.168.1.1 is our own address, on port lan"},
	{CONFIG_KIND_TUNNEL, "name = 'wan'; local = '203.0.113.1'; remote = '203.0.113.7';", "tunnel (wan)", "name", "has the name of a port: ports[1] (wan) (line 1)"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL "selectors = ( { }, { local = '10.0.0.1/8'; } );", "tunnel (new) selectors[1]", "selectors[1].local", "local: 10.0.0.1/8 has host bits set: the prefix is 10.0.0.0/8"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL "selectors = ( 'x' );", "tunnel (new) selectors[0]", "selectors[0]", "a group { key = value; ... } is wanted, not a string"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL "local_port = 500;", "tunnel (new)", "local_port", "local_port: is for carrier = \"udp\" only"},
	{CONFIG_KIND_SA, NEW_SA "esn = 1;", "sa (spi 4097)", "esn", "esn: true or false is wanted, not a number"},
	{CONFIG_KIND_SA, NEW_SA "soft_seconds = 5; hard_seconds = 4;", "sa (spi 4097)", "soft_seconds", "soft_seconds: 5 is not below hard_seconds (4)"},
	{CONFIG_KIND_SA, "spi = 4097; direction = 'out'; tunnel = 'ipsc0'; " GCM KEY256A, "sa (spi 4097)", "tunnel", "tunnel: no tunnel is called \"ipsc0\" (did you mean \"ipsec0\"?)"},
	{CONFIG_KIND_SA, "spi = 4097; direction = 'out'; tunnel = 'ipsec0'; " GCM "key = '0011';", "sa (spi 4097)", "key", "key: 2 bytes, but aes-256-gcm takes 36"},
	{CONFIG_KIND_SA, NEW_SA "source_port = 4500;", "sa (spi 4097)", "source_port", "source_port: is for tunnels of carrier = \"udp\" only"},
	{CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = '198.51.100.1';", "route (0.0.0.0/0)", "via", "via: 198.51.100.1 is on no port's link; the links of table 0 are"},
	{CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = 'ipsec';", "route (0.0.0.0/0)", "via", "via: \"ipsec\" is no tunnel, no port, no address and not \"discard\" (did you mean \"ipsec0\"?)"},
	{CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = '';", "route (0.0.0.0/0)", "via", "via: \"\" is no tunnel"},
	{CONFIG_KIND_POLICY, "priority = 1; action = 'protect';", "policy (priority 1)", NULL, "action \"protect\" needs a tunnel"},
	{CONFIG_KIND_POLICY, "priority = 1; action = 'bypass'; tunnel = 'u';", "policy (priority 1)", "tunnel", "tunnel: is for action = \"protect\" only"},
};

/* Changes of the good objects by their place above, and what they become. */
static const struct {
	enum config_kind kind;
	const char *text, *changes, *null, *same_as;
} updates[] = {
	{CONFIG_KIND_PORT, "device = 'x'; role = 'protected'; mtu = 9000; addresses = ( '192.0.2.1/24' );", "name = 'x'; mtu = 1400;", "addresses", "device = 'x'; role = 'protected'; mtu = 1400;"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL "ttl = 3; selectors = ( { local = '10.0.0.0/8'; }, { } );", "name = 'new'; remote = '203.0.113.8'; selectors = ( { protocol = 'tcp'; local_port = 1; } );", "ttl",
		"name = 'new'; local = '203.0.113.1'; remote = '203.0.113.8'; selectors = ( { protocol = 'tcp'; local_port = 1; } );"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL "carrier = 'udp'; local_port = 4501; dscp = 3; ecn = false;", "carrier = 'esp'; dscp = 'copy';", "local_port", NEW_TUNNEL "ecn = false;"},
	{CONFIG_KIND_NEIGHBOUR, "address = '203.0.113.2'; mac = '02:00:00:00:00:02'; port = 'wan';", "mac = '02:00:00:00:00:03';", NULL, "address = '203.0.113.2'; mac = '02:00:00:00:00:03'; port = 'wan';"},
	{CONFIG_KIND_ROUTE, "prefix = '192.168.9.0/24'; via = 'u'; metric = 3;", "prefix = '192.168.9.0/24';", "metric", "prefix = '192.168.9.0/24'; via = 'u'; metric = 7;"},
	{CONFIG_KIND_POLICY, "priority = 10; action = 'protect'; tunnel = 'u'; protocol = 'tcp'; local_port = 80;", "action = 'bypass'; local = '10.0.0.0/8';", "tunnel", "priority = 10; action = 'bypass'; protocol = 'tcp'; local_port = 80; local = '10.0.0.0/8';"},
};

static const struct {
	enum config_kind kind;
	const char *text, *changes, *field, *message;
} bad_updates[] = {
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL, "name = 'other';", "name", "name: is part of what the tunnel is known by, and cannot change"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL, "local = '192.168.1.1';", "local", "local: 192.168.1.1 is on a protected port"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL, "carier = 'udp';", "carier", "unknown key \"carier\" (did you mean \"carrier\"?)"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL "carrier = 'udp'; keepalive = 3;", "carrier = 'esp';", "keepalive", "keepalive: is for carrier = \"udp\" only"},
	{CONFIG_KIND_PORT, "device = 'x'; role = 'protected';", "vlan = 3;", "vlan", "vlan: is part of what the port is known by"},
	{CONFIG_KIND_SA, NEW_SA, "spi = 4098;", "spi", "spi: is part of what the sa is known by"},
	{CONFIG_KIND_SA, NEW_SA, "tunnel = 'u';", "tunnel", "tunnel: is part of what the sa is known by"},
	{CONFIG_KIND_SA, NEW_SA, "esn = true;", "esn", "esn: of an SA cannot change: another SA takes its place"},
	{CONFIG_KIND_SA, NEW_SA, KEY256B, "key", "key: of an SA cannot change"},
	{CONFIG_KIND_SA, NEW_SA, "hard_second = 3;", "hard_second", "unknown key \"hard_second\" (did you mean \"hard_seconds\"?)"},
	{CONFIG_KIND_SA, NEW_SA "hard_packets = 10;", "soft_packets = 10;", "soft_packets", "soft_packets: 10 is not below hard_packets (10)"},
};

/* Objects that differ in one thing, where a key is more than one value. */
static const struct {
	enum config_kind kind;
	const char *a, *b;
} unlike[] = {
	{CONFIG_KIND_PORT, "device = 'x'; role = 'protected'; addresses = ( '192.0.2.1/24' );", "device = 'x'; role = 'protected'; addresses = ( '192.0.2.2/24' );"},
	{CONFIG_KIND_PORT, "device = 'x'; role = 'protected'; addresses = ( '192.0.2.1/24' );", "device = 'x'; role = 'protected'; addresses = ( '192.0.2.1/25' );"},
	{CONFIG_KIND_PORT, "device = 'x'; role = 'both'; protected = ( '10.0.0.0/8' );", "device = 'x'; role = 'both'; protected = ( '10.0.0.0/9' );"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL "selectors = ( { }, { local = '10.0.0.0/8'; } );", NEW_TUNNEL "selectors = ( { }, { local = '10.0.0.0/9'; } );"},
	{CONFIG_KIND_TUNNEL, NEW_TUNNEL "selectors = ( { }, { } );", NEW_TUNNEL "selectors = ( { } );"},
	{CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = '203.0.113.9';", "prefix = '0.0.0.0/0'; via = '203.0.113.8';"},
	{CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = '203.0.113.9';", "prefix = '0.0.0.0/0'; via = '203.0.113.9%lan';"},
	{CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = 'ipsec0'; metric = 1;", "prefix = '0.0.0.0/0'; via = 'u'; metric = 1;"},
	{CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = 'lan';", "prefix = '0.0.0.0/0'; via = 'wan';"},
	{CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = 'lan';", "prefix = '0.0.0.0/0'; via = 'discard';"},
	{CONFIG_KIND_POLICY, "priority = 1; action = 'protect'; tunnel = 'ipsec0';", "priority = 1; action = 'protect'; tunnel = 'u';"},
	{CONFIG_KIND_SA, NEW_SA, "spi = 4097; direction = 'out'; tunnel = 'ipsec0'; " GCM KEY256B},
};
/* clang-format on */

static bool
is_zero(const void *memory, size_t bytes)
{
	const char *p = memory;

	for (size_t i = 0; i < bytes; i++)
		if (p[i])
			return false;
	return true;
}

static void
test_good(void **state)
{
	const struct world *world = *state;

	for (size_t i = 0; i < KEY_COUNT(good); i++) {
		enum config_kind kind = good[i].kind;
		struct report report = {0};
		union any a, b;
		config_t tree;

		read_good(world, kind, good[i].text, &a);
		config_init(&tree);
		assert_int_equal(config_object_write(kind, &a, world->scope, CONFIG_WRITE_KEY,
					 config_root_setting(&tree)),
			0);
		assert_int_equal(config_object_read(kind, config_root_setting(&tree), world->scope,
					 &b, &report),
			0);
		if (!config_object_equal(kind, &a, &b))
			fail_msg("differs when read again: %s", good[i].text);
		config_destroy(&tree);
		config_object_free(kind, &a);
		config_object_free(kind, &b);
		assert_true(is_zero(&a, config_kind_bytes(kind)));
	}
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
says(const struct report *report, const char *object, const char *field, const char *message)
{
	const struct report_entry *e = report->entries;

	return report->count == 1 && same(e->field, field) && !e->file && e->line == 0 &&
	       (!object || same(e->object, object)) && strstr(e->text, message);
}

static void
test_bad(void **state)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < KEY_COUNT(bad); i++) {
		struct report report = {0};
		union any object;

		memset(&object, 0xff, sizeof(object));
		if (read_row(*state, bad[i].kind, bad[i].text, &object, &report) != -EINVAL ||
			!says(&report, bad[i].object, bad[i].field, bad[i].message)) {
			print_error("row %zu: %s, field %s\n", i, bad[i].message, bad[i].field);
			report_print(&report, stderr);
			wrong++;
		}
		assert_true(is_zero(&object, config_kind_bytes(bad[i].kind)));
		report_clear(&report);
	}
	assert_int_equal(wrong, 0);
}

/* Nothing is missing where all may be left out; null is as good as nothing. */
static void
test_nothing_given(void **state)
{
	const struct world *world = *state;
	struct report report = {0};
	struct group group;
	union any object;

	assert_int_equal(
		config_object_read(CONFIG_KIND_NEIGHBOUR, NULL, world->scope, &object, &report),
		-EINVAL);
	assert_int_equal(report.count, 3);
	report_clear(&report);
	group_make(&group, "name = 'new'; local = '203.0.113.1'; remote = '203.0.113.7';");
	add_null(&group, "ttl");
	assert_int_equal(
		config_object_read(CONFIG_KIND_TUNNEL, group.root, world->scope, &object, &report),
		0);
	assert_int_equal(object.tunnel.tunnel.ttl, 64);
	config_setting_remove(group.root, "remote");
	add_null(&group, "remote");
	config_object_free(CONFIG_KIND_TUNNEL, &object);
	assert_int_equal(
		config_object_read(CONFIG_KIND_TUNNEL, group.root, world->scope, &object, &report),
		-EINVAL);
	assert_true(says(&report, "tunnel (new)", "remote", "remote is missing"));
	report_clear(&report);
	config_destroy(&group.tree);
}

/* The key goes out only when asked for, and a live SA is not a static one. */
static void
test_sa_key(void **state)
{
	const struct world *world = *state;
	struct config_sa sa, other;
	config_t tree;

	read_good(world, CONFIG_KIND_SA, NEW_SA, &sa);
	assert_false(sa.sa.static_key);
	config_init(&tree);
	assert_int_equal(config_object_write(
				 CONFIG_KIND_SA, &sa, world->scope, 0, config_root_setting(&tree)),
		0);
	assert_null(config_setting_get_member(config_root_setting(&tree), "key"));
	assert_non_null(config_setting_get_member(config_root_setting(&tree), "spi"));
	config_destroy(&tree);
	other = sa;
	assert_true(config_object_equal(CONFIG_KIND_SA, &sa, &other));
	other.sa.key[35] ^= 1;
	assert_false(config_object_equal(CONFIG_KIND_SA, &sa, &other));
	config_object_free(CONFIG_KIND_SA, &sa);
	assert_true(is_zero(&sa, sizeof(sa)));
}

/* Each key of each kind counts: an object that has it set is not equal to one that has not. The
 * rows are the good ones, against their kind's defaults. */
static void
test_equal_sees_each_key(void **state)
{
	const struct world *world = *state;

	for (size_t i = 0; i < KEY_COUNT(good); i++) {
		const struct key_table *table = config_kind_table(good[i].kind);
		struct group group;
		union any whole, less;

		read_good(world, good[i].kind, good[i].text, &whole);
		for (size_t j = 0; j < table->count; j++) {
			struct report report = {0};
			const char *name = table->keys[j].name;

			group_make(&group, good[i].text);
			if (table->keys[j].required || strstr(name, "_port") ||
				!config_setting_get_member(group.root, name)) {
				config_destroy(&group.tree);
				continue;
			}
			config_setting_remove(group.root, name);
			if (config_object_read(
				    good[i].kind, group.root, world->scope, &less, &report) == 0) {
				if (config_object_equal(good[i].kind, &whole, &less))
					fail_msg("%s is not compared: %s", name, good[i].text);
				config_object_free(good[i].kind, &less);
			}
			report_clear(&report);
			config_destroy(&group.tree);
		}
		config_object_free(good[i].kind, &whole);
	}
}

static void
test_unlike(void **state)
{
	for (size_t i = 0; i < KEY_COUNT(unlike); i++) {
		enum config_kind kind = unlike[i].kind;
		union any a, b;

		read_good(*state, kind, unlike[i].a, &a);
		read_good(*state, kind, unlike[i].b, &b);
		if (config_object_equal(kind, &a, &b))
			fail_msg("equal: %s and %s", unlike[i].a, unlike[i].b);
		config_object_free(kind, &a);
		config_object_free(kind, &b);
	}
}

/* The first key that differs, but for one. */
static void
test_differs(void **state)
{
	static const char port[] = "device = 'd0'; role = 'protected'; mtu = 1500;";
	static const struct {
		const char *other, *but, *wanted; /* NULL: none */
	} rows[] = {
		{port, NULL, NULL},
		{"device = 'd0'; role = 'protected'; mtu = 1400;", NULL, "mtu"},
		{"device = 'd0'; role = 'protected'; mtu = 1400;", "mtu", NULL},
		{"device = 'd0'; role = 'unprotected'; mtu = 1400;", "mtu", "role"},
		{"device = 'd0'; role = 'unprotected'; mtu = 1400;", "role", "mtu"},
		{"device = 'd0'; role = 'protected'; addresses = [ '192.0.2.1/24' ];", "mtu",
			"addresses"},
		{"device = 'd1'; name = 'd0'; role = 'protected';", "mtu", "device"},
	};

	for (size_t i = 0; i < KEY_COUNT(rows); i++) {
		const char *const but[] = {rows[i].but, NULL};
		const char *got;
		union any a, b;

		read_good(*state, CONFIG_KIND_PORT, port, &a);
		read_good(*state, CONFIG_KIND_PORT, rows[i].other, &b);
		got = config_object_differs(CONFIG_KIND_PORT, &a, &b, but);
		if (strcmp(got ? got : "-", rows[i].wanted ? rows[i].wanted : "-") != 0)
			fail_msg("%s but %s: %s", rows[i].other, rows[i].but, got);
		config_object_free(CONFIG_KIND_PORT, &a);
		config_object_free(CONFIG_KIND_PORT, &b);
	}
}

static void
test_updates(void **state)
{
	const struct world *world = *state;

	for (size_t i = 0; i < KEY_COUNT(updates); i++) {
		enum config_kind kind = updates[i].kind;
		struct report report = {0};
		union any before, after, expected;
		struct group changes;

		read_good(world, kind, updates[i].text, &before);
		read_good(world, kind, updates[i].same_as, &expected);
		group_make(&changes, updates[i].changes);
		if (updates[i].null)
			add_null(&changes, updates[i].null);
		if (config_object_update(
			    kind, &before, changes.root, world->scope, &after, &report) != 0) {
			report_print(&report, stderr);
			fail_msg("%s", updates[i].changes);
		}
		if (!config_object_equal(kind, &after, &expected))
			fail_msg("not as expected after %s", updates[i].changes);
		config_destroy(&changes.tree);
		config_object_free(kind, &before);
		config_object_free(kind, &after);
		config_object_free(kind, &expected);
	}
}

static void
test_bad_updates(void **state)
{
	const struct world *world = *state;
	unsigned int wrong = 0;

	for (size_t i = 0; i < KEY_COUNT(bad_updates); i++) {
		enum config_kind kind = bad_updates[i].kind;
		struct report report = {0};
		union any before, after;
		struct group changes;

		read_good(world, kind, bad_updates[i].text, &before);
		group_make(&changes, bad_updates[i].changes);
		if (config_object_update(kind, &before, changes.root, world->scope, &after,
			    &report) != -EINVAL ||
			!says(&report, NULL, bad_updates[i].field, bad_updates[i].message)) {
			print_error("row %zu: %s\n", i, bad_updates[i].message);
			report_print(&report, stderr);
			wrong++;
		}
		assert_true(is_zero(&after, config_kind_bytes(kind)));
		report_clear(&report);
		config_destroy(&changes.tree);
		config_object_free(kind, &before);
	}
	assert_int_equal(wrong, 0);
}

/* Lifetimes change, null takes one away, the rest stays; the key is not needed and not there. */
static void
test_sa_update(void **state)
{
	const struct world *world = *state;
	struct report report = {0};
	struct config_sa sa, after;
	struct group changes;

	read_good(world, CONFIG_KIND_SA,
		NEW_SA "esn = true; worker = 3; seq = 9; soft_bytes = 1; hard_bytes = 2; "
		       "soft_seconds = 5;",
		&sa);
	memset(sa.sa.key, 0, sizeof(sa.sa.key));
	group_make(&changes, "spi = 4097; direction = 'out'; tunnel = 'ipsec0'; soft_bytes = 10; "
			     "hard_bytes = 20; hard_packets = 7;");
	add_null(&changes, "soft_seconds");
	assert_int_equal(config_object_update(
				 CONFIG_KIND_SA, &sa, changes.root, world->scope, &after, &report),
		0);
	assert_int_equal(after.sa.soft.bytes, 10);
	assert_int_equal(after.sa.hard.bytes, 20);
	assert_int_equal(after.sa.hard.packets, 7);
	assert_int_equal(after.sa.soft.seconds, 0);
	assert_int_equal(after.sa.worker, 3);
	assert_int_equal(after.sa.seq, 9);
	assert_true(after.sa.esn);
	config_destroy(&changes.tree);
}

/* The same names, other indexes. */
static void
test_translate(void **state)
{
	struct world *world = *state;
	struct report report = {0};
	struct config *c = load_row("ports = ( " WAN ", " LAN " );\n"
				    "tunnels = ( { name = 'u'; carrier = 'udp'; " ENDS "} );",
		&report);
	struct config_scope *there = config_scope_create(c);
	union any o;

	read_good(world, CONFIG_KIND_SA,
		"spi = 4097; direction = 'out'; tunnel = 'u'; " GCM KEY256A, &o);
	assert_int_equal(o.sa.tunnel, 1);
	assert_int_equal(config_object_translate(CONFIG_KIND_SA, &o, world->scope, there), 0);
	assert_int_equal(o.sa.tunnel, 0);
	read_good(world, CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = '203.0.113.9';", &o);
	assert_int_equal(config_object_translate(CONFIG_KIND_ROUTE, &o, world->scope, there), 0);
	assert_int_equal(o.route.port, 0);
	read_good(world, CONFIG_KIND_ROUTE, "prefix = '0.0.0.0/0'; via = 'ipsec0';", &o);
	assert_int_equal(
		config_object_translate(CONFIG_KIND_ROUTE, &o, world->scope, there), -ENOENT);
	assert_int_equal(o.route.tunnel, 0);
	read_good(world, CONFIG_KIND_NEIGHBOUR,
		"address = '203.0.113.2'; mac = '02:00:00:00:00:02'; port = 'wan';", &o);
	assert_int_equal(
		config_object_translate(CONFIG_KIND_NEIGHBOUR, &o, world->scope, there), 0);
	assert_int_equal(o.neighbour.port, 0);
	read_good(world, CONFIG_KIND_POLICY, "priority = 1; action = 'protect'; tunnel = 'ipsec0';",
		&o);
	assert_int_equal(
		config_object_translate(CONFIG_KIND_POLICY, &o, world->scope, there), -ENOENT);
	o.policy.action = SPD_BYPASS;
	assert_int_equal(config_object_translate(CONFIG_KIND_POLICY, &o, world->scope, there), 0);
	config_scope_free(there);
	config_free(c);
}

/* What an object refers to may be gone by the time it is written. */
static void
test_write_without_reference(void **state)
{
	const struct world *world = *state;
	struct config_sa sa;
	config_t tree;

	read_good(world, CONFIG_KIND_SA, NEW_SA, &sa);
	sa.tunnel = 99;
	config_init(&tree);
	assert_int_equal(config_object_write(
				 CONFIG_KIND_SA, &sa, world->scope, 0, config_root_setting(&tree)),
		-ENOENT);
	config_destroy(&tree);
}

/* When ports change, what was right may not be so any more. */
static void
test_check(void **state)
{
	struct world *world = *state;
	struct config_tunnel *tunnel = &world->config->tunnels[0];
	struct report report = {0};

	assert_int_equal(config_object_check(CONFIG_KIND_TUNNEL, tunnel, world->scope, &report), 0);
	world->config->ports[1].role = PORT_PROTECTED;
	assert_int_equal(
		config_object_check(CONFIG_KIND_TUNNEL, tunnel, world->scope, &report), -EINVAL);
	assert_int_equal(report.count, 1);
	assert_string_equal(report.entries[0].field, "local");
	assert_non_null(strstr(report.entries[0].text, "is on a protected port"));
	report_clear(&report);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_given, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sa_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_equal_sees_each_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unlike, setup, teardown),
		cmocka_unit_test_setup_teardown(test_differs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_updates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_updates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sa_update, setup, teardown),
		cmocka_unit_test_setup_teardown(test_translate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_without_reference, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
