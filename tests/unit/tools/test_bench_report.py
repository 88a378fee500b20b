#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What tools/bench makes of canned runs: ratios, targets, table, Markdown, JSON, SVG, and pages with markers."""
import json
import os
import sys
import unittest
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "tools"))
# pylint: disable=wrong-import-position
import bench_report as report  # noqa: E402

# Contender and its rate in each round; the machine is half as fast in the second round.
OUT = {"espgw cryptodev": (11, 5, 10), "espgw ipsec-mb": (12, 6.2, 12.5), "secgw cpu": (8, 4, 8),
       "secgw lookaside": (7, 3.5, 7), "floor": (14, 7, 14), "floor cryptodev": (12.5, 6.25, 12.5)}
WORKERS = {"floor": (14, 14), "two floors": (27.16, 27.16), "1 worker": (10, 10), "2 workers, 2 tunnels": (19, 19)}


def runs_of(row, rates):
    return [{"row": row, "contender": name, "round": turn, "mpps": mpps, "mpps_wall": mpps, "packets": 1, "cpu_share": 1.0,
             "start_s": 0.5, "heap_mb": 100.0, "resident_mb": 10.0}
            for name, values in rates.items() for turn, mpps in enumerate(values)]


def canned():
    data = {
        "format": report.FORMAT, "date": "2026-01-01", "options": {"rounds": 3, "seconds": 1},
        "machine": {"cpu": "A <fast> & good CPU", "cpus": 2, "flags": ["aes"], "governor": "none visible",
                    "isolated": "none", "kernel": "6.1", "espgw": "0.1.0", "commit": "abc", "dpdk": "22.11",
                    "ipsec_mb": "1.3", "gcc": "12"},
        "rows": [{"name": "out-64", "title": "out, 64 B", "group": "out",
                  "wanted": {"cryptodev": (1.20, 0.71), "ipsec-mb": (1.60, 0.84)}},
                 {"name": "workers", "title": "two workers", "group": "workers", "wanted": {}},
                 {"name": "many", "title": "10,000 tunnels", "group": "many", "wanted": {"cryptodev": (4.0, None)}}],
        "runs": runs_of("out-64", OUT) + runs_of("workers", WORKERS) +
                runs_of("many", {"espgw cryptodev": (8,), "espgw cryptodev, 100,000 SAs": (7.9,), "secgw cpu": (2.1,)}),
        "skipped": [{"row": "all", "contender": "espgw inline", "why": "espgw has no such engine"}],
        "latency": {"espgw cryptodev": {"mpps": 3.0, "p50_us": 2.5, "p99_us": 9.0, "p999_us": 20.0, "probes": 1000,
                                        "lost": 1}},
        "profile": {"espgw cryptodev, out": {"ns": 100.0, "symbols": [
            {"symbol": "aes_gcm", "where": "libIPSec_MB", "share": 40.0, "ns": 40.0}]}},
    }
    return json.loads(json.dumps(data))  # as --from reads it


def line(data, row, contender):
    return next(found for found in report.summarise(data) if (found["row"], found["contender"]) == (row, contender))


