# SPDX-License-Identifier: BSD-3-Clause
"""Runs DPDK programs for tools/bench and measures what they send for a second of their polling thread.

All contenders of a row are started once and stand still (SIGSTOP) but for the one whose turn it is. So turns are short
and close to each other, which matters on machines whose speed changes from one second to the next.
"""
import ctypes
import dataclasses
import json
import os
import signal
import socket
import subprocess
import time

WARM_PACKETS = 100000
SETTLE_SECONDS = 0.05  # after standing still: caches, and what the control lcore has to catch up with
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10
EDGE_SECONDS = 0.02  # two ticks of the slowest kernel


class Failed(Exception):
    """A program did not do what it should; the message has the end of its log."""


@dataclasses.dataclass
class Program:
    """How to start one DPDK program, and what of it counts."""
    name: str
    argv: list  # {prefix} and {folder} are filled in; EAL's options of the common kind are added
    megabytes: int
    options: list = dataclasses.field(default_factory=list)  # what stands after the --
    files: dict = dataclasses.field(default_factory=dict)  # written into {folder} before
    port: int = 0  # whose sent packets are counted; None: nothing of this program is
    threads: int = 1  # that poll
    vdevs: list = dataclasses.field(default_factory=list)
    patience: float = 30  # seconds to the first packets
    wait_for: str = ""  # a line of the log after which the next program may start


@dataclasses.dataclass
class Sample:
    """Packets sent so far, the clock, and the CPU time of each thread, at one moment."""
    packets: int
    seconds: float
    cpu: dict


def die_with_parent():
    """Nobody would wake a program that stands still when tools/bench is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A running program. EAL keeps its memory to itself, and its files in a folder of ours."""

    count = 0

    def __init__(self, program, folder):
        Process.count += 1
        self.program = program
        self.prefix = f"bench{os.getpid()}-{Process.count}"
        self.folder = os.path.join(folder, self.prefix)
        os.makedirs(self.folder)
        for name, text in program.files.items():
            with open(os.path.join(self.folder, name), "w", encoding="ascii") as out:
                out.write(text)
        vdevs = [word for vdev in program.vdevs for word in ("--vdev", vdev)]
        argv = [*program.argv, "--no-pci", "--in-memory", "--file-prefix", self.prefix, "-m", str(program.megabytes),
                *vdevs, "--", *program.options]
        argv = [word.replace("{folder}", self.folder).replace("{shared}", folder) for word in argv]
        self.log = os.path.join(self.folder, "log")
        self.started = time.monotonic()
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                          env=dict(os.environ, RUNTIME_DIRECTORY=folder), preexec_fn=die_with_parent)
        self.socket = os.path.join(folder, "dpdk", self.prefix, "dpdk_telemetry.v2")

    def ask(self, command):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.settimeout(5)
            client.connect(self.socket)
            client.recv(16384)
            client.send(command.encode())
            return json.loads(client.recv(65536)).get(command.split(",")[0])

    def packets(self, port=None):
        return self.ask(f"/ethdev/stats,{self.program.port if port is None else port}")["opackets"]

    def said(self, lines=5):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read().strip().splitlines()[-lines:]

    def give_up(self, what):
        raise Failed(f"{self.program.name} {what}; it said last: " + " / ".join(self.said(3)))

    def wait(self, ready, what):
        deadline = self.started + self.program.patience
        while True:
            try:
                if ready():
                    return
            except (OSError, KeyError, TypeError, ValueError):
                pass
            if self.popen.poll() is not None:
                self.give_up(f"ended with status {self.popen.returncode}")
            if time.monotonic() > deadline:
                self.give_up(what)
            time.sleep(0.05)

    def wait_for_line(self, line):
        self.wait(lambda: any(line in said for said in self.said(100)), f"did not say '{line}'")

    def wait_for_packets(self):
        """Returns how many seconds after the start the first packets were seen."""
        self.wait(lambda: self.packets() > 0, "sent nothing")
        first = time.monotonic() - self.started
        self.wait(lambda: self.packets() > WARM_PACKETS, "sent next to nothing")
        return first

    def memory_mb(self):
        """What DPDK's heap has given away, in huge pages, and what the program has beside them."""
        heap = self.ask("/eal/heap_info,0")["Alloc_size"]
        with open(f"/proc/{self.popen.pid}/status", encoding="ascii") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))
        return {"heap_mb": heap / 1e6, "resident_mb": resident / 1e3}

    def cpu_ns(self):
        """CPU time of each thread so far."""
        out = {}
        for thread in os.listdir(f"/proc/{self.popen.pid}/task"):
            try:
                with open(f"/proc/{self.popen.pid}/task/{thread}/schedstat", encoding="ascii") as stat:
                    out[thread] = int(stat.read().split()[0])
            except OSError:
                continue  # a thread that has ended
        return out

    def edge(self, thread):
        """Waits for the kernel to account a thread that never sleeps: it does so at its ticks only."""
        before, deadline = self.cpu_ns().get(thread), time.monotonic() + EDGE_SECONDS
        while self.cpu_ns().get(thread) == before and time.monotonic() < deadline:
            pass

    def sample(self, thread=None):
        if thread:
            self.edge(thread)
        return Sample(self.packets(), time.monotonic(), self.cpu_ns())

    def stop(self):
        """As a user would; returns what it printed last."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGCONT)
            self.popen.send_signal(signal.SIGINT)
            try:
                self.popen.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        return self.said(20)


def clear_links(folder):
    """net_memif's server does not take the place of one that has gone."""
    for name in os.listdir(folder):
        if name.endswith(".sock"):
            os.unlink(os.path.join(folder, name))


