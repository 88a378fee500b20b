# SPDX-License-Identifier: BSD-3-Clause
"""The packet sources of tools/bench: pcap files that net_pcap plays in a loop.

plain-SIZE: 256 raw UDP packets of SIZE bytes (IP header included), 192.168.115.x -> 192.168.105.x, as many flows;
imix: 7 of 64, 4 of 570 and 1 of 1420 bytes, mixed. esp-SIZE: such packets backwards, as tunnel-mode envelopes
172.16.2.5 -> 172.16.1.5 of SPI 0x2001 with sequence numbers from 1. plain-64-many: one packet to each of
10.64.0.0 + n, n < 10,000, in random order. plain-64-other: as plain-64, to 192.168.106.x.
"""
import ipaddress
import os
import random
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY = bytes.fromhex("deadbeef" * 8)
SALT = bytes.fromhex("01020304")
SPI = 0x2001
MANY = 10000
FIRST_MANY = ipaddress.ip_address("10.64.0.0")
IMIX = [64] * 7 + [570] * 4 + [1420]
LAN = bytes.fromhex("020000000100" "020000000001" "0800")
WAN = bytes.fromhex("020000000200" "020000000002" "0800")
PROTOCOL_UDP, PROTOCOL_ESP, PROTOCOL_IPIP = 17, 50, 4


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip(src, dst, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                       ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def raw(i, size, src, dst, ports=None):
    """A raw packet of `size` bytes; the UDP checksum is left out, as IPv4 allows."""
    source, destination = ports or (1000 + i, 2000)
    payload = b"\xab" * (size - 28)
    return ip(src, dst, PROTOCOL_UDP, struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload)


def envelope(sequence, inner):
    head = struct.pack("!II", SPI, sequence)
    iv = struct.pack("!Q", sequence)
    pad = -(len(inner) + 2) % 4
    text = inner + bytes(range(1, pad + 1)) + bytes([pad, PROTOCOL_IPIP])
    return ip("172.16.2.5", "172.16.1.5", PROTOCOL_ESP, head + iv + AESGCM(KEY).encrypt(SALT + iv, text, head))


def write_pcap(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            out.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def sizes_of(name):
    return [IMIX[i * 5 % 12] for i in range(252)] if name == "imix" else [int(name)] * 256


def between(i, src, dst):
    return f"192.168.{src}.{i % 250 + 1}", f"192.168.{dst}.{i % 250 + 1}"


def write_all(folder):
    for name in ("64", "imix", "1420"):
        sizes = list(enumerate(sizes_of(name)))
        write_pcap(os.path.join(folder, f"plain-{name}.pcap"),
                   [LAN + raw(i, size, *between(i, 115, 105)) for i, size in sizes])
        write_pcap(os.path.join(folder, f"esp-{name}.pcap"),
                   [WAN + envelope(i + 1, raw(i, size, *between(i, 105, 115))) for i, size in sizes])
    write_pcap(os.path.join(folder, "plain-64-other.pcap"),
               [LAN + raw(i, 64, *between(i, 115, 106)) for i in range(256)])
    order = random.Random(1).sample(range(MANY), MANY)
    write_pcap(os.path.join(folder, "plain-64-many.pcap"),
               [LAN + raw(n, 64, "192.168.115.1", str(FIRST_MANY + n), (1, 2)) for n in order])
