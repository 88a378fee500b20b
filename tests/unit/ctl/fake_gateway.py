# SPDX-License-Identifier: BSD-3-Clause
"""A gateway that forwards nothing: the control socket of one, for tests of espgwctl.

FakeGateway(folder) listens on folder/espgw.sock and has the methods of methods.json, with objects in dictionaries. What
a test needs to see is in `calls` (all that was asked, keys included); what it needs to happen in `refuse`, `silent`.
"""
import contextlib
import json
import os
import socket
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
NOT_FOUND, EXISTS, NOT_PERMITTED = 1, 2, 5
UNKNOWN_METHOD, WRONG_PARAMS = -32601, -32602
IDENTITY = {"sa": ("spi", "direction"), "tunnel": ("name",), "port": ("name",), "policy": ("id",),
            "route": ("prefix", "via"), "neighbour": ("address", "port")}
PLURAL = {"policy": "policies"}


class Refused(Exception):
    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.error = {"code": code, "message": message}
        if data:
            self.error["data"] = data


def start_objects():
    """What the gateway has at first: two tunnels, one of them down, with an SA each."""
    counters = {"out_packets": 1234567, "out_bytes": 987654321, "in_packets": 12, "in_bytes": 1000}
    return {
        "port": [{"name": "lan", "device": "net_pcap0", "role": "protected", "mtu": 1500,
                  "addresses": ["192.168.1.1/24", "2001:db8:1::1/64"],
                  "status": {"link": "up", "rx_packets": 10, "rx_bytes": 5004, "tx_packets": 4, "tx_bytes": 256}},
                 {"name": "wan", "device": "net_pcap1", "role": "unprotected", "mtu": 1500,
                  "addresses": ["203.0.113.1/24"],
                  "status": {"link": "down", "rx_packets": 0, "rx_bytes": 0, "tx_packets": 12, "tx_bytes": 5564}}],
        "tunnel": [{"name": "ipsec0", "local": "203.0.113.1", "remote": "203.0.113.2", "carrier": "esp", "mtu": 1400,
                    "selectors": [{"local": "192.168.1.0/24", "remote": "192.168.2.0/24"}],
                    "status": {"state": "up", "mtu": 1400, **counters}},
                   {"name": "ipsec1", "local": "2001:db8:ffff:ffff:ffff:ffff:ffff:1",
                    "remote": "2001:db8:ffff:ffff:ffff:ffff:ffff:2", "carrier": "udp", "mtu": 1350,
                    "status": {"state": "down", "mtu": 1350, **{key: 0 for key in counters}}}],
        "sa": [{"spi": 4097, "direction": "out", "tunnel": "ipsec0", "algorithm": "aes-256-gcm", "esn": False,
                "status": {"state": "live", "worker": 0, "sequence": 11, "packets": 10, "bytes": 4780}}],
        "policy": [], "route": [], "neighbour": [],
    }


