#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""espgw as a service: what it tells the manager that started it, and when it does not."""
import contextlib
import ctypes
import os
import time
import unittest

import scene
from control import Control
from gateway import LIMIT_SECONDS, Gateway, GatewayTest, Running, main, pcap_write, scratch
from manager import NOBODY, Manager, ask, threads

OUT = scene.Side(0x1001, "out")
HEARTBEAT = "WATCHDOG=1"
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


@contextlib.contextmanager
def held(thread):
    """That thread, and no other one of its process, does not run meanwhile."""
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, 0x40000000)  # __WALL
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, thread)


def worker_thread(pid):
    """The thread of EAL's first worker lcore."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="utf-8") as file:
            if file.read().strip() in ("lcore-worker-1", "rte-worker-1"):
                return int(thread)
    raise AssertionError("there is no worker thread")


class Notify(GatewayTest):
    @contextlib.contextmanager
    def service(self, path=None, watchdog=None, config=None):
        """A running gateway and its manager."""
        with scratch() as folder:
            manager = Manager(path or f"{folder}/notify")
            for name in ("lan", "wan"):
                pcap_write(f"{folder}/{name}.rx.pcap", [])
            gateway = Gateway(config or scene.config(sas=[OUT.config()]), idle_ms=0)
            running = Running(gateway, folder, ["lan", "wan"], None, prefix=manager.environment(watchdog))
            try:
                yield running, manager
            finally:
                self.result = running.stop()
                manager.listen()
                manager.close()

    def test_life(self):
        """Ready once it forwards; how it goes; stopping, and nothing after that."""
        for path in (None, f"@espgw-manager-{os.getpid()}"):
            with self.subTest(path=path):
                with self.service(path) as (running, manager):
                    self.assertTrue(running.wait_for(lambda: manager.heard("STATUS=")))
                    self.assertEqual(manager.lines, ["READY=1", "STATUS=forwarding; 1 of 1 tunnels are up"])
                self.assert_clean(self.result)
                self.assertEqual(manager.lines[2:], ["STOPPING=1", "STATUS=stopping"])

    def test_tunnel_down(self):
        with self.service(config=scene.config(sas=[])) as (running, manager):
            self.assertTrue(running.wait_for(lambda: manager.heard("STATUS=forwarding; 0 of 1 tunnels are up")))

    def test_wrong_configuration(self):
        """What does not come up is never ready."""
        with self.service(config=scene.config(sas=[OUT.config(tunnel="none")])) as (running, manager):
            running.wait_for(lambda: False)
        self.assertEqual(self.result.status, 2, self.result.describe())
        self.assertEqual(manager.lines, [])

    def test_nobody_listens(self):
        """A manager that is not there is said, and no reason not to run."""
        with scratch() as folder:
            for name in ("lan", "wan"):
                pcap_write(f"{folder}/{name}.rx.pcap", [])
            running = Running(Gateway(scene.config(sas=[OUT.config()]), idle_ms=500), folder, ["lan", "wan"], None,
                              prefix=["env", f"NOTIFY_SOCKET={folder}/nobody"])
            running.process.wait(60)
            result = running.stop()
        self.assert_clean(result)
        self.assertIn("nobody: No such file or directory; the service manager will hear nothing", result.text)

    def test_heartbeat(self):
        """Four in each interval while idle workers sleep; none while a worker hangs; again when it goes on. On a busy machine
        one may be late, and the next one seems early."""
        with self.service(watchdog=4) as (running, manager):
            self.assertTrue(running.wait_for(lambda: manager.heard("READY=1")))
            self.check_heartbeats(running, manager)
            with held(worker_thread(running.process.pid)):
                self.assertTrue(running.wait_for(lambda: manager.heard("STATUS=worker 0 on lcore 1 makes no progress")))
                self.assertEqual(manager.heartbeats(2), 0)
            again = "STATUS=forwarding; 1 of 1 tunnels are up"
            self.assertTrue(running.wait_for(lambda: manager.listen().count(again) == 2))
            self.check_heartbeats(running, manager)
        self.assert_clean(self.result)
        self.assertRegex(self.result.text, "worker 0 on lcore 1 has made no turn for [0-9]+ ms")


    def check_heartbeats(self, running, manager):
        """One a second: five of them, with at least one ordinary interval."""
        count = manager.listen().count(HEARTBEAT)
        self.assertTrue(running.wait_for(lambda: manager.listen().count(HEARTBEAT) >= count + 5))
        times = [at for line, at in zip(manager.lines, manager.times) if line == HEARTBEAT][count:count + 5]
        self.assertGreater(times[-1] - times[0], 2.5)
        self.assertLess(min(after - before for before, after in zip(times, times[1:])), 1.5)

    def test_idle_is_who_has_looked(self):
        """--exit-on-idle: there are always packets, and a worker that has no CPU has not looked for them."""
        with scratch() as folder:
            pcap_write(f"{folder}/lan.rx.pcap", [scene.from_host(scene.udp(scene.HOST[4], scene.FAR[4]))])
            vdevs = [f"net_pcap0,rx_pcap={folder}/lan.rx.pcap,infinite_rx=1", "net_null0,no-rx=1"]
            ports = [scene.ports()[0], {**scene.ports()[1], "device": "net_null0"}]
            whole = scene.config(ports=ports, sas=[OUT.config()])
            with Running(Gateway(whole, idle_ms=500), folder, ["lan", "wan"], vdevs) as running:
                with Control(f"{folder}/ctl") as client:
                    self.assertTrue(running.wait_for(lambda: client.call("stats.get", what="ports")["ports"][0]["rx_packets"]))
                    with held(worker_thread(running.process.pid)):
                        time.sleep(1.5)
                        # else it would serve no more, but wait for the worker to stop
                        self.assertIn("version", client.call("version"))
                self.assert_clean(running.stop())


class Confined(GatewayTest):
    """--user and --seccomp."""

    def run_with(self, args, folder, look=lambda said: None):
        for name in ("lan", "wan"):
            pcap_write(f"{folder}/{name}.rx.pcap", [])
        manager = Manager(f"{folder}/notify")
        running = Running(Gateway(scene.config(sas=[OUT.config()]), args=args, idle_ms=0), folder, ["lan", "wan"],
                          None, prefix=manager.environment())
        try:
            if running.wait_for(lambda: manager.heard("READY=1")):
                look(threads(running.process.pid))
        finally:
            result = running.stop()
            manager.close()
            os.unlink(manager.path)
        return result

    def test_system_calls(self):
        """All threads, and by default; see tests/unit/service for which calls."""
        built = os.environ.get("ESPGW_SECCOMP") == "1"
        for args, mode in (([], "2" if built else "0"), (["--seccomp", "off"], "0"), (["--seccomp", "log"], "2"),
                           (["--seccomp", "on"], "2")):
            if mode == "2" and not built:
                continue
            with self.subTest(args=args), scratch() as folder:
                seen = []
                result = self.run_with(args, folder, seen.extend)
                self.assert_clean(result)
                self.assertGreater(len(seen), 3)
                self.assertEqual({thread["Seccomp"][0] for thread in seen}, {mode})

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user")
    def test_user(self):
        """No thread has anything of root's; state and socket are there for the next run as well."""
        seen = []

        def look(said):
            seen.extend(said)
            self.assertEqual(os.stat(f"{folder}/run/ctl").st_uid, NOBODY.pw_uid)
            self.assertEqual(ask(f"{folder}/run/ctl", "version")["id"], 1)

        with scratch() as folder:
            os.chmod(folder, 0o755)
            for _ in range(2):
                result = self.run_with(["--user", "nobody", "--ctl", f"{folder}/run/ctl"], folder, look)
                self.assert_clean(result)
                self.assertIn("runs as nobody", result.text)
                self.assertEqual(os.stat(f"{folder}/state").st_uid, NOBODY.pw_uid)
                self.assertEqual(os.listdir(f"{folder}/run"), [])
        self.assertGreater(len(seen), 6)
        for thread in seen:
            self.assertEqual(thread["Uid"], [str(NOBODY.pw_uid)] * 4)
            self.assertEqual(thread["Gid"], [str(NOBODY.pw_gid)] * 4)
            self.assertNotIn("0", thread["Groups"])
            for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(thread[kind][0], 16), 0, kind)

    def test_refused(self):
        rows = [(["--seccomp", "maybe"], '"maybe" is none of on, log, off')]
        if os.geteuid() == 0:
            rows += [(["--user", "root"], "root is root"), (["--user", "no-such"], 'there is no user "no-such"')]
        for args, message in rows:
            with self.subTest(args=args), scratch() as folder:
                result = self.run_with(args, folder)
                self.assertEqual(result.status, 2, result.describe())
                self.assertIn(message, result.text)


if __name__ == "__main__":
    main()
