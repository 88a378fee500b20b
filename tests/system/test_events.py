#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client that listens sees each kind of event happen: on interfaces of a kernel, in a namespace of their own, with
hosts and a peer that scapy plays. What an IKE daemon does about a peer that has moved is done, too."""
import contextlib
import ctypes
import os
import re
import select
import socket
import subprocess
import time
import unittest

import control
import scene
from gateway import Gateway, GatewayTest, Running, main, scratch
from scapy.compat import raw
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

SECONDS = 10 * float(os.environ.get("ESPGW_TEST_SLOWER", "1"))
OURS, PEER, MOVED, OTHER = scene.OUR_ADDRESS[scene.WAN][4], scene.PEER[4], "203.0.113.77", "203.0.113.9"
# ipsec0 gets its SAs by and by; idle has none.
CONFIG = {
    "ports": [{**port, "device": f"net_af_packet{n}", "addresses": port["addresses"][:1]}
              for n, port in enumerate(scene.ports())],
    "neighbours": [scene.neighbour(scene.HOST[4], scene.HOST_MAC, "lan")] + [
        scene.neighbour(address, scene.PEER_MAC, "wan") for address in (PEER, MOVED, OTHER)],
    "tunnels": [scene.tunnel(carrier="udp"), {**scene.tunnel("idle"), "remote": OTHER}],
    "routes": [{"prefix": "192.168.2.0/24", "via": "ipsec0"}, {"prefix": "192.168.3.0/24", "via": "idle"}],
}
OUT = scene.Side(0x1001, "out", udp=(4500, 4500))
IN = scene.Side(0x2001, "in", udp=(4500, 4500))
IN_MOVED = scene.Side(0x2001, "in", udp=(4500, 61000), src=MOVED, dst=OURS)


@contextlib.contextmanager
def inside(namespace):
    """What is opened meanwhile is the namespace's."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as own, open(f"/run/netns/{namespace}", "rb") as other:
        if libc.setns(other.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(own.fileno(), 0)


class Wire:
    """The far end of one of the gateway's interfaces."""

    def __init__(self, namespace, interface, mac):
        self.mac = mac  # the gateway's
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.bind((interface, 0))

    def send(self, packet, src):
        self.socket.send(raw(Ether(src=src, dst=self.mac) / packet))

    def wait(self, wanted):
        """The next frame from the gateway for which wanted() holds."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if select.select([self.socket], [], [], 0.2)[0]:
                data, address = self.socket.recvfrom(65536)
                frame = Ether(data)
                if address[2] != socket.PACKET_OUTGOING and wanted(frame):
                    return frame
        raise AssertionError("no such frame came")


def documented():
    """The members and words of each kind in doc/control.md."""
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../doc/control.md")
    with open(page, encoding="utf-8") as file:
        section = file.read().split("## Events")[1].split("\n## ")[0]
    return {kind: set(re.findall(r"`([a-z_]+)`", members))
            for kind, members in re.findall(r"^\| `([a-z]+)` \| ([^|]*)\|", section, re.M)}


def is_envelope(frame):
    return IP in frame and UDP in frame and frame[UDP].sport == 4500 and len(frame[UDP].payload) > 1


@unittest.skipUnless(os.geteuid() == 0, "namespaces need root")
class Events(GatewayTest):

    def setUp(self):
        self.space = f"espgw-events-{os.getpid()}"
        if subprocess.run(["ip", "netns", "add", self.space], capture_output=True, check=False).returncode:
            self.skipTest("no network namespaces here")
        self.addCleanup(subprocess.run, ["ip", "netns", "del", self.space], check=False)
        self.sh("for f in default all; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done")
        for name in ("lan", "wan"):
            self.sh(f"""ip link add {name}0 type veth peer name {name}1
                for end in 0 1; do
                    ethtool -K {name}$end tx off rx off tso off gso off gro off >/dev/null || true
                    ip link set {name}$end up
                done""")

    def sh(self, script):
        done = subprocess.run(["ip", "netns", "exec", self.space, "sh", "-ec", script], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    @contextlib.contextmanager
    def running(self, kinds=None):
        """A gateway and a client that has subscribed."""
        vdevs = [f"net_af_packet{n},iface={name}0" for n, name in enumerate(("lan", "wan"))]
        with scratch() as folder:
            running = Running(Gateway(CONFIG, idle_ms=0), folder, ["lan", "wan"], vdevs,
                              prefix=["ip", "netns", "exec", self.space])
            with running, control.Control(f"{folder}/ctl") as client:
                self.lan, self.wan = (Wire(self.space, f"{name}1", self.sh(f"cat /sys/class/net/{name}0/address"))
                                      for name in ("lan", "wan"))
                client.call("events.subscribe", **({"kinds": kinds} if kinds else {}))
                yield folder, client
                self.assert_clean(running.stop())
        self.lan.socket.close()
        self.wan.socket.close()

    def expect(self, client, kind, **members):
        """The next event: its kind, and all of its members."""
        event = client.event()
        self.assertEqual({"kind": kind, **members},
                         {key: value for key, value in event.items() if key not in ("seq", "time")})
        words = set(members) | {members.get("what", "what")}
        self.assertLessEqual(words - {"what"}, documented()[kind], "in doc/control.md")
        self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        return event

    def from_host(self, dst="192.168.2.20", **more):
        self.lan.send(scene.udp(scene.HOST[4], dst, **more), scene.HOST_MAC)

    def from_peer(self, packet):
        self.wan.send(packet, scene.PEER_MAC)

    def add_sas(self, client, **out):
        for side, more in ((IN, {}), (OUT, out)):
            client.call("sa.add", **{key: value for key, value in side.config(**more).items()})

    def test_document(self):
        with self.running() as (_, client):
            self.assertEqual(sorted(documented()), sorted(client.call("events.subscribe")["kinds"]))

    def test_acquire(self):
        with self.running() as (_, client):
            self.from_host("192.168.3.20", sport=7, dport=9)
            self.expect(client, "acquire", what="needed", tunnel="idle", src=scene.HOST[4], dst="192.168.3.20",
                        protocol=17, src_port=7, dst_port=9)

    def test_tunnel(self):
        """Made, changed, up, down, deleted."""
        with self.running() as (_, client):
            client.call("tunnel.add", name="new", local=OURS, remote="203.0.113.3")
            self.expect(client, "tunnel", what="created", tunnel="new")
            client.call("tunnel.update", name="new", mtu=1300)
            self.expect(client, "tunnel", what="changed", tunnel="new")
            client.call("tunnel.delete", name="new")
            self.expect(client, "tunnel", what="deleted", tunnel="new")
            self.add_sas(client)
            self.expect(client, "tunnel", what="up", tunnel="ipsec0")
            client.call("sa.flush")
            self.expect(client, "tunnel", what="down", tunnel="ipsec0")

    def test_expire(self):
        """The second packet is too many for the soft limit, the fourth for the hard one."""
        with self.running(["expire", "tunnel"]) as (_, client):
            self.add_sas(client, soft_packets=2, hard_packets=3)
            self.expect(client, "tunnel", what="up", tunnel="ipsec0")
            sa = {"spi": OUT.spi, "direction": "out", "tunnel": "ipsec0"}
            for _ in range(2):
                self.from_host()
            self.expect(client, "expire", what="soft", **sa)
            for _ in range(2):
                self.from_host()
            self.expect(client, "expire", what="hard", **sa)
            self.expect(client, "tunnel", what="down", tunnel="ipsec0")

    def test_port(self):
        """Its link goes, and with it the tunnel; both come back."""
        with self.running(["port", "tunnel"]) as (_, client):
            self.add_sas(client)
            self.expect(client, "tunnel", what="up", tunnel="ipsec0")
            for word in ("down", "up"):
                self.sh(f"ip link set wan1 {word}")
                self.expect(client, "port", what=word, port="wan")
                self.expect(client, "tunnel", what=word, tunnel="ipsec0")

    def test_neighbour(self):
        """One answers ARP, another one does not."""
        with self.running(["neighbour"]) as (_, client):
            for number, address in ((5, "192.168.1.55"), (6, "192.168.1.66")):
                self.from_host(address)
                mac = f"02:00:00:00:01:{number:02d}"
                asked = self.lan.wait(lambda frame: ARP in frame and frame[ARP].op == 1 and
                                      frame[ARP].pdst == address)  # pylint: disable=cell-var-from-loop
                if number == 5:
                    self.lan.send(ARP(op=2, hwsrc=mac, psrc=address, hwdst=asked.src, pdst=asked[ARP].psrc), mac)
                    self.expect(client, "neighbour", what="reachable", port="lan", address=address, mac=mac)
                else:
                    self.expect(client, "neighbour", what="failed", port="lan", address=address)

    def test_peer_moves(self):
        """Its NAT gives it another address: the client is told, changes the tunnel, and traffic follows."""
        inner = scene.udp(scene.FAR[4], scene.HOST[4], seed=1)
        with self.running(["mapping", "peer"]) as (_, client):
            self.add_sas(client)
            self.from_peer(IN.seal(inner, 1))
            self.lan.wait(lambda frame: IP in frame and frame[IP].src == scene.FAR[4])
            self.from_host()
            sent = self.wan.wait(is_envelope)
            self.assertEqual((sent[IP].dst, sent[UDP].dport), (PEER, 4500))
            for seq in (2, 3):
                self.from_peer(IN_MOVED.seal(inner, seq))
            moved = {"tunnel": "ipsec0", "from": PEER, "from_port": 4500, "to": MOVED, "to_port": 61000}
            told = self.expect(client, "mapping", spi=IN.spi, direction="in", **moved)
            client.call("events.resync")
            self.expect(client, "mapping", spi=IN.spi, direction="in", **moved)
            self.assertEqual(client.event()["kind"], "resynced")
            client.call("tunnel.update", name=told["tunnel"], remote=told["to"], remote_port=told["to_port"])
            self.expect(client, "peer", **moved)
            self.from_peer(IN_MOVED.seal(inner, 4))
            got = self.lan.wait(lambda frame: IP in frame and frame[IP].src == scene.FAR[4])
            self.assertEqual(raw(got[IP]), raw(scene.forwarded(inner)))
            packet = scene.udp(scene.HOST[4], scene.FAR[4], seed=2)
            self.lan.send(packet, scene.HOST_MAC)
            sent = self.wan.wait(is_envelope)
            self.assertEqual((sent[IP].dst, sent[UDP].dport), (MOVED, 61000))
            self.assertEqual(OUT.open(raw(sent[IP])), raw(scene.forwarded(packet)))
            client.call("events.resync")
            self.assertEqual(client.event()["kind"], "resynced", "nothing is pending any more")

    def test_peer_by_file(self):
        """config.load that moves a tunnel says so as tunnel.update does."""
        with self.running(["peer"]) as (folder, client):
            path = f"{folder}/saved.conf"
            client.call("config.save", path=path)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace(f'remote = "{OTHER}"', f'remote = "{MOVED}"'))
            client.call("config.load", path=path)
            self.expect(client, "peer", tunnel="idle", **{"from": OTHER, "to": MOVED})

    def test_overrun(self):
        """Who does not read is told how much it has lost, in the place of that, and how things stand when it asks."""
        with self.running(["tunnel"]) as (folder, client), control.Control(f"{folder}/ctl") as other:
            changes = [control.message("tunnel.update", {"name": "idle", "mtu": 1000 + n % 400}) for n in range(8000)]
            self.assertEqual(other.many(changes), [])
            events = [client.event()]
            while events[-1]["kind"] != "overrun":
                events.append(client.event())
            self.assertTrue(all(e["kind"] == "tunnel" for e in events[:-1]))
            lost = events[-1]["lost"]
            self.assertGreater(lost, 0)
            numbers = [e["seq"] for e in events]
            self.assertEqual(numbers[:-1], list(range(len(numbers) - 1)))
            self.assertEqual(numbers[-1], len(numbers) - 1 + lost, "the lost ones have their numbers")
            self.add_sas(client)
            client.call("events.resync")
            stands = []
            while not stands or stands[-1]["kind"] != "resynced":
                stands.append(client.event())
            state = {e["tunnel"]: e["what"] for e in stands[:-1]}
            self.assertEqual(state, {"ipsec0": "up", "idle": "down"})


if __name__ == "__main__":
    main()
