/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_ORDER_H
#define CONFIG_ORDER_H

/* The names that objects go by, as an order of each kind: two that are equal in it are one object
 * of two times. References are compared as indexes. */

#include "config_object.h"

typedef int config_order_fn(const void *a, const void *b);

/* NULL: the kind has none. */
config_order_fn *config_order(enum config_kind kind);

#endif
