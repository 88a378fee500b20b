#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""ECN through the tunnel (RFC 6040), DF and what is too big: ICMP to the source, or fragments."""
import itertools
import random

import scene
from checks import check_checksum, family_class, icmp_errors
from gateway import Gateway, GatewayTest, main
from scapy.compat import raw
from scapy.layers.inet import ICMP, IP, defragment, fragment
from scapy.layers.inet6 import (ICMPv6PacketTooBig, IPv6, IPv6ExtHdrFragment, defragment6, fragment6)

NOT_ECT, ECT1, ECT0, CE = range(4)
DROP = None
# RFC 6040 figure 4: [inner][outer], in the order of the field's values.
DECAPSULATED = (
    (NOT_ECT, NOT_ECT, NOT_ECT, DROP),
    (ECT1, ECT1, ECT1, CE),
    (ECT0, ECT1, ECT0, CE),
    (CE, CE, CE, CE),
)


class Scene(GatewayTest):
    def run_out(self, packets, args=(), mtu=1500, family=4, **tunnel):
        """Raw packets into a tunnel. Returns the Result and the outbound SA as scapy knows it."""
        side = scene.Side(0x1001, "out", family=family)
        whole = scene.config([scene.tunnel(family=family, **tunnel)], [side.config()], ports=scene.ports(mtu=mtu))
        result = Gateway(whole, args=args).run({"lan": [scene.from_host(p) for p in packets], "wan": []})
        self.assert_clean(result)
        return result, side

    def run_in(self, envelopes, side, family=4, mtu=1500, **tunnel):
        whole = scene.config([scene.tunnel(family=family, **tunnel)], [side.config()], ports=scene.ports(mtu=mtu))
        result = Gateway(whole).run({"lan": [], "wan": [scene.from_peer(e) for e in envelopes]})
        self.assert_clean(result)
        return result


class Ecn(Scene):
    def test_decapsulation(self):
        """16 cells, for each pair of families; the DSCP stays the inner one."""
        for outer_family in scene.FAMILIES:
            side = scene.Side(0x2001, "in", family=outer_family)
            envelopes, wanted, drops = [], [], 0
            cells = itertools.product(scene.FAMILIES, range(4), range(4))
            for seq, (family, inner, outer) in enumerate(cells, start=1):
                packet = scene.udp(scene.FAR[family], scene.HOST[family], tos=0x28 | inner, seed=seq)
                envelopes.append(side.seal(packet, seq, tos=0xB8 | outer))
                ecn = DECAPSULATED[inner][outer]
                if ecn is DROP:
                    drops += 1
                    continue
                wanted.append(raw(scene.forwarded(with_tos(packet, 0x28 | ecn))))
            for ecn_on in (True, False):
                with self.subTest(outer_family=outer_family, ecn=ecn_on):
                    result = self.run_in(envelopes, side, outer_family, ecn=ecn_on)
                    self.assert_same_packets(result.ip("lan"), wanted)
                    self.assert_drops(result, {"ecn_ce": drops})

    def test_encapsulation(self):
        """Normal mode copies the field, compatibility mode sends Not-ECT."""
        for outer_family, ecn_on in itertools.product(scene.FAMILIES, (True, False)):
            packets = [scene.udp(scene.HOST[f], scene.FAR[f], tos=0x28 | ecn)
                       for f in scene.FAMILIES for ecn in range(4)]
            result, side = self.run_out(packets, family=outer_family, ecn=ecn_on)
            fields = [scene.tos_of(family_class(p)(p)) for p in result.ip("wan")]
            self.assertEqual(fields, [0x28 | (ecn if ecn_on else 0) for ecn in range(4)] * 2, result.describe())
            self.assertEqual([side.open(p) for p in result.ip("wan")], [raw(scene.forwarded(p)) for p in packets])


def with_tos(packet, tos):
    packet = packet.copy()
    if packet.version == 4:
        packet.tos = tos
        del packet.chksum
    else:
        packet.tc = tos
    return packet.__class__(raw(packet))


