/* SPDX-License-Identifier: BSD-3-Clause */

/* What the control lcore waits for beside its own work. */

#include <errno.h>
#include <sys/epoll.h>

#include "internal.h"

int
gateway_watch_add(struct gateway *g, struct gateway_watch *watch)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

	return epoll_ctl(g->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0 ? 0 : -errno;
}

void
gateway_watch_remove(struct gateway *g, const struct gateway_watch *watch)
{
	epoll_ctl(g->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
}

/* One at a time: a watch may be removed by what another one calls. The kernel lets them take turns.
 */
bool
watch_wait(struct gateway *g, int timeout_ms)
{
	const struct gateway_watch *watch;
	struct epoll_event event;

	if (epoll_wait(g->epoll, &event, 1, timeout_ms) != 1)
		return false;
	watch = event.data.ptr;
	watch->ready(watch->arg);
	return true;
}
