/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "unit.h"

static struct ip_addr
addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static struct ip_prefix
prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return p;
}

static void
test_prefix_parse(void **state)
{
	static const struct {
		const char *text, *formatted; /* NULL: refused */
	} rows[] = {
		{"192.0.2.0/24", "192.0.2.0/24"},
		{"192.0.2.1/24", "192.0.2.1/24"},
		{"192.0.2.1", "192.0.2.1/32"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"2001:DB8::/32", "2001:db8::/32"},
		{"::", "::/128"},
		{"::ffff:192.0.2.1/128", "::ffff:192.0.2.1/128"},
		{"192.0.2.0/33", NULL},
		{"2001:db8::/129", NULL},
		{"192.0.2.0/", NULL},
		{"192.0.2.0/-1", NULL},
		{"192.0.2.0/+1", NULL},
		{"192.0.2.0/ 1", NULL},
		{"192.0.2.0/24x", NULL},
		{"192.0.2.0/99999999999999999999", NULL},
		{"192.0.2", NULL},
		{"192.0.2.256", NULL},
		{"", NULL},
		{"/8", NULL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/1", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[IP_PREFIX_STRLEN];
		struct ip_prefix p;
		int rc = ip_prefix_parse(rows[i].text, &p);

		if (rc != (rows[i].formatted ? 0 : -EINVAL) ||
			(rc == 0 && strcmp(ip_prefix_format(&p, buf), rows[i].formatted) != 0))
			fail_msg("row %zu: %s", i, rows[i].text);
	}
}

static void
test_network_and_range(void **state)
{
	static const struct {
		const char *text, *network, *first, *last;
	} rows[] = {
		{"192.0.2.77/24", "192.0.2.0/24", "192.0.2.0", "192.0.2.255"},
		{"192.0.2.77/26", "192.0.2.64/26", "192.0.2.64", "192.0.2.127"},
		{"192.0.2.77/32", "192.0.2.77/32", "192.0.2.77", "192.0.2.77"},
		{"192.0.2.77/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
		{"2001:db8:1:2::5/63", "2001:db8:1:2::/63",
			"2001:db8:1:2::", "2001:db8:1:3:ffff:ffff:ffff:ffff"},
		{"2001:db8::5/0", "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip_prefix p = prefix(rows[i].text), network = ip_prefix_network(&p);
		struct ip_range range = ip_prefix_range(&p);
		char buf[IP_PREFIX_STRLEN];

		if (strcmp(ip_prefix_format(&network, buf), rows[i].network) != 0 ||
			strcmp(ip_addr_format(&range.first, buf), rows[i].first) != 0 ||
			strcmp(ip_addr_format(&range.last, buf), rows[i].last) != 0)
			fail_msg("row %zu: %s", i, rows[i].text);
	}
}

static void
test_contains(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool inside;
	} rows[] = {
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.9/24", "192.0.2.1", true},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "::", false},
		{"::/0", "0.0.0.0", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip_prefix p = prefix(rows[i].prefix);
		struct ip_addr a = addr(rows[i].addr);

		if (ip_prefix_contains(&p, &a) != rows[i].inside)
			fail_msg("row %zu: %s in %s", i, rows[i].addr, rows[i].prefix);
	}
}

static void
test_compare(void **state)
{
	/* In order, each below the next. */
	static const char *const rows[] = {"0.0.0.0", "9.255.0.1", "10.0.0.0", "255.255.255.255",
		"::", "::1", "2001:db8::", "ff02::1"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++) {
			struct ip_addr a = addr(rows[i]), b = addr(rows[j]);
			int order = ip_addr_compare(&a, &b);

			if ((order > 0) - (order < 0) != (i > j) - (i < j) ||
				ip_addr_equal(&a, &b) != (i == j))
				fail_msg("%s and %s", rows[i], rows[j]);
		}
}

static void
test_kinds(void **state)
{
	static const struct {
		const char *addr;
		bool unspecified, multicast, link_local;
	} rows[] = {
		{"0.0.0.0", true, false, false},
		{"::", true, false, false},
		{"224.0.0.1", false, true, false},
		{"239.255.255.255", false, true, false},
		{"240.0.0.1", false, false, false},
		{"ff02::1", false, true, false},
		{"169.254.0.1", false, false, true},
		{"169.253.0.1", false, false, false},
		{"fe80::1", false, false, true},
		{"febf::1", false, false, true},
		{"fec0::1", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip_addr a = addr(rows[i].addr);

		if (ip_addr_is_unspecified(&a) != rows[i].unspecified ||
			ip_addr_is_multicast(&a) != rows[i].multicast ||
			ip_addr_is_link_local(&a) != rows[i].link_local)
			fail_msg("row %zu: %s", i, rows[i].addr);
	}
}

static void
test_v4(void **state)
{
	struct ip_addr a = ip_addr_v4(0xc0000201), none = {0};
	char buf[IP_ADDR_STRLEN];

	(void)state;
	assert_string_equal(ip_addr_format(&a, buf), "192.0.2.1");
	assert_true(ip_addr_to_v4(&a) == 0xc0000201);
	assert_string_equal(ip_addr_format(&none, buf), "-");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix_parse),
		cmocka_unit_test(test_network_and_range),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_v4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
