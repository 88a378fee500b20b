#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The highest rate without loss (RFC 2544, 26.1) through two gateways back to back, with a TRex server (t-rex-64 -i).

    generator port 0 -> lan, gateway A, wan -> wan, gateway B, lan -> generator port 1

usage: PYTHONPATH=TREX/automation/trex_control_plane/interactive tools/trex/throughput.py [--server HOST] [--size 64,imix]

doc/performance.md has the method and the gateways' configuration.
"""
import argparse
import os
import time


def search(trial, confirm, step, say=print):
    """The highest percentage at which `trial` loses nothing, confirmed by `confirm`, or lowered until it is.

    Both take a percentage and return packets sent and packets lost. Returns (percentage, packets sent when confirmed),
    (0, 0) where everything loses packets.
    """
    low, high, percent = 0.0, 100.0, 100.0
    while low < 100 and high - low > step:
        sent, lost = trial(percent)
        say(f"  {percent:7.3f} %: sent {sent}, lost {lost}")
        low, high = (percent, high) if sent and lost <= 0 else (low, percent)
        percent = (low + high) / 2
    while low > 0:
        sent, lost = confirm(low)
        say(f"  {low:7.3f} % confirming: sent {sent}, lost {lost}")
        if sent and lost <= 0:
            return low, sent
        low = max(0.0, low - step)
    return 0.0, 0


class Generator:
    """Two ports of a TRex server: one sends, the other counts."""

    def __init__(self, server, send, receive):
        from trex.stl.api import STLClient  # pylint: disable=import-error,import-outside-toplevel
        self.client, self.send, self.receive = STLClient(server=server), send, receive
        self.client.connect()
        self.client.reset(ports=[send, receive])

    def load(self, size, tunnels, mac):
        from trex.stl.api import STLProfile  # pylint: disable=import-error,import-outside-toplevel
        profile = STLProfile.load_py(os.path.join(os.path.dirname(os.path.abspath(__file__)), "profile.py"), size=size,
                                     tunnels=tunnels, mac=mac)
        self.client.remove_all_streams(ports=[self.send])
        self.client.add_streams(profile.get_streams(), ports=[self.send])

    def run(self, percent, seconds):
        self.client.clear_stats()
        self.client.start(ports=[self.send], mult=f"{percent}%", duration=seconds)
        self.client.wait_on_traffic(ports=[self.send])
        time.sleep(2)  # what is still under way
        stats = self.client.get_stats()
        sent = stats[self.send]["opackets"]
        return sent, sent - stats[self.receive]["ipackets"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="127.0.0.1")
    parser.add_argument("--ports", default="0,1", help="that sends, that receives (%(default)s)")
    parser.add_argument("--size", default="64,imix,1420", help="of IP packets (%(default)s)")
    parser.add_argument("--tunnels", type=int, default=1, help="tunnel n leads to 10.64.0.0 + n (%(default)s)")
    parser.add_argument("--mac", default="02:00:00:00:01:00", help="of gateway A's lan port (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="of each trial (%(default)s)")
    parser.add_argument("--confirm", type=float, default=60, help="seconds of the last one (%(default)s)")
    parser.add_argument("--step", type=float, default=0.1, help="how close, in percent of the line (%(default)s)")
    args = parser.parse_args()
    generator = Generator(args.server, *(int(port) for port in args.ports.split(",")))
    try:
        for size in args.size.split(","):
            print(f"IP packets of {size} bytes, {args.tunnels} tunnels")
            generator.load(size, args.tunnels, args.mac)
            percent, sent = search(lambda rate: generator.run(rate, args.seconds),
                                   lambda rate: generator.run(rate, args.confirm), args.step)
            print(f"{size}: {percent:.3f} % of the line, {sent / args.confirm / 1e6:.3f} Mpps without loss")
    finally:
        generator.client.disconnect()


if __name__ == "__main__":
    main()
