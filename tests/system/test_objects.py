#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The gateway's objects over the control socket: made, changed, deleted, refused, in batches and by files, while it
runs; what then goes over the wire is opened by scapy's and cryptography's code, not by ours."""
import contextlib
import os
import stat
import struct
import time

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import control
import gateway

KEY = "{:072x}".format
CONFIG = {
    "unsafe_static_keys": True,
    "limits": {"sas": 4096, "routes4": 4096, "routes6": 256},
    "ports": [
        {"device": "net_pcap0", "name": "lan", "role": "protected", "addresses": ["192.168.1.1/24", "2001:db8:1::1/64"]},
        {"device": "net_pcap1", "name": "wan", "role": "unprotected", "addresses": ["203.0.113.1/24"]},
    ],
    "neighbours": [{"address": "203.0.113.2", "mac": "02:00:00:00:00:02", "port": "wan"},
                   {"address": "203.0.113.3", "mac": "02:00:00:00:00:03", "port": "wan"}],
    "tunnels": [{"name": "ipsec0", "local": "203.0.113.1", "remote": "203.0.113.2",
                 "selectors": [{"local": "192.168.1.0/24", "remote": "192.168.0.0/16"}]}],
    "sas": [{"spi": 0x1001, "direction": "out", "tunnel": "ipsec0", "algorithm": "aes-256-gcm", "key": KEY(1),
             "hard_packets": 1000000},
            {"spi": 0x2001, "direction": "in", "tunnel": "ipsec0", "algorithm": "aes-256-gcm", "key": KEY(2)}],
    "routes": [{"prefix": "192.168.2.0/24", "via": "ipsec0", "metric": 10}],
    "policies": [{"priority": 20, "action": "bypass", "protocol": "icmp", "local": "203.0.113.1"}],
}
SA = {"spi": 0x3000, "direction": "in", "tunnel": "ipsec0", "algorithm": "aes-256-gcm", "key": KEY(3)}
LISTS = (("sa", "sas"), ("tunnel", "tunnels"), ("route", "routes"), ("policy", "policies"),
         ("neighbour", "neighbours"), ("port", "ports"))


def but(values, *keys, **more):
    """A copy without the keys, and with more."""
    return {key: value for key, value in {**values, **more}.items() if key not in keys}


# What is refused: method, parameters, code, field (None: no single one), what the message says.
INVALID, MISSING, EXISTS, IN_USE = -32602, 1, 2, 3
REFUSALS = [
    ("sa.add", but(SA, "spi"), INVALID, "spi", "missing"),
    ("sa.add", but(SA, spi=255), INVALID, "spi", "256"),
    ("sa.add", but(SA, spi="0x3000"), INVALID, "spi", "number"),
    ("sa.add", but(SA, direction="inn"), INVALID, "direction", "did you mean"),
    ("sa.add", but(SA, tunnel="ipsec1"), INVALID, "tunnel", 'did you mean "ipsec0"'),
    ("sa.add", but(SA, tunnell="ipsec0"), INVALID, "tunnell", 'did you mean "tunnel"'),
    ("sa.add", but(SA, algorithm="aes-256-gmc"), INVALID, "algorithm", 'did you mean "aes-256-gcm"'),
    ("sa.add", but(SA, key=KEY(3)[:-1]), INVALID, "key", "odd number"),
    ("sa.add", but(SA, key=KEY(3)[:-2]), INVALID, "key", "72 hex digits"),
    ("sa.add", but(SA, key=KEY(3)[:-1] + "g"), INVALID, "key", "no hex digit"),
    ("sa.add", but(SA, seq=5), INVALID, "seq", ""),
    ("sa.add", but(SA, replay_window=100000000), INVALID, "replay_window", ""),
    ("sa.add", but(SA, direction="out", replay_window=64), INVALID, "replay_window", "receiver"),
    ("sa.add", but(SA, soft_seconds=10, hard_seconds=5), INVALID, "soft_seconds", ""),
    ("sa.add", but(SA, worker=63), INVALID, None, "workers"),
    ("sa.add", but(SA, spi=0x2001), EXISTS, "spi", "there already"),
    ("sa.add", but(SA, key=KEY(1)), EXISTS, "key", "other direction"),
    ("sa.add", but(SA, direction="out", key=KEY(1)), EXISTS, "key", "nonces"),
    ("sa.get", {"spi": 0x9999, "direction": "in"}, MISSING, "spi", "no inbound SA"),
    ("sa.delete", {"spi": 0x2001, "direction": "out"}, MISSING, "spi", "no outbound SA"),
    ("sa.update", {"spi": 0x2001, "direction": "in", "key": KEY(9)}, INVALID, "key", ""),
    ("sa.update", {"spi": 0x9999, "direction": "in", "hard_seconds": 9}, MISSING, "spi", ""),
    ("tunnel.add", {"name": "ipsec0", "local": "203.0.113.1", "remote": "203.0.113.9"}, EXISTS, None, "already"),
    ("tunnel.add", {"name": "lan", "local": "203.0.113.1", "remote": "203.0.113.9"}, None, "name", "port"),
    ("tunnel.add", {"name": "t", "local": "203.0.113.5", "remote": "203.0.113.9"}, INVALID, "local", "203.0.113.1"),
    ("tunnel.add", {"name": "t", "local": "203.0.113.1", "remote": "203.0.113.1"}, INVALID, "remote", "same address"),
    ("tunnel.add", {"name": "t", "local": "203.0.113.1", "remote": "2001:db8::1"}, INVALID, None, ""),
    ("tunnel.delete", {"name": "ipsec0"}, IN_USE, None, "2 SAs, 1 routes"),
    ("tunnel.delete", {"name": "ipsec"}, MISSING, "name", 'did you mean "ipsec0"'),
    ("tunnel.update", {"name": "ipsec0", "encapsulation": "tunnel"}, IN_USE, "encapsulation", "SAs"),
    ("tunnel.update", {"name": "ipsec0", "mtuu": 1400}, INVALID, "mtuu", 'did you mean "mtu"'),
    ("route.add", {"prefix": "192.168.2.0/24", "via": "ipsec0", "metric": 10}, EXISTS, None, "already"),
    ("route.add", {"prefix": "192.168.2.1/24", "via": "ipsec0"}, INVALID, "prefix", "192.168.2.0/24"),
    ("route.add", {"prefix": "10.0.0.0/8", "via": "ipsec9"}, INVALID, "via", "did you mean"),
    ("route.add", {"prefix": "10.0.0.0/8", "via": "198.51.100.7"}, INVALID, "via", "no port's link"),
    ("route.delete", {"prefix": "10.0.0.0/8", "via": "ipsec0"}, MISSING, None, "no such route"),
    ("neighbour.add", {"address": "203.0.113.2", "mac": "02:00:00:00:00:09", "port": "wan"}, EXISTS, None, "already"),
    ("neighbour.add", {"address": "198.51.100.2", "mac": "02:00:00:00:00:09", "port": "wan"}, INVALID, "address", ""),
    ("neighbour.delete", {"address": "203.0.113.9", "port": "wan"}, MISSING, None, "static"),
    ("policy.add", {"priority": 5, "action": "protect"}, INVALID, None, "needs a tunnel"),
    ("policy.delete", {"id": 77}, MISSING, "id", "77"),
    ("port.get", {"name": "wann"}, INVALID, "name", 'did you mean "wan"'),
    ("port.update", {"mtu": 1400}, INVALID, "name", "missing"),
    ("port.update", {"name": "wan", "role": "protected"}, INVALID, "role", "only a restart"),
    ("port.update", {"name": "wan", "table": 1}, INVALID, "table", "only a restart"),
    ("port.update", {"name": "wan", "device": "net_pcap7"}, INVALID, "device", "cannot change"),
    ("port.update", {"name": "wan", "vlan": 7}, INVALID, "vlan", "cannot change"),
    ("port.update", {"name": "wan", "mtu": 500}, INVALID, "mtu", "576"),
    ("port.update", {"name": "lan", "mtu": 1000}, INVALID, "mtu", "too small for IPv6"),
    ("port.update", {"name": "wan", "addresses": ["203.0.113.9/24"]}, IN_USE, None, "tunnel ipsec0 needs another"),
    ("port.update", {"name": "lan", "addresses": ["203.0.113.1/24"]}, EXISTS, "addresses", "port wan's"),
    ("port.update", {"name": "lan", "addresses": ["192.168.1.0/24"]}, INVALID, "addresses", "not a station's"),
    ("config.load", {"path": "espgw.conf"}, INVALID, "path", "/"),
    ("config.load", {"path": "/nowhere/espgw.conf"}, INVALID, None, "/nowhere/espgw.conf"),
]


def without_time(value):
    """A dump but for what goes on by itself."""
    if isinstance(value, dict):
        return {key: without_time(item) for key, item in value.items()
                if not key.endswith(("seconds", "seconds_left")) and key not in ("rx_packets", "rx_bytes", "tx_packets",
                                                                                  "tx_bytes")}
    if isinstance(value, list):
        return [without_time(item) for item in value]
    return value


def dump(client):
    return {plural: without_time(client.listed(noun, plural)) for noun, plural in LISTS}


class Objects(gateway.GatewayTest):

    @contextlib.contextmanager
    def running(self, config=None, frames=()):
        with gateway.scratch() as folder:
            gateway.pcap_write(f"{folder}/lan.rx.pcap", frames)
            gateway.pcap_write(f"{folder}/wan.rx.pcap", [])
            running = gateway.Running(gateway.Gateway(config or CONFIG, idle_ms=0), folder, ["lan", "wan"], None)
            with running, control.Control(f"{folder}/ctl") as client:
                yield folder, client
                self.assert_clean(running.stop())

    def refused(self, client, method, params):
        with self.assertRaises(control.Refused, msg=f"{method} {params}") as caught:
            client.call(method, **params)
        return caught.exception

    def test_refusals(self):
        """Each with its code, the field, and a message that helps; nothing changes, and no key is repeated."""
        with self.running() as (_, client):
            before = dump(client)
            for method, params, code, field, text in REFUSALS:
                error = self.refused(client, method, params)
                row = f"{method} {params}: {error.code} {error} {error.data}"
                if code is not None:
                    self.assertEqual(error.code, code, row)
                self.assertIn(text, str(error), row)
                if field:
                    fields = [error.data.get("field")] + [e.get("field") for e in error.data.get("errors", [])]
                    self.assertIn(field, fields, row)
                self.assertNotIn(params.get("key", "no key")[:40], row.split("}: ", 1)[1])
            self.assertEqual(dump(client), before)

    def test_batch_of_a_thousand(self):
        """The last call is wrong: the dump is what it was. Without it all are carried out, and undone by the opposite."""
        adds = []
        for n in range(250):
            adds += [("tunnel.add", {"name": f"t{n}", "local": "203.0.113.1", "remote": f"10.1.{n}.1"}),
                     ("sa.add", but(SA, spi=0x10000 + n, tunnel=f"t{n}", key=KEY(1000 + n))),
                     ("route.add", {"prefix": f"10.2.{n}.0/24", "via": f"t{n}"})]
            adds.append(("policy.add", {"priority": 100 + n, "action": "protect", "tunnel": f"t{n}",
                                        "remote": f"10.3.{n}.0/24"}) if n % 2 else
                        ("neighbour.add", {"address": f"192.168.1.{n}", "port": "lan", "mac": "02:00:00:00:01:00"})
                        if n > 1 else ("sa.update", {"spi": 0x1001, "direction": "out", "hard_packets": 5000000}))
        self.assertEqual(len(adds), 1000)
        with self.running() as (_, client):
            before = dump(client)
            error = self.refused(client, "batch", {"calls": [{"method": m, "params": p} for m, p in
                                                             adds[:-1] + [("sa.add", but(SA, spi=0x2001))]]})
            self.assertEqual((error.code, error.data.get("call")), (EXISTS, 999), error.data)
            self.assertEqual(dump(client), before)
            ids = [result.get("id") for result in client.batch(adds)]
            after = dump(client)
            self.assertEqual(len(after["tunnels"]), 251)
            self.assertEqual(len(after["sas"]), 252)
            opposites = []
            for (method, params), number in reversed(list(zip(adds, ids))):
                noun = method.split(".")[0]
                if method == "sa.update":
                    opposites.append(("sa.update", {"spi": 0x1001, "direction": "out", "hard_packets": 1000000}))
                elif noun == "policy":
                    opposites.append(("policy.delete", {"id": number}))
                else:
                    named = {"tunnel": ("name",), "sa": ("spi", "direction", "tunnel"), "route": ("prefix", "via"),
                             "neighbour": ("address", "port")}[noun]
                    opposites.append((f"{noun}.delete", {key: params[key] for key in named}))
            client.batch(opposites)
            self.assertEqual(dump(client), before)

    def test_rekey_on_the_wire(self):
        """A new outbound SA takes over, from its first sequence number on; a moved tunnel goes to its new end; a
        deleted one sends nothing. Each envelope is opened by cryptography."""
        packet = bytes(Ether(src="02:00:00:00:00:09", dst=gateway.port_mac(0)) /
                       IP(src="192.168.1.10", dst="192.168.2.10") / UDP(sport=7, dport=9) / (b"x" * 64))
        config = {**CONFIG, "ports": [{**CONFIG["ports"][0]}, CONFIG["ports"][1]]}
        with gateway.scratch() as folder:
            gateway.pcap_write(f"{folder}/lan.rx.pcap", [packet])
            gateway.pcap_write(f"{folder}/wan.rx.pcap", [])
            vdevs = [f"net_pcap0,rx_pcap={folder}/lan.rx.pcap,infinite_rx=1",
                     f"net_pcap1,rx_pcap={folder}/wan.rx.pcap,tx_pcap={folder}/wan.tx.pcap"]
            running = gateway.Running(gateway.Gateway(config, idle_ms=0), folder, ["lan", "wan"], vdevs)
            with running, control.Control(f"{folder}/ctl") as client:
                def sent(spi):
                    return client.call("sa.get", spi=spi, direction="out")["status"]["packets"]
                self.assertTrue(running.wait_for(lambda: sent(0x1001) > 0))
                client.call("sa.add", spi=0x1002, direction="out", tunnel="ipsec0", algorithm="aes-256-gcm", key=KEY(4))
                self.assertTrue(running.wait_for(lambda: sent(0x1002) > 0))
                used = sent(0x1001)
                client.call("sa.delete", spi=0x1001, direction="out")
                client.call("tunnel.update", name="ipsec0", remote="203.0.113.3", mtu=1300)
                before = sent(0x1002)
                self.assertTrue(running.wait_for(lambda: sent(0x1002) > before + 64))
                client.call("sa.flush", direction="out")
                time.sleep(0.05)  # in which nothing more is sent
                state = client.call("tunnel.get", name="ipsec0")["status"]
                self.assert_clean(running.stop())
            envelopes = [frame[14:] for frame in gateway.pcap_read(f"{folder}/wan.tx.pcap") if frame[12:14] == b"\x08\x00"]
        self.assertEqual(state["state"], "down")
        seen = [(struct.unpack_from("!II", e, 20), e[16:20]) for e in envelopes]
        self.assertTrue(all(e[9] == 50 for e in envelopes), "something went in the clear")
        order = [key for number, key in enumerate((spi, dst) for (spi, _), dst in seen)
                 if number == 0 or key != ((seen[number - 1][0][0], seen[number - 1][1]))]
        far, moved = bytes([203, 0, 113, 2]), bytes([203, 0, 113, 3])
        self.assertEqual(order, [(0x1001, far), (0x1002, far), (0x1002, moved)])
        for spi in (0x1001, 0x1002):
            self.assertEqual([seq for (s, seq), _ in seen if s == spi],
                             list(range(1, 1 + sum(s == spi for (s, _), _ in seen))), "sequence numbers go on by one")
        self.assertEqual(sum(s == 0x1001 for (s, _), _ in seen), used)
        for number in (0, len(envelopes) // 2, len(envelopes) - 1):
            e, secret = envelopes[number], bytes.fromhex(KEY(1 if seen[number][0][0] == 0x1001 else 4))
            clear = AESGCM(secret[:32]).decrypt(secret[32:] + e[28:36], e[36:], e[20:28])
            self.assertEqual(clear[20:len(packet) - 14], packet[34:])

    def test_configuration(self):
        """load is a difference: what did not change keeps its counters; save reads back as the same."""
        with self.running() as (folder, client):
            changed = {**CONFIG,
                       "tunnels": [{**CONFIG["tunnels"][0], "mtu": 1300},
                                   {"name": "ipsec1", "local": "203.0.113.1", "remote": "203.0.113.3"}],
                       "sas": [CONFIG["sas"][0], {**SA, "tunnel": "ipsec1"}],
                       "routes": [{"prefix": "192.168.3.0/24", "via": "ipsec1"}] + CONFIG["routes"],
                       "policies": CONFIG["policies"] + [{"priority": 20, "action": "discard", "remote": "10.0.0.0/8"}]}
            client.call("sa.add", spi=0x5555, direction="in", tunnel="ipsec0", algorithm="aes-256-gcm", key=KEY(77))
            path, saved = f"{folder}/new.conf", f"{folder}/saved.conf"
            with open(path, "w", encoding="utf-8") as file:
                file.write(gateway.config_text(changed))
            differences = client.call("config.diff", path=path)
            told = [(d["action"], d["kind"], d["object"].get("name") or d["object"].get("spi") or
                     d["object"].get("prefix") or d["object"]["action"]) for d in differences["differences"]]
            self.assertEqual(told, [("change", "tunnel", "ipsec0"), ("delete", "sa", 0x2001), ("add", "tunnel", "ipsec1"),
                                    ("add", "sa", 0x3000), ("add", "route", "192.168.3.0/24"),
                                    ("add", "policy", "discard")])
            self.assertEqual(differences["differences"][0]["keys"], {"mtu": {"from": None, "to": 1300}})
            ids = {p["priority"]: p["id"] for p in client.listed("policy", "policies")}
            counts = client.call("config.load", path=path)
            self.assertEqual(counts, {"added": 4, "changed": 1, "deleted": 1})
            self.assertEqual(client.call("config.diff", path=path), {"differences": [], "restart": []})
            self.assertEqual(client.listed("policy", "policies")[0]["id"], ids[20])
            self.assertEqual(client.call("sa.get", spi=0x5555, direction="in")["spi"], 0x5555, "not the file's: stays")
            client.call("config.save", path=saved)
            self.assertEqual(stat.S_IMODE(os.stat(saved).st_mode), 0o600)
            self.assertEqual(client.call("config.diff", path=saved), {"differences": [], "restart": []})
            with open(saved, encoding="utf-8") as file:
                text = file.read()
            self.assertNotIn(KEY(77), text)
            # all or nothing
            changed["sas"] = [{**CONFIG["sas"][0], "esn": True}]
            with open(path, "w", encoding="utf-8") as file:
                file.write(gateway.config_text(changed))
            before = dump(client)
            self.assertIn("new key", str(self.refused(client, "config.load", {"path": path})))
            self.assertEqual(dump(client), before)
        with self.running(text) as (_, client):
            self.assertEqual(client.call("config.diff", path=f"{_}/espgw.conf"), {"differences": [], "restart": []})

    def test_restart_needed(self):
        """What only a restart can change is said, and not done by halves."""
        with self.running() as (folder, client):
            changed = {**CONFIG, "ports": [{**CONFIG["ports"][0], "mtu": 1400, "table": 1},
                                           {**CONFIG["ports"][1], "role": "both", "protected": ["192.0.2.0/24"]}],
                       "limits": {"sas": 8192}, "tunnels": CONFIG["tunnels"] +
                       [{"name": "ipsec1", "local": "203.0.113.1", "remote": "203.0.113.3"}]}
            with open(f"{folder}/new.conf", "w", encoding="utf-8") as file:
                file.write(gateway.config_text(changed))
            told = client.call("config.diff", path=f"{folder}/new.conf")["restart"]
            for key in ("table", "role", "limits.sas", "limits.routes4", "limits.routes6"):
                self.assertTrue(any(f"{key}: only a restart can change that" in text for text in told), (key, told))
            self.assertEqual(len(told), 5)
            self.refused(client, "config.load", {"path": f"{folder}/new.conf"})
            self.assertEqual(len(client.listed("tunnel", "tunnels")), 1)

    def test_ports(self):
        """Addresses and MTU, by a call and by a file; written and read back as they are now."""
        with self.running() as (folder, client):
            lan = {**CONFIG["ports"][0], "addresses": ["192.168.1.1/24", "192.168.7.1/24"], "mtu": 1400}
            moved = {**CONFIG, "ports": [lan, {**CONFIG["ports"][1], "addresses": ["203.0.113.4/24"], "mtu": 9000}],
                     "tunnels": [{**CONFIG["tunnels"][0], "local": "203.0.113.4"}]}
            path = f"{folder}/new.conf"
            with open(path, "w", encoding="utf-8") as file:
                file.write(gateway.config_text(moved))
            before = dump(client)
            client.call("port.update", name="lan", addresses=lan["addresses"], mtu=1400)
            self.assertEqual(client.call("port.get", name="lan")["addresses"], lan["addresses"])
            self.assertEqual(client.call("route.get", address="192.168.7.9")["ways"][0]["port"], "lan")
            differences = client.call("config.diff", path=path)
            self.assertEqual([(d["kind"], d["object"]["name"], sorted(d["keys"])) for d in differences["differences"]],
                             [("port", "wan", ["addresses", "mtu"]), ("tunnel", "ipsec0", ["local"])])
            mtu = client.call("tunnel.get", name="ipsec0")["status"]["mtu"]
            self.assertEqual(client.call("config.load", path=path), {"added": 0, "changed": 2, "deleted": 0})
            self.assertEqual(client.call("config.diff", path=path), {"differences": [], "restart": []})
            self.assertEqual(client.call("tunnel.get", name="ipsec0")["status"]["mtu"], mtu + 7500)
            client.call("config.save", path=path)
            self.assertEqual(client.call("config.diff", path=path), {"differences": [], "restart": []})
            client.batch([("port.update", {"name": "wan", "addresses": ["203.0.113.1/24"], "mtu": None}),
                          ("tunnel.update", {"name": "ipsec0", "local": "203.0.113.1"}),
                          ("port.update", {"name": "lan", "addresses": CONFIG["ports"][0]["addresses"], "mtu": None})])
            self.assertEqual(dump(client), before)

    def test_acquire(self):
        """A packet for a tunnel without an SA is told, once, with what it was."""
        frames = [bytes(Ether(src="02:00:00:00:00:09", dst=gateway.port_mac(0)) /
                        IP(src="192.168.1.10", dst="192.168.9.10") / UDP(sport=7, dport=9) / b"x")] * 20
        with gateway.scratch() as folder:
            gateway.pcap_write(f"{folder}/lan.rx.pcap", frames)
            gateway.pcap_write(f"{folder}/wan.rx.pcap", [])
            vdevs = [f"net_pcap0,rx_pcap={folder}/lan.rx.pcap,infinite_rx=1",
                     f"net_pcap1,rx_pcap={folder}/wan.rx.pcap,tx_pcap={folder}/wan.tx.pcap"]
            config = {**CONFIG, "routes": CONFIG["routes"] + [{"prefix": "192.168.9.0/24", "via": "idle"}],
                      "tunnels": CONFIG["tunnels"] + [{"name": "idle", "local": "203.0.113.1", "remote": "203.0.113.3"}]}
            running = gateway.Running(gateway.Gateway(config, idle_ms=0), folder, ["lan", "wan"], vdevs)
            with running, control.Control(f"{folder}/ctl") as client:
                client.call("events.subscribe", kinds=["acquire"])
                event = client.event()
                self.assert_clean(running.stop())
        self.assertEqual((event["kind"], event["tunnel"]), ("acquire", "idle"), event)
        self.assertEqual((event["src"], event["dst"]), ("192.168.1.10", "192.168.9.10"), event)


if __name__ == "__main__":
    gateway.main()
