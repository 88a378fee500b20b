/* SPDX-License-Identifier: BSD-3-Clause */
/* Each rule, a configuration that breaks it, and what is to be said: that, in that line, and
 * nothing else. */
#include "config_test.h"

/* clang-format off */
#define P1(keys) "ports = ( { device = 'd0'; name = 'lan'; role = 'protected'; " keys "} );\n"
#define P2(port) "ports = ( " WAN ",\n" port " );\n"
#define T(keys) PORTS "tunnels = (\n{ name = 'ipsec0'; " ENDS keys "} );\n"
#define TT(tunnel) PORTS "tunnels = ( " IPSEC0 ",\n" tunnel " );\n"
#define UNSAFE PORTS "unsafe_static_keys = true; tunnels = ( " IPSEC0 ", { name = 'ipsec1'; local = '203.0.113.1'; remote = '203.0.113.3'; carrier = 'udp'; } );\n"
#define S(keys) UNSAFE "sas = (\n{ " keys "} );\n"
#define OUT "spi = 0x1001; direction = 'out'; " TO0 GCM
#define IN "spi = 0x2001; direction = 'in'; " TO0 GCM
#define N(keys) PORTS "neighbours = (\n{ " keys "} );\n"
#define R(keys) PORTS "tunnels = ( " IPSEC0 " );\nroutes = (\n{ " keys "} );\n"
#define POL(keys) PORTS "tunnels = ( " IPSEC0 " );\npolicies = (\n{ priority = 10; " keys "} );\n"
#define SEL(keys) PORTS "tunnels = ( { name = 'ipsec0'; " ENDS "selectors = (\n{ " keys "} ); } );\n"
#define L0 "t:2: ports[1] (lan): "
#define T0 "t:3: tunnels[0] (ipsec0): "
#define S0 "t:4: sas[0] (spi 0x1001): "
#define SI "t:4: sas[0] (spi 0x2001): "