class Df(Scene):
    def bits(self, packets, **tunnel):
        """(DF, ID) of each envelope."""
        result, _ = self.run_out(packets, **tunnel)
        outer = [IP(p) for p in result.ip("wan")]
        self.assertEqual(len(outer), len(packets), result.describe())
        return [(bool(p.flags & 2), p.id) for p in outer]

    def test_copy_set_clear(self):
        packets = [scene.udp(scene.HOST[4], scene.FAR[4], df=False), scene.udp(scene.HOST[4], scene.FAR[4], df=True),
                   scene.udp(scene.HOST[6], scene.FAR[6])]
        for mode, encapsulation, wanted in (("copy", "ipip", [False, True, True]), ("set", "ipip", [True] * 3),
                                            ("copy", "tunnel", [False, True, True]), ("set", "tunnel", [True] * 3),
                                            ("clear", "tunnel", [False] * 3)):
            with self.subTest(mode=mode, encapsulation=encapsulation):
                bits = self.bits(packets, df=mode, encapsulation=encapsulation)
                self.assertEqual([df for df, _ in bits], wanted)
                # RFC 6864: no ID where there is DF.
                self.assertEqual([number for df, number in bits if df], [0] * wanted.count(True))

    def test_id_counts(self):
        packets = [scene.udp(scene.HOST[4], scene.FAR[4], seed=n) for n in range(300)]
        numbers = [number for _, number in self.bits(packets, df="copy")]
        self.assertEqual(numbers, [(numbers[0] + n) & 0xFFFF for n in range(300)])


