# SPDX-License-Identifier: BSD-3-Clause
"""What tools/bench asks of the machine and leaves as it was: CPUs, huge pages, versions."""
import os
import platform
import re
import subprocess

SPARE_MEGABYTES = 64
HUGE = "/sys/kernel/mm/hugepages/hugepages-2048kB"


class Missing(Exception):
    """The machine lacks something; the message says what and what to do."""


def read(path, default=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read().strip()
    except OSError:
        return default


def expand(cpus):
    """CPU numbers of a list as the kernel writes it: 0-3,8"""
    out = []
    for part in filter(None, cpus.split(",")):
        first, _, last = part.partition("-")
        out.extend(range(int(first), int(last or first) + 1))
    return out


def choose_cpus(wanted=None):
    """(control, [polling, second polling]): the last CPUs poll, and nothing else runs there.

    On two CPUs the second polling thread shares its CPU with the control lcore and with tools/bench.
    """
    online = expand(read("/sys/devices/system/cpu/online", "0"))
    if len(online) < 2:
        raise Missing("one CPU is too few: one polls, and everything else has to run beside it on another")
    polling = wanted if wanted is not None else online[-1]
    if polling not in online:
        raise Missing(f"there is no CPU {polling}: --cpu wants one of {', '.join(map(str, online))}")
    others = [cpu for cpu in online if cpu != polling]
    return others[0], [polling, others[-1]]


class HugePages:
    """As many free huge pages as are needed, for as long as the with statement lasts."""

    def __init__(self, megabytes):
        self.pages = (megabytes + SPARE_MEGABYTES) // 2
        self.before = None

    def __enter__(self):
        total, free = (int(read(f"{HUGE}/{name}_hugepages", "-1")) for name in ("nr", "free"))
        if total < 0:
            raise Missing("this kernel has no 2 MiB huge pages (CONFIG_HUGETLBFS)")
        if free >= self.pages:
            return self
        self.before = total
        self.write(total + self.pages - free)
        free = int(read(f"{HUGE}/free_hugepages"))
        if free < self.pages:
            self.__exit__()
            raise Missing(f"{self.pages} free huge pages of 2 MiB are needed and the kernel finds room for {free}: "
                          "free memory, reboot, or take fewer rows with --only")
        return self

    def __exit__(self, *_):
        if self.before is not None:
            self.write(self.before)
            self.before = None

    @staticmethod
    def write(count):
        with open(f"{HUGE}/nr_hugepages", "w", encoding="ascii") as out:
            out.write(str(count))


def said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def cpu_model():
    found = re.search(r"^model name\s*:\s*(.*)$", read("/proc/cpuinfo"), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def facts(binary, root):
    """Machine and versions, for the JSON; no name of a host or folder. `root`: what the binary was built from, if known.
    """
    flags = read("/proc/cpuinfo").split()
    return {
        "cpu": cpu_model(),
        "cpus": len(expand(read("/sys/devices/system/cpu/online", "0"))),
        "flags": [flag for flag in ("aes", "avx2", "vaes", "vpclmulqdq", "avx512f", "hypervisor") if flag in flags],
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "none visible"),
        "isolated": read("/sys/devices/system/cpu/isolated") or "none",
        "kernel": re.match(r"[\d.]*\d", platform.release())[0],
        "espgw": said(binary, "--version").removeprefix("espgw "),
        "commit": said("git", "-C", root, "describe", "--always", "--dirty") if root else "given by --binary",
        "dpdk": said("pkg-config", "--modversion", "libdpdk"),
        "ipsec_mb": said("dpkg-query", "-W", "-f", "${Version}", "libipsec-mb-dev"),
        "gcc": said("gcc", "-dumpfullversion"),
    }


def check():
    """Says what the machine lacks before anything is built."""
    if os.geteuid() != 0:
        raise Missing("root is needed, for huge pages and their physical addresses: sudo tools/bench")
    if "aes" not in read("/proc/cpuinfo").split():
        raise Missing("this CPU has no AES instructions: the figures would say nothing")
