#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control socket of a real gateway: who does not behave is told or cut off and nobody waits for it, keys are nowhere
in memory that they need not be in, events and counters, the socket's file."""
import contextlib
import json
import os
import re
import signal
import socket
import stat
import time

import control
import gateway
import scene

MIB = 1 << 20
PATIENT = float(os.environ.get("ESPGW_TEST_SLOWER", "1"))
LATENCY = 0.1 * PATIENT
CALL = b'{"jsonrpc":"2.0","id":1,"method":"version"}\n'
LIST = b'{"jsonrpc":"2.0","id":1,"method":"rpc.methods"}\n'
PARSE, REQUEST, METHOD, PARAMS, BUSY = -32700, -32600, -32601, -32602, 6


def call(text):
    return b'{"jsonrpc":"2.0","id":1,' + text + b"}\n"


# What is sent; the code of the answer (None: none); whether the gateway closes.
ROWS = [
    ("not JSON", b"hello\n", PARSE, False),
    ("bytes", b"\x80\xff\x00\x01\n", PARSE, False),
    ("half a call on a line", b'{"jsonrpc":"2.0"\n', PARSE, False),
    ("no UTF-8", call(b'"method":"\xc3\x28"'), PARSE, False),
    ("a NUL", call(b'"method":"a\\u0000"'), PARSE, False),
    ("a number of 70 bits", call(b'"method":"sa.get","params":{"spi":1180591620717411303424}'), PARSE, False),
    ("duplicate", call(b'"method":"version","method":"version"'), PARSE, False),
    ("no call", b"{}\n", REQUEST, False),
    ("wrong type of id", b'{"jsonrpc":"2.0","id":[],"method":"version"}\n', REQUEST, False),
    ("wrong type of params", call(b'"method":"version","params":7'), REQUEST, False),
    ("params of an array", call(b'"method":"version","params":[]'), PARAMS, False),
    ("unknown method", call(b'"method":"verzion"'), METHOD, False),
    ("unknown parameter", call(b'"method":"version","params":{"a":1}'), PARAMS, False),
    ("wrong type of a parameter", call(b'"method":"sa.get","params":{"spi":"1","direction":"in"}'), PARAMS, False),
    ("a fraction", call(b'"method":"sa.get","params":{"spi":1.5,"direction":"in"}'), PARAMS, False),
    ("10,000 arrays deep", b"[" * 10000 + b"]" * 10000 + b"\n", REQUEST, False),
    ("10,000 objects deep", b'{"a":' * 10000 + b"1" + b"}" * 10000 + b"\n", REQUEST, False),
    ("300,000 values", b"[" + b"1," * 300000 + b"1]\n", REQUEST, False),
    ("an array of 1,001 calls", b"[" + b",".join([CALL.strip()] * 1001) + b"]\n", REQUEST, False),
    ("a line of more than a MiB", b" " * (MIB + 10), REQUEST, True),
    ("half a line, then silence", b'{"jsonrpc"', REQUEST, True),
]


