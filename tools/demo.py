#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two gateways back to back, real packets through both, and what scapy and tshark say of it.

usage: demo.py [--keep] BUILD

    packets of LAN A -> gateway A ==envelopes==> gateway B -> LAN B, and the same backwards at the same time

The gateways are two espgw processes without huge pages; every link is a memif. The wire between them is tools/wire.c,
which also feeds and records the LANs from and to pcap files and keeps a copy of every envelope. Two tunnels, one over
IPv4 and one over IPv6 with extended sequence numbers, each carry packets of both families.
"""
import argparse
import collections
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time

logging.getLogger("scapy").setLevel(logging.ERROR)
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system"))
# pylint: disable=wrong-import-position
from scapy.layers.inet import IP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402

import demo_packets  # noqa: E402
import gateway  # noqa: E402
import judge  # noqa: E402
import scene  # noqa: E402

ROUNDS = 5
NETWORKS = [("192.168.{}.", 24), ("10.{}.0.", 24), ("2001:db8:{}::", 64), ("2001:db8:1{}::", 64)]
HOSTS = range(10, 14)
WILD = {4: "203.0.113.{}", 6: "2001:db8:ff::{}"}
# Each tunnel: family of the envelopes, ESN, the networks that are routed into it.
TUNNELS = [("ipsec0", 4, False, (NETWORKS[0], NETWORKS[2])), ("ipsec1", 6, True, (NETWORKS[1], NETWORKS[3]))]
GATEWAY_LAN, GATEWAY_WAN, HOST = 1, 2, 3  # last byte of a MAC address


class Failed(Exception):
    """The demo did not show what it promises; the message says what."""


def mac(side, kind):
    return f"02:00:00:00:{side:02x}:{kind:02x}"


def prefix_of(network, side):
    net, bits = network
    return (net.format(side) if ":" in net else net.format(side) + "0") + f"/{bits}"


def make_sas():
    """For each tunnel and sending gateway the SA, as scapy sees it; keys are new in each run."""
    sas = []
    for index, (name, family, esn, _) in enumerate(TUNNELS):
        for side in (1, 2):
            src, dst = (WILD[family].format(end) for end in (side, 3 - side))
            sas.append(scene.Side(0x1000 * side + index + 1, f"from {side}", name=name, esn=esn, family=family, src=src,
                                  dst=dst, key=secrets.token_bytes(36)))
    return sas


def config(side, sas):
    """The configuration of one gateway."""
    far = 3 - side
    wan = [f"{WILD[4].format(side)}/24", f"{WILD[6].format(side)}/64"]
    return {
        "unsafe_static_keys": True,
        "ports": [{"device": "net_memif0", "name": "lan", "role": "protected", "mtu": 9000,
                   "addresses": [f"{net.format(side)}1/{bits}" for net, bits in NETWORKS]},
                  {"device": "net_memif1", "name": "wan", "role": "unprotected", "mtu": 9216, "addresses": wan}],
        # Packets from a file do not answer ARP; between themselves the gateways ask.
        "neighbours": [scene.neighbour(f"{net.format(side)}{host}", mac(side, HOST), "lan")
                       for net, _ in NETWORKS for host in HOSTS],
        "tunnels": [{"name": name, "local": WILD[family].format(side), "remote": WILD[family].format(far)}
                    for name, family, _, _ in TUNNELS],
        "sas": [{**sa.config(), "direction": "out" if sa.direction == f"from {side}" else "in"} for sa in sas],
        "routes": [{"prefix": prefix_of(network, far), "via": name}
                   for name, _, _, networks in TUNNELS for network in networks],
    }


class Run:
    """One run of the two gateways and the wire, in a folder of its own."""

    def __init__(self, build, folder):
        self.folder = folder
        self.espgw = os.path.join(build, "app", "espgw", "espgw")
        self.wire = os.path.join(build, "tools", "wire")
        self.processes = {}
        for program in (self.espgw, self.wire):
            if not os.access(program, os.X_OK):
                raise Failed(f"{program} is not there: is the build complete?")

    def path(self, name):
        return os.path.join(self.folder, name)

    def memif(self, name, side, role, kind):
        # A buffer holds the largest frame: net_memif of DPDK 22.11 never clears the "continued" flag of a packet's
        # first descriptor, so that packets grow together once the ring has gone round.
        socket = self.path(f"{side}-{kind}.sock")
        return ["--vdev", f"{name},role={role},id=0,socket={socket},socket-abstract=no,rsize=9,bsize=10240,zero-copy=no,"
                          f"mac={mac(side, kind)}"]

    def start(self, name, program, lcores, vdevs, arguments):
        eal = ["--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "--log-level", "lib.eal:warning",
               "--log-level", "pmd.net.memif:error", "--file-prefix", f"demo-{name}-{os.getpid()}", *lcores, *vdevs]
        # EAL makes a folder for each file prefix there, and leaves it.
        environment = dict(os.environ, RUNTIME_DIRECTORY=self.folder)
        with open(self.path(f"{name}.log"), "wb") as log:
            self.processes[name] = subprocess.Popen([program, *eal, "--", *arguments], stdin=subprocess.DEVNULL,
                                                    stdout=log, stderr=subprocess.STDOUT, env=environment)

    def start_wire(self):
        vdevs, links = [], []
        for side in (1, 2):
            vdevs += ["--vdev", f"net_pcap{side},rx_pcap={self.path(f'lan{side}-in.pcap')},"
                                f"tx_pcap={self.path(f'lan{side}-out.pcap')}"]
            vdevs += self.memif(f"net_memif{side}", side, "server", GATEWAY_LAN)
            vdevs += self.memif(f"net_memif{side + 2}", side, "server", GATEWAY_WAN)
            links += [f"+net_pcap{side}:net_memif{side}", f"net_memif{side}:net_pcap{side}"]
        vdevs += ["--vdev", f"net_pcap3,tx_pcap={self.path('wild.pcap')}"]
        links += ["net_memif3:net_memif4:net_pcap3", "net_memif4:net_memif3:net_pcap3"]
        self.start("wire", self.wire, ["-m", "256", "-l", str(cpus()[0])], vdevs,
                   ["-s", str(len(NETWORKS)), "-p", "500", "-r", "8", "-i", "2000", *links])
        # net_memif's client asks for its server once only, when it starts.
        deadline = time.monotonic() + 20
        while "waiting for links" not in self.log("wire"):
            if time.monotonic() > deadline or self.processes["wire"].poll() is not None:
                raise Failed("the wire did not start:\n" + self.log("wire"))
            time.sleep(0.05)

    def start_gateway(self, side, sas):
        with open(self.path(f"{side}.conf"), "w", encoding="ascii") as out:
            out.write(gateway.config_text(config(side, sas)))
        cpu = cpus()[side % len(cpus())]
        self.start(f"gateway{side}", self.espgw, ["--lcores", f"0@{cpu},1@{cpu}"],
                   self.memif("net_memif0", side, "client", GATEWAY_LAN)
                   + self.memif("net_memif1", side, "client", GATEWAY_WAN),
                   ["-f", self.path(f"{side}.conf"), "--state", self.path(f"state{side}"), "--ctl", "none"])

    def log(self, name, lines=40):
        with open(self.path(f"{name}.log"), encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def wait(self):
        """Until the wire has been idle; then the gateways are asked to stop."""
        try:
            status = self.processes["wire"].wait(60)
        except subprocess.TimeoutExpired:
            raise Failed("the wire is still busy after 60 s:\n" + self.log("wire")) from None
        for name, process in self.processes.items():
            if name == "wire":
                continue
            if process.poll() is not None:
                raise Failed(f"{name} stopped by itself, status {process.returncode}:\n{self.log(name)}")
            process.terminate()
            if process.wait(20):
                raise Failed(f"{name} stopped with status {process.returncode}:\n{self.log(name)}")
        if status:
            raise Failed("the wire lost packets, or a link did not come up:\n" + self.log("wire"))

    def kill(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()


def cpus():
    return sorted(os.sched_getaffinity(0))


def opened_by_scapy(envelopes, sas):
    """(SA, raw packet) of each envelope; scapy raises where one is not authentic."""
    by_spi = {sa.spi: sa for sa in sas}
    for data in envelopes:
        outer = (IP if data[0] >> 4 == 4 else IPv6)(data)
        sa = by_spi[int.from_bytes(bytes(outer.payload)[:4], "big")]
        if (outer.src, outer.dst) != (sa.src, sa.dst):
            raise Failed(f"an envelope of {sa.name} goes from {outer.src} to {outer.dst}")
        yield sa, sa.open(data)


def tshark(path, sas, *fields):
    """What tshark sees in each envelope, the values of the fields."""
    command = ["tshark", "-r", path, "-o", "esp.enable_encryption_decode:TRUE", "-Y", "esp", "-T", "fields", "-E",
               "separator=|"]
    for sa in sas:
        command += ["-o", judge.sa_option(sa)]
    for field in fields:
        command += ["-e", field]
    # A HOME of its own: the user's preferences must not decide.
    result = subprocess.run(command, capture_output=True, text=True, check=False,
                            env=dict(os.environ, HOME=os.path.dirname(path)))
    if result.returncode:
        raise Failed(f"tshark says: {result.stderr}")
    return [line.split("|", len(fields) - 1) for line in result.stdout.splitlines()]


def same(what, want, got):
    """Says how many of the wanted packets are there, byte for byte; fails when one is not, or there are others."""
    both = collections.Counter(want) & collections.Counter(got)
    print(f"  {what:<62}{sum(both.values()):>6} of {len(want)}")
    for title, packets in (("missing", collections.Counter(want) - both), ("not wanted", collections.Counter(got) - both)):
        for packet in list(packets)[:2]:
            print(f"    {title}: {packet[:64].hex()}{'...' if len(packet) > 64 else ''} ({len(packet)} bytes)")
    return len(want) == len(got) == sum(both.values())


def in_order(want, got):
    """Whether the packets between each two hosts came in the order in which they were sent."""
    def flows(packets):
        by_hosts = collections.defaultdict(list)
        for packet in packets:
            by_hosts[packet[12:20] if packet[0] >> 4 == 4 else packet[8:40]].append(packet)
        return by_hosts
    right = flows(want) == flows(got)
    print(f"  {'   in order between each two hosts':<62}{'yes' if right else 'NO':>6}")
    return right


def show_packets(sent):
    kinds = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
    table = collections.defaultdict(list)
    for packet in sent[1] + sent[2]:
        family = packet[0] >> 4
        protocol = packet[9] if family == 4 else packet[6]
        table[f"IPv{family} {kinds.get(protocol, 'extension headers')}"].append(len(packet))
    print(f"\n  {'raw packets':<26}{'packets':>8}{'smallest':>10}{'largest':>9}")
    for kind, sizes in sorted(table.items()):
        print(f"  {kind:<26}{len(sizes):>8}{min(sizes):>10}{max(sizes):>9}")


def show_envelopes(opened):
    count = collections.Counter((sa.name, sa.family, inner[0] >> 4, sa.src, sa.dst) for sa, inner in opened)
    print(f"\n  {'tunnel':<8}{'envelopes':<11}{'carry':<7}{'from':<18}{'to':<18}{'count':>6}")
    for (name, outer, inner, src, dst), n in sorted(count.items()):
        print(f"  {name:<8}{f'ESP, IPv{outer}':<11}{f'IPv{inner}':<7}{src:<18}{dst:<18}{n:>6}")


def show_some(path, sas):
    lines = tshark(path, sas, "esp.spi", "esp.sequence", "frame.len", "ip.src", "ipv6.src", "_ws.col.Info")
    print("\n  some of them as tshark shows them: SPI, sequence number, bytes, sources (outer, inner), what is inside")
    for sa in sas:
        for spi, sequence, size, src4, src6, info in [line for line in lines if line[0] == f"{sa.spi:#010x}"][20:22]:
            print(f"  {spi} {sequence:>4} {size:>5}  {f'{src4} {src6}'.strip():<42.42} {info[:60]}")


def no_drops(run):
    """Says which packets the gateways dropped and why; what they answered themselves is not dropped."""
    clean = True
    for side in (1, 2):
        drops = gateway.Result(0, run.log(f"gateway{side}", 1000), {}).drops
        drops.pop("local_handled", None)
        clean = clean and not drops
        print(f"  gateway {'AB'[side - 1]} dropped: "
              + (", ".join(f"{reason} {count}" for reason, count in drops.items()) or "nothing"))
    return clean


def judge_all(run, sent, sas):
    path = run.path("wild.pcap")
    wild = gateway.pcap_read(path)
    packets = [packet for packet in map(demo_packets.unframe, wild) if packet]
    envelopes = [p for p in packets if (p[9] if p[0] >> 4 == 4 else p[6]) == 50]
    opened = list(opened_by_scapy(envelopes, sas))
    contained = [bytes.fromhex(fields[0]) for fields in tshark(path, sas, "esp.contained_data")]
    show_packets(sent)
    show_envelopes(opened)
    show_some(path, sas)
    print(f"\n  on the wire: {len(wild)} frames, {len(envelopes)} of them envelopes, the others ARP and ND")
    sealed = sorted(forwarded(p, 1) for p in sent[1] + sent[2])
    good = [same("envelopes that scapy opens and finds authentic", sealed, sorted(inner for _, inner in opened)),
            same("envelopes that tshark opens", sealed, sorted(contained))]
    for side in (1, 2):
        want = [forwarded(packet, 2) for packet in sent[side]]
        out = gateway.pcap_read(run.path(f"lan{3 - side}-out.pcap"))
        got = [packet for packet in map(demo_packets.unframe, out) if is_traffic(packet)]
        way = "A to B" if side == 1 else "B to A"
        good.append(same(f"came out as sent, but for TTL (2 hops) and checksum, {way}", want, got))
        good.append(in_order(want, got))
    good.append(no_drops(run))
    if not all(good):
        raise Failed("not every packet is what it should be")


def is_traffic(packet):
    """Neither ARP nor what a gateway tells its neighbours about itself."""
    return packet and not (packet[0] >> 4 == 6 and gateway.is_nd(packet))


def forwarded(packet, hops):
    return bytes(scene.forwarded((IP if packet[0] >> 4 == 4 else IPv6)(packet), hops))


def demonstrate(build, folder):
    started = time.monotonic()
    sent = {}
    for side in (1, 2):
        networks = [(net.format(side), net.format(3 - side)) for net, _ in NETWORKS]
        sent[side] = demo_packets.Source(side, networks).packets(ROUNDS)
        gateway.pcap_write(os.path.join(folder, f"lan{side}-in.pcap"),
                           [demo_packets.frame(p, mac(side, HOST), mac(side, GATEWAY_LAN)) for p in sent[side]])
    sas = make_sas()
    print(f"{len(sent[1])} packets of LAN A and {len(sent[2])} of LAN B, made by scapy; "
          f"two gateways, {len(TUNNELS)} tunnels, AES-256-GCM")
    run = Run(build, folder)
    try:
        run.start_wire()
        for side in (1, 2):
            run.start_gateway(side, sas)
        run.wait()
    finally:
        run.kill()
    judge_all(run, sent, sas)
    print(f"\nthe demo passed in {time.monotonic() - started:.0f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("build")
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="espgw-demo.")
    try:
        demonstrate(args.build, folder)
        return 0
    except Failed as failure:
        print(f"the demo FAILED: {failure}", file=sys.stderr)
        return 1
    finally:
        if args.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
