#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What outlives a packet: sequence numbers over restarts and kills, lifetimes, keepalives, tables, nested tunnels."""
import collections
import os
import random
import subprocess
import time

import scene
from gateway import Gateway, GatewayTest, Running, config_text, main, pcap_read, pcap_write, scratch
from scapy.compat import raw
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

LONG = bool(os.environ.get("ESPGW_LONG"))
KILLS = 1000 if LONG else 15
OUT = scene.Side(0x1001, "out")


def packets(count, first=0):
    return [scene.udp(scene.HOST[4], scene.FAR[4], seed=n) for n in range(first, first + count)]


class State(GatewayTest):
    """DESIGN.md 5: no nonce twice under one key, whatever happens to the process."""

    def run_with(self, state, side=OUT, count=50, **sa):
        return Gateway(scene.config(sas=[side.config(**sa)]), state=state).run(
            {"lan": [scene.from_host(p) for p in packets(count)], "wan": []})

    def numbers(self, result, side=OUT):
        self.assert_clean(result)
        self.assert_drops(result, {})
        return [side.seq_of(p) for p in result.ip("wan")]

    def test_restart_continues_above(self):
        with scratch() as state:
            runs = [self.numbers(self.run_with(state)) for _ in range(3)]
        self.assertEqual(runs[0], list(range(1, 51)))
        for before, after in zip(runs, runs[1:]):
            self.assertGreater(after[0], before[-1])
            self.assertEqual(after, list(range(after[0], after[0] + 50)))

    def test_another_key_begins_with_one(self):
        other = scene.Side(OUT.spi, "out", key=scene.key_for("another"))
        with scratch() as state:
            self.run_with(state)
            self.assertEqual(self.numbers(self.run_with(state, other), other)[0], 1)

    def test_another_spi_does_not_begin_again(self):
        """It is the key that counts, not the SPI."""
        other = scene.Side(0x7777, "out", key=OUT.key)
        with scratch() as state:
            self.run_with(state)
            self.assertGreater(self.numbers(self.run_with(state, other), other)[0], 50)

    def test_seq_below_the_reservation_is_refused(self):
        with scratch() as state:
            self.run_with(state)
            result = self.run_with(state, seq=5)
            self.assertEqual(result.status, 2, result.describe())
            self.assertRegex(result.text, r"espgw\.conf:\d+: sas\[0\].*seq")
            self.assertEqual(result.ip("wan"), [])
            after = self.numbers(self.run_with(state, seq=1000000))
        self.assertEqual(after[0], 1000000)

    def test_kill(self):
        """kill -9 under load, again and again: no initialization vector is seen twice."""
        highest, chance = b"", random.Random(1)
        with scratch() as folder:
            with open(f"{folder}/espgw.conf", "w", encoding="utf-8") as file:
                file.write(config_text(scene.config(sas=[OUT.config()])))
            pcap_write(f"{folder}/lan.rx.pcap", [scene.from_host(p) for p in packets(64)])
            vdevs = [f"net_pcap0,rx_pcap={folder}/lan.rx.pcap,tx_pcap={folder}/lan.tx.pcap,infinite_rx=1",
                     f"net_pcap1,tx_pcap={folder}/wan.tx.pcap"]
            command = Gateway(None, idle_ms=0).command(folder, ["lan", "wan"], vdevs)
            for number in range(KILLS):
                self.run_and_kill(command, f"{folder}/wan.tx.pcap", chance.randint(10000, 1000000))
                ivs = [p[14 + 28:14 + 36] for p in pcap_read(f"{folder}/wan.tx.pcap") if p[12:14] == b"\x08\x00"]
                self.assertTrue(ivs, f"kill {number}: nothing was sent")
                self.assertEqual(len(set(ivs)), len(ivs), f"kill {number}")
                self.assertGreater(min(ivs), highest, f"kill {number}: an IV of an earlier life")
                highest = max(ivs)

    def run_and_kill(self, command, path, size):
        """Kills it once the file is that large."""
        if os.path.exists(path):
            os.unlink(path)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            end = time.monotonic() + 30
            while time.monotonic() < end and process.poll() is None:
                if os.path.exists(path) and os.path.getsize(path) >= size:
                    break
                time.sleep(0.001)
            self.assertIsNone(process.poll(), "it ended by itself")
            process.kill()


