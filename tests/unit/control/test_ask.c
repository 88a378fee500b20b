/* SPDX-License-Identifier: BSD-3-Clause */

/* Threads ask, this one is the control lcore. */

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "../unit.h"
#include "internal.h"

enum { THREADS = 6, QUESTIONS = 500, LONG_MS = 100000 };

struct asker {
	pthread_t thread;
	uint32_t questions, timeout_ms;
	int rc; /* of the last */
	uint32_t work_ms;
	uint32_t answers; /* written by the control lcore, without an atomic */
	pthread_t answered_by;
};

static uint32_t all_answers;

static void
sleep_ms(uint32_t ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l}, NULL);
}

static int
answer(struct gateway *g, void *arg)
{
	struct asker *a = arg;

	if (a->work_ms)
		sleep_ms(a->work_ms);
	a->answered_by = pthread_self();
	a->answers++;
	all_answers++;
	return g ? 7 : -EINVAL;
}

static void *
ask(void *arg)
{
	struct asker *a = arg;

	for (uint32_t i = 0; i < a->questions; i++)
		a->rc = gateway_ask(answer, a, a->timeout_ms);
	return NULL;
}

static void
start(struct asker *a)
{
	assert_int_equal(pthread_create(&a->thread, NULL, ask, a), 0);
}

static void
finish(struct asker *a)
{
	pthread_join(a->thread, NULL);
}

static int
setup(void **state)
{
	static struct gateway g;

	g.epoll = epoll_create1(EPOLL_CLOEXEC);
	all_answers = 0;
	*state = &g;
	return ask_start(&g, NULL);
}

static int
teardown(void **state)
{
	struct gateway *g = *state;

	ask_stop(g);
	close(g->epoll);
	return 0;
}

static void
test_many_threads(void **state)
{
	struct gateway *g = *state;
	struct asker askers[THREADS] = {0};

	for (int i = 0; i < THREADS; i++) {
		askers[i].questions = QUESTIONS;
		askers[i].timeout_ms = LONG_MS;
		start(&askers[i]);
	}
	while (all_answers < THREADS * QUESTIONS)
		watch_wait(g, 1000);
	for (int i = 0; i < THREADS; i++) {
		finish(&askers[i]);
		assert_int_equal(askers[i].rc, 7);
		assert_int_equal(askers[i].answers, QUESTIONS);
		assert_true(pthread_equal(askers[i].answered_by, pthread_self()));
	}
	assert_false(watch_wait(g, 0));
}

/* Each turn of the control lcore has one answer, however many wait. */
static void
test_one_a_turn(void **state)
{
	struct gateway *g = *state;
	struct asker askers[THREADS] = {0};

	for (int i = 0; i < THREADS; i++) {
		askers[i].questions = 1;
		askers[i].timeout_ms = LONG_MS;
		start(&askers[i]);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		assert_true(watch_wait(g, 10000));
		assert_int_equal(all_answers, i + 1);
	}
	for (int i = 0; i < THREADS; i++)
		finish(&askers[i]);
}

/* A control lcore that is busy: whoever is tired of waiting has not asked. */
static void
test_busy(void **state)
{
	struct gateway *g = *state;
	struct asker late = {.questions = 1, .timeout_ms = 20};
	struct asker next = {.questions = 1, .timeout_ms = LONG_MS};

	start(&late);
	finish(&late);
	assert_int_equal(late.rc, -ETIMEDOUT);
	start(&next);
	while (next.answers == 0)
		watch_wait(g, 1000);
	finish(&next);
	assert_int_equal(next.rc, 7);
	while (watch_wait(g, 0))
		;
	assert_int_equal(late.answers, 0);
}

/* An answer that has begun writes into what is the asker's: it is waited for. */
static void
test_slow_answer(void **state)
{
	struct asker a = {.questions = 1, .timeout_ms = 1500, .work_ms = 2000};

	start(&a);
	assert_true(watch_wait(*state, 1400));
	finish(&a);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.rc, 7);
}

static void
test_stop(void **state)
{
	struct gateway *g = *state;
	struct asker a = {.questions = 1, .timeout_ms = LONG_MS};
	struct epoll_event event;

	start(&a);
	assert_int_equal(epoll_wait(g->epoll, &event, 1, 10000), 1); /* it waits */
	ask_stop(g);
	finish(&a);
	assert_int_equal(a.rc, -ENODEV);
	assert_int_equal(a.answers, 0);
	assert_int_equal(gateway_ask(answer, &a, LONG_MS), -ENODEV);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_a_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
	};

	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
