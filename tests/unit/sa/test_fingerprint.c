/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys are recognised by SHA-256 of a salt and the key: against what Python's hashlib says. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fingerprint.h"
#include "unit.h"

/* salt: 0, 1, 2, …, or zeroes; the key's bytes are 7 i + length. */
static const struct row {
	bool counting;
	uint8_t bytes;
	const char *right;
} rows[] = {
	{true, 0, "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd"},
	{true, 20, "d16650de990d857de1ad7b0416ad905957af46fe56081126b8efbe7cf162998f"},
	{true, 28, "8d820f6068ae1865e87d3b8b42986b300e4895d2851f629b56dae68b5c2665e3"},
	{true, 36, "bfe24405dfde66ed1e62a393c085fad5d48985bfdfb2698b43a750225d0b64b3"},
	{true, 64, "5b73588ecb82add6f693f1700ef567f10d787a2c7edaddf6e304d67ef2d69d23"},
	{false, 0, "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"},
	{false, 20, "7fbe150dc87ef21ca79b79ce5bfffe9eadb64bb3a5d46545dcdcc1a37f4f8aa4"},
	{false, 28, "fe133d0cee6e1a9275b7d3e2793cb701fcddb91066b70feabcffbc0df4d62da6"},
	{false, 36, "d38634b236ed135785be08069d9796df54e9deb823974176bb16f95ae36c89ca"},
	{false, 64, "c0f0bbfa22bdfe5b133fa9601f33ba2a5b360d0038b13e8ea24d5bc913cb2e6b"},
};

static void
key_make(uint8_t *key, uint8_t bytes)
{
	for (uint8_t i = 0; i < bytes; i++)
		key[i] = (uint8_t)(7 * i + bytes);
}

static void
create(struct fingerprinter *f, bool counting)
{
	uint8_t salt[FINGERPRINT_SALT_BYTES];

	for (uint8_t i = 0; i < sizeof(salt); i++)
		salt[i] = counting ? i : 0;
	assert_int_equal(fingerprinter_create(f, salt), 0);
	memset(salt, 0xff, sizeof(salt)); /* it was copied */
}

static void
test_known(void **state)
{
	struct fingerprinter f[2];
	char text[2 * FINGERPRINT_BYTES + 1];
	uint8_t key[FINGERPRINT_KEY_MAX];

	(void)state;
	create(&f[0], false);
	create(&f[1], true);
	/* in turn: neither remembers what the other, or itself, did before */
	for (unsigned int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct fingerprint print;

			key_make(key, rows[i].bytes);
			print = fingerprint_of(&f[rows[i].counting], key, rows[i].bytes);
			for (unsigned int k = 0; k < FINGERPRINT_BYTES; k++)
				snprintf(text + 2 * k, 3, "%02x", print.bytes[k]);
			assert_string_equal(text, rows[i].right);
		}
	fingerprinter_destroy(&f[0]);
	fingerprinter_destroy(&f[1]);
}

/* What never was made is destroyed as well. */
static void
test_destroy(void **state)
{
	struct fingerprinter f = {0};

	(void)state;
	fingerprinter_destroy(&f);
	create(&f, true);
	fingerprinter_destroy(&f);
	assert_null(f.manager);
	fingerprinter_destroy(&f);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_destroy),
	};

	return cmocka_run_group_tests_name("fingerprint", tests, NULL, NULL);
}
