#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes golden.h: ARP and ND as scapy makes them. Usage: golden.py > golden.h

`sent` are frames that we must send; `received` are packets as the stages hand them over: at the ARP
or IPv6 header.
"""

from scapy.layers.inet6 import ICMPv6ND_NA as NA
from scapy.layers.inet6 import ICMPv6ND_NS as NS
from scapy.layers.inet6 import ICMPv6NDOptDstLLAddr as TargetMAC
from scapy.layers.inet6 import ICMPv6NDOptSrcLLAddr as SourceMAC
from scapy.layers.inet6 import IPv6, in6_getnsma, in6_getnsmac
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.utils6 import inet_ntop, inet_pton
from socket import AF_INET6

OUR = "02:00:00:00:00:01"
PEER = "02:00:00:00:00:99"
NEW = "02:00:00:00:00:98"
NOBODY = "00:00:00:00:00:00"
ALL = "ff:ff:ff:ff:ff:ff"
OUR4, PEER4, OFF4 = "192.0.2.1", "192.0.2.99", "203.0.113.7"
OUR6, PEER6, OFF6 = "2001:db8::1", "2001:db8::99", "2001:db8:f::7"
OUR_LL, PEER_LL = "fe80::ff:fe00:1", "fe80::99"


def arp(op, sender_mac, spa, target_mac, tpa):
    return ARP(op=op, hwsrc=sender_mac, psrc=spa, hwdst=target_mac, pdst=tpa)


def group(addr):
    return inet_ntop(AF_INET6, in6_getnsma(inet_pton(AF_INET6, addr)))


def group_mac(addr):
    return in6_getnsmac(in6_getnsma(inet_pton(AF_INET6, addr)))


def ns(src, target, dst=None, mac=None, hlim=255):
    packet = IPv6(src=src, dst=dst or group(target), hlim=hlim) / NS(tgt=target)
    return packet / SourceMAC(lladdr=mac) if mac else packet


def na(src, dst, target, flags, mac=None, hlim=255):
    packet = IPv6(src=src, dst=dst, hlim=hlim) / NA(
        tgt=target, R="R" in flags, S="S" in flags, O="O" in flags)
    return packet / TargetMAC(lladdr=mac) if mac else packet


def frame(dst, payload, vlan=0):
    head = Ether(src=OUR, dst=dst)
    return head / Dot1Q(vlan=vlan) / payload if vlan else head / payload


SENT = {
    "arp who 99": frame(ALL, arp(1, OUR, OUR4, NOBODY, PEER4)),
    "arp who 98": frame(ALL, arp(1, OUR, OUR4, NOBODY, "192.0.2.98")),
    "arp who 97": frame(ALL, arp(1, OUR, OUR4, NOBODY, "192.0.2.97")),
    "arp who off": frame(ALL, arp(1, OUR, OUR4, NOBODY, OFF4)),
    "arp probe 99": frame(PEER, arp(1, OUR, OUR4, NOBODY, PEER4)),
    "arp probe 99 new": frame(NEW, arp(1, OUR, OUR4, NOBODY, PEER4)),
    "arp reply": frame(PEER, arp(2, OUR, OUR4, PEER, PEER4)),
    "arp reply off": frame(PEER, arp(2, OUR, OUR4, PEER, OFF4)),
    "arp reply nobody": frame(PEER, arp(2, OUR, OUR4, PEER, "0.0.0.0")),
    "arp announce": frame(ALL, arp(1, OUR, OUR4, NOBODY, OUR4)),
    "arp vlan who": frame(ALL, arp(1, OUR, "198.51.100.1", NOBODY, "198.51.100.99"), vlan=7),
    "arp vlan announce": frame(ALL, arp(1, OUR, "198.51.100.1", NOBODY, "198.51.100.1"), vlan=7),
    "ns who 99": frame(group_mac(PEER6), ns(OUR6, PEER6, mac=OUR)),
    "ns who off": frame(group_mac(OFF6), ns(OUR_LL, OFF6, mac=OUR)),
    "ns who link-local": frame(group_mac(PEER_LL), ns(OUR_LL, PEER_LL, mac=OUR)),
    "ns probe 99": frame(PEER, ns(OUR6, PEER6, dst=PEER6, mac=OUR)),
    "ns probe 99 new": frame(NEW, ns(OUR6, PEER6, dst=PEER6, mac=OUR)),
    "na reply": frame(PEER, na(OUR6, PEER6, OUR6, "RSO", OUR)),
    "na reply new": frame(NEW, na(OUR6, PEER6, OUR6, "RSO", OUR)),
    "na reply link-local": frame(PEER, na(OUR_LL, PEER_LL, OUR_LL, "RSO", OUR)),
    "na announce": frame("33:33:00:00:00:01", na(OUR6, "ff02::1", OUR6, "RO", OUR)),
    "na announce link-local": frame("33:33:00:00:00:01", na(OUR_LL, "ff02::1", OUR_LL, "RO", OUR)),
    "ns vlan who": frame(group_mac("2001:db8:7::99"), ns(OUR_LL, "2001:db8:7::99", mac=OUR), vlan=7),
}

RECEIVED = {
    "arp request": arp(1, PEER, PEER4, NOBODY, OUR4),
    "arp request new": arp(1, NEW, PEER4, NOBODY, OUR4),
    "arp request off link": arp(1, PEER, OFF4, NOBODY, OUR4),
    "arp request for other": arp(1, PEER, PEER4, NOBODY, "192.0.2.50"),
    "arp probe for us": arp(1, PEER, "0.0.0.0", NOBODY, OUR4),
    "arp reply": arp(2, PEER, PEER4, OUR, OUR4),
    "arp gratuitous": arp(1, PEER, PEER4, NOBODY, PEER4),
    "arp gratuitous new": arp(2, NEW, PEER4, ALL, PEER4),
    "arp conflict": arp(1, PEER, OUR4, NOBODY, "192.0.2.50"),
    "arp our own": arp(1, OUR, OUR4, NOBODY, PEER4),
    "ns": ns(PEER6, OUR6, mac=PEER),
    "ns new": ns(PEER6, OUR6, mac=NEW),
    "ns unicast": ns(PEER6, OUR6, dst=OUR6),
    "ns link-local": ns(PEER_LL, OUR_LL, mac=PEER),
    "ns for other": ns(PEER6, "2001:db8::50", mac=PEER),
    "ns dad": ns("::", OUR6),
    "ns dad other": ns("::", "2001:db8::50"),
    "ns dad with mac": ns("::", OUR6, mac=PEER),
    "ns dad to unicast": ns("::", OUR6, dst=OUR6),
    "ns hop limit 254": ns(PEER6, OUR6, mac=PEER, hlim=254),
    "ns for group": ns(PEER6, "ff02::1", dst=OUR6, mac=PEER),
    "ns group mac": ns(PEER6, OUR6, mac="33:33:00:00:00:01"),
    "ns conflict": ns(OUR6, "2001:db8::50", mac=PEER),
    "ns our own": ns(OUR6, PEER6, mac=OUR),
    "na solicited": na(PEER6, OUR6, PEER6, "SO", PEER),
    "na solicited without mac": na(PEER6, OUR6, PEER6, "S"),
    "na unsolicited": na(PEER6, "ff02::1", PEER6, "O", PEER),
    "na unsolicited new": na(PEER6, "ff02::1", PEER6, "O", NEW),
    "na no override new": na(PEER6, "ff02::1", PEER6, "", NEW),
    "na solicited no override new": na(PEER6, OUR6, PEER6, "S", NEW),
    "na solicited to group": na(PEER6, "ff02::1", PEER6, "SO", PEER),
    "na hop limit 254": na(PEER6, OUR6, PEER6, "SO", PEER, hlim=254),
    "na conflict": na(PEER6, "ff02::1", OUR6, "O", PEER),
}


def table(name, rows):
    print(f"\nstatic const struct golden {name}[] = {{")
    for label, packet in rows.items():
        data = bytes(packet)
        print(f'\t{{"{label}", {len(data)},\n\t\t{{', end="")
        for i in range(0, len(data), 12):
            print("\n\t\t\t" + " ".join(f"0x{b:02x}," for b in data[i : i + 12]), end="")
        print("}},")
    print("};")


print("/* SPDX-License-Identifier: BSD-3-Clause */")
print("/* Made by golden.py with scapy. */")
print("/* clang-format off */")
print("#ifndef NEIGH_GOLDEN_H\n#define NEIGH_GOLDEN_H\n\n#include <stdint.h>\n")
print("struct golden {\n\tconst char *name;\n\tuint16_t bytes;\n\tuint8_t data[96];\n};")
table("sent", SENT)
table("received", RECEIVED)
print("\n#endif")
