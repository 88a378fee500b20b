#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What espgw says on DPDK's telemetry socket while it runs."""
import os

import rich
import scene
from gateway import GatewayTest, main

BURST = 64  # of espgw, by default
ENOUGH = 100  # turns that were measured
PAGE = 512    # ids of a list
STAGES = ("inbox", "receive", "input", "route", "decide", "protect", "open", "crypto", "complete", "output", "transmit")
COSTS = [f"up_to_{4 << place}_cycles" for place in range(15)] + ["more_cycles"]
OUTBOUND = ("receive", "input", "route", "decide", "protect", "crypto", "transmit")
DOCUMENT = os.path.join(os.path.dirname(__file__), "../../doc/telemetry.md")


def table_of(text, head):
    """{first cell: second cell} of the table below a head line; cells as they stand."""
    rows = text.split(f"\n| {head} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return dict(row.strip("| ").split(" | ", 1) for row in rows)


class Document(GatewayTest):
    """doc/telemetry.md says what a gateway that has one of everything says."""

    @classmethod
    def setUpClass(cls):
        with open(DOCUMENT, encoding="utf-8") as file:
            cls.text = file.read()

    def keys_of(self, telemetry, command):
        """Of all its objects together, or of the one reply."""
        reply = telemetry.ask(command)
        if isinstance(reply, dict):
            return set(reply)
        return set().union(*(telemetry.ask(f"{command},{number}") for number in reply))

    def check(self, telemetry):
        commands = {name for name in telemetry.ask("/") if name.startswith("/espgw/")}
        documented = table_of(self.text, "command | reply")
        self.assertEqual({name.strip("`") for name in documented}, commands)
        for command in sorted(commands):
            reply = telemetry.socket.send(f"/help,{command}".encode()) and telemetry.socket.recv(65536).decode()
            self.assertIn(documented[f"`{command}`"].replace('"', '\\"'), reply)
            section = self.text.split(f"\n### {command}\n", 1)
            if len(section) == 2 and "| key | what |" in section[1].split("\n### ", 1)[0]:
                cells = table_of(section[1], "key | what")
                keys = {key.strip("` ") for cell in cells for key in cell.split(",")}
                self.assertEqual(keys, self.keys_of(telemetry, command), command)

    def test_document(self):
        with rich.running() as (_, telemetry, _):
            self.check(telemetry)

    def test_drops(self):
        """Of the control lcore, of each worker; the sum of all."""
        with rich.running(workers=2, source=[], once=True) as (running, telemetry, _):
            total = telemetry.ask("/espgw/drops")
            parts = [telemetry.ask(f"/espgw/drops,{who}") for who in ("control", 0, 1)]
            self.assertEqual(total, {reason: sum(part[reason] for part in parts) for reason in total})
            for wrong in ("2", "x", "-1", "0x0", " 0", "control "):
                self.assertIsNone(telemetry.ask(f"/espgw/drops,{wrong}"), wrong)
            for wrong in ("from=", "from=x", "from=-1", "from=99999999999", "FROM=0", "7", "0,0"):
                self.assertIsNone(telemetry.ask(f"/espgw/tunnel,{wrong}"), wrong)
            for command in ("info", "tables", "control", "sa_summary"):
                self.assertIsNone(telemetry.ask(f"/espgw/{command},0"), command)
            for command in ("sa_ending", "sa_busiest"):
                for wrong in ("0", "65", "x"):
                    self.assertIsNone(telemetry.ask(f"/espgw/{command},{wrong}"), command)
            self.assert_clean(running.stop())


class Pages(GatewayTest):
    """More objects than a reply has room for."""

    def test_pages(self):
        n = 2 * PAGE + 76
        inbound = [scene.Side(0x3000 + i, "in").config() for i in range(n)]
        with rich.running(settings=scene.config(sas=inbound), source=[], once=True) as (running, telemetry, _):
            pages = [telemetry.ask("/espgw/sa")]
            while pages[-1]:
                pages.append(telemetry.ask(f"/espgw/sa,from={pages[-1][-1] + 1}"))
            self.assertEqual([len(page) for page in pages], [PAGE, PAGE, n - 2 * PAGE, 0])
            ids = sum(pages, [])
            self.assertEqual(ids, sorted(set(ids)))
            self.assertEqual(telemetry.ask(f"/espgw/sa,from={ids[700]}")[0], ids[700])
            spis = {int(telemetry.ask(f"/espgw/sa,{number}")["spi"], 16) for number in ids}
            self.assertEqual(spis, {0x3000 + i for i in range(n)})
            self.assertEqual(telemetry.ask("/espgw/sa_summary")["in_live"], n)
            self.assertEqual(len(telemetry.ask("/espgw/sa_busiest")), 10)
            self.assertEqual(len(telemetry.ask("/espgw/sa_ending,64")), 64)
            self.assert_clean(running.stop())


class Stages(GatewayTest):
    def check_stage(self, name, stage):
        self.assertEqual(list(stage), ["calls", "packets", "cycles", "cycles_per_packet", "burst_fill", *COSTS])
        costs = [stage[cost] for cost in COSTS]
        # the worker goes on between the reading of one number and of the next
        self.assertAlmostEqual(sum(costs), stage["packets"], delta=2 * BURST, msg=name)
        least = sum(packets * (2 << place) for place, packets in enumerate(costs) if place)
        self.assertLessEqual(least, stage["cycles"] * 1.1, name)
        if name not in OUTBOUND:
            return
        self.assertGreater(stage["calls"], 0, name)
        self.assertGreater(stage["cycles"], stage["packets"], name)
        self.assertEqual(stage["cycles_per_packet"], f"{stage['cycles'] / stage['packets']:.1f}", name)
        self.assertEqual(stage["burst_fill"], f"{stage['packets'] / stage['calls']:.1f}", name)
        self.assertAlmostEqual(stage["packets"] / stage["calls"], BURST, delta=1, msg=name)

    def check(self, telemetry):
        self.assertEqual(telemetry.ask("/espgw/stages"), [0])
        self.assertIsNone(telemetry.ask("/espgw/stages,1"))
        reply = telemetry.ask("/espgw/stages,0")
        self.assertEqual(list(reply), ["turns", "measured", "cycles_per_second", "received", *STAGES])
        self.assertIn(reply["turns"] // 64 - reply["measured"], (-1, 0))
        self.assertGreater(reply["received"]["up_to_64"], 0)
        self.assertEqual(sum(reply["received"].values()), reply["received"]["up_to_64"])
        for name in STAGES:
            self.check_stage(name, reply[name])

    def measured(self, telemetry):
        return telemetry.ask("/espgw/stages,0")["measured"]

    def test_stages(self):
        """A source without an end: each burst is full, in each stage."""
        source = [scene.from_host(scene.udp(scene.HOST[4], scene.FAR[4], seed=n)) for n in range(BURST)]
        settings = scene.config(sas=[rich.OUT.config()])
        with rich.running(source=source, settings=settings) as (running, telemetry, _):
            self.assertTrue(running.wait_for(lambda: self.measured(telemetry) >= ENOUGH))
            self.check(telemetry)
            self.assert_clean(running.stop())


if __name__ == "__main__":
    main()