class TooBig(Scene):
    """The tunnel's MTU over a link of 1500 is 1446 over IPv4 and 1426 over IPv6."""

    mtu = {4: 1446, 6: 1426}

    def test_ptb(self):
        """At the MTU a packet passes; a byte more, with DF, is answered with the MTU that would have passed."""
        for outer_family, family in itertools.product(scene.FAMILIES, scene.FAMILIES):
            with self.subTest(outer_family=outer_family, family=family):
                mtu = self.mtu[outer_family]
                packets = [scene.udp(scene.HOST[family], scene.FAR[family], size=size, df=True, seed=size)
                           for size in (mtu - 1, mtu, mtu + 1, 1500)]
                result, side = self.run_out(packets, family=outer_family)
                self.assertEqual([side.open(p) for p in result.ip("wan")],
                                 [raw(scene.forwarded(p)) for p in packets[:2]], result.describe())
                self.assert_drops(result, {"too_big": 2})
                self.check_ptb(result, packets[2:], mtu)

    def check_ptb(self, result, about, mtu):
        errors = icmp_errors(result.ip("lan"))
        self.assertEqual(len(errors), len(about), result.describe())
        for error, packet in zip(errors, about):
            self.assertEqual((error.src, error.dst), (scene.OUR_ADDRESS[scene.LAN][packet.version], packet.src))
            if packet.version == 4:
                self.assertEqual((error[ICMP].type, error[ICMP].code, error[ICMP].nexthopmtu), (3, 4, mtu))
                # the quoted packet may be the one before or after the TTL went down
                self.assertEqual(raw(error[ICMP].payload)[12:28], raw(packet)[12:28])
                self.assertLessEqual(len(raw(error)), 576)
            else:
                self.assertEqual(error[ICMPv6PacketTooBig].mtu, mtu)
                self.assertEqual(raw(error[ICMPv6PacketTooBig].payload)[8:48], raw(packet)[8:48])
                self.assertLessEqual(len(raw(error)), 1280)
            check_checksum(self, error)

    def test_configured_mtu(self):
        packets = [scene.udp(scene.HOST[f], scene.FAR[f], size=size, df=True) for f in scene.FAMILIES
                   for size in (1300, 1301)]
        result, side = self.run_out_mtu(packets, 1300)
        self.assertEqual([side.open(p) for p in result.ip("wan")],
                         [raw(scene.forwarded(packets[n])) for n in (0, 2)], result.describe())
        self.check_ptb(result, [packets[1], packets[3]], 1300)

    def run_out_mtu(self, packets, tunnel_mtu, **tunnel):
        """As run_out, with the tunnel's own MTU."""
        side = scene.Side(0x1001, "out")
        whole = scene.config([scene.tunnel(mtu=tunnel_mtu, **tunnel)], [side.config()])
        result = Gateway(whole).run({"lan": [scene.from_host(p) for p in packets], "wan": []})
        self.assert_clean(result)
        return result, side

    def test_ipv6_of_1280_always_passes(self):
        """A link below IPv6's least MTU: the envelope is fragmented, DF is off (RFC 4213 3.2.1)."""
        packet = scene.udp(scene.HOST[6], scene.FAR[6], size=1280)
        side = scene.Side(0x1001, "out")
        ports = scene.ports()
        ports[scene.WAN].update(mtu=1000, addresses=["203.0.113.1/24"])
        neighbours = [n for n in scene.neighbours() if n["address"] != scene.PEER[6]]
        whole = scene.config([scene.tunnel()], [side.config()], ports=ports, neighbours=neighbours)
        result = Gateway(whole).run({"lan": [scene.from_host(packet)], "wan": []})
        self.assert_clean(result)
        self.assert_drops(result, {})
        self.assert_envelopes(result, side, [packet], 1000)

    def assert_envelopes(self, result, side, packets, mtu):
        """Fragments of at most mtu bytes, which scapy puts together and decrypts."""
        sent = [family_class(p)(p) for p in result.ip("wan")]
        for piece in sent:
            self.assertLessEqual(len(piece), mtu)
        if side.family == 4:
            whole = [raw(p) for p in defragment(sent)]
            self.assertFalse([p for p in sent if p.flags.MF and p.flags.DF])
        else:
            whole = [raw(p) for p in reassemble6(sent)]
        self.assertEqual(len(whole), len(packets), result.describe())
        self.assert_same_set([side.open(p) for p in whole], [raw(scene.forwarded(p)) for p in packets])

    def test_fragments_of_the_envelope(self):
        """Without DF inside: over IPv4 and IPv6, one flow of several sizes."""
        for family in scene.FAMILIES:
            with self.subTest(family=family):
                packets = [scene.udp(scene.HOST[4], scene.FAR[4], size=size, seed=size)
                           for size in (1447, 1500, 2000, 4000, 9000, 9200)]
                # The protected side carries more than the unprotected one.
                side = scene.Side(0x1001, "out", family=family)
                ports = [{**port, "mtu": 9200 if port["name"] == "lan" else 1500} for port in scene.ports()]
                whole = scene.config([scene.tunnel(family=family)], [side.config()], ports=ports)
                result = Gateway(whole).run({"lan": [scene.from_host(p) for p in packets], "wan": []})
                self.assert_clean(result)
                self.assert_drops(result, {})
                self.assert_envelopes(result, side, packets, 1500)

    def test_df_clear_fragments_everything(self):
        packets = [scene.udp(scene.HOST[f], scene.FAR[f], size=1500, df=True) for f in scene.FAMILIES]
        result, side = self.run_out(packets, df="clear", encapsulation="tunnel")
        self.assert_drops(result, {})
        self.assert_envelopes(result, side, packets, 1500)

    def test_df_set_fragments_before(self):
        """The outer header forbids it, the inner one does not: fragments are made inside, each in its envelope."""
        packet = scene.udp(scene.HOST[4], scene.FAR[4], size=1500, id=99)
        result, side = self.run_out([packet], df="set")
        pieces = [IP(side.open(p)) for p in result.ip("wan")]
        self.assertEqual(len(pieces), 2, result.describe())
        whole = defragment(pieces)
        self.assertEqual(raw(IP(raw(whole[0]))), raw(scene.forwarded(packet)))
        self.assertTrue(all(IP(p).flags.DF for p in result.ip("wan")))


