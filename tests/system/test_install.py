#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What meson install puts where, and that the unit it installs starts espgw as its user."""
import contextlib
import ctypes
import os
import re
import shlex
import shutil
import subprocess
import unittest

from gateway import GatewayTest, Result, binary, config_text, main, scratch
from manager import NOBODY, Manager, ask, threads

BUILD = os.path.join(os.path.dirname(binary()), "..", "..")
DOC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc")
UNIT = "lib/systemd/system/espgw.service"
WANTED = ["bin/espgw", "bin/espgwctl", UNIT, "lib/sysusers.d/espgw.conf", "share/bash-completion/completions/espgwctl",
          "share/doc/espgw/README.md", "share/doc/espgw/CHANGELOG.md", "share/doc/espgw/running.md",
          "share/doc/espgw/decisions/0001-own-fragmentation.md", "share/espgw/espgw.default",
          "share/espgw/config/site-to-site.conf"]
MAN = ["share/man/man1/espgwctl.1", "share/man/man5/espgw.conf.5", "share/man/man8/espgw.8"]
PLACES = r"(bin/espgw[a-z-]*|lib/(systemd/system|sysusers\.d|tmpfiles\.d)/|share/(doc/)?espgw/|share/man/man[158]/espgw" \
         r"|share/bash-completion/completions/espgw)"
UNWANTED = r"meson\.build|\.(c|h|o|a|py|pyc)$|(^|/)test_"
PR_SET_MDWE = 65


def install(root):
    """Into that folder; what is there then, relative to the prefix, and the prefix."""
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", root], check=True,
                   stdout=subprocess.DEVNULL)
    files = []
    for folder, _, names in os.walk(root):
        files += [os.path.join(folder, name) for name in names]
    prefix = next(name[:-len("bin/espgw")] for name in files if name.endswith("/bin/espgw"))
    return prefix, sorted(name[len(prefix):] for name in files)


def unit_values(path):
    """The keys of a unit, each with all its values."""
    values = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            key, equals, value = line.strip().partition("=")
            if equals and not line.startswith("#"):
                values.setdefault(key, []).append(value)
    return values


class Install(unittest.TestCase):
    @staticmethod
    def wanted():
        """WANTED, man pages where they can be made, and all documents."""
        documents = [f"share/doc/espgw/{name}" for name in os.listdir(DOC) if "." in name and name != "meson.build"]
        return WANTED + (MAN if shutil.which("scdoc") else []) + documents

    def test_files(self):
        with scratch() as root:
            prefix, files = install(root)
            self.assertTrue(prefix.startswith(root + "/"), prefix)
            self.assertEqual([name for name in self.wanted() if name not in files], [])
            self.assertEqual([name for name in files if not re.match(PLACES, name)], [])
            self.assertEqual([name for name in files if re.search(UNWANTED, name)], [])
            said = subprocess.run([f"{prefix}bin/espgw", "--version"], check=True, capture_output=True, text=True)
            self.assertRegex(said.stdout, r"^espgw [0-9.]+\n$")

    @unittest.skipIf(not shutil.which("systemd-analyze"), "systemd is not installed")
    def test_unit(self):
        """systemd understands every line; what espgw may do there is little. The programs are looked for in the root."""
        with scratch() as root:
            prefix, _ = install(root)
            with open(prefix + UNIT, encoding="utf-8") as file:
                text = file.read().replace(prefix[len(root):] + "bin/", prefix + "bin/")
            self.assertIn(f"ExecStart={prefix}bin/espgw ", text)
            with open(f"{root}/espgw.service", "w", encoding="utf-8") as file:
                file.write(text)
            said = subprocess.run(["systemd-analyze", "verify", "--man=no", f"{root}/espgw.service"], check=False,
                                  capture_output=True, text=True)
            self.assertEqual((said.returncode, said.stdout + said.stderr), (0, ""))
            said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=25",
                                   f"{root}/espgw.service"], check=False, capture_output=True, text=True)
            self.assertEqual(said.returncode, 0, said.stdout[-400:])


