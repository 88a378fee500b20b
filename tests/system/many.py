#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A configuration with many tunnels and SAs, as text: what the gateway is to bear in number.

usage: many.py --tunnels 50000 --sas 100000 --lan DEVICE --wan DEVICE >FILE

Each tunnel has one outbound SA and as many inbound ones as make up --sas. Tunnel n leads to the host 10.64.0.0 + n, its
far end is 172.16.2.0 + n.
"""
import argparse
import hashlib
import ipaddress
import sys

HOSTS = int(ipaddress.IPv4Address("10.64.0.0"))
PEERS = int(ipaddress.IPv4Address("172.16.2.0"))
NEIGHBOUR = "172.16.1.6"


def host(number):
    return str(ipaddress.IPv4Address(HOSTS + number))


def peer(number):
    return str(ipaddress.IPv4Address(PEERS + number))


def key(what):
    """72 hex digits, others for each SA."""
    return hashlib.sha512(what.encode()).hexdigest()[:72]


def lines(tunnels, sas, lan, wan, more=""):
    yield "unsafe_static_keys = true;" + more
    yield (f'ports = ( {{ device = "{wan}"; name = "wan"; role = "unprotected"; addresses = [ "172.16.1.5/24" ]; }},\n'
           f'  {{ device = "{lan}"; name = "lan"; role = "protected"; addresses = [ "192.168.115.254/24" ]; }} );')
    yield f'neighbours = ( {{ address = "{NEIGHBOUR}"; mac = "02:00:00:00:00:02"; port = "wan"; }} );'
    yield "tunnels = ("
    yield ",\n".join(f'  {{ name = "ipsec{n}"; local = "172.16.1.5"; remote = "{peer(n)}"; }}' for n in range(tunnels))
    yield ");\nsas = ("
    yield ",\n".join(sa(n, tunnels) for n in range(sas))
    yield ");\nroutes = ("
    yield "".join(f'  {{ prefix = "{host(n)}/32"; via = "ipsec{n}"; }},\n' for n in range(tunnels)) + (
        f'  {{ prefix = "172.16.0.0/14"; via = "{NEIGHBOUR}"; }} );')


def sa(number, tunnels):
    direction = "out" if number < tunnels else "in"
    return (f'  {{ spi = {0x1000 + number}; direction = "{direction}"; tunnel = "ipsec{number % tunnels}"; '
            f'algorithm = "aes-256-gcm"; key = "{key(str(number))}"; }}')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tunnels", type=int, default=50000)
    parser.add_argument("--sas", type=int, default=100000)
    parser.add_argument("--lan", default="net_pcap0")
    parser.add_argument("--wan", default="net_null0")
    args = parser.parse_args()
    sys.stdout.writelines(line + "\n" for line in lines(args.tunnels, args.sas, args.lan, args.wan))


if __name__ == "__main__":
    main()
