/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DROP_H
#define DROP_H

#include <stdbool.h>

/*
 * Every way a packet can die, once: the enum, the counter's name, the telemetry key and the row in
 * doc/counters.md all come from this list. X(name, text); the text says why, for a person.
 */
#define DROP_REASONS(X)                                                                            \
	X(ethertype, "an Ethernet type that is none of IPv4, IPv6 or ARP")                         \
	X(eth_destination, "a frame for another station's MAC address")                            \
	X(vlan_unknown, "a VLAN that no port is configured for")                                   \
	X(ip_truncated, "shorter than its IP header says")                                         \
	X(ip_version, "an IP version other than that of its Ethernet type or next header")         \
	X(ip_header_length, "an IPv4 header length below 20 or beyond the packet")                 \
	X(ip_checksum, "a wrong IPv4 header checksum")                                             \
	X(ip_extensions, "IPv6 extension headers malformed or too many")                           \
	X(ip_fragment,                                                                             \
		"a fragment that cannot be one: beyond 65,535 bytes or not a multiple of 8")       \
	X(l4_truncated, "shorter than its UDP, TCP, ICMP or ESP header")                           \
	X(martian_source, "a source address that must not be on the wire here")                    \
	X(martian_destination, "a destination address that must not be forwarded")                 \
	X(ttl_expired, "TTL or hop limit used up; ICMP time exceeded was sent where allowed")      \
	X(no_route, "no route to the destination")                                                 \
	X(route_discard, "a route that says discard")                                              \
	X(tunnel_down, "a route to a tunnel that is down: fail closed")                            \
	X(tunnel_loop, "the route to a tunnel's remote address leads into the same tunnel")        \
	X(tunnel_gone, "the tunnel was deleted while the packet was under way")                    \
	X(zone, "no policy, and the zone table discards (see doc/architecture.md)")                \
	X(policy_discard, "a policy that says discard")                                            \
	X(policy_protect, "in the clear, or through another tunnel, where a policy says protect")  \
	X(plaintext_ipip, "IPIP to one of our tunnel addresses that did not come in ESP")          \
	X(selector_out, "not admitted by the tunnel's selectors, outbound")                        \
	X(selector_in, "decrypted, but not admitted by the tunnel's selectors")                    \
	X(too_big, "larger than the tunnel or the port carries; ICMP says so to the source")       \
	X(no_sa, "the tunnel has no outbound SA")                                                  \
	X(sequence_exhausted, "the SA's sequence numbers are used up: it ended (RFC 4303 3.3.3)")  \
	X(sequence_unreserved, "no sequence numbers reserved yet in the state file")               \
	X(lifetime, "the SA's hard lifetime is over")                                              \
	X(esp_unknown_spi, "ESP to us with an SPI that we do not have")                            \
	X(esp_truncated, "shorter than ESP header, IV, trailer and ICV, or not aligned")           \
	X(esp_address, "outer addresses that are not those of the SA's tunnel")                    \
	X(esp_carrier, "ESP over a carrier other than the tunnel's")                               \
	X(replay_old, "left of the replay window")                                                 \
	X(replay_seen, "already seen in the replay window")                                        \
	X(replay_late, "a copy that another packet of the same burst overtook")                    \
	X(icv, "the integrity check failed")                                                       \
	X(pad_length, "a pad length beyond the payload")                                           \
	X(pad_bytes, "padding other than 1, 2, 3, …")                                              \
	X(esp_next_header, "a next header that the SA's mode does not carry")                      \
	X(esp_dummy, "an ESP dummy packet (next header 59), discarded as it asks")                 \
	X(inner_malformed, "decrypted, but no well-formed inner packet")                           \
	X(ecn_ce, "inner Not-ECT under outer CE (RFC 6040)")                                       \
	X(crypto_failed, "the crypto device failed")                                               \
	X(crypto_full, "the crypto device's queue and the waiting room were full")                 \
	X(reassembly_timeout, "a fragment whose packet never completed")                           \
	X(reassembly_bad, "fragments that overlap, are too many, or have no room in the table")    \
	X(fragmentation, "could not be fragmented")                                                \
	X(udp_length, "a UDP length that is wrong")                                                \
	X(udp_checksum, "a wrong UDP checksum, or none over IPv6")                                 \
	X(udp_keepalive, "a NAT keepalive, swallowed as it asks (RFC 3948)")                       \
	X(udp_ike, "an IKE message: no daemon is connected")                                       \
	X(local_unhandled, "for the gateway itself, and nothing here takes it")                    \
	X(local_handled, "for the gateway itself, and dealt with (ARP, ND, echo)")                 \
	X(rate_limited, "for the gateway itself, over the rate that it answers")                   \
	X(arp_invalid, "ARP that is not valid (RFC 826)")                                          \
	X(nd_invalid, "neighbour discovery that is not valid (RFC 4861)")                          \
	X(neighbour_failed, "the next hop did not answer ARP or ND")                               \
	X(neighbour_full, "too many packets wait for the next hop's address")                      \
	X(handover_full, "the ring to the worker that owns the SA or the queue was full")          \
	X(control_full, "the ring to the control lcore was full")                                  \
	X(no_mbuf, "no mbuf was free")                                                             \
	X(tx_linear, "a chain that the port cannot send and no room to make it one buffer")        \
	X(tx_port_down, "the port's link is down")                                                 \
	X(tx_full, "the port's transmit queue was full")                                           \
	X(nested_too_deep, "tunnels inside tunnels, deeper than four")                             \
	X(shutdown, "still under way when the gateway stopped")

enum drop_reason {
#define X(name, text) DROP_##name,
	DROP_REASONS(X)
#undef X
		DROP_REASON_COUNT
};

/* Not a reason: what a check returns for a packet that goes on. */
#define DROP_NONE DROP_REASON_COUNT

/* The counter's name, "replay_seen". */
const char *drop_name(enum drop_reason reason);

/* Whether RFC 4301 4.4.1.1 and 5.2 or RFC 4303 3.3.3 to 3.4.4 call it auditable. */
bool drop_is_auditable(enum drop_reason reason);

/* Why, for a person. */
const char *drop_text(enum drop_reason reason);

#endif
