/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_H
#define BENCH_H

/* What benchmarks share: EAL on huge pages where there are any, and medians. */

#include <stdint.h>

/* EAL with so many lcores: the first on the CPU that the process runs on, the others on other ones,
 * if it may use any. mb: memory. Once a process; ends it when EAL does not start. */
void bench_eal(const char *name, unsigned int mb, unsigned int lcores);

/* Sorts. */
double bench_median(double *values, unsigned int n);

/* Of the time stamp counter. */
double bench_ns(uint64_t cycles);

#endif
