#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The gateway as a router and as a station: ICMP, ARP, ND, zones, policies, routes, VLANs, one-armed."""
import socket
import struct
import time

import scene
from checks import check_checksum, check_error, icmp_errors, is_echo_reply, family_class
from gateway import Gateway, GatewayTest, main, port_mac
from scapy.compat import raw
from scapy.layers.inet import ICMP, IP, UDP, fragment
from scapy.layers.inet6 import (ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6,
                                in6_getnsma, in6_getnsmac)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.pton_ntop import inet_ntop, inet_pton
from scapy.utils6 import in6_ptop

LAN_SIDE, WAN_SIDE = scene.from_host, scene.from_peer
OUT, IN = scene.Side(0x1001, "out"), scene.Side(0x2001, "in")
SAS = (OUT.config(), IN.config())
ADMIN_PROHIBITED = {4: (3, 13), 6: (1, 1)}
NET_UNREACHABLE = {4: (3, 0), 6: (1, 0)}
HOST_UNREACHABLE = {4: (3, 1), 6: (1, 3)}


class Router(GatewayTest):
    def run_scene(self, lan=(), wan=(), args=(), idle_ms=400, **parts):
        parts.setdefault("sas", SAS)
        result = Gateway(scene.config(**parts), args=args, idle_ms=idle_ms).run({"lan": list(lan), "wan": list(wan)})
        self.assert_clean(result)
        return result

    def opened(self, result):
        """The inner packets of the envelopes that left by wan."""
        return [OUT.open(packet) for packet in result.ip("wan")]


