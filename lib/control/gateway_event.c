/* SPDX-License-Identifier: BSD-3-Clause */
#include "gateway_event.h"

static const struct {
	const char *name, *text;
} kinds[] = {
#define X(name, text) {#name, text},
	GATEWAY_EVENTS(X)
#undef X
};

const char *
gateway_event_name(enum gateway_event_kind kind)
{
	return kinds[kind].name;
}

const char *
gateway_event_text(enum gateway_event_kind kind)
{
	return kinds[kind].text;
}
