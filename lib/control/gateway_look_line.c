/* SPDX-License-Identifier: BSD-3-Clause */

/* What a record of a trace says, for a person. */

#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>

#include "gateway_look.h"
#include "internal.h"

/* A line that grows; what has no room is left out. */
struct line {
	char *text;
	size_t used;
};

static void add(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct line *l, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->text + l->used, LOOK_LINE - l->used, format, args);
	va_end(args);
	if (n > 0)
		l->used = RTE_MIN(l->used + (size_t)n, (size_t)LOOK_LINE - 1);
}

const char *
gateway_trace_tunnel(const struct gateway *g, const struct trace_record *r)
{
	const struct tunnel *t =
		r->has_tunnel ? tunnel_get(g->tables.tunnels, r->tunnel, r->tunnel_generation)
			      : NULL;

	return t ? t->config.name : "";
}

const char *
gateway_trace_port(const struct gateway *g, const struct trace_record *r)
{
	return r->port < g->tables.ports->count ? g->tables.ports->ports[r->port]->name : "";
}

static const char *
tunnel_name(const struct gateway *g, const struct trace_record *r)
{
	const char *name = gateway_trace_tunnel(g, r);

	return *name ? name : "a tunnel that is gone";
}

static const char *
address(const struct look_header *h, const uint8_t *bytes, char text[IP_ADDR_STRLEN])
{
	struct ip_addr a = {.family = h->family};

	memcpy(a.bytes, bytes, h->family == 4 ? 4 : 16);
	return ip_addr_format(&a, text);
}

static void
add_protocol(struct line *l, const struct look_header *h)
{
	switch (h->proto) {
	case IPPROTO_UDP:
		add(l, " UDP %u > %u", h->src_port, h->dst_port);
		break;
	case IPPROTO_TCP:
		add(l, " TCP %u > %u", h->src_port, h->dst_port);
		break;
	case IPPROTO_ICMP:
		add(l, " ICMP type %u code %u", h->icmp_type, h->icmp_code);
		break;
	case IPPROTO_ICMPV6:
		add(l, " ICMPv6 type %u code %u", h->icmp_type, h->icmp_code);
		break;
	case IPPROTO_ESP:
		break;
	default:
		add(l, " protocol %u", h->proto);
	}
	if (h->esp)
		add(l, " ESP SPI 0x%08" PRIx32 " sequence %" PRIu32, h->spi, h->sequence);
	if (h->fragment)
		add(l, h->later_fragment ? " (a later fragment)" : " (the first fragment)");
}

/* What packet it is. */
static void
add_packet(struct line *l, const struct look_header *h)
{
	char src[IP_ADDR_STRLEN], dst[IP_ADDR_STRLEN];

	if (h->family == 0) {
		add(l, ": no IP packet, %" PRIu32 " bytes", h->bytes);
		return;
	}
	add(l, ": %s > %s", address(h, h->src, src), address(h, h->dst, dst));
	add_protocol(l, h);
	add(l, ", TTL %u, %" PRIu32 " bytes", h->ttl, h->bytes);
}

static void
add_nexthop(const struct gateway *g, struct line *l, const struct trace_record *r)
{
	char via[IP_ADDR_STRLEN];

	switch (r->nexthop) {
	case NEXTHOP_NONE:
		add(l, ": there is none");
		break;
	case NEXTHOP_DISCARD:
		add(l, ": it says discard");
		break;
	case NEXTHOP_DOWN:
		add(l, ": to a tunnel that is down");
		break;
	case NEXTHOP_LOCAL:
		add(l, ": to the gateway itself");
		break;
	case NEXTHOP_CONNECTED:
		add(l, ": a host on the link of %s, its link-layer address not known",
			gateway_trace_port(g, r));
		break;
	case NEXTHOP_NEIGHBOUR:
		add(l, ": by %s to %s", gateway_trace_port(g, r), ip_addr_format(&r->via, via));
		break;
	default:
		add(l, ": into %s", tunnel_name(g, r));
	}
}

static void
add_policy(struct line *l, const struct trace_record *r)
{
	static const char *const actions[] = {
		[SPD_DISCARD] = "discard", [SPD_BYPASS] = "bypass", [SPD_PROTECT] = "protect"};

	add(l, ": %" PRIu32 ", %s", r->number,
		r->action < RTE_DIM(actions) ? actions[r->action] : "");
}