class FakeGateway:
    def __init__(self, folder):
        with open(os.path.join(HERE, "methods.json"), encoding="utf-8") as methods:
            self.methods = json.load(methods)
        self.path = os.path.join(folder, "espgw.sock")
        self.calls = []
        self.refuse = {}  # method: error
        self.silent = set()  # methods that are never answered
        self.objects = start_objects()
        self.next_id = 1
        self.rounds = 0
        self.stopping = False
        self.clients = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def stop(self):
        if self.stopping:
            return
        self.stopping = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()

    def _accept(self):
        while not self.stopping:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            with client.makefile("rw", encoding="utf-8") as lines:
                for line in lines:
                    self._answer(lines, json.loads(line))
        except (OSError, ValueError):
            pass

    def _answer(self, lines, request):
        method, params = request["method"], request.get("params", {})
        self.calls.append((method, params))
        if method in self.silent:
            return
        reply = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            reply["result"] = self.call(method, params)
        except Refused as refused:
            reply["error"] = refused.error
        lines.write(json.dumps(reply) + "\n")
        lines.flush()
        if method == "events.subscribe":
            self._send_events(lines, reply["result"]["kinds"])

    @staticmethod
    def _send_events(lines, kinds):
        for seq in range(6):
            event = {"kind": kinds[seq % len(kinds)], "seq": seq, "time": f"2026-11-21T21:40:0{seq}.000Z",
                     "tunnel": "ipsec0", "state": "down"}
            lines.write(json.dumps({"jsonrpc": "2.0", "method": "event", "params": event}) + "\n")
        lines.flush()

    def call(self, method, params):
        if method in self.refuse:
            raise self.refuse[method]
        if not any(known["name"] == method for known in self.methods["methods"]):
            raise Refused(UNKNOWN_METHOD, f"there is no method \"{method}\"")
        noun, _, verb = method.partition(".")
        special = getattr(self, "call_" + method.replace(".", "_"), None)
        if special:
            return special(params)
        return getattr(self, "object_" + verb)(noun, params)

    # ---- one object

    def find(self, noun, params):
        keys = [key for key in IDENTITY[noun] if key in params]
        for item in self.objects[noun]:
            if all(item.get(key) == params[key] for key in keys):
                return item
        raise Refused(NOT_FOUND, f"there is no {noun} {' '.join(str(params[key]) for key in keys)}",
                      {"field": IDENTITY[noun][0]})

    def object_add(self, noun, params):
        item = {key: value for key, value in params.items() if key != "key"}
        if noun == "policy":
            item["id"], self.next_id = self.next_id, self.next_id + 1
        for there in self.objects[noun]:
            if all(there.get(key) == item.get(key) for key in IDENTITY[noun]):
                raise Refused(EXISTS, f"{noun} exists already")
        self.objects[noun].append(item)
        return {"id": item["id"]} if noun == "policy" else {}

    def object_update(self, noun, params):
        self.find(noun, params).update(params)
        return {}

    def object_delete(self, noun, params):
        self.objects[noun].remove(self.find(noun, params))
        return {}

    def object_get(self, noun, params):
        return self.find(noun, params)

    def object_list(self, noun, params):
        items, limit, after = self.objects[noun], params.get("limit", 100), params.get("after", 0)
        end = after + limit
        return {PLURAL.get(noun, noun + "s"): items[after:end], "next": end if end < len(items) else None}

    # ---- the others

    def call_version(self, _):
        return {"version": "0.1.0", "dpdk": "DPDK 22.11"}

    def call_rpc_methods(self, _):
        return self.methods

    def call_shutdown(self, _):
        return {}

    def call_sa_flush(self, _):
        count = len(self.objects["sa"])
        self.objects["sa"] = []
        return {"deleted": count}

    def call_spi_allocate(self, _):
        return {"spi": 8193}

    def call_route_get(self, params):
        return {"address": params["address"], "table": 0, "ways": [{"type": "tunnel", "tunnel": "ipsec0"}]}

    def call_worker_list(self, _):
        self.rounds += 1
        return {"workers": [{"worker": 0, "lcore": 1, "status": {"polls": 1000 * self.rounds, "idle_polls": 10}}],
                "next": None}

    def call_stats_get(self, params):
        status = self.objects["tunnel"][0]["status"]
        status["out_packets"] += 1000
        status["out_bytes"] += 1000000
        drops = [{"reason": "zone", "packets": 3 + self.rounds, "text": "no policy"},
                 {"reason": "replay_seen", "packets": 1, "text": "seen before"}]
        if params.get("what") == "drops":
            return {"drops": drops, "seconds": 1.5}
        return {"ports": [{"name": "lan", "rx_packets": 10}], "workers": [], "drops": drops, "seconds": 1.5,
                "tunnels": {"out_packets": status["out_packets"], "count": 2}}

    def call_config_diff(self, params):
        if not params["path"].startswith("/"):
            raise Refused(WRONG_PARAMS, "path: not absolute", {"field": "path"})
        return {"restart": ["ports[1] (wan): role"], "differences": [
            {"action": "add", "kind": "route", "object": {"prefix": "10.0.0.0/8", "via": "ipsec0"}},
            {"action": "change", "kind": "tunnel", "object": {"name": "ipsec0", "mtu": 1300},
             "keys": {"mtu": {"from": 1400, "to": 1300}, "ttl": {"from": None, "to": 9}}}]}

    def call_events_subscribe(self, params):
        return {"kinds": params.get("kinds", ["tunnel", "expire"])}

    def call_batch(self, params):
        before = json.dumps(self.objects)
        results = []
        for i, one in enumerate(params["calls"]):
            try:
                results.append(self.call(one["method"], one.get("params", {})))
            except Refused as refused:
                self.objects = json.loads(before)
                refused.error.setdefault("data", {})["call"] = i
                raise
        return {"results": results}
