/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where peers are: an authentic envelope over UDP came from elsewhere than its tunnel says (RFC
 * 3948), and a tunnel's remote end was changed. Nothing moves by itself: the tunnel is changed by
 * who speaks IKE with the peer.
 */

#include "gateway_objects.h"
#include "internal.h"
#include "ip.h"

static struct gateway_place
remote_of(const struct tunnel_config *c)
{
	return (struct gateway_place){c->remote, c->carrier == TUNNEL_UDP ? c->remote_port : 0};
}

static bool
place_equal(const struct gateway_place *a, const struct gateway_place *b)
{
	return ip_addr_equal(&a->addr, &b->addr) && a->port == b->port;
}

bool
gateway_tunnel_mapping(const struct gateway *g, const struct tunnel *t, struct gateway_event *event)
{
	const struct gateway_mapping *mapping = &g->by_tunnel[t->index].mapping;
	const struct gateway_sa *s;
	bool ambiguous;

	if (!mapping->place.addr.family)
		return false;
	s = gateway_sa_find(g, SA_IN, mapping->spi, t->index, &ambiguous);
	*event = (struct gateway_event){.kind = EVENT_mapping,
		.tunnel = t,
		.sa = s ? s->sa : NULL,
		.from = remote_of(&t->config),
		.to = mapping->place};
	return true;
}

/* Each worker tells of its SAs: the first one is enough. */
static void
mapping_seen(struct gateway *g, const struct tunnel *t, const struct gateway_mapping *seen)
{
	const struct gateway_place remote = remote_of(&t->config);
	struct gateway_mapping *mapping = &g->by_tunnel[t->index].mapping;
	char text[IP_ADDR_STRLEN];
	struct gateway_event event;

	/* the tunnel has moved meanwhile */
	if (place_equal(&seen->place, &remote) || place_equal(&seen->place, &mapping->place))
		return;
	*mapping = *seen;
	log_notice(tunnel, "%s: envelopes come from %s port %u", t->config.name,
		ip_addr_format(&seen->place.addr, text), seen->place.port);
	gateway_tunnel_mapping(g, t, &event);
	gateway_tell(g, &event);
}

void
mapping_notice(struct gateway *g, struct rte_mbuf *m)
{
	const struct pkt *p = pkt(m);
	const struct tunnel *t = tunnel_get(g->tables.tunnels, p->tunnel, p->tunnel_generation);
	const struct gateway_mapping seen = {.place = {ip_src(m), rte_be_to_cpu_16(p->src_port_be)},
		.spi = rte_be_to_cpu_32(p->sa_spi_be)};

	if (t)
		mapping_seen(g, t, &seen);
	rte_pktmbuf_free(m);
}

void
peer_moved(struct gateway *g, const struct tunnel *old, const struct tunnel *new)
{
	const struct gateway_place from = remote_of(&old->config), to = remote_of(&new->config);

	if (place_equal(&from, &to))
		return;
	g->by_tunnel[new->index].mapping = (struct gateway_mapping){0};
	gateway_tell(g,
		&(struct gateway_event){.kind = EVENT_peer, .tunnel = new, .from = from, .to = to});
}
