#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""espgwctl as a person and a program meet it: what it prints, what it says of mistakes, its exit status. The gateway is
fake_gateway.py; the binary is named by the environment variable ESPGWCTL."""
import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import textwrap
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from fake_gateway import FakeGateway, NOT_PERMITTED, Refused  # noqa: E402

ESPGWCTL = os.environ["ESPGWCTL"]
COMPLETION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../app/espgwctl/espgwctl.bash")
DONE, REFUSED, USAGE, NO_GATEWAY = 0, 1, 2, 3
LIMIT = 20 * float(os.environ.get("ESPGW_TEST_SLOWER", "1"))
KEY = "c0ffee000102030405060708090a0b0c0d0e0f10"
SA = ["spi=0x1002", "direction=out", "tunnel=ipsec0", "algorithm=aes-128-gcm"]


def environment(folder, **more):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("ESPGW_CTL", "NO_COLOR", "XDG_"))}
    env.update(HOME=folder, TERM="vt100", **more)
    return env


class WithGateway(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="espgw-ctl.")
        self.addCleanup(self.folder.cleanup)
        self.gateway = FakeGateway(self.folder.name)
        self.addCleanup(self.gateway.stop)

    def ctl(self, *words, stdin="", path=None):
        return subprocess.run([ESPGWCTL, "--ctl", path or self.gateway.path, *words], input=stdin, text=True,
                              capture_output=True, timeout=LIMIT, check=False, env=environment(self.folder.name))

    def check(self, *words, status=DONE, out=None, err=None, **how):
        """Runs it; `out` and `err` are texts that must be there, or lists of them."""
        result = self.ctl(*words, **how)
        said = f"{words}: {result.returncode}\n{result.stdout}{result.stderr}"
        self.assertEqual(result.returncode, status, said)
        for wanted, text in ((out, result.stdout), (err, result.stderr)):
            for part in [wanted] if isinstance(wanted, str) else wanted or []:
                self.assertIn(part, text, said)
        if status == DONE:
            self.assertEqual(result.stderr, "", said)
        return result.stdout if status == DONE else result.stderr

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def asked(self, method):
        return [params for name, params in self.gateway.calls if name == method]


class Commands(WithGateway):
    def test_a_list_is_a_table(self):
        lines = self.check("tunnel", "list").splitlines()
        self.assertEqual(lines[0].split()[:4], ["name", "state", "local", "remote"])
        self.assertEqual(lines[1].split()[:4], ["ipsec0", "up", "203.0.113.1", "203.0.113.2"])
        self.assertIn("1.23M", lines[1])
        for line, remote in zip(lines[1:], ("203.0.113.2", "2001:db8:ffff:ffff:ffff:ffff:ffff:2")):
            self.assertEqual(line.index(remote), lines[0].index("remote"))

    def test_what_cannot_be_written_is_said(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = subprocess.run([ESPGWCTL, "--ctl", self.gateway.path, "tunnel", "list"], stdout=full, text=True,
                                    stderr=subprocess.PIPE, timeout=LIMIT, check=False, env=environment(self.folder.name))
        self.assertEqual(result.returncode, REFUSED)
        self.assertIn("could not be written: No space left", result.stderr)

    def test_no_colours_but_on_request(self):
        self.assertNotIn("\x1b", self.check("tunnel", "list"))
        self.assertIn("\x1b[32mup\x1b[0m", self.check("--color", "always", "tunnel", "list"))

    def test_json_is_one_document(self):
        tunnels = json.loads(self.check("tunnel", "list", "--json"))
        self.assertEqual([tunnel["name"] for tunnel in tunnels["tunnels"]], ["ipsec0", "ipsec1"])
        self.assertEqual(json.loads(self.check("--json", "tunnel", "set", "ipsec0", "mtu=1300")), {})

    def test_pages_are_followed(self):
        self.gateway.objects["sa"] = [{"spi": 256 + i, "direction": "out", "tunnel": "ipsec0"} for i in range(2500)]
        self.assertEqual(len(self.check("sa", "list").splitlines()), 2501)
        self.assertEqual([page.get("after") for page in self.asked("sa.list")], [None, 1000, 2000])
        self.assertEqual(len(json.loads(self.check("sa", "list", "limit=7", "--json"))["sas"]), 7)

    def test_words_become_calls(self):
        rows = [
            (["tunnel", "show", "ipsec0"], "tunnel.get", {"name": "ipsec0"}, "1,234,567"),
            (["tunnel", "set", "ipsec0", "mtu=1300"], "tunnel.update", {"name": "ipsec0", "mtu": 1300}, "ok"),
            (["sa", "show", "0x1001", "out"], "sa.get", {"spi": 4097, "direction": "out"}, "0x00001001"),
            (["sa", "del", "4097", "out"], "sa.delete", {"spi": 4097, "direction": "out"}, "ok"),
            (["route", "get", "10.1.2.3"], "route.get", {"address": "10.1.2.3"}, "type=tunnel tunnel=ipsec0"),
            (["spi", "allocate"], "spi.allocate", {}, "0x00002001"),
            (["policy", "set", "3", "priority=7"], "policy.update", {"id": 3, "priority": 7}, "ok"),
            (["config", "diff", "a.conf"], "config.diff", {"path": os.path.join(os.getcwd(), "a.conf")},
             "+ route prefix=10.0.0.0/8 via=ipsec0\n~ tunnel name=ipsec0\n    mtu: 1400 -> 1300\n    ttl: default -> 9\n"
             "! only a restart: ports[1] (wan): role\n"),
            (["stats", "drops"], "stats.get", {"what": "drops", "limit": 1000}, "replay_seen"),
            (["call", "tunnel.get", '{"name": "ipsec1"}'], "tunnel.get", {"name": "ipsec1"}, "1350"),
            (["sa", "flush"], "sa.flush", {}, "deleted"),
            (["shutdown"], "shutdown", {}, "ok"),
        ]
        self.gateway.objects["policy"] = [{"id": 3}]
        for words, method, params, out in rows:
            with self.subTest(words):
                self.check(*words, out=out)
                self.assertEqual(self.asked(method)[-1], params)

    def test_stats_are_sections(self):
        self.check("stats", out=["rx packets", "drops by reason", "replay_seen", "tunnels\n  out_packets"])

    def test_help(self):
        self.check("help", out=["tunnel", "add, delete, get, list, update", "doctor"])
        self.check("help", "sa", out=["flush", "delete all SAs, or those of a tunnel"])
        self.check("help", "sa", "add", out=["256 to 4294967295", "out, in", "required"])
        out = self.check("help", "trace", "start", out=["drop is one of\n  ethertype, eth_destination, "])
        self.assertLess(max(map(len, out.splitlines())), 96)
        self.check("--help", out=["--keep-going", "Exit status"])
        self.check("--version", out="espgwctl ")

    def test_events(self):
        out = self.check("events", "tunnel,port", "--count", "3").splitlines()
        self.assertEqual([line.split()[1] for line in out], ["tunnel", "port", "tunnel"])
        self.assertEqual(self.asked("events.subscribe"), [{"kinds": ["tunnel", "port"]}])
        events = [json.loads(line) for line in self.check("events", "--json", "--count", "2").splitlines()]
        self.assertEqual([event["kind"] for event in events], ["tunnel", "expire"])

    def test_events_until_interrupted(self):
        with subprocess.Popen([ESPGWCTL, "--ctl", self.gateway.path, "events"], stdout=subprocess.PIPE, text=True,
                              env=environment(self.folder.name)) as process:
            self.assertIn("tunnel", process.stdout.readline())
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=LIMIT), DONE)

    def test_watch_and_top(self):
        out = self.check("watch", "worker", "--count", "3", "--interval", "0.1")
        self.assertEqual(out.count("worker.list"), 3)
        self.assertRegex(out.splitlines()[-2], r"polls +/s")
        out = self.check("top", "--count", "2", "--interval", "0.1")
        self.assertRegex(out, r"out [0-9.]+k? packets/s, [0-9.]+ [MG]bit/s")
        self.assertRegex(out, r"out packets/s +out bit/s")
        self.assertIn("replay_seen", out)
        for words in (["watch", "worker"], ["top"]):
            lines = self.check(*words, "--json", "--count", "2", "--interval", "0.1").splitlines()
            self.assertEqual([len(json.loads(line)["workers"]) for line in lines], [1, 1])


class Mistakes(WithGateway):
    def test_what_is_mistyped_and_what_is_right(self):
        rows = [
            (["tunnle", "list"], 'there is no "tunnle"; did you mean "tunnel"?'),
            (["tunnel", "lisst"], 'did you mean "tunnel list"?'),
            (["evennts"], 'did you mean "events"?'),
            (["watsh", "sa"], 'did you mean "watch"?'),
            (["tunnel", "set", "ipsec0", "mtuu=1"], 'unknown parameter "mtuu"; did you mean "mtu"?'),
            (["sa", "show", "x", "out"], 'spi: "x" is no whole number'),
            (["sa", "get"], "spi, direction are missing"),
            (["config"], "config what? It has: "),
            (["--jsno", "sa"], 'unknown option "--jsno" (did you mean "--json"?)'),
            (["--colour", "never", "sa"], 'did you mean "--color"?'),
            (["strat", "tunnel", "ipsec0"], 'there is no "strat"; did you mean "start"?'),
            (["list"], "list what? One of: "),
            (["stats", "drop"], 'did you mean "stats drops"?'),
            (["--color", "maybe", "sa"], '"maybe" is none of auto, always, never'),
            (["--ctl"], "--ctl: PATH is missing"),
            (["--interval", "0", "top"], '--interval: "0" is no number from'),
            (["--json=1"], "--json takes no value"),
            (["top", "tunnels"], 'top takes no "tunnels"'),
            (["watch"], "watch what?"),
            (["watch", "sa", "flush"], "changes things every time"),
            (["call"], "METHOD and at most one JSON object are wanted"),
            (["call", "sa.get", "{"], "call sa.get: no JSON"),
            (["call", "sa.get", "[1]"], "a JSON object"),
            (["doctor", "who"], "doctor takes no arguments"),
            (["-f", "/nonexistent"], "/nonexistent: No such file"),
            (["-f", "x", "sa"], '-f has the commands: leave "sa" out'),
            ([], "a command is wanted"),
            (["sa", "add", *SA, "key=@/nonexistent"], "key: /nonexistent: No such file"),
        ]
        for words, message in rows:
            with self.subTest(words):
                self.check(*words, status=USAGE, err=["espgwctl: ", message])

    def test_refused_by_the_gateway(self):
        self.check("tunnel", "show", "ipsec9", status=REFUSED, err="espgwctl: tunnel.get: name: there is no tunnel ipsec9")
        self.gateway.refuse["sa.flush"] = Refused(NOT_PERMITTED, "this client may only read")
        self.check("sa", "flush", status=REFUSED, err=["may only read", "members of its --ctl-group"])
        self.gateway.refuse["tunnel.update"] = Refused(-32602, "2 things are wrong", {"errors": [
            {"object": "tunnel ipsec0", "field": "mtu", "message": "70000 is not between 0 and 9000"},
            {"field": "ttl", "message": "is missing"}]})
        self.check("tunnel", "set", "ipsec0", "mtu=70000", status=REFUSED,
                   err=["tunnel.update: 2 things are wrong", "tunnel ipsec0: mtu: 70000 is not", "ttl: is missing"])
        self.gateway.refuse["tunnel.get"] = Refused(-32602, '2 things are wrong; the first: unknown key "xname"', {"errors": [
            {"field": "xname", "message": 'unknown key "xname"'}, {"field": "name", "message": "name is missing"}]})
        error = self.ctl("call", "tunnel.get").stderr
        self.assertEqual(error.splitlines(), ["espgwctl: tunnel.get: 2 things are wrong:", 'espgwctl:   unknown key "xname"',
                                              "espgwctl:   name is missing"])
        self.check("call", "no.such", status=REFUSED, err='there is no method "no.such"')

    def test_no_gateway(self):
        nowhere = os.path.join(self.folder.name, "nowhere.sock")
        self.check("sa", "list", path=nowhere, status=NO_GATEWAY,
                   err=[f"no gateway at {nowhere}: there is no such socket", "start one with espgw", "--ctl PATH"])
        self.check("sa", "list", path=self.file("text", ""), status=NO_GATEWAY, err="it is no socket")
        self.gateway.stop()
        self.check("sa", "list", status=NO_GATEWAY, err="the gateway that made it is gone")
        self.check("sa", "list", path="/" + "x" * 200, status=USAGE, err="characters: 107 are the most")
        self.check("-f", "-", stdin="sa list\n", status=NO_GATEWAY, err="stdin:1: no gateway at")

    def test_permission(self):
        if os.geteuid() == 0:
            os.chmod(self.folder.name, 0o755)
            os.chmod(self.gateway.path, 0o600)
            result = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", ESPGWCTL, "--ctl",
                                     self.gateway.path, "sa", "list"], capture_output=True, text=True, check=False,
                                    timeout=LIMIT)
        else:
            os.chmod(self.gateway.path, 0)
            result = self.ctl("sa", "list")
        self.assertEqual(result.returncode, REFUSED, result.stderr)
        self.assertIn("permission denied; root may use it", result.stderr)

    def test_a_gateway_that_says_nothing(self):
        self.gateway.silent.add("sa.list")
        self.check("--timeout", "1", "sa", "list", status=NO_GATEWAY, err="has not answered for 1 s")


class Keys(WithGateway):
    def test_sources(self):
        path = self.file("key", KEY + "\n")
        for argument, stdin in ((f"key={KEY}", ""), (f"key=@{path}", ""), ("key=-", KEY + "\n")):
            with self.subTest(argument):
                self.gateway.objects["sa"] = []
                self.check("sa", "add", *SA, argument, stdin=stdin)
                self.assertEqual(self.asked("sa.add")[-1]["key"], KEY)

    def test_a_whole_object_from_stdin(self):
        self.check("sa", "add", "-", stdin=json.dumps({"spi": 300, "direction": "in", "tunnel": "ipsec0",
                                                       "algorithm": "aes-128-gcm", "key": KEY}))
        self.assertEqual(self.asked("sa.add")[-1]["spi"], 300)

    def test_not_in_the_process_list_nor_in_memory(self):
        self.gateway.silent.add("sa.add")
        with subprocess.Popen([ESPGWCTL, "--ctl", self.gateway.path, "sa", "add", *SA, f"key={KEY}"],
                              stderr=subprocess.DEVNULL, env=environment(self.folder.name)) as process:
            deadline = time.monotonic() + LIMIT
            while not self.asked("sa.add") and time.monotonic() < deadline:
                time.sleep(0.01)
            self.assertEqual(self.asked("sa.add")[-1]["key"], KEY)
            with open(f"/proc/{process.pid}/cmdline", "rb") as cmdline:
                self.assertNotIn(KEY.encode(), cmdline.read())
            process.kill()

    def test_not_in_history(self):
        shell = Shell(self)
        shell.line("sa add spi=600 direction=out tunnel=ipsec0 algorithm=aes-128-gcm key=" + KEY, "ok")
        shell.line("tunnel list", "ipsec1")
        shell.end()
        path = os.path.join(self.folder.name, ".local/state/espgwctl/history")
        if os.path.exists(path):  # not without libedit
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with open(path, encoding="utf-8") as history:
                text = history.read()
            self.assertIn("tunnel", text)
            self.assertNotIn(KEY, text)


class Batch(WithGateway):
    def test_all(self):
        path = self.file("good", f"# two\nroute add 10.0.0.0/8 ipsec0\n\nsa add {' '.join(SA)} key={KEY}\nspi allocate\n")
        self.check("-f", path, out=["0x00002001", "3 done"])
        self.assertEqual([one["method"] for one in self.asked("batch")[0]["calls"]],
                         ["route.add", "sa.add", "spi.allocate"])
        results = json.loads(self.check("-f", "-", "--json", stdin="tunnel show ipsec0\nversion\n"))
        self.assertEqual(results[0]["name"], "ipsec0")

    def test_or_nothing(self):
        path = self.file("bad", "route add 10.0.0.0/8 ipsec0\ntunnel delete nosuch\n")
        self.check("-f", path, status=REFUSED, err=[f"{path}:2: tunnel.delete: name: there is no tunnel nosuch",
                                                    "nothing has been changed"])
        self.assertEqual(self.gateway.objects["route"], [])

    def test_mistakes_have_their_line_and_nothing_is_sent(self):
        path = self.file("wrong", "route add 10.0.0.0/8 ipsec0\nroute ad 1\n\nsa show 'x\ntop\n")
        self.check("-f", path, status=USAGE, err=[f"{path}:2: route has no \"ad\"", f"{path}:4: a ' is opened",
                                                  f"{path}:5: \"top\" has no place in a batch", "nothing was sent"])

    def test_a_file_that_is_another_one(self):
        path = self.file("other", "nonsense\n" * 1000)
        message = self.check("-f", path, status=USAGE, err=f"{path}: the rest was not read, nothing was sent")
        self.assertEqual(message.count('there is no "nonsense"'), 20)
        self.assertEqual(self.asked("batch"), [])

    def test_one_by_one(self):
        path = self.file("some", "tunnel delete nosuch\nroute add 10.0.0.0/8 ipsec0\nfrobnicate\n")
        self.check("-f", path, "--keep-going", status=REFUSED, err=[f"{path}:1: tunnel.delete", f"{path}:3: there is no",
                                                                    "2 of 3 failed"])
        self.assertEqual(len(self.gateway.objects["route"]), 1)

    def test_too_many(self):
        path = self.file("many", "version\n" * 1001)
        self.check("-f", path, status=USAGE, err="1001 commands; 1000 are the most")


class Shell:
    """espgwctl on a terminal."""

    def __init__(self, test):
        self.test = test
        self.seen = ""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.execve(ESPGWCTL, [ESPGWCTL, "--ctl", test.gateway.path], environment(test.folder.name))
        self.pid = pid
        self.wait("espgw> ")

    def wait(self, text):
        """Until text has come."""
        deadline = time.monotonic() + LIMIT
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                self.test.fail(f"waited for {text!r}, saw {self.seen!r}")
            self.seen += os.read(self.fd, 65536).decode(errors="replace")
        self.seen = self.seen.split(text, 1)[1]

    def type(self, text):
        os.write(self.fd, text.encode())

    def line(self, text, wanted):
        self.type(text + "\r")
        self.wait(wanted)
        self.wait("espgw> ")

    def end(self, text="quit\r", number=None):
        deadline, ended, status = time.monotonic() + LIMIT, 0, 0
        if number:
            os.kill(self.pid, number)
        while not ended and time.monotonic() < deadline:
            # libedit turns the terminal to raw mode behind its prompt; a ^D that comes before is a NUL, hence the ^U
            self.type(text)
            for _ in range(50):
                time.sleep(0.01)
                ended, status = os.waitpid(self.pid, os.WNOHANG)
                if ended:
                    break
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.test.fail(f"it did not end at {text!r}")
        self.test.assertTrue(termios.tcgetattr(self.fd)[3] & termios.ECHO)  # the terminal is as it was
        os.close(self.fd)
        self.test.assertEqual(os.waitstatus_to_exitcode(status), -number if number else DONE)


class Terminal(WithGateway):
    def test_shell(self):
        shell = Shell(self)
        shell.line("tunnel list", "ipsec1")
        shell.line("tunnle", 'did you mean "tunnel"')
        shell.line("sa show 'x", "is opened and never closed")
        shell.line("", "\n")
        shell.line("help sa", "flush")
        shell.end()

    def test_an_interrupt_gives_up_the_line(self):
        shell = Shell(self)
        for _ in range(2):
            shell.type("tunnel li")
            shell.wait("li")
            time.sleep(0.2)  # until the terminal is read
            shell.type("\x03")
            shell.wait("espgw> ")
        shell.line("tunnel list", "ipsec1")
        shell.end("", signal.SIGTERM)

    def test_completion(self):
        if subprocess.run(["ldd", ESPGWCTL], capture_output=True, text=True, check=True).stdout.find("libedit") < 0:
            self.skipTest("built without libedit")
        shell = Shell(self)
        shell.type("tun\tsh\b\bset ips\t\t")
        shell.wait("ipsec1")
        shell.type("0 mt\t1300\r")
        shell.wait("ok")
        shell.wait("espgw> ")
        self.assertEqual(self.asked("tunnel.update"), [{"name": "ipsec0", "mtu": 1300}])
        shell.end("\x15\x04")

    def test_the_gateway_comes_back(self):
        shell = Shell(self)
        shell.line("tunnel list", "ipsec1")
        self.gateway.stop()
        shell.line("tunnel list", "closed the connection")
        shell.line("tunnel list", "the gateway that made it is gone")
        os.remove(self.gateway.path)
        self.gateway = FakeGateway(self.folder.name)
        self.addCleanup(self.gateway.stop)
        shell.line("tunnel list", "ipsec1")
        shell.end()

    def test_top_and_q(self):
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(ESPGWCTL, [ESPGWCTL, "--ctl", self.gateway.path, "top", "--interval", "0.2"],
                      environment(self.folder.name))
        seen = ""
        while "packets/s" not in seen:
            seen += os.read(fd, 65536).decode()
        self.assertIn("\x1b[32mup", seen)
        self.assertIn("\x1b[?7l", seen)  # long lines end at the margin
        os.write(fd, b"q")
        while "\x1b[?1049l" not in seen:
            seen += os.read(fd, 65536).decode()
        self.assertIn("\x1b[?7h", seen)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), DONE)
        os.close(fd)

    def test_top_on_few_lines(self):
        """A tunnel is seen however many reasons there are, and nothing is beyond the last line."""
        pid, fd = pty.fork()
        if pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 100, 0, 0))
            os.execve(ESPGWCTL, [ESPGWCTL, "--ctl", self.gateway.path, "top", "--interval", "0.2", "--count", "2"],
                      environment(self.folder.name))
        seen = b""
        with contextlib.suppress(OSError):
            while data := os.read(fd, 65536):
                seen += data
        os.waitpid(pid, 0)
        os.close(fd)
        for screen in seen.decode().split("\x1b[H")[1:]:
            self.assertIn("ipsec0", screen)
            self.assertLess(screen.split("\x1b[J")[0].count("\n"), 10)

    def test_bash_completion(self):
        rows = [
            (["tu"], ["tunnel"]), (["do"], ["doctor"]), (["tunnel", "u"], ["update"]),
            (["tunnel", "show", "ip"], ["ipsec0", "ipsec1"]), (["tunnel", "set", "ipsec0", "mt"], ["mtu="]),
            (["sa", "add", "direction="], ["direction=out", "direction=in"]),
            (["sa", "add", "tunnel=i"], ["tunnel=ipsec0", "tunnel=ipsec1"]),
            (["show", "po"], ["policy", "port"]), (["port", "get", ""], ["name=", "lan", "wan"]),
            (["route", "add", "via=ipsec1"], ["via=ipsec1"]), (["tunnel", "set", "a", "ecn="], ["ecn=true", "ecn=false"]),
            (["help", "sa", "fl"], ["flush"]), (["nonsense", "x"], []),
            (["stats", "dr"], ["drops"]), (["events", "tu"], ["tunnel"]),
        ]
        for words, wanted in rows:
            with self.subTest(words):
                self.assertEqual(self.check("--", "__complete", *words).split(), wanted)
        self.assertIn("doctor", self.check("--", "__complete", "d", path="/nonexistent"))

    def test_bash_on_a_terminal(self):
        self.file("site.conf", "")
        env = environment(self.folder.name, ESPGW_CTL=self.gateway.path, PS1="ready> ",
                          PATH=os.path.dirname(ESPGWCTL) + ":" + os.environ["PATH"])
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.folder.name)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], env)
        os.write(fd, f". {os.path.abspath(COMPLETION)}\recho on''e\r".encode())
        for typed, wanted in (("", "one"), ("espgwctl tun\t", "tunnel "), ("espgwctl tunnel set ipsec0 mt\t", "mtu="),
                              ("espgwctl sa show 0x1001 direction=o\t", "direction=out"),
                              ("espgwctl config load si\t", "site.conf"), ("espgwctl sa add key=@si\t", "@site.conf")):
            os.write(fd, b"\x15" + typed.encode())
            seen, end = "", time.monotonic() + LIMIT
            while wanted not in seen:
                self.assertTrue(select.select([fd], [], [], max(0, end - time.monotonic()))[0], f"{typed!r}: {seen!r}")
                seen += os.read(fd, 65536).decode(errors="replace")
        os.write(fd, b"\x15exit\r")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        os.close(fd)

    def test_bash_itself(self):
        """What bash makes of a line: it takes words apart at '=' and ':'."""
        rows = [("tunnel set ipsec0 mt", ["mtu="]), ("sa add direction=o", ["out"]), ("sa add direction=", ["out", "in"]),
                ("--js", ["--json"]), ("sa --js", ["--json"]), ("--json tu", ["tunnel"]), ("--color a", ["auto", "always"]),
                ("tunnel ", ["add", "delete", "get", "list", "update"]), ("tunnel set name=i", ["ipsec0", "ipsec1"])]
        for line, wanted in rows:
            with self.subTest(line):
                script = textwrap.dedent(f"""\
                    . {COMPLETION}
                    compopt() {{ :; }}
                    espgwctl() {{ {ESPGWCTL} --ctl {self.gateway.path} "$@"; }}
                    line='espgwctl {line}'
                    read -r -a COMP_WORDS <<<"${{line//=/ = }}"
                    [[ $line != *' ' ]] || COMP_WORDS+=('')
                    [[ $line != *= ]] || COMP_WORDS+=('')
                    COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
                    _espgwctl espgwctl "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
                    printf '%s\\n' "${{COMPREPLY[@]}}"
                    """)
                result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=LIMIT)
                self.assertEqual((result.stdout.split(), result.stderr), (wanted, ""))


class Doctor(WithGateway):
    def test_a_machine_that_is_ready(self):
        self.machine({
            "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "1024",
            "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "512",
            "/proc/mounts": "none /dev/hugepages hugetlbfs rw 0 0",
            "/proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable:    8000000 kB\n",
            "/sys/kernel/iommu_groups/0/x": "", "/proc/cmdline": "quiet iommu=pt",
            "/sys/devices/system/cpu/online": "0-7", "/sys/devices/system/cpu/isolated": "2-7",
            "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
            "/sys/devices/system/cpu/smt/active": "0",
            "/proc/cpuinfo": "processor: 0\nflags\t\t: fpu aes vaes avx512f avx512bw constant_tsc nonstop_tsc\n",
            "/sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
            "/sys/bus/pci/devices/0000:03:00.0/class": "0x020000",
            "/sys/bus/pci/devices/0000:03:00.0/numa_node": "1",
        }, {"/sys/bus/pci/devices/0000:03:00.0/driver": "../../bus/pci/drivers/vfio-pci"})
        found = self.findings(DONE)
        for check in ("hugepages", "memory", "IOMMU", "CPUs", "governor", "SMT", "clock", "crypto", "NIC",
                      "control socket"):
            self.assertEqual(found[check]["verdict"], "ok", found[check])
        self.assertEqual(found["hugepages"]["text"], "1024 of 2 MB (512 free), 0 of 1 GB (0 free)")
        self.assertIn("NUMA node 1", found["NIC"]["text"])

    def test_a_machine_that_is_not(self):
        self.machine({
            "/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    400000 kB\n",
            "/sys/devices/system/cpu/online": "0", "/sys/devices/system/cpu/isolated": "",
            "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave",
            "/sys/devices/system/cpu/smt/active": "1",
            "/proc/cpuinfo": "processor: 0\nflags\t\t: fpu aesx\n",
            "/sys/bus/pci/devices/0000:03:00.0/class": "0x020000",
            "/sys/bus/pci/devices/0000:03:00.0/net/eth7/mtu": "1500",
            "/sys/bus/pci/devices/0000:00:02.0/class": "0x030000",
        }, {"/sys/bus/pci/devices/0000:03:00.0/driver": "../../bus/pci/drivers/ixgbe"})
        self.gateway.stop()
        found = self.findings(REFUSED)
        wanted = {"hugepages": "warn", "memory": "warn", "IOMMU": "warn", "CPUs": "warn", "governor": "warn",
                  "SMT": "note", "clock": "warn", "crypto": "bad", "NIC": "note", "control socket": "note"}
        for check, verdict in wanted.items():
            self.assertEqual(found[check]["verdict"], verdict, found[check])
            self.assertTrue(found[check].get("advice"), check)
        self.assertIn("0000:03:00.0: ixgbe, eth7", found["NIC"]["text"])

    def test_this_machine(self):
        text = self.check("doctor", status=self.ctl("doctor").returncode)
        self.assertNotIn("\x1b", text)

    def machine(self, files, links):
        self.root = os.path.join(self.folder.name, "root")
        for path, text in files.items():
            os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
            with open(self.root + path, "w", encoding="utf-8") as out:
                out.write(text + "\n")
        for path, target in links.items():
            os.symlink(target, self.root + path)

    def findings(self, status):
        result = subprocess.run([ESPGWCTL, "--ctl", self.gateway.path, "doctor", "--json"], text=True, check=False,
                                capture_output=True, timeout=LIMIT,
                                env=environment(self.folder.name, ESPGW_DOCTOR_ROOT=self.root))
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return {finding["check"]: finding for finding in json.loads(result.stdout)["findings"]}


if __name__ == "__main__":
    unittest.main()