class Client:
    """A raw connection."""

    def __init__(self, path, seconds=30 * PATIENT):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(seconds)
        self.text = b""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def send(self, data):
        """As much as the gateway takes."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def line(self):
        """The next one as JSON, or None when the gateway has closed."""
        while b"\n" not in self.text:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.text += data
        line, self.text = self.text.split(b"\n", 1)
        return json.loads(line)


def code_of(answer):
    return answer and answer.get("error", {}).get("code")


class ControlTest(gateway.GatewayTest):

    @contextlib.contextmanager
    def running(self, config=None, args=(), killed=False):
        with gateway.scratch() as folder:
            for port in ("lan", "wan"):
                gateway.pcap_write(f"{folder}/{port}.rx.pcap", [])
            one = gateway.Gateway(config or scene.config(), idle_ms=0, args=args)
            with gateway.Running(one, folder, ["lan", "wan"], None) as running:
                control.Control(f"{folder}/ctl").__exit__()
                self.pid = running.process.pid
                yield running, f"{folder}/ctl"
                if not killed:
                    self.assert_clean(running.stop())

    def assert_others_served(self, path, what):
        """Best of three, without the time that the gateway waited for a CPU: this machine may have other things to do."""
        times = []
        for _ in range(3):
            begin, waited = time.monotonic(), gateway.control_lcore(self.pid)[1]
            with control.Control(path) as other:
                self.assertIn("version", other.call("version"))
            times.append(time.monotonic() - begin - (gateway.control_lcore(self.pid)[1] - waited))
        self.assertLess(min(times), LATENCY, what)


class Misbehaviour(ControlTest):

    def test_rows(self):
        with self.running() as (_, path):
            for name, data, code, closes in ROWS:
                with Client(path) as client:
                    client.send(data)
                    self.assert_others_served(path, name)
                    self.assertEqual(code_of(client.line()), code, name)
                    if closes:
                        self.assertIsNone(client.line(), name)
                    else:
                        client.send(CALL)
                        self.assertIn("result", client.line(), name)

    def test_one_byte_at_a_time(self):
        with self.running() as (_, path), Client(path) as client:
            for byte in b"    " * 500 + CALL:
                client.send(bytes([byte]))
            self.assert_others_served(path, "while one sends bytes")
            self.assertIn("result", client.line())

    def test_a_thousand_connections(self):
        with self.running() as (_, path):
            clients = []
            with contextlib.ExitStack() as stack:
                for number in range(1000):
                    clients.append(stack.enter_context(Client(path)))
                    if number < 64:
                        clients[-1].send(CALL)
                        self.assertIn("result", clients[-1].line(), f"client {number}")
                self.assertEqual({code_of(client.line()) for client in clients[64:]}, {BUSY})
                for client in clients[:64]:
                    client.send(CALL)
                self.assertTrue(all("result" in client.line() for client in clients[:64]))
            self.assert_others_served(path, "after a thousand")

    def test_reader_that_stops(self):
        """It is cut off; until then it is served no further, and others are."""
        with self.running() as (_, path), Client(path) as client:
            client.socket.setblocking(False)
            end = time.monotonic() + 3 * 10 * PATIENT
            closed = False
            while not closed and time.monotonic() < end:
                try:
                    client.socket.send(LIST * 100)
                except BlockingIOError:
                    self.assert_others_served(path, "while one does not read")
                    time.sleep(0.2)
                except (BrokenPipeError, ConnectionResetError):
                    closed = True
            self.assertTrue(closed, "it was never cut off")

    def test_vanishes(self):
        with self.running() as (_, path):
            for number in range(50):
                with Client(path) as client:
                    client.send(LIST * 50)
                    if number % 2:
                        client.socket.recv(100)
            self.assert_others_served(path, "after those that vanished")

    def test_all_at_once(self):
        """60 connections of all kinds that keep the gateway busy: another one's calls are quick."""
        pieces = [LIST * 2000, b"[1]," * 200000, b"[" * 30 + b"\n", b"[" + b",".join([LIST.strip()] * 1000) + b"]\n"]
        with self.running() as (_, path), contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(path)) for _ in range(60)]
            for client in clients:
                client.socket.setblocking(False)
            end = time.monotonic() + 3
            while time.monotonic() < end:
                for number, client in enumerate(clients):
                    with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                        client.socket.send(pieces[number % 4])
                    with contextlib.suppress(BlockingIOError, ConnectionResetError):
                        client.socket.recv(16384)
                self.assert_others_served(path, "beside sixty")

    def test_batch_changes_nothing(self):
        """1,000 calls, the last one wrong."""
        route = {"prefix": "198.51.100.0/24", "via": "discard"}
        calls = [("route.add", {**route, "metric": n}) for n in range(1, 1000)]
        with self.running() as (_, path), control.Control(path) as client:
            before = client.listed("route", "routes")
            with self.assertRaises(control.Refused) as caught:
                client.batch(calls + [("route.add", {**route, "metrik": 1000})])
            self.assertEqual((caught.exception.code, caught.exception.data["call"]), (PARAMS, 999))
            self.assertEqual(client.listed("route", "routes"), before)
            self.assertEqual(len(client.batch(calls[:10])), 10)
            self.assertEqual(len(client.listed("route", "routes")), len(before) + 10)


# ---------------------------------------------------------------- keys in memory


