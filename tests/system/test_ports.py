#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ports of every kind: net_memif, net_ring, net_af_packet, net_tap. (All other tests run over net_pcap.)"""
import os
import subprocess
import sys
import unittest

import scene
from checks import check_error, icmp_errors, quoted
from gateway import (Gateway, GatewayTest, Result, Running, binary, config_text, main, pcap_read, pcap_write, run_limited,
                     scratch)
from scapy.compat import raw

HERE = os.path.dirname(os.path.abspath(__file__))
OUT, IN = scene.Side(0x1001, "out"), scene.Side(0x2001, "in")
SIZES = (60, 61, 128, 1000, 1400)
JUMBO = SIZES + (1500, 2048, 4000, 8900)


def packets(direction, sizes, count=100):
    """Raw packets of both families, from the host or to it."""
    src, dst = (scene.HOST, scene.FAR) if direction == "out" else (scene.FAR, scene.HOST)
    return [scene.udp(src[f], dst[f], size=sizes[n % len(sizes)], seed=n) for n in range(count) for f in (4, 6)]


class Ports(GatewayTest):
    def frames(self, sizes):
        """What arrives on the two ports, and the raw packets in it."""
        lan, wan = packets("out", sizes), packets("in", sizes)
        envelopes = [IN.seal(p, seq) for seq, p in enumerate(wan, start=1)]
        return {"lan": [scene.from_host(p) for p in lan], "wan": [scene.from_peer(e) for e in envelopes]}, lan, wan

    def check(self, result, lan, wan):
        """Everything came through, whole."""
        self.assert_clean(result)
        self.assert_drops(result, {})
        opened = [OUT.open(p) for p in result.ip("wan") if p[9] == 50]
        self.assert_same_packets(opened, [raw(scene.forwarded(p)) for p in lan], "out")
        self.assert_same_packets(result.ip("lan"), [raw(scene.forwarded(p)) for p in wan], "in")


def ports(devices, mtu):
    return [{**port, "device": device} for port, device in zip(scene.ports(mtu=mtu), devices)]


class Memif(Ports):
    """A wire of two memifs, fed and recorded by tools/wire."""

    def test_memif(self):
        wire = os.path.join(os.path.dirname(binary()), "..", "..", "tools", "wire")
        if not os.access(wire, os.X_OK):
            self.skipTest("tools/wire is not built")
        rx, lan, wan = self.frames(JUMBO)
        with scratch() as folder:
            process = self.start_wire(wire, folder, rx)
            whole = scene.config(sas=[OUT.config(), IN.config()], ports=ports(["net_memif0", "net_memif1"], 9000))
            vdevs = [f"{self.memif(folder, n)},role=client,mac=02:70:63:61:70:0{n}" for n in range(2)]
            running = Running(Gateway(whole, idle_ms=0), folder, list(rx), vdevs)
            try:
                said, _ = process.communicate(timeout=60)
            finally:
                process.kill()
                result = running.stop()
            self.assertEqual(process.returncode, 0, said + result.describe())
            result.tx_bytes = {name: pcap_read(f"{folder}/{name}.tx.pcap") for name in rx}
            self.check(result, lan, wan)

    @staticmethod
    def memif(folder, n):
        return f"net_memif{n},id={n},socket={folder}/memif{n}.sock,socket-abstract=no,zero-copy=no,bsize=10240"

    def start_wire(self, wire, folder, rx):
        command = [wire, "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "256", "-l",
                   str(min(os.sched_getaffinity(0))), "--file-prefix", f"espgw-wire-{os.getpid()}"]
        links = []
        for n, (name, frames) in enumerate(rx.items()):
            pcap_write(f"{folder}/{name}.rx.pcap", frames)
            command += ["--vdev", f"net_pcap{n},rx_pcap={folder}/{name}.rx.pcap,tx_pcap={folder}/{name}.tx.pcap",
                        "--vdev", f"{self.memif(folder, n)},role=server"]
            links += [f"+net_pcap{n}:net_memif{n}", f"net_memif{n}:net_pcap{n}"]
        command += ["--", "-s", "1", "-p", "500", "-r", "4", "-i", "2000", *links]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True)
        # net_memif's client asks for its server once only, when it starts.
        while "waiting for links" not in (process.stdout.readline() or "waiting for links"):
            pass
        return process


