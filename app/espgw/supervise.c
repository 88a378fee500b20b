/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervise.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

enum {
	STATUS_MS = 1000,
	SILENT_MS = 10000, /* is told at the latest, with a longer watchdog or none */
};

/* How long a worker may be silent. */
static uint64_t
silence_allowed(const struct supervisor *s)
{
	uint64_t half = s->notify.watchdog_ms / 2;

	return half && half < SILENT_MS ? half : SILENT_MS;
}

static void
tell_status(struct supervisor *s, const struct gateway_health *health)
{
	char status[sizeof(s->status)];

	if (s->silent)
		snprintf(status, sizeof(status),
			"worker %u on lcore %u makes no progress; %u of %u tunnels are up",
			health->worker, health->lcore, health->tunnels_up, health->tunnels);
	else
		snprintf(status, sizeof(status), "forwarding; %u of %u tunnels are up",
			health->tunnels_up, health->tunnels);
	if (strcmp(status, s->status) == 0)
		return;
	memcpy(s->status, status, sizeof(status));
	notify_send(&s->notify, "STATUS=%s\n", status);
}

static void
tell_silence(struct supervisor *s, const struct gateway_health *health)
{
	bool silent = health->silent_ms >= silence_allowed(s);

	if (silent == s->silent)
		return;
	s->silent = silent;
	if (silent)
		log_error(main, "worker %u on lcore %u has made no turn for %" PRIu64 " ms",
			health->worker, health->lcore, health->silent_ms);
	else
		log_notice(main, "all workers make progress again");
}

void
supervise_tick(void *arg, const struct gateway *g, uint64_t now_ms)
{
	struct supervisor *s = arg;
	bool heartbeat = s->notify.watchdog_ms && now_ms >= s->next_heartbeat_ms;
	struct gateway_health health;

	if (!heartbeat && now_ms < s->next_status_ms)
		return;
	gateway_health(g, now_ms, &health);
	if (!s->ready)
		notify_send(&s->notify, "READY=1\n");
	s->ready = true;
	tell_silence(s, &health);
	if (heartbeat) {
		s->next_heartbeat_ms = now_ms + s->notify.watchdog_ms / 4;
		if (!s->silent)
			notify_send(&s->notify, "WATCHDOG=1\n");
	}
	if (now_ms >= s->next_status_ms) {
		s->next_status_ms = now_ms + STATUS_MS;
		tell_status(s, &health);
	}
}

void
supervise_stopping(struct supervisor *s)
{
	notify_send(&s->notify, "STOPPING=1\nSTATUS=stopping\n");
}