static void
add_task(struct line *l, const struct trace_record *r)
{
	static const char *const tasks[] = {
		[TASK_ARP] = "ARP",
		[TASK_LOCAL] = "for the gateway itself",
		[TASK_RESOLVE] = "the next hop's link-layer address is needed",
		[TASK_ICMP_ERROR] = "to be answered by an ICMP error",
		[TASK_SEND_FRAME] = "a finished frame",
		[TASK_SEND_IP] = "an IP packet to be routed",
		[TASK_SEND_NEXTHOP] = "an IP packet whose next hop is known",
		[TASK_ESP_OUT] = "to be protected by an SA of that worker's",
		[TASK_ESP_IN] = "an envelope of an SA of that worker's",
		[TASK_TX] = "a finished frame for a queue of that worker's",
	};

	if (r->task < RTE_DIM(tasks) && tasks[r->task])
		add(l, ", %s", tasks[r->task]);
}

static void
add_sa(const struct gateway *g, struct line *l, const struct trace_record *r)
{
	if (r->has_sa)
		add(l, ": SPI 0x%08" PRIx32 " sequence %" PRIu64, r->spi, r->sequence);
	if (r->has_tunnel)
		add(l, ", tunnel %s", tunnel_name(g, r));
}

static void
add_mac(struct line *l, const struct trace_record *r)
{
	add(l, " to %02x:%02x:%02x:%02x:%02x:%02x", r->mac[0], r->mac[1], r->mac[2], r->mac[3],
		r->mac[4], r->mac[5]);
}

/* Where it came from or goes to. */
static void
add_place(const struct gateway *g, struct line *l, const struct trace_record *r)
{
	char via[IP_ADDR_STRLEN];

	switch (r->point) {
	case TRACE_received:
		if (r->port == TRACE_NO_PORT)
			add(l, " for no port of ours");
		else
			add(l, " on %s", gateway_trace_port(g, r));
		break;
	case TRACE_sent:
	case TRACE_transmit:
		add(l, " on %s", gateway_trace_port(g, r));
		add_mac(l, r);
		break;
	case TRACE_wait:
		add(l, ": %s on %s", ip_addr_format(&r->via, via), gateway_trace_port(g, r));
		break;
	case TRACE_handover:
		add(l, ", %" PRIu32, r->number);
		add_task(l, r);
		break;
	case TRACE_protect:
		add(l, ": %s", tunnel_name(g, r));
		break;
	case TRACE_decapsulated:
		add(l, " of %s", tunnel_name(g, r));
		break;
	default:
		break;
	}
}

static void
add_details(const struct gateway *g, struct line *l, const struct trace_record *r)
{
	switch (r->point) {
	case TRACE_route:
		add_nexthop(g, l, r);
		break;
	case TRACE_policy:
		add_policy(l, r);
		break;
	case TRACE_split:
		add(l, ": %" PRIu32, r->number);
		break;
	case TRACE_own:
	case TRACE_inbox:
	case TRACE_control:
		add_task(l, r);
		break;
	case TRACE_answer:
		add(l, ": type %" PRIu32 " code %" PRIu32, r->number >> 8, r->number & 0xff);
		break;
	case TRACE_drop:
		add(l, ": %s (%s)", drop_name(r->reason), drop_text(r->reason));
		break;
	case TRACE_seal:
	case TRACE_open:
	case TRACE_engine:
	case TRACE_encrypted:
	case TRACE_verified:
		add_sa(g, l, r);
		break;
	default:
		add_place(g, l, r);
	}
}

/* As far as a line says it. */
static bool
is_same_packet(const struct look_header *a, const struct look_header *b)
{
	return a->family == b->family && a->proto == b->proto && a->ttl == b->ttl &&
	       a->bytes == b->bytes && a->src_port == b->src_port && a->dst_port == b->dst_port &&
	       a->spi == b->spi && a->sequence == b->sequence && a->fragment == b->fragment &&
	       memcmp(a->src, b->src, sizeof(a->src)) == 0 &&
	       memcmp(a->dst, b->dst, sizeof(a->dst)) == 0;
}

const char *
gateway_trace_line(const struct gateway *g, const struct trace_record *r,
	const struct trace_record *before, char line[LOOK_LINE])
{
	struct line l = {.text = line};

	if (r->worker == TRACE_CONTROL)
		add(&l, "control lcore: ");
	else
		add(&l, "worker %u: ", r->worker);
	add(&l, "%s", trace_point_text(r->point));
	add_details(g, &l, r);
	if (!before || !is_same_packet(&r->header, &before->header))
		add_packet(&l, &r->header);
	return line;
}
