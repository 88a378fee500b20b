#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Outbound: our envelopes are, byte for byte, those that scapy makes in tunnel mode; scapy and tshark decrypt them."""
import itertools
import unittest

import judge
import scene
from gateway import ENGINES, Gateway, GatewayTest, main
from scapy.compat import raw
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6

SIZES = (28, 29, 30, 31, 32, 63, 64, 65, 127, 200, 512, 1280, 1399, 1400)
JUMBO = (1501, 2047, 2048, 2049, 4096, 8000, 8800)
UDP_PORTS = (4500, 4501)
KEYS = sorted(scene.KEY_BYTES)


class Case:
    """A tunnel of its own for one combination: prefixes, peer, SPI and key follow from its number."""

    def __init__(self, number, family, udp, encapsulation, algorithm, esn):
        self.name = f"t{number}"
        self.number = number
        self.peer = {4: f"203.0.113.{number + 10}", 6: f"2001:db8:f::{number + 0x10:x}"}[family]
        self.encapsulation = encapsulation
        self.side = scene.Side(0x1000 + number, "out", self.name, algorithm, esn, family, UDP_PORTS if udp else None,
                               src=scene.OUR_ADDRESS[scene.WAN][family], dst=self.peer)
        self.far_net = {4: f"10.{number}.0.0/16", 6: f"2001:db8:{0x100 + number:x}::/48"}
        self.far = {4: f"10.{number}.0.9", 6: f"2001:db8:{0x100 + number:x}::9"}

    def __str__(self):
        side = self.side
        return (f"{self.name}: {self.encapsulation} over IPv{side.family}{' UDP' if side.udp else ''} {side.algorithm}"
                f"{' ESN' if side.esn else ''}")

    def tunnel(self, **more):
        carrier = {"carrier": "udp", "local_port": UDP_PORTS[0], "remote_port": UDP_PORTS[1]} if self.side.udp else {}
        return {"name": self.name, "local": self.side.src, "remote": self.peer, "encapsulation": self.encapsulation,
                "ttl": 64, **carrier, **more}

    def routes(self):
        return [{"prefix": self.far_net[f], "via": self.name} for f in scene.FAMILIES]

    def packets(self, sizes):
        """Raw packets of both families; DF, DSCP and ECN take turns."""
        for at, (size, family) in enumerate(itertools.product(sizes, scene.FAMILIES)):
            if family == 6 and size < 60:
                continue
            make = (scene.udp, scene.tcp, scene.echo)[at % 3]
            yield make(scene.HOST[family], self.far[family], size=size, seed=at, tos=(at * 37) & 0xFF, df=bool(at & 2))


CASES = [Case(number, *values) for number, values in enumerate(itertools.product(
    scene.FAMILIES, (False, True), ("ipip", "tunnel"), KEYS, (False, True)))]


def config_for(cases, mtu=1500, **tunnel):
    neighbours = scene.neighbours() + [scene.neighbour(case.peer, scene.PEER_MAC, "wan") for case in cases]
    return scene.config(
        tunnels=[case.tunnel(**tunnel) for case in cases],
        sas=[case.side.config() for case in cases],
        more_routes=[route for case in cases for route in case.routes()],
        ports=scene.ports(mtu=mtu), neighbours=neighbours)


def envelope(case, inner, seq, packet):
    """What scapy sends for the inner packet. The IPv4 ID without DF is a counter: taken from our packet."""
    df = scene.has_df(inner)
    ip_id = 0 if df or case.side.family == 6 else IP(packet).id
    return case.side.seal(scene.forwarded(inner), seq, tos=scene.tos_of(inner), df=df, ip_id=ip_id)


