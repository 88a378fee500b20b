/* SPDX-License-Identifier: BSD-3-Clause */
#include "icmp.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include <rte_ip.h>

#include "ip.h"
#include "parse.h"

enum {
	ICMP_HEADER = 8,
	V4_MESSAGE_MAX = 576,  /* RFC 1812 4.3.2.3 */
	V6_MESSAGE_MAX = 1280, /* RFC 4443 2.4(c) */
	V4_MTU_MIN = 68,
	V6_MTU_MIN = 1280,
	OUR_TTL = 64,
	ND_REDIRECT_TYPE = ND_REDIRECT,
	/* RFC 1812 4.3.2.5: errors of a router have the precedence of internetwork control. */
	V4_ERROR_TOS = 0xc0,
};

struct type_code {
	uint8_t type, code;
};

static const struct {
	struct type_code v4, v6;
} errors[] = {
	[ICMP_ERR_TIME_EXCEEDED] = {{ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS},
		{ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT}},
	[ICMP_ERR_NET_UNREACHABLE] = {{ICMP_UNREACH, ICMP_UNREACH_NET},
		{ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE}},
	[ICMP_ERR_HOST_UNREACHABLE] = {{ICMP_UNREACH, ICMP_UNREACH_HOST},
		{ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR}},
	[ICMP_ERR_ADMIN_PROHIBITED] = {{ICMP_UNREACH, ICMP_UNREACH_FILTER_PROHIB},
		{ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN}},
	[ICMP_ERR_TOO_BIG] = {{ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG}, {ICMP6_PACKET_TOO_BIG, 0}},
};

void
icmp_error_request(struct rte_mbuf *m, enum icmp_error error, uint32_t mtu)
{
	struct pkt *p = pkt(m);
	struct type_code what = p->family == 4 ? errors[error].v4 : errors[error].v6;

	p->task = TASK_ICMP_ERROR;
	p->icmp_type = what.type;
	p->icmp_code = what.code;
	p->argument = mtu;
}

/* A source that is no single host of the network cannot be answered. */
static bool
is_one_host(const struct ip_addr *addr)
{
	static const struct ip_addr loopback_v6 = {.family = 6, .bytes = {[15] = 1}};

	if (ip_addr_is_unspecified(addr) || ip_addr_is_multicast(addr))
		return false;
	if (addr->family == 6)
		return !ip_addr_equal(addr, &loopback_v6);
	return addr->bytes[0] != 0 && addr->bytes[0] != 127 && addr->bytes[0] < 0xf0;
}

static bool
is_group(const struct ip_addr *addr)
{
	return ip_addr_is_multicast(addr) ||
	       (addr->family == 4 && ip_addr_to_v4(addr) == UINT32_MAX);
}

static bool
is_to_many(const struct rte_mbuf *m)
{
	struct ip_addr dst = ip_dst(m);

	return pkt_const(m)->flags & PKT_ETH_MULTICAST || is_group(&dst);
}

bool
icmp_is_error(const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	uint8_t type = rte_be_to_cpu_16(p->src_port_be) >> 8;

	if (p->flags & PKT_LATER_FRAGMENT)
		return false;
	if (p->family == 6 && p->proto == IPPROTO_ICMPV6)
		return !(type & ICMP6_INFOMSG_MASK) || type == ND_REDIRECT_TYPE;
	if (p->family == 4 && p->proto == IPPROTO_ICMP)
		return type == ICMP_UNREACH || type == ICMP_SOURCEQUENCH || type == ICMP_REDIRECT ||
		       type == ICMP_TIMXCEED || type == ICMP_PARAMPROB;
	return false;
}

bool
icmp_error_allowed(const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	struct ip_addr src = ip_src(m);
	bool to_many_allowed = p->family == 6 && p->task == TASK_ICMP_ERROR &&
			       (p->icmp_type == ICMP6_PACKET_TOO_BIG ||
				       (p->icmp_type == ICMP6_PARAM_PROB &&
					       p->icmp_code == ICMP6_PARAMPROB_OPTION));

	if (p->flags & PKT_LATER_FRAGMENT || icmp_is_error(m) || !is_one_host(&src))
		return false;
	return to_many_allowed || !is_to_many(m);
}

/* The second word of the message: the MTU of the two "too big" ones, else 0. */
static uint32_t
error_argument(const struct pkt *p)
{
	if (p->family == 6)
		return p->icmp_type == ICMP6_PACKET_TOO_BIG ? RTE_MAX(p->argument, V6_MTU_MIN) : 0;
	if (p->icmp_type == ICMP_UNREACH && p->icmp_code == ICMP_UNREACH_NEEDFRAG)
		return RTE_MIN(RTE_MAX(p->argument, V4_MTU_MIN), UINT16_MAX);
	return 0;
}

