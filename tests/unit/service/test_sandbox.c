/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"
#include "unit.h"

#define PAGE 4096ul

static long
arguments(const char *text)
{
	return (long)(uintptr_t)text;
}

/* What must not work, and how it fails. */
struct row {
	const char *name;
	long call, a, b, c, d;
	int error; /* 0: it is allowed */
};

static const struct rlimit no_files = {0, 0};

static size_t
rows(struct row *to)
{
	const struct row all[] = {
		{"a program", SYS_execve, arguments("/bin/true"), 0, 0, 0, EPERM},
		{"a program by descriptor", SYS_execveat, -1, arguments(""), 0, 0, EPERM},
		{"being traced", SYS_ptrace, PTRACE_TRACEME, 0, 0, 0, EPERM},
		{"tracing", SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0, EPERM},
		{"memory of others", SYS_process_vm_readv, getppid(), 0, 0, 0, EPERM},
		{"a process", SYS_clone, SIGCHLD, 0, 0, 0, EPERM},
		{"a process with our memory", SYS_clone, CLONE_VM | SIGCHLD, 0, 0, 0, EPERM},
		{"clone3", SYS_clone3, 0, 0, 0, 0, ENOSYS},
		{"a signal to another", SYS_kill, getppid(), 0, 0, 0, EPERM},
		{"a signal to another's thread", SYS_tgkill, getppid(), getppid(), 0, 0, EPERM},
		{"memory for code", SYS_mmap, 0, PAGE, PROT_READ | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, EPERM},
		{"data as code", SYS_mprotect, 0, 0, PROT_EXEC, 0, EPERM},
		{"raw packets", SYS_socket, AF_PACKET, SOCK_RAW, 0, 0, EPERM},
		{"Bluetooth", SYS_socket, AF_BLUETOOTH, SOCK_RAW, 0, 0, EPERM},
		{"another user", SYS_setresuid, 0, 0, 0, 0, EPERM},
		{"capabilities", SYS_capset, 0, 0, 0, 0, EPERM},
		{"core dumps", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, EPERM},
		{"another limit", SYS_prlimit64, 0, RLIMIT_NOFILE,
			arguments((const char *)&no_files), 0, EPERM},
		{"typing for the user", SYS_ioctl, 0, TIOCSTI, arguments("x"), 0, EPERM},
		{"the same, disguised", SYS_ioctl, 0, (1l << 32) | TIOCSTI, arguments("x"), 0,
			EPERM},
		{"mounts", SYS_mount, 0, 0, 0, 0, EPERM},
		{"another root", SYS_chroot, arguments("/"), 0, 0, 0, EPERM},
		{"another namespace", SYS_unshare, CLONE_NEWNET, 0, 0, 0, EPERM},
		{"kernel modules", SYS_finit_module, -1, 0, 0, 0, EPERM},
		{"BPF", SYS_bpf, 0, 0, 0, 0, EPERM},
		{"io_uring", SYS_io_uring_setup, 1, 0, 0, 0, EPERM},
		{"keyrings", SYS_keyctl, 0, 0, 0, 0, EPERM},
		{"the clock", SYS_clock_settime, 0, 0, 0, 0, EPERM},
		{"a number that there is not", 700, 0, 0, 0, 0, EPERM},
		{"memory", SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			0},
		{"our limits", SYS_prlimit64, 0, RLIMIT_NOFILE, 0, 0, 0},
		{"a Unix socket", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0},
		{"a name", SYS_prctl, PR_SET_NAME, arguments("x"), 0, 0, 0},
	};

	memcpy(to, all, sizeof(all));
	return sizeof(all) / sizeof(all[0]);
}

/* In a process of its own, since there is no way back: its exit status is the error, and what it
 * says on stderr is put into said. */
