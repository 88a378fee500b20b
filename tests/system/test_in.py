#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Inbound: what scapy's gateway sends comes out as the raw packet; everything else dies with its own counter."""
import itertools

import scene
from checks import check_error, icmp_errors
from gateway import ENGINES, Gateway, GatewayTest, main
from scapy.compat import raw
from scapy.layers.inet import IP, fragment
from scapy.packet import Raw

UDP_PORTS = (4500, 4501)
TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}


def inner(family=4, seed=0, size=100, **more):
    """A packet from the far host to ours."""
    return scene.udp(scene.FAR[family], scene.HOST[family], size=size, seed=seed, **more)


def arrived(packets):
    """What the lan host gets of them."""
    return [raw(scene.forwarded(packet)) for packet in packets]


class In(GatewayTest):
    """One tunnel, one inbound SA; run() feeds envelopes to the wan port."""

    def setUp(self):
        self.side = scene.Side(0x2001, "in")

    def run_in(self, envelopes, sas=None, tunnels=None, args=(), lan=(), workers=1, **top):
        whole = scene.config(sas=sas or [self.side.config()], tunnels=tunnels, **top)
        result = Gateway(whole, args=args, workers=workers).run(
            {"lan": list(lan), "wan": [scene.from_peer(envelope) for envelope in envelopes]})
        self.assert_clean(result)
        return result

    def assert_result(self, result, passed, drops):
        """Exactly these packets on the protected side, exactly these counters."""
        self.assert_same_packets(result.ip("lan"), arrived(passed), "on the protected side")
        self.assert_drops(result, drops)


