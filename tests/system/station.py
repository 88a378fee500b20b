#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The hosts on two kernel interfaces, for tests of ports that the kernel knows: sends frames, records what comes back.

usage: station.py FOLDER NAME:INTERFACE:OUR_ADDRESS:HOST_ADDRESS...

For each NAME the frames of FOLDER/NAME.rx.pcap are sent to the gateway on INTERFACE, whose MAC address is asked for by
ARP first (so the gateway is up when the traffic begins), and what the gateway sends is recorded in FOLDER/NAME.tx.pcap.
Ends when nothing has come for a while. Runs in the network namespace of the interfaces.
"""
import select
import socket
import sys
import time

from scapy.layers.l2 import ARP, Ether

from gateway import pcap_read, pcap_write

IDLE_SECONDS = 1.0
UP_SECONDS = 20.0
PACE_SECONDS = 0.0002
ETH_P_ALL = 3
PACKET_OUTGOING = 4


class Station:
    """One interface."""

    def __init__(self, folder, word):
        name, self.interface, self.theirs, self.ours = word.split(":")
        self.path = f"{folder}/{name}"
        self.frames = pcap_read(self.path + ".rx.pcap")
        self.got = []
        self.mac = self.socket = None

    def open(self):
        """Whether the interface is there and up."""
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
            self.socket.bind((self.interface, 0))
            return True
        except OSError:
            self.socket.close()
            return False

    def ask(self):
        source = "02:00:00:00:00:aa"
        request = Ether(src=source, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=source, psrc=self.ours, pdst=self.theirs)
        try:
            self.socket.send(bytes(request))
        except OSError:
            pass  # not up yet

    def receive(self):
        try:
            frame, address = self.socket.recvfrom(65536)
        except OSError:
            return False  # the interface went down and will come up again
        if address[2] == PACKET_OUTGOING:
            return False
        if self.mac is None:
            parsed = Ether(frame)
            if ARP in parsed and parsed[ARP].op == 2 and parsed[ARP].psrc == self.theirs:
                self.mac = frame[6:12]
            return False
        self.got.append(frame)
        return True


def receive_all(stations, seconds):
    """Reads what has come; whether anything did."""
    ready, _, _ = select.select([s.socket for s in stations], [], [], seconds)
    return any([station.receive() for station in stations if station.socket in ready])


def wait_until_up(stations):
    end = time.monotonic() + UP_SECONDS
    while not all(station.open() for station in stations if not station.socket or station.socket.fileno() < 0):
        if time.monotonic() > end:
            sys.exit("the interfaces did not appear")
        time.sleep(0.1)
    while not all(station.mac for station in stations):
        if time.monotonic() > end:
            sys.exit("the gateway did not answer ARP")
        for station in stations:
            if not station.mac:
                station.ask()
        asked = time.monotonic()
        while time.monotonic() < asked + 0.2:
            receive_all(stations, 0.05)


def main():
    stations = [Station(sys.argv[1], word) for word in sys.argv[2:]]
    wait_until_up(stations)
    for station in stations:
        for frame in station.frames:
            station.socket.send(station.mac + frame[6:])
            receive_all(stations, 0)
            time.sleep(PACE_SECONDS)
    last = time.monotonic()
    while time.monotonic() < last + IDLE_SECONDS:
        if receive_all(stations, 0.1):
            last = time.monotonic()
    for station in stations:
        pcap_write(station.path + ".tx.pcap", station.got)


if __name__ == "__main__":
    main()