static int
in_child(int (*child)(const void *arg), const void *arg, char *said, size_t size)
{
	int ends[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		_exit(child(arg));
	}
	close(ends[1]);
	while (n + 1 < size && (got = read(ends[0], said + n, size - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int
call_row(const void *arg)
{
	const struct row *row = arg;
	struct error err;

	if (sandbox_enter(SANDBOX_ON, &err) != 0)
		return 255;
	errno = 0;
	for (int i = 0; i < 3; i++)
		if (syscall(row->call, row->a, row->b, row->c, row->d, -1, 0) >= 0)
			return 0;
	return errno;
}

static void
test_calls(void **state)
{
	struct row table[64];
	size_t n = rows(table);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char said[512], expected[128] = "";
		int got = in_child(call_row, &table[i], said, sizeof(said));

		if (got != table[i].error)
			fail_msg("%s: %d (%s)", table[i].name, got, said);
		if (got == EPERM)
			snprintf(expected, sizeof(expected),
				"espgw: seccomp: system call %ld refused\n", table[i].call);
		if (strcmp(said, expected) != 0)
			fail_msg("%s: said \"%s\"", table[i].name, said);
	}
}

static pthread_barrier_t entered;

static void *
early_thread(void *arg)
{
	pthread_barrier_wait(&entered);
	*(long *)arg = syscall(SYS_execve, "/bin/true", NULL, NULL) < 0 ? errno : 0;
	return NULL;
}

/* The filter holds in a thread that was there before. */
static int
call_early(const void *arg)
{
	pthread_t thread;
	struct error err;
	long got = 0;

	(void)arg;
	pthread_barrier_init(&entered, NULL, 2);
	if (pthread_create(&thread, NULL, early_thread, &got) != 0 ||
		sandbox_enter(SANDBOX_ON, &err) != 0)
		return 255;
	pthread_barrier_wait(&entered);
	pthread_join(thread, NULL);
	return (int)got;
}

static void *
late_thread(void *arg)
{
	FILE *file = fopen("/proc/self/stat", "re");

	if (file)
		fclose(file);
	*(bool *)arg = file != NULL;
	for (;;)
		pause();
	return NULL;
}

/* What DPDK and libraries do on the way: threads come, open files, are cancelled. */
static int
call_late(const void *arg)
{
	pthread_t thread;
	struct error err;
	bool opened = false;

	(void)arg;
	if (sandbox_enter(SANDBOX_ON, &err) != 0 ||
		pthread_create(&thread, NULL, late_thread, &opened) != 0)
		return 255;
	free(malloc(64u << 20));
	usleep(50000);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	return opened ? 0 : 1;
}

static void
test_threads(void **state)
{
	char said[512];

	(void)state;
	assert_int_equal(in_child(call_early, NULL, said, sizeof(said)), EPERM);
	assert_non_null(strstr(said, "refused"));
	assert_int_equal(in_child(call_late, NULL, said, sizeof(said)), 0);
	assert_string_equal(said, "");
}

static int
call_modes(const void *arg)
{
	const enum sandbox_mode *mode = arg;
	struct error err;

	if (sandbox_enter(*mode, &err) != 0)
		return 255;
	return getpriority(PRIO_PROCESS, 0) == -1 ? errno : 0;
}

static void
test_modes(void **state)
{
	static const struct {
		enum sandbox_mode mode;
		int status;
	} modes[] = {
		{SANDBOX_OFF, 0}, {SANDBOX_LOG, 0}, {SANDBOX_AUTO, EPERM}, {SANDBOX_ON, EPERM}};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		char said[512];
		int got = in_child(call_modes, &modes[i].mode, said, sizeof(said));

		if (got != modes[i].status)
			fail_msg("mode %d: %d", (int)modes[i].mode, got);
	}
}

static void
test_absent(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(sandbox_enter(SANDBOX_AUTO, &err), 0);
	assert_int_equal(sandbox_enter(SANDBOX_ON, &err), -ENOTSUP);
	assert_int_equal(sandbox_enter(SANDBOX_LOG, &err), -ENOTSUP);
}

int
main(void)
{
	const struct CMUnitTest built[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_modes),
	};
	const struct CMUnitTest absent[] = {cmocka_unit_test(test_absent)};

	return sandbox_is_built() ? cmocka_run_group_tests(built, NULL, NULL)
				  : cmocka_run_group_tests(absent, NULL, NULL);
}
