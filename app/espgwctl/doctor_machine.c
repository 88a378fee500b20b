/* SPDX-License-Identifier: BSD-3-Clause */

/* Memory, CPUs, clock and the CPU's crypto. */

#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "units.h"

/* The number behind "name:" in /proc/meminfo, in kB or as it is; 0: none. */
static unsigned long
meminfo(const struct doctor *d, const char *name)
{
	char buf[DOCTOR_FILE], key[48];
	const char *line;

	snprintf(key, sizeof(key), "\n%s:", name);
	line = strstr(doctor_read(d, buf, "/proc/meminfo"), key);
	return line ? strtoul(line + strlen(key), NULL, 10) : 0;
}

static unsigned long
number_at(const struct doctor *d, const char *path)
{
	char buf[DOCTOR_FILE];

	return strtoul(doctor_read(d, buf, "%s", path), NULL, 10);
}

void
doctor_hugepages(struct doctor *d)
{
	static const char advice[] =
		"echo 1024 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages (2 GB), for "
		"good: "
		"vm.nr_hugepages=1024 in /etc/sysctl.d; without them run espgw with --no-huge";
	static const char folder[] = "/sys/kernel/mm/hugepages/hugepages-";
	char path[128], mounts[DOCTOR_FILE];
	unsigned long total[2], left[2];

	for (int i = 0; i < 2; i++) {
		const char *size = i ? "1048576kB" : "2048kB";

		snprintf(path, sizeof(path), "%s%s/nr_hugepages", folder, size);
		total[i] = number_at(d, path);
		snprintf(path, sizeof(path), "%s%s/free_hugepages", folder, size);
		left[i] = number_at(d, path);
	}
	if (total[0] + total[1] == 0)
		doctor_add(d, DOCTOR_WARN, "hugepages", advice,
			"none: fine for virtual devices, real NICs mostly want them");
	else if (left[0] + left[1] == 0)
		doctor_add(d, DOCTOR_WARN, "hugepages", advice,
			"%lu of 2 MB and %lu of 1 GB, none of them free (a running espgw has "
			"them?)",
			total[0], total[1]);
	else
		doctor_add(d, DOCTOR_OK, "hugepages", NULL,
			"%lu of 2 MB (%lu free), %lu of 1 GB (%lu free)", total[0], left[0],
			total[1], left[1]);
	if (total[0] + total[1] && !strstr(doctor_read(d, mounts, "/proc/mounts"), " hugetlbfs "))
		doctor_add(d, DOCTOR_WARN, "hugepages",
			"mount -t hugetlbfs none /dev/hugepages, or run espgw with --in-memory",
			"hugetlbfs is not mounted");
}

void
doctor_memory(struct doctor *d)
{
	enum { WANTED_KB = 512 * 1024 };
	unsigned long available = meminfo(d, "MemAvailable");
	char text[UNITS_BYTES];

	units_bytes(text, available * 1024ULL);
	if (available < WANTED_KB)
		doctor_add(d, DOCTOR_WARN, "memory",
			"smaller `limits` in the configuration file and --mbufs N take less",
			"%s available; a small gateway takes some 500 MB", text);
	else
		doctor_add(d, DOCTOR_OK, "memory", NULL, "%s available", text);
}

/* How many CPUs "0-3,8" names. */
static unsigned int
cpus_in(const char *list)
{
	unsigned int count = 0;

	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		count += (unsigned int)(last - first + 1);
		list = end + (*end == ',');
	}
	return count;
}

static void
check_isolation(struct doctor *d)
{
	char online[DOCTOR_FILE], isolated[DOCTOR_FILE];
	unsigned int n;

	doctor_read(d, online, "/sys/devices/system/cpu/online");
	doctor_read(d, isolated, "/sys/devices/system/cpu/isolated");
	n = cpus_in(online);
	if (n < 2)
		doctor_add(d, DOCTOR_WARN, "CPUs",
			"--lcores 0@0,1@0 lets the control lcore and a worker share it; the worker "
			"sleeps when it finds nothing",
			"%u: the worker has to share it", n);
	else if (!isolated[0])
		doctor_add(d, DOCTOR_WARN, "CPUs",
			"isolcpus=2-3 nohz_full=2-3 rcu_nocbs=2-3 on the kernel's command line "
			"keep "
			"others off the workers' CPUs",
			"%u, none isolated: workers share theirs with whatever the scheduler "
			"places there",
			n);
	else
		doctor_add(d, DOCTOR_OK, "CPUs", NULL, "%u, isolated: %s", n, isolated);
}

