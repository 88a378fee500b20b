/* SPDX-License-Identifier: BSD-3-Clause */
#include "builder.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>

#include "fibre.h"

/* The lock guards all but what never changes. */
struct builder {
	struct numa_nodes nodes;
	uint16_t workers;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop;
	bool wanted; /* something is to be built, or is being built: what follows is the thread's */
	const struct spd_policy *policies;
	uint32_t n;
	struct spd *sets[RTE_MAX_NUMA_NODES];
	int rc;
	struct error err;
};

static void
sets_build(struct builder *b)
{
	memset(b->sets, 0, sizeof(b->sets));
	b->rc = 0;
	for (uint16_t i = 0; b->n > 0 && i < b->nodes.n; i++) {
		b->sets[i] = spd_build(b->policies, b->n, b->workers, b->nodes.sockets[i], &b->err);
		if (b->sets[i])
			continue;
		while (i-- > 0)
			spd_destroy(b->sets[i]);
		b->rc = -EINVAL;
		return;
	}
}

static void *
run(void *builder)
{
	struct builder *b = builder;

	pthread_mutex_lock(&b->lock);
	while (!b->stop) {
		if (!b->wanted) {
			pthread_cond_wait(&b->changed, &b->lock);
			continue;
		}
		pthread_mutex_unlock(&b->lock);
		sets_build(b);
		pthread_mutex_lock(&b->lock);
		b->wanted = false;
		pthread_cond_broadcast(&b->changed);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

struct builder *
builder_create(const struct numa_nodes *nodes, uint16_t workers)
{
	struct builder *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->nodes = *nodes;
	b->workers = workers;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
	/* where EAL's own threads run: not on a worker's CPU, if there is another one */
	if (rte_ctrl_thread_create(&b->thread, "espgw-policies", NULL, run, b) == 0)
		return b;
	free(b);
	return NULL;
}

void
builder_destroy(struct builder *b)
{
	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* With the lock, which is let go of meanwhile. */
static void
wait_for_sets(struct builder *b)
{
	while (b->wanted) {
		pthread_mutex_unlock(&b->lock);
		bool waited = fibre_wait();
		pthread_mutex_lock(&b->lock);
		if (!waited && b->wanted)
			pthread_cond_wait(&b->changed, &b->lock);
	}
}

int
builder_build(struct builder *b, const struct spd_policy *policies, uint32_t n, struct spd **sets,
	struct error *err)
{
	int rc;

	pthread_mutex_lock(&b->lock);
	b->policies = policies;
	b->n = n;
	b->wanted = true;
	pthread_cond_broadcast(&b->changed);
	wait_for_sets(b);
	rc = b->rc;
	if (rc == 0)
		memcpy(sets, b->sets, b->nodes.n * sizeof(sets[0]));
	else
		*err = b->err;
	pthread_mutex_unlock(&b->lock);
	return rc;
}
