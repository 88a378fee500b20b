#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes golden.h: the outer headers that scapy makes for an ESP packet. Usage: golden.py > golden.h"""

import itertools

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

OUTER = {4: ("203.0.113.1", "203.0.113.2"), 6: ("2001:db8:f::1", "2001:db8:f::2")}
OUTER_ID = 0x1234
TTL = 63


def esp(size):
    """An ESP packet: SPI, sequence number, and bytes that only have to be known."""
    body = bytes((i * 7 + 3) & 0xFF for i in range(size - 8))
    return bytes.fromhex("0000100100000007") + body


def headers(family, udp, tos, df, payload):
    proto = 17 if udp else 50
    src, dst = OUTER[family]
    if family == 4:
        ip = IP(src=src, dst=dst, ttl=TTL, tos=tos, proto=proto, flags="DF" if df else 0,
                id=0 if df else OUTER_ID)
    else:
        ip = IPv6(src=src, dst=dst, hlim=TTL, tc=tos, nh=proto)
    if udp:
        ip /= UDP(sport=4501, dport=4502, chksum=0 if family == 4 else None)
    data = bytes(ip / Raw(payload))
    return data[: len(data) - len(payload)]


def row(family, udp, inner, df_mode, dscp, ecn, size):
    inner_tos, inner_df = inner
    tos = (inner_tos & 0xFC if dscp < 0 else dscp << 2) | (inner_tos & 3 if ecn else 0)
    df = {"COPY": inner_df, "SET": True, "CLEAR": False}[df_mode]
    data = headers(family, udp, tos, df, esp(size))
    print("\t{%d, %s, TUNNEL_DF_%s, %d, %s, 0x%02x, %s, %d, %d,\n\t\t{%s}}," % (
        family, "TUNNEL_UDP" if udp else "TUNNEL_ESP", df_mode, dscp, str(ecn).lower(), inner_tos,
        str(inner_df).lower(), size, len(data), ", ".join("0x%02x" % b for b in data)))


def main():
    print("/* SPDX-License-Identifier: BSD-3-Clause */")
    print("/* Made by golden.py with scapy. */")
    print("/* clang-format off */")
    print("static const struct golden_row golden_rows[] = {")
    inners = [(0x00, False), (0xB9, True), (0x2A, False), (0x03, True)]
    modes = [("COPY", -1, True), ("SET", 46, True), ("CLEAR", -1, False), ("COPY", 0, False)]
    # Sizes: the least, odd ones, jumbo. They take turns, so that each meets most of the others.
    sizes = itertools.cycle([44, 105, 1467, 9001, 36])
    for family, udp, inner, mode in itertools.product((4, 6), (False, True), inners, modes):
        row(family, udp, inner, *mode, next(sizes))
    print("};")


main()