class Accepted(In):
    def test_every_combination(self):
        """Families, carriers, ESN, key sizes; made as tunnel mode and as IIPtran; TFC padding; sizes up to jumbo."""
        for engine in ENGINES:
            with self.subTest(engine):
                self.every_combination(engine)

    def every_combination(self, engine):
        tunnels, sas, envelopes, passed, neighbours = [], [], [], [], scene.neighbours()
        values = itertools.product(scene.FAMILIES, (False, True), ("ipip", "tunnel"), sorted(scene.KEY_BYTES),
                                   (False, True))
        for number, (family, udp, encapsulation, algorithm, esn) in enumerate(values):
            peer = {4: f"203.0.113.{number + 10}", 6: f"2001:db8:f::{number + 0x10:x}"}[family]
            name = f"t{number}"
            side = scene.Side(0x2000 + number, "in", name, algorithm, esn, family, UDP_PORTS if udp else None,
                              src=peer, dst=scene.OUR_ADDRESS[scene.WAN][family])
            carrier = {"carrier": "udp", "local_port": UDP_PORTS[0], "remote_port": UDP_PORTS[1]} if udp else {}
            tunnels.append({"name": name, "local": side.dst, "remote": peer, "encapsulation": encapsulation, **carrier})
            sas.append(side.config(replay_window=64))
            neighbours.append(scene.neighbour(peer, scene.PEER_MAC, "wan"))
            for seq, (transport, inner_family, size) in enumerate(itertools.product(
                    (False, True), scene.FAMILIES, (60, 61, 62, 63, 500, 1400, 5000)), start=1):
                packet = inner(inner_family, seed=number * 100 + seq, size=size)
                envelopes.append(side.seal(packet, seq, transport=transport))
                passed.append(packet)
        result = self.run_in(envelopes, sas, tunnels, ["--crypto", engine], ports=scene.ports(mtu=9000),
                             neighbours=neighbours, more_routes=[])
        self.assert_result(result, passed, {})
        for tunnel in tunnels:
            self.assertEqual(result.pair("tunnel", tunnel["name"], "in")[0], 28, result.text)

    def test_engine_that_delays_and_reorders(self):
        packets = [inner(seed=seq) for seq in range(1, 501)]
        envelopes = [self.side.seal(packet, seq) for seq, packet in enumerate(packets, start=1)]
        result = self.run_in(envelopes, [self.side.config(replay_window=1024)], args=["--crypto", "test"])
        self.assert_same_set(result.ip("lan"), arrived(packets))
        self.assert_drops(result, {})

    def test_order_is_kept(self):
        packets = [inner(family, seed=seq) for seq in range(1, 501) for family in scene.FAMILIES]
        result = self.run_in([self.side.seal(packet, seq) for seq, packet in enumerate(packets, start=1)])
        self.assert_result(result, packets, {})

    def test_tfc_padding(self):
        """RFC 4303 2.7: bytes beyond the inner packet's length, before the padding."""
        envelopes, passed = [], []
        for seq, (family, tfc) in enumerate(itertools.product(scene.FAMILIES, (1, 2, 3, 4, 63, 700, 1200)), start=1):
            packet = inner(family, seed=seq)
            plain = raw(packet) + scene.payload_of(tfc, seq)
            envelopes.append(self.side.seal_bytes(plain + padding(len(plain), 4 if family == 4 else 41), seq))
            passed.append(packet)
        self.assert_result(self.run_in(envelopes), passed, {})

    def test_dummy_packets(self):
        plain = scene.payload_of(98)
        envelopes = [self.side.seal(inner(seed=1), 1), self.side.seal_bytes(plain + padding(98, 59), 2),
                     self.side.seal_bytes(padding(0, 59), 3), self.side.seal(inner(seed=4), 4)]
        self.assert_result(self.run_in(envelopes), [inner(seed=1), inner(seed=4)], {"esp_dummy": 2})

    def test_any_padding_length(self):
        """Up to 255 bytes of it, more than alignment needs."""
        envelopes, passed = [], []
        for seq, length in enumerate((2, 6, 10, 62, 254), start=1):
            packet = inner(seed=seq, size=100)
            pad = bytes(range(1, length + 1))
            envelopes.append(self.side.seal_bytes(raw(packet) + pad + bytes([length, 4]), seq))
            passed.append(packet)
        self.assert_result(self.run_in(envelopes), passed, {})

    def test_foreign_iv(self):
        """The sender's IV is its own affair (Linux adds a salt to the sequence number)."""
        packets = [inner(seed=seq) for seq in range(1, 9)]
        envelopes = [self.side.seal(p, seq, iv=scene.payload_of(8, seq)) for seq, p in enumerate(packets, start=1)]
        self.assert_result(self.run_in(envelopes), packets, {})

    def test_tunnel_mode_does_not_look_at_the_source(self):
        """RFC 3884 4.1: with IIPtran the tunnel checks its outer addresses; the SA of tunnel mode need not."""
        self.side.src = "203.0.113.77"
        envelope = self.side.seal(inner(), 1)
        result = self.run_in([envelope], tunnels=[scene.tunnel(encapsulation="tunnel")])
        self.assert_result(result, [inner()], {})
        self.assert_result(self.run_in([envelope]), [], {"esp_address": 1})

    def test_source_over_udp(self):
        """There it is looked at after decryption, since the peer may have moved: the record says what came."""
        for family in scene.FAMILIES:
            with self.subTest(family):
                self.side = scene.Side(0x2001, "in", family=family, udp=(4500, 4500))
                self.side.src = {4: "203.0.113.77", 6: "2001:db8:f::77"}[family]
                envelope = self.side.seal(inner(), 7)
                tunnels = [scene.tunnel(carrier="udp", family=family)]
                result = self.run_in([envelope], tunnels=tunnels)
                self.assert_result(result, [], {"esp_address": 1})
                self.assertIn(f"esp_address: SPI 0x00002001 sequence 7 from {self.side.src} to {self.side.dst} ",
                              result.text)
                tunnels[0]["encapsulation"] = "tunnel"
                self.assert_result(self.run_in([envelope], tunnels=tunnels), [inner()], {})


def padding(length, next_header):
    """RFC 4303: 1, 2, 3, … so that the trailer ends at a multiple of 4."""
    pad = -(length + 2) % 4
    return bytes(range(1, pad + 1)) + bytes([pad, next_header])