@unittest.skipIf(os.geteuid() != 0, "only root can start a service as another user")
class Started(GatewayTest):
    """The unit's command, as its user, with its capabilities and no others, as systemd would start it."""

    def setUp(self):
        self.namespace = f"espgw-unit-{os.getpid()}"
        self.ip("netns", "add", self.namespace)
        self.ip("-n", self.namespace, "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        for name in ("eth0", "eth1"):
            self.ip("-n", self.namespace, "link", "set", name, "up")

    def tearDown(self):
        self.ip("netns", "del", self.namespace)

    @staticmethod
    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    @staticmethod
    def as_user(unit):
        """Words that give the command the unit's user (nobody in its place) and capabilities."""
        user = NOBODY
        names = [name.lower()[len("cap_"):] for name in unit["AmbientCapabilities"][0].split()]
        capabilities = ",".join(["-all"] + ["+" + name for name in names])
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--no-new-privs",
                f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}", f"--bounding-set={capabilities}"]

    @staticmethod
    def no_new_code():
        """MemoryDenyWriteExecute=, where the kernel has it without a filter (6.3)."""
        ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0)

    def folders(self, folder):
        """Those that systemd makes, and a configuration: a port of files and one of the kernel's."""
        os.chmod(folder, 0o755)
        for name in ("run", "state"):
            os.mkdir(f"{folder}/{name}", 0o755)
            os.chown(f"{folder}/{name}", NOBODY.pw_uid, NOBODY.pw_gid)
        ports = [{"device": "net_af_packet0", "name": "wan", "role": "unprotected", "addresses": ["203.0.113.1/24"]},
                 {"device": "net_tap0", "name": "lan", "role": "protected", "addresses": ["192.168.1.1/24"]}]
        with open(f"{folder}/espgw.conf", "w", encoding="utf-8") as file:
            file.write(config_text({"ports": ports}))

    def command(self, unit, prefix, folder):
        """ExecStart= with what stands for this machine, and /etc and /usr elsewhere."""
        cpus = sorted(os.sched_getaffinity(0))
        options = {"EAL_OPTIONS": f"--lcores 0@{cpus[0]},1@{cpus[-1]} --no-huge --no-pci --vdev net_af_packet0,iface=eth0 "
                                  "--vdev net_tap0,iface=tap0",
                   "ESPGW_OPTIONS": f"-P --state {folder}/state --ctl {folder}/run/espgw.sock"}
        line = unit["ExecStart"][0]
        for name, value in options.items():
            self.assertIn("$" + name, line)
            line = line.replace("$" + name, value)
        words = shlex.split(line.replace("/etc/espgw/", f"{folder}/"))
        return [prefix + "bin/espgw"] + words[1:]

    @contextlib.contextmanager
    def started(self, folder):
        prefix, _ = install(f"{folder}/root")
        unit = unit_values(prefix + UNIT)
        self.folders(folder)
        manager = Manager(f"{folder}/notify")
        os.chmod(manager.path, 0o666)
        with open(f"{folder}/log", "w+", encoding="utf-8") as log:
            command = ["ip", "netns", "exec", self.namespace] + self.as_user(unit) + self.command(unit, prefix, folder)
            process = subprocess.Popen(manager.environment(float(unit["WatchdogSec"][0])) + command, stdout=log,
                                       stderr=subprocess.STDOUT, preexec_fn=self.no_new_code,
                                       env={**os.environ, "RUNTIME_DIRECTORY": f"{folder}/run"})
            try:
                yield process, manager
            finally:
                process.terminate()
                process.wait(30)
                manager.close()
                log.seek(0)
                self.result = Result(process.returncode, log.read(), {})

    def test_start(self):
        with scratch() as folder:
            with self.started(folder) as (process, manager):
                while process.poll() is None and not manager.heard("STATUS="):
                    manager.heartbeats(0.1)
                seen = threads(process.pid) if process.poll() is None else []
                answer = ask(f"{folder}/run/espgw.sock", "version") if seen else None
            self.assert_clean(self.result)
            self.assertEqual(manager.lines[:1], ["READY=1"], self.result.describe())
            self.assertIn("WATCHDOG=1", manager.lines)
            self.assertEqual(answer["id"], 1)
            self.assertEqual({thread["Uid"][0] for thread in seen}, {str(NOBODY.pw_uid)})
            self.assertEqual({thread["NoNewPrivs"][0] for thread in seen}, {"1"})


if __name__ == "__main__":
    main()