class Stations(Router):
    def test_echo(self):
        """To each of our addresses, from both sides, sizes up to the MTU."""
        for side, frames, source in ((scene.LAN, LAN_SIDE, scene.HOST), (scene.WAN, WAN_SIDE, scene.PEER)):
            name = ("lan", "wan")[side]
            requests = [scene.echo(source[f], scene.OUR_ADDRESS[side][f], size=size, seed=size)
                        for f in scene.FAMILIES for size in (60, 61, 100, 1499, 1500)]
            with self.subTest(name):
                result = self.run_scene(**{name: map(frames, requests)})
                self.assert_drops(result, {})
                replies = [family_class(p)(p) for p in result.ip(name)]
                self.assertEqual(len(replies), len(requests), result.describe())
                for request, reply in zip(requests, replies):
                    self.assertTrue(is_echo_reply(reply), reply.summary())
                    self.assertEqual((reply.src, reply.dst), (request.dst, request.src))
                    message = (lambda p: raw(p)[24 if p.version == 4 else 44:])
                    self.assertEqual(message(reply), message(request))
                    check_checksum(self, reply)

    def test_echo_in_fragments(self):
        request = scene.echo(scene.HOST[4], scene.OUR_ADDRESS[scene.LAN][4], size=1400, id=5)
        result = self.run_scene(lan=[LAN_SIDE(IP(raw(p))) for p in fragment(request, fragsize=600)])
        replies = [IP(p) for p in result.ip("lan")]
        self.assertEqual(len(replies), 1, result.describe())
        self.assertEqual(raw(replies[0])[24:], raw(request)[24:])

    def test_echo_with_a_wrong_checksum(self):
        request = scene.echo(scene.HOST[4], scene.OUR_ADDRESS[scene.LAN][4])
        request[ICMP].chksum ^= 1
        result = self.run_scene(lan=[LAN_SIDE(request)])
        self.assertEqual(result.ip("lan"), [])

    def test_arp(self):
        """Requests for our addresses are answered, others are not."""
        ours, others = scene.OUR_ADDRESS[scene.LAN][4], ("192.168.1.77", "203.0.113.1")
        requests = [Ether(src=scene.HOST_MAC, dst=dst) / ARP(op=1, hwsrc=scene.HOST_MAC, psrc=scene.HOST[4], pdst=address)
                    for address in (ours, *others) for dst in ("ff:ff:ff:ff:ff:ff", port_mac(scene.LAN))]
        result = self.run_scene(lan=requests)
        replies = [frame for frame in result.tx("lan") if ARP in frame and frame[ARP].op == 2]
        self.assertEqual(len(replies), 2, result.describe())
        for reply in replies:
            self.assertEqual((reply.src, reply.dst), (port_mac(scene.LAN), scene.HOST_MAC))
            arp = reply[ARP]
            self.assertEqual((arp.hwsrc, arp.psrc, arp.hwdst, arp.pdst, arp.hwlen, arp.plen, arp.hwtype, arp.ptype),
                             (port_mac(scene.LAN), ours, scene.HOST_MAC, scene.HOST[4], 6, 4, 1, 0x800))

    def test_invalid_arp(self):
        good = ARP(op=1, hwsrc=scene.HOST_MAC, psrc=scene.HOST[4], pdst=scene.OUR_ADDRESS[scene.LAN][4])
        bad = [raw(good)[:27], bytes([0, 6]) + raw(good)[2:], raw(good)[:4] + bytes([8]) + raw(good)[5:],
               raw(good)[:7] + bytes([77]) + raw(good)[8:]]
        frames = [Ether(src=scene.HOST_MAC, dst="ff:ff:ff:ff:ff:ff", type=0x806) / data for data in bad]
        result = self.run_scene(lan=frames)
        self.assertFalse([f for f in result.tx("lan") if ARP in f and f[ARP].op == 2], result.describe())
        self.assertEqual(result.drops.get("arp_invalid"), len(bad), result.describe())

    def solicitation(self, target, src=None, hop_limit=255, option=True):
        src = src or scene.HOST[6]
        group = in6_getnsma(inet_pton(socket.AF_INET6, target))
        message = ICMPv6ND_NS(tgt=target)
        if option:
            message /= ICMPv6NDOptSrcLLAddr(lladdr=scene.HOST_MAC)
        return Ether(src=scene.HOST_MAC, dst=in6_getnsmac(group)) / IPv6(
            src=src, dst=inet_ntop(socket.AF_INET6, group), hlim=hop_limit) / message

    def advertisements(self, result):
        return [f for f in result.tx("lan") if ICMPv6ND_NA in f and f[ICMPv6ND_NA].S]

    def test_nd(self):
        ours = scene.OUR_ADDRESS[scene.LAN][6]
        result = self.run_scene(lan=[self.solicitation(ours), self.solicitation("2001:db8:1::77")])
        replies = self.advertisements(result)
        self.assertEqual(len(replies), 1, result.describe())
        reply = replies[0]
        self.assertEqual((reply.dst, reply.src), (scene.HOST_MAC, port_mac(scene.LAN)))
        self.assertEqual((reply[IPv6].dst, reply[IPv6].hlim), (scene.HOST[6], 255))
        message = reply[ICMPv6ND_NA]
        self.assertEqual((in6_ptop(message.tgt), message.R), (in6_ptop(ours), 1))
        self.assertEqual(reply[ICMPv6NDOptDstLLAddr].lladdr, port_mac(scene.LAN))
        check_checksum(self, reply[IPv6])

    def test_invalid_nd(self):
        """RFC 4861 7.1.1: hop limit, checksum."""
        ours = scene.OUR_ADDRESS[scene.LAN][6]
        wrong = self.solicitation(ours)
        wrong[ICMPv6ND_NS].cksum = 0x1234
        result = self.run_scene(lan=[self.solicitation(ours, hop_limit=254), wrong])
        self.assertEqual(self.advertisements(result), [], result.describe())

    def test_resolution(self):
        """Packets for a host that is not known yet: asked for; once it answers they go to it, in order."""
        family_frames = {}
        for family in scene.FAMILIES:
            family_frames[family] = [scene.udp(scene.FAR[family], scene.HOST[family], seed=n) for n in range(3)]
        envelopes = [WAN_SIDE(IN.seal(packet, seq)) for seq, packet in enumerate(
            family_frames[4] + family_frames[6], start=1)]
        neighbours = [n for n in scene.neighbours() if n["port"] == "wan"]
        asked = Ether(src=scene.HOST_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(
            op=1, hwsrc=scene.HOST_MAC, psrc=scene.HOST[4], pdst=scene.OUR_ADDRESS[scene.LAN][4])
        # The host's own request to us tells its address (RFC 826), whether it comes before or after ours to it.
        result = self.run_scene(lan=[asked, self.solicitation(scene.OUR_ADDRESS[scene.LAN][6])], wan=envelopes,
                                neighbours=neighbours)
        self.assert_drops(result, {})
        for family in scene.FAMILIES:
            got = [p for p in result.ip("lan") if p[0] >> 4 == family]
            self.assert_same_packets(got, [raw(scene.forwarded(p)) for p in family_frames[family]])

    def test_nobody_there(self):
        """Three requests, then the packets die and the sender hears of it."""
        packets = {f: scene.udp(scene.FAR[f], {4: "192.168.1.99", 6: "2001:db8:1::99"}[f]) for f in scene.FAMILIES}
        envelopes = [WAN_SIDE(IN.seal(packet, seq)) for seq, packet in enumerate(packets.values(), start=1)]
        tunnels = [scene.tunnel(address="10.0.0.1", peer_address="10.0.0.2", address6="fd00::1",
                                peer_address6="fd00::2")]
        result = self.run_scene(wan=envelopes, tunnels=tunnels, idle_ms=5000)
        self.assert_drops(result, {"neighbour_failed": 2})
        requests = [f for f in result.tx("lan") if ARP in f and f[ARP].pdst == "192.168.1.99"]
        self.assertEqual(len(requests), 3, result.describe())
        for request in requests:
            self.assertEqual((request.dst, request[ARP].op, request[ARP].psrc, request[ARP].hwsrc),
                             ("ff:ff:ff:ff:ff:ff", 1, scene.OUR_ADDRESS[scene.LAN][4], port_mac(scene.LAN)))
        solicitations = [f for f in result.tx("lan") if ICMPv6ND_NS in f and f[ICMPv6ND_NS].tgt == "2001:db8:1::99"]
        self.assertEqual(len(solicitations), 3, result.describe())
        self.assertEqual(solicitations[0][IPv6].hlim, 255)
        errors = icmp_errors(self.opened(result))
        self.assertEqual(len(errors), 2, result.describe())
        for error in errors:
            check_error(self, error, packets[error.version], {4: "10.0.0.1", 6: "fd00::1"}[error.version],
                        HOST_UNREACHABLE[error.version])

    def test_frames_for_others(self):
        packets = [scene.udp(scene.HOST[4], scene.FAR[4]), scene.udp(scene.HOST[4], scene.FAR[4], seed=1)]
        frames = [LAN_SIDE(packets[0], dst="02:00:00:00:00:99"), LAN_SIDE(packets[1]),
                  Ether(src=scene.HOST_MAC, dst=port_mac(scene.LAN), type=0x88CC) / (b"\0" * 50)]
        result = self.run_scene(lan=frames)
        self.assertEqual(self.opened(result), [raw(scene.forwarded(packets[1]))])
        self.assert_drops(result, {"eth_destination": 1, "ethertype": 1})


def policies_of(*entries):
    """Policies in the order given."""
    return [{"priority": n, **entry} for n, entry in enumerate(entries, start=1)]


class Zones(Router):
    """Each cell of the zone table; more of `self` in Stations and in test_in.py."""

    def test_protected_to_protected(self):
        """Another protected net behind a router on the same side."""
        routes = scene.routes() + [{"prefix": "192.168.9.0/24", "via": scene.HOST[4]},
                                   {"prefix": "2001:db8:9::/64", "via": scene.HOST[6]}]
        packets = [scene.udp("192.168.1.50", "192.168.9.9"), scene.udp("2001:db8:1::50", "2001:db8:9::9")]
        result = self.run_scene(lan=map(LAN_SIDE, packets), more_routes=routes)
        self.assert_same_packets(result.ip("lan"), [raw(scene.forwarded(p)) for p in packets])
        self.assert_drops(result, {})

    def test_protected_to_unprotected(self):
        packets = [scene.udp(scene.HOST[f], scene.PEER[f]) for f in scene.FAMILIES]
        result = self.run_scene(lan=map(LAN_SIDE, packets))
        self.assertEqual(result.ip("wan"), [])
        self.assert_drops(result, {"zone": 2})
        errors = icmp_errors(result.ip("lan"))
        self.assertEqual(len(errors), 2, result.describe())
        for error, packet in zip(errors, packets):
            check_error(self, error, packet, scene.OUR_ADDRESS[scene.LAN][packet.version],
                        ADMIN_PROHIBITED[packet.version])

    def test_protected_to_unprotected_by_policy(self):
        packets = [scene.udp(scene.HOST[f], scene.PEER[f]) for f in scene.FAMILIES]
        policies = policies_of({"action": "bypass", "local": scene.NEAR_NET[4], "remote": scene.PEER[4]},
                                    {"action": "bypass", "local": scene.NEAR_NET[6], "remote": scene.PEER[6]})
        result = self.run_scene(lan=map(LAN_SIDE, packets), policies=policies)
        self.assert_same_packets(result.ip("wan"), [raw(scene.forwarded(p)) for p in packets])
        self.assert_drops(result, {})

    def test_unprotected_to_all(self):
        """To protected, to a tunnel, to unprotected: nothing passes, and nobody outside is told why."""
        packets = [scene.udp(scene.PEER[f], dst) for f in scene.FAMILIES
                   for dst in (scene.HOST[f], scene.FAR[f], {4: "203.0.113.3", 6: "2001:db8:f::3"}[f])]
        result = self.run_scene(wan=map(WAN_SIDE, packets))
        self.assertEqual((result.ip("lan"), result.ip("wan")), ([], []), result.describe())
        self.assert_drops(result, {"zone": 6})

    def test_unprotected_to_self(self):
        """Echo is answered (Stations.test_echo), the rest needs a policy."""
        packets = [scene.udp(scene.PEER[f], scene.OUR_ADDRESS[scene.WAN][f], dport=53) for f in scene.FAMILIES]
        packets += [scene.tcp(scene.PEER[f], scene.OUR_ADDRESS[scene.WAN][f], dport=22) for f in scene.FAMILIES]
        result = self.run_scene(wan=map(WAN_SIDE, packets))
        self.assertEqual(result.ip("wan"), [])
        self.assert_drops(result, {"local_unhandled": 4})

    def test_tunnel_to_unprotected(self):
        packets = [scene.udp(scene.FAR[f], {4: "203.0.113.2", 6: "2001:db8:f::2"}[f]) for f in scene.FAMILIES]
        envelopes = [WAN_SIDE(IN.seal(p, seq)) for seq, p in enumerate(packets, start=1)]
        result = self.run_scene(wan=envelopes)
        self.assert_drops(result, {"zone": 2})
        self.assertEqual([p for p in result.ip("wan") if p[9] == 17 or p[6] == 17], [])

    def test_tunnel_to_unprotected_by_policy(self):
        """Internet breakout."""
        packet = scene.udp(scene.FAR[4], scene.PEER[4])
        policies = policies_of({"action": "bypass", "local": scene.FAR_NET[4], "remote": scene.PEER[4]})
        result = self.run_scene(wan=[WAN_SIDE(IN.seal(packet, 1))], policies=policies)
        self.assert_same_packets(result.ip("wan"), [raw(scene.forwarded(packet))])

    def test_tunnel_to_tunnel(self):
        """Hub and spoke: out of one tunnel, into another."""
        spoke = scene.Side(0x1002, "out", "ipsec1", src="203.0.113.1", dst="203.0.113.3")
        tunnels = [scene.tunnel(), scene.tunnel("ipsec1", remote="203.0.113.3")]
        routes = scene.routes() + [{"prefix": "192.168.3.0/24", "via": "ipsec1"}]
        neighbours = scene.neighbours() + [scene.neighbour("203.0.113.3", scene.PEER_MAC, "wan")]
        packet = scene.udp(scene.FAR[4], "192.168.3.3")
        result = self.run_scene(wan=[WAN_SIDE(IN.seal(packet, 1))], tunnels=tunnels, more_routes=routes,
                                neighbours=neighbours, sas=(*SAS, spoke.config()))
        self.assert_drops(result, {})
        self.assertEqual([spoke.open(p) for p in result.ip("wan")], [raw(scene.forwarded(packet))], result.describe())

    def test_tunnel_to_tunnel_that_does_not_admit_it(self):
        tunnels = [scene.tunnel(), scene.tunnel("ipsec1", remote="203.0.113.3", selectors=[
            {"local": scene.NEAR_NET[4], "remote": "192.168.3.0/24"}])]
        spoke = scene.Side(0x1002, "out", "ipsec1", src="203.0.113.1", dst="203.0.113.3")
        routes = scene.routes() + [{"prefix": "192.168.3.0/24", "via": "ipsec1"}]
        neighbours = scene.neighbours() + [scene.neighbour("203.0.113.3", scene.PEER_MAC, "wan")]
        packet = scene.udp(scene.FAR[4], "192.168.3.3")
        result = self.run_scene(wan=[WAN_SIDE(IN.seal(packet, 1))], tunnels=tunnels, more_routes=routes,
                                neighbours=neighbours, sas=(*SAS, spoke.config()))
        self.assert_drops(result, {"selector_out": 1})

    def test_echo_to_the_tunnels_address(self):
        tunnels = [scene.tunnel(address="10.0.0.1", peer_address="10.0.0.2", address6="fd00::1",
                                peer_address6="fd00::2", selectors=[
                                    {"local": scene.NEAR_NET[4], "remote": scene.FAR_NET[4]}])]
        requests = [scene.echo("10.0.0.2", "10.0.0.1", size=100), scene.echo("fd00::2", "fd00::1", size=100)]
        envelopes = [WAN_SIDE(IN.seal(p, seq)) for seq, p in enumerate(requests, start=1)]
        result = self.run_scene(wan=envelopes, tunnels=tunnels)
        self.assert_drops(result, {})
        replies = [family_class(p)(p) for p in self.opened(result)]
        self.assertEqual(len(replies), 2, result.describe())
        for reply, request in zip(replies, requests):
            self.assertTrue(is_echo_reply(reply))
            self.assertEqual((reply.src, reply.dst), (request.dst, request.src))
            check_checksum(self, reply)

    def test_selectors_outbound(self):
        tunnels = [scene.tunnel(selectors=[{"local": scene.NEAR_NET[f], "remote": scene.FAR_NET[f], "protocol": "udp"}
                                           for f in scene.FAMILIES])]
        good = [scene.udp(scene.HOST[f], scene.FAR[f]) for f in scene.FAMILIES]
        bad = [scene.tcp(scene.HOST[f], scene.FAR[f]) for f in scene.FAMILIES]
        result = self.run_scene(lan=map(LAN_SIDE, good + bad), tunnels=tunnels)
        self.assertEqual(self.opened(result), [raw(scene.forwarded(p)) for p in good])
        self.assert_drops(result, {"selector_out": 2})
        errors = icmp_errors(result.ip("lan"))
        self.assertEqual(len(errors), 2, result.describe())
        for error, packet in zip(errors, bad):
            check_error(self, error, packet, scene.OUR_ADDRESS[scene.LAN][packet.version],
                        ADMIN_PROHIBITED[packet.version])


class Policies(Router):
    """Ordered, the first match decides."""

    def test_order(self):
        policies = policies_of(
            {"action": "discard", "remote": scene.FAR[4], "protocol": "udp", "remote_port": 7},
            {"action": "protect", "tunnel": "ipsec0", "remote": scene.FAR_NET[4]},
            {"action": "bypass", "remote": scene.FAR[4], "protocol": "udp", "remote_port": 8})
        ports = (6, 7, 8)
        packets = [scene.udp(scene.HOST[4], scene.FAR[4], dport=port) for port in ports]
        result = self.run_scene(lan=map(LAN_SIDE, packets), policies=policies)
        self.assertEqual(self.opened(result), [raw(scene.forwarded(packets[n])) for n in (0, 2)])
        self.assert_drops(result, {"policy_discard": 1})

    def test_protect_without_a_route(self):
        """A policy's tunnel carries the packet whatever the routes say."""
        packet = scene.udp(scene.HOST[4], "198.18.0.1")
        policies = policies_of({"action": "protect", "tunnel": "ipsec0", "remote": "198.18.0.0/15"})
        result = self.run_scene(lan=[LAN_SIDE(packet)], policies=policies)
        self.assertEqual(self.opened(result), [raw(scene.forwarded(packet))], result.describe())

    def test_protect_inbound(self):
        """What a policy protects must not come in the clear, nor through another tunnel."""
        policies = policies_of({"action": "protect", "tunnel": "ipsec0", "local": scene.NEAR_NET[4],
                                     "remote": scene.FAR_NET[4]})
        other = scene.Side(0x2002, "in", "ipsec1", src="203.0.113.3", dst="203.0.113.1")
        tunnels = [scene.tunnel(), scene.tunnel("ipsec1", remote="203.0.113.3")]
        packets = [scene.udp(scene.FAR[4], scene.HOST[4], seed=n) for n in range(3)]
        frames = [WAN_SIDE(IN.seal(packets[0], 1)), WAN_SIDE(packets[1]), WAN_SIDE(other.seal(packets[2], 1))]
        result = self.run_scene(wan=frames, policies=policies, tunnels=tunnels, sas=(*SAS, other.config()))
        self.assert_same_packets(result.ip("lan"), [raw(scene.forwarded(packets[0]))])
        self.assert_drops(result, {"policy_protect": 2})

    def test_discard_beats_a_route_to_a_tunnel(self):
        policies = policies_of({"action": "discard", "remote": scene.FAR_NET[6]})
        packets = [scene.udp(scene.HOST[f], scene.FAR[f]) for f in scene.FAMILIES]
        result = self.run_scene(lan=map(LAN_SIDE, packets), policies=policies)
        self.assertEqual(self.opened(result), [raw(scene.forwarded(packets[0]))])
        self.assert_drops(result, {"policy_discard": 1})

    def test_icmp_type(self):
        policies = policies_of({"action": "discard", "protocol": "icmp", "icmp_type": 8, "remote": scene.FAR[4]})
        packets = [scene.echo(scene.HOST[4], scene.FAR[4]),
                   IP(raw(IP(src=scene.HOST[4], dst=scene.FAR[4]) / ICMP(type=0, id=3) / (b"x" * 30)))]
        result = self.run_scene(lan=map(LAN_SIDE, packets), policies=policies)
        self.assertEqual(self.opened(result), [raw(scene.forwarded(packets[1]))], result.describe())

    def test_later_fragments_match_no_ports(self):
        """RFC 4301 4.4.1.1: a selector with ports never matches a fragment without them."""
        policies = policies_of({"action": "discard", "protocol": "udp", "remote_port": 2000, "remote": scene.FAR[4]})
        packet = scene.udp(scene.HOST[4], scene.FAR[4], size=1000, dport=2000, id=4)
        pieces = [IP(raw(p)) for p in fragment(packet, fragsize=400)]
        result = self.run_scene(lan=map(LAN_SIDE, pieces), policies=policies)
        self.assertEqual(self.opened(result), [raw(scene.forwarded(p)) for p in pieces[1:]])
        self.assert_drops(result, {"policy_discard": 1})


class Routes(Router):
    def test_no_route(self):
        packets = [scene.udp(scene.HOST[4], "198.51.100.1"), scene.udp(scene.HOST[6], "2001:db8:dead::1")]
        result = self.run_scene(lan=map(LAN_SIDE, packets))
        self.assert_drops(result, {"no_route": 2})
        errors = icmp_errors(result.ip("lan"))
        self.assertEqual(len(errors), 2, result.describe())
        for error, packet in zip(errors, packets):
            check_error(self, error, packet, scene.OUR_ADDRESS[scene.LAN][packet.version],
                        NET_UNREACHABLE[packet.version])

    def test_discard_route(self):
        routes = scene.routes() + [{"prefix": "192.168.2.64/26", "via": "discard"}]
        packets = [scene.udp(scene.HOST[4], f"192.168.2.{n}") for n in (63, 64, 127, 128)]
        result = self.run_scene(lan=map(LAN_SIDE, packets), more_routes=routes)
        self.assertEqual(self.opened(result), [raw(scene.forwarded(packets[n])) for n in (0, 3)])
        self.assert_drops(result, {"route_discard": 2})

    def pair_of_tunnels(self, metrics, sas=2):
        sides = [scene.Side(0x1001 + n, "out", f"ipsec{n}", src="203.0.113.1", dst=f"203.0.113.{10 + n}")
                 for n in range(2)]
        tunnels = [scene.tunnel(f"ipsec{n}", remote=f"203.0.113.{10 + n}") for n in range(2)]
        routes = [{"prefix": scene.FAR_NET[f], "via": f"ipsec{n}", "metric": metrics[n]}
                  for n in range(2) for f in scene.FAMILIES]
        neighbours = scene.neighbours() + [scene.neighbour(f"203.0.113.{10 + n}", scene.PEER_MAC, "wan")
                                           for n in range(2)]
        parts = {"tunnels": tunnels, "more_routes": routes, "neighbours": neighbours,
                 "sas": [side.config() for side in sides[2 - sas:]]}
        packets = [scene.udp(scene.HOST[f], scene.FAR[f], sport=1000 + n, seed=n) for n in range(200)
                   for f in scene.FAMILIES] * 2
        result = self.run_scene(lan=map(LAN_SIDE, packets), **parts)
        self.assert_drops(result, {})
        ways = [[side.open(p) for p in result.ip("wan") if struct.unpack_from(">I", p, 20)[0] == side.spi]
                for side in sides]
        self.assert_same_set(ways[0] + ways[1], [raw(scene.forwarded(p)) for p in packets])
        return ways

    def test_equal_metrics_share_by_flow(self):
        """Both packets of each flow take the same way, and each way has its part of the 400 flows."""
        ways = self.pair_of_tunnels((10, 10))
        self.assertFalse(set(ways[0]) & set(ways[1]))
        for way in ways:
            self.assertGreater(len(set(way)), 120)

    def test_the_lower_metric_wins(self):
        ways = self.pair_of_tunnels((20, 10))
        self.assertEqual((len(ways[0]), len(ways[1])), (0, 800))

    def test_standby_takes_over(self):
        """The better tunnel has no SA, so it is down."""
        ways = self.pair_of_tunnels((10, 20), sas=1)
        self.assertEqual((len(ways[0]), len(ways[1])), (0, 800))

    def test_down_tunnel_does_not_fall_through(self):
        """A default route in the clear is no way out (fail closed)."""
        policies = [{"priority": 1, "action": "bypass", "local": scene.NEAR_NET[4]}]
        routes = scene.routes() + [{"prefix": "0.0.0.0/0", "via": scene.PEER[4]}]
        packet = scene.udp(scene.HOST[4], scene.FAR[4])
        result = self.run_scene(lan=[LAN_SIDE(packet)], sas=(), more_routes=routes, policies=policies)
        self.assertEqual(result.ip("wan"), [])
        self.assert_drops(result, {"tunnel_down": 1})

    def test_loop(self):
        """The route to the tunnel's remote address leads into the tunnel itself."""
        routes = scene.routes() + [{"prefix": scene.PEER[4] + "/32", "via": "ipsec0"}]
        result = self.run_scene(lan=[LAN_SIDE(scene.udp(scene.HOST[4], scene.FAR[4]))], more_routes=routes)
        self.assertEqual(result.ip("wan"), [])
        self.assertEqual(sum(result.drops.get(n, 0) for n in ("tunnel_loop", "tunnel_down")), 1, result.describe())

    def test_link_local_is_not_forwarded(self):
        packet = scene.udp("fe80::1", scene.FAR[6])
        result = self.run_scene(lan=[LAN_SIDE(packet)])
        self.assertEqual(result.ip("wan"), [])

    def test_foreign_esp(self):
        """Two gateways beyond us: their ESP is forwarded like any packet, here by a bypass policy, and never taken."""
        there, back = "198.51.100.7", "192.168.1.10"
        esp = scene.Side(0x1001, "out", src=there, dst=back)
        packet = esp.seal(scene.udp("10.1.1.1", "10.2.2.2"), 1)
        without = self.run_scene(wan=[WAN_SIDE(packet)])
        self.assertEqual(without.ip("lan"), [])
        self.assert_drops(without, {"zone": 1})
        policies = [{"priority": 1, "action": "bypass", "protocol": "esp", "local": scene.NEAR_NET[4]}]
        with_policy = self.run_scene(wan=[WAN_SIDE(packet)], policies=policies)
        self.assert_same_packets(with_policy.ip("lan"), [raw(scene.forwarded(packet))])

    def test_udp_carrier_extras(self):
        """RFC 3948: a keepalive is swallowed, an IKE message has no daemon here, ESP in between passes."""
        side = scene.Side(0x2001, "in", udp=(4500, 4500))
        tunnels = [scene.tunnel(carrier="udp", local_port=4500, remote_port=4500)]
        good = scene.udp(scene.FAR[4], scene.HOST[4])
        header = IP(src=scene.PEER[4], dst=scene.OUR_ADDRESS[scene.WAN][4]) / UDP(sport=4500, dport=4500)
        any_checksum = side.seal(good, 1)
        any_checksum[UDP].chksum = 0x1234
        frames = [header / b"\xff", header / (b"\0\0\0\0" + b"I" * 28), header / b"\1\2", any_checksum]
        result = self.run_scene(wan=map(WAN_SIDE, frames), tunnels=tunnels, sas=(side.config(),))
        self.assert_same_packets(result.ip("lan"), [raw(scene.forwarded(good))])
        self.assert_drops(result, {"udp_keepalive": 1, "udp_ike": 1, "esp_truncated": 1})


class Vlans(Router):
    def test_two_vlans_on_one_device(self):
        """lan and wan on one wire."""
        ports = [{**port, "device": "net_pcap0", "vlan": vlan} for port, vlan in zip(scene.ports(), (100, 200))]
        packet, back = scene.udp(scene.HOST[4], scene.FAR[4]), scene.udp(scene.FAR[6], scene.HOST[6])
        tag = (lambda frame, vlan: Ether(src=frame.src, dst=port_mac(0)) / Dot1Q(vlan=vlan) / frame.payload)
        frames = [tag(LAN_SIDE(packet), 100), tag(WAN_SIDE(IN.seal(back, 1)), 200), tag(LAN_SIDE(packet), 300),
                  LAN_SIDE(packet)]
        result = Gateway(scene.config(sas=SAS, ports=ports)).run({"wire": frames})
        self.assert_clean(result)
        self.assert_drops(result, {"vlan_unknown": 2})
        sent = {frame[Dot1Q].vlan: raw(frame[Dot1Q].payload) for frame in result.tx("wire")
                if Dot1Q in frame and (IP in frame or IPv6 in frame) and ICMPv6ND_NS not in frame
                and ICMPv6ND_NA not in frame}
        self.assertEqual(sorted(sent), [100, 200], result.describe())
        self.assertEqual(OUT.open(sent[200]), raw(scene.forwarded(packet)))
        self.assertEqual(sent[100], raw(scene.forwarded(back)))


class OneArmed(Router):
    def run_one(self, frames, **parts):
        port = {"device": "net_pcap0", "name": "arm", "role": "both",
                "addresses": ["203.0.113.1/24", "192.168.1.1/24", "2001:db8:1::1/64"],
                "protected": [scene.NEAR_NET[4], scene.NEAR_NET[6]]}
        neighbours = [{**n, "port": "arm"} for n in scene.neighbours() if n["address"] != scene.PEER[6]]
        result = Gateway(scene.config(sas=SAS, ports=[port], neighbours=neighbours, **parts)).run({"arm": frames})
        self.assert_clean(result)
        return result

    def test_both_directions(self):
        out, back = scene.udp(scene.HOST[4], scene.FAR[4]), scene.udp(scene.FAR[4], scene.HOST[4])
        result = self.run_one([LAN_SIDE(out), Ether(src=scene.PEER_MAC, dst=port_mac(0)) / IN.seal(back, 1)])
        self.assert_drops(result, {})
        sent = {packet[9]: packet for packet in result.ip("arm")}
        self.assertEqual(OUT.open(sent[50]), raw(scene.forwarded(out)), result.describe())
        self.assertEqual(sent[17], raw(scene.forwarded(back)))

    def test_the_address_decides(self):
        """From outside to inside, and from inside to outside, in the clear: nothing."""
        frames = [LAN_SIDE(scene.udp("198.51.100.9", scene.HOST[4])), LAN_SIDE(scene.udp(scene.HOST[4], scene.PEER[4]))]
        result = self.run_one(frames)
        self.assert_drops(result, {"zone": 2})
        self.assertEqual([p for p in result.ip("arm") if p[9] == 17], [])


class ControlRing(Router):
    def test_a_flood_for_ourselves(self):
        """Far more echo requests than we answer a second: the rest is counted, traffic is not hurt."""
        flood = [LAN_SIDE(scene.echo(scene.HOST[4], scene.OUR_ADDRESS[scene.LAN][4], seed=n)) for n in range(3000)]
        packets = [scene.udp(scene.HOST[4], scene.FAR[4], seed=n) for n in range(300)]
        for n, packet in enumerate(packets):
            flood.insert(n * 10, LAN_SIDE(packet))
        begin = time.monotonic()
        result = self.run_scene(lan=flood, icmp={"echo": 100, "errors": 100})
        seconds = time.monotonic() - begin
        self.assertEqual(self.opened(result), [raw(scene.forwarded(p)) for p in packets])
        replies = len(result.ip("lan"))
        self.assertGreaterEqual(replies, 90, result.describe())
        self.assertLessEqual(replies, 100 + 100 * seconds)
        self.assertEqual(replies + sum(result.drops.get(n, 0) for n in ("rate_limited", "control_full")), 3000,
                         result.describe())


if __name__ == "__main__":
    main()
