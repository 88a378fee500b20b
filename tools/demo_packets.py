# SPDX-License-Identifier: BSD-3-Clause
"""The packets of the demo. Everything is seeded: two runs send the same."""
import random

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, fragment
from scapy.layers.inet6 import (ICMPv6EchoReply, ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                                PadN)
from scapy.layers.l2 import Ether
from scapy.packet import Raw

SIZES = (64, 65, 127, 128, 256, 511, 512, 576, 1024, 1280, 1400, 1419, 1420, 1500, 2048, 4000, 6000, 8192, 8999, 9000)
TCP_FLAGS = ("S", "SA", "A", "PA", "FA", "R", "PAU", "SEC")
DSCP_ECN = (0x00, 0x02, 0x01, 0x03, 0xB8, 0xBA, 0x28, 0x48)


class Source:
    """Packets from the hosts of one network to those of others, `networks` being pairs of prefixes of one family."""

    def __init__(self, seed, networks):
        self.random = random.Random(seed)
        self.networks = networks
        self.identification = seed * 10000

    def addresses(self, family):
        near, far = self.random.choice([pair for pair in self.networks if (":" in pair[0]) == (family == 6)])
        return {"src": near + str(self.random.randint(10, 13)), "dst": far + str(self.random.randint(10, 13))}

    def header(self, family):
        self.identification += 1
        tos = self.random.choice(DSCP_ECN)
        if family == 6:
            return IPv6(tc=tos, hlim=self.random.choice((64, 128, 255, 3)), fl=self.identification,
                        **self.addresses(6))
        return IP(id=self.identification % 65536, tos=tos, ttl=self.random.choice((64, 128, 255, 3)),
                  flags=self.random.choice(("", "DF")), **self.addresses(4))

    def filled(self, packet, size):
        return packet / Raw(self.random.randbytes(max(0, size - len(packet))))

    def ports(self):
        return {"sport": self.random.randint(1024, 65535), "dport": self.random.choice((53, 80, 443, 2000))}

    def of_every_size(self, family):
        """UDP, TCP and echo of each size, a TCP packet of each set of flags."""
        echo = ICMPv6EchoRequest if family == 6 else ICMP
        reply = ICMPv6EchoReply if family == 6 else lambda **fields: ICMP(type="echo-reply", **fields)
        for size in SIZES:
            yield self.filled(self.header(family) / UDP(**self.ports()), size)
            yield self.filled(self.header(family) / TCP(flags="A", seq=size, **self.ports()), size)
            yield self.filled(self.header(family) / echo(id=size, seq=1), size)
            yield self.filled(self.header(family) / reply(id=size, seq=1), size)
        for flags in TCP_FLAGS:
            options = [("MSS", 1460), ("WScale", 7), ("Timestamp", (1, 2))] if "S" in flags else []
            yield self.header(family) / TCP(flags=flags, options=options, **self.ports())

    def special(self):
        """Fragments, options, extension headers, and packets shorter than a frame must be."""
        for piece in fragment(self.filled(IP(id=7, **self.addresses(4)) / UDP(**self.ports()), 4000), fragsize=1400):
            yield piece
        yield self.filled(IP(id=8, options=[IPOption_NOP()] * 4, **self.addresses(4)) / UDP(**self.ports()), 200)
        yield self.header(4) / UDP(**self.ports())
        yield self.header(4) / ICMP(type="time-exceeded") / IP(**self.addresses(4)) / UDP(**self.ports())
        yield self.filled(IPv6(**self.addresses(6)) / IPv6ExtHdrFragment(id=9, offset=0, m=1) / UDP(**self.ports()), 648)
        yield self.filled(IPv6(**self.addresses(6)) / IPv6ExtHdrFragment(id=9, offset=75, m=0, nh=17), 300)
        yield self.filled(IPv6(**self.addresses(6)) / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])
                          / UDP(**self.ports()), 300)
        yield self.header(6) / UDP(**self.ports())

    def packets(self, rounds):
        """The bytes of the IP packets; one for each pair of networks goes ahead."""
        made = []
        for _ in range(rounds):
            made += [*self.of_every_size(4), *self.of_every_size(6), *self.special()]
        self.random.shuffle(made)
        first = [next(packet for packet in made if packet.dst.startswith(far)) for _, far in self.networks]
        return [bytes(packet) for packet in first + made]


def frame(packet, src, dst):
    ethertype = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    return bytes(Ether(src=src, dst=dst, type=ethertype) / Raw(packet)).ljust(60, b"\0")


def unframe(data):
    """The IP packet of an Ethernet frame, without padding; None where there is none."""
    packet = data[14:]
    if data[12:14] == b"\x08\x00":
        return packet[:int.from_bytes(packet[2:4], "big")]
    if data[12:14] == b"\x86\xdd":
        return packet[:40 + int.from_bytes(packet[4:6], "big")]
    return None
