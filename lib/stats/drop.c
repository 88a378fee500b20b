/* SPDX-License-Identifier: BSD-3-Clause */
#include "drop.h"

static const struct {
	const char *name, *text;
} reasons[DROP_REASON_COUNT + 1] = {
#define X(name, text) {#name, text},
	DROP_REASONS(X)
#undef X
		{"none", "not dropped"},
};

const char *
drop_name(enum drop_reason reason)
{
	return reasons[reason].name;
}

const char *
drop_text(enum drop_reason reason)
{
	return reasons[reason].text;
}
