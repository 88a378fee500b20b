#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What rpc.methods says that a method takes is what it takes, and what doc/control.md says: each parameter is read, none
else is, and what is required is asked for. Methods that come later are held to it without a word here."""
import json
import os
import re

import control
import gateway
import scene

HERE = os.path.dirname(os.path.abspath(__file__))
PARAMS = -32602
# No parameter is of this type.
NONSENSE = [[]]
# Words of the document that stand for parameters: page, an SA, a filter, …
PROSE = {"page": {"limit", "after"}}


def fields(error):
    """The parameters that an error is about."""
    return {item.get("field") for item in error.data.get("errors", [error.data])} - {None}


class Methods(gateway.GatewayTest):

    def setUp(self):
        folder = self.enterContext(gateway.scratch())
        for port in ("lan", "wan"):
            gateway.pcap_write(f"{folder}/{port}.rx.pcap", [])
        running = gateway.Running(gateway.Gateway(scene.config(), idle_ms=0), folder, ["lan", "wan"], None)
        self.enterContext(running)
        self.client = self.enterContext(control.Control(f"{folder}/ctl"))
        self.methods = {method["name"]: method for method in self.client.call("rpc.methods")["methods"]}

    def refused(self, method, params):
        """The error, which is about parameters."""
        with self.assertRaises(control.Refused, msg=f"{method} {params}") as caught:
            self.client.call(method, **params)
        self.assertEqual(caught.exception.code, PARAMS, f"{method} {params}: {caught.exception}")
        return caught.exception

    def named(self, method):
        """A value for each parameter that names an object: those are looked up before the others are read."""
        values = {"name": "ipsec0", "id": self.policy, "spi": 0x2001, "direction": "in"}
        if method["name"].startswith("port."):
            values["name"] = "lan"
        return {param["name"]: values[param["name"]] for param in method["params"]
                if param["required"] and param["name"] in values}

    def make_objects(self):
        self.policy = self.client.call("policy.add", priority=1, action="bypass", protocol="icmp")["id"]
        self.client.call("sa.add", **scene.Side(0x2001, "in").config())

    def test_kinds_of_events(self):
        """Those that can be named are those that there are."""
        for method in ("events.subscribe", "events.unsubscribe"):
            self.assertEqual(self.methods[method]["params"][0]["words"], self.client.call("events.subscribe")["kinds"])

    def test_each_is_read(self):
        """A value of a wrong type is refused, by name."""
        self.make_objects()
        for name, method in self.methods.items():
            for param in method["params"]:
                if name == "batch":
                    continue
                names = self.named(method) if name.endswith(".update") else {}
                error = self.refused(name, {**names, param["name"]: NONSENSE})
                self.assertIn(param["name"], {field.split("[")[0] for field in fields(error)},
                              f"{name} {param['name']}: {error} {error.data}")

    def test_nothing_else_is(self):
        """Not even by a method without parameters, nor beside those that name an object."""
        self.make_objects()
        for name, method in self.methods.items():
            names = self.named(method) if name.endswith(".update") else {}
            error = self.refused(name, {**names, "shoe_size": 43})
            self.assertIn("shoe_size", str(error) + str(error.data), name)

    def test_required(self):
        """Without parameters a method asks for those that it says are required, and for no other."""
        for name, method in self.methods.items():
            required = {param["name"] for param in method["params"] if param["required"]}
            if required and name != "batch":
                self.assertEqual(fields(self.refused(name, {})), required, name)
            elif name not in ("shutdown", "batch") and not name.startswith("events."):
                self.client.call(name)

    def test_record(self):
        """What the tests of espgwctl go by is what a gateway says. ESPGW_RECORD=1 writes it anew."""
        path = os.path.join(HERE, "../unit/ctl/methods.json")
        now = json.dumps(self.client.call("rpc.methods"), indent=2, ensure_ascii=False) + "\n"
        if os.environ.get("ESPGW_RECORD"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(now)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), now, "write it anew with ESPGW_RECORD=1")

    def test_document(self):
        """Where it names the parameters one by one."""
        with open(os.path.join(HERE, "../../doc/control.md"), encoding="utf-8") as file:
            section = file.read().split("## Methods")[1].split("\n## ")[0]
        for name, words in re.findall(r"^\| `([a-z_.]+)` \| [^|]* \| ([^|]*) \|", section, re.M):
            params = {param["name"]: param["required"] for param in self.methods[name]["params"]}
            said = {word: not mark for word, mark in re.findall(r"`([a-z_]+)`(\?)?", words)}
            rest = re.sub(r"`[a-z_]+`\??(: [a-z, ]+(?=;|$))?", "", words)
            for word, meant in PROSE.items():
                if word in rest:
                    said.update(dict.fromkeys(meant, False))
                    rest = rest.replace(word, "")
            self.assertLessEqual(said.items(), params.items(), name)
            if not re.search(r"[a-z]", rest):
                self.assertEqual(said, params, name)


if __name__ == "__main__":
    gateway.main()
