#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""espgw and a real Linux kernel, in every combination of what the two may be configured to.

    this kernel ==lan0== [espgw] ==wan0== vec0 [Linux: xfrm]   192.168.2.20, 2001:db8:2::20 on its loopback

In a network namespace; lan0 and wan0 are TAPs that espgw makes (net_tap). Nothing is static: ARP and ND of the gateway
are those that two kernels see. Not net_af_packet: it asks its kernel to reassemble IPv4 fragments, and cuts them.
"""
import atexit
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."),
                os.path.dirname(os.path.abspath(__file__))]
# pylint: disable=wrong-import-position
import gateway  # noqa: E402
import scene  # noqa: E402
from guest import Guest, missing_packages, modules_are_there  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SWEEP, TCP = (["/usr/bin/python3", "-B", os.path.join(HERE, name)] for name in ("sweep.py", "tcp.py"))
PORT = "5001"
LONG = bool(os.environ.get("ESPGW_LONG"))
# What the first rows move, and the others. Under sanitizers (tools/run-tests --slower) the bytes go slower, not further.
SLOWER = float(os.environ.get("ESPGW_TEST_SLOWER", "1"))
BULK_BYTES = (100 if LONG or SLOWER == 1 else 20) * 1000 * 1000
FEW_BYTES = BULK_BYTES if LONG else 5 * 1000 * 1000
LAN_PREFIX = {4: "24", 6: "64"}


def sh(command):
    """Runs a command on the host; its output, or AssertionError."""
    done = subprocess.run(command, shell=isinstance(command, str), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Network:
    """A namespace, with the host behind the gateway and the far ends of espgw's TAPs."""

    def __init__(self):
        self.name = f"espgw-linux-{os.getpid()}"
        self.prefix = ["ip", "netns", "exec", self.name]

    def run(self, *command):
        return sh([*self.prefix, *map(str, command)])

    def create(self):
        sh(["ip", "netns", "add", self.name])
        self.run("sh", "-ec", """ip link set lo up; cd /proc/sys/net/ipv6/conf/default
            echo 1 >disable_ipv6; echo 0 >accept_dad; echo 0 >router_solicitations""")

    def devices_are_up(self):
        up = subprocess.run(["ip", "-n", self.name, "-json", "link", "show", "up"], capture_output=True, text=True,
                            check=False).stdout
        return {"lan0", "wan0"} <= {link.get("ifname") for link in json.loads(up or "[]")}

    def configure(self):
        """The host's side of lan0. net_tap gives its own address to the kernel's end too: one of them must change."""
        sh(["ip", "-n", self.name, "link", "set", "lan0", "address", scene.HOST_MAC])
        self.run("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/lan0/disable_ipv6")
        for family in scene.FAMILIES:
            sh(f"ip -n {self.name} addr add {scene.HOST[family]}/{LAN_PREFIX[family]} dev lan0 && ip -n {self.name} "
               f"-{family} route add {scene.FAR_NET[family]} via {scene.OUR_ADDRESS[scene.LAN][family]}")

    def destroy(self):
        subprocess.run(["ip", "netns", "del", self.name], stderr=subprocess.DEVNULL, check=False)


