#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The unit that meson install places, under the real systemd, from its first start to its end."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
# pylint: disable=wrong-import-position
import scene  # noqa: E402
from gateway import LIMIT_SECONDS, config_text, main, scratch  # noqa: E402
from machine import Impossible, Machine  # noqa: E402
from test_install import install  # noqa: E402

CAPABILITIES = "0000000000003000"  # CAP_NET_ADMIN, CAP_NET_RAW
CONFIG = "/etc/espgw/espgw.conf"
DROP_IN = "/run/systemd/system/espgw.service.d/test.conf"
DEVICES = "--vdev net_af_packet0,iface=eth0 --vdev net_tap0,iface=tap0"
PORTS = [{"device": "net_af_packet0", "name": "wan", "role": "unprotected", "addresses": ["203.0.113.1/24"]},
         {"device": "net_tap0", "name": "lan", "role": "protected", "addresses": ["192.168.1.1/24"]}]
OUT = scene.Side(0x1001, "out")
TUNNEL = {"name": "ipsec0", "local": "203.0.113.1", "remote": "203.0.113.2", "address": "10.0.0.1",
          "peer_address": "10.0.0.2"}


class Service(unittest.TestCase):
    """Installed as doc/running.md says; each test begins with the service stopped and a good configuration."""

    @classmethod
    def setUpClass(cls):
        if os.environ.get("ESPGW_SECCOMP") != "1":
            raise unittest.SkipTest("a build with a sanitizer, or without seccomp")
        try:
            cls.machine = Machine()
        except Impossible as why:
            raise unittest.SkipTest(str(why)) from why
        cls.addClassCleanup(cls.machine.stop)
        with scratch() as root:
            prefix, _ = install(root)
            cls.prefix = prefix[len(root):]
            cls.machine.install(root)
        if cls.prefix not in ("/usr/", "/usr/local/"):
            raise unittest.SkipTest(f"systemd does not look for units below {cls.prefix}")
        for command in ("systemctl daemon-reload", "systemd-sysusers", "install -d /etc/espgw"):
            cls.machine.check(*command.split())

    def setUp(self):
        self.options()
        self.configure()
        self.machine.check("systemctl", "reset-failed")
        self.cursor = self.machine.check("journalctl", "-q", "-n", "1", "--show-cursor").split("-- cursor: ")[1].strip()

    def tearDown(self):
        self.machine.run("systemctl", "stop", "espgw")
        self.machine.check("rm", "-f", DROP_IN)
        self.machine.check("systemctl", "daemon-reload")

    def options(self, own=""):
        """/etc/default/espgw."""
        cpus = sorted(os.sched_getaffinity(0))
        eal = f"--lcores 0@{cpus[0]},1@{cpus[-1]} --no-huge --no-pci {DEVICES}"
        self.machine.write("/etc/default/espgw", f'EAL_OPTIONS="{eal}"\nESPGW_OPTIONS="{own}"\n')

    def configure(self, mtu=1400):
        whole = {"unsafe_static_keys": True, "ports": PORTS, "tunnels": [{**TUNNEL, "mtu": mtu}], "sas": [OUT.config()]}
        self.machine.write("/root/site.conf", config_text(whole))
        self.machine.check("install", "-g", "espgw", "-m", "640", "/root/site.conf", CONFIG)

    def shown(self, key):
        return self.machine.check("systemctl", "show", "espgw", "-P", key).strip()

    def journal(self):
        """What the service, and systemd of it, said since the test began."""
        self.machine.check("journalctl", "--sync")
        return self.machine.check("journalctl", "--no-pager", "-o", "cat", "-u", "espgw", "--after-cursor", self.cursor)

    def until(self, condition, what):
        end = time.monotonic() + LIMIT_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), end, f"{what}\n{self.machine.run('systemctl', 'status', 'espgw')[1]}")
            time.sleep(0.05)

    def start(self):
        status, text = self.machine.run("systemctl", "start", "espgw")
        self.assertEqual(status, 0, text + self.journal())
        return self.shown("MainPID")

    def assert_does_not_start(self, message):
        """It is said why, and it is not tried again."""
        self.assertEqual(self.machine.run("systemctl", "start", "espgw")[0], 1)
        self.assertIn(message, self.journal())
        time.sleep(float(self.shown("RestartUSec").rstrip("s")) + 0.5)
        states = [self.shown(key) for key in ("ActiveState", "NRestarts", "ExecMainStatus")]
        self.assertEqual(states, ["failed", "0", "2"])

    def assert_restarted(self, pid):
        """Once, as another process than pid."""
        self.until(lambda: (self.shown("NRestarts"), self.shown("ActiveState")) == ("1", "active"), "not restarted")
        self.assertNotIn(self.shown("MainPID"), (pid, "0"))

    def threads(self, pid):
        """What /proc says of each thread of a process of the machine."""
        text = self.machine.check("sh", "-c", f"cat /proc/{pid}/task/*/status")
        return [dict(line.split(":\t", 1) for line in part.splitlines() if ":\t" in line)
                for part in ("\n" + text).split("\nName:\t")[1:]]

    def test_life(self):
        """Active once packets are forwarded, and not before; its user; nothing but the state is left."""
        self.machine.check("systemctl", "start", "--no-block", "espgw")
        states = []
        self.until(lambda: states.append(self.shown("ActiveState")) or states[-1] == "active", "it is not active")
        self.machine.check("espgwctl", "version")
        self.assertLessEqual(set(states), {"activating", "active"})
        self.until(lambda: self.shown("StatusText") == "forwarding; 1 of 1 tunnels are up", "another status")
        self.check_threads(self.threads(self.shown("MainPID")))
        self.machine.check("systemctl", "stop", "espgw")
        self.assertEqual((self.shown("ActiveState"), self.shown("Result")), ("inactive", "success"))
        lines = self.journal().splitlines()
        self.assertIn("espgw main: runs as who started it; system calls are limited", lines)
        self.assertEqual([line for line in lines if "seccomp: system call" in line], [])
        self.assertEqual([line for line in set(lines) if lines.count(line) > 1], [])
        self.assertEqual(self.machine.run("test", "-e", "/run/espgw")[0], 1)
        self.assertEqual(self.machine.check("stat", "-c", "%U %a", "/var/lib/espgw"), "espgw 700\n")

    def check_threads(self, threads):
        uid = self.machine.check("id", "-u", "espgw").strip()
        self.assertGreater(len(threads), 3)
        for key, value in (("Uid", "\t".join([uid] * 4)), ("NoNewPrivs", "1"), ("Seccomp", "2"), ("CapEff", CAPABILITIES),
                           ("CapPrm", CAPABILITIES), ("CapBnd", CAPABILITIES)):
            self.assertEqual({thread[key] for thread in threads}, {value}, key)

    def test_group(self):
        """--ctl-group: the service's user has to be a member; then others that are may use the socket."""
        for command in ("groupadd -f operators", "useradd -G operators alice", "useradd bob"):
            self.machine.check(*command.split())
        self.options("--ctl-group=operators")
        self.assert_does_not_start("cannot be given to the group operators: Operation not permitted; the user of espgw")
        self.machine.check("usermod", "-aG", "operators", "espgw")
        self.start()
        for user, may in (("alice", True), ("bob", False)):
            become = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups")
            said = self.machine.run(*become, "espgwctl", "version")
            self.assertEqual(said[0] == 0, may, said[1])

    def test_reload(self):
        """A file that is good is taken, one that is not is refused with its reason, and the gateway goes on."""
        pid = self.start()
        for mtu, status, now in ((1300, 0, "1300"), (13, 1, "1300"), (1200, 0, "1200")):
            self.configure(mtu)
            said = self.machine.run("systemctl", "reload", "espgw")
            self.assertEqual(said[0], status, said[1])
            self.assertIn(f" {now} ", self.machine.check("espgwctl", "tunnel", "list"))
        self.assertRegex(self.journal(), r"espgwctl: config\.load: tunnels\[0\] \(ipsec0\): mtu: 13 is not between")
        self.assertEqual((self.shown("MainPID"), self.shown("ActiveState")), (pid, "active"))

    def test_killed(self):
        pid = self.start()
        self.machine.check("kill", "-9", pid)
        self.assert_restarted(pid)
        self.machine.check("espgwctl", "version")

    def test_hangs(self):
        """The watchdog, in a shorter time than the unit's."""
        self.machine.check("mkdir", "-p", os.path.dirname(DROP_IN))
        self.machine.write(DROP_IN, "[Service]\nWatchdogSec=6\n")
        self.machine.check("systemctl", "daemon-reload")
        pid = self.start()
        self.machine.check("kill", "-STOP", pid)
        self.until(lambda: self.shown("Result") == "watchdog", "the watchdog saw nothing")
        self.assert_restarted(pid)

    def test_wrong_configuration(self):
        self.configure(mtu=13)
        self.assert_does_not_start(f"{CONFIG}:")
        self.assertIn("tunnels[0] (ipsec0): mtu: 13 is not between", self.journal())
        self.configure()
        self.start()


if __name__ == "__main__":
    main()