class Replay(In):
    def replay(self, numbers, passed, drops, window=64, esn=False, one_by_one=False):
        """Envelopes with these sequence numbers; passed: indexes of those that come through.

        one_by_one: in bursts of one, as from a wire; else those of one burst are checked before any is committed.
        """
        side = scene.Side(0x2001, "in", esn=esn)
        packets = [inner(seed=at) for at in range(len(numbers))]
        envelopes = [side.seal(packet, seq) for packet, seq in zip(packets, numbers)]
        result = self.run_in(envelopes, [side.config(replay_window=window)], args=["--burst", "1"] if one_by_one else [])
        self.assert_result(result, [packets[at] for at in passed], drops)

    def test_in_the_window(self):
        numbers = list(range(1, 101)) + [100, 99, 70, 37]
        self.replay(numbers, range(100), {"replay_seen": 4}, one_by_one=True)

    def test_left_of_the_window(self):
        numbers = list(range(1, 101)) + [36, 35, 1]
        self.replay(numbers, range(100), {"replay_old": 3}, one_by_one=True)

    def test_twice_in_one_burst(self):
        """Both copies pass the check before the first one's commit: the second check stops the copy."""
        self.replay([1, 2, 2, 3, 3, 3], [0, 1, 3], {"replay_late": 3})

    def test_twice_in_two_bursts(self):
        self.replay([1, 2, 2, 3, 3, 3], [0, 1, 3], {"replay_seen": 3}, one_by_one=True)

    def test_sequence_number_zero(self):
        self.replay([0, 1], [1], {"replay_old": 1})

    def test_windows(self):
        """Late packets pass up to the edge, not beyond it."""
        for window in (32, 64, 128, 1024, 4096):
            with self.subTest(window):
                top = 10000
                numbers = [top, top - window + 1, top - window, top + 1, top - window + 1, top - window + 2]
                self.replay(numbers, [0, 1, 3, 5], {"replay_old": 2}, window=window, one_by_one=True)

    def test_off(self):
        self.replay([5, 5, 1, 1000000, 5], range(5), {}, window=0)

    def test_esn_across_the_wrap(self):
        """The high half is not sent: it is inferred from the window (RFC 4303 A2)."""
        edge = 1 << 32
        numbers = [edge - 3, edge - 2, edge + 1, edge - 1, edge, edge + 2, edge - 2, edge + 1]
        # From 0 the window is led up to the edge: each step stays below 2^32 - window.
        steps = [(1 << 31) - 1, (1 << 32) - 1000]
        self.replay(steps + numbers, range(8), {"replay_seen": 2}, esn=True, one_by_one=True)

    def test_esn_wrong_high_half(self):
        """A packet of the first 2^32 sent again after the wrap is taken for one of the second, and fails the ICV."""
        edge = 1 << 32
        side = scene.Side(0x2001, "in", esn=True)
        numbers = [(1 << 31) - 1, edge - 10, edge + 10, edge + 500]
        envelopes = [side.seal(inner(seed=at), seq) for at, seq in enumerate(numbers)]
        envelopes.append(side.seal(inner(seed=9), 700))
        result = self.run_in(envelopes, [side.config(replay_window=64)], args=["--burst", "1"])
        self.assert_result(result, [inner(seed=at) for at in range(4)], {"icv": 1})

    def test_forged_packets_move_no_window(self):
        """A forged packet far to the right does not push honest ones out of the window."""
        forged = bytearray(raw(self.side.seal(inner(), 1000000)))
        forged[-1] ^= 1
        envelopes = [self.side.seal(inner(seed=1), 1), IP(bytes(forged)), self.side.seal(inner(seed=2), 2)]
        result = self.run_in(envelopes, args=["--burst", "1"])
        self.assert_result(result, [inner(seed=1), inner(seed=2)], {"icv": 1})