def writable(pid):
    """(begin, end, hidden from core dumps) of each writable mapping."""
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps:
        at = None
        for line in smaps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (....) ", line)
            if head:
                at = (int(head[1], 16), int(head[2], 16)) if "w" in head[3] else None
            elif at and line.startswith("VmFlags:"):
                yield (*at, " dd" in line)


def places(pid, needles):
    """Where the process's memory has any of the needles: (which, hidden) for each."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, hidden in writable(pid):
            tail = b""
            for at in range(begin, end, 1 << 24):
                try:
                    memory.seek(at)
                    data = tail + memory.read(min(1 << 24, end - at))
                except OSError:
                    break
                found += [(name, hidden) for name, needle in needles.items() for _ in range(data.count(needle))]
                tail = data[-127:]
    return found


@gateway.unittest.skipIf("sanitize" in os.environ.get("ESPGW", ""), "a sanitizer keeps what was freed")
class Keys(ControlTest):
    KEY = bytes((n * 37 + 11) % 251 for n in range(36))
    NEEDLES = {"hex": KEY.hex()[:40].encode(), "upper": KEY.hex().upper()[:40].encode(), "raw": KEY[:20]}

    def engine_rows(self, engine):
        sa = {"direction": "out", "tunnel": "ipsec0", "algorithm": "aes-256-gcm"}
        with self.running(scene.config(sas=[]), ["--crypto", engine]) as (running, path), \
                control.Control(path) as client:
            pid = running.process.pid
            self.assertEqual(places(pid, self.NEEDLES), [], "before")
            client.call("sa.add", spi=0x1001, key=self.KEY.hex(), **sa)
            found = places(pid, self.NEEDLES)
            self.assertTrue(found, "an SA that lives has its key")
            self.assertEqual({(name, hidden) for name, hidden in found}, {("raw", True)},
                             "in its crypto session alone, whose pages no core dump has")
            with self.assertRaises(control.Refused):
                client.call("sa.add", spi=0x1002, key=self.KEY.hex().upper(), **sa)
            self.assertEqual({name for name, _ in places(pid, self.NEEDLES)}, {"raw"}, "after a refusal")
            client.call("sa.delete", spi=0x1001, direction="out")
            self.assertTrue(running.wait_for(lambda: not places(pid, self.NEEDLES), 5),
                            f"{engine}: after sa.delete there is {places(pid, self.NEEDLES)}")

    def test_engines(self):
        for engine in gateway.ENGINES:
            with self.subTest(engine):
                self.engine_rows(engine)

    def test_refusals(self):
        """A key in a wrong place, or with something wrong beside it, is not in the answer and not in memory."""
        key = self.KEY.hex()
        rows = [
            ("sa.add", {"spi": 0x1001, "direction": "out", "tunnel": "ipsec0", "algorithm": key}),
            ("sa.add", {"spi": 0x1001, "direction": "out", "tunnel": key, "algorithm": "aes-256-gcm", "key": key}),
            ("sa.add", {"spi": 0x1001, "direction": "out", "tunnel": "ipsec0", "algorithm": "aes-128-gcm", "key": key}),
            ("sa.add", {"spi": 0x1001, "direction": "out", "tunnel": "ipsec0", "algorithm": "aes-256-gcm",
                        "key": key + "zz"}),
            ("sa.add", {"spi": 0x1001, "direction": "out", "tunnel": "ipsec0", "algorithm": "aes-256-gcm", key: 1}),
            ("tunnel.get", {"name": key}),
            ("tunnel.add", {"name": key[:30], "local": key, "remote": key}),
            (key, {}),
        ]
        with self.running(scene.config(sas=[])) as (running, path), control.Control(path) as client:
            for method, params in rows:
                with self.assertRaises(control.Refused) as caught:
                    client.call(method, **params)
                told = f"{caught.exception} {caught.exception.data}"
                self.assertNotIn(key[:32], told)
                self.assertEqual(places(running.process.pid, self.NEEDLES), [], told)


# ---------------------------------------------------------------- events, counters, the file


class Socket(ControlTest):

    def test_events(self):
        with self.running() as (_, path), control.Control(path) as client:
            client.call("events.subscribe", kinds=["tunnel"])
            client.call("tunnel.add", name="ipsec9", local="203.0.113.1", remote="203.0.113.77")
            event = client.event()
            self.assertEqual((event["kind"], event["what"], event["tunnel"], event["seq"]),
                             ("tunnel", "created", "ipsec9", 0))
            client.call("events.subscribe")
            client.call("events.resync")
            seen = []
            while not seen or seen[-1]["kind"] != "resynced":
                seen.append(client.event())
            self.assertLessEqual({("port", "lan"), ("port", "wan"), ("tunnel", "ipsec9")},
                                 {(event["kind"], event.get(event["kind"])) for event in seen})
            self.assertEqual([event["seq"] for event in seen], list(range(seen[0]["seq"], seen[0]["seq"] + len(seen))))

    def test_counters(self):
        with self.running() as (_, path), control.Control(path) as client:
            whole = client.call("stats.get")
            self.assertEqual([port["name"] for port in whole["ports"]], ["lan", "wan"])
            self.assertEqual(len(whole["workers"]), 1)
            worker = client.call("worker.get", worker=0)["status"]
            client.call("stats.reset")
            after = client.call("stats.get")
            self.assertLess(after["workers"][0]["polls"], whole["workers"][0]["polls"])
            self.assertLess(after["seconds"], whole["seconds"])
            self.assertGreaterEqual(client.call("worker.get", worker=0)["status"]["polls"], worker["polls"])
            for what in ("ports", "workers", "tunnels", "sas", "drops"):
                self.assertIn(what, client.call("stats.get", what=what))
            tunnels = client.call("stats.get", what="tunnels", limit=1)
            self.assertEqual((len(tunnels["tunnels"]), tunnels["next"]), (1, None))

    def test_every_method_is_in_the_document(self):
        """And says what it takes; and what the document lists is a method."""
        page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../doc/control.md")
        with open(page, encoding="utf-8") as file:
            methods = file.read().split("## Methods")[1].split("\n## ")[0]
        rows = dict(re.findall(r"^\| `([a-z_.]+)` \| ([^|]*)\|", methods, re.M))
        with self.running() as (_, path), control.Control(path) as client:
            methods = {method["name"]: method for method in client.call("rpc.methods")["methods"]}
            self.assertEqual(sorted(rows), sorted(methods))
            for name, method in methods.items():
                self.assertTrue(method["summary"], name)
                self.assertEqual("writes" in rows[name], method["writes"], name)
                for param in method["params"]:
                    self.assertTrue(param.get("help"), f"{name} {param['name']}")

    def test_shutdown(self):
        with self.running() as (running, path), control.Control(path) as client:
            self.assertEqual(client.call("shutdown"), {})
            self.assertEqual(running.process.wait(30 * PATIENT), 0)
            self.assertFalse(os.path.exists(path))

    def test_file(self):
        """Its mode; a second gateway is refused; what a killed one left is replaced."""
        with self.running(killed=True) as (running, path):
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            with gateway.scratch() as other:
                for port in ("lan", "wan"):
                    gateway.pcap_write(f"{other}/{port}.rx.pcap", [])
                with open(f"{other}/espgw.conf", "w", encoding="utf-8") as file:
                    file.write(gateway.config_text(scene.config()))
                second = gateway.Gateway(None, idle_ms=300, args=["--ctl", path]).command(other, ["lan", "wan"])
                status, text = gateway.run_limited(second)
                self.assertEqual(status, 2, text)
                self.assertIn(f"another espgw serves at {path}", text)
                self.assert_others_served(path, "after a second one was refused")
                running.process.send_signal(signal.SIGKILL)
                running.process.wait()
                self.assertTrue(os.path.exists(path))
                status, text = gateway.run_limited(second)
                self.assertEqual(status, 0, text)
                self.assertFalse(os.path.exists(path))

    def test_none(self):
        with gateway.scratch() as folder:
            for port in ("lan", "wan"):
                gateway.pcap_write(f"{folder}/{port}.rx.pcap", [])
            one = gateway.Gateway(scene.config(), idle_ms=0, args=["--ctl", "none"])
            with gateway.Running(one, folder, ["lan", "wan"], None) as running:
                log = f"{folder}/log"
                self.assertTrue(running.wait_for(lambda: "espgw 0." in open(log, encoding="utf-8").read()))
                self.assertFalse(os.path.exists(f"{folder}/ctl"))
                self.assert_clean(running.stop())


if __name__ == "__main__":
    gateway.main()
