#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tools/espgw-exporter before a gateway made of recorded replies, a wrong one, and none; the dashboard and
doc/telemetry.md name the metrics that it has."""
import contextlib
import http.client
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "../../..")
PAGE = 512
GREETING = b'{"version":"DPDK 22.11.11","pid":1,"max_output_len":16384}'
PROMTOOL = shutil.which("promtool")
ROUNDS = 25


def load_exporter():
    loader = importlib.machinery.SourceFileLoader("exporter", os.path.join(TOP, "tools/espgw-exporter"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("exporter", loader))
    loader.exec_module(module)
    return module


exporter = load_exporter()


def recorded():
    """What a gateway with one of everything said."""
    with open(os.path.join(HERE, "telemetry.json"), encoding="utf-8") as file:
        return json.load(file)


class FakeGateway:
    """A telemetry socket. answer: the bytes for a command, None to close the connection."""

    def __init__(self, folder, answer, greeting=GREETING):
        self.path = os.path.join(folder, "dpdk_telemetry.v2")
        self.answer, self.greeting = answer, greeting
        self.asked, self.clients = [], 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(self.path)
        self.socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                self.clients += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            client.send(self.greeting)
            while command := client.recv(1024).decode():
                self.asked.append(command)
                reply = self.answer(command)
                if reply is None:
                    return
                client.send(reply)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def from_dict(replies):
    """As DPDK answers: null for what is not there."""
    def answer(command):
        return json.dumps({command.partition(",")[0]: replies.get(command)}, separators=(",", ":")).encode()
    return answer


def read_page(text):
    """(values by sample, types by metric) of a page."""
    values, kinds = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            kinds[line.split()[2]] = line.split()[3]
        elif not line.startswith("#"):
            sample, value = line.rsplit(" ", 1)
            values[sample] = float(value)
    return values, kinds


class WithGateway(unittest.TestCase):
    """Each test has a folder, and what it opens is closed."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def gateway(self, answer, **more):
        gateway = FakeGateway(self.folder, answer, **more)
        self.addCleanup(gateway.close)
        return gateway

    def options(self, *more):
        return exporter.options_of(["--socket", self.folder + "/dpdk_telemetry.v2", "--timeout", "5", *more])

    def scrape(self, *more):
        text, why = exporter.scrape(self.options(*more))
        values, kinds = read_page(text)
        return values, kinds, why

    def assert_down(self, reason, *more):
        values, kinds, why = self.scrape(*more)
        self.assertEqual(values.pop("espgw_up"), 0)
        self.assertEqual(list(values), ["espgw_scrape_duration_seconds"])
        self.assertEqual(set(kinds), {"espgw_up", "espgw_scrape_duration_seconds"})
        self.assertIn(reason, why)


