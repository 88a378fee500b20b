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

bool
drop_is_auditable(enum drop_reason reason)
{
	switch (reason) {
	case DROP_esp_unknown_spi:
	case DROP_esp_address:
	case DROP_esp_carrier:
	case DROP_replay_old:
	case DROP_replay_seen:
	case DROP_replay_late:
	case DROP_icv:
	case DROP_selector_in:
		return true;
	default:
		return false;
	}
}
