#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many tunnels and SAs: how soon after its start the gateway forwards, what each SA costs, and that every tunnel works.

20,000 SAs in 2,000 tunnels; with ESPGW_LONG 100,000 in 10,000, and in 50,000.
"""
import os
import random
import re
import socket
import struct
import time

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import control
import gateway
import many

LONG = bool(os.environ.get("ESPGW_LONG"))
SLOWER = float(os.environ.get("ESPGW_TEST_SLOWER", "1"))
START_SECONDS = 3 * SLOWER
SA_KIB = 3
SANITIZED = "libasan" in os.popen(f"ldd {gateway.binary()}").read()


def frames_to(tunnels):
    """One packet to the host of each tunnel, in random order."""
    order = list(range(tunnels))
    random.Random(1).shuffle(order)
    ethernet = bytes(Ether(src="02:00:00:00:00:09", dst=gateway.port_mac(0), type=0x800))
    for number in order:
        packet = IP(src="192.168.115.9", dst=many.host(number)) / UDP(sport=1, dport=2, chksum=0) / (b"many" * 9)
        yield ethernet + bytes(packet)


def busy_seconds(process):
    """CPU time until now: what a test can rely on where others use the CPUs, too."""
    with open(f"/proc/{process}/stat", encoding="ascii") as stat:
        user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident_kib(process):
    with open(f"/proc/{process}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s*(\d+)", status.read()).group(1))


class Many(gateway.GatewayTest):

    def run_with(self, tunnels, sas, frames):
        """Starts it, waits until all is sent; returns the Result, what it was like, and the frames sent to the wan."""
        text = "".join(line + "\n" for line in many.lines(tunnels, sas, "net_pcap0", "net_pcap1"))
        with gateway.scratch() as folder:
            gateway.pcap_write(f"{folder}/lan.rx.pcap", frames)
            gateway.pcap_write(f"{folder}/wan.rx.pcap", [])
            started = time.monotonic()
            running = gateway.Running(gateway.Gateway(text, idle_ms=0), folder, ["lan", "wan"], None)
            self.assertTrue(running.wait_for(lambda: "forwarding:" in self.log_of(folder), 30 * SLOWER))
            costs = {"seconds": time.monotonic() - started, "busy": busy_seconds(running.process.pid)}
            with control.Control(f"{folder}/ctl") as client:
                self.assertTrue(running.wait_for(lambda: client.call("stats.get", what="ports")["ports"][1]["rx_packets"]
                                                 == len(frames)))
            costs["resident"] = resident_kib(running.process.pid)
            return running.stop(), costs, gateway.pcap_read(f"{folder}/wan.tx.pcap")

    @staticmethod
    def log_of(folder):
        with open(f"{folder}/log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def check_envelope(self, packet):
        """Opens it with the key of the tunnel that its address says; returns that tunnel's number."""
        number = struct.unpack_from("!I", packet, 16)[0] - many.PEERS
        spi, sequence = struct.unpack_from("!II", packet, 20)
        self.assertEqual((spi, sequence), (0x1000 + number, 1))
        secret = bytes.fromhex(many.key(str(number)))
        clear = AESGCM(secret[:32]).decrypt(secret[32:] + packet[28:36], packet[36:], packet[20:28])
        self.assertEqual(socket.inet_ntoa(clear[16:20]), many.host(number))
        return number

    def check(self, tunnels, sas):
        frames = list(frames_to(tunnels))
        base = self.run_with(1, 2, frames)[1]
        result, costs, sent = self.run_with(tunnels, sas, frames)
        self.assert_clean(result)
        envelopes = [frame[14:] for frame in sent if frame[12:14] == b"\x08\x00" and frame[23] == 50]
        self.assertEqual(sorted(map(self.check_envelope, envelopes)), list(range(tunnels)), result.describe())
        kib = (costs["resident"] - base["resident"]) / sas
        print(f"({costs['seconds']:.2f} s to forwarding, {costs['busy']:.2f} s of them busy, {kib:.2f} KiB for each SA) ",
              end="", flush=True)
        # AddressSanitizer looks at all the rest of the text for each number in it, and its memory is not ours.
        if SANITIZED:
            return
        self.assertLess(costs["busy"], START_SECONDS)
        if tunnels * 10 <= sas:
            self.assertLess(kib, SA_KIB)

    def test_tunnels_with_ten_sas(self):
        """A start of seconds, little memory, and a packet through every tunnel."""
        self.check(10000 if LONG else 2000, 100000 if LONG else 20000)

    def test_tunnels_with_two_sas(self):
        """The same with an SA each way."""
        self.check(50000 if LONG else 2000, 100000 if LONG else 4000)


if __name__ == "__main__":
    gateway.main()
