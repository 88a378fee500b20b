# SPDX-License-Identifier: BSD-3-Clause
"""The scene of the system tests: a protected port `lan`, an unprotected port `wan`, tunnels between them, and what
scapy makes of the same keys.

    lan host 192.168.1.10 -- lan [espgw] wan -- peer 203.0.113.2 (gateway of 192.168.2.0/24)
    the same for IPv6: 2001:db8:1::10 -- -- 2001:db8:f::2 (2001:db8:2::/64)
"""
import copy
import hashlib
import random
import struct

from scapy.compat import raw
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from gateway import port_mac

LAN, WAN = 0, 1
OUR_ADDRESS = {LAN: {4: "192.168.1.1", 6: "2001:db8:1::1"}, WAN: {4: "203.0.113.1", 6: "2001:db8:f::1"}}
HOST = {4: "192.168.1.10", 6: "2001:db8:1::10"}
HOST_MAC = "02:00:00:00:01:10"
PEER = {4: "203.0.113.2", 6: "2001:db8:f::2"}
PEER_MAC = "02:00:00:00:0f:02"
FAR = {4: "192.168.2.20", 6: "2001:db8:2::20"}
FAR_NET = {4: "192.168.2.0/24", 6: "2001:db8:2::/64"}
NEAR_NET = {4: "192.168.1.0/24", 6: "2001:db8:1::/64"}
KEY_BYTES = {"aes-128-gcm": 16, "aes-192-gcm": 24, "aes-256-gcm": 32}
FAMILIES = (4, 6)
# A table costs a start the time to fill its pages; a test that needs the default sizes says {}.
LIMITS = {"sas": 512, "tunnels": 256, "routes4": 1024, "routes6": 1024, "neighbours": 512}


def key_for(name, algorithm="aes-256-gcm"):
    """Key and salt, different for every name, the same in every run."""
    return hashlib.sha512(name.encode()).digest()[:KEY_BYTES[algorithm] + 4]


# ---------------------------------------------------------------- configuration


def ports(**more):
    """lan and wan. more: keys for both, such as mtu."""
    return [
        {"device": "net_pcap0", "name": "lan", "role": "protected",
         "addresses": ["192.168.1.1/24", "2001:db8:1::1/64"], **more},
        {"device": "net_pcap1", "name": "wan", "role": "unprotected",
         "addresses": ["203.0.113.1/24", "2001:db8:f::1/64"], **more},
    ]


def neighbour(address, mac, port):
    return {"address": address, "mac": mac, "port": port}


def neighbours():
    return [neighbour(HOST[f], HOST_MAC, "lan") for f in FAMILIES] + [
        neighbour(PEER[f], PEER_MAC, "wan") for f in FAMILIES]


def tunnel(name="ipsec0", family=4, **more):
    """A tunnel from our wan address to the peer's."""
    return {"name": name, "local": OUR_ADDRESS[WAN][family], "remote": PEER[family], **more}


def routes(via="ipsec0"):
    return [{"prefix": FAR_NET[f], "via": via} for f in FAMILIES]


def config(tunnels=None, sas=(), more_routes=None, policies=(), **top):
    """The whole scene. Without arguments: one tunnel over IPv4, no SA."""
    whole = {"unsafe_static_keys": True, "limits": dict(LIMITS), "ports": ports(), "neighbours": neighbours(),
             "tunnels": [tunnel()] if tunnels is None else tunnels,
             "routes": routes() if more_routes is None else more_routes}
    if sas:
        whole["sas"] = list(sas)
    if policies:
        whole["policies"] = list(policies)
    whole.update(top)
    return {key: value for key, value in whole.items() if value != []}


# ---------------------------------------------------------------- the other side, by scapy


