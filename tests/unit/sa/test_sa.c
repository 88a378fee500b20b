/* SPDX-License-Identifier: BSD-3-Clause */
/* What an SA's values may be, and that nothing of a key is left behind. */

#include <errno.h>
#include <string.h>

#include "fixture.h"
#include "unit.h"

static struct fixture fx;

/* What the message begins with; NULL: the description is valid. */
struct rule {
	const char *message;
	const char *right; /* what would be right: also in the message */
	enum sa_direction direction;
	uint32_t spi;
	size_t key_bytes;
	uint32_t replay_window;
	uint64_t seq;
	bool esn;
	uint16_t worker;
	struct sa_lifetime soft, hard;
};

#define ANY SA_WORKER_ANY
#define E32 (UINT64_C(1) << 32)

static const struct rule rules[] = {
	{NULL, NULL, SA_IN, 256, 36, 64, 0, false, ANY, {0}, {0}},
	{NULL, NULL, SA_OUT, 256, 36, 0, 0, false, ANY, {0}, {0}},
	{NULL, NULL, SA_IN, UINT32_MAX, 36, 64, 0, false, ANY, {0}, {0}},
	{"spi: 0", "256", SA_IN, 0, 36, 64, 0, false, ANY, {0}, {0}},
	{"spi: 255", "256", SA_IN, 255, 36, 64, 0, false, ANY, {0}, {0}},
	{"key: 35", "36", SA_IN, 256, 35, 64, 0, false, ANY, {0}, {0}},
	{"key: 37", "36", SA_IN, 256, 37, 64, 0, false, ANY, {0}, {0}},
	{"key: 0", "72 hex", SA_IN, 256, 0, 64, 0, false, ANY, {0}, {0}},
	{NULL, NULL, SA_IN, 256, 36, 0, 0, false, ANY, {0}, {0}},
	{"replay_window: 31", "32", SA_IN, 256, 36, 31, 0, false, ANY, {0}, {0}},
	{NULL, NULL, SA_IN, 256, 36, 32, 0, false, ANY, {0}, {0}},
	{NULL, NULL, SA_IN, 256, 36, 4096, 0, false, ANY, {0}, {0}},
	{"replay_window: 4097", "4096", SA_IN, 256, 36, 4097, 0, false, ANY, {0}, {0}},
	{"seq:", "out", SA_IN, 256, 36, 64, 1, false, ANY, {0}, {0}},
	{NULL, NULL, SA_OUT, 256, 36, 0, E32 - 1, false, ANY, {0}, {0}},
	{"seq: 4294967296", "esn", SA_OUT, 256, 36, 0, E32, false, ANY, {0}, {0}},
	{NULL, NULL, SA_OUT, 256, 36, 0, E32, true, ANY, {0}, {0}},
	{"seq: 18446744073709551615", "18446744073709551614", SA_OUT, 256, 36, 0, UINT64_MAX, true,
		ANY, {0}, {0}},
	{NULL, NULL, SA_IN, 256, 36, 64, 0, false, 63, {0}, {0}},
	{"worker: 64", "63", SA_IN, 256, 36, 64, 0, false, 64, {0}, {0}},
	{NULL, NULL, SA_IN, 256, 36, 64, 0, false, ANY, {1, 1, 1}, {0}},
	{NULL, NULL, SA_IN, 256, 36, 64, 0, false, ANY, {0}, {1, 1, 1}},
	{NULL, NULL, SA_IN, 256, 36, 64, 0, false, ANY, {1, 1, 1}, {2, 2, 2}},
	{"soft_seconds: 2", "hard_seconds", SA_IN, 256, 36, 64, 0, false, ANY, {2, 0, 0},
		{2, 0, 0}},
	{"soft_bytes: 9", "hard_bytes", SA_IN, 256, 36, 64, 0, false, ANY, {0, 9, 0}, {0, 8, 0}},
	{"soft_packets: 9", "hard_packets", SA_IN, 256, 36, 64, 0, false, ANY, {0, 0, 9},
		{0, 0, 8}},
};

