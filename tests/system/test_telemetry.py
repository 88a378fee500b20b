#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What espgw says on DPDK's telemetry socket while it runs."""
import glob
import json
import socket

import scene
from gateway import Gateway, GatewayTest, Running, main, pcap_write, scratch

PACKETS = 32
ENOUGH = 100  # turns that were measured
OUT = scene.Side(0x1001, "out")
STAGES = ("inbox", "receive", "input", "route", "decide", "protect", "open", "crypto", "complete", "output", "transmit")
COSTS = [f"up_to_{4 << place}_cycles" for place in range(15)] + ["more_cycles"]
OUTBOUND = ("receive", "input", "route", "decide", "protect", "crypto", "transmit")


class Telemetry:
    """A client of the socket that espgw makes below runtime."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.socket = None

    def connect(self):
        for path in glob.glob(f"{self.runtime}/dpdk/*/dpdk_telemetry.v2"):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self.socket.connect(path)
            except OSError:
                self.socket.close()
                continue
            self.socket.recv(16384)
            return True
        return False

    def close(self):
        if self.socket:
            self.socket.close()

    def ask(self, command):
        self.socket.send(command.encode())
        return json.loads(self.socket.recv(65536))[command.split(",")[0]]


class Stages(GatewayTest):
    def check_stage(self, name, stage):
        self.assertEqual(list(stage), ["calls", "packets", "cycles", "cycles_per_packet", "burst_fill", *COSTS])
        costs = [stage[cost] for cost in COSTS]
        # the worker goes on between the reading of one number and of the next
        self.assertAlmostEqual(sum(costs), stage["packets"], delta=2 * PACKETS, msg=name)
        least = sum(packets * (2 << place) for place, packets in enumerate(costs) if place)
        self.assertLessEqual(least, stage["cycles"] * 1.1, name)
        if name not in OUTBOUND:
            return
        self.assertGreater(stage["calls"], 0, name)
        self.assertGreater(stage["cycles"], stage["packets"], name)
        self.assertEqual(stage["cycles_per_packet"], f"{stage['cycles'] / stage['packets']:.1f}", name)
        self.assertEqual(stage["burst_fill"], f"{stage['packets'] / stage['calls']:.1f}", name)
        self.assertAlmostEqual(stage["packets"] / stage["calls"], PACKETS, delta=1, msg=name)

    def check(self, telemetry):
        self.assertEqual(telemetry.ask("/espgw/stages"), [0])
        self.assertIsNone(telemetry.ask("/espgw/stages,1"))
        reply = telemetry.ask("/espgw/stages,0")
        self.assertEqual(list(reply), ["turns", "measured", "cycles_per_second", "received", *STAGES])
        self.assertIn(reply["turns"] // 64 - reply["measured"], (-1, 0))
        self.assertGreater(reply["received"]["up_to_32"], 0)
        self.assertEqual(sum(reply["received"].values()), reply["received"]["up_to_32"])
        for name in STAGES:
            self.check_stage(name, reply[name])

    def measured(self, telemetry):
        """Turns; none while it still starts."""
        reply = telemetry.ask("/espgw/stages,0")
        return reply["measured"] if reply else 0

    def test_stages(self):
        """A source without an end: each burst is full, in each stage."""
        with scratch() as folder:
            pcap_write(f"{folder}/lan.rx.pcap", [scene.from_host(scene.udp(scene.HOST[4], scene.FAR[4], seed=n))
                                                 for n in range(PACKETS)])
            pcap_write(f"{folder}/wan.rx.pcap", [])
            vdevs = [f"net_pcap0,rx_pcap={folder}/lan.rx.pcap,infinite_rx=1", f"net_pcap1,rx_pcap={folder}/wan.rx.pcap"]
            running = Running(Gateway(scene.config(sas=[OUT.config()]), idle_ms=0), folder, ["lan", "wan"], vdevs,
                              prefix=["env", f"RUNTIME_DIRECTORY={folder}"])
            telemetry = Telemetry(folder)
            try:
                there = running.wait_for(telemetry.connect)
                busy = there and running.wait_for(lambda: self.measured(telemetry) >= ENOUGH)
                if busy:
                    self.check(telemetry)
            finally:
                telemetry.close()
                result = running.stop()
            self.assertTrue(busy, result.describe())
            self.assert_clean(result)


if __name__ == "__main__":
    main()