class Values(WithGateway):
    def test_every_metric(self):
        self.gateway(from_dict(recorded()))
        values, kinds, why = self.scrape("--sas")
        self.assertIsNone(why)
        self.assertEqual(kinds, {name: kind for name, kind, _ in exporter.METRICS})
        self.assertEqual(values["espgw_up"], 1)

    def test_values(self):
        replies = recorded()
        self.gateway(from_dict(replies))
        values, _, _ = self.scrape("--sas")
        port, tunnel = replies["/espgw/port,0"], replies["/espgw/tunnel,1"]
        rows = (('espgw_port_receive_packets_total{port="lan"}', port["rx_packets"]),
                ('espgw_port_transmit_bytes_total{port="lan"}', port["tx_bytes"]),
                ('espgw_tunnel_packets_total{tunnel="ipsec1",direction="out"}', tunnel["out_packets"]),
                ('espgw_tunnel_bytes_total{tunnel="ipsec1",direction="in"}', 0),
                ('espgw_tunnel_up{tunnel="ipsec0"}', 1),
                ('espgw_dropped_packets_total{reason="ttl_expired",worker="0"}',
                 replies["/espgw/drops,0"]["ttl_expired"]),
                ('espgw_dropped_packets_total{reason="ttl_expired",worker="control"}', 0),
                ('espgw_table_entries{table="neighbour_packets"}', 0),
                ('espgw_table_entries_limit{table="neighbour_packets"}', 512),
                ('espgw_neighbours{state="static"}', 4),
                ('espgw_sas{direction="out",state="live"}', 2),
                ('espgw_sas_life_used_ratio', 0.003),
                ('espgw_sa_left_seconds{spi="0x00001001",direction="out",tunnel="ipsec0",worker="0"}', 896),
                ('espgw_policy_packets_total{policy="2",priority="20",action="bypass",tunnel=""}', 3000))
        for sample, value in rows:
            self.assertEqual(values.get(sample), value, sample)

    def test_histograms(self):
        """Buckets add up, the last one is the count, and the sum lies between what the buckets allow."""
        self.gateway(from_dict(recorded()))
        values, kinds, _ = self.scrape()
        series = {}
        for sample, value in values.items():
            found = re.fullmatch(r'(\w+)_bucket\{(.*),le="(.+)"\}', sample)
            if found:
                name, labels, bound = found.groups()
                series.setdefault((name, labels), []).append((float(bound), value))
        self.assertEqual({name for name, _ in series}, {name for name, kind in kinds.items() if kind == "histogram"})
        for (name, labels), buckets in series.items():
            bounds, counts = zip(*buckets)
            self.assertEqual(list(bounds), sorted(bounds))
            self.assertEqual(list(counts), sorted(counts))
            self.assertEqual(bounds[-1], float("inf"))
            self.assertEqual(counts[-1], values[f"{name}_count{{{labels}}}"])
            most = sum((counts[i] - (counts[i - 1] if i else 0)) * bounds[i] for i in range(len(counts) - 1))
            if counts[-1] == counts[-2]:
                self.assertLessEqual(values[f"{name}_sum{{{labels}}}"], most)

    def test_top_sas(self):
        gateway = self.gateway(from_dict(recorded()))
        values, _, why = self.scrape("--top-sas", "2")
        self.assertIsNone(why)
        spis = {sample.split('"')[1] for sample in values if sample.startswith("espgw_sa_bytes_total")}
        self.assertEqual(spis, {"0x00001001", "0x00002001", "0x00001002"})
        self.assertEqual(gateway.asked.count("/espgw/sa,0"), 1)
        self.assertNotIn("/espgw/sa", gateway.asked)

    def test_no_sas_of_themselves(self):
        gateway = self.gateway(from_dict(recorded()))
        values, _, _ = self.scrape()
        self.assertFalse([sample for sample in values if sample.startswith("espgw_sa_")])
        self.assertFalse([command for command in gateway.asked if command.startswith("/espgw/sa,")])

    def test_names_with_quotes(self):
        replies = recorded()
        replies["/espgw/port,0"]["name"] = 'l"a\\n\n'
        self.gateway(from_dict(replies))
        values, _, _ = self.scrape()
        self.assertIn('espgw_port_up{port="l\\"a\\\\n\\n"}', values)

    def test_pages(self):
        """Ids with gaps, over three pages; one is gone when it is asked for."""
        ids = [number * 3 for number in range(2 * PAGE + 7)]
        one = recorded()["/espgw/sa,0"]

        def answer(command):
            name, _, parameter = command.partition(",")
            if name != "/espgw/sa":
                return from_dict(recorded())(command)
            first = int(parameter[5:]) if parameter.startswith("from=") else 0
            if not parameter or parameter.startswith("from="):
                reply = [number for number in ids if number >= first][:PAGE]
            else:
                reply = {**one, "spi": hex(int(parameter))} if parameter != "300" else None
            return json.dumps({name: reply}).encode()
        gateway = self.gateway(answer)
        values, _, why = self.scrape("--sas")
        self.assertIsNone(why)
        spis = {sample.split('"')[1] for sample in values if sample.startswith("espgw_sa_bytes_total")}
        self.assertEqual(spis, {hex(number) for number in ids if number != 300})
        lists = [command for command in gateway.asked if command.startswith("/espgw/sa,from") or command == "/espgw/sa"]
        self.assertEqual(len(lists), 4)