def busiest(before, after, count):
    spent = {thread: after.cpu[thread] - before.cpu.get(thread, 0) for thread in after.cpu}
    return sorted(spent, key=spent.get, reverse=True)[:count]


def rate(program, before, after):
    """Millions of packets for a CPU-second of a polling thread (the mean of several), and for a second of the clock."""
    packets, seconds = after.packets - before.packets, after.seconds - before.seconds
    threads = busiest(before, after, program.threads)
    cpu = sum(after.cpu[t] - before.cpu.get(t, 0) for t in threads) / program.threads / 1e9
    return {"mpps": packets / cpu / 1e6 if cpu else 0.0, "mpps_wall": packets / seconds / 1e6, "packets": packets,
            "cpu_share": cpu / seconds}


class Contender:
    """Programs that run at once, one or more of which count; their rates are added up."""

    def __init__(self, programs, folder):
        self.running = []
        clear_links(folder)
        try:
            for program in programs:
                self.running.append(Process(program, folder))
                if program.wait_for:
                    self.running[-1].wait_for_line(program.wait_for)
            self.counted = [process for process in self.running if process.program.port is not None]
            self.start_s = max(process.wait_for_packets() for process in self.counted)
            self.memory = self.counted[0].memory_mb()
            self.threads = self.find_threads()
            self.signal(signal.SIGSTOP)
        except BaseException:
            self.stop()
            raise

    def find_threads(self):
        first = [process.sample() for process in self.counted]
        time.sleep(SETTLE_SECONDS)
        return [busiest(before, process.sample(), 1)[0] for process, before in zip(self.counted, first)]

    def signal(self, number):
        for process in self.running:
            if process.popen.poll() is not None:
                process.give_up(f"ended with status {process.popen.returncode}")
            process.popen.send_signal(number)

    def turn(self, seconds):
        """Runs for a while; what was measured, as the JSON has it."""
        self.signal(signal.SIGCONT)
        time.sleep(SETTLE_SECONDS)
        before = [process.sample(thread) for process, thread in zip(self.counted, self.threads)]
        time.sleep(seconds)
        after = [process.sample(thread) for process, thread in zip(self.counted, self.threads)]
        self.signal(signal.SIGSTOP)
        rates = [rate(process.program, a, b) for process, a, b in zip(self.counted, before, after)]
        out = {key: sum(found[key] for found in rates) for key in ("mpps", "mpps_wall", "packets")}
        return {**out, "cpu_share": min(found["cpu_share"] for found in rates), "start_s": self.start_s, **self.memory}

    def stop(self):
        for process in reversed(self.running):
            process.stop()
