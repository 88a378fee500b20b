/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef IPSECMB_H
#define IPSECMB_H

/*
 * A synchronous engine that calls intel-ipsec-mb itself, once a packet: no device, no queue, no
 * init/update/finalize but for chains. Where the build found no library of the version it needs
 * the function is there and says so.
 */

#include "crypto.h"

/* "ipsec-mb". NULL with err set. Control lcore. */
struct crypto_engine *ipsecmb_create(const struct crypto_engine_params *params, struct error *err);

#endif
