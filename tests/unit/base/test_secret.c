/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "fibre.h"
#include "secret.h"
#include "unit.h"

/* There what may be a key comes from malloc. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SECRET_MALLOC
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SECRET_MALLOC
#endif

enum { BLOCKS = 4096, BLOCK_BYTES = 1000, CHUNK_BYTES = 256 << 10 };

/* Blocks of many sizes do not share a byte, and are aligned. */
static void
test_blocks(void **state)
{
	static unsigned char *blocks[300];

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		blocks[i] = secret_zalloc(i * 200 + 1);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		assert_int_equal(blocks[i][i * 200], 0);
		memset(blocks[i], (int)i, i * 200 + 1);
	}
	for (size_t i = 0; i < 300; i++) {
		assert_int_equal(blocks[i][0], i & 255);
		assert_int_equal(blocks[i][i * 200], i & 255);
		secret_free(blocks[i]);
	}
	secret_free(NULL);
}

static void
take_and_free(void *arg)
{
	static void *blocks[BLOCKS];
	size_t *taken = arg;

	for (size_t i = 0; i < BLOCKS; i++, ++*taken)
		blocks[i] = secret_alloc(BLOCK_BYTES);
	for (size_t i = 0; i < BLOCKS; i++)
		secret_free(blocks[i]);
}

/* What many blocks took is given back a chunk at a turn, and meanwhile others take blocks. */
static void
test_turns(void **state)
{
	size_t taken = 0, turns = 0;
	struct fibre *f = fibre_create(take_and_free, &taken);

	(void)state;
#ifdef SECRET_MALLOC
	skip();
#endif
	assert_non_null(f);
	for (; fibre_run(f, 0) == FIBRE_RESTS; turns++) {
		char *other = secret_alloc(BLOCK_BYTES);

		assert_non_null(other);
		memset(other, 1, BLOCK_BYTES);
		secret_free(other);
	}
	fibre_destroy(f);
	fibre_trim();
	assert_int_equal(taken, BLOCKS);
	assert_true(turns >= BLOCKS * BLOCK_BYTES / CHUNK_BYTES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
