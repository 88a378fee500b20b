#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""espgwctl and the prompt (-i) with a gateway that runs. The client is named by the environment variable ESPGWCTL."""
import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

import scene
from gateway import Gateway, GatewayTest, Running, config_text, main, pcap_write, scratch

OUT, IN = scene.Side(0x1001, "out"), scene.Side(0x2001, "in")
DONE, REFUSED, USAGE, NO_GATEWAY = 0, 1, 2, 3
LIMIT = 30 * float(os.environ.get("ESPGW_TEST_SLOWER", "1"))
RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unit", "ctl", "methods.json")


def empty_ports(folder):
    for name in ("lan", "wan"):
        pcap_write(f"{folder}/{name}.rx.pcap", [])


class Client(GatewayTest):
    """One gateway for all: each test leaves it as it was."""

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.folder = cls.stack.enter_context(scratch())
        empty_ports(cls.folder)
        cls.running = Running(Gateway(scene.config(sas=[OUT.config(), IN.config()]), idle_ms=0), cls.folder, ["lan", "wan"],
                              None)
        cls.socket = f"{cls.folder}/ctl"
        if not cls.running.wait_for(lambda: cls.run_ctl("version").returncode == DONE, LIMIT):
            raise AssertionError("no gateway answers\n" + cls.running.stop().describe())

    @classmethod
    def tearDownClass(cls):
        cls.running.stop()
        cls.stack.close()

    @classmethod
    def run_ctl(cls, *words, stdin=""):
        return subprocess.run([os.environ["ESPGWCTL"], "--ctl", cls.socket, *words], input=stdin, capture_output=True,
                              text=True, timeout=LIMIT, check=False)

    def ctl(self, *words, status=DONE, stdin=""):
        """Runs it; returns what it printed, or the message when status is another one than done."""
        result = self.run_ctl(*words, stdin=stdin)
        self.assertEqual(result.returncode, status, f"{words}\n{result.stdout}{result.stderr}")
        return result.stderr if status else result.stdout

    def items(self, noun, key):
        return json.loads(self.ctl(noun, "list", "--json"))[key]

    def test_recorded_methods(self):
        """What the tests of espgwctl believe the gateway to have is there, with the same parameters."""
        with open(RECORDED, encoding="utf-8") as file:
            recorded = json.load(file)["methods"]
        real = {method["name"]: method for method in json.loads(self.ctl("rpc", "methods", "--json"))["methods"]}
        for method in recorded:
            self.assertEqual([param["name"] for param in real[method["name"]]["params"]],
                             [param["name"] for param in method["params"]], method["name"])

    def test_lists(self):
        rows = [("tunnel", ["ipsec0", "up", "203.0.113.1", "203.0.113.2"]), ("sa", ["0x00001001", "aes-256-gcm", "live"]),
                ("port", ["lan", "net_pcap0", "protected"]), ("route", ["192.168.2.0/24", "ipsec0"]),
                ("neighbour", [scene.PEER[4], scene.PEER_MAC, "static"]), ("policy", ["none"]), ("worker", ["polls"])]
        for noun, words in rows:
            text = self.ctl(noun, "list")
            for word in words:
                self.assertIn(word, text)

    def test_a_tunnel_from_its_beginning_to_its_end(self):
        self.assertEqual(self.ctl("tunnel", "add", "name=t1", "local=203.0.113.1", "remote=203.0.113.9",
                                  "selectors.local=10.1.0.0/16", "selectors.remote=10.2.0.0/16"), "ok\n")
        self.assertEqual(self.ctl("tunnel", "set", "t1", "mtu=1300", "ecn=off"), "ok\n")
        shown = json.loads(self.ctl("tunnel", "show", "t1", "--json"))
        self.assertEqual((shown["mtu"], shown["ecn"], shown["selectors"]),
                         (1300, False, [{"local": "10.1.0.0/16", "remote": "10.2.0.0/16"}]))
        self.ctl("route", "add", "10.2.0.0/16", "t1")
        self.assertIn("tunnel=t1", self.ctl("route", "get", "10.2.3.4").replace("type=down", "tunnel=t1"))
        self.assertIn("t1", self.ctl("tunnel", "del", "t1", status=REFUSED))
        self.ctl("route", "del", "10.2.0.0/16", "t1")
        self.ctl("tunnel", "del", "t1")
        self.assertIn("there is no tunnel", self.ctl("tunnel", "show", "t1", status=REFUSED))

    def test_an_sa_with_a_key_from_stdin(self):
        key = scene.key_for("test_ctl").hex()
        self.ctl("sa", "add", "spi=0x3001", "direction=in", "tunnel=ipsec0", "algorithm=aes-256-gcm", "key=-",
                 stdin=key + "\n")
        text = self.ctl("sa", "show", "0x3001", "in")
        self.assertIn("0x00003001", text)
        self.assertNotIn(key, text)
        self.ctl("sa", "del", "0x3001", "in")

    def test_a_policy_by_its_id(self):
        added = json.loads(self.ctl("policy", "add", "priority=5", "action=discard", "protocol=udp", "--json"))
        self.ctl("policy", "set", str(added["id"]), "priority=6")
        self.assertEqual([policy["priority"] for policy in self.items("policy", "policies")], [6])
        self.ctl("policy", "del", str(added["id"]))

    def test_a_batch_is_all_or_nothing(self):
        before = self.ctl("route", "list", "--json")
        message = self.ctl("-f", "-", stdin="route add 10.9.0.0/16 ipsec0\nroute add 10.8.0.0/16 nosuch\n", status=REFUSED)
        self.assertIn("stdin:2: route.add:", message)
        self.assertEqual(self.ctl("route", "list", "--json"), before)
        self.ctl("-f", "-", stdin="route add 10.9.0.0/16 ipsec0\nroute delete 10.9.0.0/16 ipsec0\n")
        self.assertEqual(self.ctl("route", "list", "--json"), before)

    def test_configuration(self):
        path = f"{self.folder}/espgw.conf"
        self.assertEqual(self.ctl("config", "diff", path), "no difference\n")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        other = f"{self.folder}/other.conf"
        with open(other, "w", encoding="utf-8") as file:
            file.write(text.replace('remote = "203.0.113.2";', 'remote = "203.0.113.2";\n    mtu = 1280;'))
        self.assertIn("~ tunnel name=ipsec0\n    mtu: default -> 1280\n", self.ctl("config", "diff", other))
        with open(other, "w", encoding="utf-8") as file:
            file.write("nonsense = 1;\n")
        self.assertIn("nonsense", self.ctl("config", "check", other, status=REFUSED))

    def test_mistakes(self):
        self.assertIn('did you mean "tunnel"', self.ctl("tunnle", "list", status=USAGE))
        self.assertIn("mtu", self.ctl("tunnel", "set", "ipsec0", "mtu=70000", status=REFUSED))
        self.assertIn('did you mean "ipsec0"', self.ctl("route", "add", "10.9.0.0/16", "ipsc0", status=REFUSED))

    def test_stats_watch_top_doctor(self):
        self.assertIn("rx packets", self.ctl("stats"))
        self.assertRegex(self.ctl("watch", "port", "--count", "2", "--interval", "0.2"), r"rx packets +/s")
        self.assertRegex(self.ctl("top", "--count", "2", "--interval", "0.2"), r"out packets/s +out bit/s")
        findings = json.loads(self.run_ctl("doctor", "--json").stdout)["findings"]
        self.assertIn({"check": "control socket", "verdict": "ok"},
                      [{"check": one["check"], "verdict": one["verdict"]} for one in findings])

    def test_events(self):
        process = subprocess.Popen([os.environ["ESPGWCTL"], "--ctl", self.socket, "events", "tunnel", "resync"], text=True,
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        self.assertRegex(process.stdout.readline(), r"^20.*Z tunnel +what=up tunnel=ipsec0 seq=0$")
        self.assertIn("resynced", process.stdout.readline())
        for command, what in (("stop", "down"), ("start", "up")):
            self.ctl(command, "tunnel", "ipsec0")
            self.assertIn("what=changed", process.stdout.readline())
            self.assertIn(f"what={what}", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(LIMIT), DONE)


class Shutdown(GatewayTest):
    def test_shutdown(self):
        with scratch() as folder:
            empty_ports(folder)
            running = Running(Gateway(scene.config(sas=[OUT.config()]), idle_ms=0), folder, ["lan", "wan"], None)
            command = [os.environ["ESPGWCTL"], "--ctl", f"{folder}/ctl"]
            self.assertTrue(running.wait_for(lambda: os.path.exists(f"{folder}/ctl"), LIMIT))
            self.assertEqual(subprocess.run([*command, "shutdown"], timeout=LIMIT, check=False).returncode, DONE)
            running.process.wait(LIMIT)
            self.assert_clean(running.stop())
            self.assertEqual(subprocess.run([*command, "version"], timeout=LIMIT, check=False).returncode, NO_GATEWAY)


class Prompt(GatewayTest):
    """espgw -i on a terminal."""

    def start(self, folder, *args):
        empty_ports(folder)
        gateway = Gateway(scene.config(sas=[OUT.config(), IN.config()]), args=["-i", *args], idle_ms=0)
        with open(f"{folder}/espgw.conf", "w", encoding="utf-8") as file:
            file.write(config_text(gateway.config))
        command = gateway.command(folder, ["lan", "wan"])
        self.seen = ""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.execv(command[0], command)
        self.pid = pid
        self.wait_for("espgw> ")

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self.seen += os.read(self.fd, 65536).decode(errors="replace")

    def wait_for(self, text):
        end = time.monotonic() + LIMIT
        while text not in self.seen:
            if time.monotonic() > end:
                self.fail(f"waited for {text!r}, saw {self.seen!r}")
            self.read(0.2)
        before, self.seen = self.seen.split(text, 1)
        return before

    def line(self, text):
        """Types it; what is answered, without colours."""
        os.write(self.fd, text.encode() + b"\r")
        return re.sub(r"\x1b\[[0-9;]*m", "", self.wait_for("espgw> "))

    def end(self):
        os.write(self.fd, b"quit\r")
        end = time.monotonic() + LIMIT
        ended = 0
        while not ended and time.monotonic() < end:
            self.read(0.1)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.fail("it did not end")
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, self.seen)
        self.assertIn("mempool", self.seen)
        os.close(self.fd)

    def test_testpmd_s_words(self):
        with scratch() as folder:
            self.start(folder)
            for words, wanted in (
                    ("show port stats all", "rx packets"), ("clear port stats all", "ok"), ("show tunnel", "203.0.113.2"),
                    ("show sa", "0x00001001"), ("show policy", "none"), ("show route", "192.168.2.0/24"),
                    ("show neighbour", scene.PEER_MAC), ("show worker", "polls"), ("show drops", "drops"),
                    ("set tunnel ipsec0 mtu 1300 ttl 9", "ok"), ("show tunnel ipsec0", "1300"),
                    ("stop tunnel ipsec0", "ok"), ("show tunnel", "down"), ("start tunnel ipsec0", "ok"),
                    ("show tunnel", "up"), ("help", "add, delete, get, list, update"), ("help sa add", "replay_window"),
                    ("tunnle", 'did you mean "tunnel"'), ("sa add key=00", "a key that is typed here"),
                    ("sa show 'x", "is opened and never closed"), ("", "")):
                with self.subTest(words):
                    self.assertIn(wanted, self.line(words))
            self.end()

    def test_completion_and_no_socket(self):
        with scratch() as folder:
            self.start(folder, "--ctl", "none")
            self.assertFalse(os.path.exists(f"{folder}/ctl"))
            os.write(self.fd, b"tun\tset ips\tmt\t1290\r")
            self.wait_for("ok")
            self.wait_for("espgw> ")
            self.assertIn("1290", self.line("show tunnel ipsec0"))
            os.write(self.fd, b"show po\t")
            self.assertIn("policy", self.wait_for("port"))
            self.line("rt")
            self.end()

    def test_a_terminal_that_takes_nothing(self):
        """Nobody reads what a long list prints; the control socket is served all the same."""
        with scratch() as folder:
            self.start(folder)
            for _ in range(60):
                os.write(self.fd, b"help sa add\r")
            time.sleep(1)
            command = [os.environ["ESPGWCTL"], "--ctl", f"{folder}/ctl", "--timeout", "10", "tunnel", "list"]
            self.assertEqual(subprocess.run(command, capture_output=True, timeout=LIMIT, check=False).returncode, DONE)
            end = time.monotonic() + LIMIT
            while self.seen.count("replay_window") < 60 and time.monotonic() < end:
                self.read(0.2)
            self.assertEqual(self.seen.count("replay_window"), 60)
            self.end()

    def test_lines_from_a_pipe(self):
        with scratch() as folder:
            empty_ports(folder)
            gateway = Gateway(scene.config(sas=[OUT.config()]), args=["-i"], idle_ms=1500)
            with open(f"{folder}/espgw.conf", "w", encoding="utf-8") as file:
                    file.write(config_text(gateway.config))
            result = subprocess.run(gateway.command(folder, ["lan", "wan"]), input="show tunnel\nshow sa\n", text=True,
                                    capture_output=True, timeout=LIMIT * 2, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("203.0.113.2", result.stdout)
            self.assertIn("0x00001001", result.stdout)
            self.assertNotIn("espgw> ", result.stdout)
            self.assertNotIn("\x1b", result.stdout)


if __name__ == "__main__":
    if "ESPGWCTL" not in os.environ:
        raise unittest.SkipTest("ESPGWCTL does not name espgwctl")
    main()
