/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

static int types[LOG_MODULE_COUNT];

void
log_init(void)
{
	static const char *const names[] = {
#define X(name) "espgw." #name,
		LOG_MODULES(X)
#undef X
	};

	for (int i = 0; i < LOG_MODULE_COUNT; i++)
		types[i] = rte_log_register_type_and_pick_level(names[i], RTE_LOG_NOTICE);
}

int
log_type(enum log_module module)
{
	return types[module];
}