class Dropped(In):
    """The envelopes that must not come through, each between two good ones that must."""

    def dropped(self, bad, drops, passed_more=(), sas=None, tunnels=None, **top):
        bad = [bad] if not isinstance(bad, list) else bad
        good = [inner(seed=1), inner(seed=2)]
        result = self.run_in([self.side.seal(good[0], 1)] + bad + [self.side.seal(good[1], 1000)],
                             sas or [self.side.config(replay_window=4096)], tunnels, **top)
        self.assert_result(result, [good[0], *passed_more, good[1]], drops)
        return result

    def test_forged(self):
        """Any one byte changed from the SPI's last on: sequence number, IV, text and ICV are all covered."""
        envelope = raw(self.side.seal(inner(), 7))
        bad = []
        for at in range(20 + 4, len(envelope)):
            changed = bytearray(envelope)
            changed[at] ^= 0x80 >> at % 8
            bad.append(IP(bytes(changed)))
        result = self.dropped_counting(bad)
        self.assertEqual(sum(result.drops.values()), len(bad), result.describe())
        # A changed sequence number may land left of the window or far to its right, never inside unseen and valid.
        self.assertLessEqual(set(result.drops), {"icv", "replay_old", "replay_seen"})
        self.assertGreaterEqual(result.drops["icv"], len(bad) - 4)

    def dropped_counting(self, bad):
        good = [inner(seed=1), inner(seed=2)]
        result = self.run_in([self.side.seal(good[0], 1)] + bad + [self.side.seal(good[1], 1000)])
        self.assert_same_packets(result.ip("lan"), arrived(good))
        return result

    def test_forged_icv(self):
        self.dropped([self.side.seal_bytes(raw(inner()) + padding(100, 4), 7, icv=bytes(16))], {"icv": 1})

    def test_truncated_at_every_length(self):
        """With the IP length right for what is left, and with the IP length as it was."""
        for family in scene.FAMILIES:
            self.side = scene.Side(0x2001, "in", family=family)
            header = 20 if family == 4 else 40
            envelope = raw(self.side.seal(inner(), 7))
            fitted, cut = [], []
            for length in range(header, len(envelope)):
                packet = self.side.carried(envelope[header:length])
                fitted.append(packet)
                cut.append(Raw(envelope[:length]))
            with self.subTest(family=family):
                tunnels = [scene.tunnel(family=family)]
                result = self.run_in(fitted, tunnels=tunnels)
                self.assert_result(result, [], self.truncation_drops(len(envelope) - header))
                frames = [scene.from_peer(packet) for packet in cut]
                for frame in frames:
                    frame.type = 0x800 if family == 4 else 0x86DD
                whole = scene.config(sas=[self.side.config()], tunnels=tunnels)
                result = Gateway(whole).run({"lan": [], "wan": frames})
                self.assert_clean(result)
                self.assert_result(result, [], {"ip_truncated": len(cut)})

    @staticmethod
    def truncation_drops(whole):
        """ESP cut to 0 … whole - 1 bytes: no header; too short or not a multiple of 4; a wrong ICV."""
        drops = {"l4_truncated": 0, "esp_truncated": 0, "icv": 0}
        for length in range(whole):
            if length < 8:
                drops["l4_truncated"] += 1
            elif length < 8 + 8 + 4 + 16 or length % 4:
                drops["esp_truncated"] += 1
            else:
                drops["icv"] += 1
        return drops

    def test_pad_length(self):
        """Beyond the payload, to the byte."""
        plain = raw(inner())
        bad = [self.side.seal_bytes(plain + b"\1\2" + bytes([length, 4]), seq)
               for seq, length in enumerate((103, 104, 200, 255), start=2)]
        self.dropped(bad, {"pad_length": 4})

    def test_pad_bytes(self):
        plain = raw(inner())
        bad = [self.side.seal_bytes(plain + pad + bytes([len(pad), 4]), seq)
               for seq, pad in enumerate((b"\0\0", b"\1\1", b"\2\1", b"\1\2\3\4\5\7"), start=2)]
        self.dropped(bad, {"pad_bytes": 4})

    def test_next_header(self):
        plain = raw(inner())
        bad = [self.side.seal_bytes(plain + padding(100, number), seq)
               for seq, number in enumerate((0, 6, 17, 41, 47, 50, 255), start=2)]
        self.dropped(bad, {"esp_next_header": 7})

    def test_inner_malformed(self):
        """Empty, cut, a wrong header length, a wrong checksum."""
        plain = raw(inner())
        broken = [b"", plain[:10], plain[:19], plain[:99], b"\x44" + plain[1:], b"\x4f" + plain[1:],
                  plain[:10] + b"\0\0" + plain[12:]]
        bad = [self.side.seal_bytes(data + padding(len(data), 4), seq) for seq, data in enumerate(broken, start=2)]
        self.dropped(bad, {"inner_malformed": 7})

    def test_unknown_spi(self):
        stranger = scene.Side(0x9999, "in")
        self.dropped([stranger.seal(inner(), 2), scene.Side(0, "in").seal(inner(), 2)], {"esp_unknown_spi": 2})

    def test_spi_of_another_tunnel(self):
        """The other tunnel's SA, sent from this tunnel's peer: its outer addresses are not that tunnel's."""
        other = scene.Side(0x2002, "in", "ipsec1")
        tunnels = [scene.tunnel(), scene.tunnel("ipsec1", remote="203.0.113.3")]
        self.dropped([other.seal(inner(), 2)], {"esp_address": 1},
                     sas=[self.side.config(replay_window=4096), other.config()], tunnels=tunnels)

    def test_plaintext_ipip(self):
        """From the peer's own address, IPv4 and IPv6 inside; nothing says that it was protected."""
        bad = [self.side.header() / inner(4), self.side.header() / inner(6)]
        self.dropped(bad, {"plaintext_ipip": 2})

    def test_plaintext(self):
        """The raw packet itself, on the wrong side: no policy, and the zones say discard."""
        self.dropped([inner(4), inner(6)], {"zone": 2})

    def test_selectors(self):
        selectors = [{"local": scene.NEAR_NET[f], "remote": scene.FAR_NET[f]} for f in scene.FAMILIES]
        bad = [self.side.seal(scene.udp("192.168.3.1", scene.HOST[4]), 2),
               self.side.seal(scene.udp(scene.FAR[4], "192.168.7.1"), 3),
               self.side.seal(scene.udp("2001:db8:3::1", scene.HOST[6]), 4)]
        self.dropped(bad, {"selector_in": 3}, tunnels=[scene.tunnel(selectors=selectors)])

    def test_selectors_with_ports(self):
        selectors = [{"local": scene.NEAR_NET[4], "remote": scene.FAR_NET[4], "protocol": "udp", "local_port": 2000}]
        bad = [self.side.seal(scene.udp(scene.FAR[4], scene.HOST[4], dport=2001), 2),
               self.side.seal(scene.tcp(scene.FAR[4], scene.HOST[4], dport=2000), 3)]
        self.dropped(bad, {"selector_in": 2}, tunnels=[scene.tunnel(selectors=selectors)])

    def test_not_ect_under_ce(self):
        bad = [self.side.seal(inner(family, tos=0xB8), seq, tos=3) for seq, family in enumerate(scene.FAMILIES, 2)]
        self.dropped(bad, {"ecn_ce": 2})

    def test_esp_over_the_wrong_carrier(self):
        over_udp = scene.Side(0x2001, "in", udp=UDP_PORTS, key=self.side.key)
        tunnels = [scene.tunnel(), scene.tunnel("ipsec1", carrier="udp", local_port=UDP_PORTS[0],
                                                remote_port=UDP_PORTS[1], remote="203.0.113.3")]
        self.dropped([over_udp.seal(inner(), 2)], {"esp_carrier": 1}, tunnels=tunnels)

    def test_fragment_that_never_completes(self):
        """Only a later part of an envelope: waits, then dies of age."""
        parts = fragment(self.side.seal(inner(size=1200), 2, df=False, ip_id=77), fragsize=400)
        good = self.side.seal(inner(seed=1), 1)
        whole = scene.config(sas=[self.side.config()])
        result = Gateway(whole, idle_ms=4000).run(
            {"lan": [], "wan": [scene.from_peer(good), scene.from_peer(parts[1]), scene.from_peer(parts[2])]})
        self.assert_clean(result)
        self.assert_result(result, [inner(seed=1)], {"reassembly_timeout": 2})

    def test_martians_inside(self):
        """Well protected, and still no packet to forward."""
        sources = ("127.0.0.1", "224.0.0.1", "0.0.0.0", "255.255.255.255", "240.0.0.1")
        bad = [self.side.seal(scene.udp(src, scene.HOST[4]), seq) for seq, src in enumerate(sources, start=2)]
        bad += [self.side.seal(scene.udp(src, scene.HOST[6]), seq)
                for seq, src in enumerate(("::1", "ff02::1", "::"), start=20)]
        bad += [self.side.seal(scene.udp(scene.FAR[4], dst), seq)
                for seq, dst in enumerate(("127.0.0.1", "0.0.0.0", "240.0.0.1"), start=30)]
        bad += [self.side.seal(scene.udp(scene.FAR[6], dst), seq) for seq, dst in enumerate(("::1", "::"), start=40)]
        self.dropped(bad, {"martian_source": 8, "martian_destination": 5})

    def test_martians_outside(self):
        """On both ports, in the clear."""
        for family, pairs in ((4, (("127.0.0.1", None), ("224.0.0.1", None), ("240.0.0.1", None), (None, "127.0.0.1"),
                                   (None, "0.0.0.0"))),
                              (6, (("::1", None), ("ff02::1", None), (None, "::1"), (None, "::")))):
            packets = [scene.udp(src or scene.HOST[family], dst or scene.FAR[family]) for src, dst in pairs]
            sources = sum(1 for src, _ in pairs if src)
            with self.subTest(family=family):
                result = self.run_in(packets, lan=[scene.from_host(packet) for packet in packets])
                self.assertEqual(result.ip("lan"), [])
                self.assertEqual(result.ip("wan"), [])
                self.assert_drops(result, {"martian_source": 2 * sources,
                                           "martian_destination": 2 * (len(pairs) - sources)})

    def test_policy_discard(self):
        policies = [{"priority": 1, "action": "discard", "local": scene.HOST[4], "remote": scene.FAR[4],
                     "protocol": "udp", "remote_port": 666}]
        out = scene.Side(0x1001, "out")
        packet = inner(sport=666)
        result = self.dropped([self.side.seal(packet, 2)], {"policy_discard": 1}, policies=policies,
                              sas=[self.side.config(replay_window=4096), out.config()],
                              tunnels=[scene.tunnel(address="10.0.0.1", peer_address="10.0.0.2")])
        errors = icmp_errors([out.open(envelope) for envelope in result.ip("wan")])
        self.assertEqual(len(errors), 1, result.describe())
        check_error(self, errors[0], packet, "10.0.0.1", (3, 13))

    def test_no_policy(self):
        """Protected to unprotected in the clear: the zones say discard, and nothing leaves."""
        lan = [scene.from_host(scene.udp(scene.HOST[f], scene.PEER[f])) for f in scene.FAMILIES]
        result = self.run_in([], lan=lan)
        self.assert_drops(result, {"zone": 2})
        self.assertEqual(result.ip("wan"), [])

    def test_no_outbound_sa(self):
        """The tunnel is down: a route to it discards."""
        lan = [scene.from_host(scene.udp(scene.HOST[f], scene.FAR[f])) for f in scene.FAMILIES]
        result = self.run_in([], lan=lan)
        self.assertEqual(sum(result.drops.get(name, 0) for name in ("tunnel_down", "no_sa")), 2, result.describe())
        self.assertEqual(result.ip("wan"), [])


