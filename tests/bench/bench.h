/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_H
#define BENCH_H

/* What benchmarks share: EAL on huge pages where there are any, and medians. */

#include <stdint.h>

/* One lcore for each CPU that the process may use, at most `lcores`; the first is the one that it
 * runs on. mb: memory. */
void bench_eal(const char *name, unsigned int mb, unsigned int lcores);

/* Sorts. */
double bench_median(double *values, unsigned int n);

/* Of the time stamp counter. */
double bench_ns(uint64_t cycles);

#endif
