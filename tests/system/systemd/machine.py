# SPDX-License-Identifier: BSD-3-Clause
"""A machine with the real systemd, made of namespaces: machine_init.sh. Nothing that it does reaches the host's files.

    machine = Machine()                                 # or Impossible, which says what is missing
    machine.check("systemctl", "start", "espgw")        # a command in it; its output, or AssertionError
    machine.stop()
"""
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time

INIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "machine_init.sh")
SYSTEMD = "/usr/lib/systemd/systemd"
PROGRAMS = ("unshare", "nsenter", "setpriv", "ip", "tar")
NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOOT_SECONDS = 60 * float(os.environ.get("ESPGW_TEST_SLOWER", "1"))
PR_SET_PDEATHSIG = 1


class Impossible(Exception):
    """There can be no such machine here."""


def cgroup2():
    """Where the host has its control groups of version 2, None if nowhere."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        return next((words[1] for words in map(str.split, mounts) if words[2] == "cgroup2"), None)


def missing():
    """Why there can be no machine; None if nothing is known."""
    if os.geteuid() != 0:
        return "only root can make namespaces"
    lacking = [name for name in PROGRAMS if not shutil.which(name)]
    if not os.path.exists(SYSTEMD):
        lacking.append("systemd")
    if lacking:
        return "not installed: " + ", ".join(lacking)
    return None if cgroup2() else "control groups of version 2 are not mounted"


class Machine:
    """A running systemd."""

    def __init__(self):
        why = missing()
        if why:
            raise Impossible(why)
        self.folder = tempfile.mkdtemp(prefix="espgw-machine.")
        self.group = os.path.join(cgroup2(), os.path.basename(self.folder))
        self.init = None
        self.process = None
        try:
            os.mkdir(self.group)
            with open(f"{self.folder}.log", "wb") as log:
                command = ["unshare", *NAMESPACES, "--fork", "--kill-child", INIT, self.folder]
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                preexec_fn=self._enter)
            self._boot()
        except OSError as error:
            self.stop()
            raise Impossible(str(error)) from error
        except BaseException:
            self.stop()
            raise

    def _enter(self):
        """The new process: into the control group, which becomes the machine's own root; not to outlive the test."""
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        with open(f"{self.group}/cgroup.procs", "w", encoding="ascii") as file:
            file.write("0")

    def _boot(self):
        """Waits until the machine has its own root folder, and then until its systemd has started everything."""
        end = time.monotonic() + BOOT_SECONDS
        while not self._is_systemd():
            if self.process.poll() is not None or time.monotonic() > end:
                with open(f"{self.folder}.log", encoding="utf-8", errors="replace") as log:
                    raise Impossible("no machine: " + (" ".join(log.read().split()) or "it does not boot"))
            time.sleep(0.02)
        while self.run("systemctl", "is-system-running")[1].strip() not in ("running", "degraded"):
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("systemd does not come up: " + self.run("systemctl", "list-jobs")[1])
            time.sleep(0.05)

    def _is_systemd(self):
        pid = self.process.pid
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                self.init = file.read().strip()
            with open(f"/proc/{self.init}/comm", encoding="ascii") as file:
                return file.read() == "systemd\n"
        except OSError:
            return False

    def run(self, *command, data=None):
        """Runs a command in the machine, with data to read; its status and what it printed."""
        prefix = ["nsenter", "-t", self.init, "-m", "-p", "-n", "-u", "-i", "-C", "-r", "-w", "env", "-i", f"PATH={PATH}",
                  "LANG=C.UTF-8", "SYSTEMD_PAGER=cat", "HOME=/root"]
        done = subprocess.run([*prefix, *command], input=data or b"", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        return done.returncode, done.stdout.decode(errors="replace")

    def check(self, *command, data=None):
        """A command that has to work; what it printed."""
        status, text = self.run(*command, data=data)
        if status:
            raise AssertionError(f"{' '.join(command)}: status {status}\n{text}")
        return text

    def write(self, path, text):
        """A file of the machine, for everybody to read."""
        self.check("sh", "-c", 'cat >"$0" && chmod 644 "$0"', path, data=text.encode())

    def install(self, root):
        """What lies below a folder of the host, at the same places of the machine."""
        packed = subprocess.run(["tar", "-C", root, "-c", "."], check=True, stdout=subprocess.PIPE).stdout
        self.check("tar", "-C", "/", "-x", "--no-same-owner", "--no-overwrite-dir", data=packed)

    def stop(self):
        """With its first process all others end, and nobody has its mounts and interfaces any more."""
        if self.process:
            self.process.kill()
            self.process.wait()
        end = time.monotonic() + 10
        while os.path.exists(self.group) and time.monotonic() < end:
            for folder, _, _ in os.walk(self.group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:  # the last process is still ending
                    time.sleep(0.02)
        os.rmdir(self.folder)
        if os.path.exists(f"{self.folder}.log"):
            os.unlink(f"{self.folder}.log")