class Ring(Ports):
    def test_ring(self):
        """net_ring gives back what it is sent. A packet with TTL 2 comes back with TTL 1, and the ICMP error about it
        shows what the ring carried."""
        target = {4: "203.0.113.77", 6: "2001:db8:f::77"}
        lan = [scene.udp(scene.HOST[f], target[f], size=size, ttl=2, seed=size) for size in JUMBO for f in (4, 6)]
        policies = [{"priority": n, "action": "bypass", "local": local, "remote": remote}
                    for f in (4, 6) for n, (local, remote) in enumerate(((scene.NEAR_NET[f], target[f]),
                                                                         (target[f], scene.NEAR_NET[f])))]
        # what came in from outside is answered to the inside by a policy only
        policies += [{"priority": 5, "action": "bypass", "protocol": {4: 1, 6: 58}[f], "remote": scene.NEAR_NET[f],
                      "local": scene.OUR_ADDRESS[scene.WAN][f]} for f in (4, 6)]
        neighbours = [n for n in scene.neighbours() if n["port"] == "lan"] + [
            scene.neighbour(target[f], scene.PEER_MAC, "wan") for f in (4, 6)]
        whole = scene.config([], more_routes=[], policies=policies, neighbours=neighbours,
                             ports=ports(["net_pcap0", "net_ring0"], 9000))
        with scratch() as folder:
            with open(f"{folder}/espgw.conf", "w", encoding="utf-8") as file:
                file.write(config_text(whole))
            pcap_write(f"{folder}/lan.rx.pcap", [scene.from_host(p) for p in lan])
            vdevs = [f"net_pcap0,rx_pcap={folder}/lan.rx.pcap,tx_pcap={folder}/lan.tx.pcap", "net_ring0"]
            gateway = Gateway(whole, args=["--promisc"])
            status, text = run_limited(gateway.command(folder, ["lan", "wan"], vdevs))
            result = Result(status, text, {"lan": pcap_read(f"{folder}/lan.tx.pcap")})
        self.assert_clean(result)
        self.assertEqual(result.drops.get("ttl_expired"), len(lan), result.describe())
        errors = icmp_errors(result.ip("lan"))
        self.assertEqual(len(errors), len(lan), result.describe())
        for error, packet in zip(errors, lan):
            check_error(self, error, packet, scene.OUR_ADDRESS[scene.WAN][packet.version],
                        {4: (11, 0), 6: (3, 0)}[packet.version])
            carried = raw(scene.forwarded(packet))
            self.assertEqual(quoted(error), carried[:len(quoted(error))])
            self.assertGreaterEqual(len(quoted(error)), min(len(carried), 500))


@unittest.skipUnless(os.geteuid() == 0, "namespaces need root")
class Kernel(Ports):
    """Ports on interfaces of a kernel, in a namespace of their own."""

    def setUp(self):
        self.space = f"espgw-ports-{os.getpid()}"
        if subprocess.run(["ip", "netns", "add", self.space], capture_output=True, check=False).returncode:
            self.skipTest("no network namespaces here")
        self.addCleanup(subprocess.run, ["ip", "netns", "del", self.space], check=False)
        self.sh("for f in default all; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done")

    def sh(self, script):
        done = subprocess.run(["ip", "netns", "exec", self.space, "sh", "-ec", script], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def exchange(self, vdevs, devices, interfaces, sizes, mtu):
        rx, lan, wan = self.frames(sizes)
        prefix = ["ip", "netns", "exec", self.space]
        whole = scene.config(sas=[OUT.config(), IN.config()], ports=ports(devices, mtu))
        with scratch() as folder:
            for name, frames in rx.items():
                pcap_write(f"{folder}/{name}.rx.pcap", frames)
            words = [f"{name}:{interface}:{scene.OUR_ADDRESS[n][4]}:{(scene.HOST, scene.PEER)[n][4]}"
                     for n, (name, interface) in enumerate(zip(rx, interfaces))]
            running = Running(Gateway(whole, idle_ms=0), folder, list(rx), vdevs, prefix=prefix)
            try:
                status, said = run_limited(prefix + [sys.executable, "-B", f"{HERE}/station.py", folder, *words])
            finally:
                result = running.stop()
            self.assertEqual(status, 0, said + result.describe())
            result.tx_bytes = {name: pcap_read(f"{folder}/{name}.tx.pcap") for name in rx}
            self.check(result, lan, wan)

    def veths(self, mtu):
        for name in ("lan", "wan"):
            self.sh(f"""ip link add {name}0 type veth peer name {name}1
                for end in 0 1; do
                    ethtool -K {name}$end tx off rx off tso off gso off gro off >/dev/null || true
                    ip link set {name}$end mtu {mtu} up
                done""")

    def test_af_packet(self):
        self.veths(1500)
        self.exchange(["net_af_packet0,iface=lan0", "net_af_packet1,iface=wan0"],
                      ["net_af_packet0", "net_af_packet1"], ["lan1", "wan1"], SIZES, 1500)

    def test_af_packet_refuses_what_it_would_cut(self):
        """Frames of 2048 bytes and an MTU of 9000: refused at the start, with the port's name."""
        self.veths(9000)
        whole = scene.config(ports=ports(["net_af_packet0", "net_af_packet1"], 9000))
        with scratch() as folder:
            running = Running(Gateway(whole, idle_ms=0), folder, ["lan", "wan"],
                              ["net_af_packet0,iface=lan0", "net_af_packet1,iface=wan0"],
                              prefix=["ip", "netns", "exec", self.space])
            running.wait_for(lambda: False, 20)
            result = running.stop()
        self.assertIn(result.status, (1, 2), result.describe())
        self.assertRegex(result.text, r"(?i)net_af_packet0.*mtu|mtu.*net_af_packet0")

    def test_tap(self):
        if not os.path.exists("/dev/net/tun"):
            self.skipTest("no /dev/net/tun here")
        self.exchange(["net_tap0,iface=lan0", "net_tap1,iface=wan0"], ["net_tap0", "net_tap1"], ["lan0", "wan0"],
                      SIZES, 1500)


if __name__ == "__main__":
    main()
