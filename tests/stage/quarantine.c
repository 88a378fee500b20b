/* SPDX-License-Identifier: BSD-3-Clause */
#include "quarantine.h"

#include <stdlib.h>
#include <string.h>

#include "sa.h"
#include "tunnel.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, bytes) ((void)(memory), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(memory, bytes) ((void)(memory), (void)(bytes))
#endif

enum { KEPT = 256, PATTERN = 0xeb };

void __real_sa_destroy(struct sa *sa);
void __wrap_sa_destroy(struct sa *sa);
void __real_tunnel_free(struct tunnel *tunnel);
void __wrap_tunnel_free(struct tunnel *tunnel);

struct kept {
	uint8_t *memory, *copy;
	size_t bytes;
	void (*release)(void *memory);
};

static struct kept kept[KEPT];
static bool on;
static uint32_t came, written;

static void
release_one(struct kept *k)
{
	if (!k->memory)
		return;
	ASAN_UNPOISON_MEMORY_REGION(k->memory, k->bytes);
	for (size_t i = 0; i < k->bytes; i++)
		if (k->memory[i] != PATTERN) {
			written++;
			break;
		}
	memcpy(k->memory, k->copy, k->bytes);
	free(k->copy);
	k->release(k->memory);
	*k = (struct kept){0};
}

static void
keep(void *memory, size_t bytes, void (*release)(void *memory))
{
	struct kept *k = &kept[came++ % KEPT];

	release_one(k);
	*k = (struct kept){memory, malloc(bytes), bytes, release};
	if (!k->copy)
		abort();
	memcpy(k->copy, memory, bytes);
	memset(memory, PATTERN, bytes);
	ASAN_POISON_MEMORY_REGION(memory, bytes);
}

static void
sa_release(void *memory)
{
	__real_sa_destroy(memory);
}

void
__wrap_sa_destroy(struct sa *sa)
{
	if (!sa || !on)
		__real_sa_destroy(sa);
	else
		keep(sa, sizeof(*sa), sa_release);
}

static void
tunnel_release(void *memory)
{
	__real_tunnel_free(memory);
}

void
__wrap_tunnel_free(struct tunnel *tunnel)
{
	if (!tunnel || !on)
		__real_tunnel_free(tunnel);
	else
		keep(tunnel, sizeof(*tunnel) + tunnel->n_workers * sizeof(struct tunnel_worker),
			tunnel_release);
}

void
quarantine_begin(void)
{
	on = true;
	came = written = 0;
}

uint32_t
quarantine_end(uint32_t *count)
{
	for (size_t i = 0; i < KEPT; i++)
		release_one(&kept[i]);
	on = false;
	*count = came;
	return written;
}