static void
check_governor(struct doctor *d)
{
	char governor[DOCTOR_FILE], smt[DOCTOR_FILE];

	doctor_read(d, governor, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
	doctor_read(d, smt, "/sys/devices/system/cpu/smt/active");
	if (!governor[0])
		doctor_add(d, DOCTOR_NOTE, "governor", NULL,
			"not visible (a virtual machine, or the firmware decides)");
	else if (strcmp(governor, "performance") == 0)
		doctor_add(d, DOCTOR_OK, "governor", NULL, "performance");
	else
		doctor_add(d, DOCTOR_WARN, "governor",
			"cpupower frequency-set -g performance keeps the clock up",
			"%s: the clock follows the load, and polling looks like any load",
			governor);
	if (strcmp(smt, "1") == 0)
		doctor_add(d, DOCTOR_NOTE, "SMT",
			"give a worker both threads of its core (one idle), or turn SMT off",
			"on: two workers on one core share its crypto units");
	else if (smt[0])
		doctor_add(d, DOCTOR_OK, "SMT", NULL, "off");
}

void
doctor_cpus(struct doctor *d)
{
	check_isolation(d);
	check_governor(d);
}

/* The line "flags : …" of the first CPU. */
static char *
cpu_flags(const struct doctor *d, char buf[DOCTOR_FILE])
{
	char *flags, *end;

	doctor_read(d, buf, "/proc/cpuinfo");
	flags = strstr(buf, "\nflags");
	if (!flags) {
		buf[0] = '\0';
		return buf;
	}
	end = strchr(flags + 1, '\n');
	if (end)
		*end = '\0';
	return flags;
}

void
doctor_clock(struct doctor *d)
{
	char buf[DOCTOR_FILE], source[DOCTOR_FILE];
	const char *flags = cpu_flags(d, buf);
	bool constant = doctor_has_word(flags, "constant_tsc");
	bool nonstop = doctor_has_word(flags, "nonstop_tsc");

	doctor_read(d, source, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	if (!constant)
		doctor_add(d, DOCTOR_WARN, "clock",
			"lifetimes and rates follow the time stamp counter: use a CPU whose "
			"counter "
			"runs evenly, or show the flag to the virtual machine",
			"no constant_tsc: the time stamp counter follows the CPU's frequency");
	else if (strcmp(source, "tsc") == 0)
		doctor_add(d, DOCTOR_OK, "clock", NULL,
			"TSC, constant%s, synchronised (the "
			"kernel uses it)",
			nonstop ? ", nonstop" : "");
	else
		doctor_add(d, DOCTOR_NOTE, "clock",
			"on hardware, see what the kernel says of tsc: dmesg | grep -i tsc",
			"TSC, constant; the kernel prefers %s, as virtual machines do",
			source[0] ? source : "another clock");
}

static void
check_library(struct doctor *d)
{
	/* two of them: what espgw was built with has one of these names */
	static const char *const names[] = {"libIPSec_MB.so.2", "libIPSec_MB.so.1"};
	void *library = NULL;
	const char *(*version)(void);

	for (size_t i = 0; !library && i < sizeof(names) / sizeof(names[0]); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		doctor_add(d, DOCTOR_WARN, "crypto library", "apt-get install libipsec-mb1",
			"libipsec-mb is not installed: no software engine can be made");
		return;
	}
	*(void **)&version = dlsym(library, "imb_get_version_str");
	doctor_add(d, DOCTOR_OK, "crypto library", NULL, "libipsec-mb %s",
		version ? version() : "of an unknown version");
	dlclose(library);
}

void
doctor_crypto(struct doctor *d)
{
	char buf[DOCTOR_FILE];
	const char *flags = cpu_flags(d, buf);
	bool aes = doctor_has_word(flags, "aes"), vaes = doctor_has_word(flags, "vaes");
	bool avx512 = doctor_has_word(flags, "avx512f") && doctor_has_word(flags, "avx512bw");

	if (!aes)
		doctor_add(d, DOCTOR_BAD, "crypto",
			"AES-NI may be off in the firmware, or hidden from the virtual machine "
			"(-cpu host)",
			"the CPU has no AES instructions");
	else if (vaes && avx512)
		doctor_add(d, DOCTOR_OK, "crypto", NULL, "AES-NI, VAES, AVX-512: the fastest");
	else
		doctor_add(d, DOCTOR_OK, "crypto", NULL, "AES-NI%s%s", vaes ? ", VAES" : "",
			avx512 ? ", AVX-512"
			       : "; VAES with AVX-512 would be two to three times "
				 "as fast");
	check_library(d);
}
