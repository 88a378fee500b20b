# SPDX-License-Identifier: BSD-3-Clause
"""A client of the control socket for tests: one call after the other, or many under way at once."""
import collections
import json
import os
import socket
import time


class Refused(Exception):
    """The gateway's error: code, message, data."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]
        self.data = error.get("data", {})


class Control:
    def __init__(self, path, seconds=60 * float(os.environ.get("ESPGW_TEST_SLOWER", "1"))):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        end = time.monotonic() + seconds
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.file = self.socket.makefile("rb")
        self.events = collections.deque()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.file.close()
        self.socket.close()

    def call(self, method, **params):
        """The result; Refused when there is none."""
        self.socket.sendall(message(method, params))
        while "method" in (answer := json.loads(self.file.readline())):
            self.events.append(answer["params"])
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def event(self):
        """The next event's parameters."""
        if self.events:
            return self.events.popleft()
        return json.loads(self.file.readline())["params"]

    def batch(self, calls):
        """calls: (method, params). All or nothing."""
        return self.call("batch", calls=[{"method": method, "params": params} for method, params in calls])["results"]

    def listed(self, noun, plural, **params):
        """All of a list, page by page."""
        items, after = [], {}
        while True:
            page = self.call(f"{noun}.list", limit=1000, **after, **params)
            items += page[plural]
            if page["next"] is None:
                return items
            after = {"after": page["next"]}

    def many(self, messages, window=256, rate=None):
        """Sends messages (of message()), so many under way at most and so many a second; returns the errors."""
        sent = done = 0
        errors = []
        begin = time.monotonic()
        while done < len(messages):
            allowed = min(len(messages), done + window)
            if rate:
                allowed = min(allowed, int((time.monotonic() - begin) * rate) + 1)
            if sent < allowed:
                self.socket.sendall(b"".join(messages[sent:allowed]))
                sent = allowed
            if done == sent:
                time.sleep(0.0005)
                continue
            line = self.file.readline()
            done += 1
            if b'"error"' in line:
                errors.append(json.loads(line)["error"]["message"])
        return errors


def message(method, params):
    return (json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n").encode()
