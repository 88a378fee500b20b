/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef UNITS_H
#define UNITS_H

/* Numbers as a person reads them. Each function fills buf and returns it. */

#include <stdint.h>

enum { UNITS_BYTES = 32 };

/* "0", "99999", "123k", "1.23M": up to five digits as they are, then three significant ones. */
const char *units_count(char buf[UNITS_BYTES], uint64_t n);

/* "512 B", "5.14 kB", "1.20 GB": powers of 1000, as links are sold. */
const char *units_bytes(char buf[UNITS_BYTES], uint64_t bytes);

/* "1,234,567". */
const char *units_exact(char buf[UNITS_BYTES], uint64_t n);

/* "0", "0.50", "12.3", "1.23M": of something a second. */
const char *units_rate(char buf[UNITS_BYTES], double a_second);

/* "38.5 Mbit/s". */
const char *units_bits(char buf[UNITS_BYTES], double bits_a_second);

/* "45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
const char *units_seconds(char buf[UNITS_BYTES], uint64_t seconds);

#endif
