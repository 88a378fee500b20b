/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STAGE_SITE_H
#define STAGE_SITE_H

/*
 * The site that most tests are about: protected ports lan and lan7 (a VLAN) on ring 0, unprotected
 * wan on ring 1, and a tunnel of each kind. Tunnel n: routes 192.168.2n.0/24 and 2001:db8:2n::/64,
 * outbound SPI 0x100n and KEY(cn), inbound SPI 0x200n and KEY(dn).
 */

#include "packet.h"

/* clang-format off */
#define SITE_PORTS                                                                                 \
	"unsafe_static_keys = true; limits = { routes4 = 256; routes6 = 256; sas = 64;"            \
	" tunnels = 32; reassembly = 64; neighbours = 64; };"                                      \
	"ports = ("                                                                                \
	"{ device = \"net_ring_p0\"; name = \"lan\"; role = \"protected\"; mtu = 9000;"            \
	"  addresses = [ \"192.168.1.1/24\", \"2001:db8:1::1/64\" ]; },"                           \
	"{ device = \"net_ring_p0\"; vlan = 7; name = \"lan7\"; role = \"protected\"; mtu = 9000;" \
	"  addresses = [ \"192.168.7.1/24\", \"2001:db8:7::1/64\" ]; },"                           \
	"{ device = \"net_ring_p1\"; name = \"wan\"; role = \"unprotected\"; mtu = 9000;"          \
	"  addresses = [ \"203.0.113.1/24\", \"2001:db8:f::1/64\" ]; });"

#define SITE_NEIGHBOUR(address, port)                                                              \
	"{ address = \"" address "\"; mac = \"02:00:00:00:00:02\"; port = \"" port "\"; }"

#define SITE_NEIGHBOURS \
	"neighbours = (" \
	SITE_NEIGHBOUR("192.168.1.10", "lan") "," SITE_NEIGHBOUR("2001:db8:1::10", "lan") "," \
	SITE_NEIGHBOUR("192.168.7.10", "lan7") "," SITE_NEIGHBOUR("2001:db8:7::10", "lan7") "," \
	SITE_NEIGHBOUR("203.0.113.2", "wan") "," SITE_NEIGHBOUR("2001:db8:f::2", "wan") ");"

/* Over IPv4 and IPv6. more: further keys of the tunnel. */
#define SITE_TUNNEL4(n, more)                                                                      \
	"{ name = \"ipsec" #n "\"; local = \"203.0.113.1\"; remote = \"198.51.100.1" #n            \
	"\"; " more "}"
#define SITE_TUNNEL6(n, more)                                                                      \
	"{ name = \"ipsec" #n "\"; local = \"2001:db8:f::1\"; remote = \"2001:db8:e::1" #n         \
	"\"; " more "}"

#define SITE_SA_OUT(n, more)                                                                       \
	"{ spi = 0x100" #n "; direction = \"out\"; tunnel = \"ipsec" #n                            \
	"\"; algorithm = \"aes-256-gcm\"; key = \"" KEY(c##n) "\"; " more "}"
#define SITE_SA_IN(n, more)                                                                        \
	"{ spi = 0x200" #n "; direction = \"in\"; tunnel = \"ipsec" #n                             \
	"\"; algorithm = \"aes-256-gcm\"; key = \"" KEY(d##n) "\"; " more "}"
#define SITE_SAS(n, more) SITE_SA_OUT(n, more) "," SITE_SA_IN(n, more)

#define SITE_ROUTES(n)                                                                             \
	"{ prefix = \"192.168.2" #n ".0/24\"; via = \"ipsec" #n "\"; },"                           \
	"{ prefix = \"2001:db8:2" #n "::/64\"; via = \"ipsec" #n "\"; }"
#define SITE_GATEWAYS                                                                              \
	"{ prefix = \"198.51.100.0/24\"; via = \"203.0.113.2\"; },"                                \
	"{ prefix = \"2001:db8:e::/64\"; via = \"2001:db8:f::2\"; }"

#define SITE_UDP "carrier = \"udp\"; "
#define SITE_TUNNEL_MODE "encapsulation = \"tunnel\"; "

enum { SITE_LAN, SITE_LAN7, SITE_WAN };            /* ports */
enum { SITE_RING_LAN, SITE_RING_WAN, SITE_RINGS }; /* devices */

/* A tunnel of each kind. */
enum { SITE_KINDS = 7 };
struct site_kind {
	const char *name;
	const char *local, *remote; /* outer */
	bool udp, esn;
};
static const struct site_kind site_kinds[SITE_KINDS] = {
	{"ipip over IPv4", "203.0.113.1", "198.51.100.10", false, false},
	{"ipip over IPv6", "2001:db8:f::1", "2001:db8:e::11", false, false},
	{"tunnel mode over IPv4", "203.0.113.1", "198.51.100.12", false, false},
	{"tunnel mode over IPv6", "2001:db8:f::1", "2001:db8:e::13", false, false},
	{"ipip over UDP over IPv4", "203.0.113.1", "198.51.100.14", true, false},
	{"tunnel mode over UDP over IPv6", "2001:db8:f::1", "2001:db8:e::15", true, false},
	{"ipip over IPv4, ESN", "203.0.113.1", "198.51.100.16", false, true},
};

#define SITE_TUNNELS \
	"tunnels = (" SITE_TUNNEL4(0, "") "," SITE_TUNNEL6(1, "") "," \
	SITE_TUNNEL4(2, SITE_TUNNEL_MODE) "," SITE_TUNNEL6(3, SITE_TUNNEL_MODE) "," \
	SITE_TUNNEL4(4, SITE_UDP) "," SITE_TUNNEL6(5, SITE_UDP SITE_TUNNEL_MODE) "," \
	SITE_TUNNEL4(6, "") ");"
/* in: further keys of the inbound SAs; more: further SAs, each with a comma before it */
#define SITE_KIND_SAS(n, out, in) SITE_SA_OUT(n, out) "," SITE_SA_IN(n, in)
#define SITE_ALL_SAS(in, more) \
	"sas = (" SITE_KIND_SAS(0, "", in) "," SITE_KIND_SAS(1, "", in) "," \
	SITE_KIND_SAS(2, "", in) "," SITE_KIND_SAS(3, "", in) "," SITE_KIND_SAS(4, "", in) "," \
	SITE_KIND_SAS(5, "", in) "," SITE_KIND_SAS(6, "esn = true;", "esn = true;" in) more ");"
#define SITE_ALL_ROUTES \
	"routes = (" SITE_ROUTES(0) "," SITE_ROUTES(1) "," SITE_ROUTES(2) "," SITE_ROUTES(3) "," \
	SITE_ROUTES(4) "," SITE_ROUTES(5) "," SITE_ROUTES(6) "," SITE_GATEWAYS ");"

#define SITE_BUT_SAS SITE_PORTS SITE_NEIGHBOURS SITE_TUNNELS SITE_ALL_ROUTES
#define SITE SITE_BUT_SAS SITE_ALL_SAS("", "")
/* clang-format on */

#endif