class Out(GatewayTest):
    def run_all(self, sizes, args, mtu=1500, cases=tuple(CASES), **tunnel):
        """Sends every size through every case's tunnel; judges by scapy. Returns envelopes by case."""
        inners = {case.name: list(case.packets(sizes)) for case in cases}
        lan = [scene.from_host(inner) for packets in zip(*inners.values()) for inner in packets]
        result = Gateway(config_for(cases, mtu, **tunnel), args=args).run({"lan": lan, "wan": []})
        self.assert_clean(result)
        self.assert_drops(result, {})
        sent = {case.name: [] for case in cases}
        names = {case.side.spi: case.name for case in cases}
        for packet in result.ip("wan"):
            header = 20 if packet[0] >> 4 == 4 else 40
            header += 8 if packet[9 if header == 20 else 6] == 17 else 0
            sent[names[int.from_bytes(packet[header:header + 4], "big")]].append(packet)
        for case in cases:
            with self.subTest(str(case)):
                self.check_bytes(case, inners[case.name], sent[case.name])
        self.check_counters(result, cases, inners)
        return sent, inners

    def check_bytes(self, case, inners, packets):
        wanted = [raw(envelope(case, inner, seq, packet))
                  for seq, (inner, packet) in enumerate(zip(inners, packets), start=1)]
        self.assert_same_packets(packets, wanted, str(case))
        self.assertEqual(len(packets), len(inners), str(case))
        for packet, inner in zip(packets, inners):
            self.assertEqual(case.side.open(packet), raw(scene.forwarded(inner)))

    def check_counters(self, result, cases, inners):
        for case in cases:
            count = len(inners[case.name])
            self.assertEqual(result.pair("tunnel", case.name, "out")[0], count, result.text)
            self.assertEqual(result.pair("sa", f"0x{case.side.spi:08x}", "out")[0], count, result.text)
        total = sum(map(len, inners.values()))
        self.assertEqual(result.pair("port", "lan", "rx")[0], total)
        # with ARP and ND of our own
        self.assertEqual(result.pair("port", "wan", "tx")[0], len(result.tx_bytes["wan"]))

    def test_every_engine(self):
        for engine in ENGINES:
            with self.subTest(engine):
                self.run_all(SIZES, ["--crypto", engine])

    def test_engine_that_delays_and_reorders(self):
        """The order in which an SA's envelopes leave may differ then; the bytes may not."""
        inners = {case.name: list(case.packets(SIZES)) for case in CASES}
        lan = [scene.from_host(inner) for packets in zip(*inners.values()) for inner in packets]
        result = Gateway(config_for(CASES), args=["--crypto", "test"]).run({"lan": lan, "wan": []})
        self.assert_clean(result)
        self.assert_drops(result, {})
        opened, wanted = [], [raw(scene.forwarded(inner)) for packets in inners.values() for inner in packets]
        sides = {case.side.spi: case.side for case in CASES}
        for packet in result.ip("wan"):
            at = 20 if packet[0] >> 4 == 4 else 40
            at += 8 if packet[9 if at == 20 else 6] == 17 else 0
            opened.append(sides[int.from_bytes(packet[at:at + 4], "big")].open(packet))
        self.assert_same_set(opened, wanted)

    def test_jumbo(self):
        """Chains of mbufs in, chains out. The ports carry 9000 bytes."""
        for engine in ENGINES:
            with self.subTest(engine):
                self.run_all(JUMBO, ["--crypto", engine], mtu=9000, cases=tuple(CASES[::5]))

    def test_dscp_set_and_ecn_off(self):
        cases = (CASES[0], CASES[-1])
        inners = [scene.udp(scene.HOST[f], case.far[f], tos=tos, df=True)
                  for case in cases for f in scene.FAMILIES for tos in range(0, 256, 7)]
        result = Gateway(config_for(cases, dscp=46, ecn=False, ttl=9)).run(
            {"lan": map(scene.from_host, inners), "wan": []})
        self.assert_clean(result)
        packets = result.ip("wan")
        self.assertEqual(len(packets), len(inners), result.describe())
        for packet in packets:
            outer = (IP if packet[0] >> 4 == 4 else IPv6)(packet)
            self.assertEqual((scene.tos_of(outer), outer.ttl if outer.version == 4 else outer.hlim), (46 << 2, 9))

    @unittest.skipUnless(judge.available(), "no tshark here")
    def test_tshark_decrypts(self):
        inners = {case.name: list(case.packets(SIZES)) for case in CASES}
        lan = [scene.from_host(inner) for packets in inners.values() for inner in packets]
        result = Gateway(config_for(CASES)).run({"lan": lan, "wan": []})
        self.assert_clean(result)
        packets = result.ip("wan")
        verdicts = judge.decrypt(packets, [case.side for case in CASES])
        with_esn = sum(len(inners[case.name]) for case in CASES if case.side.esn)
        self.assertEqual([good for good, _ in verdicts].count(False), with_esn, "tshark says that an ICV is bad")
        plain = [data[:length_of(data)] for _, data in verdicts]
        self.assert_same_set(plain, [raw(scene.forwarded(p)) for ps in inners.values() for p in ps])


def length_of(packet):
    if packet[0] >> 4 == 4:
        return int.from_bytes(packet[2:4], "big")
    return 40 + int.from_bytes(packet[4:6], "big")


class Numbers(GatewayTest):
    """Sequence numbers: they begin where told, continue, and never wrap."""

    def sequence(self, first, count, esn, state=None):
        side = scene.Side(0x1001, "out", esn=esn)
        whole = scene.config(sas=[side.config(**({"seq": first} if first else {}))])
        lan = [scene.from_host(scene.udp(scene.HOST[4], scene.FAR[4], seed=n)) for n in range(count)]
        result = Gateway(whole, state=state).run({"lan": lan, "wan": []})
        self.assert_clean(result)
        return side, result, [raw(scene.forwarded(frame.payload)) for frame in lan]

    def test_begins_with_one(self):
        side, result, _ = self.sequence(None, 5, False)
        self.assertEqual([side.seq_of(p) for p in result.ip("wan")], [1, 2, 3, 4, 5])

    def test_never_wraps(self):
        side, result, _ = self.sequence(0xFFFFFFFA, 20, False)
        self.assertEqual([side.seq_of(p) for p in result.ip("wan")], list(range(0xFFFFFFFA, 1 << 32)))
        self.assert_drops(result, {"sequence_exhausted": 14})

    def test_esn_goes_on(self):
        """The low half starts again; the high half is in the IV and the AAD, and scapy decrypts with it."""
        side, result, inners = self.sequence(0xFFFFFFFA, 20, True)
        packets = result.ip("wan")
        self.assertEqual(len(packets), 20, result.describe())
        for number, (packet, inner) in enumerate(zip(packets, inners), start=0xFFFFFFFA):
            self.assertEqual(side.seq_of(packet), number & 0xFFFFFFFF)
            self.assertEqual(side.esp_of(packet)[8:16], number.to_bytes(8, "big"))
            self.assertEqual(side.open(packet, high=number >> 32), inner)


if __name__ == "__main__":
    main()