class Row:
    """One combination: what Linux does, what espgw does, the family of the envelopes, ESN."""

    def __init__(self, linux, ours, outer, esn):
        self.linux, self.ours, self.outer, self.esn = linux, ours, outer, esn
        name = f"linux {linux} {ours} {outer} {esn}"
        self.sides = [scene.Side(0x1001, "out", esn=esn, family=outer, key=scene.key_for(name + " out")),
                      scene.Side(0x2001, "in", esn=esn, family=outer, key=scene.key_for(name + " in"))]

    def config(self):
        ports = [{"device": f"net_tap{index}", "name": name, "role": role,
                  "addresses": [f"{scene.OUR_ADDRESS[index][f]}/{LAN_PREFIX[f]}" for f in scene.FAMILIES]}
                 for index, name, role in ((scene.LAN, "lan", "protected"), (scene.WAN, "wan", "unprotected"))]
        return scene.config(tunnels=[scene.tunnel(family=self.outer, encapsulation=self.ours)],
                            sas=[side.config() for side in self.sides], ports=ports, neighbours=[])

    def _states(self, mode):
        # Without af-unspec a state takes packets of its own family only.
        flags = (["af-unspec"] if mode == "tunnel" else []) + (["esn"] if self.esn else [])
        flag = f"flag {' '.join(flags)}" if flags else ""
        return "".join(f"ip xfrm state add src {s.src} dst {s.dst} proto esp spi {s.spi} reqid 7 mode {mode} "
                       f"replay-window 64 {flag} aead 'rfc4106(gcm(aes))' 0x{s.key.hex()} 128\n" for s in self.sides)

    def _tunnel_mode(self):
        us, peer = scene.OUR_ADDRESS[scene.WAN][self.outer], scene.PEER[self.outer]
        script = self._states("tunnel")
        for family in scene.FAMILIES:
            near, far = scene.NEAR_NET[family], scene.FAR_NET[family]
            script += (f"ip xfrm policy add src {far} dst {near} dir out tmpl src {peer} dst {us} proto esp reqid 7 "
                       f"mode tunnel\n"
                       f"ip xfrm policy add src {near} dst {far} dir in tmpl src {us} dst {peer} proto esp reqid 7 "
                       f"mode tunnel\n"
                       f"ip -{family} route add {near} via {scene.OUR_ADDRESS[scene.WAN][family]} "
                       f"src {scene.FAR[family]}\n")
        return script

    def _devices(self):
        """IPIP devices of Linux for both inner families: name and how it is made."""
        us, peer = scene.OUR_ADDRESS[scene.WAN][self.outer], scene.PEER[self.outer]
        ends = f"local {peer} remote {us}"
        if self.outer == 6:
            one = f"ip link add tun46 type ip6tnl mode any {ends} encaplimit none"
            return {4: ("tun46", one), 6: ("tun46", "true")}
        return {4: ("tun4", f"ip link add tun4 type ipip {ends} ttl 64"),
                6: ("tun6", f"ip link add tun6 type sit {ends} ttl 64")}

    def _transport_mode(self):
        us, peer = scene.OUR_ADDRESS[scene.WAN][self.outer], scene.PEER[self.outer]
        script = self._states("transport")
        for family, (device, how) in self._devices().items():
            protocol = 4 if family == 4 else 41
            script += (f"{how}; ip link set {device} up\n"
                       f"ip -{family} route add {scene.NEAR_NET[family]} dev {device} src {scene.FAR[family]}\n"
                       f"ip xfrm policy add src {peer} dst {us} proto {protocol} dir out tmpl proto esp reqid 7 "
                       f"mode transport\n"
                       f"ip xfrm policy add src {us} dst {peer} proto {protocol} dir in tmpl proto esp reqid 7 "
                       f"mode transport\n")
        return script

    def linux_script(self):
        """What the guest is told after its boot."""
        script = "ip link set vec0 up\n"
        for family in scene.FAMILIES:
            script += (f"ip addr add {scene.PEER[family]}/{LAN_PREFIX[family]} dev vec0\n"
                       f"ip addr add {scene.FAR[family]}/{LAN_PREFIX[family]} dev lo\n")
        return script + (self._tunnel_mode() if self.linux == "tunnel" else self._transport_mode())


