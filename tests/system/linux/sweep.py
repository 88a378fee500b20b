#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Pings one host with payloads of many sizes, several at a time, and checks every byte of the replies.

usage: sweep.py SOURCE DESTINATION FIRST LAST STEP

Runs on the host behind the gateway and inside the guest. Packets may be fragmented on their way. A size that gets no
reply is tried again (the first packet above the path's MTU is answered by an ICMP error). Prints "answered N of N",
then the sizes that never were; exit status 1 if there are any.
"""
import os
import select
import socket
import struct
import sys
import time

TRIES = 4
AT_ONCE = 8
WAIT_SECONDS = 1.0
ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def payload(size):
    return (bytes(range(256)) * (size // 256 + 1))[:size]


class Sweep:
    """One raw socket from source to destination."""

    def __init__(self, source, destination):
        self.family = socket.AF_INET6 if ":" in source else socket.AF_INET
        self.identifier = os.getpid() & 0xFFFF
        protocol = socket.IPPROTO_ICMPV6 if self.family == socket.AF_INET6 else socket.IPPROTO_ICMP
        self.socket = socket.socket(self.family, socket.SOCK_RAW, protocol)
        self.socket.bind((source, 0))
        self.destination = destination
        if self.family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)

    def send(self, size):
        kind = ECHO[self.family][0]
        rest = struct.pack("!HH", self.identifier, size) + payload(size)
        # The kernel fills in the checksum of ICMPv6.
        value = checksum(struct.pack("!BBH", kind, 0, 0) + rest) if self.family == socket.AF_INET else 0
        try:
            self.socket.sendto(struct.pack("!BBH", kind, 0, value) + rest, (self.destination, 0))
        except OSError:
            pass  # no route or neighbour yet, or larger than the path's MTU that was just learnt: tried again

    def answered(self):
        """The size that a packet in the socket answers, None if it answers none of ours."""
        data = self.socket.recv(65536)
        if self.family == socket.AF_INET:
            data = data[(data[0] & 15) * 4:]
        kind, code, _, identifier, size = struct.unpack("!BBHHH", data[:8])
        ours = (kind, code, identifier) == (ECHO[self.family][1], 0, self.identifier)
        return size if ours and data[8:] == payload(size) else None

    def attempt(self, sizes):
        """Sends all of them; returns those that were not answered in time."""
        waiting = set(sizes)
        for size in sizes:
            self.send(size)
        deadline = time.monotonic() + WAIT_SECONDS
        while waiting:
            ready, _, _ = select.select([self.socket], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                break
            waiting.discard(self.answered())
        return sorted(waiting)

    def run(self, sizes):
        missing = []
        for start in range(0, len(sizes), AT_ONCE):
            left = sizes[start:start + AT_ONCE]
            for _ in range(TRIES):
                left = left and self.attempt(left)
            missing += left
        return missing


def main():
    source, destination, first, last, step = sys.argv[1:]
    sizes = list(range(int(first), int(last) + 1, int(step)))
    missing = Sweep(source, destination).run(sizes)
    print(f"answered {len(sizes) - len(missing)} of {len(sizes)}", *missing)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
