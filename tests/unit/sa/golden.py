#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes golden.h: inner packets and the ESP packets that scapy makes of them. Usage: golden.py > golden.h"""

import struct

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw

SPI = 0x10203040
KEYS = {bits: bytes((i * 11 + bits) & 0xFF for i in range(bits // 8)) + b"salt" for bits in (128, 192, 256)}
# scapy takes a sequence number of 0 for "none given", so no low half is 0.
SEQS = {False: (1, 0x7FFFFFFF, 0xFFFFFFFF), True: (1, 0xFFFFFFFF, 0x100000005, 0x123456789ABCDEF0)}
SIZES = (20, 21, 22, 23, 24, 41, 64, 113, 300)


def inner(family, size):
    """A whole IP packet of `size` bytes."""
    if family == 4:
        header = IP(src="192.168.1.1", dst="192.168.2.1", proto=253)
        return IP(bytes(header / Raw(bytes(i & 0xFF for i in range(size - 20)))))
    header = IPv6(src="2001:db8:1::1", dst="2001:db8:2::1", nh=253)
    return IPv6(bytes(header / Raw(bytes(i & 0xFF for i in range(size - 40)))))


def envelope(bits, esn, seq, packet):
    sa = SecurityAssociation(ESP, spi=SPI, crypt_algo="AES-GCM", crypt_key=KEYS[bits],
                             tunnel_header=IP(src="203.0.113.1", dst="203.0.113.2"))
    out = sa.encrypt(packet, seq_num=seq & 0xFFFFFFFF, iv=struct.pack(">Q", seq), esn_en=esn, esn=seq >> 32)
    return bytes(out[ESP])


def text(data):
    """A C string in lines; no hex digit can follow an escape of three octal digits."""
    lines = [data[i:i + 24] for i in range(0, len(data), 24)]
    return "\n".join('\t\t"' + "".join(f"\\{b:03o}" for b in line) + '"' for line in lines)


print("/* SPDX-License-Identifier: BSD-3-Clause */")
print("/* Made by golden.py with scapy. */\n/* clang-format off */")
print("static const struct golden_row golden_rows[] = {")
for number, size in enumerate(SIZES):
    for esn in (False, True):
        for seq in SEQS[esn]:
            bits = (128, 192, 256)[(number + seq) % 3]
            family = 6 if size >= 40 and seq & 1 else 4
            packet = inner(family, size)
            esp = envelope(bits, esn, seq, packet)
            print(f"\t{{{bits}, {family}, {str(esn).lower()}, UINT64_C({seq:#x}), {size}, {len(esp)},")
            print(text(bytes(packet)) + ",\n" + text(esp) + "},")
print("};")
