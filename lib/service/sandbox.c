/* SPDX-License-Identifier: BSD-3-Clause */
#include "sandbox.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "sandbox_calls.h"

#if defined(__x86_64__)
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#else
#error "where does a system call leave its result? (see lib/service/meson.build)"
#endif

enum { CALLS_MAX = 1024 };

/* Calls that were refused and told; of the process, since a signal handler has no other place. */
static uint64_t told[CALLS_MAX / 64];

/* "9" and so on, without the C library, which a signal handler may not use. */
static size_t
number_write(char *to, unsigned int number)
{
	char digits[16];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	for (size_t i = 0; i < n; i++)
		to[i] = digits[n - 1 - i];
	return n;
}

static void
tell(unsigned int call)
{
	static const char before[] = "espgw: seccomp: system call ", after[] = " refused\n";
	char line[sizeof(before) + sizeof(after) + 16];
	size_t n = sizeof(before) - 1;

	memcpy(line, before, n);
	n += number_write(line + n, call);
	memcpy(line + n, after, sizeof(after) - 1);
	n += sizeof(after) - 1;
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nobody listens, and there is nobody to tell that */
}

/* A refused call: it returns EPERM, and is told of the first time. */
static void
on_refused(int sig, siginfo_t *info, void *context)
{
	unsigned int call = (unsigned int)info->si_syscall;
	int saved = errno;

	(void)sig;
	if (call >= CALLS_MAX ||
		!(__atomic_fetch_or(&told[call / 64], 1ull << call % 64, __ATOMIC_RELAXED) &
			1ull << call % 64))
		tell(call);
	RESULT((ucontext_t *)context) = -EPERM;
	errno = saved;
}

bool
sandbox_is_built(void)
{
	return true;
}

static int
filter_load(uint32_t otherwise)
{
	scmp_filter_ctx filter = seccomp_init(otherwise);
	int rc;

	if (!filter)
		return -ENOMEM;
	rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0) /* a search tree: workers that sleep call often */
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0) /* else older kernels slow all code of the process (SSBD, STIBP) */
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (rc == 0) /* system calls of another architecture's ABI */
		rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = sandbox_calls_allow(filter);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

int
sandbox_enter(enum sandbox_mode mode, struct error *err)
{
	struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_RESTART};
	int rc;

	error_set(err, 0, "system calls are not limited");
	if (mode == SANDBOX_OFF)
		return 0;
	/* pthread_cancel loads it when it is first called, which would be too late */
	if (!dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_GLOBAL))
		return error_set(err, -ENOENT, "--seccomp: %s", dlerror());
	if (sigaction(SIGSYS, &action, NULL) != 0)
		return error_set(err, -errno, "--seccomp: %s", strerror(errno));
	rc = filter_load(mode == SANDBOX_LOG ? SCMP_ACT_LOG : SCMP_ACT_TRAP);
	if (rc == 0)
		return error_set(err, 0, "system calls are limited%s",
			mode == SANDBOX_LOG ? ", others go to the kernel's log" : "");
	error_set(err, 0, "--seccomp: the kernel does not take the filter: %s", strerror(-rc));
	return mode == SANDBOX_AUTO ? 0 : rc;
}
