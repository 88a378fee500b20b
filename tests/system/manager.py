# SPDX-License-Identifier: BSD-3-Clause
"""What a service manager is to espgw: somebody who listens on $NOTIFY_SOCKET; and what else can be seen of a service."""
import json
import os
import pwd
import socket
import time

NOBODY = pwd.getpwnam("nobody")


def threads(pid):
    """What /proc says of each thread of a process."""
    said = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
            said.append({line.split(":")[0]: line.split(":")[1].split() for line in file})
    return said


def ask(path, method):
    """A call over the control socket; its reply."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode() + b"\n")
        return json.loads(client.makefile().readline())


class Manager:
    """Collects the lines that a service sends. path: of a socket in a file, or "@name"."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + path[1:] if path.startswith("@") else path)
        self.socket.setblocking(False)
        self.lines = []
        self.times = []

    def close(self):
        self.socket.close()

    def environment(self, watchdog=None):
        """Words before a command line that say where to report to."""
        if not watchdog:
            return ["env", f"NOTIFY_SOCKET={self.path}"]
        script = f'NOTIFY_SOCKET="{self.path}" WATCHDOG_USEC={int(watchdog * 1e6)} WATCHDOG_PID=$$ exec "$@"'
        return ["sh", "-c", "export NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID; " + script, "sh"]

    def listen(self):
        """Takes what has come; returns all lines so far."""
        while True:
            try:
                told = self.socket.recv(4096).decode()
            except BlockingIOError:
                return self.lines
            new = told.splitlines()
            self.lines += new
            self.times += [time.monotonic()] * len(new)

    def heard(self, beginning):
        """Whether a line that begins so has come."""
        return any(line.startswith(beginning) for line in self.listen())

    def heartbeats(self, seconds):
        """How many come in that time."""
        before = self.listen().count("WATCHDOG=1")
        time.sleep(seconds)
        return self.listen().count("WATCHDOG=1") - before
