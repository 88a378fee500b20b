/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_UNIT_H
#define TEST_UNIT_H

/* cmocka wants these before it: the one place where the order of includes matters. */

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
