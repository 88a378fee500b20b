#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Nothing goes from one side to the other by way of what the gateway says itself: ICMP errors quote, echo replies repeat."""
import scene
from gateway import Gateway, GatewayTest, main
from scapy.compat import raw
from scapy.layers.inet import ICMP, IP, UDP, fragment
from scapy.layers.ipsec import ESP
from scapy.packet import Raw

OUT, IN = scene.Side(0x1001, "out"), scene.Side(0x2001, "in")
SECRET = b"SECRETSECRET" * 10
HOST, FAR, STRANGER = scene.HOST[4], scene.FAR[4], "8.8.8.8"
OURS = scene.OUR_ADDRESS[scene.WAN][4]
DEFAULT = [{"prefix": "0.0.0.0/0", "via": "203.0.113.2"}]
PROTECT = [{"priority": 10, "action": "protect", "tunnel": "ipsec0", "local": "192.168.1.0/24", "remote": "192.168.2.0/24"}]
INNER = {"address": "10.0.0.1", "peer_address": "10.0.0.2"}


def inner(src, dst, ttl=64, layer=None, **fields):
    return IP(src=src, dst=dst, ttl=ttl, **fields) / (layer or UDP(sport=1, dport=2)) / Raw(SECRET)


class Sides(GatewayTest):
    def run_one(self, lan=(), wan=(), tunnel=None, **config):
        """Runs the packets, and holds that no secret is in the clear on the wan."""
        config.setdefault("sas", (OUT.config(), IN.config()))
        result = Gateway(scene.config(tunnels=[scene.tunnel(**(tunnel or INNER))], **config)).run(
            {"lan": [scene.from_host(p) for p in lan], "wan": [scene.from_peer(p) for p in wan]})
        self.assert_clean(result)
        for packet in result.ip("wan"):
            self.assertNotIn(b"SECRET", raw(packet), result.describe())
        return result

    def sealed(self, *packets):
        return [IN.seal(p, n) for n, p in enumerate(packets, 1)]

    def test_error_about_a_decrypted_packet(self):
        """Policy-based: no route leads back into the tunnel, and the default route must not take the quotation."""
        result = self.run_one(wan=self.sealed(inner(FAR, HOST, ttl=1)), policies=PROTECT, more_routes=DEFAULT)
        self.assert_drops(result, {"ttl_expired": 1, "zone": 1})
        self.assertEqual(result.ip("wan"), [])

    def test_echo_from_a_tunnel(self):
        for source in (FAR, STRANGER):
            with self.subTest(source):
                result = self.run_one(wan=self.sealed(inner(source, OURS, layer=ICMP())), policies=PROTECT,
                                      more_routes=DEFAULT)
                self.assert_drops(result, {"zone": 1})
                self.assertEqual(result.ip("wan"), [])

    def test_error_about_a_foreign_source(self):
        result = self.run_one(lan=[inner(STRANGER, FAR, ttl=1), inner(STRANGER, "1.1.1.1")],
                              more_routes=scene.routes() + DEFAULT)
        self.assertEqual(result.ip("wan"), [], result.describe())

    def test_echo_from_outside_in_anothers_name(self):
        """Its reply would go to the LAN, or into the tunnel as one of ours."""
        result = self.run_one(wan=[inner(name, OURS, layer=ICMP()) for name in (HOST, FAR)])
        self.assert_drops(result, {"zone": 2})
        self.assertEqual(result.ip("lan") + result.ip("wan"), [])

    def test_errors_pass_selectors(self):
        """DESIGN.md: a tunnel's selectors always admit our ICMP errors."""
        tunnel = {**INNER, "selectors": [{"local": "192.168.1.0/24", "remote": "192.168.2.0/24"}]}
        result = self.run_one(wan=self.sealed(inner(FAR, HOST, ttl=1)), tunnel=tunnel)
        self.assert_drops(result, {"ttl_expired": 1})
        error = IP(OUT.open(result.ip("wan")[0]))
        self.assertEqual((error.src, error.dst, error[ICMP].type), ("10.0.0.1", FAR, 11))

    def test_echo_keeps_df(self):
        result = self.run_one(wan=self.sealed(inner(FAR, "192.168.1.1", layer=ICMP(), flags="DF")))
        envelope = IP(raw(result.ip("wan")[0]))
        self.assertIn(ESP, envelope)
        self.assertEqual(int(envelope.flags), int(IP(OUT.open(raw(envelope))).flags))

    def test_fragments_of_two_sides(self):
        """What came in the clear completes nothing that came through the tunnel, nor the other way round."""
        whole = IP(raw(IP(src=FAR, dst="192.168.1.1", id=77) / ICMP(id=9) / Raw(b"B" * 800)))
        parts = [IP(raw(p)) for p in fragment(whole, fragsize=400)]
        for clear in (0, len(parts) - 1):
            with self.subTest(clear=clear):
                inside = self.sealed(*(p for n, p in enumerate(parts) if n != clear))
                wan = [parts[clear], *inside] if clear == 0 else [*inside, parts[clear]]
                result = self.run_one(wan=wan)
                self.assertEqual(result.ip("wan"), [], result.describe())


if __name__ == "__main__":
    main()
