/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Questions of other threads, answered by the control lcore between two of its turns: what it alone
 * writes is read by nobody else, and no table needs a lock. The lock here guards the questions.
 */

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

enum state { WAITING, AT_WORK, ANSWERED };

/* On the asker's stack; the lock guards state and rc. */
struct question {
	STAILQ_ENTRY(question) link;
	gateway_ask_fn *answer;
	void *arg;
	enum state state;
	int rc;
};
STAILQ_HEAD(questions, question);

/* One for the process: rte_telemetry of 22.11, which asks, gives its callbacks no argument. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct gateway *gateway;    /* NULL: there is none */
	struct gateway_watch watch; /* of an eventfd, which counts those that wait */
	struct questions waiting;
} desk = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.answered = PTHREAD_COND_INITIALIZER,
	.waiting = STAILQ_HEAD_INITIALIZER(desk.waiting),
};

static struct timespec
deadline_after(uint32_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (ms % 1000) * 1000000l;
	if (t.tv_nsec >= 1000000000l) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000l;
	}
	return t;
}

/* An answer that has begun is waited for: it writes where arg points to. */
static void
wait_for_answer(struct question *q, uint32_t timeout_ms)
{
	struct timespec deadline = deadline_after(timeout_ms);
	int rc = 0;

	while (q->state == WAITING && rc == 0)
		rc = pthread_cond_clockwait(&desk.answered, &desk.lock, CLOCK_MONOTONIC, &deadline);
	while (q->state == AT_WORK)
		pthread_cond_wait(&desk.answered, &desk.lock);
	if (q->state == WAITING) {
		STAILQ_REMOVE(&desk.waiting, q, question, link);
		q->rc = -ETIMEDOUT;
	}
}

int
gateway_ask(gateway_ask_fn *answer, void *arg, uint32_t timeout_ms)
{
	struct question q = {.answer = answer, .arg = arg, .rc = -ENODEV};

	pthread_mutex_lock(&desk.lock);
	if (desk.gateway) {
		STAILQ_INSERT_TAIL(&desk.waiting, &q, link);
		eventfd_write(desk.watch.fd, 1);
		wait_for_answer(&q, timeout_ms);
	}
	pthread_mutex_unlock(&desk.lock);
	return q.rc;
}

/* Answers the one that waits longest. */
static void
answer_one(void *arg)
{
	struct gateway *g = arg;
	struct question *q;
	eventfd_t one;

	eventfd_read(desk.watch.fd, &one);
	pthread_mutex_lock(&desk.lock);
	q = STAILQ_FIRST(&desk.waiting);
	if (q) {
		STAILQ_REMOVE_HEAD(&desk.waiting, link);
		q->state = AT_WORK;
		pthread_mutex_unlock(&desk.lock);
		q->rc = q->answer(g, q->arg);
		pthread_mutex_lock(&desk.lock);
		q->state = ANSWERED;
		pthread_cond_broadcast(&desk.answered);
	}
	pthread_mutex_unlock(&desk.lock);
}

int
ask_start(struct gateway *g, struct report *report)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE), rc;

	(void)report;
	if (fd < 0)
		return -errno;
	pthread_mutex_lock(&desk.lock);
	desk.watch = (struct gateway_watch){.fd = fd, .ready = answer_one, .arg = g};
	rc = gateway_watch_add(g, &desk.watch);
	if (rc == 0)
		desk.gateway = g;
	else
		close(fd);
	pthread_mutex_unlock(&desk.lock);
	return rc;
}

void
ask_stop(struct gateway *g)
{
	struct question *q;

	pthread_mutex_lock(&desk.lock);
	if (desk.gateway == g) {
		desk.gateway = NULL;
		gateway_watch_remove(g, &desk.watch);
		close(desk.watch.fd);
		while ((q = STAILQ_FIRST(&desk.waiting))) {
			STAILQ_REMOVE_HEAD(&desk.waiting, link);
			q->state = ANSWERED; /* with -ENODEV */
		}
		pthread_cond_broadcast(&desk.answered);
	}
	pthread_mutex_unlock(&desk.lock);
}