class Lifetime(GatewayTest):

    def test_exit_on_idle(self):
        """It is receiving that counts: what the gateway sends by itself does not keep it alive."""
        side = scene.Side(0x1001, "out", udp=(4500, 4500))
        tunnels = [scene.tunnel(carrier="udp", keepalive=1)]
        before = time.monotonic()
        result = Gateway(scene.config(tunnels, [side.config()]), idle_ms=1500).run({"lan": [], "wan": []})
        self.assert_clean(result)
        self.assertLess(time.monotonic() - before, 15)
    def run_scene(self, **parts):
        lan = [scene.from_host(p) for p in parts.pop("lan", [])]
        wan = [scene.from_peer(p) for p in parts.pop("wan", [])]
        result = Gateway(scene.config(**parts), idle_ms=parts.pop("idle_ms", 400)).run({"lan": lan, "wan": wan})
        self.assert_clean(result)
        return result

    def test_hard_packets(self):
        result = self.run_scene(lan=packets(50), sas=[OUT.config(hard_packets=20)])
        self.assertEqual([OUT.seq_of(p) for p in result.ip("wan")], list(range(1, 21)), result.describe())
        self.assertEqual(sum(result.drops.get(n, 0) for n in ("lifetime", "no_sa", "tunnel_down")), 30,
                         result.describe())

    def test_hard_packets_inbound(self):
        """A replayed or forged packet does not count."""
        side = scene.Side(0x2001, "in")
        inners = [scene.udp(scene.FAR[4], scene.HOST[4], seed=n) for n in range(30)]
        envelopes = [side.seal(p, seq) for seq, p in enumerate(inners, start=1)]
        forged = raw(envelopes[29])[:-1] + b"\0"
        result = self.run_scene(wan=[envelopes[0]] * 10 + [IP(forged)] * 10 + envelopes[1:],
                                sas=[side.config(hard_packets=20)])
        self.assert_same_packets(result.ip("lan"), [raw(scene.forwarded(p)) for p in inners[:20]])

    def keepalives(self, folder):
        """UDP packets sent to the wan so far, by destination."""
        path, sent = f"{folder}/wan.tx.pcap", collections.defaultdict(list)
        for frame in pcap_read(path) if os.path.exists(path) else []:
            packet = Ether(frame)
            if UDP in packet:
                sent[(packet[IP] if IP in packet else packet[IPv6]).dst].append(packet[IP] if IP in packet else packet[IPv6])
        return sent

    def test_keepalives(self):
        """RFC 3948 4: one byte of 0xFF a second, both families; nothing where none are asked for."""
        sides = {f: scene.Side(0x1001 + f, "out", f"t{f}", family=f, udp=(4500, 4501)) for f in scene.FAMILIES}
        quiet = [scene.Side(0x2001 + f, "out", f"q{f}", family=f, udp=(4500, 4501), src=scene.OUR_ADDRESS[scene.WAN][f], dst=dst)
                 for f, dst in ((4, "203.0.113.3"), (6, "2001:db8:f::3"))]
        udp = {"carrier": "udp", "local_port": 4500, "remote_port": 4501}
        tunnels = [scene.tunnel(f"t{f}", family=f, keepalive=1, **udp) for f in scene.FAMILIES]
        tunnels += [scene.tunnel(side.name, family=side.family, remote=side.dst, keepalive=0, **udp) for side in quiet]
        neighbours = scene.neighbours() + [scene.neighbour(side.dst, scene.PEER_MAC, "wan") for side in quiet]
        whole = scene.config(tunnels, [side.config() for side in (*sides.values(), *quiet)], neighbours=neighbours,
                             more_routes=[])
        with scratch() as folder:
            for name in ("lan", "wan"):
                pcap_write(f"{folder}/{name}.rx.pcap", [])
            begin = time.monotonic()
            with Running(Gateway(whole, idle_ms=0), folder, ["lan", "wan"], None) as running:
                self.assertTrue(running.wait_for(lambda: all(len(self.keepalives(folder)[side.dst]) >= 3
                                                             for side in sides.values())))
                self.assert_clean(running.stop())
            seconds, sent = time.monotonic() - begin, self.keepalives(folder)
        self.assertEqual({dst for dst, packets in sent.items() if packets}, {side.dst for side in sides.values()})
        for family, side in sides.items():
            self.assertLessEqual(len(sent[side.dst]), seconds + 1)
            for packet in sent[side.dst]:
                self.assertEqual((packet.src, packet[UDP].sport, packet[UDP].dport), (side.src, 4500, 4501))
                self.assertEqual(raw(packet[UDP].payload), b"\xff")
                checked = packet.__class__(raw(packet))
                if family == 6:
                    del checked[UDP].chksum
                else:
                    del checked.chksum
                self.assertEqual(raw(checked), raw(packet))


