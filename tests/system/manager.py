# SPDX-License-Identifier: BSD-3-Clause
"""What a service manager is to espgw: somebody who listens on $NOTIFY_SOCKET."""
import socket
import time


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