static const struct row {
	const char *text, *message;
} rows[] = {
	/* the text */
	{"ports = ( ", "t:1: syntax error: what stands here, or just before"},
	{PORTS "\nworker = { idle_polls = 1 idle_sleep_us 2 };", "t:3: syntax error"},
	{PORTS "ports = ( " LAN " );", "t:2: duplicate setting name"},
	{PORTS "crypto_device = 'x", "t:2: a string begins here and has no closing quote"},
	{PORTS "/* and so on", "t:2: a comment begins here and has no closing */"},
	{PORTS "@include 'other.conf'\n", "t:2: @include is for files only"},
	{PORTS "limits = { sas = 99999999999999999999; };", "t:2: a number beyond 9223372036854775807"},
	{PORTS "limits = { sas = 4294967312; };", "t:2: limits: sas: 4294967312 is not between 16 and 1048576"},
	{PORTS "limits = { sas = 0x100000010; };", "t:2: limits: sas: 0x100000010 is not between 0x10 and 0x100000"},

	/* keys and types */
	{PORTS "port = 1;", "t:2: unknown key \"port\" (did you mean \"ports\"?)"},
	{PORTS "zebra = 1;", "t:2: unknown key \"zebra\""},
	{P1("addressen = [];"), "t:1: ports[0] (lan): unknown key \"addressen\" (did you mean \"addresses\"?)"},
	{PORTS "tunnel = ();", "t:2: unknown key \"tunnel\" (did you mean \"tunnels\"?)"},
	{P1("mtu = '1500';"), "t:1: ports[0] (lan): mtu: a whole number is wanted, not a string"},
	{P1("mtu = 1500.5;"), "mtu: a whole number is wanted, not a number with a fraction"},
	{P1("mtu = true;"), "mtu: a whole number is wanted, not a boolean"},
	{P1("addresses = '192.0.2.1/24';"), "addresses: an array of strings [ \"...\", ... ] is wanted, not a string"},
	{P1("addresses = [ 1, 2 ];"), "addresses: a string is wanted, not a number"},
	{PORTS "unsafe_static_keys = 'yes';", "t:2: unsafe_static_keys: true or false is wanted, not a string"},
	{PORTS "unsafe_static_keys = 1;", "t:2: unsafe_static_keys: true or false is wanted, not a number"},
	{PORTS "tunnels = { name = 'ipsec0'; };", "t:2: tunnels: a list of groups ( { ... }, ... ) is wanted, not a group { }"},
	{PORTS "tunnels = ( 'ipsec0' );", "t:2: tunnels[0]: a group { key = value; ... } is wanted, not a string"},
	{PORTS "limits = 4;", "t:2: limits: a group { key = value; ... } is wanted, not a number"},
	{PORTS "crypto_device = '';", "t:2: crypto_device: is empty"},
	{PORTS "crypto_device = '0123456789012345678901234567890123456789012345678901234567890123';", "crypto_device: has 64 characters: 63 are the most"},

	/* limits, worker, icmp */
	{PORTS "limits = { sas = 15; };", "t:2: limits: sas: 15 is not between 16 and 1048576"},
	{PORTS "limits = { tunnels = 0; };", "tunnels: 0 is not between 1 and 65536"},
	{PORTS "limits = { routes4 = 4194305; };", "routes4: 4194305 is not between 16 and 4194304"},
	{PORTS "limits = { routes6 = -1; };", "routes6: -1 is not between 16 and 1048576"},
	{PORTS "limits = { neighbours = 1; };", "neighbours: 1 is not between 16 and 1048576"},
	{PORTS "limits = { reassembly = 65537; };", "reassembly: 65537 is not between 16 and 65536"},
	{PORTS "worker = { idle_polls = 1000000001; };", "t:2: worker: idle_polls: 1000000001 is not between 0 and 1000000000"},
	{PORTS "worker = { idle_sleep_us = 0; };", "idle_sleep_us: 0 is not between 1 and 100000"},
	{PORTS "icmp = { errors = 1000001; };", "t:2: icmp: errors: 1000001 is not between 0 and 1000000"},
	{PORTS "icmp = { echo = 1000001; };", "echo: 1000001 is not between 0 and 1000000"},

	/* ports */
	{"", "t:0: ports is missing"},
	{"\nports = ( );", "t:2: ports: is empty: a gateway has at least one port"},
	{P2("{ device = 'd0'; name = 'lan'; }"), L0 "role is missing"},
	{P2("{ name = 'lan'; role = 'protected'; }"), L0 "one of device (an ethdev's name) and id is wanted"},
	{P2("{ device = 'd0'; id = 0; name = 'lan'; role = 'protected'; }"), L0 "one of device (an ethdev's name) and id is wanted"},
	{P2("{ id = 32; name = 'lan'; role = 'protected'; }"), L0 "id: 32 is not between 0 and 31"},
	{P2("{ device = 'd0'; name = 'lan'; role = 'protectd'; }"), L0 "role: \"protectd\" is none of \"protected\", \"unprotected\", \"both\" (did you mean \"protected\"?)"},
	{P2("{ device = 'd0'; name = 'l n'; role = 'protected'; }"), "t:2: ports[1] (l n): name: \"l n\" is no name: letters, digits"},
	{P2("{ device = 'd0'; name = 'discard'; role = 'protected'; }"), "name: \"discard\" cannot be a name: in `via` it means something else"},
	{P2("{ device = 'd0'; name = '192.0.2.1'; role = 'protected'; }"), "name: \"192.0.2.1\" cannot be a name"},
	{P2("{ device = 'd0'; name = 'a12345678901234567890123456789012'; role = 'protected'; }"), "name: has 33 characters: 31 are the most"},
	{P2("{ device = 'a1234567890123456789012345678901'; role = 'protected'; }"), "t:2: ports[1]: name is missing: \"a1234567890123456789012345678901\" is too long to be the name, too"},
	{P2("{ device = 'd0'; name = 'wan'; role = 'protected'; }"), "t:2: ports[1] (wan): has the same name as ports[0] (wan) (line 1)"},
	{P2("{ device = 'net_pcap1'; name = 'lan'; role = 'protected'; }"), L0 "is the same device and VLAN as ports[0] (wan) (line 1)"},
	{"ports = ( { id = 1; vlan = 7; name = 'a'; role = 'protected'; },\n{ id = 1; vlan = 7; name = 'b'; role = 'protected'; } );", "t:2: ports[1] (b): is the same device and VLAN as ports[0] (a) (line 1)"},
	{P2("{ device = 'd0'; name = 'lan'; role = 'protected'; addresses = [ '203.0.113.1/25' ]; }"), L0 "address 203.0.113.1 is already that of ports[0] (wan) (line 1)"},
	{P2("{ device = 'd0'; name = 'lan'; role = 'protected'; addresses = [ '10.0.0.1/8', '10.0.0.1/16' ]; }"), L0 "address 10.0.0.1 is already that of ports[1] (lan) (line 2)"},
	{P1("addresses = [ '192.0.2.300/24' ];"), "addresses: \"192.0.2.300/24\" is no address with the length of its link; \"192.0.2.1/24\" or"},
	{P1("addresses = [ '192.0.2.1/33' ];"), "addresses: \"192.0.2.1/33\" is no address"},
	{P1("addresses = [ '192.0.2.0/24' ];"), "addresses: 192.0.2.0/24 is the network's or the broadcast address, not a station's"},
	{P1("addresses = [ '192.0.2.255/24' ];"), "addresses: 192.0.2.255/24 is the network's or the broadcast address"},
	{P1("addresses = [ '224.0.0.1/24' ];"), "addresses: \"224.0.0.1/24\" is no unicast address"},
	{P1("addresses = [ '2001:db8::1/0' ];"), "addresses: 2001:db8::1/0: a link of length 0 would be the whole world"},
	{P1("mtu = 575;"), "mtu: 575 is not between 576 and 9216"},
	{P1("mtu = 9217;"), "mtu: 9217 is not between 576 and 9216"},
	{P1("mtu = 1279; addresses = [ '2001:db8::1/64' ];"), "mtu: 1279 is too small for IPv6: 1280 is the least"},
	{P1("vlan = 4095;"), "vlan: 4095 is not between 1 and 4094"},
	{P1("table = 256;"), "table: 256 is not between 0 and 255"},
	{P1("protected = [ '192.0.2.0/24' ];"), "protected: is for role \"both\" only"},
	{"\nports = ( { device = 'd0'; role = 'both'; } );", "t:2: ports[0]: role \"both\" needs protected = [ ... ]"},
	{"ports = ( { device = 'd0'; role = 'both'; protected = [ '192.0.2.1/24' ]; } );", "protected: 192.0.2.1/24 has host bits set: the prefix is 192.0.2.0/24"},

	/* neighbours */
	{N("address = '203.0.113.9'; port = 'wan';"), "t:3: neighbours[0] (203.0.113.9): mac is missing"},
	{N("address = '203.0.113.9'; mac = '02:00:00:00:00:0g'; port = 'wan';"), "mac: \"02:00:00:00:00:0g\" is no MAC address; \"02:00:00:00:00:01\" would be"},
	{N("address = '203.0.113.9'; mac = '01:00:00:00:00:01'; port = 'wan';"), "mac: \"01:00:00:00:00:01\" is no station's address (multicast or zero)"},
	{N("address = '203.0.113.9'; mac = '00:00:00:00:00:00'; port = 'wan';"), "mac: \"00:00:00:00:00:00\" is no station's address (multicast or zero)"},
	{N("address = '203.0.113.9'; mac = '02:00:00:00:00:01'; port = 'wam';"), "port: no port is called \"wam\" (did you mean \"wan\"?)"},
	{N("address = '203.0.113.9'; mac = '02:00:00:00:00:01'; port = 'zzzz';"), "port: no port is called \"zzzz\" (there are: lan, wan)"},
	{N("address = '198.51.100.9'; mac = '02:00:00:00:00:01'; port = 'wan';"), "t:3: neighbours[0] (198.51.100.9): 198.51.100.9 is not on the link of port wan"},
	{N("address = '203.0.113.1'; mac = '02:00:00:00:00:01'; port = 'wan';"), "203.0.113.1 is our own address, on port wan"},
	{N("address = '203.0.113.9'; mac = '02:00:00:00:00:01'; port = 'wan'; },\n{ address = '203.0.113.9'; mac = '02:00:00:00:00:02'; port = 'wan';"), "t:4: neighbours[1] (203.0.113.9): is the same address on the same port as neighbours[0] (203.0.113.9) (line 3)"},

	/* tunnels */
	{PORTS "tunnels = (\n{ " ENDS "} );", "t:3: tunnels[0]: name is missing"},
	{TT("{ name = 'ipsec0'; " ENDS "}"), "t:3: tunnels[1] (ipsec0): has the same name as tunnels[0] (ipsec0) (line 2)"},
	{TT("{ name = 'wan'; " ENDS "}"), "t:3: tunnels[1] (wan): has the name of a port: ports[1] (wan) (line 1)"},
	{TT("{ name = 'a'; remote = '203.0.113.2'; }"), "t:3: tunnels[1] (a): local is missing"},
	{TT("{ name = 'a'; local = '203.0.113.1'; }"), "t:3: tunnels[1] (a): remote is missing"},
	{TT("{ name = 'a'; local = '203.0.113'; remote = '203.0.113.2'; }"), "local: \"203.0.113\" is no address; \"192.0.2.1\" or \"2001:db8::1\" would be"},
	{TT("{ name = 'a'; local = '203.0.113.1'; remote = '239.1.1.1'; }"), "remote: \"239.1.1.1\" is no unicast address"},
	{TT("{ name = 'a'; local = '203.0.113.1'; remote = '2001:db8:f::2'; }"), "remote: is IPv6, and local is IPv4: one family is wanted"},
	{TT("{ name = 'a'; local = '203.0.113.1'; remote = '203.0.113.1'; }"), "remote: is the same address as local"},
	{TT("{ name = 'a'; local = '2001:db8:f::1'; remote = 'fe80::1'; }"), "remote: is link-local: envelopes are routed"},
	{TT("{ name = 'a'; local = '192.168.1.1'; remote = '203.0.113.2'; }"), "t:3: tunnels[1] (a): local: 192.168.1.1 is on a protected port; the addresses of unprotected ports in outer_table 0 are 203.0.113.1 (wan), 2001:db8:f::1 (wan)"},
	{TT("{ name = 'a'; local = '203.0.113.7'; remote = '203.0.113.2'; }"), "local: 203.0.113.7 is no port's address; the addresses of unprotected ports in outer_table 0 are 203.0.113.1 (wan)"},
	{TT("{ name = 'a'; outer_table = 3; " ENDS "}"), "local: 203.0.113.1 is no port's address; the addresses of unprotected ports in outer_table 3 are none"},
	{TT("{ name = 'a'; local = '203.0.113.1'; remote = '192.168.1.1'; }"), "remote: 192.168.1.1 is our own address, on port lan"},
	{T("encapsulation = 'ipp';"), T0 "encapsulation: \"ipp\" is none of \"ipip\", \"tunnel\" (did you mean \"ipip\"?)"},
	{T("carrier = 'tcp';"), T0 "carrier: \"tcp\" is none of \"esp\", \"udp\""},
	{T("df = 'clear';"), T0 "df: \"clear\" is for encapsulation = \"tunnel\" only; \"copy\" or \"set\" would be right"},
	{T("df = 'keep';"), T0 "df: \"keep\" is none of \"copy\", \"set\", \"clear\""},
	{T("local_port = 4500;"), T0 "local_port: is for carrier = \"udp\" only"},
	{T("remote_port = 4500;"), T0 "remote_port: is for carrier = \"udp\" only"},
	{T("keepalive = 20;"), T0 "keepalive: is for carrier = \"udp\" only"},
	{T("carrier = 'udp'; local_port = 0;"), T0 "local_port: 0 is not between 1 and 65535"},
	{T("carrier = 'udp'; remote_port = 65536;"), T0 "remote_port: 65536 is not between 1 and 65535"},
	{T("carrier = 'udp'; keepalive = 3601;"), T0 "keepalive: 3601 is not between 0 and 3600"},
	{T("peer_address = '10.0.0.2';"), T0 "peer_address: needs address, our end of the link"},
	{T("peer_address6 = '2001:db8::2';"), T0 "peer_address6: needs address6, our end of the link"},
	{T("address = '10.0.0.1'; peer_address = '2001:db8::2';"), T0 "peer_address: is IPv6, and address is IPv4: one family is wanted"},
	{T("address = '10.0.0.1'; peer_address = '10.0.0.1';"), T0 "peer_address: is the same address as address"},
	{T("address6 = '10.0.0.1';"), T0 "address6: is IPv4: that is what address is for"},
	{T("address = '2001:db8::1'; address6 = '2001:db8::3';"), T0 "address6: and address are both IPv6: one of them is enough"},
	{T("mtu = 575;"), T0 "mtu: 575 is not between 576 and 9000 (0: what the port's MTU leaves)"},
	{T("mtu = 9001;"), T0 "mtu: 9001 is not between 0 and 9000"},
	{T("mtu = 1279; address6 = '2001:db8::1';"), T0 "mtu: 1279 is too small for IPv6: 1280 is the least"},
	{T("mtu = 1279; selectors = ( { local = '2001:db8:1::/48'; } );"), T0 "mtu: 1279 is too small for IPv6: 1280 is the least"},
	{T("ttl = 0;"), T0 "ttl: 0 is not between 1 and 255"},
	{T("ttl = 256;"), T0 "ttl: 256 is not between 1 and 255"},
	{T("dscp = 64;"), T0 "dscp: 64 is not between 0 and 63"},
	{T("dscp = 'set';"), T0 "dscp: \"copy\" or a number from 0 to 63 is wanted"},
	{T("ecn = 1;"), T0 "ecn: true or false is wanted, not a number"},
	{T("state = 'on';"), T0 "state: \"on\" is none of \"down\", \"up\""},
	{T("metric = 4294967296;"), T0 "metric: 4294967296 is not between 0 and 4294967295"},
	{T("table = 256;"), T0 "table: 256 is not between 0 and 255"},
	{T("outer_table = 256;"), T0 "outer_table: 256 is not between 0 and 255"},

	/* selectors */
	{SEL("local = '192.168.1.1/24';"), "t:3: tunnels[0] (ipsec0) selectors[0]: local: 192.168.1.1/24 has host bits set: the prefix is 192.168.1.0/24"},
	{SEL("local = '192.168.1.x';"), "local: \"192.168.1.x\" is no prefix and no range; \"192.0.2.0/24\" or \"192.0.2.1-192.0.2.9\" would be"},
	{SEL("local = '192.168.1.9-192.168.1.1';"), "local: \"192.168.1.9-192.168.1.1\" begins after its end"},
	{SEL("local = '192.168.1.9-2001:db8::1';"), "local: \"192.168.1.9-2001:db8::1\" mixes IPv4 and IPv6"},
	{SEL("local = '192.168.1.0/24'; remote = '2001:db8::/32';"), "remote: is IPv6, and local is IPv4: one family is wanted"},
	{SEL("protocol = 'tpc';"), "protocol: \"tpc\" is no protocol known here (did you mean \"tcp\"?): give its number"},
	{SEL("protocol = 256;"), "protocol: 256 is not between 0 and 255"},
	{SEL("local_port = 80;"), "local_port: needs protocol = \"tcp\", \"udp\" or \"sctp\""},
	{SEL("protocol = 'icmp'; remote_port = 80;"), "remote_port: needs protocol = \"tcp\", \"udp\" or \"sctp\""},
	{SEL("protocol = 'tcp'; remote_port = 65536;"), "remote_port: 65536 is not between 0 and 65535"},
	{SEL("protocol = 'tcp'; remote_port = '80-79';"), "remote_port: \"80-79\" is no range from 0 to 65535; \"8000-8080\" or a number would be"},
	{SEL("protocol = 'tcp'; remote_port = '1-65536';"), "remote_port: \"1-65536\" is no range"},
	{SEL("protocol = 'tcp'; remote_port = 'http';"), "remote_port: \"http\" is no range"},
	{SEL("icmp_type = 8;"), "icmp_type: needs protocol = \"icmp\" or \"icmp6\""},
	{SEL("protocol = 'tcp'; icmp_type = 8;"), "icmp_type: needs protocol = \"icmp\" or \"icmp6\""},
	{SEL("protocol = 'icmp'; icmp_code = 0;"), "icmp_code: needs an icmp_type"},
	{SEL("protocol = 'icmp'; icmp_type = 256;"), "icmp_type: 256 is not between 0 and 255"},
	{SEL("protocol = 'icmp'; icmp_type = '3-256';"), "icmp_type: \"3-256\" is no range from 0 to 255"},
	{SEL("protocol = 'icmp'; local = '2001:db8::/32';"), "protocol: \"icmp\" is IPv4's: \"icmp6\" goes with IPv6"},
	{SEL("protocol = 'icmp6'; remote = '192.0.2.0/24';"), "protocol: \"icmp6\" is IPv6's: \"icmp\" goes with IPv4"},

	/* SAs */
	{PORTS "tunnels = ( " IPSEC0 " );\nsas = ( { " OUT KEY256A "} );", "t:3: sas: keys in a file need unsafe_static_keys = true"},
	{S("direction = 'out'; " TO0 GCM KEY256A), "t:4: sas[0]: spi is missing"},
	{S("spi = 255; direction = 'out'; " TO0 GCM KEY256A), "t:4: sas[0] (spi 255): spi: 255 is not between 256 and 4294967295"},
	{S("spi = 0xff; direction = 'out'; " TO0 GCM KEY256A), "t:4: sas[0] (spi 0xff): spi: 0xff is not between 0x100 and 0xffffffff"},
	{S("spi = 0x100001001; direction = 'out'; " TO0 GCM KEY256A), "spi: 0x100001001 is not between 0x100 and 0xffffffff"},
	{S("spi = 0x1001; " TO0 GCM KEY256A), S0 "direction is missing"},
	{S("spi = 0x1001; direction = 'send'; " TO0 GCM KEY256A), S0 "direction: \"send\" is none of \"out\", \"in\""},
	{S("spi = 0x1001; direction = 'out'; " GCM KEY256A), S0 "tunnel is missing"},
	{S("spi = 0x1001; direction = 'out'; tunnel = 'ipsec2'; " GCM KEY256A), S0 "tunnel: no tunnel is called \"ipsec2\" (did you mean \"ipsec0\"?)"},
	{S("spi = 0x1001; direction = 'out'; " TO0 KEY256A), S0 "algorithm is missing"},
	{S("spi = 0x1001; direction = 'out'; " TO0 "algorithm = 'aes256gcm'; " KEY256A), S0 "algorithm: \"aes256gcm\" is none of aes-256-gcm, aes-192-gcm, aes-128-gcm (did you mean \"aes-256-gcm\"?)"},
	{S(OUT), S0 "key is missing"},
	{S(OUT "key = '00112233';"), S0 "key: 4 bytes, but aes-256-gcm takes 36 (72 hex digits): a key of 32 bytes, then a salt of 4"},
	{S(OUT "key = '0011223';"), S0 "key: has an odd number of hex digits: 7"},
	{S(OUT "key = '0011x233';"), S0 "key: has a character that is no hex digit, at position 5"},
	{S(OUT "key = 1234;"), S0 "key: a string is wanted, not a number"},
	{S(OUT KEY256A "replay_window = 64;"), S0 "replay_window: is for direction = \"in\" only: the receiver checks"},
	{S(IN KEY256A "replay_window = 31;"), SI "replay_window: 31 is not possible; 32 to 4096, or 0 for none"},
	{S(IN KEY256A "replay_window = 4097;"), SI "replay_window: 4097 is not between 0 and 4096"},
	{S(IN KEY256A "seq = 5;"), SI "seq: only an SA of direction \"out\" chooses its sequence numbers"},
	{S(OUT KEY256A "seq = 0;"), S0 "seq: 0 is not between 1 and 9223372036854775807"},
	{S(OUT KEY256A "seq = 0x100000000;"), S0 "seq: 4294967296 is beyond the last sequence number, 4294967295; esn = true has more"},
	{S(OUT KEY256A "worker = 64;"), S0 "worker: 64 is not between 0 and 63"},
	{S(OUT KEY256A "soft_seconds = 10; hard_seconds = 9;"), S0 "soft_seconds: 10 is not below hard_seconds (9)"},
	{S(OUT KEY256A "soft_bytes = 10000000000; hard_bytes = 9;"), S0 "soft_bytes: 10000000000 is not below hard_bytes (9)"},
	{S(OUT KEY256A "soft_packets = 10; hard_packets = 10;"), S0 "soft_packets: 10 is not below hard_packets (10)"},
	{S(OUT KEY256A "soft_packets = 0;"), S0 "soft_packets: 0 is not between 1 and 9223372036854775807"},
	{S(OUT KEY256A "source_port = 4500;"), S0 "source_port: is for tunnels of carrier = \"udp\" only"},
	{S("spi = 0x1001; direction = 'out'; tunnel = 'ipsec1'; destination_port = 4501; " GCM KEY256A), S0 "destination_port: 4501 differs from remote_port of tunnel ipsec1, 4500"},
	{S(IN KEY256A "},\n{ " IN KEY256B), "t:5: sas[1] (spi 0x2001): has the same SPI and local address as sas[0] (spi 0x2001) (line 4)"},
	{S(OUT KEY256A "},\n{ " OUT "worker = 1; " KEY256B), "t:5: sas[1] (spi 0x1001): has the same SPI and remote address as sas[0] (spi 0x1001) (line 4)"},
	{S(OUT KEY256A "},\n{ spi = 0x1002; direction = 'out'; " TO0 GCM KEY256B), "t:5: sas[1] (spi 0x1002): is a second outbound SA of its tunnel for the same worker; give each a worker of its own. The first is sas[0] (spi 0x1001) (line 4)"},
	{S(OUT KEY256A "},\n{ spi = 0x1002; direction = 'out'; tunnel = 'ipsec1'; " GCM KEY256A), "t:5: sas[1] (spi 0x1002): is outbound and has the key of another outbound SA, which repeats nonces and gives the key away: sas[0] (spi 0x1001) (line 4)"},
	{S(OUT KEY256A "},\n{ " IN KEY256A), "t:5: sas[1] (spi 0x2001): has the key of an SA of the other direction, and both ends would use the same nonces: sas[0] (spi 0x1001) (line 4)"},
	{S(OUT KEY256A "},\n{ spi = 0x2001; direction = 'in'; tunnel = 'ipsec1'; " GCM KEY256A), "t:5: sas[1] (spi 0x2001): has the key of an SA of the other direction, and both ends would use the same nonces: sas[0] (spi 0x1001) (line 4)"},

	/* routes */
	{R("via = 'ipsec0';"), "t:4: routes[0]: prefix is missing"},
	{R("prefix = '192.168.2.0/24';"), "t:4: routes[0] (192.168.2.0/24): via is missing"},
	{R("prefix = '192.168.2.1/24'; via = 'ipsec0';"), "t:4: routes[0] (192.168.2.1/24): prefix: 192.168.2.1/24 has host bits set: the prefix is 192.168.2.0/24"},
	{R("prefix = '192.168.2.0/40'; via = 'ipsec0';"), "prefix: \"192.168.2.0/40\" is no prefix; \"192.0.2.0/24\" or \"2001:db8::/32\" would be"},
	{R("prefix = '192.168.2.0/24'; via = 'ipsc0';"), "via: \"ipsc0\" is no tunnel, no port, no address and not \"discard\" (did you mean \"ipsec0\"?)"},
	{R("prefix = '192.168.2.0/24'; via = 'wann';"), "via: \"wann\" is no tunnel, no port, no address and not \"discard\" (did you mean \"wan\"?)"},
	{R("prefix = '192.168.2.0/24'; via = 'discrad';"), "not \"discard\" (did you mean \"discard\"?)"},
	{R("prefix = '0.0.0.0/0'; via = '198.51.100.1';"), "via: 198.51.100.1 is on no port's link; the links of table 0 are 192.168.1.0/24 (lan), 203.0.113.0/24 (wan)"},
	{R("table = 1; prefix = '0.0.0.0/0'; via = '203.0.113.2';"), "via: 203.0.113.2 is on no port's link; the links of table 1 are none"},
	{R("prefix = '0.0.0.0/0'; via = '203.0.113.1';"), "via: \"203.0.113.1\" is our own address, on port wan"},
	{R("prefix = '::/0'; via = '203.0.113.2';"), "via: \"203.0.113.2\" is IPv4, and the prefix is IPv6"},
	{R("prefix = '::/0'; via = 'fe80::1';"), "via: a link-local address needs its port: \"fe80::1%PORT\" would be right"},
	{R("prefix = '::/0'; via = 'fe80::1%lam';"), "via: no port is called \"lam\" (did you mean \"lan\"?)"},
	{R("prefix = '::/0'; via = 'lan%lan';"), "via: \"lan\" is no address; \"fe80::1%wan\" begins with one"},
	{R("prefix = '0.0.0.0/0'; via = '224.0.0.1%wan';"), "via: \"224.0.0.1%wan\" is no unicast address"},
	{R("prefix = '0.0.0.0/0'; via = 'discard'; metric = -1;"), "metric: -1 is not between 0 and 4294967295"},
	{R("prefix = '0.0.0.0/0'; via = 'discard'; table = 256;"), "table: 256 is not between 0 and 255"},
	{R("prefix = '0.0.0.0/0'; via = 'ipsec0'; },\n{ prefix = '0.0.0.0/0'; via = 'ipsec0'; metric = 3;"), "t:5: routes[1] (0.0.0.0/0): is the same route as routes[0] (0.0.0.0/0) (line 4)"},
	{"ports = ( { device = 'a'; role = 'protected'; addresses = [ '10.0.0.1/24' ]; }, { device = 'b'; role = 'protected'; addresses = [ '10.0.0.2/24' ]; } );\nroutes = ( { prefix = '0.0.0.0/0'; via = '10.0.0.3'; } );",
		"t:2: routes[0] (0.0.0.0/0): via: 10.0.0.3 is on the links of more than one port (10.0.0.0/24 (a), 10.0.0.0/24 (b)); \"10.0.0.3%a\" would name one"},

	/* policies */
	{PORTS "policies = (\n{ action = 'discard'; } );", "t:3: policies[0]: priority is missing"},
	{POL(""), "t:4: policies[0] (priority 10): action is missing"},
	{POL("action = 'allow';"), "action: \"allow\" is none of \"discard\", \"bypass\", \"protect\""},
	{POL("action = 'protect';"), "t:4: policies[0] (priority 10): action \"protect\" needs a tunnel"},
	{POL("action = 'bypass'; tunnel = 'ipsec0';"), "tunnel: is for action = \"protect\" only"},
	{POL("action = 'protect'; tunnel = 'ipsec1';"), "tunnel: no tunnel is called \"ipsec1\" (did you mean \"ipsec0\"?)"},
	{POL("action = 'bypass'; local_port = 53;"), "local_port: needs protocol = \"tcp\", \"udp\" or \"sctp\""},
	{POL("action = 'bypass'; protocol = 'udp'; icmp_type = 8;"), "icmp_type: needs protocol = \"icmp\" or \"icmp6\""},
	{POL("action = 'bypass'; local = '10.0.0.0/33';"), "local: \"10.0.0.0/33\" is no prefix and no range"},
};
/* clang-format on */