def reassemble6(packets):
    """IPv6 packets put together from their fragments; whole ones as they are. Gives the unfragmented bytes' meaning."""
    groups, whole = {}, []
    for packet in packets:
        if IPv6ExtHdrFragment in packet:
            groups.setdefault(packet[IPv6ExtHdrFragment].id, []).append(packet)
        else:
            whole.append(packet)
    for pieces in groups.values():
        joined = raw(defragment6(pieces))
        # scapy leaves the header's length and next header as it found them
        joined = joined[:4] + (len(joined) - 40).to_bytes(2, "big") + joined[6:]
        whole.append(IPv6(joined))
    return whole


class Reassembly(Scene):
    """Envelopes that arrive in fragments."""

    def pieces_of(self, envelope, size, ident):
        if envelope.version == 4:
            return fragment(envelope, fragsize=size)
        header = IPv6(src=envelope.src, dst=envelope.dst, hlim=envelope.hlim, tc=envelope.tc)
        return fragment6(header / IPv6ExtHdrFragment(id=ident, nh=envelope.nh) / raw(envelope)[40:], size + 48)

    def fragments(self, family, count, sizes, shuffle, mtu=1500):
        side = scene.Side(0x2001, "in", family=family)
        packets, frames = [], []
        for seq in range(1, count + 1):
            packet = scene.udp(scene.FAR[4 + 2 * (seq % 2)], scene.HOST[4 + 2 * (seq % 2)], size=sizes[seq % len(sizes)],
                               seed=seq)
            envelope = side.seal(packet, seq, df=False, ip_id=seq)
            packets.append(packet)
            frames += self.pieces_of(envelope, 1400, seq)
        if shuffle:
            # each piece at most some 100 places from its own: the window and the table are finite
            order = random.Random(7)
            keyed = sorted(range(len(frames)), key=lambda at: at + order.uniform(0, 100))
            frames = [frames[at] for at in keyed]
        whole = scene.config([scene.tunnel(family=family)], [side.config(replay_window=1024)],
                             ports=scene.ports(mtu=mtu))
        result = Gateway(whole).run({"lan": [], "wan": [scene.from_peer(f) for f in frames]})
        self.assert_clean(result)
        self.assert_drops(result, {})
        self.assert_same_set(result.ip("lan"), [raw(scene.forwarded(p)) for p in packets])

    def test_in_order(self):
        for family in scene.FAMILIES:
            with self.subTest(family=family):
                self.fragments(family, 50, (1450, 1500), False)

    def test_in_any_order(self):
        for family in scene.FAMILIES:
            with self.subTest(family=family):
                self.fragments(family, 100, (1450, 3000, 1500, 5000), True, mtu=9000)

    def test_overlap(self):
        """RFC 5722: fragments that overlap kill their packet."""
        side = scene.Side(0x2001, "in")
        good = scene.udp(scene.FAR[4], scene.HOST[4])
        pieces = fragment(side.seal(scene.udp(scene.FAR[4], scene.HOST[4], size=1400), 1, df=False, ip_id=5), fragsize=600)
        shifted = pieces[1].copy()
        shifted.frag -= 2
        del shifted.chksum
        result = self.run_in([pieces[0], IP(raw(shifted)), pieces[1], pieces[2], side.seal(good, 2)], side)
        self.assertEqual(result.ip("lan"), [raw(scene.forwarded(good))], result.describe())
        self.assertEqual(set(result.drops), {"reassembly_bad"} | set(result.drops) & {"shutdown", "reassembly_timeout"},
                         result.describe())

    def test_forwarded_fragments_stay_fragments(self):
        """What is not for us is not put together: raw fragments go through the tunnel as they are."""
        packet = scene.udp(scene.HOST[4], scene.FAR[4], size=1400, id=77)
        pieces = fragment(packet, fragsize=400)
        result, side = self.run_out([IP(raw(p)) for p in pieces])
        self.assertEqual([side.open(p) for p in result.ip("wan")], [raw(scene.forwarded(IP(raw(p)))) for p in pieces])


if __name__ == "__main__":
    main()