static void
descriptions_are_validated(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rules); i++) {
		const struct rule *rule = &rules[i];
		const struct sa_config config = {.spi = rule->spi,
			.direction = rule->direction,
			.algorithm = CRYPTO_AES_256_GCM,
			.esn = rule->esn,
			.replay_window = rule->replay_window,
			.seq = rule->seq,
			.soft = rule->soft,
			.hard = rule->hard,
			.worker = rule->worker};
		struct error err = {""};
		int rc = sa_config_validate(&config, rule->key_bytes, &err);

		if (rc != (rule->message == NULL ? 0 : -EINVAL))
			fail_msg("row %u: %d \"%s\"", i, rc, err.text);
		if (rc != 0 && (strstr(err.text, rule->message) != err.text ||
				       strstr(err.text, rule->right) == NULL))
			fail_msg("row %u: \"%s\"", i, err.text);
	}
}

static bool
contains(const void *memory, size_t n, const uint8_t *bytes, size_t length)
{
	return memmem(memory, n, bytes, length) != NULL;
}

static void
the_key_is_not_kept(void **state)
{
	struct sa_config config = sa_config_make(SA_OUT, CRYPTO_AES_128_GCM);
	struct sa *sa = sa_make(fx.engines[ENGINE_SYNC], &config);

	(void)state;
	assert_true(contains(&config, sizeof(config), config.key, 16));
	assert_false(contains(sa, sizeof(*sa), config.key, 16));
	assert_memory_equal(&sa->salt, "salt", 4);
	sa_destroy(sa);
	sa_destroy(NULL);
}

static void
an_sa_is_what_its_description_says(void **state)
{
	struct sa_config config = sa_config_make(SA_IN, CRYPTO_AES_256_GCM);
	struct sa *sa;

	(void)state;
	config.replay_window = 4096;
	config.esn = true;
	sa = sa_make(fx.engines[ENGINE_TEST], &config);
	assert_int_equal(rte_be_to_cpu_32(sa->spi_be), FIXTURE_SPI);
	assert_int_equal(sa->hot.window.size, 4096);
	assert_int_equal(sa->direction, SA_IN);
	assert_true(sa->esn);
	assert_int_equal(sa->overhead, 16);
	assert_int_equal(sa->icv_bytes, 16);
	assert_int_equal((uintptr_t)sa % RTE_CACHE_LINE_SIZE, 0);
	assert_int_equal((uintptr_t)&sa->hot % RTE_CACHE_LINE_SIZE, 0);
	sa_destroy(sa);
}

static void
without_sessions_there_is_no_sa(void **state)
{
	struct sa_config config = sa_config_make(SA_OUT, CRYPTO_AES_256_GCM);
	const struct ip_addr local = ip_addr_v4(1);
	struct sa *sas[128], *none = NULL;
	struct error err = {""};
	unsigned n = 0;

	(void)state;
	while (sa_create(&config, &local, SA_PAYLOAD_IPIP, 0, fx.engines[ENGINE_SYNC], NULL,
		       SOCKET_ID_ANY, &sas[n], &err) == 0)
		assert_true(++n < RTE_DIM(sas));
	assert_int_equal(n, 64);
	assert_non_null(strstr(err.text, "session"));
	assert_null(none);
	while (n > 0)
		sa_destroy(sas[--n]);
	sa_destroy(sa_make(fx.engines[ENGINE_SYNC], &config));
}

static int
setup(void **state)
{
	(void)state;
	fixture_open(&fx, "sa");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fixture_close(&fx);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptions_are_validated),
		cmocka_unit_test(the_key_is_not_kept),
		cmocka_unit_test(an_sa_is_what_its_description_says),
		cmocka_unit_test(without_sessions_there_is_no_sa),
	};

	return cmocka_run_group_tests_name("sa", tests, setup, teardown);
}
