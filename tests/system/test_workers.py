#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two workers and ports without RSS: what arrives on the wrong worker is handed over, in order, and nothing is lost."""
import random

import scene
from gateway import ENGINES, Gateway, GatewayTest, main
from scapy.compat import raw

COUNT = 2000
ONE_SA = scene.Side(0x1001, "out")
ONE_IN = scene.Side(0x2001, "in")
# net_pcap has as many rx queues as rx_pcap arguments; with one queue each, the ports are polled by different workers.
LAN_ON_1_WAN_ON_2 = ["--config", "(0,0,1),(1,0,2)"]
LAN_ON_2_WAN_ON_1 = ["--config", "(0,0,2),(1,0,1)"]


def out_packets(count=COUNT):
    sizes = random.Random(3)
    return [scene.udp(scene.HOST[4 + 2 * (n % 2)], scene.FAR[4 + 2 * (n % 2)], seed=n, sport=1000 + n % 50,
                      size=sizes.randint(60, 1400)) for n in range(count)]


def in_packets(count=COUNT):
    return [scene.udp(scene.FAR[4], scene.HOST[4], seed=n, sport=1000 + n % 50, size=60 + n % 600)
            for n in range(count)]


class Workers(GatewayTest):
    def run_both(self, lan, wan, args, sas, workers=2, **parts):
        whole = scene.config(sas=sas, **parts)
        result = Gateway(whole, args=args, workers=workers).run(
            {"lan": [scene.from_host(p) for p in lan], "wan": [scene.from_peer(p) for p in wan]})
        self.assert_clean(result)
        return result

    def handed_over(self, result):
        """Of all workers."""
        return sum(int(words[words.index("handed-over") + 1]) for words in result.counters["worker"].values())

    def check_out(self, result, side, packets):
        """Sequence numbers in the order of sending, every packet once, in the order of arrival."""
        sent = [p for p in result.ip("wan") if p[9] == 50]
        self.assertEqual([side.seq_of(p) for p in sent], list(range(1, len(packets) + 1)), result.describe())
        self.assert_same_packets([side.open(p) for p in sent], [raw(scene.forwarded(p)) for p in packets])

    def test_one_sa_out(self):
        """On the owner's worker and on the other one."""
        packets = out_packets()
        crossings = []
        for args in (LAN_ON_1_WAN_ON_2, LAN_ON_2_WAN_ON_1):
            with self.subTest(args=args):
                result = self.run_both(packets, [], args, [ONE_SA.config()])
                self.assert_drops(result, {})
                self.check_out(result, ONE_SA, packets)
                crossings.append(self.handed_over(result))
        # One of the two placements puts the port on the worker that does not own the SA.
        self.assertGreaterEqual(max(crossings, default=0), COUNT, crossings)

    def test_one_sa_in(self):
        packets = in_packets()
        envelopes = [ONE_IN.seal(p, seq) for seq, p in enumerate(packets, start=1)]
        crossings = []
        for args in (LAN_ON_1_WAN_ON_2, LAN_ON_2_WAN_ON_1):
            with self.subTest(args=args):
                result = self.run_both([], envelopes, args, [ONE_IN.config()])
                self.assert_drops(result, {})
                self.assert_same_packets(result.ip("lan"), [raw(scene.forwarded(p)) for p in packets])
                crossings.append(self.handed_over(result))
        self.assertGreaterEqual(max(crossings, default=0), COUNT, crossings)

    def test_both_directions_at_once(self):
        lan, far = out_packets(), in_packets()
        envelopes = [ONE_IN.seal(p, seq) for seq, p in enumerate(far, start=1)]
        for engine in ENGINES:
            with self.subTest(engine):
                result = self.run_both(lan, envelopes, LAN_ON_1_WAN_ON_2 + ["--crypto", engine],
                                       [ONE_SA.config(), ONE_IN.config()])
                self.assert_drops(result, {})
                self.check_out(result, ONE_SA, lan)
                self.assert_same_packets(result.ip("lan"), [raw(scene.forwarded(p)) for p in far])

    def test_replay_protection_over_workers(self):
        """Every envelope twice: one copy each passes, whichever worker it came to."""
        packets = in_packets(500)
        envelopes = [ONE_IN.seal(p, seq) for seq, p in enumerate(packets, start=1) for _ in range(2)]
        result = self.run_both([], envelopes, LAN_ON_1_WAN_ON_2, [ONE_IN.config(replay_window=64)])
        self.assert_same_packets(result.ip("lan"), [raw(scene.forwarded(p)) for p in packets])
        self.assertEqual(sum(result.drops.get(n, 0) for n in ("replay_seen", "replay_late")), 500, result.describe())
        self.assertLessEqual(set(result.drops), {"replay_seen", "replay_late", "local_handled"})

    def test_an_sa_for_each_worker(self):
        """RFC 9611: each worker sends on its own SA, nothing is handed over for ESP; the peer accepts both."""
        sides = [scene.Side(0x1001 + n, "out") for n in range(2)]
        packets = out_packets(500)
        for worker, args in ((0, LAN_ON_1_WAN_ON_2), (1, LAN_ON_2_WAN_ON_1)):
            with self.subTest(worker=worker):
                result = self.run_both(packets, [], args, [side.config(worker=n) for n, side in enumerate(sides)])
                self.assert_drops(result, {})
                self.check_out(result, sides[worker], packets)
                self.assertIsNotNone(result.pair("sa", f"0x{sides[worker].spi:08x}", "out"), result.text)

    def test_ports_on_one_worker(self):
        """The other one has nothing to do, and does no harm."""
        packets = out_packets(500)
        result = self.run_both(packets, [], ["--config", "(0,0,2),(1,0,2)"], [ONE_SA.config()])
        self.assert_drops(result, {})
        self.check_out(result, ONE_SA, packets)

    def test_many_tunnels(self):
        """SAs are spread over the workers; each keeps its own order."""
        sides = [scene.Side(0x1100 + n, "out", f"t{n}", dst=f"203.0.113.{20 + n}", src="203.0.113.1") for n in range(8)]
        tunnels = [{"name": side.name, "local": side.src, "remote": side.dst} for side in sides]
        neighbours = scene.neighbours() + [scene.neighbour(side.dst, scene.PEER_MAC, "wan") for side in sides]
        routes = [{"prefix": f"10.{n}.0.0/16", "via": side.name} for n, side in enumerate(sides)]
        packets = [scene.udp(scene.HOST[4], f"10.{n % 8}.0.1", seed=n) for n in range(COUNT)]
        result = self.run_both(packets, [], LAN_ON_1_WAN_ON_2, [side.config() for side in sides], tunnels=tunnels,
                               neighbours=neighbours, more_routes=routes)
        self.assert_drops(result, {})
        for n, side in enumerate(sides):
            sent = [p for p in result.ip("wan") if int.from_bytes(p[20:24], "big") == side.spi]
            self.assertEqual([side.seq_of(p) for p in sent], list(range(1, COUNT // 8 + 1)))
            self.assert_same_packets([side.open(p) for p in sent], [raw(scene.forwarded(p)) for p in packets[n::8]])


if __name__ == "__main__":
    main()
