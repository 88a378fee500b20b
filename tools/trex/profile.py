# SPDX-License-Identifier: BSD-3-Clause
"""Raw packets for two espgw gateways back to back, as a stateless profile of TRex (v2.8 and later).

In the console: start -f tools/trex/profile.py -p 0 -m 10mpps -t size=imix,tunnels=10000
Newer consoles want the tunables as options: -t --size imix --tunnels 10000

size: of IP packets, 64 to 1500, or imix (7 of 64, 4 of 570, 1 of 1420). tunnels: tunnel n leads to 10.64.0.0 + n; the
order is random. mac: of gateway A's lan port.
"""
import argparse

from trex_stl_lib.api import (STLPktBuilder, STLStream, STLTXCont, STLVmFixIpv4, STLVmFlowVar, STLVmWrFlowVar)
from scapy.all import IP, UDP, Ether  # TRex's own copy

IMIX = ((64, 7), (570, 4), (1420, 1))
SOURCE = "192.168.115.1"
FIRST = 0x0A400000  # 10.64.0.0
GATEWAY_MAC = "02:00:00:00:01:00"


def address(n):
    return ".".join(str((FIRST + n) >> shift & 255) for shift in (24, 16, 8, 0))


class Raw:
    """What the hosts behind gateway A send to those behind gateway B."""

    def get_streams(self, direction=0, tunables=(), **given):
        """Called by TRex: older versions give the tunables as keywords, newer ones as a list of options."""
        del direction
        parser = argparse.ArgumentParser()
        parser.add_argument("--size", default=str(given.get("size", 64)))
        parser.add_argument("--tunnels", type=int, default=int(given.get("tunnels", 1)))
        parser.add_argument("--mac", default=given.get("mac", GATEWAY_MAC))
        args = parser.parse_args(list(tunables))
        mix = IMIX if args.size == "imix" else ((int(args.size), 1),)
        # Streams start apart, so that sizes are mixed and not sent in blocks.
        return [self.stream(size, share, index / 10, args) for index, (size, share) in enumerate(mix)]

    @staticmethod
    def stream(size, share, gap, args):
        head = Ether(dst=args.mac) / IP(src=SOURCE, dst=address(0)) / UDP(sport=1000, dport=2000)
        packet = head / (b"\xab" * (size - 28))
        program = None
        if args.tunnels > 1:
            program = [STLVmFlowVar(name="dst", min_value=address(0), max_value=address(args.tunnels - 1), size=4,
                                    op="random"),
                       STLVmWrFlowVar(fv_name="dst", pkt_offset="IP.dst"), STLVmFixIpv4(offset="IP")]
        return STLStream(isg=gap, packet=STLPktBuilder(pkt=packet, vm=program), mode=STLTXCont(pps=share))


def register():
    return Raw()
