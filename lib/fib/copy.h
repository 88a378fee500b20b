/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FIB_COPY_H
#define FIB_COPY_H

/* One rte_fib or rte_fib6, by family: what fib.c keeps two of. Private to this module. Control
 * lcore. */

#include <stdint.h>

#include "addr.h"

/* name: unique in the process, at most 22 characters. NULL with rte_errno. */
void *fib_copy_create(const char *name, uint8_t family, uint32_t routes, int socket);
void fib_copy_destroy(uint8_t family, void *copy);

/*
 * The prefix leads to nexthop from now on, or no longer to anything. -ENOSPC, -ENOENT. After
 * an error the copy may be half changed: it is good for nothing but to be destroyed.
 */
int fib_copy_set(void *copy, const struct ip_prefix *prefix, uint32_t nexthop);
int fib_copy_unset(void *copy, const struct ip_prefix *prefix);

/* Adds all that is in `from` to the empty copy `to`. */
int fib_copy_fill(uint8_t family, void *to, void *from);

/* Bytes of EAL's memory that one takes. */
uint64_t fib_copy_bytes(uint8_t family, uint32_t routes);

#endif
