/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

/* What a key is recognised by without being kept: SHA-256 of a salt and the key. */

#include <stddef.h>
#include <stdint.h>

enum {
	FINGERPRINT_SALT_BYTES = 32,
	FINGERPRINT_BYTES = 32,
	FINGERPRINT_KEY_MAX = 64,
};

struct fingerprint {
	uint8_t bytes[FINGERPRINT_BYTES];
};

struct IMB_MGR;

struct fingerprinter {
	struct IMB_MGR *manager;
	uint8_t salt[FINGERPRINT_SALT_BYTES];
};

/* salt: FINGERPRINT_SALT_BYTES, copied. 0 or -ENOMEM. */
int fingerprinter_create(struct fingerprinter *f, const uint8_t *salt);
void fingerprinter_destroy(struct fingerprinter *f);

/* bytes <= FINGERPRINT_KEY_MAX. One thread at a time for each fingerprinter. */
struct fingerprint fingerprint_of(struct fingerprinter *f, const uint8_t *key, size_t bytes);

#endif
