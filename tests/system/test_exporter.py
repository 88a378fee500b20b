#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tools/espgw-exporter beside a running gateway: the same numbers, also while it is stopped, gone and back."""
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import rich
import scene
from gateway import GatewayTest, main

EXPORTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/espgw-exporter")
PROMTOOL = shutil.which("promtool")
TIMEOUT = 3
SLOWER = float(os.environ.get("ESPGW_TEST_SLOWER", "1"))


class Exporter:
    """espgw-exporter as a process of its own."""

    def __init__(self, *arguments):
        command = [sys.executable, "-B", EXPORTER, "--listen", "127.0.0.1:0", "--timeout", str(TIMEOUT * SLOWER),
                   *arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.url = self.process.stderr.readline().split()[1]

    def page(self):
        with urllib.request.urlopen(self.url, timeout=60) as reply:
            return reply.read().decode()

    def values(self):
        return {sample: float(value) for sample, value in
                (line.rsplit(" ", 1) for line in self.page().splitlines() if not line.startswith("#"))}

    def up(self):
        return self.values()["espgw_up"]

    def whole(self):
        """On a machine that is too busy a scrape ends in time, and says that it failed."""
        for _ in range(20):
            values = self.values()
            if values["espgw_up"]:
                break
        return values

    def stop(self):
        """Exit status and what it said."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


class Live(GatewayTest):
    def same_as_summary(self, values, result):
        """Every number of the summary that the exporter has, too."""
        for port in ("lan", "wan"):
            for way, word in (("rx", "receive"), ("tx", "transmit")):
                packets, octets = result.pair("port", port, way)
                self.assertEqual(values[f'espgw_port_{word}_packets_total{{port="{port}"}}'], packets)
                self.assertEqual(values[f'espgw_port_{word}_bytes_total{{port="{port}"}}'], octets)
        for tunnel in ("ipsec0", "ipsec1"):
            for way in ("out", "in"):
                packets, octets = result.pair("tunnel", tunnel, way)
                labels = f'{{tunnel="{tunnel}",direction="{way}"}}'
                self.assertEqual(values["espgw_tunnel_packets_total" + labels], packets)
                self.assertEqual(values["espgw_tunnel_bytes_total" + labels], octets)
        for spi, words in result.counters["sa"].items():
            sample = [name for name in values if name.startswith(f'espgw_sa_packets_total{{spi="{spi}"')]
            self.assertEqual([values[name] for name in sample], [float(words[1])], spi)
        drops = {}
        for sample, value in values.items():
            found = re.match(r'espgw_dropped_packets_total\{reason="(\w+)"', sample)
            if found and value:
                drops[found[1]] = drops.get(found[1], 0) + value
        self.assertEqual(drops, result.drops)
        self.assertGreater(sum(drops.values()), 0)

    @staticmethod
    def settled(exporter):
        """Whether half a second passes in which no packet is counted."""
        seen = [{name: value for name, value in values.items() if "_packets_total" in name}
                for values in (exporter.values(), time.sleep(0.5) or exporter.values())]
        return seen[0] == seen[1]

    def test_same_as_summary(self):
        source, settings = rich.packets(), rich.config()
        # else we would ask for it each second, and the counters go on
        settings["neighbours"].append(scene.neighbour(rich.GATEWAY, scene.PEER_MAC, "wan"))
        received = 'espgw_port_receive_packets_total{port="lan"}'
        with rich.running(source=source, settings=settings, once=True, workers=2) as (running, telemetry, _):
            with Exporter("--socket", telemetry.path, "--sas") as exporter:
                self.assertTrue(running.wait_for(lambda: exporter.values()[received] == len(source)))
                # ICMP goes round by way of the control lcore: until nothing is counted any more
                self.assertTrue(running.wait_for(lambda: self.settled(exporter)))
                values, page = exporter.values(), exporter.page()
                result = running.stop()
                self.assert_clean(result)
                self.same_as_summary(values, result)
                self.assertEqual(exporter.up(), 0)
        if PROMTOOL:
            done = subprocess.run([PROMTOOL, "check", "metrics"], input=page, capture_output=True, text=True,
                                  check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_gone_and_back(self):
        """Not there, there, there no more, and another one with counters from 0."""
        with Exporter("--file-prefix", "none-of-that-name") as exporter:
            self.assertEqual(exporter.up(), 0)
            status, said = exporter.stop()
            self.assertEqual((status, said.count("no gateway")), (0, 1), said)
        path, seen = None, []
        exporter = None
        for _ in range(2):
            with rich.running(source=[], once=True) as (running, telemetry, folder):
                path = path or f"{folder}.v2"
                if os.path.lexists(path):
                    os.unlink(path)
                os.symlink(telemetry.path, path)
                exporter = exporter or Exporter("--socket", path)
                seen.append(exporter.up())
                self.assert_clean(running.stop())
                seen.append(exporter.up())
        os.unlink(path)
        status, said = exporter.stop()
        self.assertEqual(seen, [1, 0, 1, 0])
        self.assertEqual(status, 0)
        self.assertEqual(said.count("no gateway"), 2, said)

    def test_frozen(self):
        """A gateway that does not answer costs a scrape its time-out; then it answers again."""
        with rich.running() as (running, telemetry, _), Exporter("--socket", telemetry.path) as exporter:
            gateway = running.process.pid
            self.assertEqual(exporter.up(), 1)
            os.kill(gateway, signal.SIGSTOP)
            began = time.monotonic()
            frozen = exporter.up()
            took = time.monotonic() - began
            os.kill(gateway, signal.SIGCONT)
            self.assertEqual(frozen, 0)
            self.assertLess(took, (TIMEOUT + 5) * SLOWER)
            self.assertTrue(running.wait_for(lambda: exporter.up() == 1))
            self.assert_clean(running.stop())

    def test_many_scrapes_under_load(self):
        """Counters never go back, whoever reads them, and no packet is lost for it."""
        sample = 'espgw_worker_esp_packets_total{worker="0",direction="out"}'
        with rich.running() as (running, telemetry, _), Exporter("--socket", telemetry.path) as exporter:
            seen = [[] for _ in range(6)]
            threads = [threading.Thread(target=lambda values=values: values.extend(
                exporter.whole()[sample] for _ in range(10))) for values in seen]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for values in seen:
                self.assertEqual(len(values), 10)
                self.assertEqual(values, sorted(values))
            result = running.stop()
            self.assert_clean(result)
            self.assertNotIn("control_full", result.drops)


if __name__ == "__main__":
    main()