class Wrong(WithGateway):
    def test_not_there(self):
        self.assert_down("No such file or directory")
        left = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        left.bind(self.folder + "/dpdk_telemetry.v2")
        left.close()
        self.assert_down("Connection refused")

    def test_too_late(self):
        over = threading.Event()
        self.addCleanup(over.set)
        self.gateway(lambda command: over.wait(60) and None)
        began = time.monotonic()
        self.assert_down("too late", "--timeout", "0.3")
        self.assertLess(time.monotonic() - began, 3)

    def test_slow_all_along(self):
        """Each reply comes in time, all of them do not."""
        replies = from_dict(recorded())
        self.gateway(lambda command: time.sleep(0.05) or replies(command))
        began = time.monotonic()
        self.assert_down("too late", "--timeout", "0.4")
        self.assertLess(time.monotonic() - began, 3)

    def test_misbehaviour(self):
        replies = from_dict(recorded())
        rows = (("closes at once", lambda command: None, GREETING, "closed"),
                ("not JSON", lambda command: b"hello", GREETING, "not JSON"),
                ("half a reply", lambda command: replies(command)[:20], GREETING, "not JSON"),
                ("not UTF-8", lambda command: b"\xff\xfe", GREETING, "not JSON"),
                ("another command's reply", lambda command: b'{"/other":[]}', GREETING, "another reply"),
                ("a list", lambda command: b"[]", GREETING, "another reply"),
                ("null for all", lambda command: from_dict({})(command), GREETING, "no answer to /espgw/info"),
                ("a key is missing", lambda command: b'{"/espgw/info":{}}', GREETING, "not as expected"),
                ("another type", lambda command: b'{"/espgw/info":7}', GREETING, "not as expected"),
                ("no greeting", replies, b"hello", "no greeting"),
                ("another greeting", replies, b'{"max_output_len":"many"}', "no greeting"),
                ("a list as greeting", replies, b"[]", "no greeting"))
        for name, answer, greeting, reason in rows:
            with self.subTest(name):
                gateway = FakeGateway(self.folder, answer, greeting)
                try:
                    self.assert_down(reason)
                finally:
                    gateway.close()
                    os.unlink(gateway.path)

    def test_dies_in_the_middle(self):
        """No page is half of one."""
        replies = from_dict(recorded())
        total = self.gateway(replies)
        self.scrape()
        commands = len(total.asked)
        total.close()
        os.unlink(total.path)
        for last in range(0, commands, max(commands // ROUNDS, 1)):
            left = iter(range(last))
            gateway = FakeGateway(self.folder, lambda command, left=left: replies(command)
                                  if next(left, None) is not None else None)
            self.assert_down("closed")
            gateway.close()
            os.unlink(gateway.path)

    def test_comes_back(self):
        replies = from_dict(recorded())
        for _ in range(3):
            self.assert_down("")
            gateway = FakeGateway(self.folder, replies)
            self.assertEqual(self.scrape()[0]["espgw_up"], 1)
            gateway.close()
            os.unlink(gateway.path)

    def test_where_it_looks(self):
        paths = exporter.socket_paths("one", {"RUNTIME_DIRECTORY": "/run/x", "XDG_RUNTIME_DIR": "/run/user/7"}, 7)
        self.assertEqual(paths, [f"{folder}/dpdk/one/dpdk_telemetry.v2"
                                 for folder in ("/run/x", "/run/espgw", "/var/run", "/run/user/7", "/tmp")])
        self.assertEqual(exporter.socket_paths("rte", {}, 0), ["/run/espgw/dpdk/rte/dpdk_telemetry.v2",
                                                               "/var/run/dpdk/rte/dpdk_telemetry.v2"])


class Http(WithGateway):
    def serve(self, *more):
        server = exporter.Server(self.options("--listen", "127.0.0.1:0", *more))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        errors = io.StringIO()
        redirect = contextlib.redirect_stderr(errors)
        redirect.__enter__()
        self.addCleanup(redirect.__exit__, None, None, None)
        return server.server_address, errors

    @staticmethod
    def get(address, path, method="GET"):
        connection = http.client.HTTPConnection(*address, timeout=30)
        connection.request(method, path)
        reply = connection.getresponse()
        body = reply.read().decode()
        connection.close()
        return reply, body

    def test_pages(self):
        self.gateway(from_dict(recorded()))
        address, _ = self.serve()
        rows = (("GET", "/metrics", 200, "espgw_up 1"), ("GET", "/metrics?x=y", 200, "espgw_up 1"),
                ("HEAD", "/metrics", 200, None), ("GET", "/", 200, "/metrics"), ("GET", "/metric", 404, "/metrics"),
                ("GET", "/../etc/passwd", 404, "/metrics"), ("POST", "/metrics", 501, ""),
                ("DELETE", "/", 501, ""))
        for method, path, status, has in rows:
            reply, body = self.get(address, path, method)
            self.assertEqual(reply.status, status, path)
            self.assertIn(has, body) if has is not None else self.assertEqual(body, "")
        reply, _ = self.get(address, "/metrics")
        self.assertEqual(reply.getheader("Content-Type"), "text/plain; version=0.0.4; charset=utf-8")

    def test_many_at_once(self):
        """No more than four ask the gateway, and each client gets its page, while others say nothing or rubbish."""
        replies, lock, now, most = from_dict(recorded()), threading.Lock(), set(), []

        def answer(command):
            with lock:
                now.add(threading.get_ident())
                most.append(len(now))
            if command.startswith("/espgw/sa_summary"):
                with lock:
                    now.discard(threading.get_ident())
            return replies(command)
        self.gateway(answer)
        address, _ = self.serve()
        silent = [socket.create_connection(address) for _ in range(5)]
        with socket.create_connection(address) as rubbish:
            rubbish.send(b"\x00\xff rubbish\r\n\r\n")
            rubbish.settimeout(30)
            self.assertIn(b"Error resp", rubbish.recv(200))
        bodies = []
        threads = [threading.Thread(target=lambda: bodies.append(self.get(address, "/metrics")[1])) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in silent:
            client.close()
        self.assertEqual([read_page(body)[0]["espgw_up"] for body in bodies], [1] * 20)
        self.assertLessEqual(max(most), exporter.SCRAPES_AT_ONCE)

    def test_why_is_said_once(self):
        address, errors = self.serve()
        for _ in range(3):
            self.assertIn("espgw_up 0", self.get(address, "/metrics")[1])
        self.gateway(from_dict(recorded()))
        for _ in range(3):
            self.assertIn("espgw_up 1", self.get(address, "/metrics")[1])
        lines = errors.getvalue().splitlines()
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("no gateway", lines[0])
        self.assertEqual(lines[1], "the gateway answers")


class Options(unittest.TestCase):
    def test_addresses(self):
        rows = (("127.0.0.1:9560", ("127.0.0.1", 9560)), (":9560", ("", 9560)), ("[::1]:1", ("::1", 1)))
        for text, right in rows:
            self.assertEqual(exporter.options_of(["--listen", text]).listen, right)
        self.assertEqual(exporter.options_of([]).listen, ("127.0.0.1", 9560))

    def test_wrong_ones(self):
        for wrong in (["--listen", "9560"], ["--listen", "a:b"], ["--listen", "a:65536"], ["--top-sas", "65"],
                      ["--top-sas", "0"], ["--timeout", "0"], ["--timeout", "nan"], ["--sas", "--top-sas", "3"],
                      ["more"]):
            with self.assertRaises(SystemExit) as stopped, contextlib.redirect_stderr(io.StringIO()):
                exporter.options_of(wrong)
            self.assertEqual(stopped.exception.code, 2, wrong)

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken, contextlib.redirect_stderr(io.StringIO()) as errors:
            self.assertEqual(exporter.main(["--listen", "127.0.0.1:%d" % taken.getsockname()[1]]), 1)
        self.assertIn("cannot listen at 127.0.0.1", errors.getvalue())


class Documents(WithGateway):
    """Whoever names a metric names one that there is."""

    def test_metrics_are_named_well(self):
        names = [name for name, _, _ in exporter.METRICS]
        self.assertEqual(len(names), len(set(names)))
        for name, kind, says in exporter.METRICS:
            self.assertRegex(name, r"^espgw_[a-z_]+$")
            self.assertEqual(kind == "counter", name.endswith("_total"), name)
            self.assertTrue(says.endswith("."), name)

    def test_page_of_telemetry(self):
        with open(os.path.join(TOP, "doc/telemetry.md"), encoding="utf-8") as file:
            text = file.read()
        rows = text.split("| metric | type | help |\n|---|---|---|\n", 1)[1].split("\n\n", 1)[0].splitlines()
        self.assertEqual(rows, [f"| `{name}` | {kind} | {says} |" for name, kind, says in exporter.METRICS])

    @staticmethod
    def expressions():
        with open(os.path.join(TOP, "config/grafana/espgw.json"), encoding="utf-8") as file:
            dashboard = json.load(file)
        queries = [variable["definition"] for variable in dashboard["templating"]["list"] if "definition" in variable]
        return queries, [(panel["title"], target["expr"]) for panel in dashboard["panels"]
                         for target in panel.get("targets", [])]

    def test_dashboard(self):
        """Each metric and each label of the dashboard is on a page that the exporter makes."""
        self.gateway(from_dict(recorded()))
        text, _ = exporter.scrape(self.options("--sas"))
        labels = {"job": set(), "instance": set()}
        for sample in text.splitlines():
            name = re.match(r"\w+", sample.lstrip("# "))[0]
            labels.setdefault(name, set()).update(re.findall(r'(\w+)="', sample))
        queries, panels = self.expressions()
        self.assertGreater(len(panels), 40)
        for title, expression in [("variables", query) for query in queries] + panels:
            names = re.findall(r"\bespgw_\w+", expression)
            self.assertTrue(names, title)
            self.assertLessEqual(set(names), set(labels), title)
            known = set().union(labels["job"], {"job", "instance"}, *(labels[name] for name in names))
            used = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
            used += [label.strip() for inside in re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", expression)
                     for label in inside.split(",") if label.strip()]
            self.assertLessEqual(set(used), known, f"{title}: {expression}")

    @unittest.skipUnless(PROMTOOL, "promtool is not installed")
    def test_dashboard_expressions_parse(self):
        _, panels = self.expressions()
        rules = [{"record": f"dashboard:{number}", "expr": expression.replace("$__rate_interval", "1m")}
                 for number, (_, expression) in enumerate(panels)]
        path = self.folder + "/rules.json"  # JSON is YAML
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        done = subprocess.run([PROMTOOL, "check", "rules", path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"{len(rules)} rules found", done.stdout)

    @unittest.skipUnless(PROMTOOL, "promtool is not installed")
    def test_promtool(self):
        self.gateway(from_dict(recorded()))
        text, _ = exporter.scrape(self.options("--sas"))
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
