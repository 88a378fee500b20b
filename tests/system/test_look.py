#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Traces, captures and the export of keys over the control socket, while traffic runs: what they say is compared with
what went over the wire, by scapy, tshark and capinfos."""
import contextlib
import os
import shutil
import stat
import struct
import subprocess
import time

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapNgReader

import control
import gateway
import scene

OUT = scene.Side(0x1001, "out")
SOCKET_KEY = "ab" * 36
INVALID, MISSING, EXISTS, NO_ROOM, NOT_PERMITTED = -32602, 1, 2, 4, 5
STATISTICS, DROPPED = 5, 5  # pcapng: the block's type and the option's code


def frame(dst, sport):
    return bytes(Ether(src=scene.HOST_MAC, dst=gateway.port_mac(0)) /
                 IP(src=scene.HOST[4], dst=dst, ttl=64) / UDP(sport=sport, dport=9) / (b"x" * 200))


GOOD, LOST = frame(scene.FAR[4], 7), frame("10.99.0.1", 8)


def tshark(path, *args, home=None):
    done = subprocess.run(["tshark", "-r", path, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, env={**os.environ, "HOME": home or os.path.dirname(path)})
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout.splitlines()


def statistics(path):
    """{interface: packets lost} of the blocks at the file's end."""
    with open(path, "rb") as file:
        data = file.read()
    lost, at = {}, 0
    while at < len(data):
        kind, length, interface = struct.unpack_from("<III", data, at)
        if kind == STATISTICS:
            option = at + 20
            while option < at + length - 4:
                code, size = struct.unpack_from("<HH", data, option)
                if code == DROPPED:
                    lost[interface] = struct.unpack_from("<Q", data, option + 4)[0]
                option += 4 + (size + 3) // 4 * 4
        at += length
    return lost


