/* SPDX-License-Identifier: BSD-3-Clause */
#include "fingerprint.h"

#include <errno.h>
#include <string.h>

#include <intel-ipsec-mb.h>

#include "crypto.h"

int
fingerprinter_create(struct fingerprinter *f, const uint8_t *salt)
{
	memcpy(f->salt, salt, sizeof(f->salt));
	f->manager = alloc_mb_mgr(0);
	if (!f->manager)
		return -ENOMEM;
	init_mb_mgr_auto(f->manager, NULL);
	return 0;
}

void
fingerprinter_destroy(struct fingerprinter *f)
{
	if (f->manager)
		free_mb_mgr(f->manager);
	f->manager = NULL;
}

struct fingerprint
fingerprint_of(struct fingerprinter *f, const uint8_t *key, size_t bytes)
{
	uint8_t text[FINGERPRINT_SALT_BYTES + FINGERPRINT_KEY_MAX];
	struct fingerprint result;

	memcpy(text, f->salt, FINGERPRINT_SALT_BYTES);
	memcpy(text + FINGERPRINT_SALT_BYTES, key, bytes);
	IMB_SHA256(f->manager, text, FINGERPRINT_SALT_BYTES + bytes, result.bytes);
	crypto_wipe(text, sizeof(text));
	return result;
}