class Tables(GatewayTest):
    def test_two_customers_with_the_same_addresses(self):
        """Each has a table of its own for its port and its tunnel; the envelopes share table 0."""
        lan = scene.ports()[scene.LAN]
        ports = [{**lan, "name": "a", "table": 1}, {**lan, "name": "b", "device": "net_pcap1", "table": 2},
                 {**scene.ports()[scene.WAN], "device": "net_pcap2"}]
        neighbours = [scene.neighbour(scene.HOST[f], scene.HOST_MAC, name) for f in (4, 6) for name in "ab"]
        neighbours += [scene.neighbour(f"203.0.113.{10 + n}", scene.PEER_MAC, "wan") for n in range(2)]
        tunnels = [scene.tunnel(f"t{name}", remote=f"203.0.113.{10 + n}", table=n + 1) for n, name in enumerate("ab")]
        routes = [{"prefix": scene.FAR_NET[f], "via": f"t{name}", "table": n + 1}
                  for n, name in enumerate("ab") for f in (4, 6)]
        outs = [scene.Side(0x1001 + n, "out", f"t{name}", src="203.0.113.1", dst=f"203.0.113.{10 + n}")
                for n, name in enumerate("ab")]
        ins = [scene.Side(0x2001 + n, "in", f"t{name}", src=f"203.0.113.{10 + n}", dst="203.0.113.1")
               for n, name in enumerate("ab")]
        whole = scene.config(tunnels, [side.config() for side in outs + ins], routes, ports=ports,
                             neighbours=neighbours)
        sent = [[scene.udp(scene.HOST[f], scene.FAR[f], seed=n * 10 + f) for f in (4, 6)] for n in range(2)]
        back = [[scene.udp(scene.FAR[f], scene.HOST[f], seed=n * 10 + f) for f in (4, 6)] for n in range(2)]
        frames = [scene.Ether(src=scene.HOST_MAC, dst=scene.port_mac(n)) for n in range(3)]
        result = Gateway(whole).run({
            "a": [frames[0] / p for p in sent[0]], "b": [frames[1] / p for p in sent[1]],
            "wan": [frames[2] / ins[n].seal(p, seq) for n in range(2) for seq, p in enumerate(back[n], start=1)]})
        self.assert_clean(result)
        self.assert_drops(result, {})
        for n, name in enumerate("ab"):
            opened = [outs[n].open(p) for p in result.ip("wan") if int.from_bytes(p[20:24], "big") == outs[n].spi]
            self.assert_same_packets(opened, [raw(scene.forwarded(p)) for p in sent[n]])
            self.assert_same_packets(result.ip(name), [raw(scene.forwarded(p)) for p in back[n]])

    def nested(self):
        """ipsec1's envelopes go through ipsec0."""
        near, far = "203.0.113.1", "198.51.100.9"
        tunnels = [scene.tunnel(), scene.tunnel("ipsec1", remote=far)]
        routes = [{"prefix": f"{far}/32", "via": "ipsec0"}] + scene.routes("ipsec1")
        outs = [scene.Side(0x1001, "out"), scene.Side(0x1002, "out", "ipsec1", src=near, dst=far)]
        ins = [scene.Side(0x2001, "in"), scene.Side(0x2002, "in", "ipsec1", src=far, dst=near)]
        return scene.config(tunnels, [side.config() for side in outs + ins], routes), outs, ins

    def test_nested_tunnels(self):
        whole, outs, ins = self.nested()
        sent = [scene.udp(scene.HOST[f], scene.FAR[f], seed=n) for n in range(20) for f in (4, 6)]
        back = [scene.udp(scene.FAR[f], scene.HOST[f], seed=n) for n in range(20) for f in (4, 6)]
        envelopes = [ins[0].seal(ins[1].seal(p, seq), seq) for seq, p in enumerate(back, start=1)]
        result = Gateway(whole).run({"lan": [scene.from_host(p) for p in sent],
                                     "wan": [scene.from_peer(p) for p in envelopes]})
        self.assert_clean(result)
        self.assert_drops(result, {})
        self.assert_same_packets([outs[1].open(outs[0].open(p)) for p in result.ip("wan")],
                                 [raw(scene.forwarded(p)) for p in sent])
        self.assert_same_packets(result.ip("lan"), [raw(scene.forwarded(p)) for p in back])

    def test_nested_mtu(self):
        """What fits both envelopes passes, the next byte is answered with that."""
        whole, outs, _ = self.nested()
        # 1500 leaves 1446 inside ipsec0, and 1446 leaves 1390 inside ipsec1.
        sent = [scene.udp(scene.HOST[4], scene.FAR[4], size=size, df=True) for size in (1390, 1391)]
        result = Gateway(whole).run({"lan": [scene.from_host(p) for p in sent], "wan": []})
        self.assert_clean(result)
        self.assert_drops(result, {"too_big": 1})
        self.assert_same_packets([outs[1].open(outs[0].open(p)) for p in result.ip("wan")],
                                 [raw(scene.forwarded(sent[0]))])
        self.assertEqual([int.from_bytes(p[26:28], "big") for p in result.ip("lan")], [1390])


if __name__ == "__main__":
    main()
