#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whatever one client of the control socket asks, another one is served meanwhile.

Each row is something that one client asks. Another one, a process of its own, calls `version` every few milliseconds
and notes the longest that it waited. A machine that is busy with other things makes everybody wait, so the same process
notes how long its own sleeps were late, and a row that fails is tried again.

Small sizes; with ESPGW_LONG those of doc/control.md: 100,000 SAs, 10,000 tunnels, 10,000 policies.
"""
import multiprocessing
import os
import time

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import control
import gateway
import many

LONG = bool(os.environ.get("ESPGW_LONG"))
SLOWER = float(os.environ.get("ESPGW_TEST_SLOWER", "1"))
TUNNELS, SAS, POLICIES = (10000, 100000, 10000) if LONG else (500, 5000, 3000)
BOUND_MS = 100 * SLOWER
PERIOD_S = 0.003
TRIES = 3
LIMITS = f"\nlimits = {{ sas = {SAS + 2000}; tunnels = {TUNNELS + 2000}; routes4 = {TUNNELS + 4000}; }};"


class Other:
    """The other client."""

    def __init__(self, path):
        self.wait, child = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=self._ask, args=(path, child), daemon=True)
        self.process.start()
        self.wait.recv()

    @staticmethod
    def _ask(path, pipe):
        """Until something is said to it: the longest wait for an answer, and for the end of a sleep. In milliseconds."""
        with control.Control(path, 120 * SLOWER) as client:
            client.call("version")
            pipe.send(None)
            worst = late = 0
            while not pipe.poll():
                begin = time.monotonic()
                client.call("version")
                answered = time.monotonic()
                time.sleep(PERIOD_S)
                worst = max(worst, answered - begin)
                late = max(late, time.monotonic() - answered - PERIOD_S)
            pipe.send((1000 * worst, 1000 * late))

    def stop(self):
        self.wait.send(None)
        waits = self.wait.recv()
        self.process.join()
        return waits


def policy(number):
    return {"priority": number + 1, "action": "discard", "remote": f"10.{number >> 8 & 255}.{number & 255}.0/24",
            "remote_port": 1000 + number % 50000, "protocol": "udp"}


def tunnel(number):
    return {"name": f"more{number}", "local": "172.16.1.5", "remote": f"172.18.{number >> 8}.{number & 255}",
            "address": f"10.250.{number >> 8}.{number & 255}"}


def sa(number):
    return {"spi": 0x8000000 + number, "direction": "in" if number % 2 else "out", "tunnel": "ipsec0",
            "algorithm": "aes-256-gcm", "key": many.key(f"more{number}")}


def batch_of(method, params):
    return lambda client, _: client.batch([(method, item) for item in params])


def call(method, **params):
    return lambda client, _: client.call(method, **params)


def config(method, name):
    return lambda client, folder: client.call(method, path=f"{folder}/{name}")


def policies_in_batches(client, _):
    for first in range(1000, POLICIES, 1000):
        client.batch([("policy.add", policy(n)) for n in range(first, min(first + 1000, POLICIES))])


def policies_with_a_tunnel(client, _):
    """Policies, and what is published with them."""
    client.batch([("tunnel.add", tunnel(5000)), ("policy.add", {"priority": 1, "action": "protect", "tunnel": "more5000"})])


# What is asked, its size, and what is done: one after the other, on what those before have left.
ROWS = (
    ("batch of policy.add", 1000, batch_of("policy.add", [policy(n) for n in range(1000)])),
    ("policy.add to so many", 1000, call("policy.add", **policy(60001))),
    ("batches of 1,000 policy.add", POLICIES, policies_in_batches),
    ("policy.add to so many", POLICIES, call("policy.add", **policy(60002))),
    ("batch of tunnel.add and policy.add", POLICIES, policies_with_a_tunnel),
    ("config.load, no policies any more", POLICIES, config("config.load", "empty.conf")),
    ("config.load, all is new", SAS, config("config.load", "full.conf")),
    ("config.diff, all is the same", SAS, config("config.diff", "full.conf")),
    ("config.diff, all differs", SAS, config("config.diff", "empty.conf")),
    ("config.load, all is the same", SAS, config("config.load", "full.conf")),
    ("config.save", SAS, config("config.save", "saved.conf")),
    ("tunnel.add", 1, call("tunnel.add", **tunnel(1))),
    ("tunnel.update", 1, call("tunnel.update", name="more1", remote="172.18.9.9")),
    ("tunnel.delete", 1, call("tunnel.delete", name="more1")),
    ("batch of tunnel.add", 1000, batch_of("tunnel.add", [tunnel(n) for n in range(1000)])),
    ("batch of tunnel.delete", 1000, batch_of("tunnel.delete", [{"name": tunnel(n)["name"]} for n in range(1000)])),
    ("batch of sa.add", 1000, batch_of("sa.add", [sa(n) for n in range(1000)])),
    ("batch of sa.list, pages of 1,000", 4, batch_of("sa.list", [{"limit": 1000}] * 4)),
    ("sa.flush", SAS, call("sa.flush")),
    ("config.load, nothing is left", TUNNELS, config("config.load", "empty.conf")),
)


# Each waits for grace periods, while the worker, on the same CPU where there is but one, has no moment of rest.
BUSY_ROWS = tuple(row for n in range(5) for row in (
    ("tunnel.add", n, call("tunnel.add", **tunnel(n))),
    ("tunnel.update", n, call("tunnel.update", name=f"more{n}", remote="172.18.9.9")),
    ("policy.add", n, call("policy.add", **policy(n))),
    ("route.add", n, call("route.add", prefix=f"10.77.{n}.0/24", via=f"more{n}")),
    ("route.delete", n, call("route.delete", prefix=f"10.77.{n}.0/24", via=f"more{n}")),
    ("tunnel.delete", n, call("tunnel.delete", name=f"more{n}")),
    ("trace.start", n, call("trace.start", packets=1)),
    ("trace.stop", n, call("trace.stop")),
))


class Served(gateway.GatewayTest):

    @staticmethod
    def start(folder, busy):
        """busy: packets arrive without end."""
        devices = ["net_null1,no-rx=1", "net_null0,no-rx=1"]
        if busy:
            frame = Ether(src="02:00:00:00:00:09", dst=gateway.port_mac(0)) / IP(src="192.168.115.10", dst="10.64.0.0")
            gateway.pcap_write(f"{folder}/lan.rx.pcap", [frame / UDP(sport=7, dport=9)] * 64)
            devices[0] = f"net_pcap0,rx_pcap={folder}/lan.rx.pcap,infinite_rx=1"
        texts = {name: "\n".join(many.lines(tunnels, sas, devices[0].split(",")[0], "net_null0", LIMITS))
                 for name, tunnels, sas in (("empty", 0, 0), ("one", 1, 1), ("full", TUNNELS, SAS))}
        for name, text in texts.items():
            with open(f"{folder}/{name}.conf", "w", encoding="utf-8") as file:
                file.write(text + "\n")
        return gateway.Running(gateway.Gateway(texts["one"], idle_ms=0), folder, ["lan", "wan"], devices)

    def ask(self, path, folder, row):
        """The waits of the other client while this one asks."""
        with control.Control(path, 300 * SLOWER) as client:
            other = Other(path)
            begin = time.monotonic()
            try:
                row[2](client, folder)
            finally:
                worst, late = other.stop()
        print(f"{row[0]:40} {row[1]:7} took {1000 * (time.monotonic() - begin):6.0f} ms, another waited {worst:7.1f} ms, "
              f"slept too long {late:5.1f} ms", flush=True)
        return worst, late

    def run_rows(self, rows, busy):
        """The rows that made the other client wait for too long."""
        slow = set()
        with gateway.scratch() as folder, self.start(folder, busy) as running:
            self.assertTrue(running.wait_for(lambda: os.path.exists(f"{folder}/ctl"), 60 * SLOWER))
            for row in rows:
                worst, late = self.ask(f"{folder}/ctl", folder, row)
                if worst > BOUND_MS + late:
                    slow.add(f"{row[0]} ({row[1]})")
            result = running.stop()
        self.assert_clean(result)
        return slow

    def served(self, rows, busy=False):
        slow = self.run_rows(rows, busy)
        for _ in range(1, TRIES):
            if slow:
                slow &= self.run_rows(rows, busy)
        self.assertEqual(slow, set(), f"another client waited for more than {BOUND_MS} ms, each time")

    def test_rows(self):
        self.served(ROWS)

    def test_busy_worker(self):
        self.served(BUSY_ROWS, busy=True)


if __name__ == "__main__":
    gateway.main()
