/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errmsg.h"
#include "unit.h"

static void
test_error_set(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, -EINVAL, "%s is %d", "x", 5), -EINVAL);
	assert_string_equal(err.text, "x is 5");
	assert_int_equal(error_set(NULL, -ENOENT, "nobody listens"), -ENOENT);
	error_set(&err, 0, "%1000d", 1);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void
test_report(void **state)
{
	struct report report = {0};
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	(void)state;
	assert_non_null(f);
	report_add(&report, "a.conf", 3, "ports[0]", "mtu: %d", 7);
	report_add(&report, "a.conf", 0, NULL, "cannot be opened");
	report_add(&report, NULL, 0, "x", "y");
	assert_int_equal(report.count, 3);
	report_print(&report, f);
	fclose(f);
	assert_string_equal(text, "a.conf:3: ports[0]: mtu: 7\na.conf: cannot be opened\nx: y\n");
	free(text);
	report_clear(&report);
	assert_int_equal(report.count, 0);
	assert_null(report.entries);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_set),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