/* The IP header of an ICMP message of `length` bytes in all. */
static void
write_ip_header(uint8_t *at, const struct ip_addr *src, const struct ip_addr *dst, uint16_t length)
{
	if (src->family == 4) {
		/* Never above the smallest MTU that all must take, so DF costs nothing and
		 * spares the ID (RFC 6864). */
		struct rte_ipv4_hdr ip = {
			.version_ihl = RTE_IPV4_VHL_DEF,
			.type_of_service = V4_ERROR_TOS,
			.total_length = rte_cpu_to_be_16(length),
			.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
			.time_to_live = OUR_TTL,
			.next_proto_id = IPPROTO_ICMP,
		};

		memcpy(&ip.src_addr, src->bytes, 4);
		memcpy(&ip.dst_addr, dst->bytes, 4);
		ip.hdr_checksum = rte_ipv4_cksum(&ip);
		memcpy(at, &ip, sizeof(ip));
	} else {
		struct rte_ipv6_hdr ip = {
			.vtc_flow = rte_cpu_to_be_32(6u << 28),
			.payload_len = rte_cpu_to_be_16(length - sizeof(ip)),
			.proto = IPPROTO_ICMPV6,
			.hop_limits = OUR_TTL,
		};

		memcpy(ip.src_addr, src->bytes, 16);
		memcpy(ip.dst_addr, dst->bytes, 16);
		memcpy(at, &ip, sizeof(ip));
	}
}

/* m's checksum field is at offset 2 of the ICMP header, which is contiguous. */
static void
write_checksum(struct rte_mbuf *m)
{
	uint8_t *field = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt(m)->l4_offset + 2);
	uint16_t checksum;

	memset(field, 0, sizeof(checksum));
	checksum = ip_l4_checksum(m);
	memcpy(field, &checksum, sizeof(checksum));
}

struct rte_mbuf *
icmp_error_create(const struct rte_mbuf *m, const struct ip_addr *source, struct rte_mempool *pool)
{
	const struct pkt *p = pkt_const(m);
	struct ip_addr destination = ip_src(m);
	uint16_t ip_header =
		p->family == 4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
	uint16_t headers = ip_header + ICMP_HEADER;
	uint32_t quoted = RTE_MIN(
		m->pkt_len, (uint32_t)(p->family == 4 ? V4_MESSAGE_MAX : V6_MESSAGE_MAX) - headers);
	rte_be32_t argument = rte_cpu_to_be_32(error_argument(p));
	struct rte_mbuf *error = source->family == p->family ? rte_pktmbuf_alloc(pool) : NULL;
	const void *quote;
	uint8_t *data;

	if (!error)
		return NULL;
	quoted = RTE_MIN(quoted, (uint32_t)rte_pktmbuf_tailroom(error) - headers);
	data = (uint8_t *)rte_pktmbuf_append(error, headers + quoted);
	write_ip_header(data, source, &destination, headers + quoted);
	memset(data + ip_header, 0, ICMP_HEADER);
	data[ip_header] = p->icmp_type;
	data[ip_header + 1] = p->icmp_code;
	memcpy(data + ip_header + 4, &argument, sizeof(argument));
	quote = rte_pktmbuf_read(m, 0, quoted, data + headers);
	if (quote != data + headers)
		memcpy(data + headers, quote, quoted);

	*pkt(error) = (struct pkt){.zone = ZONE_SELF, .table = p->table, .port = p->port};
	if (parse_ip(error) != DROP_NONE) {
		rte_pktmbuf_free(error);
		return NULL;
	}
	write_checksum(error);
	return error;
}

static bool
is_echo_request(const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	const uint8_t *icmp;

	if (p->proto != (p->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) || p->flags & PKT_FRAGMENT)
		return false;
	icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_offset);
	return icmp[0] == (p->family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST) && icmp[1] == 0 &&
	       ip_l4_checksum(m) == 0;
}

/* Back to the sender, from source. */
static void
turn_round(struct rte_mbuf *m, const struct ip_addr *source)
{
	struct ip_addr to = ip_src(m);

	if (to.family == 4) {
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);

		memcpy(&ip->src_addr, source->bytes, 4);
		memcpy(&ip->dst_addr, to.bytes, 4);
		ip->time_to_live = OUR_TTL;
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *);

		memcpy(ip->src_addr, source->bytes, 16);
		memcpy(ip->dst_addr, to.bytes, 16);
		ip->hop_limits = OUR_TTL;
	}
}

bool
icmp_echo_reply(struct rte_mbuf *m, const struct ip_addr *source)
{
	struct ip_addr asked = ip_dst(m);

	if (!is_echo_request(m))
		return false;
	turn_round(m, is_group(&asked) ? source : &asked);
	*rte_pktmbuf_mtod_offset(m, uint8_t *, pkt(m)->l4_offset) =
		pkt(m)->family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	write_checksum(m);
	return parse_ip(m) == DROP_NONE;
}

bool
icmp_is_echo_request(const struct rte_mbuf *m)
{
	const struct pkt *p = pkt_const(m);
	uint8_t type = (uint8_t)(rte_be_to_cpu_16(p->src_port_be) >> 8);

	if (p->flags & PKT_LATER_FRAGMENT)
		return false;
	return p->family == 4 ? p->proto == IPPROTO_ICMP && type == ICMP_ECHO
			      : p->proto == IPPROTO_ICMPV6 && type == ICMP6_ECHO_REQUEST;
}