class LinuxPeer(gateway.GatewayTest):
    """The rows below become its tests."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("namespaces need root")
        if missing_packages() or not modules_are_there():
            raise unittest.SkipTest("packages are missing: " + " ".join(missing_packages() or ["user-mode-linux"]))

    def setUp(self):
        self.network = Network()
        self.addCleanup(self.network.destroy)
        atexit.register(self.network.destroy)
        self.network.create()

    def start(self, row, folder):
        """espgw, the interfaces that it made, and the guest on the far one."""
        running = gateway.Running(gateway.Gateway(row.config(), idle_ms=0), folder, ["lan", "wan"],
                                  ["net_tap0,iface=lan0", "net_tap1,iface=wan0"], prefix=self.network.prefix)
        try:
            self.assertTrue(running.wait_for(self.network.devices_are_up), "espgw did not bring its TAPs up")
            self.network.configure()
            self.guest = Guest("wan0", raw=True, prefix=self.network.prefix)
            self.addCleanup(self.guest.stop)
            atexit.register(self.guest.stop)
            self.guest.check(f"{row.linux_script()} {' '.join(TCP)} serve {PORT} >/run/tcp.log 2>&1 &")
            self.assertTrue(running.wait_for(self.answers), "the gateway does not answer pings of the host")
        except BaseException:
            print(running.stop().describe())
            raise
        return running

    def answers(self):
        """Whether the gateway answers the host: it is up."""
        ping = [*self.network.prefix, "ping", "-c", "1", "-W", "1", scene.OUR_ADDRESS[scene.LAN][4]]
        return subprocess.run(ping, stdout=subprocess.DEVNULL, check=False).returncode == 0

    def sweep_both_ways(self, sizes):
        for family in scene.FAMILIES:
            ends = [scene.HOST[family], scene.FAR[family]]
            self.network.run(*SWEEP, *ends, *sizes)
            self.guest.check(" ".join(map(str, [*SWEEP, *ends[::-1], *sizes])), 120)

    def transfer(self, family, octets):
        """TCP there and back, every byte compared; Mbit/s each way."""
        return self.network.run(*TCP, "move", scene.HOST[family], scene.FAR[family], PORT, octets).strip()

    def xfrm_errors(self):
        lines = self.guest.check("cat /proc/net/xfrm_stat").split("\n")
        return {name: int(count) for name, count in (line.split() for line in lines if line) if int(count)}

    def check_row(self, row, sizes, octets):
        started = time.monotonic()
        with gateway.scratch() as folder:
            running = self.start(row, folder)
            atexit.register(running.process.kill)
            try:
                self.sweep_both_ways(sizes)
                rates = {family: self.transfer(family, octets) for family in scene.FAMILIES}
                self.assertEqual(self.xfrm_errors(), {}, "Linux counted errors of xfrm")
            finally:
                result = running.stop()
                print(result.describe() if sys.exc_info()[0] else "", end="")
        self.assert_clean(result)
        print(f"(Mbit/s to and from Linux, IPv4 {rates[4]}, IPv6 {rates[6]}; "
              f"{time.monotonic() - started:.0f} s; drops {result.drops}) ", end="", flush=True)


# Linux, espgw, envelopes, ESN. The first two get every size; the others every 61st.
ROWS = [
    ("tunnel", "tunnel", 4, False),
    ("device", "ipip", 4, True),
    ("tunnel", "ipip", 6, True),
    ("device", "tunnel", 6, False),
    ("tunnel", "ipip", 4, True),
    ("device", "ipip", 4, False),
    ("tunnel", "tunnel", 6, False),
    ("device", "ipip", 6, True),
]
EVERY_SIZE, SOME_SIZES = (0, 1472, 1), (0, 5000, 61)


def test_of(number, row):
    def test(self):
        every = number < 2 or LONG
        self.check_row(Row(*row), EVERY_SIZE if every else SOME_SIZES, BULK_BYTES if every else FEW_BYTES)
    linux, ours, outer, esn = row
    test.__doc__ = f"Linux: {linux}, espgw: {ours}, IPv{outer} envelopes, {'ESN' if esn else 'no ESN'}"
    return test


for _number, _row in enumerate(ROWS):
    setattr(LinuxPeer, f"test_{_number + 1}_{_row[0]}_{_row[1]}_{_row[2]}{'_esn' if _row[3] else ''}",
            test_of(_number, _row))

if __name__ == "__main__":
    # A test that takes too long is told so by SIGTERM: what atexit knows must go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    gateway.main()
