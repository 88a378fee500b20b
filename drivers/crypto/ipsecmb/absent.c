/* SPDX-License-Identifier: BSD-3-Clause */
/* In place of the engine where the build found no intel-ipsec-mb 1.3. */

#include <errno.h>

#include "ipsecmb.h"

struct crypto_engine *
ipsecmb_create(const struct crypto_engine_params *params, struct error *err)
{
	(void)params;
	error_set(err, -ENOTSUP,
		"crypto engine \"ipsec-mb\": espgw was built without it: it needs libipsec-mb-dev "
		"1.3 or newer");
	return NULL;
}
