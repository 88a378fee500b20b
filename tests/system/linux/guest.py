# SPDX-License-Identifier: BSD-3-Clause
"""A real Linux kernel as an ordinary process: Debian's user-mode-linux, the host's root folder read-only as its own.

    guest = Guest(tap="peer0", prefix=["ip", "netns", "exec", NAME])
    guest.check("ip addr add 192.0.2.2/24 dev vec0")     # a shell script in the guest; its output, or GuestError
    status, output = guest.run("ping -c 1 192.0.2.1")
    guest.stop()

Its one network device is vec0, on the far end of a TAP, or, with raw=True, on any interface through AF_PACKET.
"""
import ctypes
import glob
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

KERNEL = "/usr/bin/linux.uml"
MODULES = "/usr/lib/uml/modules"
INIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest_init.sh")
NEEDED = {KERNEL: "user-mode-linux", "/usr/bin/ping": "iputils-ping", "/usr/sbin/ip": "iproute2", "/usr/sbin/modprobe": "kmod"}
PR_SET_PDEATHSIG = 1
BOOT_SECONDS = 60


class GuestError(Exception):
    """The guest died, or a script that had to work did not."""


def missing_packages():
    """Debian packages that a guest needs and that are not installed."""
    return sorted(package for path, package in NEEDED.items()
                  if not os.access(path, os.X_OK) and not os.access(path.replace("/usr/", "/", 1), os.X_OK))


def _die_with_parent():
    # Not SIGKILL: the processes that the kernel made for itself would stay behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Guest:
    """One running kernel."""

    def __init__(self, tap, raw=False, mac="52:54:00:00:00:02", prefix=()):
        self.folder = tempfile.mkdtemp(prefix="espgw-guest.")
        transport = "raw" if raw else "tap"
        command = [*prefix, KERNEL, "mem=256M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro",
                   f"init={INIT}", "con=null", "con0=null", "ssl=null", "ssl0=fd:0,fd:1", "console=stderr0",
                   f"vec0:transport={transport},ifname={tap},depth=64,mac={mac}"]
        # The guest's memory is a file in TMPDIR, its control sockets lie in HOME/.uml.
        environment = dict(os.environ, TMPDIR="/dev/shm", HOME=self.folder)
        self.console = os.path.join(self.folder, "console")
        with open(self.console, "wb") as console:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=console,
                                            env=environment, start_new_session=True, bufsize=0,
                                            preexec_fn=_die_with_parent)
        self._buffer = b""
        try:
            while not self._line(time.monotonic() + BOOT_SECONDS).endswith(b"READY"):
                pass
        except GuestError:
            self.stop()
            raise

    def _more(self, deadline):
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
        data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
        if not data:
            with open(self.console, errors="replace", encoding="utf-8") as console:
                said = console.read()[-2000:]
            raise GuestError(f"the guest {'died' if ready else 'does not answer'}:\n{said}")
        self._buffer += data

    def _line(self, deadline):
        while b"\n" not in self._buffer:
            self._more(deadline)
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.rstrip()

    def run(self, script, seconds=60):
        """Runs a shell script; returns its status and what it printed."""
        deadline = time.monotonic() + seconds
        text = script.encode()
        self.process.stdin.write(b"%d\n" % len(text) + text)
        status, length = map(int, self._line(deadline).split())
        while len(self._buffer) < length:
            self._more(deadline)
        output, self._buffer = self._buffer[:length], self._buffer[length:]
        return status, output.decode(errors="replace")

    def check(self, script, seconds=60):
        """Runs a shell script that has to work; returns what it printed."""
        status, output = self.run("set -e\n" + script, seconds)
        if status:
            raise GuestError(f"status {status} of the guest's script\n{script}\n{output}")
        return output

    def stop(self):
        """Turns the machine off and removes what it left."""
        if self.process.poll() is None:
            try:
                script = b"echo o >/proc/sysrq-trigger"
                self.process.stdin.write(b"%d\n" % len(script) + script)
                self.process.wait(5)
            except (OSError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def modules_are_there():
    """Whether the kernel's package brought its modules."""
    return bool(glob.glob(f"{MODULES}/*/kernel/net/ipv4/esp4.ko*"))
