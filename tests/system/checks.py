# SPDX-License-Identifier: BSD-3-Clause
"""What scapy says of ICMP messages and checksums."""
from scapy.compat import raw
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6,
                                _ICMPv6)

ERRORS6 = (ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6TimeExceeded)


def family_class(packet):
    """IP or IPv6, for the bytes of a packet."""
    return IP if packet[0] >> 4 == 4 else IPv6


def icmp_errors(packets):
    """The ICMP errors among packets (bytes), parsed."""
    parsed = [family_class(packet)(packet) for packet in packets]
    return [packet for packet in parsed if is_error(packet)]


def is_error(packet):
    if packet.version == 4:
        return packet.proto == 1 and packet[ICMP].type in (3, 11)
    return any(layer in packet for layer in ERRORS6)


def code_of(error):
    """(type, code) of an ICMP message of either family."""
    message = error[ICMP] if error.version == 4 else error.payload
    return message.type, message.code


def quoted(error):
    """The packet that an ICMP error is about, as bytes."""
    message = error[ICMP] if error.version == 4 else error.payload
    return raw(message)[8:]


def check_checksum(test, packet):
    """Takes the checksums of an ICMP message away, lets scapy make them again and compares the bytes."""
    again = packet.copy()
    if again.version == 4:
        del again.chksum
        del again[ICMP].chksum
    else:
        assert isinstance(again.payload, _ICMPv6)
        del again.payload.cksum
    test.assertEqual(raw(again), raw(packet), "checksum")


def check_error(test, error, about, source, kind):
    """An ICMP error of this (type, code), from this address, about this raw packet."""
    test.assertEqual(code_of(error), kind)
    test.assertEqual((error.src, error.dst), (source, about.src))
    # The TTL and the checksum may have changed before.
    start = slice(12, 28) if about.version == 4 else slice(8, 48)
    test.assertEqual(quoted(error)[start], raw(about)[start])
    check_checksum(test, error)


def is_echo_reply(packet):
    return packet[ICMP].type == 0 if packet.version == 4 and ICMP in packet else ICMPv6EchoReply in packet
