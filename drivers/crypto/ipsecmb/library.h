/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IPSECMB_LIBRARY_H
#define IPSECMB_LIBRARY_H

/*
 * intel-ipsec-mb's AES-GCM as tables of functions. They use nothing of the manager that they come
 * from, but each of them, when it begins, writes the library's one global error number: two workers
 * that call the same copy of the library take its cache line from each other all the time (54 ns
 * for a packet of 64 bytes instead of 31). So every worker gets a copy of its own.
 */

#include <stdbool.h>

#include <intel-ipsec-mb.h>

#include "crypto.h"

enum { DIRECTIONS = CRYPTO_DECRYPT + 1 };

/* By enum crypto_algorithm_id and enum crypto_direction. */
struct gcm_calls {
	aes_gcm_enc_dec_t whole[CRYPTO_ALGORITHM_COUNT][DIRECTIONS];
	aes_gcm_pre_t expand[CRYPTO_ALGORITHM_COUNT];
	aes_gcm_init_t init[CRYPTO_ALGORITHM_COUNT];
	aes_gcm_enc_dec_update_t update[CRYPTO_ALGORITHM_COUNT][DIRECTIONS];
	aes_gcm_enc_dec_finalize_t finalize[CRYPTO_ALGORITHM_COUNT][DIRECTIONS];
};

struct library {
	void *handle; /* NULL: the copy that the program is linked with */
	IMB_MGR *manager;
};

/* own: a copy of its own, or, when there is no room for another one, the program's after all: the
 * same results, less speed. 0 or -errno. */
int library_open(struct library *library, bool own, struct error *err);
/* The tables hold as long as the library is open. */
void library_calls(const struct library *library, struct gcm_calls *calls);
void library_close(struct library *library);

#endif
