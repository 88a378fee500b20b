# SPDX-License-Identifier: BSD-3-Clause
"""A gateway that has one of everything, running, and a client of its telemetry socket."""
import contextlib
import glob
import json
import socket

import scene
from gateway import Gateway, Running, pcap_write, scratch

PACKETS = 32
GATEWAY = "203.0.113.9"  # of a route; nobody answers for it
OUT = scene.Side(0x1001, "out")
IN = scene.Side(0x2001, "in")
OTHER = scene.Side(0x1002, "out", name="ipsec1", family=6)


class Telemetry:
    """A client of the socket that espgw makes below runtime."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.socket = None
        self.path = None

    def connect(self):
        for path in glob.glob(f"{self.runtime}/dpdk/*/dpdk_telemetry.v2"):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self.socket.connect(path)
            except OSError:
                self.socket.close()
                continue
            self.socket.recv(16384)
            self.path = path
            return True
        return False

    def close(self):
        if self.socket:
            self.socket.close()

    def ask(self, command):
        self.socket.send(command.encode())
        return json.loads(self.socket.recv(65536))[command.split(",")[0]]


def config():
    """Two tunnels that share the way to one net, SAs with every kind of lifetime, a policy of each action, a gateway
    route, more than one table."""
    lifetimes = {"soft_seconds": 600, "hard_seconds": 900, "soft_packets": 1 << 40, "hard_packets": 1 << 41,
                 "soft_bytes": 1 << 50, "hard_bytes": 1 << 51}
    policies = [{"priority": 10, "action": "discard", "protocol": "tcp", "remote": "192.168.2.0/24"},
                {"priority": 20, "action": "bypass", "protocol": "icmp"},
                {"priority": 30, "action": "protect", "tunnel": "ipsec1", "remote": "192.168.2.64/26"}]
    routes = [*scene.routes(), {"prefix": scene.FAR_NET[4], "via": "ipsec1"},
              {"prefix": "198.51.100.0/24", "via": GATEWAY}, {"prefix": "198.18.0.0/15", "via": "discard"},
              {"prefix": "10.9.0.0/16", "via": "discard", "table": 7}]
    tunnels = [scene.tunnel(address="10.0.0.1", peer_address="10.0.0.2"), scene.tunnel("ipsec1", 6)]
    return scene.config(tunnels=tunnels, more_routes=routes, policies=policies,
                        sas=[OUT.config(**lifetimes), IN.config(), OTHER.config()])


def packets():
    """Some of each kind: for both tunnels, discarded, in fragments, with a TTL that is used up."""
    udp = [scene.from_host(scene.udp(scene.HOST[4], scene.FAR[4], seed=n)) for n in range(PACKETS)]
    return udp + [scene.from_host(scene.udp(scene.HOST[4], scene.FAR[4], seed=n, ttl=1)) for n in range(3)]


@contextlib.contextmanager
def running(source=None, settings=None, args=(), **gateway):
    """(Running, Telemetry, folder) of a gateway that receives `source` on lan without an end; once with once=True."""
    once = gateway.pop("once", False)
    with scratch() as folder:
        pcap_write(f"{folder}/lan.rx.pcap", packets() if source is None else source)
        pcap_write(f"{folder}/wan.rx.pcap", [])
        endless = "" if once else ",infinite_rx=1"
        vdevs = [f"net_pcap0,rx_pcap={folder}/lan.rx.pcap{endless}", f"net_pcap1,rx_pcap={folder}/wan.rx.pcap"]
        process = Running(Gateway(settings or config(), idle_ms=0, args=args, **gateway), folder, ["lan", "wan"], vdevs,
                          prefix=["env", f"RUNTIME_DIRECTORY={folder}"])
        telemetry = Telemetry(folder)
        try:
            if not process.wait_for(telemetry.connect) or not process.wait_for(lambda: telemetry.ask("/espgw/info")):
                raise AssertionError(process.stop().describe())
            yield process, telemetry, folder
        finally:
            telemetry.close()
            if process.process.poll() is None:
                process.stop()
