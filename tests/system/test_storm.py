#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""SAs come and go, ten thousand of each a second, while others carry traffic at the highest rate: none of it is lost,
none goes in the clear, and the memory is back afterwards.

Three seconds of it; with ESPGW_LONG sixty, and 100,000 SAs at once instead of 10,000.
"""
import os
import re
import time

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import control
import gateway

LONG = bool(os.environ.get("ESPGW_LONG"))
SLOWER = float(os.environ.get("ESPGW_TEST_SLOWER", "1"))
SECONDS = 60 if LONG else 3
SAS = 100000 if LONG else 10000
RATE = int(10000 / SLOWER)
SANITIZED = "libasan" in os.popen(f"ldd {gateway.binary()}").read()
# EAL's memory is touched for the first time bit by bit, 3 MiB of it in a minute, while malloc's stays the same to the page. A
# leak of two bytes for each SA that came would be more than this in a minute.
MEMORY_KIB = 4096 if LONG else 2048
KEY = "{:072x}".format
CONFIG = {
    "limits": {"sas": SAS + 20000, "routes4": 256, "routes6": 256},
    "ports": [
        {"device": "net_pcap0", "name": "lan", "role": "protected", "addresses": ["192.168.1.1/24"]},
        {"device": "net_null0", "name": "wan", "role": "unprotected", "addresses": ["203.0.113.1/24"]},
    ],
    "neighbours": [{"address": "203.0.113.2", "mac": "02:00:00:00:00:02", "port": "wan"},
                   {"address": "192.168.1.10", "mac": "02:00:00:00:00:09", "port": "lan"}],
    "tunnels": [{"name": "ipsec0", "local": "203.0.113.1", "remote": "203.0.113.2"},
                {"name": "busy", "local": "203.0.113.1", "remote": "203.0.113.7"}],
    "routes": [{"prefix": "192.168.2.0/24", "via": "ipsec0"}],
}


def name(number):
    return {"spi": 0x10000 + number, "direction": "in" if number % 2 else "out", "tunnel": "busy"}


def add(number):
    return control.message("sa.add", {**name(number), "algorithm": "aes-256-gcm", "key": KEY(0xabcdef0123 + number)})


def delete(number):
    return control.message("sa.delete", name(number))


def resident_kib(process):
    """But for mapped files: the sequence state has a record for each key that there ever was."""
    with open(f"/proc/{process}/status", encoding="ascii") as status:
        return sum(map(int, re.findall(r"(?:RssAnon|RssShmem):\s*(\d+)", status.read())))


class Storm(gateway.GatewayTest):

    def test_storm(self):
        frame = bytes(Ether(src="02:00:00:00:00:09", dst=gateway.port_mac(0)) /
                      IP(src="192.168.1.10", dst="192.168.2.10") / UDP(sport=7, dport=9) / (b"x" * 32))
        with gateway.scratch() as folder:
            gateway.pcap_write(f"{folder}/lan.rx.pcap", [frame] * 64)
            vdevs = [f"net_pcap0,rx_pcap={folder}/lan.rx.pcap,infinite_rx=1", "net_null0,no-rx=1"]
            running = gateway.Running(gateway.Gateway(CONFIG, idle_ms=0), folder, ["lan", "wan"], vdevs)
            with running, control.Control(f"{folder}/ctl", 60 * SLOWER) as client:
                # not a static one: those wait for the disk
                client.call("sa.add", spi=0x1001, direction="out", tunnel="ipsec0", algorithm="aes-256-gcm", key=KEY(1))
                self.pid = running.process.pid
                self.warm_up(client)
                before = resident_kib(running.process.pid)
                seconds, rate = self.storm(client, SECONDS)
                self.many_at_once(client)
                # those that went are freed a grace period later
                running.wait_for(lambda: resident_kib(running.process.pid) - before < MEMORY_KIB, 10 * SLOWER)
                after = resident_kib(running.process.pid)
                result = running.stop()
        print(f"({rate:.0f} added and as many deleted in a second of the control lcore, for {seconds:.0f} s, "
              f"memory {before} to {after} KiB) ", end="")
        self.assert_clean(result)
        # it was down until its first SA came
        self.assert_drops(result, {}, ignore=("local_handled", "shutdown", "tunnel_down"))
        received, sealed = result.pair("port", "lan", "rx")[0], result.pair("tunnel", "ipsec0", "out")[0]
        # one burst may be under way when it stops
        self.assertLessEqual(received - sealed, 64 + sum(result.drops.values()), result.describe())
        self.assertGreater(sealed, 10000 * seconds / SLOWER)
        self.assertLessEqual(abs(result.pair("port", "wan", "tx")[0] - sealed), 64, result.describe())
        if not SANITIZED:
            self.assertGreaterEqual(rate, RATE)
            self.assertLess(after - before, MEMORY_KIB, "memory is not back")

    def warm_up(self, client):
        """What tables and pools take once, they keep: the second time nothing is added."""
        self.many_at_once(client)
        self.storm(client, 2)
        self.many_at_once(client)

    def storm(self, client, seconds):
        """A thousand live at a time. Seconds taken, and how many would have been added and deleted in a second in which the
        control lcore had a CPU to itself: others use this machine, too."""
        messages = []
        for number in range(seconds * RATE):
            messages.append(add(number))
            if number >= 1000:
                messages.append(delete(number - 1000))
        begin, busy = time.monotonic(), self.busy()
        self.assertEqual(client.many(messages, rate=2 * RATE), [])
        taken, busy = time.monotonic() - begin, self.busy() - busy
        self.assertEqual(client.call("sa.flush", tunnel="busy"), {"deleted": 1000})
        return taken, seconds * RATE / busy

    def busy(self):
        return gateway.control_lcore(self.pid)[0]

    def many_at_once(self, client):
        """Added, listed page by page in time, flushed."""
        self.assertEqual(client.many([add(n) for n in range(SAS)], window=512), [])
        busy = self.busy()
        self.assertEqual(len(client.listed("sa", "sas")), SAS + 1)
        self.assertLess(self.busy() - busy, 2 * SLOWER * (10 if SANITIZED else 1))
        self.assertEqual(client.call("sa.flush", tunnel="busy"), {"deleted": SAS})
        self.assertEqual(len(client.listed("sa", "sas")), 1)


if __name__ == "__main__":
    gateway.main()
