/* SPDX-License-Identifier: BSD-3-Clause */
#include "meter.h"

const char *
meter_part_name(enum meter_part part)
{
	static const char *const names[] = {
#define X(name) #name,
		METER_PARTS(X)
#undef X
	};

	return names[part];
}
