/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SECRET_H
#define SECRET_H

/*
 * Memory for what may be a key: wiped when it is freed, and its pages are left out of core dumps
 * (MADV_DONTDUMP). One pool for the process, since jansson's allocator takes no argument: control
 * lcore only.
 */

#include <stddef.h>

/* Not zeroed, aligned to 16; NULL: no memory. */
void *secret_alloc(size_t bytes);

/* Zeroed. */
void *secret_zalloc(size_t bytes);

/* Wipes. NULL is fine. Who frees the last block of all gives back what the pool has grown by, and
 * may be stopped meanwhile (fibre_rest). */
void secret_free(void *memory);

#endif
