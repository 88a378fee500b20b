/* SPDX-License-Identifier: BSD-3-Clause */
#include "fibre.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "monotonic.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBRE_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define FIBRE_ASAN
#endif

#ifdef FIBRE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum {
	STACK_BYTES = 512 << 10, /* of which only what was used is there */
	GUARD_BYTES = 4096,
	WIPED_BYTES = 16 << 10, /* of one that never stopped; of others everything */
	KEPT = 4,               /* for the next ones */
};

/* At the upper end of its stack. */
struct fibre {
	ucontext_t context, resumer;
	fibre_fn *fn;
	void *arg;
	enum fibre_state state;
	uint64_t turn_end_us;
	bool stopped; /* once */
	struct fibre *next_kept;
	/* AddressSanitizer's: of the fibre, and of who runs it */
	void *fake_stack, *resumer_fake_stack;
	const void *resumer_stack;
	size_t resumer_stack_bytes;
};

static struct {
	struct fibre *current;
	struct fibre *kept;
	unsigned int n_kept;
} fibres;

static uint64_t
now_us(void)
{
	return monotonic_ns() / 1000;
}

/* --- stacks */

static char *
mapping_of(struct fibre *f)
{
	return (char *)(f + 1) - STACK_BYTES;
}

static char *
stack_of(struct fibre *f)
{
	return mapping_of(f) + GUARD_BYTES;
}

static size_t
stack_bytes(void)
{
	return STACK_BYTES - GUARD_BYTES - sizeof(struct fibre);
}

static struct fibre *
stack_map(void)
{
	char *memory = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, STACK_BYTES, MADV_DONTDUMP);
	if (mprotect(memory, GUARD_BYTES, PROT_NONE) == 0)
		return (struct fibre *)(memory + STACK_BYTES) - 1;
	munmap(memory, STACK_BYTES);
	return NULL;
}

static void
stack_unmap(struct fibre *f)
{
	munmap(mapping_of(f), STACK_BYTES);
}

static void
stack_wipe(struct fibre *f)
{
	size_t whole = stack_bytes() & ~((size_t)GUARD_BYTES - 1), rest = WIPED_BYTES;

	/* pages that are given back are zero when they come again */
	if (f->stopped && madvise(stack_of(f), whole, MADV_DONTNEED) == 0)
		rest = stack_bytes() - whole;
	explicit_bzero((char *)f - rest, rest);
}

/* --- from one stack to another */

static void
switch_begin(void **fake_stack, const void *to, size_t bytes)
{
#ifdef FIBRE_ASAN
	__sanitizer_start_switch_fiber(fake_stack, to, bytes);
#else
	(void)fake_stack;
	(void)to;
	(void)bytes;
#endif
}

static void
switch_end(void *fake_stack, const void **from, size_t *bytes)
{
#ifdef FIBRE_ASAN
	__sanitizer_finish_switch_fiber(fake_stack, from, bytes);
#else
	(void)fake_stack;
	(void)from;
	(void)bytes;
#endif
}

/* makecontext passes no pointers. */
static void
run(void)
{
	struct fibre *f = fibres.current;

	switch_end(NULL, &f->resumer_stack, &f->resumer_stack_bytes);
	f->fn(f->arg);
	f->state = FIBRE_ENDED;
	switch_begin(NULL, f->resumer_stack, f->resumer_stack_bytes);
}

static void
stop(struct fibre *f, enum fibre_state state)
{
	int saved = errno;

	f->state = state;
	f->stopped = true;
	switch_begin(&f->fake_stack, f->resumer_stack, f->resumer_stack_bytes);
	swapcontext(&f->context, &f->resumer);
	switch_end(f->fake_stack, &f->resumer_stack, &f->resumer_stack_bytes);
	errno = saved;
}

struct fibre *
fibre_create(fibre_fn *fn, void *arg)
{
	struct fibre *f = fibres.kept;

	if (f) {
		fibres.kept = f->next_kept;
		fibres.n_kept--;
	} else {
		f = stack_map();
	}
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->fn = fn;
	f->arg = arg;
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = stack_of(f);
	f->context.uc_stack.ss_size = stack_bytes();
	f->context.uc_link = &f->resumer;
	makecontext(&f->context, run, 0);
	return f;
}

enum fibre_state
fibre_run(struct fibre *f, uint64_t turn_us)
{
	f->turn_end_us = now_us() + turn_us;
	fibres.current = f;
	switch_begin(&f->resumer_fake_stack, stack_of(f), stack_bytes());
	swapcontext(&f->resumer, &f->context);
	switch_end(f->resumer_fake_stack, NULL, NULL);
	fibres.current = NULL;
	return f->state;
}

void
fibre_destroy(struct fibre *f)
{
	if (!f)
		return;
	stack_wipe(f);
	explicit_bzero(f, sizeof(*f));
	if (fibres.n_kept == KEPT) {
		stack_unmap(f);
		return;
	}
	f->next_kept = fibres.kept;
	fibres.kept = f;
	fibres.n_kept++;
}

struct fibre *
fibre_current(void)
{
	return fibres.current;
}

bool
fibre_wait(void)
{
	if (!fibres.current)
		return false;
	stop(fibres.current, FIBRE_WAITS);
	return true;
}

void
fibre_rest(void)
{
	struct fibre *f = fibres.current;

	if (f && now_us() >= f->turn_end_us)
		stop(f, FIBRE_RESTS);
}

void
fibre_trim(void)
{
	while (fibres.kept) {
		struct fibre *next = fibres.kept->next_kept;

		stack_unmap(fibres.kept);
		fibres.kept = next;
	}
	fibres.n_kept = 0;
}