class Ttl(In):
    def test_from_the_tunnel(self):
        """TTL 0 and 1: the error goes back through the tunnel, from the tunnel's own address."""
        out = scene.Side(0x1001, "out")
        packets = [inner(family, seed=ttl, ttl=ttl) for family in scene.FAMILIES for ttl in (0, 1, 2)]
        tunnels = [scene.tunnel(address="10.0.0.1", peer_address="10.0.0.2", address6="fd00::1",
                                peer_address6="fd00::2")]
        envelopes = [self.side.seal(packet, seq) for seq, packet in enumerate(packets, start=1)]
        result = self.run_in(envelopes, [self.side.config(), out.config()], tunnels)
        self.assert_same_packets(result.ip("lan"), arrived([packets[2], packets[5]]))
        self.assert_drops(result, {"ttl_expired": 4})
        errors = icmp_errors([out.open(envelope) for envelope in result.ip("wan")])
        self.assertEqual(len(errors), 4, result.describe())
        for error, index in zip(errors, (0, 1, 3, 4)):
            family = packets[index].version
            check_error(self, error, packets[index], {4: "10.0.0.1", 6: "fd00::1"}[family], TIME_EXCEEDED[family])

    def test_from_the_host(self):
        out = scene.Side(0x1001, "out")
        packets = [scene.udp(scene.HOST[f], scene.FAR[f], ttl=ttl, seed=ttl) for f in scene.FAMILIES for ttl in (0, 1)]
        result = self.run_in([], [out.config()], lan=[scene.from_host(packet) for packet in packets])
        self.assertEqual(result.ip("wan"), [])
        self.assert_drops(result, {"ttl_expired": 4})
        errors = icmp_errors(result.ip("lan"))
        self.assertEqual(len(errors), 4, result.describe())
        for error, packet in zip(errors, packets):
            source = scene.OUR_ADDRESS[scene.LAN][packet.version]
            check_error(self, error, packet, source, TIME_EXCEEDED[packet.version])


if __name__ == "__main__":
    main()