class Ratios(unittest.TestCase):
    def test_median_of_ratios_of_rounds(self):
        ours = line(canned(), "out-64", "espgw cryptodev")
        self.assertEqual(ours["mpps"], 10)
        self.assertEqual((ours["lowest"], ours["highest"]), (5, 11))
        self.assertAlmostEqual(ours["vs_secgw"], 1.25)
        self.assertAlmostEqual(ours["vs_floor"], 10 / 14)
        self.assertAlmostEqual(ours["vs_bare_cryptodev"], 0.8)

    def test_the_better_mode_of_the_rival(self):
        data = canned()
        for run in data["runs"]:
            if run["contender"] == "secgw lookaside":
                run["mpps"] *= 2
        self.assertAlmostEqual(line(data, "out-64", "espgw cryptodev")["vs_secgw"], 10 / 14)

    def test_a_round_that_only_one_has_does_not_count(self):
        data = canned()
        data["runs"] = [run for run in data["runs"] if (run["contender"], run["round"]) != ("floor", 0)]
        self.assertAlmostEqual(line(data, "out-64", "espgw cryptodev")["vs_floor"], 10 / 14)

    def test_rival_missing(self):
        data = canned()
        data["runs"] = [run for run in data["runs"] if not run["contender"].startswith("secgw")]
        self.assertIsNone(line(data, "out-64", "espgw cryptodev")["vs_secgw"])
        self.assertIn("1.20, 0.71: no", report.table(data))

    def test_two_workers_as_part_of_two_floors(self):
        two = line(canned(), "workers", "2 workers, 2 tunnels")
        self.assertAlmostEqual(two["vs_one"], 1.9)
        self.assertAlmostEqual(two["vs_two_floors"], 1.9 / 1.94)
        self.assertAlmostEqual(line(canned(), "workers", "two floors")["vs_one"], 1.94)


class Pages(unittest.TestCase):
    def test_table_says_what_is_wanted_and_met(self):
        text = report.table(canned())
        self.assertRegex(text, r"espgw cryptodev +10\.00 +5\.00–11\.00 +1\.25 +0\.71 +0\.80 +1\.20, 0\.71: yes")
        self.assertRegex(text, r"espgw ipsec-mb .* 1\.60, 0\.84: no")
        self.assertRegex(text, r"espgw cryptodev +8\.00 .* 4\.00, –: no")
        self.assertRegex(text, r"espgw cryptodev, 100,000 SAs +7\.90 .* 4\.00, –: no")
        self.assertIn("1.90 × one, 0.98 of two floors", text)
        self.assertIn("skipped: all, espgw inline: espgw has no such engine", text)

    def test_a_busy_machine_is_named(self):
        data = canned()
        self.assertNotIn("busy", report.table(data))
        for run in data["runs"]:
            run["cpu_share"] = 0.8
        data["runs"][0]["cpu_share"] = 0.5
        for text in (report.table(data), report.markdown(data)):
            self.assertIn("80% of their CPU (median), 50% at the lowest", text)

    def test_table_of_nothing(self):
        data = canned()
        data.update(rows=[], runs=[], skipped=[], latency={}, profile={})
        self.assertIn("contender", report.table(data))

    def test_markdown_rows_are_of_one_width(self):
        text = report.markdown(canned())
        for block in text.split("\n\n"):
            widths = {row.count("|") for row in block.splitlines() if row.startswith("|")}
            self.assertLessEqual(len(widths), 1, block)
        for part in ("| `aes_gcm` | libIPSec_MB | 40.0 | 40 % |", "p99.9 µs", "MB of huge pages in use", "1 of 1000"):
            self.assertIn(part, text)

    def test_page_with_markers(self):
        page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
        once = report.between_markers(page, "new")
        self.assertEqual(once, f"before\n{report.BEGIN}\n\nnew\n{report.END}\nafter\n")
        self.assertEqual(report.between_markers(once, "new"), once)
        with self.assertRaises(report.WrongFile):
            report.between_markers("no markers here\n", "new")

    def test_svg_is_a_picture_of_all_bars(self):
        data = canned()
        root = ET.fromstring(report.svg(data))
        names = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
        for row in data["rows"]:
            self.assertIn(row["title"], names)
        bars = list(root.iter("{http://www.w3.org/2000/svg}rect"))[1:]
        self.assertEqual(len(bars), len(report.summarise(data)))
        self.assertLessEqual(max(float(bar.get("x")) + float(bar.get("width")) for bar in bars), float(root.get("width")))

    def test_foreign_json(self):
        for wrong in ([], {}, {"format": report.FORMAT + 1}):
            with self.assertRaises(report.WrongFile):
                report.check(wrong)


if __name__ == "__main__":
    unittest.main()
