/* SPDX-License-Identifier: BSD-3-Clause */
/* What a capture has no room for is lost and said; packets of several writers are in the order of
 * their times; a limit ends it; a file that is there is left alone. tshark reads the files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "eal.h"
#include "unit.h"

enum { WRITERS = 3, BYTES = 60000, MANY = 200 };

static char folder[] = "/tmp/espgw-capture-XXXXXX";
static uint8_t frame[BYTES];

static struct rte_mbuf
packet(uint32_t n)
{
	return (struct rte_mbuf){.buf_addr = frame,
		.buf_len = BYTES,
		.nb_segs = 1,
		.data_len = (uint16_t)n,
		.pkt_len = n};
}

static struct capture *
start(const char *path, uint64_t packets)
{
	static const char *const names[] = {"lan", "wan"};
	const struct capture_params params = {.filter = look_filter_all(),
		.path = path,
		.packets = packets,
		.writers = WRITERS,
		.n_ports = 2,
		.port_names = names,
		.port_descriptions = names};
	struct capture *c = NULL;
	struct error err;

	if (capture_start(&params, &c, &err) != 0)
		fail_msg("%s", err.text);
	return c;
}

/* How many packets tshark sees, whose times never go back. */
static unsigned int
read_back(const char *path, char lines[][64], unsigned int most)
{
	char command[128], line[64];
	unsigned int n = 0;
	FILE *tshark;

	snprintf(command, sizeof(command),
		"tshark -r %s -T fields -e frame.time_epoch -e frame.len 2>/dev/null", path);
	tshark = popen(command, "r");
	for (; fgets(line, sizeof(line), tshark); n++)
		if (n < most)
			memcpy(lines[n], line, sizeof(line));
	assert_int_equal(pclose(tshark), 0);
	for (unsigned int i = 1; i < n && i < most; i++)
		assert_true(strcmp(lines[i - 1], lines[i]) < 0);
	return n;
}

static void
test_lost(void **state)
{
	const struct rte_mbuf m = packet(BYTES);
	char path[64], lines[MANY][64];
	struct capture_stats stats;
	unsigned int taken = 0;
	struct capture *c;

	(void)state;
	snprintf(path, sizeof(path), "%s/lost", folder);
	c = start(path, 0);
	/* nothing is read before it is committed, so there is an end to the room */
	for (unsigned int i = 0; i < MANY; i++)
		taken += capture_take(c, 0, &m, 0, 1, PCAPNG_ETHERNET) != NULL;
	capture_commit(c, 0);
	capture_stop(c);
	stats = capture_stats(c);
	assert_true(taken > 0 && taken < MANY);
	assert_int_equal(stats.packets, taken);
	assert_int_equal(stats.lost, MANY - taken);
	assert_int_equal(read_back(path, lines, MANY), taken);
	capture_free(c);
}

static void
test_order(void **state)
{
	char path[64], lines[MANY][64], expected[16];
	struct capture *c;

	(void)state;
	snprintf(path, sizeof(path), "%s/order", folder);
	c = start(path, 0);
	/* the writers take turns, and each says which packet it was by its length */
	for (unsigned int i = 0; i < MANY; i++) {
		const struct rte_mbuf m = packet(100 + i);

		assert_non_null(capture_take(c, i % WRITERS, &m, 0, i % 2, PCAPNG_ETHERNET));
	}
	for (uint16_t i = 0; i < WRITERS; i++)
		capture_commit(c, i);
	capture_stop(c);
	assert_int_equal(read_back(path, lines, MANY), MANY);
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(expected, sizeof(expected), "\t%u\n", 100 + i);
		assert_non_null(strstr(lines[i], expected));
	}
	capture_free(c);
}

static void
test_limit_and_taken_back(void **state)
{
	const struct rte_mbuf m = packet(100);
	char path[64], lines[8][64];
	struct capture *c;

	(void)state;
	snprintf(path, sizeof(path), "%s/limit", folder);
	c = start(path, 5);
	for (unsigned int i = 0; i < 20; i++)
		capture_take(c, 0, &m, 0, 0, PCAPNG_ETHERNET)->taken_back = i % 2;
	assert_false(capture_is_done(c));
	capture_commit(c, 0);
	capture_stop(c);
	assert_true(capture_is_done(c) && capture_is_finished(c));
	assert_int_equal(capture_stats(c).packets, 5);
	assert_int_equal(capture_stats(c).lost, 0);
	assert_int_equal(read_back(path, lines, 8), 5);
	capture_free(c);
}

static void
test_errors(void **state)
{
	static const char *const names[] = {"lan"};
	char path[64];
	struct capture_params params = {.filter = look_filter_all(),
		.path = path,
		.writers = 1,
		.n_ports = 1,
		.port_names = names,
		.port_descriptions = names};
	struct capture *c;
	struct error err;

	(void)state;
	snprintf(path, sizeof(path), "%s/lost", folder);
	assert_int_equal(capture_start(&params, &c, &err), -EEXIST);
	assert_non_null(strstr(err.text, "exists already"));
	snprintf(path, sizeof(path), "%s/no/such", folder);
	assert_int_equal(capture_start(&params, &c, &err), -ENOENT);
	/* never through a link */
	snprintf(path, sizeof(path), "%s/link", folder);
	assert_int_equal(symlink("/dev/full", path), 0);
	assert_int_equal(capture_start(&params, &c, &err), -EEXIST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_limit_and_taken_back),
		cmocka_unit_test(test_errors),
	};
	char command[64];
	int failed;

	test_eal_init("capture", 64);
	if (!mkdtemp(folder))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return failed || system(command) != 0;
}
