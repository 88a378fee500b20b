#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tools/live-picture: what it takes from samples, and that its picture shows all of it. That a run works is seen when
it is drawn."""
import importlib.machinery
import importlib.util
import json
import os
import re
import tempfile
import unittest
import xml.etree.ElementTree as ET

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
SVG = "{http://www.w3.org/2000/svg}"


def load_tool():
    loader = importlib.machinery.SourceFileLoader("live_picture", os.path.join(TOP, "tools/live-picture"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("live_picture", loader))
    loader.exec_module(module)
    return module


live = load_tool()


def data_of(**series):
    return {"times": [0, 1, 2, 4], "series": {name.replace("__", "{a=\"") + "\"}": values
                                              for name, values in series.items()}}


class Samples(unittest.TestCase):
    def test_rates(self):
        rows = (([0, 10, 30, 50], [10, 20, 10], "a counter over seconds of its own"),
                ([None, None, 5, 9], [0, 5, 2], "what appears has counted from 0"),
                ([7, 9, None, None], [2, 0, 0], "what is gone"),
                ([7, 9, 3, 5], [2, 0, 1], "what began anew"))
        for values, right, why in rows:
            self.assertEqual(live.rates({"times": [0, 1, 2, 4], "series": {"n": values}}, "n"), right, why)
        self.assertEqual(live.rates({"times": [0, 1, 2, 4], "series": {}}, "n"), [])

    def test_what_is_kept(self):
        kept, still, other = "espgw_tunnel_up{t=\"x\"}", "espgw_tunnel_up{t=\"y\"}", "espgw_up"
        samples = [{kept: 1, still: 1, other: 1}, {kept: 0, still: 1, other: 0}, {still: 1}]
        self.assertEqual(live.series_of(samples), {kept: [1, 0, None]})

    def test_by_label(self):
        data = data_of(m__x=[0, 1, 2, 2], m__y=[0, 0, 0, 4])
        self.assertEqual(live.by_label(data, "m", "a", 10), {"x": [10, 10, 0], "y": [0, 0, 20]})

    def test_axis(self):
        for most in (0.3, 1, 7, 32, 99, 140, 5000):
            step = live.tick_of(most)
            self.assertLessEqual(most / step, 5, most)
            self.assertGreaterEqual(most / step, 1, most)

    def test_far_beyond(self):
        """One second in which the CPU was another's does not hide the others."""
        self.assertEqual(live.most_of({"a": [3, 4, 5]}, True), 5)
        self.assertEqual(live.most_of({"a": [4, 4, 4000]}, True), 4000)
        self.assertEqual(live.most_of({"a": [4, 4, 4000]}, True, cut=True), 4 * live.FAR_BEYOND)
        self.assertEqual(live.most_of({"a": [0, 0]}, True), 1)
        self.assertEqual(live.most_of({}, True), 1)


class Picture(unittest.TestCase):
    """Of the run that is in doc/."""

    @classmethod
    def setUpClass(cls):
        with open(os.path.join(TOP, "doc/live.json"), encoding="utf-8") as file:
            cls.data = json.load(file)

    def test_is_what_the_samples_say(self):
        with open(os.path.join(TOP, "doc/live.svg"), encoding="utf-8") as file:
            self.assertEqual(file.read(), live.svg(self.data))

    def test_all_is_on_it(self):
        root = ET.fromstring(live.svg(self.data))
        words = [node.text for node in root.iter(SVG + "text")]
        for _, mark in self.data["marks"]:
            self.assertIn(mark, words)
        for title, _, series, _, _ in live.panels(self.data):
            self.assertIn(title, words)
            self.assertLessEqual(set(live.worth_showing(series)), set(words))
        width, height = float(root.get("width")), float(root.get("height"))
        for path in root.iter(SVG + "path"):
            for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path.get("d")):
                self.assertTrue(0 <= float(x) <= width and 0 <= float(y) <= height, path.get("d"))

    def test_the_run_shows_what_it_should(self):
        """Both SAs in turn, the drops that were provoked, a tunnel that was down."""
        shown = {title: live.worth_showing(series) for title, _, series, _, _ in live.panels(self.data)}
        self.assertEqual(set(shown["received"]), {"lan", "busy", "stray"})
        self.assertEqual(set(shown["through SAs"]), {"0x00001001", "0x00001002"})
        self.assertLessEqual({"tunnel_down", "policy_discard", "ttl_expired"}, set(shown["dropped"]))
        self.assertIn(0, shown["tunnel"]["ipsec0 is up"])
        self.assertLessEqual({"receive", "input", "crypto", "transmit"}, set(shown["cycles a packet, by stage"]))

    def test_command(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/again.svg"
            self.assertEqual(live.main(["--from", os.path.join(TOP, "doc/live.json"), "--svg", path]), 0)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), live.svg(self.data))


if __name__ == "__main__":
    unittest.main()