class Side:
    """One SA and the outer header that goes with it, seen by scapy: what the gateway at the other end would do."""

    def __init__(self, spi, direction, name="ipsec0", algorithm="aes-256-gcm", esn=False, family=4, udp=None,
                 src=None, dst=None, key=None):
        self.spi, self.direction, self.name, self.algorithm = spi, direction, name, algorithm
        self.esn, self.family, self.udp = esn, family, udp
        self.key = key or key_for(f"{name} {spi} {direction}", algorithm)
        ends = (OUR_ADDRESS[WAN][family], PEER[family])
        self.src, self.dst = (src, dst) if src else (ends if direction == "out" else ends[::-1])

    def config(self, **more):
        """The entry for `sas`."""
        return {"spi": self.spi, "direction": self.direction, "tunnel": self.name, "algorithm": self.algorithm,
                "key": self.key.hex(), "esn": self.esn, **more}

    def header(self, tos=0, ttl=64, df=True, ip_id=0):
        if self.family == 4:
            return IP(src=self.src, dst=self.dst, tos=tos, ttl=ttl, flags="DF" if df else 0, id=ip_id)
        return IPv6(src=self.src, dst=self.dst, tc=tos, hlim=ttl)

    def _association(self, tunnel_header=None):
        return SecurityAssociation(ESP, spi=self.spi, crypt_algo="AES-GCM", crypt_key=self.key,
                                   tunnel_header=tunnel_header)

    def seal(self, inner, seq, transport=False, iv=None, **outer):
        """The envelope with extended sequence number seq. transport: made as IIPtran, transport mode over IPIP."""
        header = self.header(**outer)
        low, high = seq & 0xFFFFFFFF, seq >> 32
        iv = struct.pack(">Q", seq) if iv is None else iv
        inner = inner if not isinstance(inner, bytes) else (IP if inner[0] >> 4 == 4 else IPv6)(inner)
        association = self._association(None if transport else header)
        # scapy takes 0 for "not given".
        association.seq_num, association.esn_en, association.esn = low, self.esn, high
        packet = header / inner if transport else inner
        return self.carried(raw(association.encrypt(packet, iv=iv)[ESP]), **outer)

    def seal_bytes(self, plaintext, seq, icv=None, **outer):
        """An envelope around any plaintext: payload, padding, pad length and next header are the caller's."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        low, high = seq & 0xFFFFFFFF, seq >> 32
        iv = struct.pack(">Q", seq)
        aad = struct.pack(">III", self.spi, high, low) if self.esn else struct.pack(">II", self.spi, low)
        sealed = AESGCM(self.key[:-4]).encrypt(self.key[-4:] + iv, plaintext, aad)
        if icv is not None:
            sealed = sealed[:-16] + icv
        return self.carried(raw(ESP(spi=self.spi, seq=low, data=iv + sealed)), **outer)

    def carried(self, esp, **outer):
        """ESP as it travels: behind the outer header, over UDP where the tunnel says so."""
        header = self.header(**outer)
        if self.udp:
            sport, dport = self.udp if self.direction == "out" else self.udp[::-1]
            checksum = {"chksum": 0} if self.family == 4 else {}
            packet = header / UDP(sport=sport, dport=dport, **checksum) / Raw(esp)
        else:
            header.fields["proto" if self.family == 4 else "nh"] = 50
            packet = header / Raw(esp)
        return header.__class__(raw(packet))

    def esp_of(self, packet):
        """The ESP packet inside an IP packet, as bytes."""
        header = 20 if packet[0] >> 4 == 4 else 40
        return packet[header + (8 if self.udp else 0):]

    def seq_of(self, packet, high=0):
        return high << 32 | struct.unpack_from(">I", self.esp_of(packet), 4)[0]

    def open(self, packet, high=0):
        """The inner packet that scapy decrypts, as bytes. packet: bytes. Raises when the ICV is wrong."""
        plain = self.header() / ESP(self.esp_of(packet))
        association = self._association(self.header())
        association.esn_en, association.esn = self.esn, high
        return raw(association.decrypt(copy.deepcopy(plain)))


# ---------------------------------------------------------------- raw packets


def payload_of(size, seed=0):
    return random.Random(seed).randbytes(size)


def udp(src, dst, size=64, sport=1000, dport=2000, seed=0, **ip):
    """A UDP packet of `size` bytes at the IP level. ip: tos/ttl/df by those names, for both families."""
    return wrap(src, dst, lambda room: UDP(sport=sport, dport=dport) / Raw(payload_of(room - 8, seed)), size, **ip)


def tcp(src, dst, size=64, sport=1000, dport=2000, seed=0, **ip):
    return wrap(src, dst, lambda room: TCP(sport=sport, dport=dport, flags="A", seq=1, ack=1)
                / Raw(payload_of(max(room - 20, 0), seed)), size, **ip)


def echo(src, dst, size=64, seed=0, ident=7, **ip):
    request = ICMP(type=8, id=ident, seq=seed & 0xFFFF) if ":" not in src else ICMPv6EchoRequest(
        id=ident, seq=seed & 0xFFFF)
    return wrap(src, dst, lambda room: request / Raw(payload_of(room - 8, seed)), size, **ip)


def wrap(src, dst, body, size, tos=0, ttl=64, df=False, **more):
    """IP around body(room), built to bytes and taken apart again, so that every field has its value."""
    if ":" in src:
        header = IPv6(src=src, dst=dst, tc=tos, hlim=ttl, **more)
        return IPv6(raw(header / body(max(size - 40, 8))))
    header = IP(src=src, dst=dst, tos=tos, ttl=ttl, flags="DF" if df else 0, **more)
    return IP(raw(header / body(max(size - 20, 8))))


def forwarded(packet, by=1):
    """What a router makes of a packet: TTL or hop limit less, the checksum right."""
    packet = packet.__class__(raw(packet))
    if packet.version == 4:
        packet.ttl -= by
        del packet.chksum
    else:
        packet.hlim -= by
    return packet.__class__(raw(packet))


def tos_of(packet):
    return packet.tos if packet.version == 4 else packet.tc


def has_df(packet):
    return packet.version == 6 or bool(packet.flags & 2)


def from_host(packet, src=HOST_MAC, dst=None):
    """A frame from the lan host to our lan port."""
    return Ether(src=src, dst=dst or port_mac(LAN)) / packet


def from_peer(packet, src=PEER_MAC, dst=None):
    return Ether(src=src, dst=dst or port_mac(WAN)) / packet