static void
test_each_rule(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct report report = {0};
		struct config *config = load_row(rows[i].text, &report);
		char line[1024] = "nothing";

		if (report.count)
			report_line(&report, 0, line, sizeof(line));
		if (config || report.count != 1 || !strstr(line, rows[i].message)) {
			report_print(&report, stderr);
			print_error("row %zu: %zu errors where one is to be: %s\n%s\n", i,
				report.count, rows[i].message, rows[i].text);
			wrong++;
		}
		report_clear(&report);
		config_free(config);
	}
	assert_int_equal(wrong, 0);
}

/* What depends on something wrong is not reported as well, the rest is. */
static void
test_all_at_once(void **state)
{
	static const char text[] = "ports = (\n" LAN ",\n"
				   "{ device = 'p1'; name = 'wan'; role = 'unprotcted'; addresses "
				   "= [ '203.0.113.1/24' ]; mtu = 1; } );\n"
				   "tunnels = (\n"
				   "{ name = 'ipsec0'; " ENDS "ttl = 0; },\n"
				   "{ name = 'ipsec1'; " ENDS "} );\n"
				   "sas = ( { " OUT KEY256A "} );\n"
				   "routes = (\n"
				   "{ prefix = '10.0.0.0/8'; via = 'ipsec0'; },\n"
				   "{ prefix = '10.0.0.0/8'; via = 'ipsec7'; },\n"
				   "{ prefix = '0.0.0.0/0'; via = '203.0.113.254'; } );\n"
				   "polices = ();\n";
	static const char *const expected[] = {"t:12: unknown key \"polices\"",
		"t:3: ports[1] (wan): role", "t:3: ports[1] (wan): mtu",
		"t:5: tunnels[0] (ipsec0): ttl", "t:7: sas: keys in a file",
		"t:10: routes[1] (10.0.0.0/8): via: \"ipsec7\""};
	struct report report = {0};
	char line[1024];

	(void)state;
	assert_null(load_row(text, &report));
	report_print(&report, stderr);
	assert_int_equal(report.count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < report.count; i++)
		assert_non_null(strstr(report_line(&report, i, line, sizeof(line)), expected[i]));
	report_clear(&report);
}

/* No message shows key material, whatever is wrong with it. */
static void
test_keys_are_not_shown(void **state)
{
	static const char *const texts[] = {S(OUT "key = 'deadbeef';"), S(OUT "key = 'deadbeefx';"),
		S(OUT "key = 'deadbee';"), S(OUT "kye = 'deadbeef';"),
		S(OUT "key = [ 'deadbeef' ];"), S(OUT "key = 'deadbeef"),
		S(OUT "key = 'deadbeef' spi")};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct report report = {0};

		assert_null(load_row(texts[i], &report));
		for (size_t j = 0; j < report.count; j++)
			assert_null(strstr(report.entries[j].text, "deadbee"));
		report_clear(&report);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_rule),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_keys_are_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