class Look(gateway.GatewayTest):
    @contextlib.contextmanager
    def running(self, sas=(OUT.config(),)):
        """lan gets the two frames over and over."""
        config = scene.config(sas=sas)
        with gateway.scratch() as folder:
            gateway.pcap_write(f"{folder}/lan.rx.pcap", [GOOD, LOST])
            gateway.pcap_write(f"{folder}/wan.rx.pcap", [])
            vdevs = [f"net_pcap0,rx_pcap={folder}/lan.rx.pcap,infinite_rx=1",
                     f"net_pcap1,rx_pcap={folder}/wan.rx.pcap,tx_pcap={folder}/wan.tx.pcap"]
            run = gateway.Running(gateway.Gateway(config, idle_ms=0), folder, ["lan", "wan"], vdevs)
            with run, control.Control(f"{folder}/ctl") as client:
                yield folder, client, run

    def refused(self, client, method, code, field, **params):
        with self.assertRaises(control.Refused, msg=f"{method} {params}") as caught:
            client.call(method, **params)
        error = caught.exception
        fields = [error.data.get("field")] + [e.get("field") for e in error.data.get("errors", [])]
        self.assertEqual(error.code, code, str(error))
        if field:
            self.assertIn(field, fields, f"{error} {error.data}")
        return str(error)

    def wait_for(self, client, captures):
        """Until these have ended by themselves."""
        end = time.monotonic() + gateway.LIMIT_SECONDS
        while time.monotonic() < end:
            listed = {c["id"]: c for c in client.listed("capture", "captures")}
            if not any(listed[i]["running"] for i in captures):
                return listed
            time.sleep(0.05)
        raise AssertionError(f"captures do not end: {listed}")

    def check_file(self, path, packets, state):
        """What every capture has: readable by all, times of now, nothing lost without being said."""
        now = time.time()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(os.stat(path).st_size, state["bytes"])
        frames = list(RawPcapNgReader(path))
        self.assertEqual((len(frames), state["packets"]), (packets, packets))
        lines = tshark(path, "-T", "fields", "-e", "frame.time_epoch")
        self.assertEqual(len(lines), packets)
        times = [float(line) for line in lines]
        self.assertTrue(all(now - 60 < t < now + 1 for t in times), times[:3])
        self.assertEqual(times, sorted(times))
        self.assertTrue(any(not line.endswith("000") for line in lines), "nanoseconds")
        info = subprocess.run(["capinfos", "-M", path], capture_output=True, text=True, check=True).stdout
        self.assertIn(f"Number of packets:   {packets}", info)
        self.assertEqual(sum(statistics(path).values()), state["lost"])
        return [data for data, _ in frames]

    def test_captures(self):
        with self.running() as (folder, client, run):
            path = {side: f"{folder}/{side}.pcapng" for side in ("raw", "wild", "drops")}
            ids = {side: client.call("capture.start", side=side, path=path[side], packets=50)["id"] for side in path}
            short = client.call("capture.start", side="raw", path=f"{folder}/short.pcapng", packets=10, snap=60,
                                destination_port=9, source=scene.HOST[4], destination=scene.FAR[4])["id"]
            listed = self.wait_for(client, [*ids.values(), short])
            client.call("sa.add", spi=0x3333, direction="in", tunnel="ipsec0", algorithm="aes-256-gcm", key=SOCKET_KEY)
            exported = client.call("sa.export_wireshark", path=f"{folder}/esp_sa")
            self.refused(client, "sa.export_wireshark", EXISTS, "path", path=f"{folder}/esp_sa")
            self.refused(client, "sa.export_wireshark", INVALID, "path", path="esp_sa")
            run.stop()
            files = {side: self.check_file(path[side], 50, listed[ids[side]]) for side in path}
            # what came in, and what was said of it: ICMP destination unreachable
            self.assertLessEqual({GOOD, LOST}, set(files["raw"]))
            self.assertTrue(all(f[34] == 3 and f[62:] in LOST for f in files["raw"] if f not in (GOOD, LOST)))
            self.check_wild(folder, path["wild"], files["wild"], exported)
            # what died, as it was then, and why
            self.assertEqual(set(files["drops"]), {LOST[14:]})
            for line in tshark(path["drops"], "-T", "fields", "-e", "frame.comment", "-e", "frame.encap_type"):
                self.assertTrue(line.startswith("no_route: no route to the destination; worker 0"), line)
            for data, meta in RawPcapNgReader(f"{folder}/short.pcapng"):
                self.assertEqual((data, meta.wirelen), (GOOD[:60], len(GOOD)))

    def check_wild(self, folder, path, frames, exported):
        """The frames are the ones that the device wrote; Wireshark opens them with the exported keys."""
        wire = gateway.pcap_read(f"{folder}/wan.tx.pcap")
        self.assertTrue(set(frames) <= set(wire), "not what was sent")
        self.assertEqual(exported, {"sas": 1})
        with open(f"{folder}/esp_sa", encoding="ascii") as file:
            table = file.read()
        self.assertEqual(stat.S_IMODE(os.stat(f"{folder}/esp_sa").st_mode), 0o600)
        self.assertNotIn(SOCKET_KEY, table)
        profile = f"{folder}/home/.config/wireshark"
        os.makedirs(profile)
        shutil.move(f"{folder}/esp_sa", f"{profile}/esp_sa")
        lines = tshark(path, "-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE",
                       "-Y", "esp", "-T", "fields", "-e", "esp.icv_good", "-e", "ip.dst", "-e", "udp.srcport",
                       home=f"{folder}/home")
        envelopes = [f for f in frames if f[12:14] == b"\x08\x00" and f[23] == 50]
        self.assertEqual(lines, [f"1\t{scene.PEER[4]},{scene.FAR[4]}\t7"] * len(envelopes))
        self.assertGreater(len(envelopes), 0)

    def test_refusals(self):
        with self.running() as (folder, client, _):
            where = f"{folder}/x.pcapng"
            start = "capture.start"
            self.refused(client, start, INVALID, "side", side="drop", path=where)
            self.refused(client, start, INVALID, "path", side="raw", path="x.pcapng")
            self.refused(client, start, EXISTS, None, side="raw", path=f"{folder}/lan.rx.pcap")
            self.refused(client, start, INVALID, "tunnel", side="raw", path=where, tunnel="ipsec0")
            self.refused(client, start, INVALID, "drop", side="wild", path=where, drop="any")
            self.assertIn("did you mean", self.refused(client, start, INVALID, "drop", side="drops", path=where,
                                                       drop="replay_sen"))
            self.refused(client, start, INVALID, "snap", side="raw", path=where, snap=0)
            self.refused(client, "capture.stop", MISSING, "id", id=77)
            self.refused(client, "trace.start", INVALID, "source", source="192.168.1.300")
            self.refused(client, "trace.start", INVALID, "packets", packets=1001)
            self.refused(client, "trace.start", INVALID, "tunnel", tunnel="ipsec9")
            self.assertFalse(os.path.exists(where))
            ids = [client.call(start, side="drops", path=f"{folder}/{n}.pcapng", drop="icv")["id"] for n in range(4)]
            self.refused(client, start, NO_ROOM, None, side="raw", path=where)
            for number in ids:
                self.assertFalse(client.call("capture.stop", id=number)["running"])
            self.assertEqual([c["packets"] for c in client.listed("capture", "captures")], [0] * 4)
            self.assertEqual(len(list(RawPcapNgReader(f"{folder}/0.pcapng"))), 0)
        with self.running(sas=()) as (folder, client, _):
            self.refused(client, "sa.export_wireshark", NOT_PERMITTED, None, path=f"{folder}/esp_sa")
            self.assertFalse(os.path.exists(f"{folder}/esp_sa"))

    def test_trace(self):
        with self.running() as (folder, client, run):
            client.call("trace.start", destination=scene.FAR_NET[4], packets=5)
            self.assertTrue(run.wait_for(lambda: not client.call("trace.get")["running"]))
            first = client.call("trace.get", limit=3)
            rest = client.call("trace.get", after=first["next"])
            client.call("trace.start", drop="no_route", packets=3)
            self.assertTrue(run.wait_for(lambda: not client.call("trace.get")["running"]))
            self.assertEqual(client.call("trace.stop"), {"kept": 3})
            dead = client.call("trace.get")["packets"]
            run.stop()
            wire = gateway.pcap_read(f"{folder}/wan.tx.pcap")
        packets = first["packets"] + rest["packets"]
        self.assertEqual((len(first["packets"]), len(packets), rest["next"]), (3, 5, None))
        sent = {struct.unpack_from("!II", f, 34) for f in wire if f[12:14] == b"\x08\x00" and f[23] == 50}
        for packet in packets:
            records = packet["records"]
            self.assertEqual([r["point"] for r in records],
                             ["received", "parsed", "route", "protect", "seal", "encrypted", "sent"])
            self.assertIn((records[-1]["spi"], records[-1]["sequence"]), sent)
            self.assertEqual((records[0]["port"], records[-1]["port"], records[-1]["tunnel"]), ("lan", "wan", "ipsec0"))
            self.assertEqual(records[0]["packet"], {"source": scene.HOST[4], "destination": scene.FAR[4], "protocol": 17,
                                                    "ttl": 64, "source_port": 7, "destination_port": 9, "bytes": 228})
            self.assertEqual([r["ns"] for r in records], sorted(r["ns"] for r in records))
            self.assertEqual(records[0]["ns"], 0)
        self.assertEqual(len({p["records"][-1]["sequence"] for p in packets}), 5)
        for packet in dead:
            self.assertEqual([r.get("drop") for r in packet["records"] if r["point"] == "drop"], ["no_route"])


if __name__ == "__main__":
    gateway.main()
